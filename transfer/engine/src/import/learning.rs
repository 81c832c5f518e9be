//! The piece list: fetched from one peer at a time, while pieces are asked with their proofs.

use verifier::Bitfield;
use verifier::piece::ListError;

use crate::ending::Ending;
use crate::import::Engine;
use crate::import::message::{Connection, Effect, Place};
use crate::import::peer::{Carries, OPENING};
use crate::import::pieces::Flight;
use crate::import::window::Flow;
use crate::moment::Moment;
use crate::wire::{DigestsHead, Frame, Kind};

/// What is known of the piece list.
#[derive(Debug)]
pub(super) struct Learning {
    stage: Stage,
    /// When enough of it last came.
    flow: Flow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unknown,
    /// It comes from there; whether that has stopped, and nobody else could be asked.
    Coming(Connection, bool),
    /// It came from there, and is being proven.
    Proving(Connection),
    Known,
}

impl Learning {
    pub(super) const fn new(known: bool, now: Moment) -> Self {
        let stage = if known { Stage::Known } else { Stage::Unknown };
        Self { stage, flow: Flow::new(now) }
    }

    pub(super) const fn is_known(&self) -> bool {
        matches!(self.stage, Stage::Known)
    }

    /// From where it comes.
    pub(super) const fn learner(&self) -> Option<Connection> {
        match self.stage {
            Stage::Coming(connection, _) => Some(connection),
            _ => None,
        }
    }

    pub(super) const fn learn(&mut self, connection: Connection, now: Moment) {
        self.stage = Stage::Coming(connection, false);
        self.flow = Flow::new(now);
    }

    /// Some of it came.
    pub(super) fn came(&mut self, connection: Connection, bytes: u32, floor: u64, now: Moment) {
        if let Stage::Coming(learner, stopped) = &mut self.stage
            && *learner == connection
        {
            self.flow.add(bytes, floor * OPENING.as_secs(), now);
            *stopped &= self.flow.since != now;
        }
    }

    /// A connection is over.
    pub(super) fn left(&mut self, connection: Connection) {
        if self.learner() == Some(connection) {
            self.stage = Stage::Unknown;
        }
    }

    /// When it is looked whether it comes fast enough.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.learner().map(|_| self.flow.since + OPENING)
    }
}

impl Engine {
    /// Whether the list is worth asking for.
    pub(super) fn wants_list(&self) -> bool {
        let few = u64::from(self.pieces.left()) * 8 < u64::from(self.geometry.piece_count());
        !few && matches!(self.learning.stage, Stage::Unknown | Stage::Coming(..))
    }

    /// Asks an open peer for the list, if it comes from nobody or has stopped coming.
    pub(super) fn learn_from_another(&mut self) {
        let waits = matches!(self.learning.stage, Stage::Unknown | Stage::Coming(_, true));
        if !waits || !self.wants_list() {
            return;
        }
        let fresh = self.numbers().filter_map(|number| {
            let session = self.session(number).filter(|session| session.digests.is_none())?;
            Some((session.snub.is_some(), session.pieces == 0, number))
        });
        let Some((.., number)) = fresh.min() else { return };
        if let Some(session) = self.session_mut(number) {
            session.digests = Some(0);
        }
        let now = self.now();
        self.learning.learn(self.connection(number), now);
        self.send(number, Frame::Learn);
    }

    /// Looks whether the list still comes.
    pub(super) fn look_at_list(&mut self) {
        let now = self.now();
        if self.learning.deadline().is_none_or(|due| due > now) {
            return;
        }
        if let Stage::Coming(_, stopped) = &mut self.learning.stage {
            *stopped = true;
        }
        self.learning.flow = Flow::new(now);
        self.learn_from_another();
    }

    /// Part of the list follows.
    pub(super) fn digests(&mut self, peer: u32, head: DigestsHead) -> Result<(), Ending> {
        let count = self.geometry.piece_count();
        let connection = self.connection(peer);
        let session = self.session_mut(peer).ok_or(Ending::Unexpected(Kind::Digests))?;
        let next = session.digests.as_mut().ok_or(Ending::Unexpected(Kind::Digests))?;
        let DigestsHead { first, count: more } = head;
        if first != *next || more > count.saturating_sub(first) {
            return Err(Ending::Order { index: first, offset: first, expected: *next });
        }
        *next += more;
        let place =
            if self.learning.learner() == Some(connection) { Place::List } else { Place::Nowhere };
        self.receive(peer, Carries::Digests, place, Frame::Digests(head).payload());
        Ok(())
    }

    /// Part of the list came.
    pub(super) fn digests_came(&mut self, peer: u32) {
        let connection = self.connection(peer);
        let whole = Some(self.geometry.piece_count());
        if self.learning.learner() == Some(connection)
            && self.session(peer).is_some_and(|session| session.digests == whole)
        {
            self.learning.stage = Stage::Proving(connection);
            self.effects.push_back(Effect::Prove(connection));
        }
    }

    /// The list is right, and these pieces are wanted still; or it is wrong.
    pub(super) fn proven(&mut self, connection: Connection, verdict: Result<Bitfield, ListError>) {
        if self.learning.stage != Stage::Proving(connection) {
            return;
        }
        match verdict {
            Ok(wanted) => {
                self.learning.stage = Stage::Known;
                self.keep_all_but(&wanted);
            }
            Err(error) => {
                self.learning.stage = Stage::Unknown;
                self.blame(connection, Ending::List(error));
                self.learn_from_another();
            }
        }
    }

    /// Pieces that turned out to be here are not asked for.
    fn keep_all_but(&mut self, wanted: &Bitfield) {
        let here: Vec<_> = self
            .pieces
            .wanted()
            .filter(|index| self.pieces.index(*index).is_some_and(|i| !wanted.contains(i)))
            .collect();
        for index in here {
            match self.pieces.flight(index) {
                None => self.pieces.kept(index),
                Some(Flight::Asked { first, second }) => {
                    for peer in std::iter::once(first).chain(second) {
                        self.call_off(peer, index);
                        self.ready(peer);
                    }
                    self.pieces.kept(index);
                }
                // It is on its way to the disk already.
                Some(Flight::Arrived(_) | Flight::Verified(_)) => {}
            }
        }
    }
}
