//! What the processor at hand can do, and which of it is worth while for how many messages.

use std::fmt;

use crate::call::{Avx2, Avx512, Sha};
use crate::digests::Lane;
use crate::{Beside, Block, State};

/// A way to hash several messages at once that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    wide: Option<Wide>,
    narrow: Narrow,
}

/// Many messages side by side, a word of each in one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wide {
    /// 16 in registers of 512 bits.
    Avx512(Avx512),
    /// 8 in registers of 256 bits.
    Avx2(Avx2),
}

/// A few messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Narrow {
    /// Two or three in turn with the SHA instructions.
    Sha(Sha),
    /// One, by the crate `sha2`, which knows the instructions of other processors too.
    One,
}

impl Way {
    /// The fastest way on this processor.
    pub fn best() -> Self {
        let narrow = Sha::find().map_or(Narrow::One, Narrow::Sha);
        let wide = match (narrow, Avx512::find()) {
            // Two or three in turn are faster there than 16 in registers.
            (Narrow::Sha(_), Some(_)) if has_halved_registers() => None,
            (_, Some(found)) => Some(Wide::Avx512(found)),
            // The SHA instructions are faster than eight in registers.
            (Narrow::Sha(_), None) => None,
            (Narrow::One, None) => Avx2::find().map(Wide::Avx2),
        };
        Self { wide, narrow }
    }

    /// Every way that this processor has, so that each can be tried and timed.
    pub fn all() -> Vec<Self> {
        let mut wides = vec![None];
        wides.extend(Avx512::find().map(|found| Some(Wide::Avx512(found))));
        wides.extend(Avx2::find().map(|found| Some(Wide::Avx2(found))));
        let mut narrows = vec![Narrow::One];
        narrows.extend(Sha::find().map(Narrow::Sha));
        let of_wide = |wide| narrows.iter().map(move |&narrow| Self { wide, narrow });
        wides.into_iter().flat_map(of_wide).collect()
    }

    /// Whether what goes beside a digest takes hardly longer than the digest or it alone.
    pub const fn is_free_beside(self) -> bool {
        matches!(self.narrow, Narrow::Sha(_))
    }

    /// How many of so many messages go on together.
    pub(crate) const fn at_once(self, messages: usize) -> usize {
        // Registers take as long for one message as for all that have room in them.
        let (fewest, most) = match (self.wide, self.narrow) {
            (None, _) => (usize::MAX, 1),
            (Some(Wide::Avx512(_)), Narrow::Sha(_)) => (12, 16),
            (Some(Wide::Avx512(_)), Narrow::One) => (3, 16),
            (Some(Wide::Avx2(_)), Narrow::Sha(_)) => (8, 8),
            (Some(Wide::Avx2(_)), Narrow::One) => (3, 8),
        };
        match (self.narrow, messages) {
            (_, messages) if messages >= most && messages >= fewest => most,
            (_, messages) if messages >= fewest => messages,
            (Narrow::One, _) | (Narrow::Sha(_), 0 | 1) => 1,
            // Four go as two and two rather than as three and one.
            (Narrow::Sha(_), 2 | 4) => 2,
            (Narrow::Sha(_), _) => 3,
        }
    }

    /// Takes the messages so many blocks on: as many messages as [`Self::at_once`] gave, each with
    /// so many blocks left.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn step(self, lanes: &mut [Lane<'_, '_>], count: usize) {
        use crate::call;

        match (self.wide, self.narrow, lanes) {
            (_, _, [one]) => one.step(count),
            (_, Narrow::Sha(found), lanes @ [_, _]) => call::in_turn::<2>(found, lanes, count),
            (_, Narrow::Sha(found), lanes @ [_, _, _]) => call::in_turn::<3>(found, lanes, count),
            (Some(Wide::Avx512(found)), _, lanes) => call::in_512_bits(found, lanes, count),
            (Some(Wide::Avx2(found)), _, lanes) => call::in_256_bits(found, lanes, count),
            (None, _, lanes) => lanes.iter_mut().for_each(|lane| lane.step(count)),
        }
    }

    /// Takes the messages so many blocks on.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn step(self, lanes: &mut [Lane<'_, '_>], count: usize) {
        lanes.iter_mut().for_each(|lane| lane.step(count));
    }
}

impl Way {
    /// Takes each state over the same blocks, and these beside.
    pub(crate) fn together<const N: usize>(
        self,
        states: [&mut State; N],
        blocks: &[Block],
        beside: &mut impl Beside,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Narrow::Sha(found) = self.narrow {
            return crate::call::together(found, states, blocks, beside);
        }
        states.into_iter().for_each(|state| sha2::block_api::compress256(state, blocks));
        beside.take(blocks.as_flattened());
    }
}

impl Lane<'_, '_> {
    fn step(&mut self, count: usize) {
        let blocks = self.blocks.get(..count).unwrap_or(self.blocks);
        sha2::block_api::compress256(self.state, blocks);
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.wide, self.narrow) {
            (None, Narrow::One) => "one at a time",
            (None, Narrow::Sha(_)) => "3 in turn with SHA instructions",
            (Some(Wide::Avx512(_)), Narrow::One) => "16 in AVX-512 registers",
            (Some(Wide::Avx512(_)), Narrow::Sha(_)) => {
                "16 in AVX-512 registers, fewer with SHA instructions"
            }
            (Some(Wide::Avx2(_)), Narrow::One) => "8 in AVX2 registers",
            (Some(Wide::Avx2(_)), Narrow::Sha(_)) => {
                "8 in AVX2 registers, fewer with SHA instructions"
            }
        })
    }
}

/// Whether registers of 512 bits are worked on in two halves, as AMD's first processors with them
/// do. Only AMD has `sse4a`, and what came after those has `avx512vp2intersect`.
#[cfg(target_arch = "x86_64")]
fn has_halved_registers() -> bool {
    is_x86_feature_detected!("sse4a") && !is_x86_feature_detected!("avx512vp2intersect")
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_halved_registers() -> bool {
    false
}
