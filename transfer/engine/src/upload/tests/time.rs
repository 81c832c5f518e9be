//! What has landed, and a machine that sleeps.

use std::time::Duration;

use super::harness::{KIB, Speed, World, artifact, limits, seconds};
use crate::ending::Ending;
use crate::upload::{Input, Why};
use crate::wire::Frame;
use verifier::{Bitfield, Sha256};

fn land(world: &mut World, pieces: &[u32]) {
    let pieces = pieces.iter().map(|index| world.piece(*index)).collect();
    world.input(Input::Landed(artifact(), pieces));
}

fn haves(pieces: impl IntoIterator<Item = u32>) -> Vec<Frame> {
    pieces.into_iter().map(Frame::Have).collect()
}

#[test]
fn what_has_landed_is_told_at_once_and_then_in_batches_each_piece_once() {
    let mut world = World::new(limits(), 100, 16 * KIB);
    world.have = Bitfield::empty(100);
    let (first, second) = (world.piece(0), world.piece(1));
    world.have.insert(first);
    let callers = [world.open(1), world.open(2)];
    for caller in callers {
        world.heard(caller);
    }
    land(&mut world, &[0, 1]);
    world.have.insert(second);
    let late = world.open(3);
    world.heard(late);
    for index in 2..50 {
        land(&mut world, &[index, index - 1]);
        world.pass(Duration::from_millis(1));
    }
    for caller in callers {
        assert_eq!(world.heard(caller), haves([1]));
    }
    world.pass(Duration::from_millis(50));
    assert_eq!(world.uploads.deadline().map(|(_, why)| why), Some(Why::Have));
    world.pass(Duration::from_millis(3));
    for caller in [callers[0], callers[1], late] {
        assert_eq!(world.heard(caller), haves(2..50));
    }
    world.pass(seconds(1));
    world.input(Input::Landed(Sha256::from_bytes([8; 32]), vec![second]));
    land(&mut world, &[3, 50]);
    assert_eq!(world.heard(late), haves([50]));
}

#[test]
fn what_lands_while_the_library_is_asked_is_told_too() {
    let mut world = World::new(limits(), 4, 16 * KIB);
    world.have = Bitfield::empty(4);
    let caller = world.enter(1);
    world.say(caller, Frame::Hello(crate::wire::Hello { version: 1, asks: 1 }));
    world.heard(caller);
    let opened = world.hold_opening(caller);
    land(&mut world, &[2]);
    world.input(Input::Opened(caller, Some(opened)));
    assert_eq!(world.heard(caller).last(), Some(&Frame::Have(2)));
}

#[test]
fn nobody_is_lost_because_the_machine_slept() {
    let mut world = World::new(limits(), 4, 16 * KIB);
    let callers = [world.open(1), world.open(2)];
    world.pass(seconds(7));
    world.now = world.now + seconds(3_600);
    world.input(Input::Tick);
    world.say(callers[0], Frame::Ping);
    assert!(!callers.iter().any(|caller| world.is_hung_up(*caller)));
    world.pass(seconds(19));
    assert!(!world.is_hung_up(callers[1]));
    world.pass(seconds(1));
    assert!(!world.is_hung_up(callers[0]));
    assert_eq!(world.fault(callers[1]), Some(Ending::Silent));
}

#[test]
fn a_ping_is_said_when_nothing_else_was_for_ten_seconds() {
    let mut world = World::new(limits(), 4, 256 * KIB);
    let caller = world.open(1);
    world.speed(caller, Speed::BytesASecond(32 * KIB));
    world.pass(seconds(9));
    world.ask(caller, [0]);
    world.pass_with_pings(seconds(15), &[caller]);
    let pings = |frames: Vec<Frame>| frames.iter().filter(|frame| **frame == Frame::Ping).count();
    assert_eq!(pings(world.heard(caller)), 0, "blocks are on their way until a second 17");
    world.pass(seconds(3));
    assert_eq!(pings(world.heard(caller)), 1);
}
