//! What a machine's disk and processor take, and how they fill up.

use std::collections::VecDeque;
use std::time::Duration;

use engine::Moment;

use crate::scenario;

/// One disk and one thread that hashes: each does one thing after another.
#[derive(Debug)]
pub(crate) struct Disk {
    is: scenario::Disk,
    written: Moment,
    hashed: Moment,
    /// What waits for room, in order.
    pub(crate) waiting: VecDeque<(u64, u32)>,
    pub(crate) fails: bool,
}

impl Disk {
    pub(crate) const fn new(is: scenario::Disk) -> Self {
        let start = Moment::START;
        Self { is, written: start, hashed: start, waiting: VecDeque::new(), fails: false }
    }

    /// When so many bytes more are written or read.
    pub(crate) fn moved(&mut self, bytes: u64, now: Moment) -> Moment {
        self.written = self.written.max(now) + self.is.each + taking(bytes, self.is.rate);
        self.written
    }

    /// When so many bytes more are hashed.
    pub(crate) fn hashed(&mut self, bytes: u64, now: Moment) -> Moment {
        self.hashed = self.hashed.max(now) + taking(bytes, self.is.hash);
        self.hashed
    }

    /// Takes room, if there is enough of it.
    pub(crate) const fn takes(&mut self, bytes: u64) -> bool {
        match &mut self.is.room {
            Some(room) if *room < bytes => false,
            Some(room) => {
                *room -= bytes;
                true
            }
            None => true,
        }
    }

    pub(crate) const fn has_room(&mut self, room: Option<u64>) {
        self.is.room = room;
    }
}

fn taking(bytes: u64, rate: u64) -> Duration {
    match rate {
        0 => Duration::ZERO,
        rate => Duration::from_micros(bytes.saturating_mul(1_000_000) / rate),
    }
}
