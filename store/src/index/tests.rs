use app::ports::Day;
use rustix::io::Errno;
use verifier::Sha256;

use super::{Cell, Delta, Index, Trees};
use crate::catalogue::{BLOCK, Home};
use crate::files::Op;
use crate::files::faults::{Fault, Faults};

fn delta(artifact: Sha256, first: u32, source: u16) -> Delta {
    let cells = (first..first + 256)
        .map(|index| (index, Cell::kept(source, Home::Own, Day::from_number(9))));
    Delta { artifact, cells: cells.collect() }
}

fn told(index: &Index, artifact: Sha256) -> (Vec<(u32, Cell)>, std::ops::Range<u64>) {
    let mut told = std::collections::BTreeMap::new();
    let tell = |index, cell| {
        told.insert(index, cell);
    };
    let deltas = index.replay(artifact, tell).unwrap();
    (told.into_iter().collect(), deltas)
}

#[test]
fn an_index_that_is_let_go_of_a_moment_later_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let index = Index::open(path.clone()).unwrap();
    index.append(&[delta(Sha256::of(b"there"), 0, 1)], |_| 0).unwrap();
    index.sync().unwrap();
    drop(index);
    let held = std::fs::File::open(path.join("db")).unwrap();
    held.lock().unwrap();
    let mut waits = 0;
    let trees = Trees::open_waiting(&path, || {
        waits += 1;
        if waits == 3 {
            held.unlock().unwrap();
        }
    });
    assert_eq!((trees.unwrap().pieces.len(), waits), (1, 3));
}

#[test]
fn folding_says_the_same_with_fewer_values_and_what_comes_later_counts() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path().join("index")).unwrap();
    let (one, other) = (Sha256::of(b"one"), Sha256::of(b"other"));
    let mut next = 0..;
    for first in [0, 100, BLOCK] {
        index.append(&[delta(one, first, 1)], |_| next.next().unwrap()).unwrap();
    }
    index.append(&[delta(other, 7, 3)], |_| 0).unwrap();
    let (before, deltas) = told(&index, one);
    assert_eq!((before.len(), deltas.clone()), (356 + 256, 0..3));
    let block = |number: u32| {
        let mut cells = vec![Cell::default(); BLOCK as usize];
        for (at, cell) in &before {
            if at / BLOCK == number {
                cells[(at % BLOCK) as usize] = *cell;
            }
        }
        (number, cells)
    };
    index.fold(one, &[block(0), block(1)], deltas).unwrap();
    let (after, deltas) = told(&index, one);
    let kept: Vec<_> = after.into_iter().filter(|(_, cell)| cell.has_place()).collect();
    assert_eq!((kept, deltas), (before, 0..0));
    index.append(&[delta(one, 5, 2)], |_| 9).unwrap();
    let (after, deltas) = told(&index, one);
    assert_eq!((after[5].1.source(), after[4].1.source(), deltas), (2, 1, 9..10));
    assert_eq!(told(&index, other).0.len(), 256);
    index.remove(one).unwrap();
    assert_eq!((told(&index, one).0.len(), told(&index, other).0.len()), (0, 256));
}

#[cfg(unix)]
#[test]
fn nobody_but_the_owner_may_look_into_the_index() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let index = Index::open(path.clone()).unwrap();
    let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    index.rewrite_all().unwrap();
    assert_eq!(mode(), 0o700);
}

#[test]
fn rewriting_gives_space_back_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let (gone, there) = (Sha256::of(b"gone"), Sha256::of(b"there"));
    let index = Index::open(path.clone()).unwrap();
    for sequence in 0..2_000 {
        index.append(&[delta(gone, 0, 1)], |_| sequence).unwrap();
    }
    index.append(&[delta(there, 0, 1)], |_| 3).unwrap();
    index.flush().unwrap();
    index.remove(gone).unwrap();
    assert!(index.size().unwrap() > 4 << 20);
    index.rewrite_all().unwrap();
    assert!(index.size().unwrap() < 1 << 20);
    let check = |index: &Index| {
        assert!(told(index, gone).0.is_empty());
        assert_eq!((told(index, there).0.len(), told(index, there).1), (256, 3..4));
    };
    check(&index);
    drop(index);
    check(&Index::open(path).unwrap());
}

#[test]
fn an_index_is_safe_before_it_is_named_anew_and_there_whatever_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (path, there) = (folder.path().join("index"), Sha256::of(b"there"));
    let faults = Faults::under(folder.path());
    let index = Index::open(path.clone()).unwrap();
    index.append(&[delta(there, 0, 1)], |_| 3).unwrap();
    index.flush().unwrap();
    let mut asked = Vec::new();
    for nth in 1.. {
        faults.fail(nth, Fault::Errno(Errno::IO));
        let rewritten = index.rewrite_all();
        let failed = faults.end();
        // A folder that cannot be made for the owner alone is made by sled.
        let is_fine = failed.is_empty() || failed == [Op::MakeFolder];
        assert_eq!(rewritten.is_ok(), is_fine, "{failed:?}");
        assert_eq!(told(&index, there).0.len(), 256, "{failed:?}");
        if failed.is_empty() {
            break;
        }
        asked.extend(failed);
    }
    let named = [Op::Rename, Op::Rename, Op::SyncFolder, Op::Remove];
    assert_eq!(asked, [&[Op::MakeFolder, Op::Open, Op::Sync], &named[..]].concat());
    drop(index);
    assert_eq!(told(&Index::open(path).unwrap(), there).0.len(), 256);
}
