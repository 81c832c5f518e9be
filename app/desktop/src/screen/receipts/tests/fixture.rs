//! A model of 64 pieces, its receipts, and a cx to show them on.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use app::ports::{KnownPeer, PieceState};
use app::receipts::{Entry, Listing, Summary};
use bytes::Bytes;
use iced::Size;
use verifier::artifact::{Extras, VerifiedArtifact, verify};
use verifier::identity::{PeerId, SigningKey};
use verifier::manifest::{Draft, Manifest};
use verifier::piece::{PieceStream, Source};
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::scalars::{Id, Label, UtcTime, Version};
use verifier::slm::{ChecksumRule, Quantisation, Shape, write_sample};
use verifier::{ChunkAlgorithm, Geometry, Sha256};

use super::super::{Listed, Read};
use crate::context::{Book, Context};
use crate::theme::Scale;
use crate::widget::piece_map::Pieces;

/// 2026-11-22, noon.
pub(super) const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
/// The size of a screen in a window of the usual size.
pub(super) const SIZE: (f32, f32) = (1_032.0, 780.0);

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

pub(super) fn peer(seed: u8) -> PeerId {
    key(seed).public_key().peer_id()
}

/// This machine is 1, anna 2, ben 3.
pub(super) fn book() -> Book {
    let known = [(2, "anna"), (3, "ben")].map(|(seed, label)| KnownPeer {
        id: peer(seed),
        label: Label::parse(label).unwrap(),
        addresses: Vec::new(),
        added: NOW,
        access: app::ports::Access::Open,
    });
    Book { own: peer(1), peers: known.into() }
}

pub(super) fn context(book: &Book) -> Context<'_> {
    let size = Size::new(1_180.0, 780.0);
    Context { scale: Scale::default(), scale_factor: 2.0, now: NOW, book, size }
}

pub(super) struct Model {
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) artifact: Arc<VerifiedArtifact>,
    pub(super) geometry: Geometry,
}

pub(super) static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let quant = Quantisation::Q8_0;
    let shape = Shape::near(1 << 20, quant).unwrap();
    let mut file = Cursor::new(Vec::new());
    let length = write_sample(&shape, quant, 1, &mut file).unwrap();
    let bytes = file.into_inner();
    let geometry = Geometry::new(length, 16_384).unwrap();
    let mut pieces = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
    pieces.update(&bytes);
    let (_, root) = pieces.finish().unwrap();
    let mut draft = Draft::sample(Sha256::of(&bytes));
    draft.set("model.id", "tiny-stories").unwrap().set_chunking(&geometry, &root);
    let manifest = Arc::new(draft.write().unwrap());
    let rule = ChecksumRule::Verify;
    let artifact = verify(&manifest, &bytes[..], length, &Extras::default(), rule).unwrap();
    Model { bytes, manifest, artifact: Arc::new(artifact), geometry }
});

/// Who gave which piece: anna two of three, ben the rest, and the last one was here.
fn source(index: u32) -> Source {
    match index {
        last if last + 1 == MODEL.geometry.piece_count() => Source::Local,
        index if index % 3 == 2 || (24..32).contains(&index) => Source::Peer(peer(3)),
        _ => Source::Peer(peer(2)),
    }
}

/// The receipt of an import from anna and ben.
pub(super) fn receipt(signer: Option<&SigningKey>) -> Receipt {
    let given = |from: Source| {
        let mine = MODEL.geometry.indices().filter(move |index| source(index.get()) == from);
        mine.fold((0_u64, 0_u64), |(pieces, bytes), index| {
            (pieces + 1, bytes + u64::from(MODEL.geometry.length(index)))
        })
    };
    let peers = [2, 3].map(|seed| {
        let (pieces, bytes) = given(Source::Peer(peer(seed)));
        Contribution { id: peer(seed), pieces, bytes }
    });
    let (pieces_local, bytes_local) = given(Source::Local);
    let facts = Facts {
        created_utc: UtcTime::from_unix(NOW.unix() - 7_300),
        verifier_version: Version::parse("0.1.0").unwrap(),
        file_name: "tiny-stories-1.0.slm",
        transfer: Some(Transfer {
            request_id: Id::parse("request-1").unwrap(),
            request_sha256: Sha256::of(b"request"),
            peers: peers.to_vec(),
            pieces_local,
            bytes_local,
        }),
        signer,
    };
    Receipt::write(&MODEL.artifact, &facts).unwrap()
}

pub(super) const PATH: &str = "/home/anna/Downloads/tiny-stories-1.0.minimodel-receipt";

/// The receipt as it is read where the library keeps the model.
pub(super) fn read(signer: Option<&SigningKey>) -> Read {
    let receipt = receipt(signer);
    let states: Vec<PieceState> = MODEL
        .geometry
        .indices()
        .map(|index| PieceState::Kept { source: source(index.get()), verified: None })
        .collect();
    Read {
        path: PATH.into(),
        summary: Summary::of(&receipt).unwrap(),
        receipt: Arc::new(receipt),
        pieces: Some(Pieces::stored(MODEL.geometry, &states, Some(NOW))),
        manifest: Some(Bytes::copy_from_slice(MODEL.manifest.bytes())),
        slm_beside: Some("/home/anna/Downloads/tiny-stories-1.0.slm".into()),
        manifest_beside: None,
    }
}

/// So many receipts, an hour between each and the next; every seventh file is none.
pub(super) fn listed(count: u64) -> Arc<Listed> {
    let of = Summary::of(&receipt(None)).unwrap();
    let local = Summary {
        provenance: app::receipts::Provenance::LocalFile,
        signer: Some(peer(1)),
        ..of.clone()
    };
    let mut entries: Vec<Entry> = (0..count)
        .map(|number| {
            let path = PathBuf::from(format!("/home/anna/Downloads/{number}.minimodel-receipt"));
            if number % 7 == 6 {
                let error = Receipt::parse(b"receipt.version=0\n").unwrap_err();
                let content = Err(app::problem::Problem::coded_in(&path, &error));
                return Entry { path, content };
            }
            let summary = if number % 3 == 1 { local.clone() } else { of.clone() };
            let names = ["tiny-stories", "gpt-nano", "byte-llama"];
            let name = names[usize::try_from(number).unwrap() % 3];
            let content = Summary {
                model_id: Id::parse(name).unwrap(),
                model_version: Version::parse(&format!("1.{number}")).unwrap(),
                created: UtcTime::from_unix(NOW.unix() - 7_300 - number * 40_000),
                ..summary
            };
            let path = if number == 0 { PATH.into() } else { path };
            Entry { path, content: Ok(content) }
        })
        .collect();
    entries.sort_by_key(|entry| entry.content.is_err());
    let listing = Listing { folder: "/home/anna/Downloads".into(), entries, left_out: 0 };
    let book = book();
    Arc::new(Listed::new(listing, |id| Some(book.name(id))))
}
