//! The time of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ports::Clock;
use verifier::scalars::UtcTime;

/// Reads the system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UtcTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        UtcTime::from_unix(since.as_secs())
    }
}
