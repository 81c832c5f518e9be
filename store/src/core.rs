//! The store's parts, shared by those who read and the one thread that writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::ports::ReadError;
use bytes::{Bytes, BytesMut};
use verifier::piece::PieceList;
use verifier::{PieceIndex, Sha256};

use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::index::{ArtifactRow, Changes, Index, KeptRow, Key, PieceRow};
use crate::keeper::Tail;
use crate::layout::Layout;
use crate::pack::{Address, Label, Packs, Place};

/// How many kept pieces one change to the index forgets.
const FORGET_BATCH: usize = 4_096;

/// The store's parts. Locks are taken in the order writing, tail, catalogue.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) layout: Layout,
    pub(crate) index: Index,
    pub(crate) packs: Packs,
    catalogue: Mutex<Catalogue>,
    tail: Mutex<Tail>,
    writing: Mutex<()>,
}

impl Core {
    pub(crate) fn new(
        layout: Layout,
        index: Index,
        packs: Packs,
        catalogue: Catalogue,
        tail: Tail,
    ) -> Self {
        Self {
            layout,
            index,
            packs,
            catalogue: Mutex::new(catalogue),
            tail: Mutex::new(tail),
            writing: Mutex::new(()),
        }
    }

    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds off everybody else who reads rows in order to change them.
    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a record to the open pack, or to a new one.
    pub(crate) fn append(&self, label: &Label, bytes: &[u8]) -> Result<Place, StoreError> {
        let mut tail = self.tail();
        if let Some(full) = tail.as_mut().filter(|open| open.is_full()) {
            full.sync()?;
            *tail = None;
        }
        let open = match &mut *tail {
            Some(open) => open,
            none => {
                let next = self.packs.numbers()?.last().map_or(0, |last| last + 1);
                none.insert(self.packs.begin(next)?)
            }
        };
        Ok(open.append(label, bytes)?)
    }

    /// Makes what was appended durable, then the facts about it.
    pub(crate) fn make_durable(&self, changes: Changes) -> Result<(), StoreError> {
        if let Some(open) = self.tail().as_mut() {
            open.sync()?;
        }
        self.index.apply(changes)?;
        self.index.flush()
    }

    /// Takes back what was appended and never became durable.
    pub(crate) fn undo_append(&self) {
        let mut tail = self.tail();
        if let Some(open) = tail.as_mut()
            && let Err(error) = open.undo()
        {
            tracing::error!(%error, "cannot cut a pack; a new one is begun");
            *tail = None;
        }
    }

    /// Reads a kept piece and verifies it by its address.
    pub(crate) fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Bytes, ReadError> {
        let failed = |error: StoreError| ReadError::Failed(error.into());
        let kept = self.index.value::<KeptRow>(Key::Kept(artifact, index.get())).map_err(failed)?;
        let Some(kept) = kept else {
            return Err(ReadError::Missing);
        };
        let address = Address(kept.address);
        let row = self.index.value::<PieceRow>(Key::Piece(address)).map_err(failed)?;
        let bytes = match row {
            Some(row) => self.read_record(row.place()).map_err(failed)?,
            None => None,
        };
        match bytes {
            Some(bytes) if Address::of(&bytes) == address => Ok(bytes),
            _ => {
                self.quarantine(artifact, index, address, row).map_err(failed)?;
                Err(ReadError::Corrupt)
            }
        }
    }

    /// The record's bytes; `None` where the pack no longer has them.
    fn read_record(&self, place: Place) -> Result<Option<Bytes>, StoreError> {
        let mut bytes = BytesMut::zeroed(place.length as usize);
        match self.packs.read(place, &mut bytes) {
            Ok(()) => Ok(Some(bytes.freeze())),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::NotFound
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a piece as missing whose bytes are no longer the piece, so that it can be had anew.
    fn quarantine(
        &self,
        artifact: Sha256,
        index: PieceIndex,
        address: Address,
        row: Option<PieceRow>,
    ) -> Result<(), StoreError> {
        let _writing = self.writing();
        tracing::error!(%artifact, piece = index.get(), "a kept piece is corrupt");
        let mut changes = Changes::default();
        changes.remove(Key::Kept(artifact, index.get()));
        changes.put(Key::Corrupt(artifact, index.get()), &())?;
        // Others that share the record find it gone when they read, and do the same.
        changes.remove(Key::Piece(address));
        self.index.apply(changes)?;
        self.index.flush()?;
        let mut catalogue = self.catalogue();
        if let Some(row) = row {
            catalogue.take(row.place());
        }
        if let Some(entry) = catalogue.artifacts.get_mut(&artifact) {
            entry.have.remove(index);
            entry.corrupt.insert(index);
        }
        Ok(())
    }

    /// The artifact's piece list, proven again when it is first read.
    pub(crate) fn list(&self, artifact: Sha256) -> Result<Option<Arc<PieceList>>, StoreError> {
        let (geometry, root) = {
            let catalogue = self.catalogue();
            let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
            if let Some(list) = &entry.list {
                return Ok(Some(Arc::clone(list)));
            }
            (entry.geometry, entry.root)
        };
        let digests = self.index.list(artifact)?;
        if digests.is_empty() {
            return Ok(None);
        }
        let Ok(list) = PieceList::prove(geometry, root, digests) else {
            return Err(StoreError::Index);
        };
        let list = Arc::new(list);
        if let Some(entry) = self.catalogue().artifacts.get_mut(&artifact) {
            entry.list = Some(Arc::clone(&list));
        }
        Ok(Some(list))
    }

    /// Changes an artifact's row; whether there is one.
    pub(crate) fn change_row(
        &self,
        artifact: Sha256,
        change: impl FnOnce(&mut ArtifactRow),
    ) -> Result<bool, StoreError> {
        let _writing = self.writing();
        let Some(mut row) = self.index.value(Key::Artifact(artifact))? else { return Ok(false) };
        change(&mut row);
        let mut changes = Changes::default();
        changes.put(Key::Artifact(artifact), &row)?;
        self.index.apply(changes)?;
        self.index.flush()?;
        Ok(true)
    }

    /// Forgets an artifact; gives the bytes of packs that came free.
    pub(crate) fn forget(&self, artifact: Sha256) -> Result<Option<u64>, StoreError> {
        let _writing = self.writing();
        if self.index.value::<ArtifactRow>(Key::Artifact(artifact))?.is_none() {
            return Ok(None);
        }
        let kept: Vec<_> = self.index.kept(artifact).collect::<Result<_, _>>()?;
        let mut dead = Vec::new();
        for part in kept.chunks(FORGET_BATCH) {
            dead.extend(self.forget_pieces(artifact, part)?);
        }
        let mut changes = Changes::default();
        for number in self.index.corrupt(artifact) {
            changes.remove(Key::Corrupt(artifact, number?));
        }
        let blocks = self.index.list(artifact)?.len().div_ceil(crate::index::LIST_BLOCK);
        for block in 0..u32::try_from(blocks).unwrap_or(u32::MAX) {
            changes.remove(Key::List(artifact, block));
        }
        changes.remove(Key::Artifact(artifact));
        self.index.apply(changes)?;
        self.index.flush()?;
        self.catalogue().artifacts.remove(&artifact);
        crate::rebuild::remove_copy(&self.layout, artifact)?;
        self.reclaim(&dead).map(Some)
    }

    /// Takes one reference from each piece; gives the records that nothing refers to any more.
    fn forget_pieces(
        &self,
        artifact: Sha256,
        kept: &[(u32, KeptRow)],
    ) -> Result<Vec<Place>, StoreError> {
        let mut changes = Changes::default();
        let mut rows = std::collections::HashMap::new();
        for (number, kept) in kept {
            changes.remove(Key::Kept(artifact, *number));
            let address = Address(kept.address);
            let row = match rows.get(&address) {
                Some(row) => Some(*row),
                None => self.index.value::<PieceRow>(Key::Piece(address))?,
            };
            if let Some(row) = row {
                rows.insert(address, row.unwanted());
            }
        }
        let mut dead = Vec::new();
        for (address, row) in rows {
            if row.references == 0 {
                changes.remove(Key::Piece(address));
                dead.push(row.place());
            } else {
                changes.put(Key::Piece(address), &row)?;
            }
        }
        self.index.apply(changes)?;
        self.index.flush()?;
        Ok(dead)
    }

    /// Gives the space of dead records back: whole packs by removing them, others by holes.
    fn reclaim(&self, dead: &[Place]) -> Result<u64, StoreError> {
        let mut tail = self.tail();
        let mut freed = 0;
        for place in dead {
            freed += place.record_bytes();
            let emptied = self.catalogue().take(*place);
            if emptied {
                if tail.as_ref().is_some_and(|open| open.pack() == place.pack) {
                    *tail = None;
                }
                self.packs.remove(place.pack)?;
                self.catalogue().packs.remove(&place.pack);
            } else {
                self.packs.punch(*place)?;
            }
        }
        Ok(freed)
    }
}
