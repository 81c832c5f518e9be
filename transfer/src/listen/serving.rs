//! Serving under way: the one task that owns the uploads, and does what they say.

mod effects;
mod hearing;
mod untold;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use app::ports::{self, Provider, ServeNews};
use engine::Uploads;
use engine::upload::{Caller, Effect, Input, Opened, Refusal};
use engine::wire::Side;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinError;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use verifier::identity::PeerId;
use verifier::{PieceIndex, Sha256};

use super::accepting::Accepting;
use super::artifact::{Artifact, Artifacts, Ready};
use super::handshake::{self, shake_hands};
use crate::connection::{Clock, Link, Reader, Task};
use crate::limits::{Connected, Limits};
use crate::outbox::Outbox;

use hearing::{Written, hear};
use untold::Untold;

/// How many messages of connections may wait.
const QUEUE: usize = 1_024;
/// How many messages are taken in before others have their turn.
const AT_ONCE: usize = 64;
/// So much news may wait before nothing more happens, so that none is lost.
const BEHIND: usize = 1_024;

/// How often callers are told at most of what has landed: each time, all their grants are looked at.
const LANDINGS: Duration = Duration::from_millis(100);

/// What the tasks of callers say to the one that owns the uploads.
enum Heard {
    /// The handshake is over.
    Proved(Caller, PeerId, Box<handshake::Call>),
    Input(Input),
    /// It was hung up on, and heard why.
    Left(Caller),
}

/// What the provider answered.
enum Answer {
    Opened(Caller, Sha256, Option<ports::Opened>),
    Read(Caller, PieceIndex, Result<Ready, Refusal>),
    News(ServeNews),
}

/// One caller, from the moment its call was taken on.
struct Call {
    from: SocketAddr,
    peer: Option<PeerId>,
    state: State,
    artifact: Option<Arc<Artifact>>,
    pieces: BTreeMap<PieceIndex, Ready>,
}

enum State {
    Handshaking { _task: Task },
    Open(Link<Infallible>, Connected),
    Over,
}

/// Serving under way.
pub(super) struct Serving<S> {
    uploads: Uploads,
    clock: Clock,
    tls: TlsAcceptor,
    limits: Arc<Limits>,
    changes: watch::Receiver<()>,
    provider: Arc<S>,
    landed: mpsc::UnboundedReceiver<(Sha256, PieceIndex)>,
    /// When it is looked next for what has landed.
    land_at: Instant,
    news: Outbox<ServeNews>,
    untold: Untold,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    heard: mpsc::Receiver<Heard>,
    tell: mpsc::Sender<Heard>,
    last: u64,
    calls: BTreeMap<Caller, Call>,
    /// Callers that are hung up on as soon as they heard why.
    leaving: BTreeMap<Caller, Task>,
    artifacts: Artifacts,
    /// Callers that something was put in for since they were flushed last.
    unflushed: Vec<Caller>,
    /// Callers that are over, and of which the uploads have said their last.
    over: Vec<Caller>,
    /// What happened while effects were taken out.
    happened: VecDeque<Input>,
    /// Whose grant was found not to hold any more since then, and for what.
    revoked: BTreeSet<(PeerId, Sha256)>,
}

impl<S: Provider> Serving<S> {
    pub(super) fn new(
        tls: TlsAcceptor,
        limits: Arc<Limits>,
        provider: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> Self {
        let clock = Clock::start();
        let (tell, heard) = mpsc::channel(QUEUE);
        Self {
            uploads: Uploads::new(limits.of_uploads(0), clock.now()),
            clock,
            tls,
            changes: limits.watch(),
            limits,
            landed: provider.landed(),
            land_at: Instant::now(),
            provider,
            news: Outbox::new(news),
            untold: Untold::new(),
            answers: FuturesUnordered::new(),
            heard,
            tell,
            last: 0,
            calls: BTreeMap::new(),
            leaving: BTreeMap::new(),
            artifacts: Artifacts::default(),
            unflushed: Vec::new(),
            over: Vec::new(),
            happened: VecDeque::new(),
            revoked: BTreeSet::new(),
        }
    }

    /// Serves until the result is dropped, which hangs up on everyone; what was sent until then is
    /// still told.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if the task that serves has failed.
    pub(super) async fn spawn(self, listener: TcpListener) -> Result<(), JoinError> {
        // Dropped with this future, it tells that nobody wants it any more.
        let (_wanted, until) = oneshot::channel();
        tokio::spawn(self.run(listener, until)).await
    }

    async fn run(mut self, listener: TcpListener, wanted: oneshot::Receiver<Infallible>) {
        tokio::select! {
            () = self.turns(listener) => {}
            _gone = wanted => {}
        }
        // What was taken by the system went out.
        self.heard.close();
        while let Ok(heard) = self.heard.try_recv() {
            if let Heard::Input(input @ Input::Written(..)) = heard {
                self.uploads.input(input, self.clock.now());
                while let Some(effect) = self.uploads.next() {
                    if let Effect::Tell(news) = effect {
                        self.tell_news(news);
                    }
                }
            }
        }
        self.calls.clear();
        self.tell_sent();
        self.news.pass().await.ok();
    }

    async fn turns(&mut self, listener: TcpListener) {
        let mut accepting = Accepting::new(listener);
        let mut alarm = Box::pin(sleep_until(Instant::now()));
        loop {
            self.settle();
            let input = self.hear(&mut accepting, &mut alarm).await;
            self.happened.extend(input);
            for _ in 0..AT_ONCE {
                self.settle();
                if self.news.len() >= BEHIND {
                    break;
                }
                let Ok(heard) = self.heard.try_recv() else { break };
                let input = self.take(heard);
                self.happened.extend(input);
            }
        }
    }

    /// Gives in what happened and does what comes of it, until nothing more does.
    fn settle(&mut self) {
        loop {
            while let Some(effect) = self.uploads.next() {
                self.obey(effect);
            }
            self.flush();
            self.revoke();
            for caller in std::mem::take(&mut self.over) {
                self.calls.remove(&caller);
            }
            if self.untold.due().is_some_and(|due| due <= Instant::now()) {
                self.tell_sent();
            }
            let now = self.clock.now();
            // The time comes before what happened in it.
            let is_due = self.uploads.deadline().is_some_and(|(deadline, _)| deadline <= now);
            let input = if is_due { Some(Input::Tick) } else { self.happened.pop_front() };
            let Some(input) = input else { return };
            if let Input::Ended(caller, _) = &input {
                self.over.push(*caller);
            }
            self.uploads.input(input, now);
        }
    }

    /// Tells the uploads of the grants that were found not to hold any more.
    fn revoke(&mut self) {
        let revoked = std::mem::take(&mut self.revoked).into_iter();
        self.happened.extend(revoked.map(|(peer, artifact)| Input::Revoked(peer, artifact)));
    }

    /// Waits for the next thing that happens; of some the uploads hear nothing.
    async fn hear(
        &mut self,
        accepting: &mut Accepting<TcpListener>,
        alarm: &mut Pin<Box<Sleep>>,
    ) -> Option<Input> {
        let deadline = self.uploads.deadline().map(|(moment, _)| self.clock.instant(moment));
        let deadline = deadline.into_iter().chain(self.untold.due()).min();
        if let Some(deadline) = deadline
            && (alarm.deadline() > deadline || alarm.is_elapsed())
        {
            alarm.as_mut().reset(deadline);
        }
        let keeps_up = self.news.len() < BEHIND;
        tokio::select! {
            Some(heard) = self.heard.recv(), if keeps_up => self.take(heard),
            Some(answer) = self.answers.next() => self.answered(answer),
            // Nobody has to listen.
            _passed = self.news.pass(), if self.news.len() > 0 => None,
            (stream, from) = accepting.next(), if keeps_up => Some(self.called(stream, from)),
            () = alarm.as_mut(), if deadline.is_some() => None,
            Ok(()) = self.changes.changed() => Some(Input::Limits(self.limits())),
            Some(first) = landing(&mut self.landed, self.land_at) => {
                self.landed(first);
                None
            }
        }
    }

    /// Pieces have landed: tells the uploads of all of them.
    fn landed(&mut self, first: (Sha256, PieceIndex)) {
        self.land_at = Instant::now() + LANDINGS;
        let mut landed: BTreeMap<Sha256, Vec<PieceIndex>> = BTreeMap::new();
        let mut next = Some(first);
        while let Some((artifact, index)) = next {
            landed.entry(artifact).or_default().push(index);
            next = self.landed.try_recv().ok();
        }
        // Who may not have it any more is told of nothing that lands.
        let hears = |call: &Call| {
            call.artifact.as_ref().is_some_and(|artifact| landed.contains_key(&artifact.sha256))
        };
        let callers = self.calls.iter().filter(|(_, call)| hears(call));
        let callers: Vec<Caller> = callers.map(|(caller, _)| *caller).collect();
        for caller in callers {
            self.is_granted(caller);
        }
        self.revoke();
        self.happened.extend(landed.into_iter().map(|(at, indexes)| Input::Landed(at, indexes)));
    }

    fn limits(&self) -> engine::upload::Limits {
        let open = self.calls.values().filter(|call| matches!(call.state, State::Open(..)));
        let callers = open.count() + self.leaving.len();
        self.limits.of_uploads(u32::try_from(callers).unwrap_or(u32::MAX))
    }

    /// A call came: whoever it is says so in the handshake.
    fn called(&mut self, stream: TcpStream, from: SocketAddr) -> Input {
        self.last += 1;
        let caller = Caller(self.last);
        let (tls, provider, tell) =
            (self.tls.clone(), Arc::clone(&self.provider), self.tell.clone());
        let task = Task::spawn(async move {
            let heard = match shake_hands(tls, stream, &*provider).await {
                Ok((call, peer)) => Heard::Proved(caller, peer, Box::new(call)),
                Err(ending) => Heard::Input(Input::Ended(caller, ending)),
            };
            tell.send(heard).await.ok();
        });
        self.calls.insert(
            caller,
            Call {
                from,
                peer: None,
                state: State::Handshaking { _task: task },
                artifact: None,
                pieces: BTreeMap::new(),
            },
        );
        Input::Called(caller, from.ip())
    }

    /// Takes in what a caller's tasks said.
    fn take(&mut self, heard: Heard) -> Option<Input> {
        match heard {
            Heard::Input(input) => Some(input),
            Heard::Left(caller) => {
                self.leaving.remove(&caller);
                None
            }
            Heard::Proved(caller, peer, stream) => {
                // Calls of this program's own may have begun or ended since.
                self.happened.push_back(Input::Limits(self.limits()));
                let call = self.calls.get_mut(&caller)?;
                tracing::info!(%peer, from = %call.from, "a peer called");
                let (read, write) = tokio::io::split(*stream);
                let tell = self.tell.clone();
                let reader = Reader::new(read, Side::Caller);
                let sent = Written { caller, tell: tell.clone() };
                let link = Link::start(write, sent, |told| hear(caller, reader, told, tell));
                call.peer = Some(peer);
                call.state = State::Open(link, self.limits.count());
                Some(Input::Proved(caller, peer))
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Option<Input> {
        match answer {
            Answer::Opened(caller, sha256, opened) => {
                let opened = opened.map(|ports::Opened { list, have }| {
                    let opened = Opened { geometry: *list.geometry(), root: list.root(), have };
                    if let Some(call) = self.calls.get_mut(&caller) {
                        call.artifact = Some(self.artifacts.open(sha256, list));
                    }
                    opened
                });
                Some(Input::Opened(caller, opened))
            }
            Answer::Read(caller, index, read) => {
                if read.as_ref().err() == Some(&Refusal::NotServed) {
                    // Either this piece is more than is left, or nothing may be had any more.
                    self.is_granted(caller);
                }
                let call = self.calls.get_mut(&caller)?;
                let read = read.map(|ready| {
                    call.pieces.insert(index, ready);
                });
                Some(Input::Read(caller, index, read))
            }
            Answer::News(news) => {
                self.news.push(news);
                None
            }
        }
    }
}

/// The first piece of those that have landed, not before `at`. May be given up and called again.
async fn landing(
    landed: &mut mpsc::UnboundedReceiver<(Sha256, PieceIndex)>,
    at: Instant,
) -> Option<(Sha256, PieceIndex)> {
    if Instant::now() < at {
        sleep_until(at).await;
    }
    landed.recv().await
}
