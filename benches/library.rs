//! Fills a data folder with models, for what is measured of the window.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use app::ports::{PieceStore as _, Reservation};
use app::share::{Names, survey};
use bytes::Bytes;
use store::Store;
use transfer::Identity;
use verifier::digest::ChunkDigest;
use verifier::piece::{ArrivedPiece, PieceList, Source};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::slm::writer::write_sample;
use verifier::slm::{Quantisation, Shape};
use verifier::{ChunkAlgorithm, Geometry, Sha256, merkle};

/// When everything was made.
const THEN: UtcTime = UtcTime::from_unix(1_795_000_000);
/// The smallest pieces that a manifest can name, in bytes.
const PIECE: u32 = 16_384;
/// Room for whatever is asked for.
const QUOTA: u64 = 1 << 40;

/// Makes a data folder with a key, so many whole models of 20 KiB, and, if `pieces` is not 0, one
/// artifact of so many pieces of which its first is kept.
///
/// # Panics
///
/// If the disk fails, or the folder is in use.
pub fn fill(data: &Path, models: u32, pieces: u32) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let store = Store::open(data, "bench").expect("the folder is free");
    let key = store::Layout::new(data).identity_key();
    Identity::load_or_create(&key).expect("the key can be written");
    runtime.block_on(async {
        store.set_quota(QUOTA).await.expect("the disk takes it");
        for number in 0..models {
            model(&store, number).await;
        }
        if pieces > 0 {
            large(&store, pieces).await;
        }
    });
}

async fn model(store: &Store, number: u32) {
    let mut file = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, Quantisation::F32, number.into(), &mut file).expect("it fits");
    let bytes = Bytes::from(file.into_inner());
    let algorithm = ChunkAlgorithm::FixedSizeMerkleV0;
    let survey = survey(Cursor::new(bytes.clone()), algorithm, Some(PIECE)).await;
    let survey = survey.expect("the sample is valid");
    let names = Names::guess(&format!("model-{number:04}-1.{}", number % 7), "bench");
    let names = Names { license: "/license.md".to_owned(), card: "/card.md".to_owned(), ..names };
    let manifest = names.draft(&survey, THEN).expect("the names are valid");
    let reservation = Reservation {
        manifest: Bytes::copy_from_slice(manifest.bytes()),
        manifest_sha256: manifest.sha256(),
        artifact: survey.sha256,
        model_id: manifest.model_id().clone(),
        model_version: manifest.model_version().clone(),
        geometry: *survey.list.geometry(),
        root: survey.list.root(),
        output: None,
    };
    keep(store, reservation, &survey.list, &bytes, u32::MAX).await;
    store.verified(survey.sha256, THEN).await.expect("the disk takes it");
}

async fn large(store: &Store, pieces: u32) {
    let geometry = Geometry::new(u64::from(pieces) * u64::from(PIECE), PIECE).expect("it fits");
    let first = Bytes::from(vec![0; PIECE as usize]);
    let digests: Vec<ChunkDigest> = (0..pieces)
        .map(|index| {
            let other = Sha256::of(&index.to_le_bytes());
            let digest = if index == 0 { Sha256::of(&first) } else { other };
            ChunkDigest::from_bytes(*digest.as_bytes())
        })
        .collect();
    let root = merkle::root(ChunkAlgorithm::FixedSizeMerkleV0, &digests).expect("there are some");
    let list = Arc::new(PieceList::prove(geometry, root, digests).expect("it is its own root"));
    let reservation = Reservation {
        manifest: Bytes::from_static(b"none"),
        manifest_sha256: Sha256::of(b"none"),
        artifact: Sha256::of(b"large"),
        model_id: Id::parse("large").expect("it is an id"),
        model_version: Version::parse("1").expect("it is a version"),
        geometry,
        root,
        output: None,
    };
    keep(store, reservation, &list, &first, 1).await;
}

/// Keeps at most `most` pieces of an artifact.
async fn keep(
    store: &Store,
    reservation: Reservation,
    list: &Arc<PieceList>,
    bytes: &Bytes,
    most: u32,
) {
    let artifact = reservation.artifact;
    store.reserve(reservation, THEN).await.expect("it fits");
    store.learn(artifact, Arc::clone(list)).await.expect("the list is the artifact's");
    let geometry = list.geometry();
    for index in geometry.indices().take(most as usize) {
        let from = usize::try_from(geometry.offset(index)).expect("the artifact is in memory");
        let bytes = bytes.slice(from..from + geometry.length(index) as usize);
        let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
        let piece = list.verify(arrived).expect("the piece is genuine");
        store.keep(artifact, piece).await.expect("the disk takes it");
    }
    store.release(artifact);
}
