//! A library that a crash or a bad disk left, as the next start finds it.

use super::*;
use crate::documents::{ADDRESSES, PART};
use crate::index::Index;
use crate::layout::Layout;

/// Says that artifacts were being written when the last process broke off.
fn set_busy(folder: &Path, artifacts: &[&Artifact]) {
    let digits = |artifact: &&Artifact| artifact.sha256().to_string().replace("sha256:", "") + "\n";
    let text: String = artifacts.iter().map(digits).collect();
    fs::write(Layout::new(folder).busy(), text).unwrap();
}

/// Lets an index know nothing of an artifact.
fn lose_row(folder: &Path, artifact: &Artifact) {
    let index = Index::open(Layout::new(folder).index()).unwrap();
    index.remove(artifact.sha256()).unwrap();
    index.sync().unwrap();
}

/// Writes into the file of an artifact, from a piece on.
fn write(folder: &Path, artifact: &Artifact, piece: u32, bytes: &[u8]) {
    let path = Layout::new(folder).of(artifact.sha256(), PART);
    let file = fs::File::options().write(true).open(path).unwrap();
    let place = u64::from(piece * PIECE);
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, place).unwrap();
}

/// Two models that a library has whole.
async fn two_kept(folder: &Path) -> [Artifact; 2] {
    let artifacts = [1, 2].map(|seed| Artifact::near(40_000, seed));
    let store = open(folder);
    for artifact in &artifacts {
        artifact.keep_all(&store).await;
    }
    artifacts
}

async fn have(store: &Store, artifact: &Artifact) -> Vec<u32> {
    let model = store.model(artifact.sha256()).await.unwrap().unwrap();
    model.have.pieces(&model.geometry).map(|index| index.get()).collect()
}

/// Two models of which the second lies with the first but for its end; `None` where files share
/// blocks, and each has its own.
async fn shared(folder: &Path) -> Option<(Artifact, Artifact)> {
    let (artifact, twin) = twins();
    let store = open(folder);
    artifact.keep_all(&store).await;
    twin.keep_all(&store).await;
    (store.accounts().await.unwrap().shared > 0).then_some((artifact, twin))
}

#[tokio::test]
async fn a_piece_that_lies_with_another_is_as_it_was_found_to_be_there() {
    let folder = quick_folder();
    let Some((artifact, twin)) = shared(folder.path()).await else { return };
    // The index lost the one that has the pieces; they are proven before anything is said of the other.
    lose_row(folder.path(), &artifact);
    {
        let store = open(folder.path());
        assert!(store.notices().is_empty(), "{:?}", store.notices());
        twin.check_all(&store).await;
    }
    write(folder.path(), &artifact, 1, b"rotten");
    set_busy(folder.path(), &[&artifact]);
    {
        let store = open(folder.path());
        for one in [&artifact, &twin] {
            let map = store.map(one.sha256()).await.unwrap().unwrap();
            assert_eq!(map[1], PieceState::Corrupt, "from the first moment");
            assert!(!have(&store, one).await.contains(&1));
        }
    }
    // Had anew, and not acknowledged: it is found where it was written.
    write(folder.path(), &twin, 1, &twin.slice(twin.list.geometry().index(1).unwrap()));
    set_busy(folder.path(), &[&twin]);
    let store = open(folder.path());
    twin.check_all(&store).await;
    assert!(!have(&store, &artifact).await.contains(&1));
}

#[tokio::test]
async fn what_cannot_be_made_durable_is_not_taken_in() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::near(40_000, 1);
    let [first, second] = [0, 1].map(|index| artifact.list.geometry().index(index).unwrap());
    {
        let store = open(folder.path());
        store.reserve(artifact.reservation(), NOW).await.unwrap();
        store.learn(artifact.sha256(), Arc::clone(&artifact.list)).await.unwrap();
        store.keep(artifact.sha256(), artifact.piece(first)).await.unwrap();
    }
    // Written by a process that was killed before it could sync it.
    write(folder.path(), &artifact, 1, &artifact.slice(second));
    set_busy(folder.path(), &[&artifact]);
    faults.always_at(&slots(folder.path())[0], Op::Sync, Errno::IO);
    assert_eq!(have(&open(folder.path()), &artifact).await, [0]);
    assert_eq!(faults.end(), [Op::Sync]);
    // It was left in doubt.
    let store = open(folder.path());
    assert_eq!(have(&store, &artifact).await, [0, 1]);
    assert_eq!(store.read(artifact.sha256(), second).await.unwrap(), artifact.slice(second));
}

#[tokio::test]
async fn nothing_that_cannot_be_read_keeps_the_library_from_opening() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let layout = Layout::new(folder.path());
    let [artifact, other] = two_kept(folder.path()).await;
    let id = artifact.sha256();
    let beside = [layout.busy(), layout.manifest(id), layout.of(id, "list")];
    let file = [layout.of(id, PART), layout.of(id, ADDRESSES)];
    for path in beside.iter().chain(&file) {
        for errno in [Errno::IO, Errno::TIMEDOUT] {
            for op in [Op::Open, Op::Read] {
                set_busy(folder.path(), &[&artifact]);
                faults.always_at(path, op, errno);
                let store = open(folder.path());
                other.check_all(&store).await;
                drop(store);
                assert!(!faults.end().is_empty(), "{path:?} is read");
                // What could not be looked at is looked at again; what was bad for a moment too.
                let store = open(folder.path());
                store.recheck(id, |_| {}).await.unwrap();
                artifact.check_all(&store).await;
            }
        }
    }
    // The manifest alone knows of it.
    lose_row(folder.path(), &artifact);
    faults.always_at(&layout.manifest(id), Op::Read, Errno::IO);
    {
        let store = open(folder.path());
        other.check_all(&store).await;
        assert_eq!(store.notices().len(), 1, "{:?}", store.notices());
        assert!(store.model(id).await.unwrap().is_none());
    }
    faults.end();
    artifact.check_all(&open(folder.path())).await;
}

#[tokio::test]
async fn nothing_that_cannot_be_removed_keeps_the_library_from_opening() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let layout = Layout::new(folder.path());
    let [artifact, other] = two_kept(folder.path()).await;
    let id = artifact.sha256();
    fs::rename(layout.manifest(id), layout.of(id, "forgotten")).unwrap();
    let aside = layout.artifacts().join(".a.list-1.new");
    fs::write(&aside, "half").unwrap();
    faults.always_at(&layout.artifacts(), Op::Remove, Errno::IO);
    {
        let store = open(folder.path());
        assert!(store.model(id).await.unwrap().is_none(), "it is forgotten all the same");
        other.check_all(&store).await;
    }
    faults.end();
    let store = open(folder.path());
    assert!(store.notices().is_empty(), "{:?}", store.notices());
    assert_eq!((slots(folder.path()).len(), aside.exists()), (1, false));
    assert!(!layout.of(id, "forgotten").exists());
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_learnt_anew() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::near(40_000, 1);
    let id = artifact.sha256();
    let store = open(folder.path());
    store.reserve(artifact.reservation(), NOW).await.unwrap();
    store.learn(id, Arc::clone(&artifact.list)).await.unwrap();
    store.release(id);
    faults.always_at(&Layout::new(folder.path()).of(id, "list"), Op::Read, Errno::IO);
    assert!(store.list(id).await.unwrap().is_none());
    let held = store.reserve(artifact.reservation(), NOW).await.unwrap();
    assert!(held.list.is_none());
    store.learn(id, Arc::clone(&artifact.list)).await.unwrap();
    store.release(id);
    faults.end();
    assert_eq!(store.list(id).await.unwrap().unwrap(), artifact.list);
}
