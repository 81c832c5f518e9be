//! The store as the use cases see it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use app::ports::{
    Accounts, Failure, Held, KnownPeer, Model, PieceState, PieceStore, Pin, ReadError, Recheck,
    Reservation, ReserveError,
};
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, PublicKey};
use verifier::piece::{PieceList, Source, VerifiedPiece};
use verifier::scalars::{Id, Label, UtcTime, Version};
use verifier::{Bitfield, PieceIndex, Sha256};

use crate::catalogue::Catalogue;
use crate::core::Core;
use crate::error::StoreError;
use crate::index::{ArtifactRow, Changes, Index, KeptRow, Key, PeerRow, PieceRow};
use crate::keeper::{self, Job};
use crate::layout::{Layout, LayoutError};
use crate::lock::{LockError, StoreLock};
use crate::pack::{Address, Packs};
use crate::rebuild;

/// Bytes of pieces that may wait to be written.
const QUEUE_BYTES: u32 = 24 << 20;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open, or the lock cannot be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The disk failed, or the index cannot be rebuilt.
    #[error("the library cannot be opened")]
    Failed(#[from] StoreError),
}

/// The pieces on disk and the facts about them, owned by this process alone.
#[derive(Debug)]
pub struct Store {
    core: Arc<Core>,
    jobs: Option<Sender<Job>>,
    keeper: Option<std::thread::JoinHandle<()>>,
    room: Arc<Semaphore>,
    notices: Vec<String>,
    _lock: StoreLock,
}

impl Store {
    /// Opens the store in a data folder, or makes a new one there; `program` is what another
    /// process is told of who has it.
    ///
    /// What an interrupted write left behind is cut. A lost index is rebuilt from the packs, and
    /// [`Self::notices`] says so.
    ///
    /// # Errors
    ///
    /// [`OpenError`], naming the process that has the store open, if one has.
    pub fn open(data_folder: &Path, program: &str) -> Result<Self, OpenError> {
        let layout = Layout::new(data_folder);
        layout.create()?;
        let lock = StoreLock::take(&layout.lock(), program)?;
        let packs = Packs::new(layout.packs());
        let mut notices = Vec::new();
        let (index, catalogue) = open_index(&layout, &packs, &mut notices)?;
        let tail = tidy(&packs, &catalogue).map_err(StoreError::from)?;
        let core = Arc::new(Core::new(layout, index, packs, catalogue, tail));
        let (jobs, queue) = channel();
        let writer = Arc::clone(&core);
        let keeper = std::thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || keeper::run(&writer, &queue))
            .map_err(StoreError::from)?;
        Ok(Self {
            core,
            jobs: Some(jobs),
            keeper: Some(keeper),
            room: Arc::new(Semaphore::new(QUEUE_BYTES as usize)),
            notices,
            _lock: lock,
        })
    }

    /// What the user has to know of how the store was opened, one sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let core = Arc::clone(&self.core);
        Ok(tokio::task::spawn_blocking(move || work(&core)).await??)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has nothing left to write.
            drop(keeper.join());
        }
        if let Err(error) = self.core.index.flush() {
            tracing::error!(%error, "cannot write the index out");
        }
    }
}

fn open_index(
    layout: &Layout,
    packs: &Packs,
    notices: &mut Vec<String>,
) -> Result<(Index, Catalogue), StoreError> {
    let packs_there = !packs.numbers()?.is_empty();
    if layout.index().exists() || !packs_there {
        let opened = Index::open(&layout.index())
            .and_then(|index| Catalogue::load(&index).map(|catalogue| (index, catalogue)));
        match opened {
            Ok(opened) => return Ok(opened),
            Err(StoreError::Disk(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                return Err(error.into());
            }
            Err(error) => tracing::error!(%error, "the index is lost"),
        }
    }
    let (index, notice) = rebuild::rebuild(layout, packs)?;
    notices.push(notice);
    let catalogue = Catalogue::load(&index)?;
    Ok((index, catalogue))
}

/// Cuts torn tails, removes dead packs, and opens the last pack for appending.
fn tidy(packs: &Packs, catalogue: &Catalogue) -> std::io::Result<keeper::Tail> {
    let mut last = None;
    for pack in packs.numbers()? {
        match catalogue.packs.get(&pack) {
            Some(used) => {
                packs.cut(pack, used.end)?;
                last = Some((pack, used.end));
            }
            None => packs.remove(pack)?,
        }
    }
    match last {
        Some((pack, end)) => Ok(Some(packs.resume(pack, end)?)),
        None => Ok(None),
    }
}

impl PieceStore for Store {
    async fn reserve(&self, reservation: Reservation, now: UtcTime) -> Result<Held, ReserveError> {
        let core = Arc::clone(&self.core);
        tokio::task::spawn_blocking(move || core.reserve(&reservation, now.unix()))
            .await
            .unwrap_or_else(|join| Err(ReserveError::Failed(join.into())))
    }

    fn release(&self, artifact: Sha256) {
        self.core.release(artifact);
    }

    async fn learn(&self, artifact: Sha256, list: Arc<PieceList>) -> Result<Bitfield, Failure> {
        self.blocking(move |core| learn(core, artifact, list)).await
    }

    async fn keep(&self, artifact: Sha256, piece: VerifiedPiece) -> Result<(), Failure> {
        let bytes = u32::try_from(piece.bytes().len()).unwrap_or(QUEUE_BYTES).min(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await?;
        let (done, outcome) = oneshot::channel();
        let job = Job { artifact, piece, done, _room: room };
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)?;
        Ok(outcome.await.map_err(|_| StoreError::Closed)??)
    }

    async fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Bytes, ReadError> {
        let core = Arc::clone(&self.core);
        tokio::task::spawn_blocking(move || core.read(artifact, index))
            .await
            .unwrap_or_else(|join| Err(ReadError::Failed(join.into())))
    }

    fn read_blocking(&self, artifact: Sha256, index: PieceIndex) -> Result<Bytes, ReadError> {
        self.core.read(artifact, index)
    }

    async fn model(&self, artifact: Sha256) -> Result<Option<Model>, Failure> {
        self.blocking(move |core| {
            match core.index.value::<ArtifactRow>(Key::Artifact(artifact))? {
                Some(row) => model(core, artifact, row),
                None => Ok(None),
            }
        })
        .await
    }

    async fn models(&self) -> Result<Vec<Model>, Failure> {
        self.blocking(|core| {
            let mut models = Vec::new();
            for (artifact, row) in core.index.artifacts()? {
                models.extend(model(core, artifact, row)?);
            }
            models.sort_by(|a, b| {
                (a.model_id.as_str(), a.model_version.as_str(), a.artifact).cmp(&(
                    b.model_id.as_str(),
                    b.model_version.as_str(),
                    b.artifact,
                ))
            });
            Ok(models)
        })
        .await
    }

    async fn manifest(&self, artifact: Sha256) -> Result<Option<Bytes>, Failure> {
        self.blocking(move |core| {
            let row = core.index.value::<ArtifactRow>(Key::Artifact(artifact))?;
            Ok(row.map(|row| Bytes::from(row.manifest)))
        })
        .await
    }

    async fn list(&self, artifact: Sha256) -> Result<Option<Arc<PieceList>>, Failure> {
        self.blocking(move |core| core.list(artifact)).await
    }

    async fn map(&self, artifact: Sha256) -> Result<Option<Vec<PieceState>>, Failure> {
        self.blocking(move |core| map(core, artifact)).await
    }

    async fn verified(&self, artifact: Sha256, now: UtcTime) -> Result<(), Failure> {
        self.blocking(move |core| {
            let known = core.change_row(artifact, |row| {
                row.last_verified = Some(now.unix());
                row.last_use = row.last_use.max(now.unix());
            })?;
            if known { Ok(()) } else { Err(StoreError::Unknown) }
        })
        .await
    }

    async fn pin(&self, artifact: Sha256, pin: Pin) -> Result<bool, Failure> {
        self.blocking(move |core| core.change_row(artifact, |row| row.pinned = pin == Pin::Pinned))
            .await
    }

    async fn forget(&self, artifact: Sha256) -> Result<Option<u64>, Failure> {
        self.blocking(move |core| core.forget(artifact)).await
    }

    async fn recheck(
        &self,
        artifact: Sha256,
        on: impl FnMut(u32) + Send + 'static,
    ) -> Result<Option<Recheck>, Failure> {
        self.blocking(move |core| recheck(core, artifact, on)).await
    }

    async fn accounts(&self) -> Result<Accounts, Failure> {
        self.blocking(Core::accounts).await
    }

    async fn set_quota(&self, bytes: u64) -> Result<(), Failure> {
        self.blocking(move |core| core.set_quota(bytes)).await
    }

    async fn peers(&self) -> Result<Vec<KnownPeer>, Failure> {
        self.blocking(|core| core.index.peers()?.into_iter().map(known_peer).collect()).await
    }

    async fn add_peer(&self, peer: KnownPeer) -> Result<(), Failure> {
        self.blocking(move |core| {
            let row = PeerRow {
                label: peer.label.to_string(),
                addresses: peer
                    .addresses
                    .iter()
                    .map(|address| address.as_str().to_owned())
                    .collect(),
                added: peer.added.unix(),
            };
            let mut changes = Changes::default();
            changes.put(Key::Peer(*peer.id.public_key().as_bytes()), &row)?;
            core.index.apply(changes)?;
            core.index.flush()
        })
        .await
    }

    async fn remove_peer(&self, id: PeerId) -> Result<bool, Failure> {
        self.blocking(move |core| {
            let key = Key::Peer(*id.public_key().as_bytes());
            let known = core.index.value::<PeerRow>(key)?.is_some();
            let mut changes = Changes::default();
            changes.remove(key);
            core.index.apply(changes)?;
            core.index.flush()?;
            Ok(known)
        })
        .await
    }
}

fn learn(core: &Core, artifact: Sha256, list: Arc<PieceList>) -> Result<Bitfield, StoreError> {
    let _writing = core.writing();
    let missing = {
        let mut catalogue = core.catalogue();
        let entry = catalogue.artifacts.get_mut(&artifact).ok_or(StoreError::Unknown)?;
        if entry.geometry != *list.geometry() || entry.root != list.root() {
            return Err(StoreError::OtherList);
        }
        entry.list = Some(Arc::clone(&list));
        entry.have.complement()
    };
    rebuild::copy_list(&core.layout, artifact, &list)?;
    let mut changes = Changes::default();
    rebuild::put_list(&mut changes, artifact, Some(&list))?;
    let mut shared = Vec::new();
    let mut rows: std::collections::HashMap<Address, PieceRow> = std::collections::HashMap::new();
    let algorithm = list.root().algorithm();
    for (index, digest) in list.geometry().indices().zip(list.digests()) {
        if !missing.contains(index) {
            continue;
        }
        let Some(address) = core.index.value::<[u8; 32]>(Key::Digest(algorithm, *digest))? else {
            continue;
        };
        let address = Address(address);
        let row = match rows.get(&address) {
            Some(row) => Some(*row),
            None => core.index.value::<PieceRow>(Key::Piece(address))?,
        };
        let Some(row) = row.filter(|row| row.place().length == list.geometry().length(index))
        else {
            continue;
        };
        let row = row.wanted();
        rows.insert(address, row);
        changes.put(Key::Piece(address), &row)?;
        changes
            .put(Key::Kept(artifact, index.get()), &KeptRow { address: address.0, source: None })?;
        shared.push(index);
    }
    core.index.apply(changes)?;
    core.index.flush()?;
    let mut catalogue = core.catalogue();
    let entry = catalogue.artifacts.get_mut(&artifact).ok_or(StoreError::Unknown)?;
    for index in shared {
        entry.have.insert(index);
    }
    Ok(entry.have.clone())
}

fn model(core: &Core, artifact: Sha256, row: ArtifactRow) -> Result<Option<Model>, StoreError> {
    let (geometry, root, have) = {
        let catalogue = core.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        (entry.geometry, entry.root, entry.have.clone())
    };
    Ok(Some(Model {
        model_id: Id::parse(&row.model_id).map_err(|_| StoreError::Index)?,
        model_version: Version::parse(&row.model_version).map_err(|_| StoreError::Index)?,
        artifact,
        manifest_sha256: Sha256::from_bytes(row.manifest_sha256),
        geometry,
        root,
        have,
        pin: if row.pinned { Pin::Pinned } else { Pin::Unpinned },
        last_use: UtcTime::from_unix(row.last_use),
        last_verified: row.last_verified.map(UtcTime::from_unix),
    }))
}

fn map(core: &Core, artifact: Sha256) -> Result<Option<Vec<PieceState>>, StoreError> {
    let corrupt = {
        let catalogue = core.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        (entry.geometry, entry.corrupt.clone())
    };
    let (geometry, corrupt) = corrupt;
    let mut states: Vec<_> = geometry
        .indices()
        .map(
            |index| {
                if corrupt.contains(index) { PieceState::Corrupt } else { PieceState::Missing }
            },
        )
        .collect();
    for kept in core.index.kept(artifact) {
        let (index, kept) = kept?;
        if let Some(state) = states.get_mut(index as usize) {
            *state = PieceState::Kept(source(&kept)?);
        }
    }
    Ok(Some(states))
}

fn source(kept: &KeptRow) -> Result<Source, StoreError> {
    Ok(match kept.source {
        None => Source::Local,
        Some(key) => {
            Source::Peer(PublicKey::from_bytes(key).map_err(|_| StoreError::Index)?.peer_id())
        }
    })
}

fn recheck(
    core: &Core,
    artifact: Sha256,
    mut on: impl FnMut(u32),
) -> Result<Option<Recheck>, StoreError> {
    let (geometry, have) = {
        let catalogue = core.catalogue();
        let Some(entry) = catalogue.artifacts.get(&artifact) else { return Ok(None) };
        (entry.geometry, entry.have.clone())
    };
    let mut result = Recheck { checked: 0, corrupt: Vec::new() };
    for index in have.pieces(&geometry) {
        match core.read(artifact, index) {
            Ok(_) | Err(ReadError::Missing) => {}
            Err(ReadError::Failed(failure)) => {
                return Err(StoreError::Disk(std::io::Error::other(failure)));
            }
            Err(_) => result.corrupt.push(index),
        }
        result.checked += 1;
        on(result.checked);
    }
    Ok(Some(result))
}

fn known_peer((key, row): ([u8; 32], PeerRow)) -> Result<KnownPeer, StoreError> {
    let id = PublicKey::from_bytes(key).map_err(|_| StoreError::Index)?.peer_id();
    let addresses = row.addresses.iter().map(|text| PeerAddress::parse(text));
    Ok(KnownPeer {
        id,
        label: Label::parse(&row.label).map_err(|_| StoreError::Index)?,
        addresses: addresses.collect::<Result<_, _>>().map_err(|_| StoreError::Index)?,
        added: UtcTime::from_unix(row.added),
    })
}
