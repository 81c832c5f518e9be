//! What the one thread does that commits.
//!
//! The order is: bytes, sync of their file, index, catalogue, told, acknowledged. So what was
//! acknowledged survives, and what the index names is there.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use app::ports::{Day, Landed};
use tokio::sync::oneshot;
use verifier::piece::Source;
use verifier::{PieceIndex, Sha256};

use crate::catalogue::{Artifact, BLOCK, Behind, Cell, Home};
use crate::error::StoreError;
use crate::index::Delta;
use crate::shared::{Shared, now};
use crate::slot::Slot;

/// An artifact's changes are put together when there are so many.
const DELTAS: u64 = 512;

/// A piece that was written into its artifact's file.
pub(super) struct Item {
    pub(super) artifact: Sha256,
    /// The artifact's life in which it was written.
    pub(super) life: u64,
    pub(super) index: PieceIndex,
    pub(super) source: Source,
    pub(super) slot: Arc<Slot>,
    /// Whoever stopped waiting still has the piece kept.
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// Makes pieces durable and says so.
pub(super) fn commit(shared: &Shared, items: Vec<Item>) {
    let items = sync(shared, items);
    if items.is_empty() {
        return;
    }
    let cells = cells(shared, &items);
    let outcome = write_down(shared, &items, &cells);
    if let Err(error) = &outcome {
        tracing::error!(%error, "cannot write down what is kept");
        for item in items {
            drop(item.done.send(Err(error.again())));
        }
        return;
    }
    let (mut landed, mut kept) = (Vec::new(), HashSet::new());
    {
        let mut catalogue = shared.catalogue();
        for (item, cell) in items.iter().zip(&cells) {
            let Some(cell) = cell else { continue };
            if catalogue.keep(item.artifact, item.life, item.index, *cell) {
                landed.push(Landed::Piece(item.artifact, item.index));
                kept.insert((item.artifact, item.index));
            }
        }
    }
    shared.tell(landed);
    let artifacts: HashSet<Sha256> = items.iter().map(|item| item.artifact).collect();
    for item in items {
        let is_kept = kept.contains(&(item.artifact, item.index));
        drop(item.done.send(if is_kept { Ok(()) } else { Err(StoreError::Lost) }));
    }
    for artifact in artifacts {
        let count = |behind: &Behind| behind.deltas.end - behind.deltas.start;
        let entry = shared.catalogue().artifacts.get(&artifact).map(|entry| count(&entry.behind));
        if entry.is_some_and(|count| count >= DELTAS) {
            told(fold(shared, artifact));
        }
    }
}

/// Syncs each file once; gives the items of those that could be.
fn sync(shared: &Shared, items: Vec<Item>) -> Vec<Item> {
    let mut outcomes: Vec<(Arc<Slot>, Result<(), StoreError>)> = Vec::new();
    let mut synced = Vec::with_capacity(items.len());
    for item in items {
        let known = outcomes.iter().position(|(slot, _)| Arc::ptr_eq(slot, &item.slot));
        let at = known.unwrap_or_else(|| {
            let is_listed = {
                let catalogue = shared.catalogue();
                catalogue.artifacts.get(&item.artifact).is_none_or(Artifact::is_listed)
            };
            let addresses = || if is_listed { Ok(()) } else { item.slot.sync_addresses() };
            let outcome = shared.slots.sync(item.artifact, &item.slot).and_then(|()| addresses());
            if let Err(error) = &outcome {
                tracing::error!(%error, "cannot make pieces durable");
            }
            outcomes.push((Arc::clone(&item.slot), outcome));
            outcomes.len() - 1
        });
        match outcomes.get(at) {
            Some((_, Err(error))) => drop(item.done.send(Err(error.again()))),
            _ => synced.push(item),
        }
    }
    synced
}

/// What is to be known of each piece; `None` if its artifact is gone.
fn cells(shared: &Shared, items: &[Item]) -> Vec<Option<Cell>> {
    let day = Day::of(now());
    let mut catalogue = shared.catalogue();
    let cells = items.iter().map(|item| {
        let entry = catalogue.artifacts.get_mut(&item.artifact);
        let entry = entry.filter(|entry| entry.life == item.life)?;
        Some(Cell::kept(entry.number(item.source), Home::Own, day))
    });
    cells.collect()
}

/// Writes what is kept into the index.
fn write_down(shared: &Shared, items: &[Item], cells: &[Option<Cell>]) -> Result<(), StoreError> {
    let mut by_artifact: BTreeMap<Sha256, Vec<(u32, Cell)>> = BTreeMap::new();
    for (item, cell) in items.iter().zip(cells) {
        let kept = cell.map(|cell| (item.index.get(), cell));
        by_artifact.entry(item.artifact).or_default().extend(kept);
    }
    let deltas: Vec<Delta> =
        by_artifact.into_iter().map(|(artifact, cells)| Delta { artifact, cells }).collect();
    for Delta { artifact, .. } in &deltas {
        // A number in a cell means nothing without the peer that it stands for.
        let entry = shared.catalogue().artifacts.get(artifact).map(|entry| entry.has_new_peer);
        if entry == Some(true) {
            write_row(shared, *artifact)?;
        }
    }
    shared.index.append(&deltas, |artifact| {
        let mut catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get_mut(&artifact);
        entry.map_or(0, |entry| {
            entry.behind.deltas.end += 1;
            entry.behind.deltas.end - 1
        })
    })?;
    shared.index.flush()?;
    let mut catalogue = shared.catalogue();
    for Delta { artifact, cells } in &deltas {
        if let Some(entry) = catalogue.artifacts.get_mut(artifact) {
            entry.behind.blocks.extend(cells.iter().map(|(index, _)| index / BLOCK));
        }
    }
    Ok(())
}

/// Writes down what is known of an artifact beside its pieces; durable after a flush.
pub(crate) fn write_row(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let row = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(()) };
        entry.row(entry.known.facts())
    };
    shared.index.put_row(artifact, &row)?;
    if let Some(entry) = shared.catalogue().artifacts.get_mut(&artifact) {
        entry.has_new_peer = false;
    }
    Ok(())
}

/// Writes down everything that is known of an artifact, in as few values as can be; durable after a
/// flush.
pub(crate) fn fold(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let (behind, blocks) = {
        let mut catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get_mut(&artifact) else { return Ok(()) };
        let end = entry.behind.deltas.end;
        let next = Behind { deltas: end..end, ..Behind::default() };
        let behind = std::mem::replace(&mut entry.behind, next);
        let blocks = behind.blocks.iter().map(|block| (*block, entry.block(*block).to_vec()));
        let blocks: Vec<_> = blocks.collect();
        (behind, blocks)
    };
    let folded = write_row(shared, artifact)
        .and_then(|()| shared.index.fold(artifact, &blocks, behind.deltas.clone()));
    if folded.is_err()
        && let Some(entry) = shared.catalogue().artifacts.get_mut(&artifact)
    {
        entry.behind.blocks.extend(behind.blocks);
        entry.behind.deltas.start = behind.deltas.start;
        entry.behind.is_unwritten |= behind.is_unwritten;
    }
    folded
}

/// Writes down what others found to be bad, or to be kept again; and everything, after the index was
/// opened again.
pub(super) fn write_marks(shared: &Shared) {
    if shared.index.is_away() {
        return;
    }
    let marked: Vec<Sha256> = {
        let mut catalogue = shared.catalogue();
        if shared.index.may_lack() {
            shared.index.write_anew();
            for entry in catalogue.artifacts.values_mut() {
                let pieces = entry.known.geometry.piece_count();
                entry.behind.blocks = (0..pieces.div_ceil(BLOCK)).collect();
                entry.behind.is_unwritten = true;
            }
        }
        let marked = catalogue.artifacts.iter().filter(|(_, entry)| entry.behind.is_unwritten);
        marked.map(|(artifact, _)| *artifact).collect()
    };
    for artifact in marked {
        // What is not written down now is with the next work, or found again.
        told(fold(shared, artifact).and_then(|()| shared.index.flush()));
    }
}

/// Puts an artifact in order that nobody writes any more, so that the next start need not look at
/// it.
pub(crate) fn settle(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let is_leased = {
        let catalogue = shared.catalogue();
        catalogue.artifacts.get(&artifact).is_some_and(|entry| entry.lease.is_some())
    };
    if is_leased || shared.index.is_away() {
        return Ok(());
    }
    fold(shared, artifact)?;
    shared.index.sync()?;
    if is_written(shared) { shared.busy.end(artifact) } else { Ok(()) }
}

/// Puts everything in order, and says so.
pub(crate) fn close(shared: &Shared) {
    if shared.index.is_away() {
        // What is in it is as it was.
        return;
    }
    write_marks(shared);
    let artifacts: Vec<Sha256> = shared.catalogue().artifacts.keys().copied().collect();
    let folded = artifacts.into_iter().try_for_each(|artifact| fold(shared, artifact));
    let synced = folded.and_then(|()| shared.index.sync());
    if synced.is_ok() && !is_written(shared) {
        // Everything is looked at by the next start.
        return;
    }
    told(synced.and_then(|()| shared.busy.end_all()));
}

/// Whether nothing is left that the index is to know.
fn is_written(shared: &Shared) -> bool {
    let catalogue = shared.catalogue();
    !shared.index.may_lack() && !catalogue.artifacts.values().any(|entry| entry.behind.is_unwritten)
}

fn told(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "cannot write down what is known of the pieces");
    }
}
