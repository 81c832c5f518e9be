//! How much of its lines an import uses: the first look at the goals that the benchmark measures.

use std::time::Duration;

use simulator::{Line, Machine, Outcome, Scenario};

use crate::{KIB, MIB, play};

/// What share of two lines of that rate an import of so much uses, the round trips being those.
fn used(mbit: u64, round_trips: [u64; 2], bytes: u32) -> f64 {
    let server = |ms| Machine::server(Line::of(mbit, Duration::from_millis(ms)));
    let mut importer = Machine::importer([1, 2]);
    importer.line.delay = Duration::ZERO;
    let machines = [importer, server(round_trips[0]), server(round_trips[1])];
    let mut scenario = Scenario::of(bytes / (256 * KIB), 256 * KIB, machines);
    // A line that stands between two programs on one machine: connecting takes no time, and the
    // window is that of the proxy's buffers.
    scenario.handshake = 1;
    scenario.window = 4 << 20;
    let report = play(&scenario);
    let import = report.import(0);
    assert_eq!(import.outcome, Outcome::Done);
    let least = scenario.bytes as f64 / (mbit * 2 * 125_000) as f64;
    let used = least / import.time.as_secs_f64();
    println!(
        "{mbit} Mbit/s at {round_trips:?} ms: {used:.3} of both lines, {:?}, {} bytes wasted",
        import.time, import.wasted
    );
    used
}

#[test]
fn lines_of_100_mbit_at_10_and_100_ms_are_used() {
    assert!(used(100, [10, 100], 64 * MIB) >= 0.93);
}

#[test]
fn lines_of_100_mbit_at_200_and_200_ms_are_used() {
    assert!(used(100, [200, 200], 64 * MIB) >= 0.80);
}

#[test]
fn lines_of_50_mbit_at_60_ms_are_used() {
    assert!(used(50, [60, 60], 16 * MIB) >= 0.86);
}
