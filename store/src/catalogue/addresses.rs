//! Where the bytes of an address lie.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::pack::Location;

/// Places by the first 8 bytes of the address. Whoever trusts one reads the whole address there
/// first.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    places: HashMap<u64, Location>,
    /// Places at which nothing sound lies, whatever `places` says.
    spoilt: HashSet<Location>,
}

impl Addresses {
    /// Where the bytes of an address lie, as far as is known.
    pub(crate) fn place_of(&self, short: u64) -> Option<Location> {
        self.places.get(&short).copied().filter(|place| !self.is_spoilt(*place))
    }

    /// Whether nothing sound lies there.
    pub(crate) fn is_spoilt(&self, place: Location) -> bool {
        self.spoilt.contains(&place)
    }

    /// Says that sound bytes of this address lie there.
    pub(crate) fn lie_at(&mut self, short: u64, place: Location) {
        self.places.insert(short, place);
        self.spoilt.remove(&place);
    }

    /// Says that nothing sound lies there.
    pub(super) fn spoil(&mut self, place: Location) {
        self.spoilt.insert(place);
    }

    /// Forgets an address that lies there.
    pub(crate) fn take_back(&mut self, short: u64, place: Location) {
        if self.places.get(&short) == Some(&place) {
            self.places.remove(&short);
        }
    }

    /// Forgets every address that lies at one of these places.
    pub(crate) fn clear(&mut self, dead: &BTreeSet<Location>) {
        self.places.retain(|_, place| !dead.contains(place));
    }
}
