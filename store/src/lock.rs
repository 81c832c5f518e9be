//! Which process owns the store.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::device;
use crate::files::{self, File, TryLockError};

/// The longest program name that is written down or believed, in bytes.
const MAX_PROGRAM: usize = 64;

/// How often the holder's name is looked for, when it holds the lock and has not yet written it.
const LOOKS: u32 = 20;

/// How long to wait between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The store is this process's until the value is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

/// Why the store cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A process has it.
    #[error("the library is in use by {program} (process {pid})")]
    Held {
        /// The process's number.
        pid: u32,
        /// What the program calls itself.
        program: String,
    },
    /// A process has it that did not say who it is.
    #[error("the library is in use by another program")]
    HeldUnnamed,
    /// The file system knows no locks, without which two programs would spoil each other's index.
    #[error("the disk of {} knows no locks, so no library can be there", path.display())]
    Unable {
        /// The lock file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    Failed {
        /// The lock file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

impl StoreLock {
    /// Takes the lock or says who has it, without waiting for it to come free.
    ///
    /// The system gives the lock back when its holder ends, even when it was killed; what such a
    /// holder left in the file is not believed.
    ///
    /// # Errors
    ///
    /// [`LockError`].
    pub fn take(path: &Path, program: &str) -> Result<Self, LockError> {
        let failed = |source| LockError::Failed { path: path.to_owned(), source };
        let (file, may_name) = match File::open_or_make(path) {
            Err(error) if files::is_unwritable(&error) => (File::open(path), false),
            file => (file, true),
        };
        let file = file.map_err(failed)?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => {
                    match may_name.then(|| name_holder(&file, program)).transpose() {
                        // Others are told that somebody has it, and not who.
                        Err(error) if files::is_unwritable(&error) => {}
                        named => drop(named.map_err(failed)?),
                    }
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) if device::cannot_lock(&source) => {
                    return Err(LockError::Unable { path: path.to_owned(), source });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            if let Some((pid, program)) = holder(path) {
                return Err(LockError::Held { pid, program });
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Err(LockError::HeldUnnamed)
    }
}

fn name_holder(mut file: &File, program: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{} {}\n", std::process::id(), plain(program)).as_bytes())?;
    file.flush()
}

/// Who says in the file that it has the lock.
fn holder(path: &Path) -> Option<(u32, String)> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    (&file).take(MAX_PROGRAM as u64 + 20).read_to_string(&mut text).ok()?;
    let (pid, program) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((pid.parse().ok()?, plain(program)))
}

fn plain(program: &str) -> String {
    program.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_PROGRAM).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use rustix::io::Errno;

    use super::{LockError, StoreLock};
    use crate::files::Op;
    use crate::files::faults::Faults;

    const PATH: &str = "MINIMODEL_TEST_LOCK";

    #[test]
    fn a_second_one_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = StoreLock::take(&path, "minimodel").unwrap();
        let error = StoreLock::take(&path, "other").unwrap_err();
        let text = format!("the library is in use by minimodel (process {})", std::process::id());
        assert_eq!(error.to_string(), text);
        drop(lock);
        StoreLock::take(&path, "a much longer name").unwrap();
        let _lock = StoreLock::take(&path, "short").unwrap();
        let error = StoreLock::take(&path, "other").unwrap_err();
        assert!(matches!(error, LockError::Held { program, .. } if program == "short"));
    }

    #[test]
    fn a_disk_that_knows_no_locks_is_told_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::under(folder.path());
        for (errno, is_unable) in [(Errno::NOTSUP, true), (Errno::NOLCK, true), (Errno::IO, false)]
        {
            faults.always(Op::Lock, errno);
            let error = StoreLock::take(&folder.path().join("lock"), "minimodel").unwrap_err();
            assert_eq!(matches!(error, LockError::Unable { .. }), is_unable, "{error:?}");
            let text = error.to_string();
            assert_eq!(text.contains("knows no locks"), is_unable, "{text}");
        }
    }

    #[test]
    fn a_killed_holder_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::holds_until_killed", "--ignored", "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.as_mut().unwrap());
        assert!(told.lines().any(|line| line.unwrap().ends_with("held")));
        let error = StoreLock::take(&path, "second").unwrap_err();
        assert!(matches!(error, LockError::Held { pid, .. } if pid == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        StoreLock::take(&path, "second").unwrap();
    }

    #[test]
    #[ignore = "the process that `a_killed_holder_holds_nothing` kills"]
    fn holds_until_killed() {
        use std::io::Write as _;
        let Some(path) = std::env::var_os(PATH) else { return };
        let _lock = StoreLock::take(path.as_ref(), "first").unwrap();
        writeln!(std::io::stdout(), "held").unwrap();
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}
