//! What was seen when the engine before this one ran, or was read from its code: each by its name.

use std::time::Duration;

use simulator::{Have, Line, Machine, Outcome, Rogue, Scenario, Serving, Turn};

use crate::{KIB, MIB, play};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn drops() -> Machine {
    Machine::rogue(Rogue::Trickle(1, s(5)))
}

fn honest() -> Machine {
    Machine::server(Line::of(20, Duration::from_millis(20)))
}

#[test]
fn a_trickler_beside_an_honest_peer_of_unknown_rate_does_not_keep_the_piece() {
    // The trickler is asked first, and the honest one joins before it has shown its rate.
    let mut honest = honest();
    honest.line.delay = Duration::from_millis(150);
    let scenario = Scenario::of(1, 256 * KIB, [Machine::importer([1, 2]), drops(), honest]);
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.time < s(10), "{:?}", import.time);
    assert_eq!(import.given[2], 1);
}

#[test]
fn a_few_tricklers_with_large_pieces_do_not_take_the_room_of_an_honest_peer() {
    let machines = [Machine::importer([1, 2, 3, 4, 5]), drops(), drops(), drops(), drops(), {
        let mut honest = honest();
        honest.line.delay = Duration::from_millis(100);
        honest
    }];
    let scenario = Scenario::of(8, 16 * MIB, machines);
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    // 128 MiB at 2.5 MB a second are 54 s.
    assert!(import.time < s(80), "{:?}", import.time);
}

#[test]
fn an_importer_killed_behind_a_line_that_froze_twice_gets_in_at_once_on_a_good_line() {
    // It comes again after a while, and at once, while its line still seems to take bytes.
    for (pace, upload) in [(10, 0), (1, 0), (1, 100_000)] {
        let server = honest().serving(|serve| serve.upload = upload);
        let importer = |start| {
            let mut machine = Machine::importer([0]).importing(|import| import.start = s(start));
            machine.line = Line::of(8, Duration::from_millis(20));
            machine
        };
        let mut machines = vec![server, importer(0), importer(pace), importer(2 * pace)];
        (machines[2].same_as, machines[3].same_as) = (Some(1), Some(1));
        let end = |start: u64| (start + pace) as f64 - 0.2;
        let scenario = Scenario::of(40, 64 * KIB, machines)
            .then(end(0) - 0.1, Turn::Freeze(1))
            .then(end(0), Turn::Stop(1))
            .then(end(pace) - 0.1, Turn::Freeze(2))
            .then(end(pace), Turn::Stop(2));
        let import = play(&scenario).import(3).clone();
        assert_eq!(import.outcome, Outcome::Done);
        let first = import.first.unwrap();
        // Half of the limit goes to the connection that is dead still: 64 KiB take 1.3 s.
        assert!(first < s(2), "{pace}: {first:?}");
        assert!(import.sentences.is_empty(), "{pace}: {:?}", import.sentences);
    }
}

#[test]
fn a_snubbed_peer_that_answers_is_not_asked_twice_for_a_piece() {
    // It answers after six seconds, each time: snubbed, then an answer, then asked again.
    let late = Machine::rogue(Rogue::Trickle(64 << 10, s(6)));
    let mut machines = vec![Machine::importer([1, 2]), late, honest()];
    machines[2].line = Line::slow(20_000);
    play(&Scenario::of(12, 64 * KIB, machines));
}

#[test]
fn a_slow_reader_of_large_pieces_does_not_take_the_read_ahead_of_others() {
    let mut slow = Machine::importer([0]);
    slow.line = Line::slow(4_000);
    let mut machines =
        vec![Machine::server(Line::of(400, Duration::from_millis(2))), slow.clone(), slow];
    machines[2].same_as = Some(1);
    machines.extend((0..3).map(|_| Machine::importer([0])));
    let mut scenario = Scenario::of(6, 16 * MIB, machines);
    // What the slow ones take is not waited for.
    scenario.until = s(60);
    let report = simulator::run(&scenario);
    assert_eq!(report.fault, None);
    for fast in 3..6 {
        let import = report.import(fast);
        assert_eq!(import.outcome, Outcome::Done);
        // 3 × 96 MiB at 50 MB a second are 6 s.
        assert!(import.time < s(9), "{:?}", import.time);
    }
}

#[test]
fn a_slow_peer_that_gives_the_piece_list_keeps_nobody_waiting() {
    // Of a million pieces the list is 32 MiB: an hour on this line.
    let mut slow = Machine::server(Line::slow(10_000));
    slow.line.delay = Duration::ZERO;
    let importer = Machine::importer([1, 2]).importing(|import| import.have = Have::None);
    let fast = Machine::server(Line::of(8, Duration::from_millis(40)));
    let mut scenario = Scenario::of(1_000_000, 16 * KIB, [importer, slow, fast]);
    scenario.until = s(20);
    let report = simulator::run(&scenario);
    assert_eq!(report.fault, None);
    let import = report.import(0);
    assert!(import.first.is_some_and(|first| first < s(1)), "{:?}", import.first);
    // 1 MB a second for 20 s are 1,200 pieces, some of it goes to the list at last.
    assert!(import.given[2] > 900, "{:?}", import.given);
}

#[test]
fn consent_for_one_peer_that_ends_leaves_the_import_to_the_others() {
    for turn in [Turn::Deny(0, 1), Turn::Expire(0, 1)] {
        let scenario = Scenario::of(60, 256 * KIB, [Machine::importer([1, 2]), honest(), honest()])
            .then(1.0, turn);
        let import = play(&scenario).import(0).clone();
        assert_eq!(import.outcome, Outcome::Done);
        assert!(import.given[2] > 30, "{:?}", import.given);
    }
}

#[test]
fn a_low_limit_does_not_look_like_silence() {
    let server = honest().serving(|serve| serve.upload = 4 << 10);
    let scenario = Scenario::of(2, 256 * KIB, [Machine::importer([1]), server]);
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.sentences.is_empty(), "{:?}", import.sentences);
    // 512 KiB at 4 KiB a second, to 5 %.
    assert!((122..136).contains(&import.time.as_secs()), "{:?}", import.time);
}

#[test]
fn a_stranger_that_calls_a_thousand_times_keeps_nobody_out() {
    let stranger = Machine::rogue(Rogue::Stranger(1, 1_000));
    let mut importer = Machine::importer([1]);
    importer.import.as_mut().unwrap().start = Duration::from_millis(500);
    let server = Machine { serve: Some(Serving::default()), ..honest() };
    let scenario = Scenario::of(8, 256 * KIB, [importer, server, stranger]);
    let import = play(&scenario).import(0).clone();
    assert!(import.first.is_some_and(|first| first < s(2)), "{:?}", import.first);
}
