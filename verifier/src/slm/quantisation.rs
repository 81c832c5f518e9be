//! How a tensor's values are stored (docs/formats.md 5.4).
//!
//! ```
//! use verifier::slm::Quantisation;
//!
//! assert_eq!(Quantisation::parse("q8_0"), Some(Quantisation::Q8_0));
//! assert_eq!(Quantisation::parse("Q8_0"), None);
//! assert_eq!(Quantisation::Q4_0.to_string(), "q4_0");
//! ```

use std::fmt;

use crate::slm::policy::DirectoryPolicy;

/// A tensor's stored form, which the directory calls its dtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantisation {
    /// 32-bit floats, without scales.
    F32,
    /// 8-bit integers, with a scale for each row.
    Q8_0,
    /// 4-bit integers, with a scale for each block of a row.
    Q4_0,
}

impl Quantisation {
    /// The word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }

    /// Reads the word that documents use.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::F32, Self::Q8_0, Self::Q4_0].into_iter().find(|known| known.as_str() == text)
    }

    pub(super) const fn from_dtype(dtype: u32) -> Option<Self> {
        match dtype {
            1 => Some(Self::F32),
            2 => Some(Self::Q8_0),
            3 => Some(Self::Q4_0),
            _ => None,
        }
    }

    pub(super) const fn dtype(self) -> u32 {
        match self {
            Self::F32 => 1,
            Self::Q8_0 => 2,
            Self::Q4_0 => 3,
        }
    }

    /// Whether a tensor with rows of `cols` values may have this block_size (D6).
    pub(super) fn allows_block(self, block: u32, cols: u128) -> bool {
        match self {
            Self::F32 => block == DirectoryPolicy::F32_BLOCK_SIZE,
            Self::Q8_0 => u128::from(block) == cols,
            Self::Q4_0 => {
                block != 0 && block.is_multiple_of(2) && cols.is_multiple_of(u128::from(block))
            }
        }
    }

    /// Bytes of the payload; a product past 128 bits stays at the largest number.
    pub(super) const fn payload_len(self, rows: u128, cols: u128) -> u128 {
        let values = rows.saturating_mul(cols);
        match self {
            Self::F32 => values.saturating_mul(4),
            Self::Q8_0 => values,
            Self::Q4_0 => values / 2,
        }
    }

    /// Bytes of the scale array, which f32 tensors do not have.
    pub(super) fn scales_len(self, rows: u128, cols: u128, block: u32) -> u128 {
        match self {
            Self::F32 => 0,
            Self::Q8_0 => rows.saturating_mul(4),
            Self::Q4_0 => (rows.saturating_mul(cols) / u128::from(block.max(1))).saturating_mul(4),
        }
    }
}

impl fmt::Display for Quantisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
