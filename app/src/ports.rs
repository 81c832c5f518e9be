//! What the use cases need from the disk, the network and the clock, as traits.
//!
//! `store` and `transfer` implement them; `main.rs` of each program wires them together. Adapters
//! own their blocking calls and their limits: a method that is not `async` is quick, unless its
//! trait says that it is called on a blocking thread.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use verifier::artifact::VerifiedArtifact;
use verifier::boundary::PeerAddress;
use verifier::consent::{Act, Grant, Scope};
use verifier::identity::PeerId;
use verifier::piece::{PieceList, Source, VerifiedPiece};
use verifier::receipt::Receipt;
use verifier::scalars::{Id, Label, UtcTime, Version};
use verifier::{Bitfield, Code, Geometry, PieceIndex, Root, Sha256};

/// Why an adapter could not do what it was asked; which port was called says what failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The ports of one running program, bundled.
pub trait Ports: Send + Sync {
    /// Where pieces are kept.
    type Store: PieceStore;
    /// Where finished artifacts go.
    type Outputs: Outputs;
    /// The peers that can be called.
    type Peers: Peers;
    /// The way to be called.
    type Listener: Listener;
    /// Where consents and transfers are written down.
    type Journal: Journal;
    /// The time.
    type Clock: Clock;

    /// Where pieces are kept.
    fn store(&self) -> &Arc<Self::Store>;
    /// Where finished artifacts go.
    fn outputs(&self) -> &Arc<Self::Outputs>;
    /// The peers that can be called.
    fn peers(&self) -> &Arc<Self::Peers>;
    /// The way to be called.
    fn listener(&self) -> &Arc<Self::Listener>;
    /// Where consents and transfers are written down.
    fn journal(&self) -> &Arc<Self::Journal>;
    /// The time.
    fn clock(&self) -> &Self::Clock;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, to the second.
    fn now(&self) -> UtcTime;
}

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
    /// Bytes that a temporary output will take beside the pieces; 0 when none is written.
    pub output_bytes: u64,
}

/// What the store has of an artifact at the moment it is reserved.
#[derive(Debug, Clone)]
pub struct Held {
    /// The pieces that are kept.
    pub have: Bitfield,
    /// The piece list, if it was learnt before.
    pub list: Option<Arc<PieceList>>,
}

/// Why the store does not take an artifact in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// The quota does not leave the room, whatever could be evicted.
    #[error("{wanted} bytes do not fit: {left} bytes are left of the quota of {quota}")]
    Quota {
        /// Bytes that the import would add.
        wanted: u64,
        /// Bytes left under the quota, after what could be evicted.
        left: u64,
        /// The quota, in bytes.
        quota: u64,
    },
    /// The device does not have the room.
    #[error("{wanted} bytes do not fit: the device has {free} bytes free")]
    Device {
        /// Bytes that the import would add.
        wanted: u64,
        /// Bytes free on the device.
        free: u64,
    },
    /// The same artifact is being imported already.
    #[error("artifact is being imported already")]
    Busy,
    /// The disk failed.
    #[error("the store failed")]
    Failed(#[source] Failure),
}

/// Why a kept piece cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The piece is not kept.
    #[error("piece is not kept")]
    Missing,
    /// The kept bytes are no longer the piece; it counts as missing from now on.
    #[error("kept piece is corrupt")]
    Corrupt,
    /// The disk failed.
    #[error("the store failed")]
    Failed(#[source] Failure),
}

/// Why a finished artifact cannot get its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file of that name is there.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The folder is not one, or is reached through a symlink.
    #[error("{} is not a folder, or is reached through a symlink", .0.display())]
    Unsafe(PathBuf),
    /// The disk failed.
    #[error("cannot write in {}", folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What the disk said.
        source: Failure,
    },
}

/// One artifact in the library.
#[derive(Debug, Clone)]
pub struct Model {
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// The artifact's SHA-256.
    pub artifact: Sha256,
    /// The manifest's SHA-256.
    pub manifest_sha256: Sha256,
    /// How the artifact is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// The pieces that are kept.
    pub have: Bitfield,
    /// Whether it may be evicted.
    pub pin: Pin,
    /// When it was last imported, served or read.
    pub last_use: UtcTime,
    /// When it was last verified whole, if ever.
    pub last_verified: Option<UtcTime>,
}

/// Whether an artifact may be evicted to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// Never evicted.
    Pinned,
    /// Evicted when it is the least recently used and room is wanted.
    Unpinned,
}

/// What is known of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    /// Not had.
    Missing,
    /// Kept, and where it came from.
    Kept(Source),
    /// Was kept, and found to be corrupt.
    Corrupt,
}

/// Where the store's bytes are, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// Taken by pieces of artifacts in the library.
    pub live: u64,
    /// Taken in packs by pieces of no artifact.
    pub dead: u64,
    /// Taken by the index.
    pub index: u64,
    /// Promised to imports under way.
    pub reserved: u64,
    /// The most that the store may take in all.
    pub quota: u64,
    /// Free on the device.
    pub free: u64,
}

/// What a recheck found.
#[derive(Debug, Clone)]
pub struct Recheck {
    /// Pieces that were read and verified.
    pub checked: u32,
    /// Pieces that were kept and are corrupt; they count as missing now.
    pub corrupt: Vec<PieceIndex>,
}

/// Keeps verified pieces.
pub trait PieceStore: Send + Sync + 'static {
    /// Makes room for an artifact and holds it against eviction until [`Self::release`].
    ///
    /// Refused before anything is written when it cannot fit. Evicts unpinned artifacts, least
    /// recently used first, when that makes the room.
    fn reserve(
        &self,
        reservation: Reservation,
        now: UtcTime,
    ) -> impl Future<Output = Result<Held, ReserveError>> + Send;

    /// Gives back what is left of a reservation; a quick call that also suits `Drop`.
    fn release(&self, artifact: Sha256);

    /// Learns the artifact's piece list; gives the have-map, which now counts pieces that are
    /// kept for other artifacts too.
    fn learn(
        &self,
        artifact: Sha256,
        list: Arc<PieceList>,
    ) -> impl Future<Output = Result<Bitfield, Failure>> + Send;

    /// Keeps a piece; done when it would survive a crash.
    fn keep(
        &self,
        artifact: Sha256,
        piece: VerifiedPiece,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads a kept piece, verified again.
    fn read(
        &self,
        artifact: Sha256,
        index: PieceIndex,
    ) -> impl Future<Output = Result<Bytes, ReadError>> + Send;

    /// Reads a kept piece, verified again; for blocking threads.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as [`Self::read`].
    fn read_blocking(&self, artifact: Sha256, index: PieceIndex) -> Result<Bytes, ReadError>;

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

    /// Reads every kept piece again and verifies it; `on` hears after each piece how many are
    /// done. `None` if there is no such artifact.
    fn recheck(
        &self,
        artifact: Sha256,
        on: impl FnMut(u32) + Send + 'static,
    ) -> impl Future<Output = Result<Option<Recheck>, Failure>> + Send;

    /// Where the store's bytes are.
    fn accounts(&self) -> impl Future<Output = Result<Accounts, Failure>> + Send;

    /// Sets the most bytes the store may take; what is kept stays.
    fn set_quota(&self, bytes: u64) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The peers this installation is paired with.
    fn peers(&self) -> impl Future<Output = Result<Vec<KnownPeer>, Failure>> + Send;

    /// Adds a peer, or replaces what is known of it.
    fn add_peer(&self, peer: KnownPeer) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Forgets a peer; whether it was known.
    fn remove_peer(&self, id: PeerId) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// A peer the user paired with.
#[derive(Debug, Clone)]
pub struct KnownPeer {
    /// Its public key.
    pub id: PeerId,
    /// What the user calls it.
    pub label: Label,
    /// Where to call it, as far as known.
    pub addresses: Vec<PeerAddress>,
    /// When it was added.
    pub added: UtcTime,
}

/// The names of a finished artifact and its receipt in a folder: `<stem>.slm` and
/// `<stem>.minimodel-receipt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// `<model_id>-<model_version>`.
    pub fn new(model_id: &Id, model_version: &Version) -> Self {
        Self(format!("{model_id}-{model_version}"))
    }

    /// The artifact's file name.
    pub fn artifact(&self) -> String {
        format!("{}.slm", self.0)
    }

    /// The receipt's file name.
    pub fn receipt(&self) -> String {
        format!("{}.minimodel-receipt", self.0)
    }
}

/// Puts finished artifacts and their receipts where the user wants them.
pub trait Outputs: Send + Sync + 'static {
    /// An output that has no final name yet.
    type Draft: Draft;

    /// Checks that the folder is safe and that neither name is taken, without writing.
    ///
    /// # Errors
    ///
    /// [`OutputError::Unsafe`] first, then [`OutputError::Exists`].
    fn check(&self, folder: &Path, stem: &Stem) -> Result<(), OutputError>;

    /// Starts an output under a temporary name in that folder. Called on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`OutputError`], as [`Self::check`].
    fn draft(&self, folder: &Path, stem: &Stem) -> Result<Self::Draft, OutputError>;

    /// Writes one file of its own, such as a receipt or a manifest, under a name that is free.
    ///
    /// # Errors
    ///
    /// [`OutputError`]; no file is left behind.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError>;
}

/// An output in the making. Its methods block; dropping it removes the temporary file.
pub trait Draft: Send + 'static {
    /// Appends the artifact's next bytes.
    ///
    /// # Errors
    ///
    /// What the disk said.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Reads back what was appended, from `offset` on, filling `into`.
    ///
    /// # Errors
    ///
    /// What the disk said.
    fn read_back(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Failure>;

    /// Gives artifact and receipt their final names, both or neither.
    ///
    /// # Errors
    ///
    /// [`OutputError`]; neither file is left behind.
    fn name(self, artifact: &VerifiedArtifact, receipt: &Receipt) -> Result<Named, OutputError>;
}

/// Where a finished artifact and its receipt are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The artifact's file.
    pub artifact: PathBuf,
    /// The receipt's file.
    pub receipt: PathBuf,
}

/// One import's wish: which pieces, from whom.
pub struct Pull {
    /// The artifact's SHA-256.
    pub artifact: Sha256,
    /// How it is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// The piece list, if it is known already.
    pub list: Option<Arc<PieceList>>,
    /// The pieces that are wanted.
    pub missing: Bitfield,
    /// Who may be asked.
    pub sources: Vec<PullSource>,
    /// Where everything goes that is pulled; its capacity is the limit on what waits to be kept.
    pub out: mpsc::Sender<Pulled>,
}

/// A peer that offered pieces.
#[derive(Debug, Clone)]
pub struct PullSource {
    /// The peer.
    pub id: PeerId,
    /// Where to call it, in the order to try.
    pub addresses: Vec<PeerAddress>,
    /// The pieces that its offer names.
    pub offered: Bitfield,
}

/// What a pull hands over.
#[derive(Debug)]
pub enum Pulled {
    /// The proven piece list, sent once before any piece unless it was given; the answer is
    /// the set of pieces that are still wanted.
    List(Arc<PieceList>, oneshot::Sender<Bitfield>),
    /// Bytes of a piece have been asked of a peer: consent is checked and spent on the answer.
    Ask {
        /// Whom.
        peer: PeerId,
        /// How many bytes.
        bytes: u64,
        /// Whether the ask may be sent.
        answer: oneshot::Sender<bool>,
    },
    /// A verified piece.
    Piece(VerifiedPiece),
    /// Something a watcher may want to know.
    News(PullNews),
}

/// What happens between the peers and an import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullNews {
    /// A session with the peer is open; it has so many of the wanted pieces.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Wanted pieces it has.
        pieces: u32,
    },
    /// A piece was asked of a peer.
    Asked {
        /// The peer.
        peer: PeerId,
        /// The piece.
        index: PieceIndex,
    },
    /// The session ended or could not be made; the peer may be called again.
    Lost {
        /// The peer.
        peer: PeerId,
        /// Why, as one clause.
        why: String,
    },
    /// The peer lied or broke the protocol; it is not used again in this import.
    Banned {
        /// The peer.
        peer: PeerId,
        /// What it did.
        code: Code,
        /// The same as one clause.
        why: String,
    },
    /// What the import is waiting for and what would end the wait, as one sentence.
    Waiting(String),
}

/// Why a pull ended without all pieces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Nobody who is left has the missing pieces.
    #[error("{missing} pieces are missing and no usable peer has them: {why}")]
    Exhausted {
        /// How many pieces are missing.
        missing: u32,
        /// What became of the peers, as one clause.
        why: String,
    },
    /// The import went away.
    #[error("the import was cancelled")]
    Cancelled,
    /// The network of this machine failed.
    #[error("the network failed")]
    Failed(#[source] Failure),
}

/// The peers that can be called.
pub trait Peers: Send + Sync + 'static {
    /// Pulls the missing pieces; dropping the future hangs up.
    fn pull(&self, pull: Pull) -> impl Future<Output = Result<(), PullError>> + Send;
}

/// What a peer may see of one artifact.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Every piece's digest, with geometry and root.
    pub list: Arc<PieceList>,
    /// The pieces that are kept here.
    pub have: Bitfield,
}

/// Why an ask is not answered with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Not granted to that peer, or not held: the two look the same from outside.
    NotServed,
    /// This piece is not had.
    NotHad,
    /// This machine failed.
    Failed,
}

/// Answers peers that call: `app::serve` implements it over store and journal.
pub trait Shelf: Send + Sync + 'static {
    /// Whether the peer is one the user paired with; quick, for the handshake.
    fn knows(&self, peer: PeerId) -> bool;

    /// What the peer may see of the artifact; `None` if it is not held or not granted.
    fn open(&self, peer: PeerId, artifact: Sha256) -> impl Future<Output = Option<Opened>> + Send;

    /// Whether the peer may have pieces of the artifact at this moment; quick. Asked again before
    /// a piece that was read ahead is sent, so that a grant taken back stops the next piece.
    fn grants(&self, peer: PeerId, artifact: Sha256) -> bool;

    /// A piece, verified again and its grant checked and spent at this very ask.
    fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;
}

/// What happens between callers and the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServeNews {
    /// A paired peer called.
    Called(PeerId),
    /// A stranger, or something that does not speak the protocol, was turned away.
    TurnedAway {
        /// Where it called from.
        from: SocketAddr,
        /// Why, as one clause.
        why: String,
    },
    /// A piece went out.
    Sent {
        /// To whom.
        peer: PeerId,
        /// Of which artifact.
        artifact: Sha256,
        /// Which piece.
        index: PieceIndex,
        /// How many bytes.
        bytes: u64,
    },
    /// A caller's ask was refused.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why.
        refusal: Refusal,
    },
    /// A caller went away.
    Left(PeerId),
}

/// A listener that is taking calls.
pub struct Listening {
    /// The address it listens on, with the port that the system picked if 0 was asked for.
    pub address: SocketAddr,
    /// Runs the sessions until it fails; dropping it hangs up on everyone.
    pub sessions: BoxFuture<'static, Result<(), Failure>>,
}

/// The way to be called.
pub trait Listener: Send + Sync + 'static {
    /// Takes calls on `address` and answers them from the shelf.
    fn listen<S: Shelf>(
        &self,
        address: SocketAddr,
        shelf: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> impl Future<Output = Result<Listening, Failure>> + Send;
}

/// What the user says yes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// Whom it concerns.
    pub scope: Scope,
    /// The most bytes it may move.
    pub byte_limit: u64,
    /// When it ends.
    pub expires: UtcTime,
}

/// A grant of the consent log, and what became of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The grant.
    pub grant: Grant,
    /// Bytes that it has moved so far.
    pub used: u64,
    /// Whether it still allows anything now.
    pub live: bool,
}

/// What one act wants to move.
#[derive(Debug, Clone)]
pub struct Spend {
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// The peer, if one is concerned.
    pub peer: Option<PeerId>,
    /// How many bytes more.
    pub bytes: u64,
}

/// A finished or ended transfer, for the user to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: UtcTime,
    /// What happened, one lower-case word: `imported`, `failed`, `banned`, `served`, `evicted`.
    pub what: &'static str,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// The peer, if one is concerned.
    pub peer: Option<PeerId>,
    /// Bytes that moved.
    pub bytes: u64,
    /// An error code, or what else there is to say, as one clause; may be empty.
    pub note: String,
}

/// Why the consent log could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The log says no, or is not a valid log.
    #[error(transparent)]
    Consent(#[from] verifier::consent::ConsentError),
    /// The disk failed.
    #[error("the journal failed")]
    Failed(#[source] Failure),
}

/// Where consents and transfers are written down, append-only.
pub trait Journal: Send + Sync + 'static {
    /// Writes down the user's yes; done when it would survive a crash.
    fn grant(
        &self,
        terms: Terms,
        now: UtcTime,
    ) -> impl Future<Output = Result<Grant, JournalError>> + Send;

    /// Takes a yes back; it holds for every process that uses the log, from its next ask on.
    fn revoke(
        &self,
        grant: Id,
        now: UtcTime,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Every grant of the log, oldest first.
    fn standing(
        &self,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<Standing>, JournalError>> + Send;

    /// Checks an act against the log as it is on disk now, and counts its bytes; quick.
    ///
    /// # Errors
    ///
    /// [`JournalError::Consent`] with `consent.denied` if no live grant covers the act.
    fn spend(&self, spend: &Spend, now: UtcTime) -> Result<(), JournalError>;

    /// Writes down a transfer.
    fn record(&self, record: Record) -> impl Future<Output = Result<(), Failure>> + Send;
}
