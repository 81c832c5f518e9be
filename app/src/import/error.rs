//! Why an import ended without an artifact.

use std::borrow::Cow;
use std::sync::Arc;

use verifier::artifact::ArtifactError;
use verifier::consent::Act;
use verifier::receipt::ReceiptError;
use verifier::scalars::Label;
use verifier::{Advice, Code, Coded as _, Remedy};

use crate::assemble::{AssembleError, whole_advice};
use crate::blame::{Blame, Blamed, CONSENT_DENIED, IO_FAILED, machine_advice};
use crate::library::DAMAGED;
use crate::ports::{Failure, JournalError, Lie, OutputError, PullError, ReadError, ReserveError};

/// Why an import ended without an artifact. Nothing has an output's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The manifest does not cut the artifact into pieces.
    #[error("the manifest has no chunking")]
    NoChunking,
    /// The user's yes does not cover the act.
    #[error("there is no consent to {} this artifact", .0.as_str())]
    NoConsent(Act),
    /// No peer of the request is paired with this installation.
    #[error("none of the request's peers is paired with this installation")]
    NoPairedPeer,
    /// Those peers of the request that are paired with this installation are blocked.
    #[error("you have blocked the peers of the request that you are paired with, such as {0}")]
    AllBlocked(Label),
    /// Those peers of the request that could be called are banned, because they lied.
    #[error("who could give it is banned for a lie: {0} sent wrong bytes for {1}")]
    AllBanned(Label, Box<Lie>),
    /// The user stopped it.
    #[error("the import was stopped")]
    Stopped,
    /// The output cannot be placed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The store has no room.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The consent log says no, or cannot be used.
    #[error(transparent)]
    Journal(Arc<JournalError>),
    /// The peers could not give all pieces.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The same, and this peer was banned on the way, because it lied.
    #[error("{pull}")]
    Lied {
        /// The peer.
        peer: Label,
        /// What became of all of them.
        pull: PullError,
    },
    /// The whole is not what the manifest names.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The receipt could not be made.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// So many kept pieces are not sound any more. All that were kept were checked, and these count
    /// as missing: the next run asks for a yes to fetch them.
    #[error("{}", damaged(*.0))]
    Damaged(u32),
    /// A kept piece could not be read back.
    #[error("piece {index} cannot be read from the store")]
    Read {
        /// The piece.
        index: u32,
        /// Why.
        source: ReadError,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
}

fn damaged(pieces: u32) -> String {
    match pieces {
        1 => "1 piece that was kept is damaged and counts as missing now".to_owned(),
        more => format!("{more} pieces that were kept are damaged and count as missing now"),
    }
}

impl From<AssembleError> for ImportError {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Output(error) => Self::Output(error),
            AssembleError::Read { index, source } => Self::Read { index, source },
            AssembleError::Artifact(error) => Self::Artifact(error),
            AssembleError::Cancelled => Self::Pull(PullError::Cancelled),
        }
    }
}

impl From<JournalError> for ImportError {
    fn from(error: JournalError) -> Self {
        Self::Journal(Arc::new(error))
    }
}

impl Blamed for ImportError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoChunking | Self::Receipt(_) => Blame::Input,
            Self::Artifact(error) if error.code() == IO_FAILED => Blame::Machine,
            Self::Artifact(_) => Blame::Input,
            Self::NoConsent(_) | Self::NoPairedPeer | Self::AllBlocked(_) | Self::AllBanned(..) => {
                Blame::Refused
            }
            Self::Output(error) => error.blame(),
            Self::Reserve(error) => error.blame(),
            Self::Journal(error) => error.blame(),
            Self::Pull(error) | Self::Lied { pull: error, .. } => error.blame(),
            Self::Stopped | Self::Damaged(_) | Self::Read { .. } | Self::Store(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::NoChunking => Code::new("request", "no-chunking"),
            Self::NoConsent(_) => CONSENT_DENIED,
            Self::NoPairedPeer | Self::AllBlocked(_) | Self::AllBanned(..) => {
                Code::new("request", "no-usable-offer")
            }
            Self::Output(error) => error.code(),
            Self::Reserve(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Pull(error) | Self::Lied { pull: error, .. } => error.code(),
            Self::Artifact(error) => error.code(),
            Self::Receipt(error) => error.code(),
            Self::Damaged(_) => DAMAGED,
            Self::Stopped | Self::Read { .. } | Self::Store(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::NoChunking => "chunking.algorithm".into(),
            Self::NoConsent(act) => act.as_str().into(),
            Self::NoPairedPeer | Self::AllBlocked(_) | Self::AllBanned(..) => "peer_offers".into(),
            Self::Stopped => "-".into(),
            Self::Output(error) => error.field(),
            Self::Reserve(error) => error.field(),
            Self::Journal(error) => error.field(),
            Self::Pull(error) | Self::Lied { pull: error, .. } => error.field(),
            Self::Artifact(error) => error.field(),
            Self::Receipt(error) => error.field(),
            Self::Damaged(_) => "pieces".into(),
            Self::Read { index, .. } => format!("piece.{index}").into(),
            Self::Store(_) => "store".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::NoChunking => "Ask the publisher for a manifest with a chunking group.".into(),
            Self::NoConsent(_) => "Try again and say yes, if you want this to happen.".into(),
            Self::NoPairedPeer => {
                Advice::new("Pair with one of them first, by a ticket that they give you.")
                    .by(Remedy::Pair)
            }
            Self::AllBanned(..) => Advice::new(
                "Take an offer of another peer. Lift the ban only if you know why the bytes were \
                 wrong, and that they will not be again.",
            )
            .by(Remedy::Unban),
            Self::AllBlocked(_) => {
                Advice::new("Unblock one of them, if you want to fetch from it.")
                    .by(Remedy::Unblock)
            }
            Self::Stopped => {
                "Import it again when you like: it goes on from the pieces that are kept.".into()
            }
            Self::Output(error) => error.advice(),
            Self::Reserve(error) => error.advice(),
            Self::Journal(error) => error.advice(),
            Self::Pull(error) => error.advice(),
            Self::Lied { peer, .. } => Advice::from(format!(
                "{peer} lied and is banned: no import calls it before you lift that. Take an offer \
                 of another peer; then it goes on from the pieces kept."
            ))
            .by(Remedy::Unban),
            Self::Artifact(error) => whole_advice(error),
            Self::Receipt(error) => error.advice(),
            Self::Damaged(_) => {
                "Import it again: what is damaged is fetched anew, after your yes. \
                                 Check the disk's health."
                    .into()
            }
            Self::Read { .. } => {
                "Try again: the piece is fetched anew. Check the disk's health.".into()
            }
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}
