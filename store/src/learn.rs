//! Piece lists, and what they say is kept already.

use std::collections::HashMap;
use std::sync::Arc;

use app::ports::Landed;
use verifier::piece::PieceList;
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use crate::catalogue::{Catalogue, Place};
use crate::documents;
use crate::error::StoreError;
use crate::pipeline;
use crate::shared::Shared;

/// The piece list of an artifact, if it was learnt and can be read.
pub(crate) fn list(shared: &Shared, artifact: Sha256) -> Option<Arc<PieceList>> {
    let (geometry, root) = {
        let catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get(&artifact)?;
        if let Some(list) = &entry.list {
            return Some(Arc::clone(list));
        }
        (entry.known.geometry, entry.known.root)
    };
    documents::read_list(&shared.layout, artifact, geometry, root)
}

/// Writes the list down and takes in pieces that other artifacts brought. For the one thread that
/// commits.
pub(crate) fn learn(
    shared: &Shared,
    artifact: Sha256,
    proven: &Arc<PieceList>,
) -> Result<Bitfield, StoreError> {
    {
        let catalogue = shared.catalogue();
        let known = &catalogue.artifact(artifact)?.known;
        if known.geometry != *proven.geometry() || known.root != proven.root() {
            return Err(StoreError::OtherList(artifact));
        }
    }
    if list(shared, artifact).is_none() {
        documents::write_list(&shared.layout, artifact, proven)?;
    }
    let (have, others) = {
        let mut catalogue = shared.catalogue();
        if let Some(entry) = catalogue.artifacts.get_mut(&artifact)
            && entry.lease.is_some()
        {
            entry.list = Some(Arc::clone(proven));
        }
        (catalogue.artifact(artifact)?.have.clone(), catalogue.alike(artifact))
    };
    shared.tell([Landed::List(artifact)]);
    if others.is_empty() || have.is_full() {
        return Ok(have);
    }
    let mut wanted = Wanted::new(artifact, proven, &have.complement());
    for other in others {
        if let Some(list) = list(shared, other) {
            wanted.look(&shared.catalogue(), other, &list);
        }
    }
    let found = wanted.found();
    if !found.is_empty() {
        take_in(shared, artifact, &found)?;
    }
    Ok(shared.catalogue().artifact(artifact)?.have.clone())
}

/// Pieces that are missing, and where others have them.
pub(crate) struct Wanted {
    artifact: Sha256,
    geometry: Geometry,
    wanted: HashMap<[u8; 32], Vec<PieceIndex>>,
    found: Vec<(PieceIndex, Place)>,
}

impl Wanted {
    pub(crate) fn new(artifact: Sha256, list: &PieceList, missing: &Bitfield) -> Self {
        let geometry = *list.geometry();
        let mut wanted: HashMap<[u8; 32], Vec<PieceIndex>> = HashMap::new();
        for index in missing.pieces(&geometry) {
            if let Some(digest) = list.digests().get(index.as_usize()) {
                wanted.entry(*digest.as_bytes()).or_default().push(index);
            }
        }
        Self { artifact, geometry, wanted, found: Vec::new() }
    }

    /// Looks which of them an artifact has, that has this list.
    pub(crate) fn look(&mut self, catalogue: &Catalogue, other: Sha256, list: &PieceList) {
        let Some(entry) = catalogue.artifacts.get(&other) else { return };
        let theirs = &entry.known.geometry;
        for there in entry.have.pieces(theirs) {
            let Some(digest) = list.digests().get(there.as_usize()) else { continue };
            // What lies with the artifact itself would go with it.
            let place = entry.place(other, there).filter(|place| place.holder != self.artifact);
            let Some(place) = place else { continue };
            for index in self.wanted.remove(digest.as_bytes()).unwrap_or_default() {
                if self.geometry.length(index) == theirs.length(there) {
                    self.found.push((index, place));
                }
            }
        }
    }

    /// Those that somebody has, in order.
    pub(crate) fn found(mut self) -> Vec<(PieceIndex, Place)> {
        self.found.sort_unstable();
        self.found
    }
}

/// Takes in pieces that lie at these places: in the own file, if it can share their blocks, or as
/// pieces that lie elsewhere.
fn take_in(
    shared: &Shared,
    artifact: Sha256,
    found: &[(PieceIndex, Place)],
) -> Result<(), StoreError> {
    let is_output = {
        let catalogue = shared.catalogue();
        catalogue.artifact(artifact)?.known.outside.is_some()
    };
    let copied = if shared.abilities.clones || is_output {
        copy(shared, artifact, found)?
    } else {
        Vec::new()
    };
    let taken = shared.catalogue().refer(artifact, found, &copied);
    pipeline::fold(shared, artifact)?;
    shared.index.sync()?;
    shared.tell(taken.into_iter().map(|index| Landed::Piece(artifact, index)));
    Ok(())
}

/// Copies pieces into the artifact's own file; those that could be, in order.
fn copy(
    shared: &Shared,
    artifact: Sha256,
    found: &[(PieceIndex, Place)],
) -> Result<Vec<PieceIndex>, StoreError> {
    let geometry = |artifact: Sha256| {
        shared.catalogue().artifacts.get(&artifact).map(|entry| entry.known.geometry)
    };
    let own = geometry(artifact).ok_or(StoreError::NotReserved(artifact))?;
    shared.busy.begin(artifact)?;
    let slot = shared.slots.make(artifact, &own)?;
    let mut copied = Vec::new();
    for (index, place) in found {
        let Some(theirs) = geometry(place.holder) else { continue };
        let Some(there) = theirs.index(place.index) else { continue };
        let Ok(Some(holder)) = shared.slots.get(place.holder, &theirs) else { continue };
        if let Err(error) = holder.copy_to(there, &slot, *index) {
            tracing::warn!(%error, "a piece of another artifact cannot be copied");
            continue;
        }
        copied.push(*index);
    }
    shared.slots.sync(artifact, &slot)?;
    Ok(copied)
}
