//! Frames and payload out of the reading half of a connection.

use bytes::BufMut as _;
use engine::Ending;
use engine::wire::{Arrival, Decoder, Frame, Side};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::broken;

/// Reads one side of a connection. All its methods can be given up and called again.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    stream: R,
    decoder: Decoder,
    /// Bytes that were read and not looked at are those from `from` to `to`.
    ahead: Box<[u8]>,
    from: usize,
    to: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// How much is read ahead where frames are expected; payload is not read through it.
    const AHEAD: usize = 4 << 10;

    /// Reads what this side sends.
    pub(crate) fn new(stream: R, from: Side) -> Self {
        let ahead = vec![0; Self::AHEAD].into_boxed_slice();
        Self { stream, decoder: Decoder::new(from), ahead, from: 0, to: 0 }
    }

    /// The next frame; the payload of the one before must have been taken.
    ///
    /// # Errors
    ///
    /// [`Ending`] says why there is none.
    pub(crate) async fn frame(&mut self) -> Result<Frame, Ending> {
        loop {
            let mut ahead = self.ahead.get(self.from..self.to).unwrap_or_default();
            let arrival = self.decoder.next(&mut ahead)?;
            self.from = self.to - ahead.len();
            if let Some(Arrival::Frame(frame)) = arrival {
                return Ok(frame);
            }
            if self.from == self.to {
                self.read_ahead().await?;
            }
        }
    }

    /// How many bytes of payload come before the next frame.
    pub(crate) const fn payload_left(&self) -> u32 {
        self.decoder.payload_left()
    }

    /// Appends some of the payload to `into`, and says how many bytes; they are read from the stream
    /// to where they stay.
    ///
    /// # Errors
    ///
    /// As [`Self::frame`].
    pub(crate) async fn payload(&mut self, into: &mut Vec<u8>, most: u32) -> Result<u32, Ending> {
        let most = most.min(self.payload_left());
        let ahead = self.ahead.get(self.from..self.to).unwrap_or_default();
        let count = if ahead.is_empty() {
            let read = self.stream.read_buf(&mut into.limit(most as usize)).await;
            read.map_err(|error| broken(&error))?
        } else {
            let now = ahead.len().min(most as usize);
            into.extend_from_slice(ahead.get(..now).unwrap_or_default());
            self.from += now;
            now
        };
        self.took(count)
    }

    /// Reads some of the payload and forgets it.
    ///
    /// # Errors
    ///
    /// As [`Self::frame`].
    pub(crate) async fn skip(&mut self, most: u32) -> Result<u32, Ending> {
        if self.from == self.to {
            self.read_ahead().await?;
        }
        let most = most.min(self.payload_left()) as usize;
        let count = most.min(self.to - self.from);
        self.from += count;
        self.took(count)
    }

    /// Reads and forgets until the other side has hung up.
    pub(crate) async fn drain(&mut self) {
        while matches!(self.stream.read(&mut self.ahead).await, Ok(1..)) {}
    }

    fn took(&mut self, count: usize) -> Result<u32, Ending> {
        match u32::try_from(count) {
            Ok(0) | Err(_) => Err(Ending::HungUp),
            Ok(count) => {
                self.decoder.took(count);
                Ok(count)
            }
        }
    }

    async fn read_ahead(&mut self) -> Result<(), Ending> {
        match self.stream.read(&mut self.ahead).await {
            Ok(0) => Err(Ending::HungUp),
            Ok(count) => {
                (self.from, self.to) = (0, count);
                Ok(())
            }
            Err(error) => Err(broken(&error)),
        }
    }
}
