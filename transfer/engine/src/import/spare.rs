//! The end of an import: a piece that one peer is slow with is asked of a second.

use std::time::Duration;

use crate::import::Engine;
use crate::import::asking::Filled;
use crate::import::message::Consent;
use crate::import::peer::{Session, Spare};
use crate::import::pieces::Flight;
use crate::moment::Moment;

/// The most pieces that come twice in an import, as long as all peers send.
const WASTE: u64 = 2;
/// By how much sooner a piece has to come from the second for both to send it.
const GAIN: u128 = 1_000_000;
/// A piece is taken from a peer only if it comes sooner by at least so much, in microseconds.
const SOONER: u128 = 20_000;
/// After how long a peer that sends nothing is slow, though its rate is not known.
const QUIET: Duration = Duration::from_secs(1);
/// How often idle peers are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How many of them at a time.
const CROWD: usize = 32;

/// A piece that another peer is too slow with.
struct Slow {
    index: u32,
    spare: Spare,
    /// How long the other still takes, in microseconds.
    takes: u128,
}

impl Engine {
    /// When idle peers are looked at again.
    pub(super) fn spares_due(&self) -> Option<Moment> {
        let some = self.budget.asked > 0 && !self.turns.idle.is_empty();
        some.then(|| self.turns.spares + LOOK)
    }

    /// Looks whether idle peers could do what others are slow with.
    pub(super) fn look_at_spares(&mut self) {
        let now = self.now();
        if self.spares_due().is_none_or(|due| due > now) {
            return;
        }
        self.turns.spares = now;
        let after = self.turns.last_spare;
        let idle = &self.turns.idle;
        let crowd = idle.range(after..).chain(idle.range(..after)).take(CROWD).copied();
        for peer in crowd.collect::<Vec<_>>() {
            self.turns.last_spare = peer.saturating_add(1);
            if self.fill_spare(peer) == Filled::Enough {
                self.later(peer);
            }
        }
    }

    /// Asks an idle peer for what another is slow with.
    pub(super) fn fill_spare(&mut self, peer: u32) -> Filled {
        let Some(Slow { index, spare, .. }) = self.slow(peer) else { return Filled::Nothing };
        let length = u64::from(self.pieces.length(index));
        if !self.has_room(peer, length) {
            return Filled::NoRoom;
        }
        self.pieces.ask_second(peer, index);
        self.budget.spending += length;
        self.spend(peer, vec![index], Some(spare));
        Filled::Enough
    }

    /// The piece that another peer is slowest with, of those that this one would have sooner.
    fn slow(&self, peer: u32) -> Option<Slow> {
        let now = self.now();
        let session = self.session(peer).filter(|session| may_help(session, now))?;
        let mut slowest: Option<Slow> = None;
        for other in self.numbers().filter(|other| *other != peer) {
            let Some(slow) = self.session(other).filter(|session| session.owed > 0) else {
                continue;
            };
            let last = slow.asks.iter().enumerate().rev().find(|(_, ask)| {
                let alone = Some(Flight::Asked { first: other, second: None });
                !ask.cancelled
                    && self.pieces.flight(ask.index) == alone
                    && self.pieces.picker().has(peer, ask.index)
                    && !session.has_open(ask.index)
            });
            let Some((position, _)) = last else { continue };
            let found = self.sooner(session, other, slow, position);
            if found.as_ref().is_some_and(|found| {
                slowest.as_ref().is_none_or(|slowest| found.takes > slowest.takes)
            }) {
                slowest = found;
            }
        }
        slowest
    }

    /// How the piece at that place of what another owes would be asked of this one, if that has it
    /// so much sooner that it is worth it.
    fn sooner(
        &self,
        session: &Session,
        other: u32,
        slow: &Session,
        position: usize,
    ) -> Option<Slow> {
        let now = self.now();
        let ask = slow.asks.get(position)?;
        let before: u64 = slow.asks.iter().take(position).map(|ask| u64::from(ask.length)).sum();
        let left = (before + u64::from(ask.length)).saturating_sub(slow.filled.into());
        let rate = slow.meter.rate(now);
        let takes = match rate {
            _ if slow.snub.is_some() => u128::MAX,
            Some(rate) => time(left, rate),
            None if slow.came.max(ask.at) + QUIET <= now => u128::MAX,
            None => return None,
        };
        let mine = match session.meter.rate(now) {
            Some(rate) => {
                let first = time(session.owed, rate).max(session.latency.as_micros());
                first + time(u64::from(ask.length), rate)
            }
            None if slow.snub.is_some() => 0,
            None => return None,
        };
        // What was sent before it could be called off comes for nothing.
        let on_its_way = rate.is_some_and(|rate| time(before, rate) < slow.latency.as_micros());
        let begun = position == 0 && slow.has_begun() || on_its_way;
        let least = if begun { mine.saturating_mul(2) } else { mine + mine / 4 + SOONER };
        let gains =
            !begun || slow.snub.is_some() || self.may_race() && takes >= mine.saturating_add(GAIN);
        let spare = if begun { Spare::Race } else { Spare::TakeOver(other) };
        (takes > least && gains).then_some(Slow { index: ask.index, spare, takes })
    }

    /// Whether a peer that never gave anything is tried with the piece at that place of what another
    /// owes, so that it is known how fast it is: that one has not come to it, and takes its time.
    fn is_worth_a_try(&self, slow: &Session, position: usize) -> bool {
        let lengths = slow.asks.iter().take(position + 1).map(|ask| u64::from(ask.length));
        let left = lengths.sum::<u64>().saturating_sub(slow.filled.into());
        let rate = slow.meter.rate(self.now());
        let takes_long = rate.is_some_and(|rate| time(left, rate) >= GAIN);
        position > 0 && takes_long && self.may_race()
    }

    /// Whether two peers may send the same piece.
    fn may_race(&self) -> bool {
        let asked_twice = |at: &Flight| matches!(at, Flight::Asked { second: Some(_), .. });
        let twice = self.pieces.in_flight().filter(|(_, at)| asked_twice(at)).count() as u64;
        let piece = u64::from(self.geometry.piece_size());
        twice < WASTE && self.wasted + (twice + 1) * piece <= WASTE * piece
    }

    /// A piece landed at a peer that another was asked for: if that one has not come to it, it is
    /// asked of the peer where it landed. And as this importer and that peer are after the same
    /// pieces, it goes on with others.
    pub(super) fn landed_elsewhere(&mut self, peer: u32, index: u32) {
        let now = self.now();
        let Some(Flight::Asked { first: other, second: None }) = self.pieces.flight(index) else {
            return;
        };
        let Some(slow) = self.session(other).filter(|_| other != peer) else { return };
        let at = slow.asks.iter().position(|ask| ask.index == index && !ask.cancelled);
        let Some(ask) = at.and_then(|at| slow.asks.get(at)) else { return };
        if ask.at >= self.turns.apart {
            self.turns.apart = now;
            let start = self.chance.under(self.geometry.piece_count());
            self.pieces.go_on_from(start);
        }
        let Some((slow, position)) = self.session(other).zip(at) else { return };
        let Some(session) = self.session(peer).filter(|session| may_help(session, now)) else {
            return;
        };
        let spare = match session.meter.rate(now) {
            None => self.is_worth_a_try(slow, position).then_some(Spare::Race),
            Some(_) => {
                let found = self.sooner(session, other, slow, position).map(|found| found.spare);
                found.filter(|spare| matches!(spare, Spare::TakeOver(_)))
            }
        };
        let Some(spare) = spare else { return };
        let length = u64::from(self.pieces.length(index));
        if !session.has_open(index) && self.has_room(peer, length) {
            self.pieces.ask_second(peer, index);
            self.budget.spending += length;
            self.spend(peer, vec![index], Some(spare));
        }
    }
}

/// Whether the peer is about to have nothing to do: what is asked of it now begins to come when what
/// it owes has.
fn may_help(session: &Session, now: Moment) -> bool {
    let open = session.asks.len() - session.cancelled.len();
    let rate = session.meter.rate(now);
    let soon = |rate| time(session.owed, rate) <= session.latency.as_micros();
    session.consent == Consent::Given
        && session.spares == Consent::Given
        && session.is_fair()
        && session.batch.is_none()
        && session.asks.len() < session.most
        && (open < 2 || rate.is_some_and(soon))
}

/// How long so many bytes take, in microseconds.
fn time(bytes: u64, rate: u64) -> u128 {
    u128::from(bytes) * 1_000_000 / u128::from(rate.max(1))
}
