//! Where consents and transfers are written down.

use std::future::Future;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use verifier::Sha256;
use verifier::consent::{Act, Grant, Scope};
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime};

use super::Failure;

/// What the user says yes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// Whom it concerns.
    pub scope: Scope,
    /// The most bytes it may move.
    pub byte_limit: u64,
    /// When it ends.
    pub expires: UtcTime,
}

/// A grant of the consent log, and what became of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The grant.
    pub grant: Grant,
    /// Bytes that moved under it so far.
    pub used: u64,
    /// Whether it still allows anything now: it is neither taken back, nor over, nor used up.
    pub live: bool,
}

impl Standing {
    /// Whether it allows anything now or will later, because it is dated ahead of the clock: it is
    /// neither taken back, nor over, nor used up.
    pub fn is_open(&self, now: UtcTime) -> bool {
        self.grant.revoked().is_none() && now < self.grant.expires() && self.left() > 0
    }

    /// From when on it allows something, if that is later than now.
    pub fn begins(&self, now: UtcTime) -> Option<UtcTime> {
        Some(self.grant.granted()).filter(|granted| self.is_open(now) && *granted > now)
    }

    /// How many bytes more it allows.
    pub const fn left(&self) -> u64 {
        self.grant.byte_limit().saturating_sub(self.used)
    }
}

/// What one act wants to move.
#[derive(Debug, Clone)]
pub struct Spend {
    /// The act.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// The peer, if one is concerned.
    pub peer: Option<PeerId>,
    /// How many bytes more.
    pub bytes: u64,
}

/// A finished or ended transfer, for the user to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: UtcTime,
    /// What happened.
    pub what: What,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact: Sha256,
    /// The peer, if one is concerned.
    pub peer: Option<PeerId>,
    /// Bytes that moved.
    pub bytes: u64,
    /// An error code, or what else there is to say, as one clause; may be empty.
    pub note: String,
}

/// What happened in a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A model was imported.
    Imported,
    /// An import ended without its model.
    Failed,
    /// A peer gave bytes in an import or a repair.
    Fetched,
    /// A peer lied and was banned.
    Banned,
    /// The user lifted the ban of a peer that had lied.
    Unbanned,
    /// A peer broke the protocol and was left out of the rest of an import.
    Faulted,
    /// A peer took bytes.
    Served,
    /// A model was given up to make room.
    Evicted,
    /// What was bad or missing of a model was fetched, and it is whole.
    Repaired,
    /// A repair ended before the model was whole.
    Unrepaired,
}

impl What {
    const ALL: [Self; 10] = [
        Self::Imported,
        Self::Failed,
        Self::Fetched,
        Self::Banned,
        Self::Unbanned,
        Self::Faulted,
        Self::Served,
        Self::Evicted,
        Self::Repaired,
        Self::Unrepaired,
    ];

    /// The word in the record of transfers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Failed => "failed",
            Self::Fetched => "fetched",
            Self::Banned => "banned",
            Self::Unbanned => "unbanned",
            Self::Faulted => "faulted",
            Self::Served => "served",
            Self::Evicted => "evicted",
            Self::Repaired => "repaired",
            Self::Unrepaired => "unrepaired",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == text)
    }
}

/// What came of checking the whole consent log, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// How many lines hold, from the first on.
    pub lines: u64,
    /// The time of the first of them.
    pub first: Option<UtcTime>,
    /// The time of the last of them.
    pub last: Option<UtcTime>,
    /// The digest of the last of them; zeros if there is none.
    pub head: Sha256,
    /// Bytes behind them that are no whole line; the next line takes their place.
    pub torn: u64,
    /// Where it breaks; `None` if the whole log holds.
    pub broken: Option<Broken>,
}

/// Where a consent log breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {rule}", self.place())]
pub struct Broken {
    /// The log.
    pub log: PathBuf,
    /// How many lines hold, from the first on.
    pub lines: u64,
    /// The first rule that the line after them breaks.
    #[source]
    pub rule: verifier::consent::ConsentError,
}

impl Broken {
    /// Up to which line the log holds.
    fn place(&self) -> String {
        let (log, next) = (self.log.display(), self.lines.saturating_add(1));
        match self.lines {
            0 => format!("the consent log {log} does not hold from its first line on"),
            1 => format!("the first line of the consent log {log} holds, line 2 does not"),
            lines => {
                format!(
                    "the first {lines} lines of the consent log {log} hold, line {next} does not"
                )
            }
        }
    }
}

/// Why the consent log could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// No live grant covers the act, or what was to be written down would be no valid line; the
    /// log itself holds.
    #[error("{}", refusal(.0))]
    Consent(verifier::consent::ConsentError),
    /// The yes was said after its own end.
    #[error("the time that you were shown is over: it ended at {0}")]
    Late(UtcTime),
    /// The log on disk is not a valid log.
    #[error(transparent)]
    Broken(Box<Broken>),
    /// The disk failed.
    #[error("the consent log or the records beside it cannot be used")]
    Failed(#[source] Failure),
}

/// What a rule of the log says to whoever was to write a line.
fn refusal(error: &verifier::consent::ConsentError) -> String {
    match error {
        verifier::consent::ConsentError::UnknownGrant(id) => {
            format!("there is no live grant `{id}`")
        }
        error => error.to_string(),
    }
}

/// Where consents and transfers are written down, append-only.
pub trait Journal: Send + Sync + 'static {
    /// Writes down the user's yes, all of it in one piece or nothing; done when it would survive a
    /// crash. `instead_of` ends with it; what of that has ended meanwhile is no hindrance.
    fn grant(
        &self,
        terms: Vec<Terms>,
        instead_of: Vec<Id>,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<Grant>, JournalError>> + Send;

    /// Takes these grants back, all of them or none; it holds for every process that uses the log,
    /// from its next ask on.
    ///
    /// # Errors
    ///
    /// [`JournalError::Consent`] with `consent.unknown-grant` if one of them is unknown or taken
    /// back already.
    fn revoke(
        &self,
        grants: Vec<Id>,
        now: UtcTime,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Every grant of the log, oldest first.
    fn standing(
        &self,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<Standing>, JournalError>> + Send;

    /// The same to look at, of a log that is broken too: then the grants of the lines that hold,
    /// none of which is live.
    fn holding(
        &self,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<Standing>, JournalError>> + Send;

    /// Checks the whole log as it is on disk, from its first line on.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be read; that it is broken is no error.
    fn chain(&self) -> impl Future<Output = Result<Chain, Failure>> + Send;

    /// Checks an act against the log as it is on disk now, and counts its bytes as used; quick.
    ///
    /// # Errors
    ///
    /// [`JournalError::Consent`] with `consent.denied` if no live grant covers the act.
    fn spend(&self, spend: &Spend, now: UtcTime) -> Result<(), JournalError>;

    /// The same for bytes that may move from now on: while they are held no other act can have
    /// them, and they count as used once they [moved](Self::moved). Quick.
    ///
    /// # Errors
    ///
    /// As [`Self::spend`].
    fn hold(&self, spend: &Spend, now: UtcTime) -> Result<(), JournalError>;

    /// Counts bytes of those that are held as used, and writes down that they moved; quick. All
    /// sums are made of what is counted here.
    ///
    /// Both are on the disk a second later, or after 16 MiB: that much is forgotten if this
    /// process is killed.
    fn moved(&self, spend: &Spend, now: UtcTime);

    /// Lets go of bytes of those that are held, because they will not move; quick.
    fn give_back(&self, spend: &Spend);

    /// Lets go of all that is held for this act with this peer and did not move; quick.
    fn let_go(&self, act: Act, artifact: Sha256, peer: Option<PeerId>);

    /// Writes down what moved until now; done when it would survive a crash.
    fn settle(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Writes down a transfer, and before it what moved until now.
    fn record(&self, record: Record) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The newest transfers, oldest first, at most `most`; what cannot be read is passed over.
    ///
    /// What one peer gave or took of one model without a longer pause is one transfer, however
    /// often it was written down ([`crate::activity::joined`]). The oldest are given up when the
    /// record would grow over 4 MiB.
    fn transfers(&self, most: usize) -> impl Future<Output = Result<Vec<Record>, Failure>> + Send;
}
