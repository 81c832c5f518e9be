//! Pieces of the library on their way into an output.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use app::ports::{ReachError, ReadError, Way};
use verifier::{Geometry, PieceIndex, Sha256};

use crate::catalogue::Place;
use crate::device;
use crate::error::StoreError;
use crate::files::File;
use crate::room::BLOCK;
use crate::shared::{Found, Shared};

/// How much is written before it is made durable beside the writing of more, in bytes: so much may
/// be left for the naming to wait for.
const SYNCED_AT_ONCE: u64 = 64 << 20;

/// Copies the pieces of one artifact, in order, from where they lie into one file.
///
/// The system copies them, or lets the file share their blocks; nothing passes through this process,
/// and nothing is judged.
#[derive(Debug)]
pub(super) struct Filling {
    shared: Arc<Shared>,
    artifact: Sha256,
    geometry: Geometry,
    output: Arc<File>,
    reached: u32,
    unsynced: u64,
    /// Whether all that was copied shares its blocks.
    is_shared: bool,
    /// Asks a thread of its own for a sync.
    sync: SyncSender<()>,
}

/// Pieces that lie one behind the other in one file.
struct Run {
    place: Place,
    holder: Geometry,
    length: u64,
    end: u32,
}

impl Filling {
    /// Begins with no piece, for an output in that folder; `None` if there is no such artifact.
    pub(super) fn new(
        shared: Arc<Shared>,
        artifact: Sha256,
        folder: &Path,
        output: Arc<File>,
    ) -> Option<Self> {
        let geometry = shared.catalogue().artifacts.get(&artifact)?.known.geometry;
        let lies_on = |folder: &Path| device::of(folder).ok();
        let is_shared =
            shared.abilities.clones && lies_on(folder) == lies_on(&shared.layout.artifacts());
        let sync = syncing(Arc::clone(&output));
        Some(Self { shared, artifact, geometry, output, reached: 0, unsynced: 0, is_shared, sync })
    }

    /// Whether every piece is there.
    pub(super) fn is_whole(&self) -> bool {
        self.reached == self.geometry.piece_count()
    }

    /// How what is in the file came there.
    pub(super) const fn way(&self) -> Way {
        if self.is_shared { Way::Cloned } else { Way::Copied }
    }

    /// Whether a run lies in whole blocks, in both files: nothing else is shared.
    fn is_in_blocks(&self, index: PieceIndex, run: &Run) -> bool {
        let there = self.geometry.offset(index);
        let from = u64::from(run.place.index) * u64::from(run.holder.piece_size());
        let is_last = there + run.length == self.geometry.byte_count();
        [there, from].iter().all(|offset| offset.is_multiple_of(BLOCK))
            && (is_last || run.length.is_multiple_of(BLOCK))
    }

    /// Brings all pieces before this one into the file.
    pub(super) fn reach(&mut self, frontier: u32) -> Result<(), ReachError> {
        let frontier = frontier.min(self.geometry.piece_count());
        while let Some(index) =
            self.geometry.index(self.reached).filter(|_| self.reached < frontier)
        {
            let run = self.run(index, frontier)?;
            if let Err(error) = self.copy(index, &run) {
                return Err(self.blamed(index, run.end, error));
            }
            self.is_shared &= self.is_in_blocks(index, &run);
            self.reached = run.end;
            self.unsynced += run.length;
            if self.unsynced >= SYNCED_AT_ONCE {
                // One that is asked for already takes in this too, nearly.
                let asked = self.sync.try_send(());
                self.unsynced =
                    if matches!(asked, Err(TrySendError::Full(()))) { self.unsynced } else { 0 };
            }
        }
        Ok(())
    }

    /// The pieces from this one on that are copied in one go.
    fn run(&self, index: PieceIndex, frontier: u32) -> Result<Run, ReachError> {
        let read = |source| ReachError::Read { index: index.get(), source };
        let catalogue = self.shared.catalogue();
        let entry = catalogue.artifacts.get(&self.artifact);
        let entry = entry.ok_or_else(|| read(ReadError::Missing))?;
        let lies = |index| entry.place(self.artifact, index).filter(|_| entry.have.contains(index));
        let place = lies(index).ok_or_else(|| read(ReadError::Missing))?;
        let holder = catalogue.artifacts.get(&place.holder);
        let holder = holder.ok_or_else(|| read(ReadError::Corrupt))?.known.geometry;
        let mut run = Run {
            place,
            holder,
            length: u64::from(self.geometry.length(index)),
            end: index.get().saturating_add(1),
        };
        if holder.piece_size() != self.geometry.piece_size() {
            return Ok(run);
        }
        while let Some(next) = self.geometry.index(run.end).filter(|_| run.end < frontier) {
            let behind = run.end - index.get();
            let wanted = Place { holder: place.holder, index: place.index.saturating_add(behind) };
            if lies(next) != Some(wanted) {
                break;
            }
            run.length += u64::from(self.geometry.length(next));
            run.end += 1;
        }
        Ok(run)
    }

    fn copy(&self, index: PieceIndex, run: &Run) -> Result<(), StoreError> {
        let slot = self.shared.slots.get(run.place.holder, &run.holder)?;
        let lost =
            || StoreError::io(self.shared.layout.root(), std::io::ErrorKind::NotFound.into());
        let from = run.holder.index(run.place.index).ok_or_else(lost)?;
        let there = self.geometry.offset(index);
        slot.ok_or_else(lost)?.copy_out(from, run.length, &self.output, there)
    }

    /// Whether it is a piece that could not be read, or the output that could not be written.
    fn blamed(&self, first: PieceIndex, end: u32, error: StoreError) -> ReachError {
        for index in (first.get()..end).filter_map(|index| self.geometry.index(index)) {
            let source = match self.shared.read(self.artifact, index) {
                Ok(Found::Whole(_)) => continue,
                Ok(Found::Missing) => ReadError::Missing,
                Ok(Found::Corrupt | Found::Unread) => ReadError::Corrupt,
                Err(error) => ReadError::Failed(error.into()),
            };
            return ReachError::Read { index: index.get(), source };
        }
        ReachError::Failed(error.into())
    }
}

/// Makes a file durable, as far as it is written by then, each time that is asked for. Whoever waits
/// for the last sync has little to wait for, and is told there what failed here.
fn syncing(file: Arc<File>) -> SyncSender<()> {
    let (sync, asked) = sync_channel(1);
    let run = move || {
        while asked.recv().is_ok() {
            if let Err(error) = file.sync_data() {
                tracing::warn!(%error, "an output cannot be made durable");
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(run) {
        tracing::debug!(%error, "an output is made durable at its end only");
    }
    sync
}
