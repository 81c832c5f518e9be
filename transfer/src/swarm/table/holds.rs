//! What lasts until it is dropped: a seat at the table, and the time this side takes for itself.

use std::sync::Arc;

use tokio::time::Instant;

use crate::picker::Seat;
use crate::swarm::table::Table;

/// A peer at the table; dropped, it leaves and what it was asked is asked of others.
pub(in crate::swarm) struct Seated {
    pub(super) table: Arc<Table>,
    pub(super) seat: Seat,
}

impl Drop for Seated {
    fn drop(&mut self) {
        let mut state = self.table.lock();
        let state = &mut *state;
        if let Some(picker) = &mut state.picker {
            picker.leave(self.seat);
        }
        if let Some(chair) = state.chairs.get_mut(self.seat) {
            chair.seated = false;
            chair.in_vain = chair.in_vain.saturating_add(1);
            chair.asked.clear();
            chair.cancels.clear();
            chair.meter.pause();
        }
        state.wake();
    }
}

/// This side keeps the import waiting.
pub(in crate::swarm) struct Held<'a> {
    pub(super) table: &'a Table,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.table.lock();
        state.held = state.held.saturating_sub(1);
        if state.held == 0 {
            // The peers are not to blame for that time.
            let since = state.held_since;
            state.progress.excuse(since, Instant::now());
        }
    }
}

/// Whether the time that a peer is kept waiting counts against its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::swarm) enum Time {
    /// It does: the rate is limited, and the window should follow.
    Counted,
    /// It does not.
    Free,
}

/// This side keeps a peer waiting.
pub(in crate::swarm) struct Waiting<'a> {
    pub(super) held: Held<'a>,
    pub(super) seat: Seat,
    pub(super) time: Time,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(chair) = self.held.table.lock().chairs.get_mut(self.seat) {
            chair.held = chair.held.saturating_sub(1);
            let now = Instant::now();
            if chair.held == 0 {
                chair.progress.excuse(chair.held_since, now);
            }
            match self.time {
                Time::Counted => chair.meter.add(0, now),
                Time::Free if !chair.asked.is_empty() => chair.meter.resume(now),
                Time::Free => chair.meter.pause(),
            }
        }
    }
}
