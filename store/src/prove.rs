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
/// is kept, one that is not is missing, or corrupt if it was claimed. Gives whether all is settled
/// then: what could not be looked at stays as it is claimed.
///
/// The index knows nothing of it yet.
pub(crate) fn prove(
    layout: &Layout,
    slots: &Slots,
    artifact: Sha256,
    entry: &mut Artifact,
) -> bool {
    let geometry = entry.known.geometry;
    let told = |error: &StoreError| tracing::error!(%error, %artifact, "pieces cannot be proven");
    let slot = match slots.get(artifact, &geometry).inspect_err(told) {
        Ok(Some(slot)) => slot,
        Ok(None) => return true,
        Err(_) => return false,
    };
    // What the process that broke off wrote may be in memory only. What cannot be made durable is not
    // taken in.
    let is_synced = slots.sync(artifact, &slot).inspect_err(told).is_ok();
    let Ok(data) = slot.data().inspect_err(told) else { return false };
    let list = documents::read_list(layout, artifact, geometry, entry.known.root);
    let mut doubtful = Bitfield::empty(geometry.piece_count());
    for range in data {
        if let Some(last) = range.end.min(geometry.piece_count()).checked_sub(1) {
            doubtful.insert_range(range.start, last);
        }
    }
    for index in entry.lying() {
        doubtful.insert(index);
    }
    // What lies with another artifact is proven there.
    let is_own = |index: &PieceIndex| entry.is_own(artifact, *index);
    let doubtful: Vec<PieceIndex> = doubtful.pieces(&geometry).filter(is_own).collect();
    tracing::info!(%artifact, pieces = doubtful.len(), "proving what is there");
    let day = Day::of(now());
    let judge = |index| Ok(shared::prove(&slot, index, list.as_ref()).inspect_err(told).ok());
    let judged = workers::each(&doubtful, judge, |_| Next::GoOn).unwrap_or_default();
    let mut is_settled = is_synced;
    for (index, judged) in judged {
        let cell = entry.cell(index);
        let found = match (judged, cell.has_place()) {
            (Some(None), true) => cell.with(State::Kept).on(day),
            (Some(None), false) if is_synced => Cell::kept(0, Home::Own, day),
            (Some(Some(Bad::Corrupt)), true) => cell.with(State::Corrupt),
            (Some(Some(Bad::Unread)), true) => cell.with(State::Unread),
            (Some(_), false) => continue,
            (None, _) => {
                is_settled = false;
                continue;
            }
        };
        if found != cell {
            entry.change(index, found);
        }
    }
    is_settled
}
