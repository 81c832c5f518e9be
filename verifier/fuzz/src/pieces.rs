//! Pieces, proofs, trees and have-maps.

use bytes::Bytes;
use verifier::digest::{ChunkAlgorithm, ChunkDigest, Root};
use verifier::merkle::{PieceTree, Proof};
use verifier::piece::{ArrivedPiece, Evidence, PieceStream, Source, verify_alone};
use verifier::{Bitfield, Geometry};

use crate::{choice, shown};

/// How many numbers an input starts with, of eight bytes each.
const NUMBERS: usize = 4;

/// Numbers (length, piece size, index, count), then bytes that are content, siblings and bits.
pub fn pieces(data: &[u8]) {
    let Some((head, rest)) = data.split_at_checked(NUMBERS * 8) else { return };
    let mut numbers = head
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("there are eight")));
    let mut next = || numbers.next().expect("there are four");
    let (length, size, index, count) = (next(), next() as u32, next(), next());
    for algorithm in [ChunkAlgorithm::FixedSizeMerkleV0, ChunkAlgorithm::Blake3TreeV0] {
        claimed(algorithm, (length, size, index, count), rest);
        genuine(algorithm, rest, size % 4096 + 1, index);
    }
    map(rest, count as u32);
}

/// A piece and a proof whose every part is claimed.
fn claimed(algorithm: ChunkAlgorithm, numbers: (u64, u32, u64, u64), rest: &[u8]) {
    let (length, size, index, count) = numbers;
    let siblings: Vec<[u8; 32]> =
        rest.chunks_exact(32).map(|node| node.try_into().expect("there are 32")).collect();
    let digest = ChunkDigest::from_bytes(siblings.first().copied().unwrap_or_default());
    let root = Root::from_bytes(algorithm, siblings.last().copied().unwrap_or_default());
    let proof = Proof::from_siblings(siblings);
    if let Err(error) = proof.verify(digest, index, count, root) {
        shown(&error);
    }
    let Ok(geometry) = Geometry::new(length, size) else { return };
    let arrived = ArrivedPiece {
        index: index as u32,
        bytes: Bytes::copy_from_slice(rest),
        from: Source::Local,
    };
    for evidence in [Evidence::Digest(digest), Evidence::Proof(proof, root)] {
        if let Err(error) = verify_alone(&geometry, algorithm, &arrived, &evidence) {
            shown(error.as_ref());
        }
    }
}

/// Content that is cut into pieces: each has a proof, and no other piece has it.
fn genuine(algorithm: ChunkAlgorithm, content: &[u8], size: u32, index: u64) {
    let Ok(geometry) = Geometry::new(content.len() as u64, size) else { return };
    let Ok(mut stream) = PieceStream::new(algorithm, geometry) else { return };
    for part in content.chunks(1 + (choice(content) % 257) as usize) {
        stream.update(part);
    }
    let (digests, root) = stream.finish().expect("all content was taken in");
    let tree = PieceTree::new(algorithm, &digests).expect("there are digests");
    assert_eq!(tree.root(), root);
    if algorithm == ChunkAlgorithm::Blake3TreeV0 {
        // The tree is the one of the plain hash, whatever the pieces.
        assert_eq!(root.as_bytes(), blake3::hash(content).as_bytes());
    }
    let count = digests.len() as u64;
    let at = index % count;
    let proof = tree.proof(at as u32).expect("the piece is there");
    let digest = digests[at as usize];
    assert_eq!(proof.verify(digest, at, count, root), Ok(()));
    let mut changed = *digest.as_bytes();
    changed[(choice(content) % 32) as usize] ^= 1;
    assert!(proof.verify(ChunkDigest::from_bytes(changed), at, count, root).is_err());
}

/// A have-map of any bytes.
fn map(bytes: &[u8], len: u32) {
    let len = len % (1 << 20);
    if let Some(have) = Bitfield::from_bytes(bytes, len) {
        assert_eq!(have.as_bytes(), bytes);
        let mut again = Bitfield::empty(len);
        for (first, last) in have.ranges() {
            again.insert_range(first, last);
        }
        assert_eq!(again, have);
        assert_eq!(have.complement().count(), len - have.count());
    }
}
