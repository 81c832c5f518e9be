//! The same work on many pieces, on all cores.

use std::sync::{Mutex, PoisonError};

use verifier::PieceIndex;

use crate::error::StoreError;

/// Whether work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    Stop,
}

/// What the threads share.
struct Progress<T, O> {
    next: usize,
    found: Result<Vec<(PieceIndex, T)>, StoreError>,
    on: O,
    is_over: bool,
}

/// Does the work for each of the pieces, on all cores, and begins with the first; `on` hears after
/// each how many are done, and says whether to go on. Gives what came of each that was done, in no
/// order.
///
/// # Errors
///
/// The first failure; nothing more is begun then.
pub(crate) fn each<T: Send>(
    pieces: &[PieceIndex],
    work: impl Fn(PieceIndex) -> Result<T, StoreError> + Sync,
    on: impl FnMut(u32) -> Next + Send,
) -> Result<Vec<(PieceIndex, T)>, StoreError> {
    let progress = Mutex::new(Progress { next: 0, found: Ok(Vec::new()), on, is_over: false });
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || {
        let mut progress = lock();
        let index = pieces.get(progress.next).copied().filter(|_| !progress.is_over);
        progress.next += 1;
        index
    };
    let run = || {
        while let Some(index) = next() {
            let outcome = work(index);
            let Progress { found, on, is_over, .. } = &mut *lock();
            match (outcome, &mut *found) {
                (Ok(came), Ok(all)) => {
                    all.push((index, came));
                    let done = u32::try_from(all.len()).unwrap_or(u32::MAX);
                    // Who said to stop hears nothing more of what others had begun by then.
                    *is_over = *is_over || on(done) == Next::Stop;
                }
                (Err(error), all @ Ok(_)) => {
                    *all = Err(error);
                    *is_over = true;
                }
                (_, Err(_)) => {}
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(run);
        }
        run();
    });
    progress.into_inner().unwrap_or_else(PoisonError::into_inner).found
}
