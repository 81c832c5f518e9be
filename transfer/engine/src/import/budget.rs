//! The bytes that an import has asked for and not kept yet.

/// The most bytes in flight, whatever the user's limit.
pub(super) const IN_FLIGHT_MOST: u64 = 48 << 20;

/// What may be in flight, and what is.
///
/// Bytes are reserved when a piece is chosen to be asked, not when it begins to come: what was
/// asked for always has a place to go to.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    /// What was in flight when the limit was set, if that was more.
    before: u64,
    /// Of asks whose consent is not known yet.
    pub(super) spending: u64,
    /// Of asks that were sent and not cancelled.
    pub(super) asked: u64,
    /// Of pieces that came and are not kept yet.
    pub(super) unsettled: u64,
}

impl Budget {
    pub(super) fn new(limit: u64, piece_size: u32) -> Self {
        let mut budget = Self { limit: 0, before: 0, spending: 0, asked: 0, unsettled: 0 };
        budget.set(limit, piece_size);
        budget
    }

    /// Sets the limit; what is in flight stays so.
    pub(super) fn set(&mut self, limit: u64, piece_size: u32) {
        self.limit = limit.min(IN_FLIGHT_MOST).max(u64::from(piece_size));
        self.before = self.used();
    }

    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// What may be in flight as long as nothing more is asked for.
    pub(super) fn ceiling(&self) -> u64 {
        self.limit.max(self.before)
    }

    pub(super) const fn used(&self) -> u64 {
        self.spending + self.asked + self.unsettled
    }

    /// How many bytes more may be asked for.
    pub(super) const fn room(&self) -> u64 {
        self.limit.saturating_sub(self.used())
    }

    /// Whether all that is in flight waits for this side: for the disk, or for consent.
    pub(super) const fn held(&self) -> bool {
        self.asked == 0 && self.used() > 0
    }
}
