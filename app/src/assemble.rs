//! Kept pieces into one output, verified as it grows.
//!
//! The work follows the frontier of kept pieces while the rest still arrives, so that little is
//! left to do at the end. Every byte is read back from the output before it is judged.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use bytes::BytesMut;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verifier::artifact::{ArtifactError, Extras, Verification, VerifiedArtifact};
use verifier::manifest::Manifest;
use verifier::slm::{ChecksumRule, SlmError};
use verifier::{Advice, Coded as _, Geometry, PieceIndex, Remedy, Sha256};

use crate::ports::{Draft, OutputError, Outputs, PieceStore, ReadError, Stem};

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
pub struct Assembly<S, O> {
    /// Where the pieces are.
    pub store: Arc<S>,
    /// Where the output goes.
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
}

/// An assembly on a blocking thread. Dropping it ends the work within one piece and removes the
/// output.
pub struct Assembling<D> {
    frontier: Sender<u32>,
    appended: Arc<AtomicU32>,
    outcome: JoinHandle<Result<(D, VerifiedArtifact), AssembleError>>,
    /// Says that it has ended, however it did.
    ended: watch::Receiver<()>,
    /// The work goes on only while this is there.
    wanted: Arc<()>,
}

impl<D: Draft> Assembling<D> {
    /// Starts with no piece.
    pub fn start<S, O>(assembly: Assembly<S, O>) -> Self
    where
        S: PieceStore,
        O: Outputs<Draft = D>,
    {
        let (frontier, kept) = channel();
        let (ending, ended) = watch::channel(());
        let (wanted, appended) = (Arc::new(()), Arc::new(AtomicU32::new(0)));
        let (watched, told) = (Arc::downgrade(&wanted), Arc::clone(&appended));
        let outcome = tokio::task::spawn_blocking(move || {
            let _ending = ending;
            assembly.run(&kept, &told, &watched)
        });
        Self { frontier, appended, outcome, ended, wanted }
    }

    /// How many pieces are in the output by now.
    pub fn appended(&self) -> u32 {
        self.appended.load(Ordering::Relaxed)
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
        // Nothing is ever sent: the sender goes away with the work.
        while self.ended.clone().changed().await.is_ok() {}
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

impl<S: PieceStore, O: Outputs> Assembly<S, O> {
    fn run(
        self,
        kept: &Receiver<u32>,
        appended: &AtomicU32,
        wanted: &Weak<()>,
    ) -> Result<(O::Draft, VerifiedArtifact), AssembleError> {
        let mut draft = self.outputs.draft(&self.folder, &self.stem)?;
        let length = self.geometry.byte_count();
        let mut verification = Verification::new(Arc::clone(&self.manifest), length, self.rule)?;
        let artifact = self.manifest.artifact_sha256();
        let mut pieces = self.geometry.indices().peekable();
        while pieces.peek().is_some() {
            let frontier = kept.recv().map_err(|_| AssembleError::Cancelled)?;
            while let Some(index) = pieces.next_if(|index| index.get() < frontier) {
                if wanted.strong_count() == 0 {
                    return Err(AssembleError::Cancelled);
                }
                self.append(&mut draft, &mut verification, artifact, index)?;
                appended.store(index.get().saturating_add(1), Ordering::Relaxed);
            }
            if let Some(fault) = verification.fault() {
                return Err(ArtifactError::from(fault).into());
            }
        }
        let verified = verification.finish(&Extras::default())?;
        Ok((draft, verified))
    }

    fn append(
        &self,
        draft: &mut O::Draft,
        verification: &mut Verification,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<(), AssembleError> {
        let piece = self
            .store
            .read_blocking(artifact, index)
            .map_err(|source| AssembleError::Read { index: index.get(), source })?;
        let failed = |source| OutputError::Failed { folder: self.folder.clone(), source };
        draft.append(&piece).map_err(failed)?;
        let mut written = BytesMut::zeroed(piece.len());
        drop(piece);
        draft.read_back(self.geometry.offset(index), &mut written).map_err(failed)?;
        verification.update(written.freeze());
        Ok(())
    }
}
