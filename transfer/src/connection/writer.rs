//! Frames and payload into the writing half of a connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use engine::Ending;
use engine::wire::Frame;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::broken;

/// Frames and payload that are sent together, in this order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    parts: Vec<Part>,
    /// The frames behind the last part.
    frames: Vec<u8>,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    is_payload: bool,
}

impl Batch {
    /// Puts a frame behind what is there.
    pub(crate) fn frame(&mut self, frame: &Frame) {
        if let Err(error) = frame.encode(&mut self.frames) {
            // Frames are made here from what is within their limits.
            tracing::error!(%error, "a frame cannot be sent");
        }
    }

    /// Puts payload behind the frame that was put in last; its bytes are not copied.
    pub(crate) fn payload(&mut self, bytes: Bytes) {
        self.seal();
        self.parts.push(Part { bytes, is_payload: true });
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.frames.is_empty()
    }

    fn seal(&mut self) {
        if !self.frames.is_empty() {
            let bytes = std::mem::take(&mut self.frames).into();
            self.parts.push(Part { bytes, is_payload: false });
        }
    }
}

/// Hears of what was sent.
pub(crate) trait Sent: Send + Sync + 'static {
    /// So many more bytes of payload were taken by the stream.
    fn taken(&self, bytes: u32) -> impl Future<Output = ()> + Send;

    /// Nothing can be sent any more.
    fn ended(&self, ending: Ending) -> impl Future<Output = ()> + Send;
}

/// Sends batches until there are no more, and says goodbye.
pub(super) async fn run<W, S>(stream: W, batches: mpsc::UnboundedReceiver<Batch>, sent: S)
where
    W: AsyncWrite + Unpin,
    S: Sent,
{
    /// Where nothing can be sent any more, what the other side said before tells why; this long it
    /// is waited for.
    const LAST_WORDS: Duration = Duration::from_secs(1);

    let mut writer = Writer { stream, batches, parts: VecDeque::new() };
    if let Err(error) = writer.run(&sent).await {
        sleep(LAST_WORDS).await;
        sent.ended(broken(&error)).await;
    }
}

/// How many parts go to the stream in one call.
const AT_ONCE: usize = 16;

struct Writer<W> {
    stream: W,
    batches: mpsc::UnboundedReceiver<Batch>,
    parts: VecDeque<Part>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn run(&mut self, sent: &impl Sent) -> io::Result<()> {
        while let Some(batch) = self.batches.recv().await {
            self.take(batch);
            while !self.parts.is_empty() {
                let payload = self.write().await?;
                if payload > 0 {
                    sent.taken(payload).await;
                }
                while let Ok(batch) = self.batches.try_recv() {
                    self.take(batch);
                }
            }
            self.stream.flush().await?;
        }
        self.stream.shutdown().await
    }

    fn take(&mut self, mut batch: Batch) {
        batch.seal();
        self.parts.extend(batch.parts);
    }

    /// Gives the stream some of what waits; how much payload it took.
    async fn write(&mut self) -> io::Result<u32> {
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(&part.bytes);
        }
        let slices = slices.get(..self.parts.len().min(AT_ONCE)).unwrap_or_default();
        let mut written = self.stream.write_vectored(slices).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut payload = 0;
        while let Some(part) = self.parts.front_mut() {
            let now = written.min(part.bytes.len());
            part.bytes.advance(now);
            written -= now;
            payload += if part.is_payload { now } else { 0 };
            if !part.bytes.is_empty() {
                break;
            }
            self.parts.pop_front();
        }
        Ok(u32::try_from(payload).unwrap_or(u32::MAX))
    }
}
