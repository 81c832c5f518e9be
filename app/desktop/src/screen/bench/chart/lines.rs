//! Rows of a report as lines of the chart: groups, and the bars in them.

use app::bench::{Comparison, Hash, Place, Report, Row, Work};

use super::Figures;
use crate::widget::bars::{Axis, Bar};
use crate::words::grouped;

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Gibibytes,
    Millions,
}

impl Unit {
    fn of(work: Work) -> Self {
        if work.counts_bytes() { Self::Gibibytes } else { Self::Millions }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gibibytes => "GiB/s",
            Self::Millions => "million a second",
        }
    }

    fn value(self, rate: f64) -> f64 {
        match self {
            Self::Gibibytes => rate / f64::from(1 << 30),
            Self::Millions => rate / 1e6,
        }
    }
}

/// One line of the chart.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// The name of the bars below it, and the axis they stand on.
    Group { name: String, work: Work, unit: Unit },
    /// A row, which is number `place` of all.
    Bar { place: usize, row: &'a Row, unit: Unit },
}

/// The lines of these rows; rows of one group that follow each other stand below its name.
pub(super) fn lines(rows: &[Row]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut last = None;
    for (place, row) in rows.iter().enumerate() {
        let (name, unit) = (group(row.work), Unit::of(row.work));
        if last.as_ref() != Some(&name) {
            lines.push(Line::Group { name: name.clone(), work: row.work, unit });
            last = Some(name);
        }
        lines.push(Line::Bar { place, row, unit });
    }
    lines
}

pub(super) fn is_group(lines: &[Line<'_>], at: usize) -> bool {
    matches!(lines.get(at), Some(Line::Group { .. }))
}

/// The line of a row.
pub(super) fn line_of(lines: &[Line<'_>], row: Option<usize>) -> Option<usize> {
    let row = row?;
    lines.iter().position(|line| matches!(line, Line::Bar { place, .. } if *place == row))
}

/// The bar to select when the keyboard goes to line `to`: there, else beyond it as seen from the
/// selected row, else before it. Its line and its row.
pub(super) fn nearest(
    lines: &[Line<'_>],
    to: usize,
    selected: Option<usize>,
) -> Option<(usize, usize)> {
    let goes_up = line_of(lines, selected).is_some_and(|from| from > to);
    let bar = |(at, line): (usize, &Line<'_>)| match line {
        Line::Bar { place, .. } => Some((at, *place)),
        Line::Group { .. } => None,
    };
    let after = lines.iter().enumerate().skip(to).find_map(bar);
    let before = lines.iter().enumerate().take(to + 1).rev().find_map(bar);
    if goes_up { before.or(after) } else { after.or(before) }
}

/// What a row stands below.
fn group(work: Work) -> String {
    match work {
        Work::Pieces { hash, from, .. } => match from {
            Place::Memory => format!("{hash}, pieces in memory"),
            Place::File => format!("{hash}, pieces in a file"),
        },
        Work::AtOnce { .. } => "SHA-256, several pieces at once".to_owned(),
        Work::Root { hash, chunks }
        | Work::Tree { hash, chunks }
        | Work::Proof { hash, chunks }
        | Work::List { hash, chunks } => format!("{hash}, {} chunks", grouped(chunks.into())),
        Work::Manifest | Work::Container | Work::Artifact { .. } => "Whole files".to_owned(),
    }
}

/// What a row is called below its group.
pub(super) fn label(row: &Row) -> String {
    match row.work {
        Work::Pieces { piece_size, cores, .. } | Work::AtOnce { piece_size, cores } => {
            let size = match piece_size >> 20 {
                0 => format!("{} KiB", piece_size >> 10),
                mebibytes => format!("{mebibytes} MiB"),
            };
            format!("{size}, {}", crate::words::count(cores.into(), "core"))
        }
        Work::Root { .. } => "Root".to_owned(),
        Work::Tree { .. } => "Whole tree".to_owned(),
        Work::Proof { .. } => "Single proofs".to_owned(),
        Work::List { .. } => "List file".to_owned(),
        Work::Manifest => "Manifest of 64 KiB".to_owned(),
        Work::Container => "Container, 1 core".to_owned(),
        Work::Artifact { hash: Hash::Sha256 } => "Artifact, SHA-256 chunks".to_owned(),
        Work::Artifact { hash: Hash::Blake3 } => "Artifact, BLAKE3 chunks".to_owned(),
    }
}

/// The bar of a row.
pub(super) fn bar(row: &Row, unit: Unit, earlier: Option<(&Report, &Comparison)>) -> Bar {
    let was = earlier.and_then(|(report, _)| earlier_row(row, report));
    Bar {
        quartiles: quartiles(row).map(|rate| unit.value(rate)),
        beside: unit.value(row.raw_rate()),
        earlier: was.map(|was| unit.value(was.verified_rate())),
    }
}

fn earlier_row<'a>(row: &Row, report: &'a Report) -> Option<&'a Row> {
    report.rows.iter().find(|earlier| earlier.work == row.work)
}

/// The rates between which half of the samples lie, and the median between them.
fn quartiles(row: &Row) -> [f64; 3] {
    let rate = |time: f64| row.verified_rate() * row.verified.median / time;
    // The longer it takes, the lower the rate.
    [rate(row.verified.high), row.verified_rate(), rate(row.verified.low)]
}

/// What changed since the earlier run: `faster +12 %`.
pub(super) fn changed(row: &Row, comparison: &Comparison) -> String {
    let change = comparison.changes.iter().find(|change| change.work == row.work);
    change.map_or_else(
        || "not there".to_owned(),
        |change| format!("{} {}", change.verdict.as_str(), change.percent()),
    )
}

/// A row's figures as a sentence.
pub(super) fn sentence(row: &Row, earlier: Option<(&Report, &Comparison)>) -> String {
    let [low, _, high] = quartiles(row).map(|rate| row.work.rate(rate));
    let mut text = format!(
        "{}: {} verified, half of the samples from {low} to {high}; raw hash {}, ratio {}.",
        row.work,
        row.verified_text(),
        row.raw_text(),
        row.ratio_text()
    );
    if let Some((report, comparison)) = earlier {
        match earlier_row(row, report) {
            Some(was) => {
                let was = was.verified_text();
                text.push_str(&format!(" Earlier {was}: {}.", changed(row, comparison)));
            }
            None => text.push_str(" The earlier run did not measure it."),
        }
    }
    text
}

/// The axes that bars stand on: one for each hash and unit, so that bars of one hash, from memory
/// and from a file, can be compared by their length.
#[derive(Debug)]
pub(super) struct Axes(Vec<(Standing, Axis)>);

/// What stands on one axis.
type Standing = (Unit, Option<Hash>);

impl Axes {
    pub(super) fn of(figures: Figures<'_>) -> Self {
        let mut most: Vec<(Standing, f64)> = Vec::new();
        for row in figures.rows {
            let standing = standing(row.work);
            let Bar { quartiles: [_, _, high], beside, earlier } =
                bar(row, standing.0, figures.earlier);
            let value = high.max(beside).max(earlier.unwrap_or(0.0));
            match most.iter_mut().find(|(other, _)| *other == standing) {
                Some((_, most)) => *most = most.max(value),
                None => most.push((standing, value)),
            }
        }
        Self(most.into_iter().map(|(standing, most)| (standing, Axis::over(most))).collect())
    }

    /// The axis of a work.
    pub(super) fn under(&self, work: Work) -> Axis {
        let found = self.0.iter().find(|(other, _)| *other == standing(work));
        found.map_or_else(|| Axis::over(0.0), |(_, axis)| *axis)
    }
}

fn standing(work: Work) -> Standing {
    let hash = match work {
        Work::Pieces { hash, .. }
        | Work::Root { hash, .. }
        | Work::Tree { hash, .. }
        | Work::Proof { hash, .. }
        | Work::List { hash, .. } => Some(hash),
        Work::AtOnce { .. } => Some(Hash::Sha256),
        Work::Manifest | Work::Container | Work::Artifact { .. } => None,
    };
    (Unit::of(work), hash)
}
