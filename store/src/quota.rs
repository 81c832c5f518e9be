//! Admission: what an artifact needs, whether it fits, and making the room.
//!
//! What goes is planned in [`crate::room`]; what changes something is done by the
//! one thread that commits.

mod needs;

use std::collections::BTreeMap;
use std::path::Path;

use app::ports::{Accounts, Evictable, Held, Lowering, Quota, QuotaOf, Reservation, ReserveError};
use verifier::Sha256;
use verifier::scalars::{Id, UtcTime};

pub(crate) use needs::PIECE_OVERHEAD;

use crate::accounts::{accounts, footprints};
use crate::book::Book;
use crate::catalogue::{Artifact, Catalogue, Lease};
use crate::device::{self, Space};
use crate::documents::{self, Taken};
use crate::error::{At as _, StoreError};
use crate::forget;
use crate::index::Known;
use crate::layout::Layout;
use crate::outputs;
use crate::pipeline;
use crate::room::{self, Candidate, Device, Limit, Of, Using, in_blocks};
use crate::shared::Shared;
use needs::{Needs, OUTPUT_OVERHEAD, OutputNeed, failed, needed, needs, same_cut};

/// The quota until the user sets one, in bytes.
pub(crate) const DEFAULT_QUOTA: u64 = 4 << 30;

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

/// Whether an output of so many bytes fits in a folder beside what is there, of a library that may share
/// its blocks.
pub(crate) fn room_for_output(
    library: Option<&Shared>,
    folder: &Path,
    bytes: u64,
) -> Result<(), ReserveError> {
    let device = device::of(folder).at(folder).map_err(failed)?;
    let place = library.map(|shared| shared.layout.store());
    let is_own = place.is_some_and(|place| device::of(&place).is_ok_and(|own| own == device));
    if is_own && library.is_some_and(|shared| shared.abilities.clones) {
        return Ok(());
    }
    let Space { size, free } = device::space(folder).at(folder).map_err(failed)?;
    let of = if is_own { Of::Library } else { Of::Output };
    let promised = match library {
        Some(shared) => {
            let kept = if is_own { accounts(shared).map_err(failed)?.reserved } else { 0 };
            shared.catalogue().outputs(device).saturating_add(kept)
        }
        None => 0,
    };
    let wanted = in_blocks(bytes).saturating_add(OUTPUT_OVERHEAD);
    let limit = Limit::on(of, folder, (size, free), promised, wanted);
    room::plan(&[limit], Vec::new()).map(drop)
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
        drop(shared.slots.make(artifact, &known.geometry)?);
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
