//! Pieces that several artifacts have.

#![expect(clippy::unwrap_used, reason = "a fixture that fails fails its test")]

use std::fs;

use app::ports::PieceStore as _;
use store::Store;
use verifier::piece::Source;

use crate::fixture::{Sample, keep, now, rot};
use crate::open;

const PIECE: usize = 16_384;

async fn check(store: &Store, sample: &Sample) {
    assert!(store.model(sample.artifact).await.unwrap().unwrap().have.is_full());
    for piece in sample.pieces() {
        let read = store.read(sample.artifact, piece.index()).await.unwrap();
        assert_eq!(&read, piece.bytes());
    }
}

#[tokio::test]
async fn pieces_of_two_artifacts_lie_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (a, b) = (Sample::new(PIECE * 20, 1), Sample::new(PIECE * 30, 1));
    keep(&store, &a).await;
    let before = store.accounts().await.unwrap();
    keep(&store, &b).await;
    let after = store.accounts().await.unwrap();
    // Where the file system clones, it says of each file that it takes the blocks that both have.
    let is_cloned = after.shared == 0;
    if !is_cloned {
        assert!(after.live - before.live <= 11 * PIECE as u64, "{before:?} {after:?}");
        assert_eq!(after.shared, 20 * PIECE as u64);
    }
    drop(store);
    let store = open(folder.path());
    check(&store, &b).await;
    assert_eq!(store.accounts().await.unwrap().shared, after.shared);
    let recheck = store.recheck(b.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((recheck.checked, recheck.corrupt.len()), (30, 0));
    drop(store);
    // What lies where is found again without the index.
    fs::remove_dir_all(folder.path().join("store/index")).unwrap();
    let store = open(folder.path());
    check(&store, &b).await;
    assert_eq!(store.accounts().await.unwrap().shared, after.shared);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn pieces_of_two_artifacts_share_blocks_where_the_disk_can() {
    use crate::disk::SmallDisk;

    let Some(disk) = SmallDisk::that_clones() else { return };
    let store = open(disk.path());
    // The last piece of the first ends within a block, and is one of the second.
    let (a, b) = (Sample::new((8 << 20) + 100, 1), Sample::new(10 << 20, 1));
    keep(&store, &a).await;
    let before = (disk.free(), store.accounts().await.unwrap());
    keep(&store, &b).await;
    let after = (disk.free(), store.accounts().await.unwrap());
    assert!(after.1.live - before.1.live >= 10 << 20, "each file has all that it has");
    assert_eq!(after.1.shared, 0);
    let taken = before.0 - after.0;
    assert!(taken < 5 << 20, "{taken} bytes more are taken");
    rot(disk.path(), a.piece(1, Source::Local).bytes());
    store.forget(a.artifact).await.unwrap();
    check(&store, &b).await;
    drop(store);
    check(&open(disk.path()), &b).await;
}

#[tokio::test]
async fn a_shared_piece_moves_on_when_its_holder_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [a, b, c] = [20, 25, 30].map(|pieces| Sample::new(PIECE * pieces, 1));
    for sample in [&a, &b, &c] {
        keep(&store, sample).await;
    }
    for (gone, left) in [(&a, &[&b, &c][..]), (&b, &[&c][..])] {
        assert!(store.forget(gone.artifact).await.unwrap().is_some());
        for sample in left {
            check(&store, sample).await;
        }
    }
    drop(store);
    let store = open(folder.path());
    assert!(store.notices().is_empty(), "{:?}", store.notices());
    check(&store, &c).await;
    assert_eq!(store.accounts().await.unwrap().shared, 0);
    store.forget(c.artifact).await.unwrap();
    assert_eq!(store.accounts().await.unwrap().live, 0);
}

#[tokio::test]
async fn a_piece_never_lies_where_another_has_it_of_the_same_artifact() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Two equal pieces, of which the first is kept, and taken over by another artifact.
    let with =
        |pieces: usize, end: u8| Sample::of([vec![0; PIECE * pieces], vec![end; PIECE]].concat());
    let b = with(1, 1);
    let a = (2..).map(|end| with(2, end)).find(|a| a.artifact < b.artifact).unwrap();
    store.reserve(a.reservation(), now()).await.unwrap();
    store.learn(a.artifact, a.list()).await.unwrap();
    store.keep(a.artifact, a.piece(0, Source::Local)).await.unwrap();
    keep(&store, &b).await;
    let is_cloned = store.accounts().await.unwrap().shared == 0;
    let have = store.learn(a.artifact, a.list()).await.unwrap();
    assert!(is_cloned || have.ranges() == [(0, 0)], "{have:?}");
    store.release(a.artifact);
    store.forget(a.artifact).await.unwrap();
    check(&store, &b).await;
}

#[tokio::test]
async fn a_file_that_ends_too_early_is_noticed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(PIECE * 4, 1);
    {
        let store = open(folder.path());
        keep(&store, &sample).await;
    }
    let digits = sample.artifact.to_string().replace("sha256:", "");
    let path = folder.path().join(format!("store/artifacts/{digits}.part"));
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(PIECE as u64 * 2 + 5).unwrap();
    let store = open(folder.path());
    let have = store.model(sample.artifact).await.unwrap().unwrap().have;
    assert_eq!(have.ranges(), [(0, 1)]);
    keep(&store, &sample).await;
    check(&store, &sample).await;
}

#[tokio::test]
async fn what_is_lost_with_the_file_of_another_artifact_is_missing_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(PIECE * 4, 1), Sample::new(PIECE * 6, 1));
    {
        let store = open(folder.path());
        keep(&store, &a).await;
        keep(&store, &b).await;
        if store.accounts().await.unwrap().shared == 0 {
            // Each has its own where the file system clones.
            return;
        }
        rot(folder.path(), a.piece(1, Source::Local).bytes());
        let index = b.piece(1, Source::Local).index();
        assert!(store.read(b.artifact, index).await.is_err());
        let have = store.model(a.artifact).await.unwrap().unwrap().have;
        assert_eq!(have.ranges(), [(0, 0), (2, 3)], "it is bad for both");
        // Had anew, it lies in the own file.
        store.reserve(b.reservation(), now()).await.unwrap();
        store.keep(b.artifact, b.piece(1, Source::Local)).await.unwrap();
        store.release(b.artifact);
        check(&store, &b).await;
    }
    let digits = a.artifact.to_string().replace("sha256:", "");
    fs::remove_file(folder.path().join(format!("store/artifacts/{digits}.part"))).unwrap();
    let store = open(folder.path());
    let [told] = store.notices() else { panic!("{:?}", store.notices()) };
    assert!(told.starts_with("6 kept pieces of tiny"), "{told}");
    assert!(told.contains(" were lost with their files. "), "{told}");
    let have = store.model(b.artifact).await.unwrap().unwrap().have;
    assert_eq!(have.ranges(), [(1, 1), (4, 5)]);
    assert!(store.model(a.artifact).await.unwrap().unwrap().have.is_empty());
}
