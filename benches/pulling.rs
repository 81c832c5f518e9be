//! An import that keeps nothing: every piece is verified, counted and dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::ports::{Begin, Patience, Peers as _, Pull, PullNews, PullSource, Pulled, Settled};
use tokio::sync::mpsc;
use transfer::{Limits, Swarm};
use verifier::Bitfield;

use super::serving::{Artifact, IMPORTER, identity};

/// What comes of a pull's next piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    GoOn,
    /// No ask is granted any more.
    Deny,
    /// It goes on for as long as it can, which may not be to the end.
    Wait,
    /// The user cancels.
    Cancel,
}

/// What a pull took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From the first call to the last piece.
    pub time: Duration,
    /// Processor time of this process.
    pub cpu: Duration,
    /// Pieces that came.
    pub pieces: u32,
    /// Pieces that were asked for.
    pub asks: u32,
}

/// Pulls the whole artifact from the sources; `each` hears how many pieces have come, and what it
/// says holds from then on.
///
/// # Panics
///
/// If the pull ends without all pieces although it was not to end.
pub async fn pull(
    artifact: &Artifact,
    sources: Vec<PullSource>,
    mut each: impl FnMut(u32) -> Then,
) -> Cost {
    let (out, mut pulled) = mpsc::channel(64);
    let (settle, settled) = mpsc::unbounded_channel();
    let count = artifact.list.geometry().piece_count();
    let pull = Pull {
        artifact: artifact.sha256,
        geometry: *artifact.list.geometry(),
        root: artifact.list.root(),
        list: None,
        missing: Bitfield::full(count),
        sources,
        patience: Patience::default(),
        begin: Begin::Front,
        out,
        settled,
    };
    let (begun, cpu) = (Instant::now(), super::cpu());
    let swarm = Swarm::new(identity(IMPORTER), Arc::new(Limits::new()));
    let (mut pieces, mut asks, mut then) = (0, 0, Then::GoOn);
    let mut last = begun;
    let mut ended = None;
    let mut work = std::pin::pin!(swarm.pull(pull));
    while then != Then::Cancel {
        let message = tokio::select! {
            end = &mut work, if ended.is_none() => {
                ended = Some(end);
                continue;
            }
            message = pulled.recv() => message,
        };
        match message {
            Some(Pulled::List(_, answer)) => drop(answer.send(Bitfield::full(count))),
            Some(Pulled::Ask { answer, .. }) => drop(answer.send(then != Then::Deny)),
            Some(Pulled::Release { .. }) => {}
            Some(Pulled::Piece(piece)) => {
                let index = piece.index();
                drop(piece);
                pieces += 1;
                last = Instant::now();
                then = each(pieces);
                let denied = then == Then::Deny;
                let fate = if denied { Settled::Denied(index) } else { Settled::Kept(index) };
                // A pull that has ended does not hear it.
                settle.send(fate).ok();
            }
            Some(Pulled::News(PullNews::Asked { .. })) => asks += 1,
            Some(Pulled::News(_)) => {}
            None => {
                if ended.is_none() {
                    ended = Some(work.as_mut().await);
                }
                break;
            }
        }
    }
    let whole = matches!(ended, Some(Ok(())));
    assert!(whole || then != Then::GoOn, "the pull ended with {ended:?} after {pieces} pieces");
    Cost { time: last - begun, cpu: super::cpu().saturating_sub(cpu), pieces, asks }
}
