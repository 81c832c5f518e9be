//! The way of a piece to the disk: one thread writes, one makes durable and acknowledges.
//!
//! While a batch is being made durable the next one is written, and whatever has been written by
//! then is the next batch. So a single piece waits for nobody, and many share one sync.

mod commit;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use verifier::Sha256;
use verifier::piece::VerifiedPiece;

use crate::error::{At as _, StoreError};
use crate::pack::Appender;
use crate::shared::Shared;

/// How much may be under way, in KiB.
const ROOM: u32 = 32 << 10;

/// From this size on a piece is hashed on another thread than the one that polls, in bytes.
const HASH_ASIDE: usize = 32 << 10;

/// The two threads, and the queue to them.
#[derive(Debug)]
pub(crate) struct Pipeline {
    jobs: Option<Jobs>,
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// The queue to the writer. Work that is still in it is done before the threads end, and they end
/// only when every clone is gone.
#[derive(Debug, Clone)]
pub(crate) struct Jobs(Sender<Job>);

/// What the writer does, in the order in which it was asked.
enum Job {
    Keep(Keep),
    Exclusive(Box<dyn FnOnce(&Shared) + Send>),
}

/// A piece to be kept.
struct Keep {
    artifact: Sha256,
    piece: VerifiedPiece,
    address: [u8; 32],
    waiter: Waiter,
}

/// Who waits for a piece, and its share of the room.
struct Waiter {
    done: oneshot::Sender<Result<(), StoreError>>,
    _room: OwnedSemaphorePermit,
}

impl Waiter {
    fn tell(self, outcome: Result<(), StoreError>) {
        // Whoever stopped waiting still has the piece kept.
        drop(self.done.send(outcome));
    }
}

impl Pipeline {
    /// Starts the threads.
    pub(crate) fn start(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let newest = shared.packs.numbers()?.last().copied();
        let appender = Appender::new(shared.layout.clone(), newest)?;
        let (jobs, queue) = mpsc::channel();
        let (written, batches) = mpsc::channel();
        let here = shared.layout.store();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let committer = Arc::clone(shared);
        let committing =
            thread("store-commit").spawn(move || commit::run(&committer, &batches)).at(&here)?;
        let writer = Arc::clone(shared);
        let writing = thread("store-write")
            .spawn(move || writer::Writer::new(writer, appender, written).run(&queue))
            .at(&here)?;
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Ok(Self { jobs: Some(Jobs(jobs)), room, threads: vec![writing, committing] })
    }

    /// Keeps a piece; done when it is durable. Dropping the future does not take it back.
    pub(crate) async fn keep(
        &self,
        artifact: Sha256,
        piece: VerifiedPiece,
    ) -> Result<(), StoreError> {
        let length = piece.bytes().len();
        let kibibytes = u32::try_from(length.div_ceil(1 << 10)).unwrap_or(ROOM).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(kibibytes);
        let room = room.await.map_err(|_| StoreError::Closed)?;
        let address = if length < HASH_ASIDE {
            *blake3::hash(piece.bytes()).as_bytes()
        } else {
            let bytes = piece.bytes().clone();
            let hash = tokio::task::spawn_blocking(move || *blake3::hash(&bytes).as_bytes());
            hash.await.map_err(|_| StoreError::Closed)?
        };
        let (done, kept) = oneshot::channel();
        let waiter = Waiter { done, _room: room };
        self.jobs()?.send(Job::Keep(Keep { artifact, piece, address, waiter }))?;
        kept.await.map_err(|_| StoreError::Closed)?
    }

    /// Does work between two batches: everything asked before is durable, and nothing is written
    /// until the work is done.
    pub(crate) async fn exclusive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.jobs()?.exclusive(work)?.await.map_err(|_| StoreError::Closed)
    }

    /// The queue, for work that is asked for on another thread.
    pub(crate) fn jobs(&self) -> Result<&Jobs, StoreError> {
        self.jobs.as_ref().ok_or(StoreError::Closed)
    }
}

impl Jobs {
    /// Asks for the work of [`Pipeline::exclusive`]; it is done also if nobody waits for it.
    pub(crate) fn exclusive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.send(Job::Exclusive(Box::new(move |shared| drop(done.send(work(shared))))))?;
        Ok(outcome)
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.0.send(job).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended early");
            }
        }
    }
}
