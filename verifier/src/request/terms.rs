//! What offers, tickets, requests and announcements say alike, and the rules on it.

use crate::advice::Advice;
use crate::boundary::{AddressError, PeerAddress};
use crate::code::Code;
use crate::digest::{ChunkAlgorithm, Root, Sha256};
use crate::excerpt::Excerpt;
use crate::geometry::{CHUNK_LIMITS, Geometry};
use crate::identity::{Context, PeerId, PeerIdError};
use crate::request::PeerMessages;
use crate::scalars::{Kind, ScalarError, UtcTime};

/// A member or key of a peer message that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("value of `{}` does not fit: {fault}", Excerpt(field))]
pub struct TermError {
    field: String,
    #[source]
    fault: TermFault,
}

impl TermError {
    pub(crate) fn new(field: impl Into<String>, fault: TermFault) -> Self {
        Self { field: field.into(), fault }
    }

    /// The code, under the prefix of the message.
    pub const fn code(&self, prefix: &'static str) -> Code {
        Code::new(prefix, self.fault.suffix())
    }

    /// The member or key.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule that it breaks.
    pub const fn fault(&self) -> &TermFault {
        &self.fault
    }

    /// What a person can do about it who was given the message; `otherwise` if it is wrong in
    /// itself.
    pub(crate) fn advice(&self, otherwise: Advice) -> Advice {
        let text = match &self.fault {
            TermFault::Expired { .. } => "Ask for a fresh one: this one has run out.",
            TermFault::NotYetValid { .. } => {
                "Check the clock of this machine, and of the one that made it: it starts in the future."
            }
            TermFault::Address(error) if error.is_unsafe() => {
                "Ask for one with the address of a person's own machine; project servers and model \
                 hubs never send artifact bytes."
            }
            TermFault::Signature => {
                "Do not use it: it was changed on the way, or is by somebody else. Ask for it again, \
                 by a way you trust."
            }
            _ => return otherwise,
        };
        match (&self.fault, otherwise.remedy()) {
            (TermFault::NotYetValid { .. }, _) | (_, None) => Advice::new(text),
            (_, Some(remedy)) => Advice::new(text).by(remedy),
        }
    }
}

/// What may be wrong with a term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermFault {
    /// The peer id does not decode.
    #[error(transparent)]
    PeerId(#[from] PeerIdError),
    /// There are too few addresses, too many, or others than the count says.
    #[error(
        "`{}` addresses, expected 1 to {} under as many keys",
        Excerpt(.0),
        PeerMessages::V0.max_addresses
    )]
    AddressCount(String),
    /// An address is malformed or must not be called.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// An address stands there twice.
    #[error("address `{}` is there twice, expected once", Excerpt(.0))]
    DuplicateAddress(String),
    /// The artifact is empty or too long.
    #[error("`{}`, expected 1 to {} bytes", Excerpt(.0), CHUNK_LIMITS.max_bytes)]
    ByteCount(String),
    /// The chunk size is not allowed.
    #[error("`{}`, expected {}", Excerpt(.0), CHUNK_LIMITS.sizes())]
    ChunkSize(String),
    /// The chunk count does not follow from the other numbers, or is too large.
    #[error(
        "`{}`, expected the length over the chunk size, rounded up, and at most {}",
        Excerpt(.0),
        CHUNK_LIMITS.max_count
    )]
    ChunkCount(String),
    /// The set of pieces is malformed or leads past the artifact's end.
    #[error(
        "expected `all`, or 1 to {} ascending runs with gaps, within the artifact's pieces",
        PeerMessages::V0.max_ranges
    )]
    Pieces,
    /// The time window is empty or too long.
    #[error(
        "window from {start} to {end}, expected an end after the start by at most {limit} seconds"
    )]
    Validity {
        /// Where it starts.
        start: UtcTime,
        /// Where it ends.
        end: UtcTime,
        /// How long it may be, in seconds.
        limit: u64,
    },
    /// The signature does not verify.
    #[error("signature does not verify with the key of the peer id over the rest")]
    Signature,
    /// The window has not started.
    #[error("valid from {start} on, but it is {now}")]
    NotYetValid {
        /// From when on.
        start: UtcTime,
        /// The time that the caller gave.
        now: UtcTime,
    },
    /// The window is over.
    #[error("valid until {end}, but it is {now}")]
    Expired {
        /// Until when.
        end: UtcTime,
        /// The time that the caller gave.
        now: UtcTime,
    },
}

impl TermFault {
    const fn suffix(&self) -> &'static str {
        match self {
            Self::PeerId(_) => "bad-peer-id",
            Self::AddressCount(_) => "address-count",
            Self::Address(error) => error.document_suffix(),
            Self::DuplicateAddress(_) => "duplicate-address",
            Self::ByteCount(_) => "byte-count",
            Self::ChunkSize(_) => "chunk-size",
            Self::ChunkCount(_) => "chunk-count",
            Self::Pieces => "pieces",
            Self::Validity { .. } => "bad-validity",
            Self::Signature => "signature",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
        }
    }
}

/// Addresses read so far, all different.
pub(crate) struct AddressList(Vec<PeerAddress>);

impl AddressList {
    /// Takes the count of addresses to come, which is judged before any of them.
    pub(crate) fn of(field: &str, count: usize) -> Result<Self, TermError> {
        if (1..=PeerMessages::V0.max_addresses).contains(&count) {
            Ok(Self(Vec::with_capacity(count)))
        } else {
            Err(TermError::new(field, TermFault::AddressCount(count.to_string())))
        }
    }

    pub(crate) fn push(&mut self, field: &str, text: &str) -> Result<(), TermError> {
        let address =
            PeerAddress::parse(text).map_err(|error| TermError::new(field, error.into()))?;
        if self.0.contains(&address) {
            return Err(TermError::new(field, TermFault::DuplicateAddress(text.to_owned())));
        }
        self.0.push(address);
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<PeerAddress> {
        self.0
    }
}

pub(crate) fn read_peer_id(field: &str, text: &str) -> Result<PeerId, TermError> {
    PeerId::parse(text).map_err(|error| TermError::new(field, error.into()))
}

pub(crate) fn check_byte_count(field: &str, count: u64) -> Result<u64, TermError> {
    if (1..=CHUNK_LIMITS.max_bytes).contains(&count) {
        Ok(count)
    } else {
        Err(TermError::new(field, TermFault::ByteCount(count.to_string())))
    }
}

pub(crate) fn check_chunk_size(field: &str, size: u64) -> Result<u32, TermError> {
    u32::try_from(size)
        .ok()
        .filter(|_| CHUNK_LIMITS.allows_size(size))
        .ok_or_else(|| TermError::new(field, TermFault::ChunkSize(size.to_string())))
}

pub(crate) fn check_chunk_count(
    field: &str,
    count: u64,
    byte_count: u64,
    chunk_size: u32,
) -> Result<Geometry, TermError> {
    Geometry::new(byte_count, chunk_size)
        .ok()
        .filter(|geometry| u64::from(geometry.piece_count()) == count)
        .ok_or_else(|| TermError::new(field, TermFault::ChunkCount(count.to_string())))
}

pub(crate) fn read_sha256(text: &str) -> Result<Sha256, ScalarError> {
    Sha256::parse(text).ok_or_else(|| ScalarError::new(Kind::Sha256, text))
}

pub(crate) fn read_algorithm(text: &str) -> Result<ChunkAlgorithm, ScalarError> {
    ChunkAlgorithm::parse(text).ok_or_else(|| ScalarError::not_one_of(&ChunkAlgorithm::WORDS, text))
}

pub(crate) fn read_root(algorithm: ChunkAlgorithm, text: &str) -> Result<Root, ScalarError> {
    Root::parse(text, algorithm).ok_or_else(|| ScalarError::new(Kind::Root, text))
}

/// Start before end, and no more than `limit` seconds from one to the other.
pub(crate) fn check_window(
    field: &str,
    start: UtcTime,
    end: UtcTime,
    limit: u64,
) -> Result<(), TermError> {
    if start < end && end.since(start) <= limit {
        Ok(())
    } else {
        Err(TermError::new(field, TermFault::Validity { start, end, limit }))
    }
}

pub(crate) fn check_signature(
    field: &str,
    by: PeerId,
    context: Context,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), TermError> {
    by.public_key()
        .verify(context, message, signature)
        .map_err(|_| TermError::new(field, TermFault::Signature))
}

/// The clock rule; `fields` name the start and the end.
pub(crate) fn check_clock(
    fields: [&str; 2],
    start: UtcTime,
    end: UtcTime,
    now: UtcTime,
) -> Result<(), TermError> {
    let [start_field, end_field] = fields;
    if start > now.plus(PeerMessages::V0.clock_skew) {
        Err(TermError::new(start_field, TermFault::NotYetValid { start, now }))
    } else if now >= end {
        Err(TermError::new(end_field, TermFault::Expired { end, now }))
    } else {
        Ok(())
    }
}
