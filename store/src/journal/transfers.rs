//! The record of transfers: one canonical JSON object a line.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use app::activity::joined;
use app::ports::{Record, What};
use verifier::Sha256;
use verifier::identity::PeerId;
use verifier::json::{self, Value, limits};
use verifier::scalars::{Id, UtcTime};

use crate::files::{self, File, FileIdentity};

/// The longest line, in bytes.
const MAX_LINE: usize = 4096;

/// The longest note that is written down, in bytes.
const MAX_NOTE: usize = 1024;

/// The longest file, in bytes: one that would grow over it is written anew, shorter.
const MAX_FILE: u64 = 4 << 20;

/// How much of it stays then at most, in bytes.
const KEPT: usize = 2 << 20;

/// The file.
#[derive(Debug)]
pub(crate) struct TransferFile {
    path: PathBuf,
}

impl TransferFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what a process left that broke off while it wrote the file anew.
    pub(super) fn sweep(&self) {
        files::sweep_under(|| self.locked(), &self.path);
    }

    /// Appends lines; done when they would survive a crash.
    pub(crate) fn append(&self, records: &[Record]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let lines: String = records.iter().map(line).collect();
        let file = self.locked()?;
        let end = whole(&file)?;
        if file.len()? > end {
            file.set_len(end)?;
        }
        if end.saturating_add(lines.len() as u64) > MAX_FILE {
            return self.shorten(&file, &lines);
        }
        (&file).seek(SeekFrom::Start(end))?;
        (&file).write_all(lines.as_bytes())?;
        file.sync_data()
    }

    /// The file, locked for the time of one write; the other side never waits for anything
    /// meanwhile.
    fn locked(&self) -> io::Result<File> {
        loop {
            let file = File::open_or_make(&self.path)?;
            file.lock()?;
            // It may have been written anew before the lock was given.
            if FileIdentity::at(&self.path) == Some(FileIdentity::of_open(&file)?) {
                return Ok(file);
            }
        }
    }

    /// Writes the file anew with these lines at its end: what belongs together is one line then,
    /// and the oldest lines go.
    fn shorten(&self, file: &File, lines: &str) -> io::Result<()> {
        let mut bytes = tail(file, MAX_FILE)?.1;
        bytes.extend_from_slice(lines.as_bytes());
        let mut kept = 0;
        let joined: Vec<String> = joined(parsed(&bytes)).iter().map(line).collect();
        let from = joined.iter().rposition(|line| {
            kept += line.len();
            kept > KEPT
        });
        let text = joined.get(from.map_or(0, |from| from + 1)..).unwrap_or_default().concat();
        files::replace(&self.path, &[text.as_bytes()])
    }

    /// The newest transfers, oldest first.
    pub(super) fn newest(&self, most: usize) -> io::Result<Vec<Record>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let mut bytes = tail(&file, MAX_FILE)?.1;
        // What stands after the last line end is torn, and no transfer yet.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0));
        let mut newest = joined(parsed(&bytes));
        newest.drain(..newest.len().saturating_sub(most));
        Ok(newest)
    }
}

/// The transfers of lines, in their order; what is none is passed over.
fn parsed(lines: &[u8]) -> Vec<Record> {
    lines.split(|byte| *byte == b'\n').filter_map(parse).collect()
}

/// Where the last whole line ends.
fn whole(file: &File) -> io::Result<u64> {
    let (start, bytes) = tail(file, MAX_LINE as u64 + 1)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end == 0 && start > 0 {
        let text = "the record of transfers does not end in a line";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(start + end as u64)
}

/// The file's last bytes, and where they start.
fn tail(mut file: &File, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = file.len()?.saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((start, bytes))
}

fn line(record: &Record) -> String {
    let peer = record.peer.map_or_else(|| "none".to_owned(), |peer| peer.to_string());
    format!(
        "{{\"artifact_sha256\":\"{}\",\"bytes\":{},\"model_id\":\"{}\",\"note\":\"{}\",\
         \"peer_id\":\"{peer}\",\"time_utc\":\"{}\",\"transfer_version\":0,\"what\":\"{}\"}}\n",
        record.artifact,
        record.bytes.min(limits::MAX_INTEGER),
        record.model_id,
        plain(&record.note),
        record.time,
        record.what.as_str(),
    )
}

/// The text as a JSON string can hold it here: printable ASCII, no quotes, no escapes.
fn plain(text: &str) -> String {
    let plain = |c| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(MAX_NOTE).map(plain).collect()
}

fn parse(line: &[u8]) -> Option<Record> {
    let Value::Object(object) = json::parse(line, MAX_LINE).ok()? else { return None };
    if object.integer("transfer_version").ok()? != 0 {
        return None;
    }
    let peer = match object.text("peer_id").ok()? {
        "none" => None,
        id => Some(PeerId::parse(id).ok()?),
    };
    Some(Record {
        time: object.scalar("time_utc", UtcTime::parse).ok()?,
        what: What::parse(object.text("what").ok()?)?,
        model_id: object.scalar("model_id", Id::parse).ok()?,
        artifact: Sha256::parse(object.text("artifact_sha256").ok()?)?,
        peer,
        bytes: object.integer("bytes").ok()?,
        note: object.text("note").ok()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;

    use app::ports::{Record, What};
    use verifier::Sha256;
    use verifier::identity::SigningKey;
    use verifier::json::{self, limits};
    use verifier::scalars::{Id, UtcTime};

    use super::{KEPT, MAX_FILE, MAX_LINE, TransferFile, line};

    fn record(bytes: u64, note: &str) -> Record {
        Record {
            time: UtcTime::from_unix(1_800_000_000),
            what: What::Served,
            model_id: Id::parse("tiny").unwrap(),
            artifact: Sha256::of(b"artifact"),
            peer: Some(SigningKey::from_seed([1; 32]).public_key().peer_id()),
            bytes,
            note: note.to_owned(),
        }
    }

    #[test]
    fn a_line_is_canonical_whatever_the_note() {
        let long = "\u{1f4a5}\"\\\n\u{7f}".repeat(1000);
        for (bytes, note) in [(0, ""), (u64::MAX, "io.failed"), (1, &long)] {
            let line = line(&record(bytes, note));
            let line = line.strip_suffix('\n').unwrap();
            let value = json::parse(line.as_bytes(), MAX_LINE).unwrap();
            assert_eq!(value.canonical(), line);
        }
    }

    #[test]
    fn the_newest_transfers_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = TransferFile::new(folder.path().join("transfers.log"));
        assert_eq!(file.newest(9).unwrap(), []);
        for bytes in 0..5 {
            let banned = Record { what: What::Banned, peer: None, ..record(bytes, "") };
            file.append(&[banned]).unwrap();
        }
        file.append(&[record(u64::MAX, "said \"no\"")]).unwrap();
        let newest = file.newest(3).unwrap();
        let bytes: Vec<_> = newest.iter().map(|transfer| transfer.bytes).collect();
        assert_eq!(bytes, [3, 4, limits::MAX_INTEGER]);
        let last = newest.last().unwrap();
        assert_eq!((last.what, last.note.as_str()), (What::Served, "said 'no'"));
        assert_eq!((last.peer, newest[0].peer), (record(0, "").peer, None));
    }

    #[test]
    fn a_torn_line_is_cut_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = TransferFile::new(folder.path().join("transfers.log"));
        let banned = || Record { what: What::Banned, ..record(1, "") };
        file.append(&[banned()]).unwrap();
        let whole = fs::read(&file.path).unwrap();
        let mut torn = OpenOptions::new().append(true).open(&file.path).unwrap();
        torn.write_all(&whole[..whole.len() - 3]).unwrap();
        assert_eq!(file.newest(9).unwrap().len(), 1);
        file.append(&[banned()]).unwrap();
        assert_eq!(fs::read(&file.path).unwrap(), [whole.clone(), whole].concat());
    }

    #[test]
    fn the_record_stays_short_and_its_sums_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = TransferFile::new(folder.path().join("transfers.log"));
        let imported = Record { what: What::Imported, ..record(0, "before") };
        file.append(std::slice::from_ref(&imported)).unwrap();
        // Seven hours of giving to two peers, written down every second: nearly twice what fits.
        let peers = [1, 2].map(|seed| Record {
            peer: Some(SigningKey::from_seed([seed; 32]).public_key().peer_id()),
            ..record(2, "")
        });
        let hours: Vec<Record> = (0..25_200)
            .zip(peers.iter().cycle())
            .map(|(second, given)| Record { time: given.time.plus(second), ..given.clone() })
            .collect();
        for hour in hours.chunks(3_600) {
            file.append(hour).unwrap();
            assert!(fs::metadata(&file.path).unwrap().len() <= MAX_FILE);
        }
        let newest = file.newest(9).unwrap();
        let bytes: Vec<_> = newest.iter().map(|record| record.bytes).collect();
        assert_eq!(bytes, [0, 25_200, 25_200]);
        assert_eq!((&newest[0], newest[2].time), (&imported, hours[25_199].time));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        // Of what cannot be joined the newest stays.
        let banned = Record { what: What::Banned, peer: None, ..record(0, "") };
        let apart: Vec<Record> =
            (0..14_000).map(|bytes| Record { bytes, ..banned.clone() }).collect();
        file.append(&apart).unwrap();
        assert!(fs::metadata(&file.path).unwrap().len() <= KEPT as u64);
        let newest = file.newest(usize::MAX).unwrap();
        assert!(newest.len() > 5_000 && newest.last() == apart.last());
        assert!(newest.iter().is_sorted_by_key(|record| record.bytes));
    }
}
