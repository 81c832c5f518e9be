//! Admission, eviction and giving space back.
//!
//! Everything here that gives up places runs between two batches of the writer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use app::ports::{Accounts, Evictable, Footprint, Held, Reservation, ReserveError};
use verifier::geometry::CHUNK_LIMITS;
use verifier::scalars::UtcTime;
use verifier::{Geometry, PieceIndex, Sha256};

use crate::catalogue::{Artifact, Catalogue, Lease};
use crate::device::{self, Punched};
use crate::documents;
use crate::error::{At as _, StoreError};
use crate::index::{Index, Known};
use crate::layout::Layout;
use crate::pack::{BLOCK, Location, blocks};
use crate::shared::Shared;

/// The quota until the user sets one, in bytes.
pub(crate) const DEFAULT_QUOTA: u64 = 4 << 30;

/// Index, piece list and header that a piece may need beside its bytes, in bytes.
const PIECE_OVERHEAD: u64 = 160;

/// The index may take this many bytes more than its pieces need before it is written anew.
const INDEX_SLACK: u64 = 8 << 20;

/// Index and manifest that an artifact may need, in bytes.
const ARTIFACT_OVERHEAD: u64 = 64 << 10;

/// Makes room for an artifact and leases it; `on` hears what has gone for it, at once.
pub(crate) fn reserve(
    shared: &Shared,
    reservation: &Reservation,
    now: UtcTime,
    on: impl FnMut(&Evictable),
) -> Result<Held, ReserveError> {
    let wanted = wanted(shared, reservation)?;
    let evicted = make_room(shared, reservation.artifact, wanted, on)?;
    let held = lease(shared, reservation, wanted, now).map_err(failed)?;
    Ok(Held { evicted, ..held })
}

/// What [`reserve`] would evict at this moment. Nothing is changed.
pub(crate) fn would_reserve(
    shared: &Shared,
    reservation: &Reservation,
) -> Result<Vec<Evictable>, ReserveError> {
    let wanted = wanted(shared, reservation)?;
    would_go(shared, Some(reservation.artifact), wanted)
}

/// What would be evicted so that so many bytes more fit. Nothing is changed.
pub(crate) fn would_evict(shared: &Shared, wanted: u64) -> Result<Vec<Evictable>, ReserveError> {
    would_go(shared, None, Wanted { kept: needed(wanted), output: 0 })
}

/// What is wanted of quota and device.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Bytes that the store takes more.
    kept: u64,
    /// Bytes that an output takes on the store's own device.
    output: u64,
}

/// What a reservation adds, if it can be made.
fn wanted(shared: &Shared, reservation: &Reservation) -> Result<Wanted, ReserveError> {
    let artifact = reservation.artifact;
    // Nothing can be done any more under a manifest that is damaged or gone.
    let is_lost = matches!(documents::read_manifest(&shared.layout, artifact), Ok(None));
    let missing = {
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
                taken(&reservation.geometry, entry.have.complement().pieces(&reservation.geometry))
            }
            _ => taken(&reservation.geometry, reservation.geometry.indices()),
        }
    };
    let kept = with_overhead(missing, reservation.geometry.piece_count());
    Ok(Wanted { kept, output: output(shared, reservation)? })
}

/// Bytes that an output takes on the store's own device; refused if it lies on another one that
/// does not have them.
fn output(shared: &Shared, reservation: &Reservation) -> Result<u64, ReserveError> {
    let Some((folder, bytes)) = &reservation.output else { return Ok(0) };
    let store = shared.layout.store();
    if device::is_one(&store, folder).at(folder).map_err(failed)? {
        return Ok(*bytes);
    }
    let free = device::free_bytes(folder).at(folder).map_err(failed)?;
    if *bytes > free {
        return Err(ReserveError::Device { place: folder.clone(), wanted: *bytes, free });
    }
    Ok(0)
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
            with_overhead(taken(&geometry, geometry.indices()), geometry.piece_count())
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
    if wanted > DEFAULT_QUOTA {
        let quota = DEFAULT_QUOTA;
        return Err(ReserveError::Quota { wanted, left: quota, quota });
    }
    let root = std::path::absolute(layout.root()).unwrap_or_else(|_| layout.root().to_owned());
    let Some(place) = root.ancestors().find(|folder| folder.is_dir()) else { return Ok(()) };
    match device::free_bytes(place) {
        Ok(free) if wanted > free => {
            Err(ReserveError::Device { place: place.to_owned(), wanted, free })
        }
        _ => Ok(()),
    }
}

/// Forgets an artifact; the bytes that came free, `None` if there is no such artifact.
pub(crate) fn forget(shared: &Shared, artifact: Sha256) -> Result<Option<u64>, StoreError> {
    remove(shared, artifact, |catalogue| {
        let is_busy = |entry: &Artifact| entry.lease.is_some();
        if catalogue.artifacts.get(&artifact).is_some_and(is_busy) {
            return Err(StoreError::Busy(artifact));
        }
        Ok(true)
    })
}

/// Forgets an artifact if it `may` go at the moment at which it does.
fn remove(
    shared: &Shared,
    artifact: Sha256,
    may: impl FnOnce(&Catalogue) -> Result<bool, StoreError>,
) -> Result<Option<u64>, StoreError> {
    let places: BTreeSet<Location> = {
        let mut catalogue = shared.catalogue();
        if !may(&catalogue)? {
            return Ok(None);
        }
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        let places = entry.lying().map(|(_, place)| place).collect();
        catalogue.artifacts.remove(&artifact);
        catalogue.drop_users();
        places
    };
    let before = shared.packs.allocated()?.saturating_add(documents::size(&shared.layout)?);
    documents::begin_to_forget(&shared.layout, artifact)?;
    shared.index.remove(artifact)?;
    // Places are only given up when no index that a crash leaves behind still names them.
    shared.index.sync()?;
    give_back(shared, &places)?;
    documents::finish_forgetting(&shared.layout, artifact)?;
    let pieces = shared.catalogue().kept_pieces();
    trim_index(&shared.index, pieces)?;
    let after = shared.packs.allocated()?.saturating_add(documents::size(&shared.layout)?);
    Ok(Some(before.saturating_sub(after)))
}

/// Gives back the space of those places that nothing refers to any more.
pub(crate) fn give_back(shared: &Shared, places: &BTreeSet<Location>) -> Result<(), StoreError> {
    let (dead, headers, empty) = {
        let mut catalogue = shared.catalogue();
        let live = catalogue.recount();
        let header = |place: &Location| (place.pack, place.block);
        let dead: BTreeSet<Location> = places
            .iter()
            .copied()
            .filter(|place| live.binary_search_by_key(place, |(place, _)| *place).is_err())
            .collect();
        catalogue.addresses.clear(&dead);
        let headers: BTreeSet<(u32, u32)> = dead
            .iter()
            .map(header)
            .filter(|run| live.binary_search_by_key(run, |(place, _)| header(place)).is_err())
            .collect();
        let packs: BTreeSet<u32> = dead.iter().map(|place| place.pack).collect();
        let empty: BTreeSet<u32> =
            packs.into_iter().filter(|pack| !catalogue.live.contains_key(pack)).collect();
        (dead, headers, empty)
    };
    if !empty.is_empty() {
        shared.ask_to_roll();
    }
    for pack in &empty {
        shared.packs.remove(*pack)?;
    }
    // Pieces before headers, which say where the pieces are.
    for place in dead.iter().filter(|place| !empty.contains(&place.pack)) {
        if shared.packs.punch(*place)? == Punched::Unable {
            tracing::debug!(pack = place.pack, "dead space stays until its pack is empty");
        }
    }
    for (pack, block) in headers.iter().filter(|(pack, _)| !empty.contains(pack)) {
        shared.packs.punch_header(*pack, *block)?;
    }
    Ok(())
}

/// Where the store's bytes are.
pub(crate) fn accounts(shared: &Shared) -> Result<Accounts, StoreError> {
    let (live, reserved, quota) = {
        let catalogue = shared.catalogue();
        (catalogue.live_bytes(), catalogue.reserved(), catalogue.quota)
    };
    let folder = shared.layout.store();
    Ok(Accounts {
        live,
        dead: shared.packs.allocated()?.saturating_sub(live),
        index: shared.index.size()?.saturating_add(documents::size(&shared.layout)?),
        reserved,
        quota,
        free: device::free_bytes(&folder).at(&folder)?,
    })
}

/// Writes the index anew when it is mostly made of what is gone, with so many pieces kept.
pub(crate) fn trim_index(index: &Index, pieces: u64) -> Result<(), StoreError> {
    if index.size()? > INDEX_SLACK + pieces * PIECE_OVERHEAD {
        index.rewrite_all()?;
    }
    Ok(())
}

fn same_cut(known: &Known, reservation: &Reservation) -> bool {
    known.geometry == reservation.geometry && known.root == reservation.root
}

/// Bytes that pieces take in a pack.
fn taken(geometry: &Geometry, pieces: impl Iterator<Item = PieceIndex>) -> u64 {
    pieces.map(|index| blocks(geometry.length(index)) * BLOCK).sum()
}

/// What would be evicted for so many bytes more, in the order of eviction.
fn would_go(
    shared: &Shared,
    except: Option<Sha256>,
    wanted: Wanted,
) -> Result<Vec<Evictable>, ReserveError> {
    let room = Room::of(shared)?;
    if room.fits(wanted, 0) {
        return Ok(Vec::new());
    }
    let mut candidates = candidates(&shared.catalogue(), except);
    room.check(wanted, &candidates)?;
    let mut gain = 0;
    candidates.retain(|candidate| {
        let needed = !room.fits(wanted, gain);
        gain += if needed { candidate.bytes } else { 0 };
        needed
    });
    Ok(candidates)
}

fn make_room(
    shared: &Shared,
    artifact: Sha256,
    wanted: Wanted,
    mut on: impl FnMut(&Evictable),
) -> Result<Vec<Evictable>, ReserveError> {
    let room = Room::of(shared)?;
    let mut evicted = Vec::new();
    if room.fits(wanted, 0) {
        return Ok(evicted);
    }
    let candidates = candidates(&shared.catalogue(), Some(artifact));
    room.check(wanted, &candidates)?;
    let mut gain = 0;
    for candidate in candidates {
        if room.fits(wanted, gain) {
            break;
        }
        // It may have come into use since it was looked for.
        let may = |catalogue: &Catalogue| Ok(catalogue.may_evict(candidate.artifact));
        let Some(bytes) = remove(shared, candidate.artifact, may).map_err(failed)? else {
            continue;
        };
        gain += bytes;
        let gone = Evictable { bytes, ..candidate };
        on(&gone);
        evicted.push(gone);
    }
    if room.fits(wanted, gain) {
        return Ok(evicted);
    }
    // Less came free than was counted: the file system keeps what was to be punched out.
    Err(room.refusal(wanted, gain))
}

fn failed(error: StoreError) -> ReserveError {
    ReserveError::Failed(error.into())
}

/// How much fits as things are.
struct Room {
    /// The folder of the store.
    place: PathBuf,
    /// Bytes that are taken or promised; they may be more than the quota, which was set later.
    used: u64,
    quota: u64,
    /// Bytes free on the device that nobody was promised.
    free: u64,
}

impl Room {
    fn of(shared: &Shared) -> Result<Self, ReserveError> {
        let Accounts { live, dead, index, reserved, quota, free } =
            accounts(shared).map_err(failed)?;
        let promised = reserved.saturating_add(shared.catalogue().outputs());
        let used = live + dead + index + reserved;
        let place = shared.layout.store();
        Ok(Self { place, used, quota, free: free.saturating_sub(promised) })
    }

    /// Bytes left under the quota once `gain` has come free.
    const fn left(&self, gain: u64) -> u64 {
        self.quota.saturating_sub(self.used.saturating_sub(gain))
    }

    /// Whether all of it fits once `gain` has come free.
    const fn fits(&self, wanted: Wanted, gain: u64) -> bool {
        let Wanted { kept, output } = wanted;
        kept <= self.left(gain) && kept.saturating_add(output) <= self.free.saturating_add(gain)
    }

    /// Refuses what would not fit if all of these went.
    fn check(&self, wanted: Wanted, candidates: &[Evictable]) -> Result<(), ReserveError> {
        let all = candidates.iter().map(|candidate| candidate.bytes).sum();
        if self.fits(wanted, all) { Ok(()) } else { Err(self.refusal(wanted, all)) }
    }

    /// Why it does not fit though `gain` came free.
    fn refusal(&self, Wanted { kept, output }: Wanted, gain: u64) -> ReserveError {
        let left = self.left(gain);
        if kept > left {
            return ReserveError::Quota { wanted: kept, left, quota: self.quota };
        }
        let (place, wanted) = (self.place.clone(), kept.saturating_add(output));
        ReserveError::Device { place, wanted, free: self.free }
    }
}

/// What may be evicted, least recently used first, and the bytes that each alone takes.
fn candidates(catalogue: &Catalogue, except: Option<Sha256>) -> Vec<Evictable> {
    let footprints = footprints(catalogue);
    let mut candidates: Vec<_> = catalogue
        .artifacts
        .iter()
        .filter(|(artifact, _)| Some(**artifact) != except && catalogue.may_evict(**artifact))
        .map(|(artifact, entry)| Evictable {
            artifact: *artifact,
            model_id: entry.known.model_id.clone(),
            model_version: entry.known.model_version.clone(),
            last_use: entry.known.last_use,
            bytes: footprints.get(artifact).map_or(0, |footprint| footprint.own),
        })
        .collect();
    candidates.sort_by_key(|candidate| candidate.last_use);
    candidates
}

/// What each artifact takes: in places of its own, and in places that others use too.
pub(crate) fn footprints(catalogue: &Catalogue) -> BTreeMap<Sha256, Footprint> {
    let mut footprints: BTreeMap<Sha256, Footprint> = catalogue
        .artifacts
        .keys()
        .map(|artifact| (*artifact, Footprint { artifact: *artifact, own: 0, shared: 0 }))
        .collect();
    let mut uses: Vec<(Location, usize, u32)> = Vec::new();
    for (number, entry) in catalogue.artifacts.values().enumerate() {
        let geometry = &entry.known.geometry;
        uses.extend(entry.lying().map(|(index, place)| (place, number, geometry.length(index))));
    }
    uses.sort_unstable();
    // An artifact may have the same piece twice.
    uses.dedup_by_key(|(place, number, _)| (*place, *number));
    let mut all: Vec<&mut Footprint> = footprints.values_mut().collect();
    for users in uses.chunk_by(|(one, ..), (other, ..)| one == other) {
        let is_shared = users.len() > 1;
        for (_, number, length) in users {
            let Some(footprint) = all.get_mut(*number) else { continue };
            let taken = if is_shared { &mut footprint.shared } else { &mut footprint.own };
            *taken += blocks(*length) * BLOCK;
        }
    }
    footprints
}

fn lease(
    shared: &Shared,
    reservation: &Reservation,
    wanted: Wanted,
    now: UtcTime,
) -> Result<Held, StoreError> {
    let artifact = reservation.artifact;
    let known = match shared.catalogue().artifacts.get(&artifact) {
        Some(Artifact { known: Known { pin, last_verified, .. }, .. }) => {
            let (pin, last_verified) = (*pin, *last_verified);
            Known { pin, last_verified, ..Known::reserved(reservation, now) }
        }
        None => Known::reserved(reservation, now),
    };
    documents::write_manifest(&shared.layout, artifact, &known, &reservation.manifest)?;
    shared.index.put_facts(artifact, &known.facts())?;
    shared.index.sync()?;
    {
        let mut catalogue = shared.catalogue();
        let same = |entry: &&mut Artifact| same_cut(&entry.known, reservation);
        if let Some(entry) = catalogue.artifacts.get_mut(&artifact).filter(same) {
            entry.known = known.clone();
        } else {
            // One of another cut has no piece, or it would have been refused.
            let next = catalogue.artifacts.get(&artifact).map_or(0, |entry| entry.next);
            let mut entry = Artifact::new(known.clone());
            entry.next = next;
            catalogue.artifacts.insert(artifact, entry);
        }
    }
    let list = documents::read_list(&shared.layout, artifact, known.geometry, known.root)?;
    let mut catalogue = shared.catalogue();
    let entry = catalogue.artifacts.get_mut(&artifact).ok_or(StoreError::NotReserved(artifact))?;
    entry.list = list.clone();
    entry.lease = Some(Lease { reserved: wanted.kept, output: wanted.output });
    let list = list.as_ref().map(Arc::clone);
    Ok(Held { have: entry.have.clone(), list, evicted: Vec::new() })
}
