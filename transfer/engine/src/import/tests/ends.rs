//! The last pieces: asked of a second peer, and never of a third.

use super::world::{PIECE, Setup, World, millis, secs, set};
use crate::import::pieces::Flight;
use crate::import::{Connection, PeerState};

/// A peer gives a piece in this time, in eight parts.
fn gives_in(world: &mut World, of: Connection, index: u32, time: u64) {
    for part in 0..8 {
        world.pass(millis(time / 8));
        world.block(of, index, part * PIECE / 8, PIECE / 8);
    }
}

/// Two peers of which the first, asked for four pieces, needs twenty times as long for one.
fn slow_and_fast(pieces: u32) -> (World, Connection, Connection) {
    let mut world = World::new(Setup { pieces, peers: 2, ..Setup::default() });
    let full = "#".repeat(pieces as usize);
    let slow = world.open_for(0, &set(&full), 4);
    gives_in(&mut world, slow, 0, 8_000);
    let fast = world.open(1, &full);
    (world, slow, fast)
}

/// The fast peer gives all that it is asked for; what that was.
fn all_of(world: &mut World, fast: Connection) -> String {
    let mut all = String::new();
    while world.done.is_none() {
        let asks = world.asks(fast);
        assert!(!asks.is_empty(), "{all}");
        for index in asks.split(' ') {
            gives_in(world, fast, index.parse().unwrap(), 400);
            all = format!("{all} {index}");
        }
    }
    all
}

#[test]
fn a_fast_peer_takes_over_what_a_slow_one_has_not_begun() {
    let (mut world, slow, fast) = slow_and_fast(8);
    assert_eq!(world.asks(slow), "0 1 2 3 4");
    assert_eq!(all_of(&mut world, fast), " 5 6 7 4 3 2 1");
    assert_eq!(world.asks(slow), "-4 -3 -2 -1");
    assert_eq!(world.discards, []);
}

#[test]
fn a_piece_that_the_slow_one_is_sending_is_raced_for_and_the_loser_is_told() {
    let (mut world, slow, fast) = slow_and_fast(8);
    world.block(slow, 1, 0, PIECE / 8);
    assert_eq!(all_of(&mut world, fast), " 5 6 7 4 3 2 1");
    assert_eq!(world.asks(slow), "0 1 2 3 4 -4 -3 -2 -1");
    assert_eq!(world.discards, [(slow, 1)]);
}

#[test]
fn the_slow_one_may_win_the_race() {
    let (mut world, slow, fast) = slow_and_fast(8);
    world.block(slow, 1, 0, PIECE / 8);
    while !world.asks(fast).split(' ').any(|index| index == "1") {
        let due = world.engine.session(1).unwrap().asks.front().unwrap().index;
        gives_in(&mut world, fast, due, 400);
    }
    assert_eq!(world.asks(slow), "0 1 2 3 4 -4 -3 -2", "both send it");
    gives_in(&mut world, fast, 2, 400);
    for part in 1..8 {
        world.block(slow, 1, part * PIECE / 8, PIECE / 8);
    }
    assert_eq!(world.asks(fast), "-1");
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn peers_of_like_speed_leave_each_other_alone() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let anna = world.open_for(0, &set("####"), 2);
    let bert = world.open(1, "####");
    assert_eq!((world.asks(anna), world.asks(bert)), ("0 1".to_owned(), "2 3".to_owned()));
    for part in 0..8 {
        world.pass(millis(100));
        world.block(anna, 0, part * PIECE / 8, PIECE / 8);
        world.block(bert, 2, part * PIECE / 8, PIECE / 8);
    }
    gives_in(&mut world, bert, 3, 800);
    assert_eq!(world.asks(bert), "");
    assert!(matches!(world.state(1), PeerState::Idle));
}

#[test]
fn a_piece_has_two_askers_at_most_and_two_are_wasted_at_most() {
    let mut world = World::new(Setup { pieces: 12, peers: 5, ..Setup::default() });
    let full = "#".repeat(12);
    let slow = [0, 1, 2, 3].map(|peer| world.open_for(peer, &set(&full), 1));
    // Each slow one is in the middle of its second piece, and eight seconds from its end.
    for part in 0..12 {
        world.pass(secs(1));
        for of in slow {
            let piece = world.engine.session(of.peer).unwrap().asks.front().unwrap().index;
            world.block(of, piece, part % 8 * PIECE / 8, PIECE / 8);
        }
    }
    let fast = world.open_for(4, &set(&full), 8);
    for _ in 0..20 {
        let due = world.engine.session(4).and_then(|s| s.asks.front()).map(|ask| ask.index);
        let Some(due) = due else { break };
        for part in 0..8 {
            world.pass(millis(10));
            world.block(fast, due, part * PIECE / 8, PIECE / 8);
            let askers = |at: Flight| matches!(at, Flight::Asked { second: Some(_), .. });
            let seconds = world.engine.pieces.in_flight().filter(|(_, at)| askers(*at));
            assert!(seconds.count() <= 2);
        }
    }
    // Half of each of four pieces could have been thrown away; it was of no more than two.
    let thrown = world.discards.len();
    assert!((1..=3).contains(&thrown), "{thrown}: {}", world.picture());
    assert!(world.engine.wasted <= 2 * u64::from(PIECE), "{}", world.engine.wasted);
    assert_eq!(world.done, None, "{}", world.picture());
}

#[test]
fn an_idle_peer_takes_what_a_silent_one_owes() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    let silent = world.open_for(0, &set("##"), 1);
    let good = world.open(1, "##");
    assert_eq!((world.asks(silent), world.asks(good)), ("0".to_owned(), "1".to_owned()));
    gives_in(&mut world, good, 1, 400);
    world.pass(secs(1));
    assert_eq!(world.asks(silent), "-0");
    assert_eq!(world.asks(good), "0");
}

#[test]
fn what_nobody_has_does_not_keep_the_rest_from_coming_to_an_end() {
    let mut world = World::new(Setup { pieces: 3, peers: 2, ..Setup::default() });
    let silent = world.open_for(0, &set("##."), 1);
    let good = world.open(1, "##.");
    gives_in(&mut world, good, 1, 400);
    world.pass(secs(1));
    assert_eq!((world.asks(silent), world.asks(good)), ("0 -0".to_owned(), "1 0".to_owned()));
}
