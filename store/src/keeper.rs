//! The one thread that writes pieces: bytes, then fsync, then index, then the answer.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use verifier::piece::{Source, VerifiedPiece};
use verifier::{PieceIndex, Sha256};

use crate::core::Core;
use crate::error::StoreError;
use crate::index::{Changes, KeptRow, Key, PieceRow};
use crate::pack::{Address, Appender, HEADER, Label};

/// A batch is made durable when it has this many bytes …
const BATCH_BYTES: u64 = 4 << 20;
/// … or is this old …
const BATCH_AGE: Duration = Duration::from_millis(250);
/// … or when nothing more has come for this long.
const BATCH_PAUSE: Duration = Duration::from_millis(10);

/// A piece on its way into the store.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) artifact: Sha256,
    pub(crate) piece: VerifiedPiece,
    pub(crate) done: oneshot::Sender<Result<(), Arc<StoreError>>>,
    /// The bytes' share of the queue's limit, given back when the job is done.
    pub(crate) _room: OwnedSemaphorePermit,
}

impl Job {
    fn answer(self, outcome: Result<(), Arc<StoreError>>) {
        // Whoever asked may have gone away; the piece is kept all the same.
        drop(self.done.send(outcome));
    }
}

/// Takes jobs until nobody can send any more.
pub(crate) fn run(core: &Core, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = Batch::new(core);
        batch.add(first);
        while batch.wants_more() {
            match jobs.recv_timeout(BATCH_PAUSE) {
                Ok(job) => batch.add(job),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        batch.commit();
    }
}

/// Pieces that become durable together.
struct Batch<'a> {
    core: &'a Core,
    _writing: MutexGuard<'a, ()>,
    begun: Instant,
    bytes: u64,
    jobs: Vec<Job>,
    changes: Changes,
    rows: HashMap<Address, PieceRow>,
    fresh: Vec<PieceRow>,
    added: Vec<(Sha256, PieceIndex)>,
    failed: Option<StoreError>,
}

impl<'a> Batch<'a> {
    fn new(core: &'a Core) -> Self {
        Self {
            core,
            _writing: core.writing(),
            begun: Instant::now(),
            bytes: 0,
            jobs: Vec::new(),
            changes: Changes::default(),
            rows: HashMap::new(),
            fresh: Vec::new(),
            added: Vec::new(),
            failed: None,
        }
    }

    fn wants_more(&self) -> bool {
        self.failed.is_none() && self.bytes < BATCH_BYTES && self.begun.elapsed() < BATCH_AGE
    }

    fn add(&mut self, job: Job) {
        if self.failed.is_none()
            && let Err(error) = self.write(job.artifact, &job.piece)
        {
            self.failed = Some(error);
        }
        self.jobs.push(job);
    }

    fn write(&mut self, artifact: Sha256, piece: &VerifiedPiece) -> Result<(), StoreError> {
        let index = piece.index();
        let (algorithm, has) = {
            let catalogue = self.core.catalogue();
            let entry = catalogue.artifacts.get(&artifact).ok_or(StoreError::Unknown)?;
            (entry.root.algorithm(), entry.have.contains(index))
        };
        if has || self.added.contains(&(artifact, index)) {
            return Ok(());
        }
        let bytes = piece.bytes();
        let address = Address::of(bytes);
        let known = match self.rows.get(&address) {
            Some(row) => Some(*row),
            None => self.core.index.value::<PieceRow>(Key::Piece(address))?,
        };
        let row = match known {
            Some(row) => row.wanted(),
            None => {
                let length = u32::try_from(bytes.len()).map_err(|_| StoreError::Index)?;
                let label = Label { algorithm, digest: piece.digest(), address, length };
                let place = self.core.append(&label, bytes)?;
                let row = PieceRow::new(place, 1);
                self.fresh.push(row);
                row
            }
        };
        self.rows.insert(address, row);
        self.changes.put(Key::Piece(address), &row)?;
        self.changes.put(Key::Digest(algorithm, piece.digest()), &address.0)?;
        let source = match piece.source() {
            Source::Local => None,
            Source::Peer(peer) => Some(*peer.public_key().as_bytes()),
        };
        let kept = KeptRow { address: address.0, source };
        self.changes.put(Key::Kept(artifact, index.get()), &kept)?;
        self.changes.remove(Key::Corrupt(artifact, index.get()));
        self.added.push((artifact, index));
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn commit(self) {
        let Self { core, jobs, changes, fresh, added, failed, .. } = self;
        let outcome = match failed {
            Some(error) => Err(error),
            None => core.make_durable(changes),
        };
        match outcome {
            Ok(()) => {
                let mut catalogue = core.catalogue();
                for row in fresh {
                    catalogue.add(row.place());
                }
                for (artifact, index) in added {
                    if let Some(entry) = catalogue.artifacts.get_mut(&artifact) {
                        entry.have.insert(index);
                        entry.corrupt.remove(index);
                        let bytes = HEADER + u64::from(entry.geometry.length(index));
                        if let Some(lease) = &mut entry.lease {
                            lease.spend(bytes);
                        }
                    }
                }
                drop(catalogue);
                for job in jobs {
                    job.answer(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot keep pieces");
                core.undo_append();
                let error = Arc::new(error);
                for job in jobs {
                    job.answer(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

/// The pack that takes new records, if one is open.
pub(crate) type Tail = Option<Appender>;
