//! Time without the time that this machine slept, and who is to be looked at when.

use std::collections::BTreeSet;
use std::time::Duration;

use verifier::Code;

use crate::ending::Ending;
use crate::import::Engine;
use crate::import::message::Why;
use crate::import::peer::{OPENING, QUIET, Snub, State};
use crate::import::window;
use crate::moment::Moment;
use crate::wire::{Frame, close};

/// How late the time may come in before this machine is taken to have slept.
const LATE: Duration = Duration::from_secs(5);

/// The time, and the deadlines of the peers.
#[derive(Debug)]
pub(super) struct Clock {
    now: Moment,
    /// For how long this machine slept in all.
    slept: Duration,
    timers: BTreeSet<(Moment, u32)>,
}

impl Clock {
    pub(super) const fn new(now: Moment) -> Self {
        Self { now, slept: Duration::ZERO, timers: BTreeSet::new() }
    }

    pub(super) const fn now(&self) -> Moment {
        self.now
    }

    /// Time passed, or if it is far past what was promised, none did.
    pub(super) fn pass(&mut self, outside: Moment, promised: Option<Moment>) {
        let slept = u64::try_from(self.slept.as_micros()).unwrap_or(u64::MAX);
        let now = Moment::from_micros(outside.as_micros().saturating_sub(slept)).max(self.now);
        if promised.is_some_and(|due| now.since(due.max(self.now)) > LATE) {
            self.slept += now.since(self.now);
        } else {
            self.now = now;
        }
    }

    /// What others call that moment.
    pub(super) fn outside(&self, inside: Moment) -> Moment {
        inside + self.slept
    }

    fn first(&self) -> Option<(Moment, u32)> {
        self.timers.first().copied()
    }
}

impl Engine {
    /// When something is to be looked at next, and why.
    pub(super) fn wake(&self) -> Option<(Moment, Why)> {
        let peer = self.clock.first().map(|(due, peer)| {
            let why = self.peers.get(peer as usize).and_then(|peer| peer.deadline());
            (due, why.map_or(Why::Ping, |(_, why)| why))
        });
        let list = self.learning.deadline().map(|due| (due, Why::Opening));
        let spare = self.spares_due().map(|due| (due, Why::Snub));
        let others = self.apart.until().map(|due| (due, Why::Others));
        [peer, list, spare, others, self.waits()].into_iter().flatten().min()
    }

    /// Sees to it that the peer is looked at in time.
    pub(super) fn arm(&mut self, number: u32) {
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        let due = peer.deadline().map(|(due, _)| due);
        let Some(due) = due else { return };
        if peer.timer.is_none_or(|timer| due < timer) {
            if let Some(timer) = peer.timer.replace(due) {
                self.clock.timers.remove(&(timer, number));
            }
            self.clock.timers.insert((due, number));
        }
    }

    /// Looks at whatever is due.
    pub(super) fn look(&mut self) {
        let now = self.now();
        while let Some((due, number)) = self.clock.first().filter(|(due, _)| *due <= now) {
            self.clock.timers.remove(&(due, number));
            if let Some(peer) = self.peers.get_mut(number as usize) {
                peer.timer = None;
            }
            self.wait.changed();
            self.look_at(number);
            self.arm(number);
        }
        self.look_at_list();
        self.look_at_spares();
        self.look_apart();
    }

    fn look_at(&mut self, number: u32) {
        let now = self.now();
        let Some(peer) = self.peers.get_mut(number as usize) else { return };
        if peer.deadline().is_none_or(|(due, _)| due > now) {
            return;
        }
        match &mut peer.state {
            State::Waiting { .. } | State::Queued { .. } => self.call(number),
            State::Calling { .. } => {
                let why = "does not answer the call".to_owned();
                let code = Code::new("session", "silent");
                self.leave(number, Ending::Unreachable { why, code, again: true }, None);
            }
            State::Opening { since, .. } if *since + OPENING <= now => {
                self.leave(number, Ending::Silent, Some(close::IDLE));
            }
            State::Opening { session, .. } | State::Open(session) => {
                if session.silence() <= now {
                    return self.leave(number, Ending::Silent, Some(close::IDLE));
                }
                if session.ping() <= now {
                    self.send(number, Frame::Ping);
                }
                self.look_at_owed(number);
            }
            State::Denied | State::Banned { .. } | State::Refused { .. } | State::Gone { .. } => {}
        }
    }

    /// Looks whether a peer is below the floor with what it owes, or silent.
    fn look_at_owed(&mut self, number: u32) {
        let now = self.now();
        if let Some(Snub { trial }) = self.session_mut(number).and_then(|s| s.snub.as_mut())
            && trial.is_some_and(|trial| trial <= now)
        {
            *trial = None;
            self.ready(number);
        }
        let Some(session) = self.session(number).filter(|session| !session.asks.is_empty()) else {
            return;
        };
        if session.came + QUIET <= now {
            let mut open = session.asks.iter().filter(|ask| !ask.cancelled);
            if open.all(|ask| self.better(number, ask.index)) {
                return self.leave(number, Ending::Silent, Some(close::IDLE));
            }
            if let Some(session) = self.session_mut(number) {
                session.came = now;
            }
        }
        let Some(session) = self.session(number) else { return };
        if session.flow.since + session.grace() <= now {
            self.snub(number);
        }
    }

    /// The bytes a second below which a peer sends next to nothing.
    pub(super) fn floor(&self) -> u64 {
        window::floor(self.limits.download.map(Into::into), self.turns.open())
    }
}
