//! Kept pieces into one output, verified as it grows.
//!
//! The work follows the frontier of kept pieces while the rest still arrives, so that little is
//! left to do at the end. Every byte is read back from the output before it is judged.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verifier::artifact::{ArtifactError, Extras, Verification, VerifiedArtifact};
use verifier::manifest::Manifest;
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source};
use verifier::slm::{ChecksumRule, SlmError};
use verifier::{Advice, Coded as _, Geometry, PieceIndex, Remedy, Sha256};

use crate::blame::is_full;
use crate::ports::{Draft, Failure, OutputError, Outputs, PieceStore, ReachError, ReadError, Stem};

/// How much of the output is read at once, in bytes: as much as the passes over it take at once.
const BLOCK: u32 = 256 << 10;
/// How much comes into the output before it is read, in bytes: little enough to be in the system's
/// memory still.
const STEP: u32 = 4 << 20;
/// How far an output may be behind the pieces that are kept before no more are asked for, in bytes.
const LAG: u64 = 256 << 20;
/// How often a full disk is tried again.
pub(crate) const FULL_AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked meanwhile whether the output is still wanted.
const GLANCE: Duration = Duration::from_millis(20);
/// How much less of a processor that others want too an output in the background gets: at 10, a
/// tenth of it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Why an output could not be assembled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A kept piece could not be read.
    #[error("piece {index} cannot be read from the store")]
    Read {
        /// The piece.
        index: u32,
        /// Why.
        source: ReadError,
    },
    /// The whole is not what the manifest names.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The import went away before all pieces were kept.
    #[error("the import was cancelled")]
    Cancelled,
}

/// What to do about a whole that is not what it must be, although each piece of it was verified.
pub(crate) fn whole_advice(error: &ArtifactError) -> Advice {
    match error {
        ArtifactError::Read(_) | ArtifactError::Slm(SlmError::Incomplete { .. }) => error.advice(),
        ArtifactError::Slm(SlmError::ChecksumMismatch { .. }) => Advice::new(
            "It is the file that the manifest names, but its own checksum says that it is damaged: \
             tell whoever made it. If it was made elsewhere, the rule of that checksum may be another \
             one.",
        )
        .by(Remedy::LeaveChecksumOut),
        _ => Advice::new(
            "Do not use this artifact: it is not what its manifest says. Tell whoever made the \
             manifest.",
        ),
    }
}

/// What is assembled, and where.
pub struct Assembly<O> {
    /// What brings the pieces into the output.
    pub outputs: Arc<O>,
    /// The folder of the output.
    pub folder: PathBuf,
    /// The output's names.
    pub stem: Stem,
    /// What the output must be.
    pub manifest: Arc<Manifest>,
    /// How it is cut.
    pub geometry: Geometry,
    /// Whether the internal checksum is compared.
    pub rule: ChecksumRule,
    /// What it may take of the processors.
    pub pace: Pace,
    /// What it does when the output's disk is full.
    pub full: OnFull,
}

/// What an assembly does when the output's disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// It fails.
    Fail,
    /// It waits until there is room, and [`Assembling::full`] says so.
    Wait,
}

/// What an assembly may take of the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As much as anything else.
    Foreground,
    /// What the pieces that are still to come leave, on Linux; elsewhere as much as anything else.
    Background,
}

/// An assembly on a thread of its own. Dropping it ends the work within one piece and removes the
/// output.
pub struct Assembling<D> {
    frontier: Sender<u32>,
    list: Arc<OnceLock<Arc<PieceList>>>,
    /// How many pieces it may be behind.
    lag: u32,
    /// How many pieces are in the output; closed when it has ended, however it did.
    appended: watch::Receiver<u32>,
    /// A folder on the full disk that is waited for.
    full: watch::Receiver<Option<Arc<Path>>>,
    outcome: JoinHandle<Result<(D, VerifiedArtifact), AssembleError>>,
    /// The work goes on only while this is there.
    wanted: Arc<()>,
}

impl<D: Draft> Assembling<D> {
    /// Starts with no piece.
    pub fn start<O: Outputs<Draft = D>>(assembly: Assembly<O>) -> Self {
        let (frontier, kept) = channel();
        let (told, appended) = watch::channel(0);
        let (say_full, full) = watch::channel(None);
        let (wanted, list) = (Arc::new(()), Arc::new(OnceLock::new()));
        let (watched, proven) = (Arc::downgrade(&wanted), Arc::clone(&list));
        let lag = LAG / u64::from(assembly.geometry.piece_size());
        let lag = u32::try_from(lag).unwrap_or(u32::MAX);
        // A thread of its own, since what gives way does so to its end; a task of the runtime's,
        // which does not end before the output is removed.
        let outcome = tokio::task::spawn_blocking(move || {
            let run = move || {
                assembly.pace.take();
                assembly.run(&kept, &told, &Waits { full: say_full, wanted: watched }, &proven)
            };
            std::thread::spawn(run).join().unwrap_or(Err(AssembleError::Cancelled))
        });
        Self { frontier, list, lag, appended, full, outcome, wanted }
    }

    /// Says that every piece is verified by this list before it is kept: then their digests are not
    /// computed again. Too late once a piece was reached.
    pub fn proven(&self, list: &Arc<PieceList>) {
        self.list.get_or_init(|| Arc::clone(list));
    }

    /// How many pieces are in the output by now.
    pub fn appended(&self) -> u32 {
        *self.appended.borrow()
    }

    /// A folder on the full disk that is waited for, while one is.
    pub fn full(&self) -> watch::Receiver<Option<Arc<Path>>> {
        self.full.clone()
    }

    /// Says that all pieces before this one are kept.
    pub fn reach(&self, frontier: u32) {
        // An assembly that failed no longer listens; `finish` says why.
        let _ = self.frontier.send(frontier);
    }

    /// Whether it has ended, which before the last piece means that it failed.
    pub fn has_ended(&self) -> bool {
        self.outcome.is_finished()
    }

    /// Resolves when it has ended, however it did. Ask only when every piece was reached.
    pub async fn ended(&self) {
        let mut appended = self.appended.clone();
        // The sender goes away with the work.
        while appended.changed().await.is_ok() {}
    }

    /// Resolves when it is no more than 256 MiB behind this frontier, or has ended.
    pub async fn keeps_up(&self, frontier: u32) {
        let near = |appended: &u32| frontier.saturating_sub(*appended) <= self.lag;
        drop(self.appended.clone().wait_for(near).await);
    }

    /// Waits for the verdict on the whole.
    ///
    /// # Errors
    ///
    /// [`AssembleError`]; the output is removed.
    pub async fn finish(self) -> Result<(D, VerifiedArtifact), AssembleError> {
        let Self { frontier, outcome, wanted, .. } = self;
        drop(frontier);
        let outcome = outcome.await.unwrap_or(Err(AssembleError::Cancelled));
        drop(wanted);
        outcome
    }

    /// Ends the work, and resolves when the output is removed.
    pub async fn abandon(self) {
        let Self { frontier, outcome, wanted, .. } = self;
        drop((frontier, wanted));
        drop(outcome.await);
    }
}

impl Pace {
    /// Gives this thread the pace, and the threads that it starts from now on.
    fn take(self) {
        // Where it cannot be, what gives way is merely no slower.
        #[cfg(target_os = "linux")]
        if self == Self::Background
            && let Err(error) = rustix::process::nice(NICENESS)
        {
            tracing::debug!(%error, "an output does not give way to its pieces");
        }
    }
}

impl<O: Outputs> Assembly<O> {
    fn run(
        self,
        kept: &Receiver<u32>,
        appended: &watch::Sender<u32>,
        waits: &Waits,
        list: &OnceLock<Arc<PieceList>>,
    ) -> Result<(O::Draft, VerifiedArtifact), AssembleError> {
        let artifact = self.manifest.artifact_sha256();
        let mut draft = self.outputs.draft(artifact, &self.folder, &self.stem)?;
        let mut frontier = kept.recv().map_err(|_| AssembleError::Cancelled)?;
        let mut verification = self.verification(list.get())?;
        let (mut blocks, mut judged, mut reached) = (Blocks::default(), 0, 0);
        let (count, size) = (self.geometry.piece_count(), self.geometry.piece_size());
        loop {
            frontier = frontier.min(count);
            while reached < frontier {
                waits.check()?;
                reached = reached.saturating_add((STEP / size).max(1)).min(frontier);
                self.reach(&mut draft, reached, waits)?;
                let end = u64::from(reached) * u64::from(size);
                let end = end.min(self.geometry.byte_count());
                while judged < end {
                    let length = u32::try_from(end - judged).map_or(BLOCK, |left| left.min(BLOCK));
                    let mut block = blocks.take(length as usize);
                    draft.read(judged, &mut block).map_err(|source| self.failed(source))?;
                    verification.update(blocks.lend(block));
                    judged += u64::from(length);
                }
                appended.send_replace(reached);
            }
            // Without a list nobody could tell, before the end, whose fault it is.
            if let (Some(fault), Some(list)) = (verification.fault(), list.get()) {
                let found = ArtifactError::from(fault);
                return Err(self.blamed(&mut draft, Some(list), frontier, found));
            }
            if reached == count {
                break;
            }
            frontier = kept.recv().map_err(|_| AssembleError::Cancelled)?;
        }
        match verification.finish(&Extras::default()) {
            Err(found @ ArtifactError::Sha256 { .. }) => {
                Err(self.blamed(&mut draft, list.get(), frontier, found))
            }
            outcome => Ok((draft, outcome?)),
        }
    }

    fn verification(&self, list: Option<&Arc<PieceList>>) -> Result<Verification, ArtifactError> {
        let manifest = Arc::clone(&self.manifest);
        match list {
            Some(list) => Verification::of_pieces(manifest, Arc::clone(list), self.rule),
            None => Verification::new(manifest, self.geometry.byte_count(), self.rule),
        }
    }

    fn reach(
        &self,
        draft: &mut O::Draft,
        frontier: u32,
        waits: &Waits,
    ) -> Result<(), AssembleError> {
        loop {
            match draft.reach(frontier) {
                Err(ReachError::Failed(source))
                    if self.full == OnFull::Wait && is_full(source.as_ref()) =>
                {
                    waits.for_room(&self.folder)?;
                }
                outcome => {
                    waits.over();
                    return outcome.map_err(|error| match error {
                        ReachError::Read { index, source } => AssembleError::Read { index, source },
                        ReachError::Failed(source) => self.failed(source).into(),
                    });
                }
            }
        }
    }

    /// Why an output is not what the manifest names: a piece before `end` is not what it was when it
    /// was verified, or what was found is true and the manifest is to blame.
    fn blamed(
        &self,
        draft: &mut O::Draft,
        list: Option<&Arc<PieceList>>,
        end: u32,
        found: ArtifactError,
    ) -> AssembleError {
        let read = |offset, into: &mut [u8]| draft.read(offset, into);
        let wrong = match list {
            Some(list) => list.wrong(end, read).map(|wrong| (!wrong.is_empty()).then_some(wrong)),
            None => self.is_sound(read).map(|sound| (!sound).then(Vec::new)),
        };
        match wrong {
            Ok(None) => found.into(),
            Ok(Some(pieces)) => OutputError::Spoilt { folder: self.folder.clone(), pieces }.into(),
            Err(source) => self.failed(source).into(),
        }
    }

    /// Whether the output's pieces lead to the manifest's root.
    fn is_sound(
        &self,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let Some(chunking) = self.manifest.chunking() else { return Ok(true) };
        let mut stream = PieceStream::new(chunking.root.algorithm(), self.geometry)?;
        let mut bytes = Vec::new();
        for index in self.geometry.indices() {
            bytes.resize(self.geometry.length(index) as usize, 0);
            read(self.geometry.offset(index), &mut bytes)?;
            stream.update(&bytes);
        }
        Ok(stream.finish().is_some_and(|(_, root)| root == chunking.root))
    }

    fn failed(&self, source: Failure) -> OutputError {
        OutputError::Failed { folder: self.folder.clone(), source }
    }
}

/// What an assembly waits for, beside pieces.
struct Waits {
    full: watch::Sender<Option<Arc<Path>>>,
    wanted: Weak<()>,
}

impl Waits {
    fn check(&self) -> Result<(), AssembleError> {
        if self.wanted.strong_count() == 0 { Err(AssembleError::Cancelled) } else { Ok(()) }
    }

    /// Says that the folder's disk is full, and waits until it is to be tried again.
    fn for_room(&self, folder: &Path) -> Result<(), AssembleError> {
        if self.full.borrow().is_none() {
            self.full.send_replace(Some(Arc::from(folder)));
        }
        let again = Instant::now() + FULL_AGAIN;
        while Instant::now() < again {
            self.check()?;
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn over(&self) {
        if self.full.borrow().is_some() {
            self.full.send_replace(None);
        }
    }
}

/// Memory for blocks of the output, used again when every pass is done with it.
#[derive(Default)]
struct Blocks(VecDeque<Bytes>);

impl Blocks {
    fn take(&mut self, length: usize) -> BytesMut {
        match self.0.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(mut block)) => {
                block.resize(length, 0);
                return block;
            }
            Some(Err(lent)) => self.0.push_front(lent),
            None => {}
        }
        BytesMut::zeroed(length)
    }

    fn lend(&mut self, block: BytesMut) -> Bytes {
        let block = block.freeze();
        self.0.push_back(block.clone());
        block
    }
}

/// Counts as corrupt, of pieces that are wrong in an output, those that are so in the store too; how
/// many.
///
/// # Errors
///
/// What the disk said.
pub(crate) async fn mark_wrong<S: PieceStore>(
    store: &S,
    artifact: Sha256,
    pieces: &[PieceIndex],
) -> Result<u32, Failure> {
    let list = store.list(artifact).await?;
    let mut bad = 0;
    for index in pieces {
        match store.read(artifact, *index).await {
            Ok(bytes) => {
                let kept = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
                if list.as_ref().is_none_or(|list| list.verify(kept).is_ok()) {
                    continue;
                }
                store.mark_bad(artifact, *index).await?;
            }
            Err(ReadError::Missing | ReadError::Corrupt) => {}
            Err(ReadError::Failed(failure)) => return Err(failure),
        }
        bad += 1;
    }
    Ok(bad)
}
