use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{
    Draft as _, OutputError, Outputs as _, PieceStore as _, ReachError, ReadError, Reservation,
    Stem,
};
use bytes::Bytes;
use rustix::io::Errno;
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Sha256};

use super::{Draft, Outputs, Owner, move_by_rename};
use crate::Store;
use crate::files::Op;
use crate::files::faults::Faults;
use crate::layout::Layout;

/// A library that has the eight bytes of an artifact, in two pieces.
struct Bench {
    folder: tempfile::TempDir,
    faults: Arc<Faults>,
    store: Store,
    artifact: Sha256,
    outputs: Outputs,
    drafts: PathBuf,
    target: PathBuf,
    stem: Stem,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::under(folder.path());
    let data = folder.path().join("data");
    let store = Store::open(&data, "test").unwrap();
    let artifact = keep(&store, b"artifact", 4);
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    let stem = Stem::new(&Id::parse("tiny").unwrap(), &Version::parse("1").unwrap());
    let drafts = Layout::new(&data).drafts();
    Bench { folder, faults, outputs: Outputs::new(&store), store, artifact, drafts, target, stem }
}

/// Keeps an artifact, cut into pieces of that size.
fn keep(store: &Store, bytes: &'static [u8], size: u32) -> Sha256 {
    let artifact = Sha256::of(bytes);
    let geometry = Geometry::new(bytes.len() as u64, size).unwrap();
    let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
    stream.update(bytes);
    let (digests, root) = stream.finish().unwrap();
    let list = Arc::new(PieceList::prove(geometry, root, digests).unwrap());
    let manifest = Bytes::from(format!("manifest of {artifact}"));
    let reservation = Reservation {
        manifest_sha256: Sha256::of(&manifest),
        manifest,
        artifact,
        model_id: Id::parse("tiny").unwrap(),
        model_version: Version::parse("1").unwrap(),
        geometry,
        root,
        output: None,
    };
    let keep = async {
        store.reserve(reservation, UtcTime::from_unix(1_800_000_000)).await.unwrap();
        let have = store.learn(artifact, Arc::clone(&list)).await.unwrap();
        for index in have.complement().pieces(&geometry) {
            let from = usize::try_from(geometry.offset(index)).unwrap();
            let part = &bytes[from..from + geometry.length(index) as usize];
            let from = Source::Local;
            let arrived = ArrivedPiece { index: index.get(), bytes: part.into(), from };
            store.keep(artifact, list.verify(arrived).unwrap()).await.unwrap();
        }
        store.release(artifact);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(keep);
    artifact
}

impl Bench {
    fn empty(&self) -> Draft {
        self.outputs.draft(self.artifact, &self.target, &self.stem).unwrap()
    }

    fn draft(&self) -> Draft {
        let mut draft = self.empty();
        draft.reach(2).unwrap();
        draft
    }

    fn names(&self) -> Vec<String> {
        names(&self.target)
    }

    fn has_left_nothing(&self) {
        assert_eq!(names(&self.drafts), [""; 0]);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Ends a draft as a crash does: nothing is removed, and its locks are given back.
fn crash(mut draft: Draft) {
    let Owner::Note(note) = &mut draft.temporary.owner else { panic!("there is a note") };
    drop(note.take());
    std::mem::forget(draft);
}

const PAIR: [&str; 2] = ["tiny-1.minimodel-receipt", "tiny-1.slm"];

#[test]
fn an_artifact_and_its_receipt_are_named_together() {
    let bench = bench();
    let mut draft = bench.empty();
    let mut read = [0; 4];
    draft.reach(1).unwrap();
    draft.read(0, &mut read).unwrap();
    assert_eq!(&read, b"arti");
    assert!(draft.read(1, &mut read).is_err());
    draft.reach(1).unwrap();
    draft.reach(u32::MAX).unwrap();
    draft.read(2, &mut read).unwrap();
    assert_eq!(&read, b"tifa");
    let named = draft.place(8, b"receipt").unwrap();
    drop(draft);
    assert_eq!(bench.names(), PAIR);
    assert_eq!(fs::read(named.artifact).unwrap(), b"artifact");
    assert_eq!(fs::read(named.receipt).unwrap(), b"receipt");
    bench.has_left_nothing();
}

#[test]
fn a_dropped_draft_leaves_nothing() {
    let bench = bench();
    let draft = bench.draft();
    assert_eq!(bench.names().len(), 1);
    assert_eq!(names(&bench.drafts).len(), 1);
    drop(draft);
    assert_eq!(bench.names(), [""; 0]);
    bench.has_left_nothing();
}

#[test]
fn a_name_that_is_taken_meanwhile_leaves_neither() {
    for taken in PAIR {
        let bench = bench();
        let draft = bench.draft();
        fs::write(bench.target.join(taken), "mine").unwrap();
        let error = draft.place(8, b"receipt").unwrap_err();
        drop(draft);
        assert!(matches!(error, OutputError::Exists(path) if path.ends_with(taken)));
        assert_eq!(bench.names(), [taken]);
        assert_eq!(fs::read(bench.target.join(taken)).unwrap(), b"mine");
        bench.has_left_nothing();
        let error = bench.outputs.draft(bench.artifact, &bench.target, &bench.stem).unwrap_err();
        assert!(matches!(error, OutputError::Exists(_)));
    }
}

#[test]
fn an_output_of_another_length_gets_no_name() {
    let bench = bench();
    let error = bench.draft().place(9, b"receipt").unwrap_err();
    assert!(matches!(error, OutputError::Failed { .. }));
    let mut part = bench.empty();
    part.reach(1).unwrap();
    let error = part.place(4, b"receipt").unwrap_err();
    drop(part);
    assert!(matches!(error, OutputError::Failed { .. }));
    assert_eq!(bench.names(), [""; 0]);
    bench.has_left_nothing();
}

#[cfg(unix)]
#[test]
fn a_folder_behind_a_symlink_is_refused_before_a_taken_name() {
    let bench = bench();
    fs::write(bench.target.join("tiny-1.slm"), "").unwrap();
    let link = bench.target.with_file_name("link");
    std::os::unix::fs::symlink(&bench.target, &link).unwrap();
    let file = bench.target.join("tiny-1.slm");
    for folder in [link.clone(), link.join(""), link.join("."), link.join("none"), file] {
        let error = bench.outputs.check(&folder, &bench.stem).unwrap_err();
        assert!(matches!(error, OutputError::Unsafe(_)), "{}", folder.display());
    }
    let error = bench.outputs.write(&link.join("a"), b"a").unwrap_err();
    assert!(matches!(error, OutputError::Unsafe(_)));
    assert!(matches!(bench.outputs.check(&bench.target, &bench.stem), Err(OutputError::Exists(_))));
}

#[cfg(unix)]
#[test]
fn a_symlink_to_nowhere_is_a_taken_name() {
    let bench = bench();
    std::os::unix::fs::symlink("nowhere", bench.target.join("tiny-1.slm")).unwrap();
    let error = bench.outputs.check(&bench.target, &bench.stem).unwrap_err();
    assert!(matches!(error, OutputError::Exists(_)));
}

#[test]
fn a_file_of_its_own_is_written_once() {
    let bench = bench();
    let path = bench.target.join("a.minimodel-receipt");
    bench.outputs.write(&path, b"one").unwrap();
    let error = bench.outputs.write(&path, b"two").unwrap_err();
    assert!(matches!(error, OutputError::Exists(at) if at == path));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(bench.names().len(), 1);
    bench.has_left_nothing();
    assert!(matches!(bench.outputs.write(Path::new(".."), b""), Err(OutputError::Unsafe(_))));
    let bare = Outputs::without_library(Layout::new(bench.target.join("no-data")));
    bare.write(&bench.target.join("b"), b"b").unwrap();
    assert_eq!(bench.names(), ["a.minimodel-receipt", "b"]);
}

#[test]
fn what_a_crash_left_before_the_naming_is_removed() {
    let bench = bench();
    let living = bench.draft();
    crash(bench.draft());
    fs::write(bench.drafts.join("torn"), "minimodel-dr").unwrap();
    assert_eq!(bench.names().len(), 2);
    assert_eq!(bench.outputs.recover().unwrap().len(), 1);
    assert_eq!(bench.names().len(), 1);
    living.place(8, b"receipt").unwrap();
    drop(living);
    assert_eq!(bench.names(), PAIR);
    assert_eq!(bench.outputs.recover().unwrap(), [""; 0].map(PathBuf::from));
    assert_eq!(bench.names(), PAIR);
    bench.has_left_nothing();
}

#[test]
fn half_a_pair_is_undone_and_a_whole_one_is_not() {
    for (by_rename, placed, wanted) in
        [(false, 1, &[][..]), (false, 2, &PAIR[..]), (true, 1, &[][..]), (true, 2, &PAIR[..])]
    {
        let bench = bench();
        let draft = bench.draft();
        let (artifact, receipt) =
            (draft.temporary.places.main(), draft.temporary.places.receipt().unwrap());
        fs::write(&receipt.0, "receipt").unwrap();
        for (from, to) in [&artifact, &receipt].into_iter().take(placed) {
            if by_rename {
                move_by_rename(from, to).unwrap();
            } else {
                fs::hard_link(from, to).unwrap();
            }
        }
        crash(draft);
        bench.outputs.recover().unwrap();
        assert_eq!(bench.names(), wanted, "{by_rename} {placed}");
        bench.has_left_nothing();
    }
}

#[test]
fn a_file_of_the_users_is_not_taken_for_half_a_pair() {
    let bench = bench();
    let draft = bench.draft();
    let (_, receipt) = (draft.temporary.places.main(), draft.temporary.places.receipt().unwrap());
    fs::write(&receipt.0, "receipt").unwrap();
    fs::write(bench.target.join("tiny-1.slm"), "mine").unwrap();
    crash(draft);
    bench.outputs.recover().unwrap();
    assert_eq!(bench.names(), ["tiny-1.slm"]);
}

#[test]
fn a_reserved_name_is_given_back() {
    let bench = bench();
    let draft = bench.draft();
    fs::write(bench.target.join("tiny-1.slm"), "").unwrap();
    crash(draft);
    bench.outputs.recover().unwrap();
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn a_rename_takes_no_name_that_is_taken() {
    let bench = bench();
    let (from, to) = (bench.target.join("from"), bench.target.join("to"));
    fs::write(&from, "from").unwrap();
    fs::write(&to, "to").unwrap();
    assert!(matches!(move_by_rename(&from, &to), Err(OutputError::Exists(_))));
    fs::remove_file(&to).unwrap();
    move_by_rename(&from, &to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"from");
}

#[test]
fn pieces_come_from_the_files_of_whoever_has_them() {
    let bench = bench();
    // Its middle is the artifact's, and so is its end in pieces of another size.
    for (bytes, size) in [(&b"new artifact"[..], 4), (b"an artifact ", 8), (b"fact", 8)] {
        let artifact = keep(&bench.store, bytes, size);
        let mut draft = bench.outputs.draft(artifact, &bench.target, &bench.stem).unwrap();
        for frontier in 1..=3 {
            draft.reach(frontier).unwrap();
        }
        let mut there = vec![0; bytes.len()];
        draft.read(0, &mut there).unwrap();
        assert_eq!(there, bytes);
    }
}

#[test]
fn what_cannot_be_read_is_the_piece_and_what_cannot_be_written_is_the_output() {
    let bench = bench();
    let mut draft = bench.empty();
    bench.faults.always(Op::Clone, Errno::NOSPC);
    let Err(ReachError::Failed(failure)) = draft.reach(2) else { panic!("the disk is full") };
    let said = failure.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    assert_eq!(said.unwrap().kind(), std::io::ErrorKind::StorageFull);
    bench.faults.end();
    // It goes on when there is room.
    draft.reach(1).unwrap();

    let slot = Layout::new(bench.folder.path().join("data")).of(bench.artifact, "part");
    bench.faults.lose(&slot, 4..5);
    let error = draft.reach(2).unwrap_err();
    assert!(
        matches!(error, ReachError::Read { index: 1, source: ReadError::Corrupt }),
        "{error:?}"
    );
}
