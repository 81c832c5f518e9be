//! A set of pieces in words of 64, quick to search.

use verifier::Bitfield;

/// A set of piece numbers under a fixed count.
#[derive(Debug, Clone)]
pub(in crate::import) struct Bits {
    words: Vec<u64>,
    ones: u32,
}

impl Bits {
    pub(in crate::import) fn empty(count: u32) -> Self {
        Self { words: vec![0; count.div_ceil(64) as usize], ones: 0 }
    }

    /// The pieces of `set` that are under `count`.
    pub(in crate::import) fn of(set: &Bitfield, count: u32) -> Self {
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

    /// The same set; `count` is the count that it was made with.
    pub(in crate::import) fn field(&self, count: u32) -> Bitfield {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let bytes = bytes.get(..count.div_ceil(8) as usize);
        let field = bytes.and_then(|bytes| Bitfield::from_bytes(bytes, count));
        field.unwrap_or_else(|| Bitfield::empty(count))
    }

    pub(in crate::import) const fn count(&self) -> u32 {
        self.ones
    }

    pub(in crate::import) fn contains(&self, index: u32) -> bool {
        let (word, mask) = place(index);
        self.words.get(word).is_some_and(|bits| bits & mask != 0)
    }

    pub(in crate::import) fn insert(&mut self, index: u32) -> bool {
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

    pub(in crate::import) fn remove(&mut self, index: u32) -> bool {
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

    /// The first number from `from` on and under `to` that is in this set, and in the other if
    /// there is one.
    pub(in crate::import) fn first(&self, other: Option<&Self>, from: u32, to: u32) -> Option<u32> {
        if self.ones == 0 || from >= to {
            return None;
        }
        let (start, mask) = place(from);
        let words = self.words.get(start..to.div_ceil(64) as usize)?;
        // The bits of `mask` and above.
        let mut keep = !(mask - 1);
        let found = match other.and_then(|other| other.words.get(start..)) {
            None => words.iter().position(|a| a & std::mem::replace(&mut keep, u64::MAX) != 0),
            Some(others) => words
                .iter()
                .zip(others)
                .position(|(a, b)| a & b & std::mem::replace(&mut keep, u64::MAX) != 0),
        }?;
        let at = start + found;
        let keep = if found == 0 { !(mask - 1) } else { u64::MAX };
        let both = self.words.get(at)? & keep & other.map_or(u64::MAX, |other| other.word(at));
        let index = u32::try_from(at).ok()? * 64 + both.trailing_zeros();
        (index < to).then_some(index)
    }

    /// How many numbers are in both sets.
    pub(in crate::import) fn common(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones()).sum()
    }

    /// The numbers in order.
    pub(in crate::import) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).zip(&self.words).flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                word &= word.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }

    fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
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
            to in 0_u32..300,
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
            let to = to.min(len);
            let first = plain.iter().copied().find(|index| (from..to).contains(index));
            prop_assert_eq!(bits.first(Some(&full), from, to), first);
            prop_assert_eq!(full.first(Some(&bits), from, to), first);
            prop_assert_eq!(bits.first(None, from, to), first);
            prop_assert_eq!(full.common(&bits), bits.count());
            prop_assert_eq!(bits.field(len), field);
        }
    }
}
