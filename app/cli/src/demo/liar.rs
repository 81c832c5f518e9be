//! A server that lies, for the demo and tests only: it shows a lie being caught. It serves on this
//! machine only, so that no real peer is ever sent what it makes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use app::ports::{Failure, Listener, Listening, Opened, Ports, Provider, Refusal, ServeNews};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use verifier::identity::PeerId;
use verifier::scalars::Label;
use verifier::{PieceIndex, Sha256};

use crate::args::LiarArgs;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::serve::serve_from;
use crate::session::Session;
use crate::wiring::Wiring;

/// `demo-liar`.
///
/// # Errors
///
/// [`Fault`] if another machine could call it, and as for an honest server.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &LiarArgs,
) -> Result<Outcome, Fault> {
    let mut settings = session.settings()?;
    settings.listen = args.serve.listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
    settings.addresses.clear();
    if !settings.listen.ip().is_loopback() {
        let what = format!("{} can be called from other machines", settings.listen);
        let advice = "The demo's liar serves on this machine only: take --listen 127.0.0.1:0.";
        return Err(Fault::usage("--listen", what, advice));
    }
    let warning = match args.every.get() {
        1 => "wrong bytes are sent in every piece, to see a lie being caught".to_owned(),
        every => {
            format!("wrong bytes are sent in one piece of {every}, to see a lie being caught")
        }
    };
    let wrap = |ports| Lying::new(ports, args.every);
    serve_from(session, &args.serve, &settings, Some(&warning), wrap).await
}

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

/// A listener that answers from a lying provider.
pub struct LyingListener<L> {
    honest: Arc<L>,
    every: NonZeroU32,
}

impl<L: Listener> Listener for LyingListener<L> {
    async fn listen<S: Provider>(
        &self,
        address: SocketAddr,
        provider: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> Result<Listening, Failure> {
        if !address.ip().is_loopback() {
            let what = format!("the demo's liar does not take calls on {address}");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, what).into());
        }
        let provider = Arc::new(LyingProvider { honest: provider, every: self.every });
        self.honest.listen(address, provider, news).await
    }
}

struct LyingProvider<S> {
    honest: Arc<S>,
    every: NonZeroU32,
}

impl<S: Provider> Provider for LyingProvider<S> {
    fn knows(&self, peer: PeerId) -> bool {
        self.honest.knows(peer)
    }

    async fn label(&self, peer: PeerId) -> Option<Label> {
        self.honest.label(peer).await
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

    fn landed(&self) -> mpsc::UnboundedReceiver<(Sha256, PieceIndex)> {
        self.honest.landed()
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
    use std::net::SocketAddr;
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use app::ports::{Failure, Listener, Listening, Opened, Provider, Refusal, ServeNews};
    use bytes::Bytes;
    use tokio::sync::mpsc;
    use verifier::identity::PeerId;
    use verifier::scalars::Label;
    use verifier::{PieceIndex, Sha256};

    use super::{LyingListener, flipped};

    /// A listener that would listen anywhere, and a provider that has nothing.
    struct Anywhere;

    impl Listener for Anywhere {
        async fn listen<S: Provider>(
            &self,
            address: SocketAddr,
            _provider: Arc<S>,
            _news: mpsc::Sender<ServeNews>,
        ) -> Result<Listening, Failure> {
            panic!("it would listen on {address}");
        }
    }

    impl Provider for Anywhere {
        fn knows(&self, _peer: PeerId) -> bool {
            false
        }

        async fn label(&self, _peer: PeerId) -> Option<Label> {
            None
        }

        async fn open(&self, _peer: PeerId, _artifact: Sha256) -> Option<Opened> {
            None
        }

        fn grants(&self, _peer: PeerId, _artifact: Sha256) -> bool {
            false
        }

        async fn piece(
            &self,
            _peer: PeerId,
            _artifact: Sha256,
            _index: PieceIndex,
        ) -> Result<Bytes, Refusal> {
            Err(Refusal::NotServed)
        }
    }

    #[tokio::test]
    async fn the_demos_liar_listens_on_loopback_only() {
        let liar = LyingListener { honest: Arc::new(Anywhere), every: NonZeroU32::MIN };
        for address in ["0.0.0.0:0", "192.168.1.20:9410", "[::]:0"] {
            let (news, _heard) = mpsc::channel(1);
            let refused = liar.listen(address.parse().unwrap(), Arc::new(Anywhere), news).await;
            assert!(refused.err().unwrap().to_string().contains(address), "{address}");
        }
    }

    #[test]
    fn a_lie_has_the_right_length_and_a_wrong_byte() {
        assert_eq!(flipped(&[7, 7, 7]).as_ref(), [7, 6, 7]);
        assert!(flipped(&[]).is_empty());
    }
}
