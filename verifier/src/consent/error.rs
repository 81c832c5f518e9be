//! What may be wrong with a log, and what is not agreed to.

use std::borrow::Cow;

use crate::advice::{Advice, Remedy};
use crate::byte_count::ByteCount;
use crate::code::{Code, Coded};
use crate::consent::Act;
use crate::digest::Sha256;
use crate::json::JsonError;
use crate::request::TermError;
use crate::scalars::{Id, UtcTime};

/// What to do about a log that does not hold.
const LOG_IS_BROKEN: Advice = Advice::new(
    "Something else than this program changed consent.log or damaged it, so nothing is allowed by it \
     any more. Do not delete it: it is the only record of what you agreed to. To go on, put an unchanged copy back if you have one; else rename the \
     file, for example to consent.log.broken, so that a new log begins in which every yes is asked \
     for again.",
);

/// Why a consent log is refused, or an act is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// A line is not the JSON object that a record is.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// One of a record's terms breaks a rule.
    #[error(transparent)]
    Term(#[from] TermError),
    /// A line has another spelling than the canonical one.
    #[error("line is not canonical JSON: expected members sorted by name and no white space")]
    NotCanonical,
    /// A record's number is not that of its line.
    #[error("seq is {found}, expected {line}, the number of its line")]
    Sequence {
        /// The record's number.
        found: u64,
        /// The line's number, from 0.
        line: u64,
    },
    /// A record does not follow the line before it.
    #[error("prev is {found}, expected {wanted}, the digest of the line before")]
    Chain {
        /// The digest that it names.
        found: Sha256,
        /// The digest of the line before it.
        wanted: Sha256,
    },
    /// A record is older than the one before it.
    #[error("time_utc is {found}, expected {before} or later, as the line before has it")]
    TimeOrder {
        /// The record's time.
        found: UtcTime,
        /// The time of the one before it.
        before: UtcTime,
    },
    /// A grant has the name of an earlier one.
    #[error("grant_id is `{0}`, expected one that no earlier grant has")]
    DuplicateGrant(Id),
    /// A revocation names no grant, or one that is revoked.
    #[error("grant_id is `{0}`, expected that of an earlier grant that is not revoked")]
    UnknownGrant(Id),
    /// The last line has no LF: writing it was interrupted.
    #[error("last line has no LF: the log is whole up to byte {at}")]
    Torn {
        /// Where the torn rest starts; its owner may cut it off there and go on.
        at: u64,
    },
    /// No live grant covers the act.
    #[error("the yes to {act} `{model_id}` {why}")]
    Denied {
        /// The act.
        act: Act,
        /// The model's name.
        model_id: Id,
        /// What became of the grants for the act: of the newest, unless one that is live is used up.
        why: Denial,
    },
}

/// Why a grant does not cover an act; the text is read after what was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// There is no grant for it.
    #[error("was not given")]
    NotGiven,
    /// The user took it back.
    #[error("was taken back at {0}")]
    Revoked(UtcTime),
    /// Its end has come.
    #[error("is over: it ended at {0}")]
    Over(UtcTime),
    /// It was given by a clock that was ahead.
    #[error("does not count yet: it was given by a clock that said {0}")]
    Ahead(UtcTime),
    /// Its bytes have moved, or are about to.
    #[error(
        "is used up: {} left of its {}, and {} {} to move",
        ByteCount(*.left),
        ByteCount(*.limit),
        ByteCount(*.bytes),
        if *.bytes == 1 { "was" } else { "were" }
    )]
    UsedUp {
        /// How many bytes were to move.
        bytes: u64,
        /// How many may still move.
        left: u64,
        /// How many could from the beginning.
        limit: u64,
    },
}

impl Denial {
    const fn advice(self) -> Advice {
        let advice = match self {
            Self::NotGiven => {
                return Advice::new("Try again and say yes, if you want this to happen.");
            }
            Self::Revoked(_) => {
                "You, or another program of yours, took it back. Try again and say yes, if you want this to happen after all."
            }
            Self::Over(_) => "Try again and say yes anew, for longer if this takes longer.",
            Self::Ahead(_) => "Set this machine's clock right, or try again and say yes anew.",
            Self::UsedUp { .. } => "Try again and say yes anew: that covers what is still to move.",
        };
        Advice::new(advice).by(Remedy::SeeGrants)
    }
}

impl Coded for ConsentError {
    fn code(&self) -> Code {
        let suffix = match self {
            Self::Json(error) => return error.code("consent"),
            Self::Term(error) => return error.code("consent"),
            Self::NotCanonical => "not-canonical",
            Self::Sequence { .. } => "sequence",
            Self::Chain { .. } => "chain",
            Self::TimeOrder { .. } => "time-order",
            Self::DuplicateGrant(_) => "duplicate-grant",
            Self::UnknownGrant(_) => "unknown-grant",
            Self::Torn { .. } => "torn",
            Self::Denied { .. } => "denied",
        };
        Code::new("consent", suffix)
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Json(error) => error.field(),
            Self::Term(error) => error.field(),
            Self::Sequence { .. } => "seq",
            Self::Chain { .. } => "prev",
            Self::TimeOrder { .. } => "time_utc",
            Self::DuplicateGrant(_) | Self::UnknownGrant(_) => "grant_id",
            Self::Denied { .. } => "action",
            Self::NotCanonical | Self::Torn { .. } => "-",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Denied { why, .. } => why.advice(),
            Self::Torn { .. } => Advice::new(
                "A crash leaves such a rest. It counts for nothing, and the next line takes its place.",
            ),
            // Whoever was to write such a line says more: it is known there what was asked for.
            _ => LOG_IS_BROKEN,
        }
    }
}
