//! Who gets the pieces of an artifact that goes.

use std::collections::BTreeMap;

use verifier::{PieceIndex, Sha256};

use super::{Catalogue, Elsewhere, Place};

/// What becomes of the pieces of an artifact that others use too.
#[derive(Debug, Default)]
pub(crate) struct Heirs {
    /// What is copied: which piece of it, into whose file, and as which piece of that.
    pub(crate) copies: Vec<(PieceIndex, Sha256, PieceIndex)>,
    /// Of all who use any: where their pieces lie then that are not in their own files.
    pub(crate) elsewhere: BTreeMap<Sha256, Elsewhere>,
}

impl Heirs {
    /// Each piece is copied to the first who uses it, and the others find it there; to one who has
    /// its pieces in too many places already, it is copied too.
    pub(crate) fn of(catalogue: &Catalogue, artifact: Sha256) -> Self {
        let mut heirs = Self::default();
        let mut places: BTreeMap<u32, Place> = BTreeMap::new();
        let Some(goes) = catalogue.artifacts.get(&artifact) else { return heirs };
        for (user, entry) in &catalogue.artifacts {
            let (mut elsewhere, mut is_heir) = (entry.elsewhere.clone(), false);
            for (index, place) in entry.lying_elsewhere() {
                let there = goes.known.geometry.index(place.index);
                let Some(there) = there.filter(|_| place.holder == artifact) else { continue };
                is_heir = true;
                let own = Place { holder: *user, index: index.get() };
                let heir = *places.entry(place.index).or_insert(own);
                if heir == own || elsewhere.is_full() {
                    heirs.copies.push((there, *user, index));
                } else {
                    elsewhere.put(index.get(), heir);
                }
            }
            is_heir.then(|| heirs.elsewhere.insert(*user, elsewhere));
        }
        heirs
    }
}
