//! Taking turns: scenarios run in parallel, but few at a time.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many scenarios may run at a time; each starts several processes that hash and write, and
/// waits for most of its time.
const AT_ONCE: usize = 4;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// A scenario's turn, given on when it is dropped.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Waits until it is this scenario's turn.
    pub fn take() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = ENDED
            .wait_while(running, |running| *running >= AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}
