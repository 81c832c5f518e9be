//! The book: who this installation is paired with, who lied to it, and the quota, in a file of
//! their own.
//!
//! It is not in the index, because an index that is lost or opens emptier than it was is made anew
//! from the artifacts, and none knows a peer. Each change is written aside, synced and renamed, so
//! that the file is whole at every moment; one that cannot be understood is refused and left alone.

mod form;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use app::blame::machine_advice;
use app::ports::{Access, KnownPeer, Liar};
use verifier::Advice;
use verifier::identity::PeerId;
use verifier::scalars::Id;

use crate::error::{At as _, StoreError};
use crate::files;
use crate::layout::Layout;

/// The longest file, in bytes: many thousands of peers.
const LIMIT: usize = 4 << 20;

/// Why the book cannot be used. It is left as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// The file is not a book, or a value in it is not one that can be.
    #[error("the list of paired peers in {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        source: serde_json::Error,
    },
    /// The file is longer than any book.
    #[error("the list of paired peers in {} has more than {LIMIT} bytes", .0.display())]
    TooLong(PathBuf),
    /// The file is of a later version of this program.
    #[error("the list of paired peers in {} is of version {version}, which this program does not know", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names.
        version: u64,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] StoreError),
}

impl BookError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Advice {
        match self {
            Self::Damaged { .. } | Self::TooLong(_) => {
                "Put a good copy of that file in its place, from a backup. If there is none, move \
                 the file to another folder, then pair with your peers again and set the quota; \
                 your models stay as they are."
                    .into()
            }
            Self::Version { .. } => {
                "Use the newer version of this program for this library.".into()
            }
            Self::Disk(error) => machine_advice(error),
        }
    }
}

/// What the user decided that nothing else on the disk could tell again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    /// The most bytes that the store may take, once it was set.
    pub(crate) quota: Option<u64>,
    /// The most bytes that all versions of a model may take together.
    pub(crate) models: BTreeMap<Id, u64>,
    pub(crate) peers: BTreeMap<PeerId, KnownPeer>,
    /// Apart from the peers, so that removing and adding one again does not make it honest.
    pub(crate) liars: BTreeMap<PeerId, Liar>,
}

/// The peers that a data folder knows of, read without the library, which another process may
/// have; none if there is no book.
///
/// # Errors
///
/// [`BookError`] if the book cannot be used.
pub fn known_peers(layout: &Layout) -> Result<Vec<KnownPeer>, BookError> {
    Ok(read(&layout.book())?.map_or_else(Vec::new, |book| book.peers.into_values().collect()))
}

/// The book as it is on the disk, and in memory for those who ask often.
#[derive(Debug)]
pub(crate) struct BookFile {
    path: PathBuf,
    /// A file that says that there is a book, made with the first one.
    mark: Option<PathBuf>,
    book: RwLock<Book>,
    /// Held by whoever changes the file, so that nobody who only asks waits for the disk.
    changing: Mutex<()>,
}

impl BookFile {
    /// Reads the book; an empty one if there is no file.
    pub(crate) fn open(path: PathBuf) -> Result<Self, BookError> {
        let book = read(&path)?.unwrap_or_default();
        Ok(Self { path, mark: None, book: RwLock::new(book), changing: Mutex::default() })
    }

    /// The same with a file that says, from now on, that there was a book; and whether it says so
    /// of one that is gone.
    pub(crate) fn marked(mut self, mark: PathBuf) -> Result<(Self, bool), StoreError> {
        let is_lost = !self.exists() && mark.exists();
        self.mark = Some(mark);
        if self.exists() {
            self.leave_mark()?;
        }
        Ok((self, is_lost))
    }

    fn leave_mark(&self) -> Result<(), StoreError> {
        match &self.mark {
            Some(mark) if !mark.exists() => files::replace(mark, &[]).at(mark),
            _ => Ok(()),
        }
    }

    /// Whether there is a file yet.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Looks something up.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Book) -> T) -> T {
        at(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the peer is known and not blocked.
    pub(crate) fn lets_in(&self, peer: PeerId) -> bool {
        self.look(|book| book.peers.get(&peer).is_some_and(|peer| peer.access == Access::Open))
    }

    /// Changes the book, on the disk first; nothing is changed if that fails.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> Result<T, StoreError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut book = self.look(Book::clone);
        let told = change(&mut book);
        let bytes = form::write(&book)
            .filter(|bytes| bytes.len() <= LIMIT)
            .ok_or_else(|| StoreError::io(&self.path, io::ErrorKind::FileTooLarge.into()))?;
        files::replace(&self.path, &[&bytes]).at(&self.path)?;
        self.leave_mark()?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        Ok(told)
    }
}

fn read(path: &std::path::Path) -> Result<Option<Book>, BookError> {
    let bytes = match files::read(path, LIMIT as u64) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(BookError::TooLong(path.to_owned()));
        }
        bytes => bytes.at(path)?,
    };
    let Some(bytes) = bytes else { return Ok(None) };
    form::read(&bytes).map(Some).map_err(|fault| match fault {
        form::Fault::Text(source) => BookError::Damaged { path: path.to_owned(), source },
        form::Fault::Version(version) => BookError::Version { path: path.to_owned(), version },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use app::ports::{Access, KnownPeer, Liar, Lie, MOST_LIES, Untrue};
    use verifier::boundary::PeerAddress;
    use verifier::digest::ChunkDigest;
    use verifier::identity::SigningKey;
    use verifier::scalars::{Id, Label, UtcTime, Version};
    use verifier::{ChunkAlgorithm, Root, Sha256};

    use super::{Book, BookError, BookFile, LIMIT};

    fn peer(seed: u8, access: Access) -> KnownPeer {
        KnownPeer {
            id: SigningKey::from_seed([seed; 32]).public_key().peer_id(),
            label: Label::parse(&format!("peer {seed}")).unwrap(),
            addresses: vec![PeerAddress::parse("mmp://192.168.1.7:4711").unwrap()],
            added: UtcTime::from_unix(1_800_000_000),
            access,
        }
    }

    fn piece(index: u32) -> Untrue {
        let [wanted, came] = [1, 2].map(|byte| ChunkDigest::from_bytes([byte; 32]));
        Untrue::Piece { index, algorithm: ChunkAlgorithm::FixedSizeMerkleV0, wanted, came }
    }

    fn list() -> Untrue {
        let root = |byte| Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [byte; 32]);
        Untrue::List { wanted: root(3), came: root(4) }
    }

    fn proof(index: u32) -> Untrue {
        let root = |byte| Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [byte; 32]);
        Untrue::Proof { index, wanted: root(5), came: root(6) }
    }

    fn lie(untrue: Untrue) -> Lie {
        Lie {
            time: UtcTime::from_unix(1_800_000_000),
            model_id: Id::parse("tiny").unwrap(),
            model_version: Version::parse("1.0").unwrap(),
            artifact: Sha256::of(b"tiny"),
            untrue,
        }
    }

    #[test]
    fn the_newest_lies_of_a_peer_are_remembered_and_no_more_than_some() {
        let mut liar = Liar::default();
        (0..20).for_each(|index| liar.lied(lie(piece(index))));
        let pieces: Vec<_> = liar.lies.iter().filter_map(|lie| lie.untrue.piece()).collect();
        assert_eq!((pieces.len(), pieces.last()), (MOST_LIES, Some(&19)));
    }

    #[test]
    fn a_book_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        let book = BookFile::open(path.clone()).unwrap();
        assert!(!book.exists());
        for known in [peer(1, Access::Open), peer(2, Access::Blocked)] {
            book.change(|book| book.peers.insert(known.id, known)).unwrap();
        }
        book.change(|book| book.quota = Some(77)).unwrap();
        let version = |version| {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&format!("\"version\": {version}")), "{text}");
        };
        // A program that knows no quota of a model reads a book that has none.
        version(0);
        book.change(|book| book.models.insert(Id::parse("tiny").unwrap(), 5)).unwrap();
        version(1);
        for seed in [1, 9] {
            for untrue in [piece(7), proof(8), list(), piece(u32::MAX)] {
                let lied = |book: &mut Book| {
                    let id = peer(seed, Access::Open).id;
                    book.liars.entry(id).or_default().lied(lie(untrue));
                };
                book.change(lied).unwrap();
            }
        }
        book.change(|book| book.liars.values_mut().next().unwrap().is_banned = false).unwrap();
        let again = BookFile::open(path.clone()).unwrap();
        let shown = |file: &BookFile| file.look(|book| format!("{book:?}"));
        assert_eq!(shown(&again), shown(&book));
        assert!(again.lets_in(peer(1, Access::Open).id));
        assert!(
            !again.lets_in(peer(2, Access::Open).id) && !again.lets_in(peer(3, Access::Open).id)
        );
        assert_eq!(again.look(|book| book.quota), Some(77));
    }

    #[test]
    fn a_book_that_is_not_understood_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        let book = BookFile::open(path.clone()).unwrap();
        book.change(|book| {
            let known = peer(1, Access::Open);
            book.liars.entry(known.id).or_default().lied(lie(piece(7)));
            book.peers.insert(known.id, known)
        })
        .unwrap();
        let digest = piece(7).digests()[0].clone();
        let good = fs::read_to_string(&path).unwrap();
        let id = peer(1, Access::Open).id.to_string();
        for (text, is_right) in [
            (String::new(), "damaged"),
            ("{}".to_owned(), "damaged"),
            (good[..good.len() / 2].to_owned(), "damaged"),
            (good.replace("peer 1", "-"), "damaged"),
            (good.replace(&id, "somebody"), "damaged"),
            (good.replace("mmp://", "http://"), "damaged"),
            (good.replace("\"blocked\": false", "\"blocked\": 2"), "damaged"),
            (good.replace("\"peers\"", "\"friends\""), "damaged"),
            (good.replace("\"piece\": 7", "\"piece\": -7"), "damaged"),
            (good.replace("fixed-size", "any-size"), "damaged"),
            (good.replace(&digest, "sha256:00"), "damaged"),
            (good.replace("\"version\": 0", "\"version\": 2"), "version"),
            (good.replace("\"peers\"", "\"models\": {}, \"peers\""), "damaged"),
            (
                good.replace("\"version\": 0,", "\"version\": 1, \"models\": {\"a b\": 1},"),
                "damaged",
            ),
            (format!("{good}{}", " ".repeat(LIMIT)), "long"),
        ] {
            fs::write(&path, &text).unwrap();
            let error = BookFile::open(path.clone()).unwrap_err();
            let kind = match error {
                BookError::Damaged { .. } => "damaged",
                BookError::Version { version: 2, .. } => "version",
                BookError::TooLong(_) => "long",
                _ => "other",
            };
            assert_eq!(kind, is_right, "{text}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_change_that_cannot_be_written_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let book = BookFile::open(gone.join("book.json")).unwrap();
        assert!(book.change(|book| book.quota = Some(1)).is_err());
        assert_eq!(book.look(|book| book.quota), None);
        fs::create_dir(&gone).unwrap();
        let many = |book: &mut Book| {
            let mut long = peer(1, Access::Open);
            long.addresses =
                vec![PeerAddress::parse("mmp://192.168.1.7:4711").unwrap(); LIMIT / 20];
            book.peers.insert(long.id, long);
        };
        assert!(book.change(many).is_err());
        assert!(!book.exists() && !book.lets_in(peer(1, Access::Open).id));
    }
}
