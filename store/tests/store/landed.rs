//! What the store tells of as it lands.

use app::ports::{Landed, PieceStore as _};
use tokio::sync::broadcast::error::TryRecvError;
use verifier::piece::Source;

use crate::fixture::{Sample, now};
use crate::open;

#[tokio::test]
async fn a_piece_is_told_of_when_it_is_kept_and_one_of_another_artifact_when_the_list_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (a, b) = (Sample::new(16_384 * 2, 1), Sample::new(16_384 * 3, 1));
    let mut landed = store.landed();
    let index = |sample: &Sample, index| sample.list().geometry().index(index).unwrap();

    store.reserve(a.reservation(), now()).await.unwrap();
    store.learn(a.artifact, a.list()).await.unwrap();
    assert_eq!(landed.try_recv(), Ok(Landed::List(a.artifact)));
    assert_eq!(landed.try_recv(), Err(TryRecvError::Empty));
    store.keep(a.artifact, a.piece(1, Source::Local)).await.unwrap();
    assert_eq!(landed.try_recv(), Ok(Landed::Piece(a.artifact, index(&a, 1))));
    assert!(store.model(a.artifact).await.unwrap().unwrap().have.contains(index(&a, 1)));

    // The other one shares it.
    store.reserve(b.reservation(), now()).await.unwrap();
    store.learn(b.artifact, b.list()).await.unwrap();
    assert_eq!(landed.try_recv(), Ok(Landed::List(b.artifact)));
    assert_eq!(landed.try_recv(), Ok(Landed::Piece(b.artifact, index(&b, 1))));
    assert_eq!(landed.try_recv(), Err(TryRecvError::Empty));
}
