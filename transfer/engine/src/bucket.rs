//! A limit on bytes a second.

use std::time::Duration;

use crate::limits::Rate;
use crate::moment::Moment;

/// Lets a number of bytes through a second, and a quarter of a second's worth at once.
///
/// What passes in any ten seconds is within 5 % of the rate, from the first second on, as long as
/// bytes are taken by an eighth of a second's worth ([`Bucket::portion`]) and no moment that was
/// named is missed by more than an eighth of a second.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    /// Bytes that may pass, times a million; less than nothing if more has passed than might.
    level: i128,
    at: Moment,
}

impl Bucket {
    /// How much is saved up while nothing passes.
    const BURST: Duration = Duration::from_millis(250);
    const SECOND: i128 = 1_000_000;

    /// A bucket that has saved up what it may.
    pub fn new(rate: Rate, now: Moment) -> Self {
        let mut bucket = Self { rate, level: 0, at: now };
        bucket.level = bucket.most().unwrap_or(0);
        bucket
    }

    /// Sets another rate; what has passed already counts at the new one.
    pub fn set(&mut self, rate: Rate, now: Moment) {
        self.refill(now);
        self.rate = rate;
        self.level = self.most().map_or(0, |most| self.level.min(most));
    }

    /// How many bytes are moved at a time, so that they flow evenly to `sharers`; nothing if there
    /// is no limit.
    pub fn portion(&self, sharers: u32) -> Option<u32> {
        let bytes = self.rate?.get() / 8 / u64::from(sharers.max(1));
        Some(u32::try_from(bytes).unwrap_or(u32::MAX))
    }

    /// When so many bytes may pass: `now` or later. More than the bucket holds pass when it is
    /// full, and are paid for afterwards.
    pub fn when(&self, bytes: u32, now: Moment) -> Moment {
        let mut filled = self.clone();
        filled.refill(now);
        let (Some(rate), Some(most)) = (filled.rate, filled.most()) else { return now };
        let lacking = (i128::from(bytes) * Self::SECOND).min(most) - filled.level;
        if lacking <= 0 {
            return now;
        }
        let rate = i128::from(rate.get());
        let micros = (lacking + rate - 1) / rate;
        filled.at + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    ///
    /// When they may pass, if that is later than now; then none are taken.
    pub fn take(&mut self, bytes: u32, now: Moment) -> Result<(), Moment> {
        let when = self.when(bytes, now);
        if when > now {
            return Err(when);
        }
        self.refill(now);
        if self.rate.is_some() {
            self.level -= i128::from(bytes) * Self::SECOND;
        }
        Ok(())
    }

    /// Whether it has saved up all that it may, so that a new one would do the same.
    pub fn is_full(&self, now: Moment) -> bool {
        let mut filled = self.clone();
        filled.refill(now);
        filled.most().is_none_or(|most| filled.level >= most)
    }

    fn refill(&mut self, now: Moment) {
        let (Some(rate), Some(most)) = (self.rate, self.most()) else {
            self.at = self.at.max(now);
            return;
        };
        let gained = i128::from(rate.get()) * micros(now.since(self.at));
        self.level = (self.level + gained).min(most);
        self.at = self.at.max(now);
    }

    /// The most that is saved up; nothing if there is no limit.
    fn most(&self) -> Option<i128> {
        // A byte at least, so that the lowest rate lets something through.
        Some((i128::from(self.rate?.get()) * micros(Self::BURST)).max(Self::SECOND))
    }
}

fn micros(time: Duration) -> i128 {
    i128::try_from(time.as_micros()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use super::Bucket;
    use crate::moment::Moment;

    /// Takes all that passes until `end`, each wake-up `late` after it was promised.
    fn pass(bucket: &mut Bucket, bytes: u32, from: Moment, end: Moment, late: Duration) -> u64 {
        let (mut now, mut passed) = (from, 0);
        while now < end {
            match bucket.take(bytes, now) {
                Ok(()) => passed += u64::from(bytes),
                Err(when) => now = when + late,
            }
        }
        passed
    }

    fn at(millis: u64) -> Moment {
        Moment::START + Duration::from_millis(millis)
    }

    fn assert_about(passed: u64, expected: u64) {
        assert!(passed.abs_diff(expected) * 20 <= expected, "{passed} instead of {expected}");
    }

    #[test]
    fn a_rate_is_held_within_a_twentieth_over_ten_seconds_from_the_first_one_on() {
        for rate in [4 << 10, 100_000, 8 << 20, 1 << 30] {
            for late in [0, 2, 50].map(Duration::from_millis) {
                for idle in [0, 5_000] {
                    let mut bucket = Bucket::new(NonZeroU64::new(rate), at(0));
                    let bytes = bucket.portion(1).unwrap().clamp(512, 256 << 10);
                    let passed = pass(&mut bucket, bytes, at(idle), at(idle + 10_000), late);
                    assert_about(passed, 10 * rate);
                    let passed =
                        pass(&mut bucket, bytes, at(idle + 10_000), at(idle + 20_000), late);
                    assert_about(passed, 10 * rate);
                }
            }
        }
    }

    #[test]
    fn a_rate_can_be_changed_and_lifted_while_bytes_wait() {
        let mut bucket = Bucket::new(NonZeroU64::new(1_000), at(0));
        assert_eq!(bucket.take(100_000, at(0)), Ok(()), "more than it holds, when it is full");
        let later = bucket.take(1, at(0)).unwrap_err();
        assert!(later > at(99_000), "{later:?}");
        bucket.set(NonZeroU64::new(100_000), at(0));
        let sooner = bucket.take(1, at(0)).unwrap_err();
        assert!(sooner > at(900) && sooner < at(1_100), "{sooner:?}");
        bucket.set(None, at(0));
        assert_eq!(bucket.take(u32::MAX, at(0)), Ok(()));
        bucket.set(NonZeroU64::new(100_000), at(0));
        assert_about(pass(&mut bucket, 5_000, at(0), at(10_000), Duration::ZERO), 1_000_000);
    }

    #[test]
    fn a_moment_that_is_named_is_kept() {
        let mut bucket = Bucket::new(NonZeroU64::new(3), at(0));
        let mut now = at(0);
        for _ in 0..100 {
            if let Err(when) = bucket.take(2, now) {
                now = when;
                assert_eq!(bucket.take(2, now), Ok(()));
            }
        }
    }
}
