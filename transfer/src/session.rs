//! One connection: frames in, frames out, over any stream of bytes.

mod error;

use std::io;
use std::io::IoSlice;
use std::time::Duration;

use bytes::{Buf, BufMut as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::wire::{
    BLOCK_HEAD_LEN, BlockHead, Frame, HEADER_LEN, Header, Hello, Kind, MAX_ASKS, VERSION,
};

pub(crate) use error::{Fate, SessionError};

/// What arrives next.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A whole frame.
    Frame(Frame),
    /// A block's head; its bytes must be taken by [`Ear::fill`] before the next arrival.
    Block(BlockHead),
}

/// The side of a session that hears.
#[derive(Debug)]
pub(crate) struct Ear<R> {
    io: R,
}

impl<R: AsyncRead + Unpin> Ear<R> {
    pub(crate) const fn new(io: R) -> Self {
        Self { io }
    }

    /// Waits for the next frame or block.
    ///
    /// # Errors
    ///
    /// [`SessionError::HungUp`] at the end of the stream, and whatever is wrong with a frame.
    pub(crate) async fn next(&mut self) -> Result<Arrival, SessionError> {
        let mut bytes = [0; HEADER_LEN];
        self.exact(&mut bytes).await?;
        let header = Header::decode(bytes)?;
        if header.kind == Kind::Block {
            let mut head = [0; BLOCK_HEAD_LEN];
            self.exact(&mut head).await?;
            return Ok(Arrival::Block(BlockHead::decode(header, head)));
        }
        // The length is within the kind's limit.
        let mut body = vec![0; header.length as usize];
        self.exact(&mut body).await?;
        Ok(Arrival::Frame(Frame::decode(header.kind, &body)?))
    }

    /// Waits for the next frame, which must come in time and not be a block.
    ///
    /// # Errors
    ///
    /// [`SessionError::Silent`] if it does not come in time, else as [`Self::next`].
    pub(crate) async fn frame(&mut self, within: Duration) -> Result<Frame, SessionError> {
        match tokio::time::timeout(within, self.next()).await {
            Err(_) => Err(SessionError::Silent),
            Ok(Ok(Arrival::Frame(Frame::Close(code)))) => Err(SessionError::Closed(code)),
            Ok(Ok(Arrival::Frame(frame))) => Ok(frame),
            Ok(Ok(Arrival::Block(head))) => Err(SessionError::Unasked(head.index)),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Appends some of the next `length` bytes to `into` and says how many.
    ///
    /// # Errors
    ///
    /// [`SessionError::HungUp`] or [`SessionError::Lost`].
    pub(crate) async fn fill(
        &mut self,
        into: &mut Vec<u8>,
        length: u32,
    ) -> Result<u32, SessionError> {
        let count = self.io.read_buf(&mut into.limit(length as usize)).await?;
        match u32::try_from(count) {
            Ok(0) | Err(_) => Err(SessionError::HungUp),
            Ok(count) => Ok(count),
        }
    }

    async fn exact(&mut self, into: &mut [u8]) -> Result<(), SessionError> {
        match self.io.read_exact(into).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(SessionError::HungUp),
            Err(error) => Err(error.into()),
        }
    }
}

/// The side of a session that speaks.
#[derive(Debug)]
pub(crate) struct Voice<W> {
    io: W,
    waiting: Vec<u8>,
    /// Whether a sending was begun and not ended: then nothing sensible can follow.
    midway: bool,
}

impl<W: AsyncWrite + Unpin> Voice<W> {
    pub(crate) const fn new(io: W) -> Self {
        Self { io, waiting: Vec::new(), midway: false }
    }

    /// Puts a frame behind those that wait for [`Self::flush`].
    ///
    /// # Errors
    ///
    /// [`SessionError::Frame`] if the frame is over its own limit.
    pub(crate) fn queue(&mut self, frame: &Frame) -> Result<(), SessionError> {
        Ok(frame.encode(&mut self.waiting)?)
    }

    /// Sends what waits.
    ///
    /// # Errors
    ///
    /// [`SessionError::Lost`], or [`SessionError::Silent`] if the other side takes nothing.
    pub(crate) async fn flush(&mut self) -> Result<(), SessionError> {
        self.begin()?;
        let sent = tokio::time::timeout(crate::pace::SEND, async {
            self.io.write_all(&self.waiting).await?;
            self.waiting.clear();
            self.io.flush().await
        });
        sent.await.map_err(|_| SessionError::Silent)??;
        self.midway = false;
        Ok(())
    }

    /// Sends a frame, and what waits before it.
    ///
    /// # Errors
    ///
    /// As [`Self::queue`] and [`Self::flush`].
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), SessionError> {
        self.queue(frame)?;
        self.flush().await
    }

    /// Sends a block, and what waits before it, without copying its bytes together.
    ///
    /// The bytes may stay in the stream's buffer until [`Self::flush`].
    ///
    /// # Errors
    ///
    /// As [`Self::flush`].
    pub(crate) async fn block(
        &mut self,
        head: BlockHead,
        bytes: &[u8],
    ) -> Result<(), SessionError> {
        self.begin()?;
        self.waiting.extend_from_slice(&head.encode());
        let sent = tokio::time::timeout(crate::pace::SEND, async {
            let mut both = Buf::chain(self.waiting.as_slice(), bytes);
            while both.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = both.chunks_vectored(&mut slices);
                let slices = slices.get(..count).unwrap_or_default();
                match self.io.write_vectored(slices).await? {
                    0 => return Err(io::Error::from(io::ErrorKind::WriteZero)),
                    written => both.advance(written),
                }
            }
            Ok(())
        });
        sent.await.map_err(|_| SessionError::Silent)??;
        self.waiting.clear();
        self.midway = false;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SessionError> {
        if self.midway {
            return Err(SessionError::HungUp);
        }
        self.midway = true;
        Ok(())
    }
}

/// Says hello and hears it; how many asks the other side takes at a time.
///
/// # Errors
///
/// [`SessionError::Version`] if the other side speaks another version.
pub(crate) async fn greet<R, W>(ear: &mut Ear<R>, voice: &mut Voice<W>) -> Result<u16, SessionError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let sent = voice.send(&Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS })).await;
    // Where nothing can be sent any more, what the other side said before tells why.
    let heard = ear.frame(crate::pace::HANDSHAKE).await?;
    sent?;
    match heard {
        Frame::Hello(Hello { version: VERSION, asks }) => Ok(asks.clamp(1, MAX_ASKS)),
        Frame::Hello(Hello { version, .. }) => Err(SessionError::Version(version)),
        other => Err(SessionError::Unexpected(other.kind())),
    }
}
