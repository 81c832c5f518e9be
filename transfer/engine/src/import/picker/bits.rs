//! A set of pieces in words of 64, quick to search.

use verifier::Bitfield;

/// A set of piece numbers under a fixed count.
#[derive(Debug, Clone)]
pub(super) struct Bits {
    words: Vec<u64>,
    ones: u32,
}

impl Bits {
    pub(super) fn empty(count: u32) -> Self {
        Self { words: vec![0; count.div_ceil(64) as usize], ones: 0 }
    }

    /// The pieces of `set` that are under `count`.
    pub(super) fn of(set: &Bitfield, count: u32) -> Self {
        let mut bits = Self::empty(count.min(set.len()));
        for (word, bytes) in bits.words.iter_mut().zip(set.as_bytes().chunks(8)) {
            let mut eight = [0; 8];
            for (to, from) in eight.iter_mut().zip(bytes) {
                *to = *from;
            }
            *word = u64::from_le_bytes(eight);
        }
        bits.words.resize(count.div_ceil(64) as usize, 0);
        let spare = (64 - count % 64) % 64;
        if let Some(last) = bits.words.last_mut() {
            *last &= u64::MAX >> spare;
        }
        bits.ones = bits.words.iter().map(|word| word.count_ones()).sum();
        bits
    }

    pub(super) const fn count(&self) -> u32 {
        self.ones
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        let (word, mask) = place(index);
        self.words.get(word).is_some_and(|bits| bits & mask != 0)
    }

    pub(super) fn insert(&mut self, index: u32) -> bool {
        let (word, mask) = place(index);
        match self.words.get_mut(word) {
            Some(bits) if *bits & mask == 0 => {
                *bits |= mask;
                self.ones += 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn remove(&mut self, index: u32) -> bool {
        let (word, mask) = place(index);
        match self.words.get_mut(word) {
            Some(bits) if *bits & mask != 0 => {
                *bits &= !mask;
                self.ones -= 1;
                true
            }
            _ => false,
        }
    }

    /// The first number from `from` on that is in both sets.
    pub(super) fn first_common(&self, other: &Self, from: u32) -> Option<u32> {
        if self.ones == 0 {
            return None;
        }
        let (start, mask) = place(from);
        // The bits of `mask` and above.
        let mut keep = !(mask - 1);
        for (at, (a, b)) in self.words.iter().zip(&other.words).enumerate().skip(start) {
            let both = a & b & keep;
            if both != 0 {
                return Some(u32::try_from(at).ok()? * 64 + both.trailing_zeros());
            }
            keep = u64::MAX;
        }
        None
    }

    /// How many numbers are in both sets.
    pub(super) fn common(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones()).sum()
    }

    /// The numbers in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let words = self.words.clone();
        (0_u32..).zip(words).flat_map(|(at, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                word &= word.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }
}

const fn place(index: u32) -> (usize, u64) {
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use verifier::Bitfield;

    use super::Bits;

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(
            len in 1_u32..300,
            ranges in proptest::collection::vec((0_u32..300, 0_u32..300), 0..6),
            from in 0_u32..300,
        ) {
            let mut field = Bitfield::empty(len);
            for (a, b) in ranges {
                field.insert_range(a.min(b), a.max(b));
            }
            let bits = Bits::of(&field, len);
            let plain: Vec<u32> =
                field.ranges().into_iter().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), plain.clone());
            prop_assert_eq!(bits.count() as usize, plain.len());
            let full = Bits::of(&Bitfield::full(len), len);
            let first = plain.iter().copied().find(|index| *index >= from);
            prop_assert_eq!(bits.first_common(&full, from), first);
            prop_assert_eq!(full.common(&bits), bits.count());
        }
    }
}
