//! How an artifact divides into pieces (docs/formats.md 7.1).
//!
//! An artifact has 1 to 2^40 bytes and 1 to 1,048,576 pieces ([`CHUNK_LIMITS`]).
//!
//! ```
//! use verifier::Geometry;
//! use verifier::geometry::{CHUNK_LIMITS, GeometryError};
//!
//! let geometry = Geometry::new(40_000, 16_384)?;
//! assert_eq!(geometry.piece_count(), 3);
//! let last = geometry.index(2).ok_or("no such piece")?;
//! assert_eq!((geometry.offset(last), geometry.length(last)), (32_768, 7_232));
//! assert_eq!(geometry.index(3), None);
//! assert_eq!(Geometry::new(0, 16_384), Err(GeometryError::ByteCount(0)));
//! assert_eq!(CHUNK_LIMITS.size_for(40_000), Some(262_144));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;

use crate::advice::Advice;
use crate::code::{Code, Coded};

/// The limits on chunking in documents (docs/formats.md 7.1).
pub const CHUNK_LIMITS: ChunkLimits = ChunkLimits {
    min_size: 16_384,
    max_size: 16_777_216,
    default_size: 262_144,
    max_count: 1_048_576,
    max_bytes: 1 << 40,
};

/// Bounds on chunk size (bytes, powers of two), chunk count, and artifact length (bytes).
#[derive(Debug, Clone, Copy)]
pub struct ChunkLimits {
    /// The smallest chunk size, in bytes.
    pub min_size: u32,
    /// The largest chunk size, in bytes.
    pub max_size: u32,
    /// The chunk size taken when nobody chose one, in bytes.
    pub default_size: u32,
    /// The most chunks an artifact may have.
    pub max_count: u32,
    /// The most bytes an artifact may have.
    pub max_bytes: u64,
}

impl ChunkLimits {
    /// Whether documents may name this chunk size: a power of two within the limits.
    pub fn allows_size(&self, size: u64) -> bool {
        size.is_power_of_two()
            && size >= u64::from(self.min_size)
            && size <= u64::from(self.max_size)
    }

    /// The sizes that documents may name, as messages say it.
    pub(crate) fn sizes(&self) -> String {
        format!("a power of two from {} to {}", self.min_size, self.max_size)
    }

    /// The smallest allowed chunk size, not under the default, that keeps `byte_count` within
    /// the count limit; `None` for an empty or over-long artifact.
    pub fn size_for(&self, byte_count: u64) -> Option<u32> {
        if byte_count == 0 || byte_count > self.max_bytes {
            return None;
        }
        let mut size = self.default_size;
        while byte_count.div_ceil(u64::from(size)) > u64::from(self.max_count) {
            size = size.checked_mul(2).filter(|next| *next <= self.max_size)?;
        }
        Some(size)
    }
}

/// Names one piece of the artifact whose [`Geometry`] gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(u32);

impl PieceIndex {
    /// The index as a number, from 0.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index for use in slices.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// An artifact's length and how it is cut into pieces of one size, the last one maybe shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    byte_count: u64,
    piece_size: u32,
    piece_count: u32,
}

/// Why a length and a piece size make no geometry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// The artifact would have no bytes, or more than the limit.
    #[error("artifact has {0} bytes, expected 1 to {max}", max = CHUNK_LIMITS.max_bytes)]
    ByteCount(u64),
    /// A piece would have no bytes.
    #[error("piece size is 0, expected at least 1")]
    PieceSize,
    /// There would be more pieces than the limit.
    #[error("artifact has {0} pieces, expected at most {max}", max = CHUNK_LIMITS.max_count)]
    PieceCount(u64),
}

impl Coded for GeometryError {
    fn code(&self) -> Code {
        match self {
            Self::ByteCount(_) => Code::new("boundary", "byte-count"),
            Self::PieceSize => Code::new("chunking", "chunk-size"),
            Self::PieceCount(_) => Code::new("chunking", "chunk-count"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::ByteCount(_) => "artifact.byte_count",
            Self::PieceSize => "chunking.chunk_size",
            Self::PieceCount(_) => "chunking.chunk_count",
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::ByteCount(_) => "Take a file that has bytes, and at most 1 TiB of them.",
            Self::PieceSize => "Take a chunk size from 16KiB to 16MiB, such as 256KiB.",
            Self::PieceCount(_) => "Take a larger chunk size.",
        })
    }
}

impl Geometry {
    /// Cuts `byte_count` bytes into pieces of `piece_size` bytes.
    ///
    /// Any piece size from 1 is taken; that documents allow only some is checked where they are
    /// parsed ([`ChunkLimits::allows_size`]).
    ///
    /// # Errors
    ///
    /// [`GeometryError`] for a number outside [`CHUNK_LIMITS`]: `boundary.byte-count`,
    /// `chunking.chunk-size` or `chunking.chunk-count`.
    pub fn new(byte_count: u64, piece_size: u32) -> Result<Self, GeometryError> {
        if byte_count == 0 || byte_count > CHUNK_LIMITS.max_bytes {
            return Err(GeometryError::ByteCount(byte_count));
        }
        if piece_size == 0 {
            return Err(GeometryError::PieceSize);
        }
        let count = byte_count.div_ceil(u64::from(piece_size));
        match u32::try_from(count) {
            Ok(piece_count) if piece_count <= CHUNK_LIMITS.max_count => {
                Ok(Self { byte_count, piece_size, piece_count })
            }
            _ => Err(GeometryError::PieceCount(count)),
        }
    }

    /// The artifact's length in bytes.
    pub const fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// The length of every piece but the last, in bytes.
    pub const fn piece_size(&self) -> u32 {
        self.piece_size
    }

    /// How many pieces there are, from 1.
    pub const fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Returns the index if the artifact has such a piece.
    ///
    /// This is the only way to obtain a [`PieceIndex`], so one taken from a peer
    /// is in range by the time anything else sees it.
    pub fn index(&self, index: u32) -> Option<PieceIndex> {
        (index < self.piece_count).then_some(PieceIndex(index))
    }

    /// Every piece in file order.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = PieceIndex> + use<> {
        (0..self.piece_count).map(PieceIndex)
    }

    /// Where the piece starts in the artifact, in bytes.
    pub fn offset(&self, index: PieceIndex) -> u64 {
        u64::from(index.0) * u64::from(self.piece_size)
    }

    /// The piece's length in bytes.
    pub fn length(&self, index: PieceIndex) -> u32 {
        let left = self.byte_count - self.offset(index).min(self.byte_count);
        u32::try_from(left).map_or(self.piece_size, |left| left.min(self.piece_size))
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_LIMITS, Geometry, GeometryError};

    #[test]
    fn the_last_piece_takes_what_is_left() {
        for (bytes, size, count, last) in
            [(1, 4, 1, 1), (3, 4, 1, 3), (4, 4, 1, 4), (5, 4, 2, 1), (1 << 20, 1 << 18, 4, 1 << 18)]
        {
            let geometry = Geometry::new(bytes, size).unwrap();
            assert_eq!(geometry.piece_count(), count);
            let index = geometry.index(count - 1).unwrap();
            assert_eq!(geometry.length(index), last);
            assert!(geometry.index(count).is_none());
            let sum: u64 = geometry.indices().map(|i| u64::from(geometry.length(i))).sum();
            assert_eq!(sum, bytes);
        }
    }

    #[test]
    fn numbers_outside_the_limits_are_refused() {
        assert_eq!(Geometry::new(0, 4), Err(GeometryError::ByteCount(0)));
        assert_eq!(Geometry::new((1 << 40) + 1, 4), Err(GeometryError::ByteCount((1 << 40) + 1)));
        assert_eq!(Geometry::new(4, 0), Err(GeometryError::PieceSize));
        assert_eq!(Geometry::new(1 << 40, 1024), Err(GeometryError::PieceCount(1 << 30)));
        assert_eq!(CHUNK_LIMITS.size_for(1 << 30), Some(262_144));
        assert_eq!(CHUNK_LIMITS.size_for(1 << 40), Some(1 << 20));
    }
}
