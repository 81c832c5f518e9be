//! Admission: what an artifact needs, whether it fits, and making the room.
//!
//! What goes is planned in [`crate::room`]; what changes something is done by the
//! one thread that commits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use app::ports::{
    Accounts, Evictable, Held, Lowering, OutputWay, Quota, QuotaOf, Reservation, ReserveError,
    Stem, WantedOutput,
};
use verifier::geometry::CHUNK_LIMITS;
use verifier::scalars::{Id, UtcTime};
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use crate::accounts::{accounts, footprints};
use crate::book::Book;
use crate::catalogue::{Artifact, Catalogue, Lease, Promised};
use crate::device::{self, Space};
use crate::documents::{self, Taken};
use crate::error::{At as _, StoreError};
use crate::forget;
use crate::index::Known;
use crate::layout::Layout;
use crate::outputs;
use crate::pipeline;
use crate::places::Places;
use crate::room::{self, Candidate, Device, Limit, Of, Using, in_blocks};
use crate::shared::Shared;

/// The quota until the user sets one, in bytes.
pub(crate) const DEFAULT_QUOTA: u64 = 4 << 30;

/// Index, piece list and address that a piece may need beside its bytes, in bytes.
pub(crate) const PIECE_OVERHEAD: u64 = 160;

/// Index and manifest that an artifact may need, in bytes.
const ARTIFACT_OVERHEAD: u64 = 64 << 10;

/// A receipt and the folder's own growth, beside an output, in bytes.
const OUTPUT_OVERHEAD: u64 = 16 << 10;

/// Makes room for an artifact and leases it; `on` hears what has gone for it, at once.
pub(crate) fn reserve(
    shared: &Shared,
    reservation: &Reservation,
    now: UtcTime,
    on: impl FnMut(&Evictable),
) -> Result<Held, ReserveError> {
    let needs = needs(shared, reservation)?;
    let evicted = make_room(shared, &needs, on)?;
    let held = lease(shared, reservation, needs, now).map_err(failed)?;
    Ok(Held { evicted, ..held })
}

/// What [`reserve`] would evict at this moment. Nothing is changed.
pub(crate) fn would_reserve(
    shared: &Shared,
    reservation: &Reservation,
) -> Result<Vec<Evictable>, ReserveError> {
    planned(shared, &needs(shared, reservation)?)
}

/// What would be evicted so that so many bytes more fit. Nothing is changed.
pub(crate) fn would_evict(shared: &Shared, wanted: u64) -> Result<Vec<Evictable>, ReserveError> {
    let library = needed(wanted);
    planned(shared, &Needs { library, here: library, ..Needs::default() })
}

/// What would go if that quota were set. Nothing is changed.
pub(crate) fn would_lower(shared: &Shared, quota: &Quota) -> Result<Lowering, StoreError> {
    let limit = lowered(shared, quota)?;
    let candidates = candidates(shared, None)?;
    // The index alone is nothing that anybody could do without.
    let over = if candidates.is_empty() { 0 } else { limit.used.saturating_sub(limit.most) };
    let goes = room::plan(&[limit], candidates).unwrap_or_default();
    Ok(Lowering { over, goes })
}

/// Sets that quota, and evicts what no longer fits, of what was `agreed` to; `on` hears what has
/// gone, at once.
pub(crate) fn lower(
    shared: &Shared,
    quota: &Quota,
    agreed: &[Sha256],
    mut on: impl FnMut(&Evictable),
) -> Result<Vec<Evictable>, ReserveError> {
    let plan = if agreed.is_empty() { Vec::new() } else { agreed_plan(shared, quota, agreed)? };
    let bytes = quota.bytes;
    match &quota.of {
        QuotaOf::Library => {
            shared.book.change(|book| book.quota = Some(bytes)).map_err(failed)?;
            shared.catalogue().quota = bytes;
        }
        QuotaOf::Model(id) => {
            let set = |book: &mut Book| book.models.insert(id.clone(), bytes);
            shared.book.change(set).map_err(failed)?;
        }
    }
    let mut evicted = Vec::new();
    for planned in plan {
        evicted.extend(evict(shared, planned, &mut on)?);
    }
    Ok(evicted)
}

/// The limit that a quota would be, with nothing wanted beside what is there.
fn lowered(shared: &Shared, quota: &Quota) -> Result<Limit, StoreError> {
    let (of, used) = match &quota.of {
        QuotaOf::Library => (Of::Quota, used(&accounts(shared)?)),
        QuotaOf::Model(id) => (Of::Model(id.clone()), used_by(shared, id)?),
    };
    Ok(Limit { of, most: quota.bytes, used, wanted: 0 })
}

/// What goes of what was agreed to.
fn agreed_plan(
    shared: &Shared,
    quota: &Quota,
    agreed: &[Sha256],
) -> Result<Vec<Evictable>, ReserveError> {
    let limit = lowered(shared, quota).map_err(failed)?;
    let over = limit.used.saturating_sub(limit.most);
    let mut candidates = candidates(shared, None).map_err(failed)?;
    candidates.retain(|candidate| agreed.contains(&candidate.evictable.artifact));
    let may_go = candidates.iter().filter(|candidate| candidate.may_go());
    let goes = may_go.map(|candidate| candidate.evictable.bytes).sum();
    let too_low = |_| ReserveError::TooLow { quota: quota.bytes, over, goes };
    room::plan(&[limit], candidates).map_err(too_low)
}

/// Bytes that count towards the quota.
fn used(accounts: &Accounts) -> u64 {
    let Accounts { live, index, reserved, .. } = accounts;
    live + index + reserved
}

/// Bytes that all versions of a model take together, or were promised.
fn used_by(shared: &Shared, model: &Id) -> Result<u64, StoreError> {
    let taken = Taken::look(&shared.layout)?.pieces;
    let catalogue = shared.catalogue();
    let borrowed = catalogue.shared().0;
    let versions = catalogue.artifacts.iter().filter(|(_, entry)| entry.known.model_id == *model);
    let used = versions.map(|(artifact, entry)| {
        let of = |all: &BTreeMap<Sha256, u64>| all.get(artifact).copied().unwrap_or_default();
        let taken = of(&taken);
        taken.saturating_add(of(&borrowed)).saturating_add(entry.reserved(taken))
    });
    Ok(used.sum())
}

/// What is wanted of the quota and of devices.
#[derive(Debug, Default)]
struct Needs {
    /// The artifact that it is for, which does not go for itself.
    artifact: Option<(Sha256, Id)>,
    /// Bytes that the store takes more.
    library: u64,
    /// Bytes of its device that it takes more.
    here: u64,
    /// An output.
    output: Option<OutputNeed>,
    /// Its names, if the artifact's file will be the output.
    outside: Option<Places>,
    /// Where the artifact's file lies, if that is outside the library.
    lies: Option<Places>,
}

#[derive(Debug)]
struct OutputNeed {
    folder: PathBuf,
    promised: Promised,
}

/// What a reservation needs, if it can be made.
fn needs(shared: &Shared, reservation: &Reservation) -> Result<Needs, ReserveError> {
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
                let is_own = |index: &PieceIndex| {
                    entry.place(artifact, *index).is_none_or(|place| place.holder == artifact)
                };
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
fn needed(bytes: u64) -> u64 {
    let size = CHUNK_LIMITS.size_for(bytes);
    match size.and_then(|size| Geometry::new(bytes, size).ok()) {
        Some(geometry) => {
            with_overhead(in_all(&geometry, geometry.indices()), geometry.piece_count())
        }
        None => bytes,
    }
}

/// Whether a file of so many bytes would fit in a library that is not made yet; making it is left to others.
///
/// # Errors
///
/// [`ReserveError`] if they would not.
pub fn room_in_new(layout: &Layout, wanted: u64) -> Result<(), ReserveError> {
    let wanted = needed(wanted);
    let root = std::path::absolute(layout.root()).unwrap_or_else(|_| layout.root().to_owned());
    let mut limits = vec![Limit { of: Of::Quota, most: DEFAULT_QUOTA, used: 0, wanted }];
    if let Some(place) = root.ancestors().find(|folder| folder.is_dir())
        && let Ok(Space { size, free }) = device::space(place)
    {
        limits.push(Limit::on(Of::Library, place, (size, free), 0, wanted));
    }
    room::plan(&limits, Vec::new()).map(drop)
}

/// The limits that the needs run into, as things are: the quota, and each device that would be written to, for what would be written there.
fn limits(shared: &Shared, needs: &Needs) -> Result<Vec<Limit>, ReserveError> {
    let accounts = accounts(shared).map_err(failed)?;
    let place = shared.layout.store();
    let own = device::of(&place).at(&place).map_err(failed)?;
    let promised = |device: u64| {
        let kept = if device == own { accounts.reserved } else { 0 };
        shared.catalogue().outputs(device).saturating_add(kept)
    };
    let on = |of: fn(Device) -> Of, place: &Path, device, wanted| {
        let Space { size, free } = device::space(place).at(place).map_err(failed)?;
        Ok(Limit::on(of, place, (size, free), promised(device), wanted))
    };
    let mut limits = Vec::new();
    if needs.library > 0 {
        let (most, wanted) = (accounts.quota, needs.library);
        limits.push(Limit { of: Of::Quota, most, used: used(&accounts), wanted });
        if let Some((_, id)) = &needs.artifact
            && let Some(most) = shared.book.look(|book| book.models.get(id).copied())
        {
            let used = used_by(shared, id).map_err(failed)?;
            limits.push(Limit { of: Of::Model(id.clone()), most, used, wanted });
        }
    }
    let mut here = needs.here;
    if let Some(OutputNeed { folder, promised }) = &needs.output {
        if promised.device == own {
            here = here.saturating_add(promised.bytes);
        } else {
            limits.push(on(Of::Output, folder, promised.device, promised.bytes)?);
        }
    }
    if here > 0 {
        limits.push(on(Of::Library, &place, own, here)?);
    }
    Ok(limits)
}

/// What would go for the needs, in this order.
fn planned(shared: &Shared, needs: &Needs) -> Result<Vec<Evictable>, ReserveError> {
    let limits = limits(shared, needs)?;
    // What each artifact takes is asked for only where it matters.
    match room::plan(&limits, Vec::new()) {
        Ok(nothing) => Ok(nothing),
        Err(_) => {
            let itself = needs.artifact.as_ref().map(|(artifact, _)| *artifact);
            room::plan(&limits, candidates(shared, itself).map_err(failed)?)
        }
    }
}

/// Carries the plan out, and makes a new one for what came into use meanwhile.
fn make_room(
    shared: &Shared,
    needs: &Needs,
    mut on: impl FnMut(&Evictable),
) -> Result<Vec<Evictable>, ReserveError> {
    let mut evicted = Vec::new();
    loop {
        let mut stayed = false;
        for planned in planned(shared, needs)? {
            match evict(shared, planned, &mut on)? {
                Some(gone) => evicted.push(gone),
                None => stayed = true,
            }
        }
        if !stayed {
            break;
        }
    }
    // Less may have come free than was counted: some file systems keep what is to be punched out.
    if !evicted.is_empty() {
        room::plan(&limits(shared, needs)?, Vec::new())?;
    }
    Ok(evicted)
}

/// Evicts an artifact, unless it came into use since that was planned.
fn evict(
    shared: &Shared,
    planned: Evictable,
    on: impl FnMut(&Evictable),
) -> Result<Option<Evictable>, ReserveError> {
    let may = |catalogue: &Catalogue| Ok(catalogue.may_evict(planned.artifact));
    let is_gone = forget::remove(shared, planned.artifact, may).map_err(failed)?;
    Ok(is_gone.then_some(planned).inspect(on))
}

/// Everything in the library; `itself` does not go.
fn candidates(shared: &Shared, itself: Option<Sha256>) -> Result<Vec<Candidate>, StoreError> {
    let footprints = footprints(shared)?;
    let catalogue = shared.catalogue();
    let candidate = |(artifact, entry): (&Sha256, &Artifact)| {
        let evictable = Evictable {
            artifact: *artifact,
            model_id: entry.known.model_id.clone(),
            model_version: entry.known.model_version.clone(),
            last_use: entry.known.last_use,
            bytes: footprints.get(artifact).map_or(0, |footprint| footprint.own),
        };
        let is_used = itself == Some(*artifact) || catalogue.is_used(*artifact);
        let using = if is_used { Using::Somebody } else { Using::Nobody };
        Candidate { evictable, pin: entry.known.pin, using }
    };
    Ok(catalogue.artifacts.iter().map(candidate).collect())
}

fn failed(error: StoreError) -> ReserveError {
    ReserveError::Failed(error.into())
}

fn same_cut(known: &Known, reservation: &Reservation) -> bool {
    known.geometry == reservation.geometry && known.root == reservation.root
}

/// Bytes that pieces take.
fn in_all(geometry: &Geometry, pieces: impl Iterator<Item = PieceIndex>) -> u64 {
    pieces.map(|index| in_blocks(geometry.length(index).into())).sum()
}

fn lease(
    shared: &Shared,
    reservation: &Reservation,
    needs: Needs,
    now: UtcTime,
) -> Result<Held, StoreError> {
    // Nothing is begun that could not be written down.
    shared.index.flush()?;
    let artifact = reservation.artifact;
    let known = match shared.catalogue().artifacts.get(&artifact) {
        Some(Artifact { known: Known { pin, last_verified, .. }, .. }) => {
            let (pin, last_verified) = (*pin, *last_verified);
            Known { pin, last_verified, ..Known::reserved(reservation, now) }
        }
        None => Known::reserved(reservation, now),
    };
    let known = Known { outside: needs.outside, ..known };
    let same = |entry: &&Artifact| same_cut(&entry.known, reservation);
    let have = shared.catalogue().artifacts.get(&artifact).filter(same).map(|it| it.have.clone());
    if have.is_none() {
        // One of another cut has no piece, or it would have been refused.
        shared.catalogue().artifacts.remove(&artifact);
        forget::clear(&shared.layout, &shared.slots, &shared.index, artifact)?;
    }
    // To make room, something may have moved into its file.
    let most = documents::taken(&shared.layout, artifact).saturating_add(needs.library);
    if let Some(lay) = needs.lies.filter(|lay| known.outside.as_ref() != Some(lay)) {
        if let (Some(have), None) = (have, &known.outside) {
            let geometry = &known.geometry;
            shared.slots.bring_here(artifact, geometry, have.pieces(geometry))?;
            shared.catalogue().begin_anew(artifact);
        }
        outputs::discard(&shared.layout.drafts(), &lay).at(lay.folder())?;
    }
    documents::write_manifest(&shared.layout, artifact, &known, &reservation.manifest)?;
    {
        let mut catalogue = shared.catalogue();
        match catalogue.artifacts.get_mut(&artifact) {
            Some(entry) => entry.known = known.clone(),
            None => {
                catalogue.add(artifact, known.clone());
            }
        }
    }
    shared.slots.lies(artifact, known.outside.as_ref().map(|outside| outside.main().0));
    if known.outside.is_some() {
        shared.slots.make(artifact, &known.geometry)?;
    }
    pipeline::write_row(shared, artifact)?;
    shared.index.sync()?;
    let list = documents::read_list(&shared.layout, artifact, known.geometry, known.root);
    shared.busy.begin(artifact)?;
    let output = needs.output.map(|output| output.promised);
    let mut catalogue = shared.catalogue();
    let entry = catalogue.artifacts.get_mut(&artifact).ok_or(StoreError::NotReserved(artifact))?;
    entry.list = list.clone();
    let is_output = known.outside.is_some();
    entry.lease = Some(Lease { most, output, is_output });
    Ok(Held { have: entry.have.clone(), list, evicted: Vec::new() })
}
