//! What a reservation wants of the quota and of devices.

use std::path::{Path, PathBuf};

use app::ports::{OutputWay, Reservation, ReserveError, Stem, WantedOutput};
use verifier::geometry::CHUNK_LIMITS;
use verifier::scalars::Id;
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use crate::catalogue::Promised;
use crate::device;
use crate::documents;
use crate::error::{At as _, StoreError};
use crate::index::Known;
use crate::outputs;
use crate::places::Places;
use crate::room::in_blocks;
use crate::shared::Shared;

/// Index, piece list and address that a piece may need beside its bytes, in bytes.
pub(crate) const PIECE_OVERHEAD: u64 = 160;

/// Index and manifest that an artifact may need, in bytes.
const ARTIFACT_OVERHEAD: u64 = 64 << 10;

/// A receipt and the folder's own growth, beside an output, in bytes.
pub(super) const OUTPUT_OVERHEAD: u64 = 16 << 10;

/// What is wanted of the quota and of devices.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The artifact that it is for, which does not go for itself.
    pub(super) artifact: Option<(Sha256, Id)>,
    /// Bytes that the store takes more.
    pub(super) library: u64,
    /// Bytes of its device that it takes more.
    pub(super) here: u64,
    /// An output.
    pub(super) output: Option<OutputNeed>,
    /// Its names, if the artifact's file will be the output.
    pub(super) outside: Option<Places>,
    /// Where the artifact's file lies, if that is outside the library.
    pub(super) lies: Option<Places>,
}

#[derive(Debug)]
pub(super) struct OutputNeed {
    pub(super) folder: PathBuf,
    pub(super) promised: Promised,
}

/// What a reservation needs, if it can be made.
pub(super) fn needs(shared: &Shared, reservation: &Reservation) -> Result<Needs, ReserveError> {
    let (artifact, geometry) = (reservation.artifact, reservation.geometry);
    // Nothing can be done any more under a manifest that is damaged or gone.
    let written = documents::read_manifest(&shared.layout, artifact);
    let is_lost = matches!(written, Ok(None));
    // It may not have been readable when the library was opened.
    let said = written.ok().flatten().and_then(|(known, _)| known.outside);
    let there = documents::taken(&shared.layout, artifact);
    let (have, lies, lacks) = {
        let catalogue = shared.catalogue();
        match catalogue.artifacts.get(&artifact) {
            Some(entry) if entry.lease.is_some() => return Err(ReserveError::Busy),
            Some(entry)
                if entry.known.manifest_sha256 != reservation.manifest_sha256
                    && entry.model(artifact).keeps_manifest()
                    && !(is_lost && same_cut(&entry.known, reservation)) =>
            {
                let Known { model_id, model_version, .. } = entry.known.clone();
                return Err(ReserveError::OtherManifest { model_id, model_version });
            }
            Some(entry) if same_cut(&entry.known, reservation) => {
                let is_own = |index: &PieceIndex| entry.is_own(artifact, *index);
                // Where there are no holes, the file takes what is missing already.
                let lacks = in_all(&geometry, geometry.indices().filter(is_own));
                let lies = entry.known.outside.clone().or(said);
                (entry.have.clone(), lies, lacks.saturating_sub(there))
            }
            _ => (Bitfield::empty(geometry.piece_count()), said, u64::MAX),
        }
    };
    let missing = in_all(&geometry, have.complement().pieces(&geometry));
    let outside = match &reservation.output {
        Some(WantedOutput { folder, way: OutputWay::Instead, .. }) => {
            outside(shared, reservation, folder, lies.clone(), &have).map_err(failed)?
        }
        _ => None,
    };
    let output = match &reservation.output {
        None => None,
        Some(WantedOutput { folder, bytes, .. }) => {
            let device = device::of(folder).at(folder).map_err(failed)?;
            let bytes = if outside.is_some() { missing } else { in_blocks(*bytes) };
            let bytes = bytes.saturating_add(OUTPUT_OVERHEAD);
            Some(OutputNeed { folder: folder.clone(), promised: Promised { device, bytes } })
        }
    };
    let kept = in_all(&geometry, have.pieces(&geometry));
    let with_papers = |bytes| with_overhead(bytes, geometry.piece_count());
    let (library, here) = match (&outside, &lies) {
        // The quota is about what is kept.
        (Some(_), _) => (0, with_papers(missing) - missing),
        (None, None) => (with_papers(missing.min(lacks)), with_papers(missing.min(lacks))),
        (None, Some(comes)) => {
            let (from, own) = (device::of(comes.folder()), device::of(&shared.layout.store()));
            let is_here = matches!((from, own), (Ok(from), Ok(own)) if from == own);
            let all = with_papers(missing.saturating_add(kept));
            (all, all.saturating_sub(if is_here { kept } else { 0 }))
        }
    };
    let artifact = Some((artifact, reservation.model_id.clone()));
    Ok(Needs { artifact, library, here, output, outside, lies })
}

/// The names of the output that an artifact's file is to be, if it can be: what the library has, or
/// another folder, is not moved there.
fn outside(
    shared: &Shared,
    reservation: &Reservation,
    folder: &Path,
    now: Option<Places>,
    have: &Bitfield,
) -> Result<Option<Places>, StoreError> {
    let Ok(folder) = outputs::checked_folder(folder) else { return Ok(None) };
    let is_here = documents::is_here(&shared.layout, reservation.artifact);
    match now {
        Some(now) if now.folder() == folder && (now.hidden().is_some() || !is_here) => {
            Ok(Some(now))
        }
        Some(_) if !have.is_empty() => Ok(None),
        _ if is_here => Ok(None),
        _ => {
            let stem = Stem::new(&reservation.model_id, &reservation.model_version);
            Places::pair(&folder, &stem).map(Some).at(&folder)
        }
    }
}

/// Bytes of missing pieces, and of what the store keeps beside them.
fn with_overhead(missing: u64, pieces: u32) -> u64 {
    let overhead = ARTIFACT_OVERHEAD + u64::from(pieces) * PIECE_OVERHEAD;
    missing.saturating_add(if missing == 0 { 0 } else { overhead })
}

/// Bytes that a file of that length takes in a store that has nothing of it, cut as usual.
pub(super) fn needed(bytes: u64) -> u64 {
    let size = CHUNK_LIMITS.size_for(bytes);
    match size.and_then(|size| Geometry::new(bytes, size).ok()) {
        Some(geometry) => {
            with_overhead(in_all(&geometry, geometry.indices()), geometry.piece_count())
        }
        None => bytes,
    }
}

pub(super) fn same_cut(known: &Known, reservation: &Reservation) -> bool {
    known.geometry == reservation.geometry && known.root == reservation.root
}

/// Bytes that pieces take.
fn in_all(geometry: &Geometry, pieces: impl Iterator<Item = PieceIndex>) -> u64 {
    pieces.map(|index| in_blocks(geometry.length(index).into())).sum()
}

pub(super) fn failed(error: StoreError) -> ReserveError {
    ReserveError::Failed(error.into())
}
