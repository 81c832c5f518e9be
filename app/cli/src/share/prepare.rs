//! Makes a `.slm` file's manifest and keeps its pieces, ready to be served.

mod names;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::consent::Consent;
use app::ports::{
    Clock as _, Evictable, Model, OutputError, PieceStore as _, Pin, Ports, ReserveError,
};
use app::problem::Problem;
use app::question::Question;
use app::share::{self, Event};
use app::stop;
use app::{import, input};
use verifier::manifest::{Manifest, Options};
use verifier::piece::PieceList;

use crate::args::PrepareArgs;
use crate::fault::Fault;
use crate::library::{failed, with_evicted};
use crate::outcome::{Outcome, printable};
use crate::progress::Progress;
use crate::prompt;
use crate::session::Session;
use crate::stop::{Waiting, unless_stopped};
use crate::terminal::{Paint, Terminal};
use crate::verify::with_manifest;
use crate::wiring::Wiring;

/// How long a yes to keep a share holds; it is used up at once.
const CACHE_SPAN: u64 = 86_400;

/// What is told of one that was stopped before it kept anything.
const NOTHING_KEPT: &str = "Nothing was kept. Run the same command again.";

/// `share prepare`.
///
/// # Errors
///
/// [`Fault`] if the file is no valid artifact, the user does not agree, or the store fails. Before
/// the user has agreed, nothing is made at all.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PrepareArgs,
) -> Result<Outcome, Fault> {
    let (file, length) = input::open(&args.slm)?;
    let library = session.look_quietly()?;
    let here = match &library {
        Some(library) => Here::find(library, &args.slm, length).await?,
        None => None,
    };
    let given = match &args.manifest {
        Some(path) => Some(Arc::new(app::verify::manifest(path, Options::default())?)),
        None => None,
    };
    if let Some(here) = &here {
        here.check(args, given.as_deref())?;
    }
    let known = given.or_else(|| here.as_ref().map(|here| Arc::clone(&here.manifest)));
    let known = match known {
        None => left(session.terminal, args, length)?,
        known => known,
    };
    let out = Out::of(args, known.as_deref())?;
    if let Some(Here { model, manifest }) = &here
        && model.have.is_full()
        && model.pin == Pin::Pinned
    {
        out.write(session, manifest)?;
        let line = format!("{} {} is here already", model.model_id, model.model_version);
        session.terminal.say(&format!("{line}, under the manifest below. Nothing was changed."));
        return Ok(told(session.terminal, manifest, &out).with("already_here", true));
    }
    let paint = session.terminal.paint();
    let (manifest, list) = match known {
        Some(manifest) => {
            let waiting = Waiting::default();
            let watched = watched(file, length, paint, waiting.asker());
            let check = share::check(watched, Arc::clone(&manifest));
            let check = async { check.await.map_err(|error| Fault::blamed(&error)) };
            let list = unless_stopped(stop::wished(), "preparing", NOTHING_KEPT, check).await?;
            (manifest, list)
        }
        None => make_manifest(session, args, file, length).await?,
    };
    out.check(session)?;
    let gone = check_room(session, library.as_ref(), &manifest, &list).await?;
    let now = session.now();
    let stop = format!("minimodel library forget {}", manifest.model_id());
    let earlier = match &library {
        Some(library) => share::earlier(library, manifest.artifact_sha256()).await,
        None => Ok(Vec::new()),
    };
    let question = Question::keep(&manifest, now.plus(CACHE_SPAN), stop)
        .in_place_of(earlier.map_err(|error| Fault::blamed(&error))?)
        .giving_up(&gone);
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    out.write(session, &manifest)?;
    let mut evicted = Vec::new();
    let kept = async {
        let ports = match library {
            Some(library) => library,
            None => session.make_library()?,
        };
        let terminal = &mut *session.terminal;
        let now = ports.clock().now();
        let consent = prompt::write_down(terminal, yes, &**ports.journal(), now).await?;
        let kept = async {
            let (file, _) = input::open(&args.slm)?;
            let mut paused = None;
            let (wished, told) = (terminal.wished(), (&mut evicted, &mut paused));
            let keep = keep(&ports, file, &manifest, list, consent, paint, told);
            tokio::select! {
                kept = keep => kept,
                () = wished => Err(Fault::stopped("preparing", go_on(paused.as_deref()))),
            }
        };
        let kept = kept.await;
        if kept.is_err() {
            share::give_up(&ports, manifest.artifact_sha256()).await;
        }
        kept
    };
    let kept = kept.await;
    for model in &evicted {
        session.terminal.say(&format!("Given up to make room: {model} came free."));
    }
    let trouble = match kept {
        Ok(trouble) => trouble,
        Err(fault) => {
            out.remove();
            return Err(with_evicted(Outcome::new(), &evicted).beside(fault));
        }
    };
    let late = trouble.as_ref().map(|trouble| session.terminal.warn(trouble));
    session.terminal.say(&format!(
        "{} {} is ready to be served.",
        manifest.model_id(),
        manifest.model_version()
    ));
    let outcome = told(session.terminal, &manifest, &out).warn(late).with("already_here", false);
    Ok(with_evicted(outcome, &evicted))
}

/// What to do about one that was stopped while it kept pieces, and waited for that disk.
fn go_on(full: Option<&Path>) -> String {
    let again = "un the same command again: it goes on from the pieces that are kept.";
    match full {
        Some(place) => {
            format!("Free some space on the disk of {}, then r{again}", place.display())
        }
        None => format!("R{again}"),
    }
}

/// Says where the manifest is and what comes next.
fn told(terminal: &mut Terminal, manifest: &Manifest, out: &Out) -> Outcome {
    terminal.say(&format!("  manifest  {}", out.path.display()));
    for warning in manifest.warnings() {
        if let Some(sentence) = warned(warning) {
            terminal.say(sentence);
        }
    }
    terminal.say(&format!(
        "Next: minimodel share serve {} --to PEER --offer FILE; hand manifest and offer to the peer.",
        manifest.model_id()
    ));
    with_manifest(Outcome::new(), manifest)
        .warn(manifest.warnings())
        .with_text("manifest.path", out.path.display())
        .told()
}

/// What a warning of a manifest that was made means.
fn warned(warning: &str) -> Option<&'static str> {
    match warning {
        "browser-budget" => {
            Some("The model has more than 32 MiB: a browser is not expected to load it.")
        }
        "transfer-cap" => {
            Some("The model has more than 128 MiB: not every program is expected to move it.")
        }
        _ => None,
    }
}

/// The same bytes in the library, under the manifest that names them there.
struct Here {
    model: Model,
    manifest: Arc<Manifest>,
}

impl Here {
    async fn find<P: Ports>(ports: &P, slm: &Path, length: u64) -> Result<Option<Self>, Fault> {
        let models = ports.store().models().await.map_err(failed)?;
        // Reading the file once more is only worth it where it may be here.
        if models.iter().all(|model| model.geometry.byte_count() != length) {
            return Ok(None);
        }
        let artifact = app::verify::digest(slm)?;
        let here = share::already(&**ports.store(), artifact).await;
        let here = here.map_err(|error| Fault::blamed(&error))?;
        Ok(here.map(|(model, manifest)| Self { model, manifest: Arc::new(manifest) }))
    }

    /// Refuses what would have the model under another manifest than the one that is here.
    fn check(&self, args: &PrepareArgs, given: Option<&Manifest>) -> Result<(), Fault> {
        let Model { model_id, model_version, .. } = &self.model;
        match given {
            Some(given) if given.sha256() != self.manifest.sha256() => {
                Err(Fault::blamed(&ReserveError::OtherManifest {
                    model_id: model_id.clone(),
                    model_version: model_version.clone(),
                }))
            }
            Some(_) => Ok(()),
            None => names::check_same(args, &self.manifest),
        }
    }
}

/// The manifest that a run which was cut off left of this very file, if it says what this one would.
fn left(
    terminal: &mut Terminal,
    args: &PrepareArgs,
    length: u64,
) -> Result<Option<Arc<Manifest>>, Fault> {
    let path = Out::path(args);
    let found = app::verify::manifest(&path, Options::default()).ok();
    let found = found.filter(|it| it.byte_count() == length && names::check_same(args, it).is_ok());
    let Some(manifest) = found else { return Ok(None) };
    if app::verify::digest(&args.slm)? != manifest.artifact_sha256() {
        return Ok(None);
    }
    terminal.say(&format!("The manifest in {} is of this very file, and stays.", path.display()));
    Ok(Some(Arc::new(manifest)))
}

/// Where the manifest is when all is done.
struct Out {
    path: PathBuf,
    is_there: bool,
}

impl Out {
    /// Where it is written if nobody says that there is one.
    fn path(args: &PrepareArgs) -> PathBuf {
        args.out.clone().unwrap_or_else(|| args.slm.with_extension("manifest"))
    }

    /// Checked before anything long is done.
    fn of(args: &PrepareArgs, known: Option<&Manifest>) -> Result<Self, Fault> {
        if let Some(path) = &args.manifest {
            return Ok(Self { path: path.clone(), is_there: true });
        }
        let path = Self::path(args);
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => &path,
        };
        if !folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Err(Fault::blamed(&OutputError::Unsafe(folder.to_owned())));
        }
        if path.symlink_metadata().is_err() {
            return Ok(Self { path, is_there: false });
        }
        let found = input::read(&path, input::MANIFEST).ok();
        if known.is_some_and(|known| found.as_deref() == Some(known.bytes())) {
            return Ok(Self { path, is_there: true });
        }
        let code = verifier::Code::new("output", "exists");
        let what = format!("{} exists already", path.display());
        let advice = format!(
            "Use it with --manifest {}, or name another file with --out FILE.",
            path.display()
        );
        Err(Fault::new(code, "-", what, advice))
    }

    /// Checks that [`Self::write`] could write it.
    fn check<W: Wiring>(&self, session: &Session<'_, W>) -> Result<(), Fault> {
        if self.is_there { Ok(()) } else { session.check_file(&self.path) }
    }

    fn write<W: Wiring>(&self, session: &Session<'_, W>, manifest: &Manifest) -> Result<(), Fault> {
        if self.is_there { Ok(()) } else { session.write(&self.path, manifest.bytes()) }
    }

    /// Takes back what [`Self::write`] wrote.
    fn remove(&self) {
        if !self.is_there {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Refuses what would not fit, before anybody is asked; what would go for it otherwise.
async fn check_room<W: Wiring>(
    session: &Session<'_, W>,
    library: Option<&W::Library>,
    manifest: &Manifest,
    list: &PieceList,
) -> Result<Vec<Evictable>, Fault> {
    match library {
        None => {
            session.wiring.room_in_new(&session.data()?, manifest.byte_count())?;
            Ok(Vec::new())
        }
        Some(library) => {
            let gone = share::would_evict(library, manifest, list).await;
            gone.map_err(|error| Fault::blamed(&error))
        }
    }
}

async fn make_manifest<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PrepareArgs,
    file: File,
    length: u64,
) -> Result<(Arc<Manifest>, Arc<PieceList>), Fault> {
    let names = names::ask(session.terminal, args)?;
    let waiting = Waiting::default();
    let watched = watched(file, length, session.terminal.paint(), waiting.asker());
    let chunking = &args.chunking;
    let survey = share::survey(watched, chunking.algorithm(), chunking.chunk_size);
    let survey = async { survey.await.map_err(|error| Fault::blamed(&error)) };
    let survey = unless_stopped(stop::wished(), "preparing", NOTHING_KEPT, survey).await?;
    let manifest = names.draft(&survey, session.now()).map_err(|error| share::undrafted(&error))?;
    Ok((Arc::new(manifest), survey.list))
}

async fn keep<P: Ports>(
    ports: &P,
    file: File,
    manifest: &Arc<Manifest>,
    list: Arc<PieceList>,
    consent: Consent,
    paint: Paint,
    (evicted, paused): (&mut Vec<Evictable>, &mut Option<Arc<Path>>),
) -> Result<Option<Problem>, Fault> {
    let total = manifest.byte_count();
    let size = u64::from(list.geometry().piece_size());
    let mut progress = Progress::start("keep", total, 0, paint);
    let mut has_begun = false;
    let on = |event: Event| match event {
        Event::Evicted(gone) => *evicted = gone,
        Event::Kept { kept, .. } => {
            let bytes = total.min(u64::from(kept) * size);
            // The first one tells what was kept before.
            if std::mem::replace(&mut has_begun, true) {
                progress.reach(bytes);
            } else {
                progress.begin_at(bytes);
            }
        }
        Event::Paused(place) => {
            progress.say(&printable(&import::live::paused(&place)));
            progress.doing("paused: a disk is full");
            *paused = Some(place);
        }
        Event::Resumed => {
            progress.say("There is room again: keeping goes on.");
            progress.doing("");
            *paused = None;
        }
        _ => {}
    };
    share::keep(ports, file, Arc::clone(manifest), list, consent, on)
        .await
        .map_err(|error| Fault::blamed(&error))
}

/// A file that shows how far it was read, and is read while that is wanted.
fn watched(
    file: File,
    length: u64,
    paint: Paint,
    goes_on: impl Fn() -> ControlFlow<()>,
) -> input::Watched<File, impl FnMut(u64) -> ControlFlow<()>> {
    let mut progress = Progress::start("check", length, 0, paint);
    input::Watched::new(file, move |bytes| {
        progress.advance(bytes);
        goes_on()
    })
}
