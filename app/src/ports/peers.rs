//! The peers that can be called: what an import pulls from them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

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
    /// How long it goes on while nothing comes.
    pub patience: Patience,
    /// Where in the artifact to begin.
    pub begin: Begin,
    /// Where everything goes that is pulled.
    pub out: mpsc::Sender<Pulled>,
    /// What became of each [`Pulled::Piece`]: the pull is over when every wanted piece was kept.
    pub settled: mpsc::UnboundedReceiver<Settled>,
}

/// How long a pull goes on while no byte comes.
///
/// It ends at once where nobody is left who may be called, as all were banned, or the user's consent
/// covers asking them for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It ends after so long. A peer that said no is not called again.
    For(Duration),
    /// It waits for peers, says so, and ends after so long. One that said no is called again.
    Wait(Duration),
    /// The same, until it is dropped.
    Forever,
}

/// A minute.
impl Default for Patience {
    fn default() -> Self {
        Self::For(Duration::from_secs(60))
    }
}

/// What became of a piece that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is on the disk.
    Kept(PieceIndex),
    /// It is not kept, because the user's consent to fetch from the peer that gave it ended
    /// meanwhile. That peer is given up, and the piece is asked of others.
    Denied(PieceIndex),
}

/// Where in the artifact a pull begins, among pieces of which there are as many copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At its front, so that the output can be written and judged while the rest comes.
    Front,
    /// In a part of its own, so that importers that serve each other have something to give.
    OwnPart,
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
    /// The proven piece list, sent once at most; the answer is the set of pieces that are not kept
    /// yet. Pieces may come before it, each judged by a proof of its own.
    List(Arc<PieceList>, oneshot::Sender<Bitfield>),
    /// Bytes of a piece have been asked of a peer: consent is checked and spent on the answer.
    Ask {
        /// Whom.
        peer: PeerId,
        /// How many bytes.
        bytes: u64,
        /// What a no means.
        purpose: Purpose,
        /// Whether the ask may be sent.
        answer: oneshot::Sender<bool>,
    },
    /// So many of the bytes that were asked of the peer will not come, or are not kept: what was
    /// spent on them is free again.
    Release {
        /// Whom they were asked of.
        peer: PeerId,
        /// How many bytes.
        bytes: u64,
    },
    /// A verified piece; [`Pull::settled`] wants to hear what became of it. Each comes once, unless
    /// it was denied.
    Piece(VerifiedPiece),
    /// Something a watcher may want to know.
    News(PullNews),
}

/// What a peer is to be asked for, and so what it means if consent does not cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Several pieces: one of them alone may be covered, and is tried next.
    Several,
    /// One piece: the peer is not asked any more.
    One,
    /// Pieces that another peer was asked for before: they are left to that one.
    Second,
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
        /// On which connection to it, from 1, that was.
        call: u32,
        /// For how long that had been open.
        after: Duration,
    },
    /// How many copies of the pieces the connected peers have, now that this has changed.
    Availability(Arc<Availability>),
    /// So many bytes have come of pieces that are not whole yet; told once a second at most, where it
    /// has changed.
    Coming(u64),
    /// What the import is waiting for and what would end the wait, as one or two sentences.
    Waiting(String),
    /// That wait is over.
    Moving,
}

/// How many copies of an artifact's pieces are with the peers that are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Per piece, how many connected peers have it.
    pub copies: Vec<u16>,
    /// Every connected peer, and what it has.
    pub peers: Vec<(PeerId, Bitfield)>,
    /// How many missing pieces only one connected peer has.
    pub single: u32,
    /// How many missing pieces no connected peer has.
    pub unavailable: u32,
}

impl Availability {
    /// Whether the pull can finish with the peers that are connected.
    pub const fn can_finish(&self) -> bool {
        self.unavailable == 0
    }
}

impl fmt::Display for Availability {
    /// One clause for people: who is connected, and whether that is enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = |count: u32| format!("{count} piece{}", if count == 1 { "" } else { "s" });
        match self.peers.len() {
            0 => return f.write_str("nobody is connected"),
            1 => f.write_str("1 peer is connected")?,
            more => write!(f, "{more} peers are connected")?,
        }
        match self.unavailable {
            0 => f.write_str("; all that is missing is there")?,
            none => write!(f, "; {} of what is missing nobody has", pieces(none))?,
        }
        match self.single {
            0 => Ok(()),
            single => write!(f, ", {} in one copy only", pieces(single)),
        }
    }
}

/// Why a pull ended without all pieces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Nobody who is left has the missing pieces.
    #[error("{missing} {} still to come: {why}", if *.missing == 1 { "piece is" } else { "pieces are" })]
    Exhausted {
        /// How many pieces are missing.
        missing: u32,
        /// What became of each peer, as one clause a peer.
        why: String,
        /// Whether somebody may be of use later, so that waiting for peers may help.
        anyone: bool,
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

    /// Says that the peer called here, so that pulls that called it in vain call it again soon; quick.
    fn called(&self, peer: PeerId);
}

#[cfg(test)]
mod tests {
    use verifier::Bitfield;
    use verifier::identity::SigningKey;

    use super::Availability;

    #[test]
    fn who_has_what_is_one_clause() {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        for (peers, unavailable, single, said) in [
            (0, 9, 0, "nobody is connected"),
            (
                1,
                0,
                2,
                "1 peer is connected; all that is missing is there, 2 pieces in one copy only",
            ),
            (2, 0, 0, "2 peers are connected; all that is missing is there"),
            (
                2,
                1,
                1,
                "2 peers are connected; 1 piece of what is missing nobody has, 1 piece in one copy only",
            ),
        ] {
            let peers = vec![(peer, Bitfield::empty(9)); peers];
            let availability = Availability { copies: Vec::new(), peers, single, unavailable };
            assert_eq!(availability.to_string(), said);
            assert_eq!(availability.can_finish(), unavailable == 0);
        }
    }
}
