//! The days by which checks of pieces are dated.

use std::fmt;

use verifier::scalars::UtcTime;

/// Seconds in a day.
const SECONDS: u64 = 86_400;

/// A day by UTC, from 1970 to 2149; so short because there is one for each piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u16);

impl Day {
    /// The day of a time; the last one there is if it comes later.
    pub fn of(time: UtcTime) -> Self {
        Self(u16::try_from(time.unix() / SECONDS).unwrap_or(u16::MAX))
    }

    /// The day so many days after the first of 1970.
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// How many days it comes after the first of 1970.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// When it begins.
    pub fn start(self) -> UtcTime {
        UtcTime::from_unix(u64::from(self.0) * SECONDS)
    }

    /// How many days ago it was; 0 if it is yet to come.
    pub fn ago(self, now: UtcTime) -> u16 {
        Self::of(now).0.saturating_sub(self.0)
    }
}

impl fmt::Display for Day {
    /// The date: `2026-11-26`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.start().to_string();
        f.write_str(time.split_once('T').map_or(time.as_str(), |(date, _)| date))
    }
}

#[cfg(test)]
mod tests {
    use verifier::scalars::UtcTime;

    use super::Day;

    #[test]
    fn a_day_has_a_number_and_an_age() {
        let noon = UtcTime::parse("2026-11-26T12:00:00Z").unwrap();
        let day = Day::of(noon);
        assert_eq!(day.start().to_string(), "2026-11-26T00:00:00Z");
        assert_eq!(day.to_string(), "2026-11-26");
        assert_eq!(Day::from_number(day.number()), day);
        for (later, days) in [(0, 0), (43_199, 0), (43_200, 1), (3 * 86_400, 3)] {
            assert_eq!(day.ago(noon.plus(later)), days);
        }
        assert_eq!(Day::of(noon.plus(86_400)).ago(noon), 0);
        assert_eq!(Day::of(UtcTime::from_unix(u64::MAX)).number(), u16::MAX);
    }
}
