//! An artifact's file: sparse, with each piece where it lies in the artifact.

mod outside;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::buffers::Buffers;
use bytes::Bytes;
use verifier::{Geometry, PieceIndex, Sha256};

use crate::device::{self, Punched};
use crate::documents::{ADDRESSES, PART, WHOLE};
use crate::error::{At, StoreError};
use crate::files::{self, File, May};
use crate::layout::Layout;
use crate::room::{BLOCK, HEADROOM, in_blocks};

/// How many artifacts have their files open, two each.
const OPEN_LIMIT: usize = 4;

/// Up to so many bytes are read where the caller runs if they lie in memory.
const READ_HERE: u32 = 512 << 10;

/// The length of an address, in bytes.
const ADDRESS: u64 = 32;

/// The files of all artifacts. They are made, sealed and removed by one thread.
#[derive(Debug)]
pub(crate) struct Slots {
    layout: Layout,
    open: Mutex<Open>,
    buffers: Buffers,
}

/// The files that are open, and where they lie.
#[derive(Debug, Default)]
struct Open {
    /// The files that lie outside the library.
    outside: BTreeMap<Sha256, PathBuf>,
    /// What was asked for last is last.
    slots: Vec<(Sha256, Arc<Slot>)>,
    /// How often files were closed. One that was opened meanwhile may be gone, and is not kept here.
    closed: u64,
}

/// The open file of one artifact, and beside it the BLAKE3 of each piece.
///
/// That is a hint, synced only while there is no piece list: bytes that it fits were verified once; of
/// bytes that it does not fit it says nothing.
#[derive(Debug)]
pub(crate) struct Slot {
    path: PathBuf,
    geometry: Geometry,
    pieces: File,
    addresses: File,
    buffers: Buffers,
    pub(crate) kind: Kind,
    /// Bytes of its disk that stay free.
    spare: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It may be written.
    Part,
    /// The whole was verified; it may only be read.
    Whole,
    /// It would be written, and cannot be: by this user, or on this disk.
    Shut,
}

/// What looking at a piece gave.
#[derive(Debug)]
pub(crate) enum Looked {
    /// It is there, whole.
    Whole(Bytes),
    /// These bytes are there, which have this BLAKE3; whether they are the piece is not known.
    Unknown(Bytes, blake3::Hash),
    /// There is no file, or it ends before the piece does.
    Short,
    /// The disk does not give it back, at this moment at least: nothing is known of it.
    Unread,
}

impl Slots {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, open: Mutex::default(), buffers: Buffers::default() }
    }

    /// The file of an artifact; `None` if it has none.
    pub(crate) fn get(
        &self,
        artifact: Sha256,
        geometry: &Geometry,
    ) -> Result<Option<Arc<Slot>>, StoreError> {
        if let Some(slot) = self.opened(artifact) {
            return Ok(Some(slot));
        }
        let before = self.open().closed;
        let Some(slot) = self.look(artifact, geometry)?.map(Arc::new) else { return Ok(None) };
        let mut open = self.open();
        if open.closed == before {
            if open.slots.len() >= OPEN_LIMIT {
                open.slots.remove(0);
            }
            open.slots.push((artifact, Arc::clone(&slot)));
        }
        Ok(Some(slot))
    }

    /// The file of an artifact, if it is open.
    pub(crate) fn opened(&self, artifact: Sha256) -> Option<Arc<Slot>> {
        let mut open = self.open();
        let at = open.slots.iter().position(|(of, _)| *of == artifact)?;
        let found = open.slots.remove(at);
        let slot = Arc::clone(&found.1);
        open.slots.push(found);
        Some(slot)
    }

    fn look(&self, artifact: Sha256, geometry: &Geometry) -> Result<Option<Slot>, StoreError> {
        let here = |ending, kind| (self.layout.of(artifact, ending), kind, HEADROOM);
        // One that is being brought here may be either place, and what a user's folder has in its place
        // is not followed. One may be made writable between the last looks.
        let outside = self.outside(artifact).filter(|path| outside::is_file(path));
        let places = [here(PART, Kind::Part), here(WHOLE, Kind::Whole), here(PART, Kind::Part)];
        let outside = outside.map(|path| (path, Kind::Part, 0));
        for (path, kind, spare) in outside.into_iter().chain(places) {
            let (file, kind) = match kind {
                Kind::Part => match File::change(&path) {
                    Err(error) if is_shut(&error) => (File::open(&path), Kind::Shut),
                    file => (file, kind),
                },
                _ => (File::open(&path), kind),
            };
            match file {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => {
                    let pieces = file.at(&path)?;
                    let beside = self.layout.of(artifact, ADDRESSES);
                    let addresses = match File::open_or_make(&beside) {
                        Err(error) if is_shut(&error) => File::open(&beside),
                        addresses => addresses,
                    };
                    let addresses = addresses.at(&beside)?;
                    let buffers = self.buffers.clone();
                    let geometry = *geometry;
                    return Ok(Some(Slot {
                        path,
                        geometry,
                        pieces,
                        addresses,
                        buffers,
                        kind,
                        spare,
                    }));
                }
            }
        }
        let folder = self.layout.artifacts();
        if folder.is_dir() {
            return Ok(None);
        }
        Err(StoreError::io(&folder, io::ErrorKind::NotFound.into()))
    }

    /// Makes the file of an artifact, with nothing in it, or makes one that is there writable; gives it.
    pub(crate) fn make(
        &self,
        artifact: Sha256,
        geometry: &Geometry,
    ) -> Result<Arc<Slot>, StoreError> {
        self.make_file(artifact, geometry)?;
        self.get(artifact, geometry)?.ok_or(StoreError::Lost)
    }

    fn make_file(&self, artifact: Sha256, geometry: &Geometry) -> Result<(), StoreError> {
        // Whatever is open may have lost its name.
        self.close(artifact);
        match self.look(artifact, geometry)?.map(|slot| slot.kind) {
            Some(Kind::Part) => return Ok(()),
            Some(Kind::Shut) => {
                let path = self.layout.of(artifact, PART);
                return File::change(&path).map(drop).at(&path);
            }
            Some(Kind::Whole) => {
                let (from, to) = (self.layout.of(artifact, WHOLE), self.layout.of(artifact, PART));
                files::set_mode(&from, May::Change)
                    .and_then(|()| files::rename(&from, &to))
                    .at(&from)?;
                self.close(artifact);
            }
            None => {
                let outside = self.outside(artifact);
                let is_outside = outside.is_some();
                let path = outside.unwrap_or_else(|| self.layout.of(artifact, PART));
                let made = if is_outside { File::make_public(&path) } else { File::make(&path) };
                let made = made.and_then(|file| file.set_len(geometry.byte_count()));
                // One that is too short stays: it is as good, and somebody may have opened it by now.
                made.at(&path)?;
                if is_outside {
                    let folder = path.parent().unwrap_or(&path);
                    return files::sync_folder(folder).at(folder);
                }
            }
        }
        let folder = self.layout.artifacts();
        files::sync_folder(&folder).at(&folder)
    }

    /// Says of an artifact's file that the whole was verified; everything in it must be synced.
    pub(crate) fn seal(&self, artifact: Sha256) -> Result<(), StoreError> {
        let (from, to) = (self.layout.of(artifact, PART), self.layout.of(artifact, WHOLE));
        match files::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.at(&from)?,
        }
        self.close(artifact);
        files::set_mode(&to, May::Read).at(&to)?;
        let folder = self.layout.artifacts();
        files::sync_folder(&folder).at(&folder)
    }

    /// Opens the file anew when it is asked for next.
    pub(crate) fn close(&self, artifact: Sha256) {
        let mut open = self.open();
        open.slots.retain(|(of, _)| *of != artifact);
        open.closed += 1;
    }

    /// Makes durable what was written to an artifact's file. What a failed sync left behind is not
    /// known: nothing more is written through a file of which one failed.
    pub(crate) fn sync(&self, artifact: Sha256, slot: &Slot) -> Result<(), StoreError> {
        slot.sync().inspect_err(|_| self.close(artifact))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes a piece that has this BLAKE3; durable after [`Self::sync`].
    pub(crate) fn write(
        &self,
        index: PieceIndex,
        bytes: &[u8],
        address: &blake3::Hash,
    ) -> Result<(), StoreError> {
        let folder = self.path.parent().unwrap_or(&self.path);
        if device::space(folder).at(folder)?.free < (bytes.len() as u64).saturating_add(self.spare)
        {
            return Err(StoreError::io(&self.path, io::ErrorKind::StorageFull.into()));
        }
        self.pieces.write_at(bytes, self.geometry.offset(index)).at(&self.path)?;
        self.address(index, address);
        Ok(())
    }

    /// Writes down the BLAKE3 of a piece that was verified.
    pub(crate) fn address(&self, index: PieceIndex, address: &blake3::Hash) {
        let place = u64::from(index.get()) * ADDRESS;
        if let Err(error) = self.addresses.write_at(address.as_bytes(), place) {
            tracing::warn!(%error, "cannot write down an address");
        }
    }

    /// Makes durable what was written.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.pieces.sync_data().at(&self.path)
    }

    /// Makes the addresses durable too, where nothing else tells which bytes are right.
    pub(crate) fn sync_addresses(&self) -> Result<(), StoreError> {
        self.addresses.sync_data().at(&self.path)
    }

    /// Reads a piece.
    pub(crate) fn read(&self, index: PieceIndex) -> Result<Looked, StoreError> {
        let mut bytes = self.buffers.take_full(self.geometry.length(index));
        match self.pieces.read_at(bytes.bytes_mut(), self.geometry.offset(index)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Looked::Short),
            Err(error) if device::is_lost(&error) => {
                let piece = index.get();
                tracing::error!(piece, %error, "the disk does not give back what is kept");
                return Ok(Looked::Unread);
            }
            Err(error) => return Err(StoreError::io(&self.path, error)),
        }
        let (bytes, found) = (bytes.freeze(), [0; 32]);
        let hash = blake3::hash(&bytes);
        let mut address = found;
        let place = u64::from(index.get()) * ADDRESS;
        let is_known = self.addresses.read_at(&mut address, place).is_ok();
        Ok(if is_known && hash == blake3::Hash::from_bytes(address) {
            Looked::Whole(bytes)
        } else {
            Looked::Unknown(bytes, hash)
        })
    }

    /// Reads a piece that is short and lies in memory, if it is there whole: that waits for no disk.
    pub(crate) fn read_here(&self, index: PieceIndex) -> Option<Bytes> {
        let length = Some(self.geometry.length(index)).filter(|length| *length <= READ_HERE)?;
        let (mut bytes, mut address) = (self.buffers.take_full(length), [0; 32]);
        let place = u64::from(index.get()) * ADDRESS;
        let is_read = self.addresses.read_in_memory_at(&mut address, place)
            && self.pieces.read_in_memory_at(bytes.bytes_mut(), self.geometry.offset(index));
        let is_whole = is_read && blake3::hash(bytes.as_ref()) == blake3::Hash::from_bytes(address);
        is_whole.then(|| bytes.freeze())
    }

    /// Copies a piece to another artifact that has the same one there, sharing its blocks where the
    /// file system does; durable after that one's [`Self::sync`].
    pub(crate) fn copy_to(
        &self,
        index: PieceIndex,
        other: &Self,
        there: PieceIndex,
    ) -> io::Result<()> {
        let (from, to) = (self.geometry.offset(index), other.geometry.offset(there));
        let length = u64::from(self.geometry.length(index));
        self.pieces.copy_to(from, &other.pieces, to, length)?;
        let mut address = [0; 32];
        if self.addresses.read_at(&mut address, u64::from(index.get()) * ADDRESS).is_ok() {
            other.address(there, &blake3::Hash::from_bytes(address));
        }
        Ok(())
    }

    /// Copies so many bytes, from this piece on, into another file at `there`, sharing their blocks
    /// where the file system does.
    pub(crate) fn copy_out(
        &self,
        from: PieceIndex,
        length: u64,
        output: &File,
        there: u64,
    ) -> Result<(), StoreError> {
        self.pieces.copy_to(self.geometry.offset(from), output, there, length).at(&self.path)
    }

    /// Gives back the space of a piece that is not wanted any more, as far as it has blocks of its
    /// own.
    pub(crate) fn free(&self, index: PieceIndex) -> Result<Punched, StoreError> {
        let start = self.geometry.offset(index);
        let end = start + u64::from(self.geometry.length(index));
        let is_last = end == self.geometry.byte_count();
        let start = in_blocks(start);
        let end = if is_last { in_blocks(end) } else { end / BLOCK * BLOCK };
        if end <= start {
            return Ok(Punched::Unable);
        }
        self.pieces.punch(start, end - start).at(&self.path)
    }

    /// The pieces that are there as far as the files tell without being read: all of one that was
    /// verified whole, and else those that have bytes and an address.
    pub(crate) fn told(&self) -> Result<Vec<PieceIndex>, StoreError> {
        let length = self.pieces.len().at(&self.path)?;
        let ends = |index: &PieceIndex| {
            self.geometry.offset(*index) + u64::from(self.geometry.length(*index)) <= length
        };
        let is_addressed = |index: &PieceIndex| {
            let (mut address, place) = ([0; 32], u64::from(index.get()) * ADDRESS);
            self.addresses.read_at(&mut address, place).is_ok() && address != [0; 32]
        };
        let is_told = |index: &PieceIndex| self.kind == Kind::Whole || is_addressed(index);
        let there = self.data()?.into_iter().flatten();
        let there = there.filter_map(|index| self.geometry.index(index));
        let mut told: Vec<PieceIndex> = there.filter(ends).filter(is_told).collect();
        told.dedup();
        Ok(told)
    }

    /// The pieces of which there is anything at all, as ranges; all of them where that is not known.
    pub(crate) fn data(&self) -> Result<Vec<Range<u32>>, StoreError> {
        let size = u64::from(self.geometry.piece_size());
        let index = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
        let ranges = self.pieces.data().at(&self.path)?.into_iter();
        Ok(ranges.map(|range| index(range.start / size)..index(range.end.div_ceil(size))).collect())
    }
}

/// Whether a file may be read all the same.
fn is_shut(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || files::is_unwritable(error)
}

#[cfg(test)]
mod tests;
