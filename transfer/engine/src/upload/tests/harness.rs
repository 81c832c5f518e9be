//! Uploads in a world of their own: time that jumps, streams that take bytes at a rate, a disk that
//! answers at once unless told otherwise.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use verifier::identity::{PeerId, SigningKey};
use verifier::{Bitfield, ChunkAlgorithm, Geometry, PieceIndex, Root, Sha256};

use crate::ending::Ending;
use crate::moment::Moment;
use crate::upload::{
    Caller, Effect, Input, Limits, News, Opened, Refusal, TurnedAway, Uploads, Why,
};
use crate::wire::{Frame, Hello, MAX_ASKS, VERSION};

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;

/// How fast a stream takes bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speed {
    AtOnce,
    BytesASecond(u64),
    Never,
}

#[derive(Debug)]
pub(super) struct Stream {
    speed: Speed,
    /// Bytes that were given and are not taken.
    pub(super) waiting: u64,
    since: Moment,
    pub(super) taken: u64,
    pub(super) frames: Vec<Frame>,
    pub(super) hung_up: bool,
    /// When each frame with a payload was given to the writer.
    pub(super) given: Vec<Moment>,
}

/// What the disk does with a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    Reads,
    Holds,
    Refuses(Refusal),
}

pub(super) struct World {
    pub(super) uploads: Uploads,
    pub(super) now: Moment,
    pub(super) geometry: Geometry,
    pub(super) have: Bitfield,
    pub(super) served: bool,
    pub(super) disk: Disk,
    pub(super) streams: BTreeMap<Caller, Stream>,
    pub(super) news: Vec<News>,
    pub(super) reads: Vec<(Caller, PieceIndex)>,
    pub(super) discards: Vec<(Caller, PieceIndex)>,
    /// Whether blocks that are to be sent still are.
    pub(super) granted: bool,
    pub(super) callers: u64,
}

pub(super) fn limits() -> Limits {
    Limits { connections: 64, handshakes: 32, upload: None, peer: None }
}

pub(super) fn rate(bytes: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(bytes)
}

pub(super) fn peer(number: u8) -> PeerId {
    SigningKey::from_seed([number; 32]).public_key().peer_id()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn artifact() -> Sha256 {
    Sha256::from_bytes([7; 32])
}

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    /// So many pieces of that many bytes.
    pub(super) fn new(limits: Limits, pieces: u32, piece: u64) -> Self {
        let piece = u32::try_from(piece).unwrap();
        let geometry = Geometry::new(u64::from(pieces) * u64::from(piece), piece).unwrap();
        Self {
            uploads: Uploads::new(limits, Moment::START),
            now: Moment::START,
            geometry,
            have: Bitfield::full(pieces),
            served: true,
            disk: Disk::Reads,
            streams: BTreeMap::new(),
            news: Vec::new(),
            reads: Vec::new(),
            discards: Vec::new(),
            granted: true,
            callers: 0,
        }
    }

    /// Gives it in, does what comes out, and gives in what comes of that.
    pub(super) fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.uploads.input(input, self.now);
            if let Some((at, why)) = self.uploads.deadline() {
                assert!(at == self.now || why != Why::Effects, "{at:?} {why:?}");
            }
            while let Some(effect) = self.uploads.next() {
                self.act(effect, &mut inputs);
            }
            self.uploads.check().unwrap();
        }
    }

    fn act(&mut self, effect: Effect, inputs: &mut VecDeque<Input>) {
        match effect {
            Effect::Open(caller, _, asked) => {
                let (geometry, have) = (self.geometry, self.have.clone());
                let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
                let opened =
                    (self.served && asked == artifact()).then_some(Opened { geometry, root, have });
                inputs.push_back(Input::Opened(caller, opened));
            }
            Effect::Read { caller, index, .. } => {
                self.reads.push((caller, index));
                match self.disk {
                    Disk::Reads => inputs.push_back(Input::Read(caller, index, Ok(()))),
                    Disk::Holds => {}
                    Disk::Refuses(refusal) => {
                        inputs.push_back(Input::Read(caller, index, Err(refusal)));
                    }
                }
            }
            Effect::Send(caller, frame) => self.stream(caller).frames.push(frame),
            Effect::Block(caller, head) if !self.granted => {
                let index = self.piece(head.index);
                inputs.push_back(Input::Read(caller, index, Err(Refusal::NotServed)));
            }
            Effect::Block(caller, head) => self.give(caller, Frame::Block(head), inputs),
            Effect::Proof(caller, head) => self.give(caller, Frame::Proof(head), inputs),
            Effect::Digests(caller, head) => self.give(caller, Frame::Digests(head), inputs),
            Effect::Discard(caller, index) => self.discards.push((caller, index)),
            Effect::HangUp(caller, _) => self.stream(caller).hung_up = true,
            Effect::Tell(news) => self.news.push(news),
        }
    }

    fn give(&mut self, caller: Caller, frame: Frame, inputs: &mut VecDeque<Input>) {
        let (now, bytes) = (self.now, frame.payload());
        let stream = self.stream(caller);
        assert!(!stream.hung_up, "something is sent to {caller:?}, which is gone");
        stream.frames.push(frame);
        stream.given.push(now);
        match stream.speed {
            Speed::AtOnce => {
                stream.taken += u64::from(bytes);
                inputs.push_back(Input::Written(caller, bytes));
            }
            Speed::BytesASecond(_) | Speed::Never => {
                if stream.waiting == 0 {
                    stream.since = now;
                }
                stream.waiting += u64::from(bytes);
                assert!(stream.waiting <= 512 * KIB, "a writer was given {}", stream.waiting);
            }
        }
    }

    pub(super) fn stream(&mut self, caller: Caller) -> &mut Stream {
        let since = self.now;
        self.streams.entry(caller).or_insert_with(|| Stream {
            speed: Speed::AtOnce,
            waiting: 0,
            since,
            taken: 0,
            frames: Vec::new(),
            hung_up: false,
            given: Vec::new(),
        })
    }

    pub(super) fn speed(&mut self, caller: Caller, speed: Speed) {
        self.stream(caller).speed = speed;
    }

    pub(super) fn piece(&self, index: u32) -> PieceIndex {
        self.geometry.index(index).unwrap()
    }

    /// When a stream has taken what is its next part, and how much that is.
    fn next_taken(&self) -> Option<(Moment, Caller, u32)> {
        let parts = self.streams.iter().filter(|(_, stream)| !stream.hung_up);
        let parts = parts.filter_map(|(caller, stream)| {
            let Speed::BytesASecond(rate) = stream.speed else { return None };
            let part = stream.waiting.min(16 * KIB).min((rate / 4).max(1));
            let micros = part * 1_000_000 / rate;
            let at = stream.since + Duration::from_micros(micros);
            (part > 0).then(|| (at, *caller, u32::try_from(part).unwrap()))
        });
        parts.min()
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let taken = self.next_taken();
            let due = self.uploads.deadline().map(|(at, _)| at);
            let next = [taken.map(|(at, ..)| at), due].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            match taken {
                Some((at, caller, part)) if at == next => {
                    let now = self.now;
                    let stream = self.stream(caller);
                    stream.waiting -= u64::from(part);
                    stream.taken += u64::from(part);
                    stream.since = now;
                    self.input(Input::Written(caller, part));
                }
                _ => {
                    let before = self.uploads.deadline();
                    self.input(Input::Tick);
                    let moved = self.uploads.deadline() != before;
                    assert!(moved, "a tick at {before:?} changed nothing");
                }
            }
        }
        self.now = end;
    }

    pub(super) fn call(&mut self, from: &str) -> Caller {
        self.callers += 1;
        let caller = Caller(self.callers);
        self.input(Input::Called(caller, ip(from)));
        caller
    }

    /// A peer calls and proves who it is.
    pub(super) fn enter(&mut self, number: u8) -> Caller {
        let caller = self.call(&format!("10.0.0.{number}"));
        self.input(Input::Proved(caller, peer(number)));
        caller
    }

    /// A peer calls and opens the artifact.
    pub(super) fn open(&mut self, number: u8) -> Caller {
        let caller = self.enter(number);
        self.say(caller, Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS }));
        self.say(caller, Frame::Open(*artifact().as_bytes()));
        caller
    }

    /// The caller opens the artifact, and the answer of this side's library is held back.
    pub(super) fn hold_opening(&mut self, caller: Caller) -> Opened {
        self.uploads.input(Input::Frame(caller, Frame::Open(*artifact().as_bytes())), self.now);
        let effect = self.uploads.next();
        assert!(matches!(effect, Some(Effect::Open(..))), "{effect:?}");
        let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
        Opened { geometry: self.geometry, root, have: self.have.clone() }
    }

    pub(super) fn say(&mut self, caller: Caller, frame: Frame) {
        self.input(Input::Frame(caller, frame));
    }

    pub(super) fn ask(&mut self, caller: Caller, pieces: impl IntoIterator<Item = u32>) {
        for index in pieces {
            self.say(caller, Frame::Ask(index));
        }
    }

    /// What was sent to the caller since it was last looked at.
    pub(super) fn heard(&mut self, caller: Caller) -> Vec<Frame> {
        std::mem::take(&mut self.stream(caller).frames)
    }

    pub(super) fn taken(&self, caller: Caller) -> u64 {
        self.streams.get(&caller).map_or(0, |stream| stream.taken)
    }

    pub(super) fn is_hung_up(&self, caller: Caller) -> bool {
        self.streams.get(&caller).is_some_and(|stream| stream.hung_up)
    }

    /// Why the caller was turned away.
    pub(super) fn turned_away(&self, caller: Caller) -> Option<TurnedAway> {
        self.news.iter().find_map(|news| match news {
            News::TurnedAway(who, _, why) if *who == caller => Some(why.clone()),
            _ => None,
        })
    }

    /// How the caller's connection was ended from here.
    pub(super) fn fault(&self, caller: Caller) -> Option<Ending> {
        match self.turned_away(caller)? {
            TurnedAway::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// All callers say that they are there, for so long.
    pub(super) fn pass_with_pings(&mut self, time: Duration, callers: &[Caller]) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(seconds(5));
            self.pass(step);
            for caller in callers {
                if !self.is_hung_up(*caller) {
                    self.say(*caller, Frame::Ping);
                }
            }
            left -= step;
        }
    }
}
