//! The store on a real disk.

mod faults;
mod forgotten;
mod instead;
mod killed;
mod opened;
mod scrubbed;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{
    Accounts, Landed, OutputWay, PieceState, PieceStore as _, Pin, ReadError, Reservation,
    ReserveError, WantedOutput,
};
use bytes::Bytes;
use rustix::io::Errno;
use tempfile::TempDir;
use verifier::identity::SigningKey;
use verifier::manifest::{Draft, Manifest};
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source, VerifiedPiece};
use verifier::scalars::UtcTime;
use verifier::slm::{Quantisation, Shape, write_sample};
use verifier::{ChunkAlgorithm, Geometry, PieceIndex, Sha256};

use crate::Store;
use crate::files::Op;
use crate::files::faults::Faults;

const PIECE: u32 = 16_384;
const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);

/// An artifact that is a list of bytes, with a manifest that is a real one.
struct Artifact {
    bytes: Bytes,
    manifest: Manifest,
    list: Arc<PieceList>,
}

impl Artifact {
    fn new(seed: u64) -> Self {
        Self::near(200_000, seed)
    }

    fn near(bytes: u64, seed: u64) -> Self {
        let mut out = std::io::Cursor::new(Vec::new());
        let shape = Shape::near(bytes, Quantisation::F32).unwrap();
        write_sample(&shape, Quantisation::F32, seed, &mut out).unwrap();
        Self::of(Bytes::from(out.into_inner()), seed)
    }

    fn of(bytes: Bytes, seed: u64) -> Self {
        let geometry = Geometry::new(bytes.len() as u64, PIECE).unwrap();
        let algorithm = ChunkAlgorithm::FixedSizeMerkleV0;
        let mut stream = PieceStream::new(algorithm, geometry).unwrap();
        stream.update(&bytes);
        let (digests, root) = stream.finish().unwrap();
        let mut draft = Draft::sample(Sha256::of(&bytes));
        draft.set("model.id", format!("model-{seed}")).unwrap().set("model.version", "1").unwrap();
        draft.set_chunking(&geometry, &root);
        let manifest = draft.write().unwrap();
        let list = Arc::new(PieceList::prove(geometry, root, digests).unwrap());
        Self { bytes, manifest, list }
    }

    fn sha256(&self) -> Sha256 {
        self.manifest.artifact_sha256()
    }

    fn reservation(&self) -> Reservation {
        Reservation {
            manifest: Bytes::copy_from_slice(self.manifest.bytes()),
            manifest_sha256: self.manifest.sha256(),
            artifact: self.sha256(),
            model_id: self.manifest.model_id().clone(),
            model_version: self.manifest.model_version().clone(),
            geometry: *self.list.geometry(),
            root: self.list.root(),
            output: None,
        }
    }

    fn slice(&self, index: PieceIndex) -> Bytes {
        let from = usize::try_from(self.list.geometry().offset(index)).unwrap();
        self.bytes.slice(from..from + self.list.geometry().length(index) as usize)
    }

    fn piece(&self, index: PieceIndex) -> VerifiedPiece {
        let from = Source::Peer(SigningKey::from_seed([9; 32]).public_key().peer_id());
        let arrived = ArrivedPiece { index: index.get(), bytes: self.slice(index), from };
        self.list.verify(arrived).unwrap()
    }

    async fn keep_all(&self, store: &Store) {
        store.reserve(self.reservation(), NOW).await.unwrap();
        let have = store.learn(self.sha256(), Arc::clone(&self.list)).await.unwrap();
        let missing = have.complement();
        let pieces = missing.pieces(self.list.geometry());
        let keeps = pieces.map(|index| store.keep(self.sha256(), self.piece(index)));
        for outcome in futures::future::join_all(keeps).await {
            outcome.unwrap();
        }
        store.release(self.sha256());
    }

    async fn check_all(&self, store: &Store) {
        for index in self.list.geometry().indices() {
            assert_eq!(store.read(self.sha256(), index).await.unwrap(), self.slice(index));
        }
    }
}

/// Two that begin with the same pieces, and end otherwise.
fn twins() -> (Artifact, Artifact) {
    let artifact = Artifact::near(100_000, 1);
    let bytes = [&artifact.bytes[..4 * PIECE as usize], b"another end"].concat();
    (artifact, Artifact::of(bytes.into(), 2))
}

fn open(folder: &Path) -> Store {
    Store::open(folder, "test").unwrap()
}

/// A folder in memory where that can be, for tests that sync more than a disk likes.
fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The files in which pieces are kept.
fn slots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("store/artifacts")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let is_slot =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "part" || ending == "slm");
    files.filter(is_slot).collect()
}

#[tokio::test]
async fn what_the_disk_does_not_give_back_is_bad_by_itself_and_can_be_had_anew() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::new(1);
    let store = open(folder.path());
    artifact.keep_all(&store).await;
    let slot = slots(folder.path()).remove(0);
    let place = |index: u32| u64::from(index * PIECE);
    let bad = artifact.list.geometry().index(5).unwrap();
    faults.lose(&slot, place(5)..place(5) + 1);
    assert!(matches!(store.read(artifact.sha256(), bad).await, Err(ReadError::Corrupt)));
    assert!(matches!(store.read(artifact.sha256(), bad).await, Err(ReadError::Missing)));
    // A recheck goes on behind what it cannot read, and the rest stays as it is.
    faults.lose(&slot, place(2)..place(2) + 1);
    let report = store.recheck(artifact.sha256(), |_| {}).await.unwrap().unwrap();
    assert_eq!(report.checked, artifact.list.geometry().piece_count());
    assert_eq!(report.unread.iter().map(|index| index.get()).collect::<Vec<_>>(), [2, 5]);
    assert!(report.corrupt.is_empty());
    let map = store.map(artifact.sha256()).await.unwrap().unwrap();
    let corrupt = map.iter().filter(|state| **state == PieceState::Corrupt).count();
    assert_eq!(corrupt, 2);

    artifact.keep_all(&store).await;
    artifact.check_all(&store).await;
    // The last byte of one and the first of the next.
    faults.lose(&slot, place(4) - 1..place(4) + 1);
    let report = store.recheck(artifact.sha256(), |_| {}).await.unwrap().unwrap();
    assert_eq!(report.checked, artifact.list.geometry().piece_count());
    assert_eq!(report.unread.len(), 2);
    artifact.keep_all(&store).await;
    artifact.check_all(&store).await;
    assert!(store.forget(artifact.sha256()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_read_for_a_moment_is_bad_until_it_is_read_again_and_nothing_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::new(1);
    let count = artifact.list.geometry().piece_count() as usize;
    let mut store = open(folder.path());
    artifact.keep_all(&store).await;
    let slot = slots(folder.path()).remove(0);
    let bytes = fs::read(&slot).unwrap();
    for is_closed in [false, true] {
        faults.lose(&slot, 0..u64::MAX);
        let report = store.recheck(artifact.sha256(), |_| {}).await.unwrap().unwrap();
        assert_eq!((report.corrupt.len(), report.unread.len()), (0, count));
        let first = artifact.list.geometry().index(0).unwrap();
        assert!(store.read(artifact.sha256(), first).await.is_err(), "it is not served");
        if is_closed {
            drop(store);
            faults.end();
            store = open(folder.path());
            assert!(store.notices().is_empty(), "{:?}", store.notices());
        } else {
            faults.end();
        }
        assert_eq!(fs::read(&slot).unwrap(), bytes, "the file stays as it is");
        let map = store.map(artifact.sha256()).await.unwrap().unwrap();
        assert!(map.iter().all(|state| *state == PieceState::Corrupt), "until it is read again");
        let report = store.recheck(artifact.sha256(), |_| {}).await.unwrap().unwrap();
        assert_eq!((report.checked as usize, report.unread.len()), (count, 0));
        let map = store.map(artifact.sha256()).await.unwrap().unwrap();
        assert!(
            map.iter()
                .all(|state| matches!(state, PieceState::Kept { source: Source::Peer(_), .. }))
        );
        artifact.check_all(&store).await;
    }
    drop(store);
    let store = open(folder.path());
    assert!(store.model(artifact.sha256()).await.unwrap().unwrap().have.is_full());
    faults.lose(&slot, 0..u64::MAX);
    store.recheck(artifact.sha256(), |_| {}).await.unwrap();
    store.forget(artifact.sha256()).await.unwrap();
    assert!(slots(folder.path()).is_empty(), "what is forgotten goes all the same");
}

#[tokio::test]
async fn a_manifest_that_is_lost_is_told_and_another_of_the_same_cut_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = Artifact::new(1);
    artifact.keep_all(&open(folder.path())).await;
    let manifests = folder.path().join("store/artifacts");
    for is_gone in [true, false] {
        let files = fs::read_dir(&manifests).unwrap().map(|entry| entry.unwrap().path());
        let mut files = files.filter(|path| path.extension().unwrap() == "manifest");
        let path = files.next().unwrap();
        if is_gone {
            fs::remove_file(&path).unwrap();
        } else {
            let mut bytes = fs::read(&path).unwrap();
            let last = bytes.len() - 2;
            bytes[last] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
        let store = open(folder.path());
        assert_eq!(store.notices().len(), 1, "{:?}", store.notices());
        let name = if is_gone { "model-1" } else { "model-2" };
        let wanted = format!("The manifest of {name} 1 is damaged or gone from the library. ");
        assert!(store.notices()[0].starts_with(&wanted), "{:?}", store.notices());
        assert_eq!(store.manifest(artifact.sha256()).await.unwrap(), None);
        // Of the same bytes and cut, under another name.
        let other = Artifact::of(artifact.bytes.clone(), if is_gone { 2 } else { 1 });
        other.keep_all(&store).await;
        drop(store);
        let store = open(folder.path());
        assert!(store.notices().is_empty(), "{:?}", store.notices());
        assert_eq!(
            store.manifest(artifact.sha256()).await.unwrap().unwrap(),
            other.manifest.bytes()
        );
        other.check_all(&store).await;
    }
}

#[tokio::test]
async fn the_least_recently_used_goes_first_and_what_is_pinned_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let kept: Vec<_> = (1..4).map(Artifact::new).collect();
    for artifact in &kept {
        artifact.keep_all(&store).await;
    }
    store.pin(kept[0].sha256(), Pin::Pinned).await.unwrap();
    store.verified(kept[1].sha256(), NOW.plus(60)).await.unwrap();
    let accounts = store.accounts().await.unwrap();
    store.set_quota(accounts.live + accounts.index + 100_000).await.unwrap();
    assert_eq!(store.would_evict(1_000).await.unwrap(), []);
    let newcomer = Artifact::new(9);
    let foreseen = store.would_evict(newcomer.bytes.len() as u64).await.unwrap();
    assert_eq!(foreseen.len(), 1, "{foreseen:?}");
    assert_eq!(store.would_reserve(newcomer.reservation()).await.unwrap(), foreseen);
    assert_eq!(foreseen[0].artifact, kept[2].sha256());
    assert!(foreseen[0].bytes >= kept[2].bytes.len() as u64);
    let refused = store.would_evict(1 << 40).await;
    assert!(matches!(refused, Err(ReserveError::Quota { .. })), "{refused:?}");
    assert_eq!(store.models().await.unwrap().len(), 3, "nothing went by being asked about");
    store.reserve(newcomer.reservation(), NOW).await.unwrap();
    let left: Vec<_> =
        store.models().await.unwrap().into_iter().map(|model| model.artifact).collect();
    assert!(left.contains(&kept[0].sha256()) && left.contains(&kept[1].sha256()));
    assert!(!left.contains(&kept[2].sha256()));
}

#[tokio::test]
async fn what_cannot_fit_whatever_goes_is_refused_before_anything_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let kept: Vec<_> = (1..4).map(Artifact::new).collect();
    for artifact in &kept {
        artifact.keep_all(&store).await;
    }
    // More is kept than the quota allows, so that what would go leaves less than it takes.
    let newcomer = Artifact::new(9);
    store.set_quota(newcomer.bytes.len() as u64).await.unwrap();
    for refused in [
        store.would_reserve(newcomer.reservation()).await.map(drop),
        store.would_evict(newcomer.bytes.len() as u64).await.map(drop),
        store.reserve(newcomer.reservation(), NOW).await.map(drop),
    ] {
        let Err(ReserveError::Quota { wanted, left, quota }) = refused else {
            panic!("{refused:?}")
        };
        assert!(left <= quota && left < wanted, "{left} of {quota} for {wanted}");
    }
    assert_eq!(store.models().await.unwrap().len(), 3, "nothing went");
    // Nothing that is here already takes room, or has anything go for it.
    assert_eq!(store.would_reserve(kept[0].reservation()).await.unwrap(), []);
    // With room for it alone, everything goes, and the quota holds.
    let index = store.accounts().await.unwrap().index;
    store.set_quota(index + newcomer.bytes.len() as u64 + 200_000).await.unwrap();
    let held = store.reserve(newcomer.reservation(), NOW).await.unwrap();
    assert_eq!(held.evicted.len(), 3);
    let Accounts { live, index, reserved, quota, .. } = store.accounts().await.unwrap();
    assert!(live + index + reserved <= quota);
}

#[tokio::test]
async fn an_output_takes_room_of_its_disk_and_none_of_the_quota() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (here, newcomer) = (Artifact::new(1), Artifact::new(2));
    here.keep_all(&store).await;
    let Accounts { live, index, .. } = store.accounts().await.unwrap();
    let length = newcomer.bytes.len() as u64;
    store.set_quota(live + index + length + 100_000).await.unwrap();
    let output = |bytes| {
        let (folder, way) = (folder.path().to_owned(), OutputWay::Beside);
        let output = Some(WantedOutput { folder, bytes, way });
        Reservation { output, ..newcomer.reservation() }
    };
    assert_eq!(store.would_evict(length).await.unwrap(), [], "one word for all who ask");
    assert_eq!(store.would_reserve(newcomer.reservation()).await.unwrap(), []);
    assert_eq!(store.would_reserve(output(length)).await.unwrap(), []);
    let huge = store.would_reserve(output(1 << 50)).await;
    assert!(matches!(huge, Err(ReserveError::Device { .. })), "{huge:?}");
    let held = store.reserve(output(length), NOW).await.unwrap();
    assert_eq!(held.evicted, []);
    assert!(store.accounts().await.unwrap().reserved < length + 100_000);
}

#[tokio::test]
async fn a_file_that_takes_all_of_its_length_at_once_is_counted_once() {
    let folder = quick_folder();
    let store = open(folder.path());
    let artifact = Artifact::near(2 << 20, 1);
    let (id, length) = (artifact.sha256(), artifact.bytes.len() as u64);
    store.reserve(artifact.reservation(), NOW).await.unwrap();
    let first = artifact.list.geometry().index(0).unwrap();
    store.keep(id, artifact.piece(first)).await.unwrap();
    let used = async || {
        let Accounts { live, index, reserved, .. } = store.accounts().await.unwrap();
        (live + reserved, live + index)
    };
    assert!((length..length + 100_000).contains(&used().await.0));
    // As where there are no holes.
    let file = fs::File::options().write(true).open(&slots(folder.path())[0]).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length).unwrap();
    assert!((length..length + 100_000).contains(&used().await.0));
    store.release(id);
    store.set_quota(used().await.1 + 100_000).await.unwrap();
    artifact.keep_all(&store).await;
    artifact.check_all(&store).await;
}

#[tokio::test]
async fn what_lies_with_another_keeps_its_room_while_it_is_imported() {
    let folder = quick_folder();
    let store = open(folder.path());
    let (artifact, twin) = twins();
    artifact.keep_all(&store).await;
    store.reserve(twin.reservation(), NOW).await.unwrap();
    let before = store.accounts().await.unwrap();
    store.learn(twin.sha256(), Arc::clone(&twin.list)).await.unwrap();
    let after = store.accounts().await.unwrap();
    assert_eq!(before.live + before.reserved, after.live + after.reserved);
    // It may be bad where it lies, and is fetched into the own file then.
    let bad = artifact.list.geometry().index(1).unwrap();
    store.mark_bad(artifact.sha256(), bad).await.unwrap();
    store.keep(twin.sha256(), twin.piece(bad)).await.unwrap();
    let fetched = store.accounts().await.unwrap();
    assert!(fetched.live + fetched.reserved <= after.live + after.reserved);
}

#[tokio::test(start_paused = true)]
async fn a_piece_waits_while_the_disk_is_full_and_is_kept_when_it_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::under(folder.path());
    let store = open(folder.path());
    let (artifact, other) = (Artifact::new(1), Artifact::new(2));
    other.keep_all(&store).await;
    let id = artifact.sha256();
    store.reserve(artifact.reservation(), NOW).await.unwrap();
    store.learn(id, Arc::clone(&artifact.list)).await.unwrap();
    let mut indices = artifact.list.geometry().indices();
    let mut landed = store.landed();
    for op in [Op::Write, Op::Sync] {
        let index = indices.next().unwrap();
        let mut keep = std::pin::pin!(store.keep(id, artifact.piece(index)));
        faults.always(op, Errno::NOSPC);
        for _ in 0..3 {
            let told = tokio::select! {
                kept = &mut keep => panic!("{kept:?}"),
                told = landed.recv() => told.unwrap(),
            };
            let full = matches!(&told, Landed::Full { artifact, place } if *artifact == id && place.is_dir());
            assert!(full, "{told:?}");
        }
        faults.end();
        keep.await.unwrap();
        assert_eq!(landed.try_recv().unwrap(), Landed::Piece(id, index));
        assert_eq!(landed.try_recv().unwrap(), Landed::Room(id));
        assert_eq!(store.read(id, index).await.unwrap(), artifact.slice(index));
    }
    // Whoever stops waiting ends it, and what is forgotten lets it be tried at once.
    faults.always(Op::Write, Errno::NOSPC);
    let index = indices.next().unwrap();
    {
        let mut keep = std::pin::pin!(store.keep(id, artifact.piece(index)));
        tokio::select! {
            kept = &mut keep => panic!("{kept:?}"),
            told = landed.recv() => drop(told.unwrap()),
        }
    }
    faults.end();
    assert!(!store.model(id).await.unwrap().unwrap().have.contains(index));
    store.forget(other.sha256()).await.unwrap();
    store.keep(id, artifact.piece(index)).await.unwrap();
}

#[tokio::test]
async fn a_list_of_peers_or_a_store_that_is_gone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = open(folder.path());
        assert!(store.notices().is_empty(), "there was none: {:?}", store.notices());
    }
    open(folder.path()).set_quota(1 << 30).await.unwrap();
    fs::remove_file(folder.path().join("book.json")).unwrap();
    for _ in 0..2 {
        let store = open(folder.path());
        let [told] = store.notices() else { panic!("{:?}", store.notices()) };
        assert!(told.starts_with("The list of paired peers, ") && told.contains("book.json"));
    }
    open(folder.path()).set_quota(1 << 30).await.unwrap();
    assert!(open(folder.path()).notices().is_empty());
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    let store = open(folder.path());
    let [told] = store.notices() else { panic!("{:?}", store.notices()) };
    assert!(told.starts_with("The folder of the models, "), "{told}");
    drop(store);
    // Also of one that an earlier version wrote, from the first start of this one on.
    fs::remove_file(folder.path().join("store/book-was-written")).unwrap();
    assert!(open(folder.path()).notices().is_empty());
    fs::remove_file(folder.path().join("book.json")).unwrap();
    assert_eq!(open(folder.path()).notices().len(), 1);
}
