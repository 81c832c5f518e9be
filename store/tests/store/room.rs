//! What makes room, and what does not fit.

use std::fs;

use app::ports::{PieceStore as _, Pin, ReserveError};
use verifier::piece::Source;

use crate::fixture::{Sample, now, slots};
use crate::open;

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
    assert!(slots(folder.path()).is_empty());
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
    store.set_quota(used.live + used.index + used.reserved + 400_000).await.unwrap();
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
    store.set_quota(used.live + used.index + 400_000).await.unwrap();
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
    assert!(after.live <= before.live - (8 << 20), "{after:?}");
    assert_eq!(store.recheck(b.artifact, |_| {}).await.unwrap().unwrap().corrupt.len(), 0);
    store.forget(b.artifact).await.unwrap();
    let empty = store.accounts().await.unwrap();
    assert_eq!((empty.live, empty.shared), (0, 0));
    assert!(empty.index < 4 << 20, "{empty:?}");
    assert!(slots(folder.path()).is_empty());
    // And goes on in a new file.
    store.reserve(a.reservation(), now()).await.unwrap();
    store.keep(a.artifact, a.piece(0, Source::Local)).await.unwrap();
    drop(store);
    let have = open(folder.path()).model(a.artifact).await.unwrap().unwrap().have;
    assert_eq!(have.count(), 1);
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
