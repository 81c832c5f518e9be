//! One import: whom to call, what to ask of whom, what is slow, what is a lie, what is waited for.

mod message;
mod picker;
mod snapshot;

use crate::moment::Moment;

pub use message::{
    Blame, Connection, Consent, Effect, Evidence, Exhausted, Input, Limits, News, Order, Patience,
    Peer, Place, Why,
};
pub use snapshot::{PeerSnapshot, PeerState, PieceState, Snapshot};

/// Everything that one import decides.
///
/// [`Self::input`] tells it what happened, [`Self::next`] says what is to be done until nothing is,
/// [`Self::deadline`] when it wants to hear of the time, [`Self::snapshot`] how it stands. The same
/// inputs at the same moments give the same effects.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// Starts an import at this moment. `seed` is what would be chance: the jitter of calls and
    /// where in the artifact this importer starts.
    pub fn new(_order: Order, _seed: u64, _now: Moment) -> Self {
        Self {}
    }

    /// Takes in what happened. All effects of what happened before must have been taken out.
    ///
    /// `now` is no earlier than before; where it is far later than the deadline, this machine slept,
    /// and nobody is blamed for that time.
    pub fn input(&mut self, _input: Input, _now: Moment) {}

    /// What is to be done next; nothing until something happens.
    #[expect(clippy::should_implement_trait, reason = "its end is not the end of what comes")]
    pub fn next(&mut self) -> Option<Effect> {
        None
    }

    /// By when [`Input::Tick`] has to be given in, and why.
    pub fn deadline(&self) -> Option<(Moment, Why)> {
        None
    }

    /// How it stands.
    pub fn snapshot(&self) -> Option<Snapshot> {
        None
    }
}
