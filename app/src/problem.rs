//! What went wrong, in words for a person: what happened, and what to do.

mod code;

use std::error::Error;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use verifier::{Advice, Code, Coded, Remedy};

use crate::Blamed;
use crate::blame::{IO_FAILED, machine_advice};
use crate::ports::Failure;

/// Why something was not done: a stable code for programs, two lines for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The stable code.
    #[serde(with = "code")]
    pub code: Code,
    /// The field concerned, or `-`.
    pub field: String,
    /// What happened, as one clause.
    #[serde(rename = "message")]
    pub what: String,
    /// What a person can do about it, as one or two sentences.
    pub advice: String,
    /// What of this program helps, which each program says in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Problem {
    /// A problem in which no field is concerned.
    pub fn new(code: Code, what: impl Into<String>, advice: impl Into<Advice>) -> Self {
        let advice = advice.into();
        Self {
            code,
            field: "-".to_owned(),
            what: what.into(),
            advice: advice.text().to_owned(),
            remedy: advice.remedy(),
        }
    }

    /// What an error of a use case says.
    pub fn blamed(error: &(impl Blamed + 'static)) -> Self {
        let field = error.field().into_owned();
        Self { field, ..Self::new(error.code(), chain(error), error.advice()) }
    }

    /// What to do about it, for an error that has the problem inside.
    pub(crate) fn advised(&self) -> Advice {
        let advice = Advice::from(self.advice.clone());
        match self.remedy {
            Some(remedy) => advice.by(remedy),
            None => advice,
        }
    }

    /// What an error with a code says.
    pub fn coded(error: &impl Coded) -> Self {
        let field = error.field().into_owned();
        Self { field, ..Self::new(error.code(), chain(error), error.advice()) }
    }

    /// The same, naming the file that is to blame.
    pub fn coded_in(path: &Path, error: &impl Coded) -> Self {
        let mut problem = Self::coded(error);
        problem.what = format!("{}: {}", path.display(), problem.what);
        problem
    }

    /// Something failed when what was asked for was done already; it is logged, too.
    pub(crate) fn late(what: &str, failure: &Failure, advice: &'static str) -> Self {
        tracing::error!(%failure, "{what}");
        Self::new(IO_FAILED, format!("{what}: {}", chain(failure.as_ref())), advice)
    }

    /// Reading or writing `path` failed.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "Check the path: nothing of that name is there.".into(),
            io::ErrorKind::IsADirectory => {
                "Give the path of a plain file, not of a folder or a device.".into()
            }
            io::ErrorKind::AlreadyExists => {
                "Choose another name, or move that file elsewhere; it was left as it is.".into()
            }
            _ => machine_advice(error),
        };
        let what = format!("cannot {doing} {}: {error}", path.display());
        Self::new(IO_FAILED, what, advice)
    }

    /// Something of this machine failed that is not one file.
    pub fn machine(doing: &str, error: &(dyn Error + 'static)) -> Self {
        Self::new(IO_FAILED, format!("{doing}: {}", chain(error)), machine_advice(error))
    }
}

/// How a command with that code came out, in a word: a rule or what was given said no, or it could
/// not be done.
pub fn verdict(code: Code) -> &'static str {
    if matches!(code.prefix(), "usage" | "io" | "output") { "failed" } else { "rejected" }
}

/// An error and its sources as one clause; a source that says the same again is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}
