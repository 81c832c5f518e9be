//! How long a peer is left alone after a connection that ended, and what stands in for chance.

use std::time::Duration;

/// The pause after the first connection that ended.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause before chance, which makes it half a minute at most.
pub(super) const LONGEST: Duration = Duration::from_secs(24);

/// Numbers that follow from a seed (splitmix64).
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number under `end`, or 0.
    pub(super) fn under(&mut self, end: u32) -> u32 {
        let high = (u128::from(self.next()) * u128::from(end)) >> 64;
        u32::try_from(high).unwrap_or(0)
    }

    /// The pause after so many connections that ended in a row, no longer than that but for a quarter
    /// more or less by chance.
    pub(super) fn pause(&mut self, tries: u32, longest: Duration) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(tries.min(16)).unwrap_or(u32::MAX));
        let pause = doubled.min(longest);
        pause * (750 + self.under(501)) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Chance, LONGEST};

    #[test]
    fn pauses_double_up_to_half_a_minute_and_differ_by_a_quarter() {
        let mut chance = Chance::new(7);
        for (tries, millis) in [(0, 500), (1, 1_000), (5, 16_000), (6, 24_000), (400, 24_000)] {
            let expected = Duration::from_millis(millis);
            let pauses: Vec<_> = (0..1_000).map(|_| chance.pause(tries, LONGEST)).collect();
            let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(*least >= expected * 3 / 4 && *most <= expected * 5 / 4, "{least:?} {most:?}");
            assert!(*least < expected * 4 / 5 && *most > expected * 6 / 5, "{least:?} {most:?}");
        }
    }
}
