//! What the store's threads share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::ports::Landed;
use bytes::Bytes;
use tokio::sync::broadcast;
use verifier::{PieceIndex, Sha256};

use crate::book::BookFile;
use crate::catalogue::{Bad, Catalogue, short};
use crate::error::StoreError;
use crate::index::{CHANGES_LIMIT, Changes, Entry, Index, Kept};
use crate::layout::Layout;
use crate::lock::StoreLock;
use crate::pack::{Described, Location, Looked, Packs};

/// How much of what has landed a listener may be behind.
const LANDED: usize = 4_096;

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
    landed: broadcast::Sender<Landed>,
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
    /// The disk did not give it back; what lies there may be sound.
    Unread,
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
            landed: broadcast::Sender::new(LANDED),
            roll: AtomicBool::new(false),
            _lock: lock,
        }
    }

    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever listens what has landed. Tell it after the catalogue says so too.
    pub(crate) fn tell(&self, landed: impl IntoIterator<Item = Landed>) {
        for landed in landed {
            // Nobody has to listen.
            let _heard = self.landed.send(landed);
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Landed> {
        self.landed.subscribe()
    }

    pub(crate) fn ask_to_roll(&self) {
        self.roll.store(true, Ordering::SeqCst);
    }

    pub(crate) fn must_roll(&self) -> bool {
        self.roll.swap(false, Ordering::SeqCst)
    }

    /// Reads a kept piece and verifies it. One that does not verify, or cannot be read, is marked.
    pub(crate) fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Found, StoreError> {
        let (place, length) = {
            let catalogue = self.catalogue();
            let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(Found::Missing) };
            let Some(place) = entry.place(index) else { return Ok(Found::Missing) };
            (place, entry.known.geometry.length(index))
        };
        match self.packs.read(place, length)? {
            Looked::Whole((bytes, _)) => Ok(Found::Whole(bytes)),
            Looked::Other => self.mark(artifact, index, place, Bad::Corrupt),
            Looked::Unread => self.mark(artifact, index, place, Bad::Unread),
        }
    }

    /// Reads what lies at a piece's place, also if it could not be read before: it is kept again
    /// if it can be now.
    pub(crate) fn read_again(
        &self,
        artifact: Sha256,
        index: PieceIndex,
        place: Location,
    ) -> Result<Found, StoreError> {
        let (is_kept, length) = {
            let catalogue = self.catalogue();
            let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(Found::Missing) };
            (entry.have.contains(index), entry.known.geometry.length(index))
        };
        if is_kept {
            return self.read(artifact, index);
        }
        match self.packs.read(place, length)? {
            Looked::Whole((bytes, described)) => {
                self.keep_again(place, &described)?;
                Ok(Found::Whole(bytes))
            }
            Looked::Other => self.mark(artifact, index, place, Bad::Corrupt),
            Looked::Unread => Ok(Found::Unread),
        }
    }

    /// Counts what lies at a place as kept again, for every artifact that missed it there.
    fn keep_again(&self, place: Location, described: &Described) -> Result<(), StoreError> {
        let short = short(&described.address);
        let (mut landed, mut entries) = (Vec::new(), Vec::new());
        {
            let mut catalogue = self.catalogue();
            for (artifact, pieces) in catalogue.users(place) {
                let Some(entry) = catalogue.artifacts.get_mut(&artifact) else { continue };
                let mut kept = Vec::new();
                for index in pieces {
                    if entry.have.contains(index) {
                        continue;
                    }
                    let source = entry.came_from(index);
                    entry.keep(index, place, source);
                    kept.push((source, Kept::new(index.get(), place, short)));
                    landed.push(Landed::Piece(artifact, index));
                }
                entries.extend(entry.changes(artifact, &kept));
            }
            catalogue.addresses.lie_at(short, place);
        }
        self.index.append(&entries)?;
        self.index.flush()?;
        self.tell(landed);
        Ok(())
    }

    /// Marks a kept piece as corrupt, as somebody else found it to be; where it lies.
    pub(crate) fn mark_bad(
        &self,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Option<Location>, StoreError> {
        let place = {
            let catalogue = self.catalogue();
            catalogue.artifacts.get(&artifact).and_then(|entry| entry.place(index))
        };
        if let Some(place) = place {
            self.mark(artifact, index, place, Bad::Corrupt)?;
        }
        Ok(place)
    }

    /// Marks what lies at a place as bad, for every artifact that shares it.
    fn mark(
        &self,
        artifact: Sha256,
        index: PieceIndex,
        place: Location,
        bad: Bad,
    ) -> Result<Found, StoreError> {
        let mut entries = Vec::new();
        {
            let mut catalogue = self.catalogue();
            let entry = catalogue.artifacts.get(&artifact);
            if entry.and_then(|entry| entry.lies(index)) != Some(place) {
                // Forgotten, or kept anew elsewhere, while it was read.
                return Ok(Found::Missing);
            }
            for (artifact, marked) in catalogue.mark(place, bad) {
                let Some(entry) = catalogue.artifacts.get_mut(&artifact) else { continue };
                for marked in marked.chunks(CHANGES_LIMIT) {
                    let marked = marked.iter().map(|index| index.get()).collect();
                    let changes = match bad {
                        Bad::Corrupt => Changes::corrupt(marked),
                        Bad::Unread => Changes::V1 { unread: marked },
                    };
                    entries.push(Entry { artifact, sequence: entry.next, changes });
                    entry.next += 1;
                }
            }
        }
        tracing::warn!(piece = index.get(), ?bad, "a kept piece is bad");
        self.index.append(&entries)?;
        self.index.flush()?;
        Ok(match bad {
            Bad::Corrupt => Found::Corrupt,
            Bad::Unread => Found::Unread,
        })
    }
}
