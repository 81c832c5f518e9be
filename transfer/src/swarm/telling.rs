//! What the engine says, in the words of the ports.

use app::ports::{Availability, PullError, PullNews, Purpose, Untrue};
use engine::Ending;
use engine::import::{self, Blame, Exhausted, News, Snapshot};
use verifier::ChunkAlgorithm;
use verifier::merkle::ProofError;
use verifier::piece::{ListError, PieceError};

/// What a watcher is told.
pub(super) fn news(news: News) -> PullNews {
    match news {
        News::Connected(peer, pieces) => PullNews::Connected { peer, pieces },
        News::Asked(peer, index) => PullNews::Asked { peer, index },
        News::Arrived(peer, index) => PullNews::Arrived { peer, index },
        News::Lost(peer, ending) => PullNews::Lost { peer, why: ending.to_string() },
        News::Banned(peer, blame) => {
            let Blame { ending, code, connection, after, algorithm } = blame;
            let (why, untrue) = (ending.to_string(), untrue(&ending, algorithm));
            tracing::warn!(%peer, %code, %why, "peer is not used again in this import");
            PullNews::Banned { peer, code, why, untrue, call: connection.call, after }
        }
        News::Waiting(sentence) => PullNews::Waiting(sentence),
        News::Moving => PullNews::Moving,
    }
}

/// Whether whoever does not keep up may miss it.
pub(super) const fn may_be_missed(news: &PullNews) -> bool {
    matches!(
        news,
        PullNews::Asked { .. } | PullNews::Arrived { .. } | PullNews::Waiting(_) | PullNews::Moving
    )
}

/// What did not verify, if the peer lied: it was judged by what the manifest's root proves, which
/// the peer itself had named at the start.
fn untrue(ending: &Ending, algorithm: ChunkAlgorithm) -> Option<Untrue> {
    match *ending {
        Ending::Piece(PieceError::Digest { index, found, expected }) => {
            Some(Untrue::Piece { index, algorithm, wanted: expected, came: found })
        }
        Ending::Piece(PieceError::Proof {
            index,
            source: ProofError::Root { found, expected },
        }) => Some(Untrue::Proof { index, wanted: expected, came: found }),
        Ending::List(ListError::Root { found, expected }) => {
            Some(Untrue::List { wanted: expected, came: found })
        }
        _ => None,
    }
}

pub(super) fn availability(snapshot: Snapshot) -> Availability {
    let peers = snapshot.peers.into_iter();
    Availability {
        copies: snapshot.availability,
        peers: peers.filter_map(|peer| peer.have.map(|have| (peer.id, have))).collect(),
        single: snapshot.single,
        unavailable: snapshot.unavailable,
    }
}

pub(super) fn exhausted(Exhausted { missing, why, anyone }: Exhausted) -> PullError {
    PullError::Exhausted { missing, why, anyone }
}

pub(super) const fn purpose(purpose: import::Purpose) -> Purpose {
    match purpose {
        import::Purpose::Several => Purpose::Several,
        import::Purpose::One => Purpose::One,
        import::Purpose::Second => Purpose::Second,
    }
}

pub(super) const fn patience(patience: app::ports::Patience) -> import::Patience {
    match patience {
        app::ports::Patience::For(time) => import::Patience::For(time),
        app::ports::Patience::Wait(time) => import::Patience::Wait(time),
        app::ports::Patience::Forever => import::Patience::Forever,
    }
}
