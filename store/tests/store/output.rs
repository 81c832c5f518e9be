//! Outputs that are assembled from what is kept, and whose fault it is if one comes out wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::io::{self, Cursor};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::assemble::{AssembleError, Assembling, Assembly, OnFull, Pace};
use app::ports::{
    Draft, Failure, Named, OutputError, Outputs, PieceStore as _, ReachError, ReserveError, Stem,
    Way,
};
use futures::FutureExt as _;
use tempfile::TempDir;
use verifier::Sha256;
use verifier::artifact::{ArtifactError, VerifiedArtifact};
use verifier::manifest::{self, Manifest};
use verifier::piece::{PieceList, Source};
use verifier::receipt::Receipt;
use verifier::slm::{ChecksumRule, Quantisation, Shape, write_sample};

use crate::fixture::{Sample, now, rot};
use crate::open;
use crate::xfs::{Xfs, free};

/// A folder on a disk that gives back another byte than was written, at one place.
struct Rotting {
    outputs: store::Outputs,
    at: Option<u64>,
}

#[derive(Debug)]
struct RottingDraft {
    draft: <store::Outputs as Outputs>::Draft,
    file: PathBuf,
    at: Option<u64>,
}

impl Outputs for Rotting {
    type Draft = RottingDraft;

    fn check(&self, folder: &Path, stem: &Stem) -> Result<(), OutputError> {
        self.outputs.check(folder, stem)
    }

    fn has_room(&self, folder: &Path, bytes: u64) -> Result<(), ReserveError> {
        self.outputs.has_room(folder, bytes)
    }

    fn check_file(&self, path: &Path) -> Result<(), OutputError> {
        self.outputs.check_file(path)
    }

    fn draft(
        &self,
        artifact: Sha256,
        folder: &Path,
        stem: &Stem,
    ) -> Result<RottingDraft, OutputError> {
        let draft = self.outputs.draft(artifact, folder, stem)?;
        let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        Ok(RottingDraft { draft, file, at: self.at })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        self.outputs.write(path, bytes)
    }
}

impl Draft for RottingDraft {
    fn reach(&mut self, frontier: u32) -> Result<(), ReachError> {
        self.draft.reach(frontier)?;
        let written = fs::metadata(&self.file).unwrap().len();
        if let Some(at) = self.at.take_if(|at| *at < written) {
            self.rot(at).unwrap();
        }
        Ok(())
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Failure> {
        self.draft.read(offset, into)
    }

    fn way(&self) -> Way {
        self.draft.way()
    }

    fn name(
        &mut self,
        artifact: &VerifiedArtifact,
        receipt: &Receipt,
    ) -> Result<Named, OutputError> {
        self.draft.name(artifact, receipt)
    }
}

impl RottingDraft {
    fn rot(&self, at: u64) -> io::Result<()> {
        let file = fs::File::options().read(true).write(true).open(&self.file)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        file.write_all_at(&[!byte[0]], at)
    }
}

/// A model of some 18 pieces.
fn model() -> Sample {
    model_near(300_000)
}

fn model_near(bytes: u64) -> Sample {
    let shape = Shape::near(bytes, Quantisation::F32).unwrap();
    let mut file = Cursor::new(Vec::new());
    write_sample(&shape, Quantisation::F32, 1, &mut file).unwrap();
    Sample::of(file.into_inner())
}

fn manifest(sample: &Sample, sha256: Sha256) -> Arc<Manifest> {
    let list = sample.list();
    let mut draft = manifest::Draft::sample(sha256);
    draft.set_chunking(list.geometry(), &list.root());
    Arc::new(draft.write().unwrap())
}

/// Begins to assemble a model that is kept under this name, on a disk that is bad at one place, or
/// nowhere.
async fn start(
    sample: &Sample,
    artifact: Sha256,
    at: Option<u64>,
) -> (TempDir, Assembling<RottingDraft>) {
    let folder = tempfile::tempdir().unwrap();
    let assembling = start_in(folder.path(), sample, artifact, at).await;
    (folder, assembling)
}

/// The same with data folder and output in this folder.
async fn start_in(
    folder: &Path,
    sample: &Sample,
    artifact: Sha256,
    at: Option<u64>,
) -> Assembling<RottingDraft> {
    let store = open(&folder.join("data"));
    store.reserve(sample.reservation_as(artifact), now()).await.unwrap();
    store.learn(artifact, sample.list()).await.unwrap();
    let keeps = sample.pieces().into_iter().map(|piece| store.keep(artifact, piece));
    for kept in futures::future::join_all(keeps).await {
        kept.unwrap();
    }
    let out = folder.join("out");
    fs::create_dir(&out).unwrap();
    let outputs = store::Outputs::new(&store);
    let manifest = manifest(sample, artifact);
    Assembling::start(Assembly {
        outputs: Arc::new(Rotting { outputs, at }),
        folder: out,
        stem: Stem::new(manifest.model_id(), manifest.model_version()),
        manifest,
        geometry: *sample.list().geometry(),
        rule: ChecksumRule::Verify,
        pace: Pace::Background,
        full: OnFull::Wait,
    })
}

/// Assembles it; `list` says whether the pieces' list is known.
async fn assemble(
    sample: &Sample,
    artifact: Sha256,
    at: Option<u64>,
    list: Option<&Arc<PieceList>>,
) -> Result<VerifiedArtifact, AssembleError> {
    let (folder, assembling) = start(sample, artifact, at).await;
    if let Some(list) = list {
        assembling.proven(list);
    }
    for frontier in [1, 2, sample.list().geometry().piece_count()] {
        assembling.reach(frontier);
    }
    let outcome = assembling.finish().await.map(|(_, verified)| verified);
    let left = fs::read_dir(folder.path().join("out")).unwrap().count();
    assert_eq!(left, 0, "what has no name is removed");
    outcome
}

#[tokio::test]
async fn a_whole_is_judged_without_the_digests_of_its_pieces() {
    let sample = model();
    let list = sample.list();
    // A list that is proven is taken at its word; where none is, it is computed.
    for known in [Some(&list), None] {
        let verified = assemble(&sample, sample.artifact, None, known).await.unwrap();
        assert_eq!(verified.list(), Some(&list));
        let passed = |check| verified.checks().contains(&(check, "pass"));
        assert!(["check.sha256", "check.chunks", "check.merkle"].into_iter().all(passed));
    }
}

#[tokio::test]
async fn a_whole_that_is_wrong_names_the_piece() {
    let sample = model();
    let list = sample.list();
    let geometry = *list.geometry();
    let last = geometry.piece_count() - 1;
    // The first piece holds the header, whose fault is found at once.
    for index in [0, 3, last] {
        let piece = geometry.index(index).unwrap();
        let at = geometry.offset(piece) + 9;
        let error = assemble(&sample, sample.artifact, Some(at), Some(&list)).await.unwrap_err();
        let AssembleError::Output(OutputError::Spoilt { pieces, .. }) = &error else {
            unreachable!("{error:?}")
        };
        assert_eq!(pieces, &[piece]);
        assert!(error.to_string().contains(&format!("piece {index} of the output")), "{error}");
        let error = assemble(&sample, sample.artifact, Some(at), None).await.unwrap_err();
        assert!(matches!(error, AssembleError::Output(OutputError::Spoilt { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_whole_that_is_wrong_blames_the_manifest_only_if_every_piece_proves() {
    let sample = model();
    let (list, other) = (sample.list(), Sha256::of(b"another file"));
    for known in [Some(&list), None] {
        let error = assemble(&sample, other, None, known).await.unwrap_err();
        let AssembleError::Artifact(ArtifactError::Sha256 { found, expected }) = error else {
            unreachable!("{error:?}")
        };
        assert_eq!((found, expected), (sample.artifact, other));
        let error = assemble(&sample, other, Some(40_000), known).await.unwrap_err();
        assert!(matches!(error, AssembleError::Output(OutputError::Spoilt { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn an_output_that_is_too_far_behind_is_waited_for() {
    let sample = model();
    let (_folder, assembling) = start(&sample, sample.artifact, None).await;
    // In pieces of 16 KiB, 256 MiB.
    let most = 16_384;
    assert!(assembling.keeps_up(most).now_or_never().is_some());
    assert!(assembling.keeps_up(most + 1).now_or_never().is_none());
    assembling.reach(1);
    assembling.keeps_up(most + 1).await;
    assert!(assembling.keeps_up(most + 2).now_or_never().is_none());
    // Nobody waits for one that has ended.
    let (_folder, failing) = start(&sample, sample.artifact, Some(9)).await;
    failing.proven(&sample.list());
    failing.reach(2);
    failing.keeps_up(u32::MAX).await;
    assert!(failing.finish().await.is_err());
    assembling.abandon().await;
}

#[tokio::test]
async fn an_output_follows_the_frontier() {
    let sample = model();
    let folder = tempfile::tempdir().unwrap();
    let assembling = start_in(folder.path(), &sample, sample.artifact, None).await;
    assembling.proven(&sample.list());
    let geometry = *sample.list().geometry();
    for index in geometry.indices() {
        let frontier = index.get() + 1;
        assembling.reach(frontier);
        while assembling.appended() < frontier {
            assert!(!assembling.has_ended() || frontier == geometry.piece_count());
            tokio::task::yield_now().await;
        }
        let file = fs::read_dir(folder.path().join("out")).unwrap().next().unwrap().unwrap();
        let end = geometry.offset(index) + u64::from(geometry.length(index));
        assert_eq!(file.metadata().unwrap().len(), end);
    }
    assembling.finish().await.unwrap();
}

#[tokio::test]
async fn a_piece_that_rotted_in_the_library_is_found_in_the_output_and_named() {
    let sample = model();
    let folder = tempfile::tempdir().unwrap();
    let assembling = start_in(folder.path(), &sample, sample.artifact, None).await;
    assembling.proven(&sample.list());
    let wrong = sample.piece(5, Source::Local);
    rot(&folder.path().join("data"), wrong.bytes());
    assembling.reach(sample.list().geometry().piece_count());
    let error = assembling.finish().await.unwrap_err();
    let AssembleError::Output(OutputError::Spoilt { pieces, .. }) = &error else {
        unreachable!("{error:?}")
    };
    assert_eq!(pieces, &[wrong.index()]);
}

#[tokio::test]
async fn an_output_shares_the_blocks_of_the_library_where_the_disk_can() {
    let Some(xfs) = Xfs::mount() else { return };
    let sample = model_near(16 << 20);
    let length = sample.list().geometry().byte_count();
    let assembling = start_in(&xfs.path(), &sample, sample.artifact, None).await;
    assembling.proven(&sample.list());
    let before = free(&xfs.path());
    assembling.reach(sample.list().geometry().piece_count());
    let (draft, _) = assembling.finish().await.unwrap();
    assert_eq!(fs::metadata(&draft.file).unwrap().len(), length);
    let taken = before - free(&xfs.path()).min(before);
    assert!(taken < length / 8, "{taken} of {length}");
    assert_eq!(draft.way(), Way::Cloned);
    drop(draft);
}
