//! One peer of an import: the one state that it is in, and what is said and owed on a connection.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use verifier::Bitfield;
use verifier::identity::PeerId;
use verifier::scalars::Label;

use crate::import::message::{self, Connection, Place, Why};
use crate::import::room::Rank;
use crate::import::window::{Flow, Meter, SNUB, Window};
use crate::moment::Moment;

/// How long a call may take, whatever the network says.
pub(super) const CALL: Duration = Duration::from_secs(60);
/// How long a peer may take to open the artifact, or to go on with the piece list.
pub(super) const OPENING: Duration = Duration::from_secs(15);
/// After how long a side that said nothing says that it is there.
const PING: Duration = Duration::from_secs(10);
/// After how long of silence a connection is over.
const SILENCE: Duration = Duration::from_secs(30);
/// After how long without a byte of what it owes a peer is hung up on.
pub(super) const QUIET: Duration = Duration::from_secs(15);
/// For how long a peer that was snubbed is not tried with what others could be asked for.
const PENALTY: Duration = Duration::from_secs(10);

/// A peer that may be called.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) label: Label,
    /// What its offer names.
    pub(super) offered: Bitfield,
    pub(super) state: State,
    /// The number of the last call.
    pub(super) call: u32,
    /// When the last connection was made.
    pub(super) connected: Moment,
    /// How many connections in a row have ended without a piece.
    pub(super) in_vain: u32,
    /// How many have ended since a piece of it was right.
    pub(super) tries: u32,
    /// Whether consent to fetch from it ended, so that nothing that came of it may be kept.
    pub(super) cut_off: bool,
    /// Bytes of pieces that it gave, and that were right.
    pub(super) given: u64,
    /// When it is looked at next at the latest; that may be earlier than needed, never later.
    pub(super) timer: Option<Moment>,
}

/// Where a peer is. What is asked of it, how long it is waited for and what is said of it follow
/// from this.
#[derive(Debug)]
pub(super) enum State {
    /// It is called again then.
    Waiting {
        until: Moment,
        why: String,
    },
    /// There was no connection for it; it is called again then.
    Queued {
        until: Moment,
    },
    /// If it was called before, with why the last connection ended.
    Calling {
        since: Moment,
        why: Option<String>,
    },
    /// It was asked to open the artifact, and for some of what its offer names. After its hello it is
    /// known how many asks it takes.
    Opening {
        since: Moment,
        asks: Option<usize>,
        session: Box<Session>,
    },
    Open(Box<Session>),
    /// The user's consent does not cover asking it for more.
    Denied,
    Banned {
        why: String,
    },
    /// It said no, and this import does not wait for that to change.
    Refused {
        why: String,
    },
    Gone {
        why: String,
    },
}

/// What is said and owed on an open connection.
#[derive(Debug)]
pub(super) struct Session {
    /// How many asks it takes at a time.
    pub(super) most: usize,
    /// What it has not answered, in the order of asking.
    pub(super) asks: VecDeque<Ask>,
    /// Those of it that were cancelled.
    pub(super) cancelled: BTreeSet<u32>,
    /// Bytes of those that were not.
    pub(super) owed: u64,
    /// How much has come of the first.
    pub(super) filled: u32,
    /// Whether its proof has come.
    pub(super) proven: bool,
    /// The payload that is coming.
    pub(super) payload: Option<Payload>,
    /// Asks that wait for consent.
    pub(super) batch: Option<Batch>,
    pub(super) consent: message::Consent,
    /// Pieces that others owe, and that consent does not cover asking it for too.
    pub(super) uncovered: BTreeSet<u32>,
    /// When anything was heard.
    pub(super) heard: Moment,
    /// When anything was said.
    pub(super) said: Moment,
    /// When something of what it owes last came.
    pub(super) came: Moment,
    /// When enough of it last came.
    pub(super) flow: Flow,
    pub(super) meter: Meter,
    /// When it was asked for something while it owed nothing, until an answer begins.
    asked: Option<Moment>,
    /// When that answer began.
    pub(super) began: Moment,
    /// How long it took from such an ask to the first byte, or to its hello, at the least.
    pub(super) latency: Duration,
    pub(super) window: Window,
    /// When a piece last landed at it that was missing here.
    pub(super) landed: Moment,
    pub(super) snub: Option<Snub>,
    /// How often it was snubbed since a piece of it was right.
    pub(super) snubs: u32,
    /// How often on this connection.
    late: u32,
    /// How many pieces that came on this connection were right.
    pub(super) pieces: u32,
    /// When something that it was asked for was last called off.
    pub(super) called_off: Option<Moment>,
    /// The longest that a piece came all the same after it was called off.
    pub(super) lag: Duration,
    /// Pieces that it said it had and then refused.
    pub(super) lacked: BTreeSet<u32>,
    /// How many pings came, and since when, time in which this machine slept included.
    pub(super) pings: u64,
    pub(super) made: Moment,
    /// How many digests have come; nothing if it was not asked for the list.
    pub(super) digests: Option<u32>,
    pub(super) turn: Turn,
}

/// An ask that was not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) index: u32,
    pub(super) length: u32,
    pub(super) proven: bool,
    pub(super) cancelled: bool,
    /// When it was asked for, or called off.
    pub(super) at: Moment,
}

/// A payload that is coming.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload {
    pub(super) kind: Carries,
    pub(super) place: Place,
    pub(super) left: u32,
}

/// What a payload is, wherever it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    Block,
    Proof,
    Digests,
}

/// Pieces that are to be asked once the user's consent is known to cover them.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) pieces: Vec<u32>,
    /// How, if another is asked for them too.
    pub(super) spare: Option<Spare>,
    /// Whether consent is checked for several, however many were called off since.
    pub(super) several: bool,
}

/// How a piece is asked of a second peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    /// That peer has not begun to send it, and need not.
    TakeOver(u32),
    /// That peer is sending it; whoever is first wins.
    Race,
}

/// It sent less than the floor, and what it owes was asked of others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snub {
    /// From then on, it may be tried with a piece that others could be asked for; nothing once it
    /// may.
    pub(super) trial: Option<Moment>,
}

/// Whether a peer waits to be asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is asked for more when something of it comes.
    Later,
    /// It is to be looked at now.
    Ready,
    /// It could be asked for more if there were room: where it waits for it.
    Hungry(Rank),
    /// It has nothing that is missing.
    Idle,
}

impl Peer {
    pub(super) fn new(peer: message::Peer, now: Moment) -> Self {
        Self {
            id: peer.id,
            label: peer.label,
            offered: peer.offered,
            state: State::Queued { until: now },
            call: 0,
            connected: now,
            in_vain: 0,
            tries: 0,
            cut_off: false,
            given: 0,
            timer: None,
        }
    }

    pub(super) const fn connection(&self, peer: u32) -> Connection {
        Connection { peer, call: self.call }
    }

    /// Whether it may still be of use.
    pub(super) fn is_left(&self) -> bool {
        !self.is_refused()
            && !matches!(self.state, State::Denied | State::Banned { .. } | State::Gone { .. })
    }

    /// Whether it said no, and may say yes to an import that waits for that.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused { .. })
    }

    pub(super) fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Opening { session, .. } | State::Open(session) => Some(session),
            _ => None,
        }
    }

    pub(super) fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.state {
            State::Opening { session, .. } | State::Open(session) => Some(session),
            _ => None,
        }
    }

    /// When it has to be looked at again, and why.
    pub(super) fn deadline(&self) -> Option<(Moment, Why)> {
        match &self.state {
            State::Waiting { until, .. } | State::Queued { until } => Some((*until, Why::Call)),
            State::Calling { since, .. } => Some((*since + CALL, Why::Silence)),
            State::Opening { since, session, .. } => {
                Some(session.deadline().min((*since + OPENING, Why::Opening)))
            }
            State::Open(session) => Some(session.deadline()),
            State::Denied | State::Banned { .. } | State::Refused { .. } | State::Gone { .. } => {
                None
            }
        }
    }
}

impl Session {
    pub(super) fn new(
        most: usize,
        piece_size: u32,
        digests: Option<u32>,
        now: Moment,
        made: Moment,
    ) -> Self {
        Self {
            most,
            asks: VecDeque::new(),
            cancelled: BTreeSet::new(),
            owed: 0,
            filled: 0,
            proven: false,
            payload: None,
            batch: None,
            consent: message::Consent::Given,
            uncovered: BTreeSet::new(),
            heard: now,
            said: now,
            came: now,
            flow: Flow::new(now),
            meter: Meter::default(),
            asked: None,
            began: now,
            latency: Duration::ZERO,
            window: Window::new(piece_size, now),
            landed: now,
            snub: None,
            snubs: 0,
            late: 0,
            pieces: 0,
            called_off: None,
            lag: Duration::ZERO,
            lacked: BTreeSet::new(),
            pings: 0,
            made,
            digests,
            turn: Turn::Later,
        }
    }

    /// Whether it has given a piece and goes on giving.
    pub(super) const fn is_good(&self) -> bool {
        self.pieces > 0 && self.snub.is_none()
    }

    /// Whether it can be hoped that it answers: it is not snubbed, or on trial.
    pub(super) const fn is_fair(&self) -> bool {
        self.snub.is_none() || self.is_on_trial() && self.owed == 0
    }

    /// Whether nothing came of what it was last asked for while it owed nothing.
    pub(super) const fn is_unheard(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether it was snubbed so long ago that it may be tried with one piece.
    pub(super) const fn is_on_trial(&self) -> bool {
        matches!(self.snub, Some(Snub { trial: None }))
    }

    /// Whether more may be asked of it some time.
    pub(super) fn may_be_asked(&self) -> bool {
        self.consent == message::Consent::Given
    }

    /// How many bytes may still come. Whether it heeds a cancel is not known: what was called off counts until
    /// it is answered.
    pub(super) fn unanswered(&self) -> u64 {
        let all = self.asks.iter().map(|ask| u64::from(ask.length)).sum::<u64>();
        all.saturating_sub(self.filled.into())
    }

    /// Whether it is asked for the piece and the answer is still to come, or to be asked.
    pub(super) fn has_open(&self, index: u32) -> bool {
        self.asks.iter().any(|ask| ask.index == index)
            || self.batch.as_ref().is_some_and(|batch| batch.pieces.contains(&index))
    }

    /// These were asked of it.
    pub(super) fn owes(&mut self, ask: Ask, now: Moment) {
        if self.asks.is_empty() {
            self.meter.resume(now);
            self.flow = Flow::new(now);
            self.came = now;
            self.asked = Some(now);
        }
        self.owed += u64::from(ask.length);
        self.asks.push_back(ask);
    }

    /// Bytes of what it owes came, of which so many are enough to go on with.
    pub(super) fn sends(&mut self, bytes: u32, enough: u64, now: Moment) {
        if let Some(asked) = self.asked.take() {
            let latency = now.since(asked);
            let least = if self.latency.is_zero() { latency } else { self.latency };
            self.latency = least.min(latency);
            self.began = now;
        }
        self.came = now;
        self.meter.add(bytes, now);
        self.flow.add(bytes, enough, now);
    }

    /// It answered what it owed first.
    pub(super) fn answered(&mut self, now: Moment) -> Option<Ask> {
        let ask = self.asks.pop_front()?;
        (self.filled, self.proven) = (0, false);
        self.came = now;
        if ask.cancelled {
            self.cancelled.remove(&ask.index);
        } else {
            self.owed = self.owed.saturating_sub(u64::from(ask.length));
        }
        if self.asks.is_empty() {
            self.meter.pause();
        }
        Some(ask)
    }

    /// For how long it may be below the floor: twice as long after it was snubbed, and four times after
    /// that, since it may be its disk or a line of this side that takes so long.
    pub(super) fn grace(&self) -> Duration {
        SNUB * 2_u32.pow(self.late.min(2))
    }

    /// A piece came whole, whatever it is worth: so the peer sends.
    pub(super) fn sent_all(&mut self, ask: &Ask, now: Moment) {
        self.snub = None;
        self.flow = Flow::new(now);
        self.window.arrived(ask.length, now);
        if ask.cancelled {
            self.lag = self.lag.max(now.since(ask.at));
        }
    }

    /// A piece of it was judged to be right.
    pub(super) const fn gave(&mut self) {
        self.pieces = self.pieces.saturating_add(1);
        self.snubs = 0;
    }

    /// It is below the floor.
    pub(super) fn snub(&mut self, now: Moment) {
        let penalty = PENALTY * 2_u32.pow(self.snubs.min(4));
        self.snubs = self.snubs.saturating_add(1);
        self.late = self.late.saturating_add(1);
        self.snub = Some(Snub { trial: Some(now + penalty) });
        self.flow = Flow::new(now);
    }

    /// An ask is no longer wanted; if it was open, whether something of it had come.
    pub(super) fn cancel(&mut self, index: u32, now: Moment) -> Option<bool> {
        let open = |ask: &Ask| ask.index == index && !ask.cancelled;
        let ask = self.asks.iter_mut().find(|ask| open(ask))?;
        (ask.cancelled, ask.at) = (true, now);
        self.owed = self.owed.saturating_sub(u64::from(ask.length));
        self.cancelled.insert(index);
        self.called_off = Some(now);
        let begun = self.is_sending(index);
        let coming = self.payload.as_mut().filter(|payload| payload.kind != Carries::Digests);
        if let Some(payload) = coming.filter(|_| begun) {
            payload.place = Place::Nowhere;
        }
        Some(begun)
    }

    /// Whether something has come of what it owes first.
    pub(super) fn has_begun(&self) -> bool {
        let coming = self.payload.is_some_and(|payload| payload.kind != Carries::Digests);
        self.filled > 0 || self.proven || coming
    }

    /// Whether all has come of what it owes first.
    pub(super) fn is_whole(&self) -> bool {
        self.payload.is_none() && self.asks.front().is_some_and(|ask| ask.length == self.filled)
    }

    /// Whether something has come of that piece, which it owes first.
    pub(super) fn is_sending(&self, index: u32) -> bool {
        self.asks.front().is_some_and(|ask| ask.index == index) && self.has_begun()
    }

    /// How much has come of what is owed.
    pub(super) fn came_of_owed(&self) -> u32 {
        self.asks.front().map_or(0, |ask| if ask.cancelled { 0 } else { self.filled })
    }

    pub(super) fn ping(&self) -> Moment {
        self.said + PING
    }

    pub(super) fn silence(&self) -> Moment {
        self.heard + SILENCE
    }

    fn deadline(&self) -> (Moment, Why) {
        let mut first = (self.ping(), Why::Ping).min((self.silence(), Why::Silence));
        if !self.asks.is_empty() {
            first = first.min((self.flow.since + self.grace(), Why::Snub));
            first = first.min((self.came + QUIET, Why::Silence));
        }
        if let Some(Snub { trial: Some(trial) }) = self.snub {
            first = first.min((trial, Why::Snub));
        }
        first
    }
}
