//! How a library takes a model of a million pieces: `cargo run --release -p benches --example
//! million -- FOLDER`, once to make it, and again to open it as a process does that begins.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use app::ports::{PieceStore as _, Reservation};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use store::Store;
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Sha256};

const PIECES: u32 = 1_000_000;
/// Less than any manifest can name, so that it is made in a minute.
const PIECE: u32 = 64;
const WAITING: usize = 4_096;

fn main() {
    let folder = std::env::args().nth(1).expect("say where");
    let folder = Path::new(&folder);
    if !folder.join("store").exists() {
        let began = Instant::now();
        make(folder);
        println!("made in {:.1?}", began.elapsed());
        return;
    }
    let began = Instant::now();
    let store = Store::open(folder, "bench").expect("it opens");
    println!("opened in {:.1?}, {}", began.elapsed(), peak());
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let began = Instant::now();
    let models = runtime.block_on(store.models()).expect("it answers");
    println!("listed in {:.1?}, {}", began.elapsed(), peak());
    let [model] = &models[..] else { panic!("there is one model") };
    let began = Instant::now();
    let map =
        runtime.block_on(store.map(model.artifact)).expect("it answers").expect("it is there");
    println!(
        "{} pieces kept, {} in the map, told in {:.1?}",
        model.have.count(),
        map.len(),
        began.elapsed()
    );
    let began = Instant::now();
    let accounts = runtime.block_on(store.accounts()).expect("it answers");
    println!("index {} bytes, accounts in {:.1?}", accounts.index, began.elapsed());
    drop(map);
    let began = Instant::now();
    drop(store);
    println!("closed in {:.1?}, {}", began.elapsed(), peak());
}

fn make(folder: &Path) {
    let mut bytes = vec![0; (PIECES * PIECE) as usize];
    for (piece, number) in bytes.chunks_mut(PIECE as usize).zip(0_u32..) {
        piece[..4].copy_from_slice(&number.to_le_bytes());
    }
    let bytes = Bytes::from(bytes);
    let geometry = Geometry::new(bytes.len() as u64, PIECE).expect("it can be cut so");
    let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).expect("so too");
    stream.update(&bytes);
    let (digests, root) = stream.finish().expect("all is there");
    let list = Arc::new(PieceList::prove(geometry, root, digests).expect("it is its own root"));
    let artifact = Sha256::of(&bytes);
    let reservation = Reservation {
        manifest: Bytes::from_static(b"none"),
        manifest_sha256: Sha256::of(b"none"),
        artifact,
        model_id: Id::parse("million").expect("it is an id"),
        model_version: Version::parse("1").expect("it is a version"),
        geometry,
        root,
        output: None,
    };
    let store = Store::open(folder, "bench").expect("it opens");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        store.reserve(reservation, UtcTime::from_unix(0)).await.expect("it fits");
        store.learn(artifact, Arc::clone(&list)).await.expect("the list is the artifact's");
        let keeps = geometry.indices().map(|index| {
            let from = usize::try_from(geometry.offset(index)).expect("it is in memory");
            let bytes = bytes.slice(from..from + PIECE as usize);
            let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
            store.keep(artifact, list.verify(arrived).expect("the piece is genuine"))
        });
        let mut kept = stream::iter(keeps).buffer_unordered(WAITING);
        while let Some(kept) = kept.next().await {
            kept.expect("the disk takes it");
        }
        store.release(artifact);
    });
}

/// The most memory that this process had so far.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.map_or_else(|| "memory not known".to_owned(), |line| line.replace('\t', " "))
}
