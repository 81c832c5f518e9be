//! Measures how fast this machine verifies, each work beside the raw speed of the hash it uses.
//!
//! A [`Work`] is done over and over, in turn with its raw counterpart, so that whatever else the
//! machine is doing slows both alike: the ratio of the two says what verification itself costs.
//! Nothing here is written, printed or waited for; the caller brings the artifact as bytes and as
//! something to open, is told of each step, and may stop at each.

mod compare;
mod documents;
mod machine;
mod report;
mod round;
mod run;
mod sample;
mod subject;
mod words;
mod work;

use std::borrow::Cow;
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::time::Duration;

pub use compare::{Change, Comparison, Difference, Verdict};
pub use machine::{Build, Machine};
pub use report::{Report, ReportError, Row};
pub use round::{Prepared, Round};
pub use run::run;
pub use sample::{Quartiles, measure};
pub use subject::{Subject, artifact};
pub use work::{Hash, Place, Work};

use verifier::{Advice, Code};

use crate::blame::{Blame, Blamed, IO_FAILED, machine_advice};
use crate::quantity::Size;

/// Long enough for the processor to reach its speed.
const WARM_UP: Duration = Duration::from_millis(100);

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// About how many bytes the artifact has; one of [`Plan::BYTES`].
    pub bytes: u64,
    /// How many chunks the long chunk list has; from 1 to 1,000,000.
    pub chunks: u32,
    /// How often each work is timed, not counting the warm-up; one of [`Plan::SAMPLES`].
    pub samples: u32,
    /// How many threads work where all cores do; one of [`Plan::CORES`].
    pub cores: u32,
    /// How long each work and its raw counterpart are done before they are timed; one round of
    /// each at least.
    pub warm_up: Duration,
}

impl Plan {
    /// The artifacts that can be measured with: all of it is held in memory, in bytes.
    pub const BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 30;
    /// The numbers of samples that make sense.
    pub const SAMPLES: std::ops::RangeInclusive<u32> = 3..=1_000;
    /// The numbers of threads that make sense.
    pub const CORES: std::ops::RangeInclusive<u32> = 1..=256;

    /// The same with an artifact of about so many bytes.
    ///
    /// # Errors
    ///
    /// [`BenchError::Size`] if it is none of [`Plan::BYTES`].
    pub fn with_bytes(self, bytes: u64) -> Result<Self, BenchError> {
        if Self::BYTES.contains(&bytes) {
            Ok(Self { bytes, ..self })
        } else {
            Err(BenchError::Size(bytes))
        }
    }

    /// A minute or two: figures to keep.
    pub const fn thorough(cores: u32) -> Self {
        Self { bytes: 64 << 20, chunks: 1_000_000, samples: 15, cores, warm_up: WARM_UP }
    }

    /// Some seconds: a first impression.
    pub fn quick(cores: u32) -> Self {
        Self { bytes: 16 << 20, chunks: 10_000, samples: 5, cores, warm_up: WARM_UP / 4 }
    }
}

/// What is told while measuring.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A work is about to be timed: number `place` of `of`, from 0.
    Begun {
        /// Which one.
        work: Work,
        /// Its place among all.
        place: usize,
        /// How many there are.
        of: usize,
    },
    /// One more sample is taken.
    Sampled,
    /// A work is measured.
    Measured(&'a Row),
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The benchmark's file could not be written.
    #[error("the benchmark's file cannot be written")]
    Scratch(#[source] io::Error),
    /// The artifact's file could not be opened or read.
    #[error("the benchmark's file cannot be read")]
    Read(#[source] io::Error),
    /// What was measured did not verify, so its speed means nothing.
    #[error("{0} did not verify, so its speed means nothing")]
    NotVerified(Work),
    /// The plan asks for something outside the limits.
    #[error("a model of {} cannot be measured with", Size(*.0))]
    Size(u64),
    /// The caller said stop.
    #[error("the benchmark was stopped")]
    Stopped,
}

impl Blamed for BenchError {
    fn blame(&self) -> Blame {
        match self {
            Self::Size(_) => Blame::Input,
            Self::Stopped => Blame::Refused,
            Self::Scratch(_) | Self::Read(_) | Self::NotVerified(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Size(_) => Code::new("usage", "arguments"),
            _ => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Size(_) => "size",
            _ => "-",
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::Size(_) => "Take a size from 1MiB to 1GiB.",
            Self::Stopped => "Nothing of it is left.",
            Self::Scratch(error) | Self::Read(error) => return machine_advice(error),
            Self::NotVerified(_) => {
                "Try again. If it fails again, this machine's memory or disk gives wrong bytes: \
                 check them before you trust it."
            }
        })
    }
}

/// Measures every work of the plan on `subject`, whose artifact is that of the plan.
///
/// Blocks for as long as it takes, with up to [`Plan::cores`] threads at work.
///
/// # Errors
///
/// [`BenchError`] if the file cannot be read, if something does not verify, or if `on` breaks.
pub fn verify<F, R>(
    plan: &Plan,
    subject: &Subject<F>,
    mut on: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Report, BenchError>
where
    F: Fn() -> io::Result<R> + Sync,
    R: Read + Seek,
{
    let works = Work::all(plan);
    let mut report = Report::new(plan, subject.artifact().len() as u64);
    for (place, work) in works.iter().copied().enumerate() {
        go_on(on(Event::Begun { work, place, of: works.len() }))?;
        let prepared = work.prepare(subject)?;
        let row = measure(work, &prepared, plan, || go_on(on(Event::Sampled)))?;
        go_on(on(Event::Measured(&row)))?;
        report.rows.push(row);
    }
    Ok(report)
}

fn go_on(flow: ControlFlow<()>) -> Result<(), BenchError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BenchError::Stopped),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Seek};
    use std::ops::ControlFlow;
    use std::time::Duration;

    use bytes::Bytes;

    use super::{BenchError, Event, Plan, Report, Subject, Work, artifact, verify};

    const SMALL: Plan =
        Plan { bytes: 1 << 20, chunks: 64, samples: 3, cores: 2, warm_up: Duration::ZERO };

    fn subject(bytes: &Bytes) -> Subject<impl Fn() -> std::io::Result<Cursor<Bytes>> + Sync> {
        let file = bytes.clone();
        Subject::new(bytes.clone(), move || Ok(Cursor::new(file.clone())))
    }

    fn run(
        subject: &Subject<impl Fn() -> std::io::Result<Cursor<Bytes>> + Sync>,
    ) -> Result<Report, BenchError> {
        verify(&SMALL, subject, |_| ControlFlow::Continue(()))
    }

    #[test]
    fn every_work_is_measured_beside_its_raw_counterpart() {
        let bytes = artifact(SMALL.bytes).unwrap();
        let report = run(&subject(&bytes)).unwrap();
        let measured: Vec<Work> = report.rows.iter().map(|row| row.work).collect();
        assert_eq!(measured, Work::all(&SMALL));
        for row in &report.rows {
            assert!(row.amount > 0 && row.verified.low > 0.0 && row.raw.low > 0.0, "{row:?}");
            assert!(row.verified.low <= row.verified.median, "{row:?}");
            assert!(row.verified.median <= row.verified.high, "{row:?}");
        }
        assert!(Report::read(&report.write()).unwrap() == report);
    }

    #[test]
    fn what_does_not_verify_has_no_speed() {
        let bytes = artifact(SMALL.bytes).unwrap();
        let mut damaged = bytes.to_vec();
        damaged[700_000] ^= 1;
        let file = Bytes::from(damaged);
        let subject = Subject::new(bytes, move || Ok(Cursor::new(file.clone())));
        assert!(matches!(run(&subject), Err(BenchError::NotVerified(_))));
    }

    #[test]
    fn a_file_that_cannot_be_read_ends_it() {
        let bytes = artifact(SMALL.bytes).unwrap();
        let subject = Subject::new(bytes, || Err::<Cursor<Bytes>, _>(std::io::Error::other("no")));
        let result = verify(&SMALL, &subject, |_| ControlFlow::Continue(()));
        assert!(matches!(result, Err(BenchError::Read(_))));
    }

    #[test]
    fn it_stops_at_every_step() {
        fn stops_after<R: Read + Seek>(
            steps: usize,
            subject: &Subject<impl Fn() -> std::io::Result<R> + Sync>,
        ) -> usize {
            let mut seen = 0;
            let result = verify(&SMALL, subject, |_: Event<'_>| {
                seen += 1;
                if seen == steps { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(matches!(result, Err(BenchError::Stopped)));
            seen
        }
        let bytes = artifact(SMALL.bytes).unwrap();
        let subject = subject(&bytes);
        for steps in 1..=8 {
            assert_eq!(stops_after(steps, &subject), steps);
        }
    }
}
