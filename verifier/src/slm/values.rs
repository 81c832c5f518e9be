//! Weights and scales: whether each can be computed with (docs/formats.md 5.5, V1 and V2).
//!
//! ```
//! use verifier::slm::values::ValueError;
//! use verifier::slm::{ChecksumRule, SlmError, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q8_0, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! let scales = 3_072; // behind the 2,080 bytes of the embeddings, which begin at 960
//! bytes[scales..scales + 4].fill(0);
//! let error = validate(&bytes, ChecksumRule::Unverified).unwrap_err();
//! let SlmError::Values(ValueError::BadScale { index: 0, .. }) = error else { panic!("{error}") };
//! assert_eq!(
//!     error.to_string(),
//!     "scale 0 of tok_embeddings.weight is 0, expected a finite number above 0"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// What every value of an array must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueRule {
    Finite,
    FiniteAndPositive,
}

/// Bytes judged without looking at single values: small enough for the first-level cache.
const BLOCK_LEN: usize = 4096;
const VALUE_LEN: usize = 4;
const EXPONENT: u32 = 0x7F80_0000;

/// Judges 32-bit floats from bytes that come in slices of any size.
#[derive(Debug)]
pub(super) struct ValueReader {
    rule: ValueRule,
    index: u64,
    partial: Vec<u8>,
}

impl ValueReader {
    pub(super) const fn new(rule: ValueRule) -> Self {
        Self { rule, index: 0, partial: Vec::new() }
    }

    /// Takes in the next bytes and gives the first bad value among them, with its index.
    pub(super) fn update(&mut self, mut bytes: &[u8]) -> Option<(u64, f32)> {
        if !self.partial.is_empty() {
            let wanted = VALUE_LEN.saturating_sub(self.partial.len());
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(now);
            bytes = later;
            if self.partial.len() < VALUE_LEN {
                return None;
            }
            let value = std::mem::take(&mut self.partial);
            if let Some(bad) = self.judge(&value) {
                return Some(bad);
            }
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % VALUE_LEN);
        self.partial.extend_from_slice(rest);
        whole.chunks(BLOCK_LEN).find_map(|block| self.judge(block))
    }

    fn judge(&mut self, block: &[u8]) -> Option<(u64, f32)> {
        let (values, _) = block.as_chunks::<VALUE_LEN>();
        let first = self.index;
        self.index += values.len() as u64;
        let any = match self.rule {
            ValueRule::Finite => any(values, is_nonfinite),
            ValueRule::FiniteAndPositive => any(values, is_bad_scale),
        };
        if !any {
            return None;
        }
        let is_bad = match self.rule {
            ValueRule::Finite => is_nonfinite,
            ValueRule::FiniteAndPositive => is_bad_scale,
        };
        (first..)
            .zip(values.iter().map(|value| u32::from_le_bytes(*value)))
            .find(|(_, bits)| is_bad(*bits))
            .map(|(index, bits)| (index, f32::from_bits(bits)))
    }
}

/// Folds without a branch, so that the loop becomes vector instructions.
#[inline(always)]
fn any(values: &[[u8; VALUE_LEN]], is_bad: impl Fn(u32) -> bool) -> bool {
    values.iter().fold(0, |bad, value| bad | u32::from(is_bad(u32::from_le_bytes(*value)))) != 0
}

#[inline(always)]
const fn is_nonfinite(bits: u32) -> bool {
    bits & EXPONENT == EXPONENT
}

/// True for anything but a finite number above zero, whose bits count up from 1.
#[inline(always)]
const fn is_bad_scale(bits: u32) -> bool {
    let bits = bits.cast_signed();
    (bits <= 0) | (bits >= EXPONENT.cast_signed())
}

/// Why a tensor's values cannot be used (V1, V2).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// V1: an f32 value is infinite or no number.
    #[error("value {index} of {tensor} is {found}, expected a finite number")]
    NonfiniteValue {
        /// The tensor's name; empty if the directory gives it none.
        tensor: String,
        /// The value's place in its array, from 0.
        index: u64,
        /// The value.
        found: f32,
    },
    /// V2: a scale is not finite, or not above zero.
    #[error("scale {index} of {tensor} is {found}, expected a finite number above 0")]
    BadScale {
        /// The tensor's name; empty if the directory gives it none.
        tensor: String,
        /// The value's place in its array, from 0.
        index: u64,
        /// The value.
        found: f32,
    },
}

impl ValueError {
    pub(super) const fn suffix(&self) -> &'static str {
        match self {
            Self::NonfiniteValue { .. } => "nonfinite-value",
            Self::BadScale { .. } => "bad-scale",
        }
    }

    pub(super) fn tensor(&self) -> &str {
        match self {
            Self::NonfiniteValue { tensor, .. } | Self::BadScale { tensor, .. } => tensor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ValueReader, ValueRule};

    fn first_bad(rule: ValueRule, values: &[f32], slice: usize) -> Option<u64> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut reader = ValueReader::new(rule);
        bytes.chunks(slice).find_map(|part| reader.update(part)).map(|(index, _)| index)
    }

    #[test]
    fn the_first_bad_value_is_found_across_slices() {
        let mut values = vec![-1.5_f32; 3000];
        values[2049] = f32::NEG_INFINITY;
        values[2999] = f32::NAN;
        for slice in [1, 3, 4, 7, 4095, 4097, 12000] {
            assert_eq!(first_bad(ValueRule::Finite, &values, slice), Some(2049));
        }
        values[2049] = f32::MAX;
        assert_eq!(first_bad(ValueRule::Finite, &values, 64), Some(2999));
        values[2999] = f32::from_bits(1);
        assert_eq!(first_bad(ValueRule::Finite, &values, 64), None);
    }

    #[test]
    fn a_scale_is_finite_and_above_zero() {
        for bad in [0.0, -0.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            assert_eq!(first_bad(ValueRule::FiniteAndPositive, &[1.0, bad], 8), Some(1), "{bad}");
        }
        for good in [f32::from_bits(1), f32::MIN_POSITIVE, 1.0, f32::MAX] {
            assert_eq!(first_bad(ValueRule::FiniteAndPositive, &[good], 8), None, "{good}");
        }
    }
}
