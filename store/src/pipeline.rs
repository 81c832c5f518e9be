//! The way of a piece to the disk: one thread writes, one makes durable and acknowledges.
//!
//! Several that write would wait for each other in the file system, which lets one at a time into a
//! file. While a batch is being made durable more is written, and whatever has been written by then is
//! the next batch. So a single piece waits for nobody, and many share one sync.

mod commit;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use app::ports::Landed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use verifier::piece::VerifiedPiece;
use verifier::{Geometry, Sha256};

pub(crate) use commit::{close, fold, settle, write_row};

use crate::error::{At as _, StoreError};
use crate::recovery;
use crate::shared::Shared;
use crate::slot::{Kind, Slot};
use commit::Item;

/// How much may be under way, in KiB.
const ROOM: u32 = 32 << 10;

/// How often it is tried whether a full disk has room again.
const RETRY: Duration = Duration::from_secs(1);

/// The thread, and the queue to it.
#[derive(Debug)]
pub(crate) struct Pipeline {
    shared: Arc<Shared>,
    jobs: Option<Jobs>,
    writes: Option<Sender<Write>>,
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// Writes a piece, and hands it on.
type Write = Box<dyn FnOnce() + Send>;

/// The queue to the thread. Work that is still in it is done before the thread ends, and it ends
/// only when every clone is gone.
#[derive(Debug, Clone)]
pub(crate) struct Jobs(Sender<Job>);

/// What the thread does, in the order in which it was asked.
enum Job {
    Written(Item),
    Exclusive(Box<dyn FnOnce(&Shared) + Send>),
}

/// A piece's artifact, as it was when the piece was to be kept.
#[derive(Clone, Copy)]
struct Admitted {
    artifact: Sha256,
    life: u64,
    geometry: Geometry,
}

impl Pipeline {
    /// Starts the thread.
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self, StoreError> {
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work).at(&shared.layout.store())
        };
        let (jobs, queue) = mpsc::channel();
        let committer = Arc::clone(&shared);
        let commit = start("store-commit", Box::new(move || run(&committer, &queue)))?;
        let (writes, written) = mpsc::channel::<Write>();
        let write = Box::new(move || written.into_iter().for_each(|write| write()));
        let threads = vec![start("store-write", write)?, commit];
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Ok(Self { shared, jobs: Some(Jobs(jobs)), writes: Some(writes), room, threads })
    }

    /// Keeps a piece; done when it is durable. While the disk is full, it waits.
    ///
    /// Dropping the future takes back nothing that was written already.
    pub(crate) async fn keep(
        &self,
        artifact: Sha256,
        piece: VerifiedPiece,
    ) -> Result<(), StoreError> {
        let length = piece.bytes().len();
        let kibibytes = u32::try_from(length.div_ceil(1 << 10)).unwrap_or(ROOM).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(kibibytes);
        let room = Arc::new(room.await.map_err(|_| StoreError::Closed)?);
        loop {
            match self.try_to_keep(artifact, &piece, &room).await {
                Err(StoreError::Full { path, .. }) => self.wait_for_room(artifact, &path).await,
                outcome => {
                    let waited = self.shared.catalogue().waiting.remove(&artifact);
                    self.shared.tell((waited && outcome.is_ok()).then_some(Landed::Room(artifact)));
                    return outcome;
                }
            }
        }
    }

    async fn try_to_keep(
        &self,
        artifact: Sha256,
        piece: &VerifiedPiece,
        room: &Arc<OwnedSemaphorePermit>,
    ) -> Result<(), StoreError> {
        let Some(admitted) = self.admitted(artifact, piece)? else { return Ok(()) };
        let slot = self.slot(admitted).await?;
        let (jobs, piece, room) = (self.jobs()?.clone(), piece.clone(), Arc::clone(room));
        let (done, kept) = oneshot::channel();
        let work = move || {
            let _room = room;
            let address = blake3::hash(piece.bytes());
            if let Err(error) = slot.write(piece.index(), piece.bytes(), &address) {
                return drop(done.send(Err(error)));
            }
            let (life, index, source) = (admitted.life, piece.index(), piece.source());
            // Whoever waits is told by its end going away.
            drop(jobs.send(Job::Written(Item { artifact, life, index, source, slot, done })));
        };
        let writes = self.writes.as_ref().ok_or(StoreError::Closed)?;
        writes.send(Box::new(work)).map_err(|_| StoreError::Closed)?;
        kept.await.map_err(|_| StoreError::Closed)?
    }

    /// The artifact of a piece that is to be kept; `None` if it is kept already.
    fn admitted(
        &self,
        artifact: Sha256,
        piece: &VerifiedPiece,
    ) -> Result<Option<Admitted>, StoreError> {
        let catalogue = self.shared.catalogue();
        let entry = catalogue.artifacts.get(&artifact).filter(|entry| entry.lease.is_some());
        let entry = entry.ok_or(StoreError::NotReserved(artifact))?;
        let (life, geometry) = (entry.life, entry.known.geometry);
        Ok((!entry.have.contains(piece.index())).then_some(Admitted { artifact, life, geometry }))
    }

    /// The artifact's file, which is made, or made writable, if need be.
    async fn slot(&self, admitted: Admitted) -> Result<Arc<Slot>, StoreError> {
        let Admitted { artifact, geometry, .. } = admitted;
        match self.shared.slots.get(artifact, &geometry)? {
            Some(slot) if slot.kind == Kind::Part => Ok(slot),
            _ => self.exclusive(move |shared| shared.slots.make(artifact, &geometry)).await?,
        }
    }

    async fn wait_for_room(&self, artifact: Sha256, full: &Path) {
        let came = self.shared.room.notified();
        self.shared.catalogue().waiting.insert(artifact);
        let library = self.shared.layout.store();
        let place =
            if full.starts_with(&library) { &library } else { full.parent().unwrap_or(full) };
        let place = place.into();
        self.shared.tell([Landed::Full { artifact, place }]);
        tokio::select! {
            () = came => {}
            () = tokio::time::sleep(RETRY) => {}
        }
    }

    /// Does work between two batches: nothing is made durable, and nothing is moved or removed,
    /// meanwhile.
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
        (self.writes, self.jobs) = (None, None);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended early");
            }
        }
    }
}

/// Works until nobody can ask any more.
fn run(shared: &Shared, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let (mut items, mut next) = (Vec::new(), Some(first));
        while let Some(job) = next {
            match job {
                Job::Written(item) => items.push(item),
                Job::Exclusive(work) => {
                    commit::commit(shared, std::mem::take(&mut items));
                    recovery::come_back(shared);
                    commit::write_marks(shared);
                    work(shared);
                }
            }
            next = queue.try_recv().ok();
        }
        commit::commit(shared, items);
    }
    close(shared);
}
