//! Peers that send little or nothing, beside good ones and alone.

use super::world::{PIECE, Setup, World, id, millis, secs};
use crate::Ending;
use crate::import::{Connection, Input, News, Patience, PeerState};
use crate::wire::{Frame, MIN_BLOCK, refusal};

/// The peer sends so many bytes of a piece each second, for so long.
fn trickle(world: &mut World, of: Connection, index: u32, offset: &mut u32, bytes: u32, time: u64) {
    for _ in 0..time {
        world.pass(secs(1));
        if world.hung_up.contains(&of) {
            return;
        }
        world.block(of, index, *offset, bytes);
        *offset += bytes;
    }
}

fn is_snubbed(world: &World, peer: usize) -> bool {
    matches!(world.state(peer), PeerState::Owes { snubbed: true, .. })
}

#[test]
fn a_trickler_beside_an_honest_peer_whose_rate_is_not_yet_known() {
    let mut world = World::new(Setup { pieces: 1, peers: 2, ..Setup::default() });
    let trickler = world.open(0, "#");
    let honest = world.open(1, "#");
    assert_eq!((world.asks(trickler), world.asks(honest)), ("0".to_owned(), String::new()));
    trickle(&mut world, trickler, 0, &mut 0, MIN_BLOCK, 4);
    assert_eq!(world.asks(honest), "0");
    world.gives(honest, 0);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn tricklers_with_large_pieces_hold_no_buffer_from_a_good_peer() {
    let mut world = World::new(Setup {
        pieces: 8,
        piece: 16 << 20,
        peers: 4,
        in_flight: 48 << 20,
        ..Setup::default()
    });
    let full = "########";
    let tricklers = [0, 1, 2].map(|peer| world.open(peer, full));
    let good = world.open(3, full);
    assert_eq!(world.engine.snapshot().peers[3].asked, 0, "they were first, and fill all there is");
    let mut offsets = [0; 3];
    for _ in 0..4 {
        world.pass(secs(1));
        for (at, of) in tricklers.into_iter().enumerate() {
            let index = world.asked.iter().find(|(peer, _)| *peer as usize == at).map(|a| a.1);
            if let Some(index) = index {
                world.block(of, index, offsets[at], MIN_BLOCK);
                offsets[at] += MIN_BLOCK;
            }
        }
    }
    // From here on the good one always has something to send, whatever the others do.
    for _ in 0..8 {
        let next = world.asks(good);
        let next: Vec<u32> = next.split(' ').map(|index| index.parse().unwrap()).collect();
        for index in next {
            world.pass(secs(3));
            world.gives(good, index);
        }
        if world.done.is_some() {
            break;
        }
    }
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn a_peer_above_the_floor_is_never_given_up_on() {
    let mut world = World::new(Setup { pieces: 1, piece: 32 << 10, peers: 2, ..Setup::default() });
    let slow = world.open(0, "#");
    let other = world.open(1, "#");
    world.block(slow, 0, 0, 1_100);
    trickle(&mut world, slow, 0, &mut 1_100, 1_100, 28);
    assert_eq!(world.asks(slow), "0");
    assert_eq!(world.asks(other), "0 -0", "it was tried beside the slow one, and sent nothing");
    world.block(slow, 0, 29 * 1_100, (32 << 10) - 29 * 1_100);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn a_tenth_of_the_download_limit_is_enough() {
    let mut world =
        World::new(Setup { pieces: 1, piece: 16 << 10, download: 5_120, ..Setup::default() });
    let slow = world.open(0, "#");
    trickle(&mut world, slow, 0, &mut 0, 550, 20);
    assert!(!is_snubbed(&world, 0));
}

#[test]
fn what_nobody_else_has_stays_asked_of_a_slow_peer() {
    let mut world = World::new(Setup { pieces: 2, peers: 2, ..Setup::default() });
    let slow = world.open(0, "##");
    let other = world.open(1, "#.");
    world.pass(secs(4));
    assert_eq!(world.asks(slow), "0 1 -0");
    assert_eq!(world.asks(other), "0");
    assert!(is_snubbed(&world, 0));
}

#[test]
fn a_snubbed_peer_is_asked_for_one_piece_that_nobody_better_has_until_one_comes() {
    let mut world = World::new(Setup { pieces: 6, peers: 2, ..Setup::default() });
    let slow = world.open(0, "######");
    let better = world.open(1, "##....");
    world.block(slow, 0, 0, MIN_BLOCK);
    trickle(&mut world, slow, 0, &mut { MIN_BLOCK }, MIN_BLOCK, 4);
    assert_eq!(world.asks(slow), "0 1 2 3 -1 4 -0");
    assert_eq!(world.asks(better), "1 0");
    for index in [0, 1] {
        world.refuses(slow, index, refusal::CANCELLED);
    }
    for index in [2, 3] {
        world.refuses(slow, index, refusal::NOT_HAD);
    }
    assert_eq!(world.asks(slow), "", "it owes one, and is asked for no other");
    world.gives(slow, 4);
    assert_eq!(world.asks(slow), "5");
    assert_eq!(world.asks(better), "");
}

#[test]
fn a_snubbed_peer_is_tried_again_after_a_while() {
    let mut world =
        World::new(Setup { pieces: 200, peers: 2, in_flight: 32 << 20, ..Setup::default() });
    let full = "#".repeat(200);
    let slow = world.open(0, &full);
    let good = world.open(1, &full);
    for quarter in 0..100 {
        world.pass(millis(250));
        for frame in world.hears(slow) {
            if let Frame::Cancel(index) = frame {
                world.refuses(slow, index, refusal::CANCELLED);
            }
        }
        if let Some(index) = world.engine.session(1).and_then(|s| s.asks.front()).map(|a| a.index) {
            world.gives(good, index);
        }
        let tried = world.asked.iter().filter(|(peer, _)| *peer == 0).count();
        assert!(quarter >= 55 || tried == 4, "after {quarter} quarters of a second");
        assert!(
            quarter < 60 || tried == 5,
            "it may be fine now: {:?} {:?}",
            world.engine.session(1),
            world.engine.budget
        );
        if quarter == 60 {
            break;
        }
    }
}

#[test]
fn a_peer_that_owes_and_is_silent_for_15_seconds_is_hung_up_on() {
    let mut world = World::new(Setup { pieces: 1, peers: 2, ..Setup::default() });
    let silent = world.open(0, "#");
    let other = world.open(1, "#");
    world.pass(secs(8));
    world.says(silent, Frame::Ping);
    world.says(other, Frame::Ping);
    world.pass(secs(8));
    assert_eq!(world.hung_up, [silent]);
    assert!(world.news.contains(&News::Lost(id(0), Ending::Silent)));
}

#[test]
fn the_only_holder_is_waited_for_as_long_as_it_pings() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    let busy = world.open(0, "#");
    for _ in 0..5 {
        world.pass(secs(10));
        world.says(busy, Frame::Ping);
    }
    assert_eq!(world.hung_up, []);
    world.gives(busy, 0);
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn the_last_piece_held_by_a_silent_peer_ends_the_import_when_patience_ends() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    world.open(0, "#");
    world.pass(secs(59));
    assert_eq!(world.done, None);
    world.pass(secs(1));
    let why = &world.exhausted().why;
    assert!(why.starts_with("nothing came for 60 seconds; anna "), "{why}");
}

#[test]
fn bytes_of_a_trickler_are_no_progress() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    let trickler = world.open(0, "#");
    trickle(&mut world, trickler, 0, &mut 0, MIN_BLOCK, 40);
    let sentence = world.sentence().unwrap();
    assert!(
        sentence.starts_with("Waiting for anna, which sends less than 1 KiB a second. "),
        "{sentence}"
    );
    trickle(&mut world, trickler, 0, &mut (40 * MIN_BLOCK), MIN_BLOCK, 23);
    world.pass(secs(1));
    let why = &world.exhausted().why;
    assert!(why.contains("; anna sends next to nothing"), "{why}");
}

#[test]
fn bytes_of_a_peer_that_never_ends_a_piece_are_no_hope() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    for _ in 0..400 {
        let connection = world.current(0);
        if matches!(world.state(0), PeerState::Calling) {
            world.open(0, "#");
            world.block(connection, 0, 0, 128 << 10);
            world.ends(connection, Ending::HungUp);
        }
        world.pass(millis(500));
        if world.done.is_some() {
            break;
        }
    }
    assert_eq!(world.exhausted().missing, 1);
}

#[test]
fn tricklers_alone_neither_hang_nor_go_unsaid() {
    let mut world = World::new(Setup { pieces: 4, piece: 16 << 20, peers: 3, ..Setup::default() });
    for peer in 0..3 {
        world.open(peer, "####");
    }
    let mut said = Vec::new();
    for _ in 0..90 {
        world.pass(secs(1));
        said.extend(world.sentence());
        if world.done.is_some() {
            break;
        }
    }
    assert!(world.exhausted().why.starts_with("nothing came for 60 seconds; "));
    assert!(said.iter().all(|sentence| sentence.ends_with("nothing has come for 60 seconds.")));
}

#[test]
fn all_peers_gone_and_back_go_on_where_they_were() {
    let mut world =
        World::new(Setup { pieces: 4, peers: 2, patience: Patience::Forever, ..Setup::default() });
    let anna = world.open(0, "####");
    let bert = world.open(1, "####");
    world.gives(anna, 0);
    world.ends(anna, Ending::HungUp);
    world.ends(bert, Ending::Lost("reset".to_owned()));
    for _ in 0..50 {
        let why = "takes no calls now".to_owned();
        let ending =
            Ending::Unreachable { why, code: verifier::Code::new("io", "failed"), again: true };
        for peer in 0..2 {
            if matches!(world.state(peer), PeerState::Calling) {
                world.ends(world.current(u32::try_from(peer).unwrap()), ending.clone());
            }
        }
        world.pass(secs(30));
    }
    while !matches!(world.state(0), PeerState::Calling) {
        world.pass(millis(500));
    }
    assert_eq!(world.picture(), "#...");
    let anna = world.open(0, "####");
    for index in 1..4 {
        world.gives(anna, index);
    }
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn an_hour_of_sleep_is_nobodys_fault() {
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    let anna = world.open(0, "########");
    world.ends(world.current(1), Ending::HungUp);
    world.block(anna, 0, 0, 256 << 10);
    world.pass(secs(1));
    world.now = world.now + secs(3_600);
    world.input(Input::Tick);
    assert_eq!((world.done.clone(), world.hung_up.len()), (None, 0));
    assert!(!is_snubbed(&world, 0));
    world.block(anna, 0, 256 << 10, PIECE / 4);
    world.pass(secs(3));
    assert!(!is_snubbed(&world, 0), "it has its time again");
    world.pass(secs(2));
    assert!(is_snubbed(&world, 0));
    assert_eq!(world.picture(), "????....");
}

#[test]
fn what_is_never_judged_makes_nobody_good() {
    let mut world =
        World::new(Setup { pieces: 6, peers: 2, in_flight: 2 << 20, ..Setup::default() });
    let rogue = world.open(0, "######");
    let honest = world.open(1, "######");
    world.pass(secs(4));
    assert_eq!((world.asks(rogue), world.asks(honest)), ("0 1 -0 -1".to_owned(), "0 1".to_owned()));
    // It does not trickle any more, and nobody looks at what it sends.
    world.gives(rogue, 0);
    world.gives(rogue, 1);
    assert!(!is_snubbed(&world, 0));
    world.pass(millis(100));
    world.gives(honest, 0);
    let (_, rogues) = (world.asks(honest), world.asks(rogue));
    assert_eq!(rogues, "", "the last piece's worth of room is for who has given one");
    world.gives(honest, 1);
    assert_eq!(world.picture().matches('#').count(), 2);
    assert_eq!(world.engine.snapshot().peers[0].given, 0);
}

#[test]
fn an_honest_peer_of_which_nothing_is_known_is_tried_where_a_slow_one_has_all_the_room() {
    let mut world = World::new(Setup { pieces: 4, peers: 2, in_flight: 1, ..Setup::default() });
    let slow = world.open(0, "####");
    let honest = world.open(1, "####");
    trickle(&mut world, slow, 0, &mut 0, 3_000, 11);
    assert!(!is_snubbed(&world, 0), "it is above the floor");
    assert_eq!((world.asks(slow), world.asks(honest)), ("0 -0".to_owned(), "0".to_owned()));
    world.gives(honest, 0);
    assert_eq!(world.asks(honest).len(), 1, "the faster one has the room from now on");
}

#[test]
fn peers_that_are_both_slow_do_not_lose_a_piece_to_each_other_again_and_again() {
    let mut world = World::new(Setup { pieces: 1, peers: 2, in_flight: 1, ..Setup::default() });
    let both = [world.open(0, "#"), world.open(1, "#")];
    for second in 0..600 {
        world.pass(secs(1));
        for of in both {
            if second % 10 == 0 {
                world.says(of, Frame::Ping);
            }
            for frame in world.hears(of) {
                if let Frame::Cancel(index) = frame {
                    world.refuses(of, index, refusal::CANCELLED);
                }
            }
            let Some(session) = world.engine.session(of.peer) else { continue };
            let Some(ask) = session.asks.front().copied() else { continue };
            let filled = session.filled;
            world.block(of, ask.index, filled, 3_000.min(ask.length - filled));
        }
    }
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn bytes_of_a_snubbed_peer_that_is_above_the_floor_again_are_progress() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    let anna = world.open(0, "#");
    world.pass(secs(5));
    assert!(is_snubbed(&world, 0));
    trickle(&mut world, anna, 0, &mut 0, 4_096, 120);
    assert_eq!((world.done.clone(), world.sentence()), (None, None));
}

#[test]
fn a_peer_that_gave_nothing_on_six_connections_takes_nothing_from_a_slow_one() {
    let mut world = World::new(Setup { pieces: 1, peers: 2, ..Setup::default() });
    for _ in 0..6 {
        let silent = world.open(1, "#");
        world.ends(silent, Ending::HungUp);
        world.pass(secs(20));
    }
    let slow = world.open(0, "#");
    world.open(1, "#");
    trickle(&mut world, slow, 0, &mut 0, MIN_BLOCK, 5);
    assert!(is_snubbed(&world, 0));
    assert_eq!(world.asks(slow), "0");
}
