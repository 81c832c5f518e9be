//! Making a file ready: reading, naming, keeping.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use app::input::{self, Watched};
use app::ports::{Clock as _, Model, Pin, Ports};
use app::problem::Problem;
use app::question::{Question, Yes};
use app::serve::live::INTERVAL;
use app::share::{self, Event, Names};
use futures::SinkExt as _;
use futures::channel::mpsc;
use iced::Task;
use verifier::ChunkAlgorithm;
use verifier::manifest::{Manifest, Options};

use super::super::{blocking, perform};
use super::{check_free, telling, write};
use crate::screen::Run;
use crate::screen::share::{Found, Here, Kept, Prepare, Preparing, Ready, Stop, Wish};
use crate::wiring::Opened;

/// How long a yes to keep a file holds, in seconds; it is used up at once.
const CACHE_SPAN: u64 = 86_400;

pub(super) fn start<P: Ports + 'static>(opened: Arc<Opened<P>>, work: Prepare) -> Task<Preparing> {
    match work {
        Prepare::Read(run, wish, stop) => telling(move |mut tell| async move {
            let told = match &wish.manifest {
                None => survey(&opened, &run, &wish, stop, &tell).await,
                Some(manifest) => check(&opened, &run, &wish, manifest.clone(), stop, &tell).await,
            };
            let told = told.unwrap_or_else(|problem| Preparing::Found(run, Err(problem)));
            // Whoever left does not hear it.
            let _gone = tell.send(told).await;
        }),
        Prepare::Draft(run, found, names, out) => {
            let work = async move { draft(&opened, &found, &names, out).await };
            perform(work, move |ready| Preparing::Ready(run.clone(), ready))
        }
        Prepare::Keep(run, ready, yes, stop) => telling(move |mut tell| async move {
            let kept = tokio::select! {
                kept = keep(&opened, &run, &ready, yes, &tell) => Some(kept),
                () = stop.wished() => None,
            };
            if !matches!(kept, Some(Ok(_))) {
                share::give_up(&opened.ports, ready.manifest.artifact_sha256()).await;
            }
            let Some(kept) = kept else { return };
            // As above.
            let _gone = tell.send(Preparing::Kept(run, kept)).await;
        }),
    }
}

/// A file that tells how far it was read, and ends when nobody wants it any more.
fn watched(
    file: std::fs::File,
    total: u64,
    run: &Run,
    mut stop: Stop,
    tell: &mpsc::Sender<Preparing>,
) -> Watched<std::fs::File, impl FnMut(u64) -> ControlFlow<()> + Send + use<>> {
    let (run, mut tell, mut told, mut done) = (run.clone(), tell.clone(), Instant::now(), 0_u64);
    Watched::new(file, move |bytes| {
        done = done.saturating_add(bytes);
        if told.elapsed() >= INTERVAL {
            told = Instant::now();
            // The window has not looked at the last ones yet: it hears the next one.
            let _full = tell.try_send(Preparing::Progress(run.clone(), done, total));
        }
        if stop.is_wished() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

async fn open(path: PathBuf) -> Result<(std::fs::File, u64), Problem> {
    blocking(move || input::open(&path)).await
}

async fn survey<P: Ports>(
    opened: &Opened<P>,
    run: &Run,
    wish: &Wish,
    stop: Stop,
    tell: &mpsc::Sender<Preparing>,
) -> Result<Preparing, Problem> {
    let (file, total) = open(wish.slm.clone()).await?;
    let file = watched(file, total, run, stop, tell);
    let survey = app::share::survey(file, ChunkAlgorithm::FixedSizeMerkleV0, None)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    // A file that is here already keeps the manifest that it has.
    let here = share::already(&**opened.ports.store(), survey.sha256)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let slm = wish.slm.clone();
    if let Some((model, manifest)) = here {
        if let Some(here) = settled(&model) {
            return Ok(Preparing::Here(run.clone(), here));
        }
        let list = if survey.list.root() == model.root && *survey.list.geometry() == model.geometry
        {
            survey.list
        } else {
            let (file, _) = open(slm.clone()).await?;
            let list = share::check(file, Arc::new(manifest.clone())).await;
            list.map_err(|error| Problem::blamed(&error))?
        };
        let ready = asked(opened, Ready { slm, manifest, list, out: None }).await?;
        return Ok(Preparing::Ready(run.clone(), Ok(ready)));
    }
    let out = slm.with_extension("manifest");
    let found = blocking(move || {
        let is_taken = out.symlink_metadata().is_ok();
        Ok(Arc::new(Found { slm, survey, out, is_taken }))
    });
    Ok(Preparing::Found(run.clone(), Ok(found.await?)))
}

/// The model, if nothing is left to do about it.
fn settled(model: &Model) -> Option<Here> {
    let name = format!("{} {}", model.model_id, model.model_version);
    let is_settled = model.have.is_full() && model.pin == Pin::Pinned;
    is_settled.then_some(Here { artifact: model.artifact, name })
}

async fn check<P: Ports>(
    opened: &Opened<P>,
    run: &Run,
    wish: &Wish,
    path: PathBuf,
    stop: Stop,
    tell: &mpsc::Sender<Preparing>,
) -> Result<Preparing, Problem> {
    let manifest = blocking(move || {
        let bytes = input::read(&path, input::MANIFEST)?;
        Manifest::parse(&bytes, Options::default())
            .map_err(|error| Problem::coded_in(&path, &error))
    })
    .await?;
    let here = share::already_under(&**opened.ports.store(), &manifest)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let (file, total) = open(wish.slm.clone()).await?;
    let file = watched(file, total, run, stop, tell);
    let list = app::share::check(file, Arc::new(manifest.clone()))
        .await
        .map_err(|error| Problem::blamed(&error))?;
    if let Some(here) = here.as_ref().and_then(settled) {
        return Ok(Preparing::Here(run.clone(), here));
    }
    let ready = asked(opened, Ready { slm: wish.slm.clone(), manifest, list, out: None }).await?;
    Ok(Preparing::Ready(run.clone(), Ok(ready)))
}

async fn draft<P: Ports>(
    opened: &Opened<P>,
    found: &Found,
    names: &Names,
    out: PathBuf,
) -> Result<(Arc<Ready>, Box<Question>), Problem> {
    check_free(opened, out.clone()).await?;
    let manifest = names
        .draft(&found.survey, opened.ports.clock().now())
        .map_err(|error| app::share::undrafted(&error))?;
    let list = Arc::clone(&found.survey.list);
    asked(opened, Ready { slm: found.slm.clone(), manifest, list, out: Some(out) }).await
}

/// The question whether the file may be kept and what goes for it, if there is room.
async fn asked<P: Ports>(
    opened: &Opened<P>,
    ready: Ready,
) -> Result<(Arc<Ready>, Box<Question>), Problem> {
    let gone = app::share::would_evict(&opened.ports, &ready.manifest, &ready.list)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let until = opened.ports.clock().now().plus(CACHE_SPAN);
    let stop = "forget it in the Library";
    let earlier = app::share::earlier(&opened.ports, ready.manifest.artifact_sha256())
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let question =
        Question::keep(&ready.manifest, until, stop).in_place_of(earlier).giving_up(&gone);
    Ok((Arc::new(ready), Box::new(question)))
}

/// A manifest that goes away again unless its model is kept.
struct Written(Option<PathBuf>);

impl Written {
    fn stays(mut self) {
        self.0 = None;
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            drop(std::fs::remove_file(path));
        }
    }
}

/// Writes the manifest and keeps the pieces; if that is stopped or fails, no manifest is left.
async fn keep<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    run: &Run,
    ready: &Ready,
    yes: Yes,
    tell: &mpsc::Sender<Preparing>,
) -> Result<Kept, Problem> {
    if let Some(out) = &ready.out {
        write(opened, out.clone(), ready.manifest.bytes().into()).await?;
    }
    let written = Written(ready.out.clone());
    let kept = keep_pieces(opened, run, ready, yes, tell).await?;
    written.stays();
    Ok(kept)
}

async fn keep_pieces<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    run: &Run,
    ready: &Ready,
    yes: Yes,
    tell: &mpsc::Sender<Preparing>,
) -> Result<Kept, Problem> {
    let ports = &opened.ports;
    let (file, _) = open(ready.slm.clone()).await?;
    let consent = yes
        .write_down(&**ports.journal(), ports.clock().now())
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let manifest = Arc::new(ready.manifest.clone());
    let (total, size) = (manifest.byte_count(), u64::from(ready.list.geometry().piece_size()));
    let (mut told, mut tell, mut given_up) = (Instant::now(), tell.clone(), Vec::new());
    let on = |event: Event| match event {
        Event::Evicted(gone) => given_up = gone.iter().map(ToString::to_string).collect(),
        Event::Kept { kept, .. } if told.elapsed() >= INTERVAL => {
            told = Instant::now();
            let done = total.min(u64::from(kept).saturating_mul(size));
            // The window has not looked at the last ones yet: it hears the next one.
            let _full = tell.try_send(Preparing::Progress(run.clone(), done, total));
        }
        Event::Paused(place) => {
            drop(tell.try_send(Preparing::Paused(run.clone(), Some(place))));
        }
        Event::Resumed => drop(tell.try_send(Preparing::Paused(run.clone(), None))),
        _ => {}
    };
    let list = Arc::clone(&ready.list);
    let kept = share::keep(ports, file, Arc::clone(&manifest), list, consent, on).await;
    let trouble = kept.map_err(|error| {
        let mut problem = Problem::blamed(&error);
        if !given_up.is_empty() {
            let gone = given_up.join("; ");
            problem.advice = format!("{} Given up to make room: {gone}.", problem.advice);
        }
        problem
    })?;
    Ok(Kept {
        artifact: manifest.artifact_sha256(),
        name: format!("{} {}", manifest.model_id(), manifest.model_version()),
        manifest: ready.out.clone(),
        trouble,
        given_up,
    })
}
