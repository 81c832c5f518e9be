//! A model in the library, and its pieces.

use std::path::PathBuf;

use verifier::piece::Source;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Bitfield, Geometry, Root, Sha256};

use super::Day;

/// One artifact in the library.
#[derive(Debug, Clone)]
pub struct Model {
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// The artifact's SHA-256.
    pub artifact: Sha256,
    /// The manifest's SHA-256.
    pub manifest_sha256: Sha256,
    /// How the artifact is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// The pieces that are kept.
    pub have: Bitfield,
    /// Whether it may be evicted.
    pub pin: Pin,
    /// When it was last imported, served or read.
    pub last_use: UtcTime,
    /// When it was last verified whole, if ever.
    pub last_verified: Option<UtcTime>,
    /// The file that its pieces are in, if that is the output of an import that is not done.
    pub outside: Option<PathBuf>,
}

impl Model {
    /// Whether its manifest stays as long as the model does: pieces are or were kept under it, so
    /// that offers may name it.
    pub fn keeps_manifest(&self) -> bool {
        !self.have.is_empty() || self.last_verified.is_some()
    }
}

/// Whether an artifact may be evicted to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// Never evicted.
    Pinned,
    /// Evicted when it is the least recently used and room is wanted.
    Unpinned,
}

/// What is known of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    /// Not had.
    Missing,
    /// Kept.
    Kept {
        /// Where it came from.
        source: Source,
        /// When its bytes were last verified on the disk, if that is known.
        verified: Option<Day>,
    },
    /// Was kept, and is bad: found to be corrupt, or not given back by the disk.
    Corrupt,
}
