//! Times: to the second, in UTC, from 1970.

use std::fmt;

use super::{Kind, ScalarError};

/// Seconds in a day.
const DAY: u64 = 86_400;

/// A UTC time from 1970 to 9999, to the second; shown as `2026-01-31T23:59:59Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(u64);

impl UtcTime {
    /// The last second that the text form can show, 9999-12-31T23:59:59Z.
    const MAX: u64 = 253_402_300_799;

    /// The time that lies `seconds` after 1970; past the last one that can be shown, that one.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(if seconds > Self::MAX { Self::MAX } else { seconds })
    }

    /// Seconds since 1970.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// The time `seconds` later.
    pub const fn plus(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// The time `seconds` earlier; before 1970, that.
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this time; 0 if this one is the earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`ScalarError`] if the text is not a real date and time of that form, from 1970.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        Self::read(text).ok_or_else(|| ScalarError::new(Kind::Time, text))
    }

    fn read(text: &str) -> Option<Self> {
        let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
        for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')] {
            if bytes.get(at) != Some(&mark) {
                return None;
            }
        }
        let number = |from: usize, to: usize| -> Option<u64> {
            let digits = bytes.get(from..to)?;
            digits.iter().try_fold(0, |sum, byte| {
                byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
            })
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let real = year >= 1970
            && (1..=12).contains(&month)
            && day >= 1
            && day <= days_in_month(year, month)
            && hour <= 23
            && minute <= 59
            && second <= 59;
        if !real {
            return None;
        }
        let days = (1970..year).map(days_in_year).sum::<u64>()
            + (1..month).map(|m| days_in_month(year, m)).sum::<u64>()
            + day
            - 1;
        Some(Self(days * DAY + hour * 3600 + minute * 60 + second))
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, rest) = (self.0 / DAY, self.0 % DAY);
        let mut year = 1970;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", days + 1)
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}
