//! A folder that goes away with the work that needs it.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

/// A temporary folder that only its owner may enter, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one with a name that tells what it is for.
    ///
    /// # Errors
    ///
    /// What the system said if its folder for temporary files takes none, or if it gives no random
    /// number.
    pub fn make(what: &str) -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
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
/// What the system said if it cannot be made, or is there already.
pub fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn it_goes_away_with_what_is_in_it() {
        let scratch = Scratch::make("test").unwrap();
        let folder = scratch.folder().to_owned();
        std::fs::write(folder.join("file"), "bytes").unwrap();
        drop(scratch);
        assert!(!folder.exists());
    }
}
