//! Many to many, and many at all.

use std::time::Duration;

use simulator::{Have, Line, Machine, Outcome, Rogue, Scenario, Turn, run, verdict};

use crate::{KIB, MIB, play};

/// Importers of one source that sends 1 MiB a second, each in the requests of all others.
struct Circle {
    importers: usize,
    pieces: u32,
    seed: u64,
}

impl Circle {
    fn line() -> Line {
        Line::of(1_000, Duration::from_millis(2))
    }

    fn scenario(&self) -> Scenario {
        let source = Machine::server(Self::line()).serving(|serve| serve.upload = u64::from(MIB));
        let importer = |me: usize| {
            let others = (0..=self.importers).filter(|other| *other != me);
            let importer = Machine { line: Self::line(), ..Machine::importer(others) };
            importer.serving(|serve| serve.have = Have::None)
        };
        let machines = [source].into_iter().chain((1..=self.importers).map(importer));
        Scenario { seed: self.seed, ..Scenario::of(self.pieces, 256 * KIB, machines) }
    }

    /// How much longer all of these take than the source takes to send all once, and how often it sends
    /// all.
    fn took(scenario: &Scenario, importers: impl IntoIterator<Item = usize>) -> (f64, f64) {
        let report = run(scenario);
        assert_eq!(report.fault, None);
        let imports: Vec<_> = importers.into_iter().map(|at| report.import(at)).collect();
        assert!(imports.iter().all(|import| import.outcome == Outcome::Done), "{imports:?}");
        let last = imports.iter().map(|import| import.time).max().unwrap();
        let once = scenario.bytes as f64 / f64::from(MIB);
        (last.as_secs_f64() / once, report.sent[0] as f64 / scenario.bytes as f64)
    }
}

#[test]
fn one_source_sends_its_importers_each_piece_about_once() {
    for (pieces, importers) in
        [(32, 2), (32, 3), (32, 5), (32, 16), (64, 2), (64, 5), (64, 16), (256, 5)]
    {
        let circle = Circle { importers, pieces, seed: u64::from(pieces) };
        let (ratio, sent) = Circle::took(&circle.scenario(), 1..=importers);
        println!(
            "{importers} importers, {pieces} pieces: {ratio:.2} of the time, {sent:.2} artifacts sent"
        );
        assert!(ratio <= 1.1, "{ratio:.2} times the time");
        assert!(sent <= 1.1, "the source sent {sent:.2} artifacts");
    }
}

#[test]
fn an_importer_that_is_gone_leaves_its_part_to_the_others() {
    let circle = Circle { importers: 5, pieces: 32, seed: 1 };
    let (ratio, _) = Circle::took(&circle.scenario().then(4.0, Turn::Down(2)), [1, 3, 4, 5]);
    assert!(ratio <= 1.5, "{ratio:.2} times the time");
}

#[test]
fn a_slow_importer_does_not_hold_up_the_others() {
    for pieces in [32, 64] {
        let mut scenario = Circle { importers: 5, pieces, seed: 1 }.scenario();
        scenario.machines[2].line = Line::slow(50_000);
        scenario.until = Duration::from_secs(60);
        let (ratio, _) = Circle::took(&scenario, [1, 3, 4, 5]);
        assert!(ratio <= 1.6, "{ratio:.2} times the time");
    }
}

#[test]
fn an_importer_alone_among_peers_that_do_not_answer_waits_for_none_of_them() {
    let mut scenario = Circle { importers: 5, pieces: 32, seed: 1 }.scenario();
    for other in 2..=5 {
        scenario.machines[other] = Machine::rogue(Rogue::Silent);
    }
    let (ratio, _) = Circle::took(&scenario, [1]);
    assert!(ratio <= 1.1, "{ratio:.2} times the time");
}

#[test]
fn importers_that_come_one_after_the_other_share_all_the_same() {
    let mut scenario = Circle { importers: 5, pieces: 64, seed: 1 }.scenario();
    for (machine, wait) in scenario.machines.iter_mut().zip(0..) {
        if let Some(import) = &mut machine.import {
            import.start = Duration::from_secs(wait);
        }
    }
    let (_, sent) = Circle::took(&scenario, 1..=5);
    assert!(sent <= 1.5, "the source sent {sent:.2} artifacts");
}

#[test]
fn who_joins_late_shares_what_is_left() {
    for (pieces, importers) in [(50, 2), (64, 3), (256, 5)] {
        for part in [0.1, 0.3, 0.6, 0.8] {
            let mut scenario = Circle { importers, pieces, seed: 1 }.scenario();
            // Nobody answers at its address before, and the others call it less and less.
            let joins = f64::from(pieces) / 4.0 * part;
            let import = scenario.machines[importers].import.as_mut().unwrap();
            import.start = Duration::from_secs_f64(joins + 0.001);
            let off = scenario.then(0.0, Turn::Down(importers));
            let (_, sent) = Circle::took(&off.then(joins, Turn::Up(importers)), 1..=importers);
            println!(
                "the last of {importers} joins after {part} of the time: {sent:.2} artifacts sent"
            );
            assert!(sent <= 1.2, "the source sent {sent:.2} artifacts");
        }
    }
}

#[test]
fn importers_that_go_on_with_the_same_pieces_part_again() {
    for (pieces, importers) in [(50, 2), (64, 3), (256, 5)] {
        let middle = (pieces / 3..pieces * 2 / 3).collect();
        let front = (0..pieces / 2).collect();
        for have in [Have::These(middle), Have::These(front), Have::Every(1, 3)] {
            let mut scenario = Circle { importers, pieces, seed: 1 }.scenario();
            for machine in &mut scenario.machines[1..] {
                machine.import.as_mut().unwrap().have = have.clone();
                machine.serve.as_mut().unwrap().have = have.clone();
            }
            let (_, sent) = Circle::took(&scenario, 1..=importers);
            println!("{importers} importers of {pieces} go on: {sent:.2} artifacts sent");
            assert!(sent <= 0.96, "the source sent {sent:.2} artifacts");
        }
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

#[test]
fn behind_a_slow_line_with_a_long_queue_pieces_are_not_taken_over_again_and_again() {
    for (importers, most) in [(5, 1.2), (12, 1.9)] {
        let mut scenario = Circle { importers, pieces: 64, seed: 1 }.scenario();
        // What is on its way to the second machine takes 20 seconds and more.
        scenario.machines[2].line.down = 50_000;
        let report = run(&scenario);
        assert_eq!(report.fault, None);
        let slow = report.import(2);
        assert_eq!(slow.outcome, Outcome::Done, "{slow:?}");
        let ratio = slow.time.as_secs_f64() * 50_000.0 / scenario.bytes as f64;
        let sent = report.sent.iter().sum::<u64>() as f64 / scenario.bytes as f64;
        let wasted = sent - importers as f64;
        println!("{importers} importers: {ratio:.2} of the time, {wasted:.2} artifacts wasted");
        assert!(ratio < most, "{ratio:.2} times the time");
        assert!(wasted < most - 0.9, "{wasted:.2} artifacts wasted");
    }
}
