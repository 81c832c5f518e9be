//! Makes the artifacts that the benchmarks work on.

mod busy;
pub mod library;

use bytes::Bytes;
use verifier::piece::{PieceList, PieceStream};
use verifier::{ChunkAlgorithm, Geometry};

pub use busy::Busy;

/// A valid f32 `.slm` of about this many bytes.
pub fn artifact(bytes: u64) -> Bytes {
    app::bench::artifact(bytes).expect("the size is within the limits")
}

/// The proven list of an artifact's pieces.
pub fn list(algorithm: ChunkAlgorithm, artifact: &[u8], piece_size: u32) -> PieceList {
    let geometry = Geometry::new(artifact.len() as u64, piece_size).expect("the artifact fits");
    let mut stream = PieceStream::new(algorithm, geometry).expect("the piece size is allowed");
    stream.update(artifact);
    let (digests, root) = stream.finish().expect("all bytes were taken in");
    PieceList::prove(geometry, root, digests).expect("the root is the list's own")
}
