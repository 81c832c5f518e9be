//! The piece list: from one at a time, and never in the way.

use verifier::Bitfield;
use verifier::piece::ListError;

use super::world::{Setup, World, id, millis, secs, set};
use crate::Ending;
use crate::import::{Connection, Input, News, Place};
use crate::wire::{DigestsHead, Frame, MAX_DIGESTS};

/// Many small pieces of which the list is not known.
fn unlisted(peers: u8) -> World {
    World::new(Setup { pieces: 5_000, piece: 16 << 10, listed: false, peers, ..Setup::default() })
}

fn open(world: &mut World, peer: u32) -> Connection {
    world.open_for(peer, &Bitfield::full(5_000), 16)
}

fn digests(world: &mut World, of: Connection, first: u32, count: u32) {
    world.says(of, Frame::Digests(DigestsHead { first, count }));
    world.input(Input::Received(of, count * 32));
}

fn learns(world: &mut World, of: Connection) -> bool {
    world.hears(of).contains(&Frame::Learn)
}

#[test]
fn the_list_comes_between_the_pieces_and_is_used_once_proven() {
    let mut world = unlisted(1);
    let anna = open(&mut world, 0);
    assert!(world.asks(anna).starts_with("0p 1p "));
    digests(&mut world, anna, 0, MAX_DIGESTS);
    world.proves(anna, 0);
    world.gives(anna, 0);
    digests(&mut world, anna, MAX_DIGESTS, MAX_DIGESTS);
    assert_eq!(world.proves, []);
    digests(&mut world, anna, 2 * MAX_DIGESTS, 5_000 - 2 * MAX_DIGESTS);
    assert_eq!(world.proves, [anna]);
    assert!(world.places.contains(&(anna, Place::List)));
    world.asks(anna);
    // What is here already is not asked for, and what was is called off.
    let mut wanted = Bitfield::full(5_000);
    wanted.remove(world.index(1));
    wanted.remove(world.index(4_999));
    world.input(Input::Proven(anna, Ok(wanted)));
    assert_eq!(world.asks(anna), "-1");
    assert_eq!(
        world
            .engine
            .snapshot()
            .pieces
            .iter()
            .filter(|p| **p == crate::import::PieceState::Kept)
            .count(),
        3
    );
    (2..8).for_each(|index| {
        if index == 2 {
            world.refuses(anna, 1, crate::wire::refusal::CANCELLED);
        }
        world.proves(anna, index);
        world.gives(anna, index);
    });
    let asks = world.asks(anna);
    assert!(!asks.is_empty() && !asks.contains('p'), "{asks}");
}

#[test]
fn one_slow_peer_that_learns_the_list_keeps_nobody_waiting() {
    let mut world = unlisted(3);
    let slow = open(&mut world, 0);
    assert!(learns(&mut world, slow));
    let good = open(&mut world, 1);
    let third = open(&mut world, 2);
    assert!(world.asks(good).contains('p'), "pieces are asked meanwhile");
    digests(&mut world, slow, 0, 1);
    let mut offset = 0;
    for _ in 0..15 {
        world.pass(secs(1));
        for of in [slow, good, third] {
            let due =
                world.engine.session(of.peer).and_then(|s| s.asks.front().map(|ask| ask.index));
            let due = due.unwrap();
            world.proves(of, due);
            world.gives(of, due);
        }
        offset += 1;
        digests(&mut world, slow, offset, 1);
    }
    assert!(learns(&mut world, good) ^ learns(&mut world, third), "another is asked for it");
    world.places.clear();
    digests(&mut world, slow, 16, 1);
    assert_eq!(world.places, [(slow, Place::Nowhere)], "one list is fetched at a time");
}

#[test]
fn who_learns_and_leaves_is_followed_by_another() {
    let mut world = unlisted(2);
    let anna = open(&mut world, 0);
    let bert = open(&mut world, 1);
    assert!(!learns(&mut world, bert));
    digests(&mut world, anna, 0, 100);
    world.ends(anna, Ending::HungUp);
    assert!(learns(&mut world, bert));
    digests(&mut world, bert, 0, 100);
    assert_eq!(world.places.last(), Some(&(bert, Place::List)));
}

#[test]
fn a_repair_of_few_pieces_needs_no_list() {
    let mut have = Bitfield::full(5_000);
    let mut world = unlisted(1);
    for index in [7, 300, 4_999] {
        have.remove(world.index(index));
    }
    world = World::new(Setup {
        pieces: 5_000,
        piece: 16 << 10,
        listed: false,
        have: Some(have),
        ..Setup::default()
    });
    let anna = open(&mut world, 0);
    assert_eq!(world.hears(anna).iter().filter(|frame| **frame == Frame::Learn).count(), 0);
    for index in [7, 300, 4_999] {
        world.proves(anna, index);
        world.gives(anna, index);
    }
    assert_eq!((world.done.clone(), world.proves.len()), (Some(Ok(())), 0));
}

#[test]
fn a_false_list_bans_its_sender_and_comes_from_another() {
    let mut world = World::new(Setup { pieces: 4, listed: false, peers: 2, ..Setup::default() });
    let liar = world.open(0, "####");
    let bert = world.open(1, "####");
    digests(&mut world, liar, 0, 4);
    let error = ListError::Count { found: 3, expected: 4 };
    world.input(Input::Proven(liar, Err(error.clone())));
    let banned = |news: &News| {
        matches!(news, News::Banned(peer, blame) if *peer == id(0)
            && blame.ending == Ending::List(error.clone()))
    };
    assert!(world.news.iter().any(banned));
    assert!(learns(&mut world, bert));
}

#[test]
fn digests_out_of_order_or_too_many_are_a_fault() {
    for (first, count) in [(1, 1), (0, 5)] {
        let mut world = World::new(Setup { pieces: 4, listed: false, ..Setup::default() });
        let anna = world.open(0, "####");
        world.says(anna, Frame::Digests(DigestsHead { first, count }));
        assert_eq!(world.hung_up, [anna]);
    }
}

#[test]
fn digests_of_an_old_proof_of_the_list_change_nothing() {
    let mut world = World::new(Setup { pieces: 4, listed: false, ..Setup::default() });
    let anna = world.open(0, "####");
    world.input(Input::Proven(anna, Ok(set("...."))));
    assert_eq!(world.picture(), "????");
    world.pass(millis(1));
}
