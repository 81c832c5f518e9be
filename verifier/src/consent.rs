//! The consent log: every yes of the user, and every yes taken back (docs/formats.md 13).
//!
//! Append-only and local; each line names the digest of the line before it. A line has at most
//! 4,096 bytes; a log has no limit, and takes memory in proportion to its grants.
//!
//! ```
//! use verifier::Sha256;
//! use verifier::consent::{Act, ConsentLog, GrantTerms, Query, Scope};
//! use verifier::scalars::{Id, UtcTime};
//!
//! let granted = UtcTime::parse("2026-01-31T12:00:00Z")?;
//! let (model_id, artifact_sha256) = (Id::parse("tiny")?, Sha256::of(b"artifact"));
//! let terms = GrantTerms {
//!     id: Id::parse("grant-1")?,
//!     act: Act::Import,
//!     model_id: model_id.clone(),
//!     artifact_sha256,
//!     scope: Scope::None,
//!     byte_limit: 20_352,
//!     granted,
//!     expires: granted.plus(3_600),
//! };
//! let mut log = ConsentLog::empty();
//! let line = log.grant_line(&terms)?;
//! log.extend(&line)?;
//!
//! let (act, bytes) = (Act::Import, 20_352);
//! let query = Query { act, model_id: &model_id, artifact_sha256, peer: None, bytes };
//! assert_eq!(log.allow(&query, granted, |_| 0)?.id().as_str(), "grant-1");
//! // Bytes that were moved before count against the limit, and a grant is over at its end.
//! assert!(log.allow(&query, granted, |_| 1).is_err());
//! assert!(log.allow(&query, granted.plus(3_600), |_| 0).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod log;
mod record;

use std::fmt;

pub use error::{ConsentError, Denial};
pub use log::ConsentLog;

use crate::digest::Sha256;
use crate::identity::{PeerId, PeerIdError};
use crate::json::limits;
use crate::scalars::{Id, UtcTime};

/// The numbers that a consent log keeps to.
#[derive(Debug, Clone, Copy)]
pub struct ConsentLogFormat {
    /// How long a grant may last, in seconds.
    pub window: u64,
    /// The longest line, in bytes, without its LF.
    pub max_line: usize,
    /// The most bytes that one grant may cover.
    pub max_bytes: u64,
}

impl ConsentLogFormat {
    /// Version 0: one canonical JSON object a line.
    pub const V0: Self = Self {
        window: 30 * 86_400,
        max_line: limits::CONSENT_LINE,
        max_bytes: limits::MAX_INTEGER,
    };
}

/// What the user may agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Giving an artifact's bytes to a peer.
    Serve,
    /// Taking an artifact's bytes from a peer.
    Fetch,
    /// Putting an artifact among the user's files.
    Import,
    /// Keeping an artifact's bytes in the library.
    Cache,
    /// Writing an announcement.
    Publish,
}

impl Act {
    /// All acts.
    pub const ALL: [Self; 5] = [Self::Serve, Self::Fetch, Self::Import, Self::Cache, Self::Publish];

    /// The words for them, in the order of [`Self::ALL`].
    pub const WORDS: [&'static str; 5] = [
        Self::Serve.as_str(),
        Self::Fetch.as_str(),
        Self::Import.as_str(),
        Self::Cache.as_str(),
        Self::Publish.as_str(),
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Fetch => "fetch",
            Self::Import => "import",
            Self::Cache => "cache",
            Self::Publish => "publish",
        }
    }

    /// Reads the word for it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// With whom an act is agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// With this peer.
    Peer(PeerId),
    /// With any peer that is paired.
    AnyPaired,
    /// With nobody: the act stays on this machine.
    None,
}

impl Scope {
    /// Reads a peer id, `any-paired` or `none`.
    ///
    /// # Errors
    ///
    /// [`PeerIdError`] (`peer-id.…`) for any other text.
    pub fn parse(text: &str) -> Result<Self, PeerIdError> {
        match text {
            "any-paired" => Ok(Self::AnyPaired),
            "none" => Ok(Self::None),
            id => PeerId::parse(id).map(Self::Peer),
        }
    }

    /// Whether an act with this peer, or with nobody, is agreed to.
    pub fn covers(&self, peer: Option<PeerId>) -> bool {
        match (self, peer) {
            (Self::Peer(granted), Some(peer)) => *granted == peer,
            (Self::AnyPaired, Some(_)) | (Self::None, None) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(id) => fmt::Display::fmt(id, f),
            Self::AnyPaired => f.write_str("any-paired"),
            Self::None => f.write_str("none"),
        }
    }
}

/// What the user agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTerms {
    /// The grant's name, used once in a log; it must not end in `.ahead-` and digits, which a log
    /// that is ahead of the clock adds.
    pub id: Id,
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact's digest.
    pub artifact_sha256: Sha256,
    /// With whom.
    pub scope: Scope,
    /// How many bytes may move in all under the grant, at most 2^53−1.
    pub byte_limit: u64,
    /// When the user agreed.
    pub granted: UtcTime,
    /// From when on the grant is over; at most 30 days later.
    pub expires: UtcTime,
}

/// A grant as a log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    terms: GrantTerms,
    ahead: u64,
    revoked: Option<UtcTime>,
}

impl Grant {
    /// What the user agreed to.
    pub const fn terms(&self) -> &GrantTerms {
        &self.terms
    }

    /// The grant's name.
    pub const fn id(&self) -> &Id {
        &self.terms.id
    }

    /// The act.
    pub const fn act(&self) -> Act {
        self.terms.act
    }

    /// The model's name.
    pub const fn model_id(&self) -> &Id {
        &self.terms.model_id
    }

    /// The artifact's digest.
    pub const fn artifact_sha256(&self) -> Sha256 {
        self.terms.artifact_sha256
    }

    /// With whom.
    pub const fn scope(&self) -> Scope {
        self.terms.scope
    }

    /// How many bytes may move in all under the grant.
    pub const fn byte_limit(&self) -> u64 {
        self.terms.byte_limit
    }

    /// When the user agreed.
    pub const fn granted(&self) -> UtcTime {
        self.terms.granted
    }

    /// By how many seconds its line is dated later than [`Self::granted`], because the line before
    /// it was ahead of the clock.
    pub const fn ahead(&self) -> u64 {
        self.ahead
    }

    /// From when on the grant is over.
    pub const fn expires(&self) -> UtcTime {
        self.terms.expires
    }

    /// When the user took it back, if so.
    pub const fn revoked(&self) -> Option<UtcTime> {
        self.revoked
    }

    /// Whether it is neither taken back, nor over, nor yet to start.
    pub fn is_live(&self, now: UtcTime) -> bool {
        self.ended(now).is_none()
    }

    fn ended(&self, now: UtcTime) -> Option<Denial> {
        match self.revoked {
            Some(time) => Some(Denial::Revoked(time)),
            None if now < self.terms.granted => Some(Denial::Ahead(self.terms.granted)),
            None if self.terms.expires <= now => Some(Denial::Over(self.terms.expires)),
            None => None,
        }
    }

    /// Why so many bytes more may not move under it; nothing if they may.
    fn denial(&self, bytes: u64, now: UtcTime, used: impl Fn(&Id) -> u64) -> Option<Denial> {
        self.ended(now).or_else(|| {
            let limit = self.terms.byte_limit;
            let left = limit.checked_sub(used(&self.terms.id));
            let is_enough = left.is_some_and(|left| bytes <= left);
            (!is_enough).then(|| Denial::UsedUp { bytes, left: left.unwrap_or(0), limit })
        })
    }
}

/// An act that somebody is about to do.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: &'a Id,
    /// The artifact's digest.
    pub artifact_sha256: Sha256,
    /// The peer it is done with, if any.
    pub peer: Option<PeerId>,
    /// How many bytes will move now.
    pub bytes: u64,
}
