//! Judges the pieces that have arrived: all that wait, together.

use std::sync::Arc;
use std::time::Duration;

use engine::import::Connection;
use tokio::sync::mpsc;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::timeout;
use verifier::merkle::Proof;
use verifier::piece::{ArrivedPiece, PieceList, verify_proven};
use verifier::{Geometry, PieceIndex, Root};

use super::Judgement;
use super::import::Heard;

/// The most pieces that are judged together, and that wait to be.
const TOGETHER: usize = 16;
/// How long a full lot is waited for, which is less than it takes to judge one.
const MOMENT: Duration = Duration::from_millis(2);
/// Up to so many bytes are hashed where the task runs, more on a thread that may be blocked.
const HASH_HERE: usize = 512 << 10;

/// A piece that waits to be judged.
pub(super) struct Waiting {
    pub(super) connection: Connection,
    pub(super) index: PieceIndex,
    pub(super) arrived: ArrivedPiece,
    pub(super) by: By,
}

/// What a piece is judged by.
pub(super) enum By {
    List(Arc<PieceList>),
    Proof(Proof, Geometry, Root),
}

/// Where pieces wait: whoever comes when so many do waits too.
pub(super) fn queue() -> (mpsc::Sender<Waiting>, mpsc::Receiver<Waiting>) {
    mpsc::channel(TOGETHER)
}

/// Judges until nobody can bring a piece any more, or nobody hears it.
///
/// One piece alone is judged at once. Together they take less time each, so others that are ready to
/// run go first: what they bring meanwhile is judged with it. As long as several come at a time, a
/// full lot is waited for a moment.
pub(super) async fn run(mut waiting: mpsc::Receiver<Waiting>, tell: mpsc::Sender<Heard>) {
    let mut pieces = Vec::with_capacity(TOGETHER);
    let mut moment = Duration::ZERO;
    while waiting.recv_many(&mut pieces, TOGETHER).await > 0 {
        yield_now().await;
        let lot = async {
            while pieces.len() < TOGETHER {
                let free = TOGETHER - pieces.len();
                if waiting.recv_many(&mut pieces, free).await == 0 {
                    break;
                }
            }
        };
        timeout(moment, lot).await.ok();
        moment = if pieces.len() > 1 { MOMENT } else { Duration::ZERO };
        let pieces = std::mem::take(&mut pieces);
        let bytes: usize = pieces.iter().map(|piece| piece.arrived.bytes.len()).sum();
        let judged = if bytes <= HASH_HERE {
            judge(pieces)
        } else {
            match spawn_blocking(move || judge(pieces)).await {
                Ok(judged) => judged,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        };
        for (connection, index, judgement) in judged {
            if tell.send(Heard::Judged(connection, index, judgement)).await.is_err() {
                return;
            }
        }
    }
}

/// Judges all pieces, which may be by proofs and by the list while that is coming.
fn judge(pieces: Vec<Waiting>) -> Vec<(Connection, PieceIndex, Judgement)> {
    let mut judged = Vec::with_capacity(pieces.len());
    let mut listed = None;
    let (mut places, mut arrived) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece.by {
            By::List(list) => {
                listed = Some(list);
                places.push((piece.connection, piece.index));
                arrived.push(piece.arrived);
            }
            By::Proof(proof, geometry, root) => {
                let judgement = verify_proven(&geometry, piece.arrived, &proof, root);
                judged.push((piece.connection, piece.index, judgement));
            }
        }
    }
    // An import has one list.
    let verdicts = listed.map(|list| list.verify_all(arrived)).unwrap_or_default();
    let verdicts = places.into_iter().zip(verdicts);
    judged.extend(verdicts.map(|((connection, index), verdict)| (connection, index, verdict)));
    judged
}
