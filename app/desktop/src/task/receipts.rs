//! The work of the screen `receipts`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app::input;
use app::ports::{Clock as _, Outputs as _, PieceStore as _, Ports};
use app::problem::Problem;
use app::receipts;
use app::settings::Settings;
use app::verify::{self, Meter};
use futures::SinkExt as _;
use iced::Task;
use verifier::Sha256;
use verifier::artifact::Extras;
use verifier::identity::SigningKey;
use verifier::manifest::Options;
use verifier::receipt::Receipt;

use super::{blocking, imports, perform, store_failed};
use crate::screen::receipts::{
    AgainMessage, CheckMessage, Choice, Ended, FilesMessage, Listed, ManifestFrom, Message, Read,
    ReadingMessage, Work, Written,
};
use crate::widget::piece_map::Pieces;
use crate::wiring::Opened;

/// How often it is told how far a check has come.
const EVERY: Duration = Duration::from_millis(150);

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    match work {
        Work::List { folder, turn } => {
            let own = settings.imports.clone();
            perform(list(opened, folder, own), move |outcome| {
                Message::Files(FilesMessage::Listed { turn, outcome })
            })
        }
        Work::Read { path, turn } => perform(read(opened, path.clone()), move |outcome| {
            Message::Read { turn, path: path.clone(), outcome: outcome.map(Arc::new) }
        }),
        Work::Verify { receipt, manifest, slm, meter, turn } => {
            let check = move |meter: &Meter| {
                let manifest = match manifest {
                    ManifestFrom::Library(bytes) => bytes,
                    ManifestFrom::File(path) => input::read(&path, input::MANIFEST)?.into(),
                };
                verify::receipt(receipt.bytes(), &manifest, Options::default(), &slm, meter)
                    .map(Arc::new)
            };
            let again = |message| Message::Reading(ReadingMessage::Again(message));
            let progress = move |read, length| again(AgainMessage::Progress { turn, read, length });
            let ended = move |outcome| {
                let ended = Ended { at: opened.ports.clock().now(), outcome };
                again(AgainMessage::Ended { turn, ended })
            };
            metered(meter, check, progress, ended)
        }
        Work::Export { run, receipt, to } => {
            perform(export(opened, receipt, to.clone()), move |outcome| {
                Message::Reading(ReadingMessage::Written(run.clone(), to.clone(), outcome))
            })
        }
        Work::Check { manifest, slm, rule, meter, turn } => {
            let check = move |meter: &Meter| {
                let manifest = Arc::new(verify::manifest(&manifest, Options::default())?);
                verify::artifact(&manifest, &slm, &Extras::default(), rule, meter).map(Arc::new)
            };
            let progress =
                move |read, length| Message::Check(CheckMessage::Progress { turn, read, length });
            let ended = move |outcome| {
                let ended = Ended { at: opened.ports.clock().now(), outcome };
                Message::Check(CheckMessage::Ended { turn, ended })
            };
            metered(meter, check, progress, ended)
        }
        Work::Write { artifact, slm, to, turn } => {
            let signed = settings.sign_receipts;
            let key = SigningKey::from_seed(*opened.key.seed());
            let write = blocking(move || {
                let now = opened.ports.clock().now();
                let receipt = verify::new_receipt(&artifact, &slm, now, signed.then_some(&key))?;
                put(&*opened, &to, receipt.bytes())?;
                Ok(Written { path: to, signed })
            });
            perform(write, move |outcome| Message::Check(CheckMessage::Written { turn, outcome }))
        }
        Work::Choose(choice, turn) => {
            perform(choose(choice), move |path| Message::Chosen(choice, turn, path))
        }
    }
}

/// The folder, else the one that imports go to.
async fn list<P: Ports>(
    opened: Arc<Opened<P>>,
    folder: Option<PathBuf>,
    own: Option<PathBuf>,
) -> Result<Arc<Listed>, Problem> {
    let peers = opened.ports.store().peers().await.map_err(store_failed)?;
    blocking(move || {
        let folder = folder.or_else(|| imports(own)).ok_or_else(|| {
            let what = "this account names no downloads folder";
            let advice = "Type the path of the folder that your receipts are in.";
            Problem::new(app::blame::IO_FAILED, what, advice)
        })?;
        let listing = receipts::list(&folder, receipts::MOST)?;
        let name = |id| {
            let known = peers.iter().find(|known| known.id == id);
            known.map(|known| known.label.to_string())
        };
        Ok(Arc::new(Listed::new(listing, name)))
    })
    .await
}

async fn read<P: Ports>(opened: Arc<Opened<P>>, path: PathBuf) -> Result<Read, Problem> {
    let (receipt, summary, beside, path) = blocking(move || {
        let (receipt, summary) = receipts::read(&path)?;
        let beside = ["slm", "manifest"].map(|extension| {
            let beside = path.with_extension(extension);
            beside.is_file().then_some(beside)
        });
        Ok((receipt, summary, beside, path))
    })
    .await?;
    let (store, artifact) = (opened.ports.store(), summary.artifact);
    let model = store.model(artifact).await.map_err(store_failed)?;
    let states = store.map(artifact).await.map_err(store_failed)?;
    let manifest = store.manifest(artifact).await.map_err(store_failed)?;
    let pieces = match (model, states) {
        (Some(model), Some(states)) => {
            Some(Pieces::stored(model.geometry, &states, model.last_verified))
        }
        _ => None,
    };
    // The library may keep the model by another manifest than the one that the receipt names.
    let named = receipt.value("manifest.sha256").and_then(Sha256::parse);
    let manifest = manifest.filter(|bytes| Some(Sha256::of(bytes)) == named);
    let [slm_beside, manifest_beside] = beside;
    let receipt = Arc::new(receipt);
    Ok(Read { path, receipt, summary, pieces, manifest, slm_beside, manifest_beside })
}

async fn export<P: Ports + 'static>(
    opened: Arc<Opened<P>>,
    receipt: Arc<Receipt>,
    to: PathBuf,
) -> Result<(), Problem> {
    blocking(move || put(&*opened, &to, receipt.bytes())).await
}

fn put<P: Ports>(opened: &Opened<P>, to: &Path, bytes: &[u8]) -> Result<(), Problem> {
    opened.ports.outputs().write(to, bytes).map_err(|error| Problem::blamed(&error))
}

/// Does a check on a thread of its own, and tells now and then how far it has come.
fn metered<T: Send + 'static>(
    meter: Arc<Meter>,
    check: impl FnOnce(&Meter) -> Result<T, Problem> + Send + 'static,
    progress: impl Fn(u64, u64) -> Message + Send + 'static,
    ended: impl FnOnce(Result<T, Problem>) -> Message + Send + 'static,
) -> Task<Message> {
    Task::stream(iced::stream::channel(1, async move |mut tell| {
        let counted = Arc::clone(&meter);
        let mut check = tokio::spawn(blocking(move || check(&counted)));
        let outcome = loop {
            tokio::select! {
                outcome = &mut check => break outcome,
                () = tokio::time::sleep(EVERY) => {
                    // A window that is slow to listen is told the next time.
                    let _full = tell.try_send(progress(meter.read(), meter.length()));
                }
            }
        };
        let outcome =
            outcome.unwrap_or_else(|join| Err(Problem::machine("the check ended early", &join)));
        // Nobody listens any more when the window closes.
        let _closed = tell.send(ended(outcome)).await;
    }))
}

/// Lets the user choose in a window of the desktop; `None` if there is none, or nothing is chosen.
async fn choose(choice: Choice) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new();
    let chosen = match choice {
        Choice::Folder => dialog.set_title("Folder of receipts").pick_folder().await,
        Choice::Export | Choice::Write => {
            let name = format!("receipt.{}", receipts::EXTENSION);
            dialog.set_title("Receipt").set_file_name(name).save_file().await
        }
        Choice::AgainSlm | Choice::CheckSlm => {
            dialog.set_title("Model").add_filter("Models", &["slm"]).pick_file().await
        }
        Choice::AgainManifest | Choice::CheckManifest => {
            let dialog = dialog.set_title("Manifest").add_filter("Manifests", &["manifest"]);
            dialog.add_filter("All files", &["*"]).pick_file().await
        }
    };
    chosen.map(|handle| handle.path().to_owned())
}
