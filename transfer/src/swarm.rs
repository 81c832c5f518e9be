//! One import's sessions: asks, verifies, blames, takes over, finishes.

mod asking;
mod buffer;
mod chair;
mod learning;
mod source;
mod table;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use app::ports::{Peers, Pull, PullError, PullNews, Pulled};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::identity::Identity;
use crate::pace::Limits;

use source::Caller;
use table::Table;

/// Calls peers and pulls the pieces of an artifact from all of them at once.
///
/// Each piece is verified the moment it arrives. A peer that lies or breaks the protocol is not
/// used again in that import; one that goes away is called again, and its pieces are asked of
/// others meanwhile. Pieces that were handed over count as in flight until their bytes are
/// dropped: a receiver that hoards pieces ends up waiting for itself.
#[derive(Debug, Clone)]
pub struct Swarm {
    identity: Arc<Identity>,
    limits: Arc<Limits>,
    patience: Duration,
}

impl Swarm {
    /// How long an import goes on without progress unless set otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// Calls in the name of `identity`, within `limits`.
    pub const fn new(identity: Arc<Identity>, limits: Arc<Limits>) -> Self {
        Self { identity, limits, patience: Self::PATIENCE }
    }

    /// The same with another time after which an import without progress ends.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The limits, which can be changed while imports run.
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }
}

impl Peers for Swarm {
    async fn pull(&self, pull: Pull) -> Result<(), PullError> {
        if pull.missing.is_empty() {
            return Ok(());
        }
        let mut sessions = JoinSet::new();
        let sources = pull.sources.clone();
        let table = Arc::new(Table::lay(pull, Arc::clone(&self.limits)));
        for (seat, source) in sources.into_iter().enumerate() {
            let identity = Arc::clone(&self.identity);
            let table = Arc::clone(&table);
            sessions.spawn(Caller { identity, table, seat, source }.run());
        }
        self.preside(&table, sessions).await
    }
}

impl Swarm {
    /// How often it is looked whether anything moves.
    const LOOK: Duration = Duration::from_millis(250);
    /// How long sessions may take to say goodbye.
    const GOODBYE: Duration = Duration::from_millis(200);

    /// Waits for the last piece, for the last peer to give up, or for patience to end.
    async fn preside(&self, table: &Table, mut sessions: JoinSet<()>) -> Result<(), PullError> {
        let mut look = interval(Self::LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = None;
        loop {
            tokio::select! {
                () = table.finished() => break,
                () = table.out().closed() => return Err(PullError::Cancelled),
                ended = sessions.join_next() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(panic)) => return Err(PullError::Failed(panic.into())),
                    None if table.is_finished() => break,
                    None => return Err(table.exhausted("nobody is left to be called")),
                },
                _ = look.tick() => {
                    let state = table.survey(Instant::now());
                    if state.still >= self.patience {
                        let why = format!("nothing came for {}", waiting::seconds(self.patience));
                        return Err(table.exhausted(&why));
                    }
                    let sentence = waiting::sentence(&state, self.patience);
                    if sentence != said {
                        let news = sentence.clone().map_or(PullNews::Moving, PullNews::Waiting);
                        // Whoever does not read the news does not miss any.
                        table.out().try_send(Pulled::News(news)).ok();
                        said = sentence;
                    }
                }
            }
        }
        // Those that are not done with their goodbye by then are hung up on.
        timeout(Self::GOODBYE, async { while sessions.join_next().await.is_some() {} }).await.ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
