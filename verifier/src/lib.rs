//! What a MiniModel artifact is, and whether bytes are it.
//!
//! The domain of the companion: formats, digests, the Merkle tree, `.slm`
//! validation, receipts and the boundary rules. The crate opens no file and no
//! socket, reads no clock and draws no random number: bytes come in through
//! slices and [`std::io::Read`], and `now` comes in as a value. Bytes from outside become
//! trusted here only, by passing through a type that nothing else can make.

pub mod announcement;
pub mod artifact;
pub mod bitfield;
pub mod boundary;
pub mod chunk_list;
pub mod code;
pub mod consent;
pub mod digest;
mod excerpt;
pub mod geometry;
pub mod identity;
pub mod json;
pub mod lines;
pub mod manifest;
pub mod merkle;
pub mod piece;
pub mod receipt;
pub mod request;
pub mod scalars;
pub mod slm;

pub use bitfield::Bitfield;
pub use code::{Code, Coded};
pub use digest::{ChunkAlgorithm, Root, Sha256};
pub use geometry::{Geometry, PieceIndex};
