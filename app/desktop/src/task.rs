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

use std::path::PathBuf;
use std::time::{Duration, Instant};

use app::blame::IO_FAILED;
use app::problem::{Problem, chain};
use futures::SinkExt as _;
use futures::channel::mpsc;
use iced::Task;
use tokio::sync::oneshot;

/// How long the desktop may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// How often work says how far it is, at most.
const INTERVAL: Duration = Duration::from_millis(50);

/// Does work that says how far it is and, at its end, its outcome if there is one.
pub(crate) fn reporting<M, F>(work: impl FnOnce(Report<M>) -> F + Send + 'static) -> Task<M>
where
    M: Send + 'static,
    F: Future<Output = Option<M>> + Send + 'static,
{
    let (mut out, heard) = mpsc::channel(1);
    let report = Report { out: out.clone(), said: None };
    let doing = async move {
        if let Some(last) = work(report).await {
            // A window that is gone hears nothing.
            let _gone = out.send(last).await;
        }
    };
    Task::batch([Task::future(doing).discard(), Task::stream(heard)])
}

/// Does the work unless `stop` is fired, or its other end dropped, before it is done.
pub(crate) async fn unless<T>(
    stop: oneshot::Receiver<()>,
    work: impl Future<Output = T> + Send,
) -> Option<T> {
    tokio::select! {
        biased;
        _ = stop => None,
        outcome = work => Some(outcome),
    }
}

/// How work says how far it is.
#[derive(Debug)]
pub(crate) struct Report<M> {
    out: mpsc::Sender<M>,
    said: Option<Instant>,
}

impl<M> Clone for Report<M> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), said: self.said }
    }
}

impl<M> Report<M> {
    /// Says it, unless something was said a moment ago or the last is not heard yet.
    pub(crate) fn say(&mut self, message: M) {
        let now = Instant::now();
        if self.said.is_some_and(|said| now.duration_since(said) < INTERVAL) {
            return;
        }
        if self.out.try_send(message).is_ok() {
            self.said = Some(now);
        }
    }
}

/// The folder that imports go to: the one that is set, else the downloads folder of the account,
/// else its home; `None` where the account has neither. Reads files, so not for the window's thread.
pub(crate) fn imports(set: Option<PathBuf>) -> Option<PathBuf> {
    set.or_else(|| {
        let dirs = directories::UserDirs::new()?;
        Some(dirs.download_dir().unwrap_or(dirs.home_dir()).to_owned())
    })
}

/// Shows a file in the desktop's file manager, if there is one that answers.
pub(crate) async fn reveal(path: PathBuf) -> Result<(), Problem> {
    let advice = "Copy the path, and go there yourself.";
    let shown = blocking(move || {
        opener::reveal(&path).map_err(|error| Problem::new(IO_FAILED, chain(&error), advice))
    });
    tokio::time::timeout(PATIENCE, shown).await.unwrap_or_else(|_| {
        Err(Problem::new(IO_FAILED, "the desktop did not answer in ten seconds", advice))
    })
}
