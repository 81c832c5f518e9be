//! What is known of an output that has no final name yet, on disk too.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use app::ports::Stem;

use crate::files::{self, File, FileIdentity, sync_folder, unique_name};

/// What a note begins with.
const MAGIC: &[u8] = b"minimodel-draft-0";

/// The longest note, in bytes.
const MAX_NOTE: u64 = 65_536;

/// The names of one output: an artifact and its receipt, or a single file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// Absolute, so that it holds for a process that starts elsewhere.
    folder: PathBuf,
    /// Makes the temporary names unique.
    key: String,
    main: OsString,
    receipt: Option<OsString>,
}

impl Places {
    pub(super) fn pair(folder: &Path, stem: &Stem) -> io::Result<Self> {
        let receipt = Some(stem.receipt().into());
        Ok(Self { receipt, ..Self::single(folder, stem.artifact().into())? })
    }

    pub(super) fn single(folder: &Path, main: OsString) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), key: unique_name()?, main, receipt: None })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The temporary and the final path of the artifact or of the single file.
    pub(super) fn main(&self) -> (PathBuf, PathBuf) {
        let temporary = format!(".minimodel-{}.part", self.key);
        (self.folder.join(temporary), self.folder.join(&self.main))
    }

    /// The temporary and the final path of the receipt, if there will be one.
    pub(super) fn receipt(&self) -> Option<(PathBuf, PathBuf)> {
        let temporary = format!(".minimodel-{}.receipt.part", self.key);
        self.receipt.as_ref().map(|name| (self.folder.join(temporary), self.folder.join(name)))
    }

    /// Removes the temporary names that are there; gives them.
    ///
    /// The receipt's goes last: while it is there, `half` can tell.
    pub(super) fn remove_temporary(&self) -> io::Result<Vec<PathBuf>> {
        let mut removed = Vec::new();
        for path in
            [Some(self.main().0), self.receipt().map(|(path, _)| path)].into_iter().flatten()
        {
            if files::remove(&path)? {
                removed.push(path);
            }
        }
        Ok(removed)
    }

    /// The final path that a crash left with half of what it stands for.
    fn half(&self) -> Option<PathBuf> {
        let (temporary, main) = self.main();
        let (before, after) = (FileIdentity::at(&temporary), FileIdentity::at(&main));
        let found = after?;
        let is_empty = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.len() == 0);
        if before.is_some() && is_empty(&main) && !is_empty(&temporary) {
            // The name was reserved and nothing was moved there.
            return Some(main);
        }
        let (temporary, receipt) = self.receipt()?;
        let (waiting, placed) = (FileIdentity::at(&temporary), FileIdentity::at(&receipt));
        let is_ours = before.is_none_or(|before| before == found);
        (is_ours && waiting.is_some() && waiting != placed).then_some(main)
    }

    fn encode(&self) -> Vec<u8> {
        let receipt = self.receipt.as_deref().unwrap_or_default();
        let parts = [self.folder.as_os_str(), OsStr::new(&self.key), &self.main, receipt];
        let mut bytes = MAGIC.to_vec();
        for part in parts {
            bytes.push(0);
            bytes.extend_from_slice(part.as_encoded_bytes());
        }
        bytes.push(0);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
        if parts.next()? != MAGIC {
            return None;
        }
        let mut next = || parts.next().and_then(os_string);
        let (folder, key, main, receipt) = (next()?, next()?, next()?, next()?);
        let is_name = |name: &OsStr| Path::new(name).file_name() == Some(name);
        let key = key.into_string().ok()?;
        let receipt = Some(receipt).filter(|name| !name.is_empty());
        let is_sound = Path::new(&folder).is_absolute()
            && key.len() == 16
            && key.bytes().all(|byte| byte.is_ascii_hexdigit())
            && is_name(&main)
            && receipt.as_deref().is_none_or(is_name);
        is_sound.then(|| Self { folder: folder.into(), key, main, receipt })
    }
}

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
        let path = drafts.join(&places.key);
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

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(OsStr::from_bytes(bytes).to_owned())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    String::from_utf8(bytes.to_vec()).ok().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Places;

    proptest! {
        #[test]
        fn any_bytes_return_and_what_is_read_is_written_alike(bytes: Vec<u8>) {
            if let Some(places) = Places::decode(&bytes) {
                prop_assert_eq!(places.encode(), bytes);
            }
        }
    }

    #[test]
    fn a_note_names_no_file_outside_its_folder() {
        let note = |folder: &str, key: &str, main: &str, receipt: &str| {
            format!("minimodel-draft-0\0{folder}\0{key}\0{main}\0{receipt}\0").into_bytes()
        };
        let key = "0123456789abcdef";
        for receipt in ["", "a.receipt"] {
            let bytes = note("/out", key, "a.slm", receipt);
            assert_eq!(Places::decode(&bytes).unwrap().encode(), bytes);
        }
        for bytes in [
            note("out", key, "a.slm", ""),
            note("/out", "0123", "a.slm", ""),
            note("/out", "../../../../x/y/", "a.slm", ""),
            note("/out", key, "../a.slm", ""),
            note("/out", key, "a.slm", ".."),
        ] {
            assert_eq!(Places::decode(&bytes), None);
        }
    }
}
