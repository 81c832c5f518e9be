//! No network: for work on what is kept, which calls nobody and is called by nobody.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use verifier::identity::PeerId;

use super::{Failure, Listener, Listening, Peers, Provider, Pull, PullError, ServeNews};

/// Stands where the network would be; whatever is asked of it fails.
#[derive(Debug, Clone, Copy)]
pub struct Offline;

/// The network was asked for where there is none.
#[derive(Debug, thiserror::Error)]
#[error("the network is not open")]
struct NoNetwork;

impl Peers for Offline {
    async fn pull(&self, _pull: Pull) -> Result<(), PullError> {
        Err(PullError::Failed(NoNetwork.into()))
    }

    fn called(&self, _peer: PeerId) {}
}

impl Listener for Offline {
    async fn listen<S: Provider>(
        &self,
        _address: SocketAddr,
        _provider: Arc<S>,
        _news: mpsc::Sender<ServeNews>,
    ) -> Result<Listening, Failure> {
        Err(NoNetwork.into())
    }
}
