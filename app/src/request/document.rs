//! Small files that the user gives, told apart by what is in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::input;
use crate::problem::Problem;

/// What a file is, as its content says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request to import.
    Request,
    /// A manifest.
    Manifest,
    /// A peer's offer.
    Offer,
    /// A ticket, by which people pair.
    Ticket,
    /// A peer-source announcement.
    Announcement,
    /// A receipt.
    Receipt,
    /// A model.
    Artifact,
}

impl Kind {
    /// Tells what the bytes are; nothing if they are none of these. Whether they are valid is for
    /// the parser of that kind to say.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        let starts_line =
            |key: &[u8]| bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(key));
        if bytes.starts_with(b"SLM1") {
            return Some(Self::Artifact);
        }
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"mmticket0:") {
            return Some(Self::Ticket);
        }
        if text.starts_with(b"{") {
            // A request has offers in it.
            if has(b"\"request_kind\"") {
                return Some(Self::Request);
            }
            return has(b"\"offer_kind\"").then_some(Self::Offer);
        }
        [
            // Receipts and announcements have keys of the manifest in them.
            (&b"receipt."[..], Self::Receipt),
            (b"peer_source.", Self::Announcement),
            (b"manifest.", Self::Manifest),
        ]
        .into_iter()
        .find_map(|(key, kind)| starts_line(key).then_some(kind))
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Manifest => "manifest",
            Self::Offer => "offer",
            Self::Ticket => "ticket",
            Self::Announcement => "announcement",
            Self::Receipt => "receipt",
            Self::Artifact => "model",
        }
    }
}

/// A small file that the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

impl Document {
    /// Reads the file and tells what it is; blocks. No more is read than the longest of these
    /// documents may have.
    ///
    /// # Errors
    ///
    /// [`Problem`] if it cannot be read or is none of them.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = input::read(path, input::REQUEST)?;
        let kind = Kind::of(&bytes).ok_or_else(|| {
            let what = format!("{} is no request, manifest or offer", path.display());
            let advice = "Give the request or offers that your peers sent, and the manifest.";
            Problem::new(verifier::Code::new("usage", "arguments"), what, advice)
        })?;
        Ok(Self { path: path.to_owned(), kind, bytes: bytes.into() })
    }
}
