//! Why a command did not do what was asked: for programs a code, for people two lines.

use std::error::Error;
use std::io;
use std::path::Path;

use app::Blamed;
use app::command::Refused;
use app::ports::OutputError;
use app::problem::Problem;
use serde::Serialize;
use serde_json::{Map, Value};
use verifier::{Code, Coded, Remedy};

use crate::outcome::members;
use crate::remedy;

pub use app::problem::chain;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Verified or done.
    Done,
    /// Something given is wrong, or a rule says no.
    Rejected,
    /// The command line is wrong.
    Usage,
    /// Reading or writing failed.
    Io,
}

impl Exit {
    /// The number the shell sees.
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Rejected => 1,
            Self::Usage => 2,
            Self::Io => 3,
        }
    }
}

/// Why a command ended without success.
#[derive(Debug, Clone)]
pub struct Fault(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    field: String,
    what: String,
    advice: String,
    remedy: Option<Remedy>,
    values: Map<String, Value>,
}

impl Fault {
    /// A fault with its code, the field concerned (`-` if there is none), what happened and what
    /// to do.
    pub fn new(
        code: Code,
        field: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            code,
            field: field.into(),
            what: what.into(),
            advice: advice.into(),
            remedy: None,
            values: Map::new(),
        }))
    }

    /// The command line asks for something that cannot be.
    pub fn usage(
        field: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(Code::new("usage", "arguments"), field, what, advice)
    }

    /// Reading or writing `path` failed.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Problem::io(doing, path, error).into()
    }

    /// What was to be written is there already.
    pub fn exists(path: &Path) -> Self {
        let error = OutputError::Exists(path.to_owned());
        Self::blamed(&error).at(Some("-"))
    }

    /// Something of this machine failed that is not one file.
    pub fn machine(doing: &str, error: &(dyn Error + 'static)) -> Self {
        Problem::machine(doing, error).into()
    }

    /// Whoever started the program wished that it end.
    pub fn stopped(what: &str, advice: impl Into<String>) -> Self {
        Self::new(Code::new("io", "failed"), "-", format!("{what} was stopped"), advice)
    }

    /// The user did not say yes.
    pub fn denied(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Code::new("consent", "denied"), "-", what, advice)
    }

    /// What an error with a code says.
    pub fn coded(error: &impl Coded) -> Self {
        Problem::coded(error).into()
    }

    /// The same, naming the file that is to blame.
    pub fn coded_in(path: &Path, error: &impl Coded) -> Self {
        Problem::coded_in(path, error).into()
    }

    /// The same, naming the field concerned if there is one.
    #[must_use]
    pub fn at(mut self, field: Option<&str>) -> Self {
        if let Some(field) = field {
            self.0.field = field.to_owned();
        }
        self
    }

    /// Why a command was not carried out, with what is known all the same.
    pub fn refused<R: Serialize>(refused: Refused<R>) -> Self {
        let mut fault = Self::from(refused.problem);
        fault.0.values = refused.beside.map(|reply| members(&reply)).unwrap_or_default();
        fault
    }

    /// What an error of a use case says.
    pub fn blamed(error: &(impl Blamed + 'static)) -> Self {
        Problem::blamed(error).into()
    }

    /// The same, with what was done all the same in front of it.
    #[must_use]
    pub fn after(mut self, done: &str) -> Self {
        self.0.what = format!("{done} {}", self.0.what);
        self
    }

    /// Adds a value that programs may want although the command failed.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.values.insert(key.to_owned(), value.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The field concerned, or `-`.
    pub fn field(&self) -> &str {
        &self.0.field
    }

    /// What happened, as one clause.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What the user can do.
    pub fn advice(&self) -> &str {
        &self.0.advice
    }

    /// What of the program helps, which the advice has said.
    pub fn remedy(&self) -> Option<Remedy> {
        self.0.remedy
    }

    /// Values for programs.
    pub fn values(&self) -> &Map<String, Value> {
        &self.0.values
    }

    /// How the program ends; the code alone decides.
    pub fn exit(&self) -> Exit {
        match (self.0.code.prefix(), self.0.code.suffix()) {
            ("usage", _) => Exit::Usage,
            ("io" | "output", _) => Exit::Io,
            _ => Exit::Rejected,
        }
    }
}

impl From<Problem> for Fault {
    /// The same, with the command that helps behind the advice.
    fn from(problem: Problem) -> Self {
        let mut advice = problem.advice;
        if let Some(remedy) = problem.remedy {
            advice = format!("{advice} {}", remedy::typed(remedy));
        }
        let mut fault = Self::new(problem.code, problem.field, problem.what, advice);
        fault.0.remedy = problem.remedy;
        fault
    }
}

#[cfg(test)]
mod tests {
    use verifier::Code;

    use super::{Exit, Fault};

    #[test]
    fn the_code_alone_decides_the_exit() {
        for (prefix, suffix, exit) in [
            ("manifest", "missing-key", Exit::Rejected),
            ("consent", "denied", Exit::Rejected),
            ("usage", "arguments", Exit::Usage),
            ("io", "failed", Exit::Io),
            ("output", "exists", Exit::Io),
            ("output", "unsafe", Exit::Io),
        ] {
            assert_eq!(Fault::new(Code::new(prefix, suffix), "-", "", "").exit(), exit);
        }
    }
}
