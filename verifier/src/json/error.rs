//! What may be wrong with a JSON document before its own rules are asked.

use crate::code::Code;
use crate::excerpt::Excerpt;
use crate::json::{Value, limits};
use crate::scalars::ScalarError;

/// Why a text is not strict JSON, or not the object that a document's table asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is too long.
    #[error("text has {len} bytes, expected at most {limit}")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// A byte is not ASCII.
    #[error("byte {at} of the text is not ASCII")]
    NonAscii {
        /// Where it is.
        at: usize,
    },
    /// There is a backslash.
    #[error("byte {at} of the text is a backslash, expected none: there are no escapes")]
    Escape {
        /// Where it is.
        at: usize,
    },
    /// The text is not JSON, or goes on after its value.
    #[error("text is not JSON from byte {at} on")]
    Syntax {
        /// Where that shows.
        at: usize,
    },
    /// An object has two members of one name.
    #[error("member `{}` stands twice in one object, expected once", Excerpt(name))]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A number has a fraction or an exponent.
    #[error("number at byte {at} has a fraction or an exponent, expected a whole number")]
    Float {
        /// Where it starts.
        at: usize,
    },
    /// A number is negative or too large.
    #[error("number at byte {at} is negative or too large, expected 0 to {}", limits::MAX_INTEGER)]
    IntegerRange {
        /// Where it starts.
        at: usize,
    },
    /// Arrays and objects nest too deep.
    #[error("value at byte {at} nests too deep, expected at most {} levels", limits::MAX_DEPTH)]
    TooDeep {
        /// Where the level too many opens.
        at: usize,
    },
    /// A value has another JSON type.
    #[error("`{}` is {found}, expected {expected}", Excerpt(member))]
    Type {
        /// The value's member; `-` for the root.
        member: String,
        /// What it is, such as `a number`.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The document's version is not known here.
    #[error("`{member}` is {value}, expected 0")]
    Version {
        /// The member that has the version.
        member: &'static str,
        /// The version.
        value: u64,
    },
    /// The document is of another kind.
    #[error("`{member}` is `{}`, expected {expected}", Excerpt(value))]
    Kind {
        /// The kinds expected, each in back quotes.
        expected: String,
        /// The member that has the kind.
        member: &'static str,
        /// The kind.
        value: String,
    },
    /// There is a member that the document's table does not have.
    #[error("member `{}` is not one that this object has", Excerpt(member))]
    Unknown {
        /// Its name.
        member: String,
    },
    /// A member that the document's table has is absent.
    #[error("member `{}` is missing", Excerpt(member))]
    Missing {
        /// Its name.
        member: String,
    },
    /// A string does not fit its type's grammar.
    #[error("value of `{}` does not fit: {source}", Excerpt(member))]
    Scalar {
        /// The string's member.
        member: String,
        /// How it does not fit.
        source: ScalarError,
    },
}

impl JsonError {
    /// Says that a document's root is not an object.
    pub(crate) fn root_not_an_object(root: &Value<'_>) -> Self {
        Self::wrong_type("-", root, "an object")
    }

    /// Says that a member's value has another JSON type.
    pub(crate) fn wrong_type(member: &str, value: &Value<'_>, expected: &'static str) -> Self {
        Self::Type { member: member.to_owned(), found: value.type_name(), expected }
    }

    /// The code, under the prefix of the document.
    pub const fn code(&self, prefix: &'static str) -> Code {
        let suffix = match self {
            Self::TooLarge { .. } => "too-large",
            Self::NonAscii { .. } => "non-ascii",
            Self::Escape { .. } => "escape",
            Self::Syntax { .. } => "bad-json",
            Self::Duplicate { .. } => "duplicate-key",
            Self::Float { .. } => "float",
            Self::IntegerRange { .. } => "integer-range",
            Self::TooDeep { .. } => "too-deep",
            Self::Type { .. } => "bad-type",
            Self::Version { .. } => "unknown-version",
            Self::Kind { .. } => "bad-kind",
            Self::Unknown { .. } => "unknown-key",
            Self::Missing { .. } => "missing-key",
            Self::Scalar { source, .. } => return source.code(prefix),
        };
        Code::new(prefix, suffix)
    }

    /// The member concerned; `-` where there is none.
    pub fn field(&self) -> &str {
        let member: &str = match self {
            Self::Duplicate { name } => name,
            Self::Type { member, .. }
            | Self::Unknown { member }
            | Self::Missing { member }
            | Self::Scalar { member, .. } => member,
            Self::Version { member, .. } | Self::Kind { member, .. } => member,
            _ => "-",
        };
        // JSON lets a member have the empty name.
        if member.is_empty() { "-" } else { member }
    }

    /// The same, said of a value inside another: `path` stands before the member.
    pub(crate) fn within(mut self, path: &str) -> Self {
        match &mut self {
            Self::Type { member, .. }
            | Self::Unknown { member }
            | Self::Missing { member }
            | Self::Scalar { member, .. } => *member = format!("{path}.{member}"),
            _ => {}
        }
        self
    }
}
