//! What can go wrong with the disk, in words for a person.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use app::blame::machine_advice;
use app::ports::JournalError;
use app::quantity::Size;
use app::{Blame, Blamed};
use verifier::{Advice, Code, Remedy, Sha256};

use crate::book::BookError;
use crate::layout::LayoutError;
use crate::lock::LockError;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open, or the lock cannot be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The consent log is not a valid one, or cannot be read.
    #[error(transparent)]
    Journal(JournalError),
    /// The book of peers cannot be used.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The disk failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl Blamed for OpenError {
    fn blame(&self) -> Blame {
        match self {
            Self::Journal(error) => error.blame(),
            _ => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Journal(error) => error.code(),
            _ => Code::new("io", "failed"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Journal(error) => error.field(),
            Self::Book(_) => "book.json".into(),
            _ => "data-dir".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Lock(LockError::Held { .. } | LockError::HeldUnnamed) => {
                Advice::new("Close that program, or wait until it is done.")
                    .by(Remedy::UseOtherData)
            }
            Self::Layout(LayoutError::NotAFolder(_)) => {
                Advice::new("Give another path to the data folder.").by(Remedy::UseOtherData)
            }
            Self::Layout(LayoutError::Lost(_)) => Advice::new(
                "Connect the disk that it lies on, or put it back where it was; then try again.",
            ),
            Self::Layout(LayoutError::Packs(store)) => Advice::from(format!(
                "Put the folder {} aside, then share or import the models again. Peers, consents \
                 and receipts stay.",
                store.display()
            )),
            Self::Layout(LayoutError::VersionDamaged(_)) => Advice::new(
                "Remove that file, unless a newer version of this program had the library: then use \
                 that one. It is made anew, and the models stay.",
            ),
            Self::Layout(LayoutError::Newer { .. }) => {
                Advice::new("Use the newer version of this program for this library.")
                    .by(Remedy::UseOtherData)
            }
            Self::Lock(LockError::Unable { .. }) => {
                Advice::new("Take a data folder on another disk.").by(Remedy::UseOtherData)
            }
            Self::Lock(LockError::Failed { source, .. })
            | Self::Layout(
                LayoutError::NotWritable { source, .. } | LayoutError::NotReadable { source, .. },
            ) => machine_advice(source).by(Remedy::UseOtherData),
            Self::Journal(error) => error.advice(),
            Self::Book(error) => error.advice(),
            Self::Failed(error) => machine_advice(error),
        }
    }
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full: nothing more can be written under {}", path.display())]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder that was there is not there any more.
    #[error("{} is gone: the data folder was moved or removed", path.display())]
    Gone {
        /// What is gone.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing may be written on that disk.
    #[error("{} lies on a disk that may only be read", path.display())]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This user may not read or write there.
    #[error("{} may not be read or written by this user", path.display())]
    Denied {
        /// What may not be used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk failed in another way.
    #[error("{} cannot be read or written", path.display())]
    Disk {
        /// What could not be used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index is damaged; it is rebuilt when the store is opened again.
    #[error("the index in {} is damaged and will be rebuilt at the next start", .0.display())]
    Index(PathBuf),
    /// The artifact was not reserved.
    #[error("there is no room reserved for artifact {0}")]
    NotReserved(Sha256),
    /// The artifact is being imported.
    #[error("artifact {0} is being imported")]
    Busy(Sha256),
    /// Pieces of the artifact are another one's too, and the disk has no room to move them.
    #[error(
        "{} of artifact {artifact} are used by others too, and the disk has no room to move them",
        Size(*bytes)
    )]
    Shared {
        /// The artifact that is to be forgotten.
        artifact: Sha256,
        /// Bytes that have to be moved.
        bytes: u64,
    },
    /// The manifest of the artifact, beside which such things are written down, is damaged or gone.
    #[error("the manifest of artifact {0} is damaged or gone")]
    NoManifest(Sha256),
    /// The piece list belongs to another artifact, or to another cut of this one.
    #[error("the piece list is not that of artifact {0}")]
    OtherList(Sha256),
    /// The artifact was forgotten before the piece was safe.
    #[error("the artifact was forgotten before the piece was safe on the disk")]
    Lost,
    /// The store is being closed.
    #[error("the store is being closed")]
    Closed,
}

impl StoreError {
    /// Says in words what the system said of a path.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path, source }
            }
            io::ErrorKind::NotFound => Self::Gone { path, source },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            _ => Self::Disk { path, source },
        }
    }

    /// Says in words what the index said.
    pub(crate) fn index(path: &Path, error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => Self::io(path, source),
            _ => Self::Index(path.to_owned()),
        }
    }

    /// Whether nothing can be written there, though what is there can be read.
    pub(crate) const fn is_unwritable(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::ReadOnly { .. })
    }

    /// The same error for another one who waits for the same write.
    pub(crate) fn again(&self) -> Self {
        let copy = |source: &io::Error| match source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::from(source.kind()),
        };
        match self {
            Self::Full { path, source } => Self::Full { path: path.clone(), source: copy(source) },
            Self::Gone { path, source } => Self::Gone { path: path.clone(), source: copy(source) },
            Self::ReadOnly { path, source } => {
                Self::ReadOnly { path: path.clone(), source: copy(source) }
            }
            Self::Denied { path, source } => {
                Self::Denied { path: path.clone(), source: copy(source) }
            }
            Self::Disk { path, source } => Self::Disk { path: path.clone(), source: copy(source) },
            Self::Index(path) => Self::Index(path.clone()),
            Self::NotReserved(artifact) => Self::NotReserved(*artifact),
            Self::Busy(artifact) => Self::Busy(*artifact),
            Self::Shared { artifact, bytes } => Self::Shared { artifact: *artifact, bytes: *bytes },
            Self::NoManifest(artifact) => Self::NoManifest(*artifact),
            Self::OtherList(artifact) => Self::OtherList(*artifact),
            Self::Lost => Self::Lost,
            Self::Closed => Self::Closed,
        }
    }
}

/// Gives an I/O outcome the path it is about.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::io(path, source))
    }
}
