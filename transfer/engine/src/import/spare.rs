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
        let ahead = session.owed;
        let rate = session.meter.rate(now);
        let latency = session.latency.as_micros();
        let seconds = self
            .pieces
            .in_flight()
            .filter(|(_, at)| matches!(at, Flight::Asked { second: Some(_), .. }));
        let seconds = seconds.count() as u64;
        let waste = self.wasted + (seconds + 1) * u64::from(self.geometry.piece_size());
        let may_race = seconds < WASTE && waste <= WASTE * u64::from(self.geometry.piece_size());
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
            let Some((position, ask)) = last else { continue };
            let before: u64 =
                slow.asks.iter().take(position).map(|ask| u64::from(ask.length)).sum();
            let left = (before + u64::from(ask.length)).saturating_sub(slow.filled.into());
            let takes = match slow.meter.rate(now) {
                _ if slow.snub.is_some() => u128::MAX,
                Some(other_rate) => time(left, other_rate),
                None if slow.came.max(ask.at) + QUIET <= now => u128::MAX,
                None => continue,
            };
            let mine = match rate {
                Some(rate) => {
                    time(ahead, rate).max(latency) + time(u64::from(ask.length), rate)
                }
                None if slow.snub.is_some() => 0,
                None => continue,
            };
            let on_its_way = slow
                .meter
                .rate(now)
                .is_some_and(|rate| time(before, rate) < slow.latency.as_micros());
            let begun = position == 0 && slow.has_begun() || on_its_way;
            let least = if begun { mine.saturating_mul(2) } else { mine + mine / 4 + SOONER };
            if takes <= least {
                continue;
            }
            let gains = slow.snub.is_some() || may_race && takes >= mine.saturating_add(GAIN);
            if begun && !gains || slowest.as_ref().is_some_and(|slowest| slowest.takes >= takes) {
                continue;
            }
            let spare = if begun { Spare::Race } else { Spare::TakeOver(other) };
            slowest = Some(Slow { index: ask.index, spare, takes });
        }
        slowest
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
