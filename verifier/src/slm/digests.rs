//! The digests that say what a file's tokenizer and tensors are (docs/formats.md 5.8), provisional.
//!
//! ```
//! use verifier::Sha256;
//! use verifier::slm::{ChecksumRule, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let slm = validate(&bytes, ChecksumRule::Verify)?;
//! let header = slm.header();
//! let start = usize::try_from(header.tokenizer_offset)?;
//! let end = usize::try_from(header.tokenizer_end())?;
//! assert_eq!(slm.tokenizer_checksum(), Sha256::of(&bytes[start..end]));
//! // Which values the tensors have does not count, only their names, forms and dims.
//! let mut other = Cursor::new(Vec::new());
//! write_sample(&Shape::TINY, Quantisation::F32, 2, &mut other)?;
//! let other = validate(other.get_ref(), ChecksumRule::Verify)?;
//! assert_eq!(other.tensor_layout_checksum(), slm.tensor_layout_checksum());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::digest::{Sha256, Sha256Stream};
use crate::slm::directory::Directory;

/// How the tokenizer and the tensor layout are digested (docs/formats.md 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestRules {
    /// SHA-256 of the raw tokenizer section, and of the entries by ascending name hash.
    V0,
}

impl DigestRules {
    /// Starts the digest of a tokenizer section, which takes in its raw bytes.
    pub fn tokenizer(self) -> Sha256Stream {
        match self {
            Self::V0 => Sha256Stream::default(),
        }
    }

    /// The digest of names, types and dims; where the tensors lie does not count.
    pub fn layout(self, directory: &Directory) -> Sha256 {
        match self {
            Self::V0 => {
                let mut digest = Sha256Stream::default();
                for entry in directory.sorted() {
                    digest.update(&entry.name_hash.to_le_bytes());
                    digest.update(&entry.dtype.dtype().to_le_bytes());
                    digest.update(&entry.rank().to_le_bytes());
                    for dim in entry.dims {
                        digest.update(&dim.to_le_bytes());
                    }
                    digest.update(&entry.block_size.to_le_bytes());
                }
                digest.finish()
            }
        }
    }
}
