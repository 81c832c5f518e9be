//! Why a request is refused.

use std::borrow::Cow;

use crate::advice::{Advice, Remedy};
use crate::code::{Code, Coded};
use crate::identity::PeerId;
use crate::json::JsonError;
use crate::manifest::ManifestError;
use crate::request::{OfferError, PeerMessages, TermError, TermFault};
use crate::scalars::UtcTime;

/// What to do about a request that is wrong in itself.
const MAKE_ANEW: Advice =
    Advice::new("Make a new request from the manifest and fresh offers.").by(Remedy::MakeRequest);

/// Why an import request, or what comes with it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is not the JSON object that a request is.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// One of its terms breaks a rule.
    #[error(transparent)]
    Term(#[from] TermError),
    /// There are no offers, or too many.
    #[error("peer_offers has {0} offers, expected 1 to {max}", max = PeerMessages::V0.max_offers)]
    OfferCount(usize),
    /// The user has not consented to fetch.
    #[error("consent.fetch is false, expected true: the user has not agreed")]
    ConsentMissing,
    /// The consent is dated in the future.
    #[error("consent.confirmed_utc is {0}, expected no later than now")]
    ConsentAhead(UtcTime),
    /// The manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest does not say how the artifact is cut.
    #[error(
        "chunking.algorithm of the manifest is absent or `none`, expected one: no piece could \
         be verified"
    )]
    NoChunking,
    /// The request is about something else than the manifest is.
    #[error("`{member}` is `{found}`, expected `{wanted}`, as the manifest has it")]
    Mismatch {
        /// The request's member.
        member: &'static str,
        /// What the request says.
        found: String,
        /// What the manifest says.
        wanted: String,
    },
    /// An offer is refused.
    #[error("offer {index} is refused: {source}")]
    Offer {
        /// Where the offer stands, from 0.
        index: usize,
        /// Why it is refused.
        source: OfferError,
    },
    /// An offer is about something else than the request is.
    #[error("`{member}` of offer {index} is `{found}`, expected `{wanted}`, as the request has it")]
    OfferMismatch {
        /// Where the offer stands, from 0.
        index: usize,
        /// The offer's member.
        member: &'static str,
        /// What the offer says.
        found: String,
        /// What the request says.
        wanted: String,
    },
    /// A peer has two offers.
    #[error("peer_id of offer {index} is {peer}, expected one that no earlier offer has")]
    DuplicatePeer {
        /// Where the second offer stands, from 0.
        index: usize,
        /// The peer.
        peer: PeerId,
    },
    /// Every offer is expired or not yet valid.
    #[error("every offer is expired or not yet valid, expected one that is valid now")]
    NoUsableOffer,
}

impl RequestError {
    /// The offer that is to blame, by where it stands, from 0.
    pub const fn offer(&self) -> Option<usize> {
        match self {
            Self::Offer { index, .. }
            | Self::OfferMismatch { index, .. }
            | Self::DuplicatePeer { index, .. } => Some(*index),
            _ => None,
        }
    }
}

impl Coded for RequestError {
    fn code(&self) -> Code {
        let suffix = match self {
            Self::Json(error) => return error.code("request"),
            Self::Term(error) => return error.code("request"),
            Self::Manifest(error) => return error.code(),
            Self::Offer { source, .. } => return source.code(),
            Self::OfferMismatch { .. } => return Code::new("offer", "mismatch"),
            Self::OfferCount(_) => "offer-count",
            Self::ConsentMissing | Self::ConsentAhead(_) => "consent",
            Self::NoChunking => "no-chunking",
            Self::Mismatch { member, .. } => match *member {
                "model_id" => "model-id-mismatch",
                "model_version" => "model-version-mismatch",
                "manifest_sha256" => "manifest-mismatch",
                "artifact_byte_count" => "byte-count-mismatch",
                "artifact_sha256" => "sha256-mismatch",
                _ => "chunking-mismatch",
            },
            Self::DuplicatePeer { .. } => "duplicate-peer",
            Self::NoUsableOffer => "no-usable-offer",
        };
        Code::new("request", suffix)
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Json(error) => Cow::Borrowed(error.field()),
            Self::Term(error) => Cow::Borrowed(error.field()),
            Self::Manifest(error) => error.field(),
            Self::Offer { index, source } => match source.field().as_ref() {
                "-" => Cow::Owned(format!("peer_offers[{index}]")),
                member => Cow::Owned(format!("peer_offers[{index}].{member}")),
            },
            Self::OfferMismatch { index, member, .. } => {
                Cow::Owned(format!("peer_offers[{index}].{member}"))
            }
            Self::DuplicatePeer { index, .. } => {
                Cow::Owned(format!("peer_offers[{index}].peer_id"))
            }
            Self::OfferCount(_) | Self::NoUsableOffer => Cow::Borrowed("peer_offers"),
            Self::ConsentMissing => Cow::Borrowed("consent.fetch"),
            Self::ConsentAhead(_) => Cow::Borrowed("consent.confirmed_utc"),
            Self::NoChunking => Cow::Borrowed("chunking.algorithm"),
            Self::Mismatch { member, .. } => Cow::Borrowed(member),
        }
    }

    fn advice(&self) -> Advice {
        let (text, remedy) = match self {
            Self::Manifest(error) => return error.advice(),
            // The user's own document: nobody else is to be asked for a fresh one.
            Self::Term(error) if !matches!(error.fault(), TermFault::NotYetValid { .. }) => {
                return MAKE_ANEW;
            }
            Self::Term(error) => return error.advice(MAKE_ANEW),
            Self::Json(_) | Self::OfferCount(_) | Self::ConsentMissing => return MAKE_ANEW,
            Self::ConsentAhead(_) => {
                return Advice::new(
                    "Check the clock of this machine, and of the one that made the request.",
                );
            }
            Self::NoChunking => {
                return Advice::new(
                    "Only a manifest with chunking can be imported from peers. Ask the publisher for \
                     one.",
                );
            }
            Self::Offer { .. } => (
                "Ask that peer for a new offer, and make a new request with it.",
                Remedy::AskForOffer,
            ),
            Self::Mismatch { .. } => (
                "Take the manifest that the request was made from, or make a new request from this \
                 one.",
                Remedy::MakeRequest,
            ),
            Self::OfferMismatch { .. } => (
                "Ask that peer for an offer of what this manifest names, and make a new request.",
                Remedy::AskForOffer,
            ),
            Self::DuplicatePeer { .. } => (
                "Take one offer of each peer, the newest, and make a new request.",
                Remedy::MakeRequest,
            ),
            Self::NoUsableOffer => (
                "Ask the peers for fresh offers and make a new request. If theirs are fresh, check \
                 this machine's clock.",
                Remedy::AskForOffer,
            ),
        };
        Advice::new(text).by(remedy)
    }
}
