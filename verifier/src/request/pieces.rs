//! The sets of pieces that offers and announcements name.

use crate::bitfield::Bitfield;
use crate::geometry::{Geometry, PieceIndex};
use crate::json::Value;
use crate::request::PeerMessages;
use crate::scalars::parse_int;

/// The pieces a peer says it can be asked for: all, or at most 2,048 runs.
///
/// Its memory follows from the message that named it, not from the artifact's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceSet(Runs);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Runs {
    All,
    /// First and last of each run, both included, with a gap before the next.
    Some(Vec<(u32, u32)>),
}

impl PieceSet {
    /// Every piece.
    pub const ALL: Self = Self(Runs::All);

    /// The pieces of a have-map, if it has any; runs past the 2,048th are left out.
    pub fn of(have: &Bitfield) -> Option<Self> {
        if have.is_empty() {
            return None;
        }
        if have.is_full() {
            return Some(Self::ALL);
        }
        let mut runs = have.ranges();
        runs.truncate(PeerMessages::V0.max_ranges);
        Some(Self(Runs::Some(runs)))
    }

    /// How many pieces the set has, of an artifact cut like this.
    pub fn count(&self, geometry: &Geometry) -> u32 {
        match &self.0 {
            Runs::All => geometry.piece_count(),
            Runs::Some(runs) => runs.iter().map(|(first, last)| last - first + 1).sum(),
        }
    }

    /// Whether the piece is in the set.
    pub fn contains(&self, index: PieceIndex) -> bool {
        match &self.0 {
            Runs::All => true,
            Runs::Some(runs) => {
                let after = runs.partition_point(|(first, _)| *first <= index.get());
                let run = after.checked_sub(1).and_then(|place| runs.get(place));
                run.is_some_and(|(_, last)| index.get() <= *last)
            }
        }
    }

    /// The set as a have-map of an artifact cut like this.
    pub fn to_bitfield(&self, geometry: &Geometry) -> Bitfield {
        match &self.0 {
            Runs::All => Bitfield::full(geometry.piece_count()),
            Runs::Some(runs) => {
                let mut have = Bitfield::empty(geometry.piece_count());
                for (first, last) in runs {
                    have.insert_range(*first, *last);
                }
                have
            }
        }
    }

    /// How many pieces are in at least one of the sets.
    pub fn count_union<'a>(sets: impl IntoIterator<Item = &'a Self>, geometry: &Geometry) -> u32 {
        let mut runs = Vec::new();
        for set in sets {
            match &set.0 {
                Runs::All => return geometry.piece_count(),
                Runs::Some(more) => runs.extend_from_slice(more),
            }
        }
        runs.sort_unstable();
        let (mut count, mut next) = (0, 0);
        for (first, last) in runs {
            let first = first.max(next);
            if first <= last {
                count += last - first + 1;
                next = last + 1;
            }
        }
        count
    }

    /// Reads an offer's `pieces`, which is a string or an array.
    pub(super) fn from_json(value: &Value<'_>, geometry: &Geometry) -> Option<Self> {
        let pairs = match value {
            Value::String("all") => return Some(Self::ALL),
            Value::Array(pairs) => pairs,
            _ => return None,
        };
        Self::from_runs(
            pairs.len(),
            pairs.iter().map(|pair| match pair {
                Value::Array(ends) => match ends.as_slice() {
                    [Value::Integer(first), Value::Integer(last)] => Some((*first, *last)),
                    _ => None,
                },
                _ => None,
            }),
            geometry,
        )
    }

    /// The set as an offer's `pieces`.
    pub(super) fn to_json(&self) -> Value<'static> {
        match &self.0 {
            Runs::All => Value::String("all"),
            Runs::Some(runs) => {
                let pair = |(first, last): &(u32, u32)| {
                    Value::Array(vec![
                        Value::Integer(u64::from(*first)),
                        Value::Integer(u64::from(*last)),
                    ])
                };
                Value::Array(runs.iter().map(pair).collect())
            }
        }
    }

    /// Reads an announcement's `all` or `a-b,c-d`.
    pub(crate) fn from_text(text: &str, geometry: &Geometry) -> Option<Self> {
        if text == "all" {
            return Some(Self::ALL);
        }
        let number = |digits: &str| (digits.len() <= 7).then(|| parse_int(digits).ok()).flatten();
        Self::from_runs(
            text.split(',').count(),
            text.split(',').map(|run| {
                let (first, last) = run.split_once('-')?;
                Some((number(first)?, number(last)?))
            }),
            geometry,
        )
    }

    /// The set as an announcement has it; runs for which `limit` bytes have no room are left out.
    pub(crate) fn to_text(&self, limit: usize) -> String {
        match &self.0 {
            Runs::All => "all".to_owned(),
            Runs::Some(runs) => {
                let mut text = String::new();
                for (first, last) in runs {
                    let run = format!("{first}-{last}");
                    let comma = usize::from(!text.is_empty());
                    if text.len() + comma + run.len() > limit {
                        break;
                    }
                    if comma == 1 {
                        text.push(',');
                    }
                    text.push_str(&run);
                }
                text
            }
        }
    }

    fn from_runs(
        count: usize,
        runs: impl Iterator<Item = Option<(u64, u64)>>,
        geometry: &Geometry,
    ) -> Option<Self> {
        if !(1..=PeerMessages::V0.max_ranges).contains(&count) {
            return None;
        }
        let mut kept: Vec<(u32, u32)> = Vec::with_capacity(count);
        for run in runs {
            let (first, last) = run?;
            let (first, last) = (u32::try_from(first).ok()?, u32::try_from(last).ok()?);
            let apart = kept.last().is_none_or(|(_, before)| first > *before && first - before > 1);
            if !apart || first > last || last >= geometry.piece_count() {
                return None;
            }
            kept.push((first, last));
        }
        Some(Self(Runs::Some(kept)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PieceSet;
    use crate::bitfield::Bitfield;
    use crate::geometry::Geometry;
    use crate::json::{limits, parse};

    /// A have-map drawn as `#` and `.`.
    fn have(picture: &str) -> Bitfield {
        let geometry = Geometry::new(picture.len() as u64, 1).unwrap();
        let mut have = Bitfield::empty(geometry.piece_count());
        for (index, cell) in geometry.indices().zip(picture.chars()) {
            if cell == '#' {
                have.insert(index);
            }
        }
        have
    }

    #[test]
    fn runs_must_ascend_with_gaps_within_the_artifact() {
        let ten = Geometry::new(10, 1).unwrap();
        for (text, fits) in [
            ("all", true),
            ("0-0", true),
            ("0-3,5-9", true),
            ("0-3,4-9", false),
            ("5-9,0-3", false),
            ("3-2", false),
            ("0-10", false),
            ("00-1", false),
            ("0-1,", false),
            ("", false),
            ("0000000-1", false),
        ] {
            assert_eq!(PieceSet::from_text(text, &ten).is_some(), fits, "{text}");
        }
    }

    #[test]
    fn a_union_counts_each_piece_once() {
        let geometry = Geometry::new(8, 1).unwrap();
        let sets = ["##..#...", ".##.#...", "......#."].map(|p| PieceSet::of(&have(p)).unwrap());
        assert_eq!(PieceSet::count_union(&sets, &geometry), 5);
        assert_eq!(PieceSet::count_union([&PieceSet::ALL], &geometry), 8);
        assert!(PieceSet::of(&have("....")).is_none());
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let set = PieceSet::of(&have("#.#.#.#.#.#.")).unwrap();
        assert_eq!(set.to_text(1_024), "0-0,2-2,4-4,6-6,8-8,10-10");
        assert_eq!(set.to_text(8), "0-0,2-2");
    }

    proptest! {
        #[test]
        fn a_set_is_read_back_from_both_spellings(cells in "[#.]{1,200}") {
            let have = have(&cells);
            let geometry = Geometry::new(cells.len() as u64, 1).unwrap();
            if let Some(set) = PieceSet::of(&have) {
                prop_assert_eq!(&set.to_bitfield(&geometry), &have);
                prop_assert_eq!(set.count(&geometry), have.count());
                for index in geometry.indices() {
                    prop_assert_eq!(set.contains(index), have.contains(index));
                }
                let json = set.to_json().canonical();
                let value = parse(json.as_bytes(), limits::OFFER).unwrap();
                prop_assert_eq!(PieceSet::from_json(&value, &geometry), Some(set.clone()));
                prop_assert_eq!(PieceSet::from_text(&set.to_text(9_999), &geometry), Some(set));
            }
        }
    }
}
