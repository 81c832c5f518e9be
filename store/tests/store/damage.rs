//! What survives a crash, rot and what is lost.

use std::fs;
use std::path::Path;

use app::ports::{PieceState, PieceStore as _, Pin, ReadError, Reservation, ReserveError};
use bytes::Bytes;
use verifier::Sha256;
use verifier::piece::Source;

use crate::fixture::{Sample, begun, copy_folder, keep, now, rot, slots};
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

/// Puts the file of pieces of one data folder into another.
#[expect(clippy::unwrap_used, reason = "a fixture that fails fails its test")]
fn put_pieces(from: &Path, to: &Path) {
    for slot in slots(from) {
        fs::copy(&slot, to.join(slot.strip_prefix(from).unwrap())).unwrap();
    }
}

#[tokio::test]
async fn data_ahead_of_its_index_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = begun(&store).await;
    let behind = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), behind.path());
    store.keep(sample.artifact, sample.piece(2, Source::Local)).await.unwrap();

    // Written, and not yet known of; of the third piece only half.
    put_pieces(folder.path(), behind.path());
    let slot = slots(behind.path()).remove(0);
    let mut bytes = fs::read(&slot).unwrap();
    let torn = sample.piece(3, Source::Local);
    bytes[16_384 * 3..16_384 * 3 + 8_192].copy_from_slice(&torn.bytes()[..8_192]);
    fs::write(&slot, bytes).unwrap();
    let store = open(behind.path());
    assert!(store.notices().is_empty(), "{:?}", store.notices());
    let have = store.model(sample.artifact).await.unwrap().unwrap().have;
    assert_eq!(have.ranges(), [(0, 0), (2, 2)]);
    let map = store.map(sample.artifact).await.unwrap().unwrap();
    assert_eq!((map[1], map[3]), (PieceState::Missing, PieceState::Missing));
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.keep(sample.artifact, torn).await.unwrap();
    assert_eq!(store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap().checked, 3);
}

#[tokio::test]
async fn an_index_ahead_of_its_data_serves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = begun(&store).await;
    let before = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), before.path());
    for index in [1, 2] {
        store.keep(sample.artifact, sample.piece(index, Source::Local)).await.unwrap();
    }
    let ahead = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), ahead.path());

    // The bytes that the index claims did not reach the disk, or not as they are.
    put_pieces(before.path(), ahead.path());
    let slot = slots(ahead.path()).remove(0);
    let mut bytes = fs::read(&slot).unwrap();
    bytes[16_384 * 2..16_384 * 2 + 100].fill(7);
    fs::write(&slot, bytes).unwrap();
    let store = open(ahead.path());
    let model = store.model(sample.artifact).await.unwrap().unwrap();
    assert_eq!(model.have.ranges(), [(0, 0)], "from the first moment");
    for index in sample.list().geometry().indices().skip(1) {
        assert!(matches!(store.read(sample.artifact, index).await, Err(ReadError::Missing)));
    }
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
async fn addresses_that_are_lost_or_wrong_are_written_anew_from_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(16_384 * 5, 1);
    let store = open(folder.path());
    keep(&store, &sample).await;
    drop(store);
    let addresses = slots(folder.path()).remove(0).with_extension("blake3");
    let good = fs::read(&addresses).unwrap();
    assert_eq!(good.len(), 5 * 32);
    for wrong in [&b""[..], &[0; 5 * 32], &[7; 5 * 32], &good[..40]] {
        fs::write(&addresses, wrong).unwrap();
        let store = open(folder.path());
        for piece in sample.pieces() {
            let read = store.read(sample.artifact, piece.index()).await.unwrap();
            assert_eq!(&read, piece.bytes());
        }
        drop(store);
        assert_eq!(fs::read(&addresses).unwrap(), good);
    }
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(16_384 * 70, 1), Sample::new(500_000, 2));
    let store = open(folder.path());
    for sample in [&a, &b] {
        keep(&store, sample).await;
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
                let bytes = store.read(sample.artifact, piece.index()).await.unwrap();
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
    for ending in ["manifest", "list"] {
        let digits = a.artifact.to_string().replace("sha256:", "");
        let path = folder.path().join(format!("store/artifacts/{digits}.{ending}"));
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
