//! Where pieces are kept: what is asked of the store, and what it answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast;
use verifier::identity::PeerId;
use verifier::piece::{PieceList, VerifiedPiece};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Bitfield, Geometry, PieceIndex, Root, Sha256};

use super::{
    Abilities, Accounts, Evictable, Failure, Footprint, KnownPeer, Liar, Lie, Lowering, Model,
    PieceState, Pin, Quota, ReserveError,
};

/// What is to be kept: an artifact by its manifest.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The manifest's bytes, as they were verified.
    pub manifest: Bytes,
    /// The manifest's SHA-256.
    pub manifest_sha256: Sha256,
    /// The artifact's SHA-256, its key in the store.
    pub artifact: Sha256,
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// How the artifact is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// An output that is written meanwhile.
    pub output: Option<WantedOutput>,
}

/// An output that is written while pieces come. It takes room of its folder's device, and none of the
/// quota: it is the user's own file.
#[derive(Debug, Clone)]
pub struct WantedOutput {
    /// Its folder.
    pub folder: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Where the pieces are kept until it is done.
    pub way: OutputWay,
}

/// Where the pieces of an output are kept until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputWay {
    /// In the library, which has them when it is done too.
    Beside,
    /// In the output itself, so that each byte is written once. Where pieces are in the library already,
    /// or in another folder, they stay or come there, as with [`Self::Beside`].
    Instead,
}

/// What the store has of an artifact at the moment it is reserved.
#[derive(Debug, Clone)]
pub struct Held {
    /// The pieces that are kept.
    pub have: Bitfield,
    /// The piece list, if it was learnt before.
    pub list: Option<Arc<PieceList>>,
    /// What was given up to make the room, in this order.
    pub evicted: Vec<Evictable>,
}

/// Why a kept piece cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The piece is not kept.
    #[error("piece is not kept")]
    Missing,
    /// The kept bytes are no longer the piece, or the disk does not give them back; it counts as
    /// missing from now on.
    #[error("kept piece is corrupt, or the disk does not give it back")]
    Corrupt,
    /// The disk failed.
    #[error("the store failed")]
    Failed(#[source] Failure),
}

/// What a recheck found.
#[derive(Debug, Clone)]
pub struct Recheck {
    /// Pieces that were looked at.
    pub checked: u32,
    /// Pieces that were kept and are corrupt; they count as missing now.
    pub corrupt: Vec<PieceIndex>,
    /// Pieces that the disk does not give back. They count as missing until a recheck can read
    /// them; where they lie, nothing is given up.
    pub unread: Vec<PieceIndex>,
}

/// What has come to be in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// The artifact's piece list.
    List(Sha256),
    /// A piece that is kept now.
    Piece(Sha256, PieceIndex),
    /// The disk has no room for what waits to be kept of an artifact: it waits, and is tried again.
    /// Told anew with each try that fails, so that who began to listen later hears it too.
    Full {
        /// The artifact.
        artifact: Sha256,
        /// A folder on that disk.
        place: Arc<Path>,
    },
    /// The disk has room again, and what waited of the artifact goes on.
    Room(Sha256),
}

/// Keeps verified pieces.
pub trait PieceStore: Send + Sync + 'static {
    /// Makes room for an artifact and holds it against eviction until [`Self::release`].
    ///
    /// Refused before anything is written when it cannot fit. Evicts artifacts that are neither
    /// pinned nor held, least recently used first, when that makes the room; each is written down
    /// as it goes. Dropping the future gives the room back, also when it was made already.
    fn reserve(
        &self,
        reservation: Reservation,
        now: UtcTime,
    ) -> impl Future<Output = Result<Held, ReserveError>> + Send;

    /// What [`Self::reserve`] would evict now, in the order of eviction; nothing is changed.
    ///
    /// [`ReserveError`] if it would refuse.
    fn would_reserve(
        &self,
        reservation: Reservation,
    ) -> impl Future<Output = Result<Vec<Evictable>, ReserveError>> + Send;

    /// Gives back what is left of a reservation; a quick call that also suits `Drop`.
    fn release(&self, artifact: Sha256);

    /// Keeps the artifact from being evicted while it is used, until as many calls of
    /// [`Self::let_go`]; quick. The user may forget it all the same.
    fn hold(&self, artifact: Sha256);

    /// Takes one [`Self::hold`] back; a quick call that also suits `Drop`.
    fn let_go(&self, artifact: Sha256);

    /// Learns the artifact's piece list; gives the have-map, which now counts pieces that are
    /// kept for other artifacts too.
    fn learn(
        &self,
        artifact: Sha256,
        list: Arc<PieceList>,
    ) -> impl Future<Output = Result<Bitfield, Failure>> + Send;

    /// Keeps a piece; done when it would survive a crash. While the disk is full, it waits.
    fn keep(
        &self,
        artifact: Sha256,
        piece: VerifiedPiece,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What lands from now on, as soon as it would survive a crash. Whoever falls behind is told
    /// so, and finds what was missed in [`Self::model`] and [`Self::list`].
    fn landed(&self) -> broadcast::Receiver<Landed>;

    /// Reads a kept piece, verified again.
    fn read(
        &self,
        artifact: Sha256,
        index: PieceIndex,
    ) -> impl Future<Output = Result<Bytes, ReadError>> + Send;

    /// One artifact of the library.
    fn model(
        &self,
        artifact: Sha256,
    ) -> impl Future<Output = Result<Option<Model>, Failure>> + Send;

    /// Every artifact of the library, by name and version.
    fn models(&self) -> impl Future<Output = Result<Vec<Model>, Failure>> + Send;

    /// The manifest's bytes.
    fn manifest(
        &self,
        artifact: Sha256,
    ) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;

    /// The piece list, if it was learnt.
    fn list(
        &self,
        artifact: Sha256,
    ) -> impl Future<Output = Result<Option<Arc<PieceList>>, Failure>> + Send;

    /// The state of every piece, in file order; `None` if there is no such artifact.
    fn map(
        &self,
        artifact: Sha256,
    ) -> impl Future<Output = Result<Option<Vec<PieceState>>, Failure>> + Send;

    /// Writes down that the artifact was verified whole.
    fn verified(
        &self,
        artifact: Sha256,
        now: UtcTime,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Pins or unpins; whether there is such an artifact.
    fn pin(&self, artifact: Sha256, pin: Pin)
    -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Forgets an artifact and gives its space back; the bytes that came free, `None` if there is
    /// no such artifact.
    fn forget(&self, artifact: Sha256)
    -> impl Future<Output = Result<Option<u64>, Failure>> + Send;

    /// Reads every kept piece again and verifies it, and those that could not be read before; `on`
    /// hears how many are done. `None` if there is no such artifact.
    ///
    /// Dropping the future ends the work within one piece, which has 16 MiB at most; what was found
    /// corrupt by then counts as missing all the same.
    fn recheck(
        &self,
        artifact: Sha256,
        on: impl FnMut(u32) + Send + 'static,
    ) -> impl Future<Output = Result<Option<Recheck>, Failure>> + Send;

    /// The same of these pieces alone.
    fn recheck_some(
        &self,
        artifact: Sha256,
        pieces: Bitfield,
        on: impl FnMut(u32) + Send + 'static,
    ) -> impl Future<Output = Result<Option<Recheck>, Failure>> + Send;

    /// Counts a kept piece as corrupt, as whoever read it found it to be, for every artifact that
    /// shares it.
    fn mark_bad(
        &self,
        artifact: Sha256,
        index: PieceIndex,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Where the store's bytes are.
    fn accounts(&self) -> impl Future<Output = Result<Accounts, Failure>> + Send;

    /// What the file system can do; quick.
    fn abilities(&self) -> Abilities;

    /// What each artifact takes, in no order.
    fn footprints(&self) -> impl Future<Output = Result<Vec<Footprint>, Failure>> + Send;

    /// What would be evicted so that so many bytes more fit, in the order of eviction; nothing is
    /// changed.
    ///
    /// [`ReserveError`] if they would not fit even so.
    fn would_evict(
        &self,
        bytes: u64,
    ) -> impl Future<Output = Result<Vec<Evictable>, ReserveError>> + Send;

    /// Sets the most bytes the store may take; what is kept stays.
    fn set_quota(&self, bytes: u64) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The models that have a quota of their own, and how much.
    fn model_quotas(&self) -> impl Future<Output = Result<BTreeMap<Id, u64>, Failure>> + Send;

    /// Takes a model's own quota away; whether it had one.
    fn lift_quota(&self, model: Id) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// What would go if that quota were set now; nothing is changed.
    fn would_lower(&self, quota: Quota) -> impl Future<Output = Result<Lowering, Failure>> + Send;

    /// Sets that quota, and evicts what no longer fits, of these artifacts alone; each is written
    /// down as it goes. Gives what went. Where none are named, what is kept stays.
    ///
    /// [`ReserveError::TooLow`] if those that are named are not enough; then nothing is changed.
    fn lower(
        &self,
        quota: Quota,
        agreed: Vec<Sha256>,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<Evictable>, ReserveError>> + Send;

    /// The peers this installation is paired with.
    fn peers(&self) -> impl Future<Output = Result<Vec<KnownPeer>, Failure>> + Send;

    /// Adds a peer, or replaces what is known of it.
    fn add_peer(&self, peer: KnownPeer) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Forgets a peer; whether it was known.
    fn remove_peer(&self, id: PeerId) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// The peers that were ever caught at a lie, paired still or not.
    fn liars(&self) -> impl Future<Output = Result<BTreeMap<PeerId, Liar>, Failure>> + Send;

    /// Writes down that a peer lied, and bans it.
    fn lied(&self, peer: PeerId, lie: Lie) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lifts a peer's ban, as its user wants; whether there was one. What it was caught at stays
    /// written down.
    fn unban(&self, peer: PeerId) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Whether the peer is known and not blocked at this moment; quick, for every call and every
    /// ask.
    fn lets_in(&self, id: PeerId) -> bool;
}
