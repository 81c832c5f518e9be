//! Room that is short: who waits for it, who gets it first, and who is tried with it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::import::Engine;
use crate::import::peer::Session;
use crate::import::pieces::Flight;
use crate::import::spare::{GAIN, time};
use crate::moment::Moment;

/// In which order peers wait for room: by group, good ones by their rate, others by their place.
pub(super) type Rank = (Group, Reverse<u64>, u64);

/// What is known of a peer that waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// It has given a piece and goes on giving.
    Good,
    /// It has given none yet, or was snubbed so long ago that it may be tried again.
    Untried,
    Other,
}

/// At most one peer in so long is tried with room that a good one could use.
const TRIAL: Duration = Duration::from_secs(10);
/// It is not worth it if what is left takes less long, in microseconds.
const REST: u128 = 30_000_000;
/// A peer is tried with a piece that another takes so long for, in microseconds.
pub(super) const LONG: u128 = 10_000_000;

/// How many peers are looked at for one to be tried.
const CROWD: usize = 32;
/// How fast a peer is cannot be said before it has sent for so long.
const BEGINNING: Duration = Duration::from_secs(2);

/// Who waits for room.
#[derive(Debug)]
pub(super) struct Hungry {
    waiting: BTreeMap<Rank, u32>,
    /// The place of the next that waits.
    place: u64,
    /// When the next may be tried.
    trial: Moment,
    /// When the next may lose what it has begun to send, and how long it is until the one after that.
    loss: (Moment, Duration),
}

/// What comes last of what is asked for.
struct Last {
    peer: u32,
    index: u32,
    /// Whether the peer is asked for nothing else.
    begun: bool,
    /// In microseconds.
    takes: u128,
}

impl Hungry {
    pub(super) const fn new(now: Moment) -> Self {
        Self { waiting: BTreeMap::new(), place: 0, trial: now, loss: (now, BEGINNING) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn forget(&mut self, rank: &Rank) {
        self.waiting.remove(rank);
    }

    fn first(&self, group: Group) -> Option<(Rank, u32)> {
        self.group(group).next()
    }

    fn group(&self, group: Group) -> impl Iterator<Item = (Rank, u32)> + '_ {
        let all = (group, Reverse(u64::MAX), 0)..=(group, Reverse(0), u64::MAX);
        self.waiting.range(all).map(|(rank, peer)| (*rank, *peer))
    }
}

impl Engine {
    /// Whether there is room to ask the peer for so many bytes. Nobody takes the last piece's worth
    /// from one that is known to be good and could use it, but for a trial.
    pub(super) fn has_room(&mut self, peer: u32, length: u64) -> bool {
        let Some(left) = self.budget.room().checked_sub(length) else { return false };
        if left >= u64::from(self.geometry.piece_size())
            || self.session(peer).is_some_and(Session::is_good)
        {
            return true;
        }
        let good = std::mem::take(&mut self.turns.good);
        let wanted = good.iter().any(|other| {
            *other != peer
                && self.session(*other).is_some_and(Session::may_be_asked)
                && self.next_for(*other).is_some()
        });
        self.turns.good = good;
        let tried = self.group(peer) == Group::Untried && self.may_try();
        if tried {
            self.turns.hungry.trial = self.now() + TRIAL;
        }
        tried || !wanted
    }

    /// The peer waits for room: at this place if it waited before.
    pub(super) fn wait_for_room(&mut self, peer: u32, place: Option<u64>) -> Rank {
        let rate = self.session(peer).and_then(|session| session.meter.rate(self.now()));
        let group = self.group(peer);
        let hungry = &mut self.turns.hungry;
        let place = place.unwrap_or(hungry.place);
        hungry.place += 1;
        let rate = rate.filter(|_| group == Group::Good).unwrap_or(0);
        let rank = (group, Reverse(rate), place);
        hungry.waiting.insert(rank, peer);
        rank
    }

    /// The next that room is given to, of that group.
    pub(super) fn next_hungry(&mut self, group: Group) -> Option<(Rank, u32)> {
        let next = self.turns.hungry.first(group)?;
        self.turns.hungry.forget(&next.0);
        Some(next)
    }

    /// The next that is tried with room that a good one could use.
    pub(super) fn next_tried(&mut self) -> Option<(Rank, u32)> {
        let next = self.first_untried()?;
        self.turns.hungry.forget(&next.0);
        Some(next)
    }

    /// Who is to be tried now: the first of which it is not known that it is slower than others.
    fn first_untried(&mut self) -> Option<(Rank, u32)> {
        if !self.may_try() {
            return None;
        }
        let (now, mean) = (self.now(), self.tempo().mean);
        let slow = |session: &Session| session.meter.rate(now).is_some_and(|rate| rate <= mean);
        let untried = self.turns.hungry.group(Group::Untried).take(CROWD);
        { untried }.find(|(_, peer)| self.session(*peer).is_some_and(|of| !slow(of)))
    }

    fn group(&self, peer: u32) -> Group {
        match self.session(peer) {
            Some(session) if session.is_good() => Group::Good,
            Some(session) if self.is_untried(peer, session) => Group::Untried,
            _ => Group::Other,
        }
    }

    /// Whether it owes nothing and may be tried.
    fn is_untried(&self, peer: u32, session: &Session) -> bool {
        self.is_open(peer)
            && self.has_hope(peer)
            && session.is_fair()
            && session.owed == 0
            && session.batch.is_none()
    }

    /// Whether a peer may be tried: so seldom, and only as long as so much is left, that those which
    /// send nothing cost the good ones little.
    fn may_try(&mut self) -> bool {
        if self.turns.hungry.trial > self.now() {
            return false;
        }
        let piece = u64::from(self.geometry.piece_size());
        let left = u64::from(self.pieces.missing()) * piece + self.budget.asked;
        time(left, self.tempo().rate) >= REST
    }

    /// A trial was in vain: the next is no sooner than after the time that this one took.
    pub(super) fn tried_in_vain(&mut self, took: Duration) {
        let now = self.now();
        self.turns.hungry.trial = self.turns.hungry.trial.max(now + took);
    }

    /// A piece is right; whether it is the first of the peer on its connection.
    pub(super) fn came_well(&mut self, first: bool) {
        self.turns.hungry.loss = (self.now(), BEGINNING);
        if first {
            self.turns.hungry.trial = self.now();
        }
    }

    /// Whether a peer that sends may lose what it has begun with.
    pub(super) fn may_lose(&self) -> bool {
        self.turns.hungry.loss.0 <= self.now()
    }

    /// A peer loses what it has begun with: the next one later, and later, until a piece has come. So
    /// peers that are slow because of a line of this side do not lose their pieces to each other.
    pub(super) fn loses(&mut self) {
        let (next, pause) = &mut self.turns.hungry.loss;
        (*next, *pause) = (self.clock.now() + *pause, *pause * 2);
    }

    /// If there is no room, what another is slow with makes room for one that waits and would have it
    /// far sooner, or might, if it is to be tried.
    pub(super) fn make_room(&mut self) {
        if self.budget.room() >= u64::from(self.geometry.piece_size()) {
            return;
        }
        let fastest = self.turns.hungry.first(Group::Good);
        let sooner = fastest.and_then(|(_, peer)| self.slower_than(peer, 0));
        let last = sooner.or_else(|| {
            let (_, peer) = self.first_untried()?;
            self.slower_than(peer, LONG)
        });
        if let Some(Last { peer, index, begun, .. }) = last {
            if begun {
                self.loses();
            }
            self.call_off(peer, index);
            self.feed();
            self.ready(peer);
        }
    }

    /// What the peer would have far sooner than the one that is asked for it, which takes so long at
    /// least.
    fn slower_than(&self, peer: u32, least: u128) -> Option<Last> {
        let session = self.session(peer)?;
        let piece = u64::from(self.geometry.piece_size());
        let mine = match session.meter.rate(self.now()) {
            Some(rate) => session.latency.as_micros() + time(piece, rate),
            None => 0,
        };
        let least = least.max(mine * 2 + GAIN);
        let lasts = self.numbers().filter_map(|peer| self.last_of(peer));
        lasts.filter(|last| last.takes >= least).max_by_key(|last| last.takes)
    }

    /// What the peer comes to last, if it alone is asked for it, and has had its time, and not much of it
    /// has come.
    fn last_of(&self, peer: u32) -> Option<Last> {
        let now = self.now();
        let session = self.session(peer).filter(|session| session.owed > 0)?;
        let rate = session.meter.rate(now)?;
        let ask = session.asks.iter().rev().find(|ask| !ask.cancelled)?;
        // Where nothing of it came, what was called off before may still be under way.
        let mut open = session.asks.iter().filter(|ask| !ask.cancelled);
        let begun = open.next().is_some_and(|first| first.index == ask.index);
        let came = if session.is_sending(ask.index) { session.filled } else { 0 };
        let alone = Flight::Asked { first: peer, second: None };
        let may = self.pieces.flight(ask.index) == Some(alone)
            && session.began.max(ask.at) + BEGINNING <= now
            && (!begun || came <= ask.length / 2 && self.may_lose());
        let takes = time(session.unanswered(), rate);
        may.then_some(Last { peer, index: ask.index, begun, takes })
    }
}
