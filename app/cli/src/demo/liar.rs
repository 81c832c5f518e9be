//! A server that lies, for the demo only: it shows a lie being caught.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use app::ports::{Failure, Listener, Listening, Opened, Ports, Refusal, ServeNews, Shelf};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use verifier::identity::PeerId;
use verifier::{PieceIndex, Sha256};

/// Ports whose listener flips a byte in every Nth piece that it sends.
pub struct Lying<P: Ports> {
    inner: P,
    listener: Arc<LyingListener<P::Listener>>,
}

impl<P: Ports> Lying<P> {
    /// Wraps honest ports.
    pub fn new(inner: P, every: NonZeroU32) -> Self {
        let honest = Arc::clone(inner.listener());
        Self { inner, listener: Arc::new(LyingListener { honest, every }) }
    }
}

impl<P: Ports> Ports for Lying<P> {
    type Store = P::Store;
    type Outputs = P::Outputs;
    type Peers = P::Peers;
    type Listener = LyingListener<P::Listener>;
    type Journal = P::Journal;
    type Clock = P::Clock;

    fn store(&self) -> &Arc<P::Store> {
        self.inner.store()
    }

    fn outputs(&self) -> &Arc<P::Outputs> {
        self.inner.outputs()
    }

    fn peers(&self) -> &Arc<P::Peers> {
        self.inner.peers()
    }

    fn listener(&self) -> &Arc<LyingListener<P::Listener>> {
        &self.listener
    }

    fn journal(&self) -> &Arc<P::Journal> {
        self.inner.journal()
    }

    fn clock(&self) -> &P::Clock {
        self.inner.clock()
    }
}

/// A listener that answers from a lying shelf.
pub struct LyingListener<L> {
    honest: Arc<L>,
    every: NonZeroU32,
}

impl<L: Listener> Listener for LyingListener<L> {
    async fn listen<S: Shelf>(
        &self,
        address: SocketAddr,
        shelf: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> Result<Listening, Failure> {
        let shelf = Arc::new(LyingShelf { honest: shelf, every: self.every });
        self.honest.listen(address, shelf, news).await
    }
}

struct LyingShelf<S> {
    honest: Arc<S>,
    every: NonZeroU32,
}

impl<S: Shelf> Shelf for LyingShelf<S> {
    fn knows(&self, peer: PeerId) -> bool {
        self.honest.knows(peer)
    }

    async fn open(&self, peer: PeerId, artifact: Sha256) -> Option<Opened> {
        self.honest.open(peer, artifact).await
    }

    fn grants(&self, peer: PeerId, artifact: Sha256) -> bool {
        self.honest.grants(peer, artifact)
    }

    async fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Bytes, Refusal> {
        let bytes = self.honest.piece(peer, artifact, index).await?;
        if index.get() % self.every == self.every.get() - 1 {
            Ok(flipped(&bytes))
        } else {
            Ok(bytes)
        }
    }
}

fn flipped(bytes: &[u8]) -> Bytes {
    let mut lie = BytesMut::from(bytes);
    let middle = lie.len() / 2;
    if let Some(byte) = lie.get_mut(middle) {
        *byte ^= 1;
    }
    lie.freeze()
}

#[cfg(test)]
mod tests {
    use super::flipped;

    #[test]
    fn a_lie_has_the_right_length_and_a_wrong_byte() {
        assert_eq!(flipped(&[7, 7, 7]).as_ref(), [7, 6, 7]);
        assert!(flipped(&[]).is_empty());
    }
}
