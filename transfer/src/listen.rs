//! Being called: who is let in, and how many at a time.

mod answering;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::ports::{Failure, Listener, Listening, ServeNews, Shelf};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::Instrument as _;
use verifier::identity::PeerId;

use crate::identity::{Identity, doorway, peer_of};
use crate::pace::{self, Connected, Limits};
use crate::session::{Ear, Fate, SessionError, Voice};
use crate::wire::{BLOCK_HEAD_LEN, Frame, HEADER_LEN, MAX_BLOCK, close};

use answering::Answering;

/// The way in for peers that call: strangers are turned away in the handshake.
#[derive(Debug, Clone)]
pub struct Doorway {
    identity: Arc<Identity>,
    limits: Arc<Limits>,
}

impl Doorway {
    /// The most sessions that one peer may have at a time.
    pub const SESSIONS_A_PEER: u32 = 2;
    /// The most bytes of pieces that are read and not yet sent, all sessions together.
    pub const READ_AHEAD: usize = 64 << 20;

    /// Answers in the name of `identity`, within `limits`.
    pub const fn new(identity: Arc<Identity>, limits: Arc<Limits>) -> Self {
        Self { identity, limits }
    }

    /// The limits, which can be changed while sessions run.
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }
}

impl Listener for Doorway {
    async fn listen<S: Shelf>(
        &self,
        address: SocketAddr,
        shelf: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> Result<Listening, Failure> {
        let knows = Arc::clone(&shelf);
        let tls = doorway(&self.identity, Arc::new(move |peer| knows.knows(peer)))?;
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        let porter = Porter {
            tls: TlsAcceptor::from(tls),
            limits: Arc::clone(&self.limits),
            callers: Arc::default(),
            room: Arc::new(Semaphore::new(Self::READ_AHEAD)),
            shelf,
            news,
        };
        Ok(Listening { address, sessions: Box::pin(porter.run(listener)) })
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

/// Lets callers in.
struct Porter<S> {
    tls: TlsAcceptor,
    limits: Arc<Limits>,
    callers: Arc<Callers>,
    room: Arc<Semaphore>,
    shelf: Arc<S>,
    news: mpsc::Sender<ServeNews>,
}

impl<S: Shelf> Porter<S> {
    /// After so many failures in a row the listener itself has failed.
    const FAILURES: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(100);

    async fn run(self, listener: TcpListener) -> Result<(), Failure> {
        let mut sessions = JoinSet::new();
        let mut failures = 0;
        loop {
            tokio::select! {
                Some(_) = sessions.join_next() => {}
                call = listener.accept() => match call {
                    Ok((stream, from)) => {
                        failures = 0;
                        self.take(stream, from, &mut sessions);
                    }
                    Err(error) if failures >= Self::FAILURES => return Err(error.into()),
                    Err(error) => {
                        // A caller that hung up before it was taken, or too many open files.
                        tracing::warn!(%error, "a call could not be taken");
                        failures += 1;
                        sleep(Self::PAUSE).await;
                    }
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, from: SocketAddr, sessions: &mut JoinSet<()>) {
        let Some(connected) = self.limits.connect() else {
            turn_away(&self.news, from, "there are too many connections".to_owned());
            return;
        };
        let (tls, news) = (self.tls.clone(), self.news.clone());
        let session = Session {
            shelf: Arc::clone(&self.shelf),
            limits: Arc::clone(&self.limits),
            callers: Arc::clone(&self.callers),
            room: Arc::clone(&self.room),
            news: news.clone(),
            from,
        };
        let span = tracing::debug_span!("session", %from);
        let run = async move {
            let _connected: Connected = connected;
            if let Err(why) = session.run(tls, stream).await {
                turn_away(&news, from, why);
            }
        };
        sessions.spawn(run.instrument(span));
    }
}

fn turn_away(news: &mpsc::Sender<ServeNews>, from: SocketAddr, why: String) {
    tracing::warn!(%from, %why, "a caller was turned away");
    // A crowd of strangers must not keep the paired ones waiting.
    news.try_send(ServeNews::TurnedAway { from, why }).ok();
}

/// One call, from the handshake on.
struct Session<S> {
    shelf: Arc<S>,
    limits: Arc<Limits>,
    callers: Arc<Callers>,
    room: Arc<Semaphore>,
    news: mpsc::Sender<ServeNews>,
    from: SocketAddr,
}

impl<S: Shelf> Session<S> {
    /// How much is read from the socket at a time, in bytes; callers send little.
    const READ_AHEAD: usize = 8 << 10;
    /// How many bytes TLS holds before it wants them sent: a whole block and its records.
    const WRITE_BUFFER: usize = (MAX_BLOCK as usize + HEADER_LEN + BLOCK_HEAD_LEN) * 17 / 16;

    /// Shakes hands and answers; says why the caller was turned away, if it was.
    async fn run(self, tls: TlsAcceptor, stream: TcpStream) -> Result<(), String> {
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let stream = BufReader::with_capacity(Self::READ_AHEAD, stream);
        let accept = tls.accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(Self::WRITE_BUFFER));
        });
        let stream = timeout(pace::HANDSHAKE, accept).await;
        let stream = stream.map_err(|_| "the handshake took too long".to_owned())?;
        let stream = stream.map_err(|error| format!("the handshake failed: {error}"))?;
        let peer = peer_of(stream.get_ref().1).map_err(|error| error.to_string())?;

        let (read, write) = tokio::io::split(stream);
        let (ear, mut voice) = (Ear::new(read), Voice::new(write));
        let Some(_entered) = Callers::enter(&self.callers, peer) else {
            voice.send(&Frame::Close(close::BUSY)).await.ok();
            return Err(format!("{peer} has {} sessions already", Doorway::SESSIONS_A_PEER));
        };
        tracing::info!(%peer, from = %self.from, "a peer called");
        self.tell(ServeNews::Called(peer)).await;
        let answering = Answering {
            peer,
            shelf: self.shelf.as_ref(),
            limits: self.limits.as_ref(),
            room: &self.room,
            news: &self.news,
        };
        let outcome = Box::pin(answering.run(ear, voice)).await;
        self.tell(ServeNews::Left(peer)).await;
        match outcome {
            Err(error) if matches!(error.fate(), Fate::Ban(_)) => Err(format!("{peer}: {error}")),
            Err(SessionError::Version(version)) => Err(SessionError::Version(version).to_string()),
            Err(error) => {
                tracing::debug!(%peer, %error, "the session ended");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn tell(&self, news: ServeNews) {
        // Nobody has to listen.
        self.news.send(news).await.ok();
    }
}

/// How many sessions each peer has.
#[derive(Debug, Default)]
struct Callers(Mutex<HashMap<PeerId, u32>>);

impl Callers {
    /// Counts a session of the peer until the result is dropped; nothing if it has too many.
    fn enter(callers: &Arc<Self>, peer: PeerId) -> Option<Entered> {
        let mut counts = callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= Doorway::SESSIONS_A_PEER {
            return None;
        }
        *count += 1;
        Some(Entered { callers: Arc::clone(callers), peer })
    }
}

struct Entered {
    callers: Arc<Callers>,
    peer: PeerId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counts = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}
