//! Small disks of their own, where the tests may mount some.

#![expect(clippy::print_stderr, reason = "what a test could not do is told")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system that holds so many bytes and no more. Dropping it unmounts it.
pub(crate) struct SmallDisk {
    place: PathBuf,
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one in memory; `None`, with a message, where that is not allowed.
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let size = format!("size={bytes}");
        Self::new()?.mounted(&["-t", "tmpfs", "-o", &size, "minimodel-test"])
    }

    /// Mounts one whose files can share blocks; `None`, with a message, where that is not allowed.
    pub(crate) fn that_clones() -> Option<Self> {
        let disk = Self::new()?;
        let image = disk.folder.path().join("image");
        File::create(&image).and_then(|file| file.set_len(320 << 20)).ok()?;
        let made = Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(&image).output();
        if !made.is_ok_and(|said| said.status.success()) {
            eprintln!("skipped: no XFS can be made here");
            return None;
        }
        disk.mounted(&["-o", "loop", image.to_str()?])
    }

    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let place = folder.path().join("disk");
        fs::create_dir(&place).ok()?;
        Some(Self { place, folder })
    }

    fn mounted(self, words: &[&str]) -> Option<Self> {
        let mounted = Command::new("mount").args(words).arg(&self.place).output();
        if mounted.is_ok_and(|said| said.status.success()) {
            return Some(self);
        }
        eprintln!("skipped: no file system can be mounted here; run it as root");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Fills it to the brim; gives the file that does.
    pub(crate) fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.place.join("ballast");
        if let Ok(mut file) = File::create(&path) {
            for length in [1 << 20, 4 << 10] {
                while file.write_all(&vec![1; length]).is_ok() {}
            }
        }
        path
    }

    /// Lets it only be read from now on.
    pub(crate) fn close(&self) {
        let closed = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.place).status();
        assert!(closed.is_ok_and(|done| done.success()), "it may not be written any more");
    }

    /// Bytes that are free on it.
    #[expect(clippy::unwrap_used, reason = "a disk that cannot be asked fails its test")]
    pub(crate) fn free(&self) -> u64 {
        let said = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.place).output();
        let text = String::from_utf8(said.unwrap().stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that what a failing test still has open does not keep it.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}
