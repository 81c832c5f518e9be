//! Each piece has the day of its last check, by which the next one begins.

use std::time::Duration;

use app::clock::SystemClock;
use app::library::{Budget, Ended, Scrubbed, scrub};
use app::ports::{Bundle, Day, Offline};

use super::*;
use crate::catalogue::Cell;
use crate::{Disk, Journal, Outputs};

type Ports = Bundle<Store, Outputs, Offline, Offline, Journal, SystemClock>;

fn ports(folder: &Path) -> Ports {
    let disk = Disk::open(folder, "test").unwrap();
    let (peers, listener) = (Arc::new(Offline), Arc::new(Offline));
    let (store, outputs, journal) = (disk.store, disk.outputs, disk.journal);
    Bundle { store, outputs, peers, listener, journal, clock: SystemClock }
}

/// The days of the checks of all pieces.
async fn days(ports: &Ports, artifact: &Artifact) -> Vec<u16> {
    let map = ports.store.map(artifact.sha256()).await.unwrap().unwrap();
    let day = |state: &PieceState| match state {
        PieceState::Kept { verified: Some(day), .. } => day.number(),
        _ => panic!("{state:?}"),
    };
    map.iter().map(day).collect()
}

/// Lets pieces have been verified on such days.
fn set_days(ports: &Ports, artifact: &Artifact, day: impl Fn(u32) -> u16) {
    let mut catalogue = ports.store.shared().catalogue();
    let entry = catalogue.artifacts.get_mut(&artifact.sha256()).unwrap();
    for index in artifact.list.geometry().indices() {
        let cell: Cell = entry.cell(index).on(Day::from_number(day(index.get())));
        entry.change(index, cell);
    }
}

/// Scrubs for 2.5 seconds at a piece a second, by a clock that waits for nothing.
async fn three_pieces(ports: &Ports) -> Scrubbed {
    let time = Some(Duration::from_millis(2_500));
    let budget = Budget { time, rate: Some(PIECE.into()) };
    scrub(ports, &[], budget, |_| {}, std::future::pending()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_scrub_goes_on_with_what_was_verified_longest_ago() {
    let folder = quick_folder();
    let artifact = Artifact::new(1);
    let today;
    {
        let ports = ports(folder.path());
        artifact.keep_all(&ports.store).await;
        let kept = days(&ports, &artifact).await;
        today = kept[0];
        assert!(kept.iter().all(|day| *day == today), "what is kept was verified: {kept:?}");
        set_days(&ports, &artifact, |index| if (5..9).contains(&index) { 10 } else { 20 });
        let first = three_pieces(&ports).await;
        assert_eq!((first.pieces, first.ended), (3, Ended::Time));
        assert_eq!(first.bytes, u64::from(3 * PIECE));
        assert_eq!(first.bytes + first.left, artifact.bytes.len() as u64);
        let after = days(&ports, &artifact).await;
        assert_eq!(after[5..9], [today, today, today, 10]);
        assert!(after[..5].iter().all(|day| *day == 20), "{after:?}");
    }
    // The days outlive the process.
    let ports = ports(folder.path());
    assert_eq!(three_pieces(&ports).await.pieces, 3);
    let after = days(&ports, &artifact).await;
    assert_eq!(after[..9], [today, today, 20, 20, 20, today, today, today, today]);
    let model = ports.store.model(artifact.sha256()).await.unwrap().unwrap();
    assert_eq!(model.last_verified, None, "no scrub read all of it");
    let all = scrub(&ports, &[], Budget::default(), |_| {}, std::future::pending()).await.unwrap();
    assert_eq!((all.ended, all.left), (Ended::Done, 0));
    assert!(days(&ports, &artifact).await.iter().all(|day| *day == today));
    let model = ports.store.model(artifact.sha256()).await.unwrap().unwrap();
    assert!(model.last_verified.is_some(), "it was read whole, and is sound");
}

#[tokio::test]
async fn what_is_read_on_all_cores_is_told_in_order_and_each_piece_once() {
    let folder = quick_folder();
    let artifact = Artifact::new(1);
    let ports = ports(folder.path());
    artifact.keep_all(&ports.store).await;
    let slot = slots(folder.path()).remove(0);
    let mut bytes = fs::read(&slot).unwrap();
    for piece in [2, 7] {
        bytes[(piece * PIECE) as usize] ^= 1;
    }
    fs::write(&slot, bytes).unwrap();
    let count = artifact.list.geometry().piece_count();
    let mut wanted = verifier::Bitfield::empty(count);
    wanted.insert_range(1, count - 1);
    let (heard, told) = std::sync::mpsc::channel();
    let on = move |done| heard.send(done).unwrap();
    let found = ports.store.recheck_some(artifact.sha256(), wanted, on).await.unwrap().unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), (1..count).collect::<Vec<_>>());
    assert_eq!(found.checked, count - 1);
    assert_eq!(found.corrupt.iter().map(|index| index.get()).collect::<Vec<_>>(), [2, 7]);
}
