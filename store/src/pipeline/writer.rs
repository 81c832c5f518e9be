//! The thread that writes runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};

use bytes::Bytes;

use crate::catalogue::short;
use crate::error::StoreError;
use crate::pack::{Appender, BLOCK, Described, Location, RUN_LIMIT, Run};
use crate::pipeline::commit::{Batch, Item, Written};
use crate::pipeline::{Job, Keep};
use crate::shared::Shared;

/// A run is written when it has this many bytes, even if more pieces wait.
const RUN_BYTES: u64 = 4 << 20;

pub(super) struct Writer {
    shared: Arc<Shared>,
    appender: Appender,
    written: Sender<Batch>,
}

/// Pieces that will be one run.
#[derive(Default)]
struct Gathered {
    keeps: Vec<Keep>,
    described: Vec<Described>,
    addresses: HashSet<[u8; 32]>,
    bytes: u64,
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.keeps.len() >= RUN_LIMIT || self.bytes >= RUN_BYTES
    }
}

impl Writer {
    pub(super) const fn new(
        shared: Arc<Shared>,
        appender: Appender,
        written: Sender<Batch>,
    ) -> Self {
        Self { shared, appender, written }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        let mut gathered = Gathered::default();
        loop {
            let job = if gathered.keeps.is_empty() {
                queue.recv().map_err(|_| TryRecvError::Disconnected)
            } else if gathered.is_full() {
                Err(TryRecvError::Empty)
            } else {
                queue.try_recv()
            };
            match job {
                Ok(Job::Keep(keep)) => self.gather(&mut gathered, keep),
                Ok(Job::Exclusive(work)) => {
                    self.write(std::mem::take(&mut gathered));
                    self.drain();
                    work(&self.shared);
                }
                Err(TryRecvError::Empty) => self.write(std::mem::take(&mut gathered)),
                Err(TryRecvError::Disconnected) => {
                    self.write(gathered);
                    return;
                }
            }
        }
    }

    fn gather(&mut self, gathered: &mut Gathered, keep: Keep) {
        if gathered.addresses.contains(&keep.address) {
            // The same bytes twice in a row: the second one refers to the first.
            self.write(std::mem::take(gathered));
        }
        let algorithm = match self.admitted(&keep) {
            Ok(Some(algorithm)) => algorithm,
            Ok(None) => return keep.waiter.tell(Ok(())),
            Err(error) => return keep.waiter.tell(Err(error)),
        };
        match self.find(&keep) {
            Ok(Some(place)) => self.send(vec![item(keep, place, None)]),
            Ok(None) => {
                let bytes = keep.piece.bytes();
                let Ok(length) = u32::try_from(bytes.len()) else { return };
                gathered.described.push(Described {
                    length,
                    algorithm,
                    digest: keep.piece.digest(),
                    address: keep.address,
                });
                gathered.bytes += u64::from(length);
                gathered.addresses.insert(keep.address);
                gathered.keeps.push(keep);
            }
            Err(error) => keep.waiter.tell(Err(error)),
        }
    }

    /// The algorithm of the piece's digest; `None` if the piece is kept already.
    fn admitted(&self, keep: &Keep) -> Result<Option<verifier::ChunkAlgorithm>, StoreError> {
        let catalogue = self.shared.catalogue();
        let entry = catalogue.artifacts.get(&keep.artifact);
        let entry = entry
            .filter(|entry| entry.lease.is_some())
            .ok_or(StoreError::NotReserved(keep.artifact))?;
        let kept = entry.have.contains(keep.piece.index());
        Ok((!kept).then(|| entry.known.root.algorithm()))
    }

    /// Where the same bytes are kept already.
    fn find(&self, keep: &Keep) -> Result<Option<Location>, StoreError> {
        let place = self.shared.catalogue().addresses.place_of(short(&keep.address));
        let Some(place) = place else { return Ok(None) };
        let described = self.shared.packs.described(place)?;
        Ok(described.filter(|piece| piece.address == keep.address).map(|_| place))
    }

    fn write(&mut self, gathered: Gathered) {
        let Gathered { keeps, described, .. } = gathered;
        let Some(run) = Run::new(described) else { return };
        if self.shared.must_roll() {
            self.appender.roll(&self.shared.packs);
        }
        let bytes: Vec<&Bytes> = keeps.iter().map(|keep| keep.piece.bytes()).collect();
        let appended = match self.appender.append(&self.shared.packs, &run, &bytes) {
            Ok(appended) => appended,
            Err(error) => {
                tracing::error!(%error, "cannot write pieces");
                for keep in keeps {
                    keep.waiter.tell(Err(error.again()));
                }
                return;
            }
        };
        let mut items = Vec::with_capacity(keeps.len());
        let mut catalogue = self.shared.catalogue();
        for (entry, keep) in (0_u8..).zip(keeps) {
            let place = Location { pack: appended.pack, block: appended.block, entry };
            let header = if entry == 0 { BLOCK } else { 0 };
            catalogue.addresses.lie_at(short(&keep.address), place);
            let written = Written { file: Arc::clone(&appended.file), header };
            items.push(item(keep, place, Some(written)));
        }
        drop(catalogue);
        self.send(items);
    }

    fn send(&self, items: Vec<Item>) {
        if let Err(mpsc::SendError(Batch::Items(items))) = self.written.send(Batch::Items(items)) {
            for item in items {
                item.waiter.tell(Err(StoreError::Closed));
            }
        }
    }

    /// Waits until everything that was written is durable.
    fn drain(&self) {
        let (done, drained) = mpsc::channel();
        if self.written.send(Batch::Drained(done)).is_ok() {
            // An error means that the other thread is gone, and then nothing is under way.
            let _ = drained.recv();
        }
    }
}

fn item(keep: Keep, place: Location, written: Option<Written>) -> Item {
    Item {
        artifact: keep.artifact,
        index: keep.piece.index(),
        length: u32::try_from(keep.piece.bytes().len()).unwrap_or(u32::MAX),
        source: keep.piece.source(),
        short: short(&keep.address),
        place,
        written,
        waiter: keep.waiter,
    }
}
