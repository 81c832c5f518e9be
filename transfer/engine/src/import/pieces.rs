//! Where each piece is: missing, asked, arrived, verified or kept. Nothing else says it.

use std::collections::{BTreeMap, BTreeSet};

use verifier::{Bitfield, Geometry, PieceIndex};

use crate::import::message::Connection;
use crate::import::picker::{Bits, Picker};
use crate::import::snapshot::PieceState;

/// All pieces of the artifact, and who has which.
#[derive(Debug)]
pub(super) struct Pieces {
    geometry: Geometry,
    /// The pieces that are not kept.
    wanted: Bits,
    /// Those of them that are not missing.
    flight: BTreeMap<u32, Flight>,
    picker: Picker,
}

/// Where a piece is that is neither missing nor kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flight {
    /// These peers are asked for it.
    Asked { first: u32, second: Option<u32> },
    /// It came whole on that connection, and is being judged.
    Arrived(Connection),
    /// It is right, and on its way to the disk.
    Verified(Connection),
}

impl Flight {
    /// What others call it.
    pub(super) const fn state(self) -> PieceState {
        match self {
            Self::Asked { .. } => PieceState::Asked,
            Self::Arrived(_) => PieceState::Arrived,
            Self::Verified(_) => PieceState::Verified,
        }
    }

    const fn asks(self, peer: u32) -> bool {
        matches!(self, Self::Asked { first, second } if first == peer
            || matches!(second, Some(second) if second == peer))
    }
}

impl Pieces {
    /// Starts with these pieces missing.
    pub(super) fn new(geometry: Geometry, missing: &Bitfield) -> Self {
        let count = geometry.piece_count();
        let wanted = Bits::of(missing, count);
        let picker = Picker::new(count, 0, &wanted);
        Self { geometry, wanted, flight: BTreeMap::new(), picker }
    }

    /// How many pieces are not kept.
    pub(super) const fn left(&self) -> u32 {
        self.wanted.count()
    }

    /// How many pieces are missing.
    pub(super) fn missing(&self) -> u32 {
        self.picker.missing()
    }

    /// How many pieces have not been judged to be right.
    pub(super) fn unproven(&self) -> u32 {
        let verified = self.flight.values().filter(|at| matches!(at, Flight::Verified(_))).count();
        self.left().saturating_sub(u32::try_from(verified).unwrap_or(u32::MAX))
    }

    pub(super) fn index(&self, index: u32) -> Option<PieceIndex> {
        self.geometry.index(index)
    }

    pub(super) fn length(&self, index: u32) -> u32 {
        self.index(index).map_or(0, |index| self.geometry.length(index))
    }

    pub(super) const fn picker(&self) -> &Picker {
        &self.picker
    }

    pub(super) fn flight(&self, index: u32) -> Option<Flight> {
        self.flight.get(&index).copied()
    }

    /// All that is neither missing nor kept, in file order.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = (u32, Flight)> + '_ {
        self.flight.iter().map(|(index, at)| (*index, *at))
    }

    pub(super) fn is_missing(&self, index: u32) -> bool {
        self.wanted.contains(index) && !self.flight.contains_key(&index)
    }

    /// A peer comes with what it has; how many of its pieces are wanted.
    pub(super) fn join(&mut self, peer: u32, have: &Bitfield) -> u32 {
        self.picker.join(peer, have);
        self.wanted_of(peer)
    }

    /// Whether the piece is not kept.
    pub(super) fn is_wanted(&self, index: u32) -> bool {
        self.wanted.contains(index)
    }

    /// How many of the pieces that are not kept the peer has.
    pub(super) fn wanted_of(&self, peer: u32) -> u32 {
        self.picker.common(peer, &self.wanted)
    }

    /// A peer goes. Nothing may be asked of it.
    pub(super) fn leave(&mut self, peer: u32) {
        self.picker.leave(peer);
    }

    /// A piece has landed at a peer; whether that is new.
    pub(super) fn landed(&mut self, peer: u32, index: u32) -> bool {
        self.picker.landed(peer, index)
    }

    /// A peer turned out not to have a piece.
    pub(super) fn lacks(&mut self, peer: u32, index: u32) {
        self.picker.lacks(peer, index);
    }

    /// The missing piece to ask the peer for next, if it has any but these.
    pub(super) fn next(&mut self, peer: u32, but: &BTreeSet<u32>) -> Option<u32> {
        self.picker.next(peer, but)
    }

    /// From now on ties go on from about this piece.
    pub(super) fn go_on_from(&mut self, start: u32) {
        self.picker.go_on_from(start);
    }

    /// A missing piece is asked of the peer.
    pub(super) fn ask(&mut self, peer: u32, index: u32) {
        if self.is_missing(index) {
            self.picker.take(index);
            self.flight.insert(index, Flight::Asked { first: peer, second: None });
        }
    }

    /// A piece that one peer is asked for is asked of a second.
    pub(super) fn ask_second(&mut self, peer: u32, index: u32) {
        if let Some(Flight::Asked { first, second: second @ None }) = self.flight.get_mut(&index)
            && *first != peer
        {
            *second = Some(peer);
        }
    }

    /// A piece is no longer asked of the peer; whether it is missing now.
    pub(super) fn release(&mut self, peer: u32, index: u32) -> bool {
        let Some(at) = self.flight.get_mut(&index).filter(|at| at.asks(peer)) else { return false };
        let Flight::Asked { first, second } = *at else { return false };
        match second {
            Some(second) => {
                let first = if first == peer { second } else { first };
                *at = Flight::Asked { first, second: None };
                false
            }
            None => self.lost(index),
        }
    }

    /// A piece came whole; who else is asked for it.
    pub(super) fn arrived(&mut self, connection: Connection, index: u32) -> Option<u32> {
        let at = self.flight.insert(index, Flight::Arrived(connection));
        let Some(Flight::Asked { first, second }) = at else { return None };
        if first == connection.peer { second } else { Some(first) }
    }

    /// A piece was judged to be right.
    pub(super) fn verified(&mut self, connection: Connection, index: u32) {
        self.flight.insert(index, Flight::Verified(connection));
    }

    /// What was in flight is missing again, unless it is not wanted; whether it is.
    pub(super) fn lost(&mut self, index: u32) -> bool {
        self.flight.remove(&index);
        let missing = self.wanted.contains(index);
        if missing {
            self.picker.put(index);
        }
        missing
    }

    /// A piece is on the disk.
    pub(super) fn kept(&mut self, index: u32) {
        if self.flight.remove(&index).is_none() {
            self.picker.take(index);
        }
        self.wanted.remove(index);
    }

    /// The pieces that are wanted, in file order.
    pub(super) fn wanted(&self) -> impl Iterator<Item = u32> + '_ {
        self.wanted.iter()
    }
}
