//! The end of an import: a piece that one peer is slow with is asked of a second.

use std::time::Duration;

use crate::import::Engine;
use crate::import::asking::Filled;
use crate::import::message::Consent;
use crate::import::peer::{Ask, Session, Spare};
use crate::import::pieces::Flight;
use crate::import::room::LONG;
use crate::import::turns::Tempo;
use crate::import::window::within;
use crate::moment::Moment;

/// The most pieces that come twice in an import, as long as none takes a peer [long](LONG).
const WASTE: u64 = 2;
/// By how much sooner a piece has to come from the second for both to send it.
pub(super) const GAIN: u128 = 1_000_000;
/// A piece is taken from a peer only if it comes sooner by at least so much, in microseconds, and the
/// peer comes to it so much later than it can be told.
const SOONER: u128 = 20_000;
/// After how long a peer that sends nothing is slow, though its rate is not known.
const QUIET: Duration = Duration::from_secs(1);
/// By how much sooner, besides, what is asked of a peer whose rate is not known, in microseconds.
const UNKNOWN: u128 = 400_000;
/// How much such a peer is asked for at a time, or two pieces.
const FIRST: u64 = 1 << 20;
/// For how long one may be busy with what others are slow with, if its rate is known.
const AHEAD: Duration = Duration::from_millis(100);
/// How often idle peers are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How many of them at a time.
const CROWD: usize = 32;
/// How many of the last asks of each of the others are looked at for one.
const SEARCH: usize = 256;

/// What another peer is too slow with.
struct Slow {
    /// The last that the other comes to first.
    pieces: Vec<u32>,
    spare: Spare,
    /// How long the other still takes with that one, in microseconds.
    takes: u128,
}

impl Engine {
    /// When idle peers are looked at again.
    pub(super) fn spares_due(&self) -> Option<Moment> {
        let waits = !self.turns.idle.is_empty() || !self.turns.hungry.is_empty();
        let some = self.budget.asked > 0 && waits;
        some.then(|| self.turns.spares + LOOK)
    }

    /// Looks whether idle peers could do what others are slow with.
    pub(super) fn look_at_spares(&mut self) {
        let now = self.now();
        if self.spares_due().is_none_or(|due| due > now) {
            return;
        }
        self.turns.spares = now;
        self.make_room();
        let after = self.turns.last_spare;
        let idle = &self.turns.idle;
        let crowd = idle.range(after..).chain(idle.range(..after)).take(CROWD).copied();
        for peer in crowd.collect::<Vec<_>>() {
            self.turns.last_spare = peer.saturating_add(1);
            match self.fill_spare(peer) {
                Filled::Enough => self.later(peer),
                Filled::NoRoom => self.ready(peer),
                Filled::Nothing => {}
            }
        }
    }

    /// Whether a peer for which nothing is missing is tried at once with what others are slow with;
    /// in a crowd only when all that is missing is asked for.
    pub(super) fn may_help_at_once(&self) -> bool {
        self.peers.len() <= CROWD || self.pieces.missing() == 0
    }

    /// Asks a peer that has nothing else to do for what another is slow with.
    pub(super) fn fill_spare(&mut self, peer: u32) -> Filled {
        let tempo = self.tempo();
        let found = self.slow(peer, tempo).or_else(|| {
            self.end_slow_race(peer);
            self.slow(peer, tempo)
        });
        let Some(Slow { pieces, spare, .. }) = found else { return Filled::Nothing };
        let mut batch = Vec::new();
        for index in pieces {
            let length = u64::from(self.pieces.length(index));
            if !self.has_room(peer, length) {
                break;
            }
            self.pieces.ask_second(peer, index);
            self.budget.spending += length;
            batch.push(index);
        }
        if batch.is_empty() {
            return Filled::NoRoom;
        }
        // What was asked for first is the first again.
        batch.reverse();
        self.spend(peer, batch, Some(spare));
        Filled::Enough
    }

    /// What another peer is slowest with, of what this one would have sooner.
    fn slow(&self, peer: u32, tempo: Tempo) -> Option<Slow> {
        let now = self.now();
        let session = self.session(peer).filter(|_| self.is_open(peer) && self.has_hope(peer))?;
        let least = 2 * u64::from(self.geometry.piece_size());
        let helper = Helper::of(session, least, tempo, now)?;
        let mut slowest: Option<Slow> = None;
        for other in self.numbers().filter(|other| *other != peer) {
            let found = self.slow_with(peer, &helper, other);
            if found.as_ref().is_some_and(|found| {
                slowest.as_ref().is_none_or(|slowest| found.takes > slowest.takes)
            }) {
                slowest = found;
            }
        }
        slowest
    }

    /// What the other peer comes to last, of what this one would have sooner.
    fn slow_with(&self, peer: u32, helper: &Helper<'_>, other: u32) -> Option<Slow> {
        let slow = self.session(other).filter(|session| session.owed > 0)?;
        let alone = Some(Flight::Asked { first: other, second: None });
        let mut ahead = helper.session.unanswered();
        let mut left = slow.unanswered();
        let mut found: Option<Slow> = None;
        for (position, ask) in slow.asks.iter().enumerate().rev().take(SEARCH) {
            let count = found.as_ref().map_or(0, |found| found.pieces.len());
            if count > 0 && ahead >= helper.most || count >= helper.asks {
                break;
            }
            let before = left.saturating_sub(ask.length.into());
            let until = std::mem::replace(&mut left, before);
            if ask.cancelled
                || self.pieces.flight(ask.index) != alone
                || !self.pieces.picker().has(peer, ask.index)
                || helper.session.has_open(ask.index)
                || helper.session.uncovered.contains(&ask.index)
            {
                continue;
            }
            let begun = position == 0 && slow.has_begun();
            let Some((begun, takes)) =
                self.sooner(helper, ahead, slow, ask, [until, before], begun)
            else {
                break;
            };
            ahead += u64::from(ask.length);
            match &mut found {
                Some(_) if begun => break,
                Some(found) => found.pieces.push(ask.index),
                None => {
                    let spare = if begun { Spare::Race } else { Spare::TakeOver(other) };
                    found = Some(Slow { pieces: vec![ask.index], spare, takes });
                    if begun {
                        break;
                    }
                }
            }
        }
        found
    }

    /// Whether a piece comes sooner of the helper, so much that it is worth it: whether the other peer
    /// has begun with it, and how long it still takes.
    fn sooner(
        &self,
        helper: &Helper<'_>,
        ahead: u64,
        slow: &Session,
        ask: &Ask,
        [left, before]: [u64; 2],
        begun: bool,
    ) -> Option<(bool, u128)> {
        let now = self.now();
        let rate = slow.meter.rate(now);
        let takes = match rate {
            _ if slow.snub.is_some() => u128::MAX,
            Some(rate) => time(left, rate),
            None if slow.came.max(ask.at) + QUIET <= now && !helper.session.is_unheard() => {
                u128::MAX
            }
            None => return None,
        };
        // What was sent before it could be called off comes for nothing.
        let soon = slow.latency.max(slow.lag).as_micros() + SOONER;
        let on_its_way = rate.is_some_and(|rate| time(before, rate) < soon);
        let begun = begun || on_its_way;
        let least = match helper.rate {
            Some(rate) => {
                let first = time(ahead, rate).max(helper.session.latency.as_micros());
                let mine = first + time(ask.length.into(), rate);
                let gains = slow.snub.is_some()
                    || self.may_race(takes) && takes >= mine.saturating_add(GAIN);
                match begun {
                    true if !gains => return None,
                    true => mine.saturating_mul(2),
                    false => mine + mine / 4 + SOONER,
                }
            }
            None if slow.snub.is_some() => 0,
            None if begun && (takes < LONG || !self.may_race(takes)) => return None,
            None if begun => LONG - 1,
            None => {
                let as_others = time(ahead + u64::from(ask.length), helper.mean) * 2 + UNKNOWN;
                as_others.min(LONG)
            }
        };
        (takes > least).then_some((begun, takes))
    }

    /// Where both of two that are asked for a piece take long, and this one would have it far sooner, or
    /// might, the slower of them is not asked any more.
    fn end_slow_race(&mut self, peer: u32) {
        let now = self.now();
        let Some(session) = self.session(peer).filter(|of| of.is_fair() && self.may_lose()) else {
            return;
        };
        let piece = u64::from(self.geometry.piece_size());
        let mine =
            session.meter.rate(now).map_or(0, |rate| time(session.unanswered() + piece, rate));
        let least = LONG.max(mine * 2 + GAIN);
        let takes = |of: u32, index: u32| {
            let session = self.session(of)?;
            let place = session.asks.iter().position(|ask| ask.index == index)?;
            let until = session.asks.iter().take(place + 1).map(|ask| u64::from(ask.length));
            let left = until.sum::<u64>().saturating_sub(session.filled.into());
            let came = if place == 0 { session.filled } else { 0 };
            Some((time(left, session.meter.rate(now)?), came))
        };
        let slow = self.pieces.in_flight().find_map(|(index, at)| {
            let Flight::Asked { first, second: Some(second) } = at else { return None };
            let helps = first != peer && second != peer && self.pieces.picker().has(peer, index);
            let (one, two) = (takes(first, index)?, takes(second, index)?);
            let (of, came) = if one.0 > two.0 { (first, one.1) } else { (second, two.1) };
            let slow = one.0.min(two.0) >= least && came <= self.pieces.length(index) / 2;
            (helps && slow).then_some((of, index))
        });
        if let Some((of, index)) = slow {
            self.loses();
            self.call_off(of, index);
            self.ready(of);
        }
    }

    /// Whether two peers may send the same piece, which takes so long as it is.
    fn may_race(&self, takes: u128) -> bool {
        let asked_twice = |at: &Flight| matches!(at, Flight::Asked { second: Some(_), .. });
        let twice = self.pieces.in_flight().filter(|(_, at)| asked_twice(at)).count() as u64;
        let piece = u64::from(self.geometry.piece_size());
        twice < WASTE && (takes >= LONG || self.wasted + (twice + 1) * piece <= WASTE * piece)
    }

    /// A piece landed at a peer: if it can be had there, that is tried now. If another was asked for
    /// it, this importer and that peer are after the same pieces, and it goes on with others.
    pub(super) fn landed(&mut self, peer: u32, index: u32) {
        if self.pieces.is_missing(index) {
            self.lands(index, None);
            return self.ready(peer);
        }
        let Some(Flight::Asked { first: other, second: None }) = self.pieces.flight(index) else {
            return;
        };
        self.ready(peer);
        let Some(slow) = self.session(other).filter(|_| other != peer) else { return };
        let mut asks = slow.asks.iter().filter(|ask| !ask.cancelled && ask.index == index);
        let asked = asks.next().map(|ask| ask.at);
        self.lands(index, asked);
    }
}

/// A peer that is about to have nothing to do, and may be asked for what others are slow with.
struct Helper<'a> {
    session: &'a Session,
    rate: Option<u64>,
    /// What it is taken to send in a second while that is not known.
    mean: u64,
    /// How many bytes it may owe.
    most: u64,
    /// For how many pieces more it may be asked.
    asks: usize,
}

impl<'a> Helper<'a> {
    /// `least` may be owed by anybody.
    fn of(session: &'a Session, least: u64, tempo: Tempo, now: Moment) -> Option<Self> {
        let rate = session.meter.rate(now);
        let most = match rate {
            Some(rate) => within(rate, session.latency.max(AHEAD)),
            None => FIRST,
        };
        let most = most.max(least);
        let may = session.consent == Consent::Given
            && session.is_fair()
            && session.batch.is_none()
            && session.unanswered() < most;
        let asks = session.most.saturating_sub(session.asks.len());
        (may && asks > 0).then_some(Self { session, rate, mean: tempo.mean, most, asks })
    }
}

/// How long so many bytes take, in microseconds.
pub(super) fn time(bytes: u64, rate: u64) -> u128 {
    u128::from(bytes) * 1_000_000 / u128::from(rate.max(1))
}
