//! How the writer turns numbers into quantised values.

/// The writer's quantiser (SPEC 5.8); readers do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantiser {
    /// Scales by the largest magnitude and rounds half away from zero.
    V0,
}

impl Quantiser {
    /// Appends a row's values in q8_0 form and gives the row's scale.
    pub fn q8(self, row: &[f32], payload: &mut Vec<u8>) -> f32 {
        match self {
            Self::V0 => {
                let scale = scale(row, 127.0);
                payload.extend(row.iter().map(|value| {
                    let [low, ..] = round(value / scale).clamp(-127, 127).to_le_bytes();
                    low
                }));
                scale
            }
        }
    }

    /// Appends a block's values in q4_0 form, low nibble first, and gives the block's scale.
    ///
    /// A block has an even number of values.
    pub fn q4(self, block: &[f32], payload: &mut Vec<u8>) -> f32 {
        match self {
            Self::V0 => {
                let scale = scale(block, 7.0);
                let (pairs, _) = block.as_chunks::<2>();
                payload.extend(pairs.iter().map(|pair| {
                    let [low, high] = pair.map(|value| {
                        let [low, ..] = round(value / scale).clamp(-8, 7).to_le_bytes();
                        low & 0x0F
                    });
                    low | (high << 4)
                }));
                scale
            }
        }
    }
}

fn scale(values: &[f32], steps: f32) -> f32 {
    let largest = values.iter().fold(0.0, |largest: f32, value| {
        let magnitude = value.abs();
        if magnitude > largest { magnitude } else { largest }
    });
    if largest == 0.0 { 1.0 } else { largest / steps }
}

/// Rounds half away from zero; as exact as `f32::round` here, and made of vector instructions.
#[expect(clippy::cast_possible_truncation, reason = "cutting the fraction off is the purpose")]
fn round(value: f32) -> i32 {
    let whole = value as i32;
    let rest = value - whole as f32;
    whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)
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
        let mut payload = Vec::new();
        assert_eq!(Quantiser::V0.q8(&[127.0, -127.0, 0.5, 0.0], &mut payload), 1.0);
        assert_eq!(payload, [127, 0x81, 1, 0]);
        payload.clear();
        assert_eq!(Quantiser::V0.q4(&[7.0, -7.0, -1.0, 0.0], &mut payload), 1.0);
        assert_eq!(payload, [0x97, 0x0F]);
        payload.clear();
        assert_eq!(Quantiser::V0.q8(&[0.0, 0.0], &mut payload), 1.0);
    }
}
