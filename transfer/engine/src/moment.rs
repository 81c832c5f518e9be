//! Time as the engine knows it.

use std::ops::Add;
use std::time::Duration;

/// A point in time: microseconds since some moment that the caller chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment that the caller chose.
    pub const START: Self = Self(0);

    /// So many microseconds after [`Self::START`].
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since [`Self::START`].
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// For how long it has been since `earlier`; nothing if that is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The latest moment there is, where the sum would be later.
impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}
