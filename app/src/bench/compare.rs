//! Two runs, side by side.

use std::fmt;

use super::{Report, Row, Work};

/// What changed from one run to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What makes the runs hard to compare; empty if nothing does.
    pub differences: Vec<Difference>,
    /// Each work that both runs measured, in the order of the later one.
    pub changes: Vec<Change>,
}

/// What two runs do not have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The program's version.
    Version,
    /// Release or debug.
    Profile,
    /// Architecture, operating system, cores or their instructions.
    Machine,
    /// The artifact's length.
    ByteCount,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "another version of the program",
            Self::Profile => "another build profile",
            Self::Machine => "another kind of machine",
            Self::ByteCount => "an artifact of another length",
        })
    }
}

/// What changed for one work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Which work.
    pub work: Work,
    /// Today's speed over the earlier one: 2 is twice as fast.
    pub factor: f64,
    /// Whether that is more than chance.
    pub verdict: Verdict,
}

/// Whether a change is more than the spread of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The later run is faster, and the quartiles are apart.
    Faster,
    /// The quartiles overlap.
    Same,
    /// The later run is slower, and the quartiles are apart.
    Slower,
}

impl Verdict {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Same => "same",
            Self::Slower => "slower",
        }
    }
}

impl Report {
    /// Says what changed since `earlier`.
    pub fn since(&self, earlier: &Self) -> Comparison {
        let differences = [
            (Difference::Version, self.build.version != earlier.build.version),
            (Difference::Profile, self.build.profile != earlier.build.profile),
            (Difference::Machine, self.machine != earlier.machine),
            (Difference::ByteCount, self.byte_count != earlier.byte_count),
        ];
        let differences = differences.into_iter().filter(|(_, there)| *there);
        let changes = self.rows.iter().filter_map(|now| {
            let before = earlier.rows.iter().find(|before| before.work == now.work)?;
            Some(change(before, now))
        });
        Comparison {
            differences: differences.map(|(difference, _)| difference).collect(),
            changes: changes.collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a factor is shown with three digits")]
fn change(before: &Row, now: &Row) -> Change {
    // Time for one byte or item: the two runs may have taken rounds of different length.
    let each = |row: &Row, time: f64| time / row.amount as f64;
    let verdict = if each(now, now.verified.high) < each(before, before.verified.low) {
        Verdict::Faster
    } else if each(now, now.verified.low) > each(before, before.verified.high) {
        Verdict::Slower
    } else {
        Verdict::Same
    };
    Change { work: now.work, factor: now.verified_rate() / before.verified_rate(), verdict }
}

#[cfg(test)]
mod tests {
    use super::super::{Hash, Plan, Quartiles, Report, Row, Work};
    use super::{Difference, Verdict};

    fn report(chunks: u32, amount: u64, times: [f64; 3]) -> Report {
        let [low, median, high] = times;
        let times = Quartiles { low, median, high };
        let work = Work::List { hash: Hash::Sha256, chunks };
        let mut report = Report::new(&Plan::quick(1), 1_000);
        report.rows = vec![Row { work, amount, verified: times, raw: times, ratio: times }];
        report
    }

    #[test]
    fn only_what_is_apart_has_changed() {
        let before = report(9, 100, [90.0, 100.0, 110.0]);
        for (amount, times, verdict) in [
            (100, [40.0, 50.0, 60.0], Verdict::Faster),
            (100, [80.0, 91.0, 95.0], Verdict::Same),
            (100, [111.0, 200.0, 300.0], Verdict::Slower),
            (1_000, [900.0, 1_000.0, 1_100.0], Verdict::Same),
        ] {
            let comparison = report(9, amount, times).since(&before);
            assert_eq!(comparison.differences, []);
            assert_eq!(comparison.changes[0].verdict, verdict, "{times:?}");
        }
        let twice = report(9, 100, [40.0, 50.0, 60.0]).since(&before);
        assert!((twice.changes[0].factor - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_differs_is_named_and_what_is_not_there_is_left_out() {
        let before = report(9, 100, [1.0, 2.0, 3.0]);
        let mut now = report(8, 100, [1.0, 2.0, 3.0]);
        now.build.profile = "other".to_owned();
        now.machine.features.push("new".to_owned());
        now.byte_count += 1;
        let comparison = now.since(&before);
        assert_eq!(comparison.changes, []);
        let differences = [Difference::Profile, Difference::Machine, Difference::ByteCount];
        assert_eq!(comparison.differences, differences);
    }
}
