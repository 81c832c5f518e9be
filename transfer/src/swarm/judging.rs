//! Judges the pieces that have arrived: all that wait together, and several such lots at a time.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use engine::import::Connection;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use verifier::merkle::Proof;
use verifier::piece::{ArrivedPiece, PieceList, verify_proven};
use verifier::{Geometry, PieceIndex, Root};

use super::import::Heard;

/// The most pieces that are judged together, and that wait to be.
const TOGETHER: usize = 16;
/// How long a full lot is waited for, which is less than it takes to judge one.
const MOMENT: Duration = Duration::from_millis(2);
/// Up to so many bytes are hashed where the task runs, more on threads that may be blocked.
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

/// Judges until nobody can bring a piece any more, so many lots at a time.
///
/// Pieces that are judged together take less time each, so a lot is all that wait, and what others
/// bring that are ready to run. More is only waited for, and only for a moment, where the lot before
/// was of several pieces that are much to hash: one piece alone is judged at once.
///
/// # Panics
///
/// If judging does.
pub(super) async fn run(
    mut waiting: mpsc::Receiver<Waiting>,
    tell: mpsc::Sender<Heard>,
    threads: NonZero<usize>,
) {
    let mut lots = JoinSet::new();
    let mut moment = Duration::ZERO;
    loop {
        let first = tokio::select! {
            Some(over) = lots.join_next() => match over {
                Ok(()) => continue,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            first = waiting.recv(), if lots.len() < threads.get() => first,
        };
        let Some(first) = first else { return };
        let mut pieces = vec![first];
        yield_now().await;
        while pieces.len() < TOGETHER
            && let Ok(piece) = waiting.try_recv()
        {
            pieces.push(piece);
        }
        if !moment.is_zero() {
            let more = async {
                while pieces.len() < TOGETHER
                    && let Some(piece) = waiting.recv().await
                {
                    pieces.push(piece);
                }
            };
            timeout(moment, more).await.ok();
        }
        let bytes: usize = pieces.iter().map(|piece| piece.arrived.bytes.len()).sum();
        let is_much = bytes > HASH_HERE;
        moment = if is_much && pieces.len() > 1 { MOMENT } else { Duration::ZERO };
        // Where nobody hears it, this task is about to be ended.
        if is_much {
            let tell = tell.clone();
            lots.spawn_blocking(move || {
                judge(pieces).into_iter().for_each(|judged| drop(tell.blocking_send(judged)));
            });
        } else {
            for judged in judge(pieces) {
                tell.send(judged).await.ok();
            }
        }
    }
}

/// Judges all pieces, which may be by proofs and by the list while that is coming.
fn judge(pieces: Vec<Waiting>) -> Vec<Heard> {
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
                judged.push(Heard::Judged(piece.connection, piece.index, judgement));
            }
        }
    }
    // An import has one list.
    let verdicts = listed.map(|list| list.verify_all(arrived)).unwrap_or_default();
    let verdicts = places.into_iter().zip(verdicts);
    judged.extend(
        verdicts.map(|((connection, index), verdict)| Heard::Judged(connection, index, verdict)),
    );
    judged
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use bytes::Bytes;
    use engine::import::Connection;
    use tokio::sync::mpsc;
    use tokio::time::Instant;
    use verifier::identity::SigningKey;
    use verifier::merkle::Proof;
    use verifier::piece::{ArrivedPiece, PieceError, PieceStream, Source};
    use verifier::{ChunkAlgorithm, Geometry};

    use super::{By, HASH_HERE, TOGETHER, Waiting, queue, run};
    use crate::connection::Task;
    use crate::identity::Identity;
    use crate::swarm::import::Heard;

    const CONNECTION: Connection = Connection { peer: 0, call: 1 };

    const NO_SUCH: PieceError = PieceError::Index { index: 1, count: 1 };

    /// The one piece of an artifact of so many bytes.
    fn piece(length: usize) -> Waiting {
        let bytes = Bytes::from(vec![7; length]);
        let geometry = Geometry::new(length as u64, u32::try_from(length).unwrap()).unwrap();
        let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
        stream.update(&bytes);
        let (_, root) = stream.finish().unwrap();
        let from = Source::Peer(Identity::from_key(SigningKey::from_seed([1; 32])).peer_id());
        Waiting {
            connection: CONNECTION,
            index: geometry.index(0).unwrap(),
            arrived: ArrivedPiece { index: 0, bytes, from },
            by: By::Proof(Proof::from_siblings(Vec::new()), geometry, root),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_piece_alone_is_judged_at_once() {
        let (judge, waiting) = queue();
        let (tell, mut heard) = mpsc::channel(1);
        let _judging = Task::spawn(run(waiting, tell, NonZero::<usize>::MIN));
        let start = Instant::now();
        judge.send(piece(1_024)).await.ok().unwrap();
        let judged = heard.recv().await.unwrap();
        assert!(matches!(judged, Heard::Judged(CONNECTION, _, Ok(_))));
        // The clock goes on only where somebody waits for it.
        assert_eq!(Instant::now(), start);
    }

    #[tokio::test]
    async fn a_lot_that_takes_long_does_not_keep_others_waiting() {
        let (judge, waiting) = queue();
        // Nobody hears the first one's verdict, so that it is never done.
        let (tell, mut heard) = mpsc::channel(1);
        tell.send(Heard::Judged(CONNECTION, piece(1).index, Err(NO_SUCH))).await.ok().unwrap();
        let _judging = Task::spawn(run(waiting, tell, NonZero::new(2).unwrap()));
        for _ in 0..2 {
            judge.send(piece(HASH_HERE + 1)).await.ok().unwrap();
            // It is taken, whatever becomes of the one before.
            while judge.capacity() < TOGETHER {
                tokio::task::yield_now().await;
            }
        }
        heard.recv().await.unwrap();
        for _ in 0..2 {
            assert!(matches!(heard.recv().await.unwrap(), Heard::Judged(_, _, Ok(_))));
        }
    }
}
