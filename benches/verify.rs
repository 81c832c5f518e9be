//! How fast bytes are verified, each beside the raw speed of the hash it uses.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::Digest as _;
use verifier::ChunkAlgorithm;
use verifier::merkle::PieceTree;
use verifier::piece::{ArrivedPiece, PieceList, Source};
use verifier::slm::ChecksumRule;

const ARTIFACT: u64 = 32 << 20;
const PIECE_SIZES: [u32; 4] = [64 << 10, 256 << 10, 1 << 20, 4 << 20];
const ALGORITHMS: [ChunkAlgorithm; 2] =
    [ChunkAlgorithm::FixedSizeMerkleV0, ChunkAlgorithm::Blake3TreeV0];

fn chunks(c: &mut Criterion) {
    let artifact = benches::artifact(ARTIFACT);
    for algorithm in ALGORITHMS {
        let mut group = c.benchmark_group(format!("chunks/{algorithm}"));
        group.throughput(Throughput::Bytes(artifact.len() as u64));
        group.sample_size(20);
        for size in PIECE_SIZES {
            let list = benches::list(algorithm, &artifact, size);
            group.bench_with_input(BenchmarkId::new("verified", size), &list, |b, list| {
                b.iter(|| verify_all(list, &artifact));
            });
            group.bench_with_input(BenchmarkId::new("raw", size), &size, |b, size| {
                b.iter(|| hash_all(algorithm, &artifact, *size as usize));
            });
        }
        group.finish();
    }
}

fn verify_all(list: &PieceList, artifact: &Bytes) {
    for index in list.geometry().indices() {
        let from =
            usize::try_from(list.geometry().offset(index)).expect("the artifact is in memory");
        let bytes = artifact.slice(from..from + list.geometry().length(index) as usize);
        let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
        black_box(list.verify(arrived).expect("the piece is genuine"));
    }
}

fn hash_all(algorithm: ChunkAlgorithm, artifact: &[u8], size: usize) {
    for chunk in artifact.chunks(size) {
        match algorithm {
            ChunkAlgorithm::FixedSizeMerkleV0 => {
                black_box(sha2::Sha256::digest(chunk));
            }
            ChunkAlgorithm::Blake3TreeV0 => {
                black_box(blake3::hash(chunk));
            }
        }
    }
}

fn container(c: &mut Criterion) {
    let artifact = benches::artifact(ARTIFACT);
    let mut group = c.benchmark_group("slm");
    group.throughput(Throughput::Bytes(artifact.len() as u64));
    group.sample_size(20);
    group.bench_function("checksum alone", |b| {
        b.iter(|| {
            let mut checksum = verifier::slm::checksum::RollingChecksum::new();
            checksum.update(&artifact);
            black_box(checksum.finish())
        });
    });
    group.bench_function("scan alone", |b| {
        b.iter(|| {
            let mut scan = verifier::slm::Scan::new(artifact.len() as u64);
            scan.update(&artifact);
            black_box(scan.finish(None).expect("the sample is valid"))
        });
    });
    group.bench_function("validate", |b| {
        b.iter(|| {
            black_box(verifier::slm::validate(&artifact, ChecksumRule::Verify).expect("valid"))
        });
    });
    group.finish();
}

fn tree(c: &mut Criterion) {
    let digests: Vec<_> = (0..100_000_u32)
        .map(|i| {
            verifier::digest::ChunkDigest::from_bytes(sha2::Sha256::digest(i.to_le_bytes()).into())
        })
        .collect();
    let mut group = c.benchmark_group("tree of 100,000");
    group.sample_size(10);
    for algorithm in ALGORITHMS {
        group.bench_function(format!("root/{algorithm}"), |b| {
            b.iter(|| black_box(verifier::merkle::root(algorithm, &digests)));
        });
        let tree = PieceTree::new(algorithm, &digests).expect("there are digests");
        let proof = tree.proof(54_321).expect("the piece is there");
        group.bench_function(format!("proof/{algorithm}"), |b| {
            b.iter(|| proof.verify(digests[54_321], 54_321, 100_000, tree.root()));
        });
    }
    group.finish();
}

criterion_group!(benches, chunks, container, tree);
criterion_main!(benches);
