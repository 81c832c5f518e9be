//! What is asked together with the opening.

use super::harness::{KIB, World, artifact, limits};
use crate::ending::Ending;
use crate::upload::{Caller, Effect, Input, Opened};
use crate::wire::{BlockHead, FIRST_ASKS, Frame, Hello, Kind, VERSION, refusal};
use verifier::{ChunkAlgorithm, Root};

/// A caller that has said open, which is still looked up.
fn opening(world: &mut World) -> Caller {
    let caller = world.enter(1);
    world.say(caller, Frame::Hello(Hello { version: VERSION, asks: 1_024 }));
    world.heard(caller);
    let open = Frame::Open(*artifact().as_bytes());
    world.uploads.input(Input::Frame(caller, open), world.now);
    assert!(matches!(world.uploads.next(), Some(Effect::Open(..))));
    assert_eq!(world.uploads.next(), None);
    caller
}

fn opened(world: &mut World, caller: Caller, is_served: bool) {
    let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
    let opened = Opened { geometry: world.geometry, root, have: world.have.clone() };
    world.input(Input::Opened(caller, is_served.then_some(opened)));
}

#[test]
fn asks_that_come_with_the_opening_are_answered_after_it() {
    let mut world = World::new(limits(), 5, 16 * KIB);
    let caller = opening(&mut world);
    world.say(caller, Frame::AskProven(4));
    world.ask(caller, [1, 2]);
    world.say(caller, Frame::Cancel(1));
    assert_eq!(world.heard(caller), []);
    opened(&mut world, caller, true);
    let heard = world.heard(caller);
    let kinds = heard.iter().map(Frame::kind).collect::<Vec<_>>();
    assert_eq!(kinds[..3], [Kind::Opened, Kind::Proof, Kind::Block]);
    let block = BlockHead { index: 2, offset: 0, length: 16 << 10 };
    assert_eq!(heard.last(), Some(&Frame::Block(block)));
}

#[test]
fn asks_that_come_with_an_opening_that_is_refused_are_not_answered() {
    let mut heard = [false, true].map(|is_asked| {
        let mut world = World::new(limits(), 5, 16 * KIB);
        let caller = opening(&mut world);
        if is_asked {
            world.ask(caller, [0, 1]);
        }
        opened(&mut world, caller, false);
        assert!(world.is_hung_up(caller));
        world.heard(caller)
    });
    let [without, with] = &mut heard;
    assert_eq!(without, with);
    assert!(matches!(with[0], Frame::Refuse(refuse) if refuse.code == refusal::NOT_SERVED));
}

#[test]
fn no_more_is_taken_with_the_opening_than_is_said() {
    let mut world = World::new(limits(), 5, 16 * KIB);
    let caller = opening(&mut world);
    for _ in 0..2 * FIRST_ASKS {
        world.say(caller, Frame::Ask(0));
    }
    assert!(!world.is_hung_up(caller));
    world.say(caller, Frame::Ask(0));
    assert_eq!(world.fault(caller), Some(Ending::Asks(0)));

    let mut world = World::new(limits(), 5, 16 * KIB);
    let caller = opening(&mut world);
    world.ask(caller, [0, 0]);
    opened(&mut world, caller, true);
    assert_eq!(world.fault(caller), Some(Ending::Asks(0)), "it is judged as any other");
}
