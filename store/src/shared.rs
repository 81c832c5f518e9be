//! What the store's threads share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use verifier::{PieceIndex, Sha256};

use crate::book::BookFile;
use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::index::{CHANGES_LIMIT, Changes, Entry, Index};
use crate::layout::Layout;
use crate::lock::StoreLock;
use crate::pack::{Location, Packs};

/// The open store, without the thread that writes.
///
/// Places in packs are given up only by work that the writer runs between two batches
/// ([`crate::pipeline::Pipeline::exclusive`]), so that a place it has just found for a piece
/// cannot vanish before the piece refers to it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) index: Index,
    pub(crate) packs: Packs,
    pub(crate) book: Arc<BookFile>,
    catalogue: Mutex<Catalogue>,
    /// Set when the newest pack must not be written any more.
    roll: AtomicBool,
    /// Released when the last user of the files is gone.
    _lock: StoreLock,
}

/// What reading a piece of an artifact gave.
#[derive(Debug)]
pub(crate) enum Found {
    Whole(Bytes),
    Missing,
    Corrupt,
}

impl Shared {
    pub(crate) fn new(
        layout: Layout,
        lock: StoreLock,
        index: Index,
        book: Arc<BookFile>,
        catalogue: Catalogue,
    ) -> Self {
        Self {
            packs: Packs::new(layout.clone()),
            layout,
            index,
            book,
            catalogue: Mutex::new(catalogue),
            roll: AtomicBool::new(false),
            _lock: lock,
        }
    }

    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ask_to_roll(&self) {
        self.roll.store(true, Ordering::SeqCst);
    }

    pub(crate) fn must_roll(&self) -> bool {
        self.roll.swap(false, Ordering::SeqCst)
    }

    /// Reads a piece and verifies it. One that does not verify is marked.
    pub(crate) fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Found, StoreError> {
        let (place, length) = {
            let catalogue = self.catalogue();
            let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(Found::Missing) };
            let Some(place) = entry.place(index) else { return Ok(Found::Missing) };
            (place, entry.known.geometry.length(index))
        };
        match self.packs.read(place, length)? {
            Some((bytes, _)) => Ok(Found::Whole(bytes)),
            None => self.spoil(artifact, index, place),
        }
    }

    /// Marks what lies at a place as corrupt, for every artifact that shares it.
    fn spoil(
        &self,
        artifact: Sha256,
        index: PieceIndex,
        place: Location,
    ) -> Result<Found, StoreError> {
        let mut entries = Vec::new();
        {
            let mut catalogue = self.catalogue();
            let still = catalogue.artifacts.get(&artifact).and_then(|entry| entry.place(index));
            if still != Some(place) {
                // Forgotten, or kept anew elsewhere, while it was read.
                return Ok(Found::Missing);
            }
            for (artifact, entry) in &mut catalogue.artifacts {
                let spoilt: Vec<PieceIndex> = entry
                    .kept()
                    .filter_map(|(index, other)| (other == place).then_some(index))
                    .collect();
                for index in &spoilt {
                    entry.spoil(*index);
                }
                for indices in spoilt.chunks(CHANGES_LIMIT) {
                    let corrupt = indices.iter().map(|index| index.get()).collect();
                    entries.push(Entry {
                        artifact: *artifact,
                        sequence: entry.next,
                        changes: Changes::corrupt(corrupt),
                    });
                    entry.next += 1;
                }
            }
            catalogue.by_address.retain(|_, other| *other != place);
            catalogue.recount();
        }
        tracing::warn!(piece = index.get(), "a kept piece is corrupt");
        self.index.append(&entries)?;
        self.index.flush()?;
        Ok(Found::Corrupt)
    }
}
