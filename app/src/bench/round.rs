//! One round of each work, and of its raw counterpart.

use std::fmt;
use std::hint::black_box;
use std::io::{self, Read, Seek};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use sha2::Digest as _;
use verifier::Geometry;
use verifier::artifact::{self, ArtifactError, Extras};
use verifier::chunk_list::ChunkList;
use verifier::manifest::{Manifest, Options};
use verifier::merkle::{self, PieceTree};
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source};
use verifier::slm::{ChecksumRule, RollingChecksum, validate};

use super::documents::{digests, long_manifest, manifest};
use super::work::PIECE_SIZE;
use super::{BenchError, Hash, Place, Subject, Work};
use crate::buffers::Buffers;
use crate::share::reading::{read_together, together};

/// How many proofs a round checks.
const PROOFS: u32 = 64;
/// How many pieces are handed over to be verified at once, where they are.
const AT_ONCE: u32 = 16;
/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// A work with everything at hand, ready to be done over and over.
pub struct Prepared<'a> {
    /// How much one round does: bytes or items, as [`Work::counts_bytes`] says.
    pub amount: u64,
    /// One round of the work.
    pub verified: Round<'a>,
    /// One round of the raw counterpart.
    pub raw: Round<'a>,
}

/// Does one round.
pub type Round<'a> = Box<dyn Fn() -> Result<(), BenchError> + 'a>;

impl Work {
    /// Makes everything that a round of this work needs.
    ///
    /// # Errors
    ///
    /// [`BenchError::NotVerified`] if it cannot be made of this artifact.
    pub fn prepare<'a, F, R>(&self, subject: &'a Subject<F>) -> Result<Prepared<'a>, BenchError>
    where
        F: Fn() -> io::Result<R> + Sync,
        R: Read + Seek,
    {
        let work = *self;
        match work {
            Self::Pieces { hash, piece_size, from, cores } => {
                let list = pieces(hash, subject.artifact(), piece_size);
                list.map(|list| work.of_pieces(hash, list, from, cores, subject))
            }
            Self::AtOnce { piece_size, cores } => {
                let list = pieces(Hash::Sha256, subject.artifact(), piece_size);
                list.map(|list| work.of_pieces_at_once(list, cores, subject.artifact()))
            }
            Self::Root { hash, chunks } => {
                let digests = digests(chunks);
                let root = move || black_box(merkle::root(hash.algorithm(), &digests)).is_some();
                Some(work.of_nodes(hash, chunks, root))
            }
            Self::Tree { hash, chunks } => {
                let digests = digests(chunks);
                let tree = move || black_box(PieceTree::new(hash.algorithm(), &digests)).is_some();
                Some(work.of_nodes(hash, chunks, tree))
            }
            Self::List { hash, chunks } => {
                let list = ChunkList::new(hash.algorithm(), PIECE_SIZE, digests(chunks)).ok();
                list.map(|list| list.write()).map(|bytes| {
                    let read = move || black_box(ChunkList::parse(black_box(&bytes))).is_ok();
                    work.of_nodes(hash, chunks, read)
                })
            }
            Self::Proof { hash, chunks } => work.of_a_proof(hash, chunks),
            Self::Manifest => work.of_a_manifest(),
            Self::Container => Some(work.of_a_container(subject.artifact())),
            Self::Artifact { hash } => work.of_a_file(hash, subject),
        }
        .ok_or(BenchError::NotVerified(work))
    }

    fn of_pieces<'a, F, R>(
        self,
        hash: Hash,
        list: PieceList,
        from: Place,
        cores: u32,
        subject: &'a Subject<F>,
    ) -> Prepared<'a>
    where
        F: Fn() -> io::Result<R> + Sync,
        R: Read + Seek,
    {
        let bytes = subject.artifact();
        let (count, size) = (list.geometry().piece_count(), list.geometry().piece_size());
        let verified: Round<'a> = match from {
            Place::Memory => Box::new(move || {
                let nothing = || Ok(());
                on_cores(cores, count, nothing, |(), index| {
                    verify_piece(self, &list, index, slice(bytes, size, index))
                })
            }),
            // As a file that is shared is read: some pieces together, into memory that was used.
            Place::File => {
                let most = together(list.geometry()).min(count.div_ceil(cores.max(1)));
                Box::new(move || {
                    let open = || Ok((subject.open()?, Buffers::default()));
                    on_cores(cores, count.div_ceil(most), open, |(file, buffers), group| {
                        let geometry = list.geometry();
                        let first = group * most;
                        let indices = first..count.min(first + most);
                        let indices = indices.filter_map(|index| geometry.index(index));
                        let arrived = read_together(file, geometry, indices, buffers);
                        self.verify_all(&list, arrived.map_err(BenchError::Read)?)
                    })
                })
            }
        };
        let raw = hash.raw_pieces(bytes, (size, count), cores);
        Prepared { amount: bytes.len() as u64, verified, raw }
    }

    fn of_pieces_at_once(self, list: PieceList, cores: u32, bytes: &Bytes) -> Prepared<'_> {
        let (count, size) = (list.geometry().piece_count(), list.geometry().piece_size());
        // Of few, each core gets its share.
        let most = AT_ONCE.min(count.div_ceil(cores.max(1)));
        let verify = move |group: u32| {
            let first = group * most;
            let arrived = (first..count.min(first + most)).map(|index| ArrivedPiece {
                index,
                bytes: slice(bytes, size, index),
                from: Source::Local,
            });
            self.verify_all(&list, arrived)
        };
        let nothing = || Ok(());
        Prepared {
            amount: bytes.len() as u64,
            verified: Box::new(move || {
                on_cores(cores, count.div_ceil(most), nothing, |(), group| verify(group))
            }),
            raw: Hash::Sha256.raw_pieces(bytes, (size, count), cores),
        }
    }

    fn verify_all(
        self,
        list: &PieceList,
        arrived: impl IntoIterator<Item = ArrivedPiece>,
    ) -> Result<(), BenchError> {
        let verified = list.verify_all(arrived);
        let all = verified.iter().all(Result::is_ok);
        black_box(verified);
        if all { Ok(()) } else { Err(BenchError::NotVerified(self)) }
    }

    fn of_a_proof<'a>(self, hash: Hash, chunks: u32) -> Option<Prepared<'a>> {
        let digests = digests(chunks);
        let tree = PieceTree::new(hash.algorithm(), &digests)?;
        let at = chunks / 2;
        let (proof, digest) = (tree.proof(at)?, *digests.get(at as usize)?);
        let (root, count) = (tree.root(), u64::from(chunks));
        let way = u32::try_from(proof.siblings().len()).ok()?;
        let check = move || black_box(&proof).verify(digest, at.into(), count, root).is_ok();
        Some(Prepared {
            amount: PROOFS.into(),
            verified: self.round(move || (0..PROOFS).all(|_| check())),
            raw: Box::new(move || {
                (0..PROOFS).for_each(|_| hash.raw_nodes(1, way));
                Ok(())
            }),
        })
    }

    fn of_a_manifest<'a>(self) -> Option<Prepared<'a>> {
        let bytes: Bytes = long_manifest()?.bytes().to_vec().into();
        let again = bytes.clone();
        let read = move || Manifest::parse(black_box(&bytes), Options::default());
        Some(Prepared {
            amount: again.len() as u64,
            verified: self.round(move || black_box(read()).is_ok()),
            raw: Box::new(move || {
                Hash::Sha256.raw(&again);
                Ok(())
            }),
        })
    }

    fn of_a_container(self, bytes: &Bytes) -> Prepared<'_> {
        Prepared {
            amount: bytes.len() as u64,
            verified: self.round(|| black_box(validate(bytes, ChecksumRule::Verify)).is_ok()),
            raw: Box::new(|| {
                let mut checksum = RollingChecksum::new();
                checksum.update(black_box(bytes));
                black_box(checksum.finish());
                Ok(())
            }),
        }
    }

    fn of_a_file<'a, F, R>(self, hash: Hash, subject: &'a Subject<F>) -> Option<Prepared<'a>>
    where
        F: Fn() -> io::Result<R> + Sync,
        R: Read + Seek,
    {
        let bytes = subject.artifact();
        let manifest = Arc::new(manifest(bytes, &pieces(hash, bytes, PIECE_SIZE)?)?);
        let length = bytes.len() as u64;
        let check = move |file: R| {
            artifact::verify(&manifest, file, length, &Extras::default(), ChecksumRule::Verify)
        };
        Some(Prepared {
            amount: length,
            verified: Box::new(move || match check(subject.open()?) {
                Ok(verified) => {
                    black_box(verified);
                    Ok(())
                }
                Err(ArtifactError::Read(error)) => Err(BenchError::Read(error)),
                Err(_) => Err(BenchError::NotVerified(self)),
            }),
            raw: Box::new(move || checksum_alone(subject.open()?)),
        })
    }

    /// Work on a tree of so many chunks, beside the hashes of its leaves and nodes.
    fn of_nodes<'a>(
        self,
        hash: Hash,
        chunks: u32,
        verified: impl Fn() -> bool + 'a,
    ) -> Prepared<'a> {
        Prepared {
            amount: chunks.into(),
            verified: self.round(verified),
            raw: Box::new(move || {
                hash.raw_nodes(chunks, chunks.saturating_sub(1));
                Ok(())
            }),
        }
    }

    /// A round that says whether it went well.
    fn round<'a>(self, round: impl Fn() -> bool + 'a) -> Round<'a> {
        Box::new(move || if round() { Ok(()) } else { Err(BenchError::NotVerified(self)) })
    }
}

impl Hash {
    /// The hash by itself, from the crate that the verifier uses.
    fn raw(self, bytes: &[u8]) {
        match self {
            Self::Sha256 => {
                black_box(sha2::Sha256::digest(black_box(bytes)));
            }
            Self::Blake3 => {
                black_box(blake3::hash(black_box(bytes)));
            }
        }
    }

    /// The hash of each piece by itself, of which there are so many of that size.
    fn raw_pieces(self, bytes: &Bytes, (size, count): (u32, u32), cores: u32) -> Round<'_> {
        Box::new(move || {
            let nothing = || Ok(());
            on_cores(cores, count, nothing, |(), index| {
                self.raw(&slice(bytes, size, index));
                Ok(())
            })
        })
    }

    /// The hashes of as many leaves and inner nodes, none depending on another.
    fn raw_nodes(self, leaves: u32, nodes: u32) {
        match self {
            // A leaf is hashed behind one byte, and so are the two sides of a node.
            Self::Sha256 => {
                (0..leaves).for_each(|_| self.raw(&[0; 1 + 32]));
                (0..nodes).for_each(|_| self.raw(&[1; 1 + 32 + 32]));
            }
            // A leaf is the digest itself.
            Self::Blake3 => (0..nodes).for_each(|_| {
                let side = black_box([1; 32]);
                let mode = blake3::hazmat::Mode::Hash;
                black_box(blake3::hazmat::merge_subtrees_non_root(&side, &side, mode));
            }),
        }
    }
}

impl fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("amount", &self.amount).finish_non_exhaustive()
    }
}

/// Lets so many threads take the indices below `count`, each the next that nobody has taken.
fn on_cores<S>(
    cores: u32,
    count: u32,
    start: impl Fn() -> Result<S, BenchError> + Sync,
    each: impl Fn(&mut S, u32) -> Result<(), BenchError> + Sync,
) -> Result<(), BenchError> {
    let next = AtomicU32::new(0);
    let run = || {
        let mut state = start()?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            each(&mut state, index)?;
        }
    };
    if cores <= 1 {
        return run();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        // All are waited for, so that none is still at work when the next round begins.
        let results: Vec<_> =
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        results
            .into_iter()
            .try_for_each(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// The proven list of the artifact's pieces.
fn pieces(hash: Hash, artifact: &[u8], piece_size: u32) -> Option<PieceList> {
    let geometry = Geometry::new(artifact.len() as u64, piece_size).ok()?;
    let mut stream = PieceStream::new(hash.algorithm(), geometry).ok()?;
    stream.update(artifact);
    let (digests, root) = stream.finish()?;
    PieceList::prove(geometry, root, digests).ok()
}

fn verify_piece(work: Work, list: &PieceList, index: u32, bytes: Bytes) -> Result<(), BenchError> {
    let arrived = ArrivedPiece { index, bytes, from: Source::Local };
    let verified = list.verify(arrived).map_err(|_| BenchError::NotVerified(work))?;
    black_box(verified);
    Ok(())
}

/// A piece that lies in memory; empty if there is none.
fn slice(artifact: &Bytes, size: u32, index: u32) -> Bytes {
    let from = (index as usize).saturating_mul(size as usize).min(artifact.len());
    let to = from.saturating_add(size as usize).min(artifact.len());
    artifact.slice(from..to)
}

/// Reads a file to its end and computes its checksum.
fn checksum_alone(mut file: impl Read) -> Result<(), BenchError> {
    let mut checksum = RollingChecksum::new();
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block).map_err(BenchError::Read)?;
        if read == 0 {
            black_box(checksum.finish());
            return Ok(());
        }
        checksum.update(block.get(..read).unwrap_or_default());
    }
}
