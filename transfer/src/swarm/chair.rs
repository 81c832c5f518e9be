//! One peer's place at the table: what it is asked, and how it does.

use std::collections::VecDeque;
use std::sync::Arc;

use app::ports::PullSource;
use tokio::sync::Notify;
use tokio::time::Instant;
use verifier::scalars::Label;

use crate::pace::{DROP, Meter, Progress, SNUB};
use crate::session::SessionError;
use crate::swarm::waiting::Whereabouts;

/// What is known of one peer of the import.
pub(super) struct Chair {
    pub(super) label: Label,
    pub(super) wake: Arc<Notify>,
    /// What it owes an answer to, in the order of asking.
    pub(super) asked: VecDeque<Due>,
    pub(super) cancels: Vec<u32>,
    pub(super) meter: Meter,
    /// When something of what it owes last came.
    pub(super) progress: Progress,
    /// How many waits for this side it is kept in.
    pub(super) held: u32,
    /// Since when it is kept in one.
    pub(super) held_since: Instant,
    pub(super) pace: Pace,
    pub(super) spares: Spares,
    pub(super) seated: bool,
    pub(super) delivered: u64,
    /// How many sessions with it have ended since a piece came from it.
    pub(super) in_vain: u32,
    pub(super) whereabouts: Whereabouts,
}

/// How much a peer is asked at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Window,
    /// It was silent for too long and is left with one ask.
    Snubbed,
    /// Consent no longer covers asking it.
    Denied,
}

/// Whether a peer may be asked for what another is asked too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spares {
    Allowed,
    /// Consent does not cover them.
    Denied,
}

/// An ask that is not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) index: u32,
    /// Whether the peer was told that the piece is no longer wanted from it.
    pub(super) cancelled: bool,
}

impl Chair {
    pub(super) fn new(source: &PullSource, now: Instant) -> Self {
        Self::called(source.label.clone(), now)
    }

    /// The same peer, as if nothing had been asked of it in this session.
    pub(super) fn seat(&mut self, now: Instant) {
        *self = Self {
            seated: true,
            wake: Arc::clone(&self.wake),
            delivered: self.delivered,
            in_vain: self.in_vain,
            whereabouts: Whereabouts::Connected,
            ..Self::called(self.label.clone(), now)
        };
    }

    fn called(label: Label, now: Instant) -> Self {
        Self {
            label,
            wake: Arc::default(),
            asked: VecDeque::new(),
            cancels: Vec::new(),
            meter: Meter::default(),
            progress: Progress::new(now),
            held: 0,
            held_since: now,
            pace: Pace::Window,
            spares: Spares::Allowed,
            seated: false,
            delivered: 0,
            in_vain: 0,
            whereabouts: Whereabouts::Calling,
        }
    }

    /// It is no longer to send a piece, if it owes it.
    pub(super) fn cancel(&mut self, index: u32) {
        let mut open = self.asked.iter_mut().filter(|due| !due.cancelled);
        if let Some(due) = open.find(|due| due.index == index) {
            due.cancelled = true;
            self.cancels.push(index);
            self.wake.notify_one();
        }
    }

    /// It owes answers to these from now on.
    pub(super) fn owes(&mut self, asks: impl Iterator<Item = Due>, now: Instant) {
        if self.asked.is_empty() {
            self.meter.resume(now);
            self.progress = Progress::new(now);
        }
        self.asked.extend(asks);
    }

    /// Bytes came from it; whether the import may hope for a piece of them.
    pub(super) fn heard(&mut self, bytes: u64, now: Instant) -> bool {
        /// After so many sessions without a piece its bytes are no hope.
        const PATIENCE: u32 = 6;

        self.meter.add(bytes, now);
        self.progress.add(bytes, now);
        self.in_vain < PATIENCE
    }

    /// It answered what it owed next.
    pub(super) fn answered(&mut self, now: Instant) {
        self.asked.pop_front();
        self.progress = Progress::new(now);
        if self.pace == Pace::Snubbed {
            self.pace = Pace::Window;
        }
        if self.asked.is_empty() {
            self.meter.pause();
        }
        self.wake.notify_one();
    }

    /// Looks whether it has been silent for too long; whether it was left with one ask now.
    ///
    /// # Errors
    ///
    /// [`SessionError::Silent`] if it is time to hang up.
    pub(super) fn check(&mut self, now: Instant) -> Result<bool, SessionError> {
        if self.asked.is_empty() || self.held > 0 {
            return Ok(false);
        }
        let silent = self.progress.still(now);
        if silent > DROP {
            return Err(SessionError::Silent);
        }
        if silent <= SNUB || self.pace != Pace::Window {
            return Ok(false);
        }
        self.pace = Pace::Snubbed;
        for due in self.asked.iter_mut().skip(1).filter(|due| !due.cancelled) {
            due.cancelled = true;
            self.cancels.push(due.index);
        }
        Ok(true)
    }

    /// Where the peer is, for the sentence that says what is waited for.
    pub(super) fn survey(&self) -> (Label, Whereabouts) {
        let whereabouts = match &self.whereabouts {
            Whereabouts::Connected if self.pace == Pace::Denied => Whereabouts::Denied,
            Whereabouts::Connected if !self.asked.is_empty() => Whereabouts::Owing,
            other => other.clone(),
        };
        (self.label.clone(), whereabouts)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;
    use verifier::scalars::Label;

    use super::{Chair, Due, Pace};

    fn owing(asked: &[u32], start: Instant) -> Chair {
        let mut chair = Chair::called(Label::parse("anna").unwrap(), start);
        chair.owes(asked.iter().map(|index| Due { index: *index, cancelled: false }), start);
        chair
    }

    #[test]
    fn a_silent_peer_is_left_with_one_ask_and_then_hung_up_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut chair = owing(&[4, 5, 6], start);
        assert!(!chair.check(at(3)).unwrap());
        assert!(chair.check(at(5)).unwrap());
        assert_eq!(chair.cancels, [5, 6]);
        assert!(!chair.check(at(6)).unwrap(), "it is told once");
        assert!(chair.check(at(16)).is_err());

        chair.answered(at(16));
        assert_eq!(chair.pace, Pace::Window);
        assert!(!chair.check(at(17)).unwrap());
    }

    #[test]
    fn a_peer_that_is_kept_waiting_or_owes_nothing_is_not_silent() {
        let start = Instant::now();
        let later = start + Duration::from_secs(60);
        let mut chair = owing(&[4], start);
        chair.held = 1;
        assert!(!chair.check(later).unwrap());
        chair.held = 0;
        chair.answered(start);
        assert!(!chair.check(later).unwrap());
    }

    #[test]
    fn a_slow_peer_is_not_silent_and_one_that_sends_a_byte_now_and_then_is() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (mut slow, mut trickling) = (owing(&[4], start), owing(&[4], start));
        for second in 1..=15 {
            assert!(slow.heard(2 << 10, at(second)));
            assert!(!slow.check(at(second)).unwrap(), "after {second} s");
            assert!(trickling.heard(200, at(second)));
            assert_eq!(trickling.check(at(second)).unwrap(), second == 5, "after {second} s");
        }
        assert!(trickling.check(at(16)).is_err());
    }

    #[test]
    fn bytes_of_a_peer_that_never_ends_a_piece_are_no_hope() {
        let start = Instant::now();
        let mut chair = owing(&[4], start);
        chair.in_vain = 5;
        assert!(chair.heard(1 << 20, start));
        chair.in_vain = 6;
        assert!(!chair.heard(1 << 20, start));
    }

    #[test]
    fn only_what_is_owed_can_be_cancelled_and_only_once() {
        let mut chair = owing(&[4, 5], Instant::now());
        for index in [5, 5, 9] {
            chair.cancel(index);
        }
        assert_eq!(chair.cancels, [5]);
    }
}
