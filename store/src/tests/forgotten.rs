//! What is forgotten, or was found to be bad, gives its space back, and takes nothing else along.

use app::ports::Day;

use super::*;
use crate::catalogue::{Cell, Home};
use crate::files::faults::Fault;
use crate::forget;
use crate::index::Delta;

#[tokio::test]
async fn a_forgetting_that_fails_leaves_the_model_and_can_be_asked_for_again() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::near(40_000, 1);
    let id = artifact.sha256();
    let store = open(folder.path());
    for nth in 1.. {
        artifact.keep_all(&store).await;
        faults.fail(nth, Fault::Errno(Errno::IO));
        let first = store.forget(id).await;
        let failed = faults.end();
        if first.is_err() {
            artifact.check_all(&store).await;
            assert!(store.manifest(id).await.unwrap().is_some(), "{failed:?} of {nth}");
        }
        // What the disk did not let go of goes now, also if the model is forgotten already.
        let again = store.forget(id).await.unwrap();
        assert_eq!(again.is_some(), first.is_err(), "{failed:?} of {nth}");
        assert!(store.models().await.unwrap().is_empty());
        let left = fs::read_dir(folder.path().join("store/artifacts")).unwrap();
        assert_eq!(left.count(), 0, "{failed:?} of {nth}");
        if failed.is_empty() {
            assert!(nth > 8, "a forgetting asks more of the disk than that: {nth}");
            break;
        }
    }
}

#[tokio::test]
async fn what_comes_free_is_what_was_said_to_come_free() {
    let folder = quick_folder();
    let artifact = Artifact::near(40_000, 1);
    let store = open(folder.path());
    artifact.keep_all(&store).await;
    let [footprint] = store.footprints().await.unwrap()[..] else { panic!("there is one") };
    assert!(footprint.own >= artifact.bytes.len() as u64);
    assert_eq!(store.forget(artifact.sha256()).await.unwrap(), Some(footprint.own));
}

#[tokio::test]
async fn a_model_is_forgotten_also_if_the_index_cannot_be_written_anew() {
    let folder = quick_folder();
    let faults = Faults::under(folder.path());
    let artifact = Artifact::near(40_000, 1);
    let store = open(folder.path());
    artifact.keep_all(&store).await;
    let index = &store.shared().index;
    let gone = Sha256::of(b"gone");
    let cell = Cell::kept(1, Home::Own, Day::from_number(9));
    for number in 0..2_000 {
        let cells = (0..256).map(|index| (index, cell)).collect();
        index.append(&[Delta { artifact: gone, cells }], |_| number).unwrap();
    }
    index.flush().unwrap();
    index.remove(gone).unwrap();
    let before = index.size().unwrap();
    faults.always_at(&folder.path().join("store/index.old"), Op::Rename, Errno::IO);
    assert!(store.forget(artifact.sha256()).await.unwrap().is_some());
    assert_eq!(faults.end(), [Op::Rename]);
    // The index is as good as before, and written anew with the next.
    artifact.keep_all(&store).await;
    artifact.check_all(&store).await;
    assert!(store.forget(artifact.sha256()).await.unwrap().is_some());
    let after = store.accounts().await.unwrap().index;
    assert!(after < before / 2, "{after} of {before}");
}

#[tokio::test]
async fn who_inherits_pieces_is_in_order_then() {
    let folder = quick_folder();
    let (artifact, twin) = twins();
    let store = open(folder.path());
    artifact.keep_all(&store).await;
    twin.keep_all(&store).await;
    store.forget(artifact.sha256()).await.unwrap();
    twin.check_all(&store).await;
    assert_eq!(fs::read(folder.path().join("store/busy")).unwrap(), b"");
}

#[tokio::test]
async fn what_was_being_written_when_its_place_was_given_back_is_not_claimed() {
    let folder = quick_folder();
    let artifact = Arc::new(Artifact::near(40_000, 1));
    let (id, index) = (artifact.sha256(), artifact.list.geometry().index(0).unwrap());
    let store = Arc::new(open(folder.path()));
    artifact.keep_all(&store).await;
    let slot = slots(folder.path()).remove(0);
    let mut rotten = fs::read(&slot).unwrap();
    rotten[0] ^= 1;
    fs::write(&slot, rotten).unwrap();
    assert!(store.read(id, index).await.is_err());
    store.reserve(artifact.reservation(), NOW).await.unwrap();
    // The thread that commits is about to give the place back, but has not looked yet.
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let giving = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let give_back = move |shared: &crate::shared::Shared| {
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                forget::give_back(shared, id, &[index])
            };
            store.exclusive(give_back).await.unwrap();
        }
    });
    has_begun.await.unwrap();
    let keeping = tokio::spawn({
        let (store, artifact) = (Arc::clone(&store), Arc::clone(&artifact));
        async move { store.keep(id, artifact.piece(index)).await }
    });
    while fs::read(&slot).unwrap()[..PIECE as usize] != artifact.slice(index) {
        tokio::task::yield_now().await;
    }
    keeping.abort();
    store.release(id);
    go_on.send(()).unwrap();
    giving.await.unwrap();
    store.exclusive(|_| Ok(())).await.unwrap();
    assert!(!store.model(id).await.unwrap().unwrap().have.contains(index));
    artifact.keep_all(&store).await;
    artifact.check_all(&store).await;
}
