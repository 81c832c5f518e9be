//! What the file system of a library can do, as it was tried when the library was made.

use std::io;
use std::path::Path;

use app::ports::Abilities;
use serde::{Deserialize, Serialize};

use crate::device;
use crate::error::{At as _, StoreError};
use crate::files::{self, File, May, TryLockError};
use crate::layout::Layout;

/// The longest file, in bytes.
const LIMIT: u64 = 4_096;

/// How long the file is that is tried with, in bytes.
const TRIED: u64 = 1 << 20;

/// The file.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    #[serde(flatten, with = "Fields")]
    abilities: Abilities,
}

/// Its fields, one an ability.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Abilities")]
struct Fields {
    clones: bool,
    holes: bool,
    modes: bool,
    locks: bool,
}

/// Reads what was found when the library was made; tries it if that is not known, and then says what
/// the user should know of it.
pub(crate) fn of(layout: &Layout, notices: &mut Vec<String>) -> Result<Abilities, StoreError> {
    let path = layout.abilities();
    let bytes = files::read_fitting(&path, LIMIT).at(&path)?;
    let known = bytes.and_then(|bytes| serde_json::from_slice::<Written>(&bytes).ok());
    if let Some(known) = known.filter(|known| known.version == 0) {
        return Ok(known.abilities);
    }
    let abilities = match tried(layout) {
        // Nothing can be written there now, so that less would not matter; it is tried another time.
        Err(error) if files::is_unwritable(&error) => {
            return Ok(Abilities { clones: false, holes: true, modes: true, locks: true });
        }
        tried => tried.at(&layout.artifacts())?,
    };
    let mut text = serde_json::to_vec(&Written { version: 0, abilities }).unwrap_or_default();
    text.push(b'\n');
    match files::replace(&path, &[&text]) {
        Err(error) if files::is_unwritable(&error) => {}
        replaced => replaced.at(&path)?,
    }
    notices.extend(lacking(abilities, layout.root()));
    Ok(abilities)
}

/// What the user should know of a file system that can do less than others.
fn lacking(abilities: Abilities, data: &Path) -> Vec<String> {
    let Abilities { holes, modes, locks, .. } = abilities;
    let lacks = [
        (
            holes,
            "knows no sparse files: a model takes its whole length there from the first piece on.",
        ),
        (
            modes,
            "does not keep who may read a file: other users of this machine may read the library \
             and the secret key. Take a folder on another disk, if that matters.",
        ),
        (
            locks,
            "does not keep locks: open this library in one program at a time, since none can keep \
             another out.",
        ),
    ];
    let lacks = lacks.into_iter().filter(|(can, _)| !can);
    lacks.map(|(_, what)| format!("The disk of {} {what}", data.display())).collect()
}

fn tried(layout: &Layout) -> io::Result<Abilities> {
    let name = files::unique_name()?;
    let [one, other] =
        ["a", "b"].map(|half| layout.artifacts().join(format!(".tried-{name}{half}.new")));
    let tried = File::make(&one).and_then(|from| {
        from.write_at(&[1; 4_096], TRIED)?;
        from.sync_data()?;
        let holes = device::allocated(&from.metadata()?) < TRIED;
        let to = File::make(&other)?;
        let clones = from.can_clone_to(&to);
        // A lock that somebody else can take too is none.
        let locks = to.try_lock().is_ok()
            && matches!(File::change(&other)?.try_lock(), Err(TryLockError::WouldBlock));
        files::set_mode(&one, May::Read)?;
        let modes = device::is_private(&from.metadata()?);
        Ok(Abilities { clones, holes, modes, locks })
    });
    // What cannot be removed now is swept by the next start.
    let removed = files::remove(&one).and_then(|_| files::remove(&other));
    tried.and_then(|found| removed.map(|_| found))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use app::ports::Abilities;

    use super::{lacking, of};
    use crate::layout::Layout;

    #[test]
    fn what_a_file_system_cannot_do_is_told_by_name() {
        let told = |can| {
            let found = Abilities { clones: false, holes: can, modes: can, locks: can };
            lacking(found, Path::new("/mnt/stick"))
        };
        assert!(told(true).is_empty());
        let [sparse, modes, locks] = &told(false)[..] else { panic!("all are told") };
        assert!(sparse.starts_with("The disk of /mnt/stick knows no sparse files"), "{sparse}");
        assert!(modes.starts_with("The disk of /mnt/stick does not keep who may read"), "{modes}");
        assert!(locks.starts_with("The disk of /mnt/stick does not keep locks"), "{locks}");
    }

    #[test]
    fn what_was_found_once_is_read_and_tried_anew_where_it_does_not_say_all() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        layout.create().unwrap();
        let found = of(&layout, &mut Vec::new()).unwrap();
        assert!(found.locks && found.modes && found.holes, "{found:?}");
        let less = r#"{"version":0,"clones":false,"holes":true,"modes":true,"locks":false}"#;
        std::fs::write(layout.abilities(), less).unwrap();
        let read = of(&layout, &mut Vec::new()).unwrap();
        assert_eq!(read, Abilities { clones: false, holes: true, modes: true, locks: false });
        let before = r#"{"version":0,"clones":false,"holes":true,"modes":true}"#;
        std::fs::write(layout.abilities(), before).unwrap();
        assert_eq!(of(&layout, &mut Vec::new()).unwrap(), found);
    }
}
