//! The way to be called: what is shown to peers that call, and what they take.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use verifier::identity::PeerId;
use verifier::piece::PieceList;
use verifier::scalars::Label;
use verifier::{Bitfield, PieceIndex, Sha256};

use super::Failure;

/// What a peer may see of one artifact.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Every piece's digest, with geometry and root.
    pub list: Arc<PieceList>,
    /// The pieces that are kept here.
    pub have: Bitfield,
}

/// Why an ask is not answered with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Not granted to that peer, or not held: the two look the same from outside.
    NotServed,
    /// This piece is not had.
    NotHad,
    /// This machine failed.
    Failed,
}

/// Gives peers that call what they may have: `app::serve` implements it over store and journal.
pub trait Provider: Send + Sync + 'static {
    /// Whether the peer is one the user paired with; quick, for the handshake.
    fn knows(&self, peer: PeerId) -> bool;

    /// What the user calls the peer; `None` if it is not paired.
    fn label(&self, peer: PeerId) -> impl Future<Output = Option<Label>> + Send;

    /// What the peer may see of the artifact; `None` if it is not held or not granted.
    fn open(&self, peer: PeerId, artifact: Sha256) -> impl Future<Output = Option<Opened>> + Send;

    /// Whether the peer may have pieces of the artifact at this moment; quick. Asked again before
    /// a piece that was read ahead is sent, so that a grant taken back stops the next piece.
    fn grants(&self, peer: PeerId, artifact: Sha256) -> bool;

    /// A piece, verified again and its grant checked at this very ask; its bytes count as they are
    /// [sent](ServeNews::Sent).
    fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// Hears of every piece of what is served that is kept from now on, so that callers are told.
    /// Where nothing will be, as unless it says otherwise, the other end is gone.
    fn landed(&self) -> mpsc::UnboundedReceiver<(Sha256, PieceIndex)> {
        mpsc::unbounded_channel().1
    }
}

/// What happens between callers and what is served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServeNews {
    /// A paired peer called.
    Called(PeerId),
    /// A stranger was turned away, or something that does not speak the protocol, or a peer that
    /// broke it or has too many sessions.
    TurnedAway {
        /// Where it called from.
        from: SocketAddr,
        /// Why, as one clause that names a peer by its label and a proven key by its end.
        why: String,
    },
    /// Bytes of pieces went out, told of together for a moment.
    Sent {
        /// To whom.
        peer: PeerId,
        /// Of which artifact.
        artifact: Sha256,
        /// How many bytes.
        bytes: u64,
    },
    /// A caller's ask was refused.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why.
        refusal: Refusal,
    },
    /// A caller went away.
    Left(PeerId),
}

/// A listener that is taking calls.
pub struct Listening {
    /// The address it listens on, with the port that the system picked if 0 was asked for.
    pub address: SocketAddr,
    /// Runs the sessions until it fails; dropping it hangs up on everyone.
    pub sessions: BoxFuture<'static, Result<(), Failure>>,
}

/// The way to be called.
pub trait Listener: Send + Sync + 'static {
    /// Takes calls on `address` and answers them from the provider.
    fn listen<S: Provider>(
        &self,
        address: SocketAddr,
        provider: Arc<S>,
        news: mpsc::Sender<ServeNews>,
    ) -> impl Future<Output = Result<Listening, Failure>> + Send;
}
