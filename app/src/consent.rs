//! The user's yes as a value that is used up.

use verifier::Sha256;
use verifier::consent::{Act, ConsentError, Grant};
use verifier::request::PeerMessages;
use verifier::scalars::{Id, UtcTime};

use crate::ports::{Journal, JournalError, Standing, Terms};
use crate::quantity::Span;

/// The user's yes to one or more acts on one artifact, written down before it can be used.
///
/// It is made only of a [`Yes`](crate::question::Yes), and a use case takes it by value: no code
/// path can act twice on one yes, or ask by itself.
#[derive(Debug)]
pub struct Consent {
    artifact: Sha256,
    grants: Vec<Grant>,
}

impl Consent {
    /// Writes the yes down, all of it or nothing, and makes the value that a use case takes;
    /// `instead_of` ends with it.
    ///
    /// Call it only after a person said yes to exactly these terms.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the yes cannot be written down; then nothing may be done.
    pub(crate) async fn given<J: Journal>(
        journal: &J,
        artifact: Sha256,
        mut terms: Vec<Terms>,
        instead_of: Vec<Id>,
        now: UtcTime,
    ) -> Result<Self, JournalError> {
        terms.retain(|terms| terms.artifact == artifact);
        Ok(Self { artifact, grants: journal.grant(terms, instead_of, now).await? })
    }

    /// The artifact it is about.
    pub const fn artifact(&self) -> Sha256 {
        self.artifact
    }

    /// Whether it covers the act.
    pub fn covers(&self, act: Act) -> bool {
        self.grants.iter().any(|grant| grant.act() == act)
    }

    /// Splits what covers the act off from the rest.
    pub fn split(self, act: Act) -> (Self, Self) {
        let Self { artifact, grants } = self;
        let (split, rest) = grants.into_iter().partition(|grant| grant.act() == act);
        (Self { artifact, grants: split }, Self { artifact, grants: rest })
    }

    /// What to tell a person of a log that is ahead of the clock by which this was agreed to.
    pub fn odd_time(&self) -> Option<String> {
        let grant = self.grants.first()?;
        odd_time(grant.granted().plus(grant.ahead()), grant.granted())
    }

    /// The grants as they were written down.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Whether a grant is one of its own.
    pub fn has(&self, standing: &Standing) -> bool {
        self.grants.iter().any(|grant| grant.id() == standing.grant.id())
    }

    /// Takes back what is left of it, all at once; says which grants.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the log cannot be used; then none is taken back.
    pub async fn take_back<J: Journal>(
        &self,
        journal: &J,
        now: UtcTime,
    ) -> Result<Vec<Id>, JournalError> {
        take_back(journal, now, |standing| self.has(standing)).await
    }
}

/// What to tell a person of a log whose last line is dated ahead of the clock, if it is by more
/// than clocks differ.
pub fn odd_time(last: UtcTime, now: UtcTime) -> Option<String> {
    let ahead = last.since(now);
    (ahead > PeerMessages::V0.clock_skew).then(|| {
        format!(
            "The last line of the consent log is dated {last}, {} ahead of this machine's clock: the \
             clock was ahead when it was written, or is behind now. What you agree to now counts \
             from now on all the same; what you agreed to by that other clock does not count \
             before its date.",
            Span(ahead)
        )
    })
}

/// Every grant to do one of these things to the artifact that allows something, now or later.
pub(crate) fn open_grants(
    standing: &[Standing],
    artifact: Sha256,
    acts: &[Act],
    now: UtcTime,
) -> Vec<Id> {
    let open = standing.iter().filter(|standing| {
        let grant = &standing.grant;
        standing.is_open(now) && grant.artifact_sha256() == artifact && acts.contains(&grant.act())
    });
    open.map(|standing| standing.grant.id().clone()).collect()
}

/// Takes back every yes that allows anything, now or later, and that `meant` says yes to, all at
/// once; says which ones, in the order in which they were given. Whatever moves under them stops
/// within one piece.
///
/// # Errors
///
/// [`JournalError`] if the log cannot be used; then none is taken back.
pub async fn take_back<J: Journal>(
    journal: &J,
    now: UtcTime,
    meant: impl Fn(&Standing) -> bool + Send,
) -> Result<Vec<Id>, JournalError> {
    loop {
        let standing = journal.standing(now).await?;
        let open = standing.iter().filter(|standing| standing.is_open(now) && meant(standing));
        let open: Vec<Id> = open.map(|standing| standing.grant.id().clone()).collect();
        match journal.revoke(open.clone(), now).await {
            // Somebody else took one of them back meanwhile: that is what was wanted.
            Err(JournalError::Consent(ConsentError::UnknownGrant(_))) => {}
            outcome => return outcome.map(|()| open),
        }
    }
}
