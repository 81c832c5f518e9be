//! The `.slm` container, SLM1 v1: whether bytes are one, and what it holds (docs/formats.md 5).
//!
//! A file is judged in one pass in file order by a [`Scan`], whatever the slices it comes in, and
//! a valid one becomes an [`Slm`]. The internal checksum is serial and slow beside the rest, so it
//! is a value of its own, [`RollingChecksum`], that can run on another thread. It is that of the
//! provisional profile `minimodel-provisional-1`; see [`checksum`].
//!
//! ```
//! use verifier::code::Coded as _;
//! use verifier::slm::{ChecksumRule, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q8_0, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! let slm = validate(&bytes, ChecksumRule::Verify)?;
//! assert_eq!(slm.measured_value("slm.quantization").as_deref(), Some("q8_0"));
//! assert_eq!(slm.runtime(), "executable");
//!
//! bytes[4] = 2;
//! let error = validate(&bytes, ChecksumRule::Verify).unwrap_err();
//! assert_eq!(error.code().to_string(), "slm.bad-version");
//! assert_eq!(error.field(), "version");
//! assert_eq!(error.to_string(), "version is 2, expected 1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod calibrate;
pub mod checksum;
pub mod digests;
pub mod directory;
pub mod facts;
pub mod header;
pub mod layout;
pub mod names;
pub mod policy;
pub mod quantisation;
pub mod quantiser;
pub mod scan;
pub mod shape;
pub mod tokenizer;
pub mod values;
pub mod writer;

mod fields;
mod generator;

use std::borrow::Cow;

use crate::advice::{Advice, Remedy};
use crate::code::{Code, Coded};
use crate::scalars::U64Hex;

pub use checksum::{RollingChecksum, SlmChecksumProfile};
pub use facts::{ChecksumVerdict, Slm};
pub use header::Header;
pub use quantisation::Quantisation;
pub use scan::Scan;
pub use shape::Shape;
pub use writer::write_sample;

/// Whether the internal checksum is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChecksumRule {
    /// The stored value must be the computed one.
    #[default]
    Verify,
    /// The stored value is reported but not compared; it must still not be zero.
    Unverified,
}

/// Judges a whole file that is in memory.
///
/// # Errors
///
/// The first [`SlmError`] (`slm.…`) in the order of docs/formats.md 5.
pub fn validate(bytes: &[u8], rule: ChecksumRule) -> Result<Slm, SlmError> {
    let mut scan = Scan::new(bytes.len() as u64);
    scan.update(bytes);
    let computed = match rule {
        ChecksumRule::Verify => {
            let mut checksum = RollingChecksum::new();
            checksum.update(bytes);
            Some(checksum.finish())
        }
        ChecksumRule::Unverified => None,
    };
    scan.finish(computed)
}

/// Why bytes are not a valid `.slm` file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SlmError {
    /// A header field is wrong (H1 to H28).
    #[error(transparent)]
    Header(#[from] header::HeaderError),
    /// The stored checksum is not the computed one (H29).
    #[error("checksum is {}, expected {}, the computed one", U64Hex(*stored), U64Hex(*computed))]
    ChecksumMismatch {
        /// What the header says.
        stored: u64,
        /// What the bytes give.
        computed: u64,
    },
    /// A directory entry is wrong (D1 to D14).
    #[error(transparent)]
    Directory(#[from] directory::DirectoryError),
    /// The parts of the file overlap or leave holes (Y1 to Y4).
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
    /// The tokenizer section is wrong (K1 to K16).
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
    /// The tensors are not those the header asks for (N1 to N3).
    #[error(transparent)]
    Names(#[from] names::NamesError),
    /// A weight or a scale is not usable (V1, V2).
    #[error(transparent)]
    Values(#[from] values::ValueError),
    /// The caller gave fewer or more bytes than it had announced.
    #[error("file gave {got} bytes, expected {expected}, its announced length")]
    Incomplete {
        /// The length given to [`Scan::new`].
        expected: u64,
        /// The bytes given to [`Scan::update`].
        got: u64,
    },
}

impl Coded for SlmError {
    fn code(&self) -> Code {
        let suffix = match self {
            Self::Header(error) => error.suffix(),
            Self::ChecksumMismatch { .. } => "checksum-mismatch",
            Self::Directory(error) => error.suffix(),
            Self::Layout(error) => error.suffix(),
            Self::Tokenizer(error) => error.suffix(),
            Self::Names(error) => error.suffix(),
            Self::Values(error) => error.suffix(),
            Self::Incomplete { .. } => return Code::new("io", "failed"),
        };
        Code::new("slm", suffix)
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Header(error) => error.field().into(),
            Self::ChecksumMismatch { .. } => "checksum".into(),
            Self::Directory(error) => error.field().into(),
            Self::Layout(error) => error.field().into(),
            Self::Tokenizer(error) => error.field().into(),
            Self::Names(error) => error.field().into(),
            Self::Values(error) => error.tensor().into(),
            Self::Incomplete { .. } => "-".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::ChecksumMismatch { .. } => Advice::new(
                "Get the file again, or export it again: its own checksum says that it is damaged. \
                 If it was made elsewhere, the rule of that checksum may be another one.",
            )
            .by(Remedy::LeaveChecksumOut),
            Self::Incomplete { .. } => {
                Advice::new("Wait until nothing writes to the file, then try again.")
            }
            _ => Advice::new(
                "The file is not a valid .slm container. Get it again, or export it again.",
            ),
        }
    }
}
