//! The thread that makes durable and acknowledges.
//!
//! The order is: bytes, sync of their pack, index, acknowledgement. So what was acknowledged
//! survives, and what the index names is there.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use app::ports::Landed;
use verifier::piece::Source;
use verifier::{PieceIndex, Sha256};

use crate::catalogue::Addresses;
use crate::error::{At as _, StoreError};
use crate::files::File;
use crate::index::Kept;
use crate::pack::{BLOCK, Location, blocks};
use crate::pipeline::Waiter;
use crate::shared::Shared;

/// What the writer hands over.
pub(super) enum Batch {
    Items(Vec<Item>),
    /// Everything before is to be durable when this is answered.
    Drained(Sender<()>),
}

/// A piece that lies in a pack.
pub(super) struct Item {
    pub(super) artifact: Sha256,
    pub(super) index: PieceIndex,
    pub(super) length: u32,
    pub(super) source: Source,
    pub(super) short: u64,
    pub(super) place: Location,
    /// `None` if the bytes were there already.
    pub(super) written: Option<Written>,
    pub(super) waiter: Waiter,
}

/// What has to be synced for a piece.
pub(super) struct Written {
    pub(super) file: Arc<File>,
    /// Bytes of the run's header, counted with its first piece.
    pub(super) header: u64,
}

/// Works until the writer ends.
pub(super) fn run(shared: &Shared, batches: &Receiver<Batch>) {
    while let Ok(first) = batches.recv() {
        let mut items = Vec::new();
        let mut drained = None;
        let mut next = Some(first);
        while let Some(batch) = next {
            match batch {
                Batch::Items(more) => items.extend(more),
                Batch::Drained(done) => {
                    drained = Some(done);
                    break;
                }
            }
            next = batches.try_recv().ok();
        }
        if !items.is_empty() {
            commit(shared, items);
        }
        if let Some(done) = drained {
            // The writer waits for this, or is gone.
            let _ = done.send(());
        }
    }
}

fn commit(shared: &Shared, items: Vec<Item>) {
    let outcome = sync(shared, &items).and_then(|()| write_down(shared, &items));
    match &outcome {
        Ok(lost) => settle(shared, &items, lost),
        Err(error) => {
            tracing::error!(%error, "cannot make pieces durable");
            let mut catalogue = shared.catalogue();
            for item in &items {
                item.take_back(&mut catalogue.addresses);
            }
        }
    }
    for (at, item) in items.into_iter().enumerate() {
        item.waiter.tell(match &outcome {
            Err(error) => Err(error.again()),
            Ok(lost) if lost.contains(&at) => Err(StoreError::Lost),
            Ok(_) => Ok(()),
        });
    }
}

fn sync(shared: &Shared, items: &[Item]) -> Result<(), StoreError> {
    let mut files: BTreeMap<u32, &File> = BTreeMap::new();
    for item in items {
        if let Some(written) = &item.written {
            files.insert(item.place.pack, &*written.file);
        }
    }
    for (pack, file) in files {
        if let Err(error) = file.sync_data() {
            // What a failed sync left behind is not known, so the pack is not written any more.
            shared.ask_to_roll();
            return Err(error).at(&shared.layout.pack(pack));
        }
    }
    Ok(())
}

/// Writes the places into the index; gives the items whose place, or whose artifact, is gone.
fn write_down(shared: &Shared, items: &[Item]) -> Result<HashSet<usize>, StoreError> {
    let mut lost = HashSet::new();
    let mut by_artifact: BTreeMap<Sha256, Vec<(Source, Kept)>> = BTreeMap::new();
    let mut entries = Vec::new();
    {
        let mut catalogue = shared.catalogue();
        for (at, item) in items.iter().enumerate() {
            let here = item.written.is_some()
                || catalogue.addresses.place_of(item.short) == Some(item.place);
            if !here || !catalogue.artifacts.contains_key(&item.artifact) {
                lost.insert(at);
                continue;
            }
            let kept = Kept::new(item.index.get(), item.place, item.short);
            by_artifact.entry(item.artifact).or_default().push((item.source, kept));
        }
        for (artifact, kept) in by_artifact {
            let Some(entry) = catalogue.artifacts.get_mut(&artifact) else { continue };
            entries.extend(entry.changes(artifact, &kept));
        }
    }
    shared.index.append(&entries)?;
    shared.index.flush()?;
    Ok(lost)
}

fn settle(shared: &Shared, items: &[Item], lost: &HashSet<usize>) {
    let mut catalogue = shared.catalogue();
    let mut landed = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if lost.contains(&at) {
            item.take_back(&mut catalogue.addresses);
            continue;
        }
        if let Some(written) = &item.written {
            let taken = blocks(item.length) * BLOCK + written.header;
            *catalogue.live.entry(item.place.pack).or_default() += taken;
        }
        if catalogue.keep(item.artifact, item.index, item.place, item.source) {
            landed.push(Landed::Piece(item.artifact, item.index));
        }
    }
    drop(catalogue);
    shared.tell(landed);
}

impl Item {
    /// Forgets the address of a piece that was written and may not be there.
    fn take_back(&self, addresses: &mut Addresses) {
        if self.written.is_some() {
            addresses.take_back(self.short, self.place);
        }
    }
}
