//! What makes room, and what does not fit.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;

use app::ports::{PieceStore as _, Pin, Quota, QuotaOf, Reservation, ReserveError};
use verifier::Geometry;
use verifier::piece::Source;
use verifier::scalars::{Id, Version};

#[cfg(target_os = "linux")]
use crate::disk::SmallDisk;
use crate::fixture::{self, Sample, beside, now, slots};
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
    endless.output = beside(folder.path(), 1 << 50);
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
    assert_eq!(held.evicted, foreseen);
    assert_eq!(
        held.evicted.iter().map(|gone| gone.artifact).collect::<Vec<_>>(),
        [sample.artifact]
    );
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
        assert_eq!(fs::read(folder.path().join("store/busy")).unwrap(), b"", "seen: {seen}");
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
        fixture::keep(&store, sample).await;
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

/// Keeps all of it, used then.
async fn keep(store: &store::Store, sample: &Sample, version: &str, seconds: u64) {
    let reservation = of_version(sample, version);
    store.reserve(reservation, now().plus(seconds)).await.unwrap();
    let pieces = sample.pieces().into_iter();
    let keeps = pieces.map(|piece| store.keep(sample.artifact, piece));
    futures::future::try_join_all(keeps).await.unwrap();
    store.release(sample.artifact);
}

fn of_version(sample: &Sample, version: &str) -> Reservation {
    let model_version = Version::parse(version).unwrap();
    Reservation { model_version, ..sample.reservation() }
}

async fn kept(store: &store::Store) -> Vec<verifier::Sha256> {
    store.models().await.unwrap().into_iter().map(|model| model.artifact).collect()
}

#[tokio::test]
async fn a_model_has_a_quota_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (first, second) = (Sample::new(1 << 20, 1), Sample::new(1 << 20, 2));
    let other = Sample::new(1 << 20, 3);
    let name = |id| Id::parse(id).unwrap();
    let of_other = Reservation { model_id: name("other"), ..other.reservation() };
    store.reserve(of_other.clone(), now()).await.unwrap();
    for piece in other.pieces() {
        store.keep(other.artifact, piece).await.unwrap();
    }
    store.release(other.artifact);
    keep(&store, &first, "1.0", 1).await;
    let quota = |bytes| Quota { of: QuotaOf::Model(name("tiny")), bytes };
    let none = store.lower(quota(3 << 19), Vec::new(), now()).await.unwrap();
    assert_eq!(none, []);
    // A version of it that no longer fits takes the place of an older one, and of nothing else.
    let foreseen = store.would_reserve(of_version(&second, "2.0")).await.unwrap();
    let names: Vec<_> = foreseen.iter().map(|gone| gone.artifact).collect();
    assert_eq!(names, [first.artifact]);
    store.pin(first.artifact, Pin::Pinned).await.unwrap();
    let refused = store.reserve(of_version(&second, "2.0"), now()).await.unwrap_err();
    assert!(
        matches!(&refused, ReserveError::ModelQuota { model_id, quota, .. }
            if *model_id == name("tiny") && *quota == 3 << 19),
        "{refused:?}"
    );
    drop(store);
    let store = open(folder.path());
    assert_eq!(
        store.model_quotas().await.unwrap().into_iter().collect::<Vec<_>>(),
        [(name("tiny"), 3 << 19)]
    );
    assert!(store.lift_quota(name("tiny")).await.unwrap());
    assert!(!store.lift_quota(name("tiny")).await.unwrap());
    store.reserve(of_version(&second, "2.0"), now()).await.unwrap();
    assert_eq!(kept(&store).await.len(), 3);
}

#[tokio::test]
async fn lowering_the_quota_says_what_would_go_and_takes_no_more_than_was_agreed_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let samples: Vec<_> = (1..=3).map(|seed| Sample::new(4 << 20, seed)).collect();
    for (seconds, sample) in samples.iter().enumerate() {
        keep(&store, sample, "1.0", seconds as u64).await;
    }
    let all = kept(&store).await;
    let before = store.accounts().await.unwrap();
    let quota = |bytes| Quota { of: QuotaOf::Library, bytes };
    // The index grows a little meanwhile.
    let wanted = quota(before.index + (10 << 20));
    let lowering = store.would_lower(wanted.clone()).await.unwrap();
    let goes: Vec<_> = lowering.goes.iter().map(|gone| gone.artifact).collect();
    assert_eq!(goes, [samples[0].artifact]);
    assert!(lowering.over > 1 << 20 && lowering.over < 4 << 20, "{lowering:?}");
    // What was agreed to may not go any more: nothing goes, and the quota stays.
    store.pin(samples[0].artifact, Pin::Pinned).await.unwrap();
    let refused = store.lower(wanted.clone(), goes.clone(), now()).await.unwrap_err();
    assert!(matches!(refused, ReserveError::TooLow { goes: 0, .. }), "{refused:?}");
    assert_eq!(kept(&store).await, all);
    assert_eq!(store.accounts().await.unwrap().quota, before.quota);
    // Where what may go is not enough, nothing does.
    let none = quota(before.index + 1);
    assert_eq!(store.would_lower(none).await.unwrap().goes, []);
    store.pin(samples[0].artifact, Pin::Unpinned).await.unwrap();
    let gone = store.lower(wanted.clone(), goes, now()).await.unwrap();
    assert_eq!(gone.len(), 1);
    assert_eq!(kept(&store).await.len(), 2);
    let after = store.accounts().await.unwrap();
    assert_eq!(after.quota, wanted.bytes);
    let log = fs::read_to_string(folder.path().join("transfers.log")).unwrap();
    assert!(log.contains("\"what\":\"evicted\""), "{log}");
    // Raising it asks nothing.
    let raising = store.would_lower(quota(1 << 40)).await.unwrap();
    assert_eq!((raising.over, raising.goes.len()), (0, 0));
}

#[tokio::test]
async fn a_model_of_half_the_default_quota_and_its_output_fit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let sample = Sample::new(1 << 20, 1);
    let geometry = Geometry::new(2_254_857_830, 1 << 20).unwrap();
    let reservation = |output| Reservation { geometry, output, ..sample.reservation() };
    assert_eq!(store.would_reserve(reservation(None)).await.unwrap(), []);
    // The output is the user's own file: only its device is asked for it.
    let output = beside(folder.path(), geometry.byte_count());
    match store.would_reserve(reservation(output)).await {
        Ok(evicted) => assert_eq!(evicted, []),
        Err(ReserveError::Device { wanted, free, .. }) => assert!(wanted > free / 2),
        Err(refused) => panic!("{refused}"),
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn each_device_is_asked_for_what_is_written_there() {
    let (Some(library), Some(output)) = (SmallDisk::mount(24 << 20), SmallDisk::mount(12 << 20))
    else {
        return;
    };
    let store = open(library.path());
    let sample = Sample::new(8 << 20, 1);
    let with = |folder: &std::path::Path, bytes| Reservation {
        output: beside(folder, bytes),
        ..sample.reservation()
    };
    let refused = |outcome: Result<Vec<app::ports::Evictable>, ReserveError>| match outcome {
        Err(ReserveError::Device { place, wanted, free, spare }) => (place, wanted, free, spare),
        other => panic!("{other:?}"),
    };
    // Each has room for its own part, and the library's for no more than one.
    assert_eq!(store.would_reserve(with(output.path(), 8 << 20)).await.unwrap(), []);
    let (place, wanted, free, spare) =
        refused(store.would_reserve(with(library.path(), 16 << 20)).await);
    assert!(place.starts_with(library.path()), "{place:?}");
    assert!(wanted > 24 << 20 && free < 24 << 20 && spare > 1 << 19, "{wanted} {free} {spare}");
    let (place, wanted, free, _) =
        refused(store.would_reserve(with(output.path(), 12 << 20)).await);
    assert_eq!(place, output.path());
    assert!(wanted > 12 << 20 && free <= 12 << 20, "{wanted} {free}");
    // What was promised to one import is not promised to the next.
    store.reserve(with(output.path(), 8 << 20), now()).await.unwrap();
    let next = Sample::new(1 << 20, 2);
    let next = |bytes| Reservation { output: beside(output.path(), bytes), ..next.reservation() };
    assert_eq!(store.would_reserve(next(1 << 20)).await.unwrap(), []);
    let (place, ..) = refused(store.would_reserve(next(8 << 20)).await);
    assert_eq!(place, output.path());
}
