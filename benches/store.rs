//! How fast pieces become durable, beside a plain sequential write and fsync of the same bytes.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use app::ports::{PieceStore as _, Reservation};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures::stream::{FuturesUnordered, StreamExt as _};
use store::Store;
use verifier::piece::{ArrivedPiece, PieceList, Source, VerifiedPiece};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Sha256};

const ARTIFACT: u64 = 256 << 20;
const PIECE: u32 = 256 << 10;
/// Pieces that wait to be kept at the same time, as an import has them.
const WAITING: usize = 64;

fn pieces(artifact: &Bytes, list: &PieceList) -> Vec<VerifiedPiece> {
    let geometry = list.geometry();
    geometry
        .indices()
        .map(|index| {
            let from = usize::try_from(geometry.offset(index)).expect("the artifact is in memory");
            let bytes = artifact.slice(from..from + geometry.length(index) as usize);
            let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
            list.verify(arrived).expect("the piece is genuine")
        })
        .collect()
}

async fn keep(store: &Store, artifact: Sha256, list: &Arc<PieceList>, pieces: Vec<VerifiedPiece>) {
    let reservation = Reservation {
        manifest: Bytes::from_static(b"none"),
        manifest_sha256: artifact,
        artifact,
        model_id: Id::parse("bench").expect("it is an id"),
        model_version: Version::parse("1").expect("it is a version"),
        geometry: *list.geometry(),
        root: list.root(),
        output: None,
    };
    store.reserve(reservation, UtcTime::from_unix(0)).await.expect("it fits");
    store.learn(artifact, Arc::clone(list)).await.expect("the list is the artifact's");
    let mut waiting = FuturesUnordered::new();
    for piece in pieces {
        if waiting.len() == WAITING {
            let kept: Option<Result<_, _>> = waiting.next().await;
            kept.expect("some wait").expect("the disk takes it");
        }
        waiting.push(store.keep(artifact, piece));
    }
    while let Some(kept) = waiting.next().await {
        kept.expect("the disk takes it");
    }
    store.release(artifact);
}

fn durable(c: &mut Criterion) {
    let artifact = benches::artifact(ARTIFACT);
    let sha256 = Sha256::of(&artifact);
    let list = Arc::new(benches::list(ChunkAlgorithm::FixedSizeMerkleV0, &artifact, PIECE));
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let mut group = c.benchmark_group("durable");
    group.throughput(Throughput::Bytes(artifact.len() as u64));
    group.sample_size(10);
    group.bench_function("plain write and fsync", |b| {
        b.iter_batched(
            || tempfile::tempdir().expect("a folder can be made"),
            |folder| {
                let mut file = File::create(folder.path().join("plain")).expect("it can be made");
                for part in artifact.chunks(PIECE as usize) {
                    file.write_all(part).expect("the disk takes it");
                }
                file.sync_all().expect("the disk takes it");
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("pieces kept", |b| {
        b.iter_batched(
            || {
                let folder = tempfile::tempdir().expect("a folder can be made");
                let store = Store::open(folder.path(), "bench").expect("it opens");
                (folder, store, pieces(&artifact, &list))
            },
            |(folder, store, pieces)| {
                runtime.block_on(keep(&store, sha256, &list, pieces));
                (folder, store)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, durable);
criterion_main!(benches);
