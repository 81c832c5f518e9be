//! The index: facts in sled, none of which is a piece's bytes.
//!
//! All facts live in one tree under one-letter prefixes, because sled applies a batch to one tree
//! at once or not at all: a piece's place, its digest and the artifact that wants it appear
//! together. Values are bincode; the first byte of each is its version.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use verifier::ChunkAlgorithm;
use verifier::Sha256;
use verifier::digest::ChunkDigest;

use crate::error::StoreError;
use crate::pack::{Address, Place};

/// What sled may keep in memory, in bytes.
const CACHE: u64 = 32 << 20;
/// The version of every value.
const VERSION: u8 = 0;
/// The longest value, in bytes: an artifact's row with its manifest.
const VALUE_LIMIT: usize = 1 << 17;
/// Digests of a piece list that one value holds.
pub(crate) const LIST_BLOCK: usize = 1_024;

/// One artifact.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ArtifactRow {
    pub(crate) manifest: Vec<u8>,
    pub(crate) manifest_sha256: [u8; 32],
    pub(crate) model_id: String,
    pub(crate) model_version: String,
    pub(crate) byte_count: u64,
    pub(crate) piece_size: u32,
    pub(crate) algorithm: String,
    pub(crate) root: [u8; 32],
    pub(crate) pinned: bool,
    pub(crate) last_use: u64,
    pub(crate) last_verified: Option<u64>,
}

/// Where a piece lies, and how many pieces of artifacts it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PieceRow {
    pack: u32,
    offset: u64,
    length: u32,
    pub(crate) references: u32,
}

impl PieceRow {
    pub(crate) const fn new(place: Place, references: u32) -> Self {
        Self { pack: place.pack, offset: place.offset, length: place.length, references }
    }

    /// The same, wanted by one more piece of an artifact.
    pub(crate) const fn wanted(self) -> Self {
        Self { references: self.references.saturating_add(1), ..self }
    }

    /// The same, wanted by one piece of an artifact fewer.
    pub(crate) const fn unwanted(self) -> Self {
        Self { references: self.references.saturating_sub(1), ..self }
    }

    pub(crate) const fn place(self) -> Place {
        Place { pack: self.pack, offset: self.offset, length: self.length }
    }
}

/// One kept piece of an artifact: its address, and the key of the peer that gave it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct KeptRow {
    pub(crate) address: [u8; 32],
    pub(crate) source: Option<[u8; 32]>,
}

/// A paired peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PeerRow {
    pub(crate) label: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) added: u64,
}

/// What a key names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Artifact(Sha256),
    Piece(Address),
    Digest(ChunkAlgorithm, ChunkDigest),
    Kept(Sha256, u32),
    Corrupt(Sha256, u32),
    List(Sha256, u32),
    Peer([u8; 32]),
    Quota,
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        let mut key = Vec::with_capacity(40);
        match self {
            Self::Artifact(artifact) => push(&mut key, b'a', &[artifact.as_bytes()]),
            Self::Piece(address) => push(&mut key, b'p', &[&address.0]),
            Self::Digest(algorithm, digest) => {
                let tag = match algorithm {
                    ChunkAlgorithm::FixedSizeMerkleV0 => 0,
                    ChunkAlgorithm::Blake3TreeV0 => 1,
                };
                push(&mut key, b'd', &[&[tag], digest.as_bytes()]);
            }
            Self::Kept(artifact, index) => {
                push(&mut key, b'k', &[artifact.as_bytes(), &index.to_be_bytes()]);
            }
            Self::Corrupt(artifact, index) => {
                push(&mut key, b'c', &[artifact.as_bytes(), &index.to_be_bytes()]);
            }
            Self::List(artifact, block) => {
                push(&mut key, b'l', &[artifact.as_bytes(), &block.to_be_bytes()]);
            }
            Self::Peer(key_bytes) => push(&mut key, b'n', &[&key_bytes]),
            Self::Quota => push(&mut key, b'q', &[]),
        }
        key
    }
}

fn push(key: &mut Vec<u8>, prefix: u8, parts: &[&[u8]]) {
    key.push(prefix);
    for part in parts {
        key.extend_from_slice(part);
    }
}

/// Facts that change together.
#[derive(Debug, Default)]
pub(crate) struct Changes(sled::Batch);

impl Changes {
    pub(crate) fn put<T: Serialize>(&mut self, key: Key, value: &T) -> Result<(), StoreError> {
        let mut bytes = vec![VERSION];
        bytes.extend(app::codec::encode(value, VALUE_LIMIT)?);
        self.0.insert(key.bytes(), bytes);
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.0.remove(key.bytes());
    }
}

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    db: sled::Db,
    facts: sled::Tree,
}

impl Index {
    /// Opens the index, or makes an empty one.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(None)
            .mode(sled::Mode::LowSpace);
        let db = config.open()?;
        let facts = db.open_tree("facts")?;
        Ok(Self { db, facts })
    }

    /// Applies the changes, all or none; they survive a crash after [`Self::flush`].
    pub(crate) fn apply(&self, changes: Changes) -> Result<(), StoreError> {
        Ok(self.facts.apply_batch(changes.0)?)
    }

    /// Makes all changes durable.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(())
    }

    pub(crate) fn value<T>(&self, key: Key) -> Result<Option<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        self.facts.get(key.bytes())?.map(|bytes| decode(&bytes)).transpose()
    }

    /// Every artifact.
    pub(crate) fn artifacts(&self) -> Result<Vec<(Sha256, ArtifactRow)>, StoreError> {
        self.rows(b"a").map(|row| row.and_then(|(key, row)| Ok((digest_of(&key)?, row)))).collect()
    }

    /// Every piece's row, by address.
    pub(crate) fn pieces(
        &self,
    ) -> impl Iterator<Item = Result<(Address, PieceRow), StoreError>> + '_ {
        self.rows(b"p")
            .map(|row| row.and_then(|(key, row)| Ok((Address(*digest_of(&key)?.as_bytes()), row))))
    }

    /// The kept pieces of an artifact, in file order.
    pub(crate) fn kept(
        &self,
        artifact: Sha256,
    ) -> impl Iterator<Item = Result<(u32, KeptRow), StoreError>> + '_ {
        self.rows(&prefix(b'k', artifact))
            .map(|row| row.and_then(|(key, row)| Ok((number_of(&key)?, row))))
    }

    /// The indices of an artifact's corrupt pieces, in file order.
    pub(crate) fn corrupt(
        &self,
        artifact: Sha256,
    ) -> impl Iterator<Item = Result<u32, StoreError>> + '_ {
        self.rows::<()>(&prefix(b'c', artifact))
            .map(|row| row.and_then(|(key, ())| number_of(&key)))
    }

    /// The digests of an artifact's piece list; empty if it was not learnt.
    pub(crate) fn list(&self, artifact: Sha256) -> Result<Vec<ChunkDigest>, StoreError> {
        let mut digests = Vec::new();
        for row in self.rows::<Vec<[u8; 32]>>(&prefix(b'l', artifact)) {
            digests.extend(row?.1.into_iter().map(ChunkDigest::from_bytes));
        }
        Ok(digests)
    }

    /// Every paired peer, by key.
    pub(crate) fn peers(&self) -> Result<Vec<([u8; 32], PeerRow)>, StoreError> {
        self.rows(b"n")
            .map(|row| row.and_then(|(key, row)| Ok((*digest_of(&key)?.as_bytes(), row))))
            .collect()
    }

    fn rows<T: Serialize + DeserializeOwned>(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(sled::IVec, T), StoreError>> + use<'_, T> {
        self.facts.scan_prefix(prefix).map(|row| {
            let (key, value) = row?;
            Ok((key, decode(&value)?))
        })
    }
}

fn prefix(letter: u8, artifact: Sha256) -> Vec<u8> {
    let mut prefix = vec![letter];
    prefix.extend_from_slice(artifact.as_bytes());
    prefix
}

fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&VERSION, value)) => Ok(app::codec::decode(value, VALUE_LIMIT)?),
        _ => Err(StoreError::Index),
    }
}

fn digest_of(key: &[u8]) -> Result<Sha256, StoreError> {
    let bytes = key.get(1..33).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Sha256::from_bytes).ok_or(StoreError::Index)
}

fn number_of(key: &[u8]) -> Result<u32, StoreError> {
    let bytes = key.last_chunk::<4>().ok_or(StoreError::Index)?;
    Ok(u32::from_be_bytes(*bytes))
}
