//! What was found of several models that were read again.

use app::library::{Checked, State};
use app::ports::{Failure, Model};
use app::problem::{Problem, chain};
use serde_json::{Value, json};
use verifier::Advice;

use super::recheck::code;
use crate::fault::Fault;
use crate::naming::Named;
use crate::outcome::Outcome;
use crate::terminal::Terminal;

/// What was found of several models.
pub(super) struct Findings {
    /// The best state that is a fault.
    until: State,
    values: Vec<Value>,
    corrupt: usize,
    missing: u64,
    failures: usize,
    bad: usize,
    worst: State,
    advised: Vec<Advice>,
}

impl Findings {
    /// Nothing was found yet; a model is bad that is in this state or a worse one.
    pub(super) const fn until(until: State) -> Self {
        Self {
            until,
            values: Vec::new(),
            corrupt: 0,
            missing: 0,
            failures: 0,
            bad: 0,
            worst: State::Whole,
            advised: Vec::new(),
        }
    }

    /// How many models there are.
    pub(super) fn of(&self) -> usize {
        self.values.len()
    }

    /// Adds what was found of a model; that it could not be read is told.
    pub(super) fn add(
        &mut self,
        terminal: &mut Terminal,
        model: &Model,
        outcome: &Result<Checked, Failure>,
    ) {
        let found = outcome.as_ref().ok();
        match outcome {
            Ok(found) => {
                self.corrupt += found.corrupt.len();
                self.missing += u64::from(found.missing);
                self.worst = self.worst.min(found.state);
                if found.state <= self.until {
                    self.bad += 1;
                    let advice = found.advice();
                    if !self.advised.contains(&advice) {
                        self.advised.push(advice);
                    }
                }
            }
            Err(failure) => {
                let shown = Named::from(model).shown();
                terminal.say(&format!("{shown}: not read: {}", chain(failure.as_ref())));
                self.failures += 1;
            }
        }
        self.values.push(json!({
            "id": model.model_id.to_string(),
            "version": model.model_version.to_string(),
            "artifact_sha256": model.artifact.to_string(),
            "checked": found.map(|found| found.pieces),
            "corrupt": found.map(|found| found.corrupt.len()),
            "unreadable": found.map(|found| found.unread),
            "missing": found.map(|found| found.missing),
            "manifest_damaged": found.map(|found| found.lacks_manifest),
            "state": found.map(|found| found.state.as_str()),
        }));
    }

    /// Adds all of it to the outcome.
    ///
    /// # Errors
    ///
    /// `library.damaged` or `library.incomplete` if a model is bad, and `io.failed` if one could not
    /// be read.
    pub(super) fn end(self, outcome: Outcome) -> Result<Outcome, Fault> {
        let of = self.values.len();
        let outcome = outcome
            .with("model_count", of)
            .with("corrupt", self.corrupt)
            .with("missing", self.missing)
            .with("model", self.values);
        if self.failures > 0 {
            let what = format!("{} of {of} models could not be read", self.failures);
            let advice = "Check the disk and the data folder, then run it again.";
            let code = app::blame::IO_FAILED;
            return Err(outcome.beside(Fault::new(code, "store", what, advice)));
        }
        if self.bad > 0 {
            let are = if self.bad == 1 { "is" } else { "are" };
            let what = format!("{} of {of} models {are} not whole and sound", self.bad);
            let remedy = self.advised.iter().find_map(Advice::remedy);
            let advised: Vec<&str> = self.advised.iter().map(Advice::text).collect();
            let advice = Advice::from(advised.join(" "));
            let advice = match remedy {
                Some(remedy) => advice.by(remedy),
                None => advice,
            };
            let fault = Fault::from(Problem::new(code(self.worst), what, advice));
            return Err(outcome.beside(fault.at(Some("model"))));
        }
        Ok(outcome.told())
    }
}
