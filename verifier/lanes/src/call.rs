//! The calls of what only some processors have: each is made of a `Way` that was found here.

use crate::digests::Lane;
use crate::{Block, instructions, wide};

/// Takes `N` messages so many blocks on with the SHA instructions.
pub(crate) fn in_turn<const N: usize>(lanes: &mut [Lane<'_, '_>], count: usize) {
    let mut states = [[0; 8]; N];
    states.iter_mut().zip(&*lanes).for_each(|(to, lane)| *to = *lane.state);
    let blocks = blocks(lanes);
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: a way with the SHA instructions is only made where the processor has them.
    unsafe {
        instructions::compress::<N>(&mut states, &blocks, count);
    }
    lanes.iter_mut().zip(states).for_each(|(lane, state)| *lane.state = state);
}

/// Takes up to 16 messages so many blocks on in registers of 512 bits.
pub(crate) fn in_512_bits(lanes: &mut [Lane<'_, '_>], count: usize) {
    let mut words = words(lanes);
    let blocks = blocks(lanes);
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: a way with these registers is only made where the processor has them.
    unsafe {
        wide::avx512::compress(&mut words, &blocks, count);
    }
    give_back(lanes, &words);
}

/// Takes up to 8 messages so many blocks on in registers of 256 bits.
pub(crate) fn in_256_bits(lanes: &mut [Lane<'_, '_>], count: usize) {
    let mut words = words(lanes);
    let blocks = blocks(lanes);
    #[expect(unsafe_code, reason = "the compiler cannot know what was found in the processor")]
    // SAFETY: a way with these registers is only made where the processor has them.
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
