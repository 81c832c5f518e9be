//! Being called: who is let in, and how many at a time.

mod answering;
mod handshakes;
mod sessions;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::naming::short_peer;
use app::ports::{Failure, Listener, Listening, ServeNews, Shelf};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::Instrument as _;
use verifier::identity::PeerId;

use crate::identity::{Identity, Verdict, doorway, peer_of};
use crate::pace::{self, Limits};
use crate::session::{Ear, Fate, SessionError, Voice};
use crate::wire::{BLOCK_HEAD_LEN, Frame, HEADER_LEN, MAX_BLOCK, close};

use answering::Answering;
use handshakes::{Handshakes, Handshaking};
use sessions::Sessions;

/// The way in for peers that call: strangers are turned away in the handshake.
#[derive(Debug, Clone)]
pub struct Doorway {
    identity: Arc<Identity>,
    limits: Arc<Limits>,
}

impl Doorway {
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
            handshakes: Arc::default(),
            sessions: Arc::new(Sessions::new(Arc::clone(&self.limits))),
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
    handshakes: Arc<Handshakes>,
    sessions: Arc<Sessions>,
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
        let handshaking = Handshakes::enter(&self.handshakes, from.ip());
        let (tls, news) = (self.tls.clone(), self.news.clone());
        let session = Session {
            shelf: Arc::clone(&self.shelf),
            limits: Arc::clone(&self.limits),
            sessions: Arc::clone(&self.sessions),
            room: Arc::clone(&self.room),
            news: news.clone(),
            from,
        };
        let span = tracing::debug_span!("session", %from);
        let run = async move {
            if let Err(why) = session.run(handshaking, tls, stream).await {
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
    sessions: Arc<Sessions>,
    room: Arc<Semaphore>,
    news: mpsc::Sender<ServeNews>,
    from: SocketAddr,
}

impl<S: Shelf> Session<S> {
    /// How much is read from the socket at a time, in bytes; callers send little.
    const READ_AHEAD: usize = 8 << 10;
    /// How many bytes TLS holds before it wants them sent: a whole block and its records.
    const WRITE_BUFFER: usize = (MAX_BLOCK as usize + HEADER_LEN + BLOCK_HEAD_LEN) * 17 / 16;
    /// How long a caller that is turned away may take to read why.
    const FAREWELL: Duration = Duration::from_secs(1);

    /// Shakes hands and answers; says why the caller was turned away, if it was.
    async fn run(
        self,
        handshaking: Handshaking,
        tls: TlsAcceptor,
        stream: TcpStream,
    ) -> Result<(), String> {
        let stream = tokio::select! {
            stream = timeout(pace::HANDSHAKE, self.shake_hands(tls, stream)) => {
                stream.map_err(|_| "it did not say in time who it is".to_owned())?
            }
            () = handshaking.made_way() => {
                Err("it did not say who it is, and made way for others that call".to_owned())
            }
        }?;
        let Some(stream) = stream else { return Ok(()) };
        let peer = peer_of(stream.get_ref().1).map_err(|error| error.to_string())?;
        let about = async |why: String| format!("{} {why}", self.name(peer).await);

        let (read, write) = tokio::io::split(stream);
        let (mut ear, mut voice) = (Ear::new(read), Voice::new(write));
        let entered = match Sessions::enter(&self.sessions, peer) {
            Ok(entered) => entered,
            Err(busy) => {
                timeout(Self::FAREWELL, async {
                    voice.send(&Frame::Close(close::BUSY)).await.ok();
                    // Hung up on while it speaks, it might not hear that.
                    ear.next().await.ok();
                })
                .await
                .ok();
                return Err(about(busy.to_string()).await);
            }
        };
        drop(handshaking);
        tracing::info!(%peer, from = %self.from, "a peer called");
        self.tell(ServeNews::Called(peer)).await;
        let answering = Answering {
            peer,
            shelf: self.shelf.as_ref(),
            limits: self.limits.as_ref(),
            room: &self.room,
            news: &self.news,
            entered: &entered,
        };
        let outcome = tokio::select! {
            outcome = Box::pin(answering.run(ear, voice)) => outcome,
            () = entered.made_way() => Err(SessionError::Silent),
        };
        self.tell(ServeNews::Left(peer)).await;
        match outcome {
            Err(error @ SessionError::Version(_)) => Err(about(error.to_string()).await),
            Err(error) if matches!(error.fate(), Fate::Ban(_)) => {
                Err(about(error.to_string()).await)
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "the session ended");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The handshake; nothing if the caller hung up in it, as one does that was faster at another
    /// address. If it fails, why, as one clause.
    async fn shake_hands(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
    ) -> Result<Option<TlsStream<BufReader<TcpStream>>>, String> {
        stream.set_nodelay(true).map_err(|error| format!("it was lost: {error}"))?;
        let stream = BufReader::with_capacity(Self::READ_AHEAD, stream);
        let accept = tls.accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(Self::WRITE_BUFFER));
        });
        match accept.into_fallible().await {
            Ok(stream) => Ok(Some(stream)),
            Err((error, _)) if Verdict::of(&error) == Some(Verdict::HungUp) => {
                tracing::debug!(%error, "a caller hung up in the handshake");
                Ok(None)
            }
            Err((error, mut stream)) => {
                // Hung up on while it speaks, it might not hear why.
                timeout(Self::FAREWELL, async {
                    stream.shutdown().await?;
                    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
                })
                .await
                .ok();
                Err(self.failed(&error).await)
            }
        }
    }

    /// Why a handshake failed, as one clause.
    async fn failed(&self, error: &io::Error) -> String {
        match Verdict::of(error) {
            Some(Verdict::Stranger(peer)) => match self.shelf.label(peer).await {
                Some(label) => format!("{label} is blocked here"),
                None => format!("{} is not paired with you", short_peer(peer)),
            },
            Some(Verdict::SomebodyElseWanted) => {
                "it looked for somebody else at this address".to_owned()
            }
            _ => format!("it does not speak as a companion does: {error}"),
        }
    }

    /// What people know the peer by.
    async fn name(&self, peer: PeerId) -> String {
        self.shelf.label(peer).await.map_or_else(|| short_peer(peer), |label| label.to_string())
    }

    async fn tell(&self, news: ServeNews) {
        // Nobody has to listen.
        self.news.send(news).await.ok();
    }
}
