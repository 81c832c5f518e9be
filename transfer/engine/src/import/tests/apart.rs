//! Importers of the same that serve each other: the part that each gets, and what it leaves to the others.

use super::world::{Setup, World, id, millis};
use crate::import::{Begin, Connection, Input, Why};
use crate::wire::{Frame, refusal};

/// An import under the key of that number, which serves meanwhile.
fn importer(own: u8, pieces: u32, peers: u8) -> World {
    World::new(Setup { pieces, peers, begin: Begin::OwnPart(id(own)), ..Setup::default() })
}

/// Whether the first key comes before the second.
fn is_before(first: u8, second: u8) -> bool {
    id(first).public_key().as_bytes() < id(second).public_key().as_bytes()
}

/// A number whose key comes before that of the peer with the number 1.
fn first_of_two() -> u8 {
    (2..).find(|own| is_before(*own, 1)).unwrap()
}

/// An import that gets the first of two parts of so many pieces, the source, and the other importer.
fn pair(pieces: u32) -> (World, Connection, Connection) {
    let mut world = importer(first_of_two(), pieces, 2);
    let none = ".".repeat(pieces as usize);
    let other = world.open(1, &none);
    let source = world.open(0, &none.replace('.', "#"));
    (world, source, other)
}

/// Pieces come of the peer, one each half second.
fn come(world: &mut World, from: Connection, pieces: impl IntoIterator<Item = u32>) {
    for index in pieces {
        world.pass(millis(500));
        world.gives(from, index);
    }
}

#[test]
fn importers_get_even_parts_in_the_order_of_their_keys() {
    for own in 3..12 {
        let mut world = importer(own, 12, 3);
        world.open(1, &".".repeat(12));
        world.open(2, &".".repeat(12));
        let source = world.open(0, &"#".repeat(12));
        let part = match [1, 2].into_iter().filter(|other| is_before(*other, own)).count() {
            0 => "0 1 2 3",
            1 => "4 5 6 7",
            _ => "8 9 10 11",
        };
        assert_eq!(world.asks(source), part);
    }
}

#[test]
fn nobody_is_asked_before_it_is_known_who_imports_too() {
    let own = Begin::OwnPart(id(9));
    let asked = |peers: u8, begin: Begin| {
        let mut world = World::new(Setup { peers, begin, offered: true, ..Setup::default() });
        let first = world.current(0);
        world.input(Input::Connected(first));
        world.asks(first)
    };
    assert_eq!(asked(2, own), "");
    assert_eq!(asked(2, Begin::Front), "0 1 2 3");
    assert_eq!(asked(1, own), "0 1 2 3", "there is no other");
}

#[test]
fn what_another_importer_is_at_is_left_to_it_for_as_long_as_that_takes() {
    let (mut world, source, other) = pair(8);
    let lands = |world: &mut World, index| {
        world.says(other, Frame::Have(index));
        world.gives(other, index);
    };
    assert_eq!(world.asks(source), "0 1 2 3");
    lands(&mut world, 4);
    lands(&mut world, 5);
    come(&mut world, source, 0..2);
    lands(&mut world, 6);
    come(&mut world, source, 2..4);
    assert_eq!(world.asks(source), "", "a piece landed there a second ago");
    assert_eq!(world.why(), Some(Why::Others));
    world.pass(millis(600));
    assert_eq!(world.asks(source), "");
    world.pass(millis(400));
    assert_eq!(world.asks(source), "7", "two would have come here meanwhile");
    world.gives(source, 7);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn the_last_of_what_another_importer_has_not_come_to_is_taken_when_there_is_nothing_else() {
    let (mut world, source, other) = pair(16);
    for index in [8, 9] {
        world.says(other, Frame::Have(index));
        world.gives(other, index);
    }
    come(&mut world, source, 0..4);
    world.hears(source);
    come(&mut world, source, 4..7);
    assert_eq!(world.picture().get(8..), Some("##...???"), "one of its own part is to come");
}

#[test]
fn what_another_importer_has_come_to_in_this_ones_part_is_left_to_it() {
    let (mut world, source, other) = pair(16);
    assert_eq!(world.asks(source), "0 1 2 3");
    world.says(other, Frame::Have(5));
    world.gives(other, 5);
    come(&mut world, source, 0..2);
    assert_eq!(world.asks(source), "4", "6 and 7 are the other's");
}

#[test]
fn an_importer_at_which_only_lands_what_is_here_already_keeps_nothing_from_this_one() {
    let (mut world, source, other) = pair(4);
    come(&mut world, source, 0..2);
    assert_eq!(world.picture(), "##..");
    world.says(other, Frame::Have(0));
    world.pass(millis(600));
    world.says(other, Frame::Have(1));
    world.pass(millis(400));
    assert_eq!((world.picture().as_str(), world.asks(source).as_str()), ("##??", "0 1 3 2"));
}

#[test]
fn whatever_others_say_the_last_pieces_are_left_to_them_for_five_seconds_at_most() {
    let (mut world, source, other) = pair(4);
    // A piece takes three seconds.
    for part in 0..64 {
        world.pass(millis(100));
        world.block(source, part / 32, (part % 32) << 15, 1 << 15);
    }
    assert_eq!(world.picture(), "##..");
    world.pass(millis(2_000));
    world.says(other, Frame::Have(2));
    world.refuses(other, 2, refusal::NOT_HAD);
    world.pass(millis(2_900));
    assert_eq!(world.picture(), "##..");
    world.pass(millis(100));
    assert_eq!((world.picture().as_str(), world.asks(source).as_str()), ("##??", "0 1 2 3"));
}
