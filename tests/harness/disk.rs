//! A small disk of its own, where the tests may mount one.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory that holds so many bytes and no more. Dropping it unmounts it.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at an empty folder; `None`, with a message, where that is not allowed.
    pub fn mount(at: &Path, bytes: u64) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "minimodel-test"]);
        if mount.arg(at).output().is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("skipped: no file system can be mounted here; run it as root");
        None
    }

    /// Takes all that is left of it, but for so many bytes.
    pub fn fill(&self, leave: u64) {
        let mut file = File::create(self.filler()).unwrap();
        let mut taken = 0;
        while let Ok(written @ 1..) = file.write(&[1; 4_096]) {
            taken += written as u64;
        }
        file.set_len(taken.saturating_sub(leave)).unwrap();
    }

    /// Lets it only be read from now on.
    pub fn close(&self) {
        let closed = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(closed.unwrap().success());
    }

    /// Gives all of that back.
    pub fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join(".filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that what a failing test still has open does not keep it.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
