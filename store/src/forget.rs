//! Giving space back: what is forgotten, and what was found to be corrupt.
//!
//! Everything here is done by the one thread that commits, between two batches.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use verifier::{PieceIndex, Sha256};

use crate::accounts::footprints;
use crate::catalogue::{Bad, Catalogue, Heirs, Home, Place};
use crate::device;
use crate::documents;
use crate::error::{At as _, StoreError};
use crate::index::Index;
use crate::layout::Layout;
use crate::pipeline;
use crate::places::Places;
use crate::quota::PIECE_OVERHEAD;
use crate::room::in_blocks;
use crate::shared::Shared;
use crate::slot::{Kind, Looked, Slots};

/// The index may take this many bytes more than its pieces need before it is written anew.
const INDEX_SLACK: u64 = 2 << 20;

/// Forgets an artifact; the bytes that came free, `None` if there is no such artifact.
pub(crate) fn forget(shared: &Shared, artifact: Sha256) -> Result<Option<u64>, StoreError> {
    let own = footprints(shared)?.get(&artifact).map_or(0, |footprint| footprint.own);
    let outside = outside(shared, artifact);
    let is_gone = remove(shared, artifact, |catalogue| {
        match catalogue.artifacts.get(&artifact).is_some_and(|entry| entry.lease.is_some()) {
            true => Err(StoreError::Busy(artifact)),
            false => Ok(true),
        }
    })?;
    Ok(is_gone.then(|| outside + own.saturating_sub(documents::taken(&shared.layout, artifact))))
}

/// Forgets an artifact if it `may` go at the moment at which it does; whether it did.
///
/// One that could not be forgotten is as it was. What is left of one that was, because the disk did
/// not let go of it, goes with the next, or at the next start.
pub(crate) fn remove(
    shared: &Shared,
    artifact: Sha256,
    may: impl Fn(&Catalogue) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    if may(&shared.catalogue())? {
        move_on(shared, artifact)?;
    }
    let gone = {
        let mut catalogue = shared.catalogue();
        if may(&catalogue)? { catalogue.artifacts.remove(&artifact) } else { None }
    };
    let is_gone = gone.is_some();
    if let Some(entry) = gone
        && let Err(error) = documents::begin_to_forget(&shared.layout, artifact)
    {
        shared.catalogue().artifacts.insert(artifact, entry);
        return Err(error);
    }
    let is_kept = |artifact: &Sha256| shared.catalogue().artifacts.contains_key(artifact);
    told(sweep(&shared.layout, &shared.slots, &shared.index, is_kept));
    told(shared.busy.end(artifact));
    shared.room.notify_waiters();
    let pieces = shared.catalogue().kept_pieces();
    told(trim_index(&shared.index, pieces));
    Ok(is_gone)
}

fn told(outcome: Result<(), StoreError>) {
    // What has no room now is done once there is some.
    if let Err(error) = outcome
        && !error.is_unwritable()
    {
        tracing::error!(%error, "not all is in order that belongs to a forgotten artifact");
    }
}

/// Removes what is here of artifacts that were forgotten, or of which a crash left something; without the
/// index, which alone knows of one whose manifest is gone, only of those that were forgotten.
pub(crate) fn sweep(
    layout: &Layout,
    slots: &Slots,
    index: &Index,
    is_kept: impl Fn(&Sha256) -> bool,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    let goes = |artifact: &Sha256| {
        !is_kept(artifact) && (!index.is_away() || documents::is_forgotten(layout, *artifact))
    };
    for artifact in documents::nameless(layout)?.into_iter().filter(goes) {
        // What cannot be removed keeps nothing else from going.
        outcome = clear(layout, slots, index, artifact).and(outcome);
    }
    outcome
}

/// Bytes that the file of an artifact takes that lies outside the library.
fn outside(shared: &Shared, artifact: Sha256) -> u64 {
    let catalogue = shared.catalogue();
    let places = catalogue.artifacts.get(&artifact).and_then(|entry| entry.known.outside.as_ref());
    places.and_then(Places::hidden).map_or(0, |found| device::allocated(&found))
}

/// Removes all that is left of an artifact that is in the catalogue no more, or not yet.
pub(crate) fn clear(
    layout: &Layout,
    slots: &Slots,
    index: &Index,
    artifact: Sha256,
) -> Result<(), StoreError> {
    slots.close(artifact);
    // A full disk may have no room for the index before. What says that it is forgotten goes last:
    // until then, an index that a crash leaves behind is not believed.
    documents::give_room_back(layout, artifact)?;
    // Somebody may have opened what was about to go.
    slots.lies(artifact, None);
    index.remove(artifact)?;
    index.sync()?;
    documents::finish_forgetting(layout, artifact)
}

/// Gives the pieces that others use too to some of them.
fn move_on(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let (geometry, heirs) = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(()) };
        (entry.known.geometry, Heirs::of(&catalogue, artifact))
    };
    if heirs.elsewhere.is_empty() {
        return Ok(());
    }
    let lengths = heirs.copies.iter().map(|(there, ..)| geometry.length(*there));
    let bytes = lengths.map(|length| in_blocks(length.into())).sum();
    let no_room = || StoreError::Shared { artifact, bytes };
    let folder = shared.layout.store();
    if shared.index.is_away() || device::space(&folder).at(&folder)?.free < bytes {
        return Err(no_room());
    }
    let mut slots = BTreeMap::new();
    for heir in heirs.copies.iter().map(|(_, heir, _)| *heir).collect::<BTreeSet<_>>() {
        let geometry = shared.catalogue().artifact(heir)?.known.geometry;
        shared.busy.begin(heir)?;
        slots.insert(heir, shared.slots.make(heir, &geometry)?);
    }
    let from = shared.slots.get(artifact, &geometry)?;
    let mut lost = BTreeSet::new();
    for (there, heir, index) in &heirs.copies {
        let copied = match (&from, slots.get(heir)) {
            (Some(from), Some(slot)) => from.copy_to(*there, slot, *index),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        match copied.at(&folder) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => return Err(no_room()),
            Err(error) => {
                let read = from.as_ref().map(|from| from.read(*there)).transpose()?;
                if matches!(read, Some(Looked::Whole(_) | Looked::Unknown(..))) {
                    return Err(error);
                }
                tracing::error!(%error, "a piece is lost with the artifact that held it");
                lost.insert(there.get());
            }
        }
    }
    for (heir, slot) in &slots {
        shared.slots.sync(*heir, slot)?;
    }
    let users: Vec<Sha256> = heirs.elsewhere.keys().copied().collect();
    {
        let mut catalogue = shared.catalogue();
        for index in lost {
            catalogue.mark(Place { holder: artifact, index }, Bad::Corrupt);
        }
        for (_, heir, index) in heirs.copies {
            if let Some(entry) = catalogue.artifacts.get_mut(&heir) {
                entry.change(index, entry.cell(index).at(Home::Own));
            }
        }
        for (user, elsewhere) in heirs.elsewhere {
            catalogue.artifacts.entry(user).and_modify(|entry| entry.elsewhere = elsewhere);
        }
    }
    for user in users {
        pipeline::fold(shared, user)?;
    }
    shared.index.sync()?;
    slots.into_keys().for_each(|heir| told(pipeline::settle(shared, heir)));
    Ok(())
}

/// Gives back the space of pieces that were found to be corrupt, and tells nobody else's.
pub(crate) fn give_back(
    shared: &Shared,
    artifact: Sha256,
    corrupt: &[PieceIndex],
) -> Result<(), StoreError> {
    let places: BTreeSet<Place> = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(()) };
        let place = |index: &PieceIndex| match entry.cell(*index).home() {
            Home::Own => Some(Place { holder: artifact, index: index.get() }),
            Home::Other => entry.elsewhere.get(index.get()),
        };
        corrupt.iter().filter_map(place).collect()
    };
    for Place { holder, index } in places {
        let Some((geometry, index)) = shared.catalogue().spoil(holder, index) else { continue };
        let mut slot = shared.slots.get(holder, &geometry)?;
        if slot.as_ref().is_some_and(|slot| slot.kind == Kind::Whole) {
            slot = Some(shared.slots.make(holder, &geometry)?);
        }
        if let Some(slot) = slot.filter(|slot| slot.kind == Kind::Part) {
            slot.free(index)?;
        }
    }
    Ok(())
}

/// Writes the index anew when it is mostly made of what is gone, with so many pieces kept.
pub(crate) fn trim_index(index: &Index, pieces: u64) -> Result<(), StoreError> {
    if index.size()? > INDEX_SLACK + pieces * PIECE_OVERHEAD {
        index.rewrite_all()?;
    }
    Ok(())
}
