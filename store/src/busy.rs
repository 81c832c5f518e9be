//! Which artifacts may have been written since the library was last known to be in order.
//!
//! They are proven by the next start: what was written may be there without the index knowing it,
//! or be claimed by an index that got further than the bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

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
    /// Those that this process could not prove: the next one is to.
    unproven: OnceLock<BTreeSet<Sha256>>,
}

impl Busy {
    /// Nothing is busy until it is said.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, artifacts: Mutex::default(), unproven: OnceLock::new() }
    }

    /// What the last process said; `None` if that is not known, so that any may be busy.
    pub(crate) fn read(&self) -> Option<BTreeSet<Sha256>> {
        let read = files::read_fitting(&self.path, LIMIT).inspect_err(|error| {
            tracing::error!(%error, "cannot read what may have been written last");
        });
        let text = String::from_utf8(read.ok()??).ok()?;
        let artifact = |digest: blake3::Hash| Sha256::from_bytes(*digest.as_bytes());
        text.lines().map(|line| blake3::Hash::from_hex(line).ok().map(artifact)).collect()
    }

    /// Says that an artifact is about to be written.
    pub(crate) fn begin(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.change(|artifacts| artifacts.insert(artifact))
    }

    /// Says that an artifact is in order, and everything that is known of it synced.
    pub(crate) fn end(&self, artifact: Sha256) -> Result<(), StoreError> {
        self.change(|artifacts| artifacts.remove(&artifact))
    }

    /// Says that all are, but for those that were not proven.
    pub(crate) fn end_all(&self) -> Result<(), StoreError> {
        self.change(|artifacts| {
            artifacts.clear();
            true
        })
    }

    /// Says that these could not be proven, and stay so for as long as this process has the library.
    pub(crate) fn leave(&self, unproven: BTreeSet<Sha256>) {
        self.unproven.get_or_init(|| unproven);
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<Sha256>) -> bool) -> Result<(), StoreError> {
        let known = || self.artifacts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut artifacts = known().clone();
        if !change(&mut artifacts) {
            return Ok(());
        }
        let mut text = String::new();
        let unproven = self.unproven.get().into_iter().flatten();
        for artifact in artifacts.union(&unproven.copied().collect()) {
            let digits = blake3::Hash::from_bytes(*artifact.as_bytes()).to_hex();
            writeln!(text, "{digits}").unwrap_or_default();
        }
        files::replace(&self.path, &[text.as_bytes()]).at(&self.path)?;
        *known() = artifacts;
        Ok(())
    }
}
