//! Whom to answer next: callers take turns by bytes, so that peers get the same.

use std::collections::{BTreeMap, VecDeque};

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
}

impl Share {
    pub(super) fn new(rate: Rate, now: Moment) -> Self {
        Self { bucket: Bucket::new(rate, now), connections: 0, wanting: 0 }
    }
}

/// Deficit round robin: each turn adds to what a caller may be sent, and what it was sent is taken
/// off. Who is not ready when its turn comes saves nothing up.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: VecDeque<Caller>,
    credit: BTreeMap<Caller, u32>,
}

impl Turns {
    /// Lets the caller take part, if it does not.
    pub(super) fn enter(&mut self, caller: Caller) {
        self.credit.entry(caller).or_insert_with(|| {
            self.order.push_back(caller);
            0
        });
    }

    pub(super) fn leave(&mut self, caller: Caller) {
        if self.credit.remove(&caller).is_some() {
            self.order.retain(|other| *other != caller);
        }
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<Caller> {
        self.order.front().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether the first caller may be sent so many bytes in this turn.
    pub(super) fn affords(&self, bytes: u32) -> bool {
        self.first().and_then(|first| self.credit.get(&first)).is_some_and(|has| *has >= bytes)
    }

    /// The first caller was sent so many bytes.
    pub(super) fn spend(&mut self, bytes: u32) {
        if let Some(credit) = self.first().and_then(|first| self.credit.get_mut(&first)) {
            *credit = credit.saturating_sub(bytes);
        }
    }

    /// Ends the first caller's turn; it may be sent so much more in its next one.
    pub(super) fn pass(&mut self, more: u32) {
        let Some(first) = self.order.pop_front() else { return };
        self.order.push_back(first);
        if let Some(credit) = self.credit.get_mut(&first) {
            *credit = credit.saturating_add(more);
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let is_right = self.order.len() == self.credit.len()
            && self.order.iter().all(|caller| self.credit.contains_key(caller));
        is_right.then_some(()).ok_or_else(|| format!("turns are wrong: {self:?}"))
    }
}
