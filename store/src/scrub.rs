//! Verifies again what is kept.

use app::ports::Recheck;
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::error::StoreError;
use crate::shared::{Found, Shared};

/// Reads those of the pieces that are kept, or that could not be read before, one at a time; `on`
/// hears how many are done and says whether to go on.
pub(crate) fn recheck(
    shared: &Shared,
    artifact: Sha256,
    pieces: Option<&Bitfield>,
    mut on: impl FnMut(u32) -> Next,
) -> Result<Option<Recheck>, StoreError> {
    let kept: Vec<PieceIndex> = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        entry.lying().filter(|index| pieces.is_none_or(|pieces| pieces.contains(*index))).collect()
    };
    let mut recheck = Recheck { checked: 0, corrupt: Vec::new(), unread: Vec::new() };
    for index in kept {
        match shared.read_again(artifact, index)? {
            Found::Whole(_) | Found::Missing => {}
            // Nothing is known of its bytes, so that they stay.
            Found::Unread => recheck.unread.push(index),
            Found::Corrupt => recheck.corrupt.push(index),
        }
        recheck.checked += 1;
        if on(recheck.checked) == Next::Stop {
            break;
        }
    }
    Ok(Some(recheck))
}

/// Whether a recheck goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    Stop,
}
