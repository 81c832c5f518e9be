//! One run on this machine, from the sample model to the report.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;

use super::{BenchError, Event, Plan, Report, Subject, artifact, verify};
use crate::scratch::Scratch;

/// Makes the plan's artifact in memory and as a temporary file, and measures every work on it.
///
/// Blocks for as long as it takes, with up to [`Plan::cores`] threads at work; the file is gone
/// when it returns.
///
/// # Errors
///
/// [`BenchError`] if the disk fails, if something does not verify, or if `on` breaks.
pub fn run(
    plan: &Plan,
    on: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Report, BenchError> {
    let failed = |error: io::Error| BenchError::Scratch(error);
    let artifact = artifact(plan.bytes)?;
    let scratch = Scratch::make("bench").map_err(failed)?;
    let path = scratch.folder().join("bench.slm");
    std::fs::write(&path, &artifact).map_err(failed)?;
    verify(plan, &Subject::new(artifact, || File::open(&path)), on)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Duration;

    use super::run;
    use crate::bench::{BenchError, Event, Plan, Work};

    const SMALL: Plan =
        Plan { bytes: 1 << 20, chunks: 64, samples: 3, cores: 1, warm_up: Duration::ZERO };

    #[test]
    fn a_run_measures_the_plan_and_can_be_stopped() {
        let mut samples = 0;
        let report = run(&SMALL, |event| {
            samples += u32::from(matches!(event, Event::Sampled));
            ControlFlow::Continue(())
        });
        let works = Work::all(&SMALL).len();
        assert_eq!(report.unwrap().rows.len(), works);
        assert_eq!(samples as usize, works * 3);
        let stopped = run(&SMALL, |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(BenchError::Stopped)));
    }

    #[test]
    fn only_sizes_within_the_limits_are_planned() {
        assert_eq!(SMALL.with_bytes(1 << 30).unwrap().bytes, 1 << 30);
        for bytes in [0, (1 << 20) - 1, (1 << 30) + 1] {
            let error = SMALL.with_bytes(bytes).unwrap_err();
            assert!(matches!(error, BenchError::Size(size) if size == bytes));
        }
    }
}
