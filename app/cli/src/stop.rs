//! Work that ends early when it is wished that the program end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::Fault;

/// Does the work, unless it is wished that the program end before it is done, which `wished` says;
/// then the work is dropped.
///
/// # Errors
///
/// The work's own [`Fault`]; or one that says that `what` was stopped, with that advice.
pub async fn unless_stopped<T>(
    wished: impl Future<Output = ()>,
    what: &str,
    advice: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        outcome = work => outcome,
        () = wished => Err(Fault::stopped(what, advice)),
    }
}

/// Tells a thread that works when nobody waits for it any more: when this is dropped.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// What the thread asks, again and again, whether to go on.
    pub fn asker(&self) -> impl Fn() -> ControlFlow<()> + Send + Sync + use<> {
        let is_over = Arc::clone(&self.0);
        move || match is_over.load(Ordering::Relaxed) {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
