//! What is wrong with a line document, and its codes.

use std::borrow::Cow;

use crate::code::{Code, Coded};
use crate::identity::PeerIdError;
use crate::lines::Document;
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
}

/// What can be wrong with any line document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The text is longer than the document may be.
    #[error("text of {bytes} bytes is longer than {limit}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// The text starts with a byte order mark.
    #[error("text starts with a byte order mark")]
    Bom,
    /// The text is not UTF-8.
    #[error("text is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Where the first wrong byte stands.
        offset: usize,
    },
    /// The text has a control byte other than TAB, LF and CR before LF.
    #[error("control byte {byte:02X} at byte {offset}")]
    ControlByte {
        /// The byte.
        byte: u8,
        /// Where it stands.
        offset: usize,
    },
    /// The text has more lines than the document may have.
    #[error("{lines} lines are more than {limit}")]
    TooManyLines {
        /// How many it has.
        lines: usize,
        /// The most lines allowed.
        limit: usize,
    },
    /// A line is a comment.
    #[error("line {line} is a comment")]
    Comment {
        /// The line, from 1.
        line: usize,
    },
    /// A line has no `=`.
    #[error("line {line} has no `=`")]
    NoEquals {
        /// The line, from 1.
        line: usize,
    },
    /// A key has a byte that is not ASCII.
    #[error("key in line {line} is not ASCII")]
    NonAsciiKey {
        /// The line, from 1.
        line: usize,
    },
    /// A key is too long or not of the form `a.b`.
    #[error("key {key:?} in line {line} is not words of a-z 0-9 _ joined by dots")]
    BadKey {
        /// The line, from 1.
        line: usize,
        /// The key's beginning.
        key: String,
    },
    /// A key stands in two lines.
    #[error("key `{key}` is there twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key has no value.
    #[error("key `{key}` has no value")]
    EmptyValue {
        /// The key.
        key: String,
    },
    /// A value is too long.
    #[error("value of `{key}` of {bytes} bytes is longer than {limit}")]
    ValueTooLong {
        /// The key.
        key: String,
        /// The value's length in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// A value has a TAB inside.
    #[error("value of `{key}` has a TAB inside")]
    TabInValue {
        /// The key.
        key: String,
    },
    /// A value has a byte that is not ASCII.
    #[error("value of `{key}` is not ASCII")]
    NonAsciiValue {
        /// The key.
        key: String,
    },
    /// The document lacks a key.
    #[error("key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// The document has a key that does not belong to it.
    #[error("key `{key}` is not known")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The document's version is not the one that is known.
    #[error("`{key}` is `{value}`, not `0`")]
    UnknownVersion {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The document is of another kind.
    #[error("`{key}` is `{value}`, another kind of document")]
    BadKind {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The document follows another schema.
    #[error("`{key}` is `{value}`, another schema")]
    BadSchemaId {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A value does not fit its type.
    #[error("value of `{key}` does not fit: {error}")]
    Value {
        /// The key.
        key: String,
        /// What does not fit.
        error: ScalarError,
    },
    /// A value is not a peer id.
    #[error("value of `{key}` is not a peer id: {error}")]
    PeerId {
        /// The key.
        key: String,
        /// What is wrong with it.
        error: PeerIdError,
    },
}

impl LineFault {
    /// Says that a version is not known.
    pub fn unknown_version(key: String, value: String) -> Self {
        Self::UnknownVersion { key, value }
    }

    /// Says that a document is of another kind.
    pub fn bad_kind(key: String, value: String) -> Self {
        Self::BadKind { key, value }
    }

    /// Says that a document follows another schema.
    pub fn bad_schema_id(key: String, value: String) -> Self {
        Self::BadSchemaId { key, value }
    }

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
            Self::UnknownVersion { .. } => "unknown-version",
            Self::BadKind { .. } => "bad-kind",
            Self::BadSchemaId { .. } => "bad-schema-id",
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
            | Self::UnknownVersion { key, .. }
            | Self::BadKind { key, .. }
            | Self::BadSchemaId { key, .. }
            | Self::Value { key, .. }
            | Self::PeerId { key, .. } => Cow::Borrowed(key),
        }
    }
}
