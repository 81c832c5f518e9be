//! The peers that can be called: what an import pulls from them.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::piece::{PieceList, VerifiedPiece};
use verifier::scalars::Label;
use verifier::{Bitfield, Code, Geometry, PieceIndex, Root, Sha256};

use super::{Failure, Untrue};

/// One import's wish: which pieces, from whom.
pub struct Pull {
    /// The artifact's SHA-256.
    pub artifact: Sha256,
    /// How it is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// The piece list, if it is known already.
    pub list: Option<Arc<PieceList>>,
    /// The pieces that are wanted.
    pub missing: Bitfield,
    /// Who may be asked.
    pub sources: Vec<PullSource>,
    /// Where everything goes that is pulled; its capacity is the limit on what waits to be kept.
    pub out: mpsc::Sender<Pulled>,
}

/// A peer that offered pieces.
#[derive(Debug, Clone)]
pub struct PullSource {
    /// The peer.
    pub id: PeerId,
    /// What the user calls it: what people are told names it so.
    pub label: Label,
    /// Where to call it, in the order to try.
    pub addresses: Vec<PeerAddress>,
    /// The pieces that its offer names.
    pub offered: Bitfield,
}

/// What a pull hands over.
#[derive(Debug)]
pub enum Pulled {
    /// The proven piece list, sent once before any piece unless it was given; the answer is
    /// the set of pieces that are still wanted.
    List(Arc<PieceList>, oneshot::Sender<Bitfield>),
    /// Bytes of a piece have been asked of a peer: consent is checked and spent on the answer.
    Ask {
        /// Whom.
        peer: PeerId,
        /// How many bytes.
        bytes: u64,
        /// Whether the ask may be sent.
        answer: oneshot::Sender<bool>,
    },
    /// A verified piece.
    Piece(VerifiedPiece),
    /// Something a watcher may want to know.
    News(PullNews),
}

/// What happens between the peers and an import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullNews {
    /// A session with the peer is open; it has so many of the wanted pieces.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Wanted pieces it has.
        pieces: u32,
    },
    /// A piece was asked of a peer.
    Asked {
        /// The peer.
        peer: PeerId,
        /// The piece.
        index: PieceIndex,
    },
    /// All bytes of a piece are here and are being judged; told only of pieces that are so long
    /// that this takes a moment.
    Arrived {
        /// The peer.
        peer: PeerId,
        /// The piece.
        index: PieceIndex,
    },
    /// The session ended or could not be made; the peer may be called again.
    Lost {
        /// The peer.
        peer: PeerId,
        /// What it did, to be read after its name: `hung up`.
        why: String,
    },
    /// The peer lied or broke the protocol; it is not used again in this import.
    Banned {
        /// The peer.
        peer: PeerId,
        /// What it did.
        code: Code,
        /// The same, to be read after its name.
        why: String,
        /// What did not verify, if it lied; a lie outlives the import, a broken protocol does not.
        untrue: Option<Untrue>,
    },
    /// What the import is waiting for and what would end the wait, as one or two sentences.
    Waiting(String),
    /// That wait is over.
    Moving,
}

/// Why a pull ended without all pieces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Nobody who is left has the missing pieces.
    #[error("{missing} {} missing: {why}", if *.missing == 1 { "piece is" } else { "pieces are" })]
    Exhausted {
        /// How many pieces are missing.
        missing: u32,
        /// What became of each peer, as one clause a peer.
        why: String,
    },
    /// The import went away.
    #[error("the import was cancelled")]
    Cancelled,
    /// The network of this machine failed.
    #[error("the network failed")]
    Failed(#[source] Failure),
}

/// The peers that can be called.
pub trait Peers: Send + Sync + 'static {
    /// Pulls the missing pieces; dropping the future hangs up.
    fn pull(&self, pull: Pull) -> impl Future<Output = Result<(), PullError>> + Send;
}
