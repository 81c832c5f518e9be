//! Stable error codes: what vectors, the command's last line and the docs use (docs/formats.md 15).
//!
//! ```
//! use verifier::boundary::Route;
//! use verifier::code::{Code, Coded as _};
//!
//! let error = Route::parse("http://example.org/").unwrap_err();
//! assert_eq!(error.code(), Code::new("route", "scheme"));
//! assert_eq!(error.code().to_string(), "route.scheme");
//! assert_eq!(error.code().stage(), "boundary");
//! assert_eq!(error.field(), "-");
//! ```

use std::borrow::Cow;
use std::fmt;

use crate::advice::Advice;

/// A stable error code, such as `slm.bad-magic`: a document's prefix and what went wrong.
///
/// Codes are never renamed or reused (docs/formats.md 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    prefix: &'static str,
    suffix: &'static str,
}

impl Code {
    /// Joins a prefix (`slm`) and a suffix (`bad-magic`).
    pub const fn new(prefix: &'static str, suffix: &'static str) -> Self {
        Self { prefix, suffix }
    }

    /// The part before the dot.
    pub const fn prefix(self) -> &'static str {
        self.prefix
    }

    /// The part after the dot.
    pub const fn suffix(self) -> &'static str {
        self.suffix
    }

    /// The stage that the code belongs to, which its prefix decides.
    pub fn stage(self) -> &'static str {
        match self.prefix {
            "boundary" | "route" => "boundary",
            "chunk-list" | "merkle" => "chunks",
            "peer-id" => "identity",
            "piece" | "proof" => "pieces",
            other => other,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.prefix, self.suffix)
    }
}

/// An error with a stable code, the field where one is to blame, and what to do about it.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    /// The stable code.
    fn code(&self) -> Code;

    /// The key, member or index concerned; `-` where there is none. A member that a JSON text
    /// names may hold any printable ASCII, at most 80 characters.
    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed("-")
    }

    /// What a person can do about it.
    fn advice(&self) -> Advice;
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn the_prefix_decides_the_stage() {
        assert_eq!(Code::new("route", "syntax").stage(), "boundary");
        assert_eq!(Code::new("slm", "bad-magic").stage(), "slm");
        assert_eq!(Code::new("slm", "bad-magic").to_string(), "slm.bad-magic");
    }
}
