//! Everything that an installation has on disk, opened together.

use std::io;
use std::path::Path;
use std::sync::Arc;

use app::ports::JournalError;
use app::settings::{Settings, SettingsError};

use crate::error::{At as _, OpenError, StoreError};
use crate::files::{self, File};
use crate::{Journal, Layout, Outputs, Store};

/// The disk of one installation. One process has it open at a time.
#[derive(Debug)]
pub struct Disk {
    /// The library.
    pub store: Arc<Store>,
    /// Where finished artifacts go.
    pub outputs: Arc<Outputs>,
    /// Consents and transfers.
    pub journal: Arc<Journal>,
    /// What the user should be told of how it was opened, as whole sentences.
    pub notices: Vec<String>,
}

impl Disk {
    /// Opens all of it, and tidies up after a process that broke off; `program` is what a second
    /// process is told has it.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; [`OpenError::Lock`] if another process has it.
    pub fn open(data: &Path, program: &str) -> Result<Self, OpenError> {
        let store = Store::open(data, program)?;
        let layout = Layout::new(data);
        files::sweep_under(|| lock_settings(&layout), &layout.settings());
        let outputs = Outputs::new(&store);
        let mut notices = store.notices().to_vec();
        let drafts = layout.drafts();
        let removed = outputs.recover().map_err(|error| StoreError::io(&drafts, error))?;
        notices.extend(
            removed.iter().map(|path| {
                format!("Removed {}, left by an import that broke off.", path.display())
            }),
        );
        let journal = Journal::open(&layout)?;
        Ok(Self {
            store: Arc::new(store),
            outputs: Arc::new(outputs),
            journal: Arc::new(journal),
            notices,
        })
    }
}

/// Why settings cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsFileError {
    /// A value is not one that can be set.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] StoreError),
}

/// Reads the settings of an installation; those it was made with if none were kept.
///
/// # Errors
///
/// [`SettingsFileError`] if the file cannot be read, or holds what cannot be set.
pub fn load_settings(layout: &Layout) -> Result<Settings, SettingsFileError> {
    let limit = Settings::MAX_BYTES as u64;
    let path = layout.settings();
    match files::read(&path, limit) {
        Ok(Some(bytes)) => Ok(Settings::read(&bytes)?),
        Ok(None) => Ok(Settings::default()),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(SettingsError::TooLarge.into())
        }
        Err(error) => Err(StoreError::io(&path, error).into()),
    }
}

/// Changes the settings of an installation as they are on the disk at this moment, and gives them;
/// what was there is replaced whole or not at all.
///
/// Several processes change the same settings: each sees what the one before it wrote. What cannot
/// be read is left as it is.
///
/// # Errors
///
/// [`SettingsFileError`] if what is there cannot be read, a value cannot be, or the disk fails.
pub fn change_settings(
    layout: &Layout,
    change: impl FnOnce(&Settings) -> Settings,
) -> Result<Settings, SettingsFileError> {
    layout.create_root().map_err(OpenError::from).map_err(|error| match error {
        OpenError::Failed(error) => error,
        other => StoreError::io(layout.root(), io::Error::other(other)),
    })?;
    let _locked = lock_settings(layout).at(&layout.settings_lock())?;
    let settings = change(&load_settings(layout)?);
    let path = layout.settings();
    files::replace(&path, &[&settings.write()?]).at(&path)?;
    Ok(settings)
}

/// Keeps others from changing the settings until it is dropped.
fn lock_settings(layout: &Layout) -> io::Result<File> {
    let lock = File::open_or_make(&layout.settings_lock())?;
    lock.lock()?;
    Ok(lock)
}

impl From<JournalError> for OpenError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

#[cfg(test)]
mod tests {
    use app::settings::{Settings, Theme};

    use super::{Disk, change_settings, load_settings, lock_settings};
    use crate::Layout;

    #[test]
    fn settings_are_kept_and_a_broken_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        assert_eq!(load_settings(&layout).unwrap(), Settings::default());
        let dark = Settings { theme: Theme::Dark, ..Settings::default() };
        assert_eq!(change_settings(&layout, |_| dark.clone()).unwrap(), dark);
        assert_eq!(load_settings(&layout).unwrap(), dark);
        let wrong = |now: &Settings| Settings { text_percent: 1, ..now.clone() };
        assert!(change_settings(&layout, wrong).is_err());
        assert_eq!(load_settings(&layout).unwrap(), dark);
        std::fs::write(layout.settings(), "no settings").unwrap();
        assert!(load_settings(&layout).is_err());
        assert!(change_settings(&layout, Settings::clone).is_err());
        assert_eq!(std::fs::read(layout.settings()).unwrap(), b"no settings");
        std::fs::write(layout.settings(), vec![b' '; Settings::MAX_BYTES + 1]).unwrap();
        assert!(load_settings(&layout).is_err());
        assert!(change_settings(&layout, Settings::clone).is_err());
    }

    #[test]
    fn what_was_left_aside_by_whom_a_crash_cut_off_is_swept_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        drop(Disk::open(layout.root(), "test").unwrap());
        let locks = [layout.settings_lock(), layout.consent_log(), layout.transfers_log()];
        assert!(!locks.iter().any(|lock| lock.exists()), "no lock is made where nothing is left");
        let replaced = [
            layout.settings(),
            layout.book(),
            layout.book_mark(),
            layout.consent_used(),
            layout.transfers_log(),
            layout.artifacts().join("a.manifest"),
        ];
        let aside = replaced.map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            path.with_file_name(format!(".{name}-1.new"))
        });
        aside.iter().for_each(|left| std::fs::write(left, "half").unwrap());
        // Somebody is about to rename it.
        let settings = lock_settings(&layout).unwrap();
        std::thread::scope(|scope| {
            let opened = scope.spawn(|| Disk::open(layout.root(), "test").unwrap());
            std::fs::rename(&aside[0], layout.settings()).unwrap();
            drop(settings);
            opened.join().unwrap();
        });
        assert_eq!(std::fs::read(layout.settings()).unwrap(), b"half");
        assert!(!aside.iter().any(|left| left.exists()));
    }

    #[test]
    fn changes_that_several_make_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let count = |settings: &Settings| settings.connections + 1;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..8 {
                        let more =
                            |now: &Settings| Settings { connections: count(now), ..now.clone() };
                        change_settings(&layout, more).unwrap();
                    }
                });
            }
        });
        let made = Settings::default().connections;
        assert_eq!(load_settings(&layout).unwrap().connections, made + 32);
    }
}
