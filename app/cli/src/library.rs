//! What is kept on this machine.

mod export;
mod findings;
mod manifest;
mod quota;
mod recheck;
mod repair;
mod scrub;

use app::library::{Kept, kept_bytes};
use app::naming::short;
use app::ports::{Evictable, Failure, Model, PieceStore as _, Pin, Ports};
use app::quantity::Size;
use app::stop::wished;
use serde_json::{Value, json};
use verifier::identity::PeerId;

use crate::args::{ForgetArgs, LibraryCommand, MapArgs, MapBy, ModelArgs, QuotaArgs, RecheckArgs};
use crate::fault::Fault;
use crate::map::{self, Show, Tally};
use crate::naming::{self, Named};
use crate::outcome::{Outcome, printable};
use crate::prompt;
use crate::session::Session;
use crate::stop::unless_stopped;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// `library …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &LibraryCommand,
) -> Result<Outcome, Fault> {
    let ports = match command {
        // It opens the network too.
        LibraryCommand::Repair(args) => return repair::run(session, args).await,
        LibraryCommand::Quota(QuotaArgs { size: Some(_), .. }) => session.make_library()?,
        LibraryCommand::List
        | LibraryCommand::Quota(_)
        | LibraryCommand::Room(_)
        | LibraryCommand::Scrub(_)
        | LibraryCommand::Recheck(RecheckArgs { all: true, .. }) => match session.look()? {
            Some(ports) => ports,
            None => return Ok(nothing(command)),
        },
        _ => session.library()?,
    };
    let terminal = &mut *session.terminal;
    match command {
        LibraryCommand::List | LibraryCommand::Repair(_) => list(&ports, terminal).await,
        LibraryCommand::Map(args) => map(&ports, terminal, args).await,
        LibraryCommand::Manifest(args) => manifest::run(session, &ports, args).await,
        LibraryCommand::Pin(args) => pin(&ports, terminal, args, Pin::Pinned).await,
        LibraryCommand::Unpin(args) => pin(&ports, terminal, args, Pin::Unpinned).await,
        LibraryCommand::Forget(args) => forget(&ports, terminal, args).await,
        LibraryCommand::Recheck(args) => {
            let advice = "What was found to be corrupt counts as missing. Run it again.";
            unless_stopped(wished(), "the check", advice, recheck::run(&ports, terminal, args))
                .await
        }
        LibraryCommand::Scrub(args) => scrub::run(&ports, terminal, args).await,
        LibraryCommand::Export(args) => export::run(session, &ports, args).await,
        LibraryCommand::Quota(args) => quota::run(&ports, terminal, args).await,
        LibraryCommand::Room(args) => room(&ports, terminal, args.size).await,
    }
}

/// What there is to say of a library that is not there.
fn nothing(command: &LibraryCommand) -> Outcome {
    let none = Vec::<Value>::new;
    let outcome = match command {
        LibraryCommand::Room(_) => Outcome::new().with("evicted_count", 0).with("evicted", none()),
        LibraryCommand::Quota(_) => {
            let used = ["live", "shared", "index", "reserved"].into_iter();
            let outcome = used.fold(Outcome::new(), |outcome, key| outcome.with(key, 0));
            outcome.with("quota", Value::Null).with("free", Value::Null)
        }
        LibraryCommand::Scrub(_) => Outcome::new()
            .with("bytes_read", 0)
            .with("pieces_read", 0)
            .with("bytes_left", 0)
            .with("ended", "done")
            .with("model_count", 0)
            .with("corrupt", 0)
            .with("missing", 0)
            .with("model", none()),
        LibraryCommand::Recheck(_) => Outcome::new()
            .with("model_count", 0)
            .with("corrupt", 0)
            .with("missing", 0)
            .with("model", none()),
        _ => Outcome::new().with("model_count", 0).with("model", none()),
    };
    outcome.told()
}

async fn list<P: Ports>(ports: &P, terminal: &mut Terminal) -> Result<Outcome, Fault> {
    let library = app::library::snapshot(ports).await.map_err(failed)?;
    if library.models.is_empty() {
        terminal.say("Nothing is kept here yet. Import a model, or try `minimodel demo`.");
    }
    let mut values = Vec::new();
    for kept in &library.models {
        let model = &kept.model;
        let geometry = &model.geometry;
        let corrupt = match kept.corrupt {
            0 => String::new(),
            corrupt => format!(", {corrupt} corrupt"),
        };
        let mut state = kept.state().as_str().to_owned();
        if !model.have.is_full() {
            let (have, all) = (model.have.count(), geometry.piece_count());
            state = format!("{state}, {have} of {all} pieces{corrupt}");
        }
        let pinned = if model.pin == Pin::Pinned { ", pinned" } else { "" };
        let outside = outside(model).map_or_else(String::new, |path| format!(", in {path}"));
        terminal.say(&format!(
            "{} {}  {}  {state}{pinned}{outside}  {}",
            model.model_id,
            model.model_version,
            Size(geometry.byte_count()),
            short(model.artifact)
        ));
        values.push(value(kept, library.quotas.get(&model.model_id)));
    }
    for (id, quota) in &library.quotas {
        terminal.say(&format!("{id} may take {} in all versions together.", Size(*quota)));
    }
    Ok(Outcome::new().with("model_count", values.len()).with("model", values).told())
}

/// The file that a model's pieces are in, if that is the output of an import that is not done.
fn outside(model: &Model) -> Option<String> {
    model.outside.as_ref().map(|path| printable(&path.to_string_lossy()))
}

/// A model for programs.
fn value(kept: &Kept, quota: Option<&u64>) -> Value {
    let model = &kept.model;
    json!({
        "id": model.model_id.to_string(),
        "version": model.model_version.to_string(),
        "artifact_sha256": model.artifact.to_string(),
        "manifest_sha256": model.manifest_sha256.to_string(),
        "byte_count": model.geometry.byte_count(),
        "bytes_kept": kept.kept_bytes,
        "pieces": model.geometry.piece_count(),
        "kept": model.have.count(),
        "corrupt": kept.corrupt,
        "state": kept.state().as_str(),
        "pinned": model.pin == Pin::Pinned,
        "outside": outside(model),
        "quota": quota,
        "last_use_utc": model.last_use.to_string(),
        "last_verified_utc": model.last_verified.map(|time| time.to_string()),
    })
}

async fn map<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &MapArgs,
) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), &args.model).await?;
    let show = match args.by {
        MapBy::State => Show::State,
        MapBy::Peer => Show::Source,
    };
    let tally = show_map(ports, terminal, &model, show).await?;
    Ok(with_tally(with_model(Outcome::new(), &model), &tally).told())
}

/// Draws a model's piece map for people, and counts it.
///
/// # Errors
///
/// `io.failed` if the store fails.
pub async fn show_map<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    model: &Model,
    show: Show,
) -> Result<Tally, Fault> {
    let states = ports.store().map(model.artifact).await.map_err(failed)?.unwrap_or_default();
    let known = ports.store().peers().await.map_err(failed)?;
    let name = |id: PeerId| {
        let label = known.iter().find(|peer| peer.id == id).map(|peer| peer.label.to_string());
        label.unwrap_or_else(|| "a peer you forgot".to_owned())
    };
    let picture = map::draw(&states, show, terminal.paint(), name);
    for line in &picture.lines {
        terminal.say(&format!("  {line}"));
    }
    for line in &picture.legend {
        terminal.say(&format!("  {line}"));
    }
    terminal.say(&format!("{} {}: {}", model.model_id, model.model_version, picture.summary));
    Ok(Tally::of(&states))
}

fn with_tally(outcome: Outcome, tally: &Tally) -> Outcome {
    let peers: Vec<Value> = tally
        .peers
        .iter()
        .map(|(id, pieces)| json!({"id": id.to_string(), "pieces": pieces}))
        .collect();
    outcome
        .with("kept", tally.kept)
        .with("missing", tally.missing)
        .with("corrupt", tally.corrupt)
        .with("local", tally.local)
        .with("oldest_check", tally.oldest.map(|day| day.to_string()))
        .with("peer", peers)
}

async fn pin<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &ModelArgs,
    pin: Pin,
) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), &args.model).await?;
    ports.store().pin(model.artifact, pin).await.map_err(failed)?;
    let shown = Named::from(&model).shown();
    terminal.say(&match pin {
        Pin::Pinned => format!("{shown} stays, also when room is wanted."),
        Pin::Unpinned => format!("{shown} may go when room is wanted."),
    });
    Ok(with_model(Outcome::new(), &model).with("pinned", pin == Pin::Pinned).told())
}

async fn forget<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &ForgetArgs,
) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), &args.model).await?;
    let shown = Named::from(&model).shown();
    if !args.yes {
        let footprint = app::library::footprint(ports, model.artifact).await.map_err(failed)?;
        let free = footprint.map_or(0, |footprint| footprint.own);
        let kept = Size(kept_bytes(&model));
        let question = format!("Forget {shown}, {kept} kept, of which {} come free?", Size(free));
        prompt::confirm(terminal, &question, "--yes")?;
    }
    let freed = ports.store().forget(model.artifact).await.map_err(failed)?.unwrap_or(0);
    terminal.say(&format!("{shown} is forgotten; {} came free.", Size(freed)));
    Ok(with_model(Outcome::new(), &model).with("freed_bytes", freed).told())
}

async fn room<P: Ports>(ports: &P, terminal: &mut Terminal, size: Size) -> Result<Outcome, Fault> {
    let evictable =
        ports.store().would_evict(size.0).await.map_err(|error| Fault::blamed(&error))?;
    if evictable.is_empty() {
        terminal.say(&format!("{size} more fit as it is; nothing would be given up."));
    } else {
        terminal.say(&format!("So that {size} more fit, these would be given up, in this order:"));
    }
    for model in &evictable {
        terminal.say(&format!("  {model}, last used {}", model.last_use));
    }
    Ok(with_evicted(Outcome::new(), &evictable).told())
}

/// Adds what is given up to make room, or would be.
pub fn with_evicted(outcome: Outcome, evicted: &[Evictable]) -> Outcome {
    let values: Vec<Value> = evicted
        .iter()
        .map(|model| {
            json!({
                "id": model.model_id.to_string(),
                "version": model.model_version.to_string(),
                "artifact_sha256": model.artifact.to_string(),
                "bytes": model.bytes,
                "last_use_utc": model.last_use.to_string(),
            })
        })
        .collect();
    outcome.with("evicted_count", values.len()).with("evicted", values)
}

/// Adds which model it is about.
pub fn with_model(outcome: Outcome, model: &Model) -> Outcome {
    outcome
        .with_text("model.id", &model.model_id)
        .with_text("model.version", &model.model_version)
        .with_text("artifact.sha256", model.artifact)
        .with("pieces", model.geometry.piece_count())
}

/// The store's failure.
pub fn failed(failure: Failure) -> Fault {
    Fault::machine("cannot use the library", failure.as_ref())
}
