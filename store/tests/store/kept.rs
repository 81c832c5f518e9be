//! What is kept, and read back.

use std::sync::Arc;

use app::ports::{PieceState, PieceStore as _, ReadError};
use verifier::identity::SigningKey;
use verifier::piece::Source;

use crate::fixture::{Sample, keep, now, rot};
use crate::open;

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
            let bytes = store.read(sample.artifact, piece.index()).await.unwrap();
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
    let sources = map.iter().map(|state| match state {
        PieceState::Kept { source, verified: Some(_) } => Some(*source),
        _ => None,
    });
    let wanted =
        [Some(Source::Peer(peers[0])), Some(Source::Local), Some(Source::Peer(peers[1])), None];
    assert_eq!(sources.collect::<Vec<_>>(), wanted);
    assert_eq!(map[3], PieceState::Missing);
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
    keep(&store, &sample).await;
    rot(folder.path(), sample.piece(1, Source::Local).bytes());
    let taken = store.footprints().await.unwrap()[0].own;

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
    while store.footprints().await.unwrap()[0].own == taken {
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
