//! Commands on what is written down.

use verifier::consent::ConsentError;
use verifier::scalars::UtcTime;

use super::{Carried, Installation, Resident};
use crate::activity::timeline;
use crate::command::records::{
    Activity, CheckLog, Event, Grant, Grants, ListGrants, Log, Revoke, Revoked, ShowActivity,
};
use crate::command::{Done, Refused, Warning};
use crate::consent::odd_time;
use crate::ports::{Chain, Failure, Journal, JournalError};
use crate::problem::Problem;

impl<I: Installation> Carried<I> for ListGrants {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Grants>, Refused<Grants>> {
        let (journal, now) = (resident.installation.journal()?, resident.now());
        let chain = checked(&*journal).await?;
        let standing = journal.holding(now).await.map_err(|error| Problem::blamed(&error))?;
        let label = resident.labels();
        let grant: Vec<Grant> = standing.iter().map(|one| Grant::of(one, &label, now)).collect();
        let live_count = grant.iter().filter(|grant| grant.live).count();
        let grants = Grants { grant_count: grant.len(), live_count, grant };
        Ok(Done::from(grants).warning(warning(&chain, now)))
    }
}

impl<I: Installation> Carried<I> for CheckLog {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Log>, Refused<Log>> {
        let chain = checked(&*resident.installation.journal()?).await?;
        let problem = broken(&chain);
        let warning = warning(&chain, resident.now());
        let log = Log::from(chain);
        match problem {
            Some(problem) => Err(Refused { problem, beside: Some(Box::new(log)) }),
            None => Ok(Done::from(log).warning(warning)),
        }
    }
}

impl<I: Installation> Carried<I> for Revoke {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Revoked>, Refused<Revoked>> {
        let mut revoked = self.grants;
        revoked.sort();
        revoked.dedup();
        let journal = resident.installation.journal()?;
        journal.revoke(revoked.clone(), resident.now()).await.map_err(|error| {
            let problem = Problem::blamed(&error);
            match &error {
                JournalError::Consent(ConsentError::UnknownGrant(grant)) => {
                    Problem { field: grant.to_string(), ..problem }
                }
                _ => problem,
            }
        })?;
        Ok(Revoked { revoked }.into())
    }
}

impl<I: Installation> Carried<I> for ShowActivity {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Activity>, Refused<Activity>> {
        let (journal, now) = (resident.installation.journal()?, resident.now());
        let chain = checked(&*journal).await?;
        let entries = timeline(&*journal, self.most, now).await;
        let mut entries = entries.map_err(|error| Problem::blamed(&error))?;
        entries.truncate(self.most);
        let label = resident.labels();
        let entry: Vec<_> =
            entries.into_iter().map(|entry| Event::of(entry, &label, now)).collect();
        let activity = Activity { entry_count: entry.len(), entry };
        Ok(Done::from(activity).warning(warning(&chain, now)))
    }
}

async fn checked<J: Journal>(journal: &J) -> Result<Chain, Problem> {
    let failed = |failure: Failure| Problem::blamed(&JournalError::Failed(failure));
    journal.chain().await.map_err(failed)
}

/// Why the log does not hold, if so.
fn broken(chain: &Chain) -> Option<Problem> {
    let broken = chain.broken.clone()?;
    Some(Problem::blamed(&JournalError::Broken(Box::new(broken))))
}

/// What a reader of the consent log has to know of it: that it breaks, or is ahead of the clock.
fn warning(chain: &Chain, now: UtcTime) -> Option<Warning> {
    if let Some(Problem { what, advice, .. }) = broken(chain) {
        return Some(Warning { name: "consent-log-broken".to_owned(), message: what, advice });
    }
    let message = odd_time(chain.last?, now)?;
    Some(Warning { name: Warning::LOG_AHEAD.to_owned(), message, advice: String::new() })
}
