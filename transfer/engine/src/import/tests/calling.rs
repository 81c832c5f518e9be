//! Calls, the first frames, and what becomes of a peer when a connection ends.

use super::world::{Setup, World, id, millis, secs, set};
use crate::Ending;
use crate::import::{Connection, Input, News, Patience, PeerState, Why};
use crate::wire::{Frame, Hello, Kind, MAX_ASKS, Refuse, close, refusal};

#[test]
fn all_peers_are_called_at_once_and_hello_open_and_learn_go_out_in_one_flight() {
    let mut world = World::new(Setup { peers: 3, listed: false, ..Setup::default() });
    assert_eq!(world.calls, [0, 1, 2].map(|peer| Connection { peer, call: 1 }));
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    let hello = Frame::Hello(Hello { version: 1, asks: MAX_ASKS });
    assert_eq!(world.hears(anna), [hello.clone(), Frame::Open([5; 32]), Frame::Learn]);
    let bert = world.current(1);
    world.input(Input::Connected(bert));
    assert_eq!(world.hears(bert), [hello, Frame::Open([5; 32])], "one learns the list");
}

#[test]
fn pieces_are_asked_as_soon_as_the_artifact_is_open() {
    let mut world = World::new(Setup { listed: false, ..Setup::default() });
    let anna = world.open(0, "########");
    assert_eq!(world.asks(anna), "0p 1p 2p 3p");
    assert!(matches!(world.news.first(), Some(News::Connected(_, 8))));
}

#[test]
fn a_peer_is_called_again_later_and_later_and_soon_again_after_a_piece() {
    let mut world = World::new(Setup { patience: Patience::Forever, ..Setup::default() });
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let before = world.now;
        world.ends(world.current(0), Ending::HungUp);
        let call = world.calls.len();
        while world.calls.len() == call {
            world.pass(millis(10));
        }
        pauses.push(world.now.since(before).as_millis());
    }
    assert!((375..=640).contains(&pauses[0]), "{pauses:?}");
    assert!((3_000..=5_010).contains(&pauses[3]), "{pauses:?}");
    assert!((18_000..=30_010).contains(&pauses[8]), "{pauses:?}");
    let anna = world.open(0, "########");
    world.gives(anna, 0);
    world.ends(anna, Ending::HungUp);
    world.pass(millis(650));
    assert_eq!(world.current(0).call, 11);
}

#[test]
fn a_peer_that_calls_here_is_called_soon_however_often_it_was_in_vain() {
    let mut world = World::new(Setup { patience: Patience::Forever, ..Setup::default() });
    while !matches!(world.state(0), PeerState::Waiting { left, .. } if left > secs(10)) {
        match world.state(0) {
            PeerState::Waiting { left, .. } => world.pass(left),
            _ => world.ends(world.current(0), Ending::HungUp),
        }
    }
    let before = world.current(0).call;
    world.input(Input::Called(id(1)));
    assert!(matches!(world.state(0), PeerState::Waiting { left, .. } if left > secs(9)));
    world.input(Input::Called(id(0)));
    world.pass(millis(499));
    assert_eq!(world.current(0).call, before);
    // Calls that come one after the other do not put it off.
    world.input(Input::Called(id(0)));
    world.pass(millis(1));
    assert_eq!(world.current(0).call, before + 1);
}

#[test]
fn where_no_connection_is_free_the_call_is_made_a_second_later() {
    let mut world = World::new(Setup::default());
    world.input(Input::NoSlot(world.current(0)));
    assert_eq!(world.state(0), PeerState::Queued);
    world.pass(millis(999));
    assert_eq!(world.calls.len(), 1);
    world.pass(millis(1));
    assert_eq!(world.current(0), Connection { peer: 0, call: 2 });
}

#[test]
fn what_is_said_of_a_call_that_is_over_is_ignored() {
    let mut world = World::new(Setup::default());
    let old = world.open(0, "########");
    world.ends(old, Ending::HungUp);
    world.pass(secs(1));
    let new = world.open(0, "########");
    assert_ne!(old, new);
    let picture = world.picture();
    world.ends(old, Ending::HungUp);
    world.says(old, Frame::Have(77));
    world.says(old, Frame::Close(0));
    world.input(Input::Received(old, 5));
    world.input(Input::NoSlot(old));
    assert_eq!(world.picture(), picture);
    assert!(matches!(world.state(0), PeerState::Owes { .. }));
}

#[test]
fn a_peer_that_does_not_open_the_artifact_in_time_is_left_and_called_again() {
    let mut world = World::new(Setup::default());
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    assert_eq!(world.state(0), PeerState::Learning);
    world.pass(secs(14));
    assert!(world.hung_up.is_empty());
    world.pass(secs(3));
    assert_eq!(world.hung_up, [anna]);
    assert_eq!(world.current(0).call, 2);
}

#[test]
fn a_call_that_nobody_answers_for_a_minute_is_over() {
    let mut world = World::new(Setup { patience: Patience::Forever, ..Setup::default() });
    world.pass(secs(60));
    assert_eq!(world.hung_up, [Connection { peer: 0, call: 1 }]);
    assert!(matches!(world.state(0), PeerState::Waiting { .. }));
}

#[test]
fn a_plain_no_is_not_asked_for_again_by_an_import_that_does_not_wait_and_it_says_so() {
    for (ending, text) in [
        (Ending::NotLetIn, "anna does not let you in: they have not added you yet"),
        (Ending::Version(0), "anna speaks version 0 of the protocol"),
        (Ending::Geometry, "anna shares this model under another manifest"),
    ] {
        let mut world = World::new(Setup::default());
        world.ends(world.current(0), ending);
        let why = &world.exhausted().why;
        assert!(why.starts_with(&format!("nobody is left to be called; {text}")), "{why}");
    }
}

#[test]
fn a_peer_of_another_version_is_told_so() {
    let mut world = World::new(Setup::default());
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    world.says(anna, Frame::Hello(Hello { version: 0, asks: 9 }));
    assert_eq!(world.hears(anna).last(), Some(&Frame::Close(close::VERSION)));
    assert!(matches!(world.state(0), PeerState::Gone { .. }));
    let mut world = World::new(Setup::default());
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    world.says(anna, Frame::Hello(Hello { version: 7, asks: 9 }));
    assert_eq!(world.state(0), PeerState::Learning, "both go on with the lower one");
}

#[test]
fn an_opening_that_is_refused_or_of_another_artifact_ends_it() {
    let refused = Frame::Refuse(Refuse { index: None, code: refusal::NOT_SERVED });
    let mut other = World::new(Setup::default()).opened(&set("########"));
    other.byte_count += 1;
    for frame in [refused, Frame::Opened(other)] {
        let mut world = World::new(Setup { peers: 2, ..Setup::default() });
        let anna = world.current(0);
        world.input(Input::Connected(anna));
        world.says(anna, Frame::Hello(Hello { version: 1, asks: 9 }));
        world.says(anna, frame);
        assert!(matches!(world.state(0), PeerState::Gone { .. }), "{:?}", world.state(0));
        assert_eq!(world.hung_up, [anna]);
    }
}

#[test]
fn whoever_said_no_is_called_again_by_an_import_that_waits_and_whoever_lied_is_not() {
    let no = |code| Ending::Refused(code);
    for ending in [
        Ending::NotLetIn,
        no(refusal::NOT_SERVED),
        Ending::Closed(close::VERSION),
        Ending::Version(0),
        Ending::Geometry,
    ] {
        let mut world =
            World::new(Setup { pieces: 1, patience: Patience::For(secs(60)), ..Setup::default() });
        world.ends(world.current(0), ending.clone());
        assert!(world.exhausted().anyone, "waiting for it may help: {ending:?}");
        for patience in [Patience::Wait(secs(7_200)), Patience::Forever] {
            let mut world = World::new(Setup { pieces: 1, peers: 2, patience, ..Setup::default() });
            world.ends(world.current(1), Ending::Unexpected(Kind::Ask));
            let mut calls = Vec::new();
            for call in 1..=9 {
                assert_eq!(world.current(0).call, call);
                calls.push(world.now);
                world.ends(world.current(0), ending.clone());
                world.pass(secs(30));
            }
            assert_eq!(world.current(1).call, 1, "what broke the protocol is not called again");
            let anna = world.open(0, "#");
            world.gives(anna, 0);
            assert_eq!(world.done, Some(Ok(())));
        }
    }
}

#[test]
fn an_import_that_waits_ends_where_nobody_can_be_called_any_more() {
    let why = "has no address".to_owned();
    let nowhere =
        Ending::Unreachable { why, code: verifier::Code::new("io", "failed"), again: false };
    for last in [Ending::Unexpected(Kind::Ask), nowhere, Ending::Denied] {
        let patience = Patience::Forever;
        let mut world = World::new(Setup { peers: 2, patience, ..Setup::default() });
        world.ends(world.current(0), Ending::Unexpected(Kind::Ask));
        assert_eq!(world.done, None);
        world.ends(world.current(1), last);
        let exhausted = world.exhausted();
        assert!(exhausted.why.starts_with("nobody is left to be called; anna broke the protocol"));
        assert!(!exhausted.anyone, "waiting does not help");
    }
}

#[test]
fn whoever_says_nothing_for_10_seconds_pings_and_for_30_is_gone() {
    let mut world = World::new(Setup { have: Some(set("#######.")), ..Setup::default() });
    let anna = world.open(0, "#######.");
    world.hears(anna);
    world.pass(millis(10_100));
    assert_eq!(world.hears(anna), [Frame::Ping]);
    world.pass(secs(15));
    assert_eq!(world.hears(anna), [Frame::Ping]);
    world.pass(secs(5));
    assert_eq!(world.hears(anna).last(), Some(&Frame::Close(close::IDLE)));
    assert!(world.news.contains(&News::Lost(id(0), Ending::Silent)));
}

#[test]
fn stopping_says_goodbye_to_all_and_nothing_more() {
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    let anna = world.open(0, "########");
    world.input(Input::Stop);
    assert_eq!(world.hears(anna).last(), Some(&Frame::Close(close::DONE)));
    assert_eq!(world.hung_up, [anna, Connection { peer: 1, call: 1 }]);
    assert_eq!(world.why(), None);
    world.input(Input::Tick);
    assert_eq!(world.done, None);
}

#[test]
fn what_is_to_be_taken_out_is_due_now() {
    let mut world = World::new(Setup::default());
    let anna = world.current(0);
    world.engine.input(Input::Connected(anna), world.now);
    assert_eq!(world.engine.deadline(), Some((world.now, Why::Effects)));
}
