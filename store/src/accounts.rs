//! What the store takes on the disk.

use std::collections::BTreeMap;

use app::ports::{Accounts, Footprint};
use verifier::Sha256;

use crate::device;
use crate::documents::Taken;
use crate::error::{At as _, StoreError};
use crate::shared::Shared;

/// Where the store's bytes are.
pub(crate) fn accounts(shared: &Shared) -> Result<Accounts, StoreError> {
    let taken = Taken::look(&shared.layout)?;
    let (reserved, quota, shared_bytes) = {
        let catalogue = shared.catalogue();
        (
            catalogue.reserved(&taken.pieces),
            catalogue.quota,
            catalogue.shared().0.into_values().sum(),
        )
    };
    let folder = shared.layout.store();
    Ok(Accounts {
        live: taken.pieces(),
        shared: shared_bytes,
        index: shared.index.size()?.saturating_add(taken.papers),
        reserved,
        quota,
        free: device::space(&folder).at(&folder)?.free,
    })
}

/// What each artifact takes: by itself, and by pieces that others use too.
pub(crate) fn footprints(shared: &Shared) -> Result<BTreeMap<Sha256, Footprint>, StoreError> {
    let taken = Taken::look(&shared.layout)?.pieces;
    let catalogue = shared.catalogue();
    let (borrowed, lent) = catalogue.shared();
    let of = |all: &BTreeMap<Sha256, u64>, artifact: &Sha256| {
        all.get(artifact).copied().unwrap_or_default()
    };
    let footprint = |artifact: &Sha256| {
        let lent = of(&lent, artifact);
        let own = of(&taken, artifact).saturating_sub(lent);
        let shared = of(&borrowed, artifact).saturating_add(lent);
        (*artifact, Footprint { artifact: *artifact, own, shared })
    };
    Ok(catalogue.artifacts.keys().map(footprint).collect())
}
