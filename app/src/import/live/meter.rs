//! Rates from bytes and moments.

use std::time::{Duration, Instant};

use super::History;

/// Bytes a second over the last few seconds, in slots of a quarter of a second.
#[derive(Debug, Clone)]
pub struct Meter {
    started: Instant,
    slots: [u64; Self::SLOTS],
    /// The number of the newest slot, counted from the start.
    newest: u64,
}

impl Meter {
    const SLOTS: usize = 20;
    const SLOT: u64 = 250;

    /// Measures from now on.
    pub const fn new(now: Instant) -> Self {
        Self { started: now, slots: [0; Self::SLOTS], newest: 0 }
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// So many bytes came.
    pub fn add(&mut self, bytes: u64, now: Instant) {
        let slot = (self.millis(now) / Self::SLOT).max(self.newest);
        let passed = slot.saturating_sub(self.newest);
        if passed >= Self::SLOTS as u64 {
            self.slots = [0; Self::SLOTS];
        } else {
            for slot in self.newest + 1..=slot {
                *self.place(slot) = 0;
            }
        }
        self.newest = slot;
        let place = self.place(slot);
        *place = place.saturating_add(bytes);
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a remainder by the number of slots names one of them"
    )]
    fn place(&mut self, slot: u64) -> &mut u64 {
        &mut self.slots[(slot % Self::SLOTS as u64) as usize]
    }

    /// Bytes a second.
    pub fn rate(&self, now: Instant) -> u64 {
        let millis = self.millis(now);
        let passed = (millis / Self::SLOT).saturating_sub(self.newest);
        let stale = usize::try_from(passed).unwrap_or(usize::MAX).min(Self::SLOTS);
        // The slots that come next are the oldest ones.
        let next = usize::try_from((self.newest + 1) % Self::SLOTS as u64).unwrap_or(0);
        let slots = self.slots.iter().cycle().skip(next + stale).take(Self::SLOTS - stale);
        let bytes: u64 = slots.sum();
        let window = (Self::SLOTS as u64 - 1) * Self::SLOT + millis % Self::SLOT;
        // In the first moments there is too little to go by.
        let time = window.min(millis).max(2 * Self::SLOT);
        bytes.saturating_mul(1_000) / time
    }
}

/// The rates of a whole import, in so few samples that they fit on a screen.
#[derive(Debug)]
pub(super) struct Record {
    samples: Vec<u64>,
    step: Duration,
    /// When the sample that is being taken began.
    began: Instant,
    bytes: u64,
    /// When bytes were last added.
    last: Instant,
}

impl Record {
    /// The most samples; before there are more, two become one.
    const MOST: usize = 240;
    const STEP: Duration = Duration::from_millis(500);
    /// Bytes are told of after so long at the latest.
    const TOLD: Duration = Duration::from_secs(1);

    pub(super) const fn new(now: Instant) -> Self {
        Self { samples: Vec::new(), step: Self::STEP, began: now, bytes: 0, last: now }
    }

    /// Adds bytes, which came evenly since some were last added, or were told of, if that is long ago.
    pub(super) fn add(&mut self, bytes: u64, now: Instant) {
        if bytes == 0 {
            return;
        }
        self.roll(now);
        let from = now.checked_sub(Self::TOLD).map_or(self.last, |told| told.max(self.last));
        self.last = now.max(self.last);
        let nanos = |from: Instant, to: Instant| to.saturating_duration_since(from).as_nanos();
        let (step, whole) = (self.step.as_nanos().max(1), nanos(from, now));
        let from = if whole < step { now } else { from };
        let (mut end, mut left) = (self.began, bytes);
        for sample in self.samples.iter_mut().rev() {
            let begin = end.checked_sub(self.step).unwrap_or(end);
            let part = u128::from(bytes) * nanos(begin.max(from), end) / whole.max(1);
            if part == 0 {
                break;
            }
            left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
            *sample =
                sample.saturating_add(u64::try_from(part * 1_000_000_000 / step).unwrap_or(0));
            end = begin;
        }
        self.bytes = self.bytes.saturating_add(left);
    }

    /// Ends every sample whose time is over.
    pub(super) fn roll(&mut self, now: Instant) {
        while now.saturating_duration_since(self.began) >= self.step {
            let millis = u64::try_from(self.step.as_millis()).unwrap_or(u64::MAX).max(1);
            self.samples.push(std::mem::take(&mut self.bytes).saturating_mul(1_000) / millis);
            self.began += self.step;
            if self.samples.len() >= Self::MOST {
                let pair = |pair: &[u64]| pair.iter().sum::<u64>() / pair.len().max(1) as u64;
                self.samples = self.samples.chunks(2).map(pair).collect();
                self.step *= 2;
            }
        }
    }

    pub(super) fn history(&self) -> History {
        History { samples: self.samples.as_slice().into(), step: self.step }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Meter, Record};

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut meter = Meter::new(start);
        assert_eq!(meter.rate(at(0)), 0);
        for tenth in 0..100 {
            meter.add(100, at(tenth * 100));
        }
        let rate = meter.rate(at(10_000));
        assert!((950..=1_050).contains(&rate), "{rate}");
        let slower = meter.rate(at(12_000));
        assert!(slower < rate && slower > 0, "{slower}");
        assert_eq!(meter.rate(at(16_000)), 0);
        meter.add(5_000, at(60_000));
        assert!((1_000..=1_100).contains(&meter.rate(at(60_100))));
    }

    #[test]
    fn what_is_told_of_once_a_second_is_spread_over_that_second() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut record = Record::new(start);
        for second in 1..=4 {
            record.add(1_000, at(second * 1_000));
            record.roll(at(second * 1_000 + 100));
        }
        assert_eq!(*record.history().samples, [1_000; 8]);
        // After a pause, no further back than that.
        record.add(1_000, at(9_000));
        let samples = record.history().samples;
        assert_eq!(samples[8..], [0, 0, 0, 0, 0, 0, 0, 0, 1_000, 1_000]);
    }

    #[test]
    fn a_record_of_any_length_stays_small_and_keeps_its_mean() {
        let start = Instant::now();
        let mut record = Record::new(start);
        for second in 0..4_000 {
            record.add(1_000, start + Duration::from_secs(second));
        }
        record.roll(start + Duration::from_secs(4_000));
        let history = record.history();
        assert!(history.samples.len() < Record::MOST);
        assert!(history.samples.len() >= Record::MOST / 2);
        let covered = history.step * u32::try_from(history.samples.len()).unwrap();
        assert!(covered > Duration::from_secs(3_900) && covered <= Duration::from_secs(4_000));
        assert!(history.samples.iter().all(|rate| (900..=1_100).contains(rate)), "{history:?}");
    }
}
