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
    /// Whether the first caller's turn has begun.
    begun: bool,
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
            self.begun &= self.first() != Some(caller);
            self.order.retain(|other| *other != caller);
        }
    }

    /// Forgets what was saved up, because the limits were others then.
    pub(super) fn even_out(&mut self) {
        self.begun = false;
        self.credit.values_mut().for_each(|credit| *credit = 0);
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<Caller> {
        self.order.front().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether the first caller may be sent so many bytes in this turn, which adds `quantum`.
    pub(super) fn affords(&mut self, bytes: u32, quantum: u32) -> bool {
        let begins = !std::mem::replace(&mut self.begun, true);
        let Some(credit) = self.first().and_then(|first| self.credit.get_mut(&first)) else {
            return false;
        };
        if begins {
            *credit = credit.saturating_add(quantum);
        }
        *credit >= bytes
    }

    /// The first caller was sent so many bytes.
    pub(super) fn spend(&mut self, bytes: u32) {
        if let Some(credit) = self.first().and_then(|first| self.credit.get_mut(&first)) {
            *credit = credit.saturating_sub(bytes);
        }
    }

    /// Ends the first caller's turn.
    pub(super) fn pass(&mut self) {
        self.begun = false;
        let first = self.order.pop_front();
        self.order.extend(first);
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let is_right = self.order.len() == self.credit.len()
            && self.order.iter().all(|caller| self.credit.contains_key(caller));
        is_right.then_some(()).ok_or_else(|| format!("turns are wrong: {self:?}"))
    }
}
