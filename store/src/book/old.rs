//! The book of before it had a file: rows of the index, and a copy of them.

use app::ports::{Access, KnownPeer};
use serde::{Deserialize, Serialize};
use verifier::boundary::PeerAddress;
use verifier::identity::PublicKey;
use verifier::scalars::{Label, UtcTime};

use super::{Book, BookFile};
use crate::codec;
use crate::error::{At as _, StoreError};
use crate::files;
use crate::index::{Index, PeerRow, PeerRows};
use crate::layout::Layout;

/// The longest copy, in bytes.
const LIMIT: usize = 16 << 20;

/// The copy that stood beside the index.
#[derive(Serialize, Deserialize)]
enum Copy {
    V0 { quota: Option<u64>, peers: PeerRows },
}

/// Writes the book from what is there of before it had a file, once, and removes that.
///
/// The copy comes first: it was written after the index, and an index that lost its last entries
/// is no reason to let a peer go.
pub(crate) fn migrate(layout: &Layout, index: &Index, book: &BookFile) -> Result<(), StoreError> {
    let path = layout.old_book();
    if !book.exists() {
        let bytes = files::read_fitting(&path, LIMIT as u64).at(&path)?;
        let copy = bytes.and_then(|bytes| codec::decode(&bytes, LIMIT).ok());
        let old = match copy {
            Some(Copy::V0 { quota, peers }) => Some((quota, peers)),
            None => index.old_book()?,
        };
        if let Some((quota, rows)) = old {
            let peers = rows.iter().filter_map(|(key, row)| peer(*key, row));
            let peers = peers.map(|peer| (peer.id, peer)).collect();
            book.change(|book| *book = Book { quota, peers, ..Book::default() })?;
        }
    }
    index.remove_old_book()?;
    files::remove(&path).map(drop).at(&path)
}

/// The peer of a row; `None` if the row is none.
fn peer(key: [u8; 32], row: &PeerRow) -> Option<KnownPeer> {
    let (label, addresses, added, blocked) = match row {
        PeerRow::V0 { label, addresses, added } => (label, addresses, added, false),
        PeerRow::V1 { label, addresses, added, blocked } => (label, addresses, added, *blocked),
    };
    Some(KnownPeer {
        id: PublicKey::from_bytes(key).ok()?.peer_id(),
        label: Label::parse(label).ok()?,
        addresses: addresses.iter().filter_map(|at| PeerAddress::parse(at).ok()).collect(),
        added: UtcTime::from_unix(*added),
        access: if blocked { Access::Blocked } else { Access::Open },
    })
}

#[cfg(test)]
mod tests {
    use app::ports::Access;
    use verifier::identity::SigningKey;

    use super::{Copy, Index, Layout, PeerRow, migrate};
    use crate::book::BookFile;
    use crate::codec;

    fn row(label: &str, blocked: bool) -> PeerRow {
        let addresses = vec!["mmp://127.0.0.1:9".to_owned()];
        PeerRow::V1 { label: label.to_owned(), addresses, added: 9, blocked }
    }

    /// What the book says of peers: their names, and whether they are let in.
    fn told(book: &BookFile) -> Vec<(String, bool)> {
        book.look(|book| {
            let peers = book.peers.values();
            peers.map(|p| (p.label.to_string(), p.access == Access::Open)).collect()
        })
    }

    #[test]
    fn rows_and_their_copy_move_into_the_book_once() {
        let key = *SigningKey::from_seed([7; 32]).public_key().as_bytes();
        for with_copy in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout::new(folder.path().join("data"));
            layout.create().unwrap();
            let index = Index::open(layout.index()).unwrap();
            index.write_old_book(77, &[(key, row("anna", false))]).unwrap();
            if with_copy {
                let peers = vec![(key, row("anna", true))];
                let copy = codec::encode(&Copy::V0 { quota: Some(88), peers }, 1_000).unwrap();
                std::fs::write(layout.old_book(), copy).unwrap();
            }
            let book = BookFile::open(layout.book()).unwrap();
            migrate(&layout, &index, &book).unwrap();
            assert_eq!(told(&book), [("anna".to_owned(), !with_copy)]);
            assert_eq!(book.look(|book| book.quota), Some(if with_copy { 88 } else { 77 }));
            assert!(index.old_book().unwrap().is_none() && !layout.old_book().exists());

            // What an old index would bring back is not asked any more.
            index.write_old_book(99, &[(key, row("eve", false))]).unwrap();
            let again = BookFile::open(layout.book()).unwrap();
            migrate(&layout, &index, &again).unwrap();
            assert_eq!(told(&again), told(&book));
            assert!(index.old_book().unwrap().is_none());
        }
    }

    #[test]
    fn nothing_is_made_where_there_was_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        layout.create().unwrap();
        let book = BookFile::open(layout.book()).unwrap();
        migrate(&layout, &Index::open(layout.index()).unwrap(), &book).unwrap();
        assert!(!book.exists());
    }

    #[test]
    fn rows_of_before_peers_could_be_blocked_are_read() {
        // Version 0, a label of four letters, no address, added at 9.
        let mut old = vec![0; 4];
        old.extend([4, 0, 0, 0, 0, 0, 0, 0]);
        old.extend(b"anna");
        old.extend([0; 8]);
        old.extend([9, 0, 0, 0, 0, 0, 0, 0]);
        let read: PeerRow = codec::decode(&old, 1_000).unwrap();
        let key = *SigningKey::from_seed([7; 32]).public_key().as_bytes();
        let known = super::peer(key, &read).unwrap();
        assert_eq!((known.label.as_str(), known.access), ("anna", Access::Open));
    }
}
