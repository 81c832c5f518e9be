//! Receipts that lie in a folder, and what they say in words for people.

mod author;
mod checks;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use verifier::identity::PeerId;
use verifier::receipt::{Contribution, Receipt};
use verifier::scalars::{Id, UtcTime, Version, parse_int};
use verifier::{Code, Sha256};

use crate::input;
use crate::problem::Problem;
use crate::quantity::Size;

pub use author::{Author, Signers};
pub use checks::{explain, name};

/// What receipt files end with.
pub const EXTENSION: &str = "minimodel-receipt";
/// The most receipts that are listed.
pub const MOST: usize = 10_000;

/// The receipts in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// Every receipt, newest first, then whatever is none although its name says so, by name.
    pub entries: Vec<Entry>,
    /// How many files more there are than are listed.
    pub left_out: usize,
}

/// A file that is called a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// What it says, or why it is no receipt.
    pub content: Result<Summary, Problem>,
}

/// What a receipt says, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// The artifact.
    pub artifact: Sha256,
    /// How long it is, in bytes.
    pub byte_count: u64,
    /// When the receipt was written.
    pub created: UtcTime,
    /// Where the pieces came from.
    pub provenance: Provenance,
    /// Who signed it; `None` if nobody did.
    pub signer: Option<PeerId>,
}

/// Where an artifact's pieces came from, as its receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// No peer gave any piece, as far as was known then.
    LocalFile,
    /// Peers gave the pieces that were not here.
    Peers {
        /// What each gave.
        peers: Vec<Contribution>,
        /// Pieces that came from no peer that was known then.
        local_pieces: u64,
        /// How many bytes those have.
        local_bytes: u64,
    },
}

impl Provenance {
    /// The peers that gave pieces.
    pub fn peers(&self) -> &[Contribution] {
        match self {
            Self::LocalFile => &[],
            Self::Peers { peers, .. } => peers,
        }
    }

    /// Where the pieces came from, as a sentence. What peers gave once and is known no more counts
    /// as local, so that is no proof that nobody gave it.
    pub fn sentence(&self) -> String {
        match self {
            Self::LocalFile => {
                "The file came from no peer that was known here when the receipt was written."
                    .to_owned()
            }
            Self::Peers { peers, local_bytes, .. } => {
                let given = peers.iter().fold(0_u64, |sum, peer| sum.saturating_add(peer.bytes));
                let noun = if peers.len() == 1 { "peer" } else { "peers" };
                let gave = format!("{} {noun} gave {}", peers.len(), Size(given));
                match local_bytes {
                    0 => format!("{gave}."),
                    local => {
                        format!("{gave}; {} came from no peer that was known then.", Size(*local))
                    }
                }
            }
        }
    }
}

impl Summary {
    /// What a receipt says, in short.
    pub fn of(receipt: &Receipt) -> Option<Self> {
        Some(Self {
            model_id: Id::parse(receipt.value("model.id")?).ok()?,
            model_version: Version::parse(receipt.value("model.version")?).ok()?,
            artifact: Sha256::parse(receipt.value("artifact.sha256")?)?,
            byte_count: parse_int(receipt.value("artifact.byte_count")?).ok()?,
            created: UtcTime::parse(receipt.value("receipt.created_utc")?).ok()?,
            provenance: provenance(receipt)?,
            signer: receipt.signer().copied(),
        })
    }
}

fn provenance(receipt: &Receipt) -> Option<Provenance> {
    if receipt.value("transfer.kind")? == "local-file" {
        return Some(Provenance::LocalFile);
    }
    let int = |key: &str| parse_int(receipt.value(key)?).ok();
    let peers = (0..int("transfer.peer_count")?).map(|number| {
        let key = |part| format!("transfer.peer.{number}.{part}");
        Some(Contribution {
            id: PeerId::parse(receipt.value(&key("id"))?).ok()?,
            pieces: int(&key("pieces"))?,
            bytes: int(&key("bytes"))?,
        })
    });
    Some(Provenance::Peers {
        peers: peers.collect::<Option<_>>()?,
        local_pieces: int("transfer.pieces_local")?,
        local_bytes: int("transfer.bytes_local")?,
    })
}

/// Reads a receipt and checks it in itself.
///
/// # Errors
///
/// [`Problem`] if it cannot be read, or with the first rule that it breaks.
pub fn read(path: &Path) -> Result<(Receipt, Summary), Problem> {
    let bytes = input::read(path, input::RECEIPT)?;
    let receipt = Receipt::parse(&bytes).map_err(|error| Problem::coded_in(path, &error))?;
    let summary = Summary::of(&receipt).ok_or_else(|| {
        let code = Code::new("receipt", "missing-key");
        let what = format!("{}: a value that every receipt has is missing", path.display());
        Problem::new(code, what, "Take an unchanged copy, or write a new one from the file.")
    })?;
    Ok((receipt, summary))
}

/// Lists a folder's receipts, at most `most` of them: every file that is called one is either a
/// receipt or a problem with its name. For blocking threads.
///
/// # Errors
///
/// `io.failed` if the folder cannot be read.
pub fn list(folder: &Path, most: usize) -> Result<Listing, Problem> {
    let failed = |error: &std::io::Error| Problem::io("read", folder, error);
    let (mut paths, mut left_out) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension() != Some(OsStr::new(EXTENSION)) {
            continue;
        }
        if paths.len() < most {
            paths.push(path);
        } else {
            left_out += 1;
        }
    }
    paths.sort();
    let entry = |path: PathBuf| {
        let content = read(&path).map(|(_, summary)| summary);
        Entry { path, content }
    };
    let mut entries: Vec<Entry> = paths.into_iter().map(entry).collect();
    // Files of one second stay in the order of their names; what is no receipt comes last.
    entries.sort_by_key(|entry| {
        std::cmp::Reverse(entry.content.as_ref().ok().map(|summary| summary.created))
    });
    Ok(Listing { folder: folder.to_owned(), entries, left_out })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Provenance, list};

    const OF_PEERS: &[u8] = include_bytes!(
        "../../tests/vectors/files/receipt-004-write-peers-expected.minimodel-receipt"
    );
    const OF_A_FILE: &[u8] = include_bytes!(
        "../../tests/vectors/files/receipt-005-write-all-local-expected.minimodel-receipt"
    );

    #[test]
    fn a_folder_is_listed_with_what_is_no_receipt_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("a.minimodel-receipt", b"nothing");
        write("b.minimodel-receipt", OF_PEERS);
        write("c.minimodel-receipt", OF_A_FILE);
        write("d.slm", b"no receipt, and not called one");
        fs::create_dir(folder.path().join("e.minimodel-receipt")).unwrap();

        let listing = list(folder.path(), 10).unwrap();
        assert_eq!((listing.entries.len(), listing.left_out), (4, 0));
        let created: Vec<_> = listing
            .entries
            .iter()
            .map(|entry| entry.content.as_ref().ok().map(|summary| summary.created))
            .collect();
        assert!(created[0] >= created[1] && created[1].is_some(), "{created:?}");
        assert_eq!(created[2..], [None, None]);
        let problem = listing.entries[2].content.as_ref().unwrap_err();
        assert_eq!(problem.code.prefix(), "receipt");
        assert!(problem.what.contains("a.minimodel-receipt"), "{}", problem.what);
        assert_eq!(listing.entries[3].content.as_ref().unwrap_err().code.prefix(), "io");

        let peers = listing.entries.iter().filter_map(|entry| entry.content.as_ref().ok());
        let peers = peers.filter(|summary| summary.provenance != Provenance::LocalFile);
        for summary in peers {
            let given: u64 = summary.provenance.peers().iter().map(|peer| peer.bytes).sum();
            let Provenance::Peers { local_bytes, .. } = summary.provenance else { panic!() };
            assert_eq!(given + local_bytes, summary.byte_count);
        }
        assert_eq!(list(folder.path(), 1).unwrap().left_out, 3);
        assert_eq!(list(&folder.path().join("none"), 1).unwrap_err().code.prefix(), "io");
    }
}
