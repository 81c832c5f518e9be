//! The file that lists the digests of an artifact's chunks (docs/formats.md 7.6).
//!
//! At most 100,663,296 bytes and 1,048,576 chunks. Reading one takes up to 128 MiB beside its
//! bytes, and time in proportion but for a sort.
//!
//! ```
//! use verifier::ChunkAlgorithm;
//! use verifier::chunk_list::ChunkList;
//! use verifier::digest::ChunkDigest;
//!
//! let digests = vec![ChunkDigest::from_bytes([1; 32]), ChunkDigest::from_bytes([2; 32])];
//! let list = ChunkList::new(ChunkAlgorithm::FixedSizeMerkleV0, 16_384, digests)?;
//! let bytes = list.write();
//! assert!(bytes.starts_with(b"chunk_list.version=0\nchunk_list.algorithm=fixed-size-merkle-v0\n"));
//! assert_eq!(ChunkList::parse(&bytes)?, list);
//! // There is one spelling: a blank too many is another text.
//! let blank = [&bytes[..bytes.len() - 1], b" \n"].concat();
//! assert!(ChunkList::parse(&blank).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::advice::{Advice, Remedy};
use crate::code::{Code, Coded};
use crate::digest::{ChunkAlgorithm, ChunkDigest, Root};
use crate::excerpt::{Excerpt, Words};
use crate::geometry::CHUNK_LIMITS;
use crate::lines::{Document, LineError, LineFault, Lines, push_line};
use crate::merkle;
use crate::scalars::parse_int;

const VERSION: &str = "chunk_list.version";
const ALGORITHM: &str = "chunk_list.algorithm";
const CHUNK_SIZE: &str = "chunk_list.chunk_size";
const CHUNK_COUNT: &str = "chunk_list.chunk_count";
const MERKLE_ROOT: &str = "chunk_list.merkle_root";
const HEADER: [&str; 5] = [VERSION, ALGORITHM, CHUNK_SIZE, CHUNK_COUNT, MERKLE_ROOT];
/// What the keys of the digests start with; they sort before those of the header.
const CHUNK: &str = "chunk.";

/// The digests of an artifact's chunks, and the root that they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkList {
    chunk_size: u32,
    root: Root,
    digests: Vec<ChunkDigest>,
}

/// How chunk list files are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkListFormat {
    /// Version 0: indexes in keys have at least five digits.
    V0,
}

impl ChunkListFormat {
    /// How many digits each index has in a list of `count` chunks.
    fn index_width(self, count: usize) -> usize {
        match self {
            Self::V0 => {
                let last = count.saturating_sub(1);
                last.checked_ilog10().map_or(1, |log| log as usize + 1).max(5)
            }
        }
    }

    fn knows(self, key: &str) -> bool {
        match self {
            Self::V0 => match key.strip_prefix(CHUNK) {
                Some(index) => {
                    (5..=7).contains(&index.len()) && index.bytes().all(|b| b.is_ascii_digit())
                }
                None => HEADER.contains(&key),
            },
        }
    }
}

impl ChunkList {
    /// Makes a list of digests, and computes their root.
    ///
    /// # Errors
    ///
    /// [`ChunkListError::ChunkSize`] (`chunk-list.chunk-size`) or [`ChunkListError::ChunkCount`]
    /// (`chunk-list.chunk-count`) if chunk size or number of digests is outside [`CHUNK_LIMITS`].
    pub fn new(
        algorithm: ChunkAlgorithm,
        chunk_size: u32,
        digests: Vec<ChunkDigest>,
    ) -> Result<Self, ChunkListError> {
        if !CHUNK_LIMITS.allows_size(chunk_size.into()) {
            return Err(ChunkListError::ChunkSize { value: chunk_size.to_string() });
        }
        let too_many = digests.len() > CHUNK_LIMITS.max_count as usize;
        match merkle::root(algorithm, &digests).filter(|_| !too_many) {
            Some(root) => Ok(Self { chunk_size, root, digests }),
            None => Err(ChunkListError::ChunkCount { value: digests.len().to_string() }),
        }
    }

    /// Reads a chunk list file, whose digests must lead to the root that it names.
    ///
    /// # Errors
    ///
    /// [`ChunkListError`] (`chunk-list.…`) for the first rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChunkListError> {
        let lines = Lines::parse(Document::ChunkList, bytes)?;
        lines.require_value(VERSION, "0", LineFault::UnknownVersion)?;
        lines.refuse_unknown(|key| ChunkListFormat::V0.knows(key))?;
        for key in HEADER {
            lines.require(key)?;
        }
        let algorithm = lines.require(ALGORITHM)?;
        let algorithm = ChunkAlgorithm::parse(algorithm)
            .ok_or_else(|| ChunkListError::Algorithm { value: algorithm.to_owned() })?;
        let chunk_size = lines.require(CHUNK_SIZE)?;
        let chunk_size = parse_int(chunk_size)
            .ok()
            .filter(|size| CHUNK_LIMITS.allows_size(*size))
            .and_then(|size| u32::try_from(size).ok())
            .ok_or_else(|| ChunkListError::ChunkSize { value: chunk_size.to_owned() })?;
        let count = lines.require(CHUNK_COUNT)?;
        let count = parse_int(count)
            .ok()
            .filter(|count| (1..=CHUNK_LIMITS.max_count.into()).contains(count))
            .and_then(|count| usize::try_from(count).ok())
            .ok_or_else(|| ChunkListError::ChunkCount { value: count.to_owned() })?;
        let root = lines.require(MERKLE_ROOT)?;
        let root = Root::parse(root, algorithm)
            .ok_or_else(|| ChunkListError::MerkleRoot { algorithm, value: root.to_owned() })?;
        check_entries(&lines, count)?;
        let digests = read_digests(&lines, algorithm)?;
        let list = Self { chunk_size, root, digests };
        if !list.is_written_as(bytes) {
            return Err(ChunkListError::NotCanonical);
        }
        let found = merkle::root(algorithm, &list.digests)
            .ok_or_else(|| ChunkListError::ChunkCount { value: count.to_string() })?;
        if found == root { Ok(list) } else { Err(ChunkListError::Root { named: root, found }) }
    }

    /// Writes the file's bytes, of which there is one spelling.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.each_line(|line| {
            bytes.extend_from_slice(line.as_bytes());
            true
        });
        bytes
    }

    /// How the chunks are hashed.
    pub const fn algorithm(&self) -> ChunkAlgorithm {
        self.root.algorithm()
    }

    /// The length of every chunk but the last, in bytes.
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// How many chunks there are, from 1.
    pub const fn chunk_count(&self) -> usize {
        self.digests.len()
    }

    /// The root that the digests lead to.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// The digests in the order of the chunks.
    pub fn digests(&self) -> &[ChunkDigest] {
        &self.digests
    }

    /// Takes the digests out.
    pub fn into_digests(self) -> Vec<ChunkDigest> {
        self.digests
    }

    fn is_written_as(&self, bytes: &[u8]) -> bool {
        let mut rest = Some(bytes);
        self.each_line(|line| {
            rest = rest.and_then(|rest| rest.strip_prefix(line.as_bytes()));
            rest.is_some()
        });
        rest.is_some_and(<[u8]>::is_empty)
    }

    /// Hands on one line of the file after the other, until `next` says to stop.
    fn each_line(&self, mut next: impl FnMut(&str) -> bool) {
        let algorithm = self.algorithm();
        let values = [
            "0".to_owned(),
            algorithm.to_string(),
            self.chunk_size.to_string(),
            self.digests.len().to_string(),
            self.root.to_string(),
        ];
        let mut line = String::new();
        for (key, value) in HEADER.into_iter().zip(values) {
            line.clear();
            push_line(&mut line, key, &value);
            if !next(&line) {
                return;
            }
        }
        let mut key = String::new();
        for (index, digest) in self.digests.iter().enumerate() {
            set_key(&mut key, index, self.digests.len());
            line.clear();
            push_line(&mut line, &key, &digest.to_text(algorithm));
            if !next(&line) {
                return;
            }
        }
    }
}

/// Why a text is not a chunk list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkListError {
    /// A line, a key or a value is wrong by itself.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The algorithm is not known.
    #[error(
        "chunk_list.algorithm is `{}`, expected {}",
        Excerpt(value),
        Words(&ChunkAlgorithm::WORDS)
    )]
    Algorithm {
        /// The algorithm.
        value: String,
    },
    /// The chunk size is not an allowed one.
    #[error("chunk_list.chunk_size is `{}`, expected {}", Excerpt(value), CHUNK_LIMITS.sizes())]
    ChunkSize {
        /// The size.
        value: String,
    },
    /// The number of chunks is outside the limits.
    #[error(
        "chunk_list.chunk_count is `{}`, expected a number from 1 to {}",
        Excerpt(value),
        CHUNK_LIMITS.max_count
    )]
    ChunkCount {
        /// The number.
        value: String,
    },
    /// The root is not one of the algorithm.
    #[error(
        "chunk_list.merkle_root is `{}`, expected `{}` and 64 uppercase hex digits",
        Excerpt(value),
        algorithm.root_tag()
    )]
    MerkleRoot {
        /// The algorithm, whose tag it must have.
        algorithm: ChunkAlgorithm,
        /// The root.
        value: String,
    },
    /// The digests' keys are not those that the count calls for.
    #[error("`{key}` is missing or one too many: expected one key for each of {count} chunks")]
    Entries {
        /// The key that is missing, or there too much.
        key: String,
        /// How many chunks the list says there are.
        count: usize,
    },
    /// A digest is not one of the algorithm.
    #[error(
        "`{key}` is `{}`, expected `{}` and 64 uppercase hex digits",
        Excerpt(value),
        algorithm.digest_tag()
    )]
    BadDigest {
        /// The algorithm, whose tag the digest must have.
        algorithm: ChunkAlgorithm,
        /// The digest's text.
        value: String,
        /// The digest's key.
        key: String,
    },
    /// The bytes are spelled in another way than the one allowed.
    #[error(
        "chunk list is not in canonical form: expected five header lines, then a line a chunk, \
         each ended by LF"
    )]
    NotCanonical,
    /// The digests lead to another root.
    #[error("chunk_list.merkle_root is {named}, but the digests lead to {found}")]
    Root {
        /// The root that the list names.
        named: Root,
        /// The root that its digests lead to.
        found: Root,
    },
}

impl Coded for ChunkListError {
    fn code(&self) -> Code {
        Code::new(
            "chunk-list",
            match self {
                Self::Line(error) => return error.code(),
                Self::Algorithm { .. } => "algorithm",
                Self::ChunkSize { .. } => "chunk-size",
                Self::ChunkCount { .. } => "chunk-count",
                Self::MerkleRoot { .. } => "merkle-root",
                Self::Entries { .. } => "entries",
                Self::BadDigest { .. } => "bad-digest",
                Self::NotCanonical => "not-canonical",
                Self::Root { .. } => "root",
            },
        )
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Line(error) => return error.field(),
            Self::Algorithm { .. } => ALGORITHM,
            Self::ChunkSize { .. } => CHUNK_SIZE,
            Self::ChunkCount { .. } => CHUNK_COUNT,
            Self::MerkleRoot { .. } | Self::Root { .. } => MERKLE_ROOT,
            Self::Entries { key, .. } | Self::BadDigest { key, .. } => key,
            Self::NotCanonical => "-",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Line(error) => error.advice(),
            _ => Advice::new("Make the list again from the file, or leave it out.")
                .by(Remedy::MakeChunkList),
        }
    }
}

/// Checks that the digests' keys are exactly those of the indexes under `count`.
fn check_entries(lines: &Lines<'_>, count: usize) -> Result<(), ChunkListError> {
    let entries = |key: &str| Err(ChunkListError::Entries { key: key.to_owned(), count });
    let mut found = lines.iter().map(|(key, _)| key).filter(|key| key.starts_with(CHUNK));
    let mut wanted = String::new();
    for index in 0..count {
        set_key(&mut wanted, index, count);
        match found.next() {
            Some(key) if key == wanted => {}
            Some(key) if *key < *wanted => return entries(key),
            _ => return entries(&wanted),
        }
    }
    found.next().map_or(Ok(()), entries)
}

fn read_digests(
    lines: &Lines<'_>,
    algorithm: ChunkAlgorithm,
) -> Result<Vec<ChunkDigest>, ChunkListError> {
    lines
        .iter()
        .filter(|(key, _)| key.starts_with(CHUNK))
        .map(|(key, value)| {
            ChunkDigest::parse(value, algorithm).ok_or_else(|| ChunkListError::BadDigest {
                algorithm,
                value: value.to_owned(),
                key: key.to_owned(),
            })
        })
        .collect()
}

fn set_key(key: &mut String, index: usize, count: usize) {
    key.clear();
    key.push_str(CHUNK);
    let width = ChunkListFormat::V0.index_width(count);
    // Writing to a string cannot fail.
    write!(key, "{index:0width$}").ok();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ChunkList;
    use crate::code::Coded;
    use crate::digest::{ChunkAlgorithm, ChunkDigest};

    fn list(algorithm: ChunkAlgorithm, count: usize) -> ChunkList {
        let digests = (0..count).map(|index| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(index as u64).to_le_bytes());
            ChunkDigest::from_bytes(bytes)
        });
        ChunkList::new(algorithm, 16_384, digests.collect()).unwrap()
    }

    #[test]
    fn the_most_chunks_are_written_and_read() {
        let full = list(ChunkAlgorithm::Blake3TreeV0, 1 << 20);
        let bytes = full.write();
        assert!(bytes.windows(15).any(|part| part == b"\nchunk.1048575="));
        assert_eq!(ChunkList::parse(&bytes).unwrap(), full);
        assert!(ChunkList::new(ChunkAlgorithm::FixedSizeMerkleV0, 16_384, Vec::new()).is_err());
    }

    #[test]
    fn each_index_has_one_line_of_one_width() {
        let text = String::from_utf8(list(ChunkAlgorithm::FixedSizeMerkleV0, 2).write()).unwrap();
        for (from, to, wanted) in [
            ("chunk.00001", "chunk.000001", "entries chunk.000001"),
            ("chunk.00001", "chunk.00002", "entries chunk.00001"),
            ("chunk_count=2", "chunk_count=1", "entries chunk.00001"),
            ("chunk_count=2", "chunk_count=3", "entries chunk.00002"),
            ("chunk.00001=", "chunk.00001= ", "not-canonical -"),
            ("chunk.00001=sha256:0", "chunk.00001=sha256:1", "root chunk_list.merkle_root"),
        ] {
            let error = ChunkList::parse(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(format!("{} {}", error.code().suffix(), error.field()), wanted);
        }
    }

    #[test]
    fn a_message_says_what_was_found_and_what_was_expected() {
        let text = String::from_utf8(list(ChunkAlgorithm::Blake3TreeV0, 2).write()).unwrap();
        for (from, to, wanted) in [
            (
                "=blake3-tree-v0",
                "=x",
                "chunk_list.algorithm is `x`, expected `fixed-size-merkle-v0` or `blake3-tree-v0`",
            ),
            (
                "size=16384",
                "size=1",
                "chunk_list.chunk_size is `1`, expected a power of two from 16384 to 16777216",
            ),
            (
                "count=2",
                "count=0",
                "chunk_list.chunk_count is `0`, expected a number from 1 to 1048576",
            ),
            (
                "count=2",
                "count=3",
                "`chunk.00002` is missing or one too many: expected one key for each of 3 chunks",
            ),
        ] {
            let error = ChunkList::parse(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), wanted);
        }
        let other = text.replace("chunk.00001=blake3cv:0", "chunk.00001=blake3cv:1");
        let message = ChunkList::parse(other.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("but the digests lead to blake3:"), "{message}");
    }

    proptest! {
        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(ChunkList::parse(&bytes));
        }

        #[test]
        fn what_is_written_is_read_and_any_other_byte_is_refused(
            count in 1usize..40, at: usize, byte: u8,
        ) {
            let list = list(ChunkAlgorithm::FixedSizeMerkleV0, count);
            let mut bytes = list.write();
            prop_assert_eq!(&ChunkList::parse(&bytes).unwrap(), &list);
            let at = at % bytes.len();
            bytes[at] = byte;
            // Only the chunk size is not bound to the digests.
            if let Ok(other) = ChunkList::parse(&bytes) {
                prop_assert_eq!(other.write(), bytes);
                prop_assert_eq!(other.digests(), list.digests());
            }
        }
    }
}
