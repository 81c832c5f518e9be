//! An import to which anything happens: peers that say anything, and answers in any order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU64;
use std::time::Duration;

use engine::import::{
    Begin, Connection, Consent, Effect, Input, Limits, Order, Patience, Peer, Place,
};
use engine::wire::{
    BlockHead, DigestsHead, FIRST_ASKS, Frame, Hello, MAX_ASKS, Opened, ProofHead, Refuse, VERSION,
};
use engine::{Ending, Engine, Moment};
use verifier::digest::ChunkDigest;
use verifier::identity::SigningKey;
use verifier::piece::{ListError, PieceError};
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, Code, Geometry, PieceIndex, Root, Sha256};

const PIECE: u32 = 1_024;

/// Bytes that choose what happens, as far as they go.
pub fn import(data: &[u8]) {
    let mut dice = Dice(data);
    let mut world = World::new(&mut dice);
    world.drain();
    while !dice.0.is_empty() && !world.over {
        let input = world.happens(&mut dice);
        world.input(input);
    }
}

struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn roll(&mut self, sides: u32) -> u32 {
        let mut number = 0;
        for _ in 0..if sides > 256 { 4 } else { 1 } {
            let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
            self.0 = rest;
            number = number << 8 | u32::from(*first);
        }
        number % sides.max(1)
    }

    fn one_in(&mut self, sides: u32) -> bool {
        self.roll(sides) == 1
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u32) as usize]
    }
}

/// What was said on a connection, as this side knows it.
#[derive(Default)]
struct Line {
    connected: bool,
    greeted: bool,
    /// What it said that it has; nothing before it opened the artifact.
    has: Option<Bitfield>,
    learnt: Option<u32>,
    asks: VecDeque<(u32, bool)>,
    cancelled: BTreeSet<u32>,
    sent: u32,
    proven: bool,
    payload: u32,
    place: Option<Place>,
    /// Whether the payload ends a piece.
    is_last: bool,
    /// Whether it said anything, so that these books are not the engine's.
    is_wild: bool,
    /// Bytes that consent was given for, and that were not asked for.
    granted: u64,
}

struct World {
    engine: Engine,
    now: Moment,
    geometry: Geometry,
    lines: BTreeMap<Connection, Line>,
    filled: BTreeMap<(Connection, u32), u32>,
    spends: Vec<(Connection, u64)>,
    judges: Vec<(Connection, PieceIndex)>,
    right: BTreeSet<(Connection, u32)>,
    proves: Vec<Connection>,
    deliveries: Vec<PieceIndex>,
    effects: u32,
    /// How often in a row nothing came of a deadline.
    idle: u32,
    over: bool,
}

impl World {
    fn new(dice: &mut Dice<'_>) -> Self {
        let count = 1 + dice.roll(40);
        let size = u64::from(count) * u64::from(PIECE) - u64::from(dice.roll(PIECE - 1));
        let geometry = Geometry::new(size, PIECE).expect("it is small");
        let peers = 1 + dice.roll(5) as u8;
        let order = Order {
            artifact: Sha256::from_bytes([5; 32]),
            geometry,
            root: root(),
            listed: dice.one_in(2),
            missing: some(dice, count),
            peers: (0..peers).map(|number| peer(number, some(dice, count))).collect(),
            begin: Begin::OwnPart(peer(peers, Bitfield::empty(0)).id),
            patience: match dice.roll(3) {
                0 => Patience::Forever,
                1 => Patience::Wait(Duration::from_secs(600)),
                _ => Patience::For(Duration::from_secs(60)),
            },
            limits: limits(dice),
        };
        let now = Moment::from_micros(dice.roll(u32::MAX).into());
        let engine = Engine::new(order, dice.roll(u32::MAX).into(), now);
        Self {
            engine,
            now,
            geometry,
            lines: BTreeMap::new(),
            filled: BTreeMap::new(),
            spends: Vec::new(),
            judges: Vec::new(),
            right: BTreeSet::new(),
            proves: Vec::new(),
            deliveries: Vec::new(),
            effects: 0,
            idle: 0,
            over: false,
        }
    }

    /// Something that can happen now.
    fn happens(&mut self, dice: &mut Dice<'_>) -> Input {
        self.now = self.now + Duration::from_millis(dice.roll(200).into());
        match dice.roll(16) {
            0 => {
                self.now = self.now + Duration::from_millis(dice.roll(60_000).into());
                Input::Tick
            }
            1 => {
                if let Some((due, _)) = self.engine.deadline() {
                    self.now = self.now.max(due);
                }
                Input::Tick
            }
            2 | 3 if !self.spends.is_empty() => {
                let at = dice.roll(self.spends.len() as u32) as usize;
                let (connection, bytes) = self.spends.remove(at);
                let consent = self.consent(dice);
                if let Some(line) = self.lines.get_mut(&connection)
                    && consent == Consent::Given
                {
                    line.granted += bytes;
                }
                Input::Spent(connection, consent)
            }
            4 | 5 if !self.judges.is_empty() => {
                let at = dice.roll(self.judges.len() as u32) as usize;
                let (connection, index) = self.judges.remove(at);
                if dice.one_in(16) {
                    let [found, expected] = [[1; 32], [2; 32]].map(ChunkDigest::from_bytes);
                    let error = PieceError::Digest { index: index.get(), found, expected };
                    return Input::Judged(connection, index, Err(error));
                }
                self.right.insert((connection, index.get()));
                Input::Judged(connection, index, Ok(()))
            }
            6 | 7 if !self.deliveries.is_empty() => {
                let at = dice.roll(self.deliveries.len() as u32) as usize;
                let index = self.deliveries.remove(at);
                Input::Settled(index, self.consent(dice))
            }
            8 if !self.proves.is_empty() => {
                let connection = self.proves.remove(0);
                let verdict = match dice.one_in(8) {
                    true => Err(ListError::Root { found: root(), expected: root() }),
                    false => Ok(some(dice, self.geometry.piece_count())),
                };
                Input::Proven(connection, verdict)
            }
            9 if dice.one_in(8) => match dice.roll(5) {
                0 | 1 => Input::Denied(peer(dice.roll(6) as u8, Bitfield::empty(1)).id),
                2 | 3 => Input::Limits(limits(dice)),
                _ => Input::Stop,
            },
            _ => self.of_a_peer(dice),
        }
    }

    fn consent(&self, dice: &mut Dice<'_>) -> Consent {
        if dice.one_in(12) { Consent::Denied } else { Consent::Given }
    }

    /// Something that a peer does, and mostly what it should.
    fn of_a_peer(&mut self, dice: &mut Dice<'_>) -> Input {
        let all: Vec<_> = self.lines.keys().copied().collect();
        if all.is_empty() {
            return Input::Tick;
        }
        let connection = dice.of(&all);
        let count = self.geometry.piece_count();
        let Some(line) = self.lines.get_mut(&connection) else { return Input::Tick };
        if dice.one_in(60) {
            return self.end(connection, dice);
        }
        if !line.connected {
            if dice.one_in(8) {
                self.lines.remove(&connection);
                return Input::NoSlot(connection);
            }
            line.connected = true;
            return Input::Connected(connection);
        }
        if line.payload > 0 {
            let bytes = match dice.roll(3) {
                0 => 1 + dice.roll(line.payload),
                _ => line.payload,
            };
            line.payload -= bytes;
            if line.payload == 0 && std::mem::take(&mut line.is_last) {
                line.answered();
            }
            if let Some(Place::Piece(index)) = line.place {
                *self.filled.entry((connection, index.get())).or_default() += bytes;
            }
            return Input::Received(connection, bytes);
        }
        let frame = match dice.one_in(100) {
            true => {
                line.is_wild = true;
                any(dice, count)
            }
            false => match line.says(dice, &self.geometry) {
                Some(frame) => frame,
                None => return Input::Tick,
            },
        };
        (line.payload, line.place) = (frame.payload(), None);
        Input::Frame(connection, frame)
    }

    fn end(&mut self, connection: Connection, dice: &mut Dice<'_>) -> Input {
        self.forget(connection);
        let code = Code::new("session", "unreachable");
        let endings = [
            Ending::Unreachable { why: "cannot be reached".to_owned(), code, again: true },
            Ending::NotLetIn,
            Ending::HungUp,
            Ending::HungUp,
            Ending::Lost("it broke".to_owned()),
        ];
        let at = dice.roll(endings.len() as u32) as usize;
        Input::Ended(connection, endings.into_iter().nth(at).unwrap_or(Ending::HungUp))
    }

    /// A connection is over: what came in part is forgotten.
    fn forget(&mut self, connection: Connection) {
        self.lines.remove(&connection);
        let held = |(whose, index): (Connection, u32)| {
            whose != connection
                || self.judges.iter().any(|(judged, i)| (*judged, i.get()) == (whose, index))
        };
        self.filled.retain(|key, _| held(*key));
        self.spends.retain(|(whose, _)| *whose != connection);
    }

    fn input(&mut self, input: Input) {
        let before = self.engine.deadline();
        let ticked = matches!(input, Input::Tick) && before.is_some_and(|(at, _)| at <= self.now);
        let stopped = matches!(input, Input::Stop);
        let effects = self.effects;
        self.engine.input(input, self.now);
        self.drain();
        self.over |= stopped;
        let moved = self.effects > effects || self.engine.deadline() != before;
        self.idle = if ticked && !moved { self.idle + 1 } else { 0 };
        assert!(self.over || self.idle < 4, "nothing comes of a deadline: {before:?}");
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.next() {
            assert!(!self.over, "{effect:?} comes after the end");
            self.effects += 1;
            self.obey(effect);
        }
        for (connection, line) in &self.lines {
            assert!(line.payload == 0 || line.place.is_some(), "where to, on {connection:?}?");
        }
        self.engine.check().expect("what is always true");
    }

    fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Call(connection) => {
                let is_called = |other: &Connection| other.peer == connection.peer;
                assert!(
                    !self.lines.keys().any(is_called),
                    "{connection:?} is called twice at once"
                );
                self.lines.insert(connection, Line::default());
            }
            Effect::Send(connection, frame) => {
                let line = self.lines.get_mut(&connection).expect("somebody hears it");
                assert!(line.connected, "{frame:?} is sent before there is a connection");
                line.hears(&frame, &self.geometry);
            }
            Effect::Receive(connection, place) => {
                let line = self.lines.get_mut(&connection).expect("it comes from somewhere");
                assert!(line.place.replace(place).is_none(), "{place:?} is said twice");
            }
            Effect::Judge(connection, index, _) => {
                let came = self.filled.get(&(connection, index.get())).copied();
                assert_eq!(came, Some(self.geometry.length(index)), "{index:?} is not whole");
                self.judges.push((connection, index));
            }
            Effect::Prove(connection) => self.proves.push(connection),
            Effect::Deliver(connection, index) => {
                assert!(self.right.remove(&(connection, index.get())), "{index:?} was not judged");
                assert!(self.filled.remove(&(connection, index.get())).is_some());
                self.deliveries.push(index);
            }
            Effect::Discard(connection, index) => {
                self.right.remove(&(connection, index.get()));
                self.filled.remove(&(connection, index.get()));
                if let Some(line) = self.lines.get_mut(&connection)
                    && matches!(line.place, Some(Place::Piece(at) | Place::Proof(at)) if at == index)
                {
                    line.place = Some(Place::Nowhere);
                }
            }
            Effect::Spend(connection, bytes, _) => {
                assert!(self.lines.contains_key(&connection), "nobody is to be asked");
                self.spends.push((connection, bytes));
            }
            Effect::Release(..) => {}
            Effect::HangUp(connection) => self.forget(connection),
            Effect::Tell(_) => {}
            Effect::Done(_) => self.over = true,
        }
    }
}

impl Line {
    /// Keeps the books of what the engine says, and finds fault with what it may not say.
    fn hears(&mut self, frame: &Frame, geometry: &Geometry) {
        match *frame {
            Frame::Ask(index) | Frame::AskProven(index) => {
                let is_twice = self.asks.iter().any(|(ask, _)| *ask == index);
                assert!(self.is_wild || !is_twice, "{index} is asked twice at once");
                self.asks.push_back((index, matches!(frame, Frame::AskProven(_))));
                let most = if self.greeted { MAX_ASKS } else { FIRST_ASKS };
                let is_many = self.asks.len() > usize::from(most);
                assert!(self.is_wild || !is_many, "too much is asked at a time");
                let length = u64::from(geometry.length(geometry.index(index).expect("it exists")));
                let left = self.granted.checked_sub(length);
                self.granted = left.expect("nothing is asked without consent");
            }
            Frame::Cancel(index) => {
                let is_right =
                    self.asks.iter().any(|(ask, _)| *ask == index) && self.cancelled.insert(index);
                assert!(self.is_wild || is_right, "{index} is cancelled twice, or was not asked");
            }
            Frame::Learn => {
                assert!(self.learnt.replace(0).is_none(), "the list is asked for twice");
            }
            _ => {}
        }
    }

    /// What an honest peer would say next.
    fn says(&mut self, dice: &mut Dice<'_>, geometry: &Geometry) -> Option<Frame> {
        let count = geometry.piece_count();
        if !self.greeted {
            self.greeted = true;
            let asks = dice.of(&[256, 300, 2_000]);
            return Some(Frame::Hello(Hello { version: VERSION, asks }));
        }
        let Some(has) = &mut self.has else {
            let has = self.has.insert(some(dice, count));
            return Some(Frame::Opened(Opened {
                byte_count: geometry.byte_count(),
                piece_size: geometry.piece_size(),
                algorithm: 0,
                root: *root().as_bytes(),
                have: has.as_bytes().to_vec(),
            }));
        };
        if let Some(first) = self.learnt.filter(|first| *first < count && dice.one_in(2)) {
            let more = 1 + dice.roll(count - first);
            self.learnt = Some(first + more);
            return Some(Frame::Digests(DigestsHead { first, count: more }));
        }
        let Some((index, proven)) = self.asks.front().copied() else {
            let index = dice.roll(count);
            let is_new = geometry.index(index).is_some_and(|index| has.insert(index));
            return match is_new {
                true => Some(Frame::Have(index)),
                false => dice.one_in(40).then_some(Frame::Ping),
            };
        };
        let is_cancelled = self.cancelled.contains(&index);
        if is_cancelled && dice.one_in(2) || dice.one_in(30) {
            self.answered();
            let code = if is_cancelled { 4 } else { dice.of(&[2, 2, 2, 1, 3]) };
            return Some(Frame::Refuse(Refuse { index: Some(index), code }));
        }
        if proven && !self.proven {
            self.proven = true;
            return Some(Frame::Proof(ProofHead { index, count: dice.roll(3) }));
        }
        let left = geometry.length(geometry.index(index).expect("it exists")) - self.sent;
        let length = if left > 512 && dice.one_in(3) { 512 + dice.roll(left - 512) } else { left };
        let offset = self.sent;
        self.sent += length;
        self.is_last = length == left;
        Some(Frame::Block(BlockHead { index, offset, length }))
    }

    fn answered(&mut self) {
        if let Some((index, _)) = self.asks.pop_front() {
            self.cancelled.remove(&index);
        }
        (self.sent, self.proven) = (0, false);
    }
}

fn root() -> Root {
    Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32])
}

fn peer(number: u8, offered: Bitfield) -> Peer {
    let id = SigningKey::from_seed([number + 1; 32]).public_key().peer_id();
    let label = Label::parse(&format!("peer {number}")).expect("it is a label");
    Peer { id, label, offered }
}

fn limits(dice: &mut Dice<'_>) -> Limits {
    let in_flight = u64::from(dice.roll(20)) * u64::from(PIECE);
    Limits { in_flight, download: NonZeroU64::new(dice.of(&[0, 0, 1, 5_000, 1 << 40])) }
}

/// Most of the pieces, or all.
fn some(dice: &mut Dice<'_>, count: u32) -> Bitfield {
    let mut some = Bitfield::empty(count);
    let all = dice.one_in(2);
    for index in 0..count {
        if all || dice.roll(3) > 0 {
            some.insert_range(index, index);
        }
    }
    some
}

/// Anything that the called side of a connection may say.
fn any(dice: &mut Dice<'_>, count: u32) -> Frame {
    let index = dice.roll(count + 2);
    match dice.roll(9) {
        0 => Frame::Hello(Hello { version: dice.roll(3) as u16, asks: dice.roll(300) as u16 }),
        1 => Frame::Have(index),
        2 => Frame::Refuse(Refuse { index: Some(index), code: dice.roll(6) as u16 }),
        3 => Frame::Refuse(Refuse { index: None, code: dice.roll(6) as u16 }),
        4 => Frame::Close(dice.roll(6) as u16),
        5 => Frame::Ping,
        6 => Frame::Digests(DigestsHead { first: index, count: 1 + dice.roll(5) }),
        7 => Frame::Proof(ProofHead { index, count: dice.roll(20) }),
        _ => Frame::Block(BlockHead {
            index,
            offset: dice.roll(2) * 512,
            length: 1 + dice.roll(2_000),
        }),
    }
}
