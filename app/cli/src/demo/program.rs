//! The program itself, started again for the demo's other parts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::fault::Fault;

/// This very program, to be started again.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
}

impl Program {
    /// The program that runs.
    pub(super) fn this() -> Result<Self, Fault> {
        let path = std::env::current_exe()
            .map_err(|error| Fault::machine("cannot find this program's own file", &error))?;
        Ok(Self { path })
    }

    /// A command over that data folder, which is killed when it is dropped.
    pub(super) fn command(&self, data: &Path, words: &[&OsStr]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words).arg("--json").arg("--data-dir").arg(data).kill_on_drop(true);
        command
    }

    /// Runs a command to its end; gives the JSON object that it answers with.
    pub(super) async fn run(&self, data: &Path, words: &[&OsStr]) -> Result<Value, Fault> {
        let output = self
            .command(data, words)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| Fault::io("start", &self.path, &error))?;
        if output.status.success() {
            return serde_json::from_slice(&output.stdout)
                .map_err(|error| Fault::machine("a command of the demo gave no answer", &error));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let name: Vec<_> = words.iter().take(2).map(|word| word.to_string_lossy()).collect();
        Err(trouble(&format!("`minimodel {}` failed: {}", name.join(" "), said.trim())))
    }
}

/// Something of the demo that does not go as it should.
pub(super) fn trouble(what: &str) -> Fault {
    let code = verifier::Code::new("io", "failed");
    Fault::new(code, "demo", what, "Check that the disk has room, then run the demo again.")
}

/// What a command of the demo said under that key.
pub(super) fn text<'a>(answer: &'a Value, key: &str) -> Result<&'a str, Fault> {
    answer
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| trouble(&format!("a command of the demo did not say its {key}")))
}
