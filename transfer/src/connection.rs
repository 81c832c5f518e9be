//! One connection: a task that reads and a task that writes, over the halves of one stream.
//!
//! Nothing is decided here. The reader gives frames and payload to whoever asks for them, the
//! writer sends what it is given, and the [`Link`] is what the owner of the decisions holds.

mod reader;
mod writer;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::Duration;

use engine::{Ending, Moment};
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout};

use crate::identity::Verdict;

pub(crate) use reader::Reader;
pub(crate) use writer::{Batch, Sent};

/// What the owner of a connection holds of it; dropping it breaks the connection off, once what the
/// reader was told to do is done.
#[derive(Debug)]
pub(crate) struct Link<C> {
    batch: Batch,
    batches: mpsc::UnboundedSender<Batch>,
    commands: mpsc::UnboundedSender<C>,
    writer: Task,
    reader: JoinHandle<()>,
    linger: oneshot::Sender<Infallible>,
}

/// What a reader is told. When there can be no more commands, it reads to the end of the stream, or
/// until `linger` ends.
#[derive(Debug)]
pub(crate) struct Told<C> {
    pub(crate) commands: mpsc::UnboundedReceiver<C>,
    pub(crate) linger: oneshot::Receiver<Infallible>,
}

impl<C> Link<C> {
    /// Starts the tasks.
    pub(crate) fn start<W, S, R>(write: W, sent: S, read: impl FnOnce(Told<C>) -> R) -> Self
    where
        W: AsyncWrite + Unpin + Send + 'static,
        S: Sent,
        R: Future<Output = ()> + Send + 'static,
    {
        let (batches, queue) = mpsc::unbounded_channel();
        let (commands, told) = mpsc::unbounded_channel();
        let (linger, lingers) = oneshot::channel();
        Self {
            batch: Batch::default(),
            batches,
            commands,
            writer: Task(tokio::spawn(writer::run(write, queue, sent))),
            reader: tokio::spawn(read(Told { commands: told, linger: lingers })),
            linger,
        }
    }

    /// What is sent with the next [`Self::flush`].
    pub(crate) const fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Hands over what was put into the batch.
    pub(crate) fn flush(&mut self) {
        if !self.batch.is_empty() {
            // Where the writer is gone, its end was told.
            self.batches.send(std::mem::take(&mut self.batch)).ok();
        }
    }

    /// Tells the reader what to do.
    pub(crate) fn command(&self, command: C) {
        self.commands.send(command).ok();
    }

    /// Ends the connection when everything was sent and the other side has hung up too, or after so
    /// long. Hung up on while it speaks, the other side might not read what was said last.
    pub(crate) async fn hang_up(mut self, within: Duration) {
        self.flush();
        let Self { batches, commands, mut writer, reader, linger, .. } = self;
        drop((batches, commands));
        let both = async {
            (&mut writer.0).await.ok();
            reader.await.ok();
        };
        timeout(within, both).await.ok();
        drop(linger);
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Waits until it panics: for ever, if it does not. May be given up and called again as long as
    /// the task goes on.
    pub(crate) async fn panicked(&mut self) -> JoinError {
        match (&mut self.0).await {
            Ok(()) => pending().await,
            Err(panic) => panic,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the time as the engine knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Moment {
        Moment::START + self.0.elapsed()
    }

    /// When that moment is.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        let far = Duration::from_secs(86_400);
        self.0 + moment.since(Moment::START).min(self.0.elapsed() + far)
    }
}

/// Why a connection broke, as its error tells.
pub(crate) fn broken(error: &io::Error) -> Ending {
    // The caller's handshake is over before the other side has judged its key.
    match Verdict::of(error) {
        Some(Verdict::NotLetIn) => Ending::NotLetIn,
        Some(Verdict::HungUp) => Ending::HungUp,
        _ => Ending::Lost(error.to_string()),
    }
}
