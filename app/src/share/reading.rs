//! A listed file's pieces on their way into the library.

use std::io::{Read, Seek, SeekFrom};

use bytes::BytesMut;
use tokio::sync::mpsc;
use verifier::Bitfield;
use verifier::piece::{ArrivedPiece, PieceList, Source, VerifiedPiece};

use super::ShareError;

/// Bytes that are verified together, or one piece if that is longer.
const VERIFY_BYTES: u32 = 4 << 20;

/// Reads the pieces that are missing, verifies some together, and hands them on until nobody takes
/// them any more.
///
/// # Errors
///
/// [`ShareError::File`] if the file cannot be read, and [`ShareError::Changed`] if it is not what was
/// listed.
pub(super) fn read_pieces(
    file: &mut (impl Read + Seek),
    list: &PieceList,
    missing: &Bitfield,
    out: &mpsc::Sender<VerifiedPiece>,
) -> Result<(), ShareError> {
    let geometry = list.geometry();
    let mut read = |index| {
        file.seek(SeekFrom::Start(geometry.offset(index))).map_err(ShareError::File)?;
        let mut bytes = BytesMut::zeroed(geometry.length(index) as usize);
        file.read_exact(&mut bytes).map_err(ShareError::File)?;
        Ok(ArrivedPiece { index: index.get(), bytes: bytes.freeze(), from: Source::Local })
    };
    let most = (VERIFY_BYTES / geometry.piece_size()).max(1) as usize;
    let mut indices = missing.pieces(geometry);
    loop {
        let arrived = indices.by_ref().take(most).map(&mut read);
        let arrived = arrived.collect::<Result<Vec<_>, ShareError>>()?;
        if arrived.is_empty() {
            return Ok(());
        }
        for piece in list.verify_all(arrived) {
            if out.blocking_send(piece.map_err(ShareError::Changed)?).is_err() {
                return Ok(());
            }
        }
    }
}
