//! The index: what the library holds, in sled. Nothing in it could not be made again.
//!
//! A piece is four bytes in a block of many; what becomes of pieces is written beside the blocks a
//! commit at a time, and folded into them now and then. All of it is read once, when the store is
//! opened, and written by one thread.

mod row;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use sled::{Batch, Db, Tree};
use verifier::Sha256;

pub(crate) use row::{Facts, Known, Row};

use crate::catalogue::{self, Cell};
use crate::codec;
use crate::error::{At, StoreError};
use crate::files::{self, File};

/// sled's cache, in bytes; its default is 1 GiB.
const CACHE: u64 = 8 << 20;

/// The longest row, in bytes.
const ROW_LIMIT: usize = 1 << 20;

/// The most pieces in one change.
const DELTA_LIMIT: usize = 2_048;

/// What stands behind the artifact in the key of a block and of a change; changes come last.
const BLOCK: u8 = 0;
const DELTA: u8 = 1;

/// How often, and how soon again, a lock is asked for that sled has not let go of.
const LOCK_TRIES: u32 = 5_000;
const LOCK_RETRY: Duration = Duration::from_millis(1);

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    /// `None` only if it was to be opened again and could not be.
    trees: RwLock<Option<Trees>>,
    /// Whether the disk said no: sled does nothing any more then, and is opened again.
    has_failed: AtomicBool,
    /// Whether it was opened again, and may lack what was not synced.
    may_lack: AtomicBool,
    /// Why it was not opened, though it may be sound: nothing can be written where it lies.
    away: Mutex<Option<StoreError>>,
}

#[derive(Debug)]
struct Trees {
    db: Db,
    artifacts: Tree,
    pieces: Tree,
}

/// Whether the index is open elsewhere. Only this process can have it, which has the store, and
/// sled lets go of an index a moment after it was closed.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

impl Trees {
    fn open(path: &Path) -> sled::Result<Self> {
        Self::open_waiting(path, || std::thread::sleep(LOCK_RETRY))
    }

    /// Opens them; `wait` is called between two tries while the lock is held.
    fn open_waiting(path: &Path, mut wait: impl FnMut()) -> sled::Result<Self> {
        // sled would let others look into it; what cannot be made here, sled says.
        if !path.exists() {
            drop(files::make_folder(path));
        }
        remove_half(path)?;
        let config = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None);
        let mut tries = 0;
        let db = loop {
            match config.open() {
                Err(error) if is_held(&error) && tries < LOCK_TRIES => {
                    tries += 1;
                    wait();
                }
                opened => break opened?,
            }
        };
        let artifacts = db.open_tree("artifacts")?;
        let pieces = db.open_tree("pieces")?;
        Ok(Self { db, artifacts, pieces })
    }

    fn copy_to(&self, other: &Self) -> sled::Result<()> {
        let pairs = [(&self.artifacts, &other.artifacts), (&self.pieces, &other.pieces)];
        for (from, to) in pairs {
            for row in from {
                let (key, value) = row?;
                to.insert(key, value)?;
            }
        }
        other.db.flush().map(drop)
    }
}

/// What became of pieces of one artifact in one go.
pub(crate) struct Delta {
    pub(crate) artifact: Sha256,
    pub(crate) cells: Vec<(u32, Cell)>,
}

impl Index {
    /// Opens the index in that folder, or makes an empty one.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        finish_rewrite(&path).at(&path)?;
        let was_there = path.exists();
        let trees = Trees::open(&path).inspect_err(|_| {
            // The next start is to see that there is none.
            if !was_there {
                drop(files::remove_folder(&path));
            }
        });
        let trees = trees.map_err(|error| StoreError::index(&path, error))?;
        let (has_failed, may_lack) = (AtomicBool::new(false), AtomicBool::new(false));
        let (trees, away) = (RwLock::new(Some(trees)), Mutex::new(None));
        Ok(Self { path, trees, has_failed, may_lack, away })
    }

    /// An index that is left as it is, because nothing can be written where it lies: all that is asked
    /// of it fails so until [`Self::come_back`].
    pub(crate) fn away(path: PathBuf, error: StoreError) -> Self {
        let (has_failed, may_lack) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { path, trees: RwLock::new(None), has_failed, may_lack, away: Mutex::new(Some(error)) }
    }

    /// Whether it was left as it is.
    pub(crate) fn is_away(&self) -> bool {
        self.why_away().is_some()
    }

    /// Opens the index that was left as it is.
    pub(crate) fn come_back(&self) -> Result<(), StoreError> {
        self.open_again()?;
        self.may_lack.store(false, Ordering::SeqCst);
        *self.why_away() = None;
        Ok(())
    }

    /// Leaves the index as it is.
    pub(crate) fn go_away(&self, error: StoreError) {
        *self.why_away() = Some(error);
        *self.trees.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.has_failed.store(true, Ordering::SeqCst);
    }

    fn why_away(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the index anew, without what sled keeps of values that are gone.
    pub(crate) fn rewrite_all(&self) -> Result<(), StoreError> {
        let mut open = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        let (new, old) = (self.path.with_extension("new"), self.path.with_extension("old"));
        let trees = open.take().ok_or_else(|| self.damaged())?;
        // Whatever goes wrong, the next use opens what is there.
        self.has_failed.store(true, Ordering::SeqCst);
        let copied = Trees::open(&new).and_then(|fresh| trees.copy_to(&fresh));
        drop(trees);
        let copied = copied.map_err(|error| self.fault(error)).and_then(|()| sync(&new));
        if copied.is_ok() {
            files::rename(&self.path, &old).at(&self.path)?;
            files::rename(&new, &self.path).at(&new)?;
            let folder = self.path.parent().unwrap_or(&self.path);
            files::sync_folder(folder).at(folder)?;
        }
        finish_rewrite(&self.path).at(&self.path)?;
        *open = Some(Trees::open(&self.path).map_err(|error| self.fault(error))?);
        self.has_failed.store(copied.is_err(), Ordering::SeqCst);
        copied
    }

    fn with<T>(&self, work: impl FnOnce(&Trees) -> sled::Result<T>) -> Result<T, StoreError> {
        if let Some(error) = &*self.why_away() {
            return Err(error.again());
        }
        if self.has_failed.load(Ordering::SeqCst) {
            self.open_again()?;
        }
        let open = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        let trees = open.as_ref().ok_or_else(|| self.damaged())?;
        work(trees).map_err(|error| self.fault(error))
    }

    fn open_again(&self) -> Result<(), StoreError> {
        let mut open = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        finish_rewrite(&self.path).at(&self.path)?;
        *open = Some(Trees::open(&self.path).map_err(|error| self.fault(error))?);
        self.has_failed.store(false, Ordering::SeqCst);
        self.may_lack.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Whether it was opened again, so that all has to be written anew.
    pub(crate) fn may_lack(&self) -> bool {
        self.may_lack.load(Ordering::SeqCst)
    }

    /// Says that all is about to be written anew.
    pub(crate) fn write_anew(&self) {
        self.may_lack.store(false, Ordering::SeqCst);
    }

    /// What it knows of every artifact beside its pieces.
    pub(crate) fn rows(&self) -> Result<Vec<(Sha256, Row)>, StoreError> {
        let rows = self.with(|trees| trees.artifacts.iter().collect::<sled::Result<Vec<_>>>())?;
        let rows = rows.into_iter().map(|(key, value)| {
            let key = <[u8; 32]>::try_from(&*key).map_err(|_| self.damaged())?;
            let row = codec::decode(&value, ROW_LIMIT).map_err(|_| self.damaged())?;
            Ok((Sha256::from_bytes(key), row))
        });
        rows.collect()
    }

    /// Writes an artifact's row; durable after [`Self::flush`].
    pub(crate) fn put_row(&self, artifact: Sha256, row: &Row) -> Result<(), StoreError> {
        let value = codec::encode(row, ROW_LIMIT).map_err(|_| self.damaged())?;
        self.with(|trees| trees.artifacts.insert(artifact.as_bytes(), value).map(drop))
    }

    /// Removes all that it knows of an artifact.
    pub(crate) fn remove(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.with(|trees| {
            trees.artifacts.remove(artifact.as_bytes())?;
            let mut batch = Batch::default();
            for key in trees.pieces.scan_prefix(artifact.as_bytes()).keys() {
                batch.remove(key?);
            }
            trees.pieces.apply_batch(batch)
        })
    }

    /// Writes changes, all or none; `next` gives the number of an artifact's next one.
    pub(crate) fn append(
        &self,
        deltas: &[Delta],
        mut next: impl FnMut(Sha256) -> u64,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for Delta { artifact, cells } in deltas {
            for cells in cells.chunks(DELTA_LIMIT) {
                let mut value = Vec::with_capacity(cells.len() * 8);
                for (index, cell) in cells {
                    value.extend(index.to_be_bytes());
                    value.extend(cell.to_bytes());
                }
                batch.insert(key(*artifact, DELTA, &next(*artifact).to_be_bytes()), value);
            }
        }
        self.with(|trees| trees.pieces.apply_batch(batch))
    }

    /// Tells what it knows of each piece of an artifact, in the order in which it came to know it;
    /// gives the numbers of the changes that stand beside the blocks.
    pub(crate) fn replay(
        &self,
        artifact: Sha256,
        mut on: impl FnMut(u32, Cell),
    ) -> Result<Range<u64>, StoreError> {
        let mut deltas: Option<Range<u64>> = None;
        let rows = self.with(|trees| Ok(trees.pieces.scan_prefix(artifact.as_bytes())))?;
        for row in rows {
            let (key, value) = row.map_err(|error| self.fault(error))?;
            match key.get(32..).and_then(<[u8]>::split_first) {
                Some((&BLOCK, number)) => {
                    let number = u32::from_be_bytes(self.exactly(number)?);
                    let (cells, []) = value.as_chunks() else { return Err(self.damaged()) };
                    let first = u64::from(number) * u64::from(catalogue::BLOCK);
                    for (index, cell) in (first..).zip(cells) {
                        on(u32::try_from(index).unwrap_or(u32::MAX), Cell::from_bytes(*cell));
                    }
                }
                Some((&DELTA, number)) => {
                    let number = u64::from_be_bytes(self.exactly(number)?);
                    let (changes, []) = value.as_chunks::<8>() else { return Err(self.damaged()) };
                    for [a, b, c, d, cell @ ..] in changes {
                        on(u32::from_be_bytes([*a, *b, *c, *d]), Cell::from_bytes(*cell));
                    }
                    deltas = Some(deltas.map_or(number, |range| range.start)..number + 1);
                }
                _ => return Err(self.damaged()),
            }
        }
        Ok(deltas.unwrap_or_default())
    }

    /// Puts whole blocks in the place of changes, at once.
    pub(crate) fn fold(
        &self,
        artifact: Sha256,
        blocks: &[(u32, Vec<Cell>)],
        deltas: Range<u64>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (number, cells) in blocks {
            let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_bytes()).collect();
            batch.insert(key(artifact, BLOCK, &number.to_be_bytes()), value);
        }
        for number in deltas {
            batch.remove(key(artifact, DELTA, &number.to_be_bytes()));
        }
        self.with(|trees| trees.pieces.apply_batch(batch))
    }

    /// Makes what was written survive the end of this process.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.with(|trees| trees.db.flush().map(drop))
    }

    /// Makes what was written survive a power cut too, which sled by itself does not.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.flush()?;
        sync(&self.path)
    }

    /// Bytes that the index takes.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        if self.is_away() {
            return Ok(self.path.join("db").metadata().map_or(0, |found| found.len()));
        }
        self.with(|trees| trees.db.size_on_disk())
    }

    fn exactly<const N: usize>(&self, bytes: &[u8]) -> Result<[u8; N], StoreError> {
        bytes.try_into().map_err(|_| self.damaged())
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        tracing::error!(%error, "the index failed");
        self.has_failed.store(true, Ordering::SeqCst);
        StoreError::index(&self.path, error)
    }

    fn damaged(&self) -> StoreError {
        StoreError::Index(self.path.clone())
    }
}

/// Syncs what sled wrote into an index that it was told to flush.
fn sync(path: &Path) -> Result<(), StoreError> {
    let synced = File::change(&path.join("db")).and_then(|file| file.sync_data());
    // That the disk fails does not mean that what is in the index is damaged.
    synced.at(path.parent().unwrap_or(path))
}

fn key(artifact: Sha256, kind: u8, number: &[u8]) -> Vec<u8> {
    [&artifact.as_bytes()[..], &[kind], number].concat()
}

/// Removes what sled began to write as it was opened, and did not end: it would read that first, and take
/// the index for damaged.
fn remove_half(path: &Path) -> io::Result<()> {
    for entry in path.read_dir().into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "generating") {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Ends what a rewrite began: the index that was in use stays in use until the new one is named.
fn finish_rewrite(path: &Path) -> io::Result<()> {
    let (new, old) = (path.with_extension("new"), path.with_extension("old"));
    if !path.exists() && old.exists() {
        files::rename(&old, path)?;
    }
    for left in [new, old] {
        if left.exists() {
            files::remove_folder(&left)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
