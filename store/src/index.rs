//! The index: what the library holds and where its pieces lie, in sled.
//!
//! Facts only, never piece bytes. Places are written a commit at a time, as one value with
//! hundreds of them, and read once, when the store is opened.

mod row;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sled::{Batch, Db, Tree};
use verifier::Sha256;

pub(crate) use row::{Changes, Facts, Kept, Known, PeerRow, PeerRows};

use crate::codec;
use crate::error::{At, StoreError};
use crate::files::{self, File};

/// sled's cache, in bytes; its default is 1 GiB.
const CACHE: u64 = 32 << 20;

/// The longest value, in bytes.
pub(crate) const VALUE_LIMIT: usize = 256 << 10;

/// The most places in one value: sled keeps sixteen values in a node, and a node must stay small
/// against its segments.
pub(crate) const CHANGES_LIMIT: usize = 256;

/// How often, and how soon again, a lock is asked for that sled has not let go of.
const LOCK_TRIES: u32 = 1_000;
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// Where quota and peers were before they had a file of their own.
const OLD_SETTINGS: &[u8] = b"settings";
const OLD_PEERS: &[u8] = b"peers";
const OLD_QUOTA: &[u8] = b"quota";

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    /// `None` only if rewriting it failed halfway.
    trees: RwLock<Option<Trees>>,
}

#[derive(Debug)]
struct Trees {
    db: Db,
    artifacts: Tree,
    changes: Tree,
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
        let changes = db.open_tree("pieces")?;
        Ok(Self { db, artifacts, changes })
    }

    fn copy_to(&self, other: &Self) -> sled::Result<()> {
        let pairs = [(&self.artifacts, &other.artifacts), (&self.changes, &other.changes)];
        for (from, to) in pairs {
            for row in from {
                let (key, value) = row?;
                to.insert(key, value)?;
            }
        }
        other.db.flush().map(drop)
    }
}

/// Changes of one artifact's pieces, and their place in its history.
pub(crate) struct Entry {
    pub(crate) artifact: Sha256,
    pub(crate) sequence: u64,
    pub(crate) changes: Changes,
}

impl Index {
    /// Opens the index in that folder, or makes an empty one.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        finish_rewrite(&path).at(&path)?;
        let trees = Trees::open(&path).map_err(|error| StoreError::index(&path, error))?;
        Ok(Self { path, trees: RwLock::new(Some(trees)) })
    }

    /// Writes the index anew, without what sled keeps of values that are gone.
    pub(crate) fn rewrite_all(&self) -> Result<(), StoreError> {
        let mut open = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        let (new, old) = (self.path.with_extension("new"), self.path.with_extension("old"));
        let trees = open.take().ok_or_else(|| self.damaged())?;
        let copied = Trees::open(&new).and_then(|fresh| trees.copy_to(&fresh));
        drop(trees);
        if copied.is_ok() {
            files::rename(&self.path, &old).at(&self.path)?;
            files::rename(&new, &self.path).at(&new)?;
        }
        finish_rewrite(&self.path).at(&self.path)?;
        *open = Some(Trees::open(&self.path).map_err(|error| self.fault(error))?);
        copied.map_err(|error| self.fault(error))?;
        drop(open);
        self.sync()
    }

    fn with<T>(&self, work: impl FnOnce(&Trees) -> sled::Result<T>) -> Result<T, StoreError> {
        let open = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        let trees = open.as_ref().ok_or_else(|| self.damaged())?;
        work(trees).map_err(|error| self.fault(error))
    }

    /// Every artifact's facts.
    pub(crate) fn facts(&self) -> Result<Vec<(Sha256, Facts)>, StoreError> {
        let rows = self.with(|trees| trees.artifacts.iter().collect::<sled::Result<Vec<_>>>())?;
        let facts = rows.into_iter().map(|(key, value)| {
            let key = <[u8; 32]>::try_from(&*key).map_err(|_| self.damaged())?;
            Ok((Sha256::from_bytes(key), self.decode(&value)?))
        });
        facts.collect()
    }

    /// Writes an artifact's facts; durable after [`Self::flush`].
    pub(crate) fn put_facts(&self, artifact: Sha256, facts: &Facts) -> Result<(), StoreError> {
        let value = self.encode(facts)?;
        self.with(|trees| trees.artifacts.insert(artifact.as_bytes(), value).map(drop))
    }

    /// Removes an artifact's facts and the places of its pieces.
    pub(crate) fn remove(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.with(|trees| trees.artifacts.remove(artifact.as_bytes()).map(drop))?;
        self.rewrite(artifact, &[])
    }

    /// Writes changes, all or none.
    pub(crate) fn append(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.insert(&mut batch, entries)?;
        self.with(|trees| trees.changes.apply_batch(batch))
    }

    /// Tells every change of an artifact's pieces in order; gives the next sequence number and
    /// how many values there are.
    pub(crate) fn replay(
        &self,
        artifact: Sha256,
        mut on: impl FnMut(Changes),
    ) -> Result<(u64, usize), StoreError> {
        let (mut next, mut values) = (0, 0);
        let rows = self.with(|trees| Ok(trees.changes.scan_prefix(artifact.as_bytes())))?;
        for row in rows {
            let (key, value) = row.map_err(|error| self.fault(error))?;
            let sequence = key.get(32..).and_then(|rest| <[u8; 8]>::try_from(rest).ok());
            next = u64::from_be_bytes(sequence.ok_or_else(|| self.damaged())?) + 1;
            values += 1;
            on(self.decode(&value)?);
        }
        Ok((next, values))
    }

    /// Puts fewer and fuller values in the place of an artifact's changes.
    pub(crate) fn rewrite(&self, artifact: Sha256, full: &[Entry]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let keys = self.with(|trees| Ok(trees.changes.scan_prefix(artifact.as_bytes()).keys()))?;
        for key in keys {
            batch.remove(key.map_err(|error| self.fault(error))?);
        }
        self.insert(&mut batch, full)?;
        self.with(|trees| trees.changes.apply_batch(batch))
    }

    /// Quota and peers as they stood here before they had a file of their own; `None` if they
    /// never did.
    pub(crate) fn old_book(&self) -> Result<Option<(Option<u64>, PeerRows)>, StoreError> {
        let found = self.with(|trees| {
            if !trees.db.tree_names().iter().any(|name| name == OLD_PEERS) {
                return Ok(None);
            }
            let quota = trees.db.open_tree(OLD_SETTINGS)?.get(OLD_QUOTA)?;
            let rows = trees.db.open_tree(OLD_PEERS)?.iter().collect::<sled::Result<Vec<_>>>()?;
            Ok(Some((quota, rows)))
        })?;
        let Some((quota, rows)) = found else { return Ok(None) };
        let quota = quota.map(|value| self.decode(&value)).transpose()?;
        let peers = rows.into_iter().map(|(key, value)| {
            let key = <[u8; 32]>::try_from(&*key).map_err(|_| self.damaged())?;
            Ok((key, self.decode(&value)?))
        });
        Ok(Some((quota, peers.collect::<Result<_, StoreError>>()?)))
    }

    /// Removes what [`Self::old_book`] gives.
    pub(crate) fn remove_old_book(&self) -> Result<(), StoreError> {
        let removed = self.with(|trees| {
            let names = [OLD_SETTINGS, OLD_PEERS];
            names.into_iter().try_fold(false, |any, name| Ok(trees.db.drop_tree(name)? || any))
        })?;
        if removed { self.sync() } else { Ok(()) }
    }

    /// Writes what versions before the book wrote.
    #[cfg(test)]
    pub(crate) fn write_old_book(
        &self,
        quota: u64,
        peers: &[([u8; 32], PeerRow)],
    ) -> Result<(), StoreError> {
        let quota = self.encode(&quota)?;
        self.with(|trees| trees.db.open_tree(OLD_SETTINGS)?.insert(OLD_QUOTA, quota))?;
        for (key, row) in peers {
            let row = self.encode(row)?;
            self.with(|trees| trees.db.open_tree(OLD_PEERS)?.insert(key, row))?;
        }
        self.sync()
    }

    /// Makes what was written survive the end of this process.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.with(|trees| trees.db.flush().map(drop))
    }

    /// Makes what was written survive a power cut too, which sled by itself does not.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.flush()?;
        let file = self.path.join("db");
        File::open(&file).and_then(|file| file.sync_data()).at(&file)
    }

    /// Bytes that the index takes.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        self.with(|trees| trees.db.size_on_disk())
    }

    fn insert(&self, batch: &mut Batch, entries: &[Entry]) -> Result<(), StoreError> {
        for entry in entries {
            batch.insert(key(entry.artifact, entry.sequence), self.encode(&entry.changes)?);
        }
        Ok(())
    }

    fn encode<T: serde::Serialize>(&self, value: &T) -> Result<Vec<u8>, StoreError> {
        codec::encode(value, VALUE_LIMIT).map_err(|_| self.damaged())
    }

    fn decode<T>(&self, bytes: &[u8]) -> Result<T, StoreError>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        codec::decode(bytes, VALUE_LIMIT).map_err(|_| self.damaged())
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        tracing::error!(%error, "the index failed");
        StoreError::index(&self.path, error)
    }

    fn damaged(&self) -> StoreError {
        StoreError::Index(self.path.clone())
    }
}

fn key(artifact: Sha256, sequence: u64) -> Vec<u8> {
    [&artifact.as_bytes()[..], &sequence.to_be_bytes()].concat()
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
mod tests {
    use verifier::Sha256;
    use verifier::piece::Source;

    use super::{CHANGES_LIMIT, Changes, Entry, Index, Kept, Trees};
    use crate::pack::Location;

    fn entry(artifact: Sha256, sequence: u64) -> Entry {
        let place = Location { pack: 0, block: 7, entry: 1 };
        let pieces = (0..CHANGES_LIMIT).map(|index| {
            (Source::Local, Kept::new(u32::try_from(index).unwrap(), place, sequence))
        });
        Entry { artifact, sequence, changes: Changes::kept(pieces) }
    }

    #[test]
    fn an_index_that_is_let_go_of_a_moment_later_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let artifact = Sha256::of(b"there");
        let index = Index::open(path.clone()).unwrap();
        index.append(&[entry(artifact, 0)]).unwrap();
        index.sync().unwrap();
        drop(index);
        let held = std::fs::File::open(path.join("db")).unwrap();
        held.lock().unwrap();
        let mut waits = 0;
        let trees = Trees::open_waiting(&path, || {
            waits += 1;
            if waits == 3 {
                held.unlock().unwrap();
            }
        });
        assert_eq!((trees.unwrap().changes.len(), waits), (1, 3));
    }

    #[test]
    fn rewriting_gives_space_back_and_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let (gone, there) = (Sha256::of(b"gone"), Sha256::of(b"there"));
        let index = Index::open(path.clone()).unwrap();
        for sequence in 0..1_000 {
            index.append(&[entry(gone, sequence)]).unwrap();
        }
        for sequence in 0..3 {
            index.append(&[entry(there, sequence)]).unwrap();
        }
        index.flush().unwrap();
        index.remove(gone).unwrap();
        assert!(index.size().unwrap() > 4 << 20);
        index.rewrite_all().unwrap();
        assert!(index.size().unwrap() < 1 << 20);
        let check = |index: &Index| {
            assert_eq!(index.replay(gone, drop).unwrap(), (0, 0));
            let mut told = 0;
            assert_eq!(index.replay(there, |_| told += 1).unwrap(), (3, 3));
            assert_eq!(told, 3);
        };
        check(&index);
        drop(index);
        check(&Index::open(path).unwrap());
    }
}
