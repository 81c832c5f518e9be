//! Verifies again what is kept.

use app::ports::Recheck;
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::error::StoreError;
use crate::shared::{Found, Shared};
use crate::workers::{self, Next};

/// Reads those of the pieces that are kept, or that could not be read before, on all cores; all of
/// them, where none are named. `on` hears how many are done and says whether to go on.
///
/// What is sound is dated with the day; the index has that after the next exclusive job.
pub(crate) fn recheck(
    shared: &Shared,
    artifact: Sha256,
    pieces: Option<&Bitfield>,
    on: impl FnMut(u32) -> Next + Send,
) -> Result<Option<Recheck>, StoreError> {
    let lying: Vec<PieceIndex> = {
        let catalogue = shared.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        let wanted = |index: &PieceIndex| pieces.is_none_or(|pieces| pieces.contains(*index));
        entry.lying().filter(wanted).collect()
    };
    // The bytes go at once: what is left of many pieces is what is wrong with them.
    let look = |index| {
        Ok(match shared.read_again(artifact, index)? {
            Found::Whole(_) => Seen::Whole,
            Found::Missing => Seen::Gone,
            Found::Corrupt => Seen::Corrupt,
            Found::Unread => Seen::Unread,
        })
    };
    let mut seen = workers::each(&lying, look, on)?;
    seen.sort_unstable_by_key(|(index, _)| *index);
    let of = |wanted: Seen| seen.iter().filter(move |it| it.1 == wanted).map(|it| it.0).collect();
    let checked = u32::try_from(seen.len()).unwrap_or(u32::MAX);
    Ok(Some(Recheck { checked, corrupt: of(Seen::Corrupt), unread: of(Seen::Unread) }))
}

/// What was seen of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Whole,
    /// It was forgotten, or moved, meanwhile.
    Gone,
    Corrupt,
    /// Nothing is known of its bytes, so that they stay.
    Unread,
}
