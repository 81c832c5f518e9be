//! Piece lists, and what they say is kept already.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use app::ports::Landed;
use verifier::digest::ChunkDigest;
use verifier::piece::{PieceList, Source};
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::catalogue::short;
use crate::documents;
use crate::error::StoreError;
use crate::index::{Kept, Known};
use crate::pack::Location;
use crate::shared::Shared;

/// The piece list of an artifact, if it was learnt.
pub(crate) fn list(
    shared: &Shared,
    artifact: Sha256,
) -> Result<Option<Arc<PieceList>>, StoreError> {
    let (geometry, root) = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        if let Some(list) = &entry.list {
            return Ok(Some(Arc::clone(list)));
        }
        (entry.known.geometry, entry.known.root)
    };
    documents::read_list(&shared.layout, artifact, geometry, root)
}

/// Writes the list down and refers to pieces that other artifacts brought.
pub(crate) fn learn(
    shared: &Shared,
    artifact: Sha256,
    proven: &Arc<PieceList>,
) -> Result<Bitfield, StoreError> {
    let known = {
        let catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get(&artifact);
        entry.ok_or(StoreError::NotReserved(artifact))?.known.clone()
    };
    if known.geometry != *proven.geometry() || known.root != proven.root() {
        return Err(StoreError::OtherList(artifact));
    }
    if list(shared, artifact)?.is_none() {
        documents::write_list(&shared.layout, artifact, proven)?;
    }
    let wanted: HashSet<[u8; 32]> = {
        let mut catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get_mut(&artifact);
        let entry = entry.ok_or(StoreError::NotReserved(artifact))?;
        if entry.lease.is_some() {
            entry.list = Some(Arc::clone(proven));
        }
        let missing = entry.have.complement();
        let digests = missing.pieces(&known.geometry).filter_map(|index| digest(proven, index));
        digests.map(|digest| *digest.as_bytes()).collect()
    };
    shared.tell([Landed::List(artifact)]);
    let places = kept_elsewhere(shared, &known, &wanted)?;
    refer(shared, artifact, proven, &places)
}

/// Where pieces with these digests lie.
fn kept_elsewhere(
    shared: &Shared,
    known: &Known,
    wanted: &HashSet<[u8; 32]>,
) -> Result<HashMap<[u8; 32], Location>, StoreError> {
    let mut places = HashMap::new();
    let others: Vec<Sha256> = {
        let catalogue = shared.catalogue();
        let alike = |other: &Known| other.root.algorithm() == known.root.algorithm();
        let others = catalogue.artifacts.iter();
        let others = others.filter(|(_, entry)| alike(&entry.known) && !entry.have.is_empty());
        others.map(|(artifact, _)| *artifact).collect()
    };
    for other in others {
        let list = match list(shared, other) {
            Ok(Some(list)) => list,
            Ok(None) => continue,
            Err(error) => {
                // What is wrong with another artifact is no reason to keep this one from coming.
                tracing::error!(%error, artifact = %other, "cannot read a piece list");
                continue;
            }
        };
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&other) else { continue };
        for (index, place) in entry.kept() {
            let digest = digest(&list, index).map(|digest| *digest.as_bytes());
            if let Some(digest) = digest.filter(|digest| wanted.contains(digest)) {
                places.insert(digest, place);
            }
        }
    }
    Ok(places)
}

/// Marks the missing pieces that lie at these places as kept.
fn refer(
    shared: &Shared,
    artifact: Sha256,
    list: &PieceList,
    places: &HashMap<[u8; 32], Location>,
) -> Result<Bitfield, StoreError> {
    let mut kept = Vec::new();
    if !places.is_empty() {
        let missing = match shared.catalogue().artifacts.get(&artifact) {
            Some(entry) => entry.have.complement(),
            None => return Err(StoreError::NotReserved(artifact)),
        };
        for index in missing.pieces(list.geometry()) {
            let place = digest(list, index).and_then(|digest| places.get(digest.as_bytes()));
            let Some(place) = place else { continue };
            // The header is asked as well, so that a wrong index cannot spread.
            let described = shared.packs.described(*place)?;
            let same = described.filter(|piece| {
                digest(list, index) == Some(piece.digest)
                    && piece.length == list.geometry().length(index)
            });
            if let Some(piece) = same {
                kept.push((index, *place, short(&piece.address)));
            }
        }
    }
    let rows: Vec<_> = kept
        .iter()
        .map(|(index, place, short)| (Source::Local, Kept::new(index.get(), *place, *short)))
        .collect();
    let entries = {
        let mut catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get_mut(&artifact);
        entry.ok_or(StoreError::NotReserved(artifact))?.changes(artifact, &rows)
    };
    shared.index.append(&entries)?;
    shared.index.sync()?;
    let mut catalogue = shared.catalogue();
    // What was read in the meantime may have turned out to be bad.
    kept.retain(|(_, place, _)| !catalogue.addresses.is_spoilt(*place));
    let landed: Vec<_> = kept.iter().map(|(index, ..)| Landed::Piece(artifact, *index)).collect();
    for (index, place, _) in kept {
        catalogue.keep(artifact, index, place, Source::Local);
    }
    let entry = catalogue.artifacts.get(&artifact);
    let have = entry.ok_or(StoreError::NotReserved(artifact))?.have.clone();
    drop(catalogue);
    shared.tell(landed);
    Ok(have)
}

fn digest(list: &PieceList, index: PieceIndex) -> Option<ChunkDigest> {
    list.digests().get(index.as_usize()).copied()
}
