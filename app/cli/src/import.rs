//! Imports a model from the peers that a request names.

mod events;
mod meanwhile;
pub(crate) mod telling;

use std::collections::BTreeMap;

use app::command::Warning;
use app::event::Event;
use app::import::{Both, ImportError, Imported, Plan, Settings, import_and_serve, room};
use app::input;
use app::ports::{Clock as _, Evictable, PieceStore as _, Ports, Stem, Untrue};
use app::quantity::Limit;
use app::question::Question;
use app::receipts::Author;
use app::serve::{Ended, Event as ServeEvent};
use serde_json::{Value, json};
use verifier::consent::Act;
use verifier::identity::{PeerId, SigningKey};
use verifier::request::ImportRequest;
use verifier::scalars::Id;
use verifier::{Code, Sha256};

use crate::args::ImportArgs;
use crate::check::refused;
use crate::fault::Fault;
use crate::library;
use crate::outcome::{Outcome, printable};
use crate::prompt;
use crate::serve::{Callers, NO_GRANT, taken};
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wiring::Wiring;
use meanwhile::Meanwhile;
use telling::Telling;

/// What people are told of how to stop an import.
const HOW_TO_STOP: &str = "press Ctrl-C, or take the yes back with `minimodel consent list` and `revoke`; it ends with \
     the import";

/// `import-peer-request`.
///
/// # Errors
///
/// [`Fault`]; then nothing has an output's name, and pieces that were verified stay kept.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &ImportArgs,
) -> Result<Outcome, Fault> {
    let bytes = input::read(&args.request, input::REQUEST)?;
    let manifest = input::read(&args.manifest, input::MANIFEST)?;
    let now = session.now();
    let request = ImportRequest::parse(&bytes, &manifest, args.options.options(), now)
        .map_err(|error| refused(&args.request, &args.manifest, &error))?;
    let mut own = session.settings()?;
    args.fetching.limit(&mut own);
    if let Some(Limit(bytes)) = args.meanwhile.upload_limit {
        own.upload_limit = bytes;
    }
    if let Some(Limit(bytes)) = args.meanwhile.peer_limit {
        own.peer_limit = bytes;
    }
    let mut args = args.clone();
    args.meanwhile.listen.get_or_insert(own.listen);
    let args = &args;
    // The folder is judged before anything is made under the data folder.
    let stem = Stem::new(request.manifest().model_id(), request.manifest().model_version());
    session.check_output(&args.output_dir, &stem)?;
    if !session.say_if_new()? {
        // Whoever has no library is paired with nobody.
        return Err(Fault::blamed(&ImportError::NoPairedPeer));
    }
    let key = session.key()?;
    let ports = session.open_with(key.key(), &own)?;
    let settings = Settings {
        verifier_version: app::verify::program_version()?,
        signer: args.signing.is_wanted(&own).then(|| SigningKey::from_seed(*key.key().seed())),
        rule: args.slm_checksum.rule(),
        patience: args.fetching.patience(),
    };
    let keep = |terminal: &mut Terminal| key.keep(terminal).map(drop);
    let finished = import(&ports, session.terminal, request, args, settings, keep, |_| {}).await?;
    Ok(outcome(&finished))
}

/// A finished import, and what was seen on the way.
#[derive(Debug)]
pub struct Finished {
    /// The import itself.
    pub imported: Imported,
    /// Warnings of request and manifest, by name.
    pub warnings: Vec<String>,
    /// Peers that were not asked any more, the code of what they did, and the lie if it was one.
    pub banned: BTreeMap<PeerId, (Code, Option<Untrue>)>,
    /// What was given up to make room.
    pub evicted: Vec<Evictable>,
    /// Who took how much of it meanwhile, if it was served.
    pub served: Option<BTreeMap<PeerId, u64>>,
}

/// Asks for the user's yes and imports, and serves meanwhile if that is wanted, telling people how
/// it goes; `agreed` does what waits for the yes, and `watch` sees every event.
///
/// # Errors
///
/// [`Fault`]; then nothing has an output's name, and pieces that were verified stay kept.
pub async fn import<P: Ports<Clock: Clone>>(
    ports: &P,
    terminal: &mut Terminal,
    request: ImportRequest,
    args: &ImportArgs,
    settings: Settings,
    agreed: impl FnOnce(&mut Terminal) -> Result<(), Fault>,
    mut watch: impl FnMut(&Event) + Send,
) -> Result<Finished, Fault> {
    let warnings: Vec<String> = request.warnings().iter().map(ToString::to_string).collect();
    let plan = Plan::new(ports, request, args.output_dir.clone())
        .await
        .map_err(|error| Fault::blamed(&error))?;
    let expires = ports.clock().now().plus(args.fetching.span.0);
    let ways = room::ways(&args.agreed.acts);
    let room = room::look(ports, &plan, ways).await.map_err(|error| Fault::blamed(&error))?;
    if let Some(refusal) = room.refusal {
        return Err(refusal.into());
    }
    let meanwhile = Meanwhile::prepare(ports, &plan, &args.meanwhile, expires).await?;
    let question = Question::import(&plan, expires, HOW_TO_STOP).giving_up(&room.evicted);
    let mut yes = prompt::consent(terminal, &args.agreed.acts, &question)?;
    if let Some(meanwhile) = &meanwhile {
        yes = yes.and(meanwhile.ask(terminal, &args.agreed.acts)?);
    }
    room::check(ports, &plan, &yes).await.map_err(|error| Fault::blamed(&error))?;
    let now = ports.clock().now();
    agreed(terminal)?;
    let consent = prompt::write_down(terminal, yes, &**ports.journal(), now).await?;
    let odd = consent.odd_time().map(|_| Warning::LOG_AHEAD.to_owned());

    let (artifact, model_id) = (plan.artifact(), plan.manifest().model_id().clone());
    let may_cache = consent.covers(Act::Cache);
    let called = plan.called().iter().map(|peer| (peer.id, peer.label.to_string()));
    // Pieces that are here already may have come from a peer that this request does not name.
    let known = ports.store().peers().await.map_err(library::failed)?;
    let known = known.iter().map(|peer| (peer.id, peer.label.to_string()));
    let names: BTreeMap<PeerId, String> = known.chain(called).collect();
    let mut telling = Telling::new("import", *plan.geometry(), names, terminal.paint());
    let (mut callers, wished) = (Callers::default(), terminal.wished());
    let mut on = |what: Both<'_>| match what {
        Both::Import(event) => {
            watch(&event);
            if args.events {
                events::tell(terminal, &event);
            }
            telling.hear(&event);
        }
        Both::Imported(imported) => {
            telling.finish(terminal, imported);
            if let Some(stay) = args.meanwhile.stay {
                telling.progress.say(&format!("serving it for another {stay}"));
            }
        }
        Both::Serve(event) => {
            let line = match event {
                ServeEvent::Listening(address) => {
                    Some(format!("serving what has come on {address}"))
                }
                ServeEvent::Callers(news) => callers.line(news, |peer| telling.name(peer)),
                _ => None,
            };
            line.into_iter().for_each(|line| telling.progress.say(&line));
        }
        Both::Served(served) if served.ended == Ended::NoGrant => {
            telling.progress.say(&format!("{model_id} is served no more: {NO_GRANT}"));
        }
        Both::Served(_) => {}
    };
    let (imported, served) = match meanwhile {
        None => {
            let on = |event| on(Both::Import(event));
            (app::import::import(ports, plan, consent, settings, on, wished).await, None)
        }
        Some(meanwhile) => {
            let serving = meanwhile.serving();
            let (imported, served) =
                import_and_serve(ports, plan, consent, settings, serving, on, wished).await;
            (imported, Some(served))
        }
    };
    match &imported {
        Ok(imported) => telling.finish(terminal, imported),
        Err(_) => telling.progress.end(),
    }
    let Telling { names, banned, evicted, .. } = telling;
    let (served, not_served) = match served {
        None => (None, None),
        Some(served) => {
            let (taken, warning) = meanwhile::tell(terminal, served, &names);
            (Some(taken), warning)
        }
    };
    if imported.is_err() && !may_cache {
        tell_leftovers(ports, terminal, artifact, &model_id).await;
    }
    let imported = imported.map_err(|error| {
        let fault = match error {
            ImportError::Stopped => interrupted(),
            error => Fault::blamed(&error),
        };
        with_served(library::with_evicted(Outcome::new(), &evicted), served.as_ref()).beside(fault)
    })?;
    let mut warnings = warnings;
    warnings.extend(odd.into_iter().chain(not_served));
    warnings.extend(imported.troubles.iter().map(|trouble| terminal.warn(trouble).to_owned()));
    Ok(Finished { imported, warnings, banned, evicted, served })
}

fn interrupted() -> Fault {
    let advice = "Run the same command again: it goes on from the pieces that are kept.";
    Fault::stopped("the import", advice)
}

/// Says where pieces stay although the user did not agree to keep the model.
async fn tell_leftovers<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    artifact: Sha256,
    model_id: &Id,
) {
    let model = ports.store().model(artifact).await.ok().flatten();
    if let Some(model) = model.filter(|model| !model.have.is_empty()) {
        let place = model.outside.map_or_else(
            || "in the library".to_owned(),
            |path| format!("in {}", printable(&path.to_string_lossy())),
        );
        terminal.say(&format!(
            "What came stays {place} until the import is done, so that it can go on; \
             `minimodel library forget {model_id}` deletes it."
        ));
    }
}

/// Whose word the receipt is: nobody but this installation signs what it imports.
fn author(imported: &Imported) -> Author {
    imported.receipt.signer().map_or(Author::Nobody, |own| Author::Own(*own))
}

/// A number and its noun.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// MiB a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people, rounded anyway")]
pub fn rate(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { bytes as f64 / f64::from(1 << 20) / seconds } else { 0.0 }
}

/// Adds who took how much, if it was served.
fn with_served(outcome: Outcome, served: Option<&BTreeMap<PeerId, u64>>) -> Outcome {
    match served {
        None => outcome,
        Some(served) => outcome.with("served", taken(served)),
    }
}

/// Who was not asked any more, for programs.
pub(crate) fn banned_values(banned: &BTreeMap<PeerId, (Code, Option<Untrue>)>) -> Vec<Value> {
    let value = |(peer, (code, untrue)): (&PeerId, &(Code, Option<Untrue>))| {
        let digests = untrue.map(|untrue| untrue.digests());
        let [wanted, came] = digests.map_or([None, None], |both| both.map(Some));
        json!({
            "id": peer.to_string(),
            "code": code.to_string(),
            "lied": untrue.is_some(),
            "piece": untrue.and_then(|untrue| untrue.piece()),
            "wanted": wanted,
            "came": came,
        })
    };
    banned.iter().map(value).collect()
}

fn outcome(finished: &Finished) -> Outcome {
    let Finished { imported, warnings, banned, evicted, served } = finished;
    let outcome = library::with_evicted(Outcome::new(), evicted).warn(warnings);
    let mut outcome = with_served(outcome, served.as_ref());
    for (key, value) in imported.receipt.values() {
        outcome = outcome.with_text(key, value);
    }
    outcome
        .with("artifact.path", printable(&imported.named.artifact.to_string_lossy()))
        .with("receipt.path", printable(&imported.named.receipt.to_string_lossy()))
        .with("transfer.seconds", format!("{:.3}", imported.transfer_time.as_secs_f64()))
        .with("import.seconds", format!("{:.3}", imported.import_time.as_secs_f64()))
        .with("banned", banned_values(banned))
        .with("way", imported.way.as_str())
        .with("signed_by", author(imported).as_str())
        .with("library", imported.library.as_str())
        .told()
}
