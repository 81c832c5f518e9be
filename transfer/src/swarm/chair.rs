//! One peer's place at the table: what it is asked, and how it does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use verifier::identity::PeerId;

use crate::pace::{DROP, Meter, SNUB};
use crate::session::SessionError;
use crate::swarm::waiting::Whereabouts;

/// What is known of one peer of the import.
pub(super) struct Chair {
    pub(super) peer: PeerId,
    pub(super) wake: Arc<Notify>,
    /// What it owes an answer to, in the order of asking.
    pub(super) asked: VecDeque<Due>,
    pub(super) cancels: Vec<u32>,
    pub(super) meter: Meter,
    pub(super) held: u32,
    pub(super) pace: Pace,
    pub(super) spares: Spares,
    pub(super) seated: bool,
    pub(super) delivered: u64,
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
    pub(super) fn new(peer: PeerId) -> Self {
        Self {
            peer,
            wake: Arc::default(),
            asked: VecDeque::new(),
            cancels: Vec::new(),
            meter: Meter::default(),
            held: 0,
            pace: Pace::Window,
            spares: Spares::Allowed,
            seated: false,
            delivered: 0,
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

    /// It answered what it owed next.
    pub(super) fn answered(&mut self) {
        self.asked.pop_front();
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
        let silent = self.meter.silent(now).filter(|_| self.held == 0).unwrap_or_default();
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
    pub(super) fn survey(&self, now: Instant) -> (PeerId, Whereabouts) {
        let whereabouts = match &self.whereabouts {
            Whereabouts::Connected if self.pace == Pace::Denied => Whereabouts::Denied,
            Whereabouts::Connected if !self.asked.is_empty() => {
                Whereabouts::Owing { silent: self.meter.silent(now).unwrap_or(Duration::ZERO) }
            }
            other => other.clone(),
        };
        (self.peer, whereabouts)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;
    use verifier::identity::SigningKey;

    use super::{Chair, Due, Pace};

    fn owing(asked: &[u32], start: Instant) -> Chair {
        let mut chair = Chair::new(SigningKey::from_seed([1; 32]).public_key().peer_id());
        chair.asked.extend(asked.iter().map(|index| Due { index: *index, cancelled: false }));
        chair.meter.resume(start);
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

        chair.meter.add(1, at(16));
        chair.answered();
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
        chair.answered();
        assert!(!chair.check(later).unwrap());
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
