//! Finds a model's file in a folder, and verifies it before it is handed to another program.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use verifier::artifact::{ArtifactError, Extras};
use verifier::manifest::{Manifest, ManifestError};
use verifier::slm::ChecksumRule;
use verifier::{Advice, Code, Coded as _, Sha256};

use super::{DAMAGED, LACKS_MANIFEST, MEND_MANIFEST};
use crate::blame::{Blame, Blamed, IO_FAILED, machine_advice};
use crate::input;
use crate::lease::Hold;
use crate::ports::{Failure, PieceStore as _, Ports, Stem};
use crate::problem::Problem;

/// A model's file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there, and is what its manifest names.
    Sound(PathBuf),
    /// There is nothing of its name.
    Absent,
}

/// Why a file is not handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandOffError {
    /// The model is not kept, so nothing says what the file must be.
    #[error("there is no artifact {0} in the library")]
    Unknown(Sha256),
    /// No sound manifest is kept.
    #[error("{LACKS_MANIFEST}")]
    LacksManifest,
    /// The manifest that is kept is not valid.
    #[error("the manifest in the library is not valid")]
    Manifest(#[source] ManifestError),
    /// The file is there and cannot be opened.
    #[error("{}", .0.what)]
    File(Problem),
    /// The file is not what the manifest names: it was changed, or is another one.
    #[error("{} is not the file that was verified", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArtifactError,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Failure),
}

impl Blamed for HandOffError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unknown(_) | Self::LacksManifest | Self::Manifest(_) => Blame::Input,
            Self::Changed { source, .. } if source.code() != IO_FAILED => Blame::Input,
            Self::Changed { .. } | Self::File(_) | Self::Store(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::new("usage", "arguments"),
            Self::LacksManifest => DAMAGED,
            Self::Manifest(error) => error.code(),
            Self::File(problem) => problem.code,
            Self::Changed { source, .. } => source.code(),
            Self::Store(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Unknown(_) => "model".into(),
            Self::LacksManifest => "manifest".into(),
            Self::Manifest(error) => error.field(),
            Self::File(problem) => problem.field.as_str().into(),
            Self::Changed { source, .. } => source.field(),
            Self::Store(_) => "store".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Unknown(_) => "It was forgotten or given up for another: import it again.".into(),
            Self::LacksManifest | Self::Manifest(_) => MEND_MANIFEST.into(),
            Self::File(problem) => problem.advised(),
            Self::Changed { source, .. } if source.code() == IO_FAILED => source.advice(),
            Self::Changed { .. } => {
                "Do not open it as this model. Move it away, or choose another folder, and a sound \
                 copy is written."
                    .into()
            }
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}

/// Looks for `<stem>.slm` in the folder and verifies all of it; `on` hears how many bytes are read,
/// not of each one.
///
/// A file that is not what the manifest names is an error, so that nobody is led to it. Dropping
/// the future ends the work within a block of 1 MiB.
///
/// # Errors
///
/// [`HandOffError`] if the file is not what it must be, or cannot be read.
pub async fn find<P: Ports>(
    ports: &P,
    artifact: Sha256,
    folder: &Path,
    mut on: impl FnMut(u64) + Send,
) -> Result<Found, HandOffError> {
    let store = ports.store();
    let _hold = Hold::take(store, artifact);
    let manifest = store.manifest(artifact).await.map_err(HandOffError::Store)?;
    let Some(manifest) = manifest else {
        let model = store.model(artifact).await.map_err(HandOffError::Store)?;
        let unknown = HandOffError::Unknown(artifact);
        return Err(model.map_or(unknown, |_| HandOffError::LacksManifest));
    };
    let manifest = super::read_manifest(&manifest).map_err(HandOffError::Manifest)?;
    let path = folder.join(Stem::new(manifest.model_id(), manifest.model_version()).artifact());

    let stop = Stop::default();
    let (read, mut reached) = watch::channel(0);
    let stopped = Arc::clone(&stop.0);
    let mut work = tokio::task::spawn_blocking(move || verify(path, &manifest, read, stopped));
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => {
                return outcome.unwrap_or_else(|join| Err(HandOffError::Store(join.into())));
            }
            Ok(()) = reached.changed() => {
                let bytes = *reached.borrow_and_update();
                on(bytes);
            }
        }
    }
}

fn verify(
    path: PathBuf,
    manifest: &Arc<Manifest>,
    read: watch::Sender<u64>,
    stopped: Arc<AtomicBool>,
) -> Result<Found, HandOffError> {
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
        _ => {}
    }
    let (file, length) = input::open(&path).map_err(HandOffError::File)?;
    let file = Watched { file, read, stopped };
    let extras = Extras::default();
    match verifier::artifact::verify(manifest, file, length, &extras, ChecksumRule::Verify) {
        Ok(_) => Ok(Found::Sound(path)),
        Err(source) => Err(HandOffError::Changed { path, source }),
    }
}

/// A file that tells how much of it was read, and ends when nobody waits any more.
struct Watched<R> {
    file: R,
    read: watch::Sender<u64>,
    stopped: Arc<AtomicBool>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        let count = self.file.read(into)?;
        self.read.send_modify(|bytes| *bytes = bytes.saturating_add(count as u64));
        Ok(count)
    }
}

/// Says so when it is dropped.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
