//! Answering what callers ask for.

use verifier::PieceIndex;
use verifier::identity::PeerId;
use verifier::merkle::ProofFormat;

use super::asks::{No, Stage, Withdrawn};
use super::caller::{List, Session};
use super::fairness::Share;
use super::outbox::Payload;
use super::{Caller, Effect, News, Refusal, Uploads};
use crate::moment::Moment;
use crate::wire::{
    BlockHead, DIGEST_LEN, DigestsHead, Frame, MAX_BLOCK, MAX_DIGESTS, MIN_BLOCK, ProofHead,
    Refuse, refusal,
};

/// What a caller is sent next.
#[derive(Debug, Clone, Copy)]
enum Next {
    Digests(DigestsHead),
    Proof(ProofHead),
    Block(BlockHead),
}

impl Next {
    /// How many bytes count against the limits.
    const fn bytes(self) -> u32 {
        match self {
            Self::Digests(head) => head.count.saturating_mul(DIGEST_LEN),
            Self::Proof(head) => head.count.saturating_mul(DIGEST_LEN),
            Self::Block(head) => head.length,
        }
    }
}

impl Uploads {
    pub(super) fn read(&mut self, caller: Caller, index: PieceIndex, read: Result<(), Refusal>) {
        let call = self.callers.get_mut(&caller);
        let Some((line, session)) = call.and_then(|call| call.open_mut()) else { return };
        if read.is_err() && !session.asks.is_reading(index) {
            line.outbox.take_back(index);
        }
        if session.asks.read(index, read.err()) == Withdrawn::Discard {
            self.effects.push_back(Effect::Discard(caller, index));
        }
        self.settle(caller);
    }

    pub(super) fn written(&mut self, caller: Caller, bytes: u32) {
        let now = self.now;
        let call = self.callers.get_mut(&caller);
        let Some((line, session)) = call.and_then(|call| call.open_mut()) else { return };
        let (peer, artifact) = (line.peer, session.artifact);
        for Payload { piece, bytes } in line.outbox.took(bytes, now) {
            if let Some(index) = piece {
                let sent = News::Sent(peer, artifact, index, bytes);
                self.effects.push_back(Effect::Tell(sent));
            }
        }
        self.settle(caller);
    }

    /// Answers what needs no bytes, begins to read what comes next, and notes what the caller wants.
    pub(super) fn settle(&mut self, caller: Caller) {
        let now = self.now;
        let share = self.read_ahead();
        let call = self.callers.get_mut(&caller);
        let Some((line, session)) = call.and_then(|call| call.open_mut()) else { return };
        let peer = line.peer;
        while let Some(first) = session.asks.first() {
            match first.stage {
                Stage::Refused(no) => {
                    let (index, code) = (Some(first.index.get()), code(no));
                    let refuse = Frame::Refuse(Refuse { index, code });
                    line.say(now);
                    self.effects.push_back(Effect::Send(caller, refuse));
                    if let No::Because(refusal) = no {
                        self.effects.push_back(Effect::Tell(News::Refused(peer, refusal)));
                    }
                }
                Stage::Blocks(sent) if sent == first.length && !line.outbox.holds(first.index) => {}
                _ => break,
            }
            session.asks.answered();
        }
        let artifact = session.artifact;
        while let Some(ask) = session.asks.next_read(share) {
            let (index, proven) = (ask.index, ask.proven);
            self.effects.push_back(Effect::Read { caller, peer, artifact, index, proven });
        }
        let wants = session.wants();
        session.idle = if wants { None } else { session.idle.or(Some(now)) };
        let is_ready = session.next(MAX_BLOCK).is_some();
        self.want(caller, peer, wants);
        if is_ready && let Some(share) = self.peers.get_mut(&peer) {
            self.turns.enter(caller, share);
        }
    }

    /// Notes whether the caller waits for something that it asked for.
    pub(super) fn want(&mut self, caller: Caller, peer: PeerId, wants: bool) {
        let changed =
            if wants { self.wanting.insert(caller) } else { self.wanting.remove(&caller) };
        if !changed {
            return;
        }
        let others = self.turns.ready.iter().filter_map(|other| self.callers.get(other)?.line());
        let least = others.filter_map(|line| Some(self.peers.get(&line.peer)?.bytes)).min();
        let Some(share) = self.peers.get_mut(&peer) else { return };
        match (wants, share.wanting) {
            (true, 0) => share.begin(least),
            (true, others) => share.wanting = others + 1,
            (false, all) => share.wanting = all.saturating_sub(1),
        }
    }

    /// How many bytes of pieces one caller may have read and not sent.
    pub(super) fn read_ahead(&self) -> u64 {
        Self::READ_AHEAD / (self.wanting.len() as u64).max(1)
    }

    /// Sends what may be sent now, to each in its turn; says when the limits let more through.
    pub(super) fn answer(&mut self) -> Option<Moment> {
        loop {
            let (mut later, mut first) = (None, None::<((u64, u64), Caller, Next)>);
            let mut gone = Vec::new();
            for caller in self.turns.ready.iter().copied() {
                let Some((next, turn)) = self.next_for(caller) else {
                    gone.push(caller);
                    continue;
                };
                match self.peer_holds_until(caller, next.bytes()) {
                    Some(when) => later = earlier(later, when),
                    None if first.is_none_or(|(before, ..)| turn < before) => {
                        first = Some((turn, caller, next));
                    }
                    None => {}
                }
            }
            for caller in gone {
                self.turns.ready.remove(&caller);
            }
            let Some((_, caller, next)) = first else { return later };
            let when = self.total.when(next.bytes(), self.now);
            if when > self.now {
                // Whose turn it is keeps it: a shorter block of another's does not overtake.
                return earlier(later, when);
            }
            self.send(caller, next);
        }
    }

    /// What the caller is sent next, if its writer has room for it, and how early its turn is.
    fn next_for(&self, caller: Caller) -> Option<(Next, (u64, u64))> {
        let (line, session) = self.callers.get(&caller)?.open()?;
        let share = self.peers.get(&line.peer)?;
        let next = session.next(self.block(share));
        let next = next.filter(|next| line.outbox.has_room(next.bytes()))?;
        Some((next, (share.bytes, session.turn)))
    }

    /// How long a block may be, so that what the limits let through comes evenly.
    fn block(&self, share: &Share) -> u32 {
        let sharers = u32::try_from(self.wanting.len()).unwrap_or(u32::MAX);
        let of_all = self.total.portion(sharers);
        let of_peer = share.bucket.portion(share.wanting);
        let least = [of_all, of_peer].into_iter().flatten().min();
        least.map_or(MAX_BLOCK, |bytes| bytes.clamp(MIN_BLOCK, MAX_BLOCK))
    }

    /// When the limit of the caller's peer lets so many bytes through, if not now.
    fn peer_holds_until(&self, caller: Caller, bytes: u32) -> Option<Moment> {
        let peer = self.callers.get(&caller)?.line()?.peer;
        let when = self.peers.get(&peer)?.bucket.when(bytes, self.now);
        (when > self.now).then_some(when)
    }

    fn send(&mut self, caller: Caller, next: Next) {
        let now = self.now;
        let call = self.callers.get_mut(&caller);
        let Some((line, session)) = call.and_then(|call| call.open_mut()) else { return };
        let bytes = next.bytes();
        // What is not enough to be held was looked at before.
        self.total.take(bytes, now).ok();
        if let Some(share) = self.peers.get_mut(&line.peer) {
            share.bucket.take(bytes, now).ok();
            session.turn = self.turns.take(share, bytes);
        }
        line.outbox.give(Payload { piece: next.piece(session), bytes }, now);
        line.say(now);
        self.effects.push_back(session.send(caller, next));
        self.settle(caller);
    }
}

impl Next {
    fn piece(self, session: &Session) -> Option<PieceIndex> {
        match self {
            Self::Block(head) => session.geometry.index(head.index),
            Self::Digests(_) | Self::Proof(_) => None,
        }
    }
}

impl Session {
    /// What is sent next, in blocks of at most so many bytes.
    fn next(&self, most: u32) -> Option<Next> {
        let digests = self.next_digests(most).map(Next::Digests);
        // Digests and blocks take turns, so that neither waits for all of the other.
        let is_blocks_turn = !self.list_first && !self.asks.is_empty();
        digests.filter(|_| !is_blocks_turn).or_else(|| self.next_of_piece(most))
    }

    fn next_digests(&self, most: u32) -> Option<DigestsHead> {
        let List::Next(first) = self.list else { return None };
        let left = self.geometry.piece_count().saturating_sub(first);
        let count = left.min(MAX_DIGESTS).min((most / DIGEST_LEN).max(1));
        Some(DigestsHead { first, count })
    }

    fn next_of_piece(&self, most: u32) -> Option<Next> {
        let ask = self.asks.first()?;
        let index = ask.index.get();
        match ask.stage {
            Stage::Proof => {
                let pieces = self.geometry.piece_count();
                let count = ProofFormat::V0.sibling_count(index.into(), pieces.into());
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                Some(Next::Proof(ProofHead { index, count }))
            }
            Stage::Blocks(offset) if offset < ask.length => {
                let length = most.min(ask.length - offset);
                Some(Next::Block(BlockHead { index, offset, length }))
            }
            _ => None,
        }
    }

    /// It is sent: what remains is after it.
    fn send(&mut self, caller: Caller, next: Next) -> Effect {
        match next {
            Next::Digests(head) => {
                let after = head.first.saturating_add(head.count);
                let is_last = after >= self.geometry.piece_count();
                self.list = if is_last { List::Sent } else { List::Next(after) };
                self.list_first = false;
                Effect::Digests(caller, head)
            }
            Next::Proof(head) => {
                self.asks.advance(Stage::Blocks(0));
                Effect::Proof(caller, head)
            }
            Next::Block(head) => {
                self.asks.advance(Stage::Blocks(head.offset.saturating_add(head.length)));
                self.list_first = true;
                Effect::Block(caller, head)
            }
        }
    }
}

fn earlier(one: Option<Moment>, other: Moment) -> Option<Moment> {
    Some(one.map_or(other, |one| one.min(other)))
}

/// The code of [`Refuse`].
const fn code(no: No) -> u16 {
    match no {
        No::Cancelled => refusal::CANCELLED,
        No::Because(Refusal::NotServed) => refusal::NOT_SERVED,
        No::Because(Refusal::NotHad) => refusal::NOT_HAD,
        No::Because(Refusal::Failed) => refusal::FAILED,
    }
}
