//! An XFS file system in a file, where this process may mount one: files share blocks there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a fixture that says why it is skipped"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The smallest that `mkfs.xfs` makes is 300 MiB; most of it is a hole.
const BYTES: u64 = 320 << 20;

/// It is there until this is dropped.
pub(crate) struct Xfs {
    folder: TempDir,
}

impl Xfs {
    /// Mounts one, or says why not: it takes root, loop devices and `mkfs.xfs`.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(BYTES).unwrap();
        let xfs = Self { folder };
        fs::create_dir(xfs.path()).unwrap();
        let made = run(Command::new("mkfs.xfs").arg("-q").arg(&image)).and_then(|()| {
            run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(xfs.path()))
        });
        match made {
            Ok(()) => Some(xfs),
            Err(why) => {
                eprintln!("skipped: no XFS can be mounted here ({why}); docs/store.md says how");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mount")
    }
}

impl Drop for Xfs {
    fn drop(&mut self) {
        // What was not mounted is not unmounted.
        drop(run(Command::new("umount").arg(self.path())));
    }
}

/// Bytes free there, with all that is still to be written.
pub(crate) fn free(folder: &Path) -> u64 {
    let at = rustix::fs::statvfs(folder).unwrap();
    at.f_bavail * at.f_frsize
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
