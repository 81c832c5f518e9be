//! Running digests, for bytes that come in parts.

use crate::constants::START;
use crate::digests::{End, bytes};
use crate::{Beside, Block, State, Way};

/// A running SHA-256, and what takes in the same bytes beside it.
#[derive(Debug, Clone)]
pub struct Running<B = ()> {
    beside: B,
    state: State,
    /// How many bytes were taken in.
    length: u64,
    /// Those at the end that make no block yet, as many as are above a multiple of 64.
    rest: Block,
}

impl Default for Running {
    fn default() -> Self {
        Self::new(())
    }
}

impl<B: Beside> Running<B> {
    /// Starts with no bytes.
    pub const fn new(beside: B) -> Self {
        Self { beside, state: START, length: 0, rest: [0; 64] }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let bytes = self.fill(bytes);
        let (blocks, rest) = bytes.as_chunks();
        Way::best().together([&mut self.state], blocks, &mut self.beside);
        self.length = self.length.wrapping_add(blocks.as_flattened().len() as u64);
        self.fill(rest);
    }

    /// Takes the same bytes into two digests that began at different places, which takes hardly
    /// longer than into one where the SHA instructions are.
    pub fn update_both(one: &mut Running, other: &mut Self, bytes: &[u8]) {
        if one.filled() != other.filled() {
            one.update(bytes);
            other.update(bytes);
            return;
        }
        one.fill(bytes);
        let (blocks, rest) = other.fill(bytes).as_chunks();
        let states = [&mut one.state, &mut other.state];
        Way::best().together(states, blocks, &mut other.beside);
        let length = blocks.as_flattened().len() as u64;
        (one.length, other.length) =
            (one.length.wrapping_add(length), other.length.wrapping_add(length));
        one.fill(rest);
        other.fill(rest);
    }

    /// The digest of all bytes taken in, and what took them in beside it.
    pub fn finish(mut self) -> ([u8; 32], B) {
        let rest = self.rest.get(..self.filled()).unwrap_or_default();
        sha2::block_api::compress256(&mut self.state, End::new(rest, self.length).blocks());
        (bytes(self.state), self.beside)
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
        self.beside.take(now);
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
    use crate::{Beside, Way};

    /// Keeps what it is given.
    impl Beside for Vec<u8> {
        fn take(&mut self, bytes: &[u8]) {
            self.extend(bytes);
        }
    }

    #[test]
    fn every_way_takes_the_same_bytes_beside() {
        let blocks: Vec<[u8; 64]> = (0..9).map(|block| [block; 64]).collect();
        let wanted = <[u8; 32]>::from(Sha256::digest(blocks.as_flattened()));
        for way in Way::all() {
            let (mut states, mut beside) = ([crate::constants::START; 2], Vec::new());
            let [one, other] = &mut states;
            way.together([one, other], &blocks, &mut beside);
            assert_eq!(beside, blocks.as_flattened(), "{way}");
            for state in states {
                let running = Running { beside: (), state, length: 9 * 64, rest: [0; 64] };
                assert_eq!(running.finish().0, wanted, "{way}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_parts_have_the_digest_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..700),
            parts in prop::collection::vec(0..200_usize, 1..20)
        ) {
            let mut running = Running::new(Vec::new());
            let mut rest = &bytes[..];
            for part in parts {
                let (now, later) = rest.split_at(part.min(rest.len()));
                running.update(now);
                rest = later;
            }
            running.update(rest);
            let (digest, beside) = running.finish();
            prop_assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&bytes)));
            prop_assert_eq!(beside, bytes);
        }

        #[test]
        fn two_that_began_apart_have_each_its_own_digest(
            bytes in prop::collection::vec(any::<u8>(), 0..900),
            // Often at the same place in a block, which is what it is for.
            (blocks, odd) in (0..4_usize, prop_oneof![Just(0_usize), 0..64_usize]),
            parts in prop::collection::vec(0..300_usize, 1..8)
        ) {
            let mut whole = Running::new(Vec::new());
            let mut piece = Running::default();
            let (front, mut rest) = bytes.split_at((blocks * 64 + odd).min(bytes.len()));
            whole.update(front);
            let wanted = <[u8; 32]>::from(Sha256::digest(rest));
            for part in parts {
                let (now, later) = rest.split_at(part.min(rest.len()));
                Running::update_both(&mut piece, &mut whole, now);
                rest = later;
            }
            Running::update_both(&mut piece, &mut whole, rest);
            prop_assert_eq!(piece.finish().0, wanted);
            let (digest, beside) = whole.finish();
            prop_assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&bytes)));
            prop_assert_eq!(beside, bytes);
        }
    }
}
