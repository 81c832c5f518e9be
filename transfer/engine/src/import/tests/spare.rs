//! What an idle peer takes over of what another was asked for and has not come to.

use verifier::Bitfield;

use super::world::{Setup, World, millis};
use crate::import::Connection;
use crate::wire::Frame;

/// An import in which the first peer was asked for all pieces and sends one each half second.
fn slow(pieces: u32, gives: u32) -> (World, Connection) {
    let mut world = World::new(Setup { pieces, peers: 2, ..Setup::default() });
    let slow = world.open_for(0, &Bitfield::full(pieces), 1_024);
    for index in 0..gives {
        world.pass(millis(500));
        world.gives(slow, index);
    }
    assert_eq!(world.picture().find('.'), None, "all is asked for");
    world.hears(slow);
    (world, slow)
}

#[test]
fn an_idle_peer_of_unknown_rate_takes_over_what_is_last_of_what_another_owes() {
    let (mut world, slow) = slow(6, 2);
    let idle = world.open(1, "######");
    assert_eq!(world.asks(idle), "5", "with two, it would have as much to do as the other");
    assert_eq!(world.asks(slow), "-5");
    world.pass(millis(500));
    world.gives(idle, 5);
    assert_eq!(world.asks(idle), "3 4", "now it is known how fast it is");
    world.gives(slow, 2);
    world.gives(idle, 3);
    world.gives(idle, 4);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn several_pieces_are_taken_over_at_once() {
    let (mut world, slow) = slow(20, 8);
    let idle = world.open(1, &"#".repeat(20));
    assert_eq!(world.asks(idle), "18 19");
    assert_eq!(world.asks(slow), "-18 -19");
}

#[test]
fn no_more_is_taken_over_at_a_time_than_the_peer_takes() {
    let (mut world, _) = slow(20, 8);
    let idle = world.open_for(1, &Bitfield::full(20), 1);
    assert_eq!(world.asks(idle), "19");
}

#[test]
fn what_another_comes_to_soon_is_left_to_it() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let fast = world.open(0, "####");
    world.pass(millis(50));
    world.gives(fast, 0);
    let idle = world.open(1, "####");
    world.pass(millis(200));
    assert_eq!(world.asks(idle), "", "the rest comes in a fifth of a second");
    assert_eq!(world.asks(fast).find('-'), None);
}

#[test]
fn a_piece_that_lands_elsewhere_is_asked_for_there_at_once() {
    let (mut world, source) = slow(6, 2);
    let other = world.open(1, "......");
    world.says(other, Frame::Have(5));
    assert_eq!((world.asks(other), world.asks(source)), ("5".to_owned(), "-5".to_owned()));
    // Whatever is taken over makes way for what only the source has.
    world.says(other, Frame::Have(4));
    world.gives(other, 5);
    assert_eq!((world.asks(other), world.asks(source)), ("4".to_owned(), "-4".to_owned()));
}

#[test]
fn a_peer_that_says_nothing_keeps_nothing_from_an_idle_one() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    let silent = world.open(0, "##");
    let idle = world.open(1, "##");
    world.pass(millis(999));
    assert_eq!(world.asks(idle), "", "it may be far away");
    world.pass(millis(1));
    assert_eq!((world.asks(idle), world.asks(silent)), ("0 1".to_owned(), "0 1 -0 -1".to_owned()));
}

#[test]
fn a_far_peer_may_owe_four_round_trips_worth() {
    let owed = |latency: u64| {
        let pieces = 2_000;
        let piece = 64 << 10;
        let in_flight = 48 << 20;
        let setup = Setup { pieces, piece, in_flight, ..Setup::default() };
        let mut world = World::new(setup);
        let anna = world.open_for(0, &Bitfield::full(pieces), 1_024);
        world.pass(millis(latency));
        // 4 MiB a second.
        for index in 0..500 {
            world.gives(anna, index);
            world.pass(millis(1_000 / 64));
        }
        world.engine.snapshot().peers[0].window
    };
    let (near, far) = (owed(100), owed(1_000));
    assert!((60..=70).contains(&near), "{near}");
    assert!((240..=280).contains(&far), "{far}");
}
