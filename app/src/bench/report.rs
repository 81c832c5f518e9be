//! What was measured, and the file that keeps it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use verifier::Code;

use super::{Build, Machine, Plan, Quartiles, Work};
use crate::input;
use crate::problem::{Problem, chain};

/// The form of the file, with its version.
const FORMAT: &str = "minimodel-bench-v1";

/// What was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    format: String,
    /// The program.
    pub build: Build,
    /// The machine.
    pub machine: Machine,
    /// The artifact's length in bytes.
    pub byte_count: u64,
    /// How often each work was timed.
    pub samples: u32,
    /// Each work's figures, in the order they were measured.
    pub rows: Vec<Row>,
}

/// What was measured of one work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Which work.
    pub work: Work,
    /// How much one round does: bytes or items, as [`Work::counts_bytes`] says.
    pub amount: u64,
    /// How long a round of it takes, in nanoseconds.
    pub verified: Quartiles,
    /// How long a round of its raw counterpart takes, in nanoseconds.
    pub raw: Quartiles,
    /// The raw time over the verified time, sample by sample: 1 means that verification costs
    /// nothing beside the hash.
    pub ratio: Quartiles,
}

/// Why a file is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It is longer than any report.
    #[error("it has {0} bytes, and a saved benchmark at most {limit}", limit = Report::MAX_BYTES)]
    Length(usize),
    /// It is not this kind of file, or of a version that this program does not know.
    #[error("its format is not `{FORMAT}`")]
    Format,
    /// Its parts are not those of a report.
    #[error("it is no saved benchmark")]
    Form(#[source] serde_json::Error),
    /// A figure cannot have been measured.
    #[error("the figures for {0} are not such as can be measured")]
    Figures(Work),
}

impl Report {
    /// The longest file that is read, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// A report without figures yet, of this program on this machine.
    pub(super) fn new(plan: &Plan, byte_count: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            build: Build::this(),
            machine: Machine::this(),
            byte_count,
            samples: plan.samples,
            rows: Vec::new(),
        }
    }

    /// Writes the file's bytes: JSON, with a line feed at the end.
    pub fn write(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads the file at `path`, in which figures were kept.
    ///
    /// # Errors
    ///
    /// `io.failed` if it cannot be read, `usage.arguments` if it is no report.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let bytes = input::read(path, Self::MAX_BYTES as u64 + 1)?;
        Self::read(&bytes).map_err(|error| {
            let what = format!("{}: {}", path.display(), chain(&error));
            let advice = "Give a file that the figures of a benchmark were saved to.";
            let problem = Problem::new(Code::new("usage", "arguments"), what, advice);
            Problem { field: "figures".to_owned(), ..problem }
        })
    }

    /// Reads a file that [`Report::write`] wrote.
    ///
    /// # Errors
    ///
    /// [`ReportError`] for the first thing that makes it no report.
    pub fn read(bytes: &[u8]) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(ReportError::Length(bytes.len()));
        }
        let head: Head = serde_json::from_slice(bytes).map_err(ReportError::Form)?;
        if head.format != FORMAT {
            return Err(ReportError::Format);
        }
        let report: Self = serde_json::from_slice(bytes).map_err(ReportError::Form)?;
        match report.rows.iter().find(|row| !row.is_possible()) {
            Some(row) => Err(ReportError::Figures(row.work)),
            None => Ok(report),
        }
    }
}

impl Row {
    /// How much is verified in a second: bytes or items.
    pub fn verified_rate(&self) -> f64 {
        self.rate(&self.verified)
    }

    /// How much the raw counterpart does in a second: bytes or items.
    pub fn raw_rate(&self) -> f64 {
        self.rate(&self.raw)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
    fn rate(&self, times: &Quartiles) -> f64 {
        self.amount as f64 * 1e9 / times.median
    }

    fn is_possible(&self) -> bool {
        let possible = |times: &Quartiles| {
            times.low > 0.0 && times.low <= times.median && times.median <= times.high
        };
        self.amount > 0 && [&self.verified, &self.raw, &self.ratio].into_iter().all(possible)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hash, Plan, Quartiles, Work};
    use super::{Report, ReportError, Row};

    fn report() -> Report {
        let mut report = Report::new(&Plan::quick(2), 1_000);
        let times = Quartiles { low: 1.0, median: 2.0, high: 3.5 };
        let work = Work::Root { hash: Hash::Blake3, chunks: 9 };
        report.rows = vec![Row { work, amount: 9, verified: times, raw: times, ratio: times }];
        report
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report();
        assert_eq!(Report::read(&report.write()).unwrap(), report);
    }

    #[test]
    fn other_files_are_no_reports() {
        let text = String::from_utf8(report().write()).unwrap();
        let read = |text: &str| Report::read(text.as_bytes()).unwrap_err();
        assert!(matches!(read(""), ReportError::Form(_)));
        assert!(matches!(read("[]"), ReportError::Form(_)));
        assert!(matches!(read(&text.replace("bench-v1", "bench-v2")), ReportError::Format));
        assert!(matches!(read(&text.replace("\"samples\"", "\"sample\"")), ReportError::Form(_)));
        assert!(matches!(read(&text.replace("2.0", "0.5")), ReportError::Figures(_)));
        assert!(matches!(read(&text.replace("1.0", "-1.0")), ReportError::Figures(_)));
        assert!(matches!(read(&" ".repeat((1 << 20) + 1)), ReportError::Length(_)));
    }
}
