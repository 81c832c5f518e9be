//! One session with a peer that is asked: what is said, what is heard, and for how long it may
//! be silent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::ports::{PullNews, PullSource, Pulled};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use verifier::identity::PeerId;
use verifier::piece::{ArrivedPiece, PieceList, Source, VerifiedPiece};
use verifier::{Bitfield, PieceIndex};

use crate::dial::dial;
use crate::identity::Identity;
use crate::pace::{OPEN, STAY};
use crate::picker::{Seat, Second};
use crate::session::{Arrival, Ear, SessionError, Voice, greet};
use crate::swarm::buffer::Buffer;
use crate::swarm::learning::{known, learn};
use crate::swarm::table::{Table, Time};
use crate::wire::{BlockHead, Frame, MIN_BLOCK, Open, Refuse, close, refusal};

/// Pieces up to this length are hashed where they arrive, longer ones on a blocking thread.
const HASH_HERE: usize = 512 << 10;

/// Calls the peer and asks it for pieces until none is left to ask.
///
/// # Errors
///
/// [`SessionError`] says why the session ended before that.
pub(super) async fn converse(
    table: &Arc<Table>,
    seat: Seat,
    identity: &Identity,
    source: &PullSource,
) -> Result<(), SessionError> {
    let peer = source.id;
    let prepare = async {
        let call = dial(identity, peer, &source.addresses).await?;
        let (read, write) = tokio::io::split(call);
        let (mut ear, mut voice) = (Ear::new(read), Voice::new(write));
        let most = greet(&mut ear, &mut voice).await?;
        let mut have = open(table, &mut ear, &mut voice).await?;
        let list = learn(table, &mut ear, &mut voice, &mut have).await?;
        Ok::<_, SessionError>((ear, voice, most, have, list))
    };
    let (ear, voice, most, have, list) = tokio::select! {
        prepared = Box::pin(prepare) => prepared?,
        () = table.finished() => return Ok(()),
    };
    let (_seated, pieces) = table.sit(seat, &have);
    table.tell(PullNews::Connected { peer, pieces }).await?;

    let mut hearing = Hearing { table, seat, peer, list, ear, filling: None };
    let mut speaking = Speaking { table, seat, peer, most, voice, said: Instant::now() };
    tokio::select! {
        outcome = hearing.run() => outcome.map(|never| match never {}),
        outcome = speaking.run() => outcome,
        error = watch(table, seat) => Err(error),
    }
}

/// Asks to see the artifact; what the peer has of it.
async fn open<R, W>(
    table: &Table,
    ear: &mut Ear<R>,
    voice: &mut Voice<W>,
) -> Result<Bitfield, SessionError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    voice.send(&Frame::Open(Open { artifact: *table.artifact.as_bytes() })).await?;
    match ear.frame(OPEN).await? {
        Frame::Opened(opened) if opened.agrees(&table.geometry, &table.root) => {
            let count = table.geometry.piece_count();
            Bitfield::from_bytes(&opened.have, count).ok_or(SessionError::HaveMap)
        }
        Frame::Opened(_) => Err(SessionError::Geometry),
        Frame::Refuse(Refuse { index: None, code }) => Err(SessionError::Refused(code)),
        other => Err(SessionError::Unexpected(other.kind())),
    }
}

/// Resolves when the peer has been silent for too long.
async fn watch(table: &Table, seat: Seat) -> SessionError {
    loop {
        sleep(Duration::from_secs(1)).await;
        if let Err(silent) = table.check(seat) {
            return silent;
        }
    }
}

/// Says which pieces are wanted next.
struct Speaking<'a, W> {
    table: &'a Table,
    seat: Seat,
    peer: PeerId,
    most: u16,
    voice: Voice<W>,
    said: Instant,
}

impl<W: AsyncWrite + Unpin> Speaking<'_, W> {
    /// After how long it is looked again whether there is something to ask.
    const LOOK: Duration = Duration::from_millis(250);

    async fn run(&mut self) -> Result<(), SessionError> {
        let wake = self.table.wake(self.seat);
        loop {
            let orders = self.table.orders(self.seat, self.most);
            if orders.finished {
                return self.voice.send(&Frame::Close(close::DONE)).await;
            }
            if orders.denied {
                self.voice.send(&Frame::Close(close::DONE)).await?;
                return Err(SessionError::Denied);
            }
            let idle =
                orders.asks.is_empty() && orders.spare.is_none() && orders.cancels.is_empty();
            for index in &orders.cancels {
                self.voice.queue(&Frame::Cancel(*index))?;
            }
            if let Some(spare) = orders.spare {
                self.ask_spare(spare).await?;
            } else if !orders.asks.is_empty() {
                self.ask(orders.asks).await?;
            } else if idle && self.said.elapsed() > STAY {
                self.voice.queue(&Frame::Stay)?;
            } else if idle {
                // Woken or not, there may be something to do.
                timeout(Self::LOOK, wake.notified()).await.ok();
                continue;
            }
            self.voice.flush().await?;
            self.said = Instant::now();
        }
    }

    /// Asks for as many of the pieces as consent covers: all, or else the first, or none.
    async fn ask(&mut self, mut asks: Vec<PieceIndex>) -> Result<(), SessionError> {
        if !self.may_ask(&asks).await? {
            let mut denied = asks.split_off(1);
            let one_will_do = !denied.is_empty() && self.may_ask(&asks).await?;
            if !one_will_do {
                denied.append(&mut asks);
            }
            self.table.denied(self.seat, &denied);
        }
        // From here on the peer may send them.
        self.table.asked(self.seat, &asks);
        asks.into_iter().try_for_each(|index| self.say_ask(index))
    }

    async fn ask_spare(&mut self, spare: Second) -> Result<(), SessionError> {
        if !self.may_ask(&[spare.index()]).await? {
            self.table.denied_spare(self.seat, spare);
            return Ok(());
        }
        self.table.asked_spare(self.seat, spare);
        self.say_ask(spare.index())
    }

    fn say_ask(&mut self, index: PieceIndex) -> Result<(), SessionError> {
        let news = PullNews::Asked { peer: self.peer, index };
        // Whoever does not keep up with the asks sees the pieces.
        self.table.out().try_send(Pulled::News(news)).ok();
        self.voice.queue(&Frame::Ask(index.get()))
    }

    async fn may_ask(&self, asks: &[PieceIndex]) -> Result<bool, SessionError> {
        let geometry = &self.table.geometry;
        let bytes = asks.iter().map(|index| u64::from(geometry.length(*index))).sum();
        let (answer, answered) = oneshot::channel();
        let _held = self.table.hold();
        let question = Pulled::Ask { peer: self.peer, bytes, answer };
        self.table.out().send(question).await.map_err(|_| SessionError::Cancelled)?;
        answered.await.map_err(|_| SessionError::Cancelled)
    }
}

/// Hears the peer's answers.
struct Hearing<'a, R> {
    table: &'a Table,
    seat: Seat,
    peer: PeerId,
    list: Arc<PieceList>,
    ear: Ear<R>,
    filling: Option<Filling>,
}

/// A piece that is arriving.
struct Filling {
    index: PieceIndex,
    length: u32,
    buffer: Buffer,
}

impl<R: AsyncRead + Unpin> Hearing<'_, R> {
    async fn run(&mut self) -> Result<Infallible, SessionError> {
        loop {
            match self.ear.next().await? {
                Arrival::Block(head) => self.block(head).await?,
                Arrival::Frame(Frame::Have(index)) => {
                    self.table.has(self.seat, known(self.table, index)?);
                }
                Arrival::Frame(Frame::Refuse(Refuse { index: Some(index), code })) => {
                    self.refused(index, code)?;
                }
                Arrival::Frame(Frame::Close(code)) => return Err(SessionError::Closed(code)),
                Arrival::Frame(Frame::Stay) => {}
                Arrival::Frame(other) => return Err(SessionError::Unexpected(other.kind())),
            }
        }
    }

    async fn block(&mut self, head: BlockHead) -> Result<(), SessionError> {
        let mut filling = match self.filling.take() {
            Some(filling) => filling,
            None => self.start(head).await?,
        };
        check(head, &filling)?;
        let mut left = head.length;
        while left > 0 {
            let download = &self.table.limits.download;
            let sip = download.sip();
            let now = sip.unwrap_or(left).min(left);
            let count = self.ear.fill(filling.buffer.bytes_mut(), now).await?;
            self.table.heard(self.seat, count);
            left -= count.min(left);
            if sip.is_some() {
                // What came counts, so that a peer that sends in crumbs takes nothing from others.
                let _waiting = self.table.wait(self.seat, Time::Counted);
                download.take(count).await;
            }
        }
        if filling.buffer.filled() == filling.length {
            return self.arrived(filling).await;
        }
        self.filling = Some(filling);
        Ok(())
    }

    /// Makes room for the piece that is due, which must be the one that comes.
    async fn start(&self, head: BlockHead) -> Result<Filling, SessionError> {
        let index = known(self.table, head.index)?;
        if self.table.due(self.seat).is_none_or(|due| due.index != head.index) {
            return Err(SessionError::Unasked(head.index));
        }
        let length = self.table.geometry.length(index);
        let buffer = match self.table.buffers.try_take(length) {
            Some(buffer) => buffer,
            None => {
                let _waiting = self.table.wait(self.seat, Time::Free);
                self.table.buffers.take(length).await.ok_or(SessionError::Cancelled)?
            }
        };
        Ok(Filling { index, length, buffer })
    }

    async fn arrived(&self, filling: Filling) -> Result<(), SessionError> {
        let index = filling.index;
        let piece = ArrivedPiece {
            index: index.get(),
            bytes: filling.buffer.freeze(),
            from: Source::Peer(self.peer),
        };
        let verified = self.verify(piece).await?;
        let wanted = self.table.arrived(self.seat, index);
        self.table.answered(self.seat);
        if wanted {
            tracing::debug!(index = index.get(), "piece arrived");
            self.table.deliver(self.seat, verified).await?;
        }
        Ok(())
    }

    async fn verify(&self, piece: ArrivedPiece) -> Result<VerifiedPiece, SessionError> {
        if piece.bytes.len() <= HASH_HERE {
            return Ok(self.list.verify(piece)?);
        }
        if let Some(index) = self.table.geometry.index(piece.index) {
            let news = PullNews::Arrived { peer: self.peer, index };
            // Whoever does not keep up sees the piece when it is verified.
            self.table.out().try_send(Pulled::News(news)).ok();
        }
        let list = Arc::clone(&self.list);
        let _waiting = self.table.wait(self.seat, Time::Counted);
        let verified = tokio::task::spawn_blocking(move || list.verify(piece)).await;
        Ok(verified.map_err(|_| SessionError::Cancelled)??)
    }

    fn refused(&mut self, index: u32, code: u16) -> Result<(), SessionError> {
        let piece = known(self.table, index)?;
        let due = self.table.due(self.seat).filter(|due| due.index == index);
        let due = due.ok_or(SessionError::Unasked(index))?;
        self.filling = None;
        self.table.answered(self.seat);
        match code {
            refusal::CANCELLED if due.cancelled => Ok(()),
            refusal::CANCELLED => Err(SessionError::Unasked(index)),
            refusal::NOT_HAD => {
                self.table.lacks(self.seat, piece);
                Ok(())
            }
            code => Err(SessionError::Refused(code)),
        }
    }
}

/// Whether a block continues the piece that is arriving.
fn check(head: BlockHead, filling: &Filling) -> Result<(), SessionError> {
    let BlockHead { index, offset, length } = head;
    if index != filling.index.get() {
        return Err(SessionError::Unasked(index));
    }
    let expected = filling.buffer.filled();
    if offset != expected {
        return Err(SessionError::Order { index, offset, expected });
    }
    let left = filling.length - expected.min(filling.length);
    if length > left || (length < MIN_BLOCK && length != left) {
        return Err(SessionError::BlockLength { index, length, left });
    }
    Ok(())
}
