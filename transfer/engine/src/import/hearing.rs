//! What an open connection may say, and what follows from it.

use std::time::Duration;

use verifier::PieceIndex;
use verifier::piece::PieceError;

use crate::ending::Ending;
use crate::import::Engine;
use crate::import::message::{Connection, Effect, Evidence, News, Place};
use crate::import::peer::{Carries, Payload, State};
use crate::import::pieces::Flight;
use crate::import::window::{LUMPS, SNUB};
use crate::wire::{self, BlockHead, Frame, Kind, MIN_BLOCK, ProofHead, Refuse, close, refusal};

/// After so many connections without a piece a peer's bytes are no hope.
pub(super) const IN_VAIN: u32 = 6;
/// For so long bytes of what was called off are taken to have been on their way.
const LATE: Duration = Duration::from_secs(60);

impl Engine {
    /// A frame came from a connected peer.
    pub(super) fn frame(&mut self, peer: u32, frame: Frame) {
        let now = self.now();
        let outcome = match self.peers.get_mut(peer as usize).map(|peer| &mut peer.state) {
            Some(State::Opening { asks, session, .. }) => {
                session.heard = now;
                let asks = *asks;
                self.opening(peer, asks, frame)
            }
            Some(State::Open(session)) => {
                session.heard = now;
                self.said(peer, frame)
            }
            _ => Ok(()),
        };
        if let Err(ending) = outcome {
            let bye = match &ending {
                Ending::Closed(_) => None,
                Ending::Version(_) => Some(close::VERSION),
                Ending::Refused(_) | Ending::Geometry => Some(close::DONE),
                _ => Some(close::FAULT),
            };
            self.leave(peer, ending, bye);
        }
        self.arm(peer);
    }

    fn said(&mut self, peer: u32, frame: Frame) -> Result<(), Ending> {
        match frame {
            Frame::Block(head) => self.block(peer, head),
            Frame::Proof(head) => self.proof(peer, head),
            Frame::Digests(head) => self.digests(peer, head),
            Frame::Have(index) => {
                let lacked = self.session(peer).is_some_and(|s| s.lacked.contains(&index));
                let known = self.pieces.index(index).ok_or(Ending::Unasked(index))?;
                if lacked || !self.pieces.landed(peer, known.get()) {
                    return Err(Ending::Flood(Kind::Have));
                }
                let missing = self.pieces.is_missing(index);
                if let Some(session) = self.session_mut(peer).filter(|_| missing) {
                    session.landed = session.heard;
                }
                self.landed(peer, index);
                Ok(())
            }
            Frame::Refuse(Refuse { index: Some(index), code }) => self.refused(peer, index, code),
            Frame::Close(code) => Err(Ending::Closed(code)),
            Frame::Ping => self.pinged(peer),
            other => Err(Ending::Unexpected(other.kind())),
        }
    }

    fn pinged(&mut self, peer: u32) -> Result<(), Ending> {
        // While this machine slept, the peer did not.
        let now = self.clock.outside(self.now());
        let Some(session) = self.session_mut(peer) else { return Ok(()) };
        let open = now.since(session.made);
        session.pings += 1;
        if wire::are_too_many_pings(session.pings, open) {
            return Err(Ending::Flood(Kind::Ping));
        }
        Ok(())
    }

    fn block(&mut self, peer: u32, head: BlockHead) -> Result<(), Ending> {
        let BlockHead { index, offset, length } = head;
        let piece = self.pieces.index(index).ok_or(Ending::Unasked(index))?;
        let session = self.session_mut(peer).ok_or(Ending::Unasked(index))?;
        let ask = session.asks.front().filter(|ask| ask.index == index);
        let ask = *ask.ok_or(Ending::Unasked(index))?;
        if ask.proven && !session.proven {
            return Err(Ending::Unexpected(Kind::Block));
        }
        let expected = session.filled;
        if offset != expected {
            return Err(Ending::Order { index, offset, expected });
        }
        let left = ask.length.saturating_sub(expected);
        if length > left || (length < MIN_BLOCK && length != left) {
            return Err(Ending::BlockLength { index, length, left });
        }
        let place = if ask.cancelled { Place::Nowhere } else { Place::Piece(piece) };
        self.receive(peer, Carries::Block, place, length);
        Ok(())
    }

    fn proof(&mut self, peer: u32, head: ProofHead) -> Result<(), Ending> {
        let piece = self.pieces.index(head.index).ok_or(Ending::Unasked(head.index))?;
        let session = self.session_mut(peer).ok_or(Ending::Unasked(head.index))?;
        let ask = session.asks.front().filter(|ask| ask.index == head.index && ask.proven);
        let ask = ask.ok_or(Ending::Unasked(head.index))?;
        if session.proven {
            return Err(Ending::Unexpected(Kind::Proof));
        }
        let place = if ask.cancelled { Place::Nowhere } else { Place::Proof(piece) };
        session.proven = true;
        self.receive(peer, Carries::Proof, place, Frame::Proof(head).payload());
        Ok(())
    }

    /// Says where the payload that follows goes, if one does.
    pub(super) fn receive(&mut self, peer: u32, kind: Carries, place: Place, left: u32) {
        if left > 0 {
            self.effects.push_back(Effect::Receive(self.connection(peer), place));
        }
        if let Some(session) = self.session_mut(peer) {
            session.payload = (left > 0).then_some(Payload { kind, place, left });
        }
    }

    /// Bytes of a payload came.
    pub(super) fn received(&mut self, peer: u32, bytes: u32) {
        let (now, floor) = (self.now(), self.floor());
        let Some(called) = self.peers.get_mut(peer as usize) else { return };
        let hope = called.in_vain < IN_VAIN;
        let connection = called.connection(peer);
        let Some(session) = called.session_mut() else { return };
        let Some(mut payload) = session.payload else { return };
        let bytes = bytes.min(payload.left);
        payload.left -= bytes;
        session.payload = (payload.left > 0).then_some(payload);
        session.heard = now;
        let (mut sends, flow) = (session.snub.is_none(), session.flow.since);
        if payload.kind == Carries::Digests {
            if self.learning.learner() == Some(connection) {
                // What comes of the list keeps pieces from coming.
                session.flow.add(bytes, floor * LUMPS, now);
            }
            self.learning.came(connection, bytes, floor, now);
            if payload.left == 0 {
                self.digests_came(peer);
            }
        } else {
            session.sends(bytes, floor * LUMPS, now);
            if payload.kind == Carries::Block {
                session.filled = session.filled.saturating_add(bytes);
            }
            // A snubbed one may be above the floor again, or have sent a piece.
            let enough = session.flow.since == now && now.since(flow) <= SNUB;
            sends |= enough || session.is_whole();
            if payload.place == Place::Nowhere {
                sends &= session.called_off.is_some_and(|at| now < at + LATE);
                self.wasted += u64::from(bytes);
            }
            self.block_came(peer);
        }
        if hope && sends {
            self.wait.came(now);
        }
        self.arm(peer);
    }

    /// If all of a piece came, it is to be judged.
    fn block_came(&mut self, peer: u32) {
        let now = self.now();
        let Some(session) = self.session_mut(peer).filter(|session| session.payload.is_none())
        else {
            return;
        };
        if !session.is_whole() {
            return;
        }
        let evidence = if session.proven { Evidence::Proof } else { Evidence::List };
        let Some(ask) = session.answered(now) else { return };
        session.sent_all(&ask, now);
        if session.is_good() {
            self.turns.good.insert(peer);
        }
        self.ready(peer);
        if ask.cancelled {
            return self.release(peer, ask.length.into());
        }
        let Some(piece) = self.pieces.index(ask.index) else { return };
        let length = u64::from(ask.length);
        self.budget.asked = self.budget.asked.saturating_sub(length);
        self.budget.unsettled += length;
        let connection = self.connection(peer);
        if let Some(other) = self.pieces.arrived(connection, ask.index) {
            self.call_off(other, ask.index);
        }
        self.effects.push_back(Effect::Judge(connection, piece, evidence));
        if let Some(id) = self.peers.get(peer as usize).map(|peer| peer.id) {
            self.tell(News::Arrived(id, piece));
        }
        self.leave_denied(peer);
    }

    /// A piece that came whole is right, or wrong.
    pub(super) fn judged(
        &mut self,
        connection: Connection,
        index: PieceIndex,
        verdict: Result<(), PieceError>,
    ) {
        if self.pieces.flight(index.get()) != Some(Flight::Arrived(connection)) {
            return;
        }
        let Some(peer) = self.peers.get_mut(connection.peer as usize) else { return };
        let length = u64::from(self.geometry.length(index));
        match verdict {
            Ok(()) if matches!(peer.state, State::Denied) && peer.cut_off => {
                self.effects.push_back(Effect::Discard(connection, index));
                self.budget.unsettled = self.budget.unsettled.saturating_sub(length);
                self.release(connection.peer, length);
                self.lost(index.get());
            }
            Ok(()) => {
                peer.in_vain = 0;
                peer.tries = 0;
                self.pieces.verified(connection, index.get());
                self.effects.push_back(Effect::Deliver(connection, index));
                self.gave(connection);
            }
            Err(error) => {
                self.effects.push_back(Effect::Discard(connection, index));
                self.budget.unsettled = self.budget.unsettled.saturating_sub(length);
                self.release(connection.peer, length);
                self.lost(index.get());
                self.blame(connection, Ending::Piece(error));
            }
        }
    }

    /// A piece of the peer is right: what can be asked of it may be more now.
    fn gave(&mut self, connection: Connection) {
        let Connection { peer, .. } = connection;
        if self.is_current(connection)
            && let Some(session) = self.session_mut(peer)
        {
            session.gave();
            let (good, first) = (session.is_good(), session.pieces == 1);
            if good {
                self.turns.good.insert(peer);
            }
            self.came_well(first);
            self.ready(peer);
        }
    }

    /// Whether anything is expected of the peer: not of one that never gives a piece before its
    /// connection ends.
    pub(super) fn has_hope(&self, peer: u32) -> bool {
        self.peers.get(peer as usize).is_some_and(|peer| peer.in_vain < IN_VAIN)
    }

    fn refused(&mut self, peer: u32, index: u32, code: u16) -> Result<(), Ending> {
        let now = self.now();
        let session = self.session_mut(peer).ok_or(Ending::Unasked(index))?;
        let ask = session.asks.front().filter(|ask| ask.index == index);
        let cancelled = ask.ok_or(Ending::Unasked(index))?.cancelled;
        if code == refusal::CANCELLED && !cancelled {
            return Err(Ending::Unasked(index));
        }
        let begun = session.has_begun();
        session.answered(now);
        self.release(peer, u64::from(self.pieces.length(index)));
        if !cancelled {
            let length = u64::from(self.pieces.length(index));
            self.budget.asked = self.budget.asked.saturating_sub(length);
            if let Some(piece) = self.pieces.index(index).filter(|_| begun) {
                self.effects.push_back(Effect::Discard(self.connection(peer), piece));
            }
            if self.pieces.release(peer, index) {
                self.turns.wake_idle();
            }
        }
        match code {
            refusal::CANCELLED => {}
            refusal::NOT_HAD => {
                let claimed = self.pieces.picker().has(peer, index);
                self.pieces.lacks(peer, index);
                if let Some(session) = self.session_mut(peer).filter(|_| claimed) {
                    session.lacked.insert(index);
                }
            }
            code => return Err(Ending::Refused(code)),
        }
        self.ready(peer);
        self.leave_denied(peer);
        Ok(())
    }
}
