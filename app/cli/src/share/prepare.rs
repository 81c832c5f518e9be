//! Makes a `.slm` file's manifest and keeps its pieces, ready to be served.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use app::consent::Consent;
use app::input;
use app::ports::{Clock as _, Ports};
use app::question::Question;
use app::share::{Event, Names};
use verifier::manifest::{Manifest, Options};
use verifier::piece::PieceList;

use crate::args::PrepareArgs;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::prompt;
use crate::session::Session;
use crate::stop::{Waiting, unless_stopped};
use crate::terminal::Paint;
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
/// [`Fault`] if the file is no valid artifact, the user does not agree, or the store fails.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PrepareArgs,
) -> Result<Outcome, Fault> {
    let (file, length) = input::open(&args.slm)?;
    let written = match args.manifest {
        Some(_) => None,
        None => Some(free_name(args)?),
    };
    let ports = session.open()?;
    let paint = session.terminal.paint();
    let (manifest, list) = match &args.manifest {
        Some(path) => {
            let manifest = Arc::new(app::verify::manifest(path, Options::default())?);
            let waiting = Waiting::default();
            let watched = watched(file, length, paint, waiting.asker());
            let check = app::share::check(watched, Arc::clone(&manifest));
            let check = async { check.await.map_err(|error| Fault::blamed(&error)) };
            (manifest, unless_stopped("preparing", NOTHING_KEPT, check).await?)
        }
        None => make_manifest(session, args, file, length).await?,
    };
    let terminal = &mut *session.terminal;
    let now = ports.clock().now();
    let stop = format!("minimodel library forget {}", manifest.model_id());
    let question = Question::keep(&manifest, now.plus(CACHE_SPAN), stop);
    let yes = prompt::consent(terminal, &args.agreed.acts, &question)?;
    let consent =
        yes.write_down(&**ports.journal(), now).await.map_err(|error| Fault::blamed(&error))?;
    let (file, _) = input::open(&args.slm)?;
    let keep = keep(&ports, file, &manifest, list, consent, paint);
    let advice = "Run the same command again: it goes on from the pieces that are kept.";
    unless_stopped("preparing", advice, keep).await?;
    let mut outcome = with_manifest(Outcome::new(), &manifest).warn(manifest.warnings());
    let mut shown = args.manifest.clone();
    if let Some(path) = written {
        session.write(&path, manifest.bytes())?;
        outcome = outcome.with_text("manifest.path", path.display());
        shown = Some(path);
    }
    let terminal = &mut *session.terminal;
    terminal.say(&format!(
        "{} {} is ready to be served.",
        manifest.model_id(),
        manifest.model_version()
    ));
    if let Some(path) = shown {
        terminal.say(&format!("  manifest  {}", path.display()));
    }
    terminal.say(&format!(
        "Next: minimodel share serve {} --to PEER --offer FILE; hand manifest and offer to the peer.",
        manifest.model_id()
    ));
    Ok(outcome.told())
}

/// Where the manifest goes, checked before anything long is done.
fn free_name(args: &PrepareArgs) -> Result<PathBuf, Fault> {
    let path = args.out.clone().unwrap_or_else(|| args.slm.with_extension("manifest"));
    if path.symlink_metadata().is_ok() {
        let code = verifier::Code::new("output", "exists");
        let what = format!("{} exists already", path.display());
        let advice = format!(
            "Use it with --manifest {}, or name another file with --out FILE.",
            path.display()
        );
        return Err(Fault::new(code, "-", what, advice));
    }
    Ok(path)
}

async fn make_manifest<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PrepareArgs,
    file: File,
    length: u64,
) -> Result<(Arc<Manifest>, Arc<PieceList>), Fault> {
    let waiting = Waiting::default();
    let watched = watched(file, length, session.terminal.paint(), waiting.asker());
    let chunking = &args.chunking;
    let survey = app::share::survey(watched, chunking.algorithm, chunking.chunk_size);
    let survey = async { survey.await.map_err(|error| Fault::blamed(&error)) };
    let survey = unless_stopped("preparing", NOTHING_KEPT, survey).await?;
    let names = names(args);
    if args.license_route.is_none() || args.model_card_route.is_none() {
        session.terminal.say(&format!(
            "The manifest says licence {} and model card {}; give --license-route and \
             --model-card-route to say where people really read them.",
            names.license, names.card
        ));
    }
    let manifest = names.draft(&survey, session.now()).map_err(|error| Fault::coded(&error))?;
    Ok((Arc::new(manifest), survey.list))
}

/// What the user named, and else what follows from the file's name.
fn names(args: &PrepareArgs) -> Names {
    let stem = args.slm.file_stem().unwrap_or_default().to_string_lossy();
    let mut names = Names::guess(&stem, &args.publisher);
    if let Some(id) = &args.model_id {
        names = names.with_id(id.clone());
    }
    names.display.clone_from(&args.display_name);
    for (name, given) in [
        (&mut names.version, &args.model_version),
        (&mut names.license, &args.license_route),
        (&mut names.card, &args.model_card_route),
    ] {
        if let Some(given) = given {
            name.clone_from(given);
        }
    }
    names
}

async fn keep<P: Ports>(
    ports: &P,
    file: File,
    manifest: &Arc<Manifest>,
    list: Arc<PieceList>,
    consent: Consent,
    paint: Paint,
) -> Result<(), Fault> {
    let total = manifest.byte_count();
    let size = u64::from(list.geometry().piece_size());
    let mut progress = Progress::start("keep", total, 0, paint);
    let on = |event: Event| {
        if let Event::Kept { kept, .. } = event {
            progress.reach(total.min(u64::from(kept) * size));
        }
    };
    app::share::keep(ports, file, Arc::clone(manifest), list, consent, on)
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
