//! Being called.

mod accepting;
mod artifact;
mod handshake;
mod serving;
mod telling;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use app::ports::{Failure, Listener, Listening, Provider, ServeNews};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::identity::{Identity, listener_config};
use crate::limits::Limits;

use serving::Serving;

/// Listens for peers that call: strangers are turned away in the handshake.
#[derive(Debug, Clone)]
pub struct TlsListener {
    identity: Arc<Identity>,
    limits: Arc<Limits>,
}

impl TlsListener {
    /// Answers in the name of `identity`, within `limits`.
    pub const fn new(identity: Arc<Identity>, limits: Arc<Limits>) -> Self {
        Self { identity, limits }
    }

    /// The limits, which can be changed while connections are open.
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }
}

impl Listener for TlsListener {
    async fn listen<S: Provider>(
        &self,
        address: SocketAddr,
        provider: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> Result<Listening, Failure> {
        let knows = Arc::clone(&provider);
        let tls = listener_config(&self.identity, Arc::new(move |peer| knows.knows(peer)))?;
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        let (tls, limits) = (TlsAcceptor::from(tls), Arc::clone(&self.limits));
        let sessions = async move {
            Serving::new(tls, limits, provider, news).spawn(listener).await.map_err(Failure::from)
        };
        Ok(Listening { address, sessions: Box::pin(sessions) })
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    /// How many calls may wait to be taken.
    const BACKLOG: u32 = 64;

    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // So that serving can be stopped and started again at once; elsewhere it would let another
    // program take the address over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
