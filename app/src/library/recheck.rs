//! Reads what is kept again, and verifies it.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::watch;
use verifier::{Advice, Bitfield, PieceIndex, Sha256};

use super::{MEND_MANIFEST, MEND_PIECES, State};
use crate::blame::is_unwritable;
use crate::lease::Hold;
use crate::ports::{Clock as _, Failure, Model, PieceState, PieceStore, Ports, Recheck};

/// What checking a model again found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many pieces were kept, and were read.
    pub pieces: u32,
    /// Pieces that are corrupt or cannot be read, whether found now or before; they count as
    /// missing until they are fetched anew.
    pub corrupt: Vec<PieceIndex>,
    /// How many of these the disk did not give back: nothing is known of their bytes, and the next
    /// check reads them again.
    pub unread: u32,
    /// How many pieces are missing beside them.
    pub missing: u32,
    /// Whether the manifest that is kept is damaged or gone.
    pub lacks_manifest: bool,
    /// How the model is kept, now that it is known.
    pub state: State,
}

impl Checked {
    /// What is wrong, as one clause, with numbers as `count` says them; `None` if the model is
    /// whole and sound.
    pub fn wrong(&self, count: impl Fn(u64, &str) -> String) -> Option<String> {
        let unread = u64::from(self.unread);
        let corrupt = (self.corrupt.len() as u64).saturating_sub(unread);
        let counts =
            [(corrupt, "corrupt"), (unread, "unreadable"), (self.missing.into(), "missing")];
        let mut parts: Vec<String> = counts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", count(number, "piece")))
            .collect();
        if self.lacks_manifest {
            parts.push("its manifest is damaged or gone".to_owned());
        }
        (self.state != State::Whole).then(|| parts.join(", "))
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        let mut sentences = Vec::new();
        let is_short = !self.corrupt.is_empty() || self.missing > 0;
        if is_short {
            sentences.push(MEND_PIECES.text().to_owned());
        }
        if self.unread > 0 {
            sentences.push(
                "What cannot be read may be sound: check the disk and how it is connected, then \
                 check the model once more."
                    .to_owned(),
            );
        } else if !self.corrupt.is_empty() {
            sentences.push("Check the disk's health.".to_owned());
        }
        if self.lacks_manifest {
            sentences.push(MEND_MANIFEST.to_owned());
        }
        let advice = Advice::from(sentences.join(" "));
        match MEND_PIECES.remedy() {
            Some(remedy) if is_short && !self.lacks_manifest => advice.by(remedy),
            _ => advice,
        }
    }
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
    on: impl FnMut(u32) + Send,
) -> Result<Option<Checked>, Failure> {
    let all = Bitfield::full(model.geometry.piece_count());
    let found = read_again(ports.store(), model.artifact, all, on).await?;
    let Some(found) = found else { return Ok(None) };
    let unread = u32::try_from(found.unread.len()).unwrap_or(u32::MAX);
    judge(ports, model, found.checked, unread).await
}

/// Reads these pieces of an artifact again, and keeps it from being evicted meanwhile; `on` hears how
/// many are done, not of each one.
pub(super) async fn read_again<S: PieceStore>(
    store: &Arc<S>,
    artifact: Sha256,
    pieces: Bitfield,
    mut on: impl FnMut(u32) + Send,
) -> Result<Option<Recheck>, Failure> {
    let _hold = Hold::take(store, artifact);
    let (done, mut reached) = watch::channel(0);
    let mut work = pin!(store.recheck_some(artifact, pieces, move |pieces| {
        done.send_replace(pieces);
    }));
    loop {
        tokio::select! {
            biased;
            found = &mut work => return found,
            Ok(()) = reached.changed() => {
                let pieces = *reached.borrow_and_update();
                on(pieces);
            }
        }
    }
}

/// How a model is kept, now that so many of its pieces were read and so many of these could not be;
/// one that is whole and was read whole is written down as verified.
pub(super) async fn judge<P: Ports>(
    ports: &P,
    model: &Model,
    pieces: u32,
    unread: u32,
) -> Result<Option<Checked>, Failure> {
    let store = ports.store();
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
    // One that cannot be read is as good as gone, and no reason to stop.
    let lacks_manifest = !matches!(store.manifest(model.artifact).await, Ok(Some(_)));
    let state = match State::of(&model, u32::try_from(corrupt.len()).unwrap_or(u32::MAX)) {
        _ if lacks_manifest => State::Damaged,
        state => state,
    };
    if pieces == model.geometry.piece_count() && state == State::Whole {
        match store.verified(model.artifact, ports.clock().now()).await {
            // It was found all the same.
            Err(failure) if is_unwritable(failure.as_ref()) => {}
            noted => noted?,
        }
    }
    Ok(Some(Checked { pieces, corrupt, unread, missing, lacks_manifest, state }))
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
