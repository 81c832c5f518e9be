//! The file system, as the store uses it.
//!
//! Whatever the store asks of a file or a folder, but for the files of sled, is asked here, so that
//! a test can make any of it fail ([`faults`]).

#[cfg(test)]
pub(crate) mod faults;
mod identity;

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use std::fs::{Metadata, TryLockError};

pub(crate) use identity::FileIdentity;

use crate::device::{self, Punched};
#[cfg(test)]
use faults::Watch;

/// The most that is asked to be copied in one go, in bytes.
const COPIED_AT_ONCE: usize = 64 << 20;

/// What ends the name of a file that is not yet in its place.
const TEMPORARY: &str = ".new";

/// What is asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Open,
    Read,
    Write,
    Clone,
    Sync,
    SyncFolder,
    Rename,
    Link,
    Remove,
    MakeFolder,
    Lock,
}

/// Nothing fails on purpose outside tests.
#[cfg(not(test))]
#[derive(Debug)]
struct Watch;

#[cfg(not(test))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the one of tests can fail")]
impl Watch {
    const fn over(_path: &Path) -> Self {
        Self
    }

    const fn ask(&self, _op: Op) -> io::Result<()> {
        Ok(())
    }

    const fn read_at(&self, _offset: u64, _length: usize) -> io::Result<()> {
        Ok(())
    }

    /// How many of so many bytes are to be written, and what is said then.
    const fn write(&self, _file: &fs::File, length: usize) -> (usize, io::Result<()>) {
        (length, Ok(()))
    }

    /// The same of bytes that are written from `offset` on.
    const fn write_at(&self, _op: Op, _offset: u64, length: usize) -> (usize, io::Result<()>) {
        (length, Ok(()))
    }

    const fn sync(&self, _op: Op, _file: &fs::File) -> io::Result<()> {
        Ok(())
    }
}

/// An open file.
///
/// Once a sync of it has failed every later one does: the system may take for written what it could
/// not write, and would say yes the next time.
#[derive(Debug)]
pub(crate) struct File {
    file: fs::File,
    has_failed: AtomicBool,
    watch: Watch,
}

impl File {
    /// Opens a file to read it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::with(path, OpenOptions::new().read(true))
    }

    /// Opens a file that is there to read and change it.
    pub(crate) fn change(path: &Path) -> io::Result<Self> {
        Self::with(path, OpenOptions::new().read(true).write(true))
    }

    /// Opens a file to read and change it; makes it, readable by the owner only, if there is none.
    pub(crate) fn open_or_make(path: &Path) -> io::Result<Self> {
        Self::with(path, private().read(true).create(true).truncate(false))
    }

    /// Makes a file that is not there, readable by the owner only.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        Self::with(path, private().read(true).create_new(true))
    }

    /// Makes a file that is not there, as the user's programs make theirs.
    pub(crate) fn make_public(path: &Path) -> io::Result<Self> {
        Self::with(path, OpenOptions::new().read(true).write(true).create_new(true))
    }

    fn with(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let watch = Watch::over(path);
        watch.ask(Op::Open)?;
        Ok(Self { file: options.open(path)?, has_failed: AtomicBool::new(false), watch })
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Fills `into` from `offset` on.
    pub(crate) fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.watch.read_at(offset, into.len())?;
        device::read_at(&self.file, into, offset)
    }

    /// The same if that waits for no disk; whether it did. Why it did not, [`Self::read_at`] tells.
    pub(crate) fn read_in_memory_at(&self, into: &mut [u8], offset: u64) -> bool {
        let asked = self.watch.read_at(offset, into.len());
        asked.is_ok() && device::read_in_memory_at(&self.file, into, offset)
    }

    /// Writes all of the bytes from `offset` on.
    pub(crate) fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let (length, then) = self.watch.write_at(Op::Write, offset, bytes.len());
            let written =
                device::write_at(&self.file, bytes.get(..length).unwrap_or(bytes), offset);
            then?;
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Copies so many bytes from `offset` on to another file, without reading them where the system
    /// can, and sharing their blocks where the file system does.
    pub(crate) fn copy_to(
        &self,
        mut offset: u64,
        other: &Self,
        mut there: u64,
        mut length: u64,
    ) -> io::Result<()> {
        while length > 0 {
            let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(COPIED_AT_ONCE);
            self.watch.read_at(offset, wanted)?;
            let (wanted, then) = other.watch.write_at(Op::Clone, there, wanted);
            let copied = device::copy(&self.file, offset, &other.file, there, wanted);
            then?;
            match copied? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                copied => {
                    let copied = copied as u64;
                    (offset, there, length) =
                        (offset + copied, there + copied, length.saturating_sub(copied));
                }
            }
        }
        Ok(())
    }

    /// Whether the other file can share what this one has.
    pub(crate) fn can_clone_to(&self, other: &Self) -> bool {
        other.watch.ask(Op::Clone).is_ok() && device::can_clone(&self.file, &other.file)
    }

    /// Where the file has data, as ranges of bytes; all of it where that is not known.
    pub(crate) fn data(&self) -> io::Result<Vec<Range<u64>>> {
        Ok(device::data(&self.file, self.len()?))
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        self.watch.ask(Op::Write)?;
        self.file.set_len(length)
    }

    pub(crate) fn sync_data(&self) -> io::Result<()> {
        self.sync(fs::File::sync_data)
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.sync(fs::File::sync_all)
    }

    fn sync(&self, sync: impl FnOnce(&fs::File) -> io::Result<()>) -> io::Result<()> {
        if self.has_failed.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier sync of this file failed"));
        }
        let synced = self.watch.sync(Op::Sync, &self.file).and_then(|()| sync(&self.file));
        if synced.is_err() {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        synced
    }

    pub(crate) fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    pub(crate) fn try_lock(&self) -> Result<(), TryLockError> {
        self.watch.ask(Op::Lock).map_err(TryLockError::Error)?;
        self.file.try_lock()
    }

    /// Gives back the bytes from `offset` on, if the file system can; whether it did.
    pub(crate) fn punch(&self, offset: u64, length: u64) -> io::Result<Punched> {
        self.watch.ask(Op::Write)?;
        device::punch(&self.file, offset, length)
    }
}

impl Read for &File {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.watch.ask(Op::Read)?;
        (&self.file).read(into)
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (length, then) = self.watch.write(&self.file, bytes.len());
        let written = (&self.file).write(bytes.get(..length).unwrap_or(bytes));
        then.and(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&self.file).seek(to)
    }
}

/// Makes a folder that only its owner can look into; what is above it must be there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    Watch::over(path).ask(Op::MakeFolder)?;
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a folder and those above it that are missing, as the user's programs make theirs.
pub(crate) fn make_folders(path: &Path) -> io::Result<()> {
    Watch::over(path).ask(Op::MakeFolder)?;
    fs::create_dir_all(path)
}

/// Gives a file or folder another name, in the place of a file that has it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    Watch::over(to).ask(Op::Rename)?;
    fs::rename(from, to)
}

/// Lets the owner read the file, and change it or not. Where files have no modes, nothing is done.
pub(crate) fn set_mode(path: &Path, may: May) -> io::Result<()> {
    Watch::over(path).ask(Op::Rename)?;
    device::set_mode(path, if may == May::Change { 0o600 } else { 0o400 })
}

/// What the owner may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    Read,
    Change,
}

/// Gives a file one more name.
pub(crate) fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    Watch::over(to).ask(Op::Link)?;
    fs::hard_link(from, to)
}

/// Removes a file; whether there was one.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    let removed = Watch::over(path).ask(Op::Remove).and_then(|()| fs::remove_file(path));
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

/// Removes a folder and all in it.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    Watch::over(path).ask(Op::Remove)?;
    fs::remove_dir_all(path)
}

/// All bytes of a file; `None` if it is not there. One of more than `limit` is an error,
/// [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}

/// The same of a file that is worth nothing when it is too long: as if it were not there.
pub(crate) fn read_fitting(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match read(path, limit) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
        outcome => outcome,
    }
}

/// Puts a whole file, readable by its owner only, in the place of another one.
///
/// It is written aside under a name that no other writer has, synced and renamed, and its folder
/// synced: at each moment, and after a crash at each, the old file is there or the new one.
pub(crate) fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}-{}{TEMPORARY}", unique_name()?));
    let written = File::make(&aside)
        .and_then(|file| {
            parts.iter().try_for_each(|part| (&file).write_all(part))?;
            file.sync_all()
        })
        .and_then(|()| rename(&aside, path));
    if let Err(error) = written {
        // What cannot be removed now is swept by the next start.
        drop(remove(&aside));
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes what [`replace`] left in a folder when it was cut off. Nobody may be replacing a file
/// there whose name begins so. Nobody is kept from starting by what cannot be swept: that is logged.
pub(crate) fn sweep(folder: &Path, beginning: &str) {
    sweep_with(|| Ok(()), folder, beginning);
}

/// The same of a file that is only replaced under a lock, which is taken if something is left.
pub(crate) fn sweep_under<L>(lock: impl FnOnce() -> io::Result<L>, path: &Path) {
    let beginning = format!("{}-", path.file_name().unwrap_or_default().to_string_lossy());
    if let Some(folder) = path.parent() {
        sweep_with(lock, folder, &beginning);
    }
}

fn sweep_with<L>(lock: impl FnOnce() -> io::Result<L>, folder: &Path, beginning: &str) {
    let swept = match left(folder, beginning) {
        Ok(left) if left.is_empty() => return,
        // Somebody may have given it its name until the lock was had.
        Ok(_) => lock().and_then(|_locked| {
            left(folder, beginning)?.iter().try_for_each(|path| remove(path).map(drop))
        }),
        Err(error) => Err(error),
    };
    if let Err(error) = swept
        && error.kind() != io::ErrorKind::ReadOnlyFilesystem
    {
        tracing::warn!(%error, "cannot remove what a process that broke off left");
    }
}

/// What [`replace`] left in a folder of files whose names begin so.
fn left(folder: &Path, beginning: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut left = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let is_left = name.to_str().is_some_and(|name| {
            name.strip_prefix('.').is_some_and(|name| name.starts_with(beginning))
                && name.ends_with(TEMPORARY)
        });
        if is_left {
            left.push(folder.join(name));
        }
    }
    Ok(left)
}

/// Makes sure that names made or removed in the folder survive a crash.
///
/// Some file systems know no such sync. That is no failure, since nothing more can be done there;
/// it is logged, once.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    static TOLD: Once = Once::new();
    match Watch::over(folder).ask(Op::SyncFolder).and_then(|()| device::sync_folder(folder)) {
        Err(error) if device::cannot_sync(&error) => {
            TOLD.call_once(|| {
                tracing::warn!(%error, "this file system cannot sync folders: a power cut may lose names");
            });
            Ok(())
        }
        outcome => outcome,
    }
}

/// Whether a disk says that it is full, or that it may only be read: what is there can be read all
/// the same.
pub(crate) fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
}

/// Sixteen random hexadecimal digits, for a name that nothing else has.
pub(crate) fn unique_name() -> io::Result<String> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!("{number:016x}"))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests;
