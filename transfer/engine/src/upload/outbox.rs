//! What one caller's writer was given and its stream has not taken.

use std::collections::VecDeque;
use std::time::Duration;

use verifier::PieceIndex;

use crate::moment::Moment;

/// Payload on its way into one stream, and how fast that takes it.
#[derive(Debug)]
pub(super) struct Outbox {
    /// In the order in which it was given; of the first one, what is left.
    given: VecDeque<Payload>,
    bytes: u32,
    /// Since when the stream has had something to take.
    behind: Option<Moment>,
    taken: Moment,
    meter: Meter,
}

/// Bytes of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    /// Of which piece; nothing for a proof or the piece list.
    pub(super) piece: Option<PieceIndex>,
    pub(super) bytes: u32,
}

impl Outbox {
    /// The most bytes that a writer is given before the stream has taken them.
    pub(super) const ROOM: u32 = 512 << 10;
    /// The least that a reader takes, in bytes a second, if others wait for its place.
    const FLOOR: u64 = 1 << 10;
    /// For how long a reader may be below that.
    const BELOW: Duration = Duration::from_secs(10);
    /// For how long a stream may take nothing.
    const STUCK: Duration = Duration::from_secs(60);

    pub(super) fn new(now: Moment) -> Self {
        let given = VecDeque::new();
        Self { given, bytes: 0, behind: None, taken: now, meter: Meter::new(now) }
    }

    /// Whether so many bytes more may be given; a first frame always may.
    pub(super) const fn has_room(&self, bytes: u32) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(bytes) <= Self::ROOM
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether bytes of the piece are among what is not taken.
    pub(super) fn holds(&self, index: PieceIndex) -> bool {
        self.given.iter().any(|payload| payload.piece == Some(index))
    }

    pub(super) fn give(&mut self, payload: Payload, now: Moment) {
        if payload.bytes == 0 {
            return;
        }
        if self.behind.is_none() {
            self.behind = Some(now);
            self.taken = now;
            self.meter = Meter::new(now);
        }
        self.bytes = self.bytes.saturating_add(payload.bytes);
        self.given.push_back(payload);
    }

    /// The newest block of the piece was not sent after all.
    pub(super) fn take_back(&mut self, index: PieceIndex) {
        let place = self.given.iter().rposition(|payload| payload.piece == Some(index));
        if let Some(payload) = place.and_then(|place| self.given.remove(place)) {
            self.bytes = self.bytes.saturating_sub(payload.bytes);
        }
        self.settle();
    }

    /// The stream took so many bytes: of which pieces.
    pub(super) fn took(&mut self, bytes: u32, now: Moment) -> Vec<Payload> {
        let (mut left, mut taken) = (bytes, Vec::new());
        while left > 0
            && let Some(first) = self.given.front_mut()
        {
            let part = first.bytes.min(left);
            first.bytes -= part;
            left -= part;
            self.bytes = self.bytes.saturating_sub(part);
            taken.push(Payload { bytes: part, ..*first });
            if first.bytes == 0 {
                self.given.pop_front();
            }
        }
        self.taken = now;
        self.meter.add(u64::from(bytes), now);
        self.settle();
        taken
    }

    /// From when on the stream has taken nothing for too long.
    pub(super) fn stuck_at(&self) -> Option<Moment> {
        self.behind.map(|_| self.taken + Self::STUCK)
    }

    /// Whether the stream has been slower than a reader may be where others wait.
    pub(super) fn is_below_floor(&self, now: Moment) -> bool {
        self.behind.is_some_and(|since| now.since(since) >= Self::BELOW)
            && self.meter.rate(now) < Self::FLOOR
    }

    /// When something was last taken, or could first have been.
    pub(super) const fn taken_at(&self) -> Moment {
        self.taken
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let sum = self.given.iter().map(|payload| payload.bytes).sum::<u32>();
        let is_one = self.given.len() == 1;
        let is_right = sum == self.bytes
            && (sum <= Self::ROOM || is_one)
            && self.behind.is_some() == (sum > 0);
        is_right.then_some(()).ok_or_else(|| format!("a writer was given {sum} bytes: {self:?}"))
    }

    fn settle(&mut self) {
        if self.bytes == 0 {
            self.behind = None;
        }
    }
}

/// Bytes over the last five to ten seconds.
#[derive(Debug)]
struct Meter {
    since: Moment,
    now: u64,
    before: u64,
}

impl Meter {
    const WINDOW: Duration = Duration::from_secs(5);

    const fn new(now: Moment) -> Self {
        Self { since: now, now: 0, before: 0 }
    }

    fn add(&mut self, bytes: u64, now: Moment) {
        let past = now.since(self.since);
        if past >= Self::WINDOW {
            self.before = if past < Self::WINDOW * 2 { self.now } else { 0 };
            self.now = 0;
            self.since = now;
        }
        self.now = self.now.saturating_add(bytes);
    }

    /// Bytes a second.
    fn rate(&self, now: Moment) -> u64 {
        let past = now.since(self.since);
        let before = if past < Self::WINDOW { self.before } else { 0 };
        let micros = past + if past < Self::WINDOW { Self::WINDOW } else { Duration::ZERO };
        let micros = u64::try_from(micros.as_micros()).unwrap_or(u64::MAX).max(1);
        (before.saturating_add(self.now)).saturating_mul(1_000_000) / micros
    }
}
