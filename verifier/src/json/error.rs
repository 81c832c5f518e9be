//! What may be wrong with a JSON document before its own rules are asked.

use crate::code::Code;
use crate::scalars::ScalarError;

/// Why a text is not strict JSON, or not the object that a document's table asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is too long.
    #[error("text of {len} bytes is longer than {limit}")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// A byte is not ASCII.
    #[error("byte {at} is not ascii")]
    NonAscii {
        /// Where it is.
        at: usize,
    },
    /// There is a backslash.
    #[error("byte {at} is a backslash, and escapes are not allowed")]
    Escape {
        /// Where it is.
        at: usize,
    },
    /// The text is not JSON, or goes on after its value.
    #[error("text is not json from byte {at} on")]
    Syntax {
        /// Where that shows.
        at: usize,
    },
    /// An object has two members of one name.
    #[error("member `{name}` stands twice in one object")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A number has a fraction or an exponent.
    #[error("number at byte {at} is not a whole number")]
    Float {
        /// Where it starts.
        at: usize,
    },
    /// A number is negative or too large.
    #[error("number at byte {at} is not within 0 to 2^53-1")]
    IntegerRange {
        /// Where it starts.
        at: usize,
    },
    /// Arrays and objects nest too deep.
    #[error("value at byte {at} nests deeper than 8 levels")]
    TooDeep {
        /// Where the level too many opens.
        at: usize,
    },
    /// A value has another JSON type.
    #[error("`{member}` is not {expected}")]
    Type {
        /// The value's member; `-` for the root.
        member: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The document's version is not known here.
    #[error("version {value} of `{member}` is not 0")]
    Version {
        /// The member that has the version.
        member: &'static str,
        /// The version.
        value: u64,
    },
    /// The document is of another kind.
    #[error("kind `{value}` of `{member}` is not the one expected")]
    Kind {
        /// The member that has the kind.
        member: &'static str,
        /// The kind.
        value: String,
    },
    /// There is a member that the document's table does not have.
    #[error("member `{member}` is not known")]
    Unknown {
        /// Its name.
        member: String,
    },
    /// A member that the document's table has is absent.
    #[error("member `{member}` is missing")]
    Missing {
        /// Its name.
        member: String,
    },
    /// A string does not fit its type's grammar.
    #[error("`{member}` is wrong: {source}")]
    Scalar {
        /// The string's member.
        member: String,
        /// How it does not fit.
        source: ScalarError,
    },
}

impl JsonError {
    pub(crate) fn not_an_object() -> Self {
        Self::Type { member: "-".to_owned(), expected: "an object" }
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
