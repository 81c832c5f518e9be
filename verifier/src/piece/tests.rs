use bytes::Bytes;

use super::{
    ArrivedPiece, PieceError, PieceList, PieceStream, Source, VerifiedPiece, verify_proven,
};
use crate::digest::{ChunkAlgorithm, Sha256, Sha256Stream};
use crate::geometry::Geometry;
use crate::merkle::{PieceTree, Proof, ProofError};

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
fn pieces_judged_together_are_judged_as_one_by_one() {
    for algorithm in BOTH {
        let bytes = Bytes::from(content(40_000));
        let list = list(algorithm, &bytes, 2_048);
        // Genuine ones, the short last one, and among them one that lies, one too long, one too many.
        let ranges = (0..20_usize).map(|at| (at, at * 2_048..(at * 2_048 + 2_048).min(40_000)));
        let wrong = [(3, 0..2_048), (4, 0..2_049), (20, 0..1)];
        let arrived: Vec<_> = ranges
            .chain(wrong)
            .map(|(index, range)| ArrivedPiece {
                index: u32::try_from(index).unwrap(),
                bytes: bytes.slice(range),
                from: Source::Local,
            })
            .collect();
        for step in 1..=arrived.len() {
            // From both ends, so that what is wrong comes first, in between and last.
            for arrived in [arrived.clone(), arrived.iter().rev().cloned().collect()] {
                for group in arrived.chunks(step) {
                    let together = list.verify_all(group.iter().cloned());
                    let alone = group.iter().map(|arrived| list.verify(arrived.clone()));
                    let told = |judged: Result<VerifiedPiece, PieceError>| {
                        judged.map(|piece| (piece.index(), piece.digest(), piece.bytes().clone()))
                    };
                    assert_eq!(
                        together.into_iter().map(told).collect::<Vec<_>>(),
                        alone.map(told).collect::<Vec<_>>()
                    );
                }
            }
        }
    }
}

#[test]
fn digests_do_not_depend_on_how_the_bytes_come() {
    for algorithm in BOTH {
        let bytes = content(40_000);
        let wanted = list(algorithm, &bytes, 1_024);
        for step in [1, 1_000, 1_024, 1_025, 2_048, 9_999, 40_000] {
            let mut stream = PieceStream::new(algorithm, *wanted.geometry()).unwrap();
            bytes.chunks(step).for_each(|part| stream.update(part));
            // What follows the last byte is left out.
            stream.update(&[7; 5_000]);
            let (digests, root) = stream.finish().unwrap();
            assert_eq!((&digests[..], root), (wanted.digests(), wanted.root()), "{step}");
            // Beside the digest of the whole, which leaves nothing out.
            let mut stream = PieceStream::new(algorithm, *wanted.geometry()).unwrap();
            let mut whole = Sha256Stream::default();
            bytes.chunks(step).for_each(|part| stream.update_beside(&mut whole, part));
            stream.update_beside(&mut whole, &[7; 5_000]);
            let (digests, root) = stream.finish().unwrap();
            assert_eq!((&digests[..], root), (wanted.digests(), wanted.root()), "{step}");
            assert_eq!(whole.finish(), Sha256::of(&[&bytes[..], &[7; 5_000]].concat()), "{step}");
        }
    }
}

#[test]
fn a_piece_with_its_proof_is_accepted_as_by_the_list() {
    for algorithm in BOTH {
        let bytes = Bytes::from(content(9_000));
        let list = list(algorithm, &bytes, 2_048);
        let tree = PieceTree::new(algorithm, list.digests()).unwrap();
        let piece = |index: u32| {
            let from = index as usize * 2_048;
            let bytes = bytes.slice(from..bytes.len().min(from + 2_048));
            ArrivedPiece { index, bytes, from: Source::Local }
        };
        let judge =
            |piece, proof: &Proof| verify_proven(list.geometry(), piece, proof, list.root());
        for index in 0..5 {
            let proof = tree.proof(index).unwrap();
            let (proven, listed) = (judge(piece(index), &proof), list.verify(piece(index)));
            assert_eq!(proven.unwrap().digest(), listed.unwrap().digest());
            let mut lie = piece(index);
            lie.bytes = Bytes::from(vec![7; lie.bytes.len()]);
            let lie = judge(lie, &proof).unwrap_err();
            let PieceError::Proof { source: ProofError::Root { expected, .. }, .. } = lie else {
                panic!("{lie}");
            };
            assert_eq!(expected, list.root());
            let crumb = ArrivedPiece { bytes: Bytes::from_static(b"crumb"), ..piece(index) };
            assert!(matches!(judge(crumb, &proof).unwrap_err(), PieceError::Length { .. }));
        }
        let elsewhere = tree.proof(0).unwrap();
        assert!(matches!(judge(piece(1), &elsewhere).unwrap_err(), PieceError::Proof { .. }));
        let surplus = Proof::from_siblings(vec![[0; 32]; 4]);
        assert!(matches!(
            judge(piece(1), &surplus).unwrap_err(),
            PieceError::Proof { source: ProofError::Length { .. }, .. }
        ));
        assert!(matches!(
            judge(ArrivedPiece { index: 5, ..piece(0) }, &elsewhere).unwrap_err(),
            PieceError::Index { .. }
        ));
    }
}

#[test]
fn blake3_refuses_pieces_that_are_no_subtree() {
    let geometry = Geometry::new(5_000, 1_000).unwrap();
    assert!(PieceStream::new(ChunkAlgorithm::Blake3TreeV0, geometry).is_err());
}

#[test]
fn pieces_that_are_wrong_are_named() {
    for algorithm in BOTH {
        let bytes = content(9_000);
        let list = list(algorithm, &bytes, 2_048);
        let mut other = bytes.clone();
        for at in [2_048, 4_095, 8_999] {
            other[at] ^= 1;
        }
        let wrong = |end, bytes: &[u8]| {
            let read = |offset: u64, into: &mut [u8]| {
                let from = usize::try_from(offset).unwrap();
                let part = bytes.get(from..from + into.len()).ok_or("too short")?;
                into.copy_from_slice(part);
                Ok::<_, &str>(())
            };
            let wrong = list.wrong(end, read)?;
            Ok::<Vec<u32>, &str>(wrong.into_iter().map(|index| index.get()).collect())
        };
        assert_eq!(wrong(5, &bytes).unwrap(), [0; 0]);
        assert_eq!(wrong(5, &other).unwrap(), [1, 4]);
        assert_eq!(wrong(4, &other).unwrap(), [1]);
        assert_eq!(wrong(5, &other[..8_999]), Err("too short"));
    }
}
