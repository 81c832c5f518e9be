//! The work of the screen `share`.

mod prepare;
mod serve;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::addresses;
use app::consent::take_back;
use app::ports::{Clock as _, Journal as _, Model, Outputs as _, PieceStore as _, Ports, Standing};
use app::problem::Problem;
use app::question::{Question, Yes};
use app::serve::live::Allowed;
use app::settings::Settings;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use iced::Task;
use verifier::boundary::PeerAddress;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::{Code, Sha256};

use super::{blocking, imports, perform, store_failed};
use crate::screen::share::{
    Announced, Fresh, Look, Message, Purpose, Servable, Telling, Wanted, Work,
};
use crate::wiring::Opened;

/// How many messages of some work may wait for the window.
const QUEUE: usize = 16;
/// How many names are tried for a file.
const NAMES: u32 = 99;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports<Clock: Clone> + 'static>(
    opened: &Arc<Opened<P>>,
    settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    let settings = settings.clone();
    match work {
        Work::Look(number) => perform(async move { look(&opened).await }, move |looked| {
            Message::Looked(number, looked)
        }),
        Work::Open(purpose, artifact) => {
            let work = async move { open(&opened, &settings, purpose, artifact).await };
            perform(work, move |fresh| Message::Opened(purpose, artifact, fresh))
        }
        Work::Choose(run, wanted) => {
            let asked = wanted.clone();
            perform(choose(wanted), move |path| Message::Chosen(run.clone(), asked.clone(), path))
        }
        Work::Prepare(work) => prepare::start(opened, work).map(Message::Preparing),
        Work::Ask(run, order) => {
            let work = async move { serve::ask(&opened, &order).await.map(Box::new) };
            perform(work, move |asked| Message::Asked(run.clone(), asked))
        }
        Work::Serve(starting) => serve::start(opened, *starting),
        Work::TakeBack(artifact, peer) => {
            let work = async move { revoke(&opened, artifact, peer).await };
            perform(work, Message::TakenBack)
        }
        Work::WriteOffer(number, path, bytes) => serve::write(opened, number, path, bytes),
        Work::Draft(run, telling) => {
            let work = async move { draft(&opened, &settings, telling).await.map(Box::new) };
            perform(work, move |drafted| Message::Drafted(run.clone(), drafted))
        }
        Work::Announce(run, announced, yes) => {
            let work = async move { announce(&opened, *announced, yes).await };
            perform(work, move |announced| Message::Announced(run.clone(), announced))
        }
    }
}

/// Runs some work that tells more than once.
fn telling<M: Send + 'static, F: Future<Output = ()> + Send + 'static>(
    work: impl FnOnce(mpsc::Sender<M>) -> F,
) -> Task<M> {
    let (tell, told) = mpsc::channel(QUEUE);
    let rest = stream::once(work(tell)).filter_map(|()| async { None });
    Task::stream(stream::select(told, rest))
}

async fn look<P: Ports>(opened: &Opened<P>) -> Result<Arc<Look>, Problem> {
    let models = opened.ports.store().models().await.map_err(store_failed)?;
    let now = opened.ports.clock().now();
    let standing =
        opened.ports.journal().standing(now).await.map_err(|error| Problem::blamed(&error))?;
    let open: Vec<&Standing> =
        standing.iter().filter(|one| one.is_open(now) && one.grant.act() == Act::Serve).collect();
    let servable = |model: Model| Servable {
        allowed: open
            .iter()
            .filter(|one| one.grant.artifact_sha256() == model.artifact)
            .map(|one| Allowed::of(one))
            .collect(),
        model,
    };
    let models = models.into_iter().filter(|model| !model.have.is_empty()).map(servable);
    Ok(Arc::new(Look { models: models.collect() }))
}

async fn model<P: Ports>(opened: &Opened<P>, artifact: Sha256) -> Result<Model, Problem> {
    let model = opened.ports.store().model(artifact).await.map_err(store_failed)?;
    model.ok_or_else(|| {
        let what = format!("there is no artifact {artifact} in the library");
        Problem::new(Code::new("usage", "arguments"), what, "It may have been forgotten meanwhile.")
    })
}

async fn open<P: Ports>(
    opened: &Opened<P>,
    settings: &Settings,
    purpose: Purpose,
    artifact: Sha256,
) -> Result<Arc<Fresh>, Problem> {
    let model = model(opened, artifact).await?;
    // Where none is found, the form says what to type.
    let somewhere = SocketAddr::new(settings.listen.ip(), 1);
    let found = addresses::of_listener(&[], 1, somewhere).unwrap_or_default();
    let host = |address: &PeerAddress| Some(address.as_str().strip_suffix(":1")?.to_owned());
    let hosts = found.iter().filter_map(host).collect();
    let extension = match purpose {
        Purpose::Serve => "minimodel-offer",
        Purpose::Announce => "minimodel-peer-source",
    };
    let stem = format!("{}-{}", model.model_id, model.model_version);
    let set = settings.imports.clone();
    let file = blocking(move || {
        let folder = imports(set).unwrap_or_default();
        Ok(free(&folder, &stem, extension))
    })
    .await?;
    let (listen, addresses) = (settings.listen, settings.addresses.clone());
    Ok(Arc::new(Fresh { model, listen, addresses, hosts, file }))
}

/// A name in the folder that nothing has yet.
pub(super) fn free(folder: &Path, stem: &str, extension: &str) -> PathBuf {
    let named = |name: String| folder.join(format!("{name}.{extension}"));
    let numbered = (2..=NAMES).map(|number| named(format!("{stem}-{number}")));
    std::iter::once(named(stem.to_owned()))
        .chain(numbered)
        .find(|path| path.symlink_metadata().is_err())
        .unwrap_or_else(|| named(stem.to_owned()))
}

/// Lets the user choose a file by the desktop's own dialog, if there is one.
async fn choose(wanted: Wanted) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new();
    let chosen = match wanted {
        Wanted::Slm => dialog.add_filter("Models (.slm)", &["slm"]).pick_file().await,
        Wanted::Manifest => dialog.add_filter("Manifests", &["manifest"]).pick_file().await,
        Wanted::New(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let dialog = dialog.set_file_name(name);
            match path.parent().filter(|folder| folder.is_dir()) {
                Some(folder) => dialog.set_directory(folder).save_file().await,
                None => dialog.save_file().await,
            }
        }
    };
    chosen.map(|file| file.path().to_owned())
}

async fn revoke<P: Ports>(
    opened: &Opened<P>,
    artifact: Sha256,
    peer: Option<PeerId>,
) -> Result<u64, Problem> {
    let now = opened.ports.clock().now();
    let revoked = take_back(&**opened.ports.journal(), now, |standing| {
        let grant = &standing.grant;
        let is_meant = match (peer, grant.scope()) {
            (None, _) => true,
            (Some(peer), Scope::Peer(other)) => peer == other,
            (Some(_), _) => false,
        };
        grant.act() == Act::Serve && grant.artifact_sha256() == artifact && is_meant
    })
    .await
    .map_err(|error| Problem::blamed(&error))?;
    Ok(revoked.len() as u64)
}

async fn draft<P: Ports>(
    opened: &Opened<P>,
    settings: &Settings,
    telling: Telling,
) -> Result<Announced, Problem> {
    let model = model(opened, telling.artifact).await?;
    let manifest = app::share::kept_manifest(&**opened.ports.store(), telling.artifact)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    check_free(opened, telling.file.clone()).await?;
    let addresses = addresses::own(&telling.addresses, settings.listen.port())
        .map_err(|error| Problem::blamed(&error))?;
    let places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let created = opened.ports.clock().now();
    let expires = created.plus(telling.span);
    let bytes = app::announce::draft(&model, &opened.key, addresses, created, expires)
        .map_err(|error| Problem::blamed(&error))?;
    let stop =
        format!("delete {}; nobody can fetch without your yes to serve", telling.file.display());
    let length = bytes.len() as u64;
    let question = Question::publish(&manifest, length, &places.join(", "), expires, stop);
    Ok(Announced { telling, model, bytes, question })
}

async fn announce<P: Ports>(
    opened: &Opened<P>,
    announced: Announced,
    yes: Yes,
) -> Result<PathBuf, Problem> {
    let Announced { telling, model, bytes, .. } = announced;
    let now = opened.ports.clock().now();
    let consent = yes
        .write_down(&**opened.ports.journal(), now)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let artifact = telling.artifact;
    app::announce::announce(&opened.ports, artifact, model.model_id, bytes, &telling.file, consent)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    Ok(telling.file)
}

/// Checks before anybody is asked that a file could be written there.
async fn check_free<P: Ports>(opened: &Opened<P>, path: PathBuf) -> Result<(), Problem> {
    let outputs = Arc::clone(opened.ports.outputs());
    blocking(move || outputs.check_file(&path).map_err(|error| Problem::blamed(&error))).await
}

/// Writes a file under a name that is free.
async fn write<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    path: PathBuf,
    bytes: Arc<[u8]>,
) -> Result<PathBuf, Problem> {
    let outputs = Arc::clone(opened.ports.outputs());
    blocking(move || {
        outputs.write(&path, &bytes).map_err(|error| Problem::blamed(&error))?;
        Ok(path)
    })
    .await
}
