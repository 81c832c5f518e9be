//! What one step of an import's engine takes, with a thousand peers and a million pieces.
//!
//! `cargo bench -p benches --bench engine`. A step is one input and all that comes out for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use engine::Moment;
use engine::import::{
    Begin, Connection, Consent, Effect, Engine, Input, Limits, Order, Patience, Peer,
};
use engine::wire::{BlockHead, Frame, Hello, MAX_ASKS, Opened, Refuse, refusal};
use verifier::identity::SigningKey;
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, Geometry, Root, Sha256};

const PEERS: u32 = 1_000;
const PIECES: u32 = 1_000_000;
const PIECE: u32 = 16 << 10;
/// How many pieces come while it is measured.
const COME: u32 = 200_000;

fn main() {
    for (name, of) in [("everything", 1), ("half of it, each another half", 2)] {
        let mut import = Import::new();
        let opening = import.open(of);
        println!("{PEERS} peers that have {name}: {opening:.0?} to open a connection");
        let step = import.give();
        println!("  {step:.2?} a step, over {} steps", import.steps);
    }
}

/// An import, and what its peers are asked for.
struct Import {
    engine: Engine,
    geometry: Geometry,
    root: Root,
    calls: Vec<Connection>,
    /// Per peer, the open asks, and whether each was cancelled.
    asks: Vec<VecDeque<(u32, bool)>>,
    now: Moment,
    took: Duration,
    steps: u32,
}

impl Import {
    fn new() -> Self {
        let geometry = Geometry::new(u64::from(PIECES) * u64::from(PIECE), PIECE);
        let geometry = geometry.expect("there is such an artifact");
        let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
        let peer = |number: u32| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            Peer {
                id: SigningKey::from_seed(seed).public_key().peer_id(),
                label: Label::parse(&format!("peer-{number}")).expect("it is a label"),
                offered: Bitfield::empty(PIECES),
            }
        };
        let order = Order {
            artifact: Sha256::from_bytes([5; 32]),
            geometry,
            root,
            listed: true,
            missing: Bitfield::full(PIECES),
            peers: (0..PEERS).map(peer).collect(),
            begin: Begin::Front,
            patience: Patience::Forever,
            limits: Limits { in_flight: 48 << 20, download: None },
        };
        let now = Moment::from_micros(1);
        let mut engine = Engine::new(order, 7, now);
        let calls = std::iter::from_fn(|| engine.next()).filter_map(|effect| match effect {
            Effect::Call(connection) => Some(connection),
            _ => None,
        });
        let calls = calls.collect();
        let asks = vec![VecDeque::new(); PEERS as usize];
        let (took, steps) = (Duration::ZERO, 0);
        Self { engine, geometry, root, calls, asks, now, took, steps }
    }

    /// All peers answer the call and have one of so many pieces; what that takes, on average.
    fn open(&mut self, of: u32) -> Duration {
        for (peer, connection) in (0_u32..).zip(self.calls.clone()) {
            let mut have = Bitfield::full(PIECES);
            if of > 1 {
                have = Bitfield::empty(PIECES);
                let mut chance = peer;
                for index in self.geometry.indices() {
                    chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if (chance >> 16) % of == 0 {
                        have.insert(index);
                    }
                }
            }
            let opened = Opened {
                byte_count: self.geometry.byte_count(),
                piece_size: PIECE,
                algorithm: engine::wire::algorithm(self.root.algorithm()),
                root: *self.root.as_bytes(),
                have: have.as_bytes().to_vec(),
            };
            let hello = Hello { version: engine::wire::VERSION, asks: MAX_ASKS };
            self.step(Input::Connected(connection));
            self.step(Input::Frame(connection, Frame::Hello(hello)));
            self.step(Input::Frame(connection, Frame::Opened(opened)));
        }
        std::mem::take(&mut self.took) / PEERS
    }

    /// Peers answer in turn until many pieces have come; what a step takes, on average.
    fn give(&mut self) -> Duration {
        (self.took, self.steps) = (Duration::ZERO, 0);
        let mut come = 0;
        for peer in (0..PEERS as usize).cycle() {
            let Some((index, is_cancelled)) = self.asks[peer].pop_front() else { continue };
            let connection = self.calls[peer];
            if is_cancelled {
                let refuse = Refuse { index: Some(index), code: refusal::CANCELLED };
                self.step(Input::Frame(connection, Frame::Refuse(refuse)));
                continue;
            }
            let block = Frame::Block(BlockHead { index, offset: 0, length: PIECE });
            self.step(Input::Frame(connection, block));
            self.step(Input::Received(connection, PIECE));
            come += 1;
            if come == COME {
                break;
            }
        }
        self.took / self.steps
    }

    /// Gives an input in, and what this machine answers to what comes of it.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.now = self.now + Duration::from_micros(50);
            let begun = Instant::now();
            self.engine.input(input, self.now);
            let effects: Vec<Effect> = std::iter::from_fn(|| self.engine.next()).collect();
            self.took += begun.elapsed();
            self.steps += 1;
            inputs.extend(effects.into_iter().filter_map(|effect| self.answer(effect)));
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Send(to, Frame::Ask(index)) => {
                self.asks[to.peer as usize].push_back((index, false));
                None
            }
            Effect::Send(to, Frame::Cancel(index)) => {
                let mut asks = self.asks[to.peer as usize].iter_mut();
                asks.find(|ask| ask.0 == index).expect("it was asked").1 = true;
                None
            }
            Effect::Spend(connection, ..) => Some(Input::Spent(connection, Consent::Given)),
            Effect::Judge(connection, index, _) => Some(Input::Judged(connection, index, Ok(()))),
            Effect::Deliver(_, index) => Some(Input::Settled(index, Consent::Given)),
            _ => None,
        }
    }
}
