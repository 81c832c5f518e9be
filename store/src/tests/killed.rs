//! A process that is killed at any moment has what it said to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use app::ports::{
    Access, Draft as _, Held, Journal as _, KnownPeer, OutputWay, Outputs as _, PieceStore as _,
    Pin, ReadError, Record, What,
};
use verifier::Bitfield;
use verifier::identity::{PeerId, SigningKey};
use verifier::scalars::Label;

use super::instead::names;
use super::{Artifact, NOW, quick_folder};
use crate::documents::{PART, WHOLE};
use crate::{Disk, Layout, Store};

const PATH: &str = "MINIMODEL_TEST_KILLED";

/// How many models there are, of which the quota leaves room for some three.
const MODELS: u8 = 5;

/// The model behind them is not kept: it comes out of the library before it is whole there.
const OUTPUT: u8 = MODELS;

fn models() -> Vec<Artifact> {
    (0..=OUTPUT).map(|seed| Artifact::near(60_000, seed.into())).collect()
}

fn peer(number: u8) -> PeerId {
    SigningKey::from_seed([number; 32]).public_key().peer_id()
}

fn say(line: String) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Reserves an artifact, if it fits, and says what goes for it.
async fn reserve(store: &Store, artifact: &Artifact, model: u8) -> Option<Held> {
    say(format!("reserving {model}"));
    // The index grows meanwhile, so that the room may not be enough.
    let held = store.reserve(artifact.reservation(), NOW).await.ok()?;
    let gone = held.evicted.iter().map(|gone| gone.model_id.as_str());
    let gone = gone.map(|id| format!(" {}", id.strip_prefix("model-").unwrap()));
    say(format!("reserved{}", gone.collect::<String>()));
    Some(held)
}

/// Keeps these pieces, and lets go of the artifact.
async fn keep(store: &Store, artifact: &Artifact, model: u8, missing: &Bitfield) {
    let id = artifact.sha256();
    store.learn(id, Arc::clone(&artifact.list)).await.unwrap();
    let keeps = missing.pieces(artifact.list.geometry()).map(|index| async move {
        store.keep(id, artifact.piece(index)).await.unwrap();
        say(format!("kept {model} {}", index.get()));
    });
    futures::future::join_all(keeps).await;
    store.release(id);
}

/// Changes a byte of a piece where it lies.
fn rot(data: &Path, artifact: &Artifact, model: u8, index: u32) {
    let geometry = artifact.list.geometry();
    let index = geometry.index(index % geometry.piece_count()).unwrap();
    say(format!("rotting {model} {}", index.get()));
    let layout = Layout::new(data);
    let paths = [PART, WHOLE].map(|ending| layout.of(artifact.sha256(), ending));
    let path = paths.iter().find(|path| path.exists()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    let wrong = [!artifact.slice(index)[0]];
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&wrong, geometry.offset(index)).unwrap();
}

/// Reads all pieces again, some at a time.
async fn scrub(store: &Store, artifact: &Artifact) {
    let count = artifact.list.geometry().piece_count();
    for first in (0..count).step_by(3) {
        let mut some = Bitfield::empty(count);
        some.insert_range(first, (first + 2).min(count - 1));
        store.recheck_some(artifact.sha256(), some, |_| {}).await.unwrap();
    }
}

/// Lives in all ways that change the disk, and says what is about to happen and what is done.
async fn live(data: &Path) {
    let models = models();
    for round in 0_u8.. {
        let disk = Disk::open(data, "killed").unwrap();
        let store = &disk.store;
        let taken = store.accounts().await.unwrap().index;
        store.set_quota(taken + 260_000).await.unwrap();
        for (model, artifact) in (0..MODELS).zip(&models) {
            let id = artifact.sha256();
            let Some(held) = reserve(store, artifact, model).await else { continue };
            keep(store, artifact, model, &held.have.complement()).await;
            if model == 0 {
                store.pin(id, Pin::Pinned).await.unwrap();
                say("pinned".to_owned());
            }
            store.recheck(id, |_| {}).await.unwrap();
            rot(data, artifact, model, u32::from(round.wrapping_mul(3)));
            scrub(store, artifact).await;
            // A repair: what the scrub found to be bad is kept anew, and the whole read again.
            if let Some(held) = reserve(store, artifact, model).await {
                assert!(!held.have.is_full(), "the scrub found what rotted");
                keep(store, artifact, model, &held.have.complement()).await;
                let found = store.recheck(id, |_| {}).await.unwrap().unwrap();
                assert!(found.corrupt.is_empty() && found.unread.is_empty(), "{found:?}");
                store.verified(id, NOW).await.unwrap();
                say(format!("whole {model}"));
            }
            if (model + round) % 3 == 2 && model > 0 {
                say(format!("forgetting {model}"));
                store.forget(id).await.unwrap();
                say(format!("forgot {model}"));
            }
        }
        come_out(&disk, &models[usize::from(OUTPUT)], &out(data)).await;
        let known = KnownPeer {
            id: peer(round),
            label: Label::parse("Anna").unwrap(),
            addresses: Vec::new(),
            added: NOW,
            access: Access::Open,
        };
        store.add_peer(known).await.unwrap();
        say(format!("paired {round}"));
        let record = Record {
            time: NOW,
            what: What::Imported,
            model_id: models[0].manifest.model_id().clone(),
            artifact: models[0].sha256(),
            peer: None,
            bytes: 1,
            note: String::new(),
        };
        disk.journal.record(record).await.unwrap();
        say("recorded".to_owned());
        if round % 2 == 1 {
            // The next opening makes it anew.
            drop(disk);
            fs::remove_dir_all(Layout::new(data).index()).unwrap();
        }
    }
}

/// The folder of the output.
fn out(data: &Path) -> PathBuf {
    data.with_extension("out")
}

/// Imports a model of which the library keeps nothing, and throws the output away.
async fn come_out(disk: &Disk, artifact: &Artifact, out: &Path) {
    let (store, id, stem) = (&disk.store, artifact.sha256(), artifact.stem());
    let throw_away = || {
        for name in [stem.artifact(), stem.receipt()] {
            drop(fs::remove_file(out.join(name)));
        }
    };
    throw_away();
    say(format!("reserving {OUTPUT}"));
    let reservation = artifact.as_output_in(out, OutputWay::Instead);
    let Ok(held) = store.reserve(reservation, NOW).await else { return };
    assert_eq!(held.evicted, [], "nothing goes for it");
    say("reserved".to_owned());
    store.learn(id, Arc::clone(&artifact.list)).await.unwrap();
    for index in held.have.complement().pieces(artifact.list.geometry()) {
        store.keep(id, artifact.piece(index)).await.unwrap();
        say(format!("kept {OUTPUT} {}", index.get()));
    }
    let mut draft = disk.outputs.draft(id, out, &stem).unwrap();
    say(format!("forgetting {OUTPUT}"));
    let verified = artifact.verified();
    draft.name(&verified, &artifact.receipt(&verified)).unwrap();
    drop(draft);
    store.release(id);
    store.forget(id).await.unwrap();
    say(format!("forgot {OUTPUT}"));
    throw_away();
}

/// What a process said is done, over all of its lives.
#[derive(Debug, Default)]
struct Said {
    kept: BTreeMap<u8, BTreeSet<u32>>,
    /// Models that may be gone, because the process was killed on the way.
    doubtful: BTreeSet<u8>,
    /// Pieces that may be corrupt: they rotted, and were not said to be kept since.
    rotten: BTreeMap<u8, BTreeSet<u32>>,
    /// Models that were verified whole after a repair.
    whole: BTreeSet<u8>,
    is_pinned: bool,
    peers: BTreeSet<u8>,
    has_record: bool,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let what = words.next();
        let mut numbers = words.map_while(|word| word.parse::<u8>().ok());
        match (what, numbers.next()) {
            (Some("reserving"), Some(model)) => {
                self.doubtful = (0..MODELS).filter(|other| *other != model).collect();
                self.kept.entry(model).or_default();
            }
            (Some("reserved"), first) => {
                self.doubtful.clear();
                for gone in first.into_iter().chain(numbers) {
                    self.goes(gone);
                }
            }
            (Some("kept"), Some(model)) => {
                let index = u32::from(numbers.next().unwrap());
                self.kept.entry(model).or_default().insert(index);
                self.rotten.entry(model).or_default().remove(&index);
            }
            (Some("rotting"), Some(model)) => {
                let index = u32::from(numbers.next().unwrap());
                self.kept.entry(model).or_default().remove(&index);
                self.rotten.entry(model).or_default().insert(index);
            }
            (Some("whole"), Some(model)) => drop(self.whole.insert(model)),
            (Some("forgetting"), Some(model)) => drop(self.doubtful.insert(model)),
            (Some("forgot"), Some(model)) => {
                self.doubtful.remove(&model);
                self.goes(model);
            }
            (Some("pinned"), _) => self.is_pinned = true,
            (Some("paired"), Some(peer)) => drop(self.peers.insert(peer)),
            (Some("recorded"), _) => self.has_record = true,
            _ => {}
        }
    }

    fn goes(&mut self, model: u8) {
        self.kept.remove(&model);
        self.whole.remove(&model);
    }

    /// Looks at what is left; what may be gone and is, is from now on.
    async fn check(&mut self, data: &Path) {
        let disk = Disk::open(data, "check").unwrap();
        let store = &disk.store;
        for (number, artifact) in (0_u8..).zip(models()) {
            let model = store.model(artifact.sha256()).await.unwrap();
            let Some(model) = model else {
                let is_sure = self.kept.contains_key(&number) && !self.doubtful.contains(&number);
                assert!(!is_sure || self.kept[&number].is_empty(), "{number} is gone: {self:?}");
                self.goes(number);
                continue;
            };
            let rotten = self.rotten.entry(number).or_default();
            for index in model.have.pieces(&model.geometry) {
                match store.read(artifact.sha256(), index).await {
                    Err(ReadError::Corrupt) if rotten.contains(&index.get()) => {}
                    read => assert_eq!(read.unwrap(), artifact.slice(index)),
                }
            }
            for index in self.kept.get(&number).into_iter().flatten() {
                let index = model.geometry.index(*index).unwrap();
                let is_there = model.have.contains(index) || self.doubtful.contains(&number);
                assert!(is_there, "{number}, piece {}: {:?}, {self:?}", index.get(), disk.notices);
            }
            if number == 0 {
                assert!(!self.is_pinned || model.pin == Pin::Pinned, "{self:?}");
            }
            let is_sure = self.whole.contains(&number) && !self.doubtful.contains(&number);
            assert!(!is_sure || model.last_verified.is_some(), "{number}: {self:?}");
            let model = store.model(artifact.sha256()).await.unwrap().unwrap();
            let have = model.have.pieces(&model.geometry).map(|index| index.get()).collect();
            self.kept.insert(number, have);
        }
        self.doubtful.clear();
        let (output, out) = (&models()[usize::from(OUTPUT)], out(data));
        let (stem, names) = (output.stem(), names(&out));
        if names.contains(&stem.artifact()) {
            assert_eq!(fs::read(out.join(stem.artifact())).unwrap(), output.bytes);
            assert!(names.contains(&stem.receipt()), "{names:?}");
        }
        let is_there = store.model(output.sha256()).await.unwrap().is_some();
        let hidden = names.iter().filter(|name| name.starts_with('.')).count();
        assert!(hidden <= usize::from(is_there), "{names:?}");
        assert!(self.peers.iter().all(|number| store.lets_in(peer(*number))), "{self:?}");
        let records = disk.journal.transfers(9).await.unwrap();
        assert!(!self.has_record || !records.is_empty());
        let accounts = store.accounts().await.unwrap();
        assert_eq!(accounts.reserved, 0);
    }
}

async fn kill(rounds: u32) {
    let folder = quick_folder();
    let data: PathBuf = folder.path().join("data");
    fs::create_dir(out(&data)).unwrap();
    let mut said = Said::default();
    for _ in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::killed::lives_until_killed", "--ignored", "--nocapture"])
            .env(PATH, &data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // From the first word on, so that it is killed in the midst of things.
        let first = lines.by_ref().find(|line| line.starts_with("reserving")).unwrap();
        said.hear(&first);
        let moment = getrandom::u64().unwrap() % 120;
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it lived until then");
        lines.for_each(|line| said.hear(&line));
        said.check(&data).await;
    }
    assert!(said.kept.values().any(|kept| !kept.is_empty()), "{said:?}");
}

#[tokio::test]
async fn a_process_that_is_killed_has_what_it_said_to_be_done() {
    kill(10).await;
}

#[tokio::test]
#[ignore = "the same, two hundred times"]
async fn a_process_that_is_killed_two_hundred_times_has_what_it_said_to_be_done() {
    kill(200).await;
}

#[tokio::test]
#[ignore = "the process that is killed"]
async fn lives_until_killed() {
    let Some(data) = std::env::var_os(PATH) else { return };
    live(data.as_ref()).await;
}
