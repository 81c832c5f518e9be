//! The digests that say what a file's tokenizer and tensors are.

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
