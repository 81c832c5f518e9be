//! Lies and broken rules: who is banned, with what evidence, and that nobody else is.

use super::world::{PIECE, Setup, World, id, millis, secs, set};
use crate::Ending;
use crate::import::{Input, News, Patience, PeerState};
use crate::wire::{
    BlockHead, DigestsHead, Frame, Hello, Kind, Opened, ProofHead, Refuse, close, refusal,
};

/// What anna is banned for after she says that, with pieces 0 to 3 asked of her.
fn banned_for(frames: Vec<Frame>) -> Option<Ending> {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let anna = world.open(0, "###.");
    let bert = world.open(1, "..##");
    for frame in frames {
        let payload = frame.payload();
        world.says(anna, frame);
        if payload > 0 && world.hung_up.is_empty() {
            world.input(Input::Received(anna, payload));
        }
    }
    assert!(!world.hung_up.contains(&bert));
    let blame = world.news.iter().find_map(|news| match news {
        News::Banned(peer, blame) => Some((*peer, blame.clone())),
        _ => None,
    });
    let (peer, blame) = blame?;
    assert_eq!((peer, blame.connection), (id(0), anna));
    assert_eq!(world.hears(anna).last(), Some(&Frame::Close(close::FAULT)));
    assert_eq!(world.hung_up, [anna]);
    assert_eq!(blame.ending.fate(), crate::Fate::Ban(blame.code));
    Some(blame.ending)
}

fn block(index: u32, offset: u32, length: u32) -> Frame {
    Frame::Block(BlockHead { index, offset, length })
}

#[test]
fn whoever_breaks_a_rule_is_banned_for_that() {
    let refuse = |index, code| Frame::Refuse(Refuse { index: Some(index), code });
    let unexpected = |kind| Some(Ending::Unexpected(kind));
    for (frames, ending) in [
        (vec![block(1, 0, 512)], Some(Ending::Unasked(1))),
        (vec![block(9, 0, 512)], Some(Ending::Unasked(9))),
        (vec![block(0, 512, 512)], Some(Ending::Order { index: 0, offset: 512, expected: 0 })),
        (vec![block(0, 0, 512), block(1, 0, 512)], Some(Ending::Unasked(1))),
        (
            vec![block(0, 0, 512), block(0, 0, 512)],
            Some(Ending::Order { index: 0, offset: 0, expected: 512 }),
        ),
        (vec![block(0, 0, 511)], Some(Ending::BlockLength { index: 0, length: 511, left: PIECE })),
        (
            vec![block(0, 0, 512), block(0, 512, PIECE)],
            Some(Ending::BlockLength { index: 0, length: PIECE, left: PIECE - 512 }),
        ),
        (vec![refuse(1, refusal::NOT_HAD)], Some(Ending::Unasked(1))),
        (vec![refuse(0, refusal::CANCELLED)], Some(Ending::Unasked(0))),
        (vec![Frame::Have(3), Frame::Have(3)], Some(Ending::Flood(Kind::Have))),
        (vec![Frame::Have(0)], Some(Ending::Flood(Kind::Have))),
        (vec![Frame::Have(4)], Some(Ending::Unasked(4))),
        (vec![Frame::Ping; 9], Some(Ending::Flood(Kind::Ping))),
        (vec![Frame::Proof(ProofHead { index: 0, count: 1 })], Some(Ending::Unasked(0))),
        (vec![Frame::Digests(DigestsHead { first: 0, count: 1 })], unexpected(Kind::Digests)),
        (vec![Frame::Ask(0)], unexpected(Kind::Ask)),
        (vec![Frame::Hello(Hello { version: 1, asks: 1 })], unexpected(Kind::Hello)),
        (vec![Frame::Refuse(Refuse { index: None, code: 1 })], unexpected(Kind::Refuse)),
        (vec![Frame::Ping; 8], None),
        (vec![Frame::Have(3)], None),
        (vec![block(0, 0, 512), block(0, 512, 256 << 10)], None),
    ] {
        assert_eq!(banned_for(frames.clone()), ending, "{frames:?}");
    }
}

#[test]
fn pings_that_a_slow_line_delivers_at_once_are_no_flood() {
    let mut world =
        World::new(Setup { pieces: 1, patience: Patience::Forever, ..Setup::default() });
    let anna = world.open(0, ".");
    for _ in 0..6 {
        world.pass(secs(20));
        world.says(anna, Frame::Ping);
    }
    (0..20).for_each(|_| world.says(anna, Frame::Ping));
    assert_eq!(world.hung_up, []);
}

#[test]
fn before_the_artifact_is_open_only_what_opens_it_may_be_said() {
    for frame in [Frame::Ping, block(0, 0, 512), Frame::Have(0)] {
        let mut world = World::new(Setup::default());
        let anna = world.current(0);
        world.input(Input::Connected(anna));
        world.says(anna, frame);
        assert!(matches!(world.exhausted().why.as_str(), why if why.contains("out of turn")));
    }
    let mut world = World::new(Setup::default());
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    world.says(anna, Frame::Hello(Hello { version: 1, asks: 9 }));
    let opened = Opened { have: vec![], ..world.opened(&set("########")) };
    world.says(anna, Frame::Opened(opened));
    assert!(world.exhausted().why.contains("its have-map does not fit"), "{:?}", world.done);
}

#[test]
fn a_false_piece_bans_its_sender_with_the_evidence_and_is_asked_of_another() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, "##");
    let bert = world.open(1, "##");
    world.pass(millis(500));
    world.gives(anna, 0);
    let (connection, piece, _) = world.judges.pop_front().unwrap();
    let wrong = world.wrong(0);
    world.input(Input::Judged(connection, piece, Err(wrong.clone())));
    let Some(News::Banned(peer, blame)) = world.news.iter().find(|n| matches!(n, News::Banned(..)))
    else {
        panic!("{:?}", world.news)
    };
    assert_eq!((*peer, blame.connection, blame.after), (id(0), anna, millis(500)));
    assert_eq!(blame.ending, Ending::Piece(wrong));
    assert_eq!(world.asks(bert), "0 1");
    assert_eq!(world.discards, [(anna, 0)]);
}

#[test]
fn the_only_holder_lies_and_the_import_says_what_is_missing() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, "##");
    world.open(1, "#.");
    world.gives(anna, 0);
    let wrong = world.wrong(0);
    let (connection, piece, _) = world.judges.pop_front().unwrap();
    world.input(Input::Judged(connection, piece, Err(wrong)));
    assert!(matches!(world.state(0), PeerState::Banned { .. }));
    let snapshot = world.engine.snapshot();
    assert_eq!((snapshot.availability.as_slice(), snapshot.unavailable), (&[1, 0][..], 1));
    assert!(!snapshot.can_finish());
}

#[test]
fn a_lie_of_a_connection_that_is_over_still_bans() {
    let mut world = World::new(Setup { pieces: 2, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, "##");
    world.gives(anna, 0);
    world.ends(anna, Ending::HungUp);
    world.pass(secs(1));
    let again = world.open(0, "##");
    let wrong = world.wrong(0);
    let (connection, piece, _) = world.judges.pop_front().unwrap();
    world.input(Input::Judged(connection, piece, Err(wrong)));
    assert_eq!(world.hung_up, [again]);
    assert_eq!(world.exhausted().missing, 2);
}
