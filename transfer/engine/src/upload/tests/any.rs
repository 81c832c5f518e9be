//! Whatever happens in whatever order, what always holds does.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::harness::{Disk, KIB, Speed, World, artifact, limits, peer, rate};
use crate::ending::Ending;
use crate::upload::{Caller, Input, Limits, Refusal};
use crate::wire::Frame;

/// Does one of the things that can happen.
fn happen(world: &mut World, (what, who, number): (u8, u8, u32)) {
    // One of those that called last.
    let caller = Caller(world.callers.saturating_sub(u64::from(who % 8)));
    let index = world.piece(number % world.geometry.piece_count());
    match what % 20 {
        0 => drop(world.call(&format!("10.0.0.{}", who % 4))),
        1 => world.input(Input::Proved(caller, peer(who % 3))),
        2..=4 => drop(world.open(who % 3)),
        5..=8 => world.ask(caller, [number % 40]),
        9 => world.say(caller, Frame::AskProven(number % 40)),
        10 => world.say(caller, Frame::Cancel(number % 40)),
        11 => world.say(caller, Frame::Learn),
        12 => {
            world.disk =
                [Disk::Reads, Disk::Holds, Disk::Refuses(Refusal::NotHad)][who as usize % 3];
        }
        13 => world.input(Input::Read(
            caller,
            index,
            [Ok(()), Err(Refusal::Failed)][number as usize % 2],
        )),
        14 => world.granted = number % 3 > 0,
        15 => {
            let speeds =
                [Speed::AtOnce, Speed::Never, Speed::BytesASecond(u64::from(number % 99_999) + 1)];
            // What waits is taken by nobody, as where a line broke.
            if world.stream(caller).waiting == 0 {
                world.speed(caller, speeds[who as usize % 3]);
            }
        }
        16 => world.input(Input::Landed(artifact(), vec![index])),
        17 => world.input(Input::Revoked(peer(who % 3), artifact())),
        18 => world.input(Input::Ended(
            caller,
            [Ending::HungUp, Ending::HaveMap][number as usize % 2].clone(),
        )),
        _ => {
            let [upload, peer] = [number % 5, number % 7].map(|by| rate(u64::from(by) * 10_000));
            let connections = u32::from(who % 5);
            world.input(Input::Limits(Limits { upload, peer, connections, handshakes: 4 }));
        }
    }
    world.pass(Duration::from_millis(u64::from(number % 3_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_of_events_keeps_the_invariants(events in vec(any::<(u8, u8, u32)>(), 1..120)) {
        let mut world = World::new(Limits { handshakes: 3, ..limits() }, 40, 64 * KIB);
        for event in events {
            happen(&mut world, event);
        }
    }
}
