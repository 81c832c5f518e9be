//! What a command that has ended said.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// What a command that has ended said, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// What was typed.
    pub line: String,
    /// The exit status; `None` if it was killed.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// The JSON object of a command that must have succeeded.
    #[track_caller]
    pub fn done(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self}");
        let value = self.json();
        let verdict = ["result", "code", "stage", "field"].map(|key| &value[key]);
        assert_eq!(verdict, ["verified", "ok", "complete", "-"], "{self}");
        value
    }

    /// The JSON object of a command that must have ended with that status and code.
    #[track_caller]
    pub fn refused(&self, status: i32, code: &str) -> Value {
        assert_eq!(self.status, Some(status), "{self}");
        let value = self.json();
        assert_eq!(value["code"], code, "{self}");
        assert_eq!(value["result"], result(status), "{self}");
        assert_eq!(value["stage"], stage(code), "{self}");
        assert!(value["field"].is_string(), "{self}");
        for told in ["message", "advice"] {
            let text = value[told].as_str().unwrap();
            assert!(!text.is_empty() && self.err.contains(text), "{told} is not told: {self}");
        }
        value
    }

    /// Checks the lines of a command that must have ended with that status and code; gives the
    /// field that it names.
    #[track_caller]
    pub fn refused_in_lines(&self, status: i32, code: &str) -> &str {
        assert_eq!(self.status, Some(status), "{self}");
        let first = self.out.lines().next().unwrap_or_default();
        let start = format!("result={} code={code} stage={} field=", result(status), stage(code));
        let field = first.strip_prefix(&start);
        let field = field.unwrap_or_else(|| panic!("`{start}` does not start {self}"));
        assert!(!field.is_empty() && !field.contains(' '), "{self}");
        field
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, status, out, err } = self;
        write!(f, "`minimodel {line}` ended with {status:?}\n-- out\n{out}\n-- err\n{err}")
    }
}

/// The verdict that goes with an exit status.
fn result(status: i32) -> &'static str {
    if status == 1 { "rejected" } else { "failed" }
}

/// The stage that goes with a code, of those that the scenarios meet.
fn stage(code: &str) -> &str {
    let prefix = code.split('.').next().unwrap();
    match prefix {
        "route" => "boundary",
        "merkle" | "chunk-list" => "chunks",
        own => own,
    }
}

/// Reads a file of `key=value` lines.
pub fn lines(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}
