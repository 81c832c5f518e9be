//! Nothing is asked without consent, and its end costs the peer alone that it was for.

use verifier::Bitfield;

use super::world::{PIECE, Setup, World, id, millis, secs, set};
use crate::Ending;
use crate::import::{Consent, Input, News, Patience, PeerState, Purpose};
use crate::wire::{DigestsHead, Frame, MAX_DIGESTS, Refuse, close, refusal};

#[test]
fn nothing_is_asked_before_consent_is_known() {
    let mut world = World::new(Setup { pieces: 4, ..Setup::default() });
    world.consents = false;
    let anna = world.open(0, "####");
    assert_eq!(world.spends.front(), Some(&(anna, 4 << 20, Purpose::Several)));
    assert_eq!(world.asks(anna), "");
    assert_eq!((world.state(0), world.picture()), (PeerState::Held, "????".to_owned()));
    for _ in 0..10 {
        world.pass(secs(10));
        world.says(anna, Frame::Ping);
    }
    assert_eq!(world.done, None, "this side holds everything");
    assert!(world.sentence().unwrap().starts_with("Waiting for your consent"));
    world.spends.clear();
    world.input(Input::Spent(anna, Consent::Given));
    assert_eq!(world.asks(anna), "0 1 2 3");
    assert!(world.sentence().unwrap().starts_with("Waiting for anna to send"));
}

#[test]
fn where_consent_covers_one_piece_and_not_several_one_is_asked() {
    let mut world = World::new(Setup { pieces: 4, ..Setup::default() });
    world.allowance = Some(2 << 20);
    let anna = world.open(0, "####");
    assert_eq!(world.asks(anna), "0 1");
    world.gives(anna, 0);
    assert_eq!((world.asks(anna), world.done.clone()), (String::new(), None));
    world.gives(anna, 1);
    assert_eq!(world.hears(anna).last(), Some(&Frame::Close(close::DONE)));
    let exhausted = world.exhausted();
    assert_eq!(exhausted.missing, 2);
    let text = "nobody is left to be called; anna may not be asked for more: your consent";
    assert!(exhausted.why.starts_with(text), "{}", exhausted.why);
}

#[test]
fn consent_for_one_peer_ends_and_costs_that_peer_only() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let anna = world.open(0, "####");
    let bert = world.open(1, "####");
    assert_eq!(world.asks(anna), "0 1 2 3");
    world.block(anna, 0, 0, 1_024);
    world.input(Input::Denied(id(0)));
    assert_eq!((world.state(0), world.hung_up.clone()), (PeerState::Denied, vec![anna]));
    assert!(world.news.contains(&News::Lost(id(0), Ending::Denied)));
    assert_eq!(world.asks(bert), "0 1 2 3");
    (0..4).for_each(|index| world.gives(bert, index));
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn consent_that_ends_for_all_ends_an_import_that_waits_for_ever() {
    let patience = Patience::Forever;
    let mut world = World::new(Setup { pieces: 4, peers: 2, patience, ..Setup::default() });
    world.open(0, "####");
    world.open(1, "####");
    world.input(Input::Denied(id(0)));
    assert_eq!(world.done, None, "the other may be asked");
    world.input(Input::Denied(id(1)));
    let exhausted = world.exhausted();
    assert!(!exhausted.anyone && exhausted.why.contains("; bert may not be asked for more: "));
}

#[test]
fn a_piece_that_may_not_be_kept_is_asked_of_another_and_its_giver_is_left() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    world.keeping = false;
    let anna = world.open(0, "##");
    let bert = world.open(1, "##");
    world.gives(anna, 0);
    world.gives(anna, 1);
    assert_eq!(world.picture(), "++");
    let (_, piece) = world.deliveries.pop_front().unwrap();
    world.input(Input::Settled(piece, Consent::Denied));
    assert_eq!((world.state(0), world.asks(bert)), (PeerState::Denied, "0".to_owned()));
}

#[test]
fn what_is_being_judged_when_consent_ends_is_not_kept() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, "##");
    let bert = world.open(1, "##");
    world.gives(anna, 0);
    world.input(Input::Denied(id(0)));
    assert_eq!(world.asks(bert), "1");
    let (connection, piece, _) = world.judges.pop_front().unwrap();
    world.input(Input::Judged(connection, piece, Ok(())));
    assert_eq!(world.discards, [(anna, 0)]);
    assert_eq!(world.asks(bert), "0");
}

#[test]
fn a_second_ask_that_consent_does_not_cover_says_nothing_of_the_peer() {
    let mut world = World::new(Setup { pieces: 3, peers: 2, ..Setup::default() });
    let slow = world.open_for(0, &set("###"), 2);
    let good = world.open(1, "###");
    assert_eq!((world.asks(slow), world.asks(good)), ("0 1".to_owned(), "2".to_owned()));
    world.consents = false;
    (0..4).for_each(|part| {
        world.pass(millis(25));
        world.block(good, 2, part * PIECE / 4, PIECE / 4);
    });
    world.pass(millis(1_500));
    // Two that the slow one has not begun are not covered together, nor is the first alone.
    for bytes in [2 << 20, 1 << 20] {
        assert_eq!(world.spends.pop_front(), Some((good, bytes, Purpose::Second)));
        world.input(Input::Spent(good, Consent::Denied));
    }
    // The other is tried once, too, and covered.
    world.pass(millis(300));
    assert_eq!(world.spends.pop_front(), Some((good, 1 << 20, Purpose::Second)));
    world.input(Input::Spent(good, Consent::Given));
    assert_eq!((world.asks(good), world.asks(slow)), ("1".to_owned(), "-1".to_owned()));
    world.gives(good, 1);
    world.pass(millis(600));
    assert_eq!((world.spends.len(), world.state(1)), (0, PeerState::Idle));
    assert!(!world.news.iter().any(|news| matches!(news, News::Lost(..))));
    world.gives(slow, 0);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn what_consent_is_asked_for_is_said_so_that_its_no_is_understood() {
    let mut world = World::new(Setup { pieces: 2, ..Setup::default() });
    world.consents = false;
    let anna = world.open(0, "##");
    assert_eq!(world.spends.pop_front(), Some((anna, 2 << 20, Purpose::Several)));
    world.input(Input::Spent(anna, Consent::Denied));
    assert_eq!(world.spends.pop_front(), Some((anna, 1 << 20, Purpose::One)));
    world.input(Input::Spent(anna, Consent::Denied));
    assert!(world.news.contains(&News::Lost(id(0), Ending::Denied)));
}

#[test]
fn what_does_not_come_of_what_consent_was_spent_on_is_let_go() {
    let mut world = World::new(Setup { pieces: 4, ..Setup::default() });
    let anna = world.open(0, "####");
    assert_eq!((world.asks(anna), world.released), ("0 1 2 3".to_owned(), 0));
    world.gives(anna, 0);
    world.says(anna, Frame::Refuse(Refuse { index: Some(1), code: refusal::NOT_HAD }));
    assert_eq!(world.released, 1 << 20);
    world.ends(anna, Ending::HungUp);
    assert_eq!(world.released, 3 << 20);
}

#[test]
fn a_no_for_several_is_none_for_the_one_that_is_left_of_them() {
    let small = 16 << 10;
    for here in [1, 2] {
        let setup = Setup { pieces: 5_000, piece: small, listed: false, ..Setup::default() };
        let mut world = World::new(setup);
        world.consents = false;
        let mut wanted = Bitfield::full(5_000);
        let anna = world.open_for(0, &wanted, 2);
        let two = (anna, u64::from(2 * small), Purpose::Several);
        assert_eq!(world.spends.pop_front(), Some(two));
        // The list shows that some of them are here.
        for first in (0..5_000).step_by(MAX_DIGESTS as usize) {
            let count = MAX_DIGESTS.min(5_000 - first);
            world.says(anna, Frame::Digests(DigestsHead { first, count }));
            world.input(Input::Received(anna, count * 32));
        }
        for index in 0..here {
            wanted.remove(world.index(index));
        }
        world.input(Input::Proven(anna, Ok(wanted)));
        world.input(Input::Spent(anna, Consent::Denied));
        let next = if here == 1 { (anna, small.into(), Purpose::One) } else { two };
        assert_eq!(world.spends.pop_front(), Some(next));
        world.input(Input::Spent(anna, Consent::Given));
        assert_eq!(world.asks(anna), if here == 1 { "1" } else { "2 3" });
    }
}

#[test]
fn a_no_for_several_that_another_owes_is_none_for_the_one_that_is_left_of_them() {
    let mut world = World::new(Setup { pieces: 20, peers: 2, ..Setup::default() });
    let slow = world.open(0, &"#".repeat(20));
    for index in 0..8 {
        world.pass(millis(500));
        world.gives(slow, index);
    }
    world.consents = false;
    let idle = world.open(1, &"#".repeat(20));
    assert_eq!(world.spends.pop_front(), Some((idle, 2 << 20, Purpose::Second)));
    (8..19).for_each(|index| world.gives(slow, index));
    world.input(Input::Spent(idle, Consent::Denied));
    assert_eq!(world.spends.pop_front(), Some((idle, 1 << 20, Purpose::Second)));
}
