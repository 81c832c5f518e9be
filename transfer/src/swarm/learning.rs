//! The piece list: fetched once, and proven before anything is judged by it.

use std::sync::Arc;

use app::ports::Pulled;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use verifier::digest::ChunkDigest;
use verifier::piece::PieceList;
use verifier::{Bitfield, PieceIndex};

use crate::pace;
use crate::session::{Ear, SessionError, Voice};
use crate::swarm::table::Table;
use crate::wire::{Digests, Frame, MAX_DIGESTS};

/// Learns the list from this peer unless another session does, and waits until it is known.
///
/// # Errors
///
/// [`SessionError::List`] if the peer's list does not lead to the root: it lied.
pub(super) async fn learn<R, W>(
    table: &Table,
    ear: &mut Ear<R>,
    voice: &mut Voice<W>,
    have: &mut Bitfield,
) -> Result<Arc<PieceList>, SessionError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if let Some(list) = table.list() {
        return Ok(list);
    }
    let _learner = table.learner.lock().await;
    if let Some(list) = table.list() {
        return Ok(list);
    }
    voice.send(&Frame::Learn).await?;
    let frames = table.geometry.piece_count().div_ceil(MAX_DIGESTS);
    let deadline = pace::OPEN + pace::LIST_FRAME * frames;
    let digests = timeout(deadline, fetch(table, ear, have)).await;
    let digests = digests.map_err(|_| SessionError::Silent)??;
    let (geometry, root) = (table.geometry, table.root);
    let proven = tokio::task::spawn_blocking(move || PieceList::prove(geometry, root, digests));
    let list = Arc::new(proven.await.map_err(|_| SessionError::Cancelled)??);

    let _held = table.hold();
    let (answer, answered) = oneshot::channel();
    let sent = table.out().send(Pulled::List(Arc::clone(&list), answer)).await;
    sent.map_err(|_| SessionError::Cancelled)?;
    let wanted = answered.await.map_err(|_| SessionError::Cancelled)?;
    table.learnt(Arc::clone(&list), &wanted);
    Ok(list)
}

async fn fetch<R: AsyncRead + Unpin>(
    table: &Table,
    ear: &mut Ear<R>,
    have: &mut Bitfield,
) -> Result<Vec<ChunkDigest>, SessionError> {
    let count = table.geometry.piece_count() as usize;
    let mut digests = Vec::new();
    while digests.len() < count {
        match ear.frame(pace::OPEN).await? {
            Frame::Digests(Digests { first, bytes }) => {
                let (found, rest) = bytes.as_chunks::<32>();
                let fits = rest.is_empty() && found.len() <= count - digests.len();
                if !fits || first as usize != digests.len() {
                    return Err(SessionError::Order {
                        index: first,
                        offset: first,
                        expected: u32::try_from(digests.len()).unwrap_or(u32::MAX),
                    });
                }
                table.learning();
                digests.extend(found.iter().map(|bytes| ChunkDigest::from_bytes(*bytes)));
            }
            Frame::Have(index) => {
                have.insert(known(table, index)?);
            }
            Frame::Stay => {}
            other => return Err(SessionError::Unexpected(other.kind())),
        }
    }
    Ok(digests)
}

/// A piece that a peer names, if there is such a piece.
///
/// # Errors
///
/// [`SessionError::Unasked`] if there is none.
pub(super) fn known(table: &Table, index: u32) -> Result<PieceIndex, SessionError> {
    table.geometry.index(index).ok_or(SessionError::Unasked(index))
}
