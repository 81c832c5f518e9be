//! Importers that give each other what they wait for.

use super::world::{Setup, World, millis, secs};
use crate::wire::Frame;

/// Whether the peer was told that a piece is not wanted of it any more.
fn calls_off(heard: &[Frame], index: u32) -> bool {
    heard.contains(&Frame::Cancel(index))
}

#[test]
fn an_importer_that_never_gave_anything_is_tried_with_what_the_source_has_not_come_to() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let source = world.open(0, "####");
    assert_eq!(world.asks(source), "0 1 2 3");
    let other = world.open(1, "....");
    world.pass(secs(2));
    world.gives(source, 0);
    world.says(other, Frame::Have(3));
    world.pass(millis(500));
    assert_eq!(world.asks(other), "3", "{}", world.picture());
    assert!(!calls_off(&world.hears(source), 3), "it may not be any good");
    world.gives(other, 3);
    assert!(calls_off(&world.hears(source), 3));

    // Now it is known how fast it is.
    world.says(other, Frame::Have(2));
    world.pass(millis(500));
    assert_eq!(world.asks(other), "2");
    assert!(calls_off(&world.hears(source), 2));
    world.gives(other, 2);
    world.gives(source, 1);
    assert_eq!(world.done, Some(Ok(())));
}
