//! Measures how fast this machine verifies, as a table for people and figures for programs.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::bench::{self, BenchError, Change, Comparison, Event, Plan, Report, Row, Subject};
use app::input;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use verifier::Code;

use crate::args::{BenchArgs, BenchCommand};
use crate::fault::{Fault, chain};
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// The most bytes of saved figures that are read: one past the limit, so that its own rule speaks.
const SAVED: u64 = Report::MAX_BYTES as u64 + 1;
/// Rows that may wait to be told.
const WAITING: usize = 16;

/// `bench`.
///
/// # Errors
///
/// [`Fault`] if the machine fails, if a file to compare with holds no figures, or if a file to
/// save to is there already.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &BenchCommand,
) -> Result<Outcome, Fault> {
    let BenchCommand::Verify(args) = command;
    let plan = plan(args)?;
    let earlier = args.compare.as_deref().map(read).transpose()?;
    if let Some(path) = args.save.as_deref().filter(|path| path.symlink_metadata().is_ok()) {
        return Err(Fault::exists(path).at(Some("--save")));
    }
    let report = measure(session.terminal, plan).await?;
    let mut outcome = Outcome::new().with("report", value(&report)?).told();
    if let Some(earlier) = earlier {
        let comparison = report.since(&earlier);
        tell_changes(session.terminal, &comparison);
        outcome = outcome.with("comparison", compared(&comparison));
    }
    if let Some(path) = &args.save {
        session.write(path, &report.write())?;
        session.terminal.say(&format!("Saved to {}.", path.display()));
        outcome = outcome.with_text("saved", path.display());
    }
    Ok(outcome)
}

fn plan(args: &BenchArgs) -> Result<Plan, Fault> {
    let cores = args.cores.unwrap_or_else(|| bench::Machine::cores().min(*Plan::CORES.end()));
    let mut plan = if args.quick { Plan::quick(cores) } else { Plan::thorough(cores) };
    if let Some(size) = args.size {
        if !Plan::BYTES.contains(&size.0) {
            let what = format!("a model of {size} cannot be measured with");
            return Err(Fault::usage("--size", what, "Take a size from 1MiB to 1GiB."));
        }
        plan.bytes = size.0;
    }
    plan.samples = args.samples.unwrap_or(plan.samples);
    Ok(plan)
}

fn read(path: &Path) -> Result<Report, Fault> {
    let bytes = input::read(path, SAVED)?;
    Report::read(&bytes).map_err(|error| {
        let what = format!("{}: {}", path.display(), chain(&error));
        Fault::usage("--compare", what, "Give a file that `minimodel bench verify --save` wrote.")
    })
}

/// Runs the plan on threads of its own, telling each row as it comes.
async fn measure(terminal: &mut Terminal, plan: Plan) -> Result<Report, Fault> {
    if cfg!(debug_assertions) {
        terminal.say(
            "This program was built without optimisation: its figures tell little. Build it \
             with --release.",
        );
    }
    terminal.say(&heading());
    let scratch = Scratch::make("bench")?;
    let path = scratch.folder().join("bench.slm");
    let stop = Arc::new(AtomicBool::new(false));
    let (news, mut heard) = mpsc::channel(WAITING);
    let work = {
        let stop = Arc::clone(&stop);
        tokio::task::spawn_blocking(move || work(&plan, path, &stop, &news))
    };
    loop {
        tokio::select! {
            row = heard.recv() => match row {
                Some(row) => terminal.say(&line(&row)),
                None => break,
            },
            _ = tokio::signal::ctrl_c() => stop.store(true, Ordering::Relaxed),
        }
    }
    work.await.map_err(|join| Fault::machine("the benchmark ended early", &join))?
}

fn work(
    plan: &Plan,
    path: PathBuf,
    stop: &AtomicBool,
    news: &mpsc::Sender<Row>,
) -> Result<Report, Fault> {
    let artifact = bench::artifact(plan.bytes).map_err(|error| fault(&error))?;
    std::fs::write(&path, &artifact).map_err(|error| Fault::io("write", &path, &error))?;
    let subject = Subject::new(artifact, move || File::open(&path));
    let report = bench::verify(plan, &subject, |event| {
        let heard = match event {
            Event::Measured(row) => news.blocking_send(row.clone()).is_ok(),
            Event::Begun { .. } | Event::Sampled => true,
        };
        if heard && !stop.load(Ordering::Relaxed) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    report.map_err(|error| fault(&error))
}

fn fault(error: &BenchError) -> Fault {
    let code = Code::new("io", "failed");
    match error {
        BenchError::Stopped => {
            Fault::new(code, "-", "the benchmark was stopped by Ctrl-C", "Nothing of it is left.")
        }
        _ => Fault::machine("the benchmark failed", error),
    }
}

fn heading() -> String {
    format!("{:<42}{:>11} {:>5} {:>11} {:>6}", "work", "verified", "±", "raw hash", "ratio")
}

/// One row of the table, at most 80 characters.
fn line(row: &Row) -> String {
    let spread = format!("{:.0} %", row.verified.spread() * 100.0);
    format!(
        "{:<42}{:>11} {spread:>5} {:>11} {:>6.2}",
        row.work.to_string(),
        rate(row, row.verified_rate()),
        rate(row, row.raw_rate()),
        row.ratio.median
    )
}

/// How much is done in a second, with three digits.
fn rate(row: &Row, rate: f64) -> String {
    let units: [(f64, &str); 3] = if row.work.counts_bytes() {
        [(1_073_741_824.0, "GiB/s"), (1_048_576.0, "MiB/s"), (1_024.0, "KiB/s")]
    } else {
        [(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")]
    };
    let [_, _, last] = units;
    let (unit, name) = units.into_iter().find(|(unit, _)| rate >= *unit).unwrap_or(last);
    let shown = rate / unit;
    let digits = match shown {
        shown if shown < 9.995 => 2,
        shown if shown < 99.95 => 1,
        _ => 0,
    };
    format!("{shown:.digits$} {name}")
}

fn tell_changes(terminal: &mut Terminal, comparison: &Comparison) {
    terminal.say("");
    for difference in &comparison.differences {
        terminal.say(&format!("Hard to compare: the earlier figures are of {difference}."));
    }
    terminal.say(&format!("{:<42}{}", "work", "since the earlier figures"));
    for change in &comparison.changes {
        terminal.say(&told(change));
    }
}

fn told(change: &Change) -> String {
    // Adding 0 makes the 0 that rounding leaves a positive one.
    let percent = ((change.factor - 1.0) * 100.0).round() + 0.0;
    format!("{:<42}{:<6} {percent:>+5.0} %", change.work.to_string(), change.verdict.as_str())
}

fn value(report: &Report) -> Result<Value, Fault> {
    serde_json::to_value(report)
        .map_err(|error| Fault::machine("the figures cannot be written", &error))
}

fn compared(comparison: &Comparison) -> Value {
    let differences: Vec<String> = comparison.differences.iter().map(ToString::to_string).collect();
    let changes: Vec<Value> = comparison
        .changes
        .iter()
        .map(|change| {
            json!({
                "work": change.work,
                "factor": change.factor,
                "verdict": change.verdict.as_str(),
            })
        })
        .collect();
    json!({ "differences": differences, "changes": changes })
}

#[cfg(test)]
mod tests {
    use app::bench::{Hash, Place, Quartiles, Row, Work};

    use super::{heading, line};

    #[test]
    fn a_row_fits_on_a_terminal() {
        let time = |median| Quartiles { low: median * 0.9, median, high: median * 1.1 };
        let widest = Work::Pieces {
            hash: Hash::Sha256,
            piece_size: 256 << 10,
            from: Place::Memory,
            cores: 256,
        };
        let row = Row {
            work: widest,
            amount: 1 << 30,
            verified: time(6.4e8),
            raw: time(6.1e8),
            ratio: time(0.95),
        };
        let shown = line(&row);
        let wanted =
            "SHA-256 pieces of 256 KiB, memory, 256 cores 1.56 GiB/s  10 %  1.64 GiB/s   0.95";
        assert_eq!(shown, wanted);
        assert!(shown.chars().count() <= 80 && heading().chars().count() <= 80, "{shown}");
    }

    #[test]
    fn rates_have_three_digits() {
        let rate = |amount, median| {
            let times = Quartiles { low: median, median, high: median };
            let work = Work::Manifest;
            let row = Row { work, amount, verified: times, raw: times, ratio: times };
            super::rate(&row, row.verified_rate())
        };
        assert_eq!(rate(1 << 20, 1e9), "1.00 MiB/s");
        assert_eq!(rate(100 << 20, 1e9), "100 MiB/s");
        assert_eq!(rate(1023 << 20, 1e9), "1023 MiB/s");
        assert_eq!(rate(12 << 30, 1e9), "12.0 GiB/s");
        assert_eq!(rate(512, 1e9), "0.50 KiB/s");
    }
}
