//! What the engine wants done.

use std::sync::Arc;

use app::ports::{PullNews, Pulled};
use engine::Ending;
use engine::import::{Connection, Consent, Effect, Input, Purpose};
use engine::wire::{Frame, Side};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, BEHIND, GOODBYE, Heard, Import};
use crate::connection::{Link, Reader, Sent, Task};
use crate::dial::{Call, dial};
use crate::swarm::receiving::{Command, Receiving};
use crate::swarm::telling;

impl Import {
    pub(super) fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Call(connection) => self.call(connection),
            Effect::Send(connection, frame) => self.send(connection, &frame),
            Effect::Receive(connection, place) => {
                self.command(connection, Command::Receive(place));
            }
            Effect::Judge(connection, index, evidence) => {
                self.command(connection, Command::Judge(index, evidence));
            }
            Effect::Prove(connection) => self.command(connection, Command::Prove),
            Effect::Discard(connection, index) => {
                if self.judged.remove(&(connection, index)).is_none() {
                    self.command(connection, Command::Discard(index));
                }
            }
            Effect::Deliver(connection, index) => {
                if let Some(piece) = self.judged.remove(&(connection, index)) {
                    tracing::debug!(index = index.get(), "piece arrived");
                    self.out.push(Pulled::Piece(piece));
                }
            }
            Effect::Spend(connection, bytes, purpose) => self.spend(connection, bytes, purpose),
            Effect::Release(peer, bytes) => self.out.push(Pulled::Release { peer, bytes }),
            Effect::HangUp(connection) => self.hang_up(connection),
            Effect::Tell(news) => self.tell_news(telling::news(news)),
            Effect::Done(_) => {}
        }
    }

    fn call(&mut self, connection: Connection) {
        let Some(source) = self.source(connection) else { return };
        let Some(connected) = self.shared.limits.connect() else {
            self.happened.push_back(Input::NoSlot(connection));
            return;
        };
        let (peer, mut addresses) = (source.id, source.addresses.clone());
        let worked = self.swarm.worked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(first) = worked.get(&peer) {
            addresses.retain(|address| address != first);
            addresses.insert(0, first.clone());
        }
        drop(worked);
        let (identity, tell) = (Arc::clone(&self.swarm.identity), self.tell.clone());
        let call = Task::spawn(async move {
            let heard = match dial(&identity, peer, &addresses).await {
                Ok((call, address)) => {
                    Heard::Connected(connection, Box::new(call), address, connected)
                }
                Err(error) => Heard::Input(Input::Ended(connection, error.into())),
            };
            tell.send(heard).await.ok();
        });
        self.calls.insert(connection, call);
    }

    /// Starts to read and write.
    pub(super) fn link(&self, connection: Connection, call: Call) -> Option<Link<Command>> {
        let peer = self.source(connection)?.id;
        let (read, write) = tokio::io::split(call);
        let (tell, shared) = (self.tell.clone(), Arc::clone(&self.shared));
        let sent = Asks { connection, tell: tell.clone() };
        Some(Link::start(write, sent, |told| {
            let reader = Reader::new(read, Side::Called);
            Receiving::new((connection, peer), reader, told, tell, shared).run()
        }))
    }

    fn send(&mut self, connection: Connection, frame: &Frame) {
        if let Some((link, _)) = self.links.get_mut(&connection) {
            link.batch().frame(frame);
            self.unflushed.push(connection);
        }
    }

    /// Hands over what was to be sent; of one turn, all in one piece.
    pub(super) fn flush(&mut self) {
        for connection in self.unflushed.drain(..) {
            if let Some((link, _)) = self.links.get_mut(&connection) {
                link.flush();
            }
        }
    }

    fn command(&self, connection: Connection, command: Command) {
        if let Some((link, _)) = self.links.get(&connection) {
            link.command(command);
        }
    }

    fn hang_up(&mut self, connection: Connection) {
        self.calls.remove(&connection);
        if let Some((link, connected)) = self.links.remove(&connection) {
            self.goodbyes.spawn(async move {
                link.hang_up(GOODBYE).await;
                drop(connected);
            });
        }
    }

    fn spend(&mut self, connection: Connection, bytes: u64, purpose: Purpose) {
        let Some(peer) = self.source(connection).map(|source| source.id) else { return };
        let (answer, answered) = oneshot::channel();
        let purpose = telling::purpose(purpose);
        self.out.push(Pulled::Ask { peer, bytes, purpose, answer });
        self.answers.push(Box::pin(async move {
            let consent = |given| if given { Consent::Given } else { Consent::Denied };
            answered.await.ok().map(|given| Answer::Spent(connection, consent(given)))
        }));
    }

    pub(super) fn tell_news(&mut self, news: PullNews) {
        if self.out.len() < BEHIND || !telling::may_be_missed(&news) {
            self.out.push(Pulled::News(news));
        }
    }
}

/// Hears of what was sent to a peer that is asked: of how much, nobody wants to know.
struct Asks {
    connection: Connection,
    tell: mpsc::Sender<Heard>,
}

impl Sent for Asks {
    async fn taken(&self, _bytes: u32) {}

    async fn ended(&self, ending: Ending) {
        self.tell.send(Heard::Input(Input::Ended(self.connection, ending))).await.ok();
    }
}
