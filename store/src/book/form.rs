//! How the book is written: one JSON object.

mod liar;

use std::collections::BTreeMap;

use app::ports::{Access, KnownPeer};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::scalars::{Id, Label, UtcTime};

use super::Book;

/// The version of a book in which no model has a quota. A member that is not known is refused,
/// because writing the book again would lose it; so a new member is a new version, unless it may be
/// left out.
const VERSION: u64 = 0;

/// The version of one in which some do.
const MODELS: u64 = 1;

/// Why bytes are no book.
pub(super) enum Fault {
    Text(serde_json::Error),
    Version(u64),
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    quota: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<BTreeMap<String, u64>>,
    peers: Vec<Peer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    liars: Vec<liar::Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    id: String,
    label: String,
    addresses: Vec<String>,
    added_utc: String,
    blocked: bool,
}

/// Reads a book that is right in every value.
pub(super) fn read(bytes: &[u8]) -> Result<Book, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Text(serde_json::Error::custom("it is empty")));
    }
    let Versioned { version } = serde_json::from_slice(bytes).map_err(Fault::Text)?;
    if version != VERSION && version != MODELS {
        return Err(Fault::Version(version));
    }
    let file: File = serde_json::from_slice(bytes).map_err(Fault::Text)?;
    let mut book = Book { quota: file.quota, ..Book::default() };
    if file.models.is_some() && version == VERSION {
        return Err(Fault::Text(serde_json::Error::custom("its version knows no `models`")));
    }
    for (model, bytes) in file.models.unwrap_or_default() {
        let model =
            Id::parse(&model).map_err(|error| Fault::Text(serde_json::Error::custom(error)))?;
        book.models.insert(model, bytes);
    }
    for peer in &file.peers {
        let known = peer.known().map_err(Fault::Text)?;
        if book.peers.insert(known.id, known).is_some() {
            let twice = format_args!("peer {} stands there twice", peer.id);
            return Err(Fault::Text(serde_json::Error::custom(twice)));
        }
    }
    for row in &file.liars {
        let (id, liar) = row.liar().map_err(Fault::Text)?;
        if book.liars.insert(id, liar).is_some() {
            let twice = format_args!("liar {} stands there twice", row.id);
            return Err(Fault::Text(serde_json::Error::custom(twice)));
        }
    }
    Ok(book)
}

/// Writes a book; `None` if it has no form.
pub(super) fn write(book: &Book) -> Option<Vec<u8>> {
    let peers = book.peers.values().map(Peer::of).collect();
    let liars = book.liars.iter().map(|(id, liar)| liar::Row::of(*id, liar)).collect();
    let models = book.models.iter().map(|(model, bytes)| (model.to_string(), *bytes));
    let models = (!book.models.is_empty()).then(|| models.collect());
    let version = if models.is_some() { MODELS } else { VERSION };
    let file = File { version, quota: book.quota, models, peers, liars };
    let mut bytes = serde_json::to_vec_pretty(&file).ok()?;
    bytes.push(b'\n');
    Some(bytes)
}

impl Peer {
    fn of(peer: &KnownPeer) -> Self {
        Self {
            id: peer.id.to_string(),
            label: peer.label.to_string(),
            addresses: peer.addresses.iter().map(ToString::to_string).collect(),
            added_utc: peer.added.to_string(),
            blocked: peer.access == Access::Blocked,
        }
    }

    fn known(&self) -> serde_json::Result<KnownPeer> {
        let wrong = serde_json::Error::custom::<String>;
        let addresses = self.addresses.iter().map(|address| PeerAddress::parse(address));
        Ok(KnownPeer {
            id: PeerId::parse(&self.id).map_err(|error| wrong(error.to_string()))?,
            label: Label::parse(&self.label).map_err(|error| wrong(error.to_string()))?,
            addresses: addresses
                .collect::<Result<_, _>>()
                .map_err(|error| wrong(error.to_string()))?,
            added: UtcTime::parse(&self.added_utc).map_err(|error| wrong(error.to_string()))?,
            access: if self.blocked { Access::Blocked } else { Access::Open },
        })
    }
}
