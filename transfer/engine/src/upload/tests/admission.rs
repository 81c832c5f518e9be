//! Who comes in, and who makes way.

use std::time::Duration;

use super::harness::{KIB, Speed, World, limits, peer, rate, seconds};
use crate::ending::Ending;
use crate::upload::{Caller, Input, Limits, News, TurnedAway};
use crate::wire::{Frame, Hello, Kind, MAX_ASKS, VERSION, close};

#[test]
fn a_thousand_strangers_keep_no_paired_peer_out() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    for number in 0..1_000_u32 {
        world.call(&format!("10.{}.{}.9", 1 + number / 256, number % 256));
    }
    let caller = world.open(1);
    world.ask(caller, [0]);
    assert_eq!(world.taken(caller), 16 * KIB);
    let made_way = |news: &&News| matches!(news, News::TurnedAway(_, None, TurnedAway::MadeWay));
    assert_eq!(world.news.iter().filter(made_way).count(), 1_000 - 31);

    let mut world = World::new(Limits { handshakes: 2, ..limits() }, 2, 16 * KIB);
    let callers = [1, 2, 3].map(|low| world.call(&format!("10.0.0.{low}")));
    assert_eq!(callers.map(|caller| world.is_hung_up(caller)), [true, false, false]);
}

#[test]
fn one_address_has_eight_handshakes_and_its_own_oldest_makes_way() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let other = world.call("192.0.2.1");
    let crowd = (0..9).map(|low| world.call(&format!("2001:db8::{low:x}"))).collect::<Vec<_>>();
    assert!(world.is_hung_up(crowd[0]) && !world.is_hung_up(crowd[1]));
    let mapped = (0..8).map(|_| world.call("::ffff:192.0.2.1")).collect::<Vec<_>>();
    assert!(world.is_hung_up(other) && !world.is_hung_up(mapped[0]));
}

#[test]
fn a_handshake_and_what_follows_it_take_ten_seconds_at_most() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let silent = world.call("192.0.2.1");
    let proved = world.enter(1);
    let greeted = world.enter(2);
    world.say(greeted, Frame::Hello(Hello { version: VERSION, asks: 1 }));
    world.pass(Duration::from_millis(9_999));
    assert!(![silent, proved, greeted].iter().any(|caller| world.is_hung_up(*caller)));
    world.pass(seconds(1));
    assert_eq!(world.turned_away(silent), Some(TurnedAway::HandshakeTooLong));
    for caller in [proved, greeted] {
        assert_eq!(world.fault(caller), Some(Ending::Silent));
    }
}

#[test]
fn an_older_or_newer_program_is_told_so() {
    for (version, is_spoken) in [(0, false), (1, true), (2, true), (u16::MAX, true)] {
        let mut world = World::new(limits(), 2, 16 * KIB);
        let caller = world.enter(1);
        world.say(caller, Frame::Hello(Hello { version, asks: 1 }));
        assert_eq!(world.fault(caller), (!is_spoken).then_some(Ending::Version(version)));
        let heard = world.heard(caller);
        assert!(matches!(heard[0], Frame::Hello(Hello { version: VERSION, .. })));
        assert_eq!(heard.last() == Some(&Frame::Close(close::VERSION)), !is_spoken);
    }
}

#[test]
fn nothing_is_asked_before_the_artifact_is_open() {
    let frames = [Frame::Ask(0), Frame::Learn, Frame::Cancel(0), Frame::Open([7; 32]), Frame::Ping];
    for frame in frames {
        let mut world = World::new(limits(), 2, 16 * KIB);
        let caller = world.enter(1);
        let kind = frame.kind();
        world.say(caller, frame);
        assert_eq!(world.fault(caller), Some(Ending::Unexpected(kind)));
    }
    let mut world = World::new(limits(), 2, 16 * KIB);
    let caller = world.enter(1);
    world.say(caller, Frame::Hello(Hello { version: VERSION, asks: 1 }));
    world.say(caller, Frame::Ask(0));
    assert_eq!(world.fault(caller), Some(Ending::Unexpected(Kind::Ask)));
}

/// A caller that proved who it is says that it opens some artifact.
fn opens(world: &mut World, caller: Caller, artifact: [u8; 32]) {
    world.say(caller, Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS }));
    world.say(caller, Frame::Open(artifact));
}

#[test]
fn two_dead_connections_do_not_hold_a_peers_places() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let [first, second] = [world.open(1), world.open(1)];
    world.pass(seconds(3));
    let busy = world.enter(1);
    opens(&mut world, busy, [8; 32]);
    assert_eq!(world.turned_away(busy), Some(TurnedAway::PeerBusy));
    let heard = world.heard(busy);
    assert!(matches!(heard[..], [Frame::Hello(_), Frame::Close(close::BUSY)]), "{heard:?}");
    world.say(second, Frame::Ping);
    world.pass(seconds(1));
    let third = world.open(1);
    world.ask(third, [0]);
    assert_eq!(world.taken(third), 16 * KIB);
    assert_eq!(world.fault(first), Some(Ending::Silent), "the one that is silent longest");
    assert!(!world.is_hung_up(second));
}

#[test]
fn an_importer_that_was_killed_behind_a_line_that_froze_twice_is_let_in_at_once_the_third_time() {
    // Each time it is sent bytes that nobody takes, so that the line looks busy and not quiet.
    let mut world = World::new(Limits { upload: rate(64 * KIB), ..limits() }, 64, 16 * KIB);
    let mut dead = Vec::new();
    for _ in 0..2 {
        let caller = world.open(1);
        world.speed(caller, Speed::BytesASecond(8 * KIB));
        world.ask(caller, 0..64);
        world.pass(Duration::from_millis(1_500));
        dead.push(caller);
    }
    let other = world.open(2);
    let third = world.open(1);
    assert_eq!(world.turned_away(dead[0]), Some(TurnedAway::CalledAgain));
    let told = Frame::Close(close::DONE);
    assert_eq!(world.heard(dead[0]).last(), Some(&told), "this side is not busy: {told:?}");
    assert!(matches!(world.heard(third)[..], [Frame::Hello(_), Frame::Opened(_)]));
    world.ask(third, [0]);
    world.pass(seconds(2));
    assert_eq!(world.taken(third), 16 * KIB);
    // Nobody but its own peer lost a place, and that one only for each that it opens.
    let fourth = world.open(1);
    assert_eq!(world.turned_away(dead[1]), Some(TurnedAway::CalledAgain));
    assert!(![third, fourth, other].iter().any(|caller| world.is_hung_up(*caller)));
}

#[test]
fn a_peer_has_one_caller_that_has_not_said_what_it_opens_beside_its_two() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let two = [world.open(1), world.open(1)];
    let third = world.enter(1);
    let fourth = world.enter(1);
    assert_eq!(world.turned_away(fourth), Some(TurnedAway::PeerBusy));
    assert!(![two[0], two[1], third].iter().any(|caller| world.is_hung_up(*caller)));
    // Where all places are taken there is none for it either.
    let mut world = World::new(Limits { connections: 2, ..limits() }, 2, 16 * KIB);
    let two = [world.open(1), world.open(1)];
    let third = world.enter(1);
    assert_eq!(world.turned_away(third), Some(TurnedAway::PeerBusy));
    assert!(!two.iter().any(|caller| world.is_hung_up(*caller)));
}

#[test]
fn who_makes_way_does_not_push_the_one_out_that_it_makes_way_for() {
    let mut world = World::new(Limits { handshakes: 2, ..limits() }, 2, 16 * KIB);
    let dead = [world.open(1), world.open(1)];
    world.pass(seconds(4));
    let [third, stranger] = ["10.0.0.1", "192.0.2.1"].map(|from| world.call(from));
    world.input(Input::Proved(third, peer(1)));
    assert!(world.is_hung_up(dead[0]) && !world.is_hung_up(stranger));
    assert!(!world.is_hung_up(third));
}

#[test]
fn a_dead_connection_is_noticed_within_thirty_seconds() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let [dead, alive] = [world.open(1), world.open(2)];
    world.pass_with_pings(seconds(25), &[alive]);
    assert!(!world.is_hung_up(dead));
    world.pass(seconds(5));
    assert_eq!(world.fault(dead), Some(Ending::Silent));
    assert_eq!(world.heard(dead).last(), Some(&Frame::Close(close::IDLE)));
    assert!(world.news.contains(&News::Left(peer(1))));
    assert!(!world.is_hung_up(alive));
    let heard = world.heard(alive);
    assert_eq!(heard.iter().filter(|frame| **frame == Frame::Ping).count(), 3, "{heard:?}");
}

#[test]
fn whoever_is_let_in_is_told_and_so_is_that_it_left() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let caller = world.open(1);
    world.say(caller, Frame::Close(close::DONE));
    assert_eq!(world.news, [News::Called(peer(1)), News::Left(peer(1))]);
    assert!(world.is_hung_up(caller));
    let faster = world.call("192.0.2.1");
    world.input(Input::Ended(faster, Ending::HungUp));
    assert_eq!(world.news.len(), 2, "nobody is told of one that was faster elsewhere");
}

#[test]
fn where_all_places_are_taken_the_caller_is_told_that_this_side_is_busy() {
    let mut world = World::new(Limits { connections: 2, ..limits() }, 2, 16 * KIB);
    let callers = [world.open(1), world.open(2)];
    let busy = world.enter(3);
    assert_eq!(world.turned_away(busy), Some(TurnedAway::Busy));
    assert_eq!(world.heard(busy), [Frame::Close(close::BUSY)]);
    world.input(Input::Limits(Limits { connections: 3, ..limits() }));
    let third = world.open(3);
    assert!(!world.is_hung_up(third) && !callers.iter().any(|caller| world.is_hung_up(*caller)));
}
