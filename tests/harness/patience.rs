//! Waiting for what must happen soon, without guessing how soon.

use std::time::{Duration, Instant};

/// After so long something that must happen has not happened.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see.
///
/// # Panics
///
/// If there is nothing within the deadline.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < DEADLINE, "waited too long until {what}");
        std::thread::sleep(GLANCE);
    }
}
