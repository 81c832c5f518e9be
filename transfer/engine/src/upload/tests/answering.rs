//! Asks and their answers.

use verifier::Sha256;

use super::harness::{Disk, KIB, MIB, Speed, World, artifact, limits, peer, seconds};
use crate::ending::Ending;
use crate::upload::{Effect, Input, News, Refusal};
use crate::wire::{
    BlockHead, DigestsHead, Frame, Hello, Kind, ProofHead, Refuse, VERSION, close, refusal,
};

fn refuse(index: u32, code: u16) -> Frame {
    Frame::Refuse(Refuse { index: Some(index), code })
}

fn block(index: u32, offset: u64, length: u64) -> Frame {
    let [offset, length] = [offset, length].map(|number| u32::try_from(number).unwrap());
    Frame::Block(BlockHead { index, offset, length })
}

#[test]
fn hello_open_and_learn_come_in_one_flight_and_are_answered_in_one() {
    let mut world = World::new(limits(), 3, 16 * KIB);
    let caller = world.enter(1);
    world.say(caller, Frame::Hello(Hello { version: VERSION, asks: 7 }));
    world.say(caller, Frame::Open([7; 32]));
    world.say(caller, Frame::Learn);
    let heard = world.heard(caller);
    let [Frame::Hello(hello), Frame::Opened(opened), Frame::Digests(digests)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!((hello.version, opened.byte_count), (VERSION, 48 * KIB));
    assert_eq!(*digests, DigestsHead { first: 0, count: 3 });
}

#[test]
fn asks_are_answered_in_the_order_of_asking_each_by_the_blocks_of_its_piece() {
    let mut world = World::new(limits(), 4, 512 * KIB);
    let caller = world.open(1);
    world.heard(caller);
    world.ask(caller, [2, 0]);
    let expected = [
        block(2, 0, 256 * KIB),
        block(2, 256 * KIB, 256 * KIB),
        block(0, 0, 256 * KIB),
        block(0, 256 * KIB, 256 * KIB),
    ];
    assert_eq!(world.heard(caller), expected);
    let sent = |news: &News| match news {
        News::Sent(_, _, index, bytes) => Some((index.get(), *bytes)),
        _ => None,
    };
    let sent = world.news.iter().filter_map(sent).collect::<Vec<_>>();
    assert_eq!(sent, [(2, 256 << 10), (2, 256 << 10), (0, 256 << 10), (0, 256 << 10)]);
}

#[test]
fn a_proof_of_the_right_length_goes_before_the_blocks_of_its_piece() {
    let mut world = World::new(limits(), 5, 16 * KIB);
    let caller = world.open(1);
    world.heard(caller);
    world.say(caller, Frame::AskProven(4));
    world.say(caller, Frame::AskProven(1));
    let expected = [
        Frame::Proof(ProofHead { index: 4, count: 1 }),
        block(4, 0, 16 * KIB),
        Frame::Proof(ProofHead { index: 1, count: 3 }),
        block(1, 0, 16 * KIB),
    ];
    assert_eq!(world.heard(caller), expected);
}

#[test]
fn the_piece_list_and_blocks_take_turns() {
    let mut world = World::new(limits(), 5_000, 256 * KIB);
    let caller = world.open(1);
    world.speed(caller, Speed::BytesASecond(MIB));
    world.heard(caller);
    world.ask(caller, [0, 1, 2]);
    world.say(caller, Frame::Learn);
    world.pass(seconds(3));
    let kinds = world.heard(caller).iter().map(Frame::kind).collect::<Vec<_>>();
    let [a, b] = [Kind::Block, Kind::Digests];
    assert_eq!(kinds, [a, b, a, b, a, b]);
}

#[test]
fn what_is_not_granted_looks_like_what_is_not_held() {
    let mut heard = Vec::new();
    for (served, artifact) in [(false, [7; 32]), (true, [8; 32])] {
        let mut world = World::new(limits(), 3, 16 * KIB);
        world.served = served;
        let caller = world.enter(1);
        world.say(caller, Frame::Hello(Hello { version: VERSION, asks: 7 }));
        world.say(caller, Frame::Open(artifact));
        world.say(caller, Frame::Learn);
        assert!(world.is_hung_up(caller));
        let mut bytes = Vec::new();
        for frame in world.heard(caller) {
            frame.encode(&mut bytes).unwrap();
        }
        heard.push(bytes);
    }
    assert_eq!(heard[0], heard[1]);
    let mut last = Vec::new();
    let code = refusal::NOT_SERVED;
    Frame::Refuse(Refuse { index: None, code }).encode(&mut last).unwrap();
    Frame::Close(close::DONE).encode(&mut last).unwrap();
    assert!(heard[0].ends_with(&last), "{heard:?}");
}

#[test]
fn no_more_than_two_pieces_are_past_the_grant_and_not_sent() {
    let mut world = World::new(limits(), 8, MIB);
    let caller = world.open(1);
    world.speed(caller, Speed::Never);
    world.ask(caller, 0..8);
    assert_eq!(world.reads.len(), 2);
    assert_eq!(world.stream(caller).waiting, 512 * KIB);
    world.speed(caller, Speed::BytesASecond(MIB));
    world.pass(seconds(1));
    assert_eq!(world.reads.len(), 3, "the third when the first has gone");
}

#[test]
fn a_cancel_stops_the_rest_of_the_piece() {
    let mut world = World::new(limits(), 4, 4 * MIB);
    let caller = world.open(1);
    world.speed(caller, Speed::BytesASecond(MIB));
    world.heard(caller);
    world.ask(caller, [0, 1]);
    world.pass(seconds(1));
    world.heard(caller);
    world.say(caller, Frame::Cancel(0));
    assert_eq!(world.discards, [(caller, world.piece(0))]);
    assert_eq!(world.heard(caller), [refuse(0, refusal::CANCELLED)]);
    world.pass(seconds(6));
    let heard = world.heard(caller);
    assert!(heard.iter().all(|frame| matches!(frame, Frame::Block(head) if head.index == 1)));
    assert_eq!(heard.len(), 16);
}

#[test]
fn a_cancelled_ask_is_not_read_and_answered_in_its_turn() {
    let mut world = World::new(limits(), 8, 256 * KIB);
    let caller = world.open(1);
    world.disk = Disk::Holds;
    world.heard(caller);
    world.ask(caller, 0..4);
    for index in [3, 0] {
        world.say(caller, Frame::Cancel(index));
    }
    assert_eq!(world.heard(caller), []);
    let [first, second] = [world.piece(0), world.piece(1)];
    world.input(Input::Read(caller, first, Ok(())));
    assert_eq!(world.discards, [(caller, first)]);
    assert_eq!(world.heard(caller), [refuse(0, refusal::CANCELLED)]);
    world.input(Input::Read(caller, second, Ok(())));
    let third = world.piece(2);
    world.input(Input::Read(caller, third, Ok(())));
    let expected = [block(1, 0, 256 * KIB), block(2, 0, 256 * KIB), refuse(3, refusal::CANCELLED)];
    assert_eq!(world.heard(caller), expected);
    assert!(!world.reads.contains(&(caller, world.piece(3))));
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut world = World::new(limits(), 2, 256 * KIB);
    let caller = world.open(1);
    world.ask(caller, [0]);
    world.heard(caller);
    world.say(caller, Frame::Cancel(0));
    world.ask(caller, [0]);
    assert_eq!(world.heard(caller), [block(0, 0, 256 * KIB)]);
    assert_eq!(world.fault(caller), None);
}

#[test]
fn what_is_with_the_writer_whole_is_answered_whatever_is_cancelled() {
    let mut world = World::new(limits(), 4, 512 * KIB);
    let caller = world.open(1);
    world.speed(caller, Speed::BytesASecond(MIB));
    world.heard(caller);
    world.ask(caller, [0]);
    world.say(caller, Frame::Cancel(0));
    world.pass(seconds(1));
    assert_eq!(world.heard(caller), [block(0, 0, 256 * KIB), block(0, 256 * KIB, 256 * KIB)]);
    assert_eq!((world.taken(caller), world.discards.len()), (512 * KIB, 0));
}

#[test]
fn a_grant_that_is_taken_back_lets_no_further_block_go() {
    let mut world = World::new(limits(), 4, 4 * MIB);
    let [caller, other] = [world.open(1), world.open(2)];
    world.speed(caller, Speed::BytesASecond(MIB));
    world.ask(caller, [0, 1, 2]);
    world.pass(seconds(1));
    world.heard(caller);
    world.input(Input::Revoked(peer(1), Sha256::from_bytes([8; 32])));
    assert_eq!(world.heard(caller), [], "that is another artifact");
    world.input(Input::Revoked(peer(1), artifact()));
    let mut expected = [0, 1, 2].map(|index| refuse(index, refusal::NOT_SERVED)).to_vec();
    expected.push(Frame::Close(close::DONE));
    assert_eq!(world.heard(caller), expected);
    assert_eq!((world.reads.len(), world.discards.len()), (2, 2));
    assert!(world.is_hung_up(caller) && !world.is_hung_up(other));
}

#[test]
fn a_grant_that_ends_between_the_check_and_the_block_is_refused_once() {
    let mut world = World::new(limits(), 4, 4 * MIB);
    let caller = world.open(1);
    world.speed(caller, Speed::BytesASecond(MIB));
    world.heard(caller);
    world.ask(caller, [0]);
    world.granted = false;
    world.pass(seconds(5));
    let expected =
        [block(0, 0, 256 * KIB), block(0, 256 * KIB, 256 * KIB), refuse(0, refusal::NOT_SERVED)];
    assert_eq!(world.heard(caller), expected);
    let sent = world.news.iter().map(|news| match news {
        News::Sent(_, _, _, bytes) => u64::from(*bytes),
        _ => 0,
    });
    assert_eq!(sent.sum::<u64>(), 512 * KIB, "what was not sent is not told");
    world.granted = true;
    world.ask(caller, [0]);
    assert_eq!(world.heard(caller).len(), 2, "there is room for two blocks");
    world.pass(seconds(5));
    assert_eq!(world.taken(caller), 4 * MIB + 512 * KIB);
}

#[test]
fn a_grant_that_is_taken_back_while_it_is_looked_at_shows_nothing() {
    let mut world = World::new(limits(), 4, 16 * KIB);
    let caller = world.enter(1);
    world.say(caller, Frame::Hello(Hello { version: VERSION, asks: 7 }));
    world.heard(caller);
    let opened = world.hold_opening(caller);
    world.input(Input::Revoked(peer(1), artifact()));
    world.input(Input::Opened(caller, Some(opened)));
    let code = refusal::NOT_SERVED;
    let expected = [Frame::Refuse(Refuse { index: None, code }), Frame::Close(close::DONE)];
    assert_eq!(world.heard(caller), expected);
}

#[test]
fn what_cannot_be_read_is_refused_and_said() {
    for (refusal, code) in [(Refusal::NotHad, refusal::NOT_HAD), (Refusal::Failed, refusal::FAILED)]
    {
        let mut world = World::new(limits(), 4, 16 * KIB);
        let caller = world.open(1);
        world.heard(caller);
        world.disk = Disk::Refuses(refusal);
        world.ask(caller, [3]);
        assert_eq!(world.heard(caller), [refuse(3, code)]);
        assert!(world.news.contains(&News::Refused(peer(1), refusal)));
    }
}

#[test]
fn floods_and_asks_that_cannot_be_are_faults() {
    type Say = fn(&mut World, crate::upload::Caller);
    let cases: [(Say, Ending); 10] = [
        (ask_in_vain, Ending::Flood(Kind::Ask)),
        (|world, caller| world.ask(caller, [0, 0]), Ending::Asks(0)),
        (|world, caller| world.ask(caller, 0..1_025), Ending::Asks(1_024)),
        (|world, caller| world.ask(caller, [2_000]), Ending::Unasked(2_000)),
        (|world, caller| world.say(caller, Frame::Cancel(0)), Ending::Flood(Kind::Cancel)),
        (
            |world, caller| (0..9).for_each(|_| world.say(caller, Frame::Ping)),
            Ending::Flood(Kind::Ping),
        ),
        (|world, caller| world.say(caller, Frame::Have(0)), Ending::Unexpected(Kind::Have)),
        (
            |world, caller| (0..2).for_each(|_| world.say(caller, Frame::Learn)),
            Ending::Unexpected(Kind::Learn),
        ),
        (|world, caller| world.say(caller, Frame::Open([7; 32])), Ending::Unexpected(Kind::Open)),
        (
            |world, caller| world.say(caller, Frame::Hello(Hello { version: 1, asks: 1 })),
            Ending::Unexpected(Kind::Hello),
        ),
    ];
    for (say, ending) in cases {
        let mut world = World::new(limits(), 2_000, 16 * KIB);
        let caller = world.open(1);
        world.disk = Disk::Holds;
        world.heard(caller);
        say(&mut world, caller);
        assert_eq!(world.fault(caller), Some(ending));
        assert_eq!(world.heard(caller).last(), Some(&Frame::Close(close::FAULT)));
        assert!(world.is_hung_up(caller));
    }
}

/// Asks on and on for what is refused, and need not read the answers.
fn ask_in_vain(world: &mut World, caller: crate::upload::Caller) {
    world.disk = Disk::Refuses(Refusal::NotHad);
    for _ in 0..2_049 {
        world.ask(caller, [0]);
    }
}

#[test]
fn pings_that_a_slow_line_delivers_at_once_are_no_flood() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let caller = world.open(1);
    for _ in 0..6 {
        world.pass(seconds(20));
        world.say(caller, Frame::Ping);
    }
    (0..20).for_each(|_| world.say(caller, Frame::Ping));
    assert_eq!(world.fault(caller), None);
}

#[test]
fn nothing_is_done_for_a_caller_that_is_gone() {
    let mut world = World::new(limits(), 2, 16 * KIB);
    let caller = world.open(1);
    world.disk = Disk::Holds;
    world.ask(caller, [0]);
    world.input(Input::Ended(caller, Ending::HungUp));
    let first = world.piece(0);
    for late in [
        Input::Read(caller, first, Ok(())),
        Input::Written(caller, 5),
        Input::Frame(caller, Frame::Ask(1)),
        Input::Ended(caller, Ending::HungUp),
    ] {
        world.uploads.input(late, world.now);
        assert_eq!(world.uploads.next(), None::<Effect>);
    }
    assert_eq!(world.uploads.deadline(), None);
}
