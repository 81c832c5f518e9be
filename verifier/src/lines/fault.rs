//! What is wrong with a line document, and its codes.

use std::borrow::Cow;

use crate::advice::{Advice, Remedy};
use crate::code::{Code, Coded};
use crate::excerpt::Excerpt;
use crate::identity::PeerIdError;
use crate::lines::{Document, MAX_KEY};
use crate::scalars::ScalarError;

/// Why a text is not a line document of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct LineError {
    document: Document,
    fault: LineFault,
}

impl LineError {
    /// Says what is wrong with a document.
    pub const fn new(document: Document, fault: LineFault) -> Self {
        Self { document, fault }
    }

    /// Says that a key's value does not fit its type.
    pub fn value(document: Document, key: &str, error: ScalarError) -> Self {
        Self::new(document, LineFault::Value { key: key.to_owned(), error })
    }

    /// What is wrong.
    pub const fn fault(&self) -> &LineFault {
        &self.fault
    }
}

impl Coded for LineError {
    fn code(&self) -> Code {
        Code::new(self.document.prefix(), self.fault.suffix())
    }

    fn field(&self) -> Cow<'_, str> {
        self.fault.field()
    }

    fn advice(&self) -> Advice {
        match self.document {
            Document::Manifest => {
                Advice::new("Correct the manifest there, or ask whoever made it for a valid one.")
            }
            Document::ChunkList => {
                Advice::new("Make the list again from the file, or leave it out.")
                    .by(Remedy::MakeChunkList)
            }
            Document::Announcement => {
                Advice::new("Ask that peer for a new announcement, and take the whole file.")
            }
            Document::Receipt => Advice::new(
                "The receipt was changed or damaged after it was written, or is none. Take an \
                 unchanged copy, or write a new one from the file and its manifest.",
            ),
        }
    }
}

/// A key whose value is not the only one it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is `{}`, expected `{expected}`", Excerpt(found))]
pub struct Unequal {
    /// The key.
    pub key: String,
    /// Its value.
    pub found: String,
    /// The value that it may have.
    pub expected: String,
}

/// What can be wrong with any line document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The text is longer than the document may be.
    #[error("text has {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// The text starts with a byte order mark.
    #[error("text starts with the byte order mark EF BB BF, expected none")]
    Bom,
    /// The text is not UTF-8.
    #[error("byte {offset} of the text is not UTF-8")]
    NotUtf8 {
        /// Where the first wrong byte stands.
        offset: usize,
    },
    /// The text has a control byte other than TAB, LF and CR before LF.
    #[error("byte {offset} of the text is the control byte {byte:02X}, expected TAB, LF or CR LF")]
    ControlByte {
        /// The byte.
        byte: u8,
        /// Where it stands.
        offset: usize,
    },
    /// The text has more lines than the document may have.
    #[error("text has {lines} lines, expected at most {limit}")]
    TooManyLines {
        /// How many it has.
        lines: usize,
        /// The most lines allowed.
        limit: usize,
    },
    /// A line is a comment.
    #[error("line {line} is a comment, expected `key=value`")]
    Comment {
        /// The line, from 1.
        line: usize,
    },
    /// A line has no `=`.
    #[error("line {line} has no `=`, expected `key=value`")]
    NoEquals {
        /// The line, from 1.
        line: usize,
    },
    /// A key has a byte that is not ASCII.
    #[error("key in line {line} has a byte that is not ASCII, expected a-z 0-9 _ .")]
    NonAsciiKey {
        /// The line, from 1.
        line: usize,
    },
    /// A key is too long or not of the form `a.b`.
    #[error(
        "key `{}` in line {line} is not two or more words of a-z 0-9 _ joined by dots, of at most \
         {MAX_KEY} bytes",
        Excerpt(key)
    )]
    BadKey {
        /// The line, from 1.
        line: usize,
        /// The key's beginning.
        key: String,
    },
    /// A key stands in two lines.
    #[error("key `{}` is there twice, expected once", Excerpt(key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key has no value.
    #[error("key `{}` has no value, expected one behind the `=`", Excerpt(key))]
    EmptyValue {
        /// The key.
        key: String,
    },
    /// A value is too long.
    #[error("value of `{}` has {bytes} bytes, expected at most {limit}", Excerpt(key))]
    ValueTooLong {
        /// The key.
        key: String,
        /// The value's length in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// A value has a TAB inside.
    #[error("value of `{}` has a TAB inside, expected none", Excerpt(key))]
    TabInValue {
        /// The key.
        key: String,
    },
    /// A value has a byte that is not ASCII.
    #[error("value of `{}` has a byte that is not ASCII", Excerpt(key))]
    NonAsciiValue {
        /// The key.
        key: String,
    },
    /// The document lacks a key.
    #[error("key `{}` is missing", Excerpt(key))]
    MissingKey {
        /// The key.
        key: String,
    },
    /// The document has a key that does not belong to it.
    #[error("key `{}` is not one that this document has", Excerpt(key))]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The document's version is not the one that is known.
    #[error(transparent)]
    UnknownVersion(Unequal),
    /// The document is of another kind.
    #[error(transparent)]
    BadKind(Unequal),
    /// The document follows another schema.
    #[error(transparent)]
    BadSchemaId(Unequal),
    /// A value does not fit its type.
    #[error("value of `{}` does not fit: {error}", Excerpt(key))]
    Value {
        /// The key.
        key: String,
        /// What does not fit.
        error: ScalarError,
    },
    /// A value is not a peer id.
    #[error("value of `{}` is not a peer id: {error}", Excerpt(key))]
    PeerId {
        /// The key.
        key: String,
        /// What is wrong with it.
        error: PeerIdError,
    },
}

impl LineFault {
    const fn suffix(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Bom => "bom",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::ControlByte { .. } | Self::TabInValue { .. } => "control-byte",
            Self::TooManyLines { .. } => "too-many-lines",
            Self::Comment { .. } => "comment",
            Self::NoEquals { .. } => "no-equals",
            Self::NonAsciiKey { .. } => "non-ascii-key",
            Self::BadKey { .. } => "bad-key",
            Self::DuplicateKey { .. } => "duplicate-key",
            Self::EmptyValue { .. } => "empty-value",
            Self::ValueTooLong { .. } => "value-too-long",
            Self::NonAsciiValue { .. } => "non-ascii-value",
            Self::MissingKey { .. } => "missing-key",
            Self::UnknownKey { .. } => "unknown-key",
            Self::UnknownVersion(_) => "unknown-version",
            Self::BadKind(_) => "bad-kind",
            Self::BadSchemaId(_) => "bad-schema-id",
            Self::Value { error, .. } => error.kind().suffix(),
            Self::PeerId { .. } => "bad-peer-id",
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::TooLarge { .. }
            | Self::Bom
            | Self::NotUtf8 { .. }
            | Self::ControlByte { .. }
            | Self::TooManyLines { .. } => Cow::Borrowed("-"),
            Self::Comment { line }
            | Self::NoEquals { line }
            | Self::NonAsciiKey { line }
            | Self::BadKey { line, .. } => Cow::Owned(format!("line-{line}")),
            Self::DuplicateKey { key }
            | Self::EmptyValue { key }
            | Self::ValueTooLong { key, .. }
            | Self::TabInValue { key }
            | Self::NonAsciiValue { key }
            | Self::MissingKey { key }
            | Self::UnknownKey { key }
            | Self::UnknownVersion(Unequal { key, .. })
            | Self::BadKind(Unequal { key, .. })
            | Self::BadSchemaId(Unequal { key, .. })
            | Self::Value { key, .. }
            | Self::PeerId { key, .. } => Cow::Borrowed(key),
        }
    }
}
