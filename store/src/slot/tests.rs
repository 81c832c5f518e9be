//! One artifact's file.

use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use tempfile::TempDir;
use verifier::{Geometry, PieceIndex, Sha256};

use super::{Kind, Looked, Slot, Slots};
use crate::device::{Punched, allocated};
use crate::files::Op;
use crate::files::faults::Faults;
use crate::layout::Layout;

const ARTIFACT: Sha256 = Sha256::from_bytes([7; 32]);

/// A folder for slots, and one of pieces of that size.
fn slots(bytes: u64, piece: u32) -> (TempDir, Slots, Geometry) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    layout.create().unwrap();
    (folder, Slots::new(layout), Geometry::new(bytes, piece).unwrap())
}

fn made(slots: &Slots, geometry: &Geometry) -> Arc<Slot> {
    slots.make(ARTIFACT, geometry).unwrap()
}

fn open(slots: &Slots) -> Slot {
    slots.look(ARTIFACT, &Geometry::new(2_000_000, 65_536).unwrap()).unwrap().unwrap()
}

fn write(slot: &Slot, index: PieceIndex) {
    let bytes = piece(slot, index);
    slot.write(index, &bytes, &blake3::hash(&bytes)).unwrap();
}

fn piece(slot: &Slot, index: PieceIndex) -> Vec<u8> {
    let byte = u8::try_from(index.get() % 251).unwrap() + 1;
    vec![byte; slot.geometry.length(index) as usize]
}

fn is_whole(slot: &Slot, index: PieceIndex) -> bool {
    matches!(slot.read(index).unwrap(), Looked::Whole(bytes) if bytes == piece(slot, index))
}

fn taken(path: &Path) -> u64 {
    allocated(&path.metadata().unwrap())
}

#[test]
fn a_slot_has_holes_until_it_is_written() {
    let (_folder, slots, geometry) = slots((64 << 20) + 5, 65_536);
    assert!(slots.get(ARTIFACT, &geometry).unwrap().is_none());
    let slot = made(&slots, &geometry);
    assert_eq!(slot.path.metadata().unwrap().len(), (64 << 20) + 5);
    assert!(taken(&slot.path) < 65_536 && slot.data().unwrap().is_empty());
    let all: Vec<_> = geometry.indices().collect();
    for index in [all[3], all[500], all[1_024]] {
        assert!(matches!(slot.read(index).unwrap(), Looked::Unknown(..)), "zeros prove nothing");
        write(&slot, index);
        assert!(is_whole(&slot, index));
    }
    slot.sync().unwrap();
    assert!((2 * 65_536..4 * 65_536).contains(&taken(&slot.path)));
    let data: Vec<u32> = slot.data().unwrap().into_iter().flatten().collect();
    assert_eq!(data, [3, 500, 1_024]);
}

#[test]
fn a_short_piece_in_memory_is_read_at_once_and_only_if_it_is_whole() {
    let (_folder, slots, geometry) = slots(2_000_000, 65_536);
    let slot = made(&slots, &geometry);
    let all: Vec<_> = geometry.indices().collect();
    assert_eq!(slot.read_here(all[3]), None, "zeros prove nothing");
    write(&slot, all[3]);
    // Not every file system tells what lies in memory.
    let tells = slot.pieces.read_in_memory_at(&mut [0], 0);
    assert_eq!(slot.read_here(all[3]), tells.then(|| piece(&slot, all[3]).into()));
    slot.pieces.write_at(&[0], slot.geometry.offset(all[3])).unwrap();
    assert_eq!(slot.read_here(all[3]), None);

    let large = Slot { geometry: Geometry::new(2_000_000, 1 << 20).unwrap(), ..open(&slots) };
    write(&large, all[0]);
    assert_eq!((is_whole(&large, all[0]), large.read_here(all[0])), (true, None));
}

#[test]
fn a_whole_one_may_only_be_read_and_is_made_writable_again() {
    let (_folder, slots, geometry) = slots(100_000, 16_384);
    let index = geometry.index(2).unwrap();
    let slot = made(&slots, &geometry);
    write(&slot, index);
    slots.seal(ARTIFACT).unwrap();
    slots.seal(ARTIFACT).unwrap();
    let sealed = slots.get(ARTIFACT, &geometry).unwrap().unwrap();
    assert_eq!(sealed.kind, Kind::Whole);
    assert!(is_whole(&sealed, index));
    let other = geometry.index(3).unwrap();
    assert!(sealed.write(other, b"x", &blake3::hash(b"x")).is_err());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = || sealed.path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o400);
    }
    let again = made(&slots, &geometry);
    assert_eq!(again.kind, Kind::Part);
    assert!(is_whole(&again, index));
    write(&again, other);
    assert!(!sealed.path.exists());
}

#[test]
fn a_file_that_lost_its_name_is_not_written_again() {
    let (_folder, slots, geometry) = slots(100_000, 16_384);
    let index = geometry.index(2).unwrap();
    let gone = made(&slots, &geometry);
    std::fs::remove_file(&gone.path).unwrap();
    let slot = made(&slots, &geometry);
    write(&slot, index);
    slots.close(ARTIFACT);
    let anew = slots.get(ARTIFACT, &geometry).unwrap().unwrap();
    assert!(is_whole(&anew, index), "it is in the file that has the name");
}

#[test]
fn what_a_failed_sync_covered_is_never_acknowledged() {
    let (folder, slots, geometry) = slots(100_000, 16_384);
    let faults = Faults::under(folder.path());
    let slot = made(&slots, &geometry);
    let [first, second] = [0, 1].map(|index| geometry.index(index).unwrap());
    write(&slot, first);
    faults.always(Op::Sync, Errno::IO);
    assert!(slot.sync().is_err());
    faults.end();
    assert!(!is_whole(&slot, first), "it is not there");
    // The system would say yes now; what was written meanwhile that way is not believed either.
    write(&slot, second);
    assert!(slot.sync().is_err());
    slots.close(ARTIFACT);
    let anew = slots.get(ARTIFACT, &geometry).unwrap().unwrap();
    write(&anew, first);
    anew.sync().unwrap();
    assert!(is_whole(&anew, first));
}

#[test]
fn a_piece_that_ends_within_a_block_is_freed_inward() {
    let (_folder, slots, geometry) = slots(5 * 20_000 + 5_000, 20_000);
    let slot = made(&slots, &geometry);
    geometry.indices().for_each(|index| write(&slot, index));
    slot.sync().unwrap();
    for index in geometry.indices().skip(1).step_by(2) {
        let before = taken(&slot.path);
        if slot.free(index).unwrap() == Punched::Unable {
            return;
        }
        let inward = if index.get() == 5 { 4_096 } else { 12_288 };
        assert!(before - taken(&slot.path) >= inward, "{}", index.get());
        let left = geometry.indices().filter(|other| other.get() % 2 == 0 || *other > index);
        assert!(left.into_iter().all(|other| is_whole(&slot, other)), "no other piece is touched");
    }
    assert!(!is_whole(&slot, geometry.index(5).unwrap()));
}

#[test]
fn a_piece_is_copied_with_what_proves_it() {
    let (_folder, slots, geometry) = slots(100_000, 16_384);
    let other = Sha256::from_bytes([8; 32]);
    let slot = made(&slots, &geometry);
    geometry.indices().for_each(|index| write(&slot, index));
    let smaller = Geometry::new(50_000, 16_384).unwrap();
    let copy = slots.make(other, &smaller).unwrap();
    let there = smaller.index(2).unwrap();
    slot.copy_to(geometry.index(4).unwrap(), &copy, there).unwrap();
    copy.sync().unwrap();
    let found = copy.read(there).unwrap();
    assert!(
        matches!(found, Looked::Whole(bytes) if bytes == piece(&slot, geometry.index(4).unwrap()))
    );
    assert!(matches!(copy.read(smaller.index(1).unwrap()).unwrap(), Looked::Unknown(..)));
}
