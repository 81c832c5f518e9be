//! The ports of a program, as it wires them.

use std::sync::Arc;

use super::{Clock, Journal, Listener, Outputs, Peers, PieceStore, Ports};

/// The ports of one running program, each as its `main.rs` wires it.
#[derive(Debug)]
pub struct Bundle<S, O, E, L, J, C> {
    /// Where pieces are kept.
    pub store: Arc<S>,
    /// Where finished artifacts go.
    pub outputs: Arc<O>,
    /// The peers that can be called.
    pub peers: Arc<E>,
    /// The way to be called.
    pub listener: Arc<L>,
    /// Where consents and transfers are written down.
    pub journal: Arc<J>,
    /// The time.
    pub clock: C,
}

impl<S, O, E, L, J, C> Ports for Bundle<S, O, E, L, J, C>
where
    S: PieceStore,
    O: Outputs,
    E: Peers,
    L: Listener,
    J: Journal,
    C: Clock,
{
    type Store = S;
    type Outputs = O;
    type Peers = E;
    type Listener = L;
    type Journal = J;
    type Clock = C;

    fn store(&self) -> &Arc<S> {
        &self.store
    }

    fn outputs(&self) -> &Arc<O> {
        &self.outputs
    }

    fn peers(&self) -> &Arc<E> {
        &self.peers
    }

    fn listener(&self) -> &Arc<L> {
        &self.listener
    }

    fn journal(&self) -> &Arc<J> {
        &self.journal
    }

    fn clock(&self) -> &C {
        &self.clock
    }
}
