//! Pieces from outside, and what makes them trusted (docs/formats.md 7.2, 7.3 and 7.5).
//!
//! A list has 32 bytes a piece, so at most 32 MiB. A piece is judged in one go: its index, its
//! length, and only then its digest.
//!
//! ```
//! use verifier::code::Coded as _;
//! use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source};
//! use verifier::{ChunkAlgorithm, Geometry};
//!
//! // docs/formats.md 7.3: 40,000 bytes, byte i being i mod 251.
//! let bytes: Vec<u8> = (0..40_000_u32).map(|i| (i % 251) as u8).collect();
//! let geometry = Geometry::new(40_000, 16_384)?;
//! let mut stream = PieceStream::new(ChunkAlgorithm::Blake3TreeV0, geometry)?;
//! stream.update(&bytes);
//! let (digests, root) = stream.finish().ok_or("incomplete")?;
//! assert!(root.to_string().starts_with("blake3:CCD32B4544A24C50"));
//! let list = PieceList::prove(geometry, root, digests)?;
//!
//! let arrived = |index, from: usize, to: usize| {
//!     ArrivedPiece { index, bytes: bytes[from..to].to_vec().into(), from: Source::Local }
//! };
//! assert_eq!(list.verify(arrived(2, 32_768, 40_000))?.index().get(), 2);
//! let lie = list.verify(arrived(1, 0, 16_384)).unwrap_err();
//! assert_eq!(lie.code().to_string(), "piece.digest");
//! let short = list.verify(arrived(2, 0, 9)).unwrap_err();
//! assert_eq!(short.to_string(), "piece 2 has 9 bytes, expected 7232");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod hash;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;

use self::hash::{BLAKE3_CHUNK, check_piece_size, digest, digests};
pub use self::stream::PieceStream;

use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::digest::{ChunkAlgorithm, ChunkDigest, Root};
use crate::geometry::{Geometry, PieceIndex};
use crate::identity::PeerId;
use crate::merkle::{Proof, ProofError};

/// Where a piece's bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// From no peer that is known: from a file of the user's own, from another artifact that has the
    /// same piece, or from a peer that gave it so long ago that this is not known any more.
    Local,
    /// From this peer.
    Peer(PeerId),
}

/// A piece as it came from outside: claimed, not yet judged.
#[derive(Debug, Clone)]
pub struct ArrivedPiece {
    /// Which piece the bytes are said to be.
    pub index: u32,
    /// The bytes.
    pub bytes: Bytes,
    /// Who is answerable for them.
    pub from: Source,
}

/// A piece whose bytes are the ones its digest names; only [`PieceList::verify`] and
/// [`verify_proven`] make one.
#[derive(Debug, Clone)]
pub struct VerifiedPiece {
    index: PieceIndex,
    bytes: Bytes,
    digest: ChunkDigest,
    source: Source,
}

impl VerifiedPiece {
    /// Which piece of its artifact this is.
    pub const fn index(&self) -> PieceIndex {
        self.index
    }

    /// The piece's bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest that the bytes were judged by.
    pub const fn digest(&self) -> ChunkDigest {
        self.digest
    }

    /// Where the bytes came from.
    pub const fn source(&self) -> Source {
        self.source
    }
}

/// Why a piece is not what it is said to be. Whoever sent it is wrong, never the disk or the
/// network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// The artifact has no such piece.
    #[error("piece index is {index}, expected one below {count}")]
    Index {
        /// The index that was claimed.
        index: u32,
        /// How many pieces there are.
        count: u32,
    },
    /// The piece has another length.
    #[error("piece {index} has {found} bytes, expected {expected}")]
    Length {
        /// The piece.
        index: u32,
        /// Its length, in bytes.
        found: usize,
        /// The length its place wants, in bytes.
        expected: u32,
    },
    /// The bytes hash to something else than the list says.
    #[error("piece {index} has the digest {found:?}, expected {expected:?}")]
    Digest {
        /// The piece.
        index: u32,
        /// The digest of its bytes.
        found: ChunkDigest,
        /// The digest that the list has.
        expected: ChunkDigest,
    },
    /// The proof beside the piece does not lead to the root.
    #[error("proof of piece {index} does not lead to the root")]
    Proof {
        /// The piece.
        index: u32,
        /// What is wrong with its proof.
        source: ProofError,
    },
}

impl Coded for PieceError {
    fn code(&self) -> Code {
        match self {
            Self::Index { .. } => Code::new("piece", "index"),
            Self::Length { .. } => Code::new("piece", "length"),
            Self::Digest { .. } => Code::new("piece", "digest"),
            Self::Proof { source, .. } => source.code(),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        let (Self::Index { index, .. }
        | Self::Length { index, .. }
        | Self::Digest { index, .. }
        | Self::Proof { index, .. }) = self;
        Cow::Owned(format!("piece.{index}"))
    }

    fn advice(&self) -> Advice {
        Advice::new("None of it was kept. Ask another peer for the piece.")
    }
}

/// Why a list of digests is not the one that the manifest's root stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The list is longer or shorter than the artifact has pieces.
    #[error("list has {found} digests, expected {expected}, one a piece")]
    Count {
        /// How many digests the list has.
        found: usize,
        /// How many pieces the artifact has.
        expected: u32,
    },
    /// The algorithm cannot cut an artifact in pieces of this size.
    #[error(
        "piece size is {piece_size}, expected a power of two from {BLAKE3_CHUNK} with {algorithm}"
    )]
    PieceSize {
        /// The algorithm.
        algorithm: ChunkAlgorithm,
        /// The piece size, in bytes.
        piece_size: u32,
    },
    /// The digests lead to another root.
    #[error("digests lead to the root {found}, expected {expected}")]
    Root {
        /// The root that the digests lead to.
        found: Root,
        /// The root of the manifest.
        expected: Root,
    },
}

impl Coded for ListError {
    fn code(&self) -> Code {
        match self {
            Self::Count { .. } => Code::new("chunk-list", "entries"),
            Self::PieceSize { .. } => Code::new("chunk-list", "chunk-size"),
            Self::Root { .. } => Code::new("chunk-list", "root"),
        }
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::PieceSize { .. } => "Take another chunk size, or the other algorithm.",
            Self::Count { .. } | Self::Root { .. } => {
                "This list is of another file or manifest: take the one that belongs to them."
            }
        })
    }
}

/// Every piece's digest, proven against the manifest's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceList {
    geometry: Geometry,
    root: Root,
    digests: Vec<ChunkDigest>,
}

impl PieceList {
    /// Accepts the digests if there is one a piece and they lead to the root.
    ///
    /// # Errors
    ///
    /// [`ListError`] says how the list differs from what the root stands for:
    /// `chunk-list.entries`, `chunk-list.chunk-size` or `chunk-list.root`.
    pub fn prove(
        geometry: Geometry,
        root: Root,
        digests: Vec<ChunkDigest>,
    ) -> Result<Self, ListError> {
        if digests.len() != geometry.piece_count() as usize {
            let expected = geometry.piece_count();
            return Err(ListError::Count { found: digests.len(), expected });
        }
        check_piece_size(root.algorithm(), &geometry)?;
        match crate::merkle::root(root.algorithm(), &digests) {
            Some(found) if found == root => Ok(Self { geometry, root, digests }),
            Some(found) => Err(ListError::Root { found, expected: root }),
            // A geometry has a piece at least, so there is a digest.
            None => Err(ListError::Count { found: 0, expected: geometry.piece_count() }),
        }
    }

    /// How the artifact is cut.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The root that the digests lead to.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The digests, one a piece, in file order.
    pub fn digests(&self) -> &[ChunkDigest] {
        &self.digests
    }

    /// Accepts a piece if its bytes are the ones the list names.
    ///
    /// The length is checked before anything is hashed: a peer that sends too
    /// much costs no more than one that sends nothing.
    ///
    /// # Errors
    ///
    /// [`PieceError::Index`] (`piece.index`), [`PieceError::Length`] (`piece.length`) or
    /// [`PieceError::Digest`] (`piece.digest`): the sender is wrong.
    pub fn verify(&self, arrived: ArrivedPiece) -> Result<VerifiedPiece, PieceError> {
        let index = place(&self.geometry, &arrived)?;
        let digest = digest(self.root.algorithm(), &self.geometry, index, &arrived.bytes);
        self.judge(index, arrived, digest)
    }

    /// The pieces before `end` that are not what the list says, in order.
    ///
    /// `read` is to fill its buffer with the artifact's bytes from an offset on. One piece is in
    /// memory at a time.
    ///
    /// # Errors
    ///
    /// The first that `read` gives.
    pub fn wrong<E>(
        &self,
        end: u32,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<Vec<PieceIndex>, E> {
        let (mut wrong, mut bytes) = (Vec::new(), Vec::new());
        for (index, expected) in self.geometry.indices().zip(&self.digests).take(end as usize) {
            bytes.resize(self.geometry.length(index) as usize, 0);
            read(self.geometry.offset(index), &mut bytes)?;
            if digest(self.root.algorithm(), &self.geometry, index, &bytes) != *expected {
                wrong.push(index);
            }
        }
        Ok(wrong)
    }

    /// Judges several pieces together, each as [`Self::verify`] does, in their order.
    ///
    /// Under SHA-256 that takes less time than one after the other: see [`lanes`].
    pub fn verify_all(
        &self,
        arrived: impl IntoIterator<Item = ArrivedPiece>,
    ) -> Vec<Result<VerifiedPiece, PieceError>> {
        let placed = arrived.into_iter().map(|arrived| (place(&self.geometry, &arrived), arrived));
        let placed: Vec<_> = placed.collect();
        let wanted = placed.iter().filter_map(|(index, arrived)| {
            let index = index.as_ref().ok()?;
            Some((*index, &arrived.bytes[..]))
        });
        let mut digests = digests(self.root.algorithm(), &self.geometry, wanted).into_iter();
        let judged = placed.into_iter().map(|(index, arrived)| {
            let (index, missing) = (index?, self.no_such(arrived.index));
            self.judge(index, arrived, digests.next().ok_or(missing)?)
        });
        judged.collect()
    }

    fn judge(
        &self,
        index: PieceIndex,
        arrived: ArrivedPiece,
        digest: ChunkDigest,
    ) -> Result<VerifiedPiece, PieceError> {
        match self.digests.get(index.as_usize()) {
            Some(expected) if *expected == digest => {
                Ok(VerifiedPiece { index, bytes: arrived.bytes, digest, source: arrived.from })
            }
            Some(expected) => {
                let (index, expected) = (index.get(), *expected);
                Err(PieceError::Digest { index, found: digest, expected })
            }
            None => Err(self.no_such(index.get())),
        }
    }

    const fn no_such(&self, index: u32) -> PieceError {
        PieceError::Index { index, count: self.geometry.piece_count() }
    }
}

/// Accepts a piece if its bytes lead to the root by the proof that came with it, for as long as
/// there is no [`PieceList`].
///
/// Length and number of siblings are checked before anything is hashed. The root has to be of a
/// manifest, which sees to it that the algorithm can have such pieces.
///
/// # Errors
///
/// [`PieceError::Index`], [`PieceError::Length`] or [`PieceError::Proof`]: the sender is wrong.
pub fn verify_proven(
    geometry: &Geometry,
    arrived: ArrivedPiece,
    proof: &Proof,
    root: Root,
) -> Result<VerifiedPiece, PieceError> {
    let index = place(geometry, &arrived)?;
    let wrong = |source| PieceError::Proof { index: index.get(), source };
    let (at, count) = (u64::from(index.get()), u64::from(geometry.piece_count()));
    proof.check_length(at, count).map_err(wrong)?;
    let digest = digest(root.algorithm(), geometry, index, &arrived.bytes);
    proof.verify(digest, at, count, root).map_err(wrong)?;
    Ok(VerifiedPiece { index, bytes: arrived.bytes, digest, source: arrived.from })
}

/// Accepts a piece if its digest is the given one, or leads to the root by the given proof.
///
/// This judges one piece without a [`PieceList`], and gives nothing that could be kept.
///
/// # Errors
///
/// [`PieceError`], in the order of docs/formats.md 7.5, or the [`ListError`] of a piece size that
/// the algorithm cannot have, boxed as a coded error.
pub fn verify_alone(
    geometry: &Geometry,
    algorithm: ChunkAlgorithm,
    arrived: &ArrivedPiece,
    evidence: &Evidence,
) -> Result<(), Box<dyn Coded>> {
    let index = place(geometry, arrived).map_err(|error| Box::new(error) as Box<dyn Coded>)?;
    check_piece_size(algorithm, geometry).map_err(|error| Box::new(error) as Box<dyn Coded>)?;
    let found = digest(algorithm, geometry, index, &arrived.bytes);
    match evidence {
        Evidence::Digest(expected) if *expected == found => Ok(()),
        Evidence::Digest(expected) => {
            let (index, expected) = (index.get(), *expected);
            Err(Box::new(PieceError::Digest { index, found, expected }))
        }
        Evidence::Proof(proof, root) => {
            let (at, count) = (u64::from(index.get()), u64::from(geometry.piece_count()));
            proof.verify(found, at, count, *root).map_err(|source| {
                Box::new(PieceError::Proof { index: index.get(), source }) as Box<dyn Coded>
            })
        }
    }
}

/// What a single piece is judged by.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// Its digest, from a verified list.
    Digest(ChunkDigest),
    /// A proof, and the root that it must lead to.
    Proof(Proof, Root),
}

fn place(geometry: &Geometry, arrived: &ArrivedPiece) -> Result<PieceIndex, PieceError> {
    let count = geometry.piece_count();
    let index =
        geometry.index(arrived.index).ok_or(PieceError::Index { index: arrived.index, count })?;
    let expected = geometry.length(index);
    if arrived.bytes.len() != expected as usize {
        let found = arrived.bytes.len();
        return Err(PieceError::Length { index: arrived.index, found, expected });
    }
    Ok(index)
}
