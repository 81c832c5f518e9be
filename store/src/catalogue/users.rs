//! Who lies where: the pieces of the library by their places.

use std::collections::{BTreeMap, BTreeSet};

use verifier::{PieceIndex, Sha256};

use super::Artifact;
use crate::pack::Location;

/// Every piece that lies somewhere, in the order of places.
///
/// One that went stays here: whoever asks looks whether it is still there.
#[derive(Debug)]
pub(super) struct Users {
    artifacts: Vec<Sha256>,
    /// With the artifact's number in the list, and the piece's in the artifact.
    places: BTreeSet<(Location, u32, u32)>,
}

impl Users {
    pub(super) fn of(artifacts: &BTreeMap<Sha256, Artifact>) -> Self {
        let numbered = (0..).zip(artifacts.values());
        let places = numbered.flat_map(|(number, entry)| {
            entry.lying().map(move |(index, place)| (place, number, index.get()))
        });
        Self { artifacts: artifacts.keys().copied().collect(), places: places.collect() }
    }

    /// Says that a piece lies there now.
    pub(super) fn lie_at(&mut self, artifact: Sha256, index: PieceIndex, place: Location) {
        let number = self.artifacts.iter().position(|known| *known == artifact);
        let number = number.unwrap_or_else(|| {
            self.artifacts.push(artifact);
            self.artifacts.len() - 1
        });
        if let Ok(number) = u32::try_from(number) {
            self.places.insert((place, number, index.get()));
        }
    }

    /// Says that nothing lies there any more.
    pub(super) fn leave(&mut self, place: Location) {
        let gone: Vec<_> =
            self.places.range((place, 0, 0)..=(place, u32::MAX, u32::MAX)).copied().collect();
        for gone in gone {
            self.places.remove(&gone);
        }
    }

    /// What lay from one place to another: where, whose, and the piece's number.
    pub(super) fn between(
        &self,
        from: Location,
        to: Location,
    ) -> impl Iterator<Item = (Location, Sha256, u32)> + '_ {
        let there = self.places.range((from, 0, 0)..=(to, u32::MAX, u32::MAX));
        there.filter_map(|(place, number, index)| {
            Some((*place, *self.artifacts.get(*number as usize)?, *index))
        })
    }
}
