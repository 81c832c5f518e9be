use bytes::Bytes;

use super::{ArrivedPiece, PieceError, PieceList, PieceStream, Source};
use crate::digest::ChunkAlgorithm;
use crate::geometry::Geometry;

const BOTH: [ChunkAlgorithm; 2] = [ChunkAlgorithm::FixedSizeMerkleV0, ChunkAlgorithm::Blake3TreeV0];

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

fn list(algorithm: ChunkAlgorithm, bytes: &[u8], size: u32) -> PieceList {
    let geometry = Geometry::new(bytes.len() as u64, size).unwrap();
    let mut stream = PieceStream::new(algorithm, geometry).unwrap();
    for part in bytes.chunks(777) {
        stream.update(part);
    }
    let (digests, root) = stream.finish().unwrap();
    PieceList::prove(geometry, root, digests).unwrap()
}

#[test]
fn a_blake3_root_is_the_plain_hash_of_the_file() {
    for length in [1, 1024, 1025, 40_000, 16_384, 32_768, 100_000] {
        let bytes = content(length);
        let list = list(ChunkAlgorithm::Blake3TreeV0, &bytes, 16_384);
        assert_eq!(list.root().as_bytes(), blake3::hash(&bytes).as_bytes(), "{length}");
    }
}

#[test]
fn a_piece_is_accepted_only_as_itself() {
    for algorithm in BOTH {
        let bytes = Bytes::from(content(5_000));
        let list = list(algorithm, &bytes, 2_048);
        let piece = |index: u32, from: usize, to: usize| ArrivedPiece {
            index,
            bytes: bytes.slice(from..to),
            from: Source::Local,
        };
        assert_eq!(list.verify(piece(1, 2_048, 4_096)).unwrap().index().get(), 1);
        assert!(list.verify(piece(2, 4_096, 5_000)).is_ok());
        assert!(matches!(
            list.verify(piece(0, 2_048, 4_096)).unwrap_err(),
            PieceError::Digest { index: 0, expected, .. } if expected == list.digests()[0]
        ));
        assert!(matches!(list.verify(piece(0, 0, 2_047)).unwrap_err(), PieceError::Length { .. }));
        assert!(matches!(list.verify(piece(3, 0, 1)).unwrap_err(), PieceError::Index { .. }));
    }
}

#[test]
fn blake3_refuses_pieces_that_are_no_subtree() {
    let geometry = Geometry::new(5_000, 1_000).unwrap();
    assert!(PieceStream::new(ChunkAlgorithm::Blake3TreeV0, geometry).is_err());
}
