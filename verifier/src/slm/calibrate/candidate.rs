//! Candidates that the files leave no reasonable doubt about.

use std::fmt;

use crate::scalars::U64Hex;
use crate::slm::calibrate::rule::Rule;
use crate::slm::checksum::SlmChecksumProfile;

/// The start constants that one file is enough for (docs/formats.md 5.7): the FNV-1a 64 basis, the
/// same with its halves changed over, the golden ratio in 64 bits, zero, and the FNV prime.
pub const KNOWN_STARTS: [u64; 5] =
    [PROVISIONAL_START, 0x8422_2325_CBF2_9CE4, 0x9E37_79B9_7F4A_7C15, 0, 0x0000_0100_0000_01B3];

const PROVISIONAL_START: u64 = 0xCBF2_9CE4_8422_2325;

/// A rule and a start constant that are conclusive together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The rule.
    pub rule: Rule,
    /// The start constant that it implies.
    pub start: u64,
    /// Why it is conclusive.
    pub evidence: Evidence,
    /// The numbers of the files it explains, counted from 1 and ascending.
    pub files: Vec<usize>,
}

impl Candidate {
    /// The profile of this project that the candidate is, if it is one.
    ///
    /// Files that it explains were written by this project's rule, and say nothing of another.
    pub fn profile(&self) -> Option<SlmChecksumProfile> {
        (self.rule == Rule::PROVISIONAL && self.start == PROVISIONAL_START)
            .then_some(SlmChecksumProfile::MinimodelProvisional1)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, start {} ({})", self.rule, U64Hex(self.start), self.evidence)
    }
}

/// What makes a candidate conclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Two files of different lengths imply the same constant.
    TwoFiles,
    /// A file implies one of [`KNOWN_STARTS`].
    KnownConstant,
    /// Two files of different lengths imply the same one of [`KNOWN_STARTS`].
    TwoFilesAndKnownConstant,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoFiles => "two files of different lengths agree",
            Self::KnownConstant => "a well-known constant",
            Self::TwoFilesAndKnownConstant => {
                "a well-known constant, and two files of different lengths agree"
            }
        })
    }
}
