//! A provider in memory, its listener, and a receiver that says yes to everything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::ports::{
    Begin, Failure, Listener as _, Listening, Opened, Patience, Peers as _, Provider, Pull,
    PullError, PullNews, PullSource, Pulled, Refusal, ServeNews, Settled,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::{PieceList, PieceStream};
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, Geometry, PieceIndex, Sha256};

use crate::{Identity, Limits, Swarm, TlsListener};

pub(super) fn identity(seed: u8) -> Identity {
    Identity::from_key(SigningKey::from_seed([seed; 32]))
}

/// What both sides call each other: the last letters of the id.
pub(super) fn label(peer: PeerId) -> Label {
    Label::parse(&format!("peer {}", &peer.to_string()[61..])).unwrap()
}

/// Some bytes and what their manifest would say of them.
#[derive(Clone)]
pub(super) struct Artifact {
    pub(super) bytes: Bytes,
    pub(super) sha256: Sha256,
    pub(super) list: Arc<PieceList>,
}

impl Artifact {
    pub(super) fn new(length: usize, piece_size: u32) -> Self {
        let bytes: Bytes = (0_u32..).flat_map(u32::to_le_bytes).take(length).collect();
        let geometry = Geometry::new(length as u64, piece_size).unwrap();
        let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
        stream.update(&bytes);
        let (digests, root) = stream.finish().unwrap();
        let list = Arc::new(PieceList::prove(geometry, root, digests).unwrap());
        Self { sha256: Sha256::of(&bytes), bytes, list }
    }

    pub(super) fn piece(&self, index: PieceIndex) -> Bytes {
        let geometry = self.list.geometry();
        let start = usize::try_from(geometry.offset(index)).unwrap();
        self.bytes.slice(start..start + geometry.length(index) as usize)
    }

    pub(super) fn assemble(&self, pieces: &BTreeMap<PieceIndex, Bytes>) -> Bytes {
        Bytes::from(pieces.values().flatten().copied().collect::<Vec<u8>>())
    }

    /// A pull of everything, and where it hears what became of the pieces.
    pub(super) fn pull(
        &self,
        sources: Vec<PullSource>,
        out: mpsc::Sender<Pulled>,
    ) -> (Pull, mpsc::UnboundedSender<Settled>) {
        let (settle, settled) = mpsc::unbounded_channel();
        let pull = Pull {
            artifact: self.sha256,
            geometry: *self.list.geometry(),
            root: self.list.root(),
            list: None,
            missing: Bitfield::full(self.list.geometry().piece_count()),
            sources,
            patience: Patience::default(),
            begin: Begin::Front,
            out,
            settled,
        };
        (pull, settle)
    }
}

/// A provider with one artifact, and what is odd about it.
pub(super) struct Memory {
    pub(super) artifact: Artifact,
    pub(super) have: Bitfield,
    pub(super) known: Vec<PeerId>,
    pub(super) granted: Arc<AtomicBool>,
    /// After so many pieces the grant is taken back.
    pub(super) revoked_after: u32,
    /// Whether the first byte of every piece is changed.
    pub(super) lies: bool,
    pub(super) delay: Duration,
    /// Whether everything lands here, a moment after somebody opens it.
    pub(super) lands: bool,
    pub(super) opened: Arc<Notify>,
    /// What lands here else.
    pub(super) landing: Mutex<Option<mpsc::UnboundedReceiver<(Sha256, PieceIndex)>>>,
    pub(super) sent: AtomicU32,
    /// How often it was asked whether a grant holds.
    pub(super) checked: Arc<AtomicU32>,
}

impl Memory {
    pub(super) fn whole(artifact: &Artifact) -> Self {
        Self {
            artifact: artifact.clone(),
            have: Bitfield::full(artifact.list.geometry().piece_count()),
            known: vec![identity(super::CALLER).peer_id()],
            granted: Arc::new(true.into()),
            revoked_after: u32::MAX,
            lies: false,
            delay: Duration::ZERO,
            lands: false,
            opened: Arc::default(),
            landing: Mutex::default(),
            sent: AtomicU32::new(0),
            checked: Arc::default(),
        }
    }

    /// One that has nothing, and tells of what is sent to it.
    pub(super) fn landing(
        artifact: &Artifact,
    ) -> (mpsc::UnboundedSender<(Sha256, PieceIndex)>, Self) {
        let (land, landing) = mpsc::unbounded_channel();
        let have = Bitfield::empty(artifact.list.geometry().piece_count());
        (land, Self { have, landing: Some(landing).into(), ..Self::whole(artifact) })
    }
}

impl Provider for Memory {
    fn knows(&self, peer: PeerId) -> bool {
        self.known.contains(&peer)
    }

    async fn label(&self, peer: PeerId) -> Option<Label> {
        self.knows(peer).then(|| label(peer))
    }

    async fn open(&self, peer: PeerId, artifact: Sha256) -> Option<Opened> {
        self.opened.notify_one();
        let have = self.have.clone();
        self.grants(peer, artifact).then(|| Opened { list: Arc::clone(&self.artifact.list), have })
    }

    fn grants(&self, _: PeerId, artifact: Sha256) -> bool {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.granted.load(Ordering::Relaxed) && artifact == self.artifact.sha256
    }

    async fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Bytes, Refusal> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let over = self.sent.fetch_add(1, Ordering::Relaxed) >= self.revoked_after;
        if over || !self.grants(peer, artifact) {
            return Err(Refusal::NotServed);
        }
        if !self.have.contains(index) && !self.lands {
            return Err(Refusal::NotHad);
        }
        let piece = self.artifact.piece(index);
        if self.lies {
            let mut lie = piece.to_vec();
            lie[0] ^= 1;
            return Ok(lie.into());
        }
        Ok(piece)
    }

    fn landed(&self) -> mpsc::UnboundedReceiver<(Sha256, PieceIndex)> {
        if let Some(landing) = self.landing.lock().unwrap().take() {
            return landing;
        }
        let (tell, told) = mpsc::unbounded_channel();
        if self.lands {
            let (artifact, geometry) = (self.artifact.sha256, *self.artifact.list.geometry());
            let opened = Arc::clone(&self.opened);
            tokio::spawn(async move {
                opened.notified().await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                geometry.indices().for_each(|index| tell.send((artifact, index)).unwrap());
            });
        }
        told
    }
}

/// A listener that stays until the test ends or hangs up.
pub(super) struct Served {
    pub(super) source: PullSource,
    pub(super) news: mpsc::Receiver<ServeNews>,
    sessions: JoinHandle<()>,
}

impl Served {
    /// Ends the listener and all its sessions.
    pub(super) fn hang_up(self) {
        self.sessions.abort();
    }
}

pub(super) async fn serve(seed: u8, provider: Memory) -> Served {
    serve_with(seed, provider, Arc::default()).await
}

pub(super) async fn serve_with(seed: u8, provider: Memory, limits: Arc<Limits>) -> Served {
    let count = provider.artifact.list.geometry().piece_count();
    let offered = if provider.lands { Bitfield::empty(count) } else { Bitfield::full(count) };
    let (news, heard) = mpsc::channel(10_000);
    let listener = TlsListener::new(Arc::new(identity(seed)), limits);
    let address = "127.0.0.1:0".parse().unwrap();
    let listening = listener.listen(address, Arc::new(provider), news).await.unwrap();
    let (source, sessions) = called(seed, listening, count);
    let source = PullSource { offered, ..source };
    let sessions = tokio::spawn(async move { sessions.await.unwrap() });
    Served { source, news: heard, sessions }
}

/// How a listener is called that has so many pieces, and what runs its sessions.
pub(super) fn called(
    seed: u8,
    listening: Listening,
    count: u32,
) -> (PullSource, BoxFuture<'static, Result<(), Failure>>) {
    let Listening { address, sessions } = listening;
    let id = identity(seed).peer_id();
    let addresses = vec![PeerAddress::from_socket(address.ip(), address.port()).unwrap()];
    let offered = Bitfield::full(count);
    (PullSource { id, label: label(id), addresses, offered }, sessions)
}

/// What came of a pull.
pub(super) struct Outcome {
    pub(super) result: Result<(), PullError>,
    pub(super) pieces: BTreeMap<PieceIndex, Bytes>,
    pub(super) news: Vec<PullNews>,
    pub(super) lists: u32,
}

pub(super) async fn pull_all(artifact: &Artifact, sources: Vec<PullSource>) -> Outcome {
    pull_with(artifact, sources, Arc::default()).await
}

/// As [`pull_all`], where nobody can be expected to send anything.
pub(super) async fn pull_in_vain(artifact: &Artifact, sources: Vec<PullSource>) -> Outcome {
    pull_while(artifact, sources, Arc::default(), Patience::For(Duration::from_secs(1))).await
}

pub(super) async fn pull_with(
    artifact: &Artifact,
    sources: Vec<PullSource>,
    limits: Arc<Limits>,
) -> Outcome {
    pull_while(artifact, sources, limits, Patience::For(Duration::from_secs(8))).await
}

pub(super) async fn pull_while(
    artifact: &Artifact,
    sources: Vec<PullSource>,
    limits: Arc<Limits>,
    patience: Patience,
) -> Outcome {
    let (out, mut pulled) = mpsc::channel(8);
    let swarm = Swarm::new(Arc::new(identity(super::CALLER)), limits);
    let (mut pull, settle) = artifact.pull(sources, out);
    pull.patience = patience;
    let pull = swarm.pull(pull);
    let (mut pieces, mut news, mut lists) = (BTreeMap::new(), Vec::new(), 0);
    let receive = async {
        while let Some(message) = pulled.recv().await {
            match message {
                Pulled::List(list, answer) => {
                    lists += 1;
                    answer.send(Bitfield::full(list.geometry().piece_count())).unwrap();
                }
                Pulled::Ask { answer, .. } => drop(answer.send(true)),
                Pulled::Release { .. } => {}
                Pulled::Piece(piece) => {
                    let bytes = Bytes::copy_from_slice(piece.bytes());
                    assert!(pieces.insert(piece.index(), bytes).is_none(), "twice");
                    settle.send(Settled::Kept(piece.index())).unwrap();
                }
                Pulled::News(PullNews::Asked { .. }) => {}
                Pulled::News(item) => news.push(item),
            }
        }
    };
    let (result, ()) = tokio::join!(pull, receive);
    Outcome { result, pieces, news, lists }
}
