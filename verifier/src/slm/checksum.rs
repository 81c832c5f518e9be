//! The internal checksum of a file (docs/formats.md 5.6), provisional.
//!
//! What is published leaves the start constant, the mixing, the rotation and the order of the steps
//! open. [`SlmChecksumProfile::MinimodelProvisional1`] chooses them; that a file made elsewhere
//! passes it may not be claimed.
//!
//! ```
//! use verifier::slm::{RollingChecksum, SlmChecksumProfile};
//!
//! let mut checksum = RollingChecksum::new();
//! checksum.update(&[0; 100]);
//! checksum.update(&[7; 8]); // the stored value itself counts as zeros
//! assert_eq!(checksum.finish(), 0xCA52_34E2_70E6_149B);
//! assert_eq!(SlmChecksumProfile::default().as_str(), "minimodel-provisional-1");
//! ```

use std::fmt;
use std::ops::Range;

use lanes::Beside;

/// The rules by which an internal checksum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SlmChecksumProfile {
    /// This project's own choice of what is not published (docs/formats.md 5.6).
    #[default]
    MinimodelProvisional1,
}

impl SlmChecksumProfile {
    /// The word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MinimodelProvisional1 => "minimodel-provisional-1",
        }
    }

    const fn start(self) -> u64 {
        match self {
            Self::MinimodelProvisional1 => 0xCBF2_9CE4_8422_2325,
        }
    }

    #[inline(always)]
    const fn mix(self, state: u64, byte: u64, index: u64) -> u64 {
        match self {
            // `byte ^ index` first: it does not wait for the state, which is the slow chain.
            Self::MinimodelProvisional1 => {
                (state ^ (byte ^ index)).rotate_left(5).wrapping_mul(0x0000_0100_0000_01B3)
            }
        }
    }

    const fn close(self, state: u64) -> u64 {
        match self {
            Self::MinimodelProvisional1 if state == 0 => 1,
            Self::MinimodelProvisional1 => state,
        }
    }
}

impl fmt::Display for SlmChecksumProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A running internal checksum, over a file's bytes in order.
///
/// Each byte waits for the one before, so no more than about a byte in five
/// cycles can be taken in; run it beside the other checks, not before them. Beside a SHA-256 it is
/// free where that has instructions.
#[derive(Debug, Clone)]
pub struct RollingChecksum {
    state: u64,
    index: u64,
}

/// Where the checksum itself is stored; these bytes count as zero.
const STORED: Range<u64> = 100..108;

/// The profile in force.
pub(super) const PROFILE: SlmChecksumProfile = SlmChecksumProfile::MinimodelProvisional1;

impl RollingChecksum {
    /// Starts at a file's first byte.
    pub const fn new() -> Self {
        Self { state: PROFILE.start(), index: 0 }
    }

    /// Takes in the next bytes.
    #[inline(always)]
    pub fn update(&mut self, bytes: &[u8]) {
        let mut state = self.state;
        for (index, byte) in (self.index..).zip(bytes) {
            // Looked at without a branch: one would keep the chain from being taken through registers.
            let is_stored = index.wrapping_sub(STORED.start) < STORED.end - STORED.start;
            state = PROFILE.mix(state, if is_stored { 0 } else { u64::from(*byte) }, index);
        }
        *self = Self { state, index: self.index.wrapping_add(bytes.len() as u64) };
    }

    /// The checksum of all bytes taken in, which is never zero.
    pub const fn finish(self) -> u64 {
        PROFILE.close(self.state)
    }
}

impl Beside for RollingChecksum {
    #[inline(always)]
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Default for RollingChecksum {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::RollingChecksum;

    fn checksum(bytes: &[u8], slice: usize) -> u64 {
        let mut checksum = RollingChecksum::new();
        bytes.chunks(slice).for_each(|part| checksum.update(part));
        checksum.finish()
    }

    #[test]
    fn the_published_vectors_come_out() {
        let mut start = [0; 108];
        assert_eq!(checksum(&start, 1000), 0xCA52_34E2_70E6_149B);
        start[..4].copy_from_slice(b"SLM1");
        assert_eq!(checksum(&start, 1000), 0x0AFE_5AA0_880A_6E54);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(checksum(&all, 1000), 0x23C8_B4CE_F82C_D18F);
    }

    #[test]
    fn slices_do_not_matter() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let whole = checksum(&bytes, 1000);
        for slice in [1, 3, 50, 99, 100, 101, 104, 107, 108, 109, 999] {
            assert_eq!(checksum(&bytes, slice), whole, "slices of {slice}");
        }
    }

    #[test]
    fn the_stored_value_does_not_count() {
        let mut bytes = [7; 200];
        let before = checksum(&bytes, 200);
        bytes[100..108].fill(9);
        assert_eq!(checksum(&bytes, 200), before);
        bytes[108] = 9;
        assert_ne!(checksum(&bytes, 200), before);
    }
}
