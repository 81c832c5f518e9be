//! A disk that fills up, and has room again.

#![expect(clippy::unwrap_used, reason = "a fixture that fails fails its test")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use app::ports::{Landed, PieceState, PieceStore as _, Pin};
use store::Store;
use verifier::identity::SigningKey;
use verifier::piece::Source;
use verifier::{Bitfield, Sha256};

use crate::disk::SmallDisk;
use crate::fixture::{self, Sample, now, slots};
use crate::open;

/// Takes a whole artifact in, from a peer.
async fn keep(store: &Store, sample: &Sample, peer: Source) {
    store.reserve(sample.reservation(), now()).await.unwrap();
    let have = store.learn(sample.artifact, sample.list()).await.unwrap();
    for index in have.complement().pieces(sample.list().geometry()) {
        store.keep(sample.artifact, sample.piece(index.get(), peer)).await.unwrap();
    }
    store.release(sample.artifact);
}

async fn have(store: &Store, artifact: Sha256) -> Option<Bitfield> {
    store.model(artifact).await.unwrap().map(|model| model.have)
}

/// Whether all pieces are known to have come from there.
async fn is_from(store: &Store, artifact: Sha256, peer: Source) -> bool {
    let map = store.map(artifact).await.unwrap().unwrap();
    map.iter().all(|state| matches!(state, PieceState::Kept { source, .. } if *source == peer))
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_library_on_a_full_disk_can_be_looked_at_and_forgetting_makes_room() {
    let Some(disk) = SmallDisk::mount(48 << 20) else { return };
    let peer = Source::Peer(SigningKey::from_seed([7; 32]).public_key().peer_id());
    let [whole, other] = [1, 2].map(|seed| Sample::new(16_384 * 64, seed));
    // Of this one, all but four pieces lie in the file of the first.
    let alike = Sample::new(16_384 * 68, 1);
    let store = open(disk.path());
    for sample in [&whole, &other, &alike] {
        keep(&store, sample, peer).await;
    }
    store.verified(whole.artifact, now()).await.unwrap();
    let begun = Sample::new(16_384 * 4, 3);
    store.reserve(begun.reservation(), now()).await.unwrap();
    store.learn(begun.artifact, begun.list()).await.unwrap();
    store.keep(begun.artifact, begun.piece(2, peer)).await.unwrap();
    store.release(begun.artifact);
    drop(store);
    let ballast = disk.fill();
    assert_eq!(disk.free(), 0);

    let store = open(disk.path());
    let [notice] = store.notices() else { panic!("one thing is told: {:?}", store.notices()) };
    assert!(notice.contains("is full"), "{notice}");
    for sample in [&whole, &other, &alike] {
        assert!(have(&store, sample.artifact).await.unwrap().is_full());
        let recheck = store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap();
        assert!(recheck.corrupt.is_empty() && recheck.unread.is_empty());
    }
    let some = have(&store, begun.artifact).await.unwrap();
    assert_eq!(some.pieces(begun.list().geometry()).map(|it| it.get()).collect::<Vec<_>>(), [2]);
    assert_eq!(store.accounts().await.unwrap().free, 0);
    assert!(store.pin(other.artifact, Pin::Pinned).await.unwrap());
    // What others use is not given up while there is no room for it elsewhere, nor is anything begun.
    assert!(store.forget(whole.artifact).await.is_err());
    assert!(store.reserve(Sample::new(16_384, 4).reservation(), now()).await.is_err());
    drop(store);

    let store = open(disk.path());
    assert_eq!(store.model(other.artifact).await.unwrap().unwrap().pin, Pin::Pinned);
    assert!(store.forget(alike.artifact).await.unwrap().unwrap() > 0);
    assert!(store.forget(begun.artifact).await.unwrap().is_some());
    assert!(store.forget(whole.artifact).await.unwrap().unwrap() >= 16_384 * 64);
    assert!(disk.free() >= 16_384 * 64);
    // As soon as there is room, the index is used again, with all that it knew.
    fs::remove_file(ballast).unwrap();
    keep(&store, &begun, Source::Local).await;
    assert!(is_from(&store, other.artifact, peer).await);
    drop(store);
    let store = open(disk.path());
    assert!(store.notices().is_empty(), "{:?}", store.notices());
    assert!(have(&store, whole.artifact).await.is_none());
    assert!(have(&store, alike.artifact).await.is_none());
    assert!(is_from(&store, other.artifact, peer).await);
    assert!(is_from(&store, begun.artifact, Source::Local).await);
    assert_eq!(slots(disk.path()).len(), 2);
    let names = fs::read_dir(disk.path().join("store/artifacts")).unwrap();
    let is_left = |name: &str| name.ends_with(".forgotten");
    assert!(!names.into_iter().any(|it| is_left(it.unwrap().file_name().to_str().unwrap())));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_could_not_be_opened_on_a_full_disk_is_as_good_as_before() {
    let Some(disk) = SmallDisk::mount(48 << 20) else { return };
    let peer = Source::Peer(SigningKey::from_seed([7; 32]).public_key().peer_id());
    let sample = Sample::new(16_384 * 64, 1);
    keep(&open(disk.path()), &sample, peer).await;
    for _ in 0..3 {
        let ballast = disk.fill();
        let store = open(disk.path());
        assert!(store.notices().concat().contains("is full"), "{:?}", store.notices());
        drop(store);
        fs::remove_file(ballast).unwrap();
        let store = open(disk.path());
        assert_eq!(store.notices(), [""; 0]);
        assert!(is_from(&store, sample.artifact, peer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_lost_is_told_also_after_the_disk_was_full() {
    let Some(disk) = SmallDisk::mount(48 << 20) else { return };
    fixture::keep(&open(disk.path()), &Sample::new(16_384 * 64, 1)).await;
    fs::remove_dir_all(disk.path().join("store/index")).unwrap();
    let ballast = disk.fill();
    assert!(open(disk.path()).notices().concat().contains("is full"));
    fs::remove_file(ballast).unwrap();
    let store = open(disk.path());
    assert!(store.notices().concat().starts_with("The index of the library was lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_one_model_on_a_full_disk_deletes_no_other() {
    let Some(disk) = SmallDisk::mount(48 << 20) else { return };
    let peer = Source::Peer(SigningKey::from_seed([7; 32]).public_key().peer_id());
    let [gone, stays] = [1, 2].map(|seed| Sample::new(16_384 * 64, seed));
    let store = open(disk.path());
    keep(&store, &stays, peer).await;
    keep(&store, &gone, peer).await;
    drop(store);
    let digits = stays.artifact.to_string().replace("sha256:", "");
    fs::remove_file(disk.path().join(format!("store/artifacts/{digits}.manifest"))).unwrap();
    let ballast = disk.fill();
    let store = open(disk.path());
    assert!(store.forget(gone.artifact).await.unwrap().unwrap() >= 16_384 * 64);
    assert_eq!(slots(disk.path()).len(), 1);
    drop(store);
    fs::remove_file(ballast).unwrap();
    let store = open(disk.path());
    let [notice] = store.notices() else { panic!("one thing is told: {:?}", store.notices()) };
    assert!(notice.starts_with("The manifest of tiny 1.0 is damaged or gone"), "{notice}");
    assert!(is_from(&store, stays.artifact, peer).await);
    let recheck = store.recheck(stays.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((recheck.checked, recheck.corrupt.len()), (64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_forgotten_also_when_the_disk_got_full_meanwhile() {
    let Some(disk) = SmallDisk::mount(32 << 20) else { return };
    let samples: Vec<Sample> = (1..=6).map(|seed| Sample::new(16_384 * 32, seed)).collect();
    let store = open(disk.path());
    for sample in &samples {
        fixture::keep(&store, sample).await;
    }
    disk.fill();
    let (last, gone) = samples.split_last().unwrap();
    for sample in gone {
        assert!(store.forget(sample.artifact).await.unwrap().unwrap() >= 16_384 * 32);
        assert!(have(&store, sample.artifact).await.is_none());
    }
    drop(store);
    let store = open(disk.path());
    assert_eq!(store.models().await.unwrap().len(), 1);
    assert!(have(&store, last.artifact).await.unwrap().is_full());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_on_a_disk_that_may_only_be_read_is_read() {
    let Some(disk) = SmallDisk::mount(32 << 20) else { return };
    let sample = Sample::new(16_384 * 8, 1);
    let store = open(disk.path());
    fixture::keep(&store, &sample).await;
    drop(store);
    disk.close();
    let store = open(disk.path());
    let [notice] = store.notices() else { panic!("one thing is told: {:?}", store.notices()) };
    assert!(notice.contains("may only be read"), "{notice}");
    let recheck = store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((recheck.checked, recheck.corrupt.len()), (8, 0));
    let refused = store.forget(sample.artifact).await.unwrap_err();
    assert!(refused.to_string().contains("a disk that may only be read"), "{refused}");
    assert!(Store::open(disk.path(), "other").is_err(), "it is still one process's");
}
