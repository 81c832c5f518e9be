//! The names of an output, while it has none and when it has.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use app::ports::Stem;

use crate::files::{self, FileIdentity, Metadata, sync_folder, unique_name};

/// What they begin with where they are written down.
const MAGIC: &[u8] = b"minimodel-draft-0";

/// The names of one output: an artifact and its receipt, or a single file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Absolute, so that it holds for a process that starts elsewhere.
    folder: PathBuf,
    /// Makes the temporary names unique.
    key: String,
    main: OsString,
    receipt: Option<OsString>,
}

impl Places {
    pub(crate) fn pair(folder: &Path, stem: &Stem) -> io::Result<Self> {
        let receipt = Some(stem.receipt().into());
        Ok(Self { receipt, ..Self::single(folder, stem.artifact().into())? })
    }

    pub(crate) fn single(folder: &Path, main: OsString) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), key: unique_name()?, main, receipt: None })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the note about them.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The temporary and the final path of the artifact or of the single file.
    pub(crate) fn main(&self) -> (PathBuf, PathBuf) {
        let temporary = format!(".minimodel-{}.part", self.key);
        (self.folder.join(temporary), self.folder.join(&self.main))
    }

    /// What the artifact's file is under its temporary name; what leads elsewhere is none.
    pub(crate) fn hidden(&self) -> Option<Metadata> {
        self.main().0.symlink_metadata().ok().filter(Metadata::is_file)
    }

    /// The temporary and the final path of the receipt, if there will be one.
    pub(crate) fn receipt(&self) -> Option<(PathBuf, PathBuf)> {
        let temporary = format!(".minimodel-{}.receipt.part", self.key);
        self.receipt.as_ref().map(|name| (self.folder.join(temporary), self.folder.join(name)))
    }

    /// Removes the temporary names that are there; gives them.
    ///
    /// The receipt's goes last: while it is there, `half` can tell.
    pub(crate) fn remove_temporary(&self) -> io::Result<Vec<PathBuf>> {
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

    /// Ends what was begun with an artifact's file that stays while it has no name: half of a pair is
    /// undone, and where both have their names no other is left.
    pub(crate) fn settle(&self) -> io::Result<Naming> {
        let (hidden, main) = self.main();
        let is_there = |path: &Path| FileIdentity::at(path).is_some();
        // The receipt waits for its name before the first one is given.
        let has_begun = self.receipt().is_some_and(|(waiting, _)| is_there(&waiting));
        if let Some(half) = self.half().filter(|_| has_begun) {
            if is_there(&hidden) {
                files::remove(&half)?;
            } else {
                files::rename(&half, &hidden)?;
            }
        } else if self.receipt().is_some_and(|(_, receipt)| is_there(&receipt))
            && is_there(&main)
            && (!is_there(&hidden) || FileIdentity::at(&hidden) == FileIdentity::at(&main))
        {
            self.remove_temporary()?;
            sync_folder(&self.folder)?;
            return Ok(Naming::Done);
        }
        if let Some((waiting, _)) = self.receipt() {
            files::remove(&waiting)?;
        }
        Ok(Naming::Open)
    }

    /// The final path that a crash left with half of what it stands for.
    pub(crate) fn half(&self) -> Option<PathBuf> {
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

    pub(crate) fn encode(&self) -> Vec<u8> {
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

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
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

/// Whether an output has its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Neither.
    Open,
    /// Both.
    Done,
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
