//! Documents are told apart by content, and make a request together.

use std::path::PathBuf;

use verifier::boundary::PeerAddress;
use verifier::identity::SigningKey;
use verifier::manifest::{Draft, Manifest};
use verifier::request::{Offer, OfferTerms, PieceSet};
use verifier::scalars::{Id, UtcTime};
use verifier::{Bitfield, ChunkAlgorithm, Geometry, Root, Sha256};

use super::{Document, Gathered, Kind, Missing, name};

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);

fn manifest() -> Manifest {
    let mut draft = Draft::sample(Sha256::of(b"artifact"));
    let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]);
    draft.set_chunking(&Geometry::new(100_000, 16_384).unwrap(), &root);
    draft.write().unwrap()
}

fn offer(manifest: &Manifest, seed: u8) -> Offer {
    let chunking = manifest.chunking().unwrap();
    let terms = OfferTerms {
        addresses: vec![PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
        model_id: manifest.model_id().clone(),
        manifest_sha256: manifest.sha256(),
        artifact_sha256: manifest.artifact_sha256(),
        geometry: chunking.geometry,
        root: chunking.root,
        pieces: PieceSet::of(&Bitfield::full(chunking.geometry.piece_count())).unwrap(),
        issued: NOW,
        expires: NOW.plus(600),
    };
    Offer::sign(&terms, &SigningKey::from_seed([seed; 32])).unwrap()
}

fn document(path: &str, bytes: &[u8]) -> Document {
    let kind = Kind::of(bytes).unwrap();
    Document { path: PathBuf::from(path), kind, bytes: bytes.into() }
}

#[test]
fn the_content_says_what_a_file_is() {
    let manifest = manifest();
    let offer = offer(&manifest, 1);
    for (bytes, kind) in [
        (manifest.bytes(), Some(Kind::Manifest)),
        (offer.bytes(), Some(Kind::Offer)),
        (b"{\"request_kind\": 1, \"peer_offers\": [{\"offer_kind\": 1}]}", Some(Kind::Request)),
        (b" \n{\"request_kind\"", Some(Kind::Request)),
        (b"receipt.version=0\nmanifest.sha256=x\n", Some(Kind::Receipt)),
        (b"manifest.sha256=x\npeer_source.version=0\n", Some(Kind::Announcement)),
        (b"  mmticket0:abc", Some(Kind::Ticket)),
        (b"SLM1\0\0", Some(Kind::Artifact)),
        (b"{}", None),
        (b"hello manifest.", None),
        (b"", None),
    ] {
        assert_eq!(Kind::of(bytes), kind, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_manifest_and_offers_make_the_request_that_the_command_writes() {
    let manifest = manifest();
    let mut gathered = Gathered::default();
    assert_eq!(gathered.missing(), Some(Missing::Everything));
    gathered.add(document("tiny.manifest", manifest.bytes())).unwrap();
    assert_eq!(gathered.missing(), Some(Missing::Peers));
    for seed in [1, 2] {
        let offer = offer(&manifest, seed);
        gathered.add(document(&format!("{seed}.minimodel-offer"), offer.bytes())).unwrap();
    }
    assert_eq!(gathered.missing(), None);
    let request = gathered.request(name(7).unwrap(), NOW).unwrap();
    assert_eq!(request.request_id().as_str(), "request-0000000000000007");
    assert_eq!(request.usable().len(), 2);

    // A request that is given is used as it is, and the offers are not.
    let written = super::write(
        Id::parse("mine").unwrap(),
        &gathered.documents()[0],
        verifier::manifest::Options::default(),
        &gathered.documents()[1..2],
        600,
        NOW,
    )
    .unwrap();
    gathered.add(document("request.json", &written.bytes)).unwrap();
    let request = gathered.request(name(8).unwrap(), NOW).unwrap();
    assert_eq!((request.request_id().as_str(), request.usable().len()), ("mine", 1));
    let used: Vec<bool> = gathered.documents().iter().map(|it| gathered.uses(it)).collect();
    assert_eq!(used, [true, false, false, true]);
    gathered.remove(0);
    assert_eq!(gathered.missing(), Some(Missing::Manifest));
    assert!(gathered.request(name(9).unwrap(), NOW).is_err());
}

#[test]
fn what_an_import_cannot_use_is_refused_with_what_to_do() {
    let mut gathered = Gathered::default();
    for bytes in [&b"mmticket0:a"[..], b"SLM1", b"receipt.version=0", b"peer_source.version=0"] {
        let problem = gathered.add(document("it", bytes)).unwrap_err();
        assert!(problem.what.starts_with("it is a "), "{problem:?}");
        assert!(!problem.advice.is_empty());
    }
    let manifest = manifest();
    for _ in 0..2 {
        gathered.add(document("tiny.manifest", manifest.bytes())).unwrap();
        gathered.add(document("a.minimodel-offer", offer(&manifest, 1).bytes())).unwrap();
    }
    assert_eq!(gathered.documents().len(), 2);
    let late = gathered.request(name(1).unwrap(), NOW.plus(3_600)).unwrap_err();
    assert_eq!(late.code.to_string(), "request.no-usable-offer");
}
