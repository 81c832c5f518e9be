//! Consents and transfers, written down in files that are only ever appended to.
//!
//! Any number of processes may use the same journal at once; none of them needs the store's lock.
//! Each looks again at what is on disk before it decides, so a yes that one process took back is
//! taken back for all.

mod consents;
mod moving;
mod tally;
mod transfers;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use app::ports::{self, Chain, Failure, JournalError, Record, Spend, Standing, Terms};
use verifier::Sha256;
use verifier::consent::{Act, ConsentError, Grant, Query};
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime};

pub(crate) use transfers::TransferFile;

use crate::error::{At as _, StoreError};
use crate::files::{self, unique_name};
use crate::layout::Layout;
use consents::{Addition, LogFile, View};
use moving::{Flow, Moving};
use tally::{Tally, TallyFile};

/// How long bytes that moved may wait to be written down.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// How many bytes may have moved before they are written down at once.
const SAVE_BYTES: u64 = 16 << 20;

/// The journal under one data folder.
///
/// What a process that is killed may forget of the bytes it moved is the last second's or the
/// last 16 MiB; a grant is never forgotten. Dropping the journal writes the rest down.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

/// Locks are taken in the order of the fields: `saving`, then the log file's, then `state`.
#[derive(Debug)]
struct Shared {
    saving: Mutex<()>,
    log: LogFile,
    state: Mutex<State>,
    tally: TallyFile,
    transfers: TransferFile,
    /// Whether what moved could not be written down at the last try: that is logged once.
    is_stuck: AtomicBool,
}

#[derive(Debug)]
struct State {
    view: View,
    tally: Tally,
    moving: Moving,
    /// Waits to write down what moved, while there is something to write.
    saver: Option<Thread>,
}

impl Journal {
    /// Reads what is written down so far; a journal without files is an empty one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Failed`] if a file cannot be read. A consent log that does not hold is left
    /// as it is and allows nothing: whatever needs it says so. A torn last line is no error: the
    /// next line that is written takes its place.
    pub fn open(layout: &Layout) -> Result<Self, JournalError> {
        let log = LogFile::new(layout.consent_log());
        let tally = TallyFile::new(layout.consent_used());
        let mut view = View::default();
        match view.refresh(&log) {
            Err(JournalError::Broken(error)) => {
                tracing::warn!(%error, "the consent log does not hold");
            }
            outcome => outcome?,
        }
        files::sweep_under(|| log.lock(), tally.path());
        let transfers = TransferFile::new(layout.transfers_log());
        transfers.sweep();
        let saved = tally.load().map_err(unusable(tally.path()))?;
        let (moving, counted) = (Moving::default(), Tally::new(saved));
        let state = State { view, tally: counted, moving, saver: None };
        let shared = Shared {
            saving: Mutex::new(()),
            log,
            state: Mutex::new(state),
            tally,
            transfers,
            is_stuck: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Writes down at once what moved.
    ///
    /// # Errors
    ///
    /// What the disk said; what moved stays counted and is written down later.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.shared.save()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Shared>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(failed)?
    }
}

impl ports::Journal for Journal {
    async fn grant(
        &self,
        terms: Vec<Terms>,
        instead_of: Vec<Id>,
        now: UtcTime,
    ) -> Result<Vec<Grant>, JournalError> {
        self.blocking(move |shared| shared.grant(terms, &instead_of, now)).await
    }

    async fn revoke(&self, grants: Vec<Id>, now: UtcTime) -> Result<(), JournalError> {
        self.blocking(move |shared| shared.revoke(&grants, now)).await
    }

    async fn standing(&self, now: UtcTime) -> Result<Vec<Standing>, JournalError> {
        self.blocking(move |shared| shared.standing(now)).await
    }

    async fn holding(&self, now: UtcTime) -> Result<Vec<Standing>, JournalError> {
        self.blocking(move |shared| shared.holding(now)).await
    }

    async fn chain(&self) -> Result<Chain, Failure> {
        let shared = Arc::clone(&self.shared);
        Ok(tokio::task::spawn_blocking(move || consents::check(shared.log.path())).await??)
    }

    fn spend(&self, spend: &Spend, now: UtcTime) -> Result<(), JournalError> {
        Shared::spend(&self.shared, spend, now)
    }

    fn hold(&self, spend: &Spend, now: UtcTime) -> Result<(), JournalError> {
        let mut state = self.shared.state();
        let grant = state.allowed(&self.shared.log, spend, now)?;
        state.moving.hold(Flow::of(spend), &grant, spend.bytes);
        Ok(())
    }

    fn moved(&self, spend: &Spend, now: UtcTime) {
        let mut state = self.shared.state();
        let counted = state.moving.moved(spend, now);
        self.shared.count(&mut state, counted);
    }

    fn give_back(&self, spend: &Spend) {
        self.shared.state().moving.give_back(Flow::of(spend), spend.bytes);
    }

    fn let_go(&self, act: Act, artifact: Sha256, peer: Option<PeerId>) {
        self.shared.state().moving.let_go(Flow::new(act, artifact, peer));
    }

    async fn settle(&self) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        Ok(tokio::task::spawn_blocking(move || shared.save()).await??)
    }

    async fn record(&self, record: Record) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let write = move || {
            let saved = shared.save();
            // Whoever asked tells of it.
            shared.is_stuck.store(saved.is_err(), Ordering::Relaxed);
            shared.transfers.append(&[record]).at(shared.transfers.path())?;
            saved
        };
        Ok(tokio::task::spawn_blocking(write).await??)
    }

    async fn transfers(&self, most: usize) -> Result<Vec<Record>, Failure> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            shared.save_or_log();
            shared.transfers.newest(most)
        };
        Ok(tokio::task::spawn_blocking(read).await??)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.save_or_log();
        if let Some(saver) = &self.shared.state().saver {
            saver.unpark();
        }
    }
}

impl Shared {
    fn grant(
        &self,
        terms: Vec<Terms>,
        instead_of: &[Id],
        now: UtcTime,
    ) -> Result<Vec<Grant>, JournalError> {
        let named = terms.into_iter().map(|terms| {
            let name = format!("g-{}", unique_name().map_err(failed)?);
            Ok((Id::parse(&name).map_err(failed)?, terms))
        });
        let named: Vec<(Id, Terms)> = named.collect::<Result<_, JournalError>>()?;
        let mut added = Vec::new();
        self.append(|addition| {
            for grant in instead_of {
                if addition.log().grant(grant).is_some_and(|grant| grant.revoked().is_none()) {
                    addition.revoke(grant, now)?;
                }
            }
            for (id, terms) in &named {
                added.push(addition.grant(id, terms, now)?);
            }
            Ok(())
        })?;
        let state = self.state();
        let grants = added.iter().map(|id| state.view.log().grant(id).cloned());
        let grants: Option<Vec<Grant>> = grants.collect();
        grants.ok_or_else(|| failed(io::Error::other("a grant is not in the log it was added to")))
    }

    fn revoke(&self, grants: &[Id], now: UtcTime) -> Result<(), JournalError> {
        if grants.is_empty() {
            return Ok(());
        }
        let revoke = |addition: &mut Addition| {
            grants.iter().try_for_each(|grant| addition.revoke(grant, now))
        };
        {
            // What is not in the log touches no file, and makes none.
            let mut state = self.state();
            state.view.refresh(&self.log)?;
            revoke(&mut Addition::to(state.view.log())).map_err(JournalError::Consent)?;
        }
        self.append(revoke)
    }

    /// Appends the lines that follow from the log as it is on disk, all of them or none.
    fn append(
        &self,
        lines: impl FnOnce(&mut Addition) -> Result<(), ConsentError>,
    ) -> Result<(), JournalError> {
        let mut locked = self.log.lock().map_err(unusable(self.log.path()))?;
        let (addition, end) = {
            let mut state = self.state();
            state.view.refresh(&self.log)?;
            let log = state.view.log();
            let mut addition = Addition::to(log);
            lines(&mut addition).map_err(JournalError::Consent)?;
            (addition, log.bytes())
        };
        // Spends go on while the disk works.
        locked.put(end, addition.lines()).map_err(unusable(self.log.path()))?;
        self.state().view.refresh(&self.log)
    }

    fn standing(&self, now: UtcTime) -> Result<Vec<Standing>, JournalError> {
        let _saving = lock(&self.saving);
        let saved = self.tally.load().map_err(unusable(self.tally.path()))?;
        let mut state = self.state();
        state.tally.set_saved(saved);
        state.view.refresh(&self.log)?;
        let standing = state.view.log().grants().iter().map(|grant| Standing {
            grant: grant.clone(),
            used: state.tally.used(grant.id()),
            live: grant.is_live(now) && state.tally.used(grant.id()) < grant.byte_limit(),
        });
        Ok(standing.collect())
    }

    fn holding(&self, now: UtcTime) -> Result<Vec<Standing>, JournalError> {
        match self.standing(now) {
            Err(JournalError::Broken(_)) => {}
            standing => return standing,
        }
        let (log, ..) = consents::read(self.log.path())?;
        let state = self.state();
        let standing = log.grants().iter().map(|grant| Standing {
            grant: grant.clone(),
            used: state.tally.used(grant.id()),
            live: false,
        });
        Ok(standing.collect())
    }

    fn spend(self: &Arc<Self>, spend: &Spend, now: UtcTime) -> Result<(), JournalError> {
        let mut state = self.state();
        let grant = state.allowed(&self.log, spend, now)?;
        if spend.bytes > 0 {
            self.count(&mut state, vec![(grant, spend.bytes)]);
        }
        Ok(())
    }

    /// Counts bytes as used under these grants.
    fn count(self: &Arc<Self>, state: &mut State, counted: Vec<(Id, u64)>) {
        let before = state.tally.unsaved_bytes();
        for (grant, bytes) in counted {
            state.tally.add(grant, bytes);
        }
        let is_much = before < SAVE_BYTES && state.tally.unsaved_bytes() >= SAVE_BYTES;
        match &state.saver {
            None => state.saver = self.start_saver(),
            Some(saver) if is_much => saver.unpark(),
            Some(_) => {}
        }
    }

    /// Has what moved written down a little later, away from the threads that move pieces.
    fn start_saver(self: &Arc<Self>) -> Option<Thread> {
        let shared = Arc::clone(self);
        let save = move || {
            thread::park_timeout(SAVE_AFTER);
            shared.state().saver = None;
            shared.save_or_log();
        };
        let started = thread::Builder::new().name("journal".to_owned()).spawn(save);
        // Without a thread now, the next spend tries again.
        started.ok().map(|handle| handle.thread().clone())
    }

    fn save_or_log(&self) {
        match self.save() {
            Ok(()) => self.is_stuck.store(false, Ordering::Relaxed),
            Err(error) if !self.is_stuck.swap(true, Ordering::Relaxed) => {
                tracing::error!(%error, "cannot write down what moved");
            }
            Err(_) => {}
        }
    }

    fn save(&self) -> Result<(), StoreError> {
        let _saving = lock(&self.saving);
        let (moved, counted) = {
            let mut state = self.state();
            (state.moving.take_unwritten(), state.tally.unsaved().clone())
        };
        if let Err(error) = self.transfers.append(&moved) {
            self.state().moving.put_back(moved);
            return Err(StoreError::io(self.transfers.path(), error));
        }
        if counted.is_empty() {
            return Ok(());
        }
        // Other processes count too: what they wrote down is read again under the log's lock.
        let _locked = self.log.lock().at(self.log.path())?;
        let mut saved = self.tally.load().at(self.tally.path())?;
        tally::add(&mut saved, &counted);
        self.tally.replace(&saved).at(self.tally.path())?;
        self.state().tally.saved_now(saved, &counted);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// The grant that covers an act, by the log as it is on disk now.
    fn allowed(&mut self, log: &LogFile, spend: &Spend, now: UtcTime) -> Result<Id, JournalError> {
        self.view.refresh(log)?;
        let query = Query {
            act: spend.act,
            model_id: &spend.model_id,
            artifact_sha256: spend.artifact,
            peer: spend.peer,
            bytes: spend.bytes,
        };
        let (tally, moving) = (&self.tally, &self.moving);
        let spoken_for = |grant: &Id| tally.used(grant).saturating_add(moving.held(grant));
        let allowed = self.view.log().allow(&query, now, spoken_for);
        Ok(allowed.map_err(JournalError::Consent)?.id().clone())
    }
}

/// The guarded values hold whatever became of a thread that panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file cannot be read or written.
fn unusable(path: &Path) -> impl Fn(io::Error) -> JournalError {
    move |error| failed(StoreError::io(path, error))
}

fn failed(error: impl Into<Failure>) -> JournalError {
    JournalError::Failed(error.into())
}

#[cfg(test)]
mod tests;
