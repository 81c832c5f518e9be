//! Why a file is not what its manifest names.

use std::borrow::Cow;
use std::io;

use crate::advice::{Advice, Remedy};
use crate::chunk_list::ChunkListError;
use crate::code::{Code, Coded};
use crate::digest::{Root, Sha256};
use crate::excerpt::Excerpt;
use crate::slm::SlmError;

/// Why a file is not what its manifest names (docs/formats.md 11, A1 to A7).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The file is longer or shorter.
    #[error("file has {found} bytes, expected {expected}, the manifest's artifact.byte_count")]
    ByteCount {
        /// The file's length in bytes, or where reading it ended; one more than `expected` if it
        /// goes on behind its announced length.
        found: u64,
        /// The manifest's artifact.byte_count.
        expected: u64,
    },
    /// The file has another digest.
    #[error("file has the digest {found}, expected {expected}, the manifest's artifact.sha256")]
    Sha256 {
        /// The file's.
        found: Sha256,
        /// The manifest's.
        expected: Sha256,
    },
    /// A chunk list was given, and the manifest has no chunking to compare it with.
    #[error("chunk list given, expected none: the manifest has no chunking")]
    NoChunking,
    /// The chunk list is not the file that the manifest names.
    #[error(
        "chunk list has the digest {found}, expected {expected}, the manifest's \
         chunking.list_sha256"
    )]
    ListSha256 {
        /// The list's.
        found: Sha256,
        /// The manifest's chunking.list_sha256.
        expected: Sha256,
    },
    /// The chunk list is wrong in itself; [`source`](std::error::Error::source) says how.
    #[error("chunk list is not valid")]
    ChunkList(#[from] ChunkListError),
    /// The chunk list's header is not the manifest's chunking.
    #[error(
        "chunk list's {key} is {}, expected {}, as the manifest has it",
        Excerpt(found),
        Excerpt(expected)
    )]
    ListMismatch {
        /// The part of both keys behind the dot.
        key: &'static str,
        /// The list's value.
        found: String,
        /// The manifest's value.
        expected: String,
    },
    /// The file's chunks lead to another root.
    #[error(
        "file's chunks lead to {found}, expected {expected}, the manifest's chunking.merkle_root"
    )]
    MerkleRoot {
        /// The file's.
        found: Root,
        /// The manifest's.
        expected: Root,
    },
    /// The file is not a valid `.slm`.
    #[error(transparent)]
    Slm(#[from] SlmError),
    /// The manifest says something of the file that is not so.
    #[error(
        "manifest's {key} is `{}`, expected `{}`, as the file has it",
        Excerpt(claimed),
        Excerpt(measured)
    )]
    Agreement {
        /// The manifest's key.
        key: String,
        /// Its value.
        claimed: String,
        /// What the file has.
        measured: String,
    },
    /// A sidecar (A7) was given that the manifest does not list.
    #[error(
        "evidence {index} given, expected a number below {count}, the manifest's evidence.count"
    )]
    EvidenceIndex {
        /// The sidecar's index.
        index: u64,
        /// How many the manifest lists.
        count: usize,
    },
    /// A sidecar is not the file that the manifest names.
    #[error("evidence {index} has the digest {found}, expected {expected}, as the manifest has it")]
    EvidenceSha256 {
        /// The sidecar's index.
        index: u64,
        /// The sidecar's digest.
        found: Sha256,
        /// The manifest's.
        expected: Sha256,
    },
    /// The file could not be read; [`source`](std::error::Error::source) says why.
    #[error("file cannot be read")]
    Read(#[source] io::Error),
}

impl Coded for ArtifactError {
    fn code(&self) -> Code {
        match self {
            Self::ByteCount { .. } => Code::new("artifact", "byte-count"),
            Self::Sha256 { .. } => Code::new("artifact", "sha256"),
            Self::NoChunking => Code::new("chunk-list", "no-chunking"),
            Self::ListSha256 { .. } => Code::new("chunk-list", "sha256"),
            Self::ChunkList(error) => error.code(),
            Self::ListMismatch { .. } => Code::new("chunk-list", "mismatch"),
            Self::MerkleRoot { .. } => Code::new("merkle", "root"),
            Self::Slm(error) => error.code(),
            Self::Agreement { .. } => Code::new("agreement", "mismatch"),
            Self::EvidenceIndex { .. } => Code::new("evidence", "index"),
            Self::EvidenceSha256 { .. } => Code::new("evidence", "sha256"),
            Self::Read(_) => Code::new("io", "failed"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::ByteCount { .. } => "artifact.byte_count",
            Self::Sha256 { .. } => "artifact.sha256",
            Self::NoChunking => "chunking.algorithm",
            Self::ListSha256 { .. } => "chunking.list_sha256",
            Self::ChunkList(error) => return error.field(),
            Self::ListMismatch { key, .. } => return Cow::Owned(format!("chunking.{key}")),
            Self::MerkleRoot { .. } => "chunking.merkle_root",
            Self::Slm(error) => return error.field(),
            Self::Agreement { key, .. } => key,
            Self::EvidenceIndex { index, .. } | Self::EvidenceSha256 { index, .. } => {
                return Cow::Owned(format!("evidence.{index}.sha256"));
            }
            Self::Read(_) => "-",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::ByteCount { .. } | Self::Sha256 { .. } | Self::MerkleRoot { .. } => Advice::new(
                "This is not the file that the manifest names. Get the file again, or the manifest \
                 that belongs to it.",
            ),
            Self::NoChunking => Advice::new("Leave the chunk list out."),
            Self::ListSha256 { .. } | Self::ListMismatch { .. } => Advice::new(
                "Take the chunk list that was made with this manifest, make it again from the file, \
                 or leave it out.",
            )
            .by(Remedy::MakeChunkList),
            Self::ChunkList(error) => error.advice(),
            Self::Slm(error) => error.advice(),
            Self::Agreement { .. } => Advice::new(
                "The manifest says of the file what is not so. Take the manifest that belongs to the \
                 file, or ask the publisher.",
            ),
            Self::EvidenceIndex { .. } => {
                Advice::new("Give only evidence that the manifest lists, numbered from 0.")
            }
            Self::EvidenceSha256 { .. } => {
                Advice::new("Give the evidence file that the manifest lists under that number.")
            }
            Self::Read(_) => Advice::new("Check that file and its disk, then try again."),
        }
    }
}
