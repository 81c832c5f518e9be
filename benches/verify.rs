//! How fast bytes are verified, each work beside its raw counterpart: what `minimodel bench verify`
//! measures for users, here with Criterion's statistics.

use std::fs::File;
use std::time::Duration;

use app::bench::{Machine, Plan, Subject, Work};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The artifact's length, in bytes.
const ARTIFACT: u64 = 64 << 20;

fn works(c: &mut Criterion) {
    let artifact = benches::artifact(ARTIFACT);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("bench.slm");
    std::fs::write(&path, &artifact).expect("the disk takes it");
    let subject = Subject::new(artifact, || File::open(&path));
    for work in Work::all(&Plan::thorough(Machine::cores())) {
        let prepared = work.prepare(&subject).expect("the sample is valid");
        let mut group = c.benchmark_group(work.to_string());
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(200));
        group.measurement_time(Duration::from_secs(1));
        group.throughput(if work.counts_bytes() {
            Throughput::Bytes(prepared.amount)
        } else {
            Throughput::Elements(prepared.amount)
        });
        group.bench_function("verified", |b| {
            b.iter(|| (prepared.verified)().expect("what is genuine verifies"));
        });
        group.bench_function("raw", |b| b.iter(|| (prepared.raw)().expect("the file is read")));
        group.finish();
    }
}

criterion_group!(benches, works);
criterion_main!(benches);
