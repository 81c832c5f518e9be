//! Reads what is kept again, and verifies it.

use app::library::{AllEvent, Checked, State, kept_bytes};
use app::ports::{Model, Ports};
use app::problem::Problem;
use verifier::Code;

use super::findings::Findings;
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
    let found = look(ports, terminal, &model).await?;
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
        let fault = Fault::from(Problem::new(code(found.state), what, found.advice()));
        return Err(outcome.beside(fault.at(Some("model"))));
    }
    say(terminal, &model, &found);
    Ok(outcome.told())
}

/// Reads a model again, and tells how far that is.
pub(super) async fn look<P: Ports>(
    ports: &P,
    terminal: &Terminal,
    model: &Model,
) -> Result<Checked, Fault> {
    let size = Reading::of(model);
    let mut progress = Progress::start("recheck", size.total, 0, terminal.paint());
    let on = |pieces| progress.reach(size.after(pieces));
    let found = app::library::recheck(ports, model, on).await.map_err(failed)?;
    progress.finish();
    found.ok_or_else(|| Fault::usage("model", "the model was forgotten meanwhile", "Run it again."))
}

async fn all<P: Ports>(ports: &P, terminal: &mut Terminal) -> Result<Outcome, Fault> {
    let paint = terminal.paint();
    let mut progress: Option<(Progress, Reading)> = None;
    let mut findings = Findings::until(State::Incomplete);
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
            if let Ok(found) = &outcome {
                say(terminal, model, found);
            }
            findings.add(terminal, model, &outcome);
        }
        _ => {}
    };
    app::library::recheck_all(ports, on).await.map_err(failed)?;
    if findings.of() == 0 {
        terminal.say("Nothing is kept here yet.");
    }
    findings.end(Outcome::new())
}

pub(super) fn code(state: State) -> Code {
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

pub(super) fn say(terminal: &mut Terminal, model: &Model, found: &Checked) {
    let (shown, checked) = (Named::from(model).shown(), found.pieces);
    terminal.say(&match found.wrong(count) {
        None => format!("{shown}: whole, every piece is sound ({checked} checked)."),
        Some(wrong) => format!("{shown}: {}: {wrong} ({checked} checked).", found.state.as_str()),
    });
}
