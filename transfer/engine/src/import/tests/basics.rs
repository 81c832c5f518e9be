//! An import on a good day.

use super::world::{Setup, World, secs};
use crate::import::{Input, PeerState};
use crate::wire::{Frame, close};

#[test]
fn a_whole_import_runs_from_the_call_to_the_goodbye() {
    let mut world = World::new(Setup { pieces: 3, ..Setup::default() });
    assert_eq!(world.state(0), PeerState::Calling);
    let anna = world.open(0, "###");
    assert_eq!(world.asks(anna), "0 1 2");
    assert_eq!(world.picture(), "???");
    for index in 0..3 {
        world.gives(anna, index);
    }
    assert_eq!(world.picture(), "###");
    assert_eq!(world.done, Some(Ok(())));
    assert_eq!(world.hung_up, [anna]);
}

#[test]
fn a_stop_is_the_last_word_whatever_is_overdue() {
    let mut world = World::new(Setup::default());
    let anna = world.open(0, "########");
    world.hears(anna);
    world.now = world.now + secs(11);
    world.input(Input::Stop);
    assert_eq!(world.hears(anna), [Frame::Close(close::DONE)]);
    assert_eq!(world.hung_up, [anna]);
    assert_eq!(world.why(), None);
}
