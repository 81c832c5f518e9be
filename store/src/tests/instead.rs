//! Imports of which the library keeps nothing: an artifact's file is its output.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{
    Draft as _, Landed, Named, OutputError, OutputWay, Outputs as _, PieceStore as _, Reservation,
    ReserveError, Stem, WantedOutput, Way,
};
use rustix::io::Errno;
use tempfile::TempDir;
use verifier::artifact::{Extras, VerifiedArtifact, verify};
use verifier::receipt::{Facts, Receipt};
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;

use super::{Artifact, NOW, PIECE, open, slots};
use crate::files::Op;
use crate::files::faults::Faults;
use crate::outputs::Draft;
use crate::{Outputs, Store};

/// A data folder and one of the user's, and a model that comes out there.
struct Scene {
    folder: TempDir,
    faults: Arc<Faults>,
    data: PathBuf,
    out: PathBuf,
    artifact: Artifact,
}

impl Artifact {
    pub(super) fn as_output_in(&self, folder: &Path, way: OutputWay) -> Reservation {
        let (folder, bytes) = (folder.to_owned(), self.bytes.len() as u64);
        Reservation { output: Some(WantedOutput { folder, bytes, way }), ..self.reservation() }
    }

    pub(super) fn stem(&self) -> Stem {
        Stem::new(self.manifest.model_id(), self.manifest.model_version())
    }

    pub(super) fn verified(&self) -> VerifiedArtifact {
        let (manifest, length) = (Arc::new(self.manifest.clone()), self.bytes.len() as u64);
        let (extras, rule) = (Extras::default(), ChecksumRule::Verify);
        verify(&manifest, &self.bytes[..], length, &extras, rule).unwrap()
    }

    pub(super) fn receipt(&self, verified: &VerifiedArtifact) -> Receipt {
        let facts = Facts {
            created_utc: NOW,
            verifier_version: Version::parse("1").unwrap(),
            file_name: &self.stem().artifact(),
            transfer: None,
            signer: None,
        };
        Receipt::write(verified, &facts).unwrap()
    }
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::under(folder.path());
        let (data, out) = (folder.path().join("data"), folder.path().join("out"));
        fs::create_dir(&out).unwrap();
        Self { folder, faults, data, out, artifact: Artifact::new(1) }
    }

    async fn begins(&self, store: &Store) {
        let reservation = self.artifact.as_output_in(&self.out, OutputWay::Instead);
        store.reserve(reservation, NOW).await.unwrap();
        store.learn(self.artifact.sha256(), Arc::clone(&self.artifact.list)).await.unwrap();
    }

    /// Keeps the pieces from there on, before that one.
    async fn keeps(&self, store: &Store, pieces: std::ops::Range<u32>) {
        let geometry = *self.artifact.list.geometry();
        for index in pieces.map_while(|index| geometry.index(index)) {
            let piece = self.artifact.piece(index);
            store.keep(self.artifact.sha256(), piece).await.unwrap();
        }
    }

    /// Begins, and keeps every piece.
    async fn has_all(&self, store: &Store) {
        self.begins(store).await;
        self.keeps(store, 0..u32::MAX).await;
    }

    /// Begins, keeps three pieces, and stops.
    async fn is_stopped(&self, store: &Store) {
        self.begins(store).await;
        self.keeps(store, 0..3).await;
        store.release(self.artifact.sha256());
    }

    fn draft(&self, store: &Store) -> Draft {
        let outputs = Outputs::new(store);
        outputs.draft(self.artifact.sha256(), &self.out, &self.artifact.stem()).unwrap()
    }

    fn name(&self, draft: &mut Draft) -> Result<Named, OutputError> {
        let verified = self.artifact.verified();
        draft.name(&verified, &self.artifact.receipt(&verified))
    }

    /// Goes on to the end, as an import does.
    async fn ends(&self, store: &Store) {
        self.has_all(store).await;
        let mut draft = self.draft(store);
        assert_eq!(draft.way(), Way::Moved);
        let named = self.name(&mut draft).unwrap();
        assert_eq!(fs::read(named.artifact).unwrap(), self.artifact.bytes);
        drop(draft);
        store.release(self.artifact.sha256());
        store.forget(self.artifact.sha256()).await.unwrap().unwrap();
        self.is_done(store).await;
    }

    /// Both files have their names, and nothing else is left anywhere.
    async fn is_done(&self, store: &Store) {
        let stem = self.artifact.stem();
        assert_eq!(names(&self.out), [stem.receipt(), stem.artifact()]);
        assert_eq!(fs::read(self.out.join(stem.artifact())).unwrap(), self.artifact.bytes);
        self.is_forgotten(store).await;
    }

    async fn is_forgotten(&self, store: &Store) {
        assert!(store.models().await.unwrap().is_empty());
        for folder in ["store/artifacts", "drafts"] {
            assert_eq!(names(&self.data.join(folder)), [""; 0]);
        }
    }

    async fn have(&self, store: &Store) -> Vec<u32> {
        let model = store.model(self.artifact.sha256()).await.unwrap().unwrap();
        model.have.pieces(&model.geometry).map(|index| index.get()).collect()
    }

    /// The file that will be the output, by its name.
    fn hidden(&self) -> PathBuf {
        let names = names(&self.out);
        let hidden = names.iter().find(|name| name.starts_with(".minimodel-")).unwrap();
        self.out.join(hidden)
    }

    fn receipt_waits(&self) -> PathBuf {
        self.hidden().with_extension("receipt.part")
    }
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.into_iter().collect()
}

#[tokio::test]
async fn an_import_without_cache_writes_each_byte_once() {
    let scene = Scene { artifact: Artifact::near(4 << 20, 1), ..Scene::new() };
    let store = open(&scene.data);
    scene.begins(&store).await;
    let before = scene.faults.written();
    scene.keeps(&store, 0..u32::MAX).await;
    let mut draft = scene.draft(&store);
    // Nothing comes into it that is not there.
    scene.faults.always(Op::Clone, Errno::IO);
    draft.reach(u32::MAX).unwrap();
    let mut there = vec![0; scene.artifact.bytes.len()];
    draft.read(0, &mut there).unwrap();
    assert_eq!(there, scene.artifact.bytes);
    scene.name(&mut draft).unwrap();
    drop(draft);
    let length = scene.artifact.bytes.len() as u64;
    // The addresses, the receipt and no more than that.
    let written = scene.faults.written() - before;
    assert!((length..length + length / 64).contains(&written), "{written} of {length}");
    assert!(slots(&scene.data).is_empty());
    assert_eq!(store.accounts().await.unwrap().live, 0);
    store.release(scene.artifact.sha256());
    store.forget(scene.artifact.sha256()).await.unwrap();
    scene.is_done(&store).await;
}

#[tokio::test]
async fn a_stopped_one_goes_on_from_its_hidden_file() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.is_stopped(&store).await;
    let hidden = scene.hidden();
    drop(store);
    let store = open(&scene.data);
    assert_eq!(store.notices(), [""; 0]);
    let model = store.model(scene.artifact.sha256()).await.unwrap().unwrap();
    assert_eq!(model.outside.as_deref(), Some(&*hidden));
    assert_eq!(scene.have(&store).await, [0, 1, 2]);
    scene.begins(&store).await;
    assert_eq!(scene.hidden(), hidden);
    // One that fails leaves it too.
    drop(scene.draft(&store));
    assert_eq!(scene.have(&store).await, [0, 1, 2]);
    store.release(scene.artifact.sha256());
    scene.ends(&store).await;
}

#[tokio::test]
async fn what_was_written_before_a_crash_is_found_in_the_hidden_file() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.is_stopped(&store).await;
    // A fourth is there, of which nobody was told.
    let fourth = scene.artifact.list.geometry().index(3).unwrap();
    let file = fs::File::options().write(true).open(scene.hidden()).unwrap();
    let place = scene.artifact.list.geometry().offset(fourth);
    std::os::unix::fs::FileExt::write_all_at(&file, &scene.artifact.slice(fourth), place).unwrap();
    drop(store);
    fs::remove_file(scene.data.join("store/busy")).unwrap();
    let store = open(&scene.data);
    assert_eq!(scene.have(&store).await, [0, 1, 2, 3]);
    drop(store);
    fs::remove_dir_all(scene.data.join("store/index")).unwrap();
    let store = open(&scene.data);
    assert_eq!(scene.have(&store).await, [0, 1, 2, 3]);
    scene.ends(&store).await;
}

#[tokio::test]
async fn a_hidden_file_that_was_deleted_is_told_and_what_was_in_it_is_missing() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.is_stopped(&store).await;
    drop(store);
    let (hidden, aside) = (scene.hidden(), scene.folder.path().join("aside"));
    fs::rename(&hidden, &aside).unwrap();
    let store = open(&scene.data);
    let told = store.notices().concat();
    assert!(told.starts_with("3 kept pieces of model-1 1 were lost"), "{told}");
    assert_eq!(scene.have(&store).await, [0; 0]);
    drop(store);
    // What was only out of reach is had again, when it is there again.
    fs::rename(&aside, &hidden).unwrap();
    let store = open(&scene.data);
    assert_eq!((store.notices(), scene.have(&store).await), (&[][..], vec![0, 1, 2]));
    drop(store);
    fs::remove_file(&hidden).unwrap();
    // What leads elsewhere is not followed.
    fs::write(&aside, "mine").unwrap();
    std::os::unix::fs::symlink(&aside, &hidden).unwrap();
    let store = open(&scene.data);
    assert_eq!(scene.have(&store).await, [0; 0]);
    drop(store);
    fs::remove_file(&hidden).unwrap();
    let store = open(&scene.data);
    scene.ends(&store).await;
    assert_eq!(fs::read(&aside).unwrap(), b"mine");
}

#[tokio::test]
async fn names_that_a_crash_left_half_given_are_undone_and_both_are_the_end() {
    for by_rename in [false, true] {
        for placed in 0..=2 {
            let scene = Scene::new();
            let store = open(&scene.data);
            scene.has_all(&store).await;
            store.release(scene.artifact.sha256());
            drop(store);
            let (hidden, waits, stem) =
                (scene.hidden(), scene.receipt_waits(), scene.artifact.stem());
            let receipt = scene.artifact.receipt(&scene.artifact.verified());
            fs::write(&waits, receipt.bytes()).unwrap();
            let pairs = [(&hidden, stem.artifact()), (&waits, stem.receipt())];
            for (from, to) in pairs.into_iter().take(placed) {
                let to = scene.out.join(to);
                if by_rename { fs::rename(from, to) } else { fs::hard_link(from, to) }.unwrap();
            }
            let store = open(&scene.data);
            assert_eq!(store.notices(), [""; 0], "{by_rename} {placed}");
            if placed < 2 {
                assert_eq!(names(&scene.out), [hidden.file_name().unwrap().to_str().unwrap()]);
                let all = scene.artifact.list.geometry().piece_count();
                assert_eq!(scene.have(&store).await.len(), all as usize);
                scene.ends(&store).await;
            } else {
                scene.is_done(&store).await;
            }
        }
    }
}

#[tokio::test]
async fn what_gets_no_name_stays_where_it_is() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.has_all(&store).await;
    let (taken, mut draft) = (scene.artifact.stem().receipt(), scene.draft(&store));
    fs::write(scene.out.join(&taken), "mine").unwrap();
    assert!(matches!(scene.name(&mut draft), Err(OutputError::Exists(_))));
    fs::remove_file(scene.out.join(&taken)).unwrap();
    // Without hard links it is moved there, and back.
    scene.faults.always(Op::Link, Errno::PERM);
    fs::write(scene.out.join(&taken), "mine").unwrap();
    assert!(matches!(scene.name(&mut draft), Err(OutputError::Exists(_))));
    drop(draft);
    scene.faults.end();
    let hidden = scene.hidden();
    assert_eq!(names(&scene.out), [hidden.file_name().unwrap().to_str().unwrap(), &taken]);
    assert_eq!(fs::read(&hidden).unwrap(), scene.artifact.bytes);
    fs::remove_file(scene.out.join(&taken)).unwrap();
    scene.faults.always(Op::Link, Errno::PERM);
    scene.name(&mut scene.draft(&store)).unwrap();
    scene.faults.end();
    store.release(scene.artifact.sha256());
    store.forget(scene.artifact.sha256()).await.unwrap().unwrap();
    scene.is_done(&store).await;
}

#[tokio::test]
async fn a_file_of_the_users_that_has_the_name_stays_although_it_is_empty() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.has_all(&store).await;
    let (main, mut draft) = (scene.out.join(scene.artifact.stem().artifact()), scene.draft(&store));
    fs::write(&main, "").unwrap();
    assert!(matches!(scene.name(&mut draft), Err(OutputError::Exists(_))));
    drop(draft);
    store.release(scene.artifact.sha256());
    drop(store);
    let store = open(&scene.data);
    assert_eq!(fs::read(&main).unwrap(), b"");
    fs::remove_file(&main).unwrap();
    scene.ends(&store).await;
}

#[tokio::test]
async fn one_that_goes_on_elsewhere_comes_into_the_library() {
    let memory = Path::new("/dev/shm");
    let other_disk = memory.is_dir().then(|| tempfile::tempdir_in(memory).unwrap());
    for out in [None, other_disk.as_ref().map(|folder| folder.path().to_owned())] {
        let mut scene = Scene::new();
        scene.out = out.unwrap_or(scene.out);
        let store = open(&scene.data);
        scene.is_stopped(&store).await;
        let other = scene.folder.path().join("other");
        fs::create_dir(&other).unwrap();
        let ways = [(&other, OutputWay::Instead), (&scene.out, OutputWay::Beside)];
        for (folder, way) in ways {
            let held = store.reserve(scene.artifact.as_output_in(folder, way), NOW).await.unwrap();
            assert_eq!(held.have.count(), 3);
            store.release(scene.artifact.sha256());
            assert_eq!(names(&scene.out), [""; 0]);
            assert_eq!(slots(&scene.data).len(), 1);
        }
        drop(store);
        let store = open(&scene.data);
        assert_eq!((store.notices(), scene.have(&store).await), (&[][..], vec![0, 1, 2]));
        scene.artifact.keep_all(&store).await;
        scene.artifact.check_all(&store).await;
        assert_eq!(store.model(scene.artifact.sha256()).await.unwrap().unwrap().outside, None);
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_the_users_folder_too() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.is_stopped(&store).await;
    let taken = fs::metadata(scene.hidden()).unwrap().blocks() * 512;
    assert!(taken >= u64::from(3 * PIECE));
    let freed = store.forget(scene.artifact.sha256()).await.unwrap().unwrap();
    assert!(freed >= taken, "{freed} of {taken}");
    assert_eq!(names(&scene.out), [""; 0]);
    scene.is_forgotten(&store).await;
    // What is out of reach goes as soon as it is not.
    scene.is_stopped(&store).await;
    let aside = scene.folder.path().join("aside");
    fs::rename(&scene.out, &aside).unwrap();
    store.forget(scene.artifact.sha256()).await.unwrap().unwrap();
    assert_eq!(names(&scene.data.join("drafts")).len(), 1);
    fs::rename(&aside, &scene.out).unwrap();
    assert_eq!(Outputs::new(&store).recover().unwrap().len(), 1);
    assert_eq!(names(&scene.out), [""; 0]);
    scene.is_forgotten(&store).await;
}

#[tokio::test]
async fn it_takes_none_of_the_quota_and_does_not_go_for_others() {
    let scene = Scene::new();
    let store = open(&scene.data);
    let used = store.accounts().await.unwrap().index;
    store.set_quota(used + 100_000).await.unwrap();
    let beside = scene.artifact.as_output_in(&scene.out, OutputWay::Beside);
    let refused = store.would_reserve(beside).await;
    assert!(matches!(refused, Err(ReserveError::Quota { .. })), "{refused:?}");
    scene.is_stopped(&store).await;
    assert!(store.accounts().await.unwrap().live == 0);
    assert!(matches!(store.would_evict(90_000).await, Err(ReserveError::Quota { .. })));
}

#[tokio::test]
async fn pieces_of_others_are_copied_into_it_and_none_lie_there() {
    let scene = Scene::new();
    let store = open(&scene.data);
    // All of it but its end.
    let whole = PIECE as usize * 5;
    let begins_alike = |seed, end: &'static [u8]| {
        Artifact::of([&scene.artifact.bytes[..whole], end].concat().into(), seed)
    };
    let (before, after) = (begins_alike(2, b"before"), begins_alike(3, b"after"));
    before.keep_all(&store).await;
    scene.begins(&store).await;
    assert_eq!(scene.have(&store).await, [0, 1, 2, 3, 4]);
    assert_eq!(fs::read(scene.hidden()).unwrap()[..whole], scene.artifact.bytes[..whole]);
    store.forget(before.sha256()).await.unwrap().unwrap();
    store.reserve(after.reservation(), NOW).await.unwrap();
    let have = store.learn(after.sha256(), Arc::clone(&after.list)).await.unwrap();
    assert!(have.is_empty());
    store.release(after.sha256());
    store.forget(after.sha256()).await.unwrap().unwrap();
    store.release(scene.artifact.sha256());
    scene.ends(&store).await;
}

#[tokio::test]
async fn a_full_disk_of_the_output_is_named_and_waited_for() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.begins(&store).await;
    let mut landed = store.landed();
    scene.faults.always(Op::Write, Errno::NOSPC);
    let keeping = scene.keeps(&store, 0..1);
    let hearing = async {
        loop {
            if let Landed::Full { place, .. } = landed.recv().await.unwrap() {
                scene.faults.end();
                break place;
            }
        }
    };
    let ((), place) = tokio::join!(keeping, hearing);
    assert_eq!(&*place, &*scene.out);
    store.release(scene.artifact.sha256());
    scene.ends(&store).await;
}

#[tokio::test]
async fn an_output_beside_it_is_made_of_it_while_it_is_imported() {
    let scene = Scene::new();
    let store = open(&scene.data);
    scene.has_all(&store).await;
    let other = scene.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let outputs = Outputs::new(&store);
    let stem = scene.artifact.stem();
    let mut draft = outputs.draft(scene.artifact.sha256(), &other, &stem).unwrap();
    draft.reach(u32::MAX).unwrap();
    let named = scene.name(&mut draft).unwrap();
    assert_eq!(fs::read(named.artifact).unwrap(), scene.artifact.bytes);
    store.release(scene.artifact.sha256());
    // Nobody imports it now, so that it stays what it is.
    let mut draft = scene.draft(&store);
    draft.reach(u32::MAX).unwrap();
    scene.name(&mut draft).unwrap();
    drop(draft);
    assert!(scene.hidden().exists());
    scene.artifact.check_all(&store).await;
}
