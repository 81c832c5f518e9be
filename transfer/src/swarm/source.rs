//! One peer of an import: called, lost, called again, given up.

use std::sync::Arc;
use std::time::Duration;

use app::ports::{PullNews, PullSource};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::identity::Identity;
use crate::pace::Connected;
use crate::picker::Seat;
use crate::session::{Fate, SessionError};
use crate::swarm::asking;
use crate::swarm::table::Table;
use crate::swarm::waiting::Whereabouts;

/// Calls one peer for as long as it is of use.
pub(super) struct Caller {
    pub(super) identity: Arc<Identity>,
    pub(super) table: Arc<Table>,
    pub(super) seat: Seat,
    pub(super) source: PullSource,
}

impl Caller {
    /// The pause after the first try; each further one is twice as long, up to the longest.
    const PAUSE: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(8);
    /// How often it is looked whether a connection has become free.
    const LOOK: Duration = Duration::from_millis(250);

    pub(super) async fn run(self) {
        let mut pause = Self::PAUSE;
        loop {
            let Some(connected) = self.connection().await else { return };
            let before = self.table.delivered(self.seat);
            self.table.set_whereabouts(self.seat, Whereabouts::Calling);
            let span = tracing::debug_span!("session", peer = %self.source.id);
            let session = asking::converse(&self.table, self.seat, &self.identity, &self.source);
            let outcome = session.instrument(span).await;
            drop(connected);
            let Err(error) = outcome else { return };
            if self.table.delivered(self.seat) != before {
                pause = Self::PAUSE;
            }
            let fate = error.fate();
            if self.mourn(&error, fate).await.is_err() || fate != Fate::Retry {
                return;
            }
            if timeout(pause, self.table.finished()).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(Self::LONGEST);
        }
    }

    /// Waits for a free connection; nothing if the import is over before.
    async fn connection(&self) -> Option<Connected> {
        loop {
            if let Some(connected) = self.table.limits.connect() {
                return Some(connected);
            }
            self.table.set_whereabouts(self.seat, Whereabouts::Queued);
            if timeout(Self::LOOK, self.table.finished()).await.is_ok() {
                return None;
            }
        }
    }

    async fn mourn(&self, error: &SessionError, fate: Fate) -> Result<(), SessionError> {
        let (peer, why) = (self.source.id, error.to_string());
        let whereabouts = match fate {
            Fate::Retry => Whereabouts::Resting { why: why.clone() },
            Fate::Ban(_) | Fate::GiveUp => Whereabouts::Gone { why: why.clone() },
        };
        self.table.set_whereabouts(self.seat, whereabouts);
        match (error, fate) {
            (SessionError::Cancelled, _) => Err(SessionError::Cancelled),
            (_, Fate::Ban(code)) => {
                tracing::warn!(%peer, %code, %why, "peer is not used again in this import");
                let untrue = error.untrue(self.table.root.algorithm());
                self.table
                    .tell(PullNews::Banned {
                        peer,
                        code,
                        why,
                        untrue,
                        call: 1,
                        after: Duration::ZERO,
                    })
                    .await
            }
            (_, Fate::Retry | Fate::GiveUp) => {
                tracing::info!(%peer, %why, "peer is lost");
                self.table.tell(PullNews::Lost { peer, why }).await
            }
        }
    }
}
