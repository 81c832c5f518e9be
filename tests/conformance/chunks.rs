//! Operations on chunks: merkle-root, make-proof, verify-proof, verify-piece.

use bytes::Bytes;
use data_encoding::HEXUPPER;
use serde_json::{Value, json};
use verifier::Geometry;
use verifier::digest::{ChunkAlgorithm, ChunkDigest, Root};
use verifier::merkle::{PieceTree, Proof};
use verifier::piece::{ArrivedPiece, Evidence, PieceStream, Source, verify_alone};

use crate::case::{Case, Outcome};

/// Runs the case if its operation is one of these.
pub fn run(case: &Case) -> Option<Outcome> {
    match case.op.as_str() {
        "merkle-root" => Some(merkle_root(case)),
        "make-proof" => Some(make_proof(case)),
        "verify-proof" => Some(verify_proof(case)),
        "verify-piece" => Some(verify_piece(case)),
        _ => None,
    }
}

fn merkle_root(case: &Case) -> Outcome {
    let (digests, root) = hash(case);
    let hex = |digest: &ChunkDigest| Value::from(HEXUPPER.encode(digest.as_bytes()));
    Outcome::derived([
        ("chunk_count", json!(digests.len())),
        ("merkle_root", json!(root.to_string())),
        ("digests", digests.iter().take(8).map(hex).collect()),
        ("last_digest", digests.last().map(hex).unwrap()),
    ])
}

fn make_proof(case: &Case) -> Outcome {
    let (digests, _) = hash(case);
    let index = u32::try_from(case.number("index")).unwrap();
    let tree = PieceTree::new(algorithm(case), &digests).unwrap();
    let proof = tree.proof(index).unwrap();
    Outcome::derived([
        ("digest", json!(HEXUPPER.encode(digests[index as usize].as_bytes()))),
        ("siblings", proof.siblings().iter().map(|s| HEXUPPER.encode(s)).collect()),
    ])
}

fn verify_proof(case: &Case) -> Outcome {
    let root = Root::from_bytes(algorithm(case), bytes32(case.text("root")));
    let digest = ChunkDigest::from_bytes(bytes32(case.text("digest")));
    match siblings(case).verify(digest, case.number("index"), case.number("count"), root) {
        Ok(()) => Outcome::ok(),
        Err(error) => Outcome::refused(&error),
    }
}

fn verify_piece(case: &Case) -> Outcome {
    let size = u32::try_from(case.number("chunk_size")).unwrap();
    let geometry = Geometry::new(case.number("byte_count"), size).unwrap();
    let arrived = ArrivedPiece {
        index: u32::try_from(case.number("index")).unwrap(),
        bytes: Bytes::from(data(case)),
        from: Source::Local,
    };
    let evidence = if case.args["digest"].is_string() {
        Evidence::Digest(ChunkDigest::from_bytes(bytes32(case.text("digest"))))
    } else {
        let root = Root::from_bytes(algorithm(case), bytes32(case.text("root")));
        Evidence::Proof(siblings(case), root)
    };
    match verify_alone(&geometry, algorithm(case), &arrived, &evidence) {
        Ok(()) => Outcome::ok(),
        Err(error) => Outcome::refused(error.as_ref()),
    }
}

fn hash(case: &Case) -> (Vec<ChunkDigest>, Root) {
    let data = data(case);
    let size = u32::try_from(case.number("chunk_size")).unwrap();
    let geometry = Geometry::new(data.len() as u64, size).unwrap();
    let mut stream = PieceStream::new(algorithm(case), geometry).unwrap();
    stream.update(&data);
    stream.finish().unwrap()
}

fn algorithm(case: &Case) -> ChunkAlgorithm {
    ChunkAlgorithm::parse(case.text("algorithm")).unwrap()
}

fn siblings(case: &Case) -> Proof {
    let siblings = case.args["siblings"].as_array().unwrap();
    Proof::from_siblings(siblings.iter().map(|s| bytes32(s.as_str().unwrap())).collect())
}

fn bytes32(hex: &str) -> [u8; 32] {
    let hex = hex.rsplit(':').next().unwrap();
    HEXUPPER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

fn data(case: &Case) -> Vec<u8> {
    let data = &case.args["data"];
    if let Some(hex) = data["hex"].as_str() {
        return HEXUPPER.decode(hex.as_bytes()).unwrap();
    }
    assert_eq!(data["gen"], "mod251", "{}", case.id);
    let number = |name: &str| data[name].as_u64().unwrap();
    let (a, b) = (number("a"), number("b"));
    (0..number("length")).map(|i| u8::try_from((a * i + b) % 251).unwrap()).collect()
}
