//! The scalar types of docs/formats.md 2: each is made only by reading text that fits its grammar.
//!
//! ```
//! use verifier::scalars::{Id, Kind, U64Hex, UtcTime, parse_int};
//!
//! assert_eq!(Id::parse("tiny-1.0")?.as_str(), "tiny-1.0");
//! assert!(Id::parse("../etc").is_err());
//! assert_eq!(U64Hex(0xCBF2_9CE4_8422_2325).to_string(), "u64:CBF29CE484222325");
//! let leap = UtcTime::parse("2024-02-29T23:59:59Z")?;
//! assert_eq!(leap.plus(1).to_string(), "2024-03-01T00:00:00Z");
//! // A number has one spelling, and a message never shows more than 80 characters of what it got.
//! assert!(parse_int("007").is_err());
//! let error = Kind::Token.check(&"?".repeat(1_000)).unwrap_err();
//! assert_eq!(error.code("manifest").to_string(), "manifest.bad-token");
//! assert!(error.to_string().len() < 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod time;

use std::fmt;

use data_encoding::HEXUPPER;

use crate::code::Code;
use crate::digest::Sha256;
use crate::excerpt::{Excerpt, Words};

pub use time::UtcTime;

/// Why a text is not a value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScalarError {
    kind: Kind,
    shown: String,
    words: &'static [&'static str],
}

impl fmt::Display for ScalarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, shown, words } = self;
        match words {
            [] => write!(f, "`{shown}` is not {}", kind.expected()),
            words => write!(f, "`{shown}` is not {}", Words(words)),
        }
    }
}

impl ScalarError {
    /// Says that `text` is not a value of type `kind`.
    pub fn new(kind: Kind, text: &str) -> Self {
        Self { kind, shown: Excerpt(text).to_string(), words: &[] }
    }

    /// Says that `text` is none of the words that an enum has.
    pub fn not_one_of(words: &'static [&'static str], text: &str) -> Self {
        Self { words, ..Self::new(Kind::Enum, text) }
    }

    /// The type that was wanted.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The code, under the prefix of the document the text stands in.
    pub const fn code(&self, prefix: &'static str) -> Code {
        Code::new(prefix, self.kind.suffix())
    }
}

/// The scalar types, by the names that docs/formats.md 2 gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A lower-case name.
    Id,
    /// A version's text.
    Version,
    /// A number of 64 bits in plain decimal.
    Int,
    /// A UTC time to the second.
    Time,
    /// A tagged SHA-256 digest.
    Sha256,
    /// A tagged 64-bit value in hex.
    U64Hex,
    /// A tagged Merkle root.
    Root,
    /// One of the words that the key lists.
    Enum,
    /// A short name with punctuation.
    Token,
    /// A repository's name on a model hub.
    HubId,
    /// A revision on a model hub.
    Rev,
    /// Text for people.
    Text,
    /// A file's name without a folder.
    FileName,
    /// A name a user gives a peer.
    Label,
    /// A signature in hex.
    SigText,
}

impl Kind {
    /// The part of the error code after the dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Id => "bad-id",
            Self::Version => "bad-version",
            Self::Int => "bad-integer",
            Self::Time => "bad-time",
            Self::Sha256 => "bad-sha256",
            Self::U64Hex => "bad-checksum",
            Self::Root => "bad-root",
            Self::Enum => "bad-enum",
            Self::Token | Self::HubId | Self::Rev => "bad-token",
            Self::Text => "bad-text",
            Self::FileName => "bad-file-name",
            Self::Label => "bad-label",
            Self::SigText => "bad-signature-text",
        }
    }

    /// Checks a text against the type's grammar.
    ///
    /// A root's form depends on its algorithm and an enum's words on its key, so no text passes
    /// for either here.
    ///
    /// # Errors
    ///
    /// [`ScalarError`] if the text does not fit.
    pub fn check(self, text: &str) -> Result<(), ScalarError> {
        let fits = match self {
            Self::Id => fits_id(text),
            Self::Version => fits_version(text),
            Self::Int => parse_int(text).is_ok(),
            Self::Time => UtcTime::parse(text).is_ok(),
            Self::Sha256 => Sha256::parse(text).is_some(),
            Self::U64Hex => U64Hex::parse(text).is_ok(),
            Self::Root | Self::Enum => false,
            Self::Token => fits_token(text),
            Self::HubId => fits_hub_id(text),
            Self::Rev => fits_rev(text),
            Self::Text => fits_text(text),
            Self::FileName => fits_file_name(text),
            Self::Label => fits_label(text),
            Self::SigText => SigText::parse(text).is_ok(),
        };
        if fits { Ok(()) } else { Err(ScalarError::new(self, text)) }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Id => "an id: 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit, no `..`",
            Self::Version => "a version: 1 to 64 of A-Z a-z 0-9 . _ + -",
            Self::Int => "a whole number in plain decimal, at most 2^64-1",
            Self::Time => "a UTC time like 2026-01-31T23:59:59Z",
            Self::Sha256 => "`sha256:` and 64 uppercase hex digits",
            Self::U64Hex => "`u64:` and 16 uppercase hex digits",
            Self::Root => "`sha256:` (under blake3-tree-v0 `blake3:`) and 64 uppercase hex digits",
            Self::Enum => "one of the words allowed here",
            Self::Token => "a token: 1 to 128 of A-Z a-z 0-9 : . _ -",
            Self::HubId => "a hub id: 1 to 200 of A-Z a-z 0-9 . _ / -, no `..` or `//`",
            Self::Rev => "a revision: 1 to 100 of A-Z a-z 0-9 . _ -",
            Self::Text => "text of at most 128 bytes without control or invisible characters",
            Self::FileName => "a file name: 1 to 128 of A-Z a-z 0-9 space . _ + ( ) -",
            Self::Label => "a label: 1 to 48 of A-Z a-z 0-9 space . _ -",
            Self::SigText => "128 uppercase hex digits",
        }
    }
}

macro_rules! text_scalar {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $fits:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads the text.
            ///
            /// # Errors
            ///
            /// [`ScalarError`] if the text does not fit the type's grammar.
            pub fn parse(text: &str) -> Result<Self, ScalarError> {
                if $fits(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(ScalarError::new($kind, text))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_scalar!(
    /// A model's, publisher's or request's name: 1–64 of `[a-z0-9._-]`.
    Id, Kind::Id, fits_id
);
text_scalar!(
    /// A model's version: 1–64 of `[A-Za-z0-9._+-]`.
    Version, Kind::Version, fits_version
);
text_scalar!(
    /// A short name with punctuation: 1–128 of `[A-Za-z0-9:._-]`.
    Token, Kind::Token, fits_token
);
text_scalar!(
    /// A repository's name on a model hub: 1–200 of `[A-Za-z0-9._/-]`.
    HubId, Kind::HubId, fits_hub_id
);
text_scalar!(
    /// A revision on a model hub: 1–100 of `[A-Za-z0-9._-]`.
    Rev, Kind::Rev, fits_rev
);
text_scalar!(
    /// Text for people: UTF-8, at most 128 bytes, nothing invisible.
    Text, Kind::Text, fits_text
);
text_scalar!(
    /// A file's name without a folder: 1–128 of `[A-Za-z0-9 ._+()-]`.
    FileName, Kind::FileName, fits_file_name
);
text_scalar!(
    /// A name a user gives a peer: 1–48 of `[A-Za-z0-9 ._-]`.
    Label, Kind::Label, fits_label
);

fn first_and_rest(
    text: &str,
    max: usize,
    first: impl Fn(u8) -> bool,
    rest: impl Fn(u8) -> bool,
) -> bool {
    match text.as_bytes() {
        [head, tail @ ..] => {
            text.len() <= max && first(*head) && tail.iter().all(|byte| rest(*byte))
        }
        [] => false,
    }
}

fn lower_alnum(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn fits_id(text: &str) -> bool {
    first_and_rest(text, 64, lower_alnum, |b| lower_alnum(b) || b"._-".contains(&b))
        && !text.contains("..")
}

fn fits_version(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    first_and_rest(text, 64, |b| b.is_ascii_alphanumeric(), rest)
}

fn fits_token(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b":._-".contains(&b);
    first_and_rest(text, 128, |b| b.is_ascii_alphanumeric(), rest)
}

fn fits_hub_id(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
    first_and_rest(text, 200, |b| b.is_ascii_alphanumeric(), rest)
        && !text.contains("..")
        && !text.contains("//")
}

fn fits_rev(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    first_and_rest(text, 100, |b| b.is_ascii_alphanumeric(), rest)
}

fn fits_text(text: &str) -> bool {
    text.len() <= 128 && !text.chars().any(is_invisible)
}

/// Whether the character is one that the type `text` keeps out: a control, or nothing to see.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1F}'
        | '\u{7F}'..='\u{9F}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFF}'
        | '\u{E0000}'..='\u{E007F}')
}

fn fits_file_name(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b" ._+()-".contains(&b);
    first_and_rest(text, 128, |b| b.is_ascii_alphanumeric(), rest) && !text.ends_with(' ')
}

fn fits_label(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b" ._-".contains(&b);
    first_and_rest(text, 48, |b| b.is_ascii_alphanumeric(), rest)
        && text.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Reads the type `int`: `0` or a decimal without a leading zero, at most 2^64−1.
///
/// # Errors
///
/// [`ScalarError`] for any other text.
pub fn parse_int(text: &str) -> Result<u64, ScalarError> {
    let error = || ScalarError::new(Kind::Int, text);
    if text.is_empty()
        || !text.bytes().all(|b| b.is_ascii_digit())
        || (text.len() > 1 && text.starts_with('0'))
    {
        return Err(error());
    }
    text.parse().map_err(|_| error())
}

/// A 64-bit value shown as `u64:` and 16 uppercase hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct U64Hex(pub u64);

impl U64Hex {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`ScalarError`] if the text does not fit the type's grammar.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        text.strip_prefix("u64:")
            .and_then(|hex| HEXUPPER.decode(hex.as_bytes()).ok())
            .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
            .map(|bytes| Self(u64::from_be_bytes(bytes)))
            .ok_or_else(|| ScalarError::new(Kind::U64Hex, text))
    }
}

impl fmt::Display for U64Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u64:{:016X}", self.0)
    }
}

/// An Ed25519 signature's 64 bytes, shown as 128 uppercase hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigText(pub [u8; 64]);

impl SigText {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`ScalarError`] if the text is not 128 uppercase hex digits.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        HEXUPPER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ScalarError::new(Kind::SigText, text))
    }
}

impl fmt::Display for SigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Id, UtcTime, parse_int};

    #[test]
    fn times_are_shown_as_they_were_read() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(UtcTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(UtcTime::parse("2026-11-22T12:00:00Z").unwrap().unix(), 1_795_348_800);
        assert_eq!(UtcTime::from_unix(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
        for text in ["2023-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "2026-01-01T24:00:00Z", ""] {
            assert!(UtcTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ints_have_one_spelling() {
        assert_eq!(parse_int("18446744073709551615").unwrap(), u64::MAX);
        for text in ["", "00", "01", "+1", "18446744073709551616", " 1"] {
            assert!(parse_int(text).is_err(), "{text}");
        }
        assert!(Id::parse("a..b").is_err());
    }
}
