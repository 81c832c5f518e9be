//! An engine and whoever plays its peers, its disk and its journal: by hand, one event at a time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use verifier::digest::ChunkDigest;
use verifier::identity::PeerId;
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, Geometry, PieceIndex, Root, Sha256};

use crate::Ending;
use crate::import::peer::State;
use crate::import::{
    Begin, Connection, Consent, Effect, Engine, Evidence, Exhausted, Input, Limits, News, Order,
    Patience, Peer, PeerState, PieceState, Place, Purpose, Why,
};
use crate::moment::Moment;
use crate::wire::{BlockHead, Frame, Hello, Opened, ProofHead, Refuse};

/// The length of a piece unless a test says otherwise.
pub(super) const PIECE: u32 = 1 << 20;

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The pieces at which the picture shows `#`.
pub(super) fn set(picture: &str) -> Bitfield {
    let mut set = Bitfield::empty(u32::try_from(picture.len()).unwrap());
    for (at, _) in picture.char_indices().filter(|(_, c)| *c == '#') {
        let at = u32::try_from(at).unwrap();
        set.insert_range(at, at);
    }
    set
}

pub(super) fn peer(number: u8) -> Peer {
    let names = ["anna", "bert", "cleo", "dora", "emil", "fred"];
    let label =
        names.get(usize::from(number)).map_or_else(|| format!("peer{number}"), |n| (*n).to_owned());
    Peer { id: id(number), label: Label::parse(&label).unwrap(), offered: Bitfield::empty(0) }
}

pub(super) fn id(number: u8) -> PeerId {
    verifier::identity::SigningKey::from_seed([number + 1; 32]).public_key().peer_id()
}

/// What an import is made of in a test.
pub(super) struct Setup {
    pub(super) pieces: u32,
    pub(super) piece: u32,
    pub(super) have: Option<Bitfield>,
    pub(super) peers: u8,
    /// Whether their offers name everything, or nothing.
    pub(super) offered: bool,
    pub(super) listed: bool,
    pub(super) begin: Begin,
    pub(super) patience: Patience,
    pub(super) in_flight: u64,
    pub(super) download: u64,
    pub(super) seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            pieces: 8,
            piece: PIECE,
            have: None,
            peers: 1,
            offered: false,
            listed: true,
            begin: Begin::Front,
            patience: Patience::For(secs(60)),
            in_flight: 32 << 20,
            download: 0,
            seed: 1,
        }
    }
}

/// An import in virtual time. Verdicts, consent and the disk answer at once unless told not to.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) now: Moment,
    pub(super) geometry: Geometry,
    root: Root,
    /// What was sent on each connection and not looked at by the test.
    pub(super) sent: BTreeMap<Connection, VecDeque<Frame>>,
    /// What went to whom, for ever.
    pub(super) asked: Vec<(u32, u32)>,
    pub(super) calls: Vec<Connection>,
    pub(super) hung_up: Vec<Connection>,
    pub(super) news: Vec<News>,
    pub(super) places: Vec<(Connection, Place)>,
    pub(super) judges: VecDeque<(Connection, PieceIndex, Evidence)>,
    pub(super) spends: VecDeque<(Connection, u64, Purpose)>,
    pub(super) released: u64,
    pub(super) deliveries: VecDeque<(Connection, PieceIndex)>,
    pub(super) discards: Vec<(Connection, u32)>,
    pub(super) proves: Vec<Connection>,
    pub(super) done: Option<Result<(), Exhausted>>,
    /// Whether consent, verdicts and the disk answer by themselves.
    pub(super) consents: bool,
    pub(super) judging: bool,
    pub(super) keeping: bool,
    /// Bytes that consent still covers, if that is limited.
    pub(super) allowance: Option<u64>,
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let geometry =
            Geometry::new(u64::from(setup.pieces) * u64::from(setup.piece), setup.piece).unwrap();
        let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
        let offered = Bitfield::full(if setup.offered { setup.pieces } else { 0 });
        let have = setup.have.unwrap_or_else(|| Bitfield::empty(setup.pieces));
        let order = Order {
            artifact: Sha256::from_bytes([5; 32]),
            geometry,
            root,
            listed: setup.listed,
            missing: have.complement(),
            peers: (0..setup.peers)
                .map(|number| Peer { offered: offered.clone(), ..peer(number) })
                .collect(),
            begin: setup.begin,
            patience: setup.patience,
            limits: Limits {
                in_flight: setup.in_flight,
                download: std::num::NonZeroU64::new(setup.download),
            },
        };
        let now = Moment::from_micros(1_000_000_000);
        let mut world = Self {
            engine: Engine::new(order, setup.seed, now),
            now,
            geometry,
            root,
            sent: BTreeMap::new(),
            asked: Vec::new(),
            calls: Vec::new(),
            hung_up: Vec::new(),
            news: Vec::new(),
            places: Vec::new(),
            judges: VecDeque::new(),
            released: 0,
            spends: VecDeque::new(),
            deliveries: VecDeque::new(),
            discards: Vec::new(),
            proves: Vec::new(),
            done: None,
            consents: true,
            judging: true,
            keeping: true,
            allowance: None,
        };
        world.drain();
        world
    }

    pub(super) fn input(&mut self, input: Input) {
        self.put(input);
        self.answer();
    }

    fn put(&mut self, input: Input) {
        self.engine.input(input, self.now);
        self.drain();
        self.engine.check().unwrap();
    }

    /// Lets time pass, looking at every deadline on the way.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut ticks = 0;
        while let Some((due, why)) = self.engine.deadline().filter(|(due, _)| *due <= end) {
            assert!(due >= self.now, "{why:?} is in the past");
            ticks = if due == self.now { ticks + 1 } else { 0 };
            assert!(ticks < 10, "{why:?} comes again and again");
            self.now = due;
            self.input(Input::Tick);
        }
        self.now = end;
    }

    pub(super) fn index(&self, index: u32) -> PieceIndex {
        self.geometry.index(index).unwrap()
    }

    pub(super) fn current(&self, peer: u32) -> Connection {
        *self.calls.iter().rev().find(|call| call.peer == peer).unwrap()
    }

    /// The peer answers the call, has these pieces and takes any number of asks.
    pub(super) fn open(&mut self, peer: u32, picture: &str) -> Connection {
        self.open_for(peer, &set(picture), 1_024)
    }

    pub(super) fn open_for(&mut self, peer: u32, have: &Bitfield, asks: usize) -> Connection {
        let connection = self.current(peer);
        self.input(Input::Connected(connection));
        self.says(connection, Frame::Hello(Hello { version: 1, asks: 1_024 }));
        // No peer says so few, but tests are shorter for it.
        if let State::Opening { asks: most, .. } = &mut self.engine.peers[peer as usize].state {
            *most = Some(asks);
        }
        let opened = self.opened(have);
        self.says(connection, Frame::Opened(opened));
        connection
    }

    pub(super) fn opened(&self, have: &Bitfield) -> Opened {
        Opened {
            byte_count: self.geometry.byte_count(),
            piece_size: self.geometry.piece_size(),
            algorithm: crate::wire::algorithm(self.root.algorithm()),
            root: *self.root.as_bytes(),
            have: have.as_bytes().to_vec(),
        }
    }

    pub(super) fn says(&mut self, connection: Connection, frame: Frame) {
        self.input(Input::Frame(connection, frame));
    }

    pub(super) fn ends(&mut self, connection: Connection, ending: Ending) {
        self.input(Input::Ended(connection, ending));
    }

    pub(super) fn refuses(&mut self, connection: Connection, index: u32, code: u16) {
        self.says(connection, Frame::Refuse(Refuse { index: Some(index), code }));
    }

    /// So many bytes of a piece come in one block, from there on.
    pub(super) fn block(&mut self, connection: Connection, index: u32, offset: u32, length: u32) {
        self.says(connection, Frame::Block(BlockHead { index, offset, length }));
        self.input(Input::Received(connection, length));
    }

    /// The whole piece comes.
    pub(super) fn gives(&mut self, connection: Connection, index: u32) {
        let length = self.geometry.length(self.index(index));
        let mut offset = 0;
        while offset < length {
            let block = (length - offset).min(crate::wire::MAX_BLOCK);
            self.block(connection, index, offset, block);
            offset += block;
        }
    }

    pub(super) fn proves(&mut self, connection: Connection, index: u32) {
        self.says(connection, Frame::Proof(ProofHead { index, count: 3 }));
        self.input(Input::Received(connection, 3 * 32));
    }

    /// What was sent since this was called last, as text.
    pub(super) fn hears(&mut self, connection: Connection) -> Vec<Frame> {
        self.sent.remove(&connection).map(Vec::from).unwrap_or_default()
    }

    /// The pieces that the peer was asked for and told to forget since this was called last.
    pub(super) fn asks(&mut self, connection: Connection) -> String {
        let say = |frame: Frame| match frame {
            Frame::Ask(index) => Some(format!("{index} ")),
            Frame::AskProven(index) => Some(format!("{index}p ")),
            Frame::Cancel(index) => Some(format!("-{index} ")),
            _ => None,
        };
        self.hears(connection).into_iter().filter_map(say).collect::<String>().trim().to_owned()
    }

    /// Each piece as one character: `.` missing, `?` asked, `!` arrived, `+` verified, `#` kept.
    pub(super) fn picture(&self) -> String {
        let pieces = self.engine.snapshot().pieces.into_iter();
        pieces
            .map(|piece| match piece {
                PieceState::Missing => '.',
                PieceState::Asked => '?',
                PieceState::Arrived => '!',
                PieceState::Verified => '+',
                PieceState::Kept => '#',
            })
            .collect()
    }

    pub(super) fn state(&self, peer: usize) -> PeerState {
        self.engine.snapshot().peers.swap_remove(peer).state
    }

    /// The sentence that was said last, if it still holds.
    pub(super) fn sentence(&self) -> Option<String> {
        self.engine.snapshot().waiting
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.engine.deadline().map(|(_, why)| why)
    }

    /// Why the import ended in vain.
    pub(super) fn exhausted(&self) -> &Exhausted {
        match &self.done {
            Some(Err(exhausted)) => exhausted,
            other => panic!("{other:?}: {}", self.picture()),
        }
    }

    pub(super) fn wrong(&self, index: u32) -> verifier::piece::PieceError {
        let (found, expected) =
            (ChunkDigest::from_bytes([1; 32]), ChunkDigest::from_bytes([2; 32]));
        verifier::piece::PieceError::Digest { index, found, expected }
    }

    fn answer(&mut self) {
        loop {
            if self.consents
                && let Some((connection, bytes, _)) = self.spends.pop_front()
            {
                let covered = self.allowance.is_none_or(|left| bytes <= left);
                if let Some(left) = self.allowance.as_mut().filter(|_| covered) {
                    *left -= bytes;
                }
                let consent = if covered { Consent::Given } else { Consent::Denied };
                self.put(Input::Spent(connection, consent));
            } else if self.judging
                && let Some((connection, index, _)) = self.judges.pop_front()
            {
                self.put(Input::Judged(connection, index, Ok(())));
            } else if self.keeping
                && let Some((_, index)) = self.deliveries.pop_front()
            {
                self.put(Input::Settled(index, Consent::Given));
            } else {
                return;
            }
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.next() {
            assert!(self.done.is_none(), "{effect:?} after the end");
            match effect {
                Effect::Call(connection) => self.calls.push(connection),
                Effect::Send(connection, frame) => {
                    assert!(!self.hung_up.contains(&connection), "{frame:?} after the end");
                    if let Frame::Ask(index) | Frame::AskProven(index) = frame {
                        self.asked.push((connection.peer, index));
                    }
                    self.sent.entry(connection).or_default().push_back(frame);
                }
                Effect::Receive(connection, place) => self.places.push((connection, place)),
                Effect::Judge(connection, index, evidence) => {
                    self.judges.push_back((connection, index, evidence));
                }
                Effect::Prove(connection) => self.proves.push(connection),
                Effect::Deliver(connection, index) => {
                    self.deliveries.push_back((connection, index));
                }
                Effect::Discard(connection, index) => self.discards.push((connection, index.get())),
                Effect::Spend(connection, bytes, purpose) => {
                    self.spends.push_back((connection, bytes, purpose));
                }
                Effect::Release(_, bytes) => self.released += bytes,
                Effect::HangUp(connection) => self.hung_up.push(connection),
                Effect::Tell(news) => self.news.push(news),
                Effect::Done(result) => self.done = Some(result),
            }
        }
    }
}
