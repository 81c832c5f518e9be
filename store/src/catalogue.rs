//! What the library holds, in memory: read from the index at open, changed after it.

mod cell;
pub(crate) mod elsewhere;
mod heirs;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use app::ports::{Model, PieceState, Pin};
use verifier::identity::{PeerId, PublicKey};
use verifier::piece::{PieceList, Source};
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

pub(crate) use cell::{Cell, Home, State};
pub(crate) use elsewhere::{Elsewhere, Place};
pub(crate) use heirs::Heirs;

use crate::error::StoreError;
use crate::index::{Facts, Known, Row};
use crate::room::in_blocks;

/// How many pieces one value of the index tells of.
pub(crate) const BLOCK: u32 = 2_048;

/// Every artifact.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) artifacts: BTreeMap<Sha256, Artifact>,
    /// The life that was given last.
    lives: u64,
    pub(crate) quota: u64,
    /// How many times over each artifact is in use, by its digest: it may be forgotten and come
    /// back meanwhile.
    pub(crate) held: BTreeMap<Sha256, u32>,
    /// Artifacts of which something waits until the disk has room.
    pub(crate) waiting: BTreeSet<Sha256>,
}

/// One artifact.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) known: Known,
    pub(crate) have: Bitfield,
    cells: Vec<Cell>,
    /// Whoever pieces came from; a source of the number 0 is none of them.
    peers: Vec<PeerId>,
    /// Whether the index does not have all of them.
    pub(crate) has_new_peer: bool,
    pub(crate) elsewhere: Elsewhere,
    /// No other artifact that is or was in this catalogue has the same. What was written in an
    /// earlier one does not count any more.
    pub(crate) life: u64,
    pub(crate) behind: Behind,
    pub(crate) lease: Option<Lease>,
    /// Kept in memory while it is leased.
    pub(crate) list: Option<Arc<PieceList>>,
}

/// How far the index is behind, of one artifact.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behind {
    /// The changes that the index has beside its blocks.
    pub(crate) deltas: Range<u64>,
    /// The blocks that are not as they are here, at least without those changes.
    pub(crate) blocks: BTreeSet<u32>,
    /// Whether something is not even in those changes.
    pub(crate) is_unwritten: bool,
}

/// Room promised to an import, and protection from eviction.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Bytes that its file may take, with what belongs to it.
    pub(crate) most: u64,
    pub(crate) output: Option<Promised>,
    /// Whether the artifact's file will be the output.
    pub(crate) is_output: bool,
}

/// Bytes of a device that an output may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promised {
    pub(crate) device: u64,
    pub(crate) bytes: u64,
}

/// What is wrong with a piece that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Its bytes are others.
    Corrupt,
    /// The disk does not give them back, at this moment at least.
    Unread,
}

impl Artifact {
    /// Whether its piece list is known to be here.
    pub(crate) const fn is_listed(&self) -> bool {
        self.list.is_some()
    }

    fn new(known: Known, life: u64) -> Self {
        let count = known.geometry.piece_count();
        Self {
            known,
            have: Bitfield::empty(count),
            cells: vec![Cell::default(); count as usize],
            peers: Vec::new(),
            has_new_peer: false,
            elsewhere: Elsewhere::default(),
            life,
            behind: Behind::default(),
            lease: None,
            list: None,
        }
    }

    /// What is known of a piece.
    pub(crate) fn cell(&self, index: PieceIndex) -> Cell {
        self.cells.get(index.as_usize()).copied().unwrap_or_default()
    }

    /// Puts down what is known of a piece, as the index has it.
    pub(crate) fn put(&mut self, index: PieceIndex, cell: Cell) {
        if let Some(known) = self.cells.get_mut(index.as_usize()) {
            *known = cell;
            if cell.state() == State::Kept {
                self.have.insert(index);
            } else {
                self.have.remove(index);
            }
        }
    }

    /// The same, and that the index does not have it yet.
    pub(crate) fn change(&mut self, index: PieceIndex, cell: Cell) {
        self.put(index, cell);
        self.behind.blocks.insert(index.get() / BLOCK);
        self.behind.is_unwritten = true;
    }

    /// Where a piece lies, kept or not to be read at the moment.
    pub(crate) fn place(&self, artifact: Sha256, index: PieceIndex) -> Option<Place> {
        let cell = self.cell(index);
        match cell.home() {
            _ if !cell.has_place() => None,
            Home::Own => Some(Place { holder: artifact, index: index.get() }),
            Home::Other => self.elsewhere.get(index.get()),
        }
    }

    /// Every piece that lies somewhere, in file order.
    pub(crate) fn lying(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        let cells = self.known.geometry.indices().zip(&self.cells);
        cells.filter(|(_, cell)| cell.has_place()).map(|(index, _)| index)
    }

    /// Every piece that lies in another artifact's file, and where.
    pub(crate) fn lying_elsewhere(&self) -> impl Iterator<Item = (PieceIndex, Place)> + '_ {
        let lying = (!self.elsewhere.is_empty()).then(|| self.lying());
        lying.into_iter().flatten().filter_map(|index| {
            let is_other = self.cell(index).home() == Home::Other;
            Some((index, self.elsewhere.get(index.get()).filter(|_| is_other)?))
        })
    }

    /// Whether a piece lies in its own file, as this artifact, or lies nowhere yet.
    pub(crate) fn is_own(&self, artifact: Sha256, index: PieceIndex) -> bool {
        self.place(artifact, index).is_none_or(|place| place.holder == artifact)
    }

    /// Bytes promised to it beside those that its file takes.
    pub(crate) fn reserved(&self, taken: u64) -> u64 {
        self.lease.as_ref().map_or(0, |lease| lease.most.saturating_sub(taken))
    }

    pub(crate) fn map(&self) -> Vec<PieceState> {
        let state = |cell: &Cell| match cell.state() {
            State::Missing => PieceState::Missing,
            State::Corrupt | State::Unread => PieceState::Corrupt,
            State::Kept => {
                let (source, verified) = (self.source(cell.source()), Some(cell.day()));
                PieceState::Kept { source, verified }
            }
        };
        self.cells.iter().map(state).collect()
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
            outside: self.known.outside.as_ref().map(|places| places.main().0),
        }
    }

    fn source(&self, number: u16) -> Source {
        let peer = usize::from(number).checked_sub(1).and_then(|at| self.peers.get(at));
        peer.map_or(Source::Local, |peer| Source::Peer(*peer))
    }

    /// The source's number; that of nobody when there are too many to number.
    pub(crate) fn number(&mut self, source: Source) -> u16 {
        let Source::Peer(peer) = source else { return 0 };
        let known = self.peers.iter().position(|known| *known == peer);
        let at = known.unwrap_or(self.peers.len());
        if at + 1 >= Cell::SOURCES {
            return 0;
        }
        if known.is_none() {
            self.peers.push(peer);
            self.has_new_peer = true;
        }
        u16::try_from(at + 1).unwrap_or(0)
    }

    /// What the index is to know of it beside its pieces, with these facts.
    pub(crate) fn row(&self, facts: Facts) -> Row {
        let peers = self.peers.iter().map(|peer| *peer.public_key().as_bytes()).collect();
        Row::V0 { facts, peers, elsewhere: self.elsewhere.rows() }
    }

    /// The cells of a block.
    pub(crate) fn block(&self, block: u32) -> &[Cell] {
        let first = block.saturating_mul(BLOCK) as usize;
        let end = first.saturating_add(BLOCK as usize).min(self.cells.len());
        self.cells.get(first..end).unwrap_or_default()
    }
}

impl Catalogue {
    /// Puts an artifact in that has no pieces yet.
    pub(crate) fn add(&mut self, artifact: Sha256, known: Known) -> &mut Artifact {
        self.lives += 1;
        let entry = Artifact::new(known, self.lives);
        match self.artifacts.entry(artifact) {
            Entry::Occupied(mut old) => {
                old.insert(entry);
                old.into_mut()
            }
            Entry::Vacant(free) => free.insert(entry),
        }
    }

    /// What is still being written of an artifact is not kept any more: its file is another one now, or
    /// has lost something.
    pub(crate) fn begin_anew(&mut self, artifact: Sha256) {
        self.lives += 1;
        if let Some(entry) = self.artifacts.get_mut(&artifact) {
            entry.life = self.lives;
        }
    }

    /// Puts an artifact in as the index knows it; `false` if its row is none.
    pub(crate) fn read(
        &mut self,
        artifact: Sha256,
        known: Known,
        peers: &[[u8; 32]],
        elsewhere: Elsewhere,
    ) -> bool {
        let peers = peers.iter().map(|key| Some(PublicKey::from_bytes(*key).ok()?.peer_id()));
        let Some(peers) = peers.collect() else { return false };
        let entry = self.add(artifact, known);
        (entry.peers, entry.elsewhere) = (peers, elsewhere);
        true
    }

    /// An artifact that must be there.
    pub(crate) fn artifact(&self, artifact: Sha256) -> Result<&Artifact, StoreError> {
        self.artifacts.get(&artifact).ok_or(StoreError::NotReserved(artifact))
    }

    /// The other artifacts that have anything that stays, and may have the same pieces.
    pub(crate) fn alike(&self, artifact: Sha256) -> Vec<Sha256> {
        let Some(own) = self.artifacts.get(&artifact) else { return Vec::new() };
        let algorithm = own.known.root.algorithm();
        let others = self.artifacts.iter().filter(|(other, entry)| {
            **other != artifact
                && entry.known.root.algorithm() == algorithm
                && entry.known.outside.is_none()
                && !entry.have.is_empty()
        });
        others.map(|(artifact, _)| *artifact).collect()
    }

    /// Says of pieces that they are kept where others have them, or, of those that were copied, in
    /// the own file; gives those that are. There may be too many for all to be.
    pub(crate) fn refer(
        &mut self,
        artifact: Sha256,
        found: &[(PieceIndex, Place)],
        copied: &[PieceIndex],
    ) -> Vec<PieceIndex> {
        let mut taken = Vec::new();
        for (index, place) in found {
            // What was read in the meantime may have turned out to be bad.
            let there = self.cell_at(*place);
            let is_there = there.state() == State::Kept;
            let Some(entry) = self.artifacts.get_mut(&artifact).filter(|_| is_there) else {
                continue;
            };
            let is_copied = copied.binary_search(index).is_ok();
            // An output is whole in itself.
            if !is_copied && (entry.elsewhere.is_full() || entry.known.outside.is_some()) {
                continue;
            }
            let home = if is_copied { Home::Own } else { Home::Other };
            if home == Home::Other {
                entry.elsewhere.put(index.get(), *place);
            }
            // It was not read now.
            entry.change(*index, Cell::kept(0, home, there.day()));
            taken.push(*index);
        }
        taken
    }

    /// What is known of what lies at a place.
    pub(crate) fn cell_at(&self, place: Place) -> Cell {
        let holder = self.artifacts.get(&place.holder);
        let cell =
            holder.and_then(|holder| Some(holder.cell(holder.known.geometry.index(place.index)?)));
        cell.filter(|cell| cell.home() == Home::Own).unwrap_or_default()
    }

    /// Says that a piece is kept; whether there is such an artifact, of that life.
    pub(crate) fn keep(
        &mut self,
        artifact: Sha256,
        life: u64,
        index: PieceIndex,
        cell: Cell,
    ) -> bool {
        let entry = self.artifacts.get_mut(&artifact).filter(|entry| entry.life == life);
        entry.map(|entry| entry.put(index, cell)).is_some()
    }

    /// The pieces that lie at a place: one in most cases, and the same of each artifact that shares
    /// it.
    pub(crate) fn users(&self, place: Place) -> Vec<(Sha256, PieceIndex)> {
        let lies = |artifact: Sha256, index: u32| {
            let entry = self.artifacts.get(&artifact)?;
            let index = entry.known.geometry.index(index)?;
            (entry.place(artifact, index) == Some(place)).then_some((artifact, index))
        };
        let sharing = self.artifacts.iter().filter(|(_, entry)| !entry.elsewhere.is_empty());
        let sharing = sharing.flat_map(|(artifact, entry)| {
            entry.elsewhere.at(place).filter_map(move |index| lies(*artifact, index))
        });
        lies(place.holder, place.index).into_iter().chain(sharing).collect()
    }

    /// Marks what lies at a place as bad, for every artifact; how many pieces that are.
    pub(crate) fn mark(&mut self, place: Place, bad: Bad) -> usize {
        let state = match bad {
            Bad::Corrupt => State::Corrupt,
            Bad::Unread => State::Unread,
        };
        let users = self.users(place);
        for (artifact, index) in &users {
            if let Some(entry) = self.artifacts.get_mut(artifact) {
                entry.change(*index, entry.cell(*index).with(state));
            }
        }
        users.len()
    }

    /// Says that what lies in an artifact's own file as one of its pieces is about to go, and with it
    /// whatever is being written there; `None` if it may not, since it is not known to be bad, or
    /// somebody imports it.
    pub(crate) fn spoil(&mut self, artifact: Sha256, index: u32) -> Option<(Geometry, PieceIndex)> {
        let entry = self.artifacts.get_mut(&artifact).filter(|entry| entry.lease.is_none())?;
        let index = entry.known.geometry.index(index)?;
        let cell = entry.cell(index);
        if (cell.home(), cell.state()) != (Home::Own, State::Corrupt) {
            return None;
        }
        let geometry = entry.known.geometry;
        self.begin_anew(artifact);
        Some((geometry, index))
    }

    /// What lies in files of other artifacts, in bytes: by whose it is, and by who holds it.
    pub(crate) fn shared(&self) -> (BTreeMap<Sha256, u64>, BTreeMap<Sha256, u64>) {
        let (mut borrowed, mut held) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<u32>>::new());
        for (artifact, entry) in &self.artifacts {
            for (index, place) in entry.lying_elsewhere() {
                let bytes = in_blocks(entry.known.geometry.length(index).into());
                *borrowed.entry(*artifact).or_default() += bytes;
                held.entry(place.holder).or_default().insert(place.index);
            }
        }
        let held = held.into_iter().filter_map(|(holder, pieces)| {
            let geometry = self.artifacts.get(&holder)?.known.geometry;
            let pieces = pieces.into_iter().filter_map(|index| geometry.index(index));
            Some((holder, pieces.map(|index| in_blocks(geometry.length(index).into())).sum()))
        });
        (borrowed, held.collect())
    }

    /// Whether an artifact may go to make room.
    pub(crate) fn may_evict(&self, artifact: Sha256) -> bool {
        let entry = self.artifacts.get(&artifact);
        let may = |known: &Known| known.pin == Pin::Unpinned && known.outside.is_none();
        !self.is_used(artifact) && entry.is_some_and(|entry| may(&entry.known))
    }

    /// Whether somebody works with an artifact: holds it, or imports it.
    pub(crate) fn is_used(&self, artifact: Sha256) -> bool {
        let entry = self.artifacts.get(&artifact);
        self.held.contains_key(&artifact) || entry.is_some_and(|entry| entry.lease.is_some())
    }

    /// How many pieces are kept, those of each artifact for itself.
    pub(crate) fn kept_pieces(&self) -> u64 {
        self.artifacts.values().map(|entry| u64::from(entry.have.count())).sum()
    }

    /// Bytes promised to imports beside what each artifact's file takes.
    pub(crate) fn reserved(&self, taken: &BTreeMap<Sha256, u64>) -> u64 {
        let taken = |artifact| taken.get(artifact).copied().unwrap_or_default();
        self.artifacts.iter().map(|(artifact, entry)| entry.reserved(taken(artifact))).sum()
    }

    /// Bytes of a device that were promised to outputs.
    pub(crate) fn outputs(&self, device: u64) -> u64 {
        let leases = self.artifacts.values().filter_map(|entry| entry.lease.as_ref());
        let promised = leases.filter_map(|lease| lease.output);
        promised.filter(|output| output.device == device).map(|output| output.bytes).sum()
    }
}

#[cfg(test)]
mod tests;
