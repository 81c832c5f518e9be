//! Rates, as the user sets them.

use std::num::NonZeroU64;

/// Bytes a second; nothing is no limit.
pub type Rate = Option<NonZeroU64>;
