//! A machine that imports: a real engine, and what a shell does for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::import::{
    Begin, Connection, Consent, Effect, Evidence, Input, Limits, News, Order, Peer, Place,
};
use engine::wire::{Arrival, Decoder, Frame, Side};
use engine::{Ending, Engine, Moment};
use verifier::digest::ChunkDigest;
use verifier::merkle::ProofError;
use verifier::piece::{ListError, PieceError};
use verifier::scalars::Label;
use verifier::{Bitfield, Code, PieceIndex};

use crate::disk::Disk;
use crate::network::{Link, Seen};
use crate::report::{Import, Outcome};
use crate::scenario::{Importing, Machine};
use crate::schedule::Alarm;
use crate::stream::{Chunk, Content, Payload, Received, siblings};
use crate::watch::Importing as Watch;
use crate::world::{Entry, Event, Rest, rate};

/// What comes back to an import later.
#[derive(Debug)]
pub(crate) enum Due {
    Start,
    Input(Input),
    Connected(Connection),
    /// Whether the consent covers so many bytes is looked up.
    Spend(Connection, u64),
    /// The piece of that machine is to be written.
    Keep(usize, PieceIndex),
}

/// The longest that a call waits for a machine that does not answer.
const CALL: Duration = Duration::from_secs(5);
/// How long looking up a consent takes.
const JOURNAL: Duration = Duration::from_micros(300);

#[derive(Debug)]
pub(crate) struct Importer {
    is: Importing,
    me: usize,
    serves: bool,
    seed: u64,
    engine: Option<Engine>,
    peers: Vec<usize>,
    open: BTreeMap<Connection, Open>,
    links: BTreeMap<Link, Connection>,
    disk: Disk,
    denied: BTreeSet<usize>,
    kept: Bitfield,
    started: Moment,
    tick: Alarm,
    /// Whether it is told to stop, and whether it has been.
    stopping: bool,
    stopped: bool,
    watch: Watch,
    report: Import,
}

/// One connection.
#[derive(Debug)]
struct Open {
    link: Option<Link>,
    connected: bool,
    decoder: Decoder,
    place: Option<Place>,
    pieces: BTreeMap<u32, Received>,
    proofs: BTreeMap<u32, Received>,
    list: Received,
}

impl Importer {
    pub(crate) fn new(me: usize, machine: &Machine, is: Importing, seed: u64, rest: &Rest) -> Self {
        let geometry = rest.geometry;
        let kept = is.have.of(&geometry);
        let report = Import {
            outcome: Outcome::Running,
            kept: kept.count(),
            time: Duration::ZERO,
            first: None,
            last_byte: Duration::ZERO,
            last_honest: Duration::ZERO,
            banned: Vec::new(),
            given: vec![0; rest.directory.len()],
            wasted: 0,
            asks: 0,
            sentences: Vec::new(),
        };
        Self {
            peers: is.from.clone(),
            watch: Watch::new(geometry, is.in_flight),
            is,
            me,
            serves: machine.serve.is_some(),
            seed,
            engine: None,
            open: BTreeMap::new(),
            links: BTreeMap::new(),
            disk: Disk::new(machine.disk),
            denied: BTreeSet::new(),
            kept,
            started: Moment::START,
            tick: Alarm::default(),
            stopping: false,
            stopped: false,
            report,
        }
    }

    pub(crate) fn report(&self, now: Moment) -> Import {
        let mut report = self.report.clone();
        if report.outcome == Outcome::Running {
            report.time = now.since(self.started);
        }
        report.kept = self.kept.count();
        report
    }

    pub(crate) fn is_over(&self) -> bool {
        self.report.outcome != Outcome::Running
    }

    pub(crate) const fn kept(&self) -> &Bitfield {
        &self.kept
    }

    pub(crate) fn owns(&self, link: Link) -> bool {
        self.links.contains_key(&link)
    }

    pub(crate) fn due(&mut self, due: Due, rest: &mut Rest) {
        match due {
            Due::Start => self.start(rest),
            Due::Input(input) => self.input(input, rest),
            Due::Connected(connection) => self.connected(connection, rest),
            Due::Spend(connection, bytes) => {
                let peer = self.peers[connection.peer as usize];
                let left = self.is.consent.get_mut(&peer);
                let covered = left.is_none_or(|left| match left.checked_sub(bytes) {
                    Some(rest) => {
                        *left = rest;
                        true
                    }
                    None => false,
                });
                let given = covered && !self.denied.contains(&peer);
                let consent = if given { Consent::Given } else { Consent::Denied };
                self.input(Input::Spent(connection, consent), rest);
            }
            Due::Keep(from, index) => {
                let bytes = u64::from(rest.geometry.length(index));
                if self.disk.takes(bytes) {
                    self.keep(from, index, rest);
                } else {
                    self.disk.waiting.push_back((from as u64, index.get()));
                }
            }
        }
        self.tick_at(rest);
    }

    /// Gives the time in, if the engine waits for it.
    pub(crate) fn tick(&mut self, rest: &mut Rest) {
        let now = rest.plan.now();
        if !self.tick.rings(now) {
            return;
        }
        let wanted = self.engine.as_ref().and_then(Engine::deadline);
        if wanted.is_some_and(|(at, _)| at <= now) && !self.is_over() {
            self.input(Input::Tick, rest);
        }
        self.tick_at(rest);
    }

    /// Its machine slept until now: that time counts for nothing.
    pub(crate) const fn woke(&mut self, now: Moment) {
        self.watch.moved(now);
    }

    /// Its user stops it.
    pub(crate) fn stop(&mut self, rest: &mut Rest) {
        if !self.is_over() {
            self.stopping = true;
            self.input(Input::Stop, rest);
            self.stopped = true;
            self.report.outcome = Outcome::Stopped;
            self.report.time = rest.plan.now().since(self.started);
        }
    }

    pub(crate) fn deny(&mut self, machine: usize, told: bool, rest: &mut Rest) {
        self.denied.insert(machine);
        if told {
            self.input(Input::Denied(rest.directory[machine].id), rest);
        }
    }

    pub(crate) fn limit(&mut self, in_flight: u64, download: u64, rest: &mut Rest) {
        self.watch.limit(in_flight);
        self.is.in_flight = in_flight;
        self.is.download = download;
        rest.net.limit_down(self.me, download);
        self.input(Input::Limits(Limits { in_flight, download: rate(download) }), rest);
    }

    /// So many bytes more fit on the disk.
    pub(crate) fn has_room(&mut self, room: Option<u64>, rest: &mut Rest) {
        self.disk.has_room(room);
        while let Some((from, index)) = self.disk.waiting.front().copied() {
            let Some(index) = rest.geometry.index(index) else { break };
            if !self.disk.takes(u64::from(rest.geometry.length(index))) {
                break;
            }
            self.disk.waiting.pop_front();
            self.keep(from as usize, index, rest);
        }
    }

    /// Its program ends. An import that has not started yet starts at its time, if the program runs then.
    pub(crate) fn goes_down(&mut self, rest: &mut Rest) {
        if self.engine.is_some() {
            self.stop(rest);
        }
    }

    fn start(&mut self, rest: &mut Rest) {
        self.started = rest.plan.now();
        if !rest.directory[self.me].up {
            return self.stop(rest);
        }
        if self.is.download > 0 {
            rest.net.limit_down(self.me, self.is.download);
        }
        let peers: Vec<_> = self.peers.iter().map(|machine| peer(*machine, rest)).collect();
        let begin = match self.serves {
            true => Begin::OwnPart(rest.directory[self.me].id),
            false => Begin::Front,
        };
        let order = Order {
            begin,
            artifact: rest.artifact,
            geometry: rest.geometry,
            root: rest.root,
            listed: self.is.listed,
            missing: self.kept.complement(),
            peers,
            patience: self.is.patience,
            limits: Limits { in_flight: self.is.in_flight, download: rate(self.is.download) },
        };
        self.engine = Some(Engine::new(order, self.seed, rest.plan.now()));
        self.watch.moved(rest.plan.now());
        self.drain(rest);
    }

    fn connected(&mut self, connection: Connection, rest: &mut Rest) {
        let peer = self.peers[connection.peer as usize];
        let Some(open) = self.open.get_mut(&connection) else { return };
        if rest.net.is_frozen(self.me) || rest.net.is_frozen(peer) {
            let why = "did not finish the handshake".to_owned();
            let ending = Ending::Unreachable { why, code: Code::new("io", "timeout"), again: true };
            rest.plan
                .after(CALL, Event::Import(self.me, Due::Input(Input::Ended(connection, ending))));
            return;
        }
        open.connected = true;
        self.input(Input::Connected(connection), rest);
    }

    /// What its end of a link sees.
    pub(crate) fn sees(&mut self, link: Link, seen: Seen, rest: &mut Rest) {
        let Some(connection) = self.links.get(&link).copied() else { return };
        match seen {
            Seen::Chunks(chunks) => {
                for chunk in chunks {
                    if self.read(connection, chunk, rest).is_none() {
                        break;
                    }
                }
            }
            Seen::End => self.input(Input::Ended(connection, Ending::HungUp), rest),
            Seen::Broken => {
                let ending = Ending::Lost("connection reset".to_owned());
                self.input(Input::Ended(connection, ending), rest);
            }
            Seen::Written(_) => {}
        }
        self.tick_at(rest);
    }

    /// Reads what came; nothing if the connection is over.
    fn read(&mut self, connection: Connection, chunk: Chunk, rest: &mut Rest) -> Option<()> {
        match chunk {
            Chunk::Bytes(bytes) => self.read_bytes(connection, &bytes, rest),
            Chunk::Payload(mut payload) => {
                while payload.length > 0 {
                    let open = self.open.get_mut(&connection)?;
                    let now = payload.length.min(u64::from(open.decoder.payload_left()));
                    if now == 0 {
                        // It is no payload to whoever reads it: bytes that are no frame.
                        return self.read_bytes(connection, &[0; 8], rest);
                    }
                    open.decoder.took(now as u32);
                    self.received(connection, Payload { length: now, ..payload }, rest);
                    payload.offset += now;
                    payload.length -= now;
                }
                Some(())
            }
        }
    }

    fn read_bytes(
        &mut self,
        connection: Connection,
        mut bytes: &[u8],
        rest: &mut Rest,
    ) -> Option<()> {
        loop {
            let open = self.open.get_mut(&connection)?;
            match open.decoder.next(&mut bytes) {
                Ok(None) => return Some(()),
                Ok(Some(Arrival::Frame(frame))) => {
                    open.place = None;
                    self.input(Input::Frame(connection, frame), rest);
                }
                Ok(Some(Arrival::Payload(payload))) => {
                    let length = payload.len() as u64;
                    let payload = Payload { content: Content::False, offset: 0, length };
                    self.received(connection, payload, rest);
                }
                Err(error) => self.input(Input::Ended(connection, error.into()), rest),
            }
        }
    }

    fn received(&mut self, connection: Connection, payload: Payload, rest: &mut Rest) {
        let now = rest.plan.now();
        let Some(open) = self.open.get_mut(&connection) else { return };
        match open.place {
            Some(Place::Piece(index)) => {
                let piece = open.pieces.entry(index.get()).or_default();
                piece.add(Content::Piece(index.get()), payload);
                self.report.last_byte = now.since(self.started);
                if !rest.directory[self.peers[connection.peer as usize]].is_rogue {
                    self.report.last_honest = self.report.last_byte;
                }
            }
            Some(Place::Proof(index)) => {
                let proof = open.proofs.entry(index.get()).or_default();
                proof.add(Content::Proof(index.get()), payload);
            }
            Some(Place::List) => open.list.add(Content::List, payload),
            Some(Place::Nowhere) => self.report.wasted += payload.length,
            None => rest.fault(self.me, format!("{connection:?}: payload has no place")),
        }
        self.input(Input::Received(connection, payload.length as u32), rest);
    }

    fn input(&mut self, input: Input, rest: &mut Rest) {
        let Some(engine) = &mut self.engine else { return };
        if self.stopped {
            return;
        }
        let now = rest.plan.now();
        let ticked = matches!(input, Input::Tick).then(|| engine.deadline());
        match &input {
            Input::Ended(connection, _) => {
                if let Some(link) = self.open.remove(connection).and_then(|open| open.link) {
                    self.links.remove(&link);
                    rest.net.end(link, Side::Caller, &mut rest.plan);
                }
            }
            Input::NoSlot(connection) => drop(self.open.remove(connection)),
            _ => {}
        }
        self.watch.input(&input, now);
        engine.input(input, now);
        let effects = self.drain(rest);
        let Some(engine) = &self.engine else { return };
        if ticked.is_some_and(|before| effects == 0 && before == engine.deadline()) {
            rest.fault(self.me, format!("the time moved nothing: {:?}", engine.deadline()));
        }
        if rest.checks()
            && let Err(what) = engine.check()
        {
            rest.fault(self.me, what);
        }
        let deadline = engine.deadline();
        match (self.is_over(), deadline) {
            (false, None) if !self.stopping => {
                rest.fault(self.me, "nothing is waited for, and it is not over".into());
            }
            (false, Some((at, why))) if at < now && !self.stopping => {
                rest.fault(self.me, format!("the deadline has passed already: {why:?}"));
            }
            _ => {}
        }
        if let Err(what) = self.watch.check(now) {
            rest.fault(self.me, what);
        }
    }

    fn drain(&mut self, rest: &mut Rest) -> usize {
        let mut effects = 0;
        while let Some(effect) = self.engine.as_mut().and_then(Engine::next) {
            effects += 1;
            rest.trace(self.me, &effect);
            if let Err(what) = self.watch.effect(&effect) {
                rest.fault(self.me, what);
            }
            self.perform(effect, rest);
            if effects > 10_000_000 {
                rest.fault(self.me, "effects do not end".to_owned());
                break;
            }
        }
        effects
    }

    /// Plans the next tick, unless one is planned that is early enough.
    fn tick_at(&mut self, rest: &mut Rest) {
        if self.is_over() {
            return;
        }
        let Some((at, _)) = self.engine.as_ref().and_then(Engine::deadline) else { return };
        self.tick.set(at, Event::TickImport(self.me), &mut rest.plan);
    }

    fn later(&self, at: Moment, due: Due, rest: &mut Rest) {
        rest.plan.plan(at, Event::Import(self.me, due));
    }

    fn perform(&mut self, effect: Effect, rest: &mut Rest) {
        let now = rest.plan.now();
        match effect {
            Effect::Call(connection) => self.call(connection, rest),
            Effect::Send(connection, frame) => self.send(connection, &frame, rest),
            Effect::Receive(connection, place) => {
                if let Some(open) = self.open.get_mut(&connection) {
                    open.place = Some(place);
                }
            }
            Effect::Judge(connection, index, evidence) => {
                let bytes = u64::from(rest.geometry.length(index));
                let verdict = self.judge(connection, index, evidence, rest);
                let at = self.disk.hashed(bytes, now);
                self.later(at, Due::Input(Input::Judged(connection, index, verdict)), rest);
            }
            Effect::Prove(connection) => {
                let count = rest.geometry.piece_count();
                let list = self.open.get(&connection).map(|open| open.list).unwrap_or_default();
                let whole = list.good && list.length == u64::from(count) * 32;
                let verdict = match whole {
                    true => Ok(self.kept.complement()),
                    false => Err(ListError::Root { found: rest.false_root, expected: rest.root }),
                };
                let at = self.disk.hashed(u64::from(count) * 64, now);
                self.later(at, Due::Input(Input::Proven(connection, verdict)), rest);
            }
            Effect::Deliver(connection, index) => {
                let at = self.disk.moved(u64::from(rest.geometry.length(index)), now);
                let from = self.peers[connection.peer as usize];
                self.later(at, Due::Keep(from, index), rest);
            }
            Effect::Discard(connection, index) => {
                let open = self.open.get_mut(&connection);
                let piece = open.and_then(|open| {
                    // What is still to come of it is for nobody either.
                    if open.place == Some(Place::Piece(index)) {
                        open.place = Some(Place::Nowhere);
                    }
                    open.proofs.remove(&index.get());
                    open.pieces.remove(&index.get())
                });
                self.report.wasted += piece.map_or(0, |piece| piece.length);
            }
            Effect::Spend(connection, bytes, _) => {
                self.later(now + JOURNAL, Due::Spend(connection, bytes), rest);
            }
            Effect::Release(..) => {}
            Effect::HangUp(connection) => {
                if let Some(link) = self.open.remove(&connection).and_then(|open| open.link) {
                    self.links.remove(&link);
                    rest.net.end(link, Side::Caller, &mut rest.plan);
                }
            }
            Effect::Tell(news) => self.tell(news, rest),
            Effect::Done(outcome) => {
                self.report.time = now.since(self.started);
                self.report.outcome = match outcome {
                    Ok(()) if self.kept.is_full() => Outcome::Done,
                    Ok(()) => {
                        rest.fault(self.me, "done, with pieces missing".to_owned());
                        Outcome::Done
                    }
                    Err(exhausted) => Outcome::Exhausted(exhausted.why),
                };
            }
        }
    }

    fn call(&mut self, connection: Connection, rest: &mut Rest) {
        let peer = self.peers[connection.peer as usize];
        let (now, me) = (rest.plan.now(), self.me);
        let round_trip = rest.net.delay(me, peer) * 2;
        let fails = |after, why: &str| {
            let (why, code) = (why.to_owned(), Code::new("io", "unreachable"));
            let ending = Ending::Unreachable { why, code, again: true };
            (now + after, Due::Input(Input::Ended(connection, ending)))
        };
        let mut open = Open {
            link: None,
            connected: false,
            decoder: Decoder::new(Side::Called),
            place: None,
            pieces: BTreeMap::new(),
            proofs: BTreeMap::new(),
            list: Received::default(),
        };
        let (at, due) = if self.is.slots > 0 && self.open.len() >= self.is.slots {
            (now, Due::Input(Input::NoSlot(connection)))
        } else if rest.net.is_frozen(me) || rest.net.is_frozen(peer) {
            fails(CALL, "did not answer")
        } else if !rest.directory[peer].up {
            fails(round_trip, "cannot be reached: nobody answers there")
        } else if rest.directory[peer].lets_nobody_in {
            (now + round_trip * 2, Due::Input(Input::Ended(connection, Ending::NotLetIn)))
        } else {
            let link = rest.call(me, peer);
            open.link = Some(link);
            self.links.insert(link, connection);
            (now + round_trip * rest.handshake, Due::Connected(connection))
        };
        self.open.insert(connection, open);
        self.later(at, due, rest);
    }

    fn send(&mut self, connection: Connection, frame: &Frame, rest: &mut Rest) {
        if matches!(frame, Frame::Ask(_) | Frame::AskProven(_)) {
            self.report.asks += 1;
        }
        let Some(link) = self.open.get(&connection).and_then(|open| open.link) else { return };
        match Chunk::frame(frame) {
            Ok(chunk) => rest.net.write(link, Side::Caller, [chunk], &mut rest.plan),
            Err(error) => rest.fault(self.me, format!("{frame:?} cannot be sent: {error}")),
        }
    }

    fn judge(
        &self,
        connection: Connection,
        index: PieceIndex,
        evidence: Evidence,
        rest: &Rest,
    ) -> Result<(), PieceError> {
        let open = self.open.get(&connection);
        let of = |map: &BTreeMap<u32, Received>| map.get(&index.get()).copied();
        let piece = open.and_then(|open| of(&open.pieces)).unwrap_or_default();
        let proof = open.and_then(|open| of(&open.proofs));
        let siblings = u64::from(siblings(index.get(), rest.geometry.piece_count()));
        let proof = proof.unwrap_or_default();
        if evidence == Evidence::Proof && !(proof.good && proof.length == siblings * 32) {
            let source = ProofError::Root { found: rest.false_root, expected: rest.root };
            return Err(PieceError::Proof { index: index.get(), source });
        }
        if piece.good && piece.length == u64::from(rest.geometry.length(index)) {
            return Ok(());
        }
        let (found, expected) =
            (ChunkDigest::from_bytes([0xFF; 32]), ChunkDigest::from_bytes([index.get() as u8; 32]));
        Err(PieceError::Digest { index: index.get(), found, expected })
    }

    fn keep(&mut self, from: usize, index: PieceIndex, rest: &mut Rest) {
        let consent = if self.denied.contains(&from) { Consent::Denied } else { Consent::Given };
        if consent == Consent::Given {
            if !self.kept.insert(index) {
                rest.fault(self.me, format!("piece {} is kept twice", index.get()));
            }
            self.report.given[from] += 1;
            let since = rest.plan.now().since(self.started);
            self.report.first.get_or_insert(since);
            rest.landed(self.me, index);
        }
        self.input(Input::Settled(index, consent), rest);
    }

    fn tell(&mut self, news: News, rest: &Rest) {
        let since = rest.plan.now().since(self.started);
        match news {
            News::Banned(id, blame) => {
                let machine = self.peers.iter().find(|machine| rest.directory[**machine].id == id);
                self.report.banned.extend(machine.map(|machine| (*machine, blame)));
            }
            News::Waiting(sentence) => self.report.sentences.push((since, sentence)),
            _ => {}
        }
    }
}

fn peer(machine: usize, rest: &Rest) -> Peer {
    let label = Label::parse(&format!("machine {machine}")).expect("it fits a label");
    let Entry { id, offered, .. } = &rest.directory[machine];
    Peer { id: *id, label, offered: offered.clone() }
}
