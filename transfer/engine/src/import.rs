//! One import: whom to call, what to ask of whom, what is slow, what is a lie, what is waited for.

mod apart;
mod asking;
mod backoff;
mod budget;
mod calling;
mod clock;
mod hearing;
mod invariants;
mod learning;
mod message;
mod peer;
mod picker;
mod pieces;
mod room;
mod snapshot;
mod spare;
mod turns;
mod waiting;
mod window;

use std::collections::{BTreeMap, VecDeque};

use verifier::identity::PeerId;
use verifier::{Geometry, PieceIndex, Root, Sha256};

use crate::moment::Moment;
use crate::wire::{Frame, close};

use apart::Apart;
use backoff::Chance;
use budget::Budget;
use clock::Clock;
use learning::Learning;
use peer::{Peer as Called, Session, State};
use pieces::{Flight, Pieces};
use turns::Turns;
use waiting::Wait;

pub use message::{
    Begin, Blame, Connection, Consent, Effect, Evidence, Exhausted, Input, Limits, News, Order,
    Patience, Peer, Place, Purpose, Why,
};
pub use snapshot::{PeerSnapshot, PeerState, PieceState, Snapshot};

/// Everything that one import decides.
///
/// [`Self::input`] tells it what happened, [`Self::next`] says what is to be done until nothing is,
/// [`Self::deadline`] when it wants to hear of the time, [`Self::snapshot`] how it stands. The same
/// inputs at the same moments give the same effects.
#[derive(Debug)]
pub struct Engine {
    artifact: Sha256,
    geometry: Geometry,
    root: Root,
    patience: Patience,
    limits: Limits,
    clock: Clock,
    chance: Chance,
    effects: VecDeque<Effect>,
    peers: Vec<Called>,
    pieces: Pieces,
    budget: Budget,
    /// Bytes that consent is being spent on.
    spending: BTreeMap<Connection, u64>,
    learning: Learning,
    turns: Turns,
    apart: Apart,
    wait: Wait,
    /// Payload that came for nobody, in bytes.
    wasted: u64,
    /// Whether nothing more is to be done.
    over: bool,
}

impl Engine {
    /// Starts an import at this moment. `seed` is what would be chance: the jitter of calls and
    /// where in the artifact this importer goes on when others have what it would ask for.
    pub fn new(order: Order, seed: u64, now: Moment) -> Self {
        let mut engine = Self {
            artifact: order.artifact,
            geometry: order.geometry,
            root: order.root,
            patience: order.patience,
            limits: order.limits,
            clock: Clock::new(now),
            chance: Chance::new(seed),
            effects: VecDeque::new(),
            peers: Vec::new(),
            pieces: Pieces::new(order.geometry, &order.missing),
            budget: Budget::new(order.limits.in_flight, order.geometry.piece_size()),
            spending: BTreeMap::new(),
            learning: Learning::new(order.listed, now),
            turns: Turns::new(now),
            apart: Apart::new(order.begin, now),
            wait: Wait::new(now),
            wasted: 0,
            over: false,
        };
        engine.peers.extend(order.peers.into_iter().map(|peer| Called::new(peer, now)));
        engine.numbers().for_each(|peer| engine.call(peer));
        engine.begin();
        engine.count_left();
        engine.settle();
        engine
    }

    /// Takes in what happened. All effects of what happened before must have been taken out.
    ///
    /// `now` is no earlier than before; where it is far later than the deadline, this machine slept,
    /// and nobody is blamed for that time.
    pub fn input(&mut self, input: Input, now: Moment) {
        debug_assert!(self.effects.is_empty(), "effects are to be taken out first");
        if self.over {
            return;
        }
        let promised = self.wake();
        self.clock.pass(now, promised.map(|(due, _)| due));
        if !matches!(input, Input::Tick) {
            self.wait.changed();
        }
        self.take(input);
        if self.over {
            return;
        }
        self.look();
        self.pump();
        self.settle();
    }

    /// What is to be done next; nothing until something happens.
    #[expect(clippy::should_implement_trait, reason = "it has more to give after the next input")]
    pub fn next(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// By when [`Input::Tick`] has to be given in, and why.
    pub fn deadline(&self) -> Option<(Moment, Why)> {
        if !self.effects.is_empty() {
            return Some((self.clock.outside(self.now()), Why::Effects));
        }
        if self.over {
            return None;
        }
        self.wake().map(|(due, why)| (self.clock.outside(due.max(self.now())), why))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => {}
            Input::Connected(connection) => self.connected(connection),
            Input::NoSlot(connection) => self.no_slot(connection),
            Input::Ended(connection, ending) => {
                if self.is_current(connection) {
                    self.ended(connection.peer, ending);
                }
            }
            Input::Frame(connection, frame) => {
                if self.is_current(connection) {
                    self.frame(connection.peer, frame);
                }
            }
            Input::Received(connection, bytes) => {
                if self.is_current(connection) {
                    self.received(connection.peer, bytes);
                }
            }
            Input::Judged(connection, index, verdict) => self.judged(connection, index, verdict),
            Input::Proven(connection, verdict) => self.proven(connection, verdict),
            Input::Spent(connection, consent) => self.spent(connection, consent),
            Input::Settled(index, consent) => self.settled(index, consent),
            Input::Called(id) => self.called(id),
            Input::Denied(id) => self.denied(id),
            Input::Limits(limits) => {
                self.limits = limits;
                self.budget.set(limits.in_flight, self.geometry.piece_size());
                self.turns.stale();
                self.numbers().for_each(|peer| self.ready(peer));
            }
            Input::Stop => self.finish(),
        }
    }

    /// The piece is on the disk, or must be had from another.
    fn settled(&mut self, index: PieceIndex, consent: Consent) {
        let Some(Flight::Verified(connection)) = self.pieces.flight(index.get()) else { return };
        let length = u64::from(self.geometry.length(index));
        self.budget.unsettled = self.budget.unsettled.saturating_sub(length);
        match consent {
            Consent::Given => {
                self.pieces.kept(index.get());
                self.wait.kept(self.now());
                if let Some(peer) = self.peers.get_mut(connection.peer as usize) {
                    peer.given += length;
                }
            }
            Consent::Denied => {
                self.release(connection.peer, length);
                self.lost(index.get());
                if let Some(id) = self.peers.get(connection.peer as usize).map(|peer| peer.id) {
                    self.denied(id);
                }
            }
        }
    }

    /// The user's consent to fetch from the peer ended.
    fn denied(&mut self, id: PeerId) {
        for number in self.numbers() {
            let Some(peer) = self.peers.get_mut(number as usize) else { continue };
            let is_out = matches!(
                peer.state,
                State::Banned { .. } | State::Refused { .. } | State::Gone { .. }
            );
            if peer.id != id || is_out {
                continue;
            }
            peer.cut_off = true;
            if matches!(peer.state, State::Denied) {
                continue;
            }
            self.leave(number, crate::Ending::Denied, Some(close::DONE));
        }
    }

    /// What was in flight is missing again.
    fn lost(&mut self, index: u32) {
        if self.pieces.lost(index) {
            self.turns.wake_idle();
        }
    }

    /// Says goodbye to all.
    fn finish(&mut self) {
        self.over = true;
        for number in self.numbers() {
            let Some(peer) = self.peers.get(number as usize) else { continue };
            let connection = peer.connection(number);
            match &peer.state {
                State::Open(_) | State::Opening { .. } => {
                    self.effects.push_back(Effect::Send(connection, Frame::Close(close::DONE)));
                    self.effects.push_back(Effect::HangUp(connection));
                }
                State::Calling { .. } => self.effects.push_back(Effect::HangUp(connection)),
                _ => {}
            }
        }
    }

    /// Whether a peer is on this connection, or being called for it.
    fn is_current(&self, connection: Connection) -> bool {
        self.peers.get(connection.peer as usize).is_some_and(|peer| {
            let on = matches!(
                peer.state,
                State::Calling { .. } | State::Opening { .. } | State::Open(_)
            );
            on && peer.call == connection.call
        })
    }

    fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.peers.len()).unwrap_or(u32::MAX)
    }

    /// Whether the peer has opened the artifact.
    fn is_open(&self, peer: u32) -> bool {
        let state = self.peers.get(peer as usize).map(|peer| &peer.state);
        matches!(state, Some(State::Open(_)))
    }

    fn session(&self, peer: u32) -> Option<&Session> {
        self.peers.get(peer as usize)?.session()
    }

    fn session_mut(&mut self, peer: u32) -> Option<&mut Session> {
        self.peers.get_mut(peer as usize)?.session_mut()
    }

    fn connection(&self, peer: u32) -> Connection {
        let call = self.peers.get(peer as usize).map_or(0, |peer| peer.call);
        Connection { peer, call }
    }

    const fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Sends a frame to a connected peer.
    fn send(&mut self, peer: u32, frame: Frame) {
        let now = self.now();
        if let Some(session) = self.session_mut(peer) {
            session.said = now;
        }
        self.effects.push_back(Effect::Send(self.connection(peer), frame));
    }

    fn tell(&mut self, news: News) {
        self.effects.push_back(Effect::Tell(news));
    }
}

#[cfg(test)]
mod tests;
