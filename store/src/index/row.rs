//! The index's values. The variant's number is the version.

use std::fmt;

use app::ports::{Pin, Reservation};
use serde::{Deserialize, Serialize};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};

use crate::catalogue::elsewhere;
use crate::places::Places;

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
    /// Where its file lies, if that is the output of an import that is not done; the index does not
    /// know it.
    pub(crate) outside: Option<Places>,
}

impl fmt::Display for Known {
    /// The model, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.model_id, self.model_version)
    }
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
            outside: None,
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
            outside: None,
        })
    }
}

/// What the index knows of an artifact, beside its pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Row {
    /// Version 0: the public keys of the peers that pieces came from, and where pieces lie that
    /// lie in files of other artifacts.
    V0 { facts: Facts, peers: Vec<[u8; 32]>, elsewhere: Vec<elsewhere::Row> },
}

const fn tag(algorithm: ChunkAlgorithm) -> u32 {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => 0,
        ChunkAlgorithm::Blake3TreeV0 => 1,
    }
}

const fn untag(tag: u32) -> Option<ChunkAlgorithm> {
    match tag {
        0 => Some(ChunkAlgorithm::FixedSizeMerkleV0),
        1 => Some(ChunkAlgorithm::Blake3TreeV0),
        _ => None,
    }
}
