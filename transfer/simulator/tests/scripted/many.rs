//! Many to many, and many at all.

use std::time::Duration;

use simulator::{Have, Line, Machine, Outcome, Rogue, Scenario, Serving, run, verdict};

use crate::{KIB, MIB, play};

/// How much longer five importers of one source take that serve each other than one alone, and how
/// many artifacts the source sends.
fn five_importers(pieces: u32, seed: u64) -> (f64, f64) {
    let source = || {
        Machine::server(Line::of(1_000, Duration::from_millis(2)))
            .serving(|serve| serve.upload = u64::from(8 * MIB))
    };
    let line = Line::of(1_000, Duration::from_millis(2));
    let alone = [source(), Machine { line, ..Machine::importer([0]) }];
    let one = play(&Scenario::of(pieces, 256 * KIB, alone)).import(1).time;
    let importer = |me: usize| {
        let others = (0..6).filter(|other| *other != me);
        let serve = Serving { have: Have::None, ..Serving::default() };
        Machine { line, serve: Some(serve), ..Machine::importer(others) }
    };
    let machines = [source()].into_iter().chain((1..6).map(importer));
    let scenario = Scenario { seed, ..Scenario::of(pieces, 256 * KIB, machines) };
    let report = play(&scenario);
    let last = (1..6).map(|importer| report.import(importer).time).max().unwrap();
    let ratio = last.as_secs_f64() / one.as_secs_f64();
    let sent = report.sent[0] as f64 / scenario.bytes as f64;
    let wasted = (1..6).map(|importer| report.import(importer).wasted).max().unwrap();
    println!(
        "five importers, {pieces} pieces, seed {seed}: {ratio:.2} of one's time, {sent:.2} artifacts sent, {wasted} bytes wasted"
    );
    (ratio, sent)
}

#[test]
fn five_importers_of_one_source_share_what_they_have() {
    for (pieces, seed) in [64, 64, 64, 64, 256, 256, 512, 1_024].into_iter().zip(1..) {
        let (ratio, sent) = five_importers(pieces, seed);
        assert!(ratio <= 1.8, "{ratio:.2} times one importer's time");
        assert!(sent < 2.5, "the source sent {sent:.2} artifacts");
    }
}

#[test]
fn of_32_peers_with_random_delays_exactly_the_bad_half_is_blamed() {
    let bad = |number: u32| match number % 4 {
        0 => Rogue::Liar(0),
        1 => Rogue::PingFlood,
        2 => Rogue::Unasked,
        _ => Rogue::HaveFlood,
    };
    let machine = |number: u32| {
        let delay = Duration::from_millis(u64::from(number * 37 % 101));
        let line = Line::of(10, delay);
        match number % 2 {
            1 => Machine { line, ..Machine::rogue(bad(number / 2)) },
            _ => Machine::server(line),
        }
    };
    let machines = [Machine::importer(1..33)].into_iter().chain((1..33).map(machine));
    let import = play(&Scenario::of(400, 256 * KIB, machines)).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert_eq!(import.bans(), (1..33).filter(|number| number % 2 == 1).collect::<Vec<_>>());
}

#[test]
fn a_thousand_peers_and_a_hundred_thousand_pieces() {
    let peer = |number: u32| {
        let delay = Duration::from_millis(u64::from(number * 31 % 90));
        let have = if number.is_multiple_of(10) { Have::All } else { Have::Every(number % 7, 7) };
        Machine::server(Line::of(10, delay)).serving(|serve| serve.have = have)
    };
    let mut importer = Machine::importer(1..1_001);
    importer.import.as_mut().unwrap().in_flight = 48 << 20;
    let machines = [importer].into_iter().chain((1..1_001).map(peer));
    let scenario = Scenario::of(100_000, 16 * KIB, machines);
    let report = run(&scenario);
    verdict(&scenario, &report).unwrap();
    assert_eq!(report.import(0).outcome, Outcome::Done);
}
