//! Work in, messages out: the only place that starts work.
//!
//! Work runs on the threads of the runtime, never on the window's; what blocks runs on threads
//! that are there for it.

pub mod activity;
pub mod bench;
pub mod import;
pub mod library;
pub mod peers;
pub mod receipts;
pub mod settings;
pub mod share;
pub mod storage;
pub mod window;

use app::problem::Problem;
use iced::Task;

/// Does some work and tells its outcome once.
pub(crate) fn perform<T, M>(
    work: impl Future<Output = T> + Send + 'static,
    tell: impl Fn(T) -> M + Send + 'static,
) -> Task<M>
where
    T: Send + 'static,
    M: Send + 'static,
{
    Task::perform(work, tell)
}

/// Does what blocks, on a thread that is there for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|join| Problem::machine("the work ended early", &join))?
}

/// What the store says when it fails.
pub(crate) fn store_failed(failure: app::ports::Failure) -> Problem {
    Problem::machine("cannot use the library", failure.as_ref())
}
