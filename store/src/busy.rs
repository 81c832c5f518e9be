//! Which artifacts may have been written since the library was last known to be in order.
//!
//! They are proven by the next start: what was written may be there without the index knowing it,
//! or be claimed by an index that got further than the bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use verifier::Sha256;

use crate::error::{At as _, StoreError};
use crate::files;

/// The longest file, in bytes: a hundred thousand artifacts.
const LIMIT: u64 = 8 << 20;

/// The file that says so, one artifact a line. One thread changes it.
#[derive(Debug)]
pub(crate) struct Busy {
    path: PathBuf,
    artifacts: Mutex<BTreeSet<Sha256>>,
}

impl Busy {
    /// Nothing is busy until it is said.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, artifacts: Mutex::default() }
    }

    /// What the last process said; `None` if that is not known, so that any may be busy.
    pub(crate) fn read(&self) -> Result<Option<BTreeSet<Sha256>>, StoreError> {
        let bytes = files::read_fitting(&self.path, LIMIT).at(&self.path)?;
        let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Ok(None);
        };
        let digest = |line| blake3::Hash::from_hex(line).ok();
        let digests = text.lines().map(|line: &str| digest(line));
        let digests: Option<Vec<_>> = digests.collect();
        let artifact = |digest: blake3::Hash| Sha256::from_bytes(*digest.as_bytes());
        Ok(digests.map(|digests| digests.into_iter().map(artifact).collect()))
    }

    /// Says that an artifact is about to be written.
    pub(crate) fn begin(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.change(|artifacts| artifacts.insert(artifact))
    }

    /// Says that an artifact is in order, and everything that is known of it synced.
    pub(crate) fn end(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.change(|artifacts| artifacts.remove(&artifact))
    }

    /// Says that all are.
    pub(crate) fn end_all(&self) -> Result<(), StoreError> {
        self.change(|artifacts| {
            artifacts.clear();
            true
        })
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<Sha256>) -> bool) -> Result<(), StoreError> {
        let known = || self.artifacts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut artifacts = known().clone();
        if !change(&mut artifacts) {
            return Ok(());
        }
        let mut text = String::new();
        for artifact in &artifacts {
            let digits = blake3::Hash::from_bytes(*artifact.as_bytes()).to_hex();
            writeln!(text, "{digits}").unwrap_or_default();
        }
        files::replace(&self.path, &[text.as_bytes()]).at(&self.path)?;
        *known() = artifacts;
        Ok(())
    }
}
