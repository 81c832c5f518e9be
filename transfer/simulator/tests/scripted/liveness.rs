//! Progress is bytes: who holds the last piece, who goes and comes back, who lies.

use std::time::Duration;

use engine::import::Patience;
use simulator::{Have, Line, Machine, Outcome, Rogue, Scenario, Turn};

use crate::{KIB, play};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn honest() -> Machine {
    Machine::server(Line::of(20, Duration::from_millis(20)))
}

fn without(piece: u32) -> Machine {
    honest().serving(|serve| serve.have = Have::AllBut(vec![piece]))
}

#[test]
fn the_only_holder_lies_and_the_import_ends_at_once() {
    let liar = Machine::rogue(Rogue::Liar(0));
    let report = play(&Scenario::of(8, 256 * KIB, [Machine::importer([1]), liar]));
    let import = report.import(0);
    assert!(matches!(import.outcome, Outcome::Exhausted(_)), "{import:?}");
    assert_eq!(import.bans(), [1]);
    assert!(import.time < s(5), "{:?}", import.time);
}

#[test]
fn the_only_holder_of_one_piece_lies_and_the_others_give_theirs() {
    let machines =
        [Machine::importer([1, 2, 3]), Machine::rogue(Rogue::Liar(0)), without(5), without(5)];
    let import = play(&Scenario::of(40, 256 * KIB, machines)).import(0).clone();
    assert!(matches!(import.outcome, Outcome::Exhausted(_)), "{import:?}");
    assert_eq!((import.kept, import.bans()), (39, vec![1]));
}

#[test]
fn all_peers_go_and_come_back() {
    let scenario = Scenario::of(200, 256 * KIB, [Machine::importer([1, 2]), honest(), honest()])
        .then(2.0, Turn::Down(1))
        .then(2.5, Turn::Down(2))
        .then(40.0, Turn::Up(1))
        .then(50.0, Turn::Up(2));
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.time < s(40 + 40), "{:?}", import.time);
}

#[test]
fn the_last_piece_held_by_a_silent_peer_ends_the_import_with_its_patience() {
    let machines = [Machine::importer([1, 2]), Machine::rogue(Rogue::Mute), without(5)];
    let import = play(&Scenario::of(40, 256 * KIB, machines)).import(0).clone();
    let Outcome::Exhausted(why) = &import.outcome else { panic!("{import:?}") };
    assert_eq!(import.kept, 39);
    assert!(import.time - import.last_byte >= s(60), "{why}");
    assert!(import.time < s(120), "{:?}", import.time);
    assert!(!import.sentences.is_empty());
}

#[test]
fn the_last_piece_held_by_a_busy_peer_comes_when_it_has_a_place() {
    // One place: the other importer has it until it is done.
    let busy = Machine::server(Line::slow(400_000)).serving(|serve| serve.connections = 1);
    let first = Machine::importer([1]);
    let second = Machine::importer([1, 3]).importing(|import| {
        import.start = s(1);
        import.patience = Patience::For(s(120));
    });
    let scenario = Scenario::of(40, 256 * KIB, [first, busy, second, without(5)]);
    let report = play(&scenario);
    assert_eq!(report.import(0).outcome, Outcome::Done);
    assert_eq!(report.import(2).outcome, Outcome::Done);
    assert_eq!(report.import(2).given[1], 1);
}

#[test]
fn one_that_sends_slowly_but_above_the_floor_is_not_given_up() {
    // One piece of 256 KiB at 2 KiB a second takes two minutes.
    let scenario =
        Scenario::of(2, 256 * KIB, [Machine::importer([1]), Machine::server(Line::slow(2_048))]);
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert_eq!(import.asks, 2);
}

#[test]
fn one_that_hangs_up_after_every_piece_gives_all_of_them() {
    let machines = [Machine::importer([1]), Machine::rogue(Rogue::HangsUp(1))];
    let import = play(&Scenario::of(10, 256 * KIB, machines)).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
}

#[test]
fn one_that_never_gives_a_piece_does_not_keep_an_import_alive() {
    let machines = [Machine::importer([1]), Machine::rogue(Rogue::HangsUp(0))];
    let scenario = Scenario::of(10, 1_024 * KIB, machines);
    let import = play(&scenario).import(0).clone();
    assert!(matches!(import.outcome, Outcome::Exhausted(_)), "{import:?}");
}

#[test]
fn a_frozen_line_is_noticed_within_half_a_minute() {
    let scenario = Scenario::of(200, 256 * KIB, [Machine::importer([1, 2]), honest(), honest()])
        .then(1.0, Turn::Freeze(1));
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    // 50 MiB over one line of 2.5 MB a second are 21 s.
    assert!(import.time < s(26), "{:?}", import.time);
}

#[test]
fn connections_that_break_again_and_again_are_made_again() {
    let mut scenario = Scenario::of(200, 256 * KIB, [Machine::importer([1]), honest()]);
    for turn in 1..20 {
        scenario = scenario.then(f64::from(turn) * 2.0, Turn::Reset(1));
    }
    assert_eq!(play(&scenario).import(0).outcome, Outcome::Done);
}

#[test]
fn every_rogue_alone_ends_the_import_and_beside_an_honest_peer_does_not_matter() {
    let rogues = [
        Rogue::Silent,
        Rogue::Mute,
        Rogue::Trickle(1, s(5)),
        Rogue::Trickle(4_000, s(1)),
        Rogue::Liar(3),
        Rogue::FalseProof,
        Rogue::NotLetIn,
        Rogue::Busy,
        Rogue::NotServed,
        Rogue::Failing,
        Rogue::Geometry,
        Rogue::Version(0),
        Rogue::Version(9),
        Rogue::Bytes(vec![9; 40]),
        Rogue::HaveFlood,
        Rogue::PingFlood,
        Rogue::Unasked,
    ];
    for rogue in rogues {
        let with = |more: Option<Machine>| {
            let machines = [Machine::importer([1, 2]), Machine::rogue(rogue.clone())];
            Scenario::of(24, 256 * KIB, machines.into_iter().chain(more))
        };
        let mut alone = with(None);
        alone.machines[0].import.as_mut().unwrap().from = vec![1];
        let import = play(&alone).import(0).clone();
        let slow = matches!(rogue, Rogue::Trickle(4_000, _));
        assert_eq!(import.outcome == Outcome::Done, slow, "{rogue:?}: {import:?}");
        let import = play(&with(Some(honest()))).import(0).clone();
        assert_eq!(import.outcome, Outcome::Done, "{rogue:?}");
        assert!(import.time < s(15), "{rogue:?}: {:?}", import.time);
    }
}
