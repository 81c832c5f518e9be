//! Four peers on loopback, each a process of its own: how fast, and at how much processor time an
//! import pulls and verifies; and how soon it ends when it must.
//!
//! `cargo bench -p benches --bench swarm -- --rounds 5`

use std::time::Duration;

use benches::line::{Line, Shape};
use benches::pulling::{self, Then};
use benches::serving::{Artifact, Server, Serving, source};

const LENGTH: usize = 512 << 20;
const PIECE: u32 = 256 << 10;
const ROUNDS: usize = 5;

fn main() {
    Server::run_if_started_as_one();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let rounds = benches::rounds(ROUNDS);
    runtime.block_on(loopback(rounds));
    for end in [End::Cancel, End::Deny, End::Revoke] {
        let late: Vec<f64> = (0..rounds).map(|_| runtime.block_on(after(end))).collect();
        println!("{end:?}: {:.2} pieces are sent after it {late:.2?}", benches::median(&late));
    }
}

async fn loopback(rounds: usize) {
    let artifact = Artifact::new(LENGTH, PIECE);
    let mut servers = [1, 2, 3, 4].map(|seed| (seed, Server::start(seed, LENGTH, PIECE)));
    let (mut speeds, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut waste = Vec::new();
    for _ in 0..rounds {
        let called = servers.iter().map(|(seed, server)| source(*seed, server.address, &artifact));
        let called = called.collect();
        let (sent, spent) = spent(&mut servers);
        let cost = pulling::pull(&artifact, called, |_| Then::GoOn).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (sent_then, spent_then) = self::spent(&mut servers);
        let gib = LENGTH as f64 / f64::from(1 << 30);
        speeds.push(LENGTH as f64 / f64::from(1 << 20) / cost.time.as_secs_f64());
        ours.push(cost.cpu.as_secs_f64() / gib);
        theirs.push((spent_then - spent).as_secs_f64() / gib);
        waste.push((sent_then - sent - LENGTH as u64) as f64 / f64::from(PIECE));
    }
    println!("four peers on loopback, 512 MiB in pieces of 256 KiB, verified and not kept:");
    println!("  {:.0} MiB/s {speeds:.0?}", benches::median(&speeds));
    println!("  importer: {:.3} s of processor time a GiB {ours:.3?}", benches::median(&ours));
    println!(
        "  peers, all: {:.3} s of processor time a GiB {theirs:.3?}",
        benches::median(&theirs)
    );
    println!("  sent in vain: {:.1} pieces {waste:.1?}", benches::median(&waste));
}

/// What all servers together have sent, and their processor time.
fn spent(servers: &mut [(u8, Server); 4]) -> (u64, Duration) {
    let each = servers.iter_mut().map(|(_, server)| server.spent());
    each.fold((0, Duration::ZERO), |(sent, cpu), (more, longer)| (sent + more, cpu + longer))
}

/// What ends an import midway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The importer's user cancels it.
    Cancel,
    /// The importer's consent ends, or the peer is blocked there.
    Deny,
    /// The peer takes its grant back, or blocks the importer.
    Revoke,
}

/// How many pieces' worth of bytes a peer sends after the end, over a short line.
async fn after(end: End) -> f64 {
    const LARGE: u32 = 1 << 20;
    const MIDWAY: u32 = 8;
    let artifact = Artifact::new(32 << 20, LARGE);
    let serving = Serving::start(1, artifact.clone()).await;
    let line = Line::to(serving.address, Shape::new(200, 1));
    let sources = vec![source(1, line.address(), &artifact)];
    let mut sent = None;
    let pull = pulling::pull(&artifact, sources, |pieces| {
        if pieces < MIDWAY {
            return Then::GoOn;
        }
        sent.get_or_insert(serving.sent());
        match end {
            End::Cancel => return Then::Cancel,
            End::Deny => return Then::Deny,
            End::Revoke => serving.revoke(),
        }
        Then::Wait
    });
    let patience = Duration::from_secs(2);
    // Whoever is refused may try again for long; nothing is sent any more by then.
    let _ended = tokio::time::timeout(patience, pull).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = sent.expect("the import was midway");
    (serving.sent() - before) as f64 / f64::from(LARGE)
}
