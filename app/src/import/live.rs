//! A running import as people watch it: how far it is, how fast, from whom, and why it waits.

mod meter;
mod sentence;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verifier::identity::PeerId;
use verifier::piece::Source;
use verifier::{Bitfield, Code, Geometry};

use super::{Plan, bytes_of};
use crate::event::Event;
use crate::ports::{Evictable, PullNews};

pub use meter::Meter;
use meter::Record;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Room is being made.
    Preparing,
    /// Pieces are fetched.
    Fetching,
    /// All pieces are kept, and the whole is being verified.
    Verifying,
    /// Artifact and receipt get their names.
    Naming,
}

/// Where a peer of an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is being called.
    Called,
    /// A session with it is open.
    Connected,
    /// The session ended or could not be made; it may be called again.
    Lost {
        /// What it did, to be read after its name.
        why: String,
    },
    /// The user's consent to fetch from it ended: it is not asked any more.
    NotAsked {
        /// What became of the consent, as one clause.
        why: String,
    },
    /// It lied or broke the protocol, and is not used again.
    Banned {
        /// What it did.
        code: Code,
        /// The same, to be read after its name.
        why: String,
        /// Whether it lied, and is not called by later imports either.
        lied: bool,
    },
}

/// A peer of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The peer.
    pub id: PeerId,
    /// What the user calls it.
    pub label: String,
    /// Where it is.
    pub presence: Presence,
    /// How many of the wanted pieces it had when it was last connected; what its offer names
    /// before that.
    pub holds: u32,
    /// Pieces that it gave.
    pub pieces: u64,
    /// Bytes that it gave.
    pub bytes: u64,
    /// Bytes a second over the last few seconds.
    pub rate: u64,
}

/// How fast an import was from its start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Bytes a second, one sample a step, oldest first.
    pub samples: Arc<[u64]>,
    /// How long a step is.
    pub step: Duration,
}

/// How an import stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How far it is.
    pub stage: Stage,
    /// The artifact's length in bytes.
    pub total: u64,
    /// Bytes kept, those that were here before among them.
    pub kept: u64,
    /// How many pieces the artifact has.
    pub pieces: u32,
    /// Pieces kept.
    pub pieces_kept: u32,
    /// Bytes that came from peers.
    pub fetched: u64,
    /// Bytes a second over the last few seconds.
    pub rate: u64,
    /// How long the rest takes at this rate.
    pub left: Option<Duration>,
    /// Since when it runs.
    pub elapsed: Duration,
    /// The peers, as the plan names them.
    pub peers: Vec<Peer>,
    /// How fast it was.
    pub history: History,
    /// What it waits for, and what ends the wait.
    pub sentence: String,
    /// A folder on the full disk that it is paused for.
    pub paused: Option<Arc<Path>>,
    /// What was given up to make room for it.
    pub evicted: Vec<Evictable>,
}

/// Hears the events of one import, and says how it stands.
///
/// It allocates nothing for a piece, so it can stand between the engine and a watcher.
#[derive(Debug)]
pub struct Live {
    geometry: Geometry,
    started: Instant,
    stage: Stage,
    kept: u64,
    pieces_kept: u32,
    fetched: u64,
    peers: Vec<(Peer, Meter)>,
    meter: Meter,
    record: Record,
    /// Bytes that have come of pieces that are not whole yet.
    coming: u64,
    /// Bytes that came, whole pieces or not, as far as they are in the rate; and whether some of them were
    /// lost with a connection since.
    counted: u64,
    lost: bool,
    waiting: Option<String>,
    paused: Option<Arc<Path>>,
    evicted: Vec<Evictable>,
}

impl Live {
    /// An import that starts now.
    pub fn new(plan: &Plan, now: Instant) -> Self {
        let geometry = *plan.geometry();
        let missing = plan.have().complement();
        let peers = plan.called().iter().map(|called| {
            let peer = Peer {
                id: called.id,
                label: called.label.to_string(),
                presence: Presence::Called,
                holds: common(&called.offered, &missing),
                pieces: 0,
                bytes: 0,
                rate: 0,
            };
            (peer, Meter::new(now))
        });
        let mut live = Self {
            geometry,
            started: now,
            stage: Stage::Preparing,
            kept: 0,
            pieces_kept: 0,
            fetched: 0,
            peers: peers.collect(),
            meter: Meter::new(now),
            record: Record::new(now),
            coming: 0,
            counted: 0,
            lost: false,
            waiting: None,
            paused: None,
            evicted: Vec::new(),
        };
        live.have(plan.have());
        live
    }

    fn have(&mut self, have: &Bitfield) {
        self.kept = bytes_of(have, &self.geometry);
        self.pieces_kept = have.count();
    }

    /// Hears what happens at this moment.
    pub fn hear(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Evicted(evicted) => self.evicted.clone_from(evicted),
            Event::Reserved { have } => {
                self.have(have);
                self.stage = Stage::Fetching;
            }
            Event::ListProven { have } => self.have(have),
            Event::Verified { source, bytes, .. } => {
                self.moves(now);
                if let Source::Peer(id) = source {
                    self.arrived(*id, *bytes, now);
                }
            }
            Event::Kept { bytes, .. } => {
                self.kept = self.kept.saturating_add(*bytes);
                self.pieces_kept = self.pieces_kept.saturating_add(1);
            }
            Event::Verifying => {
                self.record.roll(now);
                self.stage = Stage::Verifying;
            }
            Event::Naming => self.stage = Stage::Naming,
            Event::Paused(place) => self.paused = Some(Arc::clone(place)),
            Event::Resumed => {
                self.paused = None;
                self.measure_anew(now);
            }
            Event::Peers(news) => self.hear_peers(news, now),
            Event::ConsentEnded(peer, why) => {
                if let Some((peer, _)) = self.peer(*peer) {
                    peer.presence = Presence::NotAsked { why: why.to_string() };
                }
            }
            Event::NotPaired(_) | Event::Blocked(_) => {}
        }
    }

    fn arrived(&mut self, id: PeerId, bytes: u64, now: Instant) {
        self.fetched = self.fetched.saturating_add(bytes);
        self.coming = self.coming.saturating_sub(bytes);
        self.count(now);
        if let Some((peer, meter)) = self.peer(id) {
            peer.pieces = peer.pieces.saturating_add(1);
            peer.bytes = peer.bytes.saturating_add(bytes);
            meter.add(bytes, now);
        }
    }

    /// Counts what came since this was done last.
    fn count(&mut self, now: Instant) {
        let came = self.fetched.saturating_add(self.coming);
        if std::mem::take(&mut self.lost) {
            self.counted = self.counted.min(came);
        }
        let bytes = came.saturating_sub(self.counted);
        self.counted = self.counted.max(came);
        self.meter.add(bytes, now);
        self.record.add(bytes, now);
    }

    /// What was waited for is there: the time before it is no measure of what comes from now on.
    fn moves(&mut self, now: Instant) {
        if self.waiting.take().is_some() {
            self.measure_anew(now);
        }
    }

    fn measure_anew(&mut self, now: Instant) {
        self.meter = Meter::new(now);
        for (_, meter) in &mut self.peers {
            *meter = Meter::new(now);
        }
    }

    fn hear_peers(&mut self, news: &PullNews, now: Instant) {
        match news {
            PullNews::Connected { peer, pieces } => {
                if let Some((peer, meter)) = self.peer(*peer) {
                    peer.presence = Presence::Connected;
                    peer.holds = *pieces;
                    *meter = Meter::new(now);
                }
            }
            PullNews::Lost { peer, why } => {
                self.lost = true;
                if let Some((peer, _)) = self.peer(*peer)
                    && !matches!(peer.presence, Presence::NotAsked { .. })
                {
                    peer.presence = Presence::Lost { why: why.clone() };
                }
            }
            PullNews::Banned { peer, code, why, untrue, .. } => {
                self.lost = true;
                if let Some((peer, _)) = self.peer(*peer) {
                    let (code, why) = (*code, why.clone());
                    peer.presence = Presence::Banned { code, why, lied: untrue.is_some() };
                }
            }
            PullNews::Waiting(sentence) => self.waiting = Some(sentence.clone()),
            PullNews::Moving => self.moves(now),
            PullNews::Coming(bytes) => {
                self.coming = *bytes;
                self.count(now);
            }
            PullNews::Asked { .. } | PullNews::Arrived { .. } | PullNews::Availability(_) => {}
        }
    }

    fn peer(&mut self, id: PeerId) -> Option<&mut (Peer, Meter)> {
        self.peers.iter_mut().find(|(peer, _)| peer.id == id)
    }

    /// How the import stands at this moment.
    pub fn snapshot(&mut self, now: Instant) -> Snapshot {
        let fetches = self.stage <= Stage::Fetching;
        if fetches {
            self.record.roll(now);
        }
        let rate = if fetches { self.meter.rate(now) } else { 0 };
        let peers: Vec<Peer> = self
            .peers
            .iter()
            .map(|(peer, meter)| {
                let moves = fetches && peer.presence == Presence::Connected;
                Peer { rate: if moves { meter.rate(now) } else { 0 }, ..peer.clone() }
            })
            .collect();
        let total = self.geometry.byte_count();
        let missing = total.saturating_sub(self.kept);
        let left = (fetches && rate > 0 && self.waiting.is_none() && self.paused.is_none())
            .then(|| Duration::from_secs(missing.div_ceil(rate)))
            .filter(|left| *left < Duration::from_secs(100 * 86_400));
        let waiting = self.waiting.as_deref();
        let missing_pieces = self.geometry.piece_count().saturating_sub(self.pieces_kept);
        Snapshot {
            stage: self.stage,
            total,
            kept: self.kept,
            pieces: self.geometry.piece_count(),
            pieces_kept: self.pieces_kept,
            fetched: self.fetched,
            rate,
            left,
            elapsed: now.saturating_duration_since(self.started),
            history: self.record.history(),
            sentence: match &self.paused {
                Some(place) => paused(place),
                None => {
                    sentence::of(self.stage, &peers, waiting, [missing_pieces.into(), self.coming])
                }
            },
            paused: self.paused.clone(),
            evicted: self.evicted.clone(),
            peers,
        }
    }
}

/// What is said of an import that is paused, as the disk of that folder is full.
pub fn paused(place: &Path) -> String {
    let place = place.display();
    format!("Paused: the disk of {place} is full. It goes on by itself when there is room.")
}

/// How many pieces are in both.
fn common(one: &Bitfield, other: &Bitfield) -> u32 {
    let bytes = one.as_bytes().iter().zip(other.as_bytes());
    bytes.map(|(one, other)| (one & other).count_ones()).sum()
}
