//! Makes a share from a local `.slm` that passes the check.

mod names;
pub(crate) mod reading;

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use verifier::artifact::{ArtifactError, Extras, Passes};
use verifier::chunk_list::ChunkListError;
use verifier::consent::Act;
use verifier::geometry::{CHUNK_LIMITS, GeometryError};
use verifier::manifest::{Manifest, ManifestError, Options, UnknownKeys};
use verifier::piece::{ListError, PieceError, PieceList};
use verifier::scalars::Id;
use verifier::slm::{ChecksumRule, Slm, SlmError};
use verifier::{Advice, ChunkAlgorithm, Code, Coded as _, Geometry, Sha256};

use crate::blame::{Blame, Blamed, CONSENT_DENIED, IO_FAILED, machine_advice};
use crate::consent::{Consent, open_grants, take_back};
use crate::counted::Counted;
use crate::event;
use crate::import::pause::Pauses;
use crate::lease::{Lease, keeps_manifest, reservation};
use crate::library::{DAMAGED, LACKS_MANIFEST, MEND_MANIFEST};
use crate::ports::{
    Clock as _, Evictable, Failure, Journal as _, JournalError, Model, PieceStore, Pin, Ports,
    ReserveError, Spend, Standing,
};
use crate::problem::Problem;
use reading::read_pieces;

pub use names::{Names, undrafted};

/// How many bytes are read at once while measuring.
const BLOCK: usize = 1 << 20;
/// Bytes of pieces that may wait to be kept.
const KEEP_BYTES: usize = 16 << 20;

/// Why a share could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    /// The file cannot be cut into pieces.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The algorithm cannot have such pieces.
    #[error(transparent)]
    List(#[from] ListError),
    /// The file is not a valid `.slm`.
    #[error(transparent)]
    Slm(#[from] SlmError),
    /// The manifest that was made, or given, is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The file is not what the given manifest names.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The chunk list that was made is wrong.
    #[error(transparent)]
    ChunkList(#[from] ChunkListError),
    /// No sound manifest of the model is kept.
    #[error("{LACKS_MANIFEST}")]
    LacksManifest,
    /// The given manifest does not cut the artifact into pieces.
    #[error("the manifest has no chunking")]
    NoChunking,
    /// The file changed while it was read.
    #[error("the file changed while it was read")]
    Changed(#[source] PieceError),
    /// The user's yes does not cover keeping the pieces.
    #[error("there is no consent to cache this artifact")]
    NoConsent,
    /// The store has no room.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The consent log says no, or cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
}

impl Blamed for ShareError {
    fn blame(&self) -> Blame {
        match self {
            Self::File(_) | Self::Store(_) => Blame::Machine,
            Self::Artifact(error) if error.code() == IO_FAILED => Blame::Machine,
            Self::NoConsent => Blame::Refused,
            Self::Reserve(error) => error.blame(),
            Self::Journal(error) => error.blame(),
            _ => Blame::Input,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::File(_) | Self::Store(_) => IO_FAILED,
            Self::Geometry(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Slm(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Artifact(error) => error.code(),
            Self::ChunkList(error) => error.code(),
            Self::LacksManifest => DAMAGED,
            Self::NoChunking => Code::new("chunk-list", "no-chunking"),
            Self::Changed(error) => error.code(),
            Self::NoConsent => CONSENT_DENIED,
            Self::Reserve(error) => error.code(),
            Self::Journal(error) => error.code(),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::File(_) => "file".into(),
            Self::Store(_) => "store".into(),
            Self::Geometry(error) => error.field(),
            Self::List(error) => error.field(),
            Self::Slm(error) => error.field(),
            Self::Manifest(error) => error.field(),
            Self::Artifact(error) => error.field(),
            Self::ChunkList(error) => error.field(),
            Self::LacksManifest => "manifest".into(),
            Self::NoChunking => "chunking.algorithm".into(),
            Self::Changed(error) => error.field(),
            Self::NoConsent => "cache".into(),
            Self::Reserve(error) => error.field(),
            Self::Journal(error) => error.field(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::File(error) => machine_advice(error),
            Self::Geometry(error) => error.advice(),
            Self::List(error) => error.advice(),
            Self::Slm(error @ SlmError::Incomplete { .. }) => error.advice(),
            Self::Slm(_) => "Only a valid .slm can be shared: export the model again.".into(),
            Self::Manifest(error) => error.advice(),
            Self::ChunkList(error) => error.advice(),
            Self::Artifact(error) => error.advice().alone(),
            Self::LacksManifest => MEND_MANIFEST.into(),
            Self::NoChunking => "Take a manifest with a chunking group, or let one be made.".into(),
            Self::Changed(_) => "Wait until nothing writes the file, then try again.".into(),
            Self::NoConsent => "Try again and say yes, if you want this to happen.".into(),
            Self::Reserve(error) => error.advice(),
            Self::Journal(error) => error.advice(),
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}

/// The model of these bytes and its manifest, if pieces of it are kept already.
///
/// A model is kept under one manifest: offers that were given name it. Where that is damaged or
/// gone, another may take its place, as if nothing were kept.
///
/// # Errors
///
/// [`ShareError`], as [`kept_manifest`].
pub async fn already<S: PieceStore>(
    store: &S,
    artifact: Sha256,
) -> Result<Option<(Model, Manifest)>, ShareError> {
    let model = store.model(artifact).await.map_err(ShareError::Store)?;
    match model.filter(Model::keeps_manifest) {
        Some(model) => match kept_manifest(store, artifact).await {
            Err(ShareError::LacksManifest) => Ok(None),
            manifest => Ok(Some((model, manifest?))),
        },
        None => Ok(None),
    }
}

/// The model that this manifest names, if pieces of it are kept already, under this very manifest;
/// `None` also if that one is damaged or gone.
///
/// # Errors
///
/// [`ReserveError::OtherManifest`] if they are kept under another one, and [`ShareError::Store`] if
/// the store fails.
pub async fn already_under<S: PieceStore>(
    store: &S,
    manifest: &Manifest,
) -> Result<Option<Model>, ShareError> {
    let model = store.model(manifest.artifact_sha256()).await.map_err(ShareError::Store)?;
    let Some(model) = model.filter(Model::keeps_manifest) else { return Ok(None) };
    if !keeps_manifest(store, &model, manifest).await.map_err(ShareError::Store)? {
        return Ok(None);
    }
    if model.manifest_sha256 != manifest.sha256() {
        let Model { model_id, model_version, .. } = model;
        return Err(ReserveError::OtherManifest { model_id, model_version }.into());
    }
    Ok(Some(model))
}

/// The manifest of a model that is kept.
///
/// # Errors
///
/// [`ShareError`] if the store fails, or if what it has is no manifest.
pub async fn kept_manifest<S: PieceStore>(
    store: &S,
    artifact: Sha256,
) -> Result<Manifest, ShareError> {
    let bytes = store.manifest(artifact).await.map_err(ShareError::Store)?;
    let bytes = bytes.ok_or(ShareError::LacksManifest)?;
    // As leniently as it can have been read when its artifact came in.
    let options = Options { unknown_keys: UnknownKeys::Warn, ..Options::default() };
    Ok(Manifest::parse(&bytes, options)?)
}

/// What one reading of a local `.slm` told, enough to make its manifest.
#[derive(Debug)]
pub struct Survey {
    /// The file's length in bytes.
    pub byte_count: u64,
    /// The file's digest.
    pub sha256: Sha256,
    /// What the container holds.
    pub slm: Slm,
    /// Every chunk's digest, with geometry and root.
    pub list: Arc<PieceList>,
}

/// Reads a local file once and tells what a manifest has to say of it.
///
/// `piece_size` is chosen by the file's length where it is `None`, in bytes otherwise.
///
/// # Errors
///
/// [`ShareError`] if the file cannot be read or is not a valid `.slm`.
pub async fn survey(
    mut file: impl Read + Seek + Send + 'static,
    algorithm: ChunkAlgorithm,
    piece_size: Option<u32>,
) -> Result<Survey, ShareError> {
    blocking(move || {
        let byte_count = length(&mut file).map_err(ShareError::File)?;
        let size = piece_size
            .or_else(|| CHUNK_LIMITS.size_for(byte_count))
            .unwrap_or(CHUNK_LIMITS.default_size);
        let geometry = Geometry::new(byte_count, size)?;
        let mut passes = Passes::new(byte_count, Some((algorithm, geometry)), ChecksumRule::Verify);
        let mut left = byte_count;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
            let mut block = BytesMut::zeroed(wanted);
            file.read_exact(&mut block).map_err(ShareError::File)?;
            passes.update(block.freeze());
            left -= wanted as u64;
        }
        let measured = passes.finish();
        let slm = measured.slm?;
        let (digests, root) = measured
            .chunks
            .ok_or(ListError::PieceSize { algorithm, piece_size: geometry.piece_size() })?;
        let list = Arc::new(PieceList::prove(geometry, root, digests)?);
        Ok(Survey { byte_count, sha256: measured.sha256, slm, list })
    })
    .await
}

/// Checks a local file against a manifest that somebody else made, and lists its pieces.
///
/// # Errors
///
/// [`ShareError`] if the file is not what the manifest names.
pub async fn check(
    mut file: impl Read + Seek + Send + 'static,
    manifest: Arc<Manifest>,
) -> Result<Arc<PieceList>, ShareError> {
    blocking(move || {
        let byte_count = length(&mut file).map_err(ShareError::File)?;
        let verified = verifier::artifact::verify(
            &manifest,
            &mut file,
            byte_count,
            &Extras::default(),
            ChecksumRule::Verify,
        )?;
        verified.list().cloned().ok_or(ShareError::NoChunking)
    })
    .await
}

/// What happens while a share is made, in the order it happens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// These models were given up to make room.
    Evicted(Vec<Evictable>),
    /// So many pieces of so many are kept.
    Kept {
        /// Pieces kept.
        kept: u32,
        /// Pieces in all.
        pieces: u32,
    },
    /// The disk of this folder is full. What waits is kept by itself when there is room.
    Paused(Arc<Path>),
    /// There is room again.
    Resumed,
}

/// What keeping the file's pieces would evict, in the order of eviction; nothing is changed.
///
/// # Errors
///
/// [`ShareError::Reserve`] if there is no room for them whatever went.
pub async fn would_evict<P: Ports>(
    ports: &P,
    manifest: &Manifest,
    list: &PieceList,
) -> Result<Vec<Evictable>, ShareError> {
    let reservation = reservation(manifest, *list.geometry(), list.root(), None);
    Ok(ports.store().would_reserve(reservation).await?)
}

/// What a run that was killed left of its yes to keep the artifact's pieces: a new yes takes its
/// place.
///
/// # Errors
///
/// [`ShareError::Journal`] if the consent log cannot be used.
pub async fn earlier<P: Ports>(ports: &P, artifact: Sha256) -> Result<Vec<Id>, ShareError> {
    let now = ports.clock().now();
    let standing = ports.journal().standing(now).await?;
    Ok(open_grants(&standing, artifact, &[Act::Cache], now))
}

/// Keeps a local file's pieces in the store, pinned, so that they can be served.
///
/// The file is read again and each piece verified against the list, so a file that changed since
/// is noticed. Needs a yes to `cache`.
///
/// # Errors
///
/// [`ShareError`]; pieces that were kept stay kept. What fails when all are kept is given.
pub async fn keep<P: Ports>(
    ports: &P,
    mut file: impl Read + Seek + Send + 'static,
    manifest: Arc<Manifest>,
    list: Arc<PieceList>,
    consent: Consent,
    mut on: impl FnMut(Event) + Send,
) -> Result<Option<Problem>, ShareError> {
    let artifact = manifest.artifact_sha256();
    if consent.artifact() != artifact || !consent.covers(Act::Cache) {
        return Err(ShareError::NoConsent);
    }
    let bytes = manifest.byte_count();
    let model_id = manifest.model_id().clone();
    let whole = Spend { act: Act::Cache, model_id, artifact, peer: None, bytes };
    let mut counted = Counted::hold(&**ports.journal(), whole, ports.clock().now())?;
    let store = Arc::clone(ports.store());
    let mut lease = Lease::take(ports, &manifest, *list.geometry(), list.root(), None).await?;
    let evicted = std::mem::take(&mut lease.held.evicted);
    if !evicted.is_empty() {
        on(Event::Evicted(evicted));
    }
    let have = store.learn(artifact, Arc::clone(&list)).await.map_err(ShareError::Store)?;

    let pieces = list.geometry().piece_count();
    let mut kept = have.count();
    on(Event::Kept { kept, pieces });
    let queue = (KEEP_BYTES / list.geometry().piece_size() as usize).max(1);
    let (out, mut verified) = mpsc::channel(queue);
    let missing = have.complement();
    let reader = tokio::task::spawn_blocking(move || read_pieces(&mut file, &list, &missing, &out));
    let mut keeps = FuturesUnordered::new();
    let mut pauses = Pauses::new(artifact, store.landed(), None);
    loop {
        tokio::select! {
            () = pauses.changed(), if !keeps.is_empty() => pauses.tell(&mut |event| match event {
                event::Event::Paused(place) => on(Event::Paused(place)),
                _ => on(Event::Resumed),
            }),
            Some(piece) = verified.recv(), if keeps.len() < queue => {
                let store = Arc::clone(&store);
                let bytes = piece.bytes().len() as u64;
                keeps.push(async move { (bytes, store.keep(artifact, piece).await) });
            }
            Some((bytes, outcome)) = keeps.next(), if !keeps.is_empty() => {
                outcome.map_err(ShareError::Store)?;
                counted.moved(bytes, ports.clock().now());
                kept += 1;
                on(Event::Kept { kept, pieces });
            }
            else => break,
        }
    }
    reader.await.map_err(|join| ShareError::Store(join.into()))??;
    counted.done(ports.clock().now());
    let pinned = store.pin(artifact, Pin::Pinned).await.map(|_| ());
    let noted = store.verified(artifact, ports.clock().now()).await;
    Ok(pinned.and(noted).err().map(|failure| {
        let what = "the library does not know that the model is to stay";
        let advice = "The model is kept whole and can be served. Check the disk of the data \
                      folder, then pin the model.";
        Problem::late(what, &failure, advice)
    }))
}

/// Takes back what is still live of the yes to keep an artifact, when keeping it has failed or was
/// stopped. What matters then is why, so that it could not be taken back is only logged.
pub async fn give_up<P: Ports>(ports: &P, artifact: Sha256) {
    let of_it = |standing: &Standing| {
        standing.grant.act() == Act::Cache && standing.grant.artifact_sha256() == artifact
    };
    if let Err(error) = take_back(&**ports.journal(), ports.clock().now(), of_it).await {
        tracing::error!(%error, "cannot take the yes back");
    }
}

fn length(file: &mut impl Seek) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(length)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShareError> + Send + 'static,
) -> Result<T, ShareError> {
    tokio::task::spawn_blocking(work).await.map_err(|join| ShareError::Store(join.into()))?
}
