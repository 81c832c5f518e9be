//! 8 messages in registers of 256 bits.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_or_si256, _mm256_permute2x128_si256,
    _mm256_set_epi64x, _mm256_set1_epi32, _mm256_shuffle_epi8, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::compress;
use crate::Block;

compress!(__m256i, 8, "avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn add(one: __m256i, other: __m256i) -> __m256i {
    _mm256_add_epi32(one, other)
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(word: u32) -> __m256i {
    _mm256_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn choose(e: __m256i, f: __m256i, g: __m256i) -> __m256i {
    _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn majority(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

/// Turns each word right by `RIGHT` bits, which is left by `LEFT`: both make 32.
#[inline]
#[target_feature(enable = "avx2")]
fn turn<const RIGHT: i32, const LEFT: i32>(word: __m256i) -> __m256i {
    const { assert!(RIGHT + LEFT == 32) };
    _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(word), _mm256_slli_epi32::<LEFT>(word))
}

#[inline]
#[target_feature(enable = "avx2")]
fn large0(a: __m256i) -> __m256i {
    xor(turn::<2, 30>(a), turn::<13, 19>(a), turn::<22, 10>(a))
}

#[inline]
#[target_feature(enable = "avx2")]
fn large1(e: __m256i) -> __m256i {
    xor(turn::<6, 26>(e), turn::<11, 21>(e), turn::<25, 7>(e))
}

#[inline]
#[target_feature(enable = "avx2")]
fn small0(w: __m256i) -> __m256i {
    xor(turn::<7, 25>(w), turn::<18, 14>(w), _mm256_srli_epi32::<3>(w))
}

#[inline]
#[target_feature(enable = "avx2")]
fn small1(w: __m256i) -> __m256i {
    xor(turn::<17, 15>(w), turn::<19, 13>(w), _mm256_srli_epi32::<10>(w))
}

/// The blocks' words, which are big-endian: the first of every block, the second of every block, …
#[inline]
#[target_feature(enable = "avx2")]
fn rows(blocks: [&Block; 8]) -> [__m256i; 16] {
    let [mut front, mut back] = [[splat(0); 8]; 2];
    for ((front, back), block) in front.iter_mut().zip(&mut back).zip(blocks) {
        [*front, *back] = bytemuck::cast(*block);
    }
    bytemuck::cast([eight(front), eight(back)])
}

/// The words of half a block of every message.
#[inline]
#[target_feature(enable = "avx2")]
fn eight(halves: [__m256i; 8]) -> [__m256i; 8] {
    let (high, low) = (0x0C0D_0E0F_0809_0A0B, 0x0405_0607_0001_0203);
    let order = _mm256_set_epi64x(high, low, high, low);
    let mut twos = halves;
    for at in [0, 2, 4, 6] {
        twos[at] = _mm256_unpacklo_epi32(halves[at], halves[at + 1]);
        twos[at + 1] = _mm256_unpackhi_epi32(halves[at], halves[at + 1]);
    }
    let mut fours = twos;
    for at in [0, 4] {
        fours[at] = _mm256_unpacklo_epi64(twos[at], twos[at + 2]);
        fours[at + 1] = _mm256_unpackhi_epi64(twos[at], twos[at + 2]);
        fours[at + 2] = _mm256_unpacklo_epi64(twos[at + 1], twos[at + 3]);
        fours[at + 3] = _mm256_unpackhi_epi64(twos[at + 1], twos[at + 3]);
    }
    let mut words = fours;
    for at in [0, 1, 2, 3] {
        words[at] = _mm256_permute2x128_si256::<0x20>(fours[at], fours[at + 4]);
        words[at + 4] = _mm256_permute2x128_si256::<0x31>(fours[at], fours[at + 4]);
    }
    for word in &mut words {
        *word = _mm256_shuffle_epi8(*word, order);
    }
    words
}
