//! Where finished artifacts go, with their receipts.

use std::path::{Path, PathBuf};

use verifier::artifact::VerifiedArtifact;
use verifier::receipt::Receipt;
use verifier::scalars::{Id, Version};
use verifier::{PieceIndex, Sha256};

use super::{Failure, ReadError, ReserveError};

/// The names of a finished artifact and its receipt in a folder: `<stem>.slm` and
/// `<stem>.minimodel-receipt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// `<model_id>-<model_version>`.
    pub fn new(model_id: &Id, model_version: &Version) -> Self {
        Self(format!("{model_id}-{model_version}"))
    }

    /// The artifact's file name.
    pub fn artifact(&self) -> String {
        format!("{}.slm", self.0)
    }

    /// The receipt's file name.
    pub fn receipt(&self) -> String {
        format!("{}.minimodel-receipt", self.0)
    }
}

/// Puts finished artifacts and their receipts where the user wants them.
pub trait Outputs: Send + Sync + 'static {
    /// An output that has no final name yet.
    type Draft: Draft;

    /// Checks that the folder is safe, that neither name is taken, and that this user may write
    /// there, without writing.
    ///
    /// # Errors
    ///
    /// [`OutputError::Unsafe`] first, then [`OutputError::Exists`].
    fn check(&self, folder: &Path, stem: &Stem) -> Result<(), OutputError>;

    /// Whether an output of so many bytes fits in that folder, without what stays free for others. One
    /// that can share the blocks of the library needs no room.
    ///
    /// # Errors
    ///
    /// [`ReserveError::Device`] if it does not fit.
    fn has_room(&self, folder: &Path, bytes: u64) -> Result<(), ReserveError>;

    /// Checks as [`Self::check`] for one file of its own, as [`Self::write`] would find it.
    ///
    /// # Errors
    ///
    /// [`OutputError`], as [`Self::check`].
    fn check_file(&self, path: &Path) -> Result<(), OutputError>;

    /// Starts an output of an artifact of the library, under a temporary name in that folder.
    /// Called on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`OutputError`], as [`Self::check`].
    fn draft(
        &self,
        artifact: Sha256,
        folder: &Path,
        stem: &Stem,
    ) -> Result<Self::Draft, OutputError>;

    /// Writes one file of its own, such as a receipt or a manifest, under a name that is free.
    ///
    /// # Errors
    ///
    /// [`OutputError`]; no file is left behind.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError>;
}

/// An output in the making. Its methods block; dropping it removes the temporary file.
pub trait Draft: Send + 'static {
    /// Brings the pieces before this one into the output, as far as they are not there yet; they
    /// have to be kept. What comes in is not judged: [`Self::read`] gives what has to be.
    ///
    /// # Errors
    ///
    /// [`ReachError`]; it can be asked again, and goes on from what is there.
    fn reach(&mut self, frontier: u32) -> Result<(), ReachError>;

    /// Reads what is in the output, from `offset` on, filling `into`.
    ///
    /// # Errors
    ///
    /// What the disk said.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Failure>;

    /// How what is in it by now came in.
    fn way(&self) -> Way;

    /// Gives artifact and receipt their final names, both or neither.
    ///
    /// # Errors
    ///
    /// [`OutputError`]; neither file has its name, and it can be asked again.
    fn name(
        &mut self,
        artifact: &VerifiedArtifact,
        receipt: &Receipt,
    ) -> Result<Named, OutputError>;
}

/// How the pieces of an output came into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It shares the blocks of the library, as far as the system says.
    Cloned,
    /// It has bytes of its own.
    Copied,
    /// It is the file that the pieces were kept in: each byte was written once.
    Moved,
}

impl Way {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloned => "cloned",
            Self::Copied => "copied",
            Self::Moved => "moved",
        }
    }

    /// What it means, for people, as one clause.
    pub const fn note(self) -> &'static str {
        match self {
            Self::Cloned => "the file was cloned, so that it shares the library's blocks",
            Self::Copied => "the file was copied",
            Self::Moved => "the file is the one that its pieces came into",
        }
    }
}

/// Why pieces do not come into an output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReachError {
    /// A piece that is to be kept cannot be read.
    #[error("piece {index} cannot be read from the store")]
    Read {
        /// The piece.
        index: u32,
        /// Why.
        source: ReadError,
    },
    /// The disk failed.
    #[error("the output cannot be written")]
    Failed(#[source] Failure),
}

/// Where a finished artifact and its receipt are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The artifact's file.
    pub artifact: PathBuf,
    /// The receipt's file.
    pub receipt: PathBuf,
}

/// Why a finished artifact cannot get its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file of that name is there.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The folder is not one, or is reached through a symlink.
    #[error("{} is not a folder, or is reached through a symlink", .0.display())]
    Unsafe(PathBuf),
    /// What was written there does not come back as it was.
    #[error("{} not what was written in {}", spoilt(pieces), folder.display())]
    Spoilt {
        /// The folder.
        folder: PathBuf,
        /// The pieces that are other bytes now; none if it is not known which.
        pieces: Vec<PieceIndex>,
    },
    /// The disk failed.
    #[error("cannot write in {}", folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What the disk said.
        source: Failure,
    },
}

/// Which pieces, as the beginning of a clause.
fn spoilt(pieces: &[PieceIndex]) -> String {
    match pieces {
        [] => "the output is".to_owned(),
        [one] => format!("piece {} of the output is", one.get()),
        [first, more @ ..] => {
            format!("piece {} of the output and {} more are", first.get(), more.len())
        }
    }
}
