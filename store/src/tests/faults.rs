//! Whatever fails on the disk, and whenever: what was acknowledged is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{
    Access, Draft as _, Journal as _, KnownPeer, OutputWay, Outputs as _, PieceStore as _, Pin,
    Record, Stem, Terms, What,
};
use app::settings::{Settings, Theme};
use rustix::io::Errno;
use verifier::PieceIndex;
use verifier::artifact::VerifiedArtifact;
use verifier::consent::{Act, Scope};
use verifier::identity::SigningKey;
use verifier::scalars::{Id, Label};

use super::instead::names;
use super::{Artifact, NOW, PIECE, quick_folder, slots};
use crate::device::allocated;
use crate::files::Op;
use crate::files::faults::{Fault, Faults};
use crate::{Disk, Layout, LockError, OpenError, change_settings, load_settings};

const QUOTA: u64 = 1 << 30;

/// The two models of a life.
struct Models {
    /// It stays, pinned, and is written into the user's folder.
    artifact: Artifact,
    verified: VerifiedArtifact,
    /// It is forgotten.
    other: Artifact,
    /// It begins as that one does, and stays.
    twin: Artifact,
    /// It comes out without being kept.
    moved: Artifact,
}

/// A folder of data, one of the user's, and what comes into them.
struct Scene {
    data: PathBuf,
    out: PathBuf,
    /// Where the model comes out that is not kept.
    apart: PathBuf,
    models: Arc<Models>,
}

/// What the store said is done.
#[derive(Debug, Default)]
struct Done {
    has_quota: bool,
    has_peer: bool,
    has_settings: bool,
    has_record: bool,
    is_pinned: bool,
    grants: Vec<Id>,
    kept: BTreeSet<u32>,
    /// This piece rotted, and was not kept anew.
    has_rotted: bool,
    is_forgotten: bool,
    twin: BTreeSet<u32>,
    has_output: bool,
    /// Pieces of the model that is not kept, and whether it may have come out.
    apart: BTreeSet<u32>,
    may_be_out: bool,
    is_out: bool,
    /// At its second opening.
    told: Vec<String>,
    /// What it said at its end that is live, in bytes.
    live: Option<u64>,
}

impl Models {
    fn new() -> Self {
        let [artifact, other] = [1, 2].map(|seed| Artifact::near(40_000, seed));
        let verified = artifact.verified();
        let twin = [&other.bytes[..other.bytes.len() / PIECE as usize * PIECE as usize], b"more"];
        let twin = Artifact::of(twin.concat().into(), 3);
        Self { artifact, verified, other, twin, moved: Artifact::near(40_000, 4) }
    }
}

impl Scene {
    fn new(folder: &Path, models: Arc<Models>) -> Self {
        let [data, out, apart] = ["data", "out", "apart"].map(|name| folder.join(name));
        [&out, &apart].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        Self { data, out, apart, models }
    }

    fn first(&self) -> PieceIndex {
        self.models.artifact.list.geometry().index(0).unwrap()
    }

    fn stem(&self) -> Stem {
        self.models.artifact.stem()
    }

    /// A process that another test starts has what is open here until it is another program; that is
    /// waited for.
    fn open(&self) -> Result<Disk, OpenError> {
        loop {
            match Disk::open(&self.data, "test") {
                Err(OpenError::Lock(LockError::Held { .. } | LockError::HeldUnnamed)) => {
                    std::thread::yield_now();
                }
                opened => break opened,
            }
        }
    }

    /// A life of the program, in which each step may fail.
    async fn live(&self) -> Done {
        let mut done = Done::default();
        let layout = Layout::new(&self.data);
        let dark = |now: &Settings| Settings { theme: Theme::Dark, ..now.clone() };
        done.has_settings = change_settings(&layout, dark).is_ok();
        if let Ok(disk) = self.open() {
            self.first_half(&disk, &mut done).await;
        }
        done.has_rotted = self.rot();
        if let Ok(disk) = self.open() {
            done.told.clone_from(&disk.notices);
            self.second_half(&disk, &mut done).await;
            done.live = disk.store.accounts().await.ok().map(|accounts| accounts.live);
        }
        done
    }

    async fn first_half(&self, disk: &Disk, done: &mut Done) {
        let (store, artifact) = (&disk.store, &self.models.artifact);
        done.has_quota = store.set_quota(QUOTA).await.is_ok();
        done.has_peer = store.add_peer(peer()).await.is_ok();
        let terms = Terms {
            act: Act::Cache,
            model_id: artifact.manifest.model_id().clone(),
            artifact: artifact.sha256(),
            scope: Scope::None,
            byte_limit: 1 << 20,
            expires: NOW.plus(60),
        };
        let granted = disk.journal.grant(vec![terms], Vec::new(), NOW).await;
        done.grants = granted.iter().flatten().map(|grant| grant.id().clone()).collect();
        self.keep(&self.models.other, disk).await;
        self.keep_apart(disk, done, 1).await;
        done.kept = self.keep(artifact, disk).await;
        done.twin = self.keep(&self.models.twin, disk).await;
        let twin = store.model(self.models.twin.sha256()).await.ok().flatten();
        let had = twin.iter().flat_map(|twin| twin.have.pieces(&twin.geometry));
        done.twin.extend(had.map(|index| index.get()));
        let pinned = store.pin(artifact.sha256(), Pin::Pinned).await;
        done.is_pinned = pinned.is_ok_and(|was_there| was_there);
    }

    async fn second_half(&self, disk: &Disk, done: &mut Done) {
        let (store, artifact) = (&disk.store, self.models.artifact.sha256());
        // It finds the rotted one, which is kept anew then.
        drop(store.recheck(artifact, |_| {}).await);
        let kept = self.keep(&self.models.artifact, disk).await;
        done.has_rotted &= !kept.contains(&self.first().get());
        done.kept.extend(kept);
        self.keep_apart(disk, done, u32::MAX).await;
        done.is_forgotten = store.forget(self.models.other.sha256()).await.is_ok();
        drop(store.verified(artifact, NOW).await);
        let record = Record {
            time: NOW,
            what: What::Imported,
            model_id: self.models.artifact.manifest.model_id().clone(),
            artifact,
            peer: None,
            bytes: 1,
            note: String::new(),
        };
        done.has_record = disk.journal.record(record).await.is_ok();
        let receipt = self.models.artifact.receipt(&self.models.verified);
        let Ok(mut draft) = disk.outputs.draft(artifact, &self.out, &self.stem()) else { return };
        // What was put together is judged before it gets its name.
        let wanted = &self.models.artifact.bytes;
        let mut there = vec![0; wanted.len()];
        if draft.reach(u32::MAX).is_ok() && draft.read(0, &mut there).is_ok() && there == *wanted {
            done.has_output = draft.name(&self.models.verified, &receipt).is_ok();
        }
    }

    /// Keeps so many pieces of the model that comes out without being kept; once it has all, it does.
    async fn keep_apart(&self, disk: &Disk, done: &mut Done, most: u32) {
        let (store, moved) = (&disk.store, &self.models.moved);
        let (id, geometry) = (moved.sha256(), moved.list.geometry());
        let reservation = moved.as_output_in(&self.apart, OutputWay::Instead);
        let Ok(held) = store.reserve(reservation, NOW).await else { return };
        drop(store.learn(id, Arc::clone(&moved.list)).await);
        let mut have = held.have;
        for index in have.complement().pieces(geometry).take(most as usize) {
            if store.keep(id, moved.piece(index)).await.is_ok() {
                have.insert(index);
                done.apart.insert(index.get());
            }
        }
        if have.is_full()
            && let Ok(mut draft) = disk.outputs.draft(id, &self.apart, &moved.stem())
        {
            done.may_be_out = true;
            let verified = moved.verified();
            done.is_out = draft.name(&verified, &moved.receipt(&verified)).is_ok();
        }
        store.release(id);
        if done.is_out {
            drop(store.forget(id).await);
        }
    }

    /// What comes out without being kept is out, or in the making with all that was acknowledged.
    async fn check_apart(&self, disk: &Disk, done: &Done, why: &str) {
        let moved = &self.models.moved;
        let model = disk.store.model(moved.sha256()).await.unwrap();
        let (stem, names) = (moved.stem(), names(&self.apart));
        if names == [stem.receipt(), stem.artifact()] {
            assert!(done.may_be_out && model.is_none(), "{why}");
            assert_eq!(fs::read(self.apart.join(stem.artifact())).unwrap(), moved.bytes, "{why}");
            return;
        }
        assert!(!done.is_out, "{why}: {names:?}");
        let hidden = model.as_ref().and_then(|model| model.outside.as_ref()?.file_name());
        let strange = |name: &&String| Some(name.as_ref()) != hidden;
        assert_eq!(names.iter().find(strange), None, "{why}");
        let have = model.iter().flat_map(|model| model.have.pieces(&model.geometry));
        let have: BTreeSet<u32> = have.map(|index| index.get()).collect();
        assert!(done.apart.is_subset(&have), "{why}: {have:?}");
        for index in have.iter().filter_map(|index| moved.list.geometry().index(*index)) {
            let read = disk.store.read(moved.sha256(), index).await;
            assert_eq!(read.unwrap(), moved.slice(index), "{why}");
        }
    }

    /// Keeps what is missing of an artifact; gives what the store said is kept.
    async fn keep(&self, artifact: &Artifact, disk: &Disk) -> BTreeSet<u32> {
        let (store, id) = (&disk.store, artifact.sha256());
        let Ok(held) = store.reserve(artifact.reservation(), NOW).await else {
            return BTreeSet::new();
        };
        // Pieces are kept also of an artifact whose list is not known.
        let list = store.learn(id, Arc::clone(&artifact.list)).await;
        let have = list.unwrap_or(held.have);
        let missing = have.complement();
        let keeps = missing.pieces(artifact.list.geometry()).map(|index| async move {
            store.keep(id, artifact.piece(index)).await.is_ok().then_some(index.get())
        });
        let kept = futures::future::join_all(keeps).await.into_iter().flatten().collect();
        store.release(id);
        kept
    }

    /// Changes a byte of the first piece where it is kept; whether it is.
    fn rot(&self) -> bool {
        let piece = self.models.artifact.slice(self.first());
        let folder = Layout::new(&self.data).artifacts();
        for slot in if folder.is_dir() { slots(&self.data) } else { Vec::new() } {
            let mut bytes = fs::read(&slot).unwrap();
            if let Some(at) = bytes.windows(piece.len()).position(|there| there == piece) {
                bytes[at] ^= 1;
                fs::write(&slot, bytes).unwrap();
                return true;
            }
        }
        false
    }

    /// Opens what is left, without a fault, and looks at all of it.
    async fn check(&self, done: &Done, failed: &[Op], why: &str) {
        let open = || self.open().unwrap_or_else(|error| panic!("{why}: {error:?}"));
        let live = async |disk: &Disk| disk.store.accounts().await.unwrap().live;
        let disk = open();
        assert!(!failed.is_empty() || done.live == Some(live(&disk).await), "{why}");
        // What is found to be bad is no longer live, as the next opening counts it.
        for model in disk.store.models().await.unwrap() {
            for index in model.have.pieces(&model.geometry) {
                drop(disk.store.read(model.artifact, index).await);
            }
        }
        let before = live(&disk).await;
        drop(disk);
        let disk = open();
        assert_eq!(live(&disk).await, before, "{why}");
        let store = &disk.store;
        // What could not be read for a moment is bad until it is read again.
        store.recheck(self.models.artifact.sha256(), |_| {}).await.unwrap();
        let models = store.models().await.unwrap();
        for artifact in [&self.models.artifact, &self.models.other, &self.models.twin] {
            let model = models.iter().find(|model| model.artifact == artifact.sha256());
            let have = model.map(|model| model.have.pieces(&model.geometry));
            let have: BTreeSet<u32> = have.into_iter().flatten().map(|index| index.get()).collect();
            for index in have.iter().filter_map(|index| artifact.list.geometry().index(*index)) {
                let read = store.read(artifact.sha256(), index).await;
                let read = read.unwrap_or_else(|error| panic!("{why}: {error}"));
                assert_eq!(read, artifact.slice(index), "{why}");
            }
            if artifact.sha256() == self.models.artifact.sha256() {
                let mut lost = done.kept.difference(&have);
                assert!(lost.all(|index| *index == 0 && done.has_rotted), "{why}: {have:?}");
                assert!(!done.is_pinned || model.unwrap().pin == Pin::Pinned, "{why}");
                let index = done.told.iter().any(|told| told.starts_with("The index"));
                assert!(!index, "{why}");
            } else if artifact.sha256() == self.models.twin.sha256() {
                assert!(done.twin.is_subset(&have), "{why}: {have:?}");
            } else {
                assert!(!done.is_forgotten || model.is_none(), "{why}");
            }
        }
        let accounts = store.accounts().await.unwrap();
        let slots = slots(&self.data);
        let taken: u64 = slots.iter().map(|slot| allocated(&fs::metadata(slot).unwrap())).sum();
        assert!(accounts.live == taken && accounts.reserved == 0, "{why}");
        assert!(!done.has_quota || accounts.quota == QUOTA, "{why}");
        assert!(!done.has_peer || store.lets_in(peer().id), "{why}");
        let standing = disk.journal.standing(NOW).await.unwrap();
        let granted = |id: &Id| standing.iter().any(|standing| standing.grant.id() == id);
        assert!(done.grants.iter().all(granted), "{why}");
        let records = disk.journal.transfers(9).await.unwrap();
        assert!(!done.has_record || !records.is_empty(), "{why}");
        let layout = Layout::new(&self.data);
        let settings = load_settings(&layout).unwrap();
        assert!(!done.has_settings || settings.theme == Theme::Dark, "{why}");
        self.check_files(&layout, done, why);
        self.check_apart(&disk, done, why).await;
    }

    fn check_files(&self, layout: &Layout, done: &Done, why: &str) {
        // Files that are locked, or only appended to.
        let may_be_empty = ["settings.lock", "consent.log", "transfers.log"];
        for folder in [self.data.clone(), layout.artifacts()] {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                let is_empty = entry.metadata().unwrap().len() == 0;
                // Nothing is in the file of an artifact that has no piece.
                let may_be_empty = may_be_empty.contains(&&*name) || name.ends_with(".part");
                assert!(!is_empty || may_be_empty, "{why}: {name} is empty");
                assert!(!name.starts_with('.'), "{why}: {name} is left");
            }
        }
        let mut out: Vec<_> = fs::read_dir(&self.out).unwrap().map(Result::unwrap).collect();
        out.sort_by_key(fs::DirEntry::file_name);
        match &out[..] {
            [] => assert!(!done.has_output, "{why}"),
            [_receipt, file] => {
                assert_eq!(fs::read(file.path()).unwrap(), self.models.artifact.bytes, "{why}");
            }
            _ => panic!("{why}: {out:?}"),
        }
        assert_eq!(fs::read_dir(layout.drafts()).unwrap().count(), 0, "{why}");
    }
}

fn peer() -> KnownPeer {
    KnownPeer {
        id: SigningKey::from_seed([4; 32]).public_key().peer_id(),
        label: Label::parse("Anna").unwrap(),
        addresses: Vec::new(),
        added: NOW,
        access: Access::Open,
    }
}

/// Lives with the nth thing that is asked of the disk failing; whether something did.
async fn fail_once(nth: u32, fault: Fault, models: Arc<Models>) -> bool {
    let folder = quick_folder();
    let scene = Scene::new(folder.path(), models);
    let faults = Faults::under(folder.path());
    faults.fail(nth, fault);
    let done = scene.live().await;
    let failed = faults.end();
    let why = format!("{fault:?} of {nth}, {failed:?}, after {done:?}");
    scene.check(&done, &failed, &why).await;
    !failed.is_empty()
}

/// Lets things that are asked fail, one life after the other: from the `first` on, each `step`th.
async fn fail_each(first: u32, step: usize, fault: Fault) {
    let (models, mut wrong) = (Arc::new(Models::new()), Vec::new());
    for nth in (first..).step_by(step) {
        match tokio::spawn(fail_once(nth, fault, Arc::clone(&models))).await {
            Ok(true) => {}
            Ok(false) => {
                assert!(nth > 200, "a life asks more of the disk than that: {nth}");
                break;
            }
            Err(_) => wrong.push(nth),
        }
    }
    assert!(wrong.is_empty(), "{fault:?} of these: {wrong:?}");
}

const BROKEN: Fault = Fault::Errno(Errno::IO);
const FULL: Fault = Fault::Errno(Errno::NOSPC);

/// Each time others, so that all are tried now and then.
async fn fail_some(fault: Fault) {
    let first = 1 + getrandom::u32().unwrap() % 11;
    fail_each(first, 11, fault).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_once_nothing_acknowledged_is_lost() {
    fail_some(BROKEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_once_loses_nothing_acknowledged() {
    fail_some(FULL).await;
}

#[tokio::test(start_paused = true)]
async fn writes_that_are_cut_short_lose_nothing() {
    fail_some(Fault::Short).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "the same of everything that is asked, some 500 lives of each kind"]
async fn every_fault_loses_nothing() {
    for fault in [BROKEN, FULL, Fault::Short] {
        fail_each(1, 1, fault).await;
    }
}
