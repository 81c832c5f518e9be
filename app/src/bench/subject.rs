//! The artifact that is verified over and over.

use std::io::{self, Cursor, Read, Seek};

use bytes::Bytes;
use verifier::slm::{Quantisation, Shape, write_sample};

use super::BenchError;

/// A valid f32 `.slm` of about so many bytes, with made-up weights.
///
/// # Errors
///
/// [`BenchError::Size`] if no sample comes near that size.
pub fn artifact(bytes: u64) -> Result<Bytes, BenchError> {
    let shape = Shape::near(bytes, Quantisation::F32).ok_or(BenchError::Size(bytes))?;
    let mut out = Cursor::new(Vec::new());
    write_sample(&shape, Quantisation::F32, 1, &mut out).map_err(BenchError::Read)?;
    Ok(out.into_inner().into())
}

/// An artifact in memory, and the same as a file that each thread opens for itself.
#[derive(Debug)]
pub struct Subject<F> {
    artifact: Bytes,
    open: F,
}

impl<F, R> Subject<F>
where
    F: Fn() -> io::Result<R> + Sync,
    R: Read + Seek,
{
    /// Takes the artifact's bytes, and how its file is opened for reading.
    pub const fn new(artifact: Bytes, open: F) -> Self {
        Self { artifact, open }
    }

    /// The artifact's bytes.
    pub const fn artifact(&self) -> &Bytes {
        &self.artifact
    }

    /// Opens the artifact's file at its start.
    pub(super) fn open(&self) -> Result<R, BenchError> {
        (self.open)().map_err(BenchError::Read)
    }
}
