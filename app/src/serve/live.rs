//! What goes on while a model is served, as snapshots that come often enough to watch and not
//! more often.
//!
//! A [`Live`] hears every event and is looked at in between. It reads no clock: each call says how
//! long serving has gone on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use verifier::consent::Scope;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use super::Event;
use crate::ports::{ServeNews, Standing};

/// Snapshots come at most this often.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// How far back the bytes go that a rate is made of, in parts.
const PARTS: u32 = 8;
/// How long one part is.
const PART: Duration = Duration::from_millis(500);
/// How many of the callers that were turned away are remembered.
const MOST_TURNED_AWAY: usize = 5;
/// How many peers are remembered: more than anybody pairs with.
const MOST_PEERS: usize = 4_096;

/// What one peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The peer.
    pub peer: PeerId,
    /// Its open connections.
    pub connections: u32,
    /// Bytes that it took.
    pub taken: u64,
    /// Bytes a second that it takes.
    pub rate: u64,
    /// Asks of it that were refused.
    pub refused: u64,
}

/// A caller that was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// Where it called from.
    pub from: SocketAddr,
    /// Why, as one clause.
    pub why: String,
}

/// A yes to serving that is live, or will be, and what went out under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Whom it concerns.
    pub scope: Scope,
    /// Bytes that went out under it.
    pub used: u64,
    /// The most that may.
    pub limit: u64,
    /// When it begins.
    pub from: UtcTime,
    /// When it ends.
    pub until: UtcTime,
}

impl Allowed {
    /// What the journal says of a grant.
    pub fn of(standing: &Standing) -> Self {
        let Standing { grant, used, .. } = standing;
        let (scope, limit) = (grant.scope(), grant.byte_limit());
        Self { scope, used: *used, limit, from: grant.granted(), until: grant.expires() }
    }
}

/// How serving stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where calls are taken; `None` before they are.
    pub address: Option<SocketAddr>,
    /// Every peer that called, those that took most first.
    pub callers: Vec<Caller>,
    /// The newest callers that were turned away, newest first.
    pub turned_away: Vec<TurnedAway>,
    /// How many were turned away in all.
    pub strangers: u64,
    /// The live grants for what is served; none before they were looked at.
    pub allowed: Vec<Allowed>,
}

impl Snapshot {
    /// What a peer took under its live grants, and how much they allow in all; `None` before they
    /// were looked at, and of a peer that has none.
    pub fn used(&self, peer: PeerId) -> Option<(u64, u64)> {
        let own = self.allowed.iter().filter(|allowed| allowed.scope.covers(Some(peer)));
        own.map(|allowed| (allowed.used, allowed.limit)).reduce(|(used, limit), (more, room)| {
            (used.saturating_add(more), limit.saturating_add(room))
        })
    }

    /// Bytes that all peers took.
    pub fn taken(&self) -> u64 {
        self.callers.iter().map(|caller| caller.taken).sum()
    }

    /// Bytes a second that all peers take.
    pub fn rate(&self) -> u64 {
        self.callers.iter().map(|caller| caller.rate).sum()
    }

    /// How many peers are connected.
    pub fn connected(&self) -> usize {
        self.callers.iter().filter(|caller| caller.connections > 0).count()
    }
}

/// What goes on while a model is served.
#[derive(Debug, Default)]
pub struct Live {
    address: Option<SocketAddr>,
    callers: BTreeMap<PeerId, Taking>,
    turned_away: VecDeque<TurnedAway>,
    strangers: u64,
    allowed: Vec<Allowed>,
    changed: bool,
    shown: Option<Duration>,
}

/// What one peer did.
#[derive(Debug, Default)]
struct Taking {
    connections: u32,
    taken: u64,
    refused: u64,
    /// Bytes by the part of the time in which they went, oldest first.
    recent: VecDeque<(u32, u64)>,
}

impl Live {
    /// Hears what happened so long after serving began.
    pub fn hear(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Listening(address) => self.address = Some(*address),
            Event::Callers(news) => self.hear_callers(news, at),
            Event::Allowed(allowed) => self.allowed.clone_from(allowed),
        }
        self.changed = true;
    }

    fn hear_callers(&mut self, news: &ServeNews, at: Duration) {
        match news {
            ServeNews::Called(peer) => {
                if let Some(taking) = self.taking(*peer) {
                    taking.connections = taking.connections.saturating_add(1);
                }
            }
            ServeNews::Left(peer) => {
                if let Some(taking) = self.taking(*peer) {
                    taking.connections = taking.connections.saturating_sub(1);
                }
            }
            ServeNews::Sent { peer, bytes, .. } => {
                if let Some(taking) = self.taking(*peer) {
                    taking.take(*bytes, at);
                }
            }
            ServeNews::Refused { peer, .. } => {
                if let Some(taking) = self.taking(*peer) {
                    taking.refused = taking.refused.saturating_add(1);
                }
            }
            ServeNews::TurnedAway { from, why } => {
                self.strangers = self.strangers.saturating_add(1);
                self.turned_away.push_front(TurnedAway { from: *from, why: why.clone() });
                self.turned_away.truncate(MOST_TURNED_AWAY);
            }
        }
    }

    fn taking(&mut self, peer: PeerId) -> Option<&mut Taking> {
        if self.callers.len() >= MOST_PEERS && !self.callers.contains_key(&peer) {
            return None;
        }
        Some(self.callers.entry(peer).or_default())
    }

    /// A snapshot, if one is due: something happened since the last one, or bytes still count in a
    /// rate, and the last one is old enough.
    pub fn look(&mut self, at: Duration) -> Option<Snapshot> {
        let moves = self.callers.values().any(|taking| !taking.recent.is_empty());
        let is_due = match self.shown.map(|shown| at.saturating_sub(shown)) {
            None => true,
            Some(since) if self.changed => since >= INTERVAL,
            // Nothing new, and a rate falls.
            Some(since) => moves && since >= PART,
        };
        if !is_due {
            return None;
        }
        self.changed = false;
        self.shown = Some(at);
        Some(self.snapshot(at))
    }

    /// How it stands, whether that is due or not.
    pub fn snapshot(&mut self, at: Duration) -> Snapshot {
        let callers = self.callers.iter_mut().map(|(peer, taking)| Caller {
            peer: *peer,
            connections: taking.connections,
            taken: taking.taken,
            rate: taking.rate(at),
            refused: taking.refused,
        });
        let mut callers: Vec<Caller> = callers.collect();
        callers.sort_by_key(|caller| (Reverse(caller.taken), caller.peer));
        Snapshot {
            address: self.address,
            callers,
            turned_away: self.turned_away.iter().cloned().collect(),
            strangers: self.strangers,
            allowed: self.allowed.clone(),
        }
    }
}

impl Taking {
    fn take(&mut self, bytes: u64, at: Duration) {
        self.taken = self.taken.saturating_add(bytes);
        let now = number(at);
        match self.recent.back_mut() {
            Some((when, sum)) if *when == now => *sum = sum.saturating_add(bytes),
            _ => self.recent.push_back((now, bytes)),
        }
        self.forget(now);
    }

    fn forget(&mut self, now: u32) {
        while self.recent.front().is_some_and(|(when, _)| now.saturating_sub(*when) >= PARTS) {
            self.recent.pop_front();
        }
    }

    /// Bytes a second over the parts that count, or since the first bytes in them.
    fn rate(&mut self, at: Duration) -> u64 {
        self.forget(number(at));
        let Some((first, _)) = self.recent.front() else { return 0 };
        let since = at.saturating_sub(PART * *first).max(PART);
        let bytes: u64 = self.recent.iter().map(|(_, bytes)| *bytes).sum();
        let rate = u128::from(bytes) * 1_000 / since.as_millis().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// The number of the part in which something happened.
fn number(at: Duration) -> u32 {
    u32::try_from(at.as_millis() / PART.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use verifier::Sha256;
    use verifier::identity::{PeerId, SigningKey};

    use super::{Event, Live, MOST_TURNED_AWAY, ServeNews};
    use crate::ports::Refusal;

    fn peer(seed: u8) -> PeerId {
        SigningKey::from_seed([seed; 32]).public_key().peer_id()
    }

    fn sent(peer: PeerId, bytes: u64) -> Event {
        Event::Callers(ServeNews::Sent { peer, artifact: Sha256::of(b"x"), bytes })
    }

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_peer_has_its_sums() {
        let mut live = Live::default();
        let (anna, ben) = (peer(1), peer(2));
        live.hear(&Event::Listening("127.0.0.1:9410".parse().unwrap()), at(0));
        live.hear(&Event::Callers(ServeNews::Called(anna)), at(0));
        live.hear(&Event::Callers(ServeNews::Called(ben)), at(0));
        live.hear(&sent(anna, 100), at(0));
        live.hear(&sent(ben, 300), at(500));
        live.hear(&sent(ben, 300), at(1_000));
        let refused = ServeNews::Refused { peer: anna, refusal: Refusal::NotServed };
        live.hear(&Event::Callers(refused), at(1_000));
        live.hear(&Event::Callers(ServeNews::Left(anna)), at(1_000));
        let seen = live.snapshot(at(2_000));
        let who: Vec<_> = seen.callers.iter().map(|caller| caller.peer).collect();
        assert_eq!(who, [ben, anna]);
        let sums: Vec<_> = seen
            .callers
            .iter()
            .map(|caller| (caller.connections, caller.taken, caller.rate, caller.refused))
            .collect();
        assert_eq!(sums, [(1, 600, 400, 0), (0, 100, 50, 1)]);
        assert_eq!((seen.taken(), seen.rate(), seen.connected()), (700, 450, 1));
        assert_eq!(live.snapshot(at(9_000)).rate(), 0);
    }

    #[test]
    fn snapshots_come_when_there_is_something_to_see_and_not_too_often() {
        let mut live = Live::default();
        assert!(live.look(at(0)).is_some());
        assert!(live.look(at(1_000)).is_none());
        live.hear(&sent(peer(1), 1), at(1_000));
        assert!(live.look(at(1_000)).is_some());
        for millis in 1_001..1_100 {
            live.hear(&sent(peer(1), 1), at(millis));
            assert!(live.look(at(millis)).is_none());
        }
        assert_eq!(live.look(at(1_100)).unwrap().taken(), 100);
        let falling = (1_100..20_000).step_by(100).filter_map(|millis| live.look(at(millis)));
        let rates: Vec<u64> = falling.map(|snapshot| snapshot.rate()).collect();
        assert!(rates.len() < 12 && rates.last() == Some(&0), "{rates:?}");
        assert!(live.look(at(30_000)).is_none());
    }

    #[test]
    fn of_strangers_only_the_newest_are_remembered() {
        let mut live = Live::default();
        for port in 1..=20 {
            let from = ([127, 0, 0, 1], port).into();
            let why = "the peer is not paired".to_owned();
            live.hear(&Event::Callers(ServeNews::TurnedAway { from, why }), at(0));
        }
        let seen = live.snapshot(at(0));
        assert_eq!((seen.turned_away.len(), seen.strangers), (MOST_TURNED_AWAY, 20));
        assert_eq!(seen.turned_away[0].from.port(), 20);
    }
}
