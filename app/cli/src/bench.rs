//! Measures how fast this machine verifies, as a table for people and figures for programs.

use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::bench::{self, Build, Change, Comparison, Event, Plan, Report, Row};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::args::{BenchArgs, BenchCommand};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

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
        plan = plan.with_bytes(size.0).map_err(|error| Fault::blamed(&error).at(Some("--size")))?;
    }
    plan.samples = args.samples.unwrap_or(plan.samples);
    Ok(plan)
}

fn read(path: &Path) -> Result<Report, Fault> {
    Report::open(path).map_err(|problem| {
        let is_form = problem.field == "figures";
        let fault = Fault::from(problem);
        if is_form { fault.at(Some("--compare")) } else { fault }
    })
}

/// Runs the plan on threads of its own, telling each row as it comes.
async fn measure(terminal: &mut Terminal, plan: Plan) -> Result<Report, Fault> {
    if let Some(warning) = Build::this().warning() {
        terminal.say(warning);
    }
    terminal.say(&heading());
    let stop = Arc::new(AtomicBool::new(false));
    let (news, mut heard) = mpsc::channel(WAITING);
    let work = {
        let stop = Arc::clone(&stop);
        tokio::task::spawn_blocking(move || work(&plan, &stop, &news))
    };
    let mut telling = pin!(async {
        while let Some(row) = heard.recv().await {
            terminal.say(&line(&row));
        }
    });
    tokio::select! {
        () = &mut telling => {}
        () = app::stop::wished() => {
            stop.store(true, Ordering::Relaxed);
            telling.await;
        }
    }
    work.await.map_err(|join| Fault::machine("the benchmark ended early", &join))?
}

fn work(plan: &Plan, stop: &AtomicBool, news: &mpsc::Sender<Row>) -> Result<Report, Fault> {
    let report = bench::run(plan, |event| {
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
    report.map_err(|error| Fault::blamed(&error))
}

fn heading() -> String {
    format!("{:<42}{:>11} {:>5} {:>11} {:>6}", "work", "verified", "±", "raw hash", "ratio")
}

/// One row of the table, at most 80 characters.
fn line(row: &Row) -> String {
    format!(
        "{:<42}{:>11} {:>5} {:>11} {:>6}",
        row.work.to_string(),
        row.verified_text(),
        row.spread_text(),
        row.raw_text(),
        row.ratio_text()
    )
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
    format!("{:<42}{:<6} {:>7}", change.work.to_string(), change.verdict.as_str(), change.percent())
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
        let row = |work| Row {
            work,
            amount: 1 << 30,
            verified: time(6.4e8),
            raw: time(6.1e8),
            ratio: time(0.95),
        };
        let shown = line(&row(widest));
        let wanted =
            "SHA-256 pieces of 256 KiB, memory, 256 cores 1.56 GiB/s  10 %  1.64 GiB/s   0.95";
        assert_eq!(shown, wanted);
        let shown = line(&row(Work::AtOnce { piece_size: 256 << 10, cores: 256 }));
        let wanted =
            "SHA-256 pieces of 256 KiB at once, 256 cores 1.56 GiB/s  10 %  1.64 GiB/s   0.95";
        assert_eq!(shown, wanted);
        assert!(shown.chars().count() <= 80 && heading().chars().count() <= 80, "{shown}");
    }
}
