//! Calling peers: the first frames, what ends a connection, and what becomes of the peer then.

use std::time::Duration;

use verifier::Bitfield;
use verifier::identity::PeerId;

use crate::ending::{Ending, Fate};
use crate::import::Engine;
use crate::import::backoff::LONGEST;
use crate::import::hearing::IN_VAIN;
use crate::import::message::{Blame, Connection, Effect, News};
use crate::import::peer::{Session, State, Turn};
use crate::wire::{FIRST_ASKS, Frame, Hello, MAX_ASKS, OLDEST, Opened, Refuse, VERSION, close};

/// After how long it is looked again whether a connection is free.
const QUEUED: Duration = Duration::from_secs(1);
/// After how long a peer that called here is called, so that its calls do not make as many here.
const SOON: Duration = Duration::from_millis(500);

impl Engine {
    /// Calls the peer.
    pub(super) fn call(&mut self, number: u32) {
        let now = self.now();
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        peer.call = peer.call.saturating_add(1);
        let why = match &mut peer.state {
            State::Waiting { why, .. } => Some(std::mem::take(why)),
            _ => None,
        };
        peer.state = State::Calling { since: now, why };
        self.effects.push_back(Effect::Call(peer.connection(number)));
        self.arm(number);
    }

    /// The peer called here, so there is somebody at its address.
    pub(super) fn called(&mut self, id: PeerId) {
        let soon = self.now() + SOON;
        for number in self.numbers() {
            let Some(peer) = self.peers.get_mut(number as usize) else { continue };
            if let State::Waiting { until, .. } = &mut peer.state
                && peer.id == id
            {
                *until = soon.min(*until);
                peer.tries = 0;
                self.arm(number);
            }
        }
    }

    /// There was no connection for the call.
    pub(super) fn no_slot(&mut self, connection: Connection) {
        let until = self.now() + QUEUED;
        if self.is_current(connection) && self.session(connection.peer).is_none() {
            if let Some(peer) = self.peers.get_mut(connection.peer as usize) {
                peer.state = State::Queued { until };
            }
            self.arm(connection.peer);
        }
    }

    /// The handshake is over: all that is to be said first goes out at once.
    pub(super) fn connected(&mut self, connection: Connection) {
        let now = self.now();
        let number = connection.peer;
        if !self.is_current(connection) {
            return;
        }
        let learns = self.learning.learner().is_none() && self.wants_list();
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        if !matches!(peer.state, State::Calling { .. }) {
            return;
        }
        let (most, piece) = (usize::from(FIRST_ASKS), self.geometry.piece_size());
        let session =
            Box::new(Session::new(most, piece, learns.then_some(0), now, self.clock.outside(now)));
        peer.state = State::Opening { since: now, asks: None, session };
        peer.connected = now;
        if peer.offered.len() == self.geometry.piece_count() {
            self.pieces.join(number, &peer.offered);
        }
        self.turns.stale();
        self.send(number, Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS }));
        self.send(number, Frame::Open(*self.artifact.as_bytes()));
        if learns {
            self.learning.learn(connection, now);
            self.send(number, Frame::Learn);
        }
        self.ready(number);
        self.arm(number);
    }

    /// A frame came before the artifact was opened.
    pub(super) fn opening(
        &mut self,
        number: u32,
        asks: Option<usize>,
        frame: Frame,
    ) -> Result<(), Ending> {
        match (asks, frame) {
            (None, Frame::Hello(hello)) => {
                if hello.version.min(VERSION) < OLDEST {
                    return Err(Ending::Version(hello.version));
                }
                let now = self.now();
                let Some(State::Opening { since, asks, session }) =
                    self.peers.get_mut(number as usize).map(|peer| &mut peer.state)
                else {
                    return Ok(());
                };
                // Nothing has to be read or computed for this answer.
                session.latency = now.since(*since);
                *asks = Some(usize::from(hello.asks.clamp(FIRST_ASKS, MAX_ASKS)));
                Ok(())
            }
            (_, Frame::Close(code)) => Err(Ending::Closed(code)),
            (Some(most), Frame::Opened(opened)) => self.opened(number, most, &opened),
            (Some(_), Frame::Refuse(Refuse { index: None, code })) => Err(Ending::Refused(code)),
            (Some(_), Frame::Ping) => Ok(()),
            (_, other) => Err(Ending::Unexpected(other.kind())),
        }
    }

    fn opened(&mut self, number: u32, most: usize, opened: &Opened) -> Result<(), Ending> {
        let now = self.now();
        if !opened.agrees(&self.geometry, &self.root) {
            return Err(Ending::Geometry);
        }
        let have = Bitfield::from_bytes(&opened.have, self.geometry.piece_count());
        let have = have.ok_or(Ending::HaveMap)?;
        let learns = self.learning.learner() == Some(self.connection(number));
        let Some(peer) = self.peers.get_mut(number as usize) else { return Ok(()) };
        if !matches!(peer.state, State::Opening { .. }) {
            return Ok(());
        }
        let opening = std::mem::replace(&mut peer.state, State::Queued { until: now });
        if let State::Opening { mut session, .. } = opening {
            session.most = most;
            peer.state = State::Open(session);
        }
        let (id, hope) = (peer.id, peer.in_vain < IN_VAIN);
        let wanted = self.pieces.join(number, &have);
        self.turns.stale();
        self.begin();
        self.tell(News::Connected(id, wanted));
        if hope {
            self.wait.came(now);
        }
        if !learns {
            self.learn_from_another();
        }
        self.ready(number);
        Ok(())
    }

    /// The connection is over, or could not be made.
    pub(super) fn ended(&mut self, number: u32, ending: Ending) {
        self.clear(number);
        let now = self.now();
        let fate = ending.fate();
        let connection = self.connection(number);
        // One that comes back is to be called some times before patience ends.
        let longest = self.patience.time().map_or(LONGEST, |time| LONGEST.min(time / 6));
        let waits = self.patience.waits();
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        let why = ending.to_string();
        peer.state = match fate {
            Fate::Ban(_) => State::Banned { why },
            Fate::Refused if !waits => State::Refused { why },
            Fate::Retry | Fate::Refused => {
                let pause = self.chance.pause(peer.tries, longest);
                peer.tries = peer.tries.saturating_add(1);
                State::Waiting { until: now + pause, why }
            }
            Fate::GiveUp if ending == Ending::Denied => State::Denied,
            Fate::GiveUp => State::Gone { why },
        };
        let (id, after) = (peer.id, now.since(peer.connected));
        self.tell(match fate {
            Fate::Ban(code) => {
                let algorithm = self.root.algorithm();
                News::Banned(id, Blame { ending, code, connection, after, algorithm })
            }
            Fate::Retry | Fate::Refused | Fate::GiveUp => News::Lost(id, ending),
        });
        if fate != Fate::Retry {
            self.count_left();
        }
        self.learn_from_another();
        self.arm(number);
    }

    /// Ends the connection, with a goodbye if there is anyone to hear it.
    pub(super) fn leave(&mut self, number: u32, ending: Ending, bye: Option<u16>) {
        let connection = self.connection(number);
        if self.is_current(connection) {
            let connected = !self
                .peers
                .get(number as usize)
                .is_some_and(|p| matches!(p.state, State::Calling { .. }));
            if let Some(code) = bye.filter(|_| connected) {
                self.send(number, Frame::Close(code));
            }
            self.effects.push_back(Effect::HangUp(connection));
        }
        self.ended(number, ending);
    }

    /// A peer lied on that connection, which may be over.
    pub(super) fn blame(&mut self, connection: Connection, ending: Ending) {
        let Some(peer) = self.peers.get(connection.peer as usize) else { return };
        if !matches!(peer.state, State::Banned { .. }) {
            self.leave(connection.peer, ending, Some(close::FAULT));
        }
    }

    /// Nothing is asked of the peer any more, and nothing it has counts. Its state is that of before.
    fn clear(&mut self, number: u32) {
        let connection = self.connection(number);
        self.learning.left(connection);
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        if let State::Open(session) = &peer.state {
            let in_vain = peer.in_vain.saturating_add(1);
            peer.in_vain = if session.pieces == 0 { in_vain } else { 0 };
        }
        let Some(session) = peer.session_mut() else { return };
        let turn = std::mem::replace(&mut session.turn, Turn::Later);
        let (asks, batch) = (std::mem::take(&mut session.asks), session.batch.take());
        self.turns.forget(turn, number);
        self.turns.good.remove(&number);
        self.turns.stale();
        self.release(number, asks.iter().map(|ask| u64::from(ask.length)).sum());
        for ask in asks.iter().filter(|ask| !ask.cancelled) {
            self.budget.asked = self.budget.asked.saturating_sub(ask.length.into());
            self.pieces.release(number, ask.index);
        }
        for index in batch.iter().flat_map(|batch| &batch.pieces) {
            let length = u64::from(self.pieces.length(*index));
            self.budget.spending = self.budget.spending.saturating_sub(length);
            self.pieces.release(number, *index);
        }
        self.pieces.leave(number);
        self.turns.wake_idle();
    }
}
