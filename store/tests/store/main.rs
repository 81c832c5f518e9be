//! The store on a real disk: what it keeps, what it refuses, and what survives.

mod fixture;
mod landed;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use app::ports::{
    Access, KnownPeer, PieceState, PieceStore, Pin, ReadError, Reservation, ReserveError,
};
use bytes::Bytes;
use fixture::{Sample, copy_folder, now, packs, rot};
use store::{LockError, OpenError, Store};
use verifier::Sha256;
use verifier::boundary::PeerAddress;
use verifier::identity::SigningKey;
use verifier::piece::Source;
use verifier::scalars::Label;

#[expect(clippy::unwrap_used, reason = "a store that does not open fails its test")]
fn open(folder: &Path) -> Store {
    Store::open(folder, "test").unwrap()
}

#[tokio::test]
async fn what_is_kept_is_read_back_and_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    // A byte, a byte short of a piece, a piece, a byte over, many.
    for length in [1, 16_383, 16_384, 16_385, 1_000_000] {
        let sample = Sample::new(length, u8::try_from(length % 251).unwrap());
        let store = open(folder.path());
        let held = store.reserve(sample.reservation(), now()).await.unwrap();
        assert!(held.have.is_empty() && held.list.is_none());
        assert!(store.learn(sample.artifact, sample.list()).await.unwrap().is_empty());
        for piece in sample.pieces() {
            let index = piece.index();
            assert!(matches!(store.read(sample.artifact, index).await, Err(ReadError::Missing)));
            store.keep(sample.artifact, piece.clone()).await.unwrap();
            assert_eq!(store.read(sample.artifact, index).await.unwrap(), piece.bytes());
        }
        store.release(sample.artifact);
        drop(store);
        let store = open(folder.path());
        let model = store.model(sample.artifact).await.unwrap().unwrap();
        assert!(model.have.is_full());
        assert_eq!(model.model_id, sample.reservation().model_id);
        for piece in sample.pieces() {
            let bytes = store.read_blocking(sample.artifact, piece.index()).unwrap();
            assert_eq!(&bytes, piece.bytes());
        }
        let manifest = store.manifest(sample.artifact).await.unwrap().unwrap();
        assert_eq!(manifest, sample.reservation().manifest);
        assert_eq!(store.list(sample.artifact).await.unwrap().unwrap(), sample.list());
        assert!(store.notices().is_empty());
    }
    assert_eq!(open(folder.path()).models().await.unwrap().len(), 5);
}

#[tokio::test]
async fn the_map_names_the_source_of_each_piece() {
    let folder = tempfile::tempdir().unwrap();
    let peers = [1, 2].map(|seed| SigningKey::from_seed([seed; 32]).public_key().peer_id());
    let sample = Sample::new(16_384 * 4, 1);
    {
        let store = open(folder.path());
        store.reserve(sample.reservation(), now()).await.unwrap();
        let sources = [Source::Peer(peers[0]), Source::Local, Source::Peer(peers[1])];
        for (number, source) in (0..).zip(sources) {
            store.keep(sample.artifact, sample.piece(number, source)).await.unwrap();
        }
    }
    let store = open(folder.path());
    let map = store.map(sample.artifact).await.unwrap().unwrap();
    let kept = |source| PieceState::Kept(source);
    let wanted = [
        kept(Source::Peer(peers[0])),
        kept(Source::Local),
        kept(Source::Peer(peers[1])),
        PieceState::Missing,
    ];
    assert_eq!(map, wanted);
}

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

#[test]
fn what_would_not_fit_a_new_library_is_known_before_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let layout = store::Layout::new(folder.path().join("a/data"));
    store::room_in_new(&layout, 1 << 20).unwrap();
    let refused = store::room_in_new(&layout, 5 << 30).unwrap_err();
    assert!(matches!(refused, ReserveError::Quota { .. }), "{refused:?}");
    assert!(!folder.path().join("a").exists());
}

#[cfg(unix)]
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

#[tokio::test]
async fn an_artifact_that_does_not_fit_is_refused_before_its_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.set_quota(4 << 20).await.unwrap();
    let big = Sample::new(8 << 20, 1);
    let refused = store.reserve(big.reservation(), now()).await.unwrap_err();
    assert!(
        matches!(refused, ReserveError::Quota { quota, .. } if quota == 4 << 20),
        "{refused:?}"
    );
    assert!(packs(folder.path()).is_empty());
    assert!(store.models().await.unwrap().is_empty());
    let small = Sample::new(1 << 20, 2);
    let mut endless = small.reservation();
    endless.output = Some((folder.path().to_owned(), 1 << 50));
    store.set_quota(u64::MAX).await.unwrap();
    assert!(matches!(store.reserve(endless, now()).await, Err(ReserveError::Device { .. })));
    store.set_quota(4 << 20).await.unwrap();
    store.reserve(small.reservation(), now()).await.unwrap();
    assert!(matches!(store.reserve(small.reservation(), now()).await, Err(ReserveError::Busy)));
    assert!(store.accounts().await.unwrap().reserved > 1 << 20);
    store.release(small.artifact);
    assert_eq!(store.accounts().await.unwrap().reserved, 0);
    assert!(store.keep(small.artifact, small.piece(0, Source::Local)).await.is_err());
}

#[tokio::test]
async fn the_least_recently_used_makes_room_and_pinned_and_leased_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let samples: Vec<_> = (1..=4).map(|seed| Sample::new(1 << 20, seed)).collect();
    for (number, sample) in samples.iter().enumerate() {
        store.reserve(sample.reservation(), now().plus(number as u64)).await.unwrap();
        for piece in sample.pieces() {
            store.keep(sample.artifact, piece).await.unwrap();
        }
        if number != 3 {
            store.release(sample.artifact);
        }
    }
    store.pin(samples[0].artifact, Pin::Pinned).await.unwrap();
    let used = store.accounts().await.unwrap();
    store.set_quota(used.live + used.dead + used.index + used.reserved + 400_000).await.unwrap();
    let new = Sample::new(1 << 20, 9);
    store.reserve(new.reservation(), now()).await.unwrap();
    let left: Vec<_> =
        store.models().await.unwrap().into_iter().map(|model| model.artifact).collect();
    assert!(left.contains(&samples[0].artifact) && left.contains(&samples[3].artifact));
    assert!(left.contains(&new.artifact));
    assert_eq!(left.len(), 4);
    let log = fs::read_to_string(folder.path().join("transfers.log")).unwrap();
    assert!(log.contains("\"what\":\"evicted\""), "{log}");
    let bigger = Sample::new(5 << 20, 10);
    assert!(matches!(
        store.reserve(bigger.reservation(), now()).await,
        Err(ReserveError::Quota { .. })
    ));
    assert_eq!(store.models().await.unwrap().len(), 4);
}

#[tokio::test]
async fn what_is_in_use_is_not_evicted_until_everybody_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = Sample::new(1 << 20, 1);
    store.reserve(sample.reservation(), now()).await.unwrap();
    for piece in sample.pieces() {
        store.keep(sample.artifact, piece).await.unwrap();
    }
    store.release(sample.artifact);
    let used = store.accounts().await.unwrap();
    store.set_quota(used.live + used.dead + used.index + 400_000).await.unwrap();
    let new = Sample::new(1 << 20, 2);
    store.hold(sample.artifact);
    store.hold(sample.artifact);
    store.let_go(sample.artifact);
    for refused in [
        store.would_reserve(new.reservation()).await.map(drop),
        store.reserve(new.reservation(), now()).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ReserveError::Quota { .. })), "{refused:?}");
    }
    store.let_go(sample.artifact);
    store.let_go(sample.artifact);
    // What is foreseen is what goes.
    let foreseen = store.would_reserve(new.reservation()).await.unwrap();
    assert_eq!(foreseen.len(), 1);
    assert_eq!(store.models().await.unwrap().len(), 1, "nothing goes by being asked about");
    let held = store.reserve(new.reservation(), now()).await.unwrap();
    let names =
        |gone: &[app::ports::Evictable]| gone.iter().map(|gone| gone.artifact).collect::<Vec<_>>();
    assert_eq!(names(&held.evicted), names(&foreseen));
    assert_eq!(names(&held.evicted), [sample.artifact]);
}

#[tokio::test]
async fn a_reservation_that_is_dropped_midway_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = Sample::new(1 << 20, 1);
    for seen in [false, true] {
        {
            let mut reserving = std::pin::pin!(store.reserve(sample.reservation(), now()));
            assert!(futures::poll!(&mut reserving).is_pending());
            if seen {
                // Work that was asked for later is done, so the reservation is made.
                store.forget(Sample::new(1, 2).artifact).await.unwrap();
            }
        }
        // As above, for one that was still on its way.
        store.forget(Sample::new(1, 2).artifact).await.unwrap();
        assert_eq!(store.accounts().await.unwrap().reserved, 0, "seen: {seen}");
    }
    store.reserve(sample.reservation(), now()).await.unwrap();
    assert!(store.accounts().await.unwrap().reserved > 0);
}

#[tokio::test]
async fn forgetting_gives_the_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (a, b) = (Sample::new(8 << 20, 1), Sample::new(8 << 20, 2));
    for sample in [&a, &b] {
        store.reserve(sample.reservation(), now()).await.unwrap();
        store.learn(sample.artifact, sample.list()).await.unwrap();
    }
    for (one, other) in a.pieces().into_iter().zip(b.pieces()) {
        store.keep(a.artifact, one).await.unwrap();
        store.keep(b.artifact, other).await.unwrap();
    }
    assert!(store.forget(a.artifact).await.is_err(), "it is being imported");
    store.release(a.artifact);
    store.release(b.artifact);
    let before = store.accounts().await.unwrap();
    assert!(before.live >= 16 << 20, "{before:?}");
    let freed = store.forget(a.artifact).await.unwrap().unwrap();
    assert!(freed >= 8 << 20, "{freed}");
    assert_eq!(store.forget(a.artifact).await.unwrap(), None);
    assert!(store.model(a.artifact).await.unwrap().is_none());
    let after = store.accounts().await.unwrap();
    assert!(after.live + after.dead <= before.live + before.dead - (8 << 20), "{after:?}");
    assert_eq!(store.recheck(b.artifact, |_| {}).await.unwrap().unwrap().corrupt.len(), 0);
    store.forget(b.artifact).await.unwrap();
    let empty = store.accounts().await.unwrap();
    assert_eq!((empty.live, empty.dead), (0, 0));
    assert!(empty.index < 16 << 20, "{empty:?}");
    assert!(packs(folder.path()).is_empty());
    // And goes on in a new pack.
    store.reserve(a.reservation(), now()).await.unwrap();
    store.keep(a.artifact, a.piece(0, Source::Local)).await.unwrap();
    drop(store);
    let have = open(folder.path()).model(a.artifact).await.unwrap().unwrap().have;
    assert_eq!(have.count(), 1);
}

#[tokio::test]
async fn pieces_of_two_artifacts_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let a = Sample::new(16_384 * 20, 1);
    let b = Sample::new(16_384 * 30, 1);
    store.reserve(a.reservation(), now()).await.unwrap();
    store.learn(a.artifact, a.list()).await.unwrap();
    for piece in a.pieces() {
        store.keep(a.artifact, piece).await.unwrap();
    }
    let before = store.accounts().await.unwrap().live;
    store.reserve(b.reservation(), now()).await.unwrap();
    let have = store.learn(b.artifact, b.list()).await.unwrap();
    assert_eq!(have.ranges(), [(0, 19)]);
    for piece in b.pieces() {
        store.keep(b.artifact, piece).await.unwrap();
    }
    let after = store.accounts().await.unwrap().live;
    assert!(after - before < 11 * (16_384 + 4_096), "{before} {after}");
    store.release(a.artifact);
    store.forget(a.artifact).await.unwrap();
    drop(store);
    let store = open(folder.path());
    let recheck = store.recheck(b.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((recheck.checked, recheck.corrupt.len()), (30, 0));
}

#[tokio::test]
async fn equal_pieces_of_one_artifact_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::of(vec![7; 16_384 * 50]);
    let store = Arc::new(open(folder.path()));
    store.reserve(sample.reservation(), now()).await.unwrap();
    let keeps = sample.pieces().into_iter().map(|piece| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.keep(sample.artifact, piece).await.unwrap() })
    });
    for keep in keeps.collect::<Vec<_>>() {
        keep.await.unwrap();
    }
    assert_eq!(store.accounts().await.unwrap().live, 16_384 + 4_096);
    assert!(store.model(sample.artifact).await.unwrap().unwrap().have.is_full());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_pieces_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(16_384 * 2_000, 1);
    let store = Arc::new(open(folder.path()));
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    let keeps: Vec<_> = sample
        .pieces()
        .into_iter()
        .rev()
        .map(|piece| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.keep(sample.artifact, piece).await })
        })
        .collect();
    for keep in keeps {
        keep.await.unwrap().unwrap();
    }
    let live = store.accounts().await.unwrap().live;
    assert!(live as f64 <= 1.03 * 2_000.0 * 16_384.0, "{live}");
    drop(store);
    let store = open(folder.path());
    assert!(store.model(sample.artifact).await.unwrap().unwrap().have.is_full());
    assert_eq!(store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap().corrupt.len(), 0);
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let error = Store::open(folder.path(), "other").unwrap_err();
    assert!(matches!(&error, OpenError::Lock(LockError::Held { pid, program })
        if *pid == std::process::id() && program == "test"));
    drop(store);
    open(folder.path());
}

#[tokio::test]
async fn peers_and_quota_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let id = SigningKey::from_seed([3; 32]).public_key().peer_id();
    let known = KnownPeer {
        id,
        label: Label::parse("Study").unwrap(),
        addresses: vec![PeerAddress::parse("mmp://192.168.1.7:4711").unwrap()],
        added: now(),
        access: Access::Blocked,
    };
    let store = open(folder.path());
    store.add_peer(known.clone()).await.unwrap();
    store.set_quota(123_456_789).await.unwrap();
    drop(store);
    fs::remove_dir_all(folder.path().join("store/index")).unwrap();
    let store = open(folder.path());
    let peers = store.peers().await.unwrap();
    assert_eq!(peers.len(), 1);
    assert_eq!((peers[0].id, &peers[0].label, peers[0].added), (id, &known.label, now()));
    assert_eq!(peers[0].addresses, known.addresses);
    assert_eq!(peers[0].access, Access::Blocked);
    assert!(!store.lets_in(id));
    store.add_peer(KnownPeer { access: Access::Open, ..known }).await.unwrap();
    assert!(store.lets_in(id));
    assert_eq!(store.accounts().await.unwrap().quota, 123_456_789);
    assert!(store.remove_peer(id).await.unwrap());
    assert!(!store.lets_in(id));
    assert!(!store.remove_peer(id).await.unwrap());
}

#[tokio::test]
async fn a_list_of_another_artifact_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Sample::new(100_000, 1), Sample::new(100_000, 2));
    let store = open(folder.path());
    assert!(store.learn(a.artifact, a.list()).await.is_err());
    store.reserve(a.reservation(), now()).await.unwrap();
    assert!(store.learn(a.artifact, b.list()).await.is_err());
    assert!(store.list(a.artifact).await.unwrap().is_none());
}

#[tokio::test]
async fn a_recheck_that_nobody_waits_for_ends_within_a_piece() {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(16_384 * 200, 7);
    let store = open(folder.path());
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    for piece in sample.pieces() {
        store.keep(sample.artifact, piece).await.unwrap();
    }
    store.release(sample.artifact);
    rot(folder.path(), sample.piece(1, Source::Local).bytes());
    let taken = store.footprints().await.unwrap()[0].own;
    let dead = store.accounts().await.unwrap().dead;

    let done = Arc::new(AtomicU32::new(0));
    let (heard, (reached, mut third)) = (Arc::clone(&done), tokio::sync::mpsc::channel(1));
    // The reader stands still after the third piece, until it is seen that nobody waits.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    {
        let recheck = store.recheck(sample.artifact, move |pieces| {
            heard.store(pieces, Ordering::SeqCst);
            if pieces == 3 {
                reached.blocking_send(()).unwrap();
                wait.recv().unwrap();
            }
        });
        tokio::select! {
            _ = recheck => panic!("it ended"),
            seen = third.recv() => seen.unwrap(),
        }
    }
    go_on.send(()).unwrap();
    let began = Instant::now();
    while store.accounts().await.unwrap().dead > dead {
        assert!(began.elapsed() < Duration::from_secs(20), "the space did not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(done.load(Ordering::SeqCst), 3, "it went on reading");
    let left = store.footprints().await.unwrap()[0].own;
    assert_eq!(left, taken - 16_384, "what was found counts as missing");
    let map = store.map(sample.artifact).await.unwrap().unwrap();
    assert_eq!(map.iter().filter(|state| **state == PieceState::Corrupt).count(), 1);
    let again = store.recheck(sample.artifact, |_| {}).await.unwrap().unwrap();
    assert_eq!((again.checked, again.corrupt.len()), (199, 0));
}

#[tokio::test]
async fn a_footprint_tells_what_is_shared_from_what_comes_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // The second shares its first four pieces with the first.
    let (short, long) = (Sample::new(16_384 * 4, 3), Sample::new(16_384 * 6, 3));
    for sample in [&short, &long] {
        store.reserve(sample.reservation(), now()).await.unwrap();
        store.learn(sample.artifact, sample.list()).await.unwrap();
        for piece in sample.pieces() {
            store.keep(sample.artifact, piece).await.unwrap();
        }
        store.release(sample.artifact);
    }
    let of = |all: &[app::ports::Footprint], sample: &Sample| {
        let found = all.iter().find(|footprint| footprint.artifact == sample.artifact).unwrap();
        (found.own, found.shared)
    };
    let all = store.footprints().await.unwrap();
    assert_eq!(of(&all, &short), (0, 4 * 16_384));
    assert_eq!(of(&all, &long), (2 * 16_384, 4 * 16_384));
    store.forget(short.artifact).await.unwrap();
    let all = store.footprints().await.unwrap();
    assert_eq!(of(&all, &long), (6 * 16_384, 0));
    assert_eq!(all.len(), 1);
}
