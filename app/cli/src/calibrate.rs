//! Searches genuine files for the rule of the container's internal checksum.

use app::input;
use app::stop::wished;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use verifier::scalars::U64Hex;
use verifier::slm::calibrate::{Calibration, calibrate};

use crate::args::CalibrateArgs;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::stop::unless_stopped;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// `calibrate`.
///
/// Finding nothing is an answer, not a fault. The profile that files are verified under is never
/// changed by what is found.
///
/// # Errors
///
/// [`Fault`] if a file cannot be read, is too long to search, or is no `.slm` file.
pub async fn search<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &CalibrateArgs,
) -> Result<Outcome, Fault> {
    let terminal = &mut *session.terminal;
    let mut files = Vec::new();
    for path in &args.files {
        files.push(input::open(path)?.0);
    }
    terminal.say(&format!(
        "Searching {} files; a megabyte takes about a second on one core.",
        files.len()
    ));
    // A thread that the program does not wait for at its end: a search cannot be cut short.
    let (tell, found) = oneshot::channel();
    std::thread::spawn(move || tell.send(calibrate(&mut files)));
    let search = async {
        found
            .await
            .map_err(|gone| Fault::machine("the search ended early", &gone))?
            .map_err(|error| Fault::coded(&error))
    };
    let found =
        unless_stopped(wished(), "the search", "Run it again; fewer files take less time.", search)
            .await?;
    say(terminal, &found);
    Ok(outcome(&found).told())
}

fn say(terminal: &mut Terminal, found: &Calibration) {
    for candidate in &found.conclusive {
        let files = candidate.files.len();
        terminal.say(&format!("{candidate}: explains {files} of {} files", found.files.len()));
        if let Some(profile) = candidate.profile() {
            terminal.say(&format!(
                "  That is this project's own {profile}: the files were written by it and tell \
                 nothing of the published rule."
            ));
        }
    }
    match found.conclusive.len() {
        0 => terminal.say(&format!(
            "None of {} rules fits. Another small genuine file of a different length would help.",
            found.tried
        )),
        1 => {}
        _ => terminal.say("More than one rule fits: give a file with another header as well."),
    }
}

fn outcome(found: &Calibration) -> Outcome {
    let files: Vec<Value> = found
        .files
        .iter()
        .map(|file| {
            json!({
                "byte_count": file.length,
                "stored": U64Hex(file.stored).to_string(),
            })
        })
        .collect();
    let candidates: Vec<Value> = found
        .conclusive
        .iter()
        .map(|candidate| {
            json!({
                "rule": candidate.rule.to_string(),
                "start": U64Hex(candidate.start).to_string(),
                "evidence": candidate.evidence.to_string(),
                "files": candidate.files,
            })
        })
        .collect();
    Outcome::new()
        .with("tried", found.tried)
        .with("file", files)
        .with("candidate_count", candidates.len())
        .with("candidate", candidates)
}
