//! Numbers that look like chance and follow from a seed.

/// Numbers that are the same in every run (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// As many bytes as a scenario may be read from, out of a seed.
pub fn expand(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..64).flat_map(|_| random.number().to_le_bytes()).collect()
}
