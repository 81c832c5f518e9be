//! The tensor directory: entries of 64 bytes, read as they come (docs/formats.md 5.2, D1 to D14).
//!
//! There are as many entries as the header's shape wants, at most 32,768 (H24). Judging them takes
//! up to 168 bytes of memory an entry, and time that of a sort.
//!
//! ```
//! use verifier::slm::directory::{DirectoryError, EntryFault};
//! use verifier::slm::{ChecksumRule, SlmError, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! let entry = 192; // after 108 bytes of header and 28 of tokenizer, and padding to 64
//! bytes[entry + 8] = 9;
//! let error = validate(&bytes, ChecksumRule::Unverified).unwrap_err();
//! let fault = EntryFault::BadDtype { found: 9 };
//! assert_eq!(error, SlmError::Directory(DirectoryError { index: 0, fault }));
//! assert_eq!(error.to_string(), "directory entry 0: dtype is 9, expected 1, 2 or 3");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::slm::fields::Fields;
use crate::slm::header::{ALIGNMENT, Header};
use crate::slm::policy::{DirectoryPolicy, LayoutPolicy, TensorOrder};
use crate::slm::quantisation::Quantisation;

/// Length of an entry, in bytes (docs/formats.md 5.2).
pub const ENTRY_LEN: usize = 64;

/// The directory of a file, all of whose entries passed D1 to D14.
#[derive(Debug, Clone)]
pub struct Directory {
    entries: Vec<Entry>,
    by_hash: Vec<u32>,
}

impl Directory {
    /// The entries in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries by ascending name hash.
    pub fn sorted(&self) -> impl Iterator<Item = &Entry> {
        self.by_hash.iter().filter_map(|index| self.entries.get(*index as usize))
    }

    /// The place in the file of the entry with this name hash.
    pub fn find(&self, name_hash: u64) -> Option<usize> {
        let hash_at = |index: &u32| self.entries.get(*index as usize).map(|e| e.name_hash);
        let place = self.by_hash.binary_search_by_key(&Some(name_hash), hash_at).ok()?;
        self.by_hash.get(place).map(|index| *index as usize)
    }
}

/// One entry: where a tensor lies and how it is stored.
#[derive(Debug, Clone)]
pub struct Entry {
    /// FNV-1a of the tensor's name.
    pub(super) name_hash: u64,
    /// Where the payload starts.
    pub(super) byte_offset: u64,
    /// Length of the payload.
    pub(super) byte_length: u64,
    /// Where the scale array starts; 0 without one.
    pub(super) scale_offset: u64,
    /// The dims, unused ones as 1.
    pub(super) dims: [u32; 4],
    /// Values a scale is for; 0 without one.
    pub(super) block_size: u32,
    rank: u8,
    /// How the values are stored.
    pub(super) dtype: Quantisation,
}

impl Entry {
    /// The number of used dims.
    pub fn rank(&self) -> u32 {
        self.rank.into()
    }

    /// The used dims.
    pub fn used_dims(&self) -> &[u32] {
        self.dims.get(..self.rank.into()).unwrap_or(&self.dims)
    }

    /// The number of values.
    pub fn value_count(&self) -> u128 {
        self.dims.iter().map(|dim| u128::from(*dim)).product()
    }

    /// Where the payload ends.
    pub fn payload_end(&self) -> u64 {
        self.byte_offset.saturating_add(self.byte_length)
    }

    /// Where the scale array ends; `None` without one.
    pub fn scales_end(&self) -> Option<u64> {
        if self.dtype == Quantisation::F32 {
            return None;
        }
        let (rows, cols) = TensorOrder::RowMajor.split(self.used_dims());
        let length = self.dtype.scales_len(rows, cols, self.block_size);
        // D13 has compared the sum with the file's length.
        u64::try_from(length).ok().and_then(|length| self.scale_offset.checked_add(length))
    }

    fn parse(bytes: &[u8; ENTRY_LEN], bounds: Bounds) -> Result<Self, EntryFault> {
        let mut fields = Fields::of(bytes);
        let name_hash = fields.u64();
        let dtype = fields.u32();
        let dtype = Quantisation::from_dtype(dtype).ok_or(EntryFault::BadDtype { found: dtype })?;
        let found = fields.u32();
        let Ok(rank @ 1..=4) = u8::try_from(found) else {
            return Err(EntryFault::BadRank { found });
        };
        let mut dims: [u32; 4] = fields.words();
        let (used, unused) = dims.split_at_mut(rank.into());
        if let Some(dim) = used.iter().position(|dim| *dim == 0) {
            return Err(EntryFault::BadDimension { dim });
        }
        if let Some(found) = unused.iter().find(|dim| !DirectoryPolicy::allows_unused(**dim)) {
            return Err(EntryFault::UnusedDimension { found: *found });
        }
        unused.fill(1);
        let (rows, cols) = TensorOrder::RowMajor.split(used);
        let entry = Self {
            name_hash,
            dtype,
            rank,
            dims,
            byte_offset: fields.u64(),
            byte_length: fields.u64(),
            scale_offset: fields.u64(),
            block_size: fields.u32(),
        };
        let reserved = fields.u32();
        if !dtype.allows_block(entry.block_size, cols) {
            return Err(EntryFault::BlockSize { found: entry.block_size, dtype, cols });
        }
        entry.check_payload(rows, cols, bounds)?;
        entry.check_scales(rows, cols, bounds)?;
        if reserved != DirectoryPolicy::RESERVED {
            return Err(EntryFault::Reserved { found: reserved });
        }
        Ok(entry)
    }

    fn check_payload(&self, rows: u128, cols: u128, bounds: Bounds) -> Result<(), EntryFault> {
        let offset = self.byte_offset;
        if !offset.is_multiple_of(ALIGNMENT) {
            return Err(EntryFault::PayloadAlignment { found: offset });
        }
        if !bounds.contain(offset, self.byte_length.into()) {
            return Err(EntryFault::PayloadRange { offset, length: self.byte_length, bounds });
        }
        let expected = self.dtype.payload_len(rows, cols);
        if u128::from(self.byte_length) != expected {
            return Err(EntryFault::PayloadLength { found: self.byte_length, expected });
        }
        Ok(())
    }

    fn check_scales(&self, rows: u128, cols: u128, bounds: Bounds) -> Result<(), EntryFault> {
        let offset = self.scale_offset;
        if self.dtype == Quantisation::F32 {
            return if offset == DirectoryPolicy::F32_SCALE_OFFSET {
                Ok(())
            } else {
                Err(EntryFault::ScaleUnexpected { found: offset })
            };
        }
        if offset == 0 {
            return Err(EntryFault::ScaleMissing { dtype: self.dtype });
        }
        if !offset.is_multiple_of(LayoutPolicy::SCALE_ALIGNMENT) {
            return Err(EntryFault::ScaleAlignment { found: offset });
        }
        let length = self.dtype.scales_len(rows, cols, self.block_size);
        if !bounds.contain(offset, length) {
            return Err(EntryFault::ScaleRange { offset, length, bounds });
        }
        Ok(())
    }
}

/// Where payloads and scales may lie: from tensor_data_offset to the file's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    start: u64,
    end: u64,
}

impl Bounds {
    fn contain(self, offset: u64, length: u128) -> bool {
        offset >= self.start && length.saturating_add(u128::from(offset)) <= u128::from(self.end)
    }
}

/// Reads entries from bytes that come in slices of any size.
#[derive(Debug)]
pub(super) struct DirectoryReader {
    bounds: Bounds,
    entries: Vec<Entry>,
    partial: Vec<u8>,
}

impl DirectoryReader {
    /// Starts with nothing read; memory grows with the entries that come.
    pub(super) const fn new(header: &Header, length: u64) -> Self {
        let bounds = Bounds { start: header.tensor_data_offset, end: length };
        Self { bounds, entries: Vec::new(), partial: Vec::new() }
    }

    /// Takes in the next bytes; after an error nothing more may be given.
    pub(super) fn update(&mut self, mut bytes: &[u8]) -> Result<(), DirectoryError> {
        if !self.partial.is_empty() {
            let wanted = ENTRY_LEN.saturating_sub(self.partial.len());
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(now);
            bytes = later;
            if let Ok(entry) = <[u8; ENTRY_LEN]>::try_from(self.partial.as_slice()) {
                self.partial.clear();
                self.take(&entry)?;
            }
        }
        while let Some((entry, rest)) = bytes.split_first_chunk() {
            self.take(entry)?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the directory, whose entries have all been read.
    pub(super) fn finish(&mut self) -> Result<Directory, DirectoryError> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.shrink_to_fit();
        let hashes: Vec<u64> = entries.iter().map(|entry| entry.name_hash).collect();
        let by_hash = sort(&hashes);
        match first_duplicate(&hashes, &by_hash) {
            Some(error) => Err(error),
            None => Ok(Directory { entries, by_hash }),
        }
    }

    fn take(&mut self, bytes: &[u8; ENTRY_LEN]) -> Result<(), DirectoryError> {
        let fault = match Entry::parse(bytes, self.bounds) {
            Ok(entry) => {
                self.entries.push(entry);
                return Ok(());
            }
            Err(fault) => fault,
        };
        // D1 of this entry and of those before comes first; it is judged once, here or at the end.
        let mut hashes: Vec<u64> = self.entries.iter().map(|entry| entry.name_hash).collect();
        hashes.push(Fields::of(bytes).u64());
        let duplicate = first_duplicate(&hashes, &sort(&hashes));
        Err(duplicate.unwrap_or(DirectoryError { index: self.entries.len(), fault }))
    }
}

fn sort(hashes: &[u64]) -> Vec<u32> {
    // tensor_count is 32 bits wide, so that the range holds every index.
    let mut order: Vec<u32> = (0..=u32::MAX).zip(hashes).map(|(index, _)| index).collect();
    order.sort_unstable_by_key(|index| (hashes.get(*index as usize), *index));
    order
}

fn first_duplicate(hashes: &[u64], order: &[u32]) -> Option<DirectoryError> {
    let hash_at = |index: u32| hashes.get(index as usize).copied();
    let duplicates = order.iter().zip(order.iter().skip(1)).filter_map(|(before, after)| {
        let hash = hash_at(*after)?;
        (hash_at(*before)? == hash).then_some((*after, hash))
    });
    let (index, hash) = duplicates.min()?;
    Some(DirectoryError { index: index as usize, fault: EntryFault::DuplicateName { hash } })
}

/// Why a directory is wrong: its first entry that is, and why (D1 to D14).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("directory entry {index}: {fault}")]
pub struct DirectoryError {
    /// The entry's place in the file.
    pub index: usize,
    /// What is wrong with it.
    pub fault: EntryFault,
}

/// What is wrong with a directory entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// D1: an earlier entry has the same name hash.
    #[error("name_hash is {hash:016X}, expected one that no earlier entry has")]
    DuplicateName {
        /// The hash that both have.
        hash: u64,
    },
    /// D2: the values are stored in a form that is not known.
    #[error("dtype is {found}, expected 1, 2 or 3")]
    BadDtype {
        /// The field's value.
        found: u32,
    },
    /// D3: the rank is not 1 to 4.
    #[error("rank is {found}, expected 1 to 4")]
    BadRank {
        /// The field's value.
        found: u32,
    },
    /// D4: a used dim is zero.
    #[error("dim{dim} is 0, expected at least 1")]
    BadDimension {
        /// The dim's number, from 0.
        dim: usize,
    },
    /// D5: a dim past the rank is neither 0 nor 1.
    #[error("unused dim is {found}, expected 0 or 1")]
    UnusedDimension {
        /// The field's value.
        found: u32,
    },
    /// D6: the block size does not go with dtype and columns.
    #[error(
        "block_size is {found}, expected {} with {dtype} and {cols} columns",
        match dtype {
            Quantisation::F32 => DirectoryPolicy::F32_BLOCK_SIZE.to_string(),
            Quantisation::Q8_0 => cols.to_string(),
            Quantisation::Q4_0 => "an even divisor".to_owned(),
        }
    )]
    BlockSize {
        /// The field's value.
        found: u32,
        /// How the values are stored.
        dtype: Quantisation,
        /// The last used dim.
        cols: u128,
    },
    /// D7: the payload is not aligned.
    #[error("byte_offset is {found}, expected a multiple of {ALIGNMENT}")]
    PayloadAlignment {
        /// The field's value.
        found: u64,
    },
    /// D8: the payload is out of place.
    #[error(
        "payload has {length} bytes at {offset}, expected them between {} and {}",
        bounds.start,
        bounds.end
    )]
    PayloadRange {
        /// Where it begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// Where it may lie.
        bounds: Bounds,
    },
    /// D9: the payload has another length than dtype and dims give.
    #[error("byte_length is {found}, expected {expected}")]
    PayloadLength {
        /// The field's value.
        found: u64,
        /// The length in bytes that docs/formats.md 5.4 gives.
        expected: u128,
    },
    /// D10: an f32 tensor has a scale array.
    #[error("scale_offset is {found}, expected {} with f32", DirectoryPolicy::F32_SCALE_OFFSET)]
    ScaleUnexpected {
        /// The field's value.
        found: u64,
    },
    /// D11: a quantised tensor has no scale array.
    #[error("scale_offset is 0, expected where the scales of {dtype} begin")]
    ScaleMissing {
        /// How the values are stored.
        dtype: Quantisation,
    },
    /// D12: the scale array is not aligned.
    #[error("scale_offset is {found}, expected a multiple of {}", LayoutPolicy::SCALE_ALIGNMENT)]
    ScaleAlignment {
        /// The field's value.
        found: u64,
    },
    /// D13: the scale array is out of place.
    #[error(
        "scale array has {length} bytes at {offset}, expected them between {} and {}",
        bounds.start,
        bounds.end
    )]
    ScaleRange {
        /// Where it begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        length: u128,
        /// Where it may lie.
        bounds: Bounds,
    },
    /// D14: the reserved bytes are not zero.
    #[error("reserved bytes are {found:#010x}, expected 0")]
    Reserved {
        /// The field's value.
        found: u32,
    },
}

impl DirectoryError {
    pub(super) const fn suffix(&self) -> &'static str {
        match self.fault {
            EntryFault::DuplicateName { .. } => "duplicate-name",
            EntryFault::BadDtype { .. } => "bad-dtype",
            EntryFault::BadRank { .. } => "bad-rank",
            EntryFault::BadDimension { .. } => "bad-dimension",
            EntryFault::UnusedDimension { .. } => "unused-dimension",
            EntryFault::BlockSize { .. } => "block-size",
            EntryFault::PayloadAlignment { .. } => "payload-alignment",
            EntryFault::PayloadRange { .. } => "payload-range",
            EntryFault::PayloadLength { .. } => "payload-length",
            EntryFault::ScaleUnexpected { .. } => "scale-unexpected",
            EntryFault::ScaleMissing { .. } => "scale-missing",
            EntryFault::ScaleAlignment { .. } => "scale-alignment",
            EntryFault::ScaleRange { .. } => "scale-range",
            EntryFault::Reserved { .. } => "reserved",
        }
    }

    pub(super) fn field(&self) -> String {
        let name = match &self.fault {
            EntryFault::DuplicateName { .. } => "name_hash",
            EntryFault::BadDtype { .. } => "dtype",
            EntryFault::BadRank { .. } => "rank",
            EntryFault::BadDimension { .. } | EntryFault::UnusedDimension { .. } => "dims",
            EntryFault::BlockSize { .. } => "block_size",
            EntryFault::PayloadAlignment { .. } | EntryFault::PayloadRange { .. } => "byte_offset",
            EntryFault::PayloadLength { .. } => "byte_length",
            EntryFault::ScaleUnexpected { .. }
            | EntryFault::ScaleMissing { .. }
            | EntryFault::ScaleAlignment { .. }
            | EntryFault::ScaleRange { .. } => "scale_offset",
            EntryFault::Reserved { .. } => "reserved",
        };
        format!("entry.{}.{name}", self.index)
    }
}
