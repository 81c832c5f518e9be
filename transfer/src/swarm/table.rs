//! What the sessions of one import share: who sits where, what each is asked, what is left.

mod holds;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::ports::{Pull, PullError, PullNews, Pulled};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use verifier::piece::{PieceList, VerifiedPiece};
use verifier::{Bitfield, Geometry, PieceIndex, Root, Sha256};

use crate::pace::{Limits, Progress};
use crate::picker::{Picker, Seat, Second};
use crate::session::SessionError;
use crate::swarm::buffer::Buffers;
use crate::swarm::chair::{Chair, Due, Pace, Spares};
use crate::swarm::waiting::{Survey, Whereabouts};

pub(super) use holds::{Held, Seated, Time, Waiting};

/// The shared state of one import's sessions.
pub(super) struct Table {
    pub(super) artifact: Sha256,
    pub(super) geometry: Geometry,
    pub(super) root: Root,
    pub(super) limits: Arc<Limits>,
    pub(super) buffers: Buffers,
    /// Held by the session that learns the piece list.
    pub(super) learner: tokio::sync::Mutex<()>,
    missing: Bitfield,
    list: watch::Sender<Option<Arc<PieceList>>>,
    out: mpsc::Sender<Pulled>,
    done: watch::Sender<bool>,
    state: Mutex<State>,
}

struct State {
    /// Nothing until the piece list is known.
    picker: Option<Picker>,
    chairs: Vec<Chair>,
    /// Wanted pieces that were not handed over yet.
    undelivered: u32,
    progress: Progress,
    /// How many sessions wait for this side: for room, for consent, for the rate limit.
    held: u32,
    /// Since when some do.
    held_since: Instant,
}

/// What a session is to say next.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) cancels: Vec<u32>,
    pub(super) asks: Vec<PieceIndex>,
    /// What to ask if there is nothing else: a piece that another peer is asked too.
    pub(super) spare: Option<Second>,
    /// Whether there is nothing left to ask anybody.
    pub(super) finished: bool,
    /// Whether this peer may not be asked any more and owes nothing.
    pub(super) denied: bool,
}

impl Table {
    pub(super) fn lay(pull: Pull, limits: Arc<Limits>) -> Self {
        let piece_size = pull.geometry.piece_size();
        let buffers = Buffers::new(limits.in_flight(), piece_size, pull.sources.len());
        let now = Instant::now();
        let chairs = pull.sources.iter().map(|source| Chair::new(source, now)).collect();
        let progress = Progress::new(now);
        let mut state =
            State { picker: None, chairs, undelivered: 0, progress, held: 0, held_since: now };
        if pull.list.is_some() {
            state.deal(pull.geometry, &pull.missing);
        } else {
            state.undelivered = pull.missing.count();
        }
        Self {
            artifact: pull.artifact,
            geometry: pull.geometry,
            root: pull.root,
            limits,
            buffers,
            learner: tokio::sync::Mutex::new(()),
            missing: pull.missing,
            list: watch::Sender::new(pull.list),
            out: pull.out,
            done: watch::Sender::new(false),
            state: Mutex::new(state),
        }
    }

    pub(super) const fn out(&self) -> &mpsc::Sender<Pulled> {
        &self.out
    }

    /// The piece list, once it is known.
    pub(super) fn list(&self) -> Option<Arc<PieceList>> {
        self.list.borrow().clone()
    }

    /// Takes in the proven list and what is still wanted; the sessions can start asking.
    pub(super) fn learnt(&self, list: Arc<PieceList>, wanted: &Bitfield) {
        self.lock().deal(self.geometry, wanted);
        self.list.send_replace(Some(list));
        if self.is_finished() {
            self.done.send_replace(true);
        }
    }

    /// Tells a watcher; waits if it is slow.
    ///
    /// # Errors
    ///
    /// [`SessionError::Cancelled`] if nobody is there to be told.
    pub(super) async fn tell(&self, news: PullNews) -> Result<(), SessionError> {
        let _held = self.hold();
        self.out.send(Pulled::News(news)).await.map_err(|_| SessionError::Cancelled)
    }

    /// Resolves when the last piece was handed over.
    pub(super) async fn finished(&self) {
        // The sender is here, so the wait cannot fail.
        self.done.subscribe().wait_for(|done| *done).await.ok();
    }

    pub(super) fn is_finished(&self) -> bool {
        self.lock().undelivered == 0
    }

    /// A peer sits down with what it has, until the result is dropped; how many of its pieces
    /// are wanted.
    pub(super) fn sit(self: &Arc<Self>, seat: Seat, have: &Bitfield) -> (Seated, u32) {
        let mut state = self.lock();
        let state = &mut *state;
        let mut wanted = 0;
        if let Some(picker) = &mut state.picker {
            picker.join(seat, have);
            wanted = picker.has_wanted(seat);
        }
        if let Some(chair) = state.chairs.get_mut(seat) {
            chair.seat(Instant::now());
        }
        (Seated { table: Arc::clone(self), seat }, wanted)
    }

    /// What is to be said to a peer that takes so many asks at a time.
    pub(super) fn orders(&self, seat: Seat, most: u16) -> Orders {
        let mut state = self.lock();
        let now = Instant::now();
        let window = state.window(seat, &self.geometry, &self.limits, now).min(usize::from(most));
        let state = &mut *state;
        let finished = state.undelivered == 0;
        let (Some(picker), Some(chair)) = (&mut state.picker, state.chairs.get_mut(seat)) else {
            return Orders { finished, ..Orders::default() };
        };
        let mut orders = Orders { finished, ..Orders::default() };
        orders.cancels = std::mem::take(&mut chair.cancels);
        orders.denied = chair.pace == Pace::Denied && chair.asked.is_empty();
        let room = window.saturating_sub(chair.asked.len());
        // A few asks are cheaper together than one by one.
        if finished || chair.pace == Pace::Denied || room * 4 < window || room == 0 {
            return orders;
        }
        // Nobody takes so much that the others have nothing to do at the end.
        let seated = state.chairs.iter().filter(|chair| chair.seated).count().max(1);
        let share = (picker.missing() as usize / (2 * seated)).max(2);
        orders.asks.extend(std::iter::from_fn(|| picker.pick(seat)).take(room.min(share)));
        if !orders.asks.is_empty() {
            return orders;
        }
        let may = |chair: &&Chair| chair.asked.len() < 2 && chair.spares == Spares::Allowed;
        let Some(chair) = state.chairs.get(seat).filter(may) else { return orders };
        picker.set_rate(seat, chair.meter.rate(now));
        for (other, chair) in state.chairs.iter().enumerate().filter(|(other, _)| *other != seat) {
            picker.set_rate(other, chair.meter.rate(now));
        }
        orders.spare = picker.second(seat);
        orders
    }

    /// The asks are about to be sent.
    pub(super) fn asked(&self, seat: Seat, asks: &[PieceIndex]) {
        if let Some(chair) = self.lock().chairs.get_mut(seat) {
            let due = |index: &PieceIndex| Due { index: index.get(), cancelled: false };
            chair.owes(asks.iter().map(due), Instant::now());
        }
    }

    /// The asks are not to be sent, since the user's consent does not cover them.
    pub(super) fn denied(&self, seat: Seat, asks: &[PieceIndex]) {
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(picker) = &mut state.picker {
            for index in asks {
                picker.release(seat, *index);
            }
        }
        if let Some(chair) = state.chairs.get_mut(seat) {
            chair.pace = Pace::Denied;
        }
        state.wake();
    }

    /// The spare ask is not to be sent, which says nothing about what the peer is needed for.
    pub(super) fn denied_spare(&self, seat: Seat, spare: Second) {
        let mut state = self.lock();
        if let Some(picker) = &mut state.picker {
            picker.release(seat, spare.index());
        }
        if let Some(chair) = state.chairs.get_mut(seat) {
            chair.spares = Spares::Denied;
        }
    }

    /// The spare ask is about to be sent; a peer that is taken over from is told so.
    pub(super) fn asked_spare(&self, seat: Seat, spare: Second) {
        self.asked(seat, &[spare.index()]);
        if let Second::TakeOver(index, slow) = spare {
            let mut state = self.lock();
            if let Some(picker) = &mut state.picker {
                picker.release(slow, index);
            }
            state.cancel(slow, index);
        }
    }

    /// What the peer owes an answer to next.
    pub(super) fn due(&self, seat: Seat) -> Option<Due> {
        self.lock().chairs.get(seat)?.asked.front().copied()
    }

    /// A part of the piece list came.
    pub(super) fn learning(&self) {
        self.lock().progress = Progress::new(Instant::now());
    }

    /// Bytes came from a peer.
    pub(super) fn heard(&self, seat: Seat, bytes: u32) {
        let (bytes, now) = (u64::from(bytes), Instant::now());
        let mut state = self.lock();
        let hopeful = state.chairs.get_mut(seat).is_some_and(|chair| chair.heard(bytes, now));
        if hopeful {
            state.progress.add(bytes, now);
        }
    }

    /// The peer answered what it owed next.
    pub(super) fn answered(&self, seat: Seat) {
        if let Some(chair) = self.lock().chairs.get_mut(seat) {
            chair.answered(Instant::now());
        }
    }

    /// A verified piece came from a peer; whether it is wanted, which is so once only.
    pub(super) fn arrived(&self, seat: Seat, index: PieceIndex) -> bool {
        let mut state = self.lock();
        let Some(picker) = &mut state.picker else { return false };
        let arrived = picker.arrived(seat, index);
        if let Some(other) = arrived.cancel {
            state.cancel(other, index);
        }
        arrived.wanted
    }

    /// Hands a piece over; waits if the receiver is slow.
    ///
    /// # Errors
    ///
    /// [`SessionError::Cancelled`] if there is no receiver.
    pub(super) async fn deliver(
        &self,
        seat: Seat,
        piece: VerifiedPiece,
    ) -> Result<(), SessionError> {
        let bytes = piece.bytes().len();
        if let Err(full) = self.out.try_send(Pulled::Piece(piece)) {
            let _waiting = self.wait(seat, Time::Free);
            let sent = self.out.send(full.into_inner()).await;
            sent.map_err(|_| SessionError::Cancelled)?;
        }
        let mut state = self.lock();
        state.undelivered = state.undelivered.saturating_sub(1);
        state.progress = Progress::new(Instant::now());
        if let Some(chair) = state.chairs.get_mut(seat) {
            chair.delivered += u64::try_from(bytes).unwrap_or(0);
            chair.in_vain = 0;
        }
        if state.undelivered == 0 {
            state.wake();
            self.done.send_replace(true);
        }
        Ok(())
    }

    /// A peer cannot send a piece.
    pub(super) fn lacks(&self, seat: Seat, index: PieceIndex) {
        let mut state = self.lock();
        if let Some(picker) = &mut state.picker {
            picker.lacks(seat, index);
        }
        state.wake();
    }

    /// A piece has landed at a peer.
    pub(super) fn has(&self, seat: Seat, index: PieceIndex) {
        let mut state = self.lock();
        if let Some(picker) = &mut state.picker {
            picker.have(seat, index);
        }
        if let Some(chair) = state.chairs.get(seat) {
            chair.wake.notify_one();
        }
    }

    /// Looks whether a peer has been silent for too long, and asks others if so.
    ///
    /// # Errors
    ///
    /// [`SessionError::Silent`] if it is time to hang up.
    pub(super) fn check(&self, seat: Seat) -> Result<(), SessionError> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(chair) = state.chairs.get_mut(seat) else { return Ok(()) };
        if chair.check(Instant::now())? {
            if let Some(picker) = &mut state.picker {
                picker.release_all(seat);
            }
            state.wake();
        }
        Ok(())
    }

    pub(super) fn wake(&self, seat: Seat) -> Arc<Notify> {
        let state = self.lock();
        state.chairs.get(seat).map(|chair| Arc::clone(&chair.wake)).unwrap_or_default()
    }

    /// How many bytes a peer has delivered in this import.
    pub(super) fn delivered(&self, seat: Seat) -> u64 {
        self.lock().chairs.get(seat).map_or(0, |chair| chair.delivered)
    }

    pub(super) fn set_whereabouts(&self, seat: Seat, whereabouts: Whereabouts) {
        if let Some(chair) = self.lock().chairs.get_mut(seat) {
            chair.whereabouts = whereabouts;
        }
    }

    /// This side keeps the import waiting until the result is dropped.
    pub(super) fn hold(&self) -> Held<'_> {
        let mut state = self.lock();
        if state.held == 0 {
            state.held_since = Instant::now();
        }
        state.held += 1;
        Held { table: self }
    }

    /// This side keeps a peer waiting until the result is dropped.
    pub(super) fn wait(&self, seat: Seat, time: Time) -> Waiting<'_> {
        if let Some(chair) = self.lock().chairs.get_mut(seat) {
            if chair.held == 0 {
                chair.held_since = Instant::now();
            }
            chair.held += 1;
        }
        Waiting { held: self.hold(), seat, time }
    }

    /// How things stand.
    pub(super) fn survey(&self, now: Instant) -> Survey {
        let state = self.lock();
        let until = if state.held == 0 { now } else { state.held_since };
        let left = state.picker.as_ref().map(Picker::left);
        Survey {
            still: state.progress.still(until),
            held: state.held != 0,
            left: left.unwrap_or_else(|| self.missing.count()),
            listed: left.is_some(),
            peers: state.chairs.iter().map(Chair::survey).collect(),
        }
    }

    /// The end of an import that nobody can finish.
    pub(super) fn exhausted(&self, why: &str) -> PullError {
        let state = self.lock();
        let peers = state.chairs.iter().map(|chair| {
            let reason = chair.survey().1;
            format!("; {} {}", chair.label, reason.reason())
        });
        let why = std::iter::once(why.to_owned()).chain(peers).collect();
        let left = state.picker.as_ref().map(Picker::left);
        PullError::Exhausted { missing: left.unwrap_or_else(|| self.missing.count()), why }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn deal(&mut self, geometry: Geometry, wanted: &Bitfield) {
        let picker = Picker::new(geometry, wanted);
        self.undelivered = picker.left();
        self.progress = Progress::new(Instant::now());
        self.picker = Some(picker);
    }

    /// How many pieces a peer may owe: what it sends in a few seconds, within its share of the
    /// bytes in flight.
    fn window(&self, seat: Seat, geometry: &Geometry, limits: &Limits, now: Instant) -> usize {
        const SECONDS: u64 = 3;
        const LEAST: u64 = 2;

        let Some(chair) = self.chairs.get(seat) else { return 0 };
        if chair.pace == Pace::Snubbed {
            return 1;
        }
        let seated = self.chairs.iter().filter(|chair| chair.seated).count().max(1);
        let share = limits.in_flight() / u64::try_from(seated).unwrap_or(u64::MAX);
        // The rate over a short while can be far above the limit; what is asked for is sent.
        let rate = chair.meter.rate(now).unwrap_or(0);
        let rate = match limits.download() {
            0 => rate,
            most => rate.min(most),
        };
        let wanted = rate.saturating_mul(SECONDS).min(share);
        let pieces = (wanted / u64::from(geometry.piece_size())).max(LEAST);
        usize::try_from(pieces).unwrap_or(usize::MAX)
    }

    fn cancel(&mut self, seat: Seat, index: PieceIndex) {
        if let Some(chair) = self.chairs.get_mut(seat) {
            chair.cancel(index.get());
        }
    }

    fn wake(&self) {
        for chair in &self.chairs {
            chair.wake.notify_one();
        }
    }
}
