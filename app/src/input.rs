//! Files that the user gives to read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use crate::problem::Problem;

/// The most bytes of a manifest that are read: one past its limit, so that its own rule speaks.
pub const MANIFEST: u64 = 65_536 + 1;
/// The same for a request.
pub const REQUEST: u64 = 1_048_576 + 1;
/// The same for an offer.
pub const OFFER: u64 = 65_536 + 1;
/// The same for an announcement.
pub const ANNOUNCEMENT: u64 = 65_536 + 1;
/// The same for a receipt.
pub const RECEIPT: u64 = 131_072 + 1;
/// The same for a chunk list.
pub const CHUNK_LIST: u64 = 100_663_296 + 1;

/// Reads a small document, at most `limit` bytes of it.
///
/// # Errors
///
/// `io.failed` if it cannot be read.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Problem> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Problem::io("read", path, &error))?;
    Ok(bytes)
}

/// Opens a file for reading once, with its length in bytes.
///
/// # Errors
///
/// `io.failed` if it cannot be opened or is no regular file.
pub fn open(path: &Path) -> Result<(File, u64), Problem> {
    let failed = |error: &std::io::Error| Problem::io("open", path, error);
    // Looked at before it is opened: opening a pipe would wait for somebody to write.
    let metadata = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        let error = std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is no regular file");
        return Err(failed(&error));
    }
    let file = File::open(path).map_err(|error| failed(&error))?;
    let length = file.metadata().map_err(|error| failed(&error))?.len();
    Ok((file, length))
}

/// A file that tells how far it was read, and stops being one when it is told to.
#[derive(Debug)]
pub struct Watched<R, F> {
    inner: R,
    on: F,
}

impl<R, F: FnMut(u64) -> ControlFlow<()>> Watched<R, F> {
    /// Watches a file: `on` hears after each reading how many bytes it gave, and may end it.
    pub const fn new(inner: R, on: F) -> Self {
        Self { inner, on }
    }
}

impl<R: Read, F: FnMut(u64) -> ControlFlow<()>> Read for Watched<R, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        match (self.on)(read as u64) {
            ControlFlow::Continue(()) => Ok(read),
            ControlFlow::Break(()) => Err(io::Error::other("nobody wants it any more")),
        }
    }
}

impl<R: Seek, F> Seek for Watched<R, F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};
    use std::ops::ControlFlow;

    use super::Watched;

    #[test]
    fn a_watched_file_is_read_until_its_watcher_has_enough() {
        let mut told = 0;
        let mut text = String::new();
        let on = |bytes| {
            told += bytes;
            ControlFlow::Continue(())
        };
        Watched::new(Cursor::new("whole"), on).read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), told), ("whole", 5));
        let mut ended = Watched::new(Cursor::new("whole"), |_| ControlFlow::Break(()));
        assert!(ended.read_to_string(&mut text).is_err());
    }
}
