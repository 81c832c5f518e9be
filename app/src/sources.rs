//! Where each piece of an artifact came from, for receipts.

use verifier::piece::Source;
use verifier::{Geometry, PieceIndex, Sha256};

use crate::ports::{Failure, PieceState, PieceStore};

/// Where each piece came from, in whatever import it did.
///
/// # Errors
///
/// [`Failure`] if the store fails.
pub(crate) async fn sources<S: PieceStore>(
    store: &S,
    artifact: Sha256,
    geometry: &Geometry,
) -> Result<impl Iterator<Item = (PieceIndex, Source)>, Failure> {
    let map = store.map(artifact).await?.unwrap_or_default();
    let source = |state| match state {
        PieceState::Kept { source, .. } => source,
        // It is in the output, which is verified; that it went bad since is another matter.
        PieceState::Missing | PieceState::Corrupt => Source::Local,
    };
    Ok(geometry.indices().zip(map.into_iter().map(source)))
}
