//! Why serving could not begin or had to end.

use std::borrow::Cow;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;

use verifier::request::OfferError;
use verifier::scalars::Id;
use verifier::{Advice, Code, Coded as _, Remedy, Sha256};

use crate::blame::{self, Blame, Blamed, CONSENT_DENIED, IO_FAILED, machine_advice};
use crate::ports::{Failure, JournalError};

/// Why serving could not begin or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no such artifact in the library.
    #[error("there is no artifact {0} in the library")]
    Unknown(Sha256),
    /// The artifact's piece list is not known, so there is nothing to serve.
    #[error("no piece of {0} is kept")]
    Empty(Id),
    /// The manifest does not cut the artifact into pieces.
    #[error("the manifest has no chunking")]
    NoChunking,
    /// The offer that peers would be handed is not one.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The user's yes does not cover serving this artifact.
    #[error("there is no consent to serve this artifact")]
    NoConsent,
    /// The consent log cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
    /// The address cannot be listened on, or the network failed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: Failure,
    },
}

impl Blamed for ServeError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unknown(_) | Self::Empty(_) | Self::NoChunking | Self::Offer(_) => Blame::Input,
            Self::NoConsent => Blame::Refused,
            Self::Journal(error) => error.blame(),
            Self::Store(_) | Self::Listen { .. } => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Unknown(_) | Self::Empty(_) => Code::new("usage", "arguments"),
            Self::NoChunking => Code::new("request", "no-chunking"),
            Self::Offer(error) => error.code(),
            Self::NoConsent => CONSENT_DENIED,
            Self::Journal(error) => error.code(),
            Self::Store(_) | Self::Listen { .. } => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Unknown(_) | Self::Empty(_) => "model".into(),
            Self::NoChunking => "chunking.algorithm".into(),
            Self::Offer(error) => error.field(),
            Self::NoConsent => "serve".into(),
            Self::Journal(error) => error.field(),
            Self::Store(_) => "store".into(),
            Self::Listen { address, .. } => address.to_string().into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Unknown(_) => {
                Advice::new("See in the library what is there.").by(Remedy::SeeLibrary)
            }
            Self::Empty(_) => Advice::new("Prepare it first, or import it.").by(Remedy::SeeLibrary),
            Self::NoChunking => "Ask the publisher for a manifest with a chunking group.".into(),
            Self::Offer(_) => Advice::new(
                "Say 1 to 8 addresses, each once, at which this machine is called, and an end \
                     within 30 days.",
            )
            .by(Remedy::TellAddress),
            Self::NoConsent => "Try again and say yes, if you want this to happen.".into(),
            Self::Journal(error) => error.advice(),
            Self::Store(failure) => machine_advice(failure.as_ref()),
            Self::Listen { source, .. } => listen_advice(source.as_ref()),
        }
    }
}

fn listen_advice(failure: &(dyn Error + 'static)) -> Advice {
    Advice::new(match blame::said(failure) {
        Some(ErrorKind::AddrNotAvailable) => {
            "Choose an address that this machine has, or 0.0.0.0 for all that it has."
        }
        Some(ErrorKind::PermissionDenied) => "Choose a port from 1024 up, such as 9410.",
        _ => "Choose another port, or stop the program that uses this one.",
    })
    .by(Remedy::ListenElsewhere)
}
