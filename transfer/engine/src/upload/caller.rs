//! One caller, and how far it is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use verifier::identity::PeerId;
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use super::asks::Asks;
use super::message::{Caller, Why};
use super::outbox::Outbox;
use crate::ending::Ending;
use crate::moment::Moment;
use crate::wire::{self, Frame, Kind};

/// All callers that are not gone.
pub(super) type Callers = BTreeMap<Caller, Call>;

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// What counts as its address.
    pub(super) origin: IpAddr,
    pub(super) state: State,
}

/// How far a call is.
#[derive(Debug)]
pub(super) enum State {
    /// It has not shown who it is.
    Handshaking { since: Moment },
    /// It has a place, and has to say hello and open an artifact.
    Opening(Line, Opening),
    /// It sees an artifact.
    Open(Line, Box<Session>),
    /// It was hung up on, and may be reading why.
    Leaving { until: Moment },
}

/// What is known of the connection of a caller that was let in.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) peer: PeerId,
    pub(super) since: Moment,
    heard: Moment,
    /// When something was last given to the writer.
    said: Moment,
    pings: u64,
    pub(super) outbox: Outbox,
}

/// What a caller has said of what it wants to see.
#[derive(Debug, Default)]
pub(super) struct Opening {
    pub(super) greeted: bool,
    pub(super) artifact: Option<Sha256>,
    pub(super) learn: bool,
    /// What it asked for, and cancelled, before it saw that.
    pub(super) early: Vec<Frame>,
    /// What has landed since it was asked what is had.
    pub(super) landed: Vec<PieceIndex>,
    /// The grant ended meanwhile.
    pub(super) revoked: bool,
}

/// A caller that sees an artifact.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) artifact: Sha256,
    pub(super) geometry: Geometry,
    /// The pieces that it was told of.
    pub(super) told: Bitfield,
    /// Those that it is to be told of.
    pub(super) landed: Vec<PieceIndex>,
    pub(super) asks: Asks,
    /// Whether it asked for the piece list, and which digest is sent next.
    pub(super) list: List,
    /// Whether digests are sent before the next block.
    pub(super) list_first: bool,
    /// When it was last sent something, counted in turns.
    pub(super) turn: u64,
    /// Since when it wants nothing.
    pub(super) idle: Option<Moment>,
}

/// How far the piece list of a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Unasked,
    Next(u32),
    Sent,
}

impl Line {
    /// How long a handshake may take, and then hello and open.
    pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
    /// After how long a side that has nothing to say says that it is there.
    const PING: Duration = Duration::from_secs(10);
    /// After how long of silence a caller is hung up on.
    const SILENCE: Duration = Duration::from_secs(30);

    pub(super) fn new(peer: PeerId, now: Moment) -> Self {
        let outbox = Outbox::new(now);
        Self { peer, since: now, heard: now, said: now, pings: 0, outbox }
    }

    pub(super) const fn hear(&mut self, now: Moment) {
        self.heard = now;
    }

    pub(super) const fn say(&mut self, now: Moment) {
        self.said = now;
    }

    /// Takes a ping in.
    ///
    /// # Errors
    ///
    /// [`Ending::Flood`] if too many came.
    pub(super) fn ping(&mut self, now: Moment) -> Result<(), Ending> {
        self.pings += 1;
        if wire::are_too_many_pings(self.pings, now.since(self.since)) {
            return Err(Ending::Flood(Kind::Ping));
        }
        Ok(())
    }

    /// When something was last heard of it, or taken by it.
    pub(super) fn active(&self) -> Moment {
        self.heard.max(self.outbox.taken_at())
    }

    /// When it has to hear that this side is there; nothing while something is on its way.
    pub(super) fn ping_at(&self) -> Option<Moment> {
        self.outbox.is_empty().then(|| self.said.max(self.outbox.taken_at()) + Self::PING)
    }

    /// From when on it is lost, unless something moves.
    pub(super) fn silent_at(&self) -> Moment {
        let silent = self.heard + Self::SILENCE;
        self.outbox.stuck_at().map_or(silent, |stuck| silent.min(stuck))
    }
}

impl Session {
    pub(super) fn new(
        artifact: Sha256,
        geometry: Geometry,
        told: Bitfield,
        list: List,
        now: Moment,
    ) -> Self {
        Self {
            artifact,
            geometry,
            told,
            landed: Vec::new(),
            asks: Asks::default(),
            list,
            list_first: true,
            turn: 0,
            idle: Some(now),
        }
    }

    /// Whether it waits for something that it asked for.
    pub(super) fn wants(&self) -> bool {
        !self.asks.is_empty() || matches!(self.list, List::Next(_))
    }

    /// Notes which of the pieces it is to be told of: whether there is one.
    pub(super) fn land(&mut self, pieces: &[PieceIndex]) -> bool {
        for piece in pieces {
            if self.told.insert(*piece) {
                self.landed.push(*piece);
            }
        }
        !self.landed.is_empty()
    }
}

impl Call {
    /// The line of a caller that was let in.
    pub(super) const fn line(&self) -> Option<&Line> {
        match &self.state {
            State::Opening(line, _) | State::Open(line, _) => Some(line),
            State::Handshaking { .. } | State::Leaving { .. } => None,
        }
    }

    pub(super) const fn line_mut(&mut self) -> Option<&mut Line> {
        match &mut self.state {
            State::Opening(line, _) | State::Open(line, _) => Some(line),
            State::Handshaking { .. } | State::Leaving { .. } => None,
        }
    }

    /// What it sees, once it sees something.
    pub(super) fn open(&self) -> Option<(&Line, &Session)> {
        match &self.state {
            State::Open(line, session) => Some((line, session)),
            State::Handshaking { .. } | State::Opening(..) | State::Leaving { .. } => None,
        }
    }

    /// The same, to change it.
    pub(super) fn open_mut(&mut self) -> Option<(&mut Line, &mut Session)> {
        match &mut self.state {
            State::Open(line, session) => Some((line, session)),
            State::Handshaking { .. } | State::Opening(..) | State::Leaving { .. } => None,
        }
    }

    /// What it opened, or wants to.
    pub(super) const fn artifact(&self) -> Option<Sha256> {
        match &self.state {
            State::Opening(_, opening) => opening.artifact,
            State::Open(_, session) => Some(session.artifact),
            State::Handshaking { .. } | State::Leaving { .. } => None,
        }
    }

    /// By when something is to be done about it, and why.
    pub(super) fn deadline(&self) -> (Moment, Why) {
        let of_line = |line: &Line| {
            let silent = (line.silent_at(), Why::Silence);
            line.ping_at().map_or(silent, |at| silent.min((at, Why::Ping)))
        };
        match &self.state {
            State::Handshaking { since } => (*since + Line::HANDSHAKE, Why::Handshake),
            State::Leaving { until } => (*until, Why::Handshake),
            State::Opening(line, opening) if opening.artifact.is_none() => {
                of_line(line).min((line.since + Line::HANDSHAKE, Why::Handshake))
            }
            State::Opening(line, _) | State::Open(line, _) => of_line(line),
        }
    }
}
