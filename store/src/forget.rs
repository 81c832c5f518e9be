//! Giving space back: what is forgotten, and what was found to be corrupt.
//!
//! Everything here is done by the one thread that commits, between two batches.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use verifier::{PieceIndex, Sha256};

use crate::catalogue::{Artifact, Bad, Catalogue, Cell, Home, Place, State};
use crate::device;
use crate::documents::{self, Taken};
use crate::error::{At as _, StoreError};
use crate::index::Index;
use crate::pipeline;
use crate::places::Places;
use crate::quota::PIECE_OVERHEAD;
use crate::shared::Shared;
use crate::slot::{Kind, Looked};

/// The index may take this many bytes more than its pieces need before it is written anew.
const INDEX_SLACK: u64 = 2 << 20;

/// Forgets an artifact; the bytes that came free, `None` if there is no such artifact.
pub(crate) fn forget(shared: &Shared, artifact: Sha256) -> Result<Option<u64>, StoreError> {
    remove(shared, artifact, |catalogue| {
        let is_busy = |entry: &Artifact| entry.lease.is_some();
        if catalogue.artifacts.get(&artifact).is_some_and(is_busy) {
            return Err(StoreError::Busy(artifact));
        }
        Ok(true)
    })
}

/// Forgets an artifact if it `may` go at the moment at which it does.
pub(crate) fn remove(
    shared: &Shared,
    artifact: Sha256,
    may: impl Fn(&Catalogue) -> Result<bool, StoreError>,
) -> Result<Option<u64>, StoreError> {
    {
        let catalogue = shared.catalogue();
        if !may(&catalogue)? || !catalogue.artifacts.contains_key(&artifact) {
            return Ok(None);
        }
    }
    let before = Taken::look(&shared.layout)?.all().saturating_add(outside(shared, artifact));
    move_on(shared, artifact)?;
    {
        let mut catalogue = shared.catalogue();
        if !may(&catalogue)? {
            return Ok(None);
        }
        catalogue.artifacts.remove(&artifact);
    }
    documents::begin_to_forget(&shared.layout, artifact)?;
    clear(shared, artifact)?;
    shared.room.notify_waiters();
    let pieces = shared.catalogue().kept_pieces();
    match trim_index(&shared.index, pieces) {
        Err(error) if !error.is_unwritable() => {
            // It is forgotten all the same.
            tracing::error!(%error, "the index cannot be written anew");
        }
        _ => {}
    }
    Ok(Some(before.saturating_sub(Taken::look(&shared.layout)?.all())))
}

/// Bytes that the file of an artifact takes that lies outside the library.
fn outside(shared: &Shared, artifact: Sha256) -> u64 {
    let catalogue = shared.catalogue();
    let places = catalogue.artifacts.get(&artifact).and_then(|entry| entry.known.outside.as_ref());
    places.and_then(Places::hidden).map_or(0, |found| device::allocated(&found))
}

/// Removes all that is left of an artifact that is in the catalogue no more, or not yet.
pub(crate) fn clear(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    shared.slots.close(artifact);
    let unname = || shared.index.remove(artifact).and_then(|()| shared.index.sync());
    // Files only go when no index that a crash leaves behind still names what is in them, or while
    // it is written down that this artifact is being forgotten.
    match unname() {
        Err(error) if error.is_unwritable() => {
            documents::give_room_back(&shared.layout, artifact)?;
            match unname() {
                // The next start does it before anything else.
                Err(error) if error.is_unwritable() => return Ok(()),
                unnamed => unnamed?,
            }
        }
        unnamed => unnamed?,
    }
    documents::finish_forgetting(&shared.layout, artifact)?;
    // Somebody may have opened what was about to go.
    shared.slots.lies(artifact, None);
    shared.busy.end(artifact)
}

/// Gives the pieces that others use too to one of them.
fn move_on(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let mut users: BTreeMap<Place, Vec<(Sha256, PieceIndex)>> = BTreeMap::new();
    let (geometry, bytes) = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(()) };
        for (user, entry) in catalogue.artifacts.iter().filter(|(user, _)| **user != artifact) {
            let lying = entry.lying_elsewhere().filter(|(_, place)| place.holder == artifact);
            lying.for_each(|(index, place)| users.entry(place).or_default().push((*user, index)));
        }
        let held = catalogue.shared().1;
        (entry.known.geometry, held.get(&artifact).copied().unwrap_or(0))
    };
    if users.is_empty() {
        return Ok(());
    }
    let no_room = || StoreError::Shared { artifact, bytes };
    let folder = shared.layout.store();
    if shared.index.is_away() || device::space(&folder).at(&folder)?.free < bytes {
        return Err(no_room());
    }
    let heirs: BTreeSet<Sha256> =
        users.values().filter_map(|users| users.first()).map(|(heir, _)| *heir).collect();
    let mut slots = BTreeMap::new();
    for heir in heirs {
        let known = shared.catalogue().artifacts.get(&heir).map(|entry| entry.known.geometry);
        let Some(geometry) = known else { continue };
        shared.busy.begin(heir)?;
        shared.slots.make(heir, &geometry)?;
        slots.extend(shared.slots.get(heir, &geometry)?.map(|slot| (heir, slot)));
    }
    let from = shared.slots.get(artifact, &geometry)?;
    let mut lost = BTreeSet::new();
    for (place, users) in &users {
        let Some((heir, index)) = users.first() else { continue };
        let Some(there) = geometry.index(place.index) else { continue };
        let copied = match (&from, slots.get(heir)) {
            (Some(from), Some(slot)) => from.copy_to(there, slot, *index),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        match copied.at(&folder) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => return Err(no_room()),
            Err(error) => {
                let read = from.as_ref().map(|from| from.read(there)).transpose()?;
                if matches!(read, Some(Looked::Whole(_) | Looked::Unknown(..))) {
                    return Err(error);
                }
                tracing::error!(%error, "a piece is lost with the artifact that held it");
                lost.insert(*place);
            }
        }
    }
    for (heir, slot) in &slots {
        shared.slots.sync(*heir, slot)?;
    }
    let mut changed = BTreeSet::new();
    {
        let mut catalogue = shared.catalogue();
        for (place, users) in &users {
            if lost.contains(place) {
                catalogue.mark(*place, Bad::Corrupt);
            }
            let Some((heir, first)) = users.first() else { continue };
            for (user, index) in users {
                let Some(entry) = catalogue.artifacts.get_mut(user) else { continue };
                let cell = entry.cell(*index);
                if cell.home() == Home::Own {
                    // It was kept anew meanwhile.
                    continue;
                }
                let home = if user == heir && index == first {
                    Home::Own
                } else {
                    entry.elsewhere.put(index.get(), Place { holder: *heir, index: first.get() });
                    Home::Other
                };
                entry.change(*index, cell.at(home));
                changed.insert(*user);
            }
        }
    }
    for user in changed {
        pipeline::fold(shared, user)?;
    }
    shared.index.sync()
}

/// Gives back the space of pieces that were found to be corrupt, and tells nobody else's.
pub(crate) fn give_back(
    shared: &Shared,
    artifact: Sha256,
    corrupt: &[PieceIndex],
) -> Result<(), StoreError> {
    let mut pieces: BTreeMap<Sha256, BTreeSet<u32>> = BTreeMap::new();
    {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(()) };
        for index in corrupt {
            let cell = entry.cell(*index);
            let place = match cell.home() {
                Home::Own => Some(Place { holder: artifact, index: index.get() }),
                Home::Other => entry.elsewhere.get(index.get()),
            };
            let place = place.filter(|_| cell.state() == State::Corrupt);
            place.map(|place| pieces.entry(place.holder).or_default().insert(place.index));
        }
    }
    for (holder, pieces) in pieces {
        let geometry = {
            let catalogue = shared.catalogue();
            // Whoever imports it may be writing there.
            let entry = catalogue.artifacts.get(&holder).filter(|entry| entry.lease.is_none());
            let Some(entry) = entry else { continue };
            entry.known.geometry
        };
        let Some(slot) = shared.slots.get(holder, &geometry)? else { continue };
        if slot.kind == Kind::Whole {
            shared.slots.make(holder, &geometry)?;
        }
        let slot = shared.slots.get(holder, &geometry)?;
        let Some(slot) = slot.filter(|slot| slot.kind == Kind::Part) else { continue };
        for index in pieces.into_iter().filter_map(|index| geometry.index(index)) {
            let is_corrupt = |entry: &Artifact| {
                let cell: Cell = entry.cell(index);
                (cell.home(), cell.state()) == (Home::Own, State::Corrupt)
            };
            if shared.catalogue().artifacts.get(&holder).is_some_and(is_corrupt) {
                slot.free(index)?;
            }
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
