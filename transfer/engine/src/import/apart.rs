//! Importers that are after the same and serve each other: which part this one gets from whoever has
//! everything, where it goes on after that, and what it leaves to the others.

use std::time::Duration;

use crate::import::Engine;
use crate::import::message::Begin;
use crate::import::peer::State;
use crate::import::window::within;
use crate::moment::Moment;

/// After so many calls in vain a peer is no longer taken to be one that is only about to start.
const CALLS: u32 = 3;
/// How many pieces of a part whoever it belongs to is taken to be at now, at the least.
const AT: u32 = 2;
/// How long it takes until what landed elsewhere is known here.
const BEHIND: Duration = Duration::from_millis(200);
/// The pause for others to get what they are at, if nothing is known, and the longest.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Where this importer is, beside others.
#[derive(Debug)]
pub(super) struct Apart {
    begin: Begin,
    /// The first piece of the part that it is at, and how many there are from there on.
    part: (u32, u32),
    /// Until when others are left what they are at, if there is nothing else.
    until: Option<Moment>,
    /// Since when there is nothing else, and nothing is owed by one that has everything.
    left: Option<Moment>,
    /// When this importer last went on from somewhere else, because a peer was after the same.
    since: Moment,
    /// Whether one that has everything was asked for something.
    begun: bool,
}

/// What a peer is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Piece(u32),
    /// What others have not come to, once the peer has sent what it owes.
    Soon,
    Nothing,
}

impl Apart {
    pub(super) const fn new(begin: Begin, now: Moment) -> Self {
        Self { begin, part: (0, 0), until: None, left: None, since: now, begun: false }
    }

    /// Until when others are left what they are at.
    pub(super) const fn until(&self) -> Option<Moment> {
        self.until
    }
}

impl Engine {
    /// Takes the part that is this importer's, until it has begun: by its place among the keys of all that
    /// may be after the same, or of what is left where others have come to that part before it joined.
    pub(super) fn begin(&mut self) {
        let Begin::OwnPart(own) = self.apart.begin else { return };
        if self.apart.begun {
            return;
        }
        let importers = self.numbers().filter(|number| self.imports_too(*number));
        let importers = importers.filter_map(|number| self.peers.get(number as usize));
        let (mut before, mut all) = (0, 1);
        for importer in importers {
            let is_before = importer.id.public_key().as_bytes() < own.public_key().as_bytes();
            before += u64::from(is_before);
            all += 1;
        }
        let count = self.geometry.piece_count();
        let edge = |place| u32::try_from(u64::from(count) * place / all).unwrap_or(count);
        let (first, end) = (edge(before), edge(before + 1));
        let first = first.min(count.saturating_sub(1));
        let picker = self.pieces.picker();
        let come_to = self.pieces.is_wanted(first) && picker.is_shared(first);
        match picker.gap().filter(|_| come_to) {
            Some(gap) => self.take_last(gap, 1),
            None => self.take_part(first, end - first),
        }
    }

    fn take_part(&mut self, first: u32, length: u32) {
        self.apart.part = (first, length);
        self.pieces.go_on_from(first);
    }

    /// Whether a peer is after the same pieces, or may turn out to be.
    fn imports_too(&self, number: u32) -> bool {
        let Some(peer) = self.peers.get(number as usize) else { return false };
        match &peer.state {
            State::Open(_) => !self.pieces.picker().has_all(number),
            State::Opening { .. } => true,
            State::Waiting { .. } | State::Queued { .. } | State::Calling { .. } => {
                peer.given == 0 && peer.tries < CALLS
            }
            State::Refused { .. } | State::Denied | State::Banned { .. } | State::Gone { .. } => {
                false
            }
        }
    }

    /// How many others are after the same, of an import that leaves them their part.
    pub(super) fn importers(&self) -> usize {
        match self.apart.begin {
            Begin::Front => 0,
            Begin::OwnPart(_) => self.numbers().filter(|number| self.imports_too(*number)).count(),
        }
    }

    /// What to ask the peer for next, that owes so much.
    pub(super) fn next_apart(&mut self, peer: u32, importers: usize, owed: u64) -> Next {
        let Some(index) = self.next_for(peer) else { return Next::Nothing };
        let opening = !self.is_open(peer);
        if importers == 0 || opening && importers == 1 {
            return Next::Piece(index);
        }
        if opening {
            // It is not known which peer has everything, and so whose part is where.
            return Next::Soon;
        }
        let has_all = self.pieces.picker().has_all(peer);
        self.apart.begun |= has_all;
        if !has_all || self.pieces.picker().is_shared(index) || self.is_in_part(index) {
            return Next::Piece(index);
        }
        let Some(session) = self.session(peer) else { return Next::Nothing };
        let (rate, latency) = (session.meter.rate(self.now()).unwrap_or(0), session.latency);
        let piece = self.geometry.piece_size();
        if owed > u64::from(AT * piece).max(within(rate, latency * 2)) {
            return Next::Soon;
        }
        let pause = pause(piece, rate);
        let busy = self.busy(2 * pause);
        let behind = u32::try_from(within(rate, BEHIND) / u64::from(piece)).unwrap_or(u32::MAX);
        let at = busy.saturating_mul(AT.saturating_add(behind));
        let Some((first, length)) = self.pieces.picker().gap().filter(|gap| gap.1 > at) else {
            // Whatever others say, that does not go on for ever.
            let now = self.now();
            if owed == 0 {
                self.apart.left.get_or_insert(now);
            }
            let until = self.apart.left.map_or(now + pause, |left| left + PAUSE[1]);
            if until <= now {
                return Next::Piece(index);
            }
            self.apart.until = Some(until.min(now + pause));
            return Next::Nothing;
        };
        self.apart.left = None;
        let first = u64::from(first) + u64::from(at);
        let first = first % u64::from(self.geometry.piece_count());
        self.take_last((u32::try_from(first).unwrap_or(0), length - at), importers);
        self.next_for(peer).map_or(Next::Nothing, Next::Piece)
    }

    /// Takes of these pieces, from a first one on so many, what others come to last: the later half if
    /// there is one that is as fast, anywhere if others may be about to do the same.
    fn take_last(&mut self, (first, length): (u32, u32), importers: usize) {
        let left = if importers == 1 { length / 2 } else { self.chance.under(length) };
        let first = u64::from(first) + u64::from(left);
        let first = first % u64::from(self.geometry.piece_count());
        self.take_part(u32::try_from(first).unwrap_or(0), length - left);
    }

    /// How many others are getting pieces that nobody has: at which one landed within that time, or that
    /// are yet to be heard of.
    fn busy(&self, time: Duration) -> u32 {
        let now = self.now();
        let is_busy = |number: &u32| {
            let since = self
                .peers
                .get(*number as usize)
                .map(|peer| peer.session().map_or(peer.connected, |session| session.landed));
            self.imports_too(*number) && since.is_some_and(|since| since + time > now)
        };
        u32::try_from(self.numbers().filter(is_busy).count()).unwrap_or(u32::MAX)
    }

    fn is_in_part(&self, index: u32) -> bool {
        let (first, length) = self.apart.part;
        self.places_from(first, index) < length
    }

    fn places_from(&self, first: u32, index: u32) -> u32 {
        index.checked_sub(first).unwrap_or_else(|| index + self.geometry.piece_count() - first)
    }

    /// A piece landed at a peer that this importer has not: what it has come to in this one's part is
    /// left to it. Where the piece was asked for at that time of another, both are after the same.
    pub(super) fn lands(&mut self, index: u32, asked: Option<Moment>) {
        let now = self.now();
        if matches!(self.apart.begin, Begin::OwnPart(_)) {
            if self.is_in_part(index) {
                self.apart.part.1 = self.places_from(self.apart.part.0, index);
            }
        } else if asked.is_some_and(|asked| asked >= self.apart.since) {
            self.apart.since = now;
            let from = self.chance.under(self.geometry.piece_count());
            self.pieces.go_on_from(from);
        }
    }

    /// Looks whether others have had their time.
    pub(super) fn look_apart(&mut self) {
        if self.apart.until.is_some_and(|until| until <= self.now()) {
            self.apart.until = None;
            self.turns.wake_idle();
        }
    }
}

/// How long others take for a piece that they are at, if they are as fast, and a little more.
fn pause(piece: u32, rate: u64) -> Duration {
    let [unknown, longest] = PAUSE;
    let micros = (u64::from(piece) * 1_250_000).checked_div(rate);
    micros.map_or(unknown, |micros| (Duration::from_micros(micros) + BEHIND).min(longest))
}
