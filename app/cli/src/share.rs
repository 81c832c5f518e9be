//! Prepares models for sharing, lists who may have them, and takes that back.

mod offer;
mod prepare;

use app::command::records::{Grant, ListGrants};
use app::consent::take_back;
use app::naming::short_peer;
use app::ports::{Journal as _, Model, PieceStore, Ports as _, Standing};
use app::quantity::Size;
use serde_json::{Value, json};
use verifier::consent::{Act, Scope};
use verifier::manifest::Manifest;
use verifier::scalars::UtcTime;

use crate::args::{ShareCommand, StopArgs};
use crate::fault::Fault;
use crate::library::failed;
use crate::naming::{self, Named};
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `share …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &ShareCommand,
) -> Result<Outcome, Fault> {
    match command {
        ShareCommand::Prepare(args) => prepare::run(session, args).await,
        ShareCommand::Serve(args) => crate::serve::run(session, args).await,
        ShareCommand::Offer(args) => offer::run(session, args).await,
        ShareCommand::List => list(session).await,
        ShareCommand::Stop(args) => stop(session, args).await,
    }
}

/// The manifest of a model that is kept.
///
/// # Errors
///
/// [`Fault`] if the store fails, or if what it has is no manifest.
pub async fn kept_manifest<S: PieceStore>(store: &S, model: &Model) -> Result<Manifest, Fault> {
    app::share::kept_manifest(store, model.artifact).await.map_err(|error| Fault::blamed(&error))
}

async fn list<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let Some(ports) = session.look()? else {
        return Ok(Outcome::new().with("share_count", 0).with("share", Vec::<Value>::new()).told());
    };
    let models = ports.store().models().await.map_err(failed)?;
    let done = session.ask(ListGrants {}).await?;
    let served = |grant: &&Grant| grant.is_open() && grant.act == Act::Serve;
    let served: Vec<&Grant> = done.reply.grant.iter().filter(served).collect();
    let mut values = Vec::new();
    for model in models.iter().filter(|model| !model.have.is_empty()) {
        let grants = served.iter().filter(|grant| grant.artifact_sha256 == model.artifact);
        let grants: Vec<&Grant> = grants.copied().collect();
        session.terminal.say(&format!(
            "{}  {} of {} pieces",
            Named::from(model).shown(),
            model.have.count(),
            model.geometry.piece_count()
        ));
        for grant in &grants {
            let who = match (grant.peer, &grant.peer_label) {
                (Scope::Peer(_), Some(label)) => label.to_string(),
                (Scope::Peer(id), None) => short_peer(id),
                (Scope::AnyPaired, _) => "any paired peer".to_owned(),
                (Scope::None, _) => "nobody".to_owned(),
            };
            session.terminal.say(&format!(
                "    {who} may have it {}until {}; took {} of {}",
                grant.begins_utc.map(|from| format!("from {from} ")).unwrap_or_default(),
                grant.expires_utc,
                Size(grant.bytes_used),
                Size(grant.byte_limit)
            ));
        }
        values.push(json!({
            "id": model.model_id.to_string(),
            "version": model.model_version.to_string(),
            "artifact_sha256": model.artifact.to_string(),
            "kept": model.have.count(),
            "pieces": model.geometry.piece_count(),
            "grants": grants,
        }));
    }
    if values.is_empty() {
        session
            .terminal
            .say("Nothing is ready to be served. Start with `minimodel share prepare`.");
    }
    let warnings = done.warnings.iter().map(|warning| &warning.name);
    Ok(Outcome::new().warn(warnings).with("share_count", values.len()).with("share", values).told())
}

fn is_open_serve(standing: &Standing, now: UtcTime) -> bool {
    standing.is_open(now) && standing.grant.act() == Act::Serve
}

async fn stop<W: Wiring>(session: &mut Session<'_, W>, args: &StopArgs) -> Result<Outcome, Fault> {
    let journal = session.journal()?;
    let now = session.now();
    let standing = journal.standing(now).await.map_err(|error| Fault::blamed(&error))?;
    let served = named(standing.iter().filter(|standing| is_open_serve(standing, now)));
    if !served.iter().any(|named| named.answers_to(&args.model)) {
        return nothing_to_stop(session, args, &served, named(&standing)).await;
    }
    let place = naming::find(&served, &args.model)?;
    let meant = served.get(place).map(|named| named.artifact);
    let is_meant = |standing: &Standing| {
        is_open_serve(standing, now) && Some(standing.grant.artifact_sha256()) == meant
    };
    let revoked =
        take_back(&*journal, now, is_meant).await.map_err(|error| Fault::blamed(&error))?;
    let revoked: Vec<String> = revoked.iter().map(ToString::to_string).collect();
    session.terminal.say(&format!(
        "{} may not be served any more: {} taken back. A running server stops within one piece.",
        args.model,
        if revoked.len() == 1 {
            "one grant".to_owned()
        } else {
            format!("{} grants", revoked.len())
        }
    ));
    Ok(Outcome::new().with("revoked", revoked).told())
}

/// Says that a model is not served; refuses a name that no model has, as far as is known: while
/// another process has the library, that is what the consent log names.
async fn nothing_to_stop<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &StopArgs,
    served: &[Named],
    mut known: Vec<Named>,
) -> Result<Outcome, Fault> {
    let library = session.look_quietly();
    if let Ok(Some(library)) = &library {
        let models = library.store().models().await.map_err(failed)?;
        known.extend(models.iter().map(Named::from));
    }
    let others = match served {
        [] => "Nothing may be served now, so there is nothing to stop.".to_owned(),
        served => format!("May be served now: {}.", naming::list(served.iter())),
    };
    let is_known = known.iter().any(|named| named.answers_to(&args.model));
    match library {
        _ if is_known => {
            session.terminal.say(&format!("`{}` may not be served now. {others}", args.model));
        }
        // Where there is no library, nothing has a name.
        Ok(None) => {
            session.terminal.say(&others);
            session.say_if_new()?;
        }
        Ok(Some(_)) => {
            let what = format!("no model here is called `{}`", args.model);
            return Err(Fault::usage("model", what, others));
        }
        Err(_) => {
            let what = format!("no model that was ever agreed to is called `{}`", args.model);
            return Err(Fault::usage("model", what, others));
        }
    }
    Ok(Outcome::new().with("revoked", Vec::<String>::new()).told())
}

/// The models that the grants are about, each once.
fn named<'a>(standing: impl IntoIterator<Item = &'a Standing>) -> Vec<Named> {
    let mut known: Vec<Named> = Vec::new();
    for Standing { grant, .. } in standing {
        let artifact = grant.artifact_sha256();
        if known.iter().all(|named| named.artifact != artifact) {
            known.push(Named { id: grant.model_id().clone(), version: None, artifact });
        }
    }
    known
}
