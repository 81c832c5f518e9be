//! What a peer is asked for: how much, from which pieces, with consent, until it is slow.

use crate::ending::Ending;
use crate::import::Engine;
use crate::import::apart::Next;
use crate::import::message::{Connection, Consent, Effect, News, Purpose};
use crate::import::peer::{Ask, Batch, Session, Spare};
use crate::import::turns::Tempo;
use crate::wire::{Frame, close};

/// How a turn to be asked for more ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// It owes what it may.
    Enough,
    /// It could be asked for more if there were room.
    NoRoom,
    /// It has nothing that could be asked of it.
    Nothing,
}

/// Rates that are so close to the mean that the difference is at most this part of it are taken to
/// be the same: they are not known better.
const SAME: u64 = 8;
/// How many pieces that only a snubbed peer might have are looked at.
const SEARCH: usize = 64;

impl Engine {
    /// Chooses what to ask the peer for, and has the user's consent checked.
    pub(super) fn fill(&mut self, peer: u32) -> Filled {
        let Some(session) = self.session(peer) else { return Filled::Enough };
        if session.consent == Consent::Denied || session.batch.is_some() {
            return Filled::Enough;
        }
        let most = session.most.saturating_sub(session.asks.len());
        let mut owed = session.owed;
        let open = session.asks.len() - session.cancelled.len();
        let snubbed = session.snub.is_some();
        let window = self.window(peer);
        // A few asks are cheaper together than one by one.
        if most == 0 || owed > 0 && (snubbed || window.saturating_sub(owed) * 4 < window) {
            return Filled::Enough;
        }
        let most = most.min(self.share(peer, open));
        let importers = self.tempo().importers;
        let mut pieces = Vec::new();
        let outcome = loop {
            if pieces.len() >= most {
                break Filled::Enough;
            }
            let next = match snubbed {
                true => self.next_alone(peer).map_or(Next::Nothing, Next::Piece),
                false => self.next_apart(peer, importers, owed),
            };
            let index = match next {
                Next::Piece(index) => index,
                Next::Soon => break Filled::Enough,
                Next::Nothing => break Filled::Nothing,
            };
            let length = u64::from(self.pieces.length(index));
            if owed > 0 && owed + length > window {
                break Filled::Enough;
            }
            if !self.has_room(peer, length) {
                break Filled::NoRoom;
            }
            self.pieces.ask(peer, index);
            self.budget.spending += length;
            owed += length;
            pieces.push(index);
        };
        if pieces.is_empty() {
            return match outcome {
                Filled::Nothing if self.is_open(peer) && self.may_help_at_once() => {
                    self.fill_spare(peer)
                }
                outcome => outcome,
            };
        }
        self.spend(peer, pieces, None);
        if outcome == Filled::NoRoom { outcome } else { Filled::Enough }
    }

    /// Has it checked whether consent covers asking the peer for these.
    pub(super) fn spend(&mut self, peer: u32, pieces: Vec<u32>, spare: Option<Spare>) {
        let bytes = pieces.iter().map(|index| u64::from(self.pieces.length(*index))).sum();
        let connection = self.connection(peer);
        let several = pieces.len() > 1;
        let purpose = match spare {
            Some(_) => Purpose::Second,
            None if several => Purpose::Several,
            None => Purpose::One,
        };
        if let Some(session) = self.session_mut(peer) {
            session.batch = Some(Batch { pieces, spare, several });
            self.spending.insert(connection, bytes);
            self.effects.push_back(Effect::Spend(connection, bytes, purpose));
        }
    }

    /// So many bytes that consent was spent on do not come from the peer.
    pub(super) fn release(&mut self, peer: u32, bytes: u64) {
        if let Some(peer) = self.peers.get(peer as usize).filter(|_| bytes > 0) {
            self.effects.push_back(Effect::Release(peer.id, bytes));
        }
    }

    /// The next missing piece for the peer.
    pub(super) fn next_for(&mut self, peer: u32) -> Option<u32> {
        let session = self.peers.get(peer as usize)?.session()?;
        self.pieces.next(peer, &session.cancelled)
    }

    /// The next missing piece for a snubbed peer: one that nobody better could be asked for, unless
    /// the peer is on trial.
    fn next_alone(&mut self, peer: u32) -> Option<u32> {
        let session = self.session(peer)?;
        let on_trial = session.is_on_trial();
        let mut but = session.cancelled.clone();
        for _ in 0..SEARCH {
            let index = self.pieces.next(peer, &but)?;
            if on_trial || !self.better(peer, index) {
                return Some(index);
            }
            but.insert(index);
        }
        None
    }

    /// Whether another open peer has the piece that may be asked, and answers as far as is known.
    pub(super) fn better(&self, peer: u32, index: u32) -> bool {
        let fine = |session: &Session| session.may_be_asked() && session.is_fair();
        self.numbers().any(|other| {
            other != peer
                && self.is_open(other)
                && self.has_hope(other)
                && self.session(other).is_some_and(fine)
                && self.pieces.picker().has(other, index)
        })
    }

    /// How many bytes the peer may owe.
    fn window(&mut self, peer: u32) -> u64 {
        let tempo = self.tempo();
        self.session(peer).map_or(0, |session| self.window_of(session, tempo))
    }

    /// How many bytes a peer may owe while all together are that fast.
    pub(super) fn window_of(&self, session: &Session, tempo: Tempo) -> u64 {
        let piece = self.geometry.piece_size();
        if session.snub.is_some() {
            return piece.into();
        }
        let rate = session.meter.rate(self.now());
        let budget = self.budget.limit();
        let even = budget / tempo.open.max(1);
        let by_rate = rate.map_or(0, |rate| part(budget, rate, tempo.rate));
        let mut window = session.window.bytes(rate, session.latency, piece).min(even.max(by_rate));
        if let Some(limit) = self.limits.download {
            window = window.min(limit.get().saturating_mul(3));
        }
        window.max(piece.into())
    }

    /// How many pieces more the peer may be asked for that is asked for so many, so that near the
    /// end nobody has much to do and others nothing.
    fn share(&mut self, peer: u32, open: usize) -> usize {
        let tempo = self.tempo();
        let asked = self.budget.asked + self.budget.spending;
        let asked = asked.div_ceil(self.geometry.piece_size().into());
        let left = u64::from(self.pieces.missing()) + asked;
        let rate = self.session(peer).and_then(|session| session.meter.rate(self.now()));
        let (open_peers, all) = (tempo.open.max(1), tempo.rate);
        // Rounded down: it is looked at when a piece has come, so by the one that is ahead.
        let even = left / open_peers;
        let mean = all / open_peers;
        let share = match rate {
            // To the nearest: with one piece more, a peer is done a piece's time after the others.
            Some(rate) if rate.abs_diff(mean) > mean / SAME => {
                part(2 * left, rate, all).div_ceil(2)
            }
            _ => even,
        };
        let share = share.max(2);
        usize::try_from(share).unwrap_or(usize::MAX).saturating_sub(open)
    }

    /// The user's consent covers what is to be asked, or does not. What is not asked all the same is
    /// let go, as all of it is where the connection is over.
    pub(super) fn spent(&mut self, connection: Connection, consent: Consent) {
        let Some(bytes) = self.spending.remove(&connection) else { return };
        let peer = connection.peer;
        let is_current = self.is_current(connection);
        let session = self.session_mut(peer).filter(|_| is_current);
        let batch = session.and_then(|session| session.batch.take());
        let asked = batch.map_or(0, |batch| self.ask_or_not(peer, batch, consent));
        if consent == Consent::Given {
            self.release(peer, bytes.saturating_sub(asked));
        }
    }

    /// Asks the peer for the batch if consent covers it; how many bytes were asked for.
    fn ask_or_not(&mut self, peer: u32, mut batch: Batch, consent: Consent) -> u64 {
        let mut asked = 0;
        let snubbed = self.session(peer).is_some_and(|session| session.snub.is_some());
        match consent {
            Consent::Given if snubbed && batch.pieces.len() > 1 => self.unbatch(peer, batch.pieces),
            Consent::Given => {
                asked =
                    batch.pieces.iter().map(|index| u64::from(self.pieces.length(*index))).sum();
                self.ask_all(peer, batch);
            }
            Consent::Denied if batch.several => {
                let rest = batch.pieces.split_off(batch.pieces.len().min(1));
                self.unbatch(peer, rest);
                if !batch.pieces.is_empty() {
                    self.spend(peer, batch.pieces, batch.spare);
                }
            }
            Consent::Denied if batch.spare.is_some() => {
                if let Some(session) = self.session_mut(peer) {
                    session.uncovered.extend(&batch.pieces);
                }
                self.unbatch(peer, batch.pieces);
            }
            Consent::Denied => {
                self.unbatch(peer, batch.pieces);
                if let Some(session) = self.session_mut(peer) {
                    session.consent = Consent::Denied;
                }
                self.turns.stale();
                self.turns.wake_idle();
                self.leave_denied(peer);
            }
        }
        self.ready(peer);
        asked
    }

    /// Pieces that were to be asked of the peer are not.
    fn unbatch(&mut self, peer: u32, pieces: Vec<u32>) {
        for index in pieces {
            let length = u64::from(self.pieces.length(index));
            self.budget.spending = self.budget.spending.saturating_sub(length);
            if self.pieces.release(peer, index) {
                self.turns.wake_idle();
            }
        }
    }

    fn ask_all(&mut self, peer: u32, batch: Batch) {
        let now = self.now();
        let Some(id) = self.peers.get(peer as usize).map(|peer| peer.id) else { return };
        let proven = !self.learning.is_known();
        for index in batch.pieces {
            let Some(piece) = self.pieces.index(index) else { continue };
            let length = self.pieces.length(index);
            self.budget.spending = self.budget.spending.saturating_sub(length.into());
            self.budget.asked += u64::from(length);
            if let Some(session) = self.session_mut(peer) {
                session.owes(Ask { index, length, proven, cancelled: false, at: now }, now);
            }
            if let Some(Spare::TakeOver(slow)) = batch.spare
                && !self.session(slow).is_some_and(|session| session.is_sending(index))
            {
                self.call_off(slow, index);
                self.ready(slow);
            }
            self.send(peer, if proven { Frame::AskProven(index) } else { Frame::Ask(index) });
            self.tell(News::Asked(id, piece));
        }
        self.arm(peer);
    }

    /// The peer is no longer to send the piece; whether that made it missing.
    pub(super) fn call_off(&mut self, peer: u32, index: u32) -> bool {
        let (now, length) = (self.now(), u64::from(self.pieces.length(index)));
        let Some(session) = self.session_mut(peer) else { return false };
        let came = if session.is_sending(index) { session.filled } else { 0 };
        let batched = session.batch.as_mut().and_then(|batch| {
            let at = batch.pieces.iter().position(|piece| *piece == index)?;
            Some(batch.pieces.remove(at))
        });
        if batched.is_some() {
            self.budget.spending = self.budget.spending.saturating_sub(length);
        } else if let Some(begun) = session.cancel(index, now) {
            self.budget.asked = self.budget.asked.saturating_sub(length);
            self.wasted += u64::from(came);
            self.send(peer, Frame::Cancel(index));
            if let Some(piece) = self.pieces.index(index).filter(|_| begun) {
                self.effects.push_back(Effect::Discard(self.connection(peer), piece));
            }
        }
        let missing = self.pieces.release(peer, index);
        if missing {
            self.turns.wake_idle();
        }
        missing
    }

    /// The peer is below the floor: whatever another can be asked for is asked of that one.
    pub(super) fn snub(&mut self, peer: u32) {
        let now = self.now();
        let Some(session) = self.session_mut(peer) else { return };
        let took = session.grace();
        session.snub(now);
        self.tried_in_vain(took);
        self.turns.good.remove(&peer);
        self.turns.stale();
        let Some(session) = self.session(peer) else { return };
        let asked = session.asks.iter().filter(|ask| !ask.cancelled).map(|ask| ask.index);
        for index in asked.collect::<Vec<_>>() {
            if self.better(peer, index) {
                self.call_off(peer, index);
            }
        }
    }

    /// Leaves a peer that may not be asked and owes nothing.
    pub(super) fn leave_denied(&mut self, peer: u32) {
        let over = |session: &Session| !session.may_be_asked() && session.owed == 0;
        if self.session(peer).is_some_and(over) {
            self.leave(peer, Ending::Denied, Some(close::DONE));
        }
    }
}

/// That part of the whole which is a rate's part of all rates.
fn part(whole: u64, rate: u64, all: u64) -> u64 {
    let part = u128::from(whole) * u128::from(rate) / u128::from(all.max(rate).max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}
