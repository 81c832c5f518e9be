//! The work of the screen `library`.

mod repair;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use app::import;
use app::import::live::Meter;
use app::library::{self, Event, Found};
use app::ports::{Outputs as _, Patience, PieceStore as _, Ports};
use app::problem::Problem;
use app::settings::Settings;
use app::verify::program_version;
use iced::Task;
use verifier::Sha256;
use verifier::identity::SigningKey;
use verifier::slm::ChecksumRule;

use super::share::free;
use super::{Report, blocking, imports, perform, reporting, reveal, store_failed, unless};
use crate::screen::library::{Message, News, Part, Placed, Work};
use crate::widget::piece_map::Pieces;
use crate::wiring::Opened;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    match work {
        Work::Look(number) => perform(look(opened), move |seen| Message::Looked(number, seen)),
        Work::Map { number, artifact } => {
            perform(map(opened, artifact), move |seen| Message::Mapped(number, seen))
        }
        Work::Pin(artifact, pin) => {
            let work = async move {
                opened.ports.store().pin(artifact, pin).await.map(|_| ()).map_err(store_failed)
            };
            perform(work, Message::Pinned)
        }
        Work::HandOut(artifact) => {
            let set = settings.imports.clone();
            perform(hand_out(opened, artifact, set), Message::HandedOut)
        }
        Work::Weigh(artifact) => {
            let work = async move {
                library::footprint(&opened.ports, artifact).await.map_err(store_failed)
            };
            perform(work, move |found| Message::News(News::Weighed(artifact, found)))
        }
        Work::Forget(artifact) => {
            let work =
                async move { opened.ports.store().forget(artifact).await.map_err(store_failed) };
            perform(work, move |freed| Message::News(News::Forgotten(artifact, freed)))
        }
        Work::Recheck { run, artifact, stop } => reporting(move |report| {
            unless(stop, async move {
                let checked = recheck(&opened, artifact, run, report).await;
                Message::News(News::Checked(run, checked))
            })
        }),
        Work::LookWhatIsBad { run, artifact, whom, stop } => reporting(move |report| {
            unless(stop, async move {
                let looked = repair::look(&opened, artifact, whom, run, report).await;
                Message::News(News::LookedWhatIsBad(run, looked))
            })
        }),
        Work::Repair { run, start, stop } => reporting(move |report| async move {
            let mended = repair::mend(&opened, *start, stop, run, report).await?;
            Some(Message::News(News::Repaired(run, mended)))
        }),
        Work::Find { run, artifact, stop } => {
            let set = settings.imports.clone();
            reporting(move |report| {
                unless(stop, async move {
                    // Here, because asking the account where its downloads go reads files.
                    let folder = imports(set).unwrap_or_else(std::env::temp_dir);
                    let found = find(&opened, artifact, &folder, run, report).await;
                    Message::News(News::Found(run, folder, found))
                })
            })
        }
        Work::Export { run, artifact, folder, stop } => {
            let signs = settings.sign_receipts;
            reporting(move |report| {
                unless(stop, async move {
                    let path = export(&opened, artifact, folder, signs, run, report).await;
                    Message::News(News::Exported(run, path))
                })
            })
        }
        Work::Reveal { run, path } => {
            perform(reveal(path), move |shown| Message::News(News::Revealed(run, shown)))
        }
        Work::Browse { run, folder } => {
            perform(browse(folder), move |folder| Message::News(News::Chosen(run, folder)))
        }
    }
}

async fn look<P: Ports>(opened: Arc<Opened<P>>) -> Result<Arc<library::Snapshot>, Problem> {
    library::snapshot(&opened.ports).await.map(Arc::new).map_err(store_failed)
}

/// Writes a model's manifest where imports go, under a name that is free.
async fn hand_out<P: Ports + 'static>(
    opened: Arc<Opened<P>>,
    artifact: Sha256,
    set: Option<PathBuf>,
) -> Result<PathBuf, Problem> {
    let store = opened.ports.store();
    let model = store.model(artifact).await.map_err(store_failed)?;
    let manifest = store.manifest(artifact).await.map_err(store_failed)?;
    let (Some(model), Some(manifest)) = (model, manifest) else {
        return Err(Problem::new(
            library::DAMAGED,
            library::LACKS_MANIFEST,
            library::MEND_MANIFEST,
        ));
    };
    let outputs = Arc::clone(opened.ports.outputs());
    blocking(move || {
        let folder = imports(set).unwrap_or_else(std::env::temp_dir);
        let stem = format!("{}-{}", model.model_id, model.model_version);
        let path = free(&folder, &stem, "manifest");
        outputs.write(&path, &manifest).map_err(|error| Problem::blamed(&error))?;
        Ok(path)
    })
    .await
}

async fn map<P: Ports>(
    opened: Arc<Opened<P>>,
    artifact: Sha256,
) -> Result<Option<Pieces>, Problem> {
    let store = opened.ports.store();
    let Some(model) = store.model(artifact).await.map_err(store_failed)? else { return Ok(None) };
    let states = store.map(artifact).await.map_err(store_failed)?.unwrap_or_default();
    let list = store.list(artifact).await.map_err(store_failed)?;
    let build = move || {
        let pieces = Pieces::stored(model.geometry, &states, model.last_verified);
        Ok(Some(match list {
            Some(list) => pieces.with_list(list),
            None => pieces,
        }))
    };
    blocking(build).await
}

async fn recheck<P: Ports>(
    opened: &Opened<P>,
    artifact: Sha256,
    run: u64,
    mut report: Report<Message>,
) -> Result<Option<library::Checked>, Problem> {
    let model = opened.ports.store().model(artifact).await.map_err(store_failed)?;
    let Some(model) = model else { return Ok(None) };
    let (of, size) = (library::kept_bytes(&model), u64::from(model.geometry.piece_size()));
    let mut pace = Pace::new(of);
    let on = |pieces: u32| {
        let part = pace.reach(u64::from(pieces).saturating_mul(size));
        report.say(Message::News(News::Reached(run, part)));
    };
    library::recheck(&opened.ports, &model, on).await.map_err(store_failed)
}

/// How far work is, and how fast.
struct Pace {
    of: u64,
    done: u64,
    meter: Meter,
}

impl Pace {
    fn new(of: u64) -> Self {
        Self { of, done: 0, meter: Meter::new(Instant::now()) }
    }

    /// So much is done now.
    fn reach(&mut self, done: u64) -> Part {
        let (now, done) = (Instant::now(), done.min(self.of));
        self.meter.add(done.saturating_sub(self.done), now);
        self.done = done;
        Part { done, of: self.of, rate: self.meter.rate(now) }
    }
}

async fn find<P: Ports>(
    opened: &Opened<P>,
    artifact: Sha256,
    folder: &Path,
    run: u64,
    mut report: Report<Message>,
) -> Result<Found, Problem> {
    let model = opened.ports.store().model(artifact).await.map_err(store_failed)?;
    let mut pace = Pace::new(model.map_or(0, |model| model.geometry.byte_count()));
    let on = |bytes| report.say(Message::News(News::Reached(run, pace.reach(bytes))));
    library::find(&opened.ports, artifact, folder, on).await.map_err(|e| Problem::blamed(&e))
}

/// Finds the file in the folder, or writes it if there is none.
async fn export<P: Ports>(
    opened: &Opened<P>,
    artifact: Sha256,
    folder: PathBuf,
    signs: bool,
    run: u64,
    mut report: Report<Message>,
) -> Result<Placed, Problem> {
    if let Found::Sound(path) = find(opened, artifact, &folder, run, report.clone()).await? {
        return Ok(Placed { path, forgotten: None, trouble: None });
    }
    let model = opened.ports.store().model(artifact).await.map_err(store_failed)?;
    let (total, size) = model.map_or((0, 0), |model| {
        (model.geometry.byte_count(), u64::from(model.geometry.piece_size()))
    });
    let mut pace = Pace::new(total);
    let on = |event| {
        if let Event::Written { done, .. } = event {
            let part = pace.reach(u64::from(done).saturating_mul(size));
            report.say(Message::News(News::Reached(run, part)));
        }
    };
    let settings = import::Settings {
        verifier_version: program_version()?,
        signer: signs.then(|| SigningKey::from_seed(*opened.key.seed())),
        rule: ChecksumRule::Verify,
        patience: Patience::default(),
    };
    let exported = library::export(&opened.ports, artifact, folder, settings, on).await;
    let exported = exported.map_err(|error| Problem::blamed(&error))?;
    let (path, forgotten) = (exported.named.artifact, exported.forgotten);
    Ok(Placed { path, forgotten, trouble: exported.trouble })
}

async fn browse(from: PathBuf) -> Option<PathBuf> {
    let mut dialog = rfd::AsyncFileDialog::new().set_title("The folder for the model");
    if from.is_dir() {
        dialog = dialog.set_directory(&from);
    }
    dialog.pick_folder().await.map(|folder| folder.path().to_owned())
}
