//! Bytes that count under a yes once they moved, and no sooner.

use verifier::scalars::UtcTime;

use crate::ports::{Journal, JournalError, Spend};

/// The bytes of one act. All of them are held from its start on, so that it can end what it began;
/// what moved counts as used, and the rest is let go when this is dropped.
pub(crate) struct Counted<'a, J: Journal> {
    journal: &'a J,
    left: Spend,
}

impl<'a, J: Journal> Counted<'a, J> {
    /// Holds the bytes of the whole act.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if no live grant covers them.
    pub(crate) fn hold(journal: &'a J, whole: Spend, now: UtcTime) -> Result<Self, JournalError> {
        journal.hold(&whole, now)?;
        Ok(Self { journal, left: whole })
    }

    /// Counts so many bytes more.
    pub(crate) fn moved(&mut self, bytes: u64, now: UtcTime) {
        let bytes = bytes.min(self.left.bytes);
        self.left.bytes -= bytes;
        self.journal.moved(&Spend { bytes, ..self.left.clone() }, now);
    }

    /// Counts what is left: the act is done.
    pub(crate) fn done(mut self, now: UtcTime) {
        self.moved(self.left.bytes, now);
    }
}

impl<J: Journal> Drop for Counted<'_, J> {
    fn drop(&mut self) {
        let Spend { act, artifact, peer, .. } = self.left;
        self.journal.let_go(act, artifact, peer);
    }
}
