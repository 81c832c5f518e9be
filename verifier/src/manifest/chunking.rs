//! How a manifest says that its artifact is cut into chunks.

use std::borrow::Cow;

use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::digest::{ChunkAlgorithm, Root, Sha256};
use crate::excerpt::{Excerpt, Words};
use crate::geometry::{CHUNK_LIMITS, Geometry};
use crate::lines::Lines;
use crate::scalars::parse_int;

const ALGORITHM: &str = "chunking.algorithm";
const SIZE: &str = "chunking.chunk_size";
const COUNT: &str = "chunking.chunk_count";
const ROOT: &str = "chunking.merkle_root";
const LIST_ROUTE: &str = "chunking.list_route";
const LIST_SHA256: &str = "chunking.list_sha256";

/// How an artifact is cut into chunks, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunking {
    /// The artifact's length and the chunks' size.
    pub geometry: Geometry,
    /// The root, which knows its algorithm.
    pub root: Root,
    /// The digest of the chunk list file, if the manifest has one.
    pub list_sha256: Option<Sha256>,
}

impl Chunking {
    /// The word that documents use for the algorithm.
    pub const fn algorithm(&self) -> ChunkAlgorithm {
        self.root.algorithm()
    }

    /// Reads the chunking keys by the rules C1 to C9; `None` if there are none, or `none`.
    pub(super) fn read(lines: &Lines<'_>, byte_count: u64) -> Result<Option<Self>, ChunkingError> {
        let all = [ALGORITHM, COUNT, SIZE, LIST_ROUTE, LIST_SHA256, ROOT];
        if all.iter().all(|key| lines.get(key).is_none()) {
            return Ok(None);
        }
        let require = |key| lines.get(key).ok_or(ChunkingError::Incomplete { key });
        let algorithm = require(ALGORITHM)?;
        if algorithm == "none" {
            let other = all.into_iter().find(|key| *key != ALGORITHM && lines.get(key).is_some());
            return match other {
                Some(key) => Err(ChunkingError::Unexpected { key }),
                None => Ok(None),
            };
        }
        let algorithm = ChunkAlgorithm::parse(algorithm)
            .ok_or_else(|| ChunkingError::Algorithm { value: algorithm.to_owned() })?;
        let (size, count, root) = (require(SIZE)?, require(COUNT)?, require(ROOT)?);
        let piece_size = parse_int(size)
            .ok()
            .filter(|size| CHUNK_LIMITS.allows_size(*size))
            .and_then(|size| u32::try_from(size).ok())
            .ok_or_else(|| ChunkingError::ChunkSize { value: size.to_owned() })?;
        let geometry = Geometry::new(byte_count, piece_size)
            .ok()
            .filter(|geometry| parse_int(count) == Ok(geometry.piece_count().into()))
            .ok_or_else(|| ChunkingError::ChunkCount {
                expected: byte_count.div_ceil(piece_size.max(1).into()),
                value: count.to_owned(),
            })?;
        let root = Root::parse(root, algorithm)
            .ok_or_else(|| ChunkingError::MerkleRoot { algorithm, value: root.to_owned() })?;
        let list_sha256 = match (lines.get(LIST_ROUTE), lines.get(LIST_SHA256)) {
            (None, None) => None,
            (Some(_), None) => return Err(ChunkingError::Incomplete { key: LIST_SHA256 }),
            (None, Some(_)) => return Err(ChunkingError::Incomplete { key: LIST_ROUTE }),
            (Some(_), Some(value)) => Some(
                Sha256::parse(value)
                    .ok_or_else(|| ChunkingError::ListSha256 { value: value.to_owned() })?,
            ),
        };
        Ok(Some(Self { geometry, root, list_sha256 }))
    }
}

/// Why a manifest's chunking keys do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkingError {
    /// A key of the group is missing.
    #[error("`{key}` is missing, expected beside the other keys of the chunking")]
    Incomplete {
        /// The missing key.
        key: &'static str,
    },
    /// The algorithm is not known.
    #[error(
        "chunking.algorithm is `{}`, expected `none`, {}",
        Excerpt(value),
        Words(&ChunkAlgorithm::WORDS)
    )]
    Algorithm {
        /// The algorithm.
        value: String,
    },
    /// A key stands beside the algorithm `none`.
    #[error("`{key}` is there, expected no other chunking key beside the algorithm `none`")]
    Unexpected {
        /// The key.
        key: &'static str,
    },
    /// The chunk size is not an allowed one.
    #[error("chunking.chunk_size is `{}`, expected {}", Excerpt(value), CHUNK_LIMITS.sizes())]
    ChunkSize {
        /// The size.
        value: String,
    },
    /// The chunk count does not follow from the artifact's length and the chunk size.
    #[error(
        "chunking.chunk_count is `{}`, expected {expected}, which is at most {}",
        Excerpt(value),
        CHUNK_LIMITS.max_count
    )]
    ChunkCount {
        /// The artifact's length over the chunk size, rounded up.
        expected: u64,
        /// The count.
        value: String,
    },
    /// The root is not one of the algorithm.
    #[error(
        "chunking.merkle_root is `{}`, expected `{}` and 64 uppercase hex digits",
        Excerpt(value),
        algorithm.root_tag()
    )]
    MerkleRoot {
        /// The algorithm, whose tag it must have.
        algorithm: ChunkAlgorithm,
        /// The root.
        value: String,
    },
    /// The digest of the chunk list is not a SHA-256.
    #[error(
        "chunking.list_sha256 is `{}`, expected `sha256:` and 64 uppercase hex digits",
        Excerpt(value)
    )]
    ListSha256 {
        /// The digest.
        value: String,
    },
}

impl Coded for ChunkingError {
    fn code(&self) -> Code {
        Code::new(
            "chunking",
            match self {
                Self::Incomplete { .. } => "incomplete",
                Self::Algorithm { .. } => "algorithm",
                Self::Unexpected { .. } => "unexpected",
                Self::ChunkSize { .. } => "chunk-size",
                Self::ChunkCount { .. } => "chunk-count",
                Self::MerkleRoot { .. } => "merkle-root",
                Self::ListSha256 { .. } => "list-sha256",
            },
        )
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Incomplete { key } | Self::Unexpected { key } => key,
            Self::Algorithm { .. } => ALGORITHM,
            Self::ChunkSize { .. } => SIZE,
            Self::ChunkCount { .. } => COUNT,
            Self::MerkleRoot { .. } => ROOT,
            Self::ListSha256 { .. } => LIST_SHA256,
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(
            "Correct the manifest's chunking at that key, or ask whoever made it for a valid one.",
        )
    }
}
