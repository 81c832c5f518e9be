//! How fast a peer is, and how much it may owe.

use std::time::Duration;

use crate::moment::Moment;

/// Fewer bytes a second than this are nothing, unless the limits in force allow little more.
const FLOOR: u64 = 1 << 10;
/// After how long below the floor a peer is snubbed.
pub(super) const SNUB: Duration = Duration::from_secs(4);
/// The seconds' worth of the floor that have to come in that time: one less, since bytes come in
/// lumps.
pub(super) const LUMPS: u64 = 3;

/// The floor under a download limit that is shared by so many peers.
pub(super) fn floor(download: Option<u64>, owing: u64) -> u64 {
    download.map_or(FLOOR, |limit| (limit / owing.saturating_mul(2).max(10)).clamp(1, FLOOR))
}

/// How many bytes come in that time.
pub(super) fn within(rate: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_micros() / 1_000_000).unwrap_or(u64::MAX)
}

/// When enough last came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) since: Moment,
    bytes: u64,
}

impl Flow {
    pub(super) const fn new(now: Moment) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Bytes came; `least` of them are enough.
    pub(super) const fn add(&mut self, bytes: u32, least: u64, now: Moment) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes >= least {
            *self = Self::new(now);
        }
    }
}

/// How fast bytes came over the last second or two, not counting time in which none were awaited.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    now: Part,
    before: Part,
    mark: Option<Moment>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    bytes: u64,
    micros: u64,
}

impl Meter {
    const PART: u64 = 1_000_000;
    /// Under this time, in microseconds, there is nothing to go by.
    const LEAST: u64 = 2_000;

    /// Bytes are awaited from now on.
    pub(super) const fn resume(&mut self, now: Moment) {
        self.mark = Some(now);
    }

    /// No bytes are awaited from now on.
    pub(super) const fn pause(&mut self) {
        self.mark = None;
    }

    /// Bytes came.
    pub(super) fn add(&mut self, bytes: u32, now: Moment) {
        self.now.bytes += u64::from(bytes);
        self.now.micros += self.silent(now);
        self.mark = Some(now);
        if self.now.micros >= Self::PART {
            self.before = std::mem::take(&mut self.now);
        }
    }

    /// Bytes a second; nothing while there is too little to go by.
    pub(super) fn rate(&self, now: Moment) -> Option<u64> {
        let bytes = u128::from(self.now.bytes + self.before.bytes);
        let time = self.now.micros + self.before.micros + self.silent(now);
        if time < Self::LEAST || bytes == 0 {
            return None;
        }
        u64::try_from(bytes * 1_000_000 / u128::from(time)).ok()
    }

    fn silent(&self, now: Moment) -> u64 {
        self.mark.map_or(0, |mark| now.as_micros().saturating_sub(mark.as_micros()))
    }
}

/// How many bytes a peer may owe, but for what all peers share.
///
/// It opens wide, grows with each piece as long as that makes the peer faster, and then follows
/// its rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    bytes: u64,
    growth: Option<Growth>,
}

/// The last window's worth of bytes while a window grows.
#[derive(Debug, Clone, Copy)]
struct Growth {
    since: Moment,
    came: u64,
    goal: u64,
    rate: u64,
}

impl Window {
    /// What is asked of a peer of which nothing is known, unless pieces are larger.
    const FIRST: u64 = 4 << 20;
    /// For how long a peer sends what it may owe at least: no longer than is needed, so that what lands
    /// elsewhere meanwhile can be had there. Four times the round trip, where that is more.
    const AHEAD: Duration = Duration::from_secs(1);
    /// The most bytes of that. What waits on the way to a fast peer's importer costs both of them
    /// processor time, since it has left the caches when it is looked at.
    const AHEAD_MOST: u64 = Self::FIRST;

    pub(super) fn new(piece_size: u32, now: Moment) -> Self {
        let bytes = Self::FIRST.max(2 * u64::from(piece_size));
        Self { bytes, growth: Some(Growth { since: now, came: 0, goal: bytes, rate: 0 }) }
    }

    /// A piece came.
    pub(super) fn arrived(&mut self, length: u32, now: Moment) {
        let Some(growth) = &mut self.growth else { return };
        let length = u64::from(length);
        growth.came += length;
        self.bytes += length;
        if growth.came < growth.goal {
            return;
        }
        let micros = now.since(growth.since).as_micros().max(1);
        let rate = u128::from(growth.came) * 1_000_000 / micros;
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        self.growth = (rate > growth.rate.saturating_add(growth.rate / 10)).then_some(Growth {
            since: now,
            came: 0,
            goal: self.bytes,
            rate,
        });
    }

    /// How many bytes may be owed by a peer that begins to answer after `latency`.
    pub(super) fn bytes(&self, rate: Option<u64>, latency: Duration, piece_size: u32) -> u64 {
        match (self.growth, rate) {
            (None, Some(rate)) => {
                let ahead = within(rate, Self::AHEAD).min(Self::AHEAD_MOST);
                within(rate, latency * 4).max(ahead).max(2 * u64::from(piece_size))
            }
            _ => self.bytes,
        }
    }
}
