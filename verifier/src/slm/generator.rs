//! The numbers that sample files are filled with.

/// SplitMix64: a well-known generator that is fast, and the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Generator(u64);

/// Values lie between this and its negative, as weights of small models do.
const SPREAD: f32 = 0.08;

impl Generator {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Fills `values` with finite numbers, two from each step.
    pub(super) fn fill(&mut self, values: &mut [f32]) {
        let (pairs, rest) = values.as_chunks_mut::<2>();
        for pair in pairs {
            *pair = self.pair();
        }
        for value in rest {
            [*value, _] = self.pair();
        }
    }

    fn pair(&mut self) -> [f32; 2] {
        let [a, b, c, d, e, f, g, h] = self.step().to_le_bytes();
        [[a, b, c, d], [e, f, g, h]].map(|bytes| {
            // 24 bits are what a float holds exactly; as a signed number they convert quickly.
            let whole = u32::from_le_bytes(bytes).cast_signed() >> 8;
            whole as f32 * (SPREAD / 8_388_608.0)
        })
    }

    const fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Generator;

    #[test]
    fn the_generator_is_splitmix64() {
        let mut generator = Generator::new(1_234_567);
        let steps = [(); 3].map(|()| generator.step());
        assert_eq!(
            steps,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
