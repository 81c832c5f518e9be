//! What the library keeps of a model when its import is done.

use std::sync::Arc;

use verifier::Sha256;
use verifier::consent::Act;
use verifier::piece::PieceList;

use super::{Admitted, ImportError, Plan};
use crate::ports::{Clock as _, Failure, Journal as _, OutputWay, PieceStore, Pin, Ports};
use crate::problem::Problem;

/// What is told of something that failed when both files had their names.
pub(crate) const GOOD: &str =
    "The file and its receipt are good. Check the disk of the data folder.";

/// Whether the library keeps a model that was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// The user agreed to that now.
    Keeps,
    /// It was there before, and stays, although the user did not agree to it now.
    KeptBefore,
    /// Nothing of it: the user did not agree, and it was not there.
    Forgets,
}

impl Library {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keeps => "keeps",
            Self::KeptBefore => "kept-before",
            Self::Forgets => "forgets",
        }
    }

    /// Where the pieces are kept meanwhile.
    pub(super) const fn way(self) -> OutputWay {
        match self {
            Self::Keeps | Self::KeptBefore => OutputWay::Beside,
            Self::Forgets => OutputWay::Instead,
        }
    }

    /// Whether the library will keep the model, decided before this import puts anything there.
    pub(super) async fn after<P: Ports>(
        ports: &P,
        admitted: &Admitted,
    ) -> Result<Self, ImportError> {
        if admitted.may_cache() {
            return Ok(Self::Keeps);
        }
        let artifact = admitted.plan().artifact();
        let found = ports.store().model(artifact).await.map_err(ImportError::Store)?;
        let Some(model) = found else { return Ok(Self::Forgets) };
        let standing = ports.journal().standing(ports.clock().now()).await?;
        // What nobody ever agreed to keep is there for an import that was cut off.
        let agreed = standing.iter().any(|standing| {
            standing.grant.act() == Act::Cache && standing.grant.artifact_sha256() == artifact
        });
        let was_whole = model.pin == Pin::Pinned || model.last_verified.is_some();
        Ok(if agreed || was_whole { Self::KeptBefore } else { Self::Forgets })
    }

    /// Tells the library that both files have their names; what fails now undoes nothing.
    /// `list` is the piece list, without which a model that was judged by proofs alone, as one is
    /// of which little was missing, could not be served.
    pub(super) async fn finish<P: Ports>(
        self,
        ports: &P,
        plan: &Plan,
        list: Option<Arc<PieceList>>,
    ) -> Option<Problem> {
        let (store, artifact) = (ports.store(), plan.artifact());
        let (done, what) = match self {
            Self::Keeps | Self::KeptBefore => {
                if let Err(failure) = store.verified(artifact, ports.clock().now()).await {
                    let what = "the library does not know that the model was verified";
                    return Some(Problem::late(what, &failure, GOOD));
                }
                (
                    learn(&**store, artifact, list).await,
                    "the library cannot serve the model until it is imported again",
                )
            }
            Self::Forgets => (
                store.forget(artifact).await.map(|_| ()),
                "the library still keeps the pieces, although you did not agree to that",
            ),
        };
        done.err().map(|failure| Problem::late(what, &failure, GOOD))
    }
}

async fn learn<S: PieceStore>(
    store: &S,
    artifact: Sha256,
    list: Option<Arc<PieceList>>,
) -> Result<(), Failure> {
    if let (None, Some(list)) = (store.list(artifact).await?, list) {
        store.learn(artifact, list).await?;
    }
    Ok(())
}
