//! Faults of the disk, for tests: what is asked under a folder fails where a test says so.

use std::fs::File;
use std::io::{self, Seek as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::io::Errno;

use super::Op;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The system says no. Of a write, half is done all the same; of what a sync covered, nothing
    /// is left, as if the power went.
    Errno(Errno),
    /// Of a write, half is done, and the system says so; nothing else fails.
    Short,
}

/// The faults under one folder, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Faults {
    folder: PathBuf,
    plan: Mutex<Plan>,
    written: AtomicU64,
}

#[derive(Debug, Default)]
struct Plan {
    /// What fails, and before how many others.
    nth: Option<(u32, Fault)>,
    always: Option<(PathBuf, Op, Errno)>,
    lost: Vec<(PathBuf, Range<u64>)>,
    failed: Vec<Op>,
}

/// Those of all tests that run now, by their folders.
static ALL: Mutex<Vec<Weak<Faults>>> = Mutex::new(Vec::new());

impl Faults {
    /// Nothing fails under the folder yet.
    pub(crate) fn under(folder: &Path) -> Arc<Self> {
        let (folder, plan) = (folder.to_owned(), Mutex::default());
        let faults = Arc::new(Self { folder, plan, written: AtomicU64::new(0) });
        let mut all = lock(&ALL);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&faults));
        faults
    }

    /// The nth thing that is asked from now on fails, counted from 1.
    pub(crate) fn fail(&self, nth: u32, fault: Fault) {
        *lock(&self.plan) = Plan { nth: Some((nth, fault)), ..Plan::default() };
    }

    /// Whatever is asked of this kind fails from now on, and nothing else.
    pub(crate) fn always(&self, op: Op, errno: Errno) {
        self.always_at(&self.folder, op, errno);
    }

    /// The same of what is asked of this file, or in this folder.
    pub(crate) fn always_at(&self, path: &Path, op: Op, errno: Errno) {
        let always = Some((path.to_owned(), op, errno));
        *lock(&self.plan) = Plan { always, ..Plan::default() };
    }

    /// The disk gives back no byte of that range of a file any more.
    pub(crate) fn lose(&self, path: &Path, bytes: Range<u64>) {
        lock(&self.plan).lost.push((path.to_owned(), bytes));
    }

    /// How many bytes were written or copied under the folder so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Nothing fails any more; what did.
    pub(crate) fn end(&self) -> Vec<Op> {
        std::mem::take(&mut *lock(&self.plan)).failed
    }
}

/// What one file has to do with the faults of its folder.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    faults: Option<Arc<Faults>>,
    /// What was written since the last sync.
    unsynced: Mutex<Vec<Range<u64>>>,
}

impl Watch {
    pub(super) fn over(path: &Path) -> Self {
        let all = lock(&ALL);
        let mut over = all.iter().filter_map(Weak::upgrade);
        let faults = over.find(|faults| path.starts_with(&faults.folder));
        Self { path: path.to_owned(), faults, unsynced: Mutex::default() }
    }

    fn fault(&self, op: Op) -> Option<Fault> {
        let mut plan = lock(&self.faults.as_ref()?.plan);
        let is_meant =
            |(at, kind, _): &&(PathBuf, Op, Errno)| *kind == op && self.path.starts_with(at);
        let always = plan.always.as_ref().filter(is_meant).map(|(.., errno)| *errno);
        let nth = plan.nth.as_mut().and_then(|(left, fault)| {
            *left = left.checked_sub(1)?;
            (*left == 0).then_some(*fault)
        });
        let fault = nth.or(always.map(Fault::Errno))?;
        plan.failed.push(op);
        Some(fault)
    }

    pub(super) fn ask(&self, op: Op) -> io::Result<()> {
        match self.fault(op) {
            Some(Fault::Errno(errno)) => Err(errno.into()),
            Some(Fault::Short) | None => Ok(()),
        }
    }

    pub(super) fn read_at(&self, offset: u64, length: usize) -> io::Result<()> {
        self.ask(Op::Read)?;
        let is_lost = self.faults.as_ref().is_some_and(|faults| {
            lock(&faults.plan).lost.iter().any(|(path, lost)| {
                *path == self.path && lost.start < offset + length as u64 && offset < lost.end
            })
        });
        if is_lost { Err(Errno::IO.into()) } else { Ok(()) }
    }

    pub(super) fn write(&self, mut file: &File, length: usize) -> (usize, io::Result<()>) {
        let start = file.stream_position().unwrap_or_default();
        self.write_at(Op::Write, start, length)
    }

    pub(super) fn write_at(&self, op: Op, start: u64, length: usize) -> (usize, io::Result<()>) {
        let (done, then) = match self.fault(op) {
            Some(Fault::Errno(errno)) => (length / 2, Err(errno.into())),
            Some(Fault::Short) => (length.div_ceil(2), Ok(())),
            None => (length, Ok(())),
        };
        let written = start..start + done as u64;
        if let Some(faults) = &self.faults {
            // A disk has other sectors for what is written where some were lost.
            let mut plan = lock(&faults.plan);
            let lost = std::mem::take(&mut plan.lost).into_iter();
            faults.written.fetch_add(done as u64, Ordering::Relaxed);
            plan.lost = lost.flat_map(|(path, lost)| self.left(path, &lost, &written)).collect();
        }
        lock(&self.unsynced).push(written);
        (done, then)
    }

    /// What is lost still of a range, once that was written in this file.
    fn left(
        &self,
        path: PathBuf,
        lost: &Range<u64>,
        written: &Range<u64>,
    ) -> Vec<(PathBuf, Range<u64>)> {
        if path != self.path || written.start >= lost.end || lost.start >= written.end {
            return vec![(path, lost.clone())];
        }
        let ends = [lost.start..written.start, written.end..lost.end];
        ends.into_iter().filter(|end| !end.is_empty()).map(|end| (path.clone(), end)).collect()
    }

    pub(super) fn sync(&self, op: Op, file: &File) -> io::Result<()> {
        let synced = self.ask(op);
        for range in lock(&self.unsynced).drain(..).filter(|_| synced.is_err()) {
            let zeros = vec![0; usize::try_from(range.end - range.start).unwrap()];
            std::os::unix::fs::FileExt::write_all_at(file, &zeros, range.start).unwrap();
        }
        synced
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
