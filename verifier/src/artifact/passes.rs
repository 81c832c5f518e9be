//! The passes over a file's bytes, side by side: SHA-256, chunk digests, checksum, container.
//!
//! [`Passes`] measures and does not judge by a manifest; [`Verification`](super::Verification) does
//! (docs/formats.md 11, A2 to A5).
//!
//! ```
//! use verifier::artifact::Passes;
//! use verifier::slm::ChecksumRule;
//! use verifier::{ChunkAlgorithm, Geometry, Sha256};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q4_0, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let length = bytes.len() as u64;
//! let chunking = (ChunkAlgorithm::Blake3TreeV0, Geometry::new(length, 1_024)?);
//! let mut passes = Passes::new(length, Some(chunking), ChecksumRule::Verify);
//! passes.update(bytes.clone().into());
//! let measured = passes.finish();
//! assert_eq!(measured.sha256, Sha256::of(&bytes));
//! let (digests, root) = measured.chunks.ok_or("incomplete")?;
//! assert_eq!((digests.len(), root.algorithm()), (7, ChunkAlgorithm::Blake3TreeV0));
//! assert_eq!(measured.slm?.quantisation(), Some(Quantisation::Q4_0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use lanes::Way;

use crate::digest::{ChunkAlgorithm, ChunkDigest, Root, Sha256, Sha256Stream};
use crate::geometry::Geometry;
use crate::piece::PieceStream;
use crate::slm::checksum::RollingChecksum;
use crate::slm::{ChecksumRule, Scan, Slm, SlmError};

/// Files up to this many bytes are judged on the caller's thread: starting others costs more.
const INLINE_LIMIT: u64 = 1 << 20;
/// Blocks handed to the passes are at most this long, so that they work on the same bytes while
/// these are in the cache, in bytes.
const BLOCK: usize = 256 << 10;
/// How many blocks a pass may be behind.
const QUEUE: usize = 8;

/// What one reading of a file tells.
#[derive(Debug)]
pub struct Measured {
    /// The digest of all bytes.
    pub sha256: Sha256,
    /// The chunks' digests and their root, if chunking was given and the file is complete.
    pub chunks: Option<(Vec<ChunkDigest>, Root)>,
    /// What the container holds, or the first fault in it.
    pub slm: Result<Slm, SlmError>,
}

/// All passes over one file, each fed with the same bytes in order.
#[derive(Debug)]
pub struct Passes {
    rule: ChecksumRule,
    container: Lane<Container>,
    /// Where it is compared, and is not made with the whole file's digest.
    checksum: Option<Lane<RollingChecksum>>,
    digests: Lane<Digests>,
    /// Where they are not made with the whole file's digest.
    chunks: Option<Lane<PieceStream>>,
    fault: Arc<Mutex<Option<SlmError>>>,
}

impl Passes {
    /// Starts on a file of `length` bytes. Chunking that the algorithm cannot have gives no
    /// chunks, and a checksum that is not compared is not computed.
    ///
    /// The passes run on threads of their own, which inherit what the caller's thread has, such as
    /// its niceness.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give for a file above 1 MiB.
    pub fn new(
        length: u64,
        chunking: Option<(ChunkAlgorithm, Geometry)>,
        rule: ChecksumRule,
    ) -> Self {
        let fault = Arc::new(Mutex::new(None));
        let container = Container { scan: Scan::new(length), fault: Arc::clone(&fault) };
        let chunks_by = |wanted| {
            let (algorithm, geometry) = chunking.filter(|(algorithm, _)| *algorithm == wanted)?;
            PieceStream::new(algorithm, geometry).ok()
        };
        let checksum = (rule == ChecksumRule::Verify).then(RollingChecksum::new);
        let is_free = Way::best().is_free_beside();
        let (beside, apart) = if is_free { (checksum, None) } else { (None, checksum) };
        let digests = Digests {
            whole: Sha256Stream::new(beside),
            chunks: chunks_by(ChunkAlgorithm::FixedSizeMerkleV0),
        };
        Self {
            rule,
            container: Lane::new(container, length),
            checksum: apart.map(|checksum| Lane::new(checksum, length)),
            digests: Lane::new(digests, length),
            chunks: chunks_by(ChunkAlgorithm::Blake3TreeV0).map(|chunks| Lane::new(chunks, length)),
            fault,
        }
    }

    /// Whether the internal checksum is compared.
    pub const fn rule(&self) -> ChecksumRule {
        self.rule
    }

    /// Takes in the file's next bytes in slices of 256 KiB; waits while the slowest pass has eight
    /// of them before it.
    pub fn update(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let block = bytes.split_to(bytes.len().min(BLOCK));
            if let Some(checksum) = &mut self.checksum {
                checksum.update(&block);
            }
            self.digests.update(&block);
            if let Some(chunks) = &mut self.chunks {
                chunks.update(&block);
            }
            self.container.update(&block);
        }
    }

    /// A fault of the container that is known already; the internal checksum is none of them.
    pub fn fault(&self) -> Option<SlmError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the passes found, when the slowest is done.
    pub fn finish(self) -> Measured {
        let Digests { whole, chunks } = self.digests.finish();
        let (sha256, checksum) = whole.finish_both();
        let checksum = checksum.or(self.checksum.map(Lane::finish)).map(RollingChecksum::finish);
        let chunks = self.chunks.map(Lane::finish).or(chunks);
        Measured {
            sha256,
            chunks: chunks.and_then(PieceStream::finish),
            slm: self.container.finish().scan.finish(checksum),
        }
    }
}

/// Something that takes a file's bytes in order.
trait Pass: Send + 'static {
    fn update(&mut self, bytes: &[u8]);
}

impl Pass for RollingChecksum {
    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }
}

/// The digest of the whole file with its checksum and, if those are SHA-256 too, the digests of its
/// chunks: all of them take hardly longer than the slowest.
#[derive(Debug)]
struct Digests {
    whole: Sha256Stream<Option<RollingChecksum>>,
    chunks: Option<PieceStream>,
}

impl Pass for Digests {
    fn update(&mut self, bytes: &[u8]) {
        match &mut self.chunks {
            Some(chunks) => chunks.update_beside(&mut self.whole, bytes),
            None => self.whole.update(bytes),
        }
    }
}

impl Pass for PieceStream {
    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }
}

/// The container's scan, which makes its first fault known to who feeds it.
#[derive(Debug)]
struct Container {
    scan: Scan,
    fault: Arc<Mutex<Option<SlmError>>>,
}

impl Pass for Container {
    fn update(&mut self, bytes: &[u8]) {
        self.scan.update(bytes);
        if let Some(found) = self.scan.fault() {
            self.fault
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| found.clone());
        }
    }
}

/// A pass on the caller's thread, or on one of its own behind a short queue.
#[derive(Debug)]
enum Lane<P> {
    Here(P),
    Thread(SyncSender<Bytes>, JoinHandle<P>),
}

impl<P: Pass> Lane<P> {
    fn new(mut pass: P, length: u64) -> Self {
        if length <= INLINE_LIMIT {
            return Self::Here(pass);
        }
        let (sender, blocks) = sync_channel::<Bytes>(QUEUE);
        let thread = std::thread::spawn(move || {
            while let Ok(block) = blocks.recv() {
                pass.update(&block);
            }
            pass
        });
        Self::Thread(sender, thread)
    }

    fn update(&mut self, block: &Bytes) {
        match self {
            Self::Here(pass) => pass.update(block),
            // A pass only stops listening by panicking, which `finish` passes on.
            Self::Thread(sender, _) => drop(sender.send(block.clone())),
        }
    }

    fn finish(self) -> P {
        match self {
            Self::Here(pass) => pass,
            Self::Thread(sender, thread) => {
                drop(sender);
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Passes;
    use crate::slm::ChecksumRule;

    #[test]
    fn a_checksum_that_is_not_compared_is_not_made() {
        let is_made = |rule| {
            let passes = Passes::new(1 << 30, None, rule);
            let (_, beside) = passes.digests.finish().whole.finish_both();
            beside.is_some() || passes.checksum.is_some()
        };
        assert!(!is_made(ChecksumRule::Unverified));
        assert!(is_made(ChecksumRule::Verify));
    }
}
