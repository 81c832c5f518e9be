//! Consent that ends, cancels that cross, disks that fill up, machines that sleep.

use std::time::Duration;

use engine::import::Patience;
use simulator::{Disk, Have, Line, Machine, Outcome, Rogue, Scenario, Turn};

use crate::{KIB, MIB, play};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn honest() -> Machine {
    Machine::server(Line::of(20, Duration::from_millis(20)))
}

#[test]
fn a_cancel_that_crosses_the_block_costs_nobody_the_connection() {
    // The slow one is raced for its last pieces, and its blocks are on their way when it is told.
    for delay in [1, 20, 150, 400] {
        let mut slow = Machine::server(Line::slow(60_000));
        slow.line.delay = Duration::from_millis(delay);
        let scenario = Scenario::of(24, 256 * KIB, [Machine::importer([1, 2]), slow, honest()]);
        let import = play(&scenario).import(0).clone();
        assert_eq!(import.outcome, Outcome::Done);
        assert!(import.banned.is_empty());
        assert!(import.wasted <= 512 << 10, "{} bytes for nothing", import.wasted);
    }
}

#[test]
fn a_grant_that_ends_between_the_check_and_the_block_ends_the_sending() {
    // Two pieces are past the check and wait for the line when the grant is taken back.
    let server = Machine::server(Line::slow(100_000));
    let scenario =
        Scenario::of(40, 256 * KIB, [Machine::importer([1]), server]).then(4.0, Turn::Revoke(1, 0));
    let report = play(&scenario);
    let import = report.import(0);
    assert!(matches!(import.outcome, Outcome::Exhausted(_)), "{import:?}");
    // What was sent until then, and what the writer and the line had of one piece.
    assert!(report.sent[1] < 400_000 + (1 << 20) + (256 << 10), "{}", report.sent[1]);
    assert!(import.banned.is_empty());
}

#[test]
fn consent_that_is_used_up_is_never_overdrawn() {
    let importer = Machine::importer([1]).importing(|import| {
        import.consent.insert(1, 5 * 256 * 1_024 + 1_000);
    });
    let report = play(&Scenario::of(40, 256 * KIB, [importer, honest()]));
    assert_eq!(report.import(0).kept, 5);
    assert!(matches!(report.import(0).outcome, Outcome::Exhausted(_)));
}

#[test]
fn a_disk_that_is_full_holds_the_import_until_there_is_room() {
    let mut importer = Machine::importer([1]);
    importer.disk = Disk { room: Some(10 << 20), ..Disk::default() };
    let scenario =
        Scenario::of(96, 256 * KIB, [importer, honest()]).then(400.0, Turn::Room(0, None));
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.time >= s(400));
    let said = |(_, sentence): &(Duration, String)| sentence.contains("disk");
    assert!(import.sentences.iter().any(said), "{:?}", import.sentences);
}

#[test]
fn nobody_is_blamed_for_the_hour_that_the_machine_slept() {
    let scenario = Scenario::of(96, 256 * KIB, [Machine::importer([1, 2]), honest(), honest()])
        .then(2.0, Turn::Sleep(0, s(3_600)));
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.time < s(3_600 + 60), "{:?}", import.time);
    assert!(import.banned.is_empty());
}

#[test]
fn stop_while_a_verdict_is_out_ends_the_import() {
    let mut importer = Machine::importer([1]);
    importer.disk.hash = 1 << 20;
    let scenario = Scenario::of(40, 256 * KIB, [importer, honest()]);
    for at in [0.05, 0.3, 0.5, 1.0, 2.0] {
        let report = play(&scenario.clone().then(at, Turn::Stop(0)));
        assert_eq!(report.import(0).outcome, Outcome::Stopped);
    }
}

#[test]
fn a_slow_disk_is_waited_for() {
    let mut importer = Machine::importer([1]);
    importer.disk.rate = 100_000;
    let report = play(&Scenario::of(64, 256 * KIB, [importer, honest()]));
    assert_eq!(report.import(0).outcome, Outcome::Done);
}

#[test]
fn a_server_whose_disk_fails_is_no_liar() {
    let scenario = Scenario::of(64, 256 * KIB, [Machine::importer([1, 2]), honest(), honest()])
        .then(1.0, Turn::Fails(1));
    let import = play(&scenario).import(0).clone();
    assert_eq!(import.outcome, Outcome::Done);
    assert!(import.banned.is_empty());
}

#[test]
fn limits_change_while_pieces_are_under_way() {
    let scenario = Scenario::of(32, MIB, [Machine::importer([1]), honest()])
        .then(1.0, Turn::Limits(0, 0, 0))
        .then(3.0, Turn::Limits(0, 48 << 20, 500_000))
        .then(6.0, Turn::Uploads(1, 400_000, 200_000))
        .then(20.0, Turn::Uploads(1, 0, 0));
    assert_eq!(play(&scenario).import(0).outcome, Outcome::Done);
}

#[test]
fn an_import_that_waits_goes_on_when_a_peer_lets_it_have_the_model() {
    for patience in [Patience::Forever, Patience::Wait(s(3_600))] {
        let importer = Machine::importer([1, 2]).importing(|import| import.patience = patience);
        let liar = Machine::rogue(Rogue::Liar(0));
        let scenario = Scenario::of(8, 256 * KIB, [importer, honest(), liar])
            .then(0.0, Turn::Revoke(1, 0))
            .then(3_000.0, Turn::Grant(1, 0));
        let import = play(&scenario).import(0).clone();
        assert_eq!(import.outcome, Outcome::Done);
        assert!(import.time < s(3_035), "{:?}", import.time);
        assert_eq!(import.bans(), [2], "a liar is not called again");
        let (_, wait) = import.sentences.last().unwrap();
        assert!(wait.contains("does not share this model with you now"), "{wait}");
    }
}

#[test]
fn a_few_missing_pieces_of_many_need_no_list() {
    let missing = vec![7, 99_000, 531_002];
    let importer =
        Machine::importer([1]).importing(|import| import.have = Have::AllBut(missing.clone()));
    let report = play(&Scenario::of(600_000, 16 * KIB, [importer, honest()]));
    // The list would be 19 MB: eight seconds.
    assert!(report.import(0).time < s(2), "{:?}", report.import(0).time);
}
