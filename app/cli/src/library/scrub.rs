//! Verifies what is kept within a budget.

use std::time::Duration;

use app::library::{Budget, Ended, Reached, State, scrub};
use app::ports::Ports;
use app::quantity::{Limit, Size, Span};

use super::findings::Findings;
use super::{failed, recheck};
use crate::args::ScrubArgs;
use crate::fault::Fault;
use crate::import::count;
use crate::naming;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// `library scrub`.
pub(super) async fn run<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &ScrubArgs,
) -> Result<Outcome, Fault> {
    let mut artifacts = Vec::new();
    for name in &args.models {
        artifacts.push(naming::model(&**ports.store(), name).await?.artifact);
    }
    let budget = Budget {
        time: args.time.map(|Span(seconds)| Duration::from_secs(seconds)),
        rate: args.rate.map(|Limit(bytes)| bytes).filter(|bytes| *bytes > 0),
    };
    // What was read counts, also if it is stopped.
    terminal.listen();
    let paint = terminal.paint();
    let mut progress: Option<Progress> = None;
    let on = |reached: Reached<'_>| {
        let progress =
            progress.get_or_insert_with(|| Progress::start("scrub", reached.of, 0, paint));
        progress.ends_in(reached.left);
        progress.reach(reached.bytes);
    };
    let scrubbed = scrub(ports, &artifacts, budget, on, terminal.wished()).await;
    drop(progress);
    let scrubbed = scrubbed.map_err(failed)?;

    let mut findings = Findings::until(State::Damaged);
    for (model, outcome) in &scrubbed.models {
        if let Ok(found) = outcome
            && found.state != State::Whole
        {
            recheck::say(terminal, model, found);
        }
        findings.add(terminal, model, outcome);
    }
    let (pieces, bytes) = (count(scrubbed.pieces, "piece"), Size(scrubbed.bytes));
    let of = count(findings.of() as u64, "model");
    terminal.say(&format!("Read again: {pieces} of {of}, {bytes}."));
    let next = format!(
        "It did not come to {}; the next one begins with what was verified longest ago.",
        Size(scrubbed.left)
    );
    match scrubbed.ended {
        Ended::Time => terminal.say(&format!("The time is over. {next}")),
        Ended::Stopped => terminal.say(&next),
        Ended::Done => {}
    }
    let outcome = Outcome::new()
        .with("bytes_read", scrubbed.bytes)
        .with("pieces_read", scrubbed.pieces)
        .with("bytes_left", scrubbed.left)
        .with("ended", scrubbed.ended.as_str());
    let outcome = findings.end(outcome)?;
    match scrubbed.ended {
        Ended::Stopped => {
            let advice = "What was read counts. Run it again: it goes on with the rest.";
            Err(outcome.beside(Fault::stopped("the scrub", advice)))
        }
        Ended::Done | Ended::Time => Ok(outcome),
    }
}
