//! Admission: what may be taken in, and what has to go for it.

use app::ports::{Accounts, Held, Reservation, ReserveError};
use verifier::{Geometry, Root, Sha256};

use crate::catalogue::{Entry, Lease, row, shape};
use crate::core::Core;
use crate::error::StoreError;
use crate::index::{Changes, Key};
use crate::pack::allocated;

/// The quota until the user sets one, in bytes.
pub(crate) const DEFAULT: u64 = 4 << 30;
/// What is always left free on the device, in bytes.
const MARGIN: u64 = 16 << 20;

impl Core {
    /// Where the store's bytes are.
    pub(crate) fn accounts(&self) -> Result<Accounts, StoreError> {
        let mut packs = 0;
        for pack in self.packs.numbers()? {
            packs += self.packs.disk_bytes(pack)?;
        }
        let (live, reserved) = {
            let catalogue = self.catalogue();
            (catalogue.live(), catalogue.reserved())
        };
        Ok(Accounts {
            live,
            dead: packs.saturating_sub(live),
            index: folder_bytes(&self.layout.index())? + folder_bytes(&self.layout.manifests())?,
            reserved,
            quota: self.quota()?,
            free: free(self.layout.root())?,
        })
    }

    fn quota(&self) -> Result<u64, StoreError> {
        Ok(self.index.value::<u64>(Key::Quota)?.unwrap_or(DEFAULT))
    }

    pub(crate) fn set_quota(&self, bytes: u64) -> Result<(), StoreError> {
        let mut changes = Changes::default();
        changes.put(Key::Quota, &bytes)?;
        self.index.apply(changes)?;
        self.index.flush()
    }

    /// Makes room for an artifact and holds it, or says why it does not fit.
    pub(crate) fn reserve(
        &self,
        reservation: &Reservation,
        now: u64,
    ) -> Result<Held, ReserveError> {
        let artifact = reservation.artifact;
        let lease = self.take_lease(reservation)?;
        let admitted = self.admit(artifact, lease).and_then(|()| {
            self.write_reservation(reservation, now).map_err(failed)?;
            self.list(artifact).map_err(failed)
        });
        match admitted {
            Ok(list) => {
                let catalogue = self.catalogue();
                let have = catalogue.artifacts.get(&artifact).map(|entry| entry.have.clone());
                have.map(|have| Held { have, list }).ok_or_else(|| failed(StoreError::Unknown))
            }
            Err(error) => {
                self.give_up(artifact, reservation.geometry, reservation.root).map_err(failed)?;
                Err(error)
            }
        }
    }

    fn take_lease(&self, reservation: &Reservation) -> Result<Lease, ReserveError> {
        let mut catalogue = self.catalogue();
        let entry = catalogue
            .artifacts
            .entry(reservation.artifact)
            .or_insert_with(|| Entry::new(reservation.geometry, reservation.root));
        if entry.geometry != reservation.geometry || entry.root != reservation.root {
            // Another manifest cuts the same artifact otherwise: that is another set of pieces.
            return Err(failed(StoreError::OtherList));
        }
        if entry.lease.is_some() {
            return Err(ReserveError::Busy);
        }
        let lease = entry.lease_for(reservation.output_bytes);
        entry.lease = Some(lease);
        Ok(lease)
    }

    fn admit(&self, artifact: Sha256, lease: Lease) -> Result<(), ReserveError> {
        let wanted = lease.bytes();
        loop {
            let accounts = self.accounts().map_err(failed)?;
            let used = accounts
                .live
                .saturating_add(accounts.dead)
                .saturating_add(accounts.index)
                .saturating_add(accounts.reserved)
                .saturating_sub(wanted);
            let left = accounts.quota.saturating_sub(used);
            let fits = wanted <= left;
            if fits && wanted.saturating_add(MARGIN) <= accounts.free {
                return Ok(());
            }
            let evictable = self.evictable(artifact).map_err(failed)?;
            let could_free: u64 = evictable.iter().map(|(_, _, bytes)| bytes).sum();
            let enough = wanted <= left.saturating_add(could_free);
            match evictable.first() {
                Some((_, oldest, _)) if enough => {
                    tracing::info!(artifact = %oldest, "evicted to make room");
                    self.forget(*oldest).map_err(failed)?;
                }
                _ if !fits => {
                    let left = left.saturating_add(could_free);
                    return Err(ReserveError::Quota { wanted, left, quota: accounts.quota });
                }
                _ => return Err(ReserveError::Device { wanted, free: accounts.free }),
            }
        }
    }

    /// Unpinned artifacts without a lease, least recently used first, and what each would free.
    fn evictable(&self, spared: Sha256) -> Result<Vec<(u64, Sha256, u64)>, StoreError> {
        let rows = self.index.artifacts()?;
        let catalogue = self.catalogue();
        let mut evictable: Vec<_> = rows
            .into_iter()
            .filter(|(artifact, row)| !row.pinned && *artifact != spared)
            .filter_map(|(artifact, row)| {
                let entry = catalogue.artifacts.get(&artifact)?;
                let bytes = entry
                    .have
                    .pieces(&entry.geometry)
                    .map(|index| u64::from(entry.geometry.length(index)))
                    .sum();
                entry.lease.is_none().then_some((row.last_use, artifact, bytes))
            })
            .collect();
        evictable.sort_unstable_by_key(|(last_use, artifact, _)| (*last_use, *artifact));
        Ok(evictable)
    }

    fn write_reservation(&self, reservation: &Reservation, now: u64) -> Result<(), StoreError> {
        let artifact = reservation.artifact;
        crate::rebuild::copy_manifest(&self.layout, artifact, &reservation.manifest)?;
        let known = self.change_row(artifact, |row| row.last_use = now)?;
        if !known {
            let mut changes = Changes::default();
            changes.put(Key::Artifact(artifact), &row(reservation, now))?;
            self.index.apply(changes)?;
            self.index.flush()?;
        }
        Ok(())
    }

    /// Gives a refused lease back; an artifact that is in no row was never there.
    fn give_up(&self, artifact: Sha256, geometry: Geometry, root: Root) -> Result<(), StoreError> {
        let stays = match self.index.value(Key::Artifact(artifact))? {
            Some(row) => shape(&row)? == (geometry, root),
            None => false,
        };
        let mut catalogue = self.catalogue();
        if stays {
            if let Some(entry) = catalogue.artifacts.get_mut(&artifact) {
                entry.lease = None;
            }
        } else {
            catalogue.artifacts.remove(&artifact);
        }
        Ok(())
    }

    /// Gives back what is left of a lease.
    pub(crate) fn release(&self, artifact: Sha256) {
        if let Some(entry) = self.catalogue().artifacts.get_mut(&artifact) {
            entry.lease = None;
        }
    }
}

fn failed(error: StoreError) -> ReserveError {
    ReserveError::Failed(error.into())
}

fn folder_bytes(folder: &std::path::Path) -> Result<u64, StoreError> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += allocated(&entry.path())?;
            }
        }
    }
    Ok(bytes)
}

#[cfg(unix)]
fn free(folder: &std::path::Path) -> Result<u64, StoreError> {
    let device = rustix::fs::statvfs(folder).map_err(std::io::Error::from)?;
    Ok(device.f_bavail.saturating_mul(device.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &std::path::Path) -> Result<u64, StoreError> {
    Ok(u64::MAX)
}
