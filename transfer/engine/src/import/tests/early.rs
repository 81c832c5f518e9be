//! What is asked before the peer has said what it has, going by its offer.

use verifier::Bitfield;

use super::world::{Setup, World, secs};
use crate::Ending;
use crate::import::{Connection, Input, PeerState};
use crate::wire::{Frame, Hello, refusal};

/// An import from peers that all offer everything, and take any number of asks.
fn offered(pieces: u32, peers: u8) -> World {
    World::new(Setup { pieces, piece: 16 << 10, peers, offered: true, ..Setup::default() })
}

fn connect(world: &mut World, number: u32) -> Connection {
    let connection = world.current(number);
    world.input(Input::Connected(connection));
    connection
}

fn opens(world: &mut World, connection: Connection, asks: u16, have: &Bitfield) {
    world.says(connection, Frame::Hello(Hello { version: 1, asks }));
    let opened = world.opened(have);
    world.says(connection, Frame::Opened(opened));
}

#[test]
fn what_is_offered_is_asked_for_in_the_first_flight() {
    let mut world = offered(4, 1);
    let anna = connect(&mut world, 0);
    let heard = world.hears(anna);
    assert!(matches!(heard[..2], [Frame::Hello(_), Frame::Open(_)]), "{heard:?}");
    assert_eq!(heard[2..], [0, 1, 2, 3].map(Frame::Ask));
    assert_eq!(world.state(0), PeerState::Learning);
    opens(&mut world, anna, 1_024, &Bitfield::full(4));
    assert_eq!(world.asks(anna), "", "nothing is asked twice");
    for index in 0..4 {
        world.gives(anna, index);
    }
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn no_more_is_asked_before_hello_than_every_peer_takes() {
    let mut world = offered(1_000, 1);
    let anna = connect(&mut world, 0);
    assert_eq!(world.asks(anna).split(' ').count(), 256);
    for index in 0..1_000 {
        if index == 0 {
            opens(&mut world, anna, 1_024, &Bitfield::full(1_000));
        }
        world.gives(anna, index);
    }
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn a_piece_that_was_offered_and_is_still_to_come_is_refused_and_asked_for_when_it_has() {
    let mut world = offered(3, 1);
    let anna = connect(&mut world, 0);
    assert_eq!(world.asks(anna), "0 1 2");
    opens(&mut world, anna, 1_024, &super::world::set("#.."));
    world.gives(anna, 0);
    world.refuses(anna, 1, refusal::NOT_HAD);
    world.refuses(anna, 2, refusal::NOT_HAD);
    assert_eq!(world.picture(), "#..");
    world.says(anna, Frame::Have(2));
    assert_eq!(world.asks(anna), "2");
    world.gives(anna, 2);
    world.says(anna, Frame::Have(1));
    world.gives(anna, 1);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn a_peer_that_was_asked_and_does_not_open_keeps_no_piece_from_another() {
    let mut world = offered(300, 2);
    let [anna, bert] = [0, 1].map(|number| connect(&mut world, number));
    assert_eq!(world.asks(anna).split(' ').count(), 256);
    opens(&mut world, bert, 1_024, &Bitfield::full(300));
    for _ in 0..10 {
        let asks = world.asks(bert);
        for index in asks.split(' ').filter_map(|ask| ask.parse().ok()) {
            world.gives(bert, index);
        }
        if asks.is_empty() {
            world.pass(secs(1));
        }
    }
    assert_eq!(world.done, Some(Ok(())), "{}", world.picture());
}

#[test]
fn what_was_asked_early_is_missing_again_when_the_opening_is_refused() {
    let mut world = offered(4, 1);
    let anna = connect(&mut world, 0);
    assert_eq!(world.picture(), "????");
    world.says(anna, Frame::Hello(Hello { version: 1, asks: 9 }));
    let refuse = crate::wire::Refuse { index: None, code: refusal::NOT_SERVED };
    world.says(anna, Frame::Refuse(refuse));
    assert_eq!(world.picture(), "....");
    let told = world.news.iter().any(|news| {
        matches!(news, crate::import::News::Lost(_, Ending::Refused(refusal::NOT_SERVED)))
    });
    assert!(told, "{:?}", world.news);
}
