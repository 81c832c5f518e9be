//! SHA-256 of several messages at once, in every way that this processor has, for every number of
//! messages that one of them takes in another manner. The crate `sha2` is the way "one at a time".

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanes::Way;

/// The length of a message, in bytes.
const MESSAGE: usize = 256 << 10;

fn ways(c: &mut Criterion) {
    let bytes: Vec<u8> = (0..16 * MESSAGE).map(|at| (at ^ (at >> 9)) as u8).collect();
    for way in Way::all() {
        let mut group = c.benchmark_group(way.to_string());
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(200));
        group.measurement_time(Duration::from_secs(1));
        for count in [1, 2, 3, 4, 5, 8, 12, 16] {
            let messages = &bytes[..count * MESSAGE];
            group.throughput(Throughput::Bytes(messages.len() as u64));
            group.bench_function(BenchmarkId::from_parameter(count), |b| {
                b.iter(|| way.digests(messages.chunks_exact(MESSAGE)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, ways);
criterion_main!(benches);
