//! What survives a crash, rot and what is lost.

use std::fs;

use app::ports::{PieceState, PieceStore as _, Pin, ReadError, Reservation, ReserveError};
use bytes::Bytes;
use verifier::Sha256;
use verifier::piece::Source;

use crate::fixture::{Sample, copy_folder, now, packs, rot};
use crate::open;

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_in_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = Sample::new(16_384 * 40, 1);
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    for (number, piece) in sample.pieces().into_iter().enumerate() {
        store.keep(sample.artifact, piece).await.unwrap();
        if number % 13 == 0 {
            let crashed = tempfile::tempdir().unwrap();
            copy_folder(folder.path(), crashed.path());
            let store = open(crashed.path());
            let have = store.model(sample.artifact).await.unwrap().unwrap().have;
            assert_eq!(have.count() as usize, number + 1);
            let held = store.reserve(sample.reservation(), now()).await.unwrap();
            assert_eq!(held.have, have);
            assert_eq!(held.list.unwrap(), sample.list());
            let rest = sample.pieces().into_iter().skip(number + 1);
            for piece in rest {
                store.keep(sample.artifact, piece).await.unwrap();
            }
            let recheck = store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap();
            assert_eq!((recheck.checked, recheck.corrupt.len()), (40, 0));
        }
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_a_whole_one_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(16_384 * 4, 1);
    let store = open(folder.path());
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    store.keep(sample.artifact, sample.piece(0, Source::Local)).await.unwrap();
    let behind = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), behind.path());
    let whole = fs::metadata(&packs(folder.path())[0]).unwrap().len();
    store.keep(sample.artifact, sample.piece(1, Source::Local)).await.unwrap();
    drop(store);

    // The pack got further than the index.
    let ahead = fs::read(&packs(folder.path())[0]).unwrap();
    fs::write(&packs(behind.path())[0], &ahead).unwrap();
    let store = open(behind.path());
    assert_eq!(store.model(sample.artifact).await.unwrap().unwrap().have.ranges(), [(0, 1)]);
    drop(store);

    // And got torn there.
    copy_folder(folder.path(), behind.path());
    let torn = tempfile::tempdir().unwrap();
    copy_folder(behind.path(), torn.path());
    let mut bytes = ahead.clone();
    bytes.extend(&ahead[..5_000]);
    fs::write(&packs(torn.path())[0], &bytes).unwrap();
    let store = open(torn.path());
    assert_eq!(store.model(sample.artifact).await.unwrap().unwrap().have.ranges(), [(0, 1)]);
    assert_eq!(fs::metadata(&packs(torn.path())[0]).unwrap().len(), ahead.len() as u64);
    assert!(whole < ahead.len() as u64);
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.keep(sample.artifact, sample.piece(2, Source::Local)).await.unwrap();
    assert_eq!(store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap().checked, 3);
}

#[tokio::test]
async fn a_rotten_piece_counts_as_missing_and_can_be_kept_again() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(16_384 * 4, 1), Sample::new(16_384 * 3, 1));
    let store = open(folder.path());
    for sample in [&a, &b] {
        store.reserve(sample.reservation(), now()).await.unwrap();
        store.learn(sample.artifact, sample.list()).await.unwrap();
        for piece in sample.pieces() {
            store.keep(sample.artifact, piece).await.unwrap();
        }
    }
    let index = a.piece(2, Source::Local).index();
    rot(folder.path(), a.piece(2, Source::Local).bytes());
    assert!(matches!(store.read(a.artifact, index).await, Err(ReadError::Corrupt)));
    assert!(matches!(store.read(a.artifact, index).await, Err(ReadError::Missing)));
    // The other artifact shares the place.
    assert!(matches!(store.read(b.artifact, index).await, Err(ReadError::Missing)));
    for sample in [&a, &b] {
        let map = store.map(sample.artifact).await.unwrap().unwrap();
        assert_eq!(map[2], PieceState::Corrupt);
        store.release(sample.artifact);
    }
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.map(a.artifact).await.unwrap().unwrap()[2], PieceState::Corrupt);
    assert_eq!(store.model(a.artifact).await.unwrap().unwrap().have.ranges(), [(0, 1), (3, 3)]);
    store.reserve(a.reservation(), now()).await.unwrap();
    store.keep(a.artifact, a.piece(2, Source::Local)).await.unwrap();
    assert_eq!(store.read(a.artifact, index).await.unwrap(), a.piece(2, Source::Local).bytes());
    let mut done = 0;
    rot(folder.path(), a.piece(0, Source::Local).bytes());
    let (heard, told) = std::sync::mpsc::channel();
    let recheck = store.recheck(a.artifact, move |n| heard.send(n).unwrap()).await.unwrap();
    assert_eq!(recheck.unwrap().corrupt.iter().map(|i| i.get()).collect::<Vec<_>>(), [0]);
    while let Ok(n) = told.recv() {
        done += 1;
        assert_eq!(n, done);
    }
    assert_eq!(done, 4);
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(16_384 * 70, 1), Sample::new(500_000, 2));
    let store = open(folder.path());
    for sample in [&a, &b] {
        store.reserve(sample.reservation(), now()).await.unwrap();
        store.learn(sample.artifact, sample.list()).await.unwrap();
        for piece in sample.pieces() {
            store.keep(sample.artifact, piece).await.unwrap();
        }
        store.release(sample.artifact);
    }
    store.pin(a.artifact, Pin::Pinned).await.unwrap();
    drop(store);
    let index = folder.path().join("store/index");
    let damage: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&index).unwrap(),
        &|| fs::write(index.join("db"), vec![0xA5; 700_000]).unwrap(),
        &|| fs::write(index.join("db"), b"").unwrap(),
        &|| {
            let mut bytes = fs::read(index.join("db")).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 0x5A);
            fs::write(index.join("db"), bytes).unwrap();
        },
    ];
    for (number, damage) in damage.into_iter().enumerate() {
        damage();
        let store = open(folder.path());
        assert_eq!(store.notices().len(), 1, "damage {number}");
        for sample in [&a, &b] {
            let model = store.model(sample.artifact).await.unwrap().unwrap();
            assert!(model.have.is_full());
            for piece in sample.pieces() {
                let bytes = store.read_blocking(sample.artifact, piece.index()).unwrap();
                assert_eq!(&bytes, piece.bytes());
            }
        }
        assert_eq!(store.model(a.artifact).await.unwrap().unwrap().pin, Pin::Pinned);
        drop(store);
        assert!(open(folder.path()).notices().is_empty());
    }
}

#[tokio::test]
async fn a_manifest_is_not_replaced_once_pieces_were_kept_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = Sample::new(1 << 20, 1);
    let other = || {
        let manifest = Bytes::from_static(b"another manifest");
        let manifest_sha256 = Sha256::of(&manifest);
        Reservation { manifest, manifest_sha256, ..sample.reservation() }
    };
    store.reserve(other(), now()).await.unwrap();
    store.release(sample.artifact);
    // Nothing was kept under that one.
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    store.keep(sample.artifact, sample.piece(0, Source::Local)).await.unwrap();
    store.verified(sample.artifact, now()).await.unwrap();
    store.release(sample.artifact);
    let first = sample.piece(0, Source::Local);
    for is_damaged in [false, true] {
        if is_damaged {
            rot(folder.path(), first.bytes());
            assert!(store.read(sample.artifact, first.index()).await.is_err());
            assert!(store.model(sample.artifact).await.unwrap().unwrap().have.is_empty());
        }
        let refused = store.reserve(other(), now()).await.unwrap_err();
        assert!(matches!(refused, ReserveError::OtherManifest { .. }), "{refused:?}");
        let kept = store.manifest(sample.artifact).await.unwrap().unwrap();
        assert_eq!(kept, sample.reservation().manifest);
    }
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_closes_no_library() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(100_000, 1), Sample::new(100_000, 2));
    let store = open(folder.path());
    for sample in [&a, &b] {
        store.reserve(sample.reservation(), now()).await.unwrap();
        store.learn(sample.artifact, sample.list()).await.unwrap();
        store.keep(sample.artifact, sample.piece(0, Source::Local)).await.unwrap();
        store.release(sample.artifact);
    }
    store.pin(a.artifact, Pin::Pinned).await.unwrap();
    drop(store);
    // What has the names is no file, and is not read as one.
    for ending in ["manifest", "pieces"] {
        let digits = a.artifact.to_string().replace("sha256:", "");
        let path = folder.path().join(format!("store/manifests/{digits}.{ending}"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
    let store = open(folder.path());
    let model = store.model(a.artifact).await.unwrap().unwrap();
    assert_eq!((model.pin, model.have.count()), (Pin::Pinned, 1));
    let new = Sample::new(200_000, 2);
    store.reserve(new.reservation(), now()).await.unwrap();
    let have = store.learn(new.artifact, new.list()).await.unwrap();
    assert_eq!(have.count(), 1, "what the readable one has is shared");
}
