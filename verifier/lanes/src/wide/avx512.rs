//! 16 messages in registers of 512 bits.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_set4_epi32,
    _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_ternarylogic_epi32,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::compress;
use crate::Block;

compress!(__m512i, 16, "avx512f,avx512bw");

#[inline]
#[target_feature(enable = "avx512f")]
fn add(one: __m512i, other: __m512i) -> __m512i {
    _mm512_add_epi32(one, other)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u32) -> __m512i {
    _mm512_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn choose(e: __m512i, f: __m512i, g: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0xCA>(e, f, g)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn majority(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0xE8>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn large0(a: __m512i) -> __m512i {
    xor(_mm512_ror_epi32::<2>(a), _mm512_ror_epi32::<13>(a), _mm512_ror_epi32::<22>(a))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn large1(e: __m512i) -> __m512i {
    xor(_mm512_ror_epi32::<6>(e), _mm512_ror_epi32::<11>(e), _mm512_ror_epi32::<25>(e))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small0(w: __m512i) -> __m512i {
    xor(_mm512_ror_epi32::<7>(w), _mm512_ror_epi32::<18>(w), _mm512_srli_epi32::<3>(w))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small1(w: __m512i) -> __m512i {
    xor(_mm512_ror_epi32::<17>(w), _mm512_ror_epi32::<19>(w), _mm512_srli_epi32::<10>(w))
}

/// The blocks' words, which are big-endian: the first of every block, the second of every block, …
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn rows(blocks: [&Block; 16]) -> [__m512i; 16] {
    let order = _mm512_set4_epi32(0x0C0D_0E0F, 0x0809_0A0B, 0x0405_0607, 0x0001_0203);
    let mut rows = [splat(0); 16];
    for (row, block) in rows.iter_mut().zip(blocks) {
        *row = bytemuck::cast(*block);
    }
    // Two blocks' words in turn, then four's, then of four the first, second, … of each quarter.
    let mut twos = rows;
    for at in [0, 2, 4, 6, 8, 10, 12, 14] {
        twos[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        twos[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    let mut fours = twos;
    for at in [0, 4, 8, 12] {
        fours[at] = _mm512_unpacklo_epi64(twos[at], twos[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(twos[at], twos[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(twos[at + 1], twos[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(twos[at + 1], twos[at + 3]);
    }
    let mut eights = fours;
    for at in [0, 1, 2, 3, 8, 9, 10, 11] {
        eights[at] = _mm512_shuffle_i32x4::<0x88>(fours[at], fours[at + 4]);
        eights[at + 4] = _mm512_shuffle_i32x4::<0xDD>(fours[at], fours[at + 4]);
    }
    let mut words = eights;
    for at in [0, 1, 2, 3, 4, 5, 6, 7] {
        words[at] = _mm512_shuffle_i32x4::<0x88>(eights[at], eights[at + 8]);
        words[at + 8] = _mm512_shuffle_i32x4::<0xDD>(eights[at], eights[at + 8]);
    }
    for word in &mut words {
        *word = _mm512_shuffle_epi8(*word, order);
    }
    words
}
