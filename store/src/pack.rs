//! Packs: append-only files of piece bytes that describe themselves.
//!
//! A record is a header and the piece's bytes, one behind the other without padding, so that small
//! pieces cost no more than their bytes. The header says all that the index knows of the piece:
//! the whole index can be thrown away and rebuilt from the packs.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use verifier::ChunkAlgorithm;
use verifier::digest::ChunkDigest;

use crate::layout::sync_folder;

/// What every record starts with.
const MAGIC: [u8; 8] = *b"MMPIECE0";
/// A record's header, in bytes: magic, length u32, algorithm u32, digest, address, CRC-32 of all
/// that; little-endian.
pub(crate) const HEADER: u64 = HEADER_LEN as u64;
/// The same, for slices.
const HEADER_LEN: usize = 84;
/// A pack takes records until it is this long, in bytes; then a new one is begun.
const FULL: u64 = 256 << 20;
/// The longest piece, in bytes.
const MAX_PIECE: u32 = verifier::geometry::CHUNK_LIMITS.max_size;
/// The unit in which a file system gives space back, in bytes.
const BLOCK: u64 = 4_096;

/// BLAKE3 of a piece's bytes: its name inside the store, never shown to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address(pub(crate) [u8; 32]);

impl Address {
    /// The address of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Where a piece's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The pack.
    pub(crate) pack: u32,
    /// Where the bytes begin, behind the header.
    pub(crate) offset: u64,
    /// How many bytes.
    pub(crate) length: u32,
}

impl Place {
    /// Bytes that the record takes in its pack.
    pub(crate) fn record_bytes(self) -> u64 {
        HEADER + u64::from(self.length)
    }

    /// Where the record ends in its pack.
    pub(crate) fn end(self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// What a record says of its piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) algorithm: ChunkAlgorithm,
    pub(crate) digest: ChunkDigest,
    pub(crate) address: Address,
    pub(crate) length: u32,
}

impl Label {
    fn encode(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let algorithm: u32 = match self.algorithm {
            ChunkAlgorithm::FixedSizeMerkleV0 => 0,
            ChunkAlgorithm::Blake3TreeV0 => 1,
        };
        let parts: [&[u8]; 5] = [
            &MAGIC,
            &self.length.to_le_bytes(),
            &algorithm.to_le_bytes(),
            self.digest.as_bytes(),
            &self.address.0,
        ];
        let mut at = 0;
        for part in parts {
            for (to, from) in header.iter_mut().skip(at).zip(part) {
                *to = *from;
            }
            at += part.len();
        }
        let (body, sum) = header.split_at_mut(at);
        sum.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        header
    }

    fn decode(header: &[u8; HEADER_LEN]) -> Option<Self> {
        let (body, sum) = header.split_last_chunk::<4>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (magic, rest) = body.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (algorithm, rest) = rest.split_first_chunk::<4>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let (address, _) = rest.split_first_chunk::<32>()?;
        let algorithm = match u32::from_le_bytes(*algorithm) {
            0 => ChunkAlgorithm::FixedSizeMerkleV0,
            1 => ChunkAlgorithm::Blake3TreeV0,
            _ => return None,
        };
        let length = u32::from_le_bytes(*length);
        (*magic == MAGIC && (1..=MAX_PIECE).contains(&length)).then_some(Self {
            algorithm,
            digest: ChunkDigest::from_bytes(*digest),
            address: Address(*address),
            length,
        })
    }
}

/// The folder of packs: one of them open for appending, any of them for reading.
#[derive(Debug)]
pub(crate) struct Packs {
    folder: PathBuf,
    readers: Mutex<HashMap<u32, Arc<File>>>,
}

impl Packs {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, readers: Mutex::new(HashMap::new()) }
    }

    fn path(&self, pack: u32) -> PathBuf {
        self.folder.join(format!("{pack:06}.pack"))
    }

    /// The numbers of the packs that are there, ascending.
    pub(crate) fn numbers(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".pack"));
            numbers.extend(number.and_then(|digits| digits.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads a piece's bytes; whether they are still the piece is the caller's to check.
    pub(crate) fn read(&self, place: Place, into: &mut [u8]) -> io::Result<()> {
        read_at(&*self.reader(place.pack)?, into, place.offset)
    }

    fn reader(&self, pack: u32) -> io::Result<Arc<File>> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = readers.get(&pack) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(self.path(pack))?);
        readers.insert(pack, Arc::clone(&file));
        Ok(file)
    }

    /// Bytes that the pack takes on the device, which holes make fewer than its length.
    pub(crate) fn disk_bytes(&self, pack: u32) -> io::Result<u64> {
        allocated(&self.path(pack))
    }

    /// Cuts what lies behind `end`, which no piece needs.
    pub(crate) fn cut(&self, pack: u32, end: u64) -> io::Result<()> {
        let path = self.path(pack);
        if std::fs::metadata(&path)?.len() > end {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(end)?;
            file.sync_all()?;
        }
        Ok(())
    }

    /// Removes a pack that no piece lies in.
    pub(crate) fn remove(&self, pack: u32) -> io::Result<()> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).remove(&pack);
        match std::fs::remove_file(self.path(pack)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the space of a dead record back to the file system, where that can be done; the
    /// header stays, so that the records behind it can be found.
    pub(crate) fn punch(&self, place: Place) -> io::Result<()> {
        let from = place.offset.next_multiple_of(BLOCK);
        let to = place.end() / BLOCK * BLOCK;
        if from >= to {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).open(self.path(place.pack))?;
        punch_hole(&file, from, to - from)
    }

    /// Every record of a pack that is whole and whose bytes are still its piece.
    pub(crate) fn scan(&self, pack: u32, mut on: impl FnMut(Label, Place)) -> io::Result<()> {
        let file = File::open(self.path(pack))?;
        let length = file.metadata()?.len();
        let mut at = 0;
        let mut body = Vec::new();
        while at + HEADER <= length {
            let mut header = [0; HEADER_LEN];
            read_at(&file, &mut header, at)?;
            let Some(label) = Label::decode(&header) else {
                return Ok(());
            };
            let place = Place { pack, offset: at + HEADER, length: label.length };
            if place.end() > length {
                return Ok(());
            }
            body.resize(label.length as usize, 0);
            read_at(&file, &mut body, place.offset)?;
            if Address::of(&body) == label.address {
                on(label, place);
            }
            at = place.end();
        }
        Ok(())
    }

    /// Begins a new pack behind all that are there.
    pub(crate) fn begin(&self, number: u32) -> io::Result<Appender> {
        let path = self.path(number);
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        sync_folder(&self.folder)?;
        Ok(Appender { pack: number, file, end: 0, synced: 0 })
    }

    /// Goes on with a pack that is there, at `end`.
    pub(crate) fn resume(&self, number: u32, end: u64) -> io::Result<Appender> {
        let file = OpenOptions::new().append(true).open(self.path(number))?;
        file.set_len(end)?;
        Ok(Appender { pack: number, file, end, synced: end })
    }
}

/// The pack that takes new records.
#[derive(Debug)]
pub(crate) struct Appender {
    pack: u32,
    file: File,
    end: u64,
    synced: u64,
}

impl Appender {
    /// The pack's number.
    pub(crate) const fn pack(&self) -> u32 {
        self.pack
    }

    /// Whether the next record belongs in a new pack.
    pub(crate) const fn is_full(&self) -> bool {
        self.end >= FULL
    }

    /// Appends a record; it survives a crash after [`Self::sync`].
    pub(crate) fn append(&mut self, label: &Label, bytes: &[u8]) -> io::Result<Place> {
        let place = Place { pack: self.pack, offset: self.end + HEADER, length: label.length };
        let header = label.encode();
        self.file.write_all(&header)?;
        self.file.write_all(bytes)?;
        self.end = place.end();
        Ok(place)
    }

    /// Makes all records durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.synced != self.end {
            self.file.sync_data()?;
            self.synced = self.end;
        }
        Ok(())
    }

    /// Takes back what was appended since the last [`Self::sync`], after an error.
    pub(crate) fn undo(&mut self) -> io::Result<()> {
        self.file.set_len(self.synced)?;
        self.end = self.synced;
        Ok(())
    }
}

/// Bytes that a file takes on the device; 0 if it is not there.
pub(crate) fn allocated(path: &Path) -> io::Result<u64> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(allocated_bytes(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn allocated_bytes(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    /// The unit of `st_blocks`, whatever the file system's own.
    const STAT_BLOCK: u64 = 512;
    metadata.blocks() * STAT_BLOCK
}

#[cfg(not(unix))]
fn allocated_bytes(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    file.read_exact_at(into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.seek_read(rest, offset + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn punch_hole(file: &File, from: u64, length: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(file, flags, from, length) {
        // The space then counts as dead until its whole pack is.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        outcome => Ok(outcome?),
    }
}

#[cfg(not(target_os = "linux"))]
fn punch_hole(_file: &File, _from: u64, _length: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use verifier::ChunkAlgorithm;
    use verifier::digest::ChunkDigest;

    use super::{Address, Label, Packs};

    fn label(bytes: &[u8]) -> Label {
        Label {
            algorithm: ChunkAlgorithm::Blake3TreeV0,
            digest: ChunkDigest::from_bytes([3; 32]),
            address: Address::of(bytes),
            length: u32::try_from(bytes.len()).unwrap(),
        }
    }

    #[test]
    fn records_are_found_again_up_to_a_torn_one() {
        let folder = tempfile::tempdir().unwrap();
        let packs = Packs::new(folder.path().to_owned());
        let mut appender = packs.begin(7).unwrap();
        let pieces: Vec<Vec<u8>> = (1..4_u8).map(|n| vec![n; 5_000 * usize::from(n)]).collect();
        let places: Vec<_> =
            pieces.iter().map(|p| appender.append(&label(p), p).unwrap()).collect();
        appender.sync().unwrap();
        packs.punch(places[1]).unwrap();
        packs.cut(7, places[2].end() - 1).unwrap();

        let mut found = Vec::new();
        packs.scan(7, |label, place| found.push((label.address, place))).unwrap();
        assert_eq!(found, [(Address::of(&pieces[0]), places[0])]);
        let mut bytes = vec![0; 5_000];
        packs.read(places[0], &mut bytes).unwrap();
        assert_eq!(bytes, pieces[0]);
        assert_eq!(packs.numbers().unwrap(), [7]);
    }
}
