//! Verifies again what is kept.

use std::collections::BTreeSet;

use app::ports::Recheck;
use verifier::{Bitfield, Sha256};

use crate::error::StoreError;
use crate::pack::Location;
use crate::shared::{Found, Shared};

/// What a recheck found, and the places that are no longer of use.
#[derive(Debug)]
pub(crate) struct Scrubbed {
    pub(crate) recheck: Recheck,
    pub(crate) spoilt: BTreeSet<Location>,
}

/// Reads those of the pieces that are kept, or that could not be read before, one at a time; `on`
/// hears how many are done and says whether to go on.
pub(crate) fn recheck(
    shared: &Shared,
    artifact: Sha256,
    pieces: Option<&Bitfield>,
    mut on: impl FnMut(u32) -> Next,
) -> Result<Option<Scrubbed>, StoreError> {
    let kept: Vec<_> = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        entry
            .lying()
            .filter(|(index, _)| pieces.is_none_or(|pieces| pieces.contains(*index)))
            .collect()
    };
    let mut recheck = Recheck { checked: 0, corrupt: Vec::new(), unread: Vec::new() };
    let mut spoilt = BTreeSet::new();
    for (index, place) in kept {
        match shared.read_again(artifact, index, place)? {
            Found::Whole(_) | Found::Missing => {}
            // Nothing is known of its bytes, so that they stay.
            Found::Unread => recheck.unread.push(index),
            Found::Corrupt => {
                recheck.corrupt.push(index);
                spoilt.insert(place);
            }
        }
        recheck.checked += 1;
        if on(recheck.checked) == Next::Stop {
            break;
        }
    }
    Ok(Some(Scrubbed { recheck, spoilt }))
}

/// Whether a recheck goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    Stop,
}
