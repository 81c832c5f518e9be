//! What the value of a key in a line document must be.

use crate::digest::{ChunkAlgorithm, Root};
use crate::identity::PeerId;
use crate::lines::{Document, LineError, LineFault};
use crate::scalars::{Kind, ScalarError};

/// What the value of a key must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anything: the value is judged elsewhere.
    Any,
    /// A value of this type.
    Scalar(Kind),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A root made by this algorithm.
    Root(ChunkAlgorithm),
    /// A peer id.
    PeerId,
}

impl Rule {
    /// Checks a key's value.
    ///
    /// # Errors
    ///
    /// [`LineError`] under the document's prefix if the value does not fit: the suffix of its type
    /// (docs/formats.md 2), `bad-enum`, `bad-root` or `bad-peer-id`.
    pub fn check(self, document: Document, key: &str, value: &str) -> Result<(), LineError> {
        let checked = match self {
            Self::Any => Ok(()),
            Self::Scalar(kind) => kind.check(value),
            Self::Words(words) if words.contains(&value) => Ok(()),
            Self::Words(words) => Err(ScalarError::not_one_of(words, value)),
            Self::Root(algorithm) => match Root::parse(value, algorithm) {
                Some(_) => Ok(()),
                None => Err(ScalarError::new(Kind::Root, value)),
            },
            Self::PeerId => {
                return PeerId::parse(value).map(|_| ()).map_err(|error| {
                    LineError::new(document, LineFault::PeerId { key: key.to_owned(), error })
                });
            }
        };
        checked.map_err(|error| LineError::value(document, key, error))
    }
}
