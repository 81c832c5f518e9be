//! One connection to a peer that is asked: reads what it sends to where it stays, and judges it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use app::buffers::{Buffer, Buffers};
use engine::Ending;
use engine::import::{Connection, Evidence, Input, Place};
use engine::wire::Frame;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use verifier::digest::ChunkDigest;
use verifier::identity::PeerId;
use verifier::merkle::Proof;
use verifier::piece::{ArrivedPiece, PieceList, Source};
use verifier::{Geometry, PieceIndex, Root};

use super::import::Heard;
use super::judging::{By, Waiting};
use crate::connection::{Reader, Told};
use crate::limits::Limits;

/// Bytes that came are told of when they are so many,
const TELL: u32 = 64 << 10;
/// or after so long.
const TELL_AFTER: Duration = Duration::from_millis(50);

/// What the engine wants of what a connection receives.
#[derive(Debug)]
pub(super) enum Command {
    Receive(Place),
    Judge(PieceIndex, Evidence),
    Prove,
    Discard(PieceIndex),
}

/// What all connections of one import share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) geometry: Geometry,
    pub(super) root: Root,
    /// The piece list, once it is known.
    pub(super) list: OnceLock<Arc<PieceList>>,
    pub(super) buffers: Buffers,
    /// Where pieces wait to be judged.
    pub(super) judge: mpsc::Sender<Waiting>,
    pub(super) limits: Arc<Limits>,
}

/// The reading side of a connection to a peer that is asked.
pub(super) struct Receiving<R> {
    connection: Connection,
    reader: Reader<R>,
    told: Told<Command>,
    heard: mpsc::Sender<Heard>,
    store: Received,
    /// Where the payload goes that comes now; nothing before that is said.
    place: Option<Place>,
    /// Bytes that came and were not told of, and when they are to be.
    untold: u32,
    tell_at: Instant,
}

/// What came and was not judged.
struct Received {
    shared: Arc<Shared>,
    peer: PeerId,
    pieces: BTreeMap<PieceIndex, Buffer>,
    proofs: BTreeMap<PieceIndex, Vec<u8>>,
    digests: Vec<u8>,
    /// Bytes that the download limit has not let through yet.
    unpaid: u32,
}

/// What comes next.
enum Arrival {
    Frame(Frame),
    Payload(u32),
}

impl<R: AsyncRead + Unpin> Receiving<R> {
    pub(super) fn new(
        (connection, peer): (Connection, PeerId),
        reader: Reader<R>,
        told: Told<Command>,
        heard: mpsc::Sender<Heard>,
        shared: Arc<Shared>,
    ) -> Self {
        let store = Received {
            shared,
            peer,
            pieces: BTreeMap::new(),
            proofs: BTreeMap::new(),
            digests: Vec::new(),
            unpaid: 0,
        };
        Self {
            connection,
            reader,
            told,
            heard,
            store,
            place: None,
            untold: 0,
            tell_at: Instant::now(),
        }
    }

    /// Receives until the connection ends, and tells why; does what it is still told to do with what
    /// came before, and reads on until the other side hangs up.
    pub(super) async fn run(mut self) {
        if let Err(Some(ending)) = self.receive().await {
            self.tell(Heard::Input(Input::Ended(self.connection, ending))).await;
        }
        while let Some(command) = self.told.commands.recv().await {
            self.obey(command).await.ok();
        }
        tokio::select! {
            () = self.reader.drain() => {}
            _over = self.told.linger => {}
        }
    }

    /// Never ends but with why; nothing if it was ended here.
    async fn receive(&mut self) -> Result<Infallible, Option<Ending>> {
        loop {
            let has_place = self.place.is_some() || self.reader.payload_left() == 0;
            tokio::select! {
                biased;
                command = self.told.commands.recv() => match command {
                    Some(command) => self.obey(command).await?,
                    None => return Err(None),
                },
                arrival = self.store.read(&mut self.reader, self.place), if has_place => {
                    self.arrived(arrival?).await;
                }
                () = sleep_until(self.tell_at), if self.untold > 0 => self.tell_received().await,
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), Ending> {
        match command {
            Command::Receive(place) => self.place = Some(place),
            Command::Judge(index, evidence) => self.judge(index, evidence).await?,
            Command::Prove => self.prove(),
            Command::Discard(index) => {
                self.store.forget(index);
                if matches!(self.place, Some(Place::Piece(at) | Place::Proof(at)) if at == index) {
                    self.place = Some(Place::Nowhere);
                }
            }
        }
        Ok(())
    }

    async fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Frame(frame) => {
                self.place = None;
                self.tell(Heard::Input(Input::Frame(self.connection, frame))).await;
            }
            Arrival::Payload(count) => {
                let now = Instant::now();
                if self.untold == 0 {
                    self.tell_at = now + TELL_AFTER;
                }
                self.untold = self.untold.saturating_add(count);
                if self.reader.payload_left() == 0 || self.untold >= TELL || now >= self.tell_at {
                    self.tell_received().await;
                }
            }
        }
    }

    async fn judge(&mut self, index: PieceIndex, evidence: Evidence) -> Result<(), Ending> {
        let (arrived, by) = self.store.take(index, evidence).ok_or_else(mislaid)?;
        let waiting = Waiting { connection: self.connection, index, arrived, by };
        self.store.shared.judge.send(waiting).await.map_err(|_nobody_judges| mislaid())
    }

    fn prove(&mut self) {
        let connection = self.connection;
        let (geometry, root) = (self.store.shared.geometry, self.store.shared.root);
        let digests = std::mem::take(&mut self.store.digests);
        self.tell_of(move || {
            let digests = digests.as_chunks().0.iter();
            let digests = digests.map(|bytes| ChunkDigest::from_bytes(*bytes)).collect();
            Heard::Listed(connection, PieceList::prove(geometry, root, digests).map(Arc::new))
        });
    }

    /// Tells of work that takes a moment when it is done, also where the connection ends meanwhile.
    fn tell_of(&self, work: impl FnOnce() -> Heard + Send + 'static) {
        let heard = self.heard.clone();
        tokio::task::spawn_blocking(move || heard.blocking_send(work()).ok());
    }

    async fn tell_received(&mut self) {
        let count = std::mem::take(&mut self.untold);
        self.tell(Heard::Input(Input::Received(self.connection, count))).await;
    }

    async fn tell(&self, heard: Heard) {
        // Where nobody hears it, this task is about to be ended.
        self.heard.send(heard).await.ok();
    }
}

impl Received {
    /// Reads a frame, or some of the payload to its place.
    async fn read<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut Reader<R>,
        place: Option<Place>,
    ) -> Result<Arrival, Ending> {
        let Some(place) = place.filter(|_| reader.payload_left() > 0) else {
            return reader.frame().await.map(Arrival::Frame);
        };
        if self.unpaid > 0 {
            self.shared.limits.pass(self.unpaid).await;
            self.unpaid = 0;
        }
        let portion = self.shared.limits.portion();
        let most = portion.unwrap_or(u32::MAX);
        let count = match place {
            Place::Piece(index) => {
                let new = || self.shared.buffers.take(self.shared.geometry.length(index));
                let buffer = self.pieces.entry(index).or_insert_with(new);
                reader.payload(buffer.bytes_mut(), most).await
            }
            Place::Proof(index) => {
                reader.payload(self.proofs.entry(index).or_default(), most).await
            }
            Place::List => reader.payload(&mut self.digests, most).await,
            Place::Nowhere => reader.skip(most).await,
        }?;
        if portion.is_some() {
            // What came counts, so that a peer that sends in crumbs takes nothing from others.
            self.unpaid = self.unpaid.saturating_add(count);
        }
        Ok(Arrival::Payload(count))
    }

    /// The piece, and what it is judged by; nothing if it is not here.
    fn take(&mut self, index: PieceIndex, evidence: Evidence) -> Option<(ArrivedPiece, By)> {
        let bytes = self.pieces.remove(&index)?.freeze();
        // The one piece of an artifact has a proof without siblings.
        let proof = self.proofs.remove(&index).unwrap_or_default();
        let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Peer(self.peer) };
        let by = match evidence {
            Evidence::List => By::List(Arc::clone(self.shared.list.get()?)),
            Evidence::Proof => {
                let proof = Proof::from_siblings(proof.as_chunks().0.to_vec());
                By::Proof(proof, self.shared.geometry, self.shared.root)
            }
        };
        Some((arrived, by))
    }

    fn forget(&mut self, index: PieceIndex) {
        self.pieces.remove(&index);
        self.proofs.remove(&index);
    }
}

/// This side lost track of what came; the peer is called again.
fn mislaid() -> Ending {
    tracing::error!("a piece was to be judged that is not here, or by nobody");
    Ending::Lost("a piece was mislaid here".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use app::buffers::Buffers;
    use engine::Ending;
    use engine::import::{Connection, Evidence};
    use engine::wire::Side;
    use tokio::sync::{mpsc, oneshot};
    use verifier::identity::SigningKey;
    use verifier::{ChunkAlgorithm, Geometry, Root};

    use super::{Receiving, Shared};
    use crate::connection::{Reader, Told};
    use crate::identity::Identity;
    use crate::swarm::judging;

    #[tokio::test]
    async fn a_piece_that_nobody_judges_ends_its_connection() {
        let geometry = Geometry::new(1_024, 1_024).unwrap();
        let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]);
        let (judge, _) = judging::queue();
        let (list, limits) = (OnceLock::new(), Arc::default());
        let shared = Shared { geometry, root, list, buffers: Buffers::default(), judge, limits };
        let peer = Identity::from_key(SigningKey::from_seed([1; 32])).peer_id();
        let (_commands, commands) = mpsc::unbounded_channel();
        let (_linger, linger) = oneshot::channel();
        let reader = Reader::new(tokio::io::empty(), Side::Called);
        let told = Told { commands, linger };
        let (heard, _hears) = mpsc::channel(1);
        let connection = (Connection { peer: 0, call: 1 }, peer);
        let mut receiving = Receiving::new(connection, reader, told, heard, Arc::new(shared));
        let index = geometry.index(0).unwrap();
        let piece = receiving.store.shared.buffers.take(1_024);
        receiving.store.pieces.insert(index, piece);
        let judged = receiving.judge(index, Evidence::Proof).await;
        assert!(matches!(judged, Err(Ending::Lost(_))), "{judged:?}");
    }
}
