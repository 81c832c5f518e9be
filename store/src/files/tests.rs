//! Files that are replaced, read and swept.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::faults::{Fault, Faults};
use super::{Op, read, read_fitting, replace, sweep};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn two_writers_of_one_file_never_share_a_temporary_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let texts: Vec<Vec<u8>> = (0..4).map(|n| vec![b'0' + n; 100_000]).collect();
    std::thread::scope(|scope| {
        for text in &texts {
            let path = &path;
            scope.spawn(move || (0..20).for_each(|_| replace(path, &[text]).unwrap()));
        }
    });
    assert!(texts.contains(&fs::read(&path).unwrap()), "one of them, whole");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_file_is_replaced_whole_or_stays_whatever_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    replace(&path, &[b"old"]).unwrap();
    let faults = Faults::under(folder.path());
    for fault in [Fault::Errno(Errno::IO), Fault::Errno(Errno::NOSPC), Fault::Short] {
        for nth in 1.. {
            faults.fail(nth, fault);
            let replaced = replace(&path, &[b"n", b"ew"]);
            let asked = faults.end();
            let found = fs::read_to_string(&path).unwrap();
            match replaced {
                Ok(()) => assert_eq!(found, "new"),
                // The last thing is the folder, when the new file has its name already.
                Err(_) if asked == [Op::SyncFolder] => assert_eq!(found, "new"),
                Err(_) => assert_eq!(found, "old", "{fault:?} of {nth}"),
            }
            assert_eq!(names(folder.path()), ["file"]);
            replace(&path, &[b"old"]).unwrap();
            if asked.is_empty() {
                break;
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_synced_is_no_failure_and_a_broken_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let faults = Faults::under(folder.path());
    for (errno, is_failure) in [
        (Errno::INVAL, false),
        (Errno::NOTSUP, false),
        (Errno::NOSYS, false),
        (Errno::BADF, false),
        (Errno::IO, true),
        (Errno::NOSPC, true),
    ] {
        faults.always(Op::SyncFolder, errno);
        assert_eq!(replace(&path, &[b"text"]).is_err(), is_failure, "{errno:?}");
    }
    // A file is another matter: there a sync that is refused is a failure, whatever it says.
    faults.always(Op::Sync, Errno::INVAL);
    let refused = replace(&path, &[b"other"]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(fs::read(&path).unwrap(), b"text");
}

#[test]
fn a_file_that_is_too_long_is_not_taken_for_one_that_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert_eq!(read(&path, 4).unwrap(), None);
    fs::write(&path, "four").unwrap();
    assert_eq!(read(&path, 4).unwrap().unwrap(), b"four");
    assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(read_fitting(&path, 3).unwrap(), None);
}

#[test]
fn what_was_left_aside_is_swept_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".book-1.new", ".book-2.new", ".other-1.new", "book-3.new", ".book-4"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    sweep(folder.path(), "book");
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, [".book-4", ".other-1.new", "book-3.new"]);
}
