//! What the library holds, in memory: read from the index at open, changed after it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use app::ports::{Model, PieceState, Pin};
use verifier::identity::PublicKey;
use verifier::piece::{PieceList, Source};
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::index::{CHANGES_LIMIT, Changes, Entry, Kept, Known};
use crate::pack::{BLOCK, Location, blocks};

/// Every artifact, and which addresses are kept.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) artifacts: BTreeMap<Sha256, Artifact>,
    /// Where the bytes of an address lie, by the address's first 8 bytes. Whoever trusts it reads
    /// the whole address at that place first.
    pub(crate) by_address: HashMap<u64, Location>,
    /// Places at which nothing sound lies, whatever `by_address` says.
    spoilt: HashSet<Location>,
    /// Who lies where, once it was asked for.
    users: Option<Users>,
    /// Bytes that live pieces and their headers take, by pack.
    pub(crate) live: BTreeMap<u32, u64>,
    pub(crate) quota: u64,
    /// How many times over each artifact is in use, by its digest: it may be forgotten and come
    /// back meanwhile.
    pub(crate) held: BTreeMap<Sha256, u32>,
}

/// Every piece that lies somewhere, in the order of places.
#[derive(Debug)]
struct Users {
    artifacts: Vec<Sha256>,
    /// The artifact by its number in the list.
    places: Vec<(Location, u32, PieceIndex)>,
}

impl Users {
    fn of(artifacts: &BTreeMap<Sha256, Artifact>) -> Self {
        let numbered = (0..).zip(artifacts.values());
        let mut places: Vec<_> = numbered
            .flat_map(|(number, entry)| {
                entry.lying().map(move |(index, place)| (place, number, index))
            })
            .collect();
        places.sort_unstable();
        Self { artifacts: artifacts.keys().copied().collect(), places }
    }
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

/// What is wrong with a piece that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Its bytes are others.
    Corrupt,
    /// The disk does not give them back, at this moment at least.
    Unread,
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

    /// Changes that say of these pieces that they are kept, with the next sequence numbers.
    pub(crate) fn changes(&mut self, artifact: Sha256, kept: &[(Source, Kept)]) -> Vec<Entry> {
        let parts = kept.chunks(CHANGES_LIMIT).map(|kept| {
            let changes = Changes::kept(kept.iter().copied());
            self.next += 1;
            Entry { artifact, sequence: self.next - 1, changes }
        });
        parts.collect()
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

    /// Where a piece lies, kept or not to be read at the moment.
    pub(crate) fn lies(&self, index: PieceIndex) -> Option<Location> {
        self.slots.get(index.as_usize()).and_then(Slot::lies)
    }

    /// Every piece that has a place, kept or not to be read at the moment, in file order.
    pub(crate) fn lying(&self) -> impl Iterator<Item = (PieceIndex, Location)> + '_ {
        let slots = self.known.geometry.indices().zip(&self.slots);
        slots.filter_map(|(index, slot)| slot.lies().map(|place| (index, place)))
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
        self.lies().filter(|_| self.state == State::Kept)
    }

    fn lies(&self) -> Option<Location> {
        let Self { pack, block, entry, .. } = *self;
        let has_place = matches!(self.state, State::Kept | State::Unread);
        has_place.then_some(Location { pack, block, entry })
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
                        self.spoilt.insert(place);
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
                        self.spoilt.remove(&piece.place());
                    }
                    _ => lost += 1,
                }
            }
        }
        for index in corrupt.iter().filter_map(|index| geometry.index(*index)) {
            self.spoilt.extend(entry.place(index));
            entry.spoil(index);
        }
        lost
    }

    /// Where the bytes of an address lie, as far as is known.
    pub(crate) fn place_of(&self, short: u64) -> Option<Location> {
        self.by_address.get(&short).copied().filter(|place| !self.is_spoilt(*place))
    }

    /// Whether nothing sound lies there.
    pub(crate) fn is_spoilt(&self, place: Location) -> bool {
        self.spoilt.contains(&place)
    }

    /// Says that sound bytes of this address lie there.
    pub(crate) fn lie_at(&mut self, short: u64, place: Location) {
        self.by_address.insert(short, place);
        self.spoilt.remove(&place);
    }

    /// Says that a piece lies elsewhere than before, or an artifact came or went.
    pub(crate) fn moved(&mut self) {
        self.users = None;
    }

    /// The pieces that lie at a place, by artifact. Asked for many places, one after the other, it
    /// goes through the library once.
    pub(crate) fn users(&mut self, place: Location) -> BTreeMap<Sha256, Vec<PieceIndex>> {
        let artifacts = &self.artifacts;
        let users = self.users.get_or_insert_with(|| Users::of(artifacts));
        let from = users.places.partition_point(|(other, ..)| *other < place);
        let there = users.places.iter().skip(from).take_while(|(other, ..)| *other == place);
        let mut found: BTreeMap<Sha256, Vec<PieceIndex>> = BTreeMap::new();
        for (_, number, index) in there {
            let Some(artifact) = users.artifacts.get(*number as usize) else { continue };
            let entry = artifacts.get(artifact);
            if entry.is_some_and(|entry| entry.lies(*index) == Some(place)) {
                found.entry(*artifact).or_default().push(*index);
            }
        }
        found
    }

    /// Marks what lies at a place as bad, for every artifact; gives the pieces.
    pub(crate) fn mark(&mut self, place: Location, bad: Bad) -> BTreeMap<Sha256, Vec<PieceIndex>> {
        let marked = self.users(place);
        let mut length = 0;
        for (artifact, pieces) in &marked {
            let Some(entry) = self.artifacts.get_mut(artifact) else { continue };
            for index in pieces {
                length = entry.known.geometry.length(*index);
                match bad {
                    Bad::Corrupt => entry.spoil(*index),
                    Bad::Unread => entry.miss(*index),
                }
            }
        }
        self.spoilt.insert(place);
        if let (Bad::Corrupt, Some(live)) = (bad, self.live.get_mut(&place.pack)) {
            *live = live.saturating_sub(blocks(length) * BLOCK);
        }
        marked
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

    /// How many pieces are kept, those of each artifact for itself.
    pub(crate) fn kept_pieces(&self) -> u64 {
        self.artifacts.values().map(|entry| u64::from(entry.have.count())).sum()
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

#[cfg(test)]
mod tests {
    use app::ports::Pin;
    use verifier::piece::Source;
    use verifier::scalars::{Id, UtcTime, Version};
    use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};

    use super::{Artifact, Bad, Catalogue};
    use crate::index::Known;
    use crate::pack::Location;

    fn artifact(pieces: u32) -> Artifact {
        Artifact::new(Known {
            model_id: Id::parse("tiny").unwrap(),
            model_version: Version::parse("1").unwrap(),
            manifest_sha256: Sha256::of(b"manifest"),
            geometry: Geometry::new(u64::from(pieces) * 16_384, 16_384).unwrap(),
            root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [0; 32]),
            pin: Pin::Unpinned,
            last_use: UtcTime::from_unix(0),
            last_verified: None,
        })
    }

    /// With a pass over the library for each of them, this would not end for minutes.
    #[test]
    fn a_hundred_thousand_bad_pieces_are_marked_one_by_one() {
        const PIECES: u32 = 100_000;
        let place = |block| Location { pack: 0, block, entry: 0 };
        let names = [b"one", b"two"].map(|name| Sha256::of(name));
        let mut catalogue = Catalogue::default();
        for name in names {
            let mut entry = artifact(PIECES);
            for index in entry.known.geometry.indices() {
                entry.keep(index, place(index.get()), Source::Local);
                catalogue.lie_at(index.get().into(), place(index.get()));
            }
            catalogue.artifacts.insert(name, entry);
        }
        catalogue.recount();
        let bytes = catalogue.live_bytes();
        for block in 0..PIECES - 1 {
            let bad = if block % 2 == 0 { Bad::Corrupt } else { Bad::Unread };
            let marked = catalogue.mark(place(block), bad);
            assert_eq!(marked.into_keys().count(), 2, "both share it");
            assert_eq!(catalogue.place_of(block.into()), None);
        }
        for entry in catalogue.artifacts.values() {
            assert_eq!((entry.have.count(), entry.lying().count()), (1, 50_000));
        }
        assert_eq!(catalogue.live_bytes(), bytes - 50_000 * 16_384);
        catalogue.lie_at(7, place(7));
        assert_eq!(catalogue.place_of(7), Some(place(7)));
        assert!(catalogue.mark(place(PIECES), Bad::Corrupt).is_empty());
    }
}
