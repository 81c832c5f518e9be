//! Proves what lies in an artifact's file, after a process that broke off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app::ports::Day;
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::catalogue::{Artifact, Bad, Cell, Home, State};
use crate::documents;
use crate::error::StoreError;
use crate::layout::Layout;
use crate::shared::{self, now};
use crate::slot::{Slot, Slots};

/// Reads each piece of which there is anything, or that is claimed, on all cores: one that is whole
/// is kept, one that is not is missing, or corrupt if it was claimed.
///
/// The index knows nothing of it yet.
pub(crate) fn prove(
    layout: &Layout,
    slots: &Slots,
    artifact: Sha256,
    entry: &mut Artifact,
) -> Result<(), StoreError> {
    let geometry = entry.known.geometry;
    let slot = match slots.get(artifact, &geometry) {
        Ok(Some(slot)) => slot,
        Ok(None) => return Ok(()),
        Err(error) => {
            // What is claimed stays so, and is found to be bad, or not, when it is read.
            tracing::error!(%error, %artifact, "pieces cannot be looked at");
            return Ok(());
        }
    };
    let list = documents::read_list(layout, artifact, geometry, entry.known.root);
    let list = list.unwrap_or_else(|error| {
        tracing::error!(%error, %artifact, "cannot read a piece list");
        None
    });
    let is_own = |index: &PieceIndex| entry.cell(*index).home() == Home::Own;
    let mut doubtful = Bitfield::empty(geometry.piece_count());
    for range in slot.data()? {
        if let Some(last) = range.end.min(geometry.piece_count()).checked_sub(1) {
            doubtful.insert_range(range.start, last);
        }
    }
    for index in entry.lying() {
        doubtful.insert(index);
    }
    let doubtful: Vec<PieceIndex> = doubtful.pieces(&geometry).filter(is_own).collect();
    tracing::info!(%artifact, pieces = doubtful.len(), "proving what is there");
    let day = Day::of(now());
    for (index, bad) in judged(&slot, &doubtful, list.as_ref())? {
        let cell = entry.cell(index);
        let found = match (bad, cell.has_place()) {
            (None, true) => cell.with(State::Kept).on(day),
            (None, false) => Cell::kept(0, Home::Own, day),
            (Some(Bad::Corrupt), true) => cell.with(State::Corrupt),
            (Some(Bad::Unread), true) => cell.with(State::Unread),
            (Some(_), false) => continue,
        };
        if found != cell {
            entry.change(index, found);
        }
    }
    Ok(())
}

/// What is at each piece's place, in no order.
fn judged(
    slot: &Slot,
    pieces: &[PieceIndex],
    list: Option<&Arc<verifier::piece::PieceList>>,
) -> Result<Vec<(PieceIndex, Option<Bad>)>, StoreError> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Ok(Vec::new())));
    let work = || {
        let mut mine = Vec::new();
        let outcome = loop {
            let Some(index) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break Ok(());
            };
            match shared::prove(slot, *index, list) {
                Ok(bad) => mine.push((*index, bad)),
                Err(error) => break Err(error),
            }
        };
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match (outcome, &mut *found) {
            (Err(error), all) => *all = Err(error),
            (Ok(()), Ok(all)) => all.append(&mut mine),
            (Ok(()), Err(_)) => {}
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(work);
        }
        work();
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
