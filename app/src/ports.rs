//! What the use cases need from the disk, the network and the clock, as traits.
//!
//! `store` and `transfer` implement them; `main.rs` of each program wires them together. Adapters
//! own their blocking calls and their limits: a method that is not `async` is quick, unless its
//! trait says that it is called on a blocking thread.

mod bundle;
mod callers;
mod day;
mod journal;
mod known;
mod lie;
mod model;
mod offline;
mod outputs;
mod peers;
mod room;
mod store;

use std::sync::Arc;

use verifier::scalars::UtcTime;

pub use bundle::Bundle;
pub use callers::{Listener, Listening, Opened, Provider, Refusal, ServeNews};
pub use day::Day;
pub use journal::{Broken, Chain, Journal, JournalError, Record, Spend, Standing, Terms, What};
pub use known::{Access, KnownPeer};
pub use lie::{Liar, Lie, MOST_LIES, Untrue};
pub use model::{Model, PieceState, Pin};
pub use offline::Offline;
pub use outputs::{Draft, Named, OutputError, Outputs, ReachError, Stem, Way};
pub use peers::{
    Availability, Begin, Patience, Peers, Pull, PullError, PullNews, PullSource, Pulled, Purpose,
    Settled,
};
pub use room::{Abilities, Accounts, Evictable, Footprint, Lowering, Quota, QuotaOf, ReserveError};
pub use store::{
    Held, Landed, OutputWay, PieceStore, ReadError, Recheck, Reservation, WantedOutput,
};

/// Why an adapter could not do what it was asked; which port was called says what failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The ports of one running program, bundled.
pub trait Ports: Send + Sync {
    /// Where pieces are kept.
    type Store: PieceStore;
    /// Where finished artifacts go.
    type Outputs: Outputs;
    /// The peers that can be called.
    type Peers: Peers;
    /// The way to be called.
    type Listener: Listener;
    /// Where consents and transfers are written down.
    type Journal: Journal;
    /// The time.
    type Clock: Clock;

    /// Where pieces are kept.
    fn store(&self) -> &Arc<Self::Store>;
    /// Where finished artifacts go.
    fn outputs(&self) -> &Arc<Self::Outputs>;
    /// The peers that can be called.
    fn peers(&self) -> &Arc<Self::Peers>;
    /// The way to be called.
    fn listener(&self) -> &Arc<Self::Listener>;
    /// Where consents and transfers are written down.
    fn journal(&self) -> &Arc<Self::Journal>;
    /// The time.
    fn clock(&self) -> &Self::Clock;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, to the second.
    fn now(&self) -> UtcTime;
}
