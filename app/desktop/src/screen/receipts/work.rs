//! What the screen wants done, and what comes back of reading a receipt.

use std::path::PathBuf;
use std::sync::Arc;

use app::receipts::Summary;
use app::verify::Meter;
use bytes::Bytes;
use verifier::artifact::VerifiedArtifact;
use verifier::receipt::Receipt;
use verifier::slm::ChecksumRule;

use crate::screen::Run;
use crate::widget::piece_map::Pieces;

/// Work that the screen wants done; what comes of it has the same turn, so that what is late can
/// be told from what is awaited.
#[derive(Debug)]
pub enum Work {
    /// List the receipts of a folder; of the one that imports go to where it is `None`.
    List {
        /// The folder.
        folder: Option<PathBuf>,
        /// Which listing this is.
        turn: u64,
    },
    /// Read a receipt, and look for what belongs to it.
    Read {
        /// The file.
        path: PathBuf,
        /// Which reading this is.
        turn: u64,
    },
    /// Verify a receipt against manifest and file.
    Verify {
        /// The receipt.
        receipt: Arc<Receipt>,
        /// Where its manifest is.
        manifest: ManifestFrom,
        /// The file.
        slm: PathBuf,
        /// Counts what is read, and stops it.
        meter: Arc<Meter>,
        /// Which verification this is.
        turn: AgainTurn,
    },
    /// Write a copy of a receipt.
    Export {
        /// Which writing this is.
        run: Run,
        /// The receipt.
        receipt: Arc<Receipt>,
        /// Where to; nothing may be there.
        to: PathBuf,
    },
    /// Check a file against a manifest.
    Check {
        /// The manifest.
        manifest: PathBuf,
        /// The file.
        slm: PathBuf,
        /// Whether the container's own checksum is compared.
        rule: ChecksumRule,
        /// Counts what is read, and stops it.
        meter: Arc<Meter>,
        /// Which check this is.
        turn: u64,
    },
    /// Write the receipt of a file that was checked.
    Write {
        /// What was checked.
        artifact: Arc<VerifiedArtifact>,
        /// The file's own name.
        slm: PathBuf,
        /// Where to; nothing may be there.
        to: PathBuf,
        /// Which check this is about.
        turn: u64,
    },
    /// Let the user choose a file or a folder; the turn is that of the receipt that is read.
    Choose(Choice, u64),
}

/// Where a manifest is.
#[derive(Debug, Clone)]
pub enum ManifestFrom {
    /// In the library.
    Library(Bytes),
    /// In a file.
    File(PathBuf),
}

/// One of the verifications of one of the receipts that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgainTurn {
    /// Which reading of a receipt.
    pub reading: u64,
    /// Which verification of that.
    pub again: u64,
}

/// What the user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The folder that is listed.
    Folder,
    /// Where a copy of a receipt goes.
    Export,
    /// The file that a receipt is verified against.
    AgainSlm,
    /// The manifest that a receipt is verified against.
    AgainManifest,
    /// The file that is checked.
    CheckSlm,
    /// The manifest that it is checked against.
    CheckManifest,
    /// Where the receipt of a checked file goes.
    Write,
}

/// A receipt that was read, and what is known of it here.
#[derive(Debug)]
pub struct Read {
    /// The file.
    pub path: PathBuf,
    /// The receipt.
    pub receipt: Arc<Receipt>,
    /// What it says, in short.
    pub summary: Summary,
    /// The model's pieces, if it is in the library.
    pub pieces: Option<Pieces>,
    /// The manifest that the receipt names, if it is in the library.
    pub manifest: Option<Bytes>,
    /// The `.slm` file beside the receipt, if it is there.
    pub slm_beside: Option<PathBuf>,
    /// The manifest beside the receipt, if it is there.
    pub manifest_beside: Option<PathBuf>,
}
