//! A line between two loopback sockets that is as long and as narrow as a real one; it needs no rights.
//!
//! What is simulated: every byte leaves the narrow place no sooner than the rate allows and arrives
//! half a round trip later, in each direction by itself; all connections over one line share its rate. A new
//! connection costs its round trip: the caller's socket is there at once, but what it says first
//! enters the line when an answer to its call would have come. An end and a reset travel like
//! bytes. Before the narrow place wait some milliseconds' worth of bytes and what the sockets take;
//! a sender is held up behind them, as behind a full window.
//!
//! What is not: loss, jitter, packets, and the slow start of a window; the line is full from the
//! first moment that there is something to send.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How much is moved at a time, in bytes.
const CHUNK: usize = 16 << 10;
/// What a socket of the line takes before it makes its sender wait, in bytes.
const SOCKET: u32 = 64 << 10;
/// What waits before the narrow place, as the time that it takes to pass it. It covers what this
/// machine's timers are late.
const QUEUE: Duration = Duration::from_millis(20);

/// How long and how narrow a line is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How long an answer takes at least.
    pub round_trip: Duration,
    /// The most bytes a second, in each direction.
    pub rate: u64,
}

impl Shape {
    /// A line of so many millions of bits a second, and milliseconds there and back.
    pub const fn new(megabits: u64, round_trip: u64) -> Self {
        Self { round_trip: Duration::from_millis(round_trip), rate: megabits * 1_000_000 / 8 }
    }
}

/// A line to one address; dropping it hangs up what is connected over it.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    inner: Arc<Inner>,
    state: watch::Sender<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Frozen,
    Gone,
}

#[derive(Debug)]
struct Inner {
    target: SocketAddr,
    shape: Shape,
    calls: AtomicU64,
    there: Way,
    back: Way,
    cuts: watch::Sender<Cut>,
}

/// What becomes of everything that is connected at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Reset,
    Lost,
}

impl Line {
    /// Opens a line to `target`, on an address of its own.
    ///
    /// # Panics
    ///
    /// If this machine has no socket or thread left.
    pub fn to(target: SocketAddr, shape: Shape) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let state = watch::Sender::new(State::Open);
        let inner = Arc::new(Inner {
            target,
            shape,
            calls: AtomicU64::new(0),
            there: Way::new(shape, state.clone()),
            back: Way::new(shape, state.clone()),
            cuts: watch::Sender::new(Cut::Reset),
        });
        let seen = state.subscribe();
        let (tell, told) = std::sync::mpsc::channel();
        let shared = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = listen().expect("a socket can be had");
                tell.send(listener.local_addr().expect("it is bound")).expect("it is awaited");
                shared.run(listener, seen).await;
            });
        });
        let address = told.recv().expect("it is told");
        Self { address, inner, state, thread: Some(thread) }
    }

    /// Where to call, to reach the target over this line.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// As soon as so many bytes more have come to whoever called, nothing arrives any more: neither
    /// bytes nor ends nor new connections.
    pub fn freeze_after(&self, bytes: u64) {
        *self.inner.back.left() = Some(bytes);
    }

    /// Whether nothing arrives now.
    pub fn is_frozen(&self) -> bool {
        *self.state.borrow() == State::Frozen
    }

    /// Goes on with everything that is on the line.
    pub fn resume(&self) {
        self.state.send_replace(State::Open);
    }

    /// Resets every connection over the line, on both ends; new ones can be made.
    pub fn reset(&self) {
        self.inner.cuts.send_replace(Cut::Reset);
    }

    /// Loses every connection over the line: neither end hears anything of the other ever again,
    /// and none is told. New ones can be made, as after a router was started again.
    pub fn lose(&self) {
        self.inner.cuts.send_replace(Cut::Lost);
    }

    /// How many connections were begun over the line.
    pub fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.send_replace(State::Gone);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends by itself");
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = narrow()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(64)
}

/// A socket that takes little ahead.
fn narrow() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET)?;
    socket.set_send_buffer_size(SOCKET)?;
    Ok(socket)
}

impl Inner {
    async fn run(self: Arc<Self>, listener: TcpListener, state: watch::Receiver<State>) {
        let mut connections = JoinSet::new();
        let mut end = state.clone();
        loop {
            tokio::select! {
                _ = end.wait_for(|state| *state == State::Gone) => return,
                Some(_) = connections.join_next() => {}
                Ok((caller, _)) = listener.accept() => {
                    self.calls.fetch_add(1, Ordering::Relaxed);
                    let (line, state) = (Arc::clone(&self), state.clone());
                    connections.spawn(async move { line.connect(caller, state).await });
                }
            }
        }
    }

    /// Carries one connection until both sides have ended it, or one has reset it.
    async fn connect(&self, mut caller: TcpStream, mut state: watch::Receiver<State>) {
        let mut cuts = self.cuts.subscribe();
        let called = Instant::now();
        let mut target = None;
        let both = async {
            sleep_until(called + self.shape.round_trip / 2).await;
            open(&mut state).await?;
            let target = target.insert(narrow()?.connect(self.target).await?);
            caller.set_nodelay(true)?;
            target.set_nodelay(true)?;
            let answered = called + self.shape.round_trip;
            let (caller_reads, caller_hears) = caller.split();
            let (target_reads, target_hears) = target.split();
            tokio::try_join!(
                self.there.carry(caller_reads, target_hears, answered, state.clone()),
                self.back.carry(target_reads, caller_hears, called, state.clone()),
            )
            .map(drop)
        };
        let ended = tokio::select! {
            ended = both => ended,
            _ = cuts.changed() => {
                let cut = *cuts.borrow();
                if cut == Cut::Lost {
                    std::future::pending::<()>().await;
                }
                Err(io::ErrorKind::ConnectionReset.into())
            }
        };
        if ended.is_err() {
            caller.set_zero_linger().ok();
            target.map(|target| target.set_zero_linger().ok());
        }
    }
}

/// One direction of a line.
#[derive(Debug)]
struct Way {
    shape: Shape,
    /// When the last byte that entered has passed the narrow place.
    busy: Mutex<Option<Instant>>,
    /// After so many bytes more the line freezes, if that was said.
    left: Mutex<Option<u64>>,
    state: watch::Sender<State>,
}

/// What is on its way.
enum Cargo {
    Bytes(Vec<u8>),
    End,
    Reset,
}

impl Way {
    const fn new(shape: Shape, state: watch::Sender<State>) -> Self {
        Self { shape, busy: Mutex::new(None), left: Mutex::new(None), state }
    }

    fn left(&self) -> MutexGuard<'_, Option<u64>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes have arrived.
    fn arrived(&self, bytes: usize) {
        let mut left = self.left();
        *left = left.map(|left| left.saturating_sub(bytes as u64));
        if *left == Some(0) {
            *left = None;
            // One that is gone stays so.
            self.state.send_if_modified(|state| {
                let opens = *state == State::Open;
                if opens {
                    *state = State::Frozen;
                }
                opens
            });
        }
    }

    /// Carries everything from one socket to the other, beginning at a moment.
    async fn carry(
        &self,
        from: ReadHalf<'_>,
        to: WriteHalf<'_>,
        begin: Instant,
        state: watch::Receiver<State>,
    ) -> io::Result<()> {
        // What fits on the line at its rate; a receiver that takes nothing holds up the sender.
        let full = (self.shape.round_trip / 2 + QUEUE).as_secs_f64() * self.shape.rate as f64;
        let (enter, arriving) = mpsc::channel(full as usize / CHUNK + 2);
        sleep_until(begin).await;
        tokio::try_join!(self.enter(from, enter, state.clone()), self.leave(arriving, to, state))
            .map(drop)
    }

    async fn enter(
        &self,
        mut from: ReadHalf<'_>,
        line: mpsc::Sender<(Instant, Cargo)>,
        mut state: watch::Receiver<State>,
    ) -> io::Result<()> {
        loop {
            open(&mut state).await?;
            let mut chunk = vec![0; CHUNK];
            let cargo = match from.read(&mut chunk).await {
                Ok(0) => Cargo::End,
                Ok(length) => {
                    chunk.truncate(length);
                    Cargo::Bytes(chunk)
                }
                Err(_) => Cargo::Reset,
            };
            let passed = self.pass(match &cargo {
                Cargo::Bytes(bytes) => bytes.len() as u64,
                Cargo::End | Cargo::Reset => 0,
            });
            let last = !matches!(cargo, Cargo::Bytes(_));
            if line.send((passed + self.shape.round_trip / 2, cargo)).await.is_err() || last {
                return Ok(());
            }
            sleep_until(passed.checked_sub(QUEUE).unwrap_or(passed)).await;
        }
    }

    /// Says when so many bytes more have passed the narrow place.
    fn pass(&self, bytes: u64) -> Instant {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let takes = Duration::from_secs_f64(bytes as f64 / self.shape.rate as f64);
        let passed = busy.map_or(now, |until| until.max(now)) + takes;
        *busy = Some(passed);
        passed
    }

    async fn leave(
        &self,
        mut arriving: mpsc::Receiver<(Instant, Cargo)>,
        mut to: WriteHalf<'_>,
        mut state: watch::Receiver<State>,
    ) -> io::Result<()> {
        while let Some((at, cargo)) = arriving.recv().await {
            sleep_until(at).await;
            open(&mut state).await?;
            match cargo {
                Cargo::Bytes(bytes) => {
                    to.write_all(&bytes).await?;
                    self.arrived(bytes.len());
                }
                Cargo::End => to.shutdown().await?,
                Cargo::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
        Ok(())
    }
}

/// Waits until the line is not frozen.
async fn open(state: &mut watch::Receiver<State>) -> io::Result<()> {
    let open = state.wait_for(|state| *state == State::Open).await;
    open.map(drop).map_err(|_| io::ErrorKind::ConnectionReset.into())
}
