//! Reads what is kept again, and verifies it.

use app::library::{AllEvent, Checked, State, kept_bytes};
use app::ports::{Model, Ports};
use app::problem::chain;
use serde_json::json;
use verifier::Code;

use super::{failed, with_model};
use crate::args::RecheckArgs;
use crate::fault::Fault;
use crate::import::count;
use crate::naming::{self, Named};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// `library recheck`.
pub(super) async fn run<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &RecheckArgs,
) -> Result<Outcome, Fault> {
    match &args.model {
        Some(model) => one(ports, terminal, model).await,
        None => all(ports, terminal).await,
    }
}

async fn one<P: Ports>(ports: &P, terminal: &mut Terminal, name: &str) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), name).await?;
    let size = Reading::of(&model);
    let mut progress = Progress::start("recheck", size.total, 0, terminal.paint());
    let on = |pieces| progress.reach(size.after(pieces));
    let found = app::library::recheck(ports, &model, on).await.map_err(failed)?;
    progress.finish();
    let Some(found) = found else {
        return Err(Fault::usage("model", "the model was forgotten meanwhile", "Run it again."));
    };
    let corrupt: Vec<u32> = found.corrupt.iter().map(|piece| piece.get()).collect();
    let outcome = with_model(Outcome::new(), &model)
        .with("checked", found.pieces)
        .with("corrupt", corrupt.len())
        .with("corrupt_piece", corrupt)
        .with("unreadable", found.unread)
        .with("missing", found.missing)
        .with("manifest_damaged", found.lacks_manifest)
        .with("state", found.state.as_str());
    if let Some(wrong) = found.wrong(count) {
        let what = format!("{} is {}: {wrong}", Named::from(&model).shown(), found.state.as_str());
        return Err(outcome.beside(Fault::new(code(found.state), "model", what, advice(&found))));
    }
    say(terminal, &model, &found);
    Ok(outcome.told())
}

async fn all<P: Ports>(ports: &P, terminal: &mut Terminal) -> Result<Outcome, Fault> {
    let paint = terminal.paint();
    let mut progress: Option<(Progress, Reading)> = None;
    let (mut values, mut corrupt, mut missing, mut failures) = (Vec::new(), 0, 0, 0);
    let (mut bad, mut worst) = (0_usize, State::Whole);
    let mut advised: Vec<String> = Vec::new();
    let on = |event: AllEvent<'_>| match event {
        AllEvent::Begun { model, .. } => {
            let size = Reading::of(model);
            progress = Some((Progress::start("recheck", size.total, 0, paint), size));
        }
        AllEvent::Reached(pieces) => {
            if let Some((progress, size)) = &mut progress {
                progress.reach(size.after(pieces));
            }
        }
        AllEvent::Ended { model, outcome } => {
            if let Some((progress, _)) = progress.take() {
                progress.finish();
            }
            let found = match outcome {
                Ok(found) => {
                    say(terminal, model, &found);
                    corrupt += found.corrupt.len();
                    missing += u64::from(found.missing);
                    bad += usize::from(found.state != State::Whole);
                    worst = worst.min(found.state);
                    if found.state != State::Whole && !advised.contains(&advice(&found)) {
                        advised.push(advice(&found));
                    }
                    Some(found)
                }
                Err(failure) => {
                    let shown = Named::from(model).shown();
                    terminal.say(&format!("{shown}: not read: {}", chain(failure.as_ref())));
                    failures += 1;
                    None
                }
            };
            values.push(json!({
                "id": model.model_id.to_string(),
                "version": model.model_version.to_string(),
                "artifact_sha256": model.artifact.to_string(),
                "corrupt": found.as_ref().map(|found| found.corrupt.len()),
                "unreadable": found.as_ref().map(|found| found.unread),
                "missing": found.as_ref().map(|found| found.missing),
                "manifest_damaged": found.as_ref().map(|found| found.lacks_manifest),
                "state": found.as_ref().map(|found| found.state.as_str()),
            }));
        }
        _ => {}
    };
    app::library::recheck_all(ports, on).await.map_err(failed)?;
    let of = values.len();
    let outcome = Outcome::new()
        .with("model_count", of)
        .with("corrupt", corrupt)
        .with("missing", missing)
        .with("model", values);
    if failures > 0 {
        let what = format!("{failures} of {of} models could not be read");
        let advice = "Check the disk and the data folder, then run it again.";
        let code = app::blame::IO_FAILED;
        return Err(outcome.beside(Fault::new(code, "store", what, advice)));
    }
    if bad > 0 {
        let are = if bad == 1 { "is" } else { "are" };
        let what = format!("{bad} of {of} models {are} not whole and sound");
        return Err(outcome.beside(Fault::new(code(worst), "model", what, advised.join(" "))));
    }
    if of == 0 {
        terminal.say("Nothing is kept here yet.");
    }
    Ok(outcome.told())
}

/// What to do about what was found.
fn advice(found: &Checked) -> String {
    found.advice().text().to_owned()
}

fn code(state: State) -> Code {
    let suffix = if state == State::Damaged { "damaged" } else { "incomplete" };
    Code::new("library", suffix)
}

/// How much there is to read.
struct Reading {
    total: u64,
    piece: u64,
}

impl Reading {
    fn of(model: &Model) -> Self {
        Self { total: kept_bytes(model), piece: model.geometry.piece_size().into() }
    }

    /// How many bytes so many pieces have, about: the last one may be shorter.
    fn after(&self, pieces: u32) -> u64 {
        self.total.min(u64::from(pieces).saturating_mul(self.piece))
    }
}

fn say(terminal: &mut Terminal, model: &Model, found: &Checked) {
    let (shown, checked) = (Named::from(model).shown(), found.pieces);
    terminal.say(&match found.wrong(count) {
        None => format!("{shown}: whole, every piece is sound ({checked} checked)."),
        Some(wrong) => format!("{shown}: {}: {wrong} ({checked} checked).", found.state.as_str()),
    });
}
