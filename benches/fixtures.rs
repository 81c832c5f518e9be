//! Makes what the benchmarks work on: artifacts, libraries, peers, lines.

mod busy;
pub mod library;
pub mod line;
pub mod pulling;
pub mod serving;

use std::time::Duration;

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

/// The processor time that this process has used.
pub fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(used).expect("no process has used less than nothing")
}

/// How often a benchmark is repeated: `--rounds N`, if the command line says so.
///
/// # Panics
///
/// If it says no number.
pub fn rounds(usually: usize) -> usize {
    let mut words = std::env::args().skip_while(|word| word != "--rounds").skip(1);
    words.next().map_or(usually, |word| word.parse().expect("--rounds wants a number"))
}

/// The middle one of some values; of an even number the lower of the two.
///
/// # Panics
///
/// If there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}
