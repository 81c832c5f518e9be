//! A machine that serves: real uploads, and what a shell does for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::upload::{Caller, Effect, Input, Limits, News, Opened, Refusal};
use engine::wire::{Arrival, Decoder, Frame, Side};
use engine::{Ending, Uploads};
use verifier::{Bitfield, PieceIndex};

use crate::disk::Disk;
use crate::network::{Link, Seen};
use crate::scenario::{Machine, Serving};
use crate::schedule::Alarm;
use crate::stream::{Chunk, Content, Payload};
use crate::watch::Serving as Watch;
use crate::world::{Event, Rest, rate};

/// What comes back to the uploads later.
#[derive(Debug)]
pub(crate) enum Due {
    /// A call comes in from that machine.
    Called(Link, usize),
    Proved(Link, usize),
    /// The piece has been read.
    Read(Caller, usize, PieceIndex),
    Opened(Caller, usize),
    /// What was to be sent before has had its time.
    Cut(Link),
}

#[derive(Debug)]
pub(crate) struct Server {
    me: usize,
    is: Serving,
    uploads: Uploads,
    have: Bitfield,
    callers: BTreeMap<Caller, Called>,
    links: BTreeMap<Link, Caller>,
    last: u64,
    disk: Disk,
    revoked: BTreeSet<usize>,
    tick: Alarm,
    watch: Watch,
}

#[derive(Debug)]
struct Called {
    link: Link,
    from: usize,
    decoder: Decoder,
}

impl Server {
    pub(crate) fn new(me: usize, machine: &Machine, is: Serving, rest: &Rest) -> Self {
        Self {
            me,
            uploads: Uploads::new(limits(&is), rest.plan.now()),
            have: is.have.of(&rest.geometry),
            is,
            callers: BTreeMap::new(),
            links: BTreeMap::new(),
            last: 0,
            disk: Disk::new(machine.disk),
            revoked: BTreeSet::new(),
            tick: Alarm::default(),
            watch: Watch::new(rest.geometry),
        }
    }

    /// Its program runs again, with the pieces that are on its disk.
    pub(crate) fn restart(&mut self, rest: &Rest) {
        self.uploads = Uploads::new(limits(&self.is), rest.plan.now());
        self.callers.clear();
        self.links.clear();
        self.watch = Watch::new(rest.geometry);
        self.tick = Alarm::default();
    }

    pub(crate) fn have(&mut self, kept: &Bitfield) {
        self.have.union(kept);
    }

    pub(crate) fn landed(&mut self, index: PieceIndex, rest: &mut Rest) {
        if self.have.insert(index) {
            self.input(Input::Landed(rest.artifact, vec![index]), rest);
            self.tick_at(rest);
        }
    }

    pub(crate) fn revoke(&mut self, machine: usize, rest: &mut Rest) {
        self.revoked.insert(machine);
        let id = rest.directory[machine].id;
        self.told(Input::Revoked(id, rest.artifact), rest);
    }

    pub(crate) fn grant(&mut self, machine: usize) {
        self.revoked.remove(&machine);
    }

    pub(crate) fn limit(&mut self, upload: u64, peer: u64, rest: &mut Rest) {
        (self.is.upload, self.is.peer) = (upload, peer);
        self.told(Input::Limits(limits(&self.is)), rest);
    }

    /// Its program is told what its user says, if it runs.
    fn told(&mut self, input: Input, rest: &mut Rest) {
        if rest.directory[self.me].up {
            self.input(input, rest);
            self.tick_at(rest);
        }
    }

    pub(crate) const fn fails(&mut self) {
        self.disk.fails = true;
    }

    pub(crate) fn due(&mut self, due: Due, rest: &mut Rest) {
        match due {
            Due::Called(link, from) => {
                self.last += 1;
                let caller = Caller(self.last);
                let decoder = Decoder::new(Side::Caller);
                self.callers.insert(caller, Called { link, from, decoder });
                self.links.insert(link, caller);
                self.input(Input::Called(caller, rest.directory[from].address), rest);
            }
            Due::Proved(link, from) => {
                if let Some(caller) = self.links.get(&link).copied() {
                    self.input(Input::Proved(caller, rest.directory[from].id), rest);
                }
            }
            Due::Read(caller, from, index) => {
                let answer = match () {
                    () if self.revoked.contains(&from) => Err(Refusal::NotServed),
                    () if !self.have.contains(index) => Err(Refusal::NotHad),
                    () if self.disk.fails => Err(Refusal::Failed),
                    () => Ok(()),
                };
                self.input(Input::Read(caller, index, answer), rest);
            }
            Due::Opened(caller, from) => {
                let opened = (!self.revoked.contains(&from)).then(|| Opened {
                    geometry: rest.geometry,
                    root: rest.root,
                    have: self.have.clone(),
                });
                self.input(Input::Opened(caller, opened), rest);
            }
            Due::Cut(link) => rest.net.cut(link, &mut rest.plan),
        }
        self.tick_at(rest);
    }

    pub(crate) fn tick(&mut self, rest: &mut Rest) {
        let now = rest.plan.now();
        if !self.tick.rings(now) {
            return;
        }
        if self.uploads.deadline().is_some_and(|(at, _)| at <= now) {
            self.input(Input::Tick, rest);
        }
        self.tick_at(rest);
    }

    /// What its end of a link sees.
    pub(crate) fn sees(&mut self, link: Link, seen: Seen, rest: &mut Rest) {
        let Some(caller) = self.links.get(&link).copied() else { return };
        match seen {
            Seen::Chunks(chunks) => {
                for chunk in chunks {
                    let bytes = match &chunk {
                        Chunk::Bytes(bytes) => bytes.as_ref(),
                        Chunk::Payload(_) => &[0; 8],
                    };
                    if self.read(caller, bytes, rest).is_none() {
                        break;
                    }
                }
            }
            Seen::End => self.input(Input::Ended(caller, Ending::HungUp), rest),
            Seen::Broken => {
                let ending = Ending::Lost("connection reset".to_owned());
                self.input(Input::Ended(caller, ending), rest);
            }
            Seen::Written(bytes) => self.input(Input::Written(caller, bytes), rest),
        }
        self.tick_at(rest);
    }

    fn read(&mut self, caller: Caller, mut bytes: &[u8], rest: &mut Rest) -> Option<()> {
        loop {
            let called = self.callers.get_mut(&caller)?;
            match called.decoder.next(&mut bytes) {
                Ok(None) => return Some(()),
                Ok(Some(Arrival::Frame(frame))) => self.input(Input::Frame(caller, frame), rest),
                Ok(Some(Arrival::Payload(_))) => {}
                Err(error) => {
                    self.input(Input::Ended(caller, error.into()), rest);
                    return None;
                }
            }
        }
    }

    fn input(&mut self, input: Input, rest: &mut Rest) {
        let now = rest.plan.now();
        let ticked = matches!(input, Input::Tick).then(|| self.uploads.deadline());
        self.watch.input(&input);
        let ended = match &input {
            Input::Ended(caller, _) => Some(*caller),
            _ => None,
        };
        self.uploads.input(input, now);
        let mut effects = 0;
        let mut unsent = Vec::new();
        while let Some(effect) = self.uploads.next() {
            effects += 1;
            rest.trace(self.me, &effect);
            if let Err(what) = self.watch.effect(&effect) {
                rest.fault(self.me, what);
            }
            self.perform(effect, &mut unsent, rest);
        }
        if let Some(called) = ended.and_then(|caller| self.callers.remove(&caller)) {
            self.links.remove(&called.link);
            rest.net.end(called.link, Side::Called, &mut rest.plan);
        }
        let deadline = self.uploads.deadline();
        if ticked.is_some_and(|before| effects == 0 && before == deadline) {
            rest.fault(self.me, format!("the time moved nothing: {deadline:?}"));
        }
        if let Some((at, why)) = deadline
            && at < now
        {
            rest.fault(self.me, format!("the deadline has passed already: {why:?}"));
        }
        if rest.checks()
            && let Err(what) = self.uploads.check()
        {
            rest.fault(self.me, what);
        }
        for (caller, index) in unsent {
            self.input(Input::Read(caller, index, Err(Refusal::NotServed)), rest);
        }
    }

    fn tick_at(&mut self, rest: &mut Rest) {
        let Some((at, _)) = self.uploads.deadline() else { return };
        self.tick.set(at, Event::TickServe(self.me), &mut rest.plan);
    }

    fn perform(&mut self, effect: Effect, unsent: &mut Vec<(Caller, PieceIndex)>, rest: &mut Rest) {
        let now = rest.plan.now();
        let from = |caller: &Caller, callers: &BTreeMap<Caller, Called>| {
            callers.get(caller).map_or(0, |called| called.from)
        };
        match effect {
            Effect::Open(caller, _, artifact) => {
                let from = match artifact == rest.artifact {
                    true => from(&caller, &self.callers),
                    false => {
                        // Not held.
                        self.revoked.insert(usize::MAX);
                        usize::MAX
                    }
                };
                let at = now + Duration::from_micros(200);
                rest.plan.plan(at, Event::Serve(self.me, Due::Opened(caller, from)));
            }
            Effect::Read { caller, index, .. } => {
                let bytes = u64::from(rest.geometry.length(index));
                let at = self.disk.moved(bytes, now);
                let at = self.disk.hashed(bytes, at);
                let due = Due::Read(caller, from(&caller, &self.callers), index);
                rest.plan.plan(at, Event::Serve(self.me, due));
            }
            Effect::Send(caller, frame) => self.send(caller, &frame, None, rest),
            Effect::Block(caller, head) => {
                if self.revoked.contains(&from(&caller, &self.callers)) {
                    unsent.extend(rest.geometry.index(head.index).map(|index| (caller, index)));
                    return;
                }
                rest.sent[self.me] += u64::from(head.length);
                let at = (Content::Piece(head.index), u64::from(head.offset));
                self.send(caller, &Frame::Block(head), Some(at), rest);
            }
            Effect::Proof(caller, head) => {
                self.send(caller, &Frame::Proof(head), Some((Content::Proof(head.index), 0)), rest);
            }
            Effect::Digests(caller, head) => {
                let at = (Content::List, u64::from(head.first) * 32);
                self.send(caller, &Frame::Digests(head), Some(at), rest);
            }
            Effect::HangUp(caller, within) => {
                if let Some(called) = self.callers.remove(&caller) {
                    self.links.remove(&called.link);
                    rest.net.end(called.link, Side::Called, &mut rest.plan);
                    rest.plan.after(within, Event::Serve(self.me, Due::Cut(called.link)));
                }
            }
            Effect::Tell(News::Called(peer)) => rest.called(self.me, peer),
            Effect::Discard(..) | Effect::Tell(_) => {}
        }
    }

    fn send(
        &mut self,
        caller: Caller,
        frame: &Frame,
        payload: Option<(Content, u64)>,
        rest: &mut Rest,
    ) {
        let Some(called) = self.callers.get(&caller) else { return };
        let payload = payload.map(|(content, offset)| {
            Chunk::Payload(Payload { content, offset, length: u64::from(frame.payload()) })
        });
        match Chunk::frame(frame) {
            Ok(chunk) => {
                let chunks = [Some(chunk), payload].into_iter().flatten();
                rest.net.write(called.link, Side::Called, chunks, &mut rest.plan);
            }
            Err(error) => rest.fault(self.me, format!("{frame:?} cannot be sent: {error}")),
        }
    }
}

fn limits(is: &Serving) -> Limits {
    Limits {
        connections: is.connections,
        handshakes: 32,
        upload: rate(is.upload),
        peer: rate(is.peer),
    }
}
