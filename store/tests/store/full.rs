//! A disk that fills up, and has room again.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use app::ports::{Landed, PieceStore as _};
use verifier::piece::Source;

use crate::disk::SmallDisk;
use crate::fixture::{Sample, now, slots};
use crate::open;

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_disk_is_full_is_kept_when_it_has_room() {
    let Some(disk) = SmallDisk::mount(48 << 20) else { return };
    let sample = Sample::new(16_384 * 64, 1);
    let store = Arc::new(open(disk.path()));
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    for index in 0..20 {
        store.keep(sample.artifact, sample.piece(index, Source::Local)).await.unwrap();
    }
    let mut landed = store.landed();
    let ballast = disk.fill();
    // Even what is small cannot be written down now: the index fails.
    let kept = fs::File::options().write(true).open(slots(disk.path()).remove(0)).unwrap();
    kept.write_all_at(b"other bytes", 16_384 * 3 + 100).unwrap();
    let index = sample.piece(3, Source::Local).index();
    assert!(store.read(sample.artifact, index).await.is_err());
    assert!(store.verified(sample.artifact, now()).await.is_err());
    let keeps: Vec<_> = (20..64)
        .chain([3])
        .map(|index| {
            let (store, piece) = (Arc::clone(&store), sample.piece(index, Source::Local));
            tokio::spawn(async move { store.keep(sample.artifact, piece).await })
        })
        .collect();
    while !matches!(landed.recv().await.unwrap(), Landed::Full { .. }) {}
    fs::remove_file(ballast).unwrap();
    for keep in keeps {
        keep.await.unwrap().unwrap();
    }
    while landed.recv().await.unwrap() != Landed::Room(sample.artifact) {}
    store.release(sample.artifact);
    drop(store);
    let store = open(disk.path());
    assert!(store.notices().is_empty(), "{:?}", store.notices());
    assert!(store.model(sample.artifact).await.unwrap().unwrap().have.is_full());
    let recheck = store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((recheck.checked, recheck.corrupt.len()), (64, 0));
}
