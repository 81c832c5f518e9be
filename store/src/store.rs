//! The store on disk, as the use cases see it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{
    Abilities, Accounts, Evictable, Failure, Footprint, Held, KnownPeer, Landed, Liar, Lie,
    Lowering, Model, PieceState, PieceStore, Pin, Quota, ReadError, Recheck, Record, Reservation,
    ReserveError, What,
};
use bytes::Bytes;
use tokio::sync::broadcast;
use verifier::identity::PeerId;
use verifier::piece::{PieceList, VerifiedPiece};
use verifier::scalars::{Id, UtcTime};
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::book::Book;
use crate::error::{OpenError, StoreError};
use crate::index::Known;
use crate::journal::TransferFile;
use crate::pipeline::{Jobs, Pipeline};
use crate::shared::{Found, Shared, now};
use crate::workers::Next;
use crate::{accounts, documents, forget, learn, pipeline, quota, recovery, scrub};

/// The library of one installation, on disk. One process has it open at a time.
///
/// Dropping it waits until what was asked to be kept is.
#[derive(Debug)]
pub struct Store {
    // The thread ends before what it shares is closed.
    pipeline: Pipeline,
    shared: Arc<Shared>,
    transfers: Arc<TransferFile>,
    notices: Vec<String>,
}

impl Store {
    /// Opens the store of a data folder, which is made if there is none.
    ///
    /// `program` is what a second process is told has the store. What the last process left
    /// half done is finished or taken back; [`Self::notices`] tells what the user should know.
    ///
    /// # Errors
    ///
    /// [`OpenError::Lock`] if another process has the store, [`OpenError::Failed`] if the disk
    /// fails.
    pub fn open(data_folder: &Path, program: &str) -> Result<Self, OpenError> {
        let (shared, notices) = recovery::open(data_folder, program)?;
        let shared = Arc::new(shared);
        let pipeline = Pipeline::start(Arc::clone(&shared))?;
        let transfers = Arc::new(TransferFile::new(shared.layout.transfers_log()));
        Ok(Self { pipeline, shared, transfers, notices })
    }

    /// What its outputs are made from.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What the user should be told of how the store was opened, as whole sentences.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let shared = Arc::clone(&self.shared);
        Ok(tokio::task::spawn_blocking(move || work(&shared)).await??)
    }

    pub(crate) async fn exclusive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.pipeline.exclusive(work).await??)
    }

    /// What would go for something.
    async fn planned(
        &self,
        plan: impl FnOnce(&Shared) -> Result<Vec<Evictable>, ReserveError> + Send + 'static,
    ) -> Result<Vec<Evictable>, ReserveError> {
        let shared = Arc::clone(&self.shared);
        let planned = tokio::task::spawn_blocking(move || plan(&shared)).await;
        planned.unwrap_or_else(|join| Err(ReserveError::Failed(join.into())))
    }

    /// Reads these pieces of an artifact again, or all of them.
    async fn read_again(
        &self,
        artifact: Sha256,
        pieces: Option<Bitfield>,
        mut on: impl FnMut(u32) + Send + 'static,
    ) -> Result<Option<Recheck>, Failure> {
        let dropped = Dropped::default();
        let stop = Arc::clone(&dropped.0);
        let jobs = self.pipeline.jobs()?.clone();
        let scrubbed = self
            .blocking(move |shared| {
                let scrubbed = scrub::recheck(shared, artifact, pieces.as_ref(), |done| {
                    on(done);
                    if stop.load(Ordering::Relaxed) { Next::Stop } else { Next::GoOn }
                });
                let Some(recheck) = scrubbed? else { return Ok(None) };
                // Asked for here: the space comes back also if nobody waits any more.
                let corrupt = recheck.corrupt.clone();
                let give_back =
                    move |shared: &Shared| forget::give_back(shared, artifact, &corrupt);
                Ok(Some((recheck, jobs.exclusive(give_back)?)))
            })
            .await?;
        let Some((recheck, given_back)) = scrubbed else { return Ok(None) };
        match given_back.await.map_err(|_| StoreError::Closed)? {
            // Then it takes that room for a while longer.
            Err(error) if error.is_unwritable() => {}
            given_back => given_back?,
        }
        Ok(Some(recheck))
    }
}

impl PieceStore for Store {
    async fn reserve(&self, reservation: Reservation, now: UtcTime) -> Result<Held, ReserveError> {
        let failed = |error: StoreError| ReserveError::Failed(error.into());
        let dropped = Dropped::default();
        let (unwanted, shared) = (Arc::clone(&dropped.0), Arc::clone(&self.shared));
        let transfers = Arc::clone(&self.transfers);
        let jobs = self.pipeline.jobs().map_err(failed)?.clone();
        let work = move |_: &Shared| {
            if unwanted.load(Ordering::Relaxed) {
                return Err(failed(StoreError::Closed));
            }
            let on = |gone: &Evictable| note_eviction(&transfers, gone, now);
            let held = quota::reserve(&shared, &reservation, now, on)?;
            Ok((held, Unclaimed { shared, jobs, artifact: Some(reservation.artifact) }))
        };
        let (held, unclaimed) = self.pipeline.exclusive(work).await.map_err(failed)??;
        unclaimed.claim();
        Ok(held)
    }

    fn release(&self, artifact: Sha256) {
        if let Ok(jobs) = self.pipeline.jobs() {
            release(&self.shared, jobs, artifact);
        }
    }

    fn hold(&self, artifact: Sha256) {
        *self.shared.catalogue().held.entry(artifact).or_default() += 1;
    }

    fn let_go(&self, artifact: Sha256) {
        let mut catalogue = self.shared.catalogue();
        if let Entry::Occupied(mut held) = catalogue.held.entry(artifact) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }

    async fn learn(&self, artifact: Sha256, list: Arc<PieceList>) -> Result<Bitfield, Failure> {
        self.exclusive(move |shared| learn::learn(shared, artifact, &list)).await
    }

    async fn keep(&self, artifact: Sha256, piece: VerifiedPiece) -> Result<(), Failure> {
        Ok(self.pipeline.keep(artifact, piece).await?)
    }

    fn landed(&self) -> broadcast::Receiver<Landed> {
        self.shared.listen()
    }

    async fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Bytes, ReadError> {
        if let Some(entry) = self.shared.catalogue().artifacts.get_mut(&artifact) {
            entry.known.last_use = now().max(entry.known.last_use);
        }
        if let Some(bytes) = self.shared.read_here(artifact, index) {
            return Ok(bytes);
        }
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || found(shared.read(artifact, index)))
            .await
            .unwrap_or_else(|error| Err(ReadError::Failed(error.into())))
    }

    async fn model(&self, artifact: Sha256) -> Result<Option<Model>, Failure> {
        let catalogue = self.shared.catalogue();
        Ok(catalogue.artifacts.get(&artifact).map(|entry| entry.model(artifact)))
    }

    async fn models(&self) -> Result<Vec<Model>, Failure> {
        let catalogue = self.shared.catalogue();
        let mut models: Vec<Model> =
            catalogue.artifacts.iter().map(|(artifact, entry)| entry.model(*artifact)).collect();
        models
            .sort_by(|a, b| (&a.model_id, &a.model_version).cmp(&(&b.model_id, &b.model_version)));
        Ok(models)
    }

    async fn manifest(&self, artifact: Sha256) -> Result<Option<Bytes>, Failure> {
        self.blocking(move |shared| {
            let file = documents::read_manifest(&shared.layout, artifact)?;
            Ok(file.map(|(_, manifest)| manifest))
        })
        .await
    }

    async fn list(&self, artifact: Sha256) -> Result<Option<Arc<PieceList>>, Failure> {
        self.blocking(move |shared| Ok(learn::list(shared, artifact))).await
    }

    async fn map(&self, artifact: Sha256) -> Result<Option<Vec<PieceState>>, Failure> {
        let catalogue = self.shared.catalogue();
        Ok(catalogue.artifacts.get(&artifact).map(crate::catalogue::Artifact::map))
    }

    async fn verified(&self, artifact: Sha256, now: UtcTime) -> Result<(), Failure> {
        self.exclusive(move |shared| {
            let change = |known: &mut Known| known.last_verified = Some(now);
            if change_facts(shared, artifact, change)? {
                seal(shared, artifact)?;
            }
            Ok(())
        })
        .await
    }

    async fn pin(&self, artifact: Sha256, pin: Pin) -> Result<bool, Failure> {
        self.exclusive(move |shared| change_facts(shared, artifact, |known| known.pin = pin)).await
    }

    async fn forget(&self, artifact: Sha256) -> Result<Option<u64>, Failure> {
        self.exclusive(move |shared| forget::forget(shared, artifact)).await
    }

    async fn recheck(
        &self,
        artifact: Sha256,
        on: impl FnMut(u32) + Send + 'static,
    ) -> Result<Option<Recheck>, Failure> {
        self.read_again(artifact, None, on).await
    }

    async fn recheck_some(
        &self,
        artifact: Sha256,
        pieces: Bitfield,
        on: impl FnMut(u32) + Send + 'static,
    ) -> Result<Option<Recheck>, Failure> {
        self.read_again(artifact, Some(pieces), on).await
    }

    async fn mark_bad(&self, artifact: Sha256, index: PieceIndex) -> Result<(), Failure> {
        self.shared.mark_bad(artifact, index);
        self.exclusive(move |shared| forget::give_back(shared, artifact, &[index])).await
    }

    async fn accounts(&self) -> Result<Accounts, Failure> {
        self.blocking(accounts::accounts).await
    }

    fn abilities(&self) -> Abilities {
        self.shared.abilities
    }

    async fn footprints(&self) -> Result<Vec<Footprint>, Failure> {
        self.blocking(|shared| Ok(accounts::footprints(shared)?.into_values().collect())).await
    }

    async fn would_reserve(
        &self,
        reservation: Reservation,
    ) -> Result<Vec<Evictable>, ReserveError> {
        self.planned(move |shared| quota::would_reserve(shared, &reservation)).await
    }

    async fn would_evict(&self, bytes: u64) -> Result<Vec<Evictable>, ReserveError> {
        self.planned(move |shared| quota::would_evict(shared, bytes)).await
    }

    async fn set_quota(&self, bytes: u64) -> Result<(), Failure> {
        self.blocking(move |shared| {
            shared.book.change(|book| book.quota = Some(bytes))?;
            shared.catalogue().quota = bytes;
            Ok(())
        })
        .await
    }

    async fn model_quotas(&self) -> Result<BTreeMap<Id, u64>, Failure> {
        Ok(self.shared.book.look(|book| book.models.clone()))
    }

    async fn lift_quota(&self, model: Id) -> Result<bool, Failure> {
        let lift = move |book: &mut Book| book.models.remove(&model).is_some();
        self.blocking(move |shared| shared.book.change(lift)).await
    }

    async fn would_lower(&self, quota: Quota) -> Result<Lowering, Failure> {
        self.blocking(move |shared| quota::would_lower(shared, &quota)).await
    }

    async fn lower(
        &self,
        quota: Quota,
        agreed: Vec<Sha256>,
        now: UtcTime,
    ) -> Result<Vec<Evictable>, ReserveError> {
        let transfers = Arc::clone(&self.transfers);
        let work = move |shared: &Shared| {
            let on = |gone: &Evictable| note_eviction(&transfers, gone, now);
            quota::lower(shared, &quota, &agreed, on)
        };
        let lowered = self.pipeline.exclusive(work).await;
        lowered.map_err(|error| ReserveError::Failed(error.into()))?
    }

    async fn peers(&self) -> Result<Vec<KnownPeer>, Failure> {
        Ok(self.shared.book.look(|book| book.peers.values().cloned().collect()))
    }

    async fn add_peer(&self, peer: KnownPeer) -> Result<(), Failure> {
        let add = |book: &mut Book| drop(book.peers.insert(peer.id, peer));
        self.blocking(move |shared| shared.book.change(add)).await
    }

    async fn remove_peer(&self, id: PeerId) -> Result<bool, Failure> {
        let remove = move |book: &mut Book| book.peers.remove(&id).is_some();
        self.blocking(move |shared| shared.book.change(remove)).await
    }

    async fn liars(&self) -> Result<BTreeMap<PeerId, Liar>, Failure> {
        Ok(self.shared.book.look(|book| book.liars.clone()))
    }

    async fn lied(&self, peer: PeerId, lie: Lie) -> Result<(), Failure> {
        let lied = move |book: &mut Book| book.liars.entry(peer).or_default().lied(lie);
        self.blocking(move |shared| shared.book.change(lied)).await
    }

    async fn unban(&self, peer: PeerId) -> Result<bool, Failure> {
        let unban = move |book: &mut Book| {
            let liar = book.liars.get_mut(&peer);
            liar.is_some_and(|liar| std::mem::take(&mut liar.is_banned))
        };
        self.blocking(move |shared| shared.book.change(unban)).await
    }

    fn lets_in(&self, id: PeerId) -> bool {
        self.shared.book.lets_in(id)
    }
}

/// Says so when it is dropped.
#[derive(Default)]
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A reservation that nobody has yet; it is given back if nobody comes for it.
struct Unclaimed {
    shared: Arc<Shared>,
    jobs: Jobs,
    artifact: Option<Sha256>,
}

impl Unclaimed {
    fn claim(mut self) {
        self.artifact = None;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(artifact) = self.artifact {
            release(&self.shared, &self.jobs, artifact);
        }
    }
}

/// Ends a reservation, and puts the artifact in order.
fn release(shared: &Shared, jobs: &Jobs, artifact: Sha256) {
    if let Some(entry) = shared.catalogue().artifacts.get_mut(&artifact) {
        entry.lease = None;
        entry.list = None;
        entry.known.last_use = now().max(entry.known.last_use);
    }
    let settle = move |shared: &Shared| {
        if let Err(error) = pipeline::settle(shared, artifact) {
            tracing::error!(%error, "an artifact is not in order, and looked at by the next start");
        }
    };
    drop(jobs.exclusive(settle));
}

fn note_eviction(transfers: &TransferFile, gone: &Evictable, now: UtcTime) {
    let record = Record {
        time: now,
        what: What::Evicted,
        model_id: gone.model_id.clone(),
        artifact: gone.artifact,
        peer: None,
        bytes: gone.bytes,
        note: String::new(),
    };
    if let Err(error) = transfers.append(&[record]) {
        tracing::error!(%error, artifact = %gone.artifact, "cannot write down an eviction");
    }
}

fn found(found: Result<Found, StoreError>) -> Result<Bytes, ReadError> {
    match found {
        Ok(Found::Whole(bytes)) => Ok(bytes),
        Ok(Found::Missing) => Err(ReadError::Missing),
        Ok(Found::Corrupt | Found::Unread) => Err(ReadError::Corrupt),
        Err(error) => Err(ReadError::Failed(error.into())),
    }
}

/// Changes an artifact's facts, on the disk first; whether there is such an artifact. For the one
/// thread that writes them, so that no change undoes another.
fn change_facts(
    shared: &Shared,
    artifact: Sha256,
    change: impl Fn(&mut Known),
) -> Result<bool, StoreError> {
    let changed = |known: &Known| {
        let mut known = known.clone();
        change(&mut known);
        known
    };
    let new = shared.catalogue().artifacts.get(&artifact).map(|entry| changed(&entry.known));
    let Some(new) = new else { return Ok(false) };
    let (written, manifest) = documents::read_manifest(&shared.layout, artifact)?
        .ok_or(StoreError::NoManifest(artifact))?;
    let write =
        |known: &Known| documents::write_manifest(&shared.layout, artifact, known, &manifest);
    match write(&new) {
        // What else is known by now can wait.
        Err(error) if error.is_unwritable() => write(&changed(&written)).map_err(|_| error)?,
        written => written?,
    }
    let row = {
        let catalogue = shared.catalogue();
        catalogue.artifacts.get(&artifact).map(|entry| entry.row(new.facts()))
    };
    let indexed = row
        .map_or(Ok(()), |row| shared.index.put_row(artifact, &row))
        .and_then(|()| shared.index.sync());
    let is_indexed = match indexed {
        // The manifest's facts are believed first.
        Err(error) if error.is_unwritable() => false,
        indexed => indexed.map(|()| true)?,
    };
    if let Some(entry) = shared.catalogue().artifacts.get_mut(&artifact) {
        change(&mut entry.known);
        entry.behind.is_unwritten |= !is_indexed;
    }
    Ok(true)
}

/// Lets the file of an artifact that was verified whole only be read from now on, if all of it is
/// in that file.
fn seal(shared: &Shared, artifact: Sha256) -> Result<(), StoreError> {
    let is_whole = {
        let catalogue = shared.catalogue();
        let entry = catalogue.artifacts.get(&artifact);
        entry.is_some_and(|entry| entry.have.is_full() && entry.lying_elsewhere().next().is_none())
    };
    if is_whole { shared.slots.seal(artifact) } else { Ok(()) }
}
