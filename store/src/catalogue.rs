//! What the library holds, in memory: read from the index at open, changed after it.

mod addresses;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use app::ports::{Model, PieceState, Pin};
use verifier::identity::PublicKey;
use verifier::piece::{PieceList, Source};
use verifier::{Bitfield, PieceIndex, Sha256};

pub(crate) use addresses::Addresses;

use crate::index::{CHANGES_LIMIT, Changes, Entry, Kept, Known};
use crate::pack::{BLOCK, Location, blocks};
use users::Users;

/// Every artifact, and which addresses are kept.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) artifacts: BTreeMap<Sha256, Artifact>,
    pub(crate) addresses: Addresses,
    /// Who lies where, from when it was asked for until it is dropped.
    users: Option<Users>,
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
    pub(crate) output: Option<Promised>,
}

/// Bytes of a device that an output may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promised {
    pub(crate) device: u64,
    pub(crate) bytes: u64,
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
                PieceState::Kept {
                    source: source.copied().unwrap_or(Source::Local),
                    verified: None,
                }
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
                        self.addresses.spoil(place);
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
                        self.addresses.lie_at(piece.short, piece.place());
                    }
                    _ => lost += 1,
                }
            }
        }
        for index in corrupt.iter().filter_map(|index| geometry.index(*index)) {
            if let Some(place) = entry.place(index) {
                self.addresses.spoil(place);
            }
            entry.spoil(index);
        }
        lost
    }

    /// Marks a piece as kept, for which the room that was promised is used now; whether there is
    /// such an artifact.
    pub(crate) fn keep(
        &mut self,
        artifact: Sha256,
        index: PieceIndex,
        place: Location,
        source: Source,
    ) -> bool {
        let Some(entry) = self.artifacts.get_mut(&artifact) else { return false };
        let length = entry.known.geometry.length(index);
        let before = entry.lies(index).filter(|before| *before != place);
        entry.keep(index, place, source);
        if let Some(lease) = &mut entry.lease {
            lease.reserved = lease.reserved.saturating_sub(blocks(length) * BLOCK);
        }
        if let Some(users) = &mut self.users {
            users.lie_at(artifact, index, place);
        }
        if let Some(before) = before {
            self.take_off(before, length);
        }
        true
    }

    /// Forgets who lies where, which is asked for again when it is needed: it takes memory for
    /// every piece.
    pub(crate) fn drop_users(&mut self) {
        self.users = None;
    }

    /// The pieces that lie at a place, by artifact. Asked for many places, one after the other, it
    /// goes through the library once.
    pub(crate) fn users(&mut self, place: Location) -> BTreeMap<Sha256, Vec<PieceIndex>> {
        let mut found: BTreeMap<Sha256, Vec<PieceIndex>> = BTreeMap::new();
        for (artifact, index) in self.lying(place, place) {
            found.entry(artifact).or_default().push(index);
        }
        found
    }

    /// The pieces that lie from one place to another.
    fn lying(
        &mut self,
        from: Location,
        to: Location,
    ) -> impl Iterator<Item = (Sha256, PieceIndex)> + '_ {
        let artifacts = &self.artifacts;
        let users = self.users.get_or_insert_with(|| Users::of(artifacts));
        users.between(from, to).filter_map(|(place, artifact, index)| {
            let entry = artifacts.get(&artifact)?;
            let index = entry.known.geometry.index(index)?;
            (entry.lies(index) == Some(place)).then_some((artifact, index))
        })
    }

    /// Takes a place off what is live if no piece lies there any more, and the header of its run if
    /// none lies in that.
    fn take_off(&mut self, place: Location, length: u32) {
        if self.lying(place, place).next().is_some() {
            return;
        }
        let in_run = |entry| Location { entry, ..place };
        let has_header = self.lying(in_run(0), in_run(u8::MAX)).next().is_some();
        let taken = blocks(length) + u64::from(!has_header);
        if let Some(live) = self.live.get_mut(&place.pack) {
            *live = live.saturating_sub(taken * BLOCK);
        }
        if let Some(users) = &mut self.users {
            users.leave(place);
        }
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
        self.addresses.spoil(place);
        if !marked.is_empty() {
            self.take_off(place, length);
        }
        marked
    }

    /// Whether an artifact may go to make room.
    pub(crate) fn may_evict(&self, artifact: Sha256) -> bool {
        let entry = self.artifacts.get(&artifact);
        !self.is_used(artifact) && entry.is_some_and(|entry| entry.known.pin == Pin::Unpinned)
    }

    /// Whether somebody works with an artifact: holds it, or imports it.
    pub(crate) fn is_used(&self, artifact: Sha256) -> bool {
        let entry = self.artifacts.get(&artifact);
        self.held.contains_key(&artifact) || entry.is_some_and(|entry| entry.lease.is_some())
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

    /// Bytes of a device that were promised to outputs.
    pub(crate) fn outputs(&self, device: u64) -> u64 {
        let promised = self.leases().filter_map(|lease| lease.output);
        promised.filter(|output| output.device == device).map(|output| output.bytes).sum()
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
mod tests;
