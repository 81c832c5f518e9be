//! Calling peers: one import's pieces, from all of them at once.

mod import;
mod judging;
mod receiving;
mod telling;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use app::ports::{Peers, Pull, PullError};
use tokio::sync::{broadcast, oneshot};
use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::piece::{PieceError, VerifiedPiece};

use crate::identity::Identity;
use crate::limits::Limits;

use import::Import;

/// How many callers a pull may be yet to hear of. It hears nothing of those before, and calls them at
/// their time.
const CALLERS: usize = 64;

/// What became of a piece that was judged.
type Judgement = Result<VerifiedPiece, PieceError>;

/// Calls peers and pulls the pieces of an artifact from all of them at once.
///
/// Each piece is verified the moment it arrives. A peer that lies or breaks the protocol is not
/// used again in that import; one that goes away is called again, and its pieces are asked of
/// others meanwhile. The address that led to a peer last is remembered and tried first.
#[derive(Debug, Clone)]
pub struct Swarm {
    identity: Arc<Identity>,
    limits: Arc<Limits>,
    worked: Arc<Mutex<BTreeMap<PeerId, PeerAddress>>>,
    /// Who called here, for every pull under way.
    callers: broadcast::Sender<PeerId>,
}

impl Swarm {
    /// Calls in the name of `identity`, within `limits`.
    pub fn new(identity: Arc<Identity>, limits: Arc<Limits>) -> Self {
        Self { identity, limits, worked: Arc::default(), callers: broadcast::Sender::new(CALLERS) }
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
        let seed = getrandom::u64().map_err(|error| PullError::Failed(error.into()))?;
        // Dropped with this future, it tells that nobody wants the import any more.
        let (_wanted, until) = oneshot::channel::<Infallible>();
        let import = Import::new(self.clone(), pull, seed);
        match tokio::spawn(import.run(until)).await {
            Ok(outcome) => outcome,
            Err(panic) => Err(PullError::Failed(panic.into())),
        }
    }

    fn called(&self, peer: PeerId) {
        // No pull may be under way.
        self.callers.send(peer).ok();
    }
}
