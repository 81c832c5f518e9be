//! The user's yes as a value that is used up.

use verifier::Sha256;
use verifier::consent::{Act, Grant};
use verifier::scalars::{Id, UtcTime};

use crate::ports::{Journal, JournalError, Standing, Terms};

/// The user's yes to one or more acts on one artifact, written down before it can be used.
///
/// It is made only of a [`Yes`](crate::question::Yes), and a use case takes it by value: no code path can act
/// twice on one yes, or ask by itself.
#[derive(Debug)]
pub struct Consent {
    artifact: Sha256,
    grants: Vec<Grant>,
}

impl Consent {
    /// Writes the yes down and makes the value that a use case takes.
    ///
    /// Call it only after a person said yes to exactly these terms.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the yes cannot be written down; then nothing may be done.
    pub(crate) async fn given<J: Journal>(
        journal: &J,
        artifact: Sha256,
        terms: impl IntoIterator<Item = Terms>,
        now: UtcTime,
    ) -> Result<Self, JournalError> {
        let mut grants = Vec::new();
        for terms in terms.into_iter().filter(|terms| terms.artifact == artifact) {
            grants.push(journal.grant(terms, now).await?);
        }
        Ok(Self { artifact, grants })
    }

    /// The artifact it is about.
    pub const fn artifact(&self) -> Sha256 {
        self.artifact
    }

    /// Whether it covers the act.
    pub fn covers(&self, act: Act) -> bool {
        self.grants.iter().any(|grant| grant.act() == act)
    }

    /// The grants as they were written down.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }
}

/// Takes back every live yes that `meant` says yes to, in the order in which they were given; says
/// which ones. Whatever moves under them stops within one piece.
///
/// # Errors
///
/// [`JournalError`] if the log cannot be used; those before may be taken back already.
pub async fn take_back<J: Journal>(
    journal: &J,
    now: UtcTime,
    meant: impl Fn(&Standing) -> bool + Send,
) -> Result<Vec<Id>, JournalError> {
    let mut standing = journal.standing(now).await?;
    standing.retain(|standing| standing.live && meant(standing));
    let mut revoked = Vec::new();
    for standing in standing {
        let id = standing.grant.id().clone();
        journal.revoke(id.clone(), now).await?;
        revoked.push(id);
    }
    Ok(revoked)
}
