//! Every path under the data folder.

use std::io;
use std::path::{Path, PathBuf};

use verifier::Sha256;

use crate::files::{self, File};

/// What the version file of a library of this program says.
pub(crate) const VERSION: &[u8] = b"1\n";

/// Where everything lies under one data folder.
///
/// Making the value touches no file; [`Layout::create`] makes the folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Something else than a folder has the name.
    #[error("data folder {} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A folder was there and is gone, or is a symlink to nowhere: a disk may be unplugged.
    #[error("data folder {} is gone", .0.display())]
    Lost(PathBuf),
    /// It cannot be seen what is there.
    #[error("{} cannot be looked at", path.display())]
    NotReadable {
        /// What was looked for.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The library is of before the first release, which kept pieces otherwise. Nothing was touched.
    #[error(
        "the library in {} was written by a version before 0.1, in packs, which this one does not \
         read",
        .0.display()
    )]
    Packs(PathBuf),
    /// The library is of a later version of this program. Nothing was touched.
    #[error("the library in {} is of version {version}, which this program does not know", path.display())]
    Newer {
        /// The folder of the library.
        path: PathBuf,
        /// What its version file says.
        version: String,
    },
    /// The file that says of which version the library is says none. Nothing was touched.
    #[error("{} does not say of which version the library is", .0.display())]
    VersionDamaged(PathBuf),
    /// The folder cannot be made, or nothing can be written in it.
    #[error("data folder {} cannot be written", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

impl Layout {
    /// Takes the data folder's path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes every folder that is missing, for the owner's eyes only, and tries a write, without
    /// which a library that is there can still be looked at.
    ///
    /// # Errors
    ///
    /// As [`Self::create_root`], and [`LayoutError::Packs`] or [`LayoutError::Newer`] of a library
    /// that is not one of this version.
    pub fn create(&self) -> Result<(), LayoutError> {
        match self.create_root() {
            // What is there can be looked at.
            Err(LayoutError::NotWritable { source, .. })
                if files::is_unwritable(&source) && self.version().exists() => {}
            made => made?,
        }
        self.check_version()?;
        for folder in [self.store(), self.artifacts(), self.drafts()] {
            is_there(&folder, files::make_folder(&folder))?;
        }
        Ok(())
    }

    /// Makes the data folder alone if it is missing, for the owner's eyes only, and tries a write:
    /// for a key or settings that are there before any library.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] if the data folder is a file, leads nowhere, or cannot be written.
    pub fn create_root(&self) -> Result<(), LayoutError> {
        match self.root.metadata() {
            Ok(found) if !found.is_dir() => {
                return Err(LayoutError::NotAFolder(self.root.clone()));
            }
            Err(_) if self.root.symlink_metadata().is_ok() => {
                return Err(LayoutError::Lost(self.root.clone()));
            }
            _ => {}
        }
        if let Some(parent) = self.root.parent() {
            is_there(parent, files::make_folders(parent))?;
        }
        is_there(&self.root, files::make_folder(&self.root))?;
        self.try_write()
            .map_err(|source| LayoutError::NotWritable { path: self.root.clone(), source })
    }

    /// Checks that the data folder is still there, for a program that has been running.
    ///
    /// # Errors
    ///
    /// [`LayoutError::Lost`] or [`LayoutError::NotAFolder`].
    pub fn check(&self) -> Result<(), LayoutError> {
        match self.root.metadata() {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(LayoutError::NotAFolder(self.root.clone())),
            Err(_) => Err(LayoutError::Lost(self.root.clone())),
        }
    }

    /// Whether there is a library, or what is left of one; looking makes none.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] if the data folder is a file, or cannot be looked into: what is not seen is
    /// not absent.
    pub fn has_library(&self) -> Result<bool, LayoutError> {
        if self.root.is_file() {
            return Err(LayoutError::NotAFolder(self.root.clone()));
        }
        for path in [self.store(), self.book()] {
            match path.metadata() {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(LayoutError::NotReadable { path, source }),
            }
        }
        Ok(false)
    }

    /// The data folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The installation's secret key.
    pub fn identity_key(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    /// The consent log.
    pub fn consent_log(&self) -> PathBuf {
        self.root.join("consent.log")
    }

    /// How many bytes have moved under each grant.
    pub fn consent_used(&self) -> PathBuf {
        self.root.join("consent.used")
    }

    /// The record of transfers.
    pub fn transfers_log(&self) -> PathBuf {
        self.root.join("transfers.log")
    }

    /// What the user set.
    pub fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    /// The file that is locked while the settings are changed.
    pub(crate) fn settings_lock(&self) -> PathBuf {
        self.root.join("settings.lock")
    }

    /// The peers this installation is paired with, and the quota.
    pub fn book(&self) -> PathBuf {
        self.root.join("book.json")
    }

    /// What says that they were written down once, so that their loss is seen.
    pub(crate) fn book_mark(&self) -> PathBuf {
        self.store().join("book-was-written")
    }

    /// Whether a library that is there is one that this program can use.
    fn check_version(&self) -> Result<(), LayoutError> {
        let store = self.store();
        let not_readable = |source| LayoutError::NotReadable { path: self.version(), source };
        let found = match files::read(&self.version(), 64) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Some(Vec::new()),
            found => found.map_err(not_readable)?,
        };
        match found.as_deref().map(<[u8]>::trim_ascii) {
            None if ["packs", "manifests"].iter().any(|folder| store.join(folder).exists()) => {
                Err(LayoutError::Packs(store))
            }
            None => Ok(()),
            Some(version) if version == VERSION.trim_ascii() => Ok(()),
            Some(version) if !version.is_empty() && version.iter().all(u8::is_ascii_digit) => {
                let version = String::from_utf8_lossy(version).into_owned();
                Err(LayoutError::Newer { path: store, version })
            }
            Some(_) => Err(LayoutError::VersionDamaged(self.version())),
        }
    }

    /// The folder of everything that one process owns at a time.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The file whose lock says which process owns the store.
    pub fn lock(&self) -> PathBuf {
        self.store().join("lock")
    }

    /// The index's folder; sled makes it.
    pub fn index(&self) -> PathBuf {
        self.store().join("index")
    }

    /// The file that says of which version the library is; made last.
    pub(crate) fn version(&self) -> PathBuf {
        self.store().join("version")
    }

    /// What the file system was found to be able to.
    pub(crate) fn abilities(&self) -> PathBuf {
        self.store().join("abilities.json")
    }

    /// The artifacts that may have been written since the library was last known to be in order.
    pub(crate) fn busy(&self) -> PathBuf {
        self.store().join("busy")
    }

    /// The folder of the artifacts and of what belongs to each.
    pub fn artifacts(&self) -> PathBuf {
        self.store().join("artifacts")
    }

    /// The manifest of this artifact.
    pub fn manifest(&self, artifact: Sha256) -> PathBuf {
        self.of(artifact, "manifest")
    }

    /// What belongs to this artifact and has this ending.
    pub(crate) fn of(&self, artifact: Sha256, ending: &str) -> PathBuf {
        let text = artifact.to_string();
        let hex = text.strip_prefix("sha256:").unwrap_or(&text);
        self.artifacts().join(format!("{hex}.{ending}"))
    }

    /// The folder of notes on outputs that have no final name yet.
    pub fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }

    /// Tries whether anything can be written in the data folder.
    pub(crate) fn try_write(&self) -> io::Result<()> {
        let probe = self.root.join(format!(".probe-{}.new", files::unique_name()?));
        drop(File::make(&probe)?);
        files::remove(&probe).map(drop)
    }
}

/// A folder that was there before is as good as one that was made.
fn is_there(path: &Path, made: io::Result<()>) -> Result<(), LayoutError> {
    match made {
        Ok(()) => Ok(()),
        Err(_) if path.is_dir() || path.as_os_str().is_empty() => Ok(()),
        Err(source) => Err(LayoutError::NotWritable { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use app::Blamed as _;

    use super::{Layout, LayoutError};

    #[test]
    fn the_folders_are_made_and_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("a/data"));
        layout.create_root().unwrap();
        assert!(
            layout.root().is_dir() && !layout.has_library().unwrap(),
            "a key alone is no library"
        );
        layout.create().unwrap();
        assert!(layout.has_library().unwrap());
        layout.create().unwrap();
        for made in [layout.artifacts(), layout.drafts()] {
            assert!(made.is_dir());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(&made).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o700);
            }
        }
        assert!(!layout.index().exists());
    }

    #[test]
    fn a_file_in_the_folders_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, "").unwrap();
        let error = Layout::new(&path).create().unwrap_err();
        assert!(matches!(error, LayoutError::NotAFolder(at) if at == path));
        let error = Layout::new(path.join("below")).create().unwrap_err();
        assert!(matches!(error, LayoutError::NotWritable { .. }), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_looked_into_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Layout::new(folder.path().join("none")).has_library().unwrap());
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let error = Layout::new(&circle).has_library().unwrap_err();
        assert!(
            matches!(&error, LayoutError::NotReadable { path, .. } if path.starts_with(&circle))
        );
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = Layout::new(folder.path().join("file")).has_library().unwrap_err();
        assert!(matches!(error, LayoutError::NotAFolder(_)), "{error:?}");
    }

    #[test]
    fn a_folder_that_went_away_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        layout.create().unwrap();
        layout.check().unwrap();
        std::fs::remove_dir_all(layout.root()).unwrap();
        assert!(matches!(layout.check(), Err(LayoutError::Lost(_))));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", layout.root()).unwrap();
            assert!(matches!(layout.create(), Err(LayoutError::Lost(_))));
        }
    }

    #[test]
    fn a_newer_library_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        std::fs::create_dir(layout.store()).unwrap();
        for text in ["2\n", "17", "", "one\n", "-1", &"1".repeat(65)] {
            std::fs::write(layout.version(), text).unwrap();
            let error = layout.create().unwrap_err();
            let is_number = text.starts_with(['2', '1']) && text.len() < 65;
            assert_eq!(matches!(error, LayoutError::Newer { .. }), is_number, "{text}: {error}");
            assert_eq!(matches!(error, LayoutError::VersionDamaged(_)), !is_number, "{text}");
            assert_eq!(std::fs::read_dir(layout.store()).unwrap().count(), 1);
            assert_eq!(std::fs::read_to_string(layout.version()).unwrap(), text);
        }
        for text in ["1", "1\n"] {
            std::fs::write(layout.version(), text).unwrap();
            layout.create().unwrap();
        }
    }

    #[test]
    fn a_library_of_packs_is_told_what_to_do() {
        for old in ["packs", "manifests"] {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout::new(folder.path());
            std::fs::create_dir_all(layout.store().join(old)).unwrap();
            let error = layout.create().unwrap_err();
            assert!(matches!(&error, LayoutError::Packs(at) if *at == layout.store()));
            let advice = crate::OpenError::from(error).advice().text().to_owned();
            assert!(advice.starts_with("Put the folder "), "{advice}");
            assert_eq!(std::fs::read_dir(layout.store()).unwrap().count(), 1);
        }
    }
}
