//! What the file system of a library can do, as it was tried when the library was made.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::device;
use crate::error::{At as _, StoreError};
use crate::files::{self, File, May};
use crate::layout::Layout;

/// The longest file, in bytes.
const LIMIT: u64 = 4_096;

/// How long the file is that is tried with, in bytes.
const TRIED: u64 = 1 << 20;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Abilities {
    version: u32,
    /// Files can share what they have in common.
    pub(crate) clones: bool,
    /// What was never written takes no room.
    pub(crate) holes: bool,
    /// Whether files have modes.
    pub(crate) modes: bool,
}

impl Abilities {
    /// Reads what was found when the library was made; tries it if that is not known, and then says
    /// what the user should know of it.
    pub(crate) fn of(layout: &Layout, notices: &mut Vec<String>) -> Result<Self, StoreError> {
        let path = layout.abilities();
        let bytes = files::read_fitting(&path, LIMIT).at(&path)?;
        let known = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        if let Some(known) = known.filter(|known| known.version == 0) {
            return Ok(known);
        }
        let found = Self::tried(layout).at(&layout.artifacts())?;
        let mut text = serde_json::to_vec(&found).unwrap_or_default();
        text.push(b'\n');
        files::replace(&path, &[&text]).at(&path)?;
        notices.extend(found.notices(layout.root()));
        Ok(found)
    }

    /// What the user should know of a file system that can do less than others.
    fn notices(self, data: &Path) -> Vec<String> {
        let data = data.display();
        let mut notices = Vec::new();
        if !self.holes {
            notices.push(format!(
                "The disk of {data} knows no sparse files: a model takes its whole length there from \
                 the first piece on."
            ));
        }
        if !self.modes {
            notices.push(format!(
                "The disk of {data} does not keep who may read a file: other users of this machine \
                 may read the library and the secret key. Take a folder on another disk, if that \
                 matters."
            ));
        }
        notices
    }

    fn tried(layout: &Layout) -> io::Result<Self> {
        let name = files::unique_name()?;
        let [one, other] =
            ["a", "b"].map(|half| layout.artifacts().join(format!(".tried-{name}{half}.new")));
        let tried = File::make(&one).and_then(|from| {
            from.write_at(&[1; 4_096], TRIED)?;
            from.sync_data()?;
            let holes = device::allocated(&from.metadata()?) < TRIED;
            let clones = from.can_clone_to(&File::make(&other)?);
            files::set_mode(&one, May::Read)?;
            let modes = device::is_private(&from.metadata()?);
            Ok(Self { version: 0, clones, holes, modes })
        });
        // What cannot be removed now is swept by the next start.
        let removed = files::remove(&one).and_then(|_| files::remove(&other));
        tried.and_then(|found| removed.map(|_| found))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Abilities;

    #[test]
    fn what_a_file_system_cannot_do_is_told_by_name() {
        let told = |holes, modes| {
            let found = Abilities { version: 0, clones: false, holes, modes };
            found.notices(Path::new("/mnt/stick"))
        };
        assert!(told(true, true).is_empty());
        let [sparse, modes] = &told(false, false)[..] else { panic!("both are told") };
        assert!(sparse.starts_with("The disk of /mnt/stick knows no sparse files"), "{sparse}");
        assert!(modes.starts_with("The disk of /mnt/stick does not keep who may read"), "{modes}");
    }
}
