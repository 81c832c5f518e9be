//! Puts a model that is kept whole into a folder, as a file with its receipt.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use verifier::artifact::ArtifactError;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::manifest::ManifestError;
use verifier::piece::Source;
use verifier::receipt::{Facts, Receipt, ReceiptError, Transfer};
use verifier::scalars::UtcTime;
use verifier::{Advice, Code, Coded as _, PieceIndex, Sha256};

use super::{DAMAGED, LACKS_MANIFEST, MEND_MANIFEST, MEND_PIECES, State};
use crate::assemble::{
    AssembleError, Assembling, Assembly, OnFull, Pace, mark_wrong, whole_advice,
};
use crate::blame::{Blame, Blamed, IO_FAILED, is_unwritable, machine_advice};
use crate::import::{GOOD, Settings};
use crate::lease::Hold;
use crate::naming::short_peer;
use crate::ports::{
    Clock as _, Draft as _, Failure, Journal as _, Named, OutputError, Outputs as _, PieceState,
    PieceStore as _, Ports, ReadError, ReserveError, Standing, Stem, Way,
};
use crate::problem::Problem;
use crate::sources::sources;

/// How often it is told how far the output is.
const GLANCE: Duration = Duration::from_millis(50);

/// Why a model was not put into a folder. No file is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The model is not kept.
    #[error("there is no artifact {0} in the library")]
    Unknown(Sha256),
    /// Pieces are missing.
    #[error("{missing} of {pieces} pieces are missing")]
    Incomplete {
        /// How many.
        missing: u32,
        /// Of how many.
        pieces: u32,
    },
    /// Pieces are bad or lost from a model that was whole.
    #[error("the model is damaged: {bad} of {pieces} pieces are bad or lost")]
    Damaged {
        /// How many.
        bad: u32,
        /// Of how many.
        pieces: u32,
    },
    /// No sound manifest is kept.
    #[error("{LACKS_MANIFEST}")]
    LacksManifest,
    /// The manifest that is kept is not valid.
    #[error("the manifest in the library is not valid")]
    Manifest(#[source] ManifestError),
    /// The output cannot be placed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// It does not fit where it is to be put.
    #[error(transparent)]
    Room(#[from] ReserveError),
    /// A kept piece cannot be read.
    #[error("piece {index} cannot be read from the library")]
    Read {
        /// The piece.
        index: u32,
        /// Why.
        source: ReadError,
    },
    /// The whole is not what the manifest names.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The receipt could not be made.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The work ended early.
    #[error("the work ended early")]
    Cancelled,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
}

impl From<AssembleError> for ExportError {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Output(error) => Self::Output(error),
            AssembleError::Read { index, source } => Self::Read { index, source },
            AssembleError::Artifact(error) => Self::Artifact(error),
            AssembleError::Cancelled => Self::Cancelled,
        }
    }
}

impl Blamed for ExportError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unknown(_)
            | Self::Incomplete { .. }
            | Self::Damaged { .. }
            | Self::LacksManifest
            | Self::Manifest(_)
            | Self::Receipt(_) => Blame::Input,
            Self::Output(error) => error.blame(),
            Self::Room(error) => error.blame(),
            Self::Artifact(error) if error.code() == IO_FAILED => Blame::Machine,
            Self::Artifact(_) => Blame::Input,
            Self::Read { .. } | Self::Cancelled | Self::Store(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Unknown(_) | Self::Incomplete { .. } => Code::new("usage", "arguments"),
            Self::Damaged { .. } | Self::LacksManifest => DAMAGED,
            Self::Manifest(error) => error.code(),
            Self::Output(error) => error.code(),
            Self::Room(error) => error.code(),
            Self::Artifact(error) => error.code(),
            Self::Receipt(error) => error.code(),
            Self::Read { .. } | Self::Cancelled | Self::Store(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Unknown(_) | Self::Incomplete { .. } | Self::Damaged { .. } => "model".into(),
            Self::LacksManifest => "manifest".into(),
            Self::Manifest(error) => error.field(),
            Self::Output(error) => error.field(),
            Self::Room(error) => error.field(),
            Self::Artifact(error) => error.field(),
            Self::Receipt(error) => error.field(),
            Self::Read { index, .. } => format!("piece.{index}").into(),
            Self::Cancelled | Self::Store(_) => "store".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Unknown(_) => "It was forgotten or given up for another: import it again.".into(),
            Self::Incomplete { .. } => {
                "Import the model again: only the missing pieces are fetched.".into()
            }
            Self::Damaged { .. } => MEND_PIECES,
            Self::LacksManifest | Self::Manifest(_) => MEND_MANIFEST.into(),
            Self::Output(error) => error.advice(),
            Self::Room(error) => error.advice(),
            Self::Artifact(error) => whole_advice(error),
            Self::Receipt(error) => error.advice(),
            Self::Read { .. } => {
                "Import the model again, or share the same file again: only that piece is taken in. \
                 Check the disk's health."
                    .into()
            }
            Self::Cancelled => "Try it again. No file was left behind.".into(),
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}

/// What happens while a model is put into a folder, in the order it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// So many of so many pieces are in the output.
    Written {
        /// Pieces written.
        done: u32,
        /// Pieces in all.
        of: u32,
    },
    /// The whole is verified; artifact and receipt get their names.
    Naming,
}

/// A model that was put into a folder.
#[derive(Debug)]
pub struct Exported {
    /// Where artifact and receipt are.
    pub named: Named,
    /// How the artifact came there.
    pub way: Way,
    /// The receipt, which tells of the peers that gave the pieces; of a local file if none did.
    pub receipt: Receipt,
    /// That peers gave bytes of it once, and whether pieces here came so is not known; as a
    /// sentence.
    pub forgotten: Option<String>,
    /// What failed after both files had their names. The export is good all the same.
    pub trouble: Option<Problem>,
}

/// Puts a model that is kept whole into a folder, as `<stem>.slm` with its receipt.
///
/// The output is read back and verified as a whole before it gets its name. Nothing moves between
/// machines, so no consent is used up: that a person named the folder is enough. Dropping the
/// future ends the work within one piece and leaves no file, unless both are being named.
///
/// # Errors
///
/// [`ExportError`]; no file is left behind.
pub async fn export<P: Ports>(
    ports: &P,
    artifact: Sha256,
    folder: PathBuf,
    settings: Settings,
    mut on: impl FnMut(Event) + Send,
) -> Result<Exported, ExportError> {
    let store = ports.store();
    let _hold = Hold::take(store, artifact);
    let model = store.model(artifact).await.map_err(ExportError::Store)?;
    let model = model.ok_or(ExportError::Unknown(artifact))?;
    let pieces = model.geometry.piece_count();
    if !model.have.is_full() {
        let missing = pieces.saturating_sub(model.have.count());
        let map = store.map(artifact).await.map_err(ExportError::Store)?.unwrap_or_default();
        let bad = map.iter().filter(|state| **state == PieceState::Corrupt).count();
        return Err(match State::of(&model, u32::try_from(bad).unwrap_or(u32::MAX)) {
            State::Damaged => ExportError::Damaged { bad: missing, pieces },
            State::Incomplete | State::Whole => ExportError::Incomplete { missing, pieces },
        });
    }
    let manifest = store.manifest(artifact).await.map_err(ExportError::Store)?;
    let manifest = manifest.ok_or(ExportError::LacksManifest)?;
    let manifest = super::read_manifest(&manifest).map_err(ExportError::Manifest)?;
    let stem = Stem::new(&model.model_id, &model.model_version);
    ports.outputs().check(&folder, &stem)?;
    ports.outputs().has_room(&folder, model.geometry.byte_count())?;

    let file_name = stem.artifact();
    let assembling = Assembling::start(Assembly {
        outputs: Arc::clone(ports.outputs()),
        folder,
        stem,
        manifest,
        geometry: model.geometry,
        rule: settings.rule,
        pace: Pace::Foreground,
        full: OnFull::Fail,
    });
    if let Some(list) = store.list(artifact).await.map_err(ExportError::Store)? {
        assembling.proven(&list);
    }
    assembling.reach(pieces);
    let mut glances = tokio::time::interval(GLANCE);
    while !assembling.has_ended() {
        glances.tick().await;
        on(Event::Written { done: assembling.appended(), of: pieces });
    }
    let assembled = assembling.finish().await;
    if let Err(AssembleError::Output(OutputError::Spoilt { pieces: wrong, .. })) = &assembled {
        let bad = mark_wrong(&**store, artifact, wrong).await.map_err(ExportError::Store)?;
        if bad > 0 {
            return Err(ExportError::Damaged { bad, pieces });
        }
    }
    let (mut draft, verified) = assembled?;
    let came = sources(&**store, artifact, &model.geometry).await.map_err(ExportError::Store)?;
    let came: Vec<_> = came.collect();
    let now = ports.clock().now();
    let forgotten = forgotten(ports, artifact, &came, now).await?;
    let facts = Facts {
        created_utc: now,
        verifier_version: settings.verifier_version,
        file_name: &file_name,
        transfer: Transfer::without_request(&model.geometry, came),
        signer: settings.signer.as_ref(),
    };
    let receipt = Receipt::write(&verified, &facts)?;
    let way = draft.way();
    on(Event::Naming);
    let named = tokio::task::spawn_blocking(move || {
        draft.name(&verified, &receipt).map(|named| (named, receipt))
    });
    let (named, receipt) = named.await.map_err(|join| ExportError::Store(join.into()))??;
    let noted = store.verified(artifact, now).await;
    let what = "the library does not know that the model was verified";
    // A disk that is full or may only be read is told at the start.
    let noted = noted.err().filter(|failure| !is_unwritable(failure.as_ref()));
    let trouble = noted.map(|failure| Problem::late(what, &failure, GOOD));
    Ok(Exported { named, way, receipt, forgotten, trouble })
}

/// Says so if pieces count as local although peers that gave none, as far as is known, once gave
/// bytes of the artifact. Where the log of consents cannot be read there is nothing to say.
async fn forgotten<P: Ports>(
    ports: &P,
    artifact: Sha256,
    came: &[(PieceIndex, Source)],
    now: UtcTime,
) -> Result<Option<String>, ExportError> {
    if came.iter().all(|(_, source)| matches!(source, Source::Peer(_))) {
        return Ok(None);
    }
    let standing = ports.journal().standing(now).await.unwrap_or_default();
    let gave = |standing: &&Standing| {
        let Standing { grant, used, .. } = standing;
        grant.act() == Act::Fetch && grant.artifact_sha256() == artifact && *used > 0
    };
    let givers: BTreeSet<PeerId> = standing
        .iter()
        .filter(gave)
        .filter_map(|standing| match standing.grant.scope() {
            Scope::Peer(peer) => Some(peer),
            Scope::AnyPaired | Scope::None => None,
        })
        .filter(|peer| came.iter().all(|(_, source)| *source != Source::Peer(*peer)))
        .collect();
    if givers.is_empty() {
        return Ok(None);
    }
    let known = ports.store().peers().await.map_err(ExportError::Store)?;
    let name = |id: &PeerId| {
        let peer = known.iter().find(|peer| peer.id == *id);
        peer.map_or_else(|| short_peer(*id), |peer| peer.label.to_string())
    };
    let names: Vec<String> = givers.iter().map(name).collect();
    Ok(Some(format!(
        "You fetched bytes of it from {} once. Whether pieces that are here came so is not known \
         any more; the receipt counts them as local.",
        names.join(", ")
    )))
}
