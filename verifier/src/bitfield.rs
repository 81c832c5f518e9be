//! A set of an artifact's pieces: what a side holds.
//!
//! One bit a piece, so at most 128 KiB for the 1,048,576 pieces of docs/formats.md 7.1. How many
//! pieces there are is the caller's word, which is to come from a [`Geometry`].
//!
//! ```
//! use verifier::{Bitfield, Geometry};
//!
//! let geometry = Geometry::new(100_000, 16_384)?;
//! let mut have = Bitfield::empty(geometry.piece_count());
//! have.insert_range(1, 3);
//! have.insert(geometry.index(6).ok_or("no such piece")?);
//! assert_eq!(have.ranges(), [(1, 3), (6, 6)]);
//! assert_eq!(have.as_bytes(), [0b0100_1110]);
//! assert_eq!(have.complement().count(), 3);
//! // A bit behind the last piece is refused.
//! assert_eq!(Bitfield::from_bytes(&[0b1000_0000], 7), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::geometry::{Geometry, PieceIndex};

/// A set of pieces: one bit each, piece 0 in the lowest bit of the first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitfield {
    bytes: Vec<u8>,
    len: u32,
    ones: u32,
}

impl Bitfield {
    /// No pieces of an artifact of `len` pieces; takes a bit a piece, so `len` is to be checked.
    pub fn empty(len: u32) -> Self {
        Self { bytes: vec![0; len.div_ceil(8) as usize], len, ones: 0 }
    }

    /// All pieces of an artifact of `len` pieces; takes a bit a piece, so `len` is to be checked.
    pub fn full(len: u32) -> Self {
        let mut bytes = vec![0xFF; len.div_ceil(8) as usize];
        let spare = (8 - len % 8) % 8;
        if let Some(last) = bytes.last_mut() {
            *last >>= spare;
        }
        Self { bytes, len, ones: len }
    }

    /// Takes bytes from outside: exactly as many as `len` pieces need, spare bits zero; `None` for
    /// any others. Nothing is copied before their number fits.
    pub fn from_bytes(bytes: &[u8], len: u32) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) as usize {
            return None;
        }
        let spare = (8 - len % 8) % 8;
        if bytes.last().is_some_and(|last| spare != 0 && last >> (8 - spare) != 0) {
            return None;
        }
        let ones = bytes.iter().map(|byte| byte.count_ones()).sum();
        Some(Self { bytes: bytes.to_vec(), len, ones })
    }

    /// The set's bytes, as [`Self::from_bytes`] takes them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many pieces the artifact has.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// How many pieces are in the set.
    pub const fn count(&self) -> u32 {
        self.ones
    }

    /// Whether no piece is in the set.
    pub const fn is_empty(&self) -> bool {
        self.ones == 0
    }

    /// Whether every piece is in the set.
    pub const fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// Whether the piece is in the set; one of another artifact, out of range here, is not.
    pub fn contains(&self, index: PieceIndex) -> bool {
        self.bit(index.get())
    }

    /// Puts the piece in the set; returns whether it was new.
    pub fn insert(&mut self, index: PieceIndex) -> bool {
        let (byte, mask) = place(index.get());
        match self.bytes.get_mut(byte) {
            Some(bits) if index.get() < self.len && *bits & mask == 0 => {
                *bits |= mask;
                self.ones += 1;
                true
            }
            _ => false,
        }
    }

    /// Takes the piece out of the set; returns whether it was there.
    pub fn remove(&mut self, index: PieceIndex) -> bool {
        let (byte, mask) = place(index.get());
        match self.bytes.get_mut(byte) {
            Some(bits) if *bits & mask != 0 => {
                *bits &= !mask;
                self.ones -= 1;
                true
            }
            _ => false,
        }
    }

    /// The pieces that are not in the set.
    pub fn complement(&self) -> Self {
        let mut other = Self::full(self.len);
        for (left, right) in other.bytes.iter_mut().zip(&self.bytes) {
            *left &= !right;
        }
        other.ones = self.len - self.ones;
        other
    }

    /// Adds every piece of `other`; what is past this set's end is left out.
    pub fn union(&mut self, other: &Self) {
        for (left, right) in self.bytes.iter_mut().zip(&other.bytes) {
            *left |= right;
        }
        let spare = (8 - self.len % 8) % 8;
        if let Some(last) = self.bytes.last_mut() {
            *last &= 0xFF >> spare;
        }
        self.ones = self.bytes.iter().map(|byte| byte.count_ones()).sum();
    }

    /// Adds the pieces from `first` to `last`, both included; what is past the end is left out.
    pub fn insert_range(&mut self, first: u32, last: u32) {
        for index in first..=last.min(self.len.saturating_sub(1)) {
            let (byte, mask) = place(index);
            if let Some(bits) = self.bytes.get_mut(byte)
                && index < self.len
                && *bits & mask == 0
            {
                *bits |= mask;
                self.ones += 1;
            }
        }
    }

    /// The pieces in the set, in file order.
    pub fn pieces<'a>(&'a self, geometry: &'a Geometry) -> impl Iterator<Item = PieceIndex> + 'a {
        geometry.indices().filter(|index| self.contains(*index))
    }

    /// The runs of pieces in the set as (first, last), both included, in file order.
    pub fn ranges(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for index in (0..self.len).filter(|index| self.bit(*index)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == index => *last = index,
                _ => ranges.push((index, index)),
            }
        }
        ranges
    }

    fn bit(&self, index: u32) -> bool {
        let (byte, mask) = place(index);
        self.bytes.get(byte).is_some_and(|bits| bits & mask != 0)
    }
}

const fn place(index: u32) -> (usize, u8) {
    ((index / 8) as usize, 1 << (index % 8))
}

#[cfg(test)]
mod tests {
    use super::Bitfield;
    use crate::geometry::Geometry;

    #[test]
    fn full_empty_and_complement_agree_at_every_length() {
        for len in 1..40 {
            let full = Bitfield::full(len);
            assert!(full.is_full());
            assert_eq!(full.complement(), Bitfield::empty(len));
            assert_eq!(Bitfield::empty(len).complement(), full);
            assert_eq!(Bitfield::from_bytes(full.as_bytes(), len), Some(full.clone()));
            assert_eq!(full.ranges(), [(0, len - 1)]);
        }
    }

    #[test]
    fn spare_bits_and_wrong_lengths_are_refused() {
        assert!(Bitfield::from_bytes(&[0b1000_0000], 7).is_none());
        assert!(Bitfield::from_bytes(&[0, 0], 8).is_none());
        assert!(Bitfield::from_bytes(&[], 1).is_none());
    }

    #[test]
    fn a_union_with_a_longer_set_stays_within_its_own_pieces() {
        let mut set = Bitfield::empty(5);
        set.union(&Bitfield::full(40));
        assert_eq!(set, Bitfield::full(5));
        assert!(set.complement().is_empty());
        let mut longer = Bitfield::empty(40);
        longer.union(&Bitfield::full(5));
        assert_eq!(longer.ranges(), [(0, 4)]);
    }

    #[test]
    fn what_is_inserted_is_there_until_it_is_removed() {
        let geometry = Geometry::new(10, 1).unwrap();
        let mut set = Bitfield::empty(10);
        let nine = geometry.index(9).unwrap();
        assert!(set.insert(nine));
        assert!(!set.insert(nine));
        set.insert_range(2, 4);
        assert_eq!(set.count(), 4);
        assert_eq!(set.ranges(), [(2, 4), (9, 9)]);
        assert!(set.remove(nine));
        assert!(!set.remove(nine));
        assert_eq!(set.pieces(&geometry).count(), 3);
        set.insert_range(8, u32::MAX);
        assert_eq!(set.ranges(), [(2, 4), (8, 9)]);
    }
}
