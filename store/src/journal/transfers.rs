//! The record of transfers: one canonical JSON object a line.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use app::ports::{Record, What};
use verifier::Sha256;
use verifier::identity::PeerId;
use verifier::json::{self, Value, limits};
use verifier::scalars::{Id, UtcTime};

use crate::layout::private_file;

/// The longest line, in bytes.
const MAX_LINE: usize = 4096;

/// The longest note that is written down, in bytes.
const MAX_NOTE: usize = 1024;

/// How much of the file's end is read, in bytes.
const MAX_READ: u64 = 4 << 20;

/// The file.
#[derive(Debug)]
pub(crate) struct TransferFile {
    path: PathBuf,
}

impl TransferFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends a line; done when it would survive a crash.
    pub(crate) fn append(&self, record: &Record) -> io::Result<()> {
        let mut file =
            private_file().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        // Held for the time of one write; the other side never waits for anything meanwhile.
        file.lock()?;
        let end = whole(&mut file)?;
        if file.metadata()?.len() > end {
            file.set_len(end)?;
        }
        file.seek(SeekFrom::Start(end))?;
        file.write_all(line(record).as_bytes())?;
        file.sync_data()
    }

    /// The newest transfers, oldest first.
    pub(super) fn newest(&self, most: usize) -> io::Result<Vec<Record>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let mut bytes = tail(&mut file, MAX_READ)?.1;
        // What stands after the last line end is torn, and no transfer yet.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0));
        let lines = bytes.rsplit(|byte| *byte == b'\n');
        let mut newest: Vec<_> = lines.filter_map(parse).take(most).collect();
        newest.reverse();
        Ok(newest)
    }
}

/// Where the last whole line ends.
fn whole(file: &mut File) -> io::Result<u64> {
    let (start, bytes) = tail(file, MAX_LINE as u64 + 1)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end == 0 && start > 0 {
        let text = "the record of transfers does not end in a line";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(start + end as u64)
}

/// The file's last bytes, and where they start.
fn tail(file: &mut File, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = file.metadata()?.len().saturating_sub(most);
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

    use super::{MAX_LINE, TransferFile, line};

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
            file.append(&Record { peer: None, ..record(bytes, "") }).unwrap();
        }
        file.append(&record(u64::MAX, "said \"no\"")).unwrap();
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
        file.append(&record(1, "")).unwrap();
        let whole = fs::read(&file.path).unwrap();
        let mut torn = OpenOptions::new().append(true).open(&file.path).unwrap();
        torn.write_all(&whole[..whole.len() - 3]).unwrap();
        assert_eq!(file.newest(9).unwrap().len(), 1);
        file.append(&record(1, "")).unwrap();
        assert_eq!(fs::read(&file.path).unwrap(), [whole.clone(), whole].concat());
    }
}
