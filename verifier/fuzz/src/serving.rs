//! Any sequence of what can happen to uploads.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use engine::upload::{Caller, Effect, Input, Limits, Opened, Refusal};
use engine::wire::{Frame, Hello};
use engine::{Ending, Moment, Uploads};
use simulator::watch::Serving as Watch;
use verifier::digest::{ChunkAlgorithm, Root};
use verifier::identity::{PeerId, SigningKey};
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use crate::script::Script;

/// The length of a piece in bytes: some blocks.
const PIECE: u32 = 700_000;
const ARTIFACT: [u8; 32] = [3; 32];

/// Steps of uploads, each a few bytes: what a shell could tell them, in any order.
pub fn serving(data: &[u8]) {
    let mut script = Script::new(data);
    let mut drive = Drive::new(&mut script);
    while !script.is_over() {
        if let Some(input) = drive.choose(&mut script) {
            drive.input(input);
        }
    }
}

struct Drive {
    uploads: Uploads,
    watch: Watch,
    geometry: Geometry,
    now: Moment,
    callers: BTreeMap<Caller, Called>,
    called: u64,
    owed: Vec<Effect>,
}

#[derive(Default)]
struct Called {
    proved: bool,
    /// Bytes that its writer was given and has not taken.
    given: u32,
}

fn peer(number: u8) -> PeerId {
    SigningKey::from_seed([number % 5; 32]).public_key().peer_id()
}

fn limits(script: &mut Script<'_>) -> Limits {
    Limits {
        connections: u32::from(script.byte() % 6),
        handshakes: 32,
        upload: script.rate(),
        peer: script.rate(),
    }
}

impl Drive {
    fn new(script: &mut Script<'_>) -> Self {
        let geometry = Geometry::new(u64::from(PIECE) * 12 - 5, PIECE).expect("it fits");
        Self {
            uploads: Uploads::new(limits(script), Moment::START),
            watch: Watch::new(geometry),
            geometry,
            now: Moment::START,
            callers: BTreeMap::new(),
            called: 0,
            owed: Vec::new(),
        }
    }

    fn input(&mut self, input: Input) {
        let before = matches!(input, Input::Tick).then(|| self.uploads.deadline());
        self.watch.input(&input);
        self.uploads.input(input, self.now);
        let (mut effects, mut unsent) = (0, Vec::new());
        while let Some(effect) = self.uploads.next() {
            effects += 1;
            self.watch.effect(&effect).expect("the rules hold");
            self.perform(effect, &mut unsent);
        }
        self.uploads.check().expect("the uploads' own rules hold");
        let deadline = self.uploads.deadline();
        if let Some((at, why)) = deadline {
            assert!(at > self.now, "the deadline has passed: {why:?}");
        }
        if let Some(Some((at, why))) = before {
            let moved = effects > 0 || deadline != Some((at, why));
            assert!(at > self.now || moved, "the time moved nothing: {why:?}");
        }
    }

    fn perform(&mut self, effect: Effect, unsent: &mut Vec<(Caller, PieceIndex)>) {
        let given = match &effect {
            Effect::Block(caller, head) => Some((*caller, Frame::Block(*head).payload())),
            Effect::Proof(caller, head) => Some((*caller, Frame::Proof(*head).payload())),
            Effect::Digests(caller, head) => Some((*caller, Frame::Digests(*head).payload())),
            _ => None,
        };
        if let Some((caller, bytes)) = given
            && let Some(called) = self.callers.get_mut(&caller)
        {
            called.given += bytes;
        }
        match effect {
            Effect::Open(..) | Effect::Read { .. } => self.owed.push(effect),
            Effect::HangUp(caller, _) => drop(self.callers.remove(&caller)),
            _ => unsent.clear(),
        }
    }

    /// What happens next; nothing if that cannot happen now.
    fn choose(&mut self, script: &mut Script<'_>) -> Option<Input> {
        match script.byte() % 16 {
            0 | 1 => {
                self.called += 1;
                let caller = Caller(self.called);
                self.callers.insert(caller, Called::default());
                let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, script.byte() % 4));
                Some(Input::Called(caller, address))
            }
            2 | 3 => {
                let caller = self.one(script)?;
                let called = self.callers.get_mut(&caller).filter(|called| !called.proved)?;
                called.proved = true;
                Some(Input::Proved(caller, peer(script.byte())))
            }
            4..9 => self.frame(script),
            9 | 10 => self.answer(script),
            11 => {
                let caller = self.one(script)?;
                let called = self.callers.get_mut(&caller)?;
                let part = u32::from(script.byte()) * 4_096;
                let taken = if script.byte() > 50 { called.given } else { called.given.min(part) };
                called.given -= taken;
                (taken > 0).then_some(Input::Written(caller, taken))
            }
            12 | 13 => {
                self.now = match (script.byte(), self.uploads.deadline()) {
                    (200.., _) | (_, None) => self.now + Duration::from_millis(script.short()),
                    (_, Some((at, _))) => self.now.max(at),
                };
                Some(Input::Tick)
            }
            14 => {
                let caller = self.one(script)?;
                self.callers.remove(&caller);
                Some(Input::Ended(caller, Ending::HungUp))
            }
            _ => self.change(script),
        }
    }

    fn one(&self, script: &mut Script<'_>) -> Option<Caller> {
        let at = script.below(self.callers.len())?;
        self.callers.keys().nth(at).copied()
    }

    fn frame(&mut self, script: &mut Script<'_>) -> Option<Input> {
        let caller = self.one(script)?;
        self.callers.get(&caller).filter(|called| called.proved)?;
        let index = u32::from(script.byte() % 14);
        let frame = match script.byte() % 16 {
            0 | 1 => Frame::Hello(Hello { version: u16::from(script.byte() % 3), asks: 8 }),
            2 | 3 => Frame::Open(ARTIFACT),
            4 => Frame::Learn,
            5..10 => Frame::Ask(index),
            10 | 11 => Frame::AskProven(index),
            12 | 13 => Frame::Cancel(index),
            14 => Frame::Ping,
            _ => Frame::Close(0),
        };
        Some(Input::Frame(caller, frame))
    }

    fn answer(&mut self, script: &mut Script<'_>) -> Option<Input> {
        let at = script.below(self.owed.len())?;
        let effect = self.owed.swap_remove(at);
        let choice = script.byte();
        match effect {
            Effect::Open(caller, ..) => {
                let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [1; 32]);
                let count = self.geometry.piece_count();
                let have = Bitfield::from_bytes(&[choice, 0x0F], count)?;
                let opened = Opened { geometry: self.geometry, root, have };
                Some(Input::Opened(caller, (choice < 240).then_some(opened)))
            }
            Effect::Read { caller, index, .. } => {
                let refusal = match choice {
                    0..220 => Ok(()),
                    220..230 => Err(Refusal::NotServed),
                    230..240 => Err(Refusal::NotHad),
                    _ => Err(Refusal::Failed),
                };
                Some(Input::Read(caller, index, refusal))
            }
            _ => None,
        }
    }

    fn change(&mut self, script: &mut Script<'_>) -> Option<Input> {
        let artifact = Sha256::from_bytes(ARTIFACT);
        match script.byte() % 4 {
            0 => Some(Input::Limits(limits(script))),
            1 => Some(Input::Revoked(peer(script.byte()), Sha256::from_bytes([0; 32]))),
            2 => Some(Input::Revoked(peer(script.byte()), artifact)),
            _ => {
                let pieces = (0..script.byte() % 4)
                    .filter_map(|_| self.geometry.index(u32::from(script.byte() % 12)));
                Some(Input::Landed(artifact, pieces.collect()))
            }
        }
    }
}
