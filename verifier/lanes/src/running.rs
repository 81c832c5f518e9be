//! Running digests, for bytes that come in parts.

use crate::constants::START;
use crate::digests::{End, bytes};
use crate::{Block, State, Way};

/// A running SHA-256.
#[derive(Debug, Clone)]
pub struct Running {
    state: State,
    /// How many bytes were taken in.
    length: u64,
    /// Those at the end that make no block yet, as many as are above a multiple of 64.
    rest: Block,
}

impl Default for Running {
    fn default() -> Self {
        Self { state: START, length: 0, rest: [0; 64] }
    }
}

impl Running {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let bytes = self.fill(bytes);
        let (blocks, rest) = bytes.as_chunks();
        sha2::block_api::compress256(&mut self.state, blocks);
        self.length = self.length.wrapping_add(blocks.as_flattened().len() as u64);
        self.fill(rest);
    }

    /// Takes the same bytes into two digests that began at different places, which takes hardly
    /// longer than into one where the SHA instructions are.
    pub fn update_both(one: &mut Self, other: &mut Self, bytes: &[u8]) {
        if one.filled() != other.filled() {
            one.update(bytes);
            other.update(bytes);
            return;
        }
        one.fill(bytes);
        let (blocks, rest) = other.fill(bytes).as_chunks();
        let states = [&mut one.state, &mut other.state];
        Way::best().over(states, [blocks, blocks]);
        for running in [one, other] {
            running.length = running.length.wrapping_add(blocks.as_flattened().len() as u64);
            running.fill(rest);
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(mut self) -> [u8; 32] {
        let rest = self.rest.get(..self.filled()).unwrap_or_default();
        sha2::block_api::compress256(&mut self.state, End::new(rest, self.length).blocks());
        bytes(self.state)
    }

    /// Where the next byte goes in its block.
    const fn filled(&self) -> usize {
        (self.length % 64) as usize
    }

    /// Takes in bytes up to the end of the block that has begun, or of too few for a block all;
    /// gives back what follows.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let filled = self.filled();
        if filled == 0 && bytes.len() >= 64 {
            return bytes;
        }
        let (now, later) = bytes.split_at(bytes.len().min(64 - filled));
        self.rest.iter_mut().skip(filled).zip(now).for_each(|(to, from)| *to = *from);
        self.length = self.length.wrapping_add(now.len() as u64);
        if filled + now.len() == 64 {
            sha2::block_api::compress256(&mut self.state, &[self.rest]);
        }
        later
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::Running;

    proptest! {
        #[test]
        fn any_parts_have_the_digest_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..700),
            parts in prop::collection::vec(0..200_usize, 1..20)
        ) {
            let mut running = Running::default();
            let mut rest = &bytes[..];
            for part in parts {
                let (now, later) = rest.split_at(part.min(rest.len()));
                running.update(now);
                rest = later;
            }
            running.update(rest);
            prop_assert_eq!(running.finish(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        }

        #[test]
        fn two_that_began_apart_have_each_its_own_digest(
            bytes in prop::collection::vec(any::<u8>(), 0..900),
            // Often at the same place in a block, which is what it is for.
            (blocks, odd) in (0..4_usize, prop_oneof![Just(0_usize), 0..64_usize]),
            parts in prop::collection::vec(0..300_usize, 1..8)
        ) {
            let mut whole = Running::default();
            let mut piece = Running::default();
            let (front, mut rest) = bytes.split_at((blocks * 64 + odd).min(bytes.len()));
            whole.update(front);
            let wanted = <[u8; 32]>::from(Sha256::digest(rest));
            for part in parts {
                let (now, later) = rest.split_at(part.min(rest.len()));
                Running::update_both(&mut whole, &mut piece, now);
                rest = later;
            }
            Running::update_both(&mut whole, &mut piece, rest);
            prop_assert_eq!(piece.finish(), wanted);
            prop_assert_eq!(whole.finish(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        }
    }
}
