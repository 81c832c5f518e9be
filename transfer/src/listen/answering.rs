//! One session with a peer that asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::ports::{Opened, Refusal, ServeNews, Shelf};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};
use verifier::identity::PeerId;
use verifier::piece::PieceList;
use verifier::{Bitfield, Geometry, PieceIndex, Sha256};

use crate::listen::sessions::Entered;
use crate::pace::{IDLE, Limits};
use crate::session::{Arrival, Ear, Fate, SessionError, Voice, greet};
use crate::wire::{
    self, BlockHead, Digests, Frame, MAX_ASKS, MAX_BLOCK, MAX_DIGESTS, Refuse, close, refusal,
    refusal_code,
};

/// How many pieces of a session are read at a time: one is sent while the next is read.
///
/// More would put more time between the check of a grant and the piece that leaves under it.
const AT_A_TIME: usize = 2;
/// How often it is looked whether pieces have landed here since.
const LOOK: Duration = Duration::from_secs(2);

/// Room for a piece; given back when dropped.
type Room = Option<OwnedSemaphorePermit>;

/// Answers one peer's asks, in the order of asking.
pub(super) struct Answering<'a, S> {
    pub(super) peer: PeerId,
    pub(super) shelf: &'a S,
    pub(super) limits: &'a Limits,
    /// The bytes that all sessions may have read and not sent.
    pub(super) room: &'a Arc<Semaphore>,
    pub(super) news: &'a mpsc::Sender<ServeNews>,
    /// Is told whenever something moves.
    pub(super) entered: &'a Entered,
}

impl<S: Shelf> Answering<'_, S> {
    /// Runs until the peer leaves or breaks the protocol.
    ///
    /// # Errors
    ///
    /// [`SessionError`] says why, unless the peer said goodbye.
    pub(super) async fn run<R, W>(
        self,
        mut ear: Ear<R>,
        mut voice: Voice<W>,
    ) -> Result<(), SessionError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        greet(&mut ear, &mut voice).await?;
        let artifact = match ear.frame(IDLE).await? {
            Frame::Open(open) => Sha256::from_bytes(open.artifact),
            other => return Err(SessionError::Unexpected(other.kind())),
        };
        let Some(Opened { list, have }) = self.shelf.open(self.peer, artifact).await else {
            self.tell(ServeNews::Refused { peer: self.peer, refusal: Refusal::NotServed }).await;
            let code = refusal_code(Refusal::NotServed);
            voice.queue(&Frame::Refuse(Refuse { index: None, code }))?;
            return voice.send(&Frame::Close(close::DONE)).await;
        };
        let geometry = *list.geometry();
        voice.send(&Frame::Opened(show(&list, &have))).await?;

        let (asks, asked) = mpsc::channel(usize::from(MAX_ASKS));
        let desk = Desk { geometry, asks, open: Mutex::default(), learn: Notify::new() };
        let outcome = tokio::select! {
            outcome = hear(&desk, self.entered, &mut ear) => outcome,
            outcome = self.answer(&desk, asked, artifact, &list, have, &mut voice) => outcome,
        };
        match outcome {
            Err(error) => {
                let code = match error.fate() {
                    Fate::Ban(_) => close::FAULT,
                    Fate::Retry | Fate::GiveUp => close::IDLE,
                };
                // It is told if it still listens.
                timeout(Duration::from_secs(1), voice.send(&Frame::Close(code))).await.ok();
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Sends what was asked for, and says what has landed here since.
    async fn answer<W: AsyncWrite + Unpin>(
        &self,
        desk: &Desk,
        mut asked: mpsc::Receiver<PieceIndex>,
        artifact: Sha256,
        list: &Arc<PieceList>,
        mut have: Bitfield,
        voice: &mut Voice<W>,
    ) -> Result<(), SessionError> {
        let mut waiting: Option<PieceIndex> = None;
        let mut reading = FuturesOrdered::new();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut learnt = false;
        loop {
            tokio::select! {
                Some((index, room, answer)) = reading.next(), if !reading.is_empty() => {
                    self.send(desk, artifact, index, answer, voice).await?;
                    desk.close(index);
                    drop(room);
                }
                Some(index) = asked.recv(), if waiting.is_none() && reading.len() < AT_A_TIME => {
                    waiting = Some(index);
                    continue;
                }
                (index, room) = self.room(desk, waiting), if waiting.is_some() => {
                    waiting = None;
                    reading.push_back(self.read(desk, artifact, index, room));
                    continue;
                }
                () = desk.learn.notified(), if !learnt => {
                    learnt = true;
                    recite(list, voice).await?;
                }
                _ = look.tick(), if !have.is_full() => {
                    if let Some(opened) = self.shelf.open(self.peer, artifact).await {
                        for index in opened.have.pieces(&desk.geometry) {
                            if have.insert(index) {
                                voice.queue(&Frame::Have(index.get()))?;
                            }
                        }
                    }
                }
            }
            voice.flush().await?;
        }
    }

    /// Waits for room to read a piece.
    async fn room(&self, desk: &Desk, index: Option<PieceIndex>) -> (PieceIndex, Room) {
        let Some(index) = index else { return std::future::pending().await };
        let room = Arc::clone(self.room).acquire_many_owned(desk.geometry.length(index)).await;
        (index, room.ok())
    }

    async fn read(
        &self,
        desk: &Desk,
        artifact: Sha256,
        index: PieceIndex,
        room: Room,
    ) -> (PieceIndex, Room, Result<Bytes, Option<Refusal>>) {
        if desk.is_cancelled(index) {
            return (index, room, Err(None));
        }
        let piece = self.shelf.piece(self.peer, artifact, index).await;
        (index, room, piece.map_err(Some))
    }

    /// Sends a piece, or why there is none; `Err(None)` if it was cancelled.
    async fn send<W: AsyncWrite + Unpin>(
        &self,
        desk: &Desk,
        artifact: Sha256,
        index: PieceIndex,
        answer: Result<Bytes, Option<Refusal>>,
        voice: &mut Voice<W>,
    ) -> Result<(), SessionError> {
        let peer = self.peer;
        let expected = desk.geometry.length(index) as usize;
        let bytes = match answer {
            Ok(bytes) if bytes.len() == expected => bytes,
            Ok(bytes) => {
                tracing::error!(
                    index = index.get(),
                    found = bytes.len(),
                    "piece has a wrong length"
                );
                return self.refuse(index, Refusal::Failed, voice).await;
            }
            Err(Some(refusal)) => return self.refuse(index, refusal, voice).await,
            Err(None) => return cancelled(index, voice),
        };
        if !self.shelf.grants(peer, artifact) {
            return self.refuse(index, Refusal::NotServed, voice).await;
        }
        let mut offset = 0;
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            if desk.is_cancelled(index) {
                return cancelled(index, voice);
            }
            let most = self.limits.upload.sip().unwrap_or(MAX_BLOCK);
            let (block, later) = rest.split_at(rest.len().min(most as usize));
            let length = u32::try_from(block.len()).unwrap_or(most);
            self.limits.upload.take(length).await;
            voice.block(BlockHead { index: index.get(), offset, length }, block).await?;
            self.entered.moves();
            offset += length;
            rest = later;
            let bytes = u64::from(length);
            self.tell(ServeNews::Sent { peer, artifact, index, bytes }).await;
        }
        tracing::debug!(%peer, index = index.get(), "piece sent");
        Ok(())
    }

    async fn refuse<W: AsyncWrite + Unpin>(
        &self,
        index: PieceIndex,
        refusal: Refusal,
        voice: &mut Voice<W>,
    ) -> Result<(), SessionError> {
        self.tell(ServeNews::Refused { peer: self.peer, refusal }).await;
        let index = Some(index.get());
        voice.queue(&Frame::Refuse(Refuse { index, code: refusal_code(refusal) }))
    }

    async fn tell(&self, news: ServeNews) {
        // Nobody has to listen.
        self.news.send(news).await.ok();
    }
}

fn show(list: &PieceList, have: &Bitfield) -> wire::Opened {
    wire::Opened {
        byte_count: list.geometry().byte_count(),
        piece_size: list.geometry().piece_size(),
        algorithm: wire::algorithm(list.root().algorithm()),
        root: *list.root().as_bytes(),
        have: have.as_bytes().to_vec(),
    }
}

fn cancelled<W: AsyncWrite + Unpin>(
    index: PieceIndex,
    voice: &mut Voice<W>,
) -> Result<(), SessionError> {
    let index = Some(index.get());
    voice.queue(&Frame::Refuse(Refuse { index, code: refusal::CANCELLED }))
}

/// Sends the whole piece list.
async fn recite<W: AsyncWrite + Unpin>(
    list: &PieceList,
    voice: &mut Voice<W>,
) -> Result<(), SessionError> {
    for (first, part) in
        (0..).step_by(MAX_DIGESTS as usize).zip(list.digests().chunks(MAX_DIGESTS as usize))
    {
        let bytes = part.iter().flat_map(|digest| *digest.as_bytes()).collect();
        voice.send(&Frame::Digests(Digests { first, bytes })).await?;
    }
    Ok(())
}

/// What a peer has asked for and not got yet.
struct Desk {
    geometry: Geometry,
    asks: mpsc::Sender<PieceIndex>,
    /// The open asks, and whether each still stands.
    open: Mutex<HashMap<u32, Standing>>,
    learn: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Wanted,
    Cancelled,
}

impl Desk {
    fn open(&self) -> MutexGuard<'_, HashMap<u32, Standing>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self, index: PieceIndex) -> bool {
        self.open().get(&index.get()) == Some(&Standing::Cancelled)
    }

    fn close(&self, index: PieceIndex) {
        self.open().remove(&index.get());
    }

    /// Takes an ask in.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unasked`] if there is no such piece, [`SessionError::Asks`] if it is asked
    /// already or there are too many asks.
    fn ask(&self, index: u32) -> Result<(), SessionError> {
        let piece = self.geometry.index(index).ok_or(SessionError::Unasked(index))?;
        let mut open = self.open();
        if open.len() >= usize::from(MAX_ASKS) || open.contains_key(&index) {
            return Err(SessionError::Asks(index));
        }
        open.insert(index, Standing::Wanted);
        self.asks.try_send(piece).map_err(|_| SessionError::Asks(index))
    }

    fn cancel(&self, index: u32) {
        if let Some(standing) = self.open().get_mut(&index) {
            *standing = Standing::Cancelled;
        }
    }
}

/// Hears what the peer wants, until it says goodbye.
async fn hear<R: AsyncRead + Unpin>(
    desk: &Desk,
    entered: &Entered,
    ear: &mut Ear<R>,
) -> Result<(), SessionError> {
    let mut learnt = false;
    loop {
        let arrival = timeout(IDLE, ear.next()).await.map_err(|_| SessionError::Silent)??;
        entered.moves();
        match arrival {
            Arrival::Frame(Frame::Ask(index)) => desk.ask(index)?,
            Arrival::Frame(Frame::Cancel(index)) => desk.cancel(index),
            Arrival::Frame(Frame::Learn) if !learnt => {
                learnt = true;
                desk.learn.notify_one();
            }
            Arrival::Frame(Frame::Close(_)) => return Ok(()),
            Arrival::Frame(Frame::Stay) => {}
            Arrival::Frame(other) => return Err(SessionError::Unexpected(other.kind())),
            Arrival::Block(head) => return Err(SessionError::Unasked(head.index)),
        }
    }
}
