//! Being called: who may come in, whom to answer next, who is hung up on.

mod admission;
mod asks;
mod caller;
mod fairness;
mod have;
mod hearing;
mod invariants;
mod message;
mod outbox;
mod sending;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use verifier::identity::PeerId;

use crate::bucket::Bucket;
use crate::moment::Moment;
use crate::wire::Frame;
use caller::{Callers, State};
use fairness::{Share, Turns};
use have::Landings;

pub use message::{Caller, Effect, Input, Limits, News, Opened, Refusal, TurnedAway, Why};

/// Everything that is decided of callers.
///
/// The same four methods as [`crate::Engine`], and the same rules.
#[derive(Debug)]
pub struct Uploads {
    limits: Limits,
    callers: Callers,
    /// Those that have no place, or none any more, oldest first.
    outside: VecDeque<Caller>,
    /// Every peer that is let in, and those that were and have sent much lately.
    peers: BTreeMap<PeerId, Share>,
    total: Bucket,
    /// Who waits for something that it asked for.
    wanting: BTreeSet<Caller>,
    turns: Turns,
    landings: Landings,
    effects: VecDeque<Effect>,
    now: Moment,
    /// What was taken off the time, because the machine slept.
    slept: Duration,
    /// What [`Self::deadline`] says, in the time that is left.
    due: Option<(Moment, Why)>,
}

impl Uploads {
    /// The most bytes of pieces that are read and not sent, all callers together, but for one piece
    /// of each.
    pub const READ_AHEAD: u64 = 64 << 20;
    /// How much later than promised it can be before the machine must have slept.
    const SLEPT: Duration = Duration::from_secs(5);

    /// Nobody has called yet.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self {
            limits,
            callers: Callers::new(),
            outside: VecDeque::new(),
            peers: BTreeMap::new(),
            total: Bucket::new(limits.upload, now),
            wanting: BTreeSet::new(),
            turns: Turns::default(),
            landings: Landings::default(),
            effects: VecDeque::new(),
            now,
            slept: Duration::ZERO,
            due: None,
        }
    }

    /// Takes in what happened. All effects of what happened before must have been taken out.
    pub fn input(&mut self, input: Input, now: Moment) {
        debug_assert!(self.effects.is_empty(), "effects are left from what happened before");
        self.turn_to(now);
        match input {
            Input::Tick => self.expire(),
            Input::Called(caller, from) => self.called(caller, from),
            Input::Proved(caller, peer) => self.proved(caller, peer),
            Input::Ended(caller, ending) => self.ended(caller, ending),
            Input::Frame(caller, frame) => self.heard(caller, frame),
            Input::Opened(caller, opened) => self.opened(caller, opened),
            Input::Read(caller, index, read) => self.read(caller, index, read),
            Input::Written(caller, bytes) => self.written(caller, bytes),
            Input::Landed(artifact, pieces) => self.landed(artifact, &pieces),
            Input::Revoked(peer, artifact) => self.revoked(peer, artifact),
            Input::Limits(limits) => self.limit(limits),
        }
        let rate = self.answer();
        let of_callers = self.callers.values().map(caller::Call::deadline).min();
        let have = self.landings.due().map(|at| (at, Why::Have));
        let rate = rate.map(|at| (at, Why::Rate));
        self.due = [of_callers, have, rate].into_iter().flatten().min();
    }

    /// What is to be done next; nothing until something happens.
    #[expect(clippy::should_implement_trait, reason = "its end is not the end of what comes")]
    pub fn next(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// By when [`Input::Tick`] has to be given in, and why.
    pub fn deadline(&self) -> Option<(Moment, Why)> {
        if !self.effects.is_empty() {
            return Some((self.now + self.slept, Why::Effects));
        }
        self.due.map(|(at, why)| (at + self.slept, why))
    }

    /// Goes on to that time, but for what the machine slept: no timer that ran meanwhile is over.
    fn turn_to(&mut self, now: Moment) {
        let mut awake = Moment::START + now.since(Moment::START + self.slept);
        if let Some((due, _)) = self.due
            && awake.since(due) > Self::SLEPT
        {
            self.slept += awake.since(due);
            awake = due;
        }
        self.now = self.now.max(awake);
    }

    /// Does what is due.
    fn expire(&mut self) {
        let due = self.callers.iter().map(|(caller, call)| (*caller, call.deadline()));
        let due = due.filter(|(_, (at, _))| *at <= self.now).collect::<Vec<_>>();
        for (caller, (_, why)) in due {
            match why {
                Why::Ping => self.say(caller, Frame::Ping),
                _ => self.lost(caller),
            }
        }
        self.tell_landed();
    }

    /// Sends a frame without a payload.
    fn say(&mut self, caller: Caller, frame: Frame) {
        if let Some(line) = self.callers.get_mut(&caller).and_then(caller::Call::line_mut) {
            line.say(self.now);
        }
        self.effects.push_back(Effect::Send(caller, frame));
    }

    fn tell(&mut self, news: News) {
        self.effects.push_back(Effect::Tell(news));
    }

    fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.total.set(limits.upload, self.now);
        for share in self.peers.values_mut() {
            share.bucket.set(limits.peer, self.now);
            self.turns.even_out(share);
        }
    }

    /// A caller's time is over.
    fn lost(&mut self, caller: Caller) {
        match self.callers.get(&caller).map(|call| &call.state) {
            Some(State::Handshaking { .. }) => {
                self.cut(caller, Some(TurnedAway::HandshakeTooLong));
            }
            Some(State::Leaving { .. }) => self.cut(caller, None),
            Some(State::Opening(..) | State::Open(..)) => self.idle(caller),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
