//! The consent log on disk.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use app::ports::{Broken, Chain, JournalError, Terms};
use verifier::consent::{ConsentError, ConsentLog, ConsentLogFormat, Grant, GrantTerms};
use verifier::json;
use verifier::scalars::{Id, UtcTime};

use super::unusable;
use crate::files::{self, File, FileIdentity, Metadata, TryLockError};

/// The longest log that is read, in bytes.
const MAX_LOG: u64 = 64 << 20;

/// How much of the log is read at a time, in bytes; more than the longest line.
const BLOCK: u64 = 1 << 20;

/// How long another process may hold the log's lock.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How long to wait between two tries for the lock.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// The log as this process last saw it.
#[derive(Debug, Default)]
pub(super) struct View {
    log: ConsentLog,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Kept open so that no other file can get its identity.
    file: File,
    stamp: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    identity: FileIdentity,
    length: u64,
    modified: Option<SystemTime>,
}

impl View {
    pub(super) const fn log(&self) -> &ConsentLog {
        &self.log
    }

    /// Reads what was appended since the last look; all of it if the file is another one, or
    /// shrank. Quick when nothing was.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; the view is then an empty log, which allows nothing.
    pub(super) fn refresh(&mut self, file: &LogFile) -> Result<(), JournalError> {
        let refreshed = self.try_refresh(file.path());
        if refreshed.is_err() {
            *self = Self::default();
        }
        refreshed
    }

    fn try_refresh(&mut self, path: &Path) -> Result<(), JournalError> {
        let Some(stamp) = Stamp::at(path).map_err(unusable(path))? else {
            *self = Self::default();
            return Ok(());
        };
        if let Some(seen) = &mut self.seen {
            if seen.stamp == stamp {
                return Ok(());
            }
            if seen.stamp.identity == stamp.identity && stamp.length > self.log.bytes() {
                let read = read_on(&mut self.log, path, &seen.file, stamp.length);
                seen.stamp = stamp;
                // Lines that do not follow may follow from what now stands before them.
                match read {
                    Err(JournalError::Broken(_)) => {}
                    read => return read,
                }
            }
        }
        *self = Self::default();
        let file = File::open(path).map_err(unusable(path))?;
        let stamp = Stamp::of(&file.metadata().map_err(unusable(path))?);
        read_on(&mut self.log, path, &file, stamp.length)?;
        self.seen = Some(Seen { file, stamp });
        Ok(())
    }
}

impl Stamp {
    fn at(path: &Path) -> io::Result<Option<Self>> {
        match path.metadata() {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            identity: FileIdentity::of(metadata),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// Checks the whole log from its first line on.
///
/// # Errors
///
/// [`JournalError::Failed`] if it cannot be read.
pub(super) fn check(path: &Path) -> Result<Chain, JournalError> {
    let (log, length, broken) = read(path)?;
    let torn = if broken.is_none() { length.saturating_sub(log.bytes()) } else { 0 };
    Ok(Chain {
        lines: log.records(),
        // A log's first line takes nothing back, as there is nothing yet.
        first: log.grants().first().map(Grant::granted),
        last: log.last_time(),
        head: log.head(),
        torn,
        broken,
    })
}

/// Reads the log from its first line to its last that holds; gives the file's length, too, and
/// where the log breaks.
pub(super) fn read(path: &Path) -> Result<(ConsentLog, u64, Option<Broken>), JournalError> {
    let mut log = ConsentLog::empty();
    let (mut length, mut broken) = (0, None);
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(path)(error)),
        Ok(file) => {
            length = file.len().map_err(unusable(path))?;
            match read_on(&mut log, path, &file, length) {
                Ok(()) => {}
                Err(JournalError::Broken(error)) => broken = Some(*error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((log, length, broken))
}

/// Reads the log's next lines, as far as `length`; a torn rest is left for later.
fn read_on(
    log: &mut ConsentLog,
    path: &Path,
    mut file: &File,
    length: u64,
) -> Result<(), JournalError> {
    if length > MAX_LOG {
        let text = format!("consent log has {length} bytes, more than {MAX_LOG}");
        return Err(unusable(path)(io::Error::new(io::ErrorKind::FileTooLarge, text)));
    }
    let broken = |log: &ConsentLog, rule| {
        JournalError::Broken(Box::new(Broken { log: path.to_owned(), lines: log.records(), rule }))
    };
    let mut block = Vec::new();
    while log.bytes() < length {
        let start = log.bytes();
        block.clear();
        file.seek(SeekFrom::Start(start)).map_err(unusable(path))?;
        let wanted = BLOCK.min(length - start);
        file.take(wanted).read_to_end(&mut block).map_err(unusable(path))?;
        match log.extend(&block) {
            Ok(()) => {}
            Err(ConsentError::Torn { .. }) if log.bytes() > start => {}
            Err(ConsentError::Torn { .. }) => {
                if wanted == BLOCK {
                    // Longer than any line: it says so itself.
                    json::parse(&block, ConsentLogFormat::V0.max_line)
                        .map_err(|error| broken(log, error.into()))?;
                }
                return Ok(());
            }
            Err(error) => return Err(broken(log, error)),
        }
        if block.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

/// Lines that are to follow a log, each of which follows from the one before.
#[derive(Debug)]
pub(super) struct Addition {
    log: ConsentLog,
    lines: Vec<u8>,
}

impl Addition {
    /// Nothing yet, to follow this log.
    pub(super) fn to(log: &ConsentLog) -> Self {
        Self { log: log.clone(), lines: Vec::new() }
    }

    /// The log with what was added so far.
    pub(super) const fn log(&self) -> &ConsentLog {
        &self.log
    }

    /// The lines that were added.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Adds a grant; gives the name that it has in the log.
    pub(super) fn grant(
        &mut self,
        id: &Id,
        terms: &Terms,
        now: UtcTime,
    ) -> Result<Id, ConsentError> {
        let terms = GrantTerms {
            id: id.clone(),
            act: terms.act,
            model_id: terms.model_id.clone(),
            artifact_sha256: terms.artifact,
            scope: terms.scope,
            byte_limit: terms.byte_limit,
            granted: now,
            expires: terms.expires,
        };
        self.add(self.log.grant_line(&terms)?)?;
        Ok(self.log.grants().last().map_or(terms.id, |grant| grant.id().clone()))
    }

    pub(super) fn revoke(&mut self, grant: &Id, now: UtcTime) -> Result<(), ConsentError> {
        self.add(self.log.revoke_line(grant, now)?)
    }

    fn add(&mut self, line: Vec<u8>) -> Result<(), ConsentError> {
        self.log.extend(&line)?;
        self.lines.extend(line);
        Ok(())
    }
}

/// The file, and the way to append to it.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
}

impl LogFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock under which the log is appended to; makes the file if there is none.
    ///
    /// # Errors
    ///
    /// What the disk said, or that another process does not give the lock back.
    pub(super) fn lock(&self) -> io::Result<LockedLog> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            let is_new = !self.path.exists();
            let file = File::open_or_make(&self.path)?;
            lock_until(&file, deadline)?;
            let now = Stamp::at(&self.path)?.map(|stamp| stamp.identity);
            if now == Some(FileIdentity::of_open(&file)?) {
                if let Some(folder) = self.path.parent().filter(|_| is_new) {
                    files::sync_folder(folder)?;
                }
                return Ok(LockedLog { file });
            }
            // It was replaced before the lock was had: the lock of the new one counts.
        }
    }
}

/// The file while nobody else appends to it.
#[derive(Debug)]
pub(super) struct LockedLog {
    file: File,
}

impl LockedLog {
    /// Puts lines after the log's last whole one; done when they would survive a crash.
    ///
    /// # Errors
    ///
    /// What the disk said; none of the lines is there.
    pub(super) fn put(&mut self, end: u64, lines: &[u8]) -> io::Result<()> {
        if self.file.len()? > end {
            tracing::warn!(end, "a torn line of the consent log is cut off");
            self.file.set_len(end)?;
        }
        let mut file = &self.file;
        let put = file
            .seek(SeekFrom::Start(end))
            .and_then(|_| file.write_all(lines))
            .and_then(|()| self.file.sync_data());
        put.inspect_err(|_| {
            // Half a line would be cut off as torn later, and whole ones would count.
            drop(self.file.set_len(end));
        })
    }
}

fn lock_until(file: &File, deadline: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_RETRY);
            }
            Err(TryLockError::WouldBlock) => {
                let text = "another process does not let go of the consent log";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
