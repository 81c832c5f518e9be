//! The calls of what only some processors have: each takes a witness that it was found here.

use crate::digests::Lane;
use crate::{Beside, Block, State, instructions, wide};

/// That this processor has the SHA instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sha(());

/// That this processor has registers of 512 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

/// That this processor has registers of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Sha {
    pub(crate) fn find() -> Option<Self> {
        let found = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        found.then_some(Self(()))
    }
}

impl Avx512 {
    pub(crate) fn find() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        found.then_some(Self(()))
    }
}

impl Avx2 {
    pub(crate) fn find() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

/// Takes `N` messages so many blocks on with the SHA instructions.
pub(crate) fn in_turn<const N: usize>(found: Sha, lanes: &mut [Lane<'_, '_>], count: usize) {
    debug_assert!(lanes.len() <= N, "a message is left out");
    let mut states = [[0; 8]; N];
    states.iter_mut().zip(&*lanes).for_each(|(to, lane)| *to = *lane.state);
    compress(found, &mut states, &blocks(lanes), count, ());
    lanes.iter_mut().zip(states).for_each(|(lane, state)| *lane.state = state);
}

/// Takes `N` messages over the same blocks, and these beside, with the SHA instructions.
pub(crate) fn together<const N: usize>(
    found: Sha,
    states: [&mut State; N],
    blocks: &[Block],
    beside: &mut impl Beside,
) {
    let mut moved = states.each_ref().map(|state| **state);
    *beside = compress(found, &mut moved, &[blocks; N], blocks.len(), std::mem::take(beside));
    states.into_iter().zip(moved).for_each(|(state, moved)| *state = moved);
}

fn compress<const N: usize, B: Beside>(
    _found: Sha,
    states: &mut [State; N],
    blocks: &[&[Block]; N],
    count: usize,
    beside: B,
) -> B {
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: there is only a `Sha` where the processor was found to have the instructions.
    unsafe {
        instructions::compress(states, blocks, count, beside)
    }
}

/// Takes up to 16 messages so many blocks on in registers of 512 bits.
pub(crate) fn in_512_bits(_found: Avx512, lanes: &mut [Lane<'_, '_>], count: usize) {
    debug_assert!(lanes.len() <= 16, "a message is left out");
    let mut words = words(lanes);
    let blocks = blocks(lanes);
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: there is only an `Avx512` where the processor was found to have the registers.
    unsafe {
        wide::avx512::compress(&mut words, &blocks, count);
    }
    give_back(lanes, &words);
}

/// Takes up to 8 messages so many blocks on in registers of 256 bits.
pub(crate) fn in_256_bits(_found: Avx2, lanes: &mut [Lane<'_, '_>], count: usize) {
    debug_assert!(lanes.len() <= 8, "a message is left out");
    let mut words = words(lanes);
    let blocks = blocks(lanes);
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: there is only an `Avx2` where the processor was found to have the registers.
    unsafe {
        wide::avx2::compress(&mut words, &blocks, count);
    }
    give_back(lanes, &words);
}

/// The messages' blocks; where there are fewer than `N` messages, the rest has none.
fn blocks<'b, const N: usize>(lanes: &[Lane<'_, 'b>]) -> [&'b [Block]; N] {
    let mut blocks: [&[Block]; N] = [&[]; N];
    blocks.iter_mut().zip(lanes).for_each(|(to, lane)| *to = lane.blocks);
    blocks
}

/// The states, a word of all messages beside each other.
fn words<const N: usize>(lanes: &[Lane<'_, '_>]) -> [[u32; N]; 8] {
    let mut words = [[0; N]; 8];
    for (lane, from) in lanes.iter().enumerate() {
        let states = words.iter_mut().filter_map(|word| word.get_mut(lane));
        states.zip(&*from.state).for_each(|(to, word)| *to = *word);
    }
    words
}

fn give_back<const N: usize>(lanes: &mut [Lane<'_, '_>], words: &[[u32; N]; 8]) {
    for (lane, to) in lanes.iter_mut().enumerate() {
        let states = words.iter().filter_map(|word| word.get(lane));
        to.state.iter_mut().zip(states).for_each(|(to, word)| *to = *word);
    }
}
