//! Why a model was not repaired.

use std::borrow::Cow;

use verifier::scalars::Label;
use verifier::{Advice, Code, Remedy};

use crate::blame::{Blame, Blamed, CONSENT_DENIED, IO_FAILED, machine_advice};
use crate::import::ImportError;
use crate::library::{Checked, DAMAGED, LACKS_MANIFEST, MEND_MANIFEST};
use crate::ports::{Failure, JournalError, Lie, ReserveError};

/// Why a model was not repaired. What was kept stays kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// Nothing is missing.
    #[error("nothing is missing of the model")]
    Whole,
    /// The model is not in the library any more.
    #[error("the model was forgotten meanwhile")]
    Forgotten,
    /// No sound manifest is kept.
    #[error("{LACKS_MANIFEST}")]
    LacksManifest,
    /// None of those who are meant is a peer that is known to have the model.
    #[error("it is not known of any of your peers that it has the model")]
    NobodyKnown,
    /// Those who could be called have no address.
    #[error("no address of {0} is known")]
    NoAddress(Label),
    /// Those who are known to have the model are blocked.
    #[error("you have blocked the peers that are known to have the model, such as {0}")]
    Blocked(Label),
    /// Those who are known to have the model are banned, because they lied.
    #[error("who could give it is banned for a lie: {0} sent wrong bytes for {1}")]
    Banned(Label, Box<Lie>),
    /// The user's yes does not cover fetching.
    #[error("there is no consent to fetch this artifact")]
    NoConsent,
    /// The user stopped it.
    #[error("the repair was stopped")]
    Stopped,
    /// The store has no room, or imports the model at the moment.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The consent log says no, or cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Not all pieces could be fetched and kept.
    #[error(transparent)]
    Fetch(#[from] ImportError),
    /// All pieces came, and the check after that found some bad or lost again.
    #[error("all pieces came, and the check after that found the model {}", .0.state.as_str())]
    NotWhole(Box<Checked>),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
}

impl Blamed for RepairError {
    fn blame(&self) -> Blame {
        match self {
            Self::Whole | Self::Forgotten | Self::LacksManifest => Blame::Input,
            Self::NobodyKnown
            | Self::NoAddress(_)
            | Self::Blocked(_)
            | Self::Banned(..)
            | Self::NoConsent => Blame::Refused,
            Self::Reserve(error) => error.blame(),
            Self::Journal(error) => error.blame(),
            Self::Fetch(error) => error.blame(),
            Self::Stopped | Self::NotWhole(_) | Self::Store(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Whole | Self::Forgotten => Code::new("usage", "arguments"),
            Self::LacksManifest | Self::NotWhole(_) => DAMAGED,
            Self::NobodyKnown | Self::NoAddress(_) | Self::Blocked(_) | Self::Banned(..) => {
                Code::new("library", "no-giver")
            }
            Self::NoConsent => CONSENT_DENIED,
            Self::Reserve(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::Stopped | Self::Store(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Whole | Self::Forgotten => "model".into(),
            Self::LacksManifest => "manifest".into(),
            Self::NobodyKnown | Self::NoAddress(_) | Self::Blocked(_) | Self::Banned(..) => {
                "from".into()
            }
            Self::NoConsent => "fetch".into(),
            Self::Stopped => "-".into(),
            Self::NotWhole(_) => "pieces".into(),
            Self::Reserve(error) => error.field(),
            Self::Journal(error) => error.field(),
            Self::Fetch(error) => error.field(),
            Self::Store(_) => "store".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Whole => "Check it again to see whether all that is kept is sound.".into(),
            Self::Forgotten => "Import it again, if you want it back.".into(),
            Self::LacksManifest => MEND_MANIFEST.into(),
            Self::NobodyKnown => {
                let what = "Share the same file again, if you have it: only the pieces that are bad \
                            or missing are taken in. Else name the peers that have it; they have to \
                            share it with you.";
                Advice::new(what).by(Remedy::RepairFrom)
            }
            Self::NoAddress(_) => {
                Advice::new("Ask for a new ticket, and pair by it once more: it says where to call.")
                    .by(Remedy::Pair)
            }
            Self::Blocked(_) => {
                Advice::new("Unblock one of them, if you want to fetch from it, or name another peer.")
                    .by(Remedy::Unblock)
            }
            Self::Banned(..) => Advice::new(
                "Name another peer. Lift the ban only if you know why the bytes were wrong, and that \
                 they will not be again.",
            )
            .by(Remedy::Unban),
            Self::NoConsent => "Try again and say yes, if you want this to happen.".into(),
            Self::Stopped => "Repair it again when you like: what came is kept.".into(),
            Self::Reserve(error) => error.advice(),
            Self::Journal(error) => error.advice(),
            Self::Fetch(error) => error.advice(),
            Self::NotWhole(_) => {
                "Check the disk's health, and repair the model once more: what was written does not \
                 come back as it was."
                    .into()
            }
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}
