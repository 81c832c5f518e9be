//! Commands on what is written down: what was agreed to, and what moved.

use serde::{Deserialize, Serialize};
use verifier::Sha256;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::scalars::{Id, Label, UtcTime};

use crate::activity::Entry;
use crate::ports::{Chain, Record, Standing, What};

/// Lists what the user said yes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListGrants {}

/// Checks the consent log line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckLog {}

/// Takes grants back, all of them or none; one that is named twice is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Which ones.
    pub grants: Vec<Id>,
}

/// Shows what was agreed to, moved and taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowActivity {
    /// At most so many entries.
    pub most: usize,
}

/// What the user said yes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Oldest first; of a broken log those of the lines that hold.
    pub grant: Vec<Grant>,
    /// How many there are.
    pub grant_count: usize,
    /// How many of them allow something now.
    pub live_count: usize,
}

/// Something that the user said yes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: Id,
    /// Whether it allows anything now.
    pub live: bool,
    /// What it allows.
    pub act: Act,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact_sha256: Sha256,
    /// Whom it concerns.
    pub peer: Scope,
    /// What that peer is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_label: Option<Label>,
    /// The most bytes that may move.
    pub byte_limit: u64,
    /// Bytes that moved.
    pub bytes_used: u64,
    /// When it was agreed to.
    pub granted_utc: UtcTime,
    /// From when on it allows something, if that is yet to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_utc: Option<UtcTime>,
    /// When it ends.
    pub expires_utc: UtcTime,
}

/// A consent log that holds, from its first line to its last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// How many lines hold.
    pub lines: u64,
    /// The time of the first of them.
    pub first_utc: Option<UtcTime>,
    /// The time of the last of them.
    pub last_utc: Option<UtcTime>,
    /// The digest of the last of them; zeros if there is none.
    pub last_sha256: Sha256,
    /// Bytes behind them that are no whole line; the next line takes their place.
    pub torn_bytes: u64,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The grants, by name.
    pub revoked: Vec<Id>,
}

/// What was agreed to, moved and taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Newest first.
    pub entry: Vec<Event>,
    /// How many there are.
    pub entry_count: usize,
}

/// Something that was agreed to, taken back or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time_utc: UtcTime,
    /// The model's name.
    pub model_id: Id,
    /// The artifact.
    pub artifact_sha256: Sha256,
    /// The peer, if one is concerned.
    pub peer: Option<PeerId>,
    /// What that peer is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_label: Option<Label>,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened: `what` names it, `detail` says more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "detail", rename_all = "lowercase")]
pub enum Happened {
    /// The user said yes.
    Granted {
        /// To what.
        grant: Grant,
    },
    /// The user took a yes back.
    Revoked {
        /// Which one.
        grant: Grant,
    },
    /// Bytes moved, or did not.
    #[serde(untagged)]
    Moved {
        /// What came of it.
        what: What,
        /// How much, and what else there is to say.
        detail: Moved,
    },
}

/// How much moved, and what else there is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Bytes that moved.
    pub bytes: u64,
    /// An error code or a clause; may be empty.
    pub note: String,
}

impl Grant {
    /// The grant as it stands now; `label` names peers.
    pub(crate) fn of(
        standing: &Standing,
        label: impl Fn(PeerId) -> Option<Label>,
        now: UtcTime,
    ) -> Self {
        let grant = &standing.grant;
        let peer_label = match grant.scope() {
            Scope::Peer(peer) => label(peer),
            Scope::AnyPaired | Scope::None => None,
        };
        Self {
            id: grant.id().clone(),
            live: standing.live,
            act: grant.act(),
            model_id: grant.model_id().clone(),
            artifact_sha256: grant.artifact_sha256(),
            peer: grant.scope(),
            peer_label,
            byte_limit: grant.byte_limit(),
            bytes_used: standing.used,
            granted_utc: grant.granted(),
            begins_utc: standing.begins(now),
            expires_utc: grant.expires(),
        }
    }

    /// Whether it allows anything, now or later.
    pub const fn is_open(&self) -> bool {
        self.live || self.begins_utc.is_some()
    }
}

impl From<Chain> for Log {
    fn from(chain: Chain) -> Self {
        Self {
            lines: chain.lines,
            first_utc: chain.first,
            last_utc: chain.last,
            last_sha256: chain.head,
            torn_bytes: chain.torn,
        }
    }
}

impl Event {
    /// The entry as it is told; `label` names peers.
    pub(crate) fn of(entry: Entry, label: impl Fn(PeerId) -> Option<Label>, now: UtcTime) -> Self {
        let (time_utc, peer) = (entry.time(), entry.peer());
        let (model_id, artifact_sha256) = (entry.model_id().clone(), entry.artifact());
        let happened = match entry {
            Entry::Granted(standing) => {
                Happened::Granted { grant: Grant::of(&standing, &label, now) }
            }
            Entry::Revoked(standing) => {
                Happened::Revoked { grant: Grant::of(&standing, &label, now) }
            }
            Entry::Moved(Record { what, bytes, note, .. }) => {
                Happened::Moved { what, detail: Moved { bytes, note } }
            }
        };
        let peer_label = peer.and_then(label);
        Self { time_utc, model_id, artifact_sha256, peer, peer_label, happened }
    }
}
