//! A small disk of its own, where the tests may mount one.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A file system in memory that holds so many bytes and no more. Dropping it unmounts it.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one; `None`, with a message, where that is not allowed.
    #[expect(clippy::print_stderr, reason = "what a test could not do is told")]
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "minimodel-test"]);
        if mount.arg(folder.path()).output().is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: no file system can be mounted here; run it as root");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that what a failing test still has open does not keep it.
        let _unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
