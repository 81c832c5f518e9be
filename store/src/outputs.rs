//! Final names for an artifact and its receipt, both or neither.
//!
//! An output grows under a hidden name in the folder where it will stay, and a note in the data
//! folder says so. The note outlives a crash, and the next start removes what it speaks of.

mod filling;
mod note;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use app::ports::{self, Failure, Named, OutputError, ReachError, ReserveError, Stem, Way};
use verifier::Sha256;
use verifier::artifact::VerifiedArtifact;
use verifier::receipt::Receipt;

use crate::device;
use crate::files::{self, File, FileIdentity, sync_folder};
use crate::layout::Layout;
use crate::places::Places;
use crate::quota;
use crate::shared::Shared;
use crate::store::Store;
use filling::Filling;
use note::Note;

pub(crate) use note::discard;

/// Puts outputs into the user's folders.
#[derive(Debug, Clone)]
pub struct Outputs {
    layout: Layout,
    library: Option<Arc<Shared>>,
}

/// An artifact that grows under a temporary name. Dropping it removes the file, unless the library has
/// its pieces in it.
#[derive(Debug)]
pub struct Draft {
    // Closed before the temporary files are removed.
    file: Arc<File>,
    /// Nothing has to come into an output that is the artifact's file.
    filling: Option<Filling>,
    temporary: Temporary,
}

/// Files that have no final name yet.
#[derive(Debug)]
struct Temporary {
    places: Places,
    owner: Owner,
}

/// Who looks after files that have no final name when a crash left them.
#[derive(Debug)]
enum Owner {
    /// The note about them, if there is a place for one; they go.
    Note(Option<Note>),
    /// The library: the first of them is an artifact's file, and stays.
    Library,
}

/// The artifact has not the length that it was verified with.
#[derive(Debug, thiserror::Error)]
#[error("the output has {found} bytes, not the {wanted} that were verified")]
struct LengthError {
    found: u64,
    wanted: u64,
}

/// The artifact was forgotten, or there is no library.
#[derive(Debug, thiserror::Error)]
#[error("the library has no artifact {0}")]
struct UnknownError(Sha256);

/// Somebody put another file in the output's place.
#[derive(Debug, thiserror::Error)]
#[error("the output was replaced while it was written")]
struct ReplacedError;

impl Outputs {
    /// Makes outputs of what this library has.
    pub fn new(store: &Store) -> Self {
        let library = store.shared();
        Self { layout: library.layout.clone(), library: Some(Arc::clone(library)) }
    }

    /// Writes files of their own only, such as receipts, where there may be no library; its notes go
    /// under this data folder, if there is one.
    pub const fn without_library(layout: Layout) -> Self {
        Self { layout, library: None }
    }

    /// Removes what a crash left: temporary files, and an artifact whose receipt was never placed.
    ///
    /// Call it at every start. Outputs in the making, of this or another process, are left alone,
    /// and so are those in folders that are not there now. Gives the files that were removed.
    ///
    /// # Errors
    ///
    /// What the disk said about the notes' folder; one output that cannot be removed does not
    /// keep the others from it.
    pub fn recover(&self) -> io::Result<Vec<PathBuf>> {
        note::recover(&self.layout.drafts())
    }

    /// The names of an output that is the file of an artifact which is being imported.
    fn outside(&self, artifact: Sha256) -> Option<Places> {
        let catalogue = self.library.as_ref()?.catalogue();
        let entry = catalogue.artifacts.get(&artifact)?;
        let is_output = entry.lease.as_ref().is_some_and(|lease| lease.is_output);
        entry.known.outside.clone().filter(|_| is_output)
    }

    fn start(&self, places: Places) -> io::Result<(File, Temporary)> {
        let note = match Note::write(&self.layout.drafts(), &places) {
            // What a crash leaves stays then; that is better than no output at all.
            Err(error) if files::is_unwritable(&error) => None,
            note => Some(note?),
        };
        open_temporary(places, note)
    }
}

impl ports::Outputs for Outputs {
    type Draft = Draft;

    fn check(&self, folder: &Path, stem: &Stem) -> Result<(), OutputError> {
        let folder = checked_folder(folder)?;
        check_free(&folder.join(stem.artifact()))?;
        check_free(&folder.join(stem.receipt()))?;
        device::check_writable(&folder).map_err(|source| failed(&folder, source))
    }

    fn has_room(&self, folder: &Path, bytes: u64) -> Result<(), ReserveError> {
        quota::room_for_output(self.library.as_deref(), folder, bytes)
    }

    fn check_file(&self, path: &Path) -> Result<(), OutputError> {
        let (folder, name) = checked_place(path)?;
        check_free(&folder.join(name))?;
        device::check_writable(&folder).map_err(|source| failed(&folder, source))
    }

    fn draft(&self, artifact: Sha256, folder: &Path, stem: &Stem) -> Result<Draft, OutputError> {
        self.check(folder, stem)?;
        let folder = checked_folder(folder)?;
        if let Some(places) = self.outside(artifact).filter(|places| places.folder() == folder) {
            let file = File::change(&places.main().0).map_err(|source| failed(&folder, source))?;
            let temporary = Temporary { places, owner: Owner::Library };
            return Ok(Draft { file: Arc::new(file), filling: None, temporary });
        }
        let (file, temporary) = Places::pair(&folder, stem)
            .and_then(|places| self.start(places))
            .map_err(|source| failed(&folder, source))?;
        let file = Arc::new(file);
        let library = self.library.clone();
        let filling =
            library.and_then(|library| Filling::new(library, artifact, &folder, Arc::clone(&file)));
        let filling = filling.ok_or_else(|| failed(&folder, UnknownError(artifact)))?;
        Ok(Draft { file, filling: Some(filling), temporary })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        let (folder, name) = checked_place(path)?;
        check_free(&folder.join(&name))?;
        let places = Places::single(&folder, name).map_err(|error| failed(&folder, error))?;
        // A receipt or a manifest can be written without a data folder, then without a note.
        let started = if self.layout.drafts().is_dir() {
            self.start(places)
        } else {
            open_temporary(places, None)
        };
        let (file, temporary) = started.map_err(|source| failed(&folder, source))?;
        (&file)
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|source| failed(&folder, source))?;
        temporary.place(&file)
    }
}

impl ports::Draft for Draft {
    fn reach(&mut self, frontier: u32) -> Result<(), ReachError> {
        self.filling.as_mut().map_or(Ok(()), |filling| filling.reach(frontier))
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Failure> {
        Ok(self.file.read_at(into, offset)?)
    }

    fn way(&self) -> Way {
        self.filling.as_ref().map_or(Way::Moved, Filling::way)
    }

    fn name(
        &mut self,
        artifact: &VerifiedArtifact,
        receipt: &Receipt,
    ) -> Result<Named, OutputError> {
        self.place(artifact.manifest().byte_count(), receipt.bytes())
    }
}

impl Draft {
    fn place(&self, wanted: u64, receipt: &[u8]) -> Result<Named, OutputError> {
        let Self { file, filling, temporary } = self;
        let places = &temporary.places;
        let folder = places.folder();
        let synced = || -> Result<(), Failure> {
            let found = file.len()?;
            let is_whole = filling.as_ref().is_none_or(Filling::is_whole);
            if found != wanted || !is_whole {
                return Err(LengthError { found, wanted }.into());
            }
            file.sync_all()?;
            if let Some((path, _)) = places.receipt() {
                // It may be there, if this is asked again.
                files::remove(&path)?;
                let file = File::make_public(&path)?;
                let written = (&file).write_all(receipt).and_then(|()| file.sync_all());
                // So that it can be made again.
                written.inspect_err(|_| drop(files::remove(&path)))?;
            }
            // An artifact without a receipt's temporary file would look finished to `recover`.
            Ok(sync_folder(folder)?)
        };
        synced().map_err(|source| failed(folder, source))?;
        let named = Named {
            artifact: places.main().1,
            receipt: places.receipt().map(|(_, path)| path).unwrap_or_default(),
        };
        temporary.place(file)?;
        Ok(named)
    }
}

impl Temporary {
    /// Gives the files their final names, all or none; `file` is what the first must turn out to be.
    fn place(&self, file: &File) -> Result<(), OutputError> {
        let folder = checked_folder(self.places.folder())?;
        let (from, main) = self.places.main();
        give_name(&from, &main)?;
        let placed = place_rest(&self.places, file);
        if placed.is_err() {
            // `main` is free of anything but this output: the move above does not overwrite. What was
            // moved by a rename has no other name.
            drop(match self.owner {
                Owner::Library if FileIdentity::at(&from).is_none() => files::rename(&main, &from),
                _ => files::remove(&main).map(drop),
            });
            drop(sync_folder(&folder));
        }
        placed
    }
}

fn place_rest(places: &Places, file: &File) -> Result<(), OutputError> {
    let folder = places.folder();
    let (_, main) = places.main();
    let ours = FileIdentity::of_open(file).map_err(|source| failed(folder, source))?;
    if FileIdentity::at(&main) != Some(ours) {
        return Err(failed(folder, ReplacedError));
    }
    let receipt = places.receipt();
    if let Some((from, to)) = &receipt {
        give_name(from, to)?;
    }
    sync_folder(folder).map_err(|source| {
        if let Some((_, to)) = &receipt {
            drop(files::remove(to));
        }
        failed(folder, source)
    })
}

impl Drop for Temporary {
    fn drop(&mut self) {
        match &mut self.owner {
            Owner::Library => {
                let (hidden, main) = self.places.main();
                let hidden = FileIdentity::at(&hidden);
                // What was not named, or was undone, only has a receipt that waits.
                let is_unnamed = hidden.is_some() && FileIdentity::at(&main) != hidden;
                if let Some((waiting, _)) = self.places.receipt().filter(|_| is_unnamed) {
                    drop(files::remove(&waiting));
                } else if let Err(error) = self.places.settle() {
                    tracing::warn!(%error, "an output is not in order, and looked at by the next start");
                }
            }
            Owner::Note(note) => {
                let removed = self.places.remove_temporary();
                if let Some(note) = note.take().filter(|_| removed.is_ok()) {
                    drop(sync_folder(self.places.folder()));
                    note.remove();
                }
            }
        }
    }
}

fn open_temporary(places: Places, note: Option<Note>) -> io::Result<(File, Temporary)> {
    let temporary = Temporary { places, owner: Owner::Note(note) };
    let (path, _) = temporary.places.main();
    let file = File::make_public(&path)?;
    Ok((file, temporary))
}

/// Gives a file a name that is free, and fails if it is not.
fn give_name(from: &Path, to: &Path) -> Result<(), OutputError> {
    match files::hard_link(from, to) {
        // The temporary name goes away with the rest of what is temporary.
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(OutputError::Exists(to.to_owned()))
        }
        Err(_) => move_by_rename(from, to),
    }
}

/// The same on file systems that have no hard links: an empty file reserves the name.
fn move_by_rename(from: &Path, to: &Path) -> Result<(), OutputError> {
    let folder = to.parent().unwrap_or(to);
    match File::make_public(to) {
        Ok(reserved) => drop(reserved),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(OutputError::Exists(to.to_owned()));
        }
        Err(error) => return Err(failed(folder, error)),
    }
    files::rename(from, to).map_err(|source| {
        drop(files::remove(to));
        failed(folder, source)
    })
}

/// A file's folder, as [`checked_folder`] finds it, and its name.
fn checked_place(path: &Path) -> Result<(PathBuf, OsString), OutputError> {
    let name = path.file_name().ok_or_else(|| OutputError::Unsafe(path.to_owned()))?;
    let folder = checked_folder(path.parent().unwrap_or(Path::new("")))?;
    Ok((folder, name.to_owned()))
}

/// The folder's absolute path, if it is a folder and not a symlink.
pub(crate) fn checked_folder(folder: &Path) -> Result<PathBuf, OutputError> {
    let refused = || OutputError::Unsafe(folder.to_owned());
    // With a slash or a dot at the end, the system would look behind a symlink.
    let mut plain: PathBuf =
        folder.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if plain.as_os_str().is_empty() {
        plain.push(".");
    }
    let found = plain.symlink_metadata().map_err(|_| refused())?;
    if !found.is_dir() {
        return Err(refused());
    }
    std::path::absolute(&plain).map_err(|source| failed(folder, source))
}

fn check_free(path: &Path) -> Result<(), OutputError> {
    match path.symlink_metadata() {
        Ok(_) => Err(OutputError::Exists(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(path.parent().unwrap_or(path), source)),
    }
}

fn failed(folder: &Path, source: impl Into<Failure>) -> OutputError {
    OutputError::Failed { folder: folder.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests;
