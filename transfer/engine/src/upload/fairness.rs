//! Whom to answer next, so that peers that want something get the same.

use std::collections::BTreeSet;

use crate::bucket::Bucket;
use crate::limits::Rate;
use crate::moment::Moment;

use super::Caller;

/// What one peer has of this side, all its connections together.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) bucket: Bucket,
    pub(super) connections: u32,
    /// How many of them wait for something.
    pub(super) wanting: u32,
    /// How many bytes it was sent, and was never ready to take while others were.
    pub(super) bytes: u64,
}

impl Share {
    pub(super) fn new(rate: Rate, now: Moment) -> Self {
        Self { bucket: Bucket::new(rate, now), connections: 0, wanting: 0, bytes: 0 }
    }

    /// The peer begins to want something, where the peer whose turn is next was sent that much:
    /// what either was sent while it was alone counts for nothing.
    pub(super) fn begin(&mut self, least: Option<u64>) {
        self.wanting = 1;
        self.bytes = least.map_or(self.bytes, |least| self.bytes.max(least));
    }
}

/// Start-time fair queueing: of those that are ready, the one is next whose peer has been sent the
/// fewest bytes, and then the one that has waited longest. Who was not ready for a while has that
/// counted as if it had been sent what the others were, so that nobody saves anything up; who was
/// not ready for a moment, because its next piece was being read, loses nothing.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Who may have something to be sent.
    pub(super) ready: BTreeSet<Caller>,
    /// What the peer that was sent something last had been sent before.
    bytes: u64,
    turn: u64,
}

impl Turns {
    /// Lets the caller take part.
    pub(super) fn enter(&mut self, caller: Caller, share: &mut Share) {
        if self.ready.insert(caller) {
            share.bytes = share.bytes.max(self.bytes);
        }
    }

    /// Something is sent to the peer: the number of this turn.
    pub(super) fn take(&mut self, share: &mut Share, bytes: u32) -> u64 {
        self.bytes = share.bytes;
        share.bytes = share.bytes.saturating_add(bytes.into());
        self.turn += 1;
        self.turn
    }

    /// Forgets who was sent how much, because the limits were others then.
    pub(super) const fn even_out(&self, share: &mut Share) {
        share.bytes = self.bytes;
    }
}
