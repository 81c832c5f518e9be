//! Whose turn it is to be asked for more, and how fast all are together.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::import::Engine;
use crate::import::asking::Filled;
use crate::import::message::Consent;
use crate::import::peer::Turn;
use crate::import::room::{Group, Hungry, Rank};
use crate::moment::Moment;

/// For how long what all peers do together is taken to stay the same.
const TEMPO: Duration = Duration::from_millis(100);

/// Who waits to be asked for more.
#[derive(Debug)]
pub(super) struct Turns {
    ready: VecDeque<u32>,
    /// Those that wait for room.
    pub(super) hungry: Hungry,
    pub(super) idle: BTreeSet<u32>,
    /// Whether something is missing that was not, or somebody is gone who had something.
    awake: bool,
    /// Those that are good, so that room is kept for them.
    pub(super) good: BTreeSet<u32>,
    pub(super) tempo: Tempo,
    /// When it was last looked whether idle peers could be asked for what others owe.
    pub(super) spares: Moment,
    /// The idle peer with which that goes on.
    pub(super) last_spare: u32,
}

/// How fast the open peers are together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tempo {
    at: Option<Moment>,
    /// How many there are.
    pub(super) open: u64,
    /// Bytes a second of those whose rate is known.
    pub(super) rate: u64,
    /// Bytes a second of one that owes something, on average; 0 if no rate is known.
    pub(super) mean: u64,
    /// How many others are after the same, where this importer leaves them their part.
    pub(super) importers: usize,
}

impl Turns {
    pub(super) const fn new(now: Moment) -> Self {
        Self {
            ready: VecDeque::new(),
            hungry: Hungry::new(now),
            idle: BTreeSet::new(),
            awake: false,
            good: BTreeSet::new(),
            tempo: Tempo { at: None, open: 0, rate: 0, mean: 0, importers: 0 },
            spares: now,
            last_spare: 0,
        }
    }

    pub(super) fn ready(&mut self, turn: &mut Turn, peer: u32) {
        if *turn != Turn::Ready {
            self.forget(*turn, peer);
            *turn = Turn::Ready;
            self.ready.push_back(peer);
        }
    }

    /// A peer no longer waits.
    pub(super) fn forget(&mut self, turn: Turn, peer: u32) {
        match turn {
            Turn::Later | Turn::Ready => {}
            Turn::Hungry(rank) => self.hungry.forget(&rank),
            Turn::Idle => {
                self.idle.remove(&peer);
            }
        }
    }

    pub(super) const fn wake_idle(&mut self) {
        self.awake = true;
    }

    pub(super) const fn stale(&mut self) {
        self.tempo.at = None;
    }

    /// How many peers were open when that was counted last.
    pub(super) const fn open(&self) -> u64 {
        self.tempo.open
    }
}

impl Engine {
    /// It is to be looked at whether the peer can be asked for more.
    pub(super) fn ready(&mut self, peer: u32) {
        let Some(session) = self.peers.get_mut(peer as usize).and_then(|peer| peer.session_mut())
        else {
            return;
        };
        self.turns.ready(&mut session.turn, peer);
    }

    /// The peer does not wait to be asked for more.
    pub(super) fn later(&mut self, peer: u32) {
        let Some(session) = self.session_mut(peer) else { return };
        let turn = std::mem::replace(&mut session.turn, Turn::Later);
        self.turns.forget(turn, peer);
    }

    /// Asks whoever can be asked for more, as long as there is room.
    pub(super) fn pump(&mut self) {
        loop {
            if std::mem::take(&mut self.turns.awake) {
                for peer in std::mem::take(&mut self.turns.idle) {
                    if let Some(session) = self.session_mut(peer) {
                        session.turn = Turn::Later;
                    }
                    self.ready(peer);
                }
            }
            if let Some(peer) = self.turns.ready.pop_front() {
                if self.session(peer).is_some_and(|session| session.turn == Turn::Ready) {
                    self.give_turn(peer, None);
                }
            } else if self.budget.room() == 0 || !self.feed() {
                break;
            }
        }
    }

    /// Gives one that waits for room its turn; whether any could be asked for something.
    pub(super) fn feed(&mut self) -> bool {
        let tried = self.next_tried();
        let groups = [Group::Good, Group::Untried, Group::Other];
        tried.is_some_and(|next| self.feed_one(next))
            || groups
                .into_iter()
                .any(|group| self.next_hungry(group).is_some_and(|next| self.feed_one(next)))
    }

    /// Gives that one its turn; whether it could be asked for something.
    fn feed_one(&mut self, ((.., place), peer): (Rank, u32)) -> bool {
        self.give_turn(peer, Some(place));
        self.session(peer).is_none_or(|session| !matches!(session.turn, Turn::Hungry(..)))
    }

    /// Asks the peer for more, and notes what it waits for then: at this place if for room.
    fn give_turn(&mut self, peer: u32, place: Option<u64>) {
        let Some(session) = self.session_mut(peer) else { return };
        session.turn = Turn::Later;
        let outcome = self.fill(peer);
        if self.session(peer).is_none() {
            return;
        }
        if self.turns.idle.is_empty() && self.turns.hungry.is_empty() {
            // It has just been tried: it is looked at again a while later.
            self.turns.spares = self.now();
        }
        let turn = match outcome {
            Filled::Enough => Turn::Later,
            Filled::NoRoom => Turn::Hungry(self.wait_for_room(peer, place)),
            Filled::Nothing => {
                self.turns.idle.insert(peer);
                Turn::Idle
            }
        };
        if let Some(session) = self.session_mut(peer) {
            session.turn = turn;
        }
        self.arm(peer);
    }

    /// How fast the open peers that may be asked are together.
    pub(super) fn tempo(&mut self) -> Tempo {
        let now = self.now();
        if self.turns.tempo.at.is_none_or(|at| now.since(at) >= TEMPO) {
            let sessions = self.peers.iter().filter_map(|peer| peer.session());
            let asked = sessions.filter(|session| session.consent == Consent::Given);
            let mut tempo =
                Tempo { at: Some(now), open: 0, rate: 0, mean: 0, importers: self.importers() };
            let (mut owing, mut all) = (0_u64, 0_u64);
            for session in asked.filter(|session| session.snub.is_none()) {
                let rate = session.meter.rate(now);
                if session.turn != Turn::Idle {
                    tempo.open += 1;
                    tempo.rate = tempo.rate.saturating_add(rate.unwrap_or(0));
                }
                if let Some(rate) = rate.filter(|_| session.owed > 0) {
                    owing += 1;
                    all = all.saturating_add(rate);
                }
            }
            tempo.mean = all.checked_div(owing).unwrap_or(0);
            self.turns.tempo = tempo;
        }
        self.turns.tempo
    }
}
