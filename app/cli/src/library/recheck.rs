//! Reads what is kept again, and verifies it.

use app::library::{AllEvent, Checked, kept_bytes};
use app::ports::{Model, Ports};
use app::problem::chain;
use serde_json::{Value, json};

use super::{failed, with_model};
use crate::args::RecheckArgs;
use crate::fault::Fault;
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
    say(terminal, &model, &found);
    advise(terminal, found.corrupt.len());
    let corrupt: Vec<u32> = found.corrupt.iter().map(|piece| piece.get()).collect();
    Ok(with_model(Outcome::new(), &model)
        .with("checked", found.pieces)
        .with("corrupt", corrupt.len())
        .with("corrupt_piece", corrupt)
        .told())
}

async fn all<P: Ports>(ports: &P, terminal: &mut Terminal) -> Result<Outcome, Fault> {
    let paint = terminal.paint();
    let mut progress: Option<(Progress, Reading)> = None;
    let (mut values, mut lost, mut failures) = (Vec::new(), 0, 0);
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
                    lost += found.corrupt.len();
                    Value::from(found.corrupt.len())
                }
                Err(failure) => {
                    let shown = Named::from(model).shown();
                    terminal.say(&format!("{shown}: not read: {}", chain(failure.as_ref())));
                    failures += 1;
                    Value::Null
                }
            };
            values.push(json!({
                "id": model.model_id.to_string(),
                "version": model.model_version.to_string(),
                "artifact_sha256": model.artifact.to_string(),
                "corrupt": found,
            }));
        }
        _ => {}
    };
    app::library::recheck_all(ports, on).await.map_err(failed)?;
    advise(terminal, lost);
    if failures > 0 {
        let what = format!("{failures} of {} models could not be read", values.len());
        let advice = "Check the disk and the data folder, then run it again.";
        let code = app::blame::IO_FAILED;
        return Err(Fault::new(code, "store", what, advice).with("model", values));
    }
    if values.is_empty() {
        terminal.say("Nothing is kept here yet.");
    }
    Ok(Outcome::new()
        .with("model_count", values.len())
        .with("corrupt", lost)
        .with("model", values)
        .told())
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
    let shown = Named::from(model).shown();
    let checked = found.pieces;
    terminal.say(&match found.corrupt.len() {
        0 => format!("{shown}: every kept piece is sound ({checked} checked)."),
        corrupt => format!(
            "{shown}: {corrupt} of {checked} kept pieces were corrupt and count as missing now."
        ),
    });
}

fn advise(terminal: &mut Terminal, corrupt: usize) {
    if corrupt > 0 {
        terminal
            .say("Import the model again: only these pieces are fetched. Check the disk's health.");
    }
}
