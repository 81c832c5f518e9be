//! Pieces that lie in files of other artifacts.

use std::collections::BTreeMap;

use verifier::Sha256;

/// Where a piece lies: in whose file, and as which piece of that. Never a chain: the piece is the
/// holder's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) holder: Sha256,
    pub(crate) index: u32,
}

/// The places of an artifact's pieces that lie elsewhere, as runs: what two models have in common is
/// seldom a piece alone.
///
/// Whether such a piece is kept, or was kept anew in the own file, is said by its cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    runs: BTreeMap<u32, Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    count: u32,
    place: Place,
}

/// A run as it is written down: the first piece, how many, the holder, and which piece of that the
/// first is.
pub(crate) type Row = (u32, u32, [u8; 32], u32);

impl Elsewhere {
    /// The most runs that are written down for one artifact.
    pub(crate) const LIMIT: usize = 4_096;

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.runs.len() >= Self::LIMIT
    }

    /// Where a piece lies, if it was ever said.
    pub(crate) fn get(&self, index: u32) -> Option<Place> {
        let (first, run) = self.runs.range(..=index).next_back()?;
        let behind = index - first;
        (behind < run.count)
            .then_some(Place { index: run.place.index + behind, holder: run.place.holder })
    }

    /// Says where a piece lies.
    pub(crate) fn put(&mut self, index: u32, place: Place) {
        if self.get(index) == Some(place) {
            return;
        }
        self.cut(index);
        if let Some((first, run)) = self.runs.range_mut(..index).next_back() {
            let behind = index - first;
            let next = Place { index: run.place.index + behind, holder: run.place.holder };
            if behind == run.count && next == place {
                run.count += 1;
                return;
            }
        }
        self.runs.insert(index, Run { count: 1, place });
    }

    /// Takes a piece out of the run that it is in.
    fn cut(&mut self, index: u32) {
        let Some((first, run)) = self.runs.range(..=index).next_back() else { return };
        let (first, Run { count, place }) = (*first, *run);
        let before = index - first;
        if before >= count {
            return;
        }
        self.runs.remove(&first);
        if before > 0 {
            self.runs.insert(first, Run { count: before, place });
        }
        let after = count - before - 1;
        if after > 0 {
            let place = Place { index: place.index + before + 1, ..place };
            self.runs.insert(index + 1, Run { count: after, place });
        }
    }

    /// The pieces that were said to lie there.
    pub(crate) fn at(&self, place: Place) -> impl Iterator<Item = u32> + '_ {
        let runs = self.runs.iter().filter(move |(_, run)| run.place.holder == place.holder);
        runs.filter_map(move |(first, run)| {
            let behind = place.index.checked_sub(run.place.index)?;
            (behind < run.count).then_some(first + behind)
        })
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let runs = self.runs.iter();
        let row = |(first, run): (&u32, &Run)| {
            (*first, run.count, *run.place.holder.as_bytes(), run.place.index)
        };
        runs.map(row).collect()
    }

    /// Reads rows; `None` if they are none of an artifact of so many pieces.
    pub(crate) fn from_rows(rows: &[Row], pieces: u32) -> Option<Self> {
        let mut runs = BTreeMap::new();
        let mut end = 0;
        for (first, count, holder, index) in rows {
            let behind = first.checked_add(*count)?;
            index.checked_add(*count)?;
            if *first < end || *count == 0 || behind > pieces {
                return None;
            }
            end = behind;
            let place = Place { holder: Sha256::from_bytes(*holder), index: *index };
            runs.insert(*first, Run { count: *count, place });
        }
        Some(Self { runs })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use verifier::Sha256;

    use super::{Elsewhere, Place};

    proptest! {
        #[test]
        fn what_was_said_last_of_each_piece_is_what_is_found(
            said in proptest::collection::vec((0_u32..40, 0_u8..2, 0_u32..40), 0..120),
        ) {
            let mut elsewhere = Elsewhere::default();
            let mut plain = std::collections::BTreeMap::new();
            for (index, holder, there) in said {
                let place = Place { holder: Sha256::of(&[holder]), index: there };
                elsewhere.put(index, place);
                plain.insert(index, place);
            }
            for index in 0..40 {
                prop_assert_eq!(elsewhere.get(index), plain.get(&index).copied());
            }
            for (index, place) in &plain {
                prop_assert!(elsewhere.at(*place).any(|at| at == *index));
            }
            let again = Elsewhere::from_rows(&elsewhere.rows(), 40);
            prop_assert_eq!(again, Some(elsewhere));
        }
    }

    #[test]
    fn pieces_in_a_row_are_one_run() {
        let mut elsewhere = Elsewhere::default();
        let place = |index| Place { holder: Sha256::of(b"holder"), index };
        (0..10_000).for_each(|index| elsewhere.put(index, place(index + 7)));
        assert_eq!(elsewhere.rows().len(), 1);
        assert_eq!(Elsewhere::from_rows(&elsewhere.rows(), 9_999), None);
    }
}
