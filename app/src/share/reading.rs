//! A listed file's pieces on their way into the library.

use std::io::{self, Read, Seek, SeekFrom};

use tokio::sync::mpsc;
use verifier::piece::{ArrivedPiece, PieceList, Source, VerifiedPiece};
use verifier::{Bitfield, Geometry, PieceIndex};

use super::ShareError;
use crate::buffers::Buffers;

/// Bytes that are verified together, or two pieces if those are longer.
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
    let (most, buffers) = (together(geometry) as usize, Buffers::default());
    let mut indices = missing.pieces(geometry);
    loop {
        let next = indices.by_ref().take(most);
        let arrived = read_together(file, geometry, next, &buffers).map_err(ShareError::File)?;
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

/// How many pieces are read and verified together.
pub(crate) fn together(geometry: &Geometry) -> u32 {
    (VERIFY_BYTES / geometry.piece_size()).max(2)
}

/// Reads those pieces of a file, in their order, into memory of `buffers`.
///
/// # Errors
///
/// Those of the file; [`io::ErrorKind::UnexpectedEof`] if it ends before a piece does.
pub(crate) fn read_together(
    file: &mut (impl Read + Seek),
    geometry: &Geometry,
    indices: impl Iterator<Item = PieceIndex>,
    buffers: &Buffers,
) -> io::Result<Vec<ArrivedPiece>> {
    indices
        .map(|index| {
            let mut buffer = buffers.take_full(geometry.length(index));
            file.seek(SeekFrom::Start(geometry.offset(index)))?;
            file.read_exact(buffer.bytes_mut())?;
            let bytes = buffer.freeze();
            Ok(ArrivedPiece { index: index.get(), bytes, from: Source::Local })
        })
        .collect()
}
