//! A conformance case as `index.json` has it, and what an operation answered.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use verifier::Coded;
use verifier::scalars::UtcTime;

/// One case.
pub struct Case {
    /// Its name.
    pub id: String,
    /// The operation.
    pub op: String,
    /// Inputs that are not files.
    pub args: Value,
    /// What counts as now.
    pub now: Option<UtcTime>,
    folder: PathBuf,
    files: Map<String, Value>,
    pad: Map<String, Value>,
    expect: String,
    field: Option<String>,
    derived: Map<String, Value>,
    warnings: Vec<String>,
}

/// What an operation answered.
pub enum Outcome {
    /// Accepted, with derived values and warnings.
    Ok { derived: Map<String, Value>, warnings: Vec<String> },
    /// Refused, with a code and a field.
    Refused { code: String, field: String },
}

impl Outcome {
    /// Accepted, with nothing derived.
    pub fn ok() -> Self {
        Self::Ok { derived: Map::new(), warnings: Vec::new() }
    }

    /// Accepted, with these derived values.
    pub fn derived<K: Into<String>>(values: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Ok {
            derived: values.into_iter().map(|(key, value)| (key.into(), value)).collect(),
            warnings: Vec::new(),
        }
    }

    /// The same with warnings, which are sorted here.
    pub fn warned<W: Into<String>>(self, names: impl IntoIterator<Item = W>) -> Self {
        match self {
            Self::Ok { derived, .. } => {
                let mut warnings: Vec<String> = names.into_iter().map(Into::into).collect();
                warnings.sort();
                Self::Ok { derived, warnings }
            }
            refused @ Self::Refused { .. } => refused,
        }
    }

    /// Refused with this error.
    pub fn refused(error: &dyn Coded) -> Self {
        Self::Refused { code: error.code().to_string(), field: error.field().into_owned() }
    }
}

impl Case {
    /// The bytes of the file in this role, with its padding; panics if the case has none.
    pub fn file(&self, role: &str) -> Vec<u8> {
        self.optional_file(role).unwrap_or_else(|| panic!("{}: no file {role}", self.id))
    }

    /// The bytes of the file in this role, with its padding.
    pub fn optional_file(&self, role: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(self.files.get(role)?.as_str().unwrap());
        let mut bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if let Some(pad) = self.pad.get(role) {
            let count = pad[1].as_u64().unwrap() as usize;
            bytes.extend(pad[0].as_str().unwrap().repeat(count).into_bytes());
        }
        Some(bytes)
    }

    /// The roles of the case's files.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A text argument; panics if the case has none.
    pub fn text(&self, name: &str) -> &str {
        self.args[name].as_str().unwrap_or_else(|| panic!("{}: no text {name}", self.id))
    }

    /// A flag argument; absent is false.
    pub fn flag(&self, name: &str) -> bool {
        self.args[name].as_bool().unwrap_or(false)
    }

    /// A number argument; panics if the case has none.
    pub fn number(&self, name: &str) -> u64 {
        self.args[name].as_u64().unwrap_or_else(|| panic!("{}: no number {name}", self.id))
    }

    /// Now; panics if the case has none.
    pub fn now(&self) -> UtcTime {
        self.now.unwrap_or_else(|| panic!("{}: no time", self.id))
    }

    /// Says how the outcome differs from what the case expects.
    pub fn compare(&self, outcome: &Outcome) -> Result<(), String> {
        match outcome {
            Outcome::Refused { code, field } => {
                if *code != self.expect {
                    return Err(format!("expected {}, got {code} ({field})", self.expect));
                }
                match &self.field {
                    Some(wanted) if wanted != field => {
                        Err(format!("expected field {wanted}, got {field}"))
                    }
                    _ => Ok(()),
                }
            }
            Outcome::Ok { derived, warnings } => {
                if self.expect != "ok" {
                    return Err(format!("expected {}, got ok", self.expect));
                }
                for (key, wanted) in &self.derived {
                    if derived.get(key) != Some(wanted) {
                        let got = derived.get(key).unwrap_or(&Value::Null);
                        return Err(format!("{key}: expected {wanted}, got {got}"));
                    }
                }
                if *warnings != self.warnings {
                    return Err(format!("expected warnings {:?}, got {warnings:?}", self.warnings));
                }
                Ok(())
            }
        }
    }
}

/// Reads `index.json` of a folder.
pub fn load(folder: &Path) -> Vec<Case> {
    let path = folder.join("index.json");
    let text = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let index: Value = serde_json::from_slice(&text).unwrap();
    index["cases"].as_array().unwrap().iter().map(|case| read(folder, case)).collect()
}

fn read(folder: &Path, case: &Value) -> Case {
    let object = |name: &str| case[name].as_object().cloned().unwrap_or_default();
    Case {
        id: case["id"].as_str().unwrap().to_owned(),
        op: case["op"].as_str().unwrap().to_owned(),
        args: case["args"].clone(),
        now: case["now"].as_str().map(|text| UtcTime::parse(text).unwrap()),
        folder: folder.to_owned(),
        files: object("files"),
        pad: object("pad"),
        expect: case["expect"].as_str().unwrap().to_owned(),
        field: case["field"].as_str().map(str::to_owned),
        derived: object("derived"),
        warnings: case["warnings"]
            .as_array()
            .map(|names| names.iter().map(|n| n.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default(),
    }
}
