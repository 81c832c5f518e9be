//! Quota and paired peers: in the index, and once more in a file, for when the index is lost.

use std::fs;
use std::io;

use app::codec;
use app::ports::{Access, KnownPeer};
use serde::{Deserialize, Serialize};
use verifier::boundary::PeerAddress;
use verifier::identity::PublicKey;
use verifier::scalars::{Label, UtcTime};

use crate::documents;
use crate::error::{At as _, StoreError};
use crate::index::{Index, PeerRow};
use crate::layout::Layout;
use crate::shared::Shared;

/// The longest file, in bytes.
const LIMIT: usize = 16 << 20;

#[derive(Serialize, Deserialize)]
enum Settings {
    V0 { quota: Option<u64>, peers: Vec<([u8; 32], PeerRow)> },
}

/// Makes what the index says of quota and peers survive its loss too.
pub(crate) fn save(shared: &Shared) -> Result<(), StoreError> {
    shared.index.sync()?;
    let settings = Settings::V0 { quota: shared.index.quota()?, peers: shared.index.peers()? };
    let path = path(&shared.layout);
    let bytes = codec::encode(&settings, LIMIT)
        .map_err(|_| StoreError::io(&path, io::ErrorKind::FileTooLarge.into()))?;
    documents::replace(&path, &[&bytes])
}

/// Gives a new index the quota and the peers of the lost one.
pub(crate) fn restore(layout: &Layout, index: &Index) -> Result<(), StoreError> {
    let path = path(layout);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        outcome => outcome.at(&path)?,
    };
    let Ok(Settings::V0 { quota, peers }) = codec::decode(&bytes, LIMIT) else { return Ok(()) };
    if let Some(quota) = quota {
        index.set_quota(quota)?;
    }
    for (key, row) in peers {
        index.put_peer(&key, &row)?;
    }
    index.sync()
}

/// A peer's row in the index.
pub(crate) fn row(peer: &KnownPeer) -> PeerRow {
    PeerRow::V1 {
        label: peer.label.as_str().to_owned(),
        addresses: peer.addresses.iter().map(|at| at.as_str().to_owned()).collect(),
        added: peer.added.unix(),
        blocked: peer.access == Access::Blocked,
    }
}

/// The peer of a row; `None` if the row is none.
pub(crate) fn peer(key: [u8; 32], row: &PeerRow) -> Option<KnownPeer> {
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

fn path(layout: &Layout) -> std::path::PathBuf {
    layout.store().join("settings")
}

#[cfg(test)]
mod tests {
    use app::codec;
    use app::ports::{Access, KnownPeer};
    use verifier::identity::SigningKey;
    use verifier::scalars::{Label, UtcTime};

    use super::{PeerRow, peer, row};

    #[test]
    fn rows_of_before_peers_could_be_blocked_are_read() {
        let key = SigningKey::from_seed([7; 32]).public_key();
        // Version 0, a label of four letters, no address, added at 9.
        let mut old = vec![0; 4];
        old.extend([4, 0, 0, 0, 0, 0, 0, 0]);
        old.extend(b"anna");
        old.extend([0; 8]);
        old.extend([9, 0, 0, 0, 0, 0, 0, 0]);
        let read: PeerRow = codec::decode(&old, 1_000).unwrap();
        let known = peer(*key.as_bytes(), &read).unwrap();
        assert_eq!((known.label.as_str(), known.access), ("anna", Access::Open));

        for access in [Access::Open, Access::Blocked] {
            let known = KnownPeer {
                id: key.peer_id(),
                label: Label::parse("anna").unwrap(),
                addresses: Vec::new(),
                added: UtcTime::from_unix(9),
                access,
            };
            let bytes = codec::encode(&row(&known), 1_000).unwrap();
            let read: PeerRow = codec::decode(&bytes, 1_000).unwrap();
            assert_eq!(peer(*key.as_bytes(), &read).unwrap().access, access);
        }
    }
}
