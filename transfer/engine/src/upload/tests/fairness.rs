//! Who gets how much.

use std::time::Duration;

use verifier::{Bitfield, Geometry};

use super::harness::{KIB, MIB, Speed, World, limits, rate, seconds};
use crate::ending::Ending;
use crate::upload::{Caller, Input, Limits, TurnedAway};
use crate::wire::{Frame, close};

/// A world whose callers have asked for 100 MiB each, or for 400 pieces, which is more than they get.
fn hungry(limits: Limits, piece: u64, peers: &[u8]) -> (World, Vec<Caller>) {
    let mut world = World::new(limits, 1_000, piece);
    let callers = peers.iter().map(|number| world.open(*number)).collect::<Vec<_>>();
    for caller in &callers {
        world.ask(*caller, 0..u32::try_from(100 * MIB / piece).unwrap().min(400));
    }
    (world, callers)
}

#[track_caller]
fn assert_within(found: u64, expected: u64, percent: u64) {
    let is_near = found.abs_diff(expected) * 100 <= expected * percent;
    assert!(is_near, "{found} is not within {percent} % of {expected}");
}

#[track_caller]
fn assert_rate(world: &mut World, callers: &[Caller], rate: u64) {
    let taken = |world: &World| callers.iter().map(|caller| world.taken(*caller)).sum::<u64>();
    let before = taken(world);
    world.pass_with_pings(seconds(10), callers);
    assert_within(taken(world) - before, 10 * rate, 5);
}

#[test]
fn upload_is_limited_in_all_from_the_first_second_on_and_the_limit_can_be_changed() {
    for (bytes, piece) in [(4 * KIB, 16 * KIB), (100_000, MIB), (8 * MIB, 256 * KIB)] {
        let upload = rate(bytes);
        let (mut world, callers) = hungry(Limits { upload, ..limits() }, piece, &[1, 2, 3]);
        assert_rate(&mut world, &callers, bytes);
        let upload = rate(2 * bytes);
        world.input(Input::Limits(Limits { upload, ..limits() }));
        assert_rate(&mut world, &callers, 2 * bytes);
        let upload = rate(bytes / 2);
        world.input(Input::Limits(Limits { upload, ..limits() }));
        assert_rate(&mut world, &callers, bytes / 2);
    }
}

#[test]
fn each_peer_is_limited_whatever_the_number_of_its_connections() {
    let peer = rate(64 * KIB);
    let (mut world, callers) = hungry(Limits { peer, ..limits() }, 256 * KIB, &[1, 1, 2]);
    for _ in 0..2 {
        let before = callers.iter().map(|caller| world.taken(*caller)).collect::<Vec<_>>();
        world.pass_with_pings(seconds(10), &callers);
        let now = callers.iter().map(|caller| world.taken(*caller)).collect::<Vec<_>>();
        let taken = now.iter().zip(before).map(|(now, before)| now - before).collect::<Vec<_>>();
        assert_within(taken[0] + taken[1], 640 * KIB, 5);
        assert_within(taken[0], taken[1], 10);
        assert_within(taken[2], 640 * KIB, 5);
    }
    let peer = rate(32 * KIB);
    world.input(Input::Limits(Limits { peer, ..limits() }));
    assert_rate(&mut world, &callers[..2], 32 * KIB);
    assert_rate(&mut world, &callers[2..], 32 * KIB);
}

#[test]
fn upload_is_shared_evenly_between_peers_that_want_it() {
    let upload = rate(600 * KIB);
    let (mut world, callers) = hungry(Limits { upload, ..limits() }, 2 * MIB, &[1, 2, 2]);
    // A third peer whose stream takes each block as slowly as the limit lets it.
    let small = world.open(3);
    world.speed(small, Speed::BytesASecond(400 * KIB));
    world.ask(small, 0..1_000);
    let all = [&callers[..], &[small]].concat();
    world.pass_with_pings(seconds(30), &all);
    let taken = all.iter().map(|caller| world.taken(*caller)).collect::<Vec<_>>();
    assert_within(taken[0], 6_000 * KIB, 5);
    assert_within(taken[1] + taken[2], 6_000 * KIB, 5);
    assert_within(taken[3], 6_000 * KIB, 5);
}

#[test]
fn a_limit_that_shrinks_is_shared_evenly_at_once() {
    let upload = rate(8 * MIB);
    let (mut world, callers) = hungry(Limits { upload, ..limits() }, 2 * MIB, &[1, 2, 3]);
    world.pass(Duration::from_millis(1_010));
    let before = callers.iter().map(|caller| world.taken(*caller)).collect::<Vec<_>>();
    let upload = rate(6 * KIB);
    world.input(Input::Limits(Limits { upload, ..limits() }));
    world.pass_with_pings(seconds(10), &callers);
    for (caller, before) in callers.iter().zip(before) {
        assert_within(world.taken(*caller) - before, 20 * KIB, 5);
    }
}

#[test]
fn what_one_peer_cannot_take_the_others_get() {
    let upload = rate(600 * KIB);
    let (mut world, callers) = hungry(Limits { upload, ..limits() }, MIB, &[1, 2]);
    let slow = world.open(3);
    world.speed(slow, Speed::BytesASecond(10 * KIB));
    world.ask(slow, 0..100);
    world.pass_with_pings(seconds(10), &callers);
    let before = callers.iter().map(|caller| world.taken(*caller)).collect::<Vec<_>>();
    world.pass_with_pings(seconds(10), &[callers[0], callers[1], slow]);
    for (caller, before) in callers.iter().zip(before) {
        assert_within(world.taken(*caller) - before, 2_950 * KIB, 5);
    }
    // What it did not take then is not owed to it.
    world.speed(slow, Speed::BytesASecond(10 * MIB));
    world.pass(seconds(1));
    let before = world.taken(slow);
    world.pass_with_pings(seconds(10), &[callers[0], callers[1], slow]);
    assert_within(world.taken(slow) - before, 2_000 * KIB, 5);
}

#[test]
fn a_limited_peer_never_looks_silent_because_blocks_shrink() {
    for (bytes, peers) in [(4 * KIB, 8), (32 * KIB, 24)] {
        let numbers = (1..=peers).collect::<Vec<_>>();
        let (mut world, callers) =
            hungry(Limits { upload: rate(bytes), ..limits() }, MIB, &numbers);
        world.pass_with_pings(seconds(10), &callers);
        for caller in callers {
            let given = &world.stream(caller).given;
            let longest = given.windows(2).map(|two| two[1].since(two[0])).max().unwrap();
            assert!(longest <= Duration::from_millis(1_500), "{longest:?}");
            let blocks = world.heard(caller);
            let mut blocks = blocks.iter().filter_map(|frame| match frame {
                Frame::Block(head) => Some(*head),
                _ => None,
            });
            assert!(blocks.all(|head| u64::from(head.length) <= bytes / 8));
        }
    }
}

#[test]
fn short_pieces_and_long_blocks_get_the_same() {
    let upload = rate(8 * KIB);
    let mut world = World::new(Limits { upload, ..limits() }, 400, 100);
    let short = world.open(1);
    world.ask(short, 0..400);
    world.geometry = Geometry::new(MIB, 1 << 20).unwrap();
    world.have = Bitfield::full(1);
    let long = world.open(2);
    world.ask(long, [0]);
    let before = [short, long].map(|caller| world.taken(caller));
    world.pass(seconds(8));
    for (caller, before) in [short, long].into_iter().zip(before) {
        assert_within(world.taken(caller) - before, 32 * KIB, 5);
    }
}

#[test]
fn one_slow_reader_of_the_longest_pieces_does_not_take_the_read_ahead_of_others() {
    let mut world = World::new(limits(), 100, 16 * MIB);
    let slow = [world.open(1), world.open(1)];
    for caller in slow {
        world.speed(caller, Speed::BytesASecond(2 * KIB));
        world.ask(caller, [0, 1]);
    }
    let others = [2, 3, 4].map(|number| world.open(number));
    for caller in others {
        world.speed(caller, Speed::BytesASecond(32 * MIB));
        world.ask(caller, 0..10);
    }
    world.pass(seconds(6));
    for caller in others {
        assert_eq!(world.taken(caller), 160 * MIB);
    }
    let last = world.open(5);
    world.ask(last, 0..3);
    assert_eq!(world.taken(last), 48 * MIB);
}

#[test]
fn callers_share_the_read_ahead_and_each_has_a_piece_of_it() {
    let mut world = World::new(limits(), 10, 16 * MIB);
    for number in 1..=6 {
        let caller = world.open(number);
        world.speed(caller, Speed::Never);
        world.ask(caller, 0..10);
    }
    let reads = |world: &World, caller| world.reads.iter().filter(|(of, _)| of.0 == caller).count();
    assert_eq!([1, 2, 3, 4, 5, 6].map(|caller| reads(&world, caller)), [2, 2, 1, 1, 1, 1]);
}

#[test]
fn a_reader_below_the_floor_loses_its_place_to_one_that_waits() {
    for (speed, is_kept) in [(900, false), (2 * KIB, true)] {
        let mut world = World::new(Limits { connections: 2, ..limits() }, 10, MIB);
        let [slow, good] = [world.open(1), world.open(2)];
        world.speed(slow, Speed::BytesASecond(speed));
        world.speed(good, Speed::BytesASecond(100 * KIB));
        world.ask(slow, [0]);
        world.ask(good, 0..10);
        world.pass_with_pings(seconds(15), &[slow, good]);
        assert!(!world.is_hung_up(slow), "nobody waits yet");
        let waiting = world.open(3);
        assert!(!world.is_hung_up(good));
        assert_eq!(world.is_hung_up(waiting), is_kept);
        assert_eq!(world.turned_away(slow), (!is_kept).then_some(TurnedAway::TooSlow));
    }
}

#[test]
fn who_is_slow_because_of_this_sides_limit_keeps_its_place() {
    let upload = rate(512);
    let (mut world, callers) =
        hungry(Limits { connections: 1, upload, ..limits() }, 16 * KIB, &[1]);
    world.pass_with_pings(seconds(60), &callers);
    let busy = world.enter(2);
    assert_eq!(world.turned_away(busy), Some(TurnedAway::Busy));
    assert_eq!(world.heard(busy), [Frame::Close(close::BUSY)]);
}

#[test]
fn who_wants_nothing_for_long_makes_way_where_all_places_are_taken() {
    let mut world = World::new(Limits { connections: 1, ..limits() }, 2, 16 * KIB);
    let idle = world.open(1);
    world.pass_with_pings(seconds(29), &[idle]);
    let early = world.enter(2);
    assert_eq!(world.turned_away(early), Some(TurnedAway::Busy));
    world.pass(seconds(1));
    let late = world.open(3);
    assert!(world.is_hung_up(idle) && !world.is_hung_up(late));
}

#[test]
fn a_stream_that_takes_nothing_for_a_minute_is_lost() {
    let (mut world, callers) = hungry(limits(), MIB, &[1, 2]);
    let stuck = world.open(3);
    world.speed(stuck, Speed::Never);
    world.ask(stuck, [0]);
    let trickle = world.open(4);
    world.speed(trickle, Speed::BytesASecond(4));
    world.ask(trickle, [0]);
    world.pass_with_pings(seconds(59), &[callers[0], callers[1], stuck, trickle]);
    assert!(!world.is_hung_up(stuck));
    world.pass(seconds(1));
    assert_eq!(world.fault(stuck), Some(Ending::Silent));
    assert!(!world.is_hung_up(trickle), "it takes a byte now and then");
}
