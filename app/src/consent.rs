//! The user's yes as a value that is used up.

use verifier::Sha256;
use verifier::consent::{Act, Grant};
use verifier::scalars::UtcTime;

use crate::ports::{Journal, JournalError, Terms};

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
