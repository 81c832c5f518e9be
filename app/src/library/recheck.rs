//! Reads what is kept again, and verifies it.

use std::pin::pin;

use tokio::sync::watch;
use verifier::PieceIndex;

use super::State;
use crate::lease::Hold;
use crate::ports::{Clock as _, Failure, Model, PieceState, PieceStore as _, Ports};

/// What checking a model again found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many pieces were kept, and were read.
    pub pieces: u32,
    /// Pieces that are corrupt or cannot be read, whether found now or before; they count as
    /// missing until they are fetched anew.
    pub corrupt: Vec<PieceIndex>,
    /// How many pieces are missing beside them.
    pub missing: u32,
    /// How the model is kept, now that it is known.
    pub state: State,
}

/// Reads every kept piece of a model again; `on` hears how many are done, not of each one. `None`
/// if the model is not kept any more.
///
/// What a check before found bad is told again until it is fetched anew. A model that is whole and
/// sound is written down as verified. Dropping the future ends the work
/// within one piece.
///
/// # Errors
///
/// [`Failure`] if the store fails.
pub async fn recheck<P: Ports>(
    ports: &P,
    model: &Model,
    mut on: impl FnMut(u32) + Send,
) -> Result<Option<Checked>, Failure> {
    let store = ports.store();
    let _hold = Hold::take(store, model.artifact);
    let (done, mut reached) = watch::channel(0);
    let mut work = pin!(store.recheck(model.artifact, move |pieces| {
        done.send_replace(pieces);
    }));
    let found = loop {
        tokio::select! {
            biased;
            found = &mut work => break found?,
            Ok(()) = reached.changed() => {
                let pieces = *reached.borrow_and_update();
                on(pieces);
            }
        }
    };
    let Some(found) = found else { return Ok(None) };
    let (Some(model), Some(map)) =
        (store.model(model.artifact).await?, store.map(model.artifact).await?)
    else {
        return Ok(None);
    };
    let of = |wanted: PieceState| {
        let pieces = model.geometry.indices().zip(&map);
        pieces.filter(move |(_, state)| **state == wanted).map(|(index, _)| index)
    };
    let corrupt: Vec<PieceIndex> = of(PieceState::Corrupt).collect();
    let missing = u32::try_from(of(PieceState::Missing).count()).unwrap_or(u32::MAX);
    let state = State::of(&model, u32::try_from(corrupt.len()).unwrap_or(u32::MAX));
    if found.checked == model.geometry.piece_count() && state == State::Whole {
        store.verified(model.artifact, ports.clock().now()).await?;
    }
    Ok(Some(Checked { pieces: found.checked, corrupt, missing, state }))
}

/// What happens while everything is checked again, in the order it happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum AllEvent<'a> {
    /// A model is being read.
    Begun {
        /// The model.
        model: &'a Model,
        /// Its place among all, from 0.
        place: usize,
        /// How many models there are.
        of: usize,
    },
    /// So many of its pieces are done.
    Reached(u32),
    /// It is done, or the store failed on it.
    Ended {
        /// The model.
        model: &'a Model,
        /// What was found.
        outcome: Result<Checked, Failure>,
    },
}

/// Reads every kept piece of every model again, one model after the other.
///
/// A failure on one model keeps no other from being read. A model that is forgotten meanwhile has
/// no end. Dropping the future ends the work within one piece.
///
/// # Errors
///
/// [`Failure`] if the models cannot be listed.
pub async fn recheck_all<P: Ports>(
    ports: &P,
    mut on: impl FnMut(AllEvent<'_>) + Send,
) -> Result<(), Failure> {
    let models = ports.store().models().await?;
    let of = models.len();
    for (place, model) in models.iter().enumerate() {
        on(AllEvent::Begun { model, place, of });
        let outcome = recheck(ports, model, |pieces| on(AllEvent::Reached(pieces))).await;
        if let Some(outcome) = outcome.transpose() {
            on(AllEvent::Ended { model, outcome });
        }
    }
    Ok(())
}
