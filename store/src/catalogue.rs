//! What the store holds, as far as it is kept in memory: have-maps, leases, bytes a pack.

use std::collections::HashMap;
use std::sync::Arc;

use app::ports::Reservation;
use verifier::piece::PieceList;
use verifier::{Bitfield, ChunkAlgorithm, Geometry, Root, Sha256};

use crate::error::StoreError;
use crate::index::{ArtifactRow, Index};
use crate::pack::{HEADER, Place};

/// Bytes that the index is reckoned to take for one kept piece.
const INDEX_BYTES_A_PIECE: u64 = 512;

/// One artifact.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) geometry: Geometry,
    pub(crate) root: Root,
    pub(crate) have: Bitfield,
    pub(crate) corrupt: Bitfield,
    pub(crate) list: Option<Arc<PieceList>>,
    pub(crate) lease: Option<Lease>,
}

/// Room that is held for an import, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    pieces: u64,
    output: u64,
}

impl Lease {
    pub(crate) const fn bytes(self) -> u64 {
        self.pieces.saturating_add(self.output)
    }

    /// Turns reserved room into room that is taken.
    pub(crate) const fn spend(&mut self, bytes: u64) {
        self.pieces = self.pieces.saturating_sub(bytes);
    }
}

impl Entry {
    pub(crate) fn new(geometry: Geometry, root: Root) -> Self {
        let none = Bitfield::empty(geometry.piece_count());
        let (have, corrupt) = (none.clone(), none);
        Self { geometry, root, have, corrupt, list: None, lease: None }
    }

    /// What importing the rest would take.
    pub(crate) fn lease_for(&self, output: u64) -> Lease {
        let missing = self.have.complement();
        let bytes: u64 = missing
            .pieces(&self.geometry)
            .map(|index| u64::from(self.geometry.length(index)))
            .sum();
        let pieces = bytes + u64::from(missing.count()) * (HEADER + INDEX_BYTES_A_PIECE);
        Lease { pieces, output }
    }

    /// Reads the artifact's state from the index.
    pub(crate) fn load(
        index: &Index,
        artifact: Sha256,
        row: &ArtifactRow,
    ) -> Result<Self, StoreError> {
        let (geometry, root) = shape(row)?;
        let mut entry = Self::new(geometry, root);
        for kept in index.kept(artifact) {
            if let Some(piece) = geometry.index(kept?.0) {
                entry.have.insert(piece);
            }
        }
        for number in index.corrupt(artifact) {
            if let Some(piece) = geometry.index(number?) {
                entry.corrupt.insert(piece);
            }
        }
        Ok(entry)
    }
}

/// How a row's artifact is cut, and its root.
pub(crate) fn shape(row: &ArtifactRow) -> Result<(Geometry, Root), StoreError> {
    let geometry = Geometry::new(row.byte_count, row.piece_size).map_err(|_| StoreError::Index)?;
    let algorithm = ChunkAlgorithm::parse(&row.algorithm).ok_or(StoreError::Index)?;
    Ok((geometry, Root::from_bytes(algorithm, row.root)))
}

/// The row of a new artifact.
pub(crate) fn row(reservation: &Reservation, now: u64) -> ArtifactRow {
    ArtifactRow {
        manifest: reservation.manifest.to_vec(),
        manifest_sha256: *reservation.manifest_sha256.as_bytes(),
        model_id: reservation.model_id.to_string(),
        model_version: reservation.model_version.to_string(),
        byte_count: reservation.geometry.byte_count(),
        piece_size: reservation.geometry.piece_size(),
        algorithm: reservation.root.algorithm().to_string(),
        root: *reservation.root.as_bytes(),
        pinned: false,
        last_use: now,
        last_verified: None,
    }
}

/// Bytes of a pack that pieces need.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PackUse {
    pub(crate) live: u64,
    pub(crate) end: u64,
}

/// Everything in memory.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) artifacts: HashMap<Sha256, Entry>,
    pub(crate) packs: HashMap<u32, PackUse>,
}

impl Catalogue {
    /// Reads the state of everything from the index.
    pub(crate) fn load(index: &Index) -> Result<Self, StoreError> {
        let mut catalogue = Self::default();
        for (artifact, row) in index.artifacts()? {
            let entry = Entry::load(index, artifact, &row)?;
            catalogue.artifacts.insert(artifact, entry);
        }
        for piece in index.pieces() {
            catalogue.add(piece?.1.place());
        }
        Ok(catalogue)
    }

    /// Counts a record that pieces need.
    pub(crate) fn add(&mut self, place: Place) {
        let used = self.packs.entry(place.pack).or_default();
        used.live += place.record_bytes();
        used.end = used.end.max(place.end());
    }

    /// Counts a record that no piece needs any more; whether its pack is wholly dead now.
    pub(crate) fn take(&mut self, place: Place) -> bool {
        match self.packs.get_mut(&place.pack) {
            Some(used) => {
                used.live = used.live.saturating_sub(place.record_bytes());
                used.live == 0
            }
            None => false,
        }
    }

    /// Bytes of packs that pieces need.
    pub(crate) fn live(&self) -> u64 {
        self.packs.values().map(|used| used.live).sum()
    }

    /// Bytes promised to imports under way.
    pub(crate) fn reserved(&self) -> u64 {
        self.artifacts.values().filter_map(|entry| entry.lease).map(Lease::bytes).sum()
    }
}
