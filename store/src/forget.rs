//! Giving space back: what is forgotten, and what lies in places that nothing refers to any more.
//!
//! Everything here runs between two batches of the writer.

use std::collections::BTreeSet;

use verifier::Sha256;

use crate::catalogue::{Artifact, Catalogue};
use crate::device::Punched;
use crate::documents;
use crate::error::StoreError;
use crate::index::Index;
use crate::pack::Location;
use crate::quota::PIECE_OVERHEAD;
use crate::shared::Shared;

/// The index may take this many bytes more than its pieces need before it is written anew.
const INDEX_SLACK: u64 = 8 << 20;

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
    may: impl FnOnce(&Catalogue) -> Result<bool, StoreError>,
) -> Result<Option<u64>, StoreError> {
    let places: BTreeSet<Location> = {
        let mut catalogue = shared.catalogue();
        if !may(&catalogue)? {
            return Ok(None);
        }
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        let places = entry.lying().map(|(_, place)| place).collect();
        catalogue.artifacts.remove(&artifact);
        catalogue.drop_users();
        places
    };
    let before = shared.packs.allocated()?.saturating_add(documents::size(&shared.layout)?);
    documents::begin_to_forget(&shared.layout, artifact)?;
    shared.index.remove(artifact)?;
    // Places are only given up when no index that a crash leaves behind still names them.
    shared.index.sync()?;
    give_back(shared, &places)?;
    documents::finish_forgetting(&shared.layout, artifact)?;
    let pieces = shared.catalogue().kept_pieces();
    trim_index(&shared.index, pieces)?;
    let after = shared.packs.allocated()?.saturating_add(documents::size(&shared.layout)?);
    Ok(Some(before.saturating_sub(after)))
}

/// Gives back the space of those places that nothing refers to any more.
pub(crate) fn give_back(shared: &Shared, places: &BTreeSet<Location>) -> Result<(), StoreError> {
    let (dead, headers, empty) = {
        let mut catalogue = shared.catalogue();
        let live = catalogue.recount();
        let header = |place: &Location| (place.pack, place.block);
        let dead: BTreeSet<Location> = places
            .iter()
            .copied()
            .filter(|place| live.binary_search_by_key(place, |(place, _)| *place).is_err())
            .collect();
        catalogue.addresses.clear(&dead);
        let headers: BTreeSet<(u32, u32)> = dead
            .iter()
            .map(header)
            .filter(|run| live.binary_search_by_key(run, |(place, _)| header(place)).is_err())
            .collect();
        let packs: BTreeSet<u32> = dead.iter().map(|place| place.pack).collect();
        let empty: BTreeSet<u32> =
            packs.into_iter().filter(|pack| !catalogue.live.contains_key(pack)).collect();
        (dead, headers, empty)
    };
    if !empty.is_empty() {
        shared.ask_to_roll();
    }
    for pack in &empty {
        shared.packs.remove(*pack)?;
    }
    // Pieces before headers, which say where the pieces are.
    for place in dead.iter().filter(|place| !empty.contains(&place.pack)) {
        if shared.packs.punch(*place)? == Punched::Unable {
            tracing::debug!(pack = place.pack, "dead space stays until its pack is empty");
        }
    }
    for (pack, block) in headers.iter().filter(|(pack, _)| !empty.contains(pack)) {
        shared.packs.punch_header(*pack, *block)?;
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
