//! Proves what lies in an artifact's file, after a process that broke off.

use app::ports::Day;
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::catalogue::{Artifact, Bad, Cell, Home, State};
use crate::documents;
use crate::error::StoreError;
use crate::layout::Layout;
use crate::shared::{self, now};
use crate::slot::Slots;
use crate::workers::{self, Next};

/// Takes for kept what the artifact's file tells of itself, without reading it. Each piece is verified
/// when it is read.
pub(crate) fn believe(
    slots: &Slots,
    artifact: Sha256,
    entry: &mut Artifact,
) -> Result<(), StoreError> {
    let slot = slots.get(artifact, &entry.known.geometry)?;
    let told = slot.map(|slot| slot.told()).transpose()?;
    let day = entry.known.last_verified.map_or(Day::from_number(0), Day::of);
    for index in told.into_iter().flatten() {
        entry.put(index, Cell::kept(0, Home::Own, day));
    }
    Ok(())
}

/// Reads each piece of which there is anything, or that is claimed, on all cores: one that is whole
/// is kept, one that is not is missing, or corrupt if it was claimed. Gives whether all is settled then.
///
/// The index knows nothing of it yet.
pub(crate) fn prove(
    layout: &Layout,
    slots: &Slots,
    artifact: Sha256,
    entry: &mut Artifact,
) -> Result<bool, StoreError> {
    let geometry = entry.known.geometry;
    let slot = match slots.get(artifact, &geometry) {
        Ok(Some(slot)) => slot,
        Ok(None) => return Ok(true),
        Err(error) => {
            // What is claimed stays so, and is found to be bad, or not, when it is read.
            tracing::error!(%error, %artifact, "pieces cannot be looked at");
            return Ok(false);
        }
    };
    // What the process that broke off wrote may be in memory only. What cannot be made durable is not
    // taken in.
    let synced = slots.sync(artifact, &slot);
    if let Err(error) = &synced {
        tracing::error!(%error, %artifact, "cannot make durable what is there");
    }
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
    let judge = |index| shared::prove(&slot, index, list.as_ref());
    for (index, bad) in workers::each(&doubtful, judge, |_| Next::GoOn)? {
        let cell = entry.cell(index);
        let found = match (bad, cell.has_place()) {
            (None, true) => cell.with(State::Kept).on(day),
            (None, false) if synced.is_ok() => Cell::kept(0, Home::Own, day),
            (Some(Bad::Corrupt), true) => cell.with(State::Corrupt),
            (Some(Bad::Unread), true) => cell.with(State::Unread),
            (_, false) => continue,
        };
        if found != cell {
            entry.change(index, found);
        }
    }
    Ok(synced.is_ok())
}
