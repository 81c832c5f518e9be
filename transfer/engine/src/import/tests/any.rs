//! Whatever is said in whatever order, the invariants hold and nothing that waits is forgotten.

use std::time::Duration;

use proptest::prelude::*;
use verifier::Bitfield;

use super::world::{Setup, World, id};
use crate::Ending;
use crate::import::{Connection, Consent, Input, Patience};
use crate::wire::{BlockHead, DigestsHead, Frame, Hello, ProofHead, Refuse};

const PIECES: u32 = 12;
const PEERS: u32 = 4;
const PIECE: u32 = 16 << 10;

/// One event, from numbers: on one of the last two calls of a peer, mostly what would be right.
fn event(world: &mut World, [kind, peer_at, a, b]: [u8; 4]) {
    let number = u32::from(peer_at) % PEERS;
    let call = world.calls.iter().rev().find(|call| call.peer == number);
    let call = call.map_or(1, |call| call.call);
    let old = u32::from(peer_at >= 240);
    let of = Connection { peer: number, call: call.saturating_sub(old) };
    let due = world.engine.session(number).and_then(|session| {
        session.asks.front().map(|ask| (ask.index, session.filled, ask.proven, session.proven))
    });
    let (index, filled, needs, proven) = due.unwrap_or((u32::from(a) % PIECES, 0, false, false));
    let piece = world.index(u32::from(a) % PIECES);
    let input = match kind % 32 {
        0 => Input::Connected(of),
        1 => Input::NoSlot(of),
        2 => Input::Ended(of, if a < 200 { Ending::HungUp } else { Ending::NotLetIn }),
        3..=5 => return world.pass(Duration::from_millis(u64::from(a) * u64::from(b))),
        6 | 7 => Input::Frame(of, Frame::Hello(Hello { version: 1, asks: a.into() })),
        8..=10 => {
            let mut have = Bitfield::full(PIECES);
            (0..8).filter(|bit| a & (1 << bit) != 0).for_each(|bit| {
                have.remove(world.index(bit));
            });
            Input::Frame(of, Frame::Opened(world.opened(&have)))
        }
        11..=17 if needs && !proven => {
            Input::Frame(of, Frame::Proof(ProofHead { index, count: 2 }))
        }
        11..=17 => {
            let length = (PIECE - filled).min(8 << 10).max(u32::from(a == 255));
            Input::Frame(of, Frame::Block(BlockHead { index, offset: filled, length }))
        }
        18..=21 => Input::Received(of, if a < 200 { u32::MAX } else { a.into() }),
        22 => Input::Frame(of, Frame::Have(piece.get())),
        23 => {
            Input::Frame(of, Frame::Refuse(Refuse { index: Some(index), code: u16::from(b) % 5 }))
        }
        24 => Input::Frame(of, Frame::Ping),
        25 => Input::Frame(of, Frame::Digests(DigestsHead { first: 0, count: PIECES })),
        26 => match world.proves.pop() {
            Some(of) => {
                let mut wanted = Bitfield::full(PIECES);
                wanted.remove(piece);
                Input::Proven(of, Ok(wanted))
            }
            None => Input::Tick,
        },
        27 => match world.judges.pop_front() {
            Some((of, piece, _)) if a < 240 => Input::Judged(of, piece, Ok(())),
            Some((of, piece, _)) => Input::Judged(of, piece, Err(world.wrong(piece.get()))),
            None => Input::Judged(of, piece, Ok(())),
        },
        28 => match world.deliveries.pop_front() {
            Some((_, piece)) if a < 240 => Input::Settled(piece, Consent::Given),
            _ => Input::Settled(piece, Consent::Denied),
        },
        29 => match world.spends.pop_front() {
            Some((of, ..)) if a < 220 => Input::Spent(of, Consent::Given),
            Some((of, ..)) => Input::Spent(of, Consent::Denied),
            None => Input::Spent(of, Consent::Given),
        },
        30 if a > 230 => Input::Denied(id(peer_at % 4)),
        _ => Input::Frame(of, Frame::Close(0)),
    };
    world.input(input);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_keep_the_invariants(
        events in proptest::collection::vec(any::<[u8; 4]>(), 0..400),
        answers in any::<[bool; 3]>(),
        listed in any::<bool>(),
        forever in any::<bool>(),
        early in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(Setup {
            pieces: PIECES,
            piece: PIECE,
            peers: 4,
            offered: early,
            listed,
            in_flight: 5 * u64::from(PIECE),
            patience: if forever { Patience::Forever } else { Patience::For(Duration::from_secs(60)) },
            seed,
            ..Setup::default()
        });
        [world.consents, world.judging, world.keeping] = answers;
        for numbers in events {
            // Every input is followed by a check.
            event(&mut world, numbers);
            if let Some(done) = &world.done {
                prop_assert_eq!(done.is_ok(), !world.picture().contains(['.', '?', '!', '+']));
                break;
            }
        }
    }
}
