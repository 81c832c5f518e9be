//! One import under way: the one task that owns the engine, and does what it says.

mod effects;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;

use app::buffers::Buffers;
use app::ports::{Begin, Pull, PullError, PullNews, PullSource, Pulled, Settled};
use engine::Engine;
use engine::import::{Connection, Consent, Effect, Input, Order, Peer};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep_until, timeout};
use verifier::PieceIndex;
use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::piece::{ListError, PieceList, VerifiedPiece};

use super::receiving::{Command, Shared};
use super::{Judgement, Swarm, judging, telling};
use crate::connection::{Clock, Link, Task};
use crate::dial::Call;
use crate::limits::Connected;
use crate::outbox::{Gone, Outbox};

/// How long the other side may take to hear goodbye.
const GOODBYE: Duration = Duration::from_millis(200);
/// How many messages of connections may wait.
const QUEUE: usize = 1_024;
/// How many messages are taken in before others have their turn.
const AT_ONCE: usize = 64;
/// So many messages to the import may wait before it is told only what it must hear.
const BEHIND: usize = 64;
/// How often it is looked whether availability has changed.
const LOOK: Duration = Duration::from_secs(1);

/// What the tasks of an import say to the one that owns the engine.
pub(super) enum Heard {
    /// The handshake is over, and at this address the peer was.
    Connected(Connection, Box<Call>, PeerAddress, Connected),
    Input(Input),
    Judged(Connection, PieceIndex, Judgement),
    Listed(Connection, Result<Arc<PieceList>, ListError>),
}

/// What the import answered to a question.
enum Answer {
    Spent(Connection, Consent),
    Wanted(Connection, verifier::Bitfield),
}

/// One import under way.
pub(super) struct Import {
    engine: Engine,
    clock: Clock,
    swarm: Swarm,
    sources: Vec<PullSource>,
    shared: Arc<Shared>,
    judging: Task,
    out: Outbox<Pulled>,
    settled: mpsc::UnboundedReceiver<Settled>,
    answers: FuturesUnordered<BoxFuture<'static, Option<Answer>>>,
    heard: mpsc::Receiver<Heard>,
    tell: mpsc::Sender<Heard>,
    calls: BTreeMap<Connection, Task>,
    links: BTreeMap<Connection, (Link<Command>, Connected)>,
    /// Connections that frames were put in for since they were flushed last.
    unflushed: Vec<Connection>,
    goodbyes: JoinSet<()>,
    judged: BTreeMap<(Connection, PieceIndex), VerifiedPiece>,
    /// Connections that are over, and of which the engine has said its last.
    ended: Vec<Connection>,
    /// What happened while effects were taken out.
    happened: VecDeque<Input>,
    limits: watch::Receiver<()>,
    callers: broadcast::Receiver<PeerId>,
    /// How often availability had changed when it was told last, and how many pieces were left.
    copies: Option<(u64, u32)>,
    /// How much was last told to have come of pieces that are not whole.
    coming: u64,
}

impl Import {
    pub(super) fn new(swarm: Swarm, pull: Pull, seed: u64) -> Self {
        let clock = Clock::start();
        let Pull {
            artifact,
            geometry,
            root,
            list,
            missing,
            sources,
            patience,
            begin,
            out,
            settled,
        } = pull;
        let peers = sources.iter().map(|source| Peer {
            id: source.id,
            label: source.label.clone(),
            offered: source.offered.clone(),
        });
        let peers: Vec<_> = peers.collect();
        let limits = Arc::clone(&swarm.limits);
        let order = Order {
            artifact,
            geometry,
            root,
            listed: list.is_some(),
            missing,
            peers,
            begin: match begin {
                Begin::Front => engine::import::Begin::Front,
                Begin::OwnPart => engine::import::Begin::OwnPart(swarm.identity.peer_id()),
            },
            patience: telling::patience(patience),
            limits: limits.of_import(),
        };
        let (tell, heard) = mpsc::channel(QUEUE);
        let changes = limits.watch();
        let list = list.map_or_else(OnceLock::new, OnceLock::from);
        let (judge, waiting) = judging::queue();
        let threads = available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let shared = Shared { geometry, root, list, buffers: Buffers::default(), judge, limits };
        Self {
            engine: Engine::new(order, seed, clock.now()),
            clock,
            callers: swarm.callers.subscribe(),
            swarm,
            sources,
            shared: Arc::new(shared),
            judging: Task::spawn(judging::run(waiting, tell.clone(), threads)),
            out: Outbox::new(out),
            settled,
            answers: FuturesUnordered::new(),
            heard,
            tell,
            calls: BTreeMap::new(),
            links: BTreeMap::new(),
            unflushed: Vec::new(),
            goodbyes: JoinSet::new(),
            judged: BTreeMap::new(),
            ended: Vec::new(),
            happened: VecDeque::new(),
            limits: changes,
            copies: None,
            coming: 0,
        }
    }

    /// Runs until the engine is done, or until whoever wanted the import is gone, which ends
    /// `wanted`.
    pub(super) async fn run(
        mut self,
        mut wanted: oneshot::Receiver<Infallible>,
    ) -> Result<(), PullError> {
        let outcome = tokio::select! {
            outcome = self.turns() => outcome,
            _gone = &mut wanted => Err(PullError::Cancelled),
        };
        if matches!(outcome, Err(PullError::Cancelled)) {
            while self.engine.next().is_some() {}
            self.engine.input(Input::Stop, self.clock.now());
            while let Some(effect) = self.engine.next() {
                if matches!(effect, Effect::Send(..) | Effect::HangUp(_)) {
                    self.obey(effect);
                }
            }
        }
        self.flush();
        // What the import is still to be told, and what it can still keep.
        if !wanted.is_terminated() {
            tokio::select! {
                _passed = self.out.pass() => {}
                _gone = wanted => {}
            }
        }
        timeout(GOODBYE, async { while self.goodbyes.join_next().await.is_some() {} }).await.ok();
        outcome
    }

    async fn turns(&mut self) -> Result<(), PullError> {
        let mut alarm = Box::pin(sleep_until(Instant::now()));
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(outcome) = self.settle() {
                return outcome;
            }
            let input = self.hear(&mut alarm, &mut look).await?;
            if let Some(input) = input {
                self.happened.push_back(input);
            }
            for _ in 0..AT_ONCE {
                if let Some(outcome) = self.settle() {
                    return outcome;
                }
                let Ok(heard) = self.heard.try_recv() else { break };
                let input = self.take(heard);
                self.happened.extend(input);
            }
        }
    }

    /// Gives in what happened and does what comes of it, until nothing more does; the outcome once
    /// the engine is done.
    fn settle(&mut self) -> Option<Result<(), PullError>> {
        let mut judged = None;
        loop {
            while let Some(effect) = self.engine.next() {
                if let Effect::Done(outcome) = effect {
                    return Some(outcome.map_err(telling::exhausted));
                }
                self.obey(effect);
            }
            self.flush();
            // What was judged is handed over by now, or not wanted.
            judged.take().map(|piece| self.judged.remove(&piece));
            for connection in std::mem::take(&mut self.ended) {
                self.links.remove(&connection);
                self.calls.remove(&connection);
            }
            let now = self.clock.now();
            // The time comes before what happened in it.
            let is_due = self.engine.deadline().is_some_and(|(deadline, _)| deadline <= now);
            let input = if is_due { Input::Tick } else { self.happened.pop_front()? };
            match &input {
                Input::Ended(connection, _) => self.ended.push(*connection),
                Input::Judged(connection, index, _) => judged = Some((*connection, *index)),
                _ => {}
            }
            self.engine.input(input, now);
        }
    }

    /// Waits for the next thing that happens; of some the engine hears nothing.
    async fn hear(
        &mut self,
        alarm: &mut Pin<Box<Sleep>>,
        look: &mut Interval,
    ) -> Result<Option<Input>, PullError> {
        let deadline = self.engine.deadline().map(|(moment, _)| self.clock.instant(moment));
        if let Some(deadline) = deadline
            && (alarm.deadline() > deadline || alarm.is_elapsed())
        {
            alarm.as_mut().reset(deadline);
        }
        tokio::select! {
            Some(heard) = self.heard.recv() => Ok(self.take(heard)),
            Some(settled) = self.settled.recv() => Ok(Some(match settled {
                Settled::Kept(index) => Input::Settled(index, Consent::Given),
                Settled::Denied(index) => Input::Settled(index, Consent::Denied),
            })),
            Some(answer) = self.answers.next() => match answer {
                Some(answer) => Ok(Some(self.answered(answer))),
                None => Err(PullError::Cancelled),
            },
            passed = pass(&mut self.out) => match passed {
                Ok(()) => Ok(None),
                Err(Gone) => Err(PullError::Cancelled),
            },
            () = alarm.as_mut(), if deadline.is_some() => Ok(None),
            Ok(()) = self.limits.changed() => Ok(Some(Input::Limits(self.shared.limits.of_import()))),
            Ok(peer) = self.callers.recv() => Ok(Some(Input::Called(peer))),
            Some(_) = self.goodbyes.join_next() => Ok(None),
            // What it had to judge would be waited for for ever.
            panic = self.judging.panicked() => Err(PullError::Failed(panic.into())),
            _ = look.tick() => {
                self.look();
                Ok(None)
            }
        }
    }

    /// Takes in what a connection said.
    fn take(&mut self, heard: Heard) -> Option<Input> {
        match heard {
            Heard::Connected(connection, call, address, connected) => {
                self.calls.remove(&connection)?;
                if let Some(source) = self.source(connection) {
                    let mut worked =
                        self.swarm.worked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    worked.insert(source.id, address);
                }
                let link = self.link(connection, *call)?;
                self.links.insert(connection, (link, connected));
                Some(Input::Connected(connection))
            }
            Heard::Input(input) => Some(input),
            Heard::Judged(connection, index, judged) => {
                let judged = judged.map(|piece| {
                    self.judged.insert((connection, index), piece);
                });
                Some(Input::Judged(connection, index, judged))
            }
            Heard::Listed(connection, Err(error)) => Some(Input::Proven(connection, Err(error))),
            Heard::Listed(connection, Ok(list)) => {
                let (answer, wanted) = oneshot::channel();
                self.shared.list.set(Arc::clone(&list)).ok();
                self.out.push(Pulled::List(list, answer));
                self.answers.push(Box::pin(async move {
                    wanted.await.ok().map(|wanted| Answer::Wanted(connection, wanted))
                }));
                None
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Input {
        match answer {
            Answer::Spent(connection, consent) => Input::Spent(connection, consent),
            Answer::Wanted(connection, wanted) => Input::Proven(connection, Ok(wanted)),
        }
    }

    /// Tells how much has come, and how many copies there are, if that has changed.
    fn look(&mut self) {
        // Whoever does not keep up is told later.
        if self.out.len() >= BEHIND {
            return;
        }
        let coming = self.engine.coming();
        if std::mem::replace(&mut self.coming, coming) != coming {
            self.out.push(Pulled::News(PullNews::Coming(coming)));
        }
        // Of how many missing pieces there is one copy, or none, changes as they come too.
        let changes = (self.engine.changes_of_availability(), self.engine.left());
        if self.copies.replace(changes) != Some(changes) {
            let availability = Arc::new(telling::availability(self.engine.snapshot()));
            self.out.push(Pulled::News(PullNews::Availability(availability)));
        }
    }

    fn source(&self, connection: Connection) -> Option<&PullSource> {
        self.sources.get(usize::try_from(connection.peer).ok()?)
    }
}

/// Hands over what waits; waits for the receiver to go away where nothing does.
async fn pass(out: &mut Outbox<Pulled>) -> Result<(), Gone> {
    if out.len() > 0 {
        return out.pass().await;
    }
    out.closed().await;
    Err(Gone)
}
