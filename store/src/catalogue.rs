//! What the library holds, in memory: read from the index at open, changed after it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use app::ports::{Model, PieceState, Pin};
use verifier::identity::PublicKey;
use verifier::piece::{PieceList, Source};
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::index::{Changes, Known};
use crate::pack::{BLOCK, Location, blocks};

/// Every artifact, and which addresses are kept.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) artifacts: BTreeMap<Sha256, Artifact>,
    /// Where the bytes of an address lie, by the address's first 8 bytes. Whoever trusts it reads
    /// the whole address at that place first.
    pub(crate) by_address: HashMap<u64, Location>,
    /// Bytes that live pieces and their headers take, by pack.
    pub(crate) live: BTreeMap<u32, u64>,
    pub(crate) quota: u64,
    /// How many times over each artifact is in use, by its digest: it may be forgotten and come
    /// back meanwhile.
    pub(crate) held: BTreeMap<Sha256, u32>,
}

/// One artifact.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) known: Known,
    pub(crate) have: Bitfield,
    slots: Vec<Slot>,
    sources: Vec<Source>,
    /// The sequence number of its next change.
    pub(crate) next: u64,
    pub(crate) lease: Option<Lease>,
    /// Kept in memory while it is leased.
    pub(crate) list: Option<Arc<PieceList>>,
}

/// Room promised to an import, and protection from eviction.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) reserved: u64,
    /// Bytes of an output that lies on the store's own device.
    pub(crate) output: u64,
}

/// What is known of a piece, in as few bytes as a million of them allow.
#[derive(Debug, Clone, Copy)]
struct Slot {
    pack: u32,
    block: u32,
    source: u16,
    entry: u8,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    Kept,
    Corrupt,
    /// It lies where it did, and the disk did not give it back.
    Unread,
}

const MISSING: Slot = Slot { pack: 0, block: 0, source: 0, entry: 0, state: State::Missing };

impl Artifact {
    pub(crate) fn new(known: Known) -> Self {
        let count = known.geometry.piece_count();
        Self {
            known,
            have: Bitfield::empty(count),
            slots: vec![MISSING; count as usize],
            sources: Vec::new(),
            next: 0,
            lease: None,
            list: None,
        }
    }

    /// Where a kept piece lies.
    pub(crate) fn place(&self, index: PieceIndex) -> Option<Location> {
        self.slots.get(index.as_usize()).and_then(Slot::place)
    }

    /// Marks a piece as kept.
    pub(crate) fn keep(&mut self, index: PieceIndex, place: Location, source: Source) {
        let source = self.source(source);
        if let Some(slot) = self.slots.get_mut(index.as_usize()) {
            let Location { pack, block, entry } = place;
            *slot = Slot { pack, block, source, entry, state: State::Kept };
            self.have.insert(index);
        }
    }

    /// Marks a piece as corrupt, if it lies at that place.
    pub(crate) fn spoil(&mut self, index: PieceIndex) {
        if let Some(slot) = self.slots.get_mut(index.as_usize()) {
            slot.state = State::Corrupt;
            self.have.remove(index);
        }
    }

    /// Marks a kept piece as one that cannot be read.
    pub(crate) fn miss(&mut self, index: PieceIndex) {
        if let Some(slot) = self.slots.get_mut(index.as_usize()) {
            slot.state = State::Unread;
            self.have.remove(index);
        }
    }

    /// Where a piece came from that is kept, or was.
    pub(crate) fn came_from(&self, index: PieceIndex) -> Source {
        let slot = self.slots.get(index.as_usize());
        let source = slot.and_then(|slot| self.sources.get(usize::from(slot.source)));
        source.copied().unwrap_or(Source::Local)
    }

    /// Every piece that has a place, kept or not to be read at the moment, in file order.
    pub(crate) fn lying(&self) -> impl Iterator<Item = (PieceIndex, Location)> + '_ {
        let slots = self.known.geometry.indices().zip(&self.slots);
        slots.filter_map(|(index, slot)| {
            let has_place = matches!(slot.state, State::Kept | State::Unread);
            let Slot { pack, block, entry, .. } = *slot;
            has_place.then_some((index, Location { pack, block, entry }))
        })
    }

    /// Every kept piece and its place, in file order.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (PieceIndex, Location)> + '_ {
        let places = self.known.geometry.indices().zip(&self.slots);
        places.filter_map(|(index, slot)| slot.place().map(|place| (index, place)))
    }

    pub(crate) fn map(&self) -> Vec<PieceState> {
        let state = |slot: &Slot| match slot.state {
            State::Missing => PieceState::Missing,
            State::Corrupt | State::Unread => PieceState::Corrupt,
            State::Kept => {
                let source = self.sources.get(usize::from(slot.source));
                PieceState::Kept(source.copied().unwrap_or(Source::Local))
            }
        };
        self.slots.iter().map(state).collect()
    }

    pub(crate) fn model(&self, artifact: Sha256) -> Model {
        Model {
            model_id: self.known.model_id.clone(),
            model_version: self.known.model_version.clone(),
            artifact,
            manifest_sha256: self.known.manifest_sha256,
            geometry: self.known.geometry,
            root: self.known.root,
            have: self.have.clone(),
            pin: self.known.pin,
            last_use: self.known.last_use,
            last_verified: self.known.last_verified,
        }
    }

    /// The source's number; the first one's when there are too many to number.
    fn source(&mut self, source: Source) -> u16 {
        let place = self.sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        });
        u16::try_from(place).unwrap_or(0)
    }
}

impl Slot {
    fn place(&self) -> Option<Location> {
        let Self { pack, block, entry, .. } = *self;
        (self.state == State::Kept).then_some(Location { pack, block, entry })
    }
}

impl Catalogue {
    /// Applies changes as the index tells them; a place that `exists` denies is left out.
    pub(crate) fn replay(
        &mut self,
        artifact: Sha256,
        changes: &Changes,
        exists: impl Fn(Location) -> bool,
    ) -> u32 {
        let mut lost = 0;
        let Some(entry) = self.artifacts.get_mut(&artifact) else { return lost };
        let geometry = entry.known.geometry;
        let (kept, corrupt) = match changes {
            Changes::V0 { kept, corrupt } => (kept, corrupt),
            Changes::V1 { unread } => {
                for index in unread.iter().filter_map(|index| geometry.index(*index)) {
                    if let Some(place) = entry.place(index) {
                        entry.miss(index);
                        self.by_address.retain(|_, other| *other != place);
                    }
                }
                return lost;
            }
        };
        for group in kept {
            let source = source(group.peer);
            for piece in &group.pieces {
                match geometry.index(piece.index) {
                    Some(index) if exists(piece.place()) => {
                        entry.keep(index, piece.place(), source);
                        self.by_address.insert(piece.short, piece.place());
                    }
                    _ => lost += 1,
                }
            }
        }
        for index in corrupt.iter().filter_map(|index| geometry.index(*index)) {
            let place = entry.place(index);
            entry.spoil(index);
            self.by_address.retain(|_, other| Some(*other) != place);
        }
        lost
    }

    /// Whether an artifact may go to make room.
    pub(crate) fn may_evict(&self, artifact: Sha256) -> bool {
        !self.held.contains_key(&artifact)
            && self
                .artifacts
                .get(&artifact)
                .is_some_and(|entry| entry.lease.is_none() && entry.known.pin == Pin::Unpinned)
    }

    /// Every place that a piece of the library lies at, with its length, once, in order.
    pub(crate) fn places(&self) -> Vec<(Location, u32)> {
        let all = self.artifacts.values();
        let mut places: Vec<_> = all
            .flat_map(|artifact| {
                let geometry = &artifact.known.geometry;
                artifact.lying().map(|(index, place)| (place, geometry.length(index)))
            })
            .collect();
        places.sort_unstable();
        places.dedup_by_key(|(place, _)| *place);
        places
    }

    /// Counts what is live anew; gives the places in use.
    pub(crate) fn recount(&mut self) -> Vec<(Location, u32)> {
        let places = self.places();
        self.live.clear();
        let mut header = None;
        for (place, length) in &places {
            let live = self.live.entry(place.pack).or_default();
            *live += blocks(*length) * BLOCK;
            if header.replace((place.pack, place.block)) != Some((place.pack, place.block)) {
                *live += BLOCK;
            }
        }
        places
    }

    /// Bytes of the library in packs.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.live.values().sum()
    }

    /// Bytes promised to imports.
    pub(crate) fn reserved(&self) -> u64 {
        self.leases().map(|lease| lease.reserved).sum()
    }

    /// Bytes that outputs may take on the store's own device.
    pub(crate) fn outputs(&self) -> u64 {
        self.leases().map(|lease| lease.output).sum()
    }

    fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.artifacts.values().filter_map(|artifact| artifact.lease.as_ref())
    }
}

/// An address's first 8 bytes.
pub(crate) fn short(address: &[u8; 32]) -> u64 {
    address.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The source that a public key in the index stands for.
pub(crate) fn source(peer: Option<[u8; 32]>) -> Source {
    match peer.map(PublicKey::from_bytes) {
        Some(Ok(key)) => Source::Peer(key.peer_id()),
        _ => Source::Local,
    }
}
