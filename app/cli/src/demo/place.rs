//! The folder that a demo plays in.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// The demo's folder, removed at the end unless the user wants to keep it.
pub(super) struct Place {
    folder: PathBuf,
    keeping: Keeping,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Forever,
    UntilTheEnd,
}

impl Place {
    /// Makes the folder `keep`, which must be new or empty, or a temporary one.
    pub(super) fn make(keep: Option<&Path>) -> Result<Self, Fault> {
        if let Some(folder) = keep {
            let empty = match std::fs::read_dir(folder) {
                Ok(mut entries) => entries.next().is_none(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    create(folder)?;
                    true
                }
                Err(error) => return Err(Fault::io("use", folder, &error)),
            };
            if !empty {
                let code = verifier::Code::new("output", "exists");
                let what = format!("{} is not empty", folder.display());
                return Err(Fault::new(code, "--keep", what, "Name a new folder with --keep DIR."));
            }
            let folder = folder.canonicalize().map_err(|error| Fault::io("use", folder, &error))?;
            return Ok(Self { folder, keeping: Keeping::Forever });
        }
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)
            .map_err(|error| Fault::machine("the system gives no random number", &error))?;
        let name = format!("minimodel-demo-{:016x}", u64::from_be_bytes(bytes));
        let folder = std::env::temp_dir().join(name);
        create(&folder)?;
        Ok(Self { folder, keeping: Keeping::UntilTheEnd })
    }

    /// The folder, if it stays.
    pub(super) fn kept(&self) -> Option<&Path> {
        (self.keeping == Keeping::Forever).then_some(self.folder.as_path())
    }

    /// The importer's data folder.
    pub(super) fn importer(&self) -> Result<PathBuf, Fault> {
        self.inner("importer")
    }

    /// A peer's data folder.
    pub(super) fn peer(&self, number: u8) -> Result<PathBuf, Fault> {
        self.inner(&format!("peer-{number}"))
    }

    /// Where the import goes.
    pub(super) fn out(&self) -> Result<PathBuf, Fault> {
        self.inner("out")
    }

    /// The sample model.
    pub(super) fn model(&self) -> PathBuf {
        self.folder.join("demo-model.slm")
    }

    /// Its manifest.
    pub(super) fn manifest(&self) -> PathBuf {
        self.folder.join("demo-model.manifest")
    }

    /// A peer's offer.
    pub(super) fn offer(&self, number: u8) -> PathBuf {
        self.folder.join(format!("peer-{number}.minimodel-offer"))
    }

    /// What a serving peer says to people.
    pub(super) fn log(&self, number: u8) -> PathBuf {
        self.folder.join(format!("peer-{number}.log"))
    }

    /// The import request.
    pub(super) fn request(&self) -> PathBuf {
        self.folder.join("import-request.json")
    }

    fn inner(&self, name: &str) -> Result<PathBuf, Fault> {
        let folder = self.folder.join(name);
        match folder.is_dir() {
            true => Ok(folder),
            false => create(&folder).map(|()| folder),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keeping == Keeping::UntilTheEnd {
            // Nothing more can be done about a temporary folder that does not go away.
            let _ok = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Makes a folder that only its owner may enter.
fn create(folder: &Path) -> Result<(), Fault> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Fault::io("create", folder, &error))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_temporary_place_goes_away_and_a_kept_one_stays() {
        let place = Place::make(None).unwrap();
        let inner = place.importer().unwrap();
        assert!(inner.is_dir() && place.kept().is_none());
        drop(place);
        assert!(!inner.exists());

        let folder = tempfile::tempdir().unwrap();
        let keep = folder.path().join("keep");
        let place = Place::make(Some(&keep)).unwrap();
        place.out().unwrap();
        drop(place);
        assert!(keep.join("out").is_dir());
        assert!(Place::make(Some(&keep)).is_err());
    }
}
