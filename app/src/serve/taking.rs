//! What peers take, counted in the journal as it goes out.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use verifier::consent::Act;
use verifier::identity::PeerId;

use super::share::Subject;
use crate::ports::{Clock as _, Journal as _, Ports, ServeNews, Spend};

/// How long after the last bytes of a grant that is used up a peer may stay, to get what is on its
/// way.
const LINGER: Duration = Duration::from_secs(10);

/// What the peers of one run take.
pub(super) struct Taking<'a, P: Ports> {
    ports: &'a P,
    subject: &'a Subject,
    taken: BTreeMap<PeerId, u64>,
    /// How many sessions each peer has.
    sessions: BTreeMap<PeerId, u32>,
    /// When bytes went out last.
    moved: Instant,
}

impl<'a, P: Ports> Taking<'a, P> {
    pub(super) fn new(ports: &'a P, subject: &'a Subject) -> Self {
        let (taken, sessions) = (BTreeMap::new(), BTreeMap::new());
        Self { ports, subject, taken, sessions, moved: Instant::now() }
    }

    pub(super) fn hear(&mut self, news: &ServeNews) {
        match news {
            ServeNews::Called(peer) => {
                let sessions = self.sessions.entry(*peer).or_default();
                *sessions = sessions.saturating_add(1);
            }
            ServeNews::Left(peer) => {
                let sessions = self.sessions.entry(*peer).or_default();
                *sessions = sessions.saturating_sub(1);
                if *sessions == 0 {
                    self.let_go(*peer);
                }
            }
            ServeNews::Sent { peer, bytes, .. } => {
                self.moved = Instant::now();
                let taken = self.taken.entry(*peer).or_default();
                *taken = taken.saturating_add(*bytes);
                let spend = Spend {
                    act: Act::Serve,
                    model_id: self.subject.model_id.clone(),
                    artifact: self.subject.artifact,
                    peer: Some(*peer),
                    bytes: *bytes,
                };
                self.ports.journal().moved(&spend, self.ports.clock().now());
            }
            ServeNews::TurnedAway { .. } | ServeNews::Refused { .. } => {}
        }
    }

    /// Whether bytes went out a moment ago to somebody who is still there.
    pub(super) fn goes_on(&self) -> bool {
        let is_there = self.sessions.values().any(|sessions| *sessions > 0);
        is_there && self.moved.elapsed() < LINGER
    }

    /// Bytes that each peer took.
    pub(super) fn end(mut self) -> BTreeMap<PeerId, u64> {
        std::mem::take(&mut self.taken)
    }

    fn let_go(&self, peer: PeerId) {
        self.ports.journal().let_go(Act::Serve, self.subject.artifact, Some(peer));
    }
}

impl<P: Ports> Drop for Taking<'_, P> {
    fn drop(&mut self) {
        // What was read ahead and not sent.
        self.sessions.keys().for_each(|peer| self.let_go(*peer));
    }
}
