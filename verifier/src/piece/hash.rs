//! The digest of a piece, by either algorithm.

use lanes::Beside;

use super::ListError;
use crate::digest::{ChunkAlgorithm, ChunkDigest, Sha256Stream};
use crate::geometry::{Geometry, PieceIndex};

/// A running digest of one piece.
#[derive(Debug, Clone)]
pub(super) enum PieceHasher {
    Sha256(Sha256Stream),
    Blake3(Box<blake3::Hasher>),
}

impl PieceHasher {
    /// A hasher for the piece that starts at `offset`, which for BLAKE3 is a multiple of its
    /// 1,024-byte chunk by [`check_piece_size`], except past the end, where nothing is hashed.
    pub(super) fn new(algorithm: ChunkAlgorithm, offset: u64) -> Self {
        use blake3::hazmat::HasherExt as _;
        match algorithm {
            ChunkAlgorithm::FixedSizeMerkleV0 => Self::Sha256(Sha256Stream::default()),
            ChunkAlgorithm::Blake3TreeV0 => {
                let mut hasher = blake3::Hasher::new();
                if offset != 0 && offset.is_multiple_of(BLAKE3_CHUNK) {
                    hasher.set_input_offset(offset);
                }
                Self::Blake3(Box::new(hasher))
            }
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    /// Takes the bytes in, and lets the digest of the whole artifact take them in too.
    pub(super) fn update_beside(&mut self, whole: &mut Sha256Stream<impl Beside>, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => Sha256Stream::update_both(hasher, whole, bytes),
            Self::Blake3(_) => {
                self.update(bytes);
                whole.update(bytes);
            }
        }
    }

    /// The digest; `whole` says that this one piece is the whole artifact.
    pub(super) fn finish(self, whole: bool) -> ChunkDigest {
        use blake3::hazmat::HasherExt as _;
        ChunkDigest::from_bytes(match self {
            Self::Sha256(hasher) => *hasher.finish().as_bytes(),
            Self::Blake3(hasher) if whole => *hasher.finalize().as_bytes(),
            Self::Blake3(hasher) => hasher.finalize_non_root(),
        })
    }
}

/// The digest of a piece of the right length.
pub(super) fn digest(
    algorithm: ChunkAlgorithm,
    geometry: &Geometry,
    index: PieceIndex,
    bytes: &[u8],
) -> ChunkDigest {
    let mut hasher = PieceHasher::new(algorithm, geometry.offset(index));
    hasher.update(bytes);
    hasher.finish(geometry.piece_count() == 1)
}

/// The digests of pieces of the right lengths, in their order.
pub(super) fn digests<'a>(
    algorithm: ChunkAlgorithm,
    geometry: &Geometry,
    pieces: impl Iterator<Item = (PieceIndex, &'a [u8])>,
) -> Vec<ChunkDigest> {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => {
            let digests = lanes::digests(pieces.map(|(_, bytes)| bytes));
            digests.into_iter().map(ChunkDigest::from_bytes).collect()
        }
        ChunkAlgorithm::Blake3TreeV0 => {
            pieces.map(|(index, bytes)| digest(algorithm, geometry, index, bytes)).collect()
        }
    }
}

/// The leaf of the BLAKE3 tree, in bytes; a piece has to be a whole subtree of it.
pub(super) const BLAKE3_CHUNK: u64 = 1_024;

/// Whether the algorithm can have pieces of that size.
pub(super) fn check_piece_size(
    algorithm: ChunkAlgorithm,
    geometry: &Geometry,
) -> Result<(), ListError> {
    let piece_size = geometry.piece_size();
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => Ok(()),
        ChunkAlgorithm::Blake3TreeV0
            if piece_size.is_power_of_two() && u64::from(piece_size) >= BLAKE3_CHUNK =>
        {
            Ok(())
        }
        ChunkAlgorithm::Blake3TreeV0 => Err(ListError::PieceSize { algorithm, piece_size }),
    }
}
