//! Consents and transfers as one time line.

use std::collections::BTreeMap;

use verifier::Sha256;
use verifier::consent::{Act, Scope};
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

/// The time line, newest first: every consent, of a broken log those of the lines that hold, and
/// the newest `most` transfers.
///
/// # Errors
///
/// [`JournalError::Failed`] if the disk fails.
pub async fn timeline<J: Journal>(
    journal: &J,
    most: usize,
    now: UtcTime,
) -> Result<Vec<Entry>, JournalError> {
    let standing = journal.holding(now).await?;
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
    /// The grants that are live or will be, those that end first at the top; or why they are not known.
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
    let held = journal.holding(now).await.unwrap_or_default();
    let entries = merged(held, records.unwrap_or_default());
    let live = standing.map(|mut standing| {
        standing.retain(|standing| standing.is_open(now));
        standing.sort_by_key(|standing| standing.grant.expires());
        standing
    });
    Look { entries, left_out, live, chain, transfers }
}

/// After so long without a byte, what moves next is another transfer, in seconds.
const PAUSE: u64 = 60;

/// The same transfers, oldest first, with all that one peer gave or took of one model without a
/// longer pause in one: it is written down bit by bit, so that a program that is killed loses
/// little of it.
pub fn joined(records: Vec<Record>) -> Vec<Record> {
    let mut joined: Vec<Option<Record>> = Vec::with_capacity(records.len());
    let mut last: BTreeMap<_, usize> = BTreeMap::new();
    for mut record in records {
        if !matches!(record.what, What::Served | What::Fetched) {
            // What moves after an import has ended is part of another one.
            last.retain(|(served, artifact, _), _| *served || *artifact != record.artifact);
            joined.push(Some(record));
            continue;
        }
        let flow = (record.what == What::Served, record.artifact, record.peer);
        let before = last.insert(flow, joined.len()).and_then(|place| joined.get_mut(place));
        if let Some(before) = before
            && let Some(found) =
                before.take_if(|before| record.time.unix() <= before.time.plus(PAUSE).unix())
        {
            record.time = record.time.max(found.time);
            record.bytes = record.bytes.saturating_add(found.bytes);
        }
        joined.push(Some(record));
    }
    joined.into_iter().flatten().collect()
}

/// What a peer gave and took, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// What it gave to imports here.
    pub given: u64,
    /// What it took from here.
    pub taken: u64,
}

/// What each peer gave and took under all grants that there ever were: the sum of what is shown as
/// used of each.
///
/// # Errors
///
/// [`JournalError::Consent`] if the chain of the consent log is broken, and
/// [`JournalError::Failed`] if the disk fails.
pub async fn totals<J: Journal>(
    journal: &J,
    now: UtcTime,
) -> Result<BTreeMap<PeerId, Totals>, JournalError> {
    let mut totals: BTreeMap<PeerId, Totals> = BTreeMap::new();
    for Standing { grant, used, .. } in journal.standing(now).await? {
        let Scope::Peer(peer) = grant.scope() else { continue };
        let total = totals.entry(peer).or_default();
        let sum = match grant.act() {
            Act::Fetch => &mut total.given,
            Act::Serve => &mut total.taken,
            Act::Import | Act::Cache | Act::Publish => continue,
        };
        *sum = sum.saturating_add(used);
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use verifier::Sha256;
    use verifier::identity::SigningKey;
    use verifier::scalars::{Id, UtcTime};

    use super::joined;
    use crate::ports::{Record, What};

    fn record(what: What, peer: u8, seconds: u64, bytes: u64) -> Record {
        Record {
            time: UtcTime::from_unix(1_800_000_000 + seconds),
            what,
            model_id: Id::parse("tiny").unwrap(),
            artifact: Sha256::of(b"tiny"),
            peer: Some(SigningKey::from_seed([peer; 32]).public_key().peer_id()),
            bytes,
            note: String::new(),
        }
    }

    #[test]
    fn what_one_peer_takes_without_a_pause_is_one_entry() {
        let served = |peer, seconds, bytes| record(What::Served, peer, seconds, bytes);
        let bits = [(1, 0, 5), (2, 1, 7), (1, 1, 5), (1, 61, 5), (2, 62, 7), (1, 122, 1)];
        let bits = bits.map(|(peer, seconds, bytes)| served(peer, seconds, bytes));
        let whole = [served(2, 1, 7), served(1, 61, 15), served(2, 62, 7), served(1, 122, 1)];
        assert_eq!(joined(bits.to_vec()), whole);
        assert_eq!(joined(whole.to_vec()), whole);
    }

    #[test]
    fn what_moves_after_an_import_has_ended_is_another_entry() {
        let bits = [
            record(What::Fetched, 1, 0, 5),
            record(What::Served, 2, 0, 3),
            record(What::Fetched, 1, 1, 5),
            record(What::Failed, 1, 1, 0),
            record(What::Served, 2, 1, 3),
            record(What::Fetched, 1, 2, 9),
        ];
        let bytes = joined(bits.to_vec()).iter().map(|record| record.bytes).collect::<Vec<_>>();
        assert_eq!(bytes, [10, 0, 6, 9]);
    }
}
