//! What an operation remarks without refusing.

use std::fmt;

/// A remark that never changes a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// The artifact is larger than a browser is expected to load.
    BrowserBudget,
    /// The `.slm` file's internal checksum was left out.
    ChecksumUnverified,
    /// An offer has run out or has not begun, and was left out.
    OfferSkipped,
    /// The manifest follows a schema whose checksum is not built in.
    SchemaChecksumUnknown,
    /// The file has an output tensor although its output is tied.
    TiedOutputPresent,
    /// The artifact is larger than a transfer is expected to move.
    TransferCap,
    /// The manifest has a key that is not known.
    UnknownKey,
}

impl Warning {
    /// The warning's stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BrowserBudget => "browser-budget",
            Self::ChecksumUnverified => "checksum-unverified",
            Self::OfferSkipped => "offer-skipped",
            Self::SchemaChecksumUnknown => "schema-checksum-unknown",
            Self::TiedOutputPresent => "tied-output-present",
            Self::TransferCap => "transfer-cap",
            Self::UnknownKey => "unknown-key",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Ord for Warning {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Warning {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
