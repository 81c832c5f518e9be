//! Notes on outputs that have no final name yet, on disk.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::files::{self, File, sync_folder};
use crate::places::Places;

/// The longest note, in bytes.
const MAX_NOTE: u64 = 65_536;

/// A note in the data folder, locked while its output is in the making.
#[derive(Debug)]
pub(super) struct Note {
    path: PathBuf,
    _file: File,
}

impl Note {
    /// Writes the note; done when it would survive a crash.
    pub(super) fn write(drafts: &Path, places: &Places) -> io::Result<Self> {
        // A data folder that went away is not made anew here.
        match files::make_folder(drafts) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = drafts.join(places.key());
        let file = File::make(&path)?;
        let written = (|| {
            file.lock()?;
            (&file).write_all(&places.encode())?;
            file.sync_all()?;
            sync_folder(drafts)
        })();
        let note = Self { path, _file: file };
        match written {
            Ok(()) => Ok(note),
            Err(error) => {
                note.remove();
                Err(error)
            }
        }
    }

    /// Removes the note, when nothing of what it speaks of is left.
    pub(super) fn remove(self) {
        // One that stays behind speaks of files that are gone; `recover` removes it.
        drop(files::remove(&self.path));
    }
}

/// Removes what has no final name of an output; what cannot be removed now is by a later start.
pub(crate) fn discard(drafts: &Path, places: &Places) -> io::Result<()> {
    let removed = match places.folder().is_dir() {
        true => places.remove_temporary().and_then(|_| sync_folder(places.folder())),
        // Its disk may be plugged in again.
        false => Err(io::ErrorKind::NotFound.into()),
    };
    let noted = match removed {
        Ok(()) => return Ok(()),
        Err(_) => Note::write(drafts, places).map(drop),
    };
    noted.or_else(
        |error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) },
    )
}

/// Goes through the notes that no process is at, and gives the files that were removed.
pub(super) fn recover(drafts: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match drafts.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut removed = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Err(error) = recover_one(&path, &mut removed) {
            tracing::warn!(%error, "cannot remove what a crash left of an output");
        }
    }
    Ok(removed)
}

fn recover_one(path: &Path, removed: &mut Vec<PathBuf>) -> io::Result<()> {
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    (&file).take(MAX_NOTE).read_to_end(&mut bytes)?;
    // A note that was cut short was written before its output was begun.
    if let Some(places) = Places::decode(&bytes) {
        if !places.folder().is_dir() {
            // Its disk may be plugged in again.
            return Ok(());
        }
        if let Some(half) = places.half() {
            files::remove(&half)?;
            removed.push(half);
        }
        removed.extend(places.remove_temporary()?);
        sync_folder(places.folder())?;
    }
    files::remove(path).map(drop)
}
