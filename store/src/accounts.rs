//! What the store takes on the disk.

use std::collections::BTreeMap;

use app::ports::{Accounts, Footprint};
use verifier::Sha256;

use crate::catalogue::Catalogue;
use crate::device;
use crate::documents;
use crate::error::{At as _, StoreError};
use crate::pack::{BLOCK, Location, blocks};
use crate::shared::Shared;

/// Where the store's bytes are.
pub(crate) fn accounts(shared: &Shared) -> Result<Accounts, StoreError> {
    let (live, reserved, quota) = {
        let catalogue = shared.catalogue();
        (catalogue.live_bytes(), catalogue.reserved(), catalogue.quota)
    };
    let folder = shared.layout.store();
    Ok(Accounts {
        live,
        dead: shared.packs.allocated()?.saturating_sub(live),
        index: shared.index.size()?.saturating_add(documents::size(&shared.layout)?),
        reserved,
        quota,
        free: device::space(&folder).at(&folder)?.free,
    })
}

/// What each artifact takes: in places of its own, and in places that others use too.
pub(crate) fn footprints(catalogue: &Catalogue) -> BTreeMap<Sha256, Footprint> {
    let mut footprints: BTreeMap<Sha256, Footprint> = catalogue
        .artifacts
        .keys()
        .map(|artifact| (*artifact, Footprint { artifact: *artifact, own: 0, shared: 0 }))
        .collect();
    let mut uses: Vec<(Location, usize, u32)> = Vec::new();
    for (number, entry) in catalogue.artifacts.values().enumerate() {
        let geometry = &entry.known.geometry;
        uses.extend(entry.lying().map(|(index, place)| (place, number, geometry.length(index))));
    }
    uses.sort_unstable();
    // An artifact may have the same piece twice.
    uses.dedup_by_key(|(place, number, _)| (*place, *number));
    let mut all: Vec<&mut Footprint> = footprints.values_mut().collect();
    for users in uses.chunk_by(|(one, ..), (other, ..)| one == other) {
        let is_shared = users.len() > 1;
        for (_, number, length) in users {
            let Some(footprint) = all.get_mut(*number) else { continue };
            let taken = if is_shared { &mut footprint.shared } else { &mut footprint.own };
            *taken += blocks(*length) * BLOCK;
        }
    }
    footprints
}
