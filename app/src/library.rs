//! What is kept on this machine: one snapshot of it, checked again, and put into a folder.

mod export;
mod hand_off;
mod recheck;
mod repair;
mod scrub;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use verifier::manifest::{Manifest, ManifestError, Options, UnknownKeys};
use verifier::scalars::Id;
use verifier::{Advice, Code, Remedy, Sha256};

pub use export::{Event, ExportError, Exported, export};
pub use hand_off::{Found, HandOffError, find};
pub use recheck::{AllEvent, Checked, recheck, recheck_all};
pub use repair::{Plan as RepairPlan, RepairError, Repaired, Step, Whom, repair};
pub use scrub::{Budget, Ended, Reached, Scrubbed, scrub};

use crate::ports::{Accounts, Failure, Footprint, Model, PieceState, PieceStore as _, Ports};

/// The code of what was kept whole and is not any more.
pub const DAMAGED: Code = Code::new("library", "damaged");

/// What to do about pieces that are bad or missing.
const MEND_PIECES: Advice = Advice::new(
    "Repair the model from peers that have it, or share the same file again: only the pieces that \
     are bad or missing are taken in.",
)
.by(Remedy::Repair);

/// That no sound manifest of a model is kept, as one clause.
pub const LACKS_MANIFEST: &str = "the manifest of the model is damaged or gone from the library";

/// What to do about that.
pub const MEND_MANIFEST: &str = "Import the model again, or share the same file again: either \
                                 writes the manifest anew. If you still have the manifest that you \
                                 handed out, give that one, so that offers stay good.";

/// What is kept on this machine at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Every model, by name and version.
    pub models: Vec<Kept>,
    /// Where the store's bytes are.
    pub accounts: Accounts,
    /// The models that have a quota of their own, which all their versions share.
    pub quotas: BTreeMap<Id, u64>,
}

/// A model, and what follows from its pieces.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The model.
    pub model: Model,
    /// How many of its bytes are kept.
    pub kept_bytes: u64,
    /// How many pieces were kept and found to be bad; they count as missing.
    pub corrupt: u32,
}

/// How a model is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Pieces were found to be bad, it was whole once and is not now, or its manifest is bad.
    Damaged,
    /// Pieces are missing that were never here together.
    Incomplete,
    /// Every piece is kept.
    Whole,
}

impl State {
    /// How a model is kept of which so many pieces are corrupt.
    fn of(model: &Model, corrupt: u32) -> Self {
        match corrupt {
            _ if model.have.is_full() => Self::Whole,
            0 if model.last_verified.is_none() => Self::Incomplete,
            _ => Self::Damaged,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Incomplete => "incomplete",
            Self::Whole => "whole",
        }
    }
}

impl Kept {
    /// How it is kept.
    pub fn state(&self) -> State {
        State::of(&self.model, self.corrupt)
    }

    /// How many pieces it takes to have it whole, corrupt ones among them.
    pub fn missing(&self) -> u32 {
        self.model.geometry.piece_count().saturating_sub(self.model.have.count())
    }
}

/// Looks at everything that is kept.
///
/// # Errors
///
/// [`Failure`] if the store fails.
pub async fn snapshot<P: Ports>(ports: &P) -> Result<Snapshot, Failure> {
    let store = ports.store();
    let found = store.models().await?;
    let mut models = Vec::with_capacity(found.len());
    for model in found {
        let (kept_bytes, corrupt) = if model.have.is_full() {
            (model.geometry.byte_count(), 0)
        } else {
            // Only of a model that is not whole can a piece be corrupt.
            let map = store.map(model.artifact).await?.unwrap_or_default();
            let corrupt = map.iter().filter(|state| **state == PieceState::Corrupt).count();
            (kept_bytes(&model), u32::try_from(corrupt).unwrap_or(u32::MAX))
        };
        models.push(Kept { model, kept_bytes, corrupt });
    }
    let (accounts, quotas) = (store.accounts().await?, store.model_quotas().await?);
    Ok(Snapshot { models, accounts, quotas })
}

/// How many of a model's bytes are kept.
pub fn kept_bytes(model: &Model) -> u64 {
    model.have.pieces(&model.geometry).map(|piece| u64::from(model.geometry.length(piece))).sum()
}

/// What an artifact takes on the disk; `None` if it is not kept.
///
/// # Errors
///
/// [`Failure`] if the store fails.
pub async fn footprint<P: Ports>(
    ports: &P,
    artifact: Sha256,
) -> Result<Option<Footprint>, Failure> {
    let all = ports.store().footprints().await?;
    Ok(all.into_iter().find(|footprint| footprint.artifact == artifact))
}

/// Reads a manifest that was verified when its artifact came in, as leniently as it can have been
/// read then.
fn read_manifest(bytes: &Bytes) -> Result<Arc<Manifest>, ManifestError> {
    let options = Options { unknown_keys: UnknownKeys::Warn, ..Options::default() };
    Manifest::parse(bytes, options).map(Arc::new)
}
