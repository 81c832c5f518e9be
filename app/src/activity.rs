//! Consents and transfers as one time line.

use std::collections::BTreeMap;

use verifier::Sha256;
use verifier::consent::Scope;
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime};

use crate::ports::{Chain, Failure, Journal, JournalError, Record, Standing, What};
use crate::problem::Problem;

/// Something that was agreed to, taken back or done.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The user said yes.
    Granted(Standing),
    /// The user took a yes back.
    Revoked(Standing),
    /// Bytes moved, or did not.
    Moved(Record),
}

impl Entry {
    /// When.
    pub fn time(&self) -> UtcTime {
        match self {
            Self::Granted(standing) => standing.grant.terms().granted,
            Self::Revoked(standing) => {
                standing.grant.revoked().unwrap_or(standing.grant.terms().granted)
            }
            Self::Moved(record) => record.time,
        }
    }

    /// The model's name.
    pub fn model_id(&self) -> &Id {
        match self {
            Self::Granted(standing) | Self::Revoked(standing) => standing.grant.model_id(),
            Self::Moved(record) => &record.model_id,
        }
    }

    /// The artifact.
    pub fn artifact(&self) -> Sha256 {
        match self {
            Self::Granted(standing) | Self::Revoked(standing) => standing.grant.artifact_sha256(),
            Self::Moved(record) => record.artifact,
        }
    }

    /// The peer, if one is concerned.
    pub fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Granted(standing) | Self::Revoked(standing) => match standing.grant.scope() {
                Scope::Peer(peer) => Some(peer),
                Scope::AnyPaired | Scope::None => None,
            },
            Self::Moved(record) => record.peer,
        }
    }
}

/// The time line, newest first: every consent, and the newest `most` transfers.
///
/// # Errors
///
/// [`JournalError::Broken`] if the consent log does not hold, and
/// [`JournalError::Failed`] if the disk fails.
pub async fn timeline<J: Journal>(
    journal: &J,
    most: usize,
    now: UtcTime,
) -> Result<Vec<Entry>, JournalError> {
    let standing = journal.standing(now).await?;
    let records = journal.transfers(most).await.map_err(JournalError::Failed)?;
    Ok(merged(standing, records))
}

fn merged(standing: Vec<Standing>, records: Vec<Record>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = records.into_iter().map(Entry::Moved).collect();
    for standing in standing {
        if standing.grant.revoked().is_some() {
            entries.push(Entry::Revoked(standing.clone()));
        }
        entries.push(Entry::Granted(standing));
    }
    // What happened in one second stays in the order in which it can have happened.
    entries.sort_by_key(|entry| {
        let place = match entry {
            Entry::Granted(_) => 0,
            Entry::Moved(_) => 1,
            Entry::Revoked(_) => 2,
        };
        std::cmp::Reverse((entry.time(), place))
    });
    entries
}

/// Everything there is to see of what was agreed to and what moved. What cannot be read does not
/// keep the rest from being seen.
#[derive(Debug, Clone)]
pub struct Look {
    /// The time line, newest first.
    pub entries: Vec<Entry>,
    /// Whether there are older transfers that it leaves out.
    pub left_out: bool,
    /// The grants that are live, those that end first at the top; or why they are not known.
    pub live: Result<Vec<Standing>, Problem>,
    /// What came of checking the consent log.
    pub chain: Result<Chain, Problem>,
    /// Why the transfers are not known, if so.
    pub transfers: Result<(), Problem>,
}

/// Looks at every consent, at the newest `most` transfers and at the chain of the consent log.
pub async fn look<J: Journal>(journal: &J, most: usize, now: UtcTime) -> Look {
    let failed = |failure: Failure| Problem::blamed(&JournalError::Failed(failure));
    let chain = journal.chain().await.map_err(failed);
    let standing = journal.standing(now).await.map_err(|error| Problem::blamed(&error));
    let mut records = journal.transfers(most.saturating_add(1)).await.map_err(failed);
    let mut left_out = false;
    if let Ok(records) = &mut records {
        left_out = records.len() > most;
        records.drain(..records.len().saturating_sub(most));
    }
    let transfers = records.as_ref().map(|_| ()).map_err(Clone::clone);
    let entries = merged(standing.clone().unwrap_or_default(), records.unwrap_or_default());
    let live = standing.map(|mut standing| {
        standing.retain(|standing| standing.live);
        standing.sort_by_key(|standing| standing.grant.expires());
        standing
    });
    Look { entries, left_out, live, chain, transfers }
}

/// What a peer gave and took, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// What it gave to imports that came to an end here.
    pub given: u64,
    /// What it took from here.
    pub taken: u64,
}

/// What each peer gave and took, as far as the record of transfers goes back.
///
/// # Errors
///
/// [`Failure`] if the disk fails.
pub async fn totals<J: Journal>(journal: &J) -> Result<BTreeMap<PeerId, Totals>, Failure> {
    let mut totals: BTreeMap<PeerId, Totals> = BTreeMap::new();
    for record in journal.transfers(usize::MAX).await? {
        let Some(peer) = record.peer else { continue };
        let total = totals.entry(peer).or_default();
        match record.what {
            What::Fetched => total.given = total.given.saturating_add(record.bytes),
            What::Served => total.taken = total.taken.saturating_add(record.bytes),
            What::Imported | What::Failed | What::Banned | What::Evicted => {}
        }
    }
    Ok(totals)
}
