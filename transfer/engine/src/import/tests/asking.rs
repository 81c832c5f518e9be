//! What is asked of whom: windows, room, refusals, cancels that cross.

use std::num::NonZeroU64;

use verifier::Bitfield;

use super::world::{PIECE, Setup, World, id, millis, secs};
use crate::Ending;
use crate::import::{Evidence, Input, Limits, News, PeerState, Place};
use crate::wire::{Frame, Hello, refusal};

#[test]
fn the_first_window_carries_a_long_fat_line() {
    // 100 Mbit/s at 200 ms are 2.5 MB on the line.
    let mut world = World::new(Setup { pieces: 256, piece: 256 << 10, ..Setup::default() });
    let anna = world.open(0, &"#".repeat(256));
    assert_eq!(world.asks(anna).split(' ').count(), 16);
}

#[test]
fn a_window_grows_with_each_piece_and_then_follows_the_rate() {
    let mut world = World::new(Setup {
        pieces: 2_000,
        piece: 256 << 10,
        in_flight: 48 << 20,
        ..Setup::default()
    });
    let anna = world.open_for(0, &Bitfield::full(2_000), 1_024);
    let window = |world: &World| world.engine.snapshot().peers[0].window;
    assert_eq!(window(&world), 16);
    for index in 0..16 {
        world.pass(millis(5));
        world.gives(anna, index);
    }
    assert_eq!(window(&world), 32);
    // A steady 10 MiB/s over a short line.
    for index in 16..400 {
        world.pass(millis(25));
        world.gives(anna, index);
    }
    assert_eq!(window(&world), 16, "4 MiB, and no more than a second's worth");
}

#[test]
fn over_a_long_line_four_round_trips_worth_may_be_on_its_way() {
    let mut world = World::new(Setup {
        pieces: 2_000,
        piece: 256 << 10,
        in_flight: 48 << 20,
        ..Setup::default()
    });
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    world.pass(millis(200));
    world.says(anna, Frame::Hello(Hello { version: 1, asks: 1_024 }));
    // Other answers have to be made, and tell nothing of the line.
    world.pass(millis(600));
    let opened = world.opened(&Bitfield::full(2_000));
    world.says(anna, Frame::Opened(opened));
    world.pass(millis(600));
    // A steady 10 MiB/s.
    for index in 0..400 {
        world.pass(millis(25));
        world.gives(anna, index);
    }
    let window = world.engine.snapshot().peers[0].window;
    assert!((30..=34).contains(&window), "{window}");
}

#[test]
fn no_peer_is_asked_for_more_at_a_time_than_it_takes() {
    let mut world = World::new(Setup { pieces: 64, piece: 64 << 10, ..Setup::default() });
    let anna = world.open_for(0, &Bitfield::full(64), 3);
    assert_eq!(world.asks(anna), "0 1 2");
    world.gives(anna, 0);
    assert_eq!(world.asks(anna), "3");
}

#[test]
fn a_download_limit_is_not_hoarded() {
    let mut world =
        World::new(Setup { pieces: 64, piece: 64 << 10, download: 64 << 10, ..Setup::default() });
    let anna = world.open_for(0, &Bitfield::full(64), 1_024);
    assert_eq!(world.asks(anna), "0 1 2", "three seconds' worth");
}

#[test]
fn what_is_in_flight_stays_within_the_limit_until_it_is_kept() {
    let mut world = World::new(Setup { in_flight: 3 << 20, ..Setup::default() });
    world.keeping = false;
    let anna = world.open(0, "########");
    assert_eq!(world.picture(), "???.....");
    world.gives(anna, 0);
    assert_eq!(world.picture(), "+??.....", "what came is in the way until it is kept");
    let (_, piece) = world.deliveries.pop_front().unwrap();
    world.input(Input::Settled(piece, crate::import::Consent::Given));
    assert_eq!(world.picture(), "#???....");
}

#[test]
fn one_piece_is_asked_whatever_the_limit_and_limits_change_live() {
    let mut world = World::new(Setup { in_flight: 1, ..Setup::default() });
    let anna = world.open(0, "########");
    assert_eq!(world.picture(), "?.......");
    let limits = |in_flight| Limits { in_flight, download: NonZeroU64::new(0) };
    world.input(Input::Limits(limits(3 << 20)));
    assert_eq!(world.picture(), "???.....");
    world.input(Input::Limits(limits(0)));
    world.gives(anna, 0);
    world.gives(anna, 1);
    assert_eq!(world.picture(), "##?.....");
    world.gives(anna, 2);
    assert_eq!(world.picture(), "###?....");
}

#[test]
fn near_the_end_nobody_hoards() {
    let mut world = World::new(Setup { pieces: 16, peers: 3, ..Setup::default() });
    let full = "#".repeat(16);
    world.consents = false;
    for peer in 0..3 {
        world.open(peer, &full);
    }
    world.consents = true;
    world.input(Input::Tick);
    let asked = |of| world.asked.iter().filter(|(peer, _)| *peer == of).count();
    assert!([0, 1, 2].into_iter().all(|peer| asked(peer) >= 2), "{:?}", world.asked);
}

#[test]
fn a_piece_that_a_peer_does_not_have_is_asked_of_another() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    let anna = world.open(0, "##");
    let bert = world.open(1, "##");
    assert_eq!((world.asks(anna), world.asks(bert)), ("0 1".to_owned(), String::new()));
    world.refuses(anna, 0, refusal::NOT_HAD);
    assert_eq!(world.asks(bert), "0");
    assert_eq!(world.picture(), "??");
    world.says(anna, Frame::Have(0));
    assert!(matches!(world.state(0), PeerState::Banned { .. }), "it says so for ever");
}

#[test]
fn a_piece_that_lands_at_a_peer_is_asked_at_once() {
    let mut world = World::new(Setup { pieces: 3, ..Setup::default() });
    let anna = world.open(0, "#..");
    assert_eq!(world.asks(anna), "0");
    world.gives(anna, 0);
    assert_eq!(world.state(0), PeerState::Idle);
    world.says(anna, Frame::Have(2));
    assert_eq!(world.asks(anna), "2");
}

#[test]
fn what_a_lost_peer_owed_is_asked_of_another() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let anna = world.open(0, "####");
    let bert = world.open(1, "####");
    world.block(anna, 0, 0, 1_024);
    world.ends(anna, Ending::Lost("reset".to_owned()));
    assert_eq!(world.asks(bert), "0 1 2 3");
    assert!(world.news.contains(&News::Lost(id(0), Ending::Lost("reset".to_owned()))));
}

#[test]
fn a_peer_that_turns_its_pieces_away_is_left() {
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    let anna = world.open(0, "########");
    world.refuses(anna, 0, refusal::NOT_SERVED);
    assert!(matches!(world.state(0), PeerState::Gone { .. }));
    assert_eq!(world.picture(), "........");
}

#[test]
fn a_cancel_that_crosses_the_block_costs_nothing_but_the_bytes() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    let anna = world.open(0, "##");
    world.block(anna, 0, 0, 512);
    let bert = world.open(1, "##");
    world.pass(secs(4));
    assert_eq!(world.asks(anna), "0 1 -1 -0", "it sent next to nothing");
    assert_eq!(world.asks(bert), "1 0");
    assert_eq!(world.discards, [(anna, 0)]);
    world.gives(bert, 1);
    // The rest was on its way; it is received, and goes nowhere.
    world.places.clear();
    world.block(anna, 0, 512, PIECE / 4);
    world.refuses(anna, 0, refusal::CANCELLED);
    world.gives(anna, 1);
    assert!(world.places.iter().all(|(_, place)| *place == Place::Nowhere), "{:?}", world.places);
    world.gives(bert, 0);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn snub_then_one_answer_never_asks_the_same_peer_twice_at_once() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, ..Setup::default() });
    let anna = world.open(0, "####");
    let bert = world.open(1, "####");
    assert_eq!(world.asks(anna), "0 1 2 3");
    world.pass(secs(4));
    assert_eq!(world.asks(anna), "-2 -3 -0 -1", "it says nothing, and then it is snubbed");
    assert_eq!(world.asks(bert), "2 3 0 1");
    world.ends(bert, Ending::HungUp);
    // Everything is missing again, and anna still owes an answer to each.
    assert_eq!((world.asks(anna), world.picture()), (String::new(), "....".to_owned()));
    world.gives(anna, 0);
    assert_eq!(world.asks(anna), "0", "only what it answered is asked of it again");
    world.refuses(anna, 1, refusal::CANCELLED);
    world.refuses(anna, 2, refusal::CANCELLED);
    world.refuses(anna, 3, refusal::CANCELLED);
    assert_eq!(world.asks(anna), "1 2 3");
}

#[test]
fn pieces_are_judged_by_their_proofs_until_the_list_is_known() {
    let mut world = World::new(Setup { pieces: 9, listed: false, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, &"#".repeat(9));
    world.proves(anna, 0);
    world.gives(anna, 0);
    let (_, piece, evidence) = world.judges.pop_front().unwrap();
    assert_eq!((piece.get(), evidence), (0, Evidence::Proof));
    let bits = Place::Proof(world.index(0));
    assert_eq!(world.places.first(), Some(&(anna, bits)));
}

#[test]
fn a_verdict_counts_though_the_connection_is_over() {
    let mut world = World::new(Setup { pieces: 2, ..Setup::default() });
    world.judging = false;
    let anna = world.open(0, "##");
    world.gives(anna, 0);
    world.ends(anna, Ending::HungUp);
    assert_eq!(world.picture(), "!.");
    let (connection, piece, _) = world.judges.pop_front().unwrap();
    world.input(Input::Judged(connection, piece, Ok(())));
    assert_eq!(world.picture(), "#.");
}
