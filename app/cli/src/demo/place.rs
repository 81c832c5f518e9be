//! The folder that a demo plays in.

use std::path::{Path, PathBuf};

use app::scratch::{Scratch, create};

use crate::fault::Fault;

/// The demo's folder, removed at the end unless the user wants to keep it.
pub(super) enum Place {
    Kept(PathBuf),
    UntilTheEnd(Scratch),
}

impl Place {
    /// Makes the folder `keep`, which must be new or empty, or a temporary one.
    pub(super) fn make(keep: Option<&Path>) -> Result<Self, Fault> {
        if let Some(folder) = keep {
            let empty = match std::fs::read_dir(folder) {
                Ok(mut entries) => entries.next().is_none(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    create(folder).map_err(|error| Fault::io("create", folder, &error))?;
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
            return Ok(Self::Kept(folder));
        }
        Scratch::make("demo")
            .map(Self::UntilTheEnd)
            .map_err(|error| Fault::io("create a folder in", &std::env::temp_dir(), &error))
    }

    /// The folder, if it stays.
    pub(super) fn kept(&self) -> Option<&Path> {
        match self {
            Self::Kept(folder) => Some(folder),
            Self::UntilTheEnd(_) => None,
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::UntilTheEnd(scratch) => scratch.folder(),
        }
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

    /// The data folder of one of several importers.
    pub(super) fn importer_of(&self, number: u8) -> Result<PathBuf, Fault> {
        self.inner(&format!("importer-{number}"))
    }

    /// Where its import goes.
    pub(super) fn out_of(&self, number: u8) -> Result<PathBuf, Fault> {
        self.inner(&format!("out-{number}"))
    }

    /// One of its files.
    pub(super) fn file_of(&self, number: u8, kind: &str) -> PathBuf {
        self.folder().join(format!("importer-{number}.{kind}"))
    }

    /// The sample model.
    pub(super) fn model(&self) -> PathBuf {
        self.folder().join("demo-model.slm")
    }

    /// Its manifest.
    pub(super) fn manifest(&self) -> PathBuf {
        self.folder().join("demo-model.manifest")
    }

    /// A peer's offer.
    pub(super) fn offer(&self, number: u8) -> PathBuf {
        self.folder().join(format!("peer-{number}.minimodel-offer"))
    }

    /// What a serving peer says to people.
    pub(super) fn log(&self, number: u8) -> PathBuf {
        self.folder().join(format!("peer-{number}.log"))
    }

    /// The import request.
    pub(super) fn request(&self) -> PathBuf {
        self.folder().join("import-request.json")
    }

    fn inner(&self, name: &str) -> Result<PathBuf, Fault> {
        let folder = self.folder().join(name);
        match folder.is_dir() {
            true => Ok(folder),
            false => match create(&folder) {
                Ok(()) => Ok(folder),
                Err(error) => Err(Fault::io("create", &folder, &error)),
            },
        }
    }
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
