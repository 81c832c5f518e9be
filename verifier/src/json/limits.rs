//! The limits on JSON documents (docs/formats.md 4), provisional.
//!
//! ```
//! use verifier::json::{JsonError, limits, parse};
//!
//! let deep = "[".repeat(9) + &"]".repeat(9);
//! assert_eq!(parse(deep.as_bytes(), limits::TICKET), Err(JsonError::TooDeep { at: 8 }));
//! let long = vec![b' '; limits::TICKET + 1];
//! assert_eq!(
//!     parse(&long, limits::TICKET),
//!     Err(JsonError::TooLarge { len: limits::TICKET + 1, limit: limits::TICKET })
//! );
//! ```

/// The longest import request, in bytes.
pub const REQUEST: usize = 1_048_576;

/// The longest offer, in bytes.
pub const OFFER: usize = 65_536;

/// The longest ticket, in bytes, both as text and decoded.
pub const TICKET: usize = 4_096;

/// The longest line of a consent log, in bytes, without its LF.
pub const CONSENT_LINE: usize = 4_096;

/// How deep arrays and objects may nest; the root value is at depth 1.
pub const MAX_DEPTH: u32 = 8;

/// The largest number, 2^53−1.
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;
