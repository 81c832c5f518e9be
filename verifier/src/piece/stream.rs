//! The digests of all pieces of an artifact, whose bytes come in order.

use lanes::Beside;

use super::ListError;
use super::hash::{PieceHasher, check_piece_size, digests};
use crate::digest::{ChunkAlgorithm, ChunkDigest, Root, Sha256Stream};
use crate::geometry::Geometry;
use crate::merkle::RootFold;

/// Cuts a stream of an artifact's bytes into pieces and hashes each.
#[derive(Debug, Clone)]
pub struct PieceStream {
    geometry: Geometry,
    algorithm: ChunkAlgorithm,
    hasher: PieceHasher,
    next: u32,
    filled: u32,
    fold: RootFold,
    digests: Vec<ChunkDigest>,
}

impl PieceStream {
    /// Starts at the artifact's first byte.
    ///
    /// # Errors
    ///
    /// [`ListError::PieceSize`] (`chunk-list.chunk-size`) if the algorithm cannot have pieces of
    /// that size: BLAKE3 takes powers of two from 1,024.
    pub fn new(algorithm: ChunkAlgorithm, geometry: Geometry) -> Result<Self, ListError> {
        check_piece_size(algorithm, &geometry)?;
        Ok(Self {
            geometry,
            algorithm,
            hasher: PieceHasher::new(algorithm, 0),
            next: 0,
            filled: 0,
            fold: RootFold::new(algorithm),
            digests: Vec::new(),
        })
    }

    /// Takes in the next bytes; what comes after the artifact's last byte is left out.
    pub fn update(&mut self, bytes: &[u8]) {
        self.take::<()>(bytes, None);
    }

    /// Takes in the next bytes, and lets a digest of the whole file take in all of them. Under
    /// SHA-256 both take hardly longer than one of them.
    pub fn update_beside(&mut self, whole: &mut Sha256Stream<impl Beside>, bytes: &[u8]) {
        let later = self.take(bytes, Some(whole));
        whole.update(later);
    }

    /// Takes in the next bytes; gives back what comes after the artifact's last byte.
    fn take<'a, B: Beside>(
        &mut self,
        mut bytes: &'a [u8],
        mut whole: Option<&mut Sha256Stream<B>>,
    ) -> &'a [u8] {
        while let Some(index) = self.geometry.index(self.next) {
            if self.filled == 0 && whole.is_none() {
                let later = self.whole(bytes);
                if later.len() < bytes.len() {
                    bytes = later;
                    continue;
                }
            }
            let length = self.geometry.length(index);
            let wanted = (length - self.filled) as usize;
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            if now.is_empty() {
                return later;
            }
            match &mut whole {
                Some(whole) => self.hasher.update_beside(whole, now),
                None => self.hasher.update(now),
            }
            bytes = later;
            if now.len() < wanted {
                // The piece is no longer than `length`, which fits.
                self.filled = length - u32::try_from(wanted - now.len()).unwrap_or(length);
                return later;
            }
            let done = self.done(self.next + 1);
            self.push(done.finish(self.geometry.piece_count() == 1));
        }
        bytes
    }

    /// Takes in all pieces that are there from beginning to end, several at once; gives back what
    /// follows.
    fn whole<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        let geometry = self.geometry;
        let mut pieces = Vec::new();
        let mut next = self.next;
        while let Some(index) = geometry.index(next)
            && let Some((piece, later)) = bytes.split_at_checked(geometry.length(index) as usize)
        {
            pieces.push((index, piece));
            bytes = later;
            next += 1;
        }
        if next > self.next {
            let digests = digests(self.algorithm, &geometry, pieces.into_iter());
            self.done(next);
            digests.into_iter().for_each(|digest| self.push(digest));
        }
        bytes
    }

    /// Goes to the beginning of a piece; gives back the digest of the one before, as far as it is.
    fn done(&mut self, next: u32) -> PieceHasher {
        self.next = next;
        self.filled = 0;
        let offset = u64::from(next) * u64::from(self.geometry.piece_size());
        let offset = offset.min(self.geometry.byte_count());
        std::mem::replace(&mut self.hasher, PieceHasher::new(self.algorithm, offset))
    }

    fn push(&mut self, digest: ChunkDigest) {
        self.digests.push(digest);
        self.fold.push(digest);
    }

    /// The pieces' digests and their root; `None` unless every byte was taken in.
    pub fn finish(self) -> Option<(Vec<ChunkDigest>, Root)> {
        if self.next != self.geometry.piece_count() {
            return None;
        }
        Some((self.digests, self.fold.finish()?))
    }
}
