//! The index's values. The variant's number is the version.

use app::ports::{Pin, Reservation};
use serde::{Deserialize, Serialize};
use verifier::piece::Source;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Geometry, Root, Sha256};

use crate::pack::{Location, tag, untag};

/// What the library knows of an artifact, beside its pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Facts {
    /// Version 0.
    V0(FactsV0),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FactsV0 {
    model_id: String,
    model_version: String,
    manifest_sha256: [u8; 32],
    byte_count: u64,
    piece_size: u32,
    algorithm: u32,
    root: [u8; 32],
    pinned: bool,
    last_use: u64,
    last_verified: Option<u64>,
}

/// The same, in the domain's types.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) model_id: Id,
    pub(crate) model_version: Version,
    pub(crate) manifest_sha256: Sha256,
    pub(crate) geometry: Geometry,
    pub(crate) root: Root,
    pub(crate) pin: Pin,
    pub(crate) last_use: UtcTime,
    pub(crate) last_verified: Option<UtcTime>,
}

impl Known {
    pub(crate) fn reserved(reservation: &Reservation, now: UtcTime) -> Self {
        Self {
            model_id: reservation.model_id.clone(),
            model_version: reservation.model_version.clone(),
            manifest_sha256: reservation.manifest_sha256,
            geometry: reservation.geometry,
            root: reservation.root,
            pin: Pin::Unpinned,
            last_use: now,
            last_verified: None,
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::V0(FactsV0 {
            model_id: self.model_id.as_str().to_owned(),
            model_version: self.model_version.as_str().to_owned(),
            manifest_sha256: *self.manifest_sha256.as_bytes(),
            byte_count: self.geometry.byte_count(),
            piece_size: self.geometry.piece_size(),
            algorithm: tag(self.root.algorithm()),
            root: *self.root.as_bytes(),
            pinned: self.pin == Pin::Pinned,
            last_use: self.last_use.unix(),
            last_verified: self.last_verified.map(UtcTime::unix),
        })
    }

    /// Reads facts; `None` if they are none.
    pub(crate) fn from_facts(facts: &Facts) -> Option<Self> {
        let Facts::V0(facts) = facts;
        Some(Self {
            model_id: Id::parse(&facts.model_id).ok()?,
            model_version: Version::parse(&facts.model_version).ok()?,
            manifest_sha256: Sha256::from_bytes(facts.manifest_sha256),
            geometry: Geometry::new(facts.byte_count, facts.piece_size).ok()?,
            root: Root::from_bytes(untag(facts.algorithm)?, facts.root),
            pin: if facts.pinned { Pin::Pinned } else { Pin::Unpinned },
            last_use: UtcTime::from_unix(facts.last_use),
            last_verified: facts.last_verified.map(UtcTime::from_unix),
        })
    }
}

/// What became of pieces of one artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Changes {
    /// Version 0: pieces that were kept, by source, and pieces found to be corrupt.
    V0 { kept: Vec<KeptFrom>, corrupt: Vec<u32> },
    /// Version 1: pieces that the disk did not give back. They lie where they did.
    V1 { unread: Vec<u32> },
}

/// Pieces from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptFrom {
    /// The peer's public key; `None` for a file of the user's own.
    pub(crate) peer: Option<[u8; 32]>,
    pub(crate) pieces: Vec<Kept>,
}

/// A kept piece and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) index: u32,
    pack: u32,
    block: u32,
    entry: u8,
    /// The first 8 bytes of its address.
    pub(crate) short: u64,
}

impl Kept {
    pub(crate) const fn new(index: u32, place: Location, short: u64) -> Self {
        Self { index, pack: place.pack, block: place.block, entry: place.entry, short }
    }

    pub(crate) const fn place(&self) -> Location {
        Location { pack: self.pack, block: self.block, entry: self.entry }
    }
}

impl Changes {
    /// Kept pieces with their sources, grouped.
    pub(crate) fn kept(pieces: impl IntoIterator<Item = (Source, Kept)>) -> Self {
        let mut kept: Vec<KeptFrom> = Vec::new();
        for (source, piece) in pieces {
            let peer = match source {
                Source::Local => None,
                Source::Peer(id) => Some(*id.public_key().as_bytes()),
            };
            match kept.iter_mut().find(|group| group.peer == peer) {
                Some(group) => group.pieces.push(piece),
                None => kept.push(KeptFrom { peer, pieces: vec![piece] }),
            }
        }
        Self::V0 { kept, corrupt: Vec::new() }
    }

    pub(crate) const fn corrupt(corrupt: Vec<u32>) -> Self {
        Self::V0 { kept: Vec::new(), corrupt }
    }
}

/// Peers by their public keys, as they stood in the index before they had a file of their own.
pub(crate) type PeerRows = Vec<([u8; 32], PeerRow)>;

/// A paired peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PeerRow {
    /// Version 0, of before a peer could be blocked.
    V0 { label: String, addresses: Vec<String>, added: u64 },
    /// Version 1.
    V1 { label: String, addresses: Vec<String>, added: u64, blocked: bool },
}
