//! Whole frames of the window, over a library of a thousand models and one with 100,000 pieces, while
//! the disk is quiet and while it is busy.
//!
//! A frame is all that a window does for one after the pointer moved over the piece map: hear it, make
//! the screen, lay it out, draw it in software, read the pixels.

use benches::Busy;
use criterion::{Criterion, criterion_group, criterion_main};
use desktop::screen::Place;
use iced_test::core::Point;

#[path = "../tests/window/counter.rs"]
mod counter;
#[path = "../tests/window/stage.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod stage;
#[path = "../tests/window/wired.rs"]
mod wired;

const MODELS: u32 = 1_000;
const PIECES: u32 = 100_000;

fn frames(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    benches::library::fill(&data, MODELS, PIECES);
    let mut stage = stage::Stage::open(&data);
    stage.go(Place::Library);
    stage.click("large 1");
    stage.until_said("1 of 100000 pieces kept");
    let mut moved = 0_u16;
    let mut frame = |stage: &mut stage::Stage| {
        moved = (moved + 7) % 300;
        stage.point_at(Point::new(600.0 + f32::from(moved), 500.0));
        stage.picture()
    };
    let mut group = c.benchmark_group("frame of the library");
    group.sample_size(50);
    group.bench_function("quiet disk", |b| b.iter(|| frame(&mut stage)));
    let busy = Busy::start(folder.path());
    group.bench_function("busy disk", |b| b.iter(|| frame(&mut stage)));
    drop(busy);
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
