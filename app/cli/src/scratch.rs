//! A folder that goes away with the work that needs it.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// A temporary folder that only its owner may enter, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one with a name that tells what it is for.
    ///
    /// # Errors
    ///
    /// `io.failed` if the system's folder for temporary files takes none.
    pub fn make(what: &str) -> Result<Self, Fault> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)
            .map_err(|error| Fault::machine("the system gives no random number", &error))?;
        let name = format!("minimodel-{what}-{:016x}", u64::from_be_bytes(bytes));
        let folder = std::env::temp_dir().join(name);
        create(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing more can be done about a temporary folder that does not go away.
        let _ok = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
///
/// `io.failed` if it cannot be made, or is there already.
pub fn create(folder: &Path) -> Result<(), Fault> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Fault::io("create", folder, &error))
}
