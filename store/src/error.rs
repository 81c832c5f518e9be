//! Why the store failed.

use std::io;
use std::path::PathBuf;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk failed.
    #[error("the disk failed")]
    Disk(#[from] io::Error),
    /// The index holds something that is no fact of this version.
    #[error("the index is damaged or of another version")]
    Index,
    /// A fact could not be written or read.
    #[error("the index is damaged or of another version")]
    Fact(#[from] app::codec::CodecError),
    /// The index failed.
    #[error("the index failed")]
    Sled(#[source] sled::Error),
    /// There is no such artifact.
    #[error("there is no such artifact in the library")]
    Unknown,
    /// The piece list does not belong to the artifact.
    #[error("the piece list is not the artifact's")]
    OtherList,
    /// The store was closed.
    #[error("the store was closed")]
    Closed,
    /// The data folder is gone.
    #[error("the data folder {} is gone", .0.display())]
    Gone(PathBuf),
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::Disk(error),
            other => Self::Sled(other),
        }
    }
}
