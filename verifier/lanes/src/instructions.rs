//! Several messages in turn with the SHA instructions of x86-64.
//!
//! `sha256rnds2` gives its result after four cycles and could begin again after two, but the next
//! one of the same message wants that result. So two messages take hardly longer than one.
//!
//! What is inlined has to have the same target features, which closures and what is called with them
//! have not: hence the loops.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_set_epi64x, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use bytemuck::cast;

use crate::constants::ROUNDS;
use crate::{Beside, Block, State};

/// A message's state as the instructions want it: words A, B, E, F and C, D, G, H.
type Halves = (__m128i, __m128i);

/// Takes each state over the first `count` of its blocks, and the first state's blocks beside: that is
/// moved here, so that it is in registers as the states are.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(crate) fn compress<const N: usize, B: Beside>(
    states: &mut [State; N],
    blocks: &[&[Block]; N],
    count: usize,
    mut beside: B,
) -> B {
    let mut halves = [(_mm_setzero_si128(), _mm_setzero_si128()); N];
    for (halves, state) in halves.iter_mut().zip(&*states) {
        *halves = self::halves(*state);
    }
    for at in 0..count {
        let before = halves;
        let mut words = [[_mm_setzero_si128(); 4]; N];
        for (words, blocks) in words.iter_mut().zip(blocks) {
            *words = self::words(blocks.get(at).unwrap_or(&[0; 64]));
        }
        let first = blocks.first().and_then(|blocks| blocks.get(at)).unwrap_or(&[0; 64]);
        let fours: [[u8; 4]; 16] = cast(*first);
        macro_rules! rounds {
            ($($four:literal)*) => { $(
                four_rounds::<N, $four>(&mut halves, &mut words);
                beside.take(&fours[$four]);
            )* };
        }
        rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (half, before) in halves.iter_mut().zip(before) {
            half.0 = _mm_add_epi32(half.0, before.0);
            half.1 = _mm_add_epi32(half.1, before.1);
        }
    }
    for (state, halves) in states.iter_mut().zip(halves) {
        *state = self::state(halves);
    }
    beside
}

/// Rounds 4 · `FOUR` to 4 · `FOUR` + 3 of every message.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn four_rounds<const N: usize, const FOUR: usize>(
    halves: &mut [Halves; N],
    words: &mut [[__m128i; 4]; N],
) {
    let constants: [__m128i; 16] = cast(ROUNDS);
    for ((abef, cdgh), words) in halves.iter_mut().zip(words) {
        if FOUR >= 4 {
            let [w0, w1] = [words[FOUR % 4], words[(FOUR + 1) % 4]];
            let [w2, w3] = [words[(FOUR + 2) % 4], words[(FOUR + 3) % 4]];
            let next = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
            words[FOUR % 4] = _mm_sha256msg2_epu32(next, w3);
        }
        let words = _mm_add_epi32(words[FOUR % 4], constants[FOUR]);
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(words, 0x0E));
    }
}

/// The block's sixteen words, which are big-endian.
#[inline]
#[target_feature(enable = "ssse3")]
fn words(block: &Block) -> [__m128i; 4] {
    let order = _mm_set_epi64x(0x0C0D_0E0F_0809_0A0B, 0x0405_0607_0001_0203);
    let [w0, w1, w2, w3]: [__m128i; 4] = cast(*block);
    [
        _mm_shuffle_epi8(w0, order),
        _mm_shuffle_epi8(w1, order),
        _mm_shuffle_epi8(w2, order),
        _mm_shuffle_epi8(w3, order),
    ]
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn halves(state: State) -> Halves {
    let [dcba, hgfe]: [__m128i; 2] = cast(state);
    let (cdab, efgh) = (_mm_shuffle_epi32(dcba, 0xB1), _mm_shuffle_epi32(hgfe, 0x1B));
    (_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xF0))
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn state((abef, cdgh): Halves) -> State {
    let (feba, dchg) = (_mm_shuffle_epi32(abef, 0x1B), _mm_shuffle_epi32(cdgh, 0xB1));
    cast([_mm_blend_epi16(feba, dchg, 0xF0), _mm_alignr_epi8(dchg, feba, 8)])
}
