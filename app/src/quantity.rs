//! Sizes and spans of time as people write them: `4GiB`, `256KiB`, `1d`, `90s`.

use std::fmt;
use std::str::FromStr;

/// Why a text is no size or no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// It does not start with a number.
    #[error("`{0}` does not start with a number")]
    Number(String),
    /// The unit is not known.
    #[error("`{found}` is not a unit; use {known}")]
    Unit {
        /// What stands behind the number.
        found: String,
        /// The units that are known.
        known: &'static str,
    },
    /// It is zero, or less than one of what is counted.
    #[error("`{0}` is zero; use 1 at least")]
    Zero(String),
    /// It is more than can be counted.
    #[error("`{0}` is too large")]
    TooLarge(String),
    /// It is more than it may be here.
    #[error("`{found}` is too much here; use {most} at most")]
    AboveLimit {
        /// What was typed.
        found: String,
        /// The most that may be typed.
        most: String,
    },
    /// It is so few bytes a second that whoever waits for them would take it for silence.
    #[error(
        "{} a second {} less than {least} KiB a second; use {least}KiB at least",
        Size(*.0),
        if *.0 == 1 { "is" } else { "are" },
        least = Limit::LEAST >> 10
    )]
    TooSlow(u64),
}

/// A number of bytes, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("byte", 1),
    ("bytes", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, SIZE_UNITS, "B, KiB, MiB, GiB, TiB, KB, MB, GB or TB").map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        verifier::ByteCount(self.0).fmt(f)
    }
}

impl Size {
    /// Reads a size that may be so many bytes at most.
    ///
    /// # Errors
    ///
    /// [`QuantityError`] if it is no size, or above the limit.
    pub fn at_most(text: &str, most: u64) -> Result<Self, QuantityError> {
        let size: Self = text.parse()?;
        if size.0 > most {
            let most = format!("{}TiB", most >> 40);
            return Err(QuantityError::AboveLimit { found: text.trim().to_owned(), most });
        }
        Ok(size)
    }
}

/// The most bytes a second; 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(pub u64);

impl Limit {
    /// The least that a limit may be.
    pub const LEAST: u64 = 4 << 10;

    /// The limit of so many bytes a second, if that may be one.
    ///
    /// # Errors
    ///
    /// [`QuantityError::TooSlow`] from 1 to less than [`Self::LEAST`].
    pub const fn new(bytes: u64) -> Result<Self, QuantityError> {
        match bytes {
            1..Self::LEAST => Err(QuantityError::TooSlow(bytes)),
            _ => Ok(Self(bytes)),
        }
    }
}

impl FromStr for Limit {
    type Err = QuantityError;

    /// Reads a size, with or without `/s` behind it; `none`, `0` and nothing are no limit.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        match text {
            "" | "0" | "none" => Ok(Self(0)),
            _ => {
                let Size(bytes) = text.strip_suffix("/s").unwrap_or(text).parse()?;
                Self::new(bytes)
            }
        }
    }
}

impl fmt::Display for Limit {
    /// As it can be typed again, to the byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        for (unit, bytes) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0.is_multiple_of(bytes) {
                return write!(f, "{}{unit}", self.0 / bytes);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A span of time in whole seconds, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

const SPAN_UNITS: &[(&str, u64)] =
    &[("", 1), ("s", 1), ("m", 60), ("min", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, SPAN_UNITS, "s, m, h, d or w").map(Self)
    }
}

impl Span {
    /// Reads a span that may have so many seconds at most, which are whole days.
    ///
    /// # Errors
    ///
    /// [`QuantityError`] if it is no span, or above the limit.
    pub fn at_most(text: &str, most: u64) -> Result<Self, QuantityError> {
        let span: Self = text.parse()?;
        if span.0 > most {
            let most = format!("{}d", most / 86_400);
            return Err(QuantityError::AboveLimit { found: text.trim().to_owned(), most });
        }
        Ok(span)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.0 / 86_400, self.0 / 3_600 % 24);
        let (minutes, seconds) = (self.0 / 60 % 60, self.0 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {seconds} s"),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            (1, 0, _) => f.write_str("1 day"),
            (_, 0, _) => write!(f, "{days} days"),
            (_, _, _) => write!(f, "{days} d {hours} h"),
        }
    }
}

fn read(text: &str, units: &[(&str, u64)], known: &'static str) -> Result<u64, QuantityError> {
    let text = text.trim();
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits(text));
    if number.is_empty() {
        return Err(QuantityError::Number(text.to_owned()));
    }
    // A fraction counts as far as there are whole ones of what is counted.
    let (fraction, unit) = match rest.strip_prefix('.') {
        Some(rest) if digits(rest) > 0 => rest.split_at(digits(rest)),
        _ => ("", rest),
    };
    let unit = unit.trim();
    let (_, factor) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
        .ok_or_else(|| QuantityError::Unit { found: unit.to_owned(), known })?;
    let whole = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
    match whole.and_then(|whole| whole.checked_add(part(fraction, *factor))) {
        Some(0) => Err(QuantityError::Zero(text.to_owned())),
        Some(value) => Ok(value),
        None => Err(QuantityError::TooLarge(text.to_owned())),
    }
}

/// The part of a unit that the digits behind a decimal point name, rounded down.
fn part(digits: &str, factor: u64) -> u64 {
    let mut part = 0;
    let mut place = u128::from(factor) * PLACES;
    for digit in digits.bytes() {
        place /= 10;
        part += place * u128::from(digit - b'0');
    }
    u64::try_from(part / PLACES).unwrap_or(u64::MAX)
}

/// Keeps the digits behind a decimal point exact: more of them than that count for nothing.
const PLACES: u128 = 1_000_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::{Limit, QuantityError, Size, Span};

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("1", 1),
            ("1000", 1_000),
            ("256KiB", 262_144),
            ("256 kib", 262_144),
            ("1GiB", 1 << 30),
            ("4 GiB", 4 << 30),
            ("2MB", 2_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        assert!(matches!("GiB".parse::<Size>(), Err(QuantityError::Number(_))));
        assert!(matches!("-1".parse::<Size>(), Err(QuantityError::Number(_))));
        assert!(matches!("1 parsec".parse::<Size>(), Err(QuantityError::Unit { .. })));
        for zero in ["0", "0.0MiB", "0.9"] {
            assert!(matches!(zero.parse::<Size>(), Err(QuantityError::Zero(_))), "{zero}");
        }
        assert!(matches!("99999999TiB".parse::<Size>(), Err(QuantityError::TooLarge(_))));
    }

    #[test]
    fn a_size_is_read_as_it_is_printed() {
        for (text, bytes) in [
            ("64.05MiB", 67_161_292),
            ("64.05 MiB", 67_161_292),
            ("1.5 KiB", 1_536),
            ("999 bytes", 999),
            ("1 byte", 1),
            ("0.1GB", 100_000_000),
            ("1.99999999999999999999999999KiB", 2_047),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in [".05MiB", "1.MiB", "1..5MiB", "1.5.5MiB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
        assert_eq!("0s".parse::<Span>().unwrap_err().to_string(), "`0s` is zero; use 1 at least");
    }

    #[test]
    fn limits_are_shown_as_they_can_be_typed() {
        for (text, bytes) in [("none", 0), ("2MiB", 2 << 20), ("4097", 4_097), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse(), Ok(Limit(bytes)), "{text}");
            assert_eq!(Limit(bytes).to_string(), text);
        }
        assert_eq!("64 KiB/s".parse(), Ok(Limit(65_536)));
        assert!("-1".parse::<Limit>().is_err());
    }

    #[test]
    fn a_limit_that_looks_like_silence_is_refused_with_its_value() {
        for (text, said) in [
            ("900", "900 bytes a second are less than 4 KiB a second; use 4KiB at least"),
            ("1", "1 byte a second is less than 4 KiB a second; use 4KiB at least"),
            ("4095/s", "3.9 KiB a second are less than"),
        ] {
            let error = text.parse::<Limit>().unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        assert_eq!("4KiB".parse(), Ok(Limit(Limit::LEAST)));
    }

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, seconds) in [("90s", 90), ("12h", 43_200), ("1d", 86_400), ("5", 5)] {
            assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
        }
        assert!("1y".parse::<Span>().is_err());
    }

    #[test]
    fn what_is_above_a_limit_names_what_may_be_typed() {
        let day = 86_400;
        assert_eq!(Span::at_most("24h", day), Ok(Span(day)));
        let error = Span::at_most("31d", 30 * day).unwrap_err().to_string();
        assert_eq!(error, "`31d` is too much here; use 30d at most");
        let most = (1 << 53) - 1;
        assert_eq!(Size::at_most("8191TiB", most), Ok(Size(8_191 << 40)));
        let error = Size::at_most("9008TiB", most).unwrap_err().to_string();
        assert_eq!(error, "`9008TiB` is too much here; use 8191TiB at most");
    }

    #[test]
    fn people_see_round_numbers() {
        for (bytes, text) in [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_536, "1.5 KiB"),
            (17_160_000, "16.36 MiB"),
            (1 << 30, "1.00 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
        for (seconds, text) in
            [(9, "9 s"), (90, "1 min 30 s"), (86_400, "1 day"), (7_200, "2 h 0 min")]
        {
            assert_eq!(Span(seconds).to_string(), text);
        }
    }
}
