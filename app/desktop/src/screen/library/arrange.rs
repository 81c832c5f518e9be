//! Which models are shown, and in which order.

use std::cmp::Ordering;

use app::library::{Kept, State};
use app::ports::Pin;

/// What a line of the list tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Id and version.
    Model,
    /// The file's length.
    Size,
    /// How many pieces are kept.
    Pieces,
    /// How it is kept.
    State,
    /// When it was last imported, served or read.
    Used,
    /// When it was last verified whole.
    Verified,
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the first of the alphabet, from small to large, from old to new.
    Up,
    /// The other way.
    Down,
}

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub column: Column,
    /// Which way.
    pub direction: Direction,
}

impl Order {
    /// The order after the heading of a column was pressed: the other way if it is sorted by it.
    pub(super) fn pressed(self, column: Column) -> Self {
        let direction = match (column == self.column, self.direction, column) {
            (true, Direction::Up, _) => Direction::Down,
            (true, Direction::Down, _) => Direction::Up,
            // What is largest or newest is looked for first.
            (false, _, Column::Size | Column::Pieces | Column::Used | Column::Verified) => {
                Direction::Down
            }
            (false, _, Column::Model | Column::State) => Direction::Up,
        };
        Self { column, direction }
    }
}

/// Which models are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// Those of which every piece is kept.
    Whole,
    /// Those of which pieces are missing, for whatever reason.
    Incomplete,
    /// Those that were found to be corrupt, or were whole once.
    Damaged,
    /// Those that are never given up to make room.
    Pinned,
}

impl Filter {
    pub(super) const ALL: [Self; 5] =
        [Self::All, Self::Whole, Self::Incomplete, Self::Damaged, Self::Pinned];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Whole => "Whole",
            Self::Incomplete => "Incomplete",
            Self::Damaged => "Damaged",
            Self::Pinned => "Pinned",
        }
    }

    fn lets(self, kept: &Kept) -> bool {
        match self {
            Self::All => true,
            Self::Whole => kept.state() == State::Whole,
            Self::Incomplete => kept.state() != State::Whole,
            Self::Damaged => kept.state() == State::Damaged,
            Self::Pinned => kept.model.pin == Pin::Pinned,
        }
    }
}

/// How many models each filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts([u64; Filter::ALL.len()]);

impl Counts {
    pub(super) fn of(models: &[Kept]) -> Self {
        Self(
            Filter::ALL.map(|filter| models.iter().filter(|kept| filter.lets(kept)).count() as u64),
        )
    }

    pub(super) fn get(self, filter: Filter) -> u64 {
        let place = Filter::ALL.iter().position(|other| *other == filter);
        place.and_then(|place| self.0.get(place)).copied().unwrap_or(0)
    }
}

/// What the text of a digest starts with.
const DIGEST: &str = "sha256:";
/// The fewest digits of a digest that name a model, as in the command.
const MIN_DIGITS: usize = 4;

/// The places of the models that are shown, in their order.
///
/// Every word of the query has to be part of a model's name and version, or start its digest.
pub(super) fn arrange(models: &[Kept], query: &str, filter: Filter, order: Order) -> Vec<usize> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let has = |kept: &Kept| {
        let model = &kept.model;
        let name = format!("{} {}", model.model_id, model.model_version).to_lowercase();
        let digest = model.artifact.to_string().to_lowercase();
        let starts = |word: &str| {
            let digits = word.strip_prefix(DIGEST).unwrap_or(word);
            digits.len() >= MIN_DIGITS && digest.trim_start_matches(DIGEST).starts_with(digits)
        };
        words.iter().all(|word| name.contains(word) || starts(word))
    };
    let mut shown: Vec<(usize, &Kept)> = models
        .iter()
        .enumerate()
        .filter(|(_, kept)| filter.lets(kept) && (words.is_empty() || has(kept)))
        .collect();
    // The snapshot is by name and version, and a sort keeps that among equals.
    shown.sort_by(|(_, one), (_, other)| {
        let ordering = compare(one, other, order.column);
        match order.direction {
            Direction::Up => ordering,
            Direction::Down => ordering.reverse(),
        }
    });
    shown.into_iter().map(|(place, _)| place).collect()
}

fn compare(one: &Kept, other: &Kept, column: Column) -> Ordering {
    let (a, b) = (&one.model, &other.model);
    match column {
        Column::Model => (&a.model_id, &a.model_version).cmp(&(&b.model_id, &b.model_version)),
        Column::Size => a.geometry.byte_count().cmp(&b.geometry.byte_count()),
        Column::Pieces => a.have.count().cmp(&b.have.count()),
        Column::State => one.state().cmp(&other.state()),
        Column::Used => a.last_use.cmp(&b.last_use),
        Column::Verified => a.last_verified.cmp(&b.last_verified),
    }
}
