//! How the writer turns numbers into quantised values (docs/formats.md 5.8), provisional.
//!
//! ```
//! use verifier::slm::quantiser::Quantiser;
//!
//! let mut payload = [0; 2];
//! // -4 and 2 in the low nibbles, 7 and -1 in the high ones.
//! assert_eq!(Quantiser::V0.q4(&[-2.0, 3.5, 1.0, -0.5], &mut payload), 0.5);
//! assert_eq!(payload, [0x7C, 0xF2]);
//! ```

/// The writer's quantiser (docs/formats.md 5.8); readers do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantiser {
    /// Scales by the largest magnitude and rounds half away from zero.
    V0,
}

impl Quantiser {
    /// Writes a row in q8_0 form, a byte a value, and gives the row's scale.
    pub fn q8(self, row: &[f32], payload: &mut [u8]) -> f32 {
        match self {
            Self::V0 => {
                let scale = scale(row, 127.0);
                for (byte, value) in payload.iter_mut().zip(row) {
                    *byte = low_byte(round(value / scale).clamp(-127, 127));
                }
                scale
            }
        }
    }

    /// Writes a block in q4_0 form, two values a byte, low nibble first, and gives its scale.
    pub fn q4(self, block: &[f32], payload: &mut [u8]) -> f32 {
        match self {
            Self::V0 => {
                let scale = scale(block, 7.0);
                let (pairs, _) = block.as_chunks::<2>();
                for (byte, [low, high]) in payload.iter_mut().zip(pairs) {
                    let low = round(low / scale).clamp(-8, 7);
                    let high = round(high / scale).clamp(-8, 7);
                    *byte = low_byte((low & 0x0F) | (high << 4));
                }
                scale
            }
        }
    }
}

const fn low_byte(value: i32) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

fn scale(values: &[f32], steps: f32) -> f32 {
    // Magnitudes are in the order of their bits, and whole numbers have a maximum that does not
    // depend on the order of the values.
    let largest =
        values.iter().map(|value| value.abs().to_bits()).max().map_or(0.0, f32::from_bits);
    if largest == 0.0 { 1.0 } else { largest / steps }
}

/// Rounds half away from zero, as `f32::round` does, but in vector instructions.
///
/// What is added is the float just below a half: with a half itself, the float just below a
/// half would come out as 1.
#[expect(clippy::cast_possible_truncation, reason = "cutting the fraction off is the purpose")]
fn round(value: f32) -> i32 {
    (value + 0.5_f32.next_down().copysign(value)) as i32
}

#[cfg(test)]
mod tests {
    use super::{Quantiser, round};

    #[test]
    fn halves_go_away_from_zero() {
        for value in [0.0, 0.5, -0.5, 1.5, -1.5, 0.499_999_97, -0.499_999_97, 126.5, -126.5, 7.4] {
            assert_eq!(round(value) as f32, value.round(), "{value}");
        }
    }

    #[test]
    fn the_largest_magnitude_takes_the_last_step() {
        let mut payload = [0; 4];
        assert_eq!(Quantiser::V0.q8(&[127.0, -127.0, 0.5, 0.0], &mut payload), 1.0);
        assert_eq!(payload, [127, 0x81, 1, 0]);
        assert_eq!(Quantiser::V0.q4(&[7.0, -7.0, -1.0, 0.0], &mut payload), 1.0);
        assert_eq!(payload[..2], [0x97, 0x0F]);
        assert_eq!(Quantiser::V0.q8(&[0.0, 0.0], &mut payload), 1.0);
    }
}
