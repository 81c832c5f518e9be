//! Fetches what is bad or missing of a kept model.

use std::collections::BTreeMap;

use app::command::Warning;
use app::library::{RepairError, RepairPlan, Repaired, State, Step, Whom, repair};
use app::ports::{Clock as _, Model, PieceStore as _, Ports};
use app::quantity::Size;
use app::question::Question;
use serde_json::{Value, json};

use super::{failed, recheck, with_evicted, with_model};
use crate::args::RepairArgs;
use crate::fault::Fault;
use crate::import::telling::{Telling, tell_banned};
use crate::import::{banned_values, count};
use crate::naming::{self, Named};
use crate::outcome::Outcome;
use crate::prompt;
use crate::session::Session;
use crate::stop::unless_stopped;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// What people are told of how to stop a repair.
const HOW_TO_STOP: &str = "press Ctrl-C, or take the yes back with `minimodel consent list` and `revoke`; it ends with \
     the repair";

/// `library repair`.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &RepairArgs,
) -> Result<Outcome, Fault> {
    let mut own = session.settings()?;
    args.fetching.limit(&mut own);
    let key = session.key()?;
    let ports = session.open_with(key.key(), &own)?;
    let terminal = &mut *session.terminal;
    let model = naming::model(&**ports.store(), &args.model).await?;
    let whom = whom(&ports, &args.from).await?;

    let looking = recheck::look(&ports, terminal, &model);
    let advice = "What was found to be bad counts as missing. Run it again.";
    let found = unless_stopped(app::stop::wished(), "the check", advice, looking).await?;
    let outcome = with_model(Outcome::new(), &model)
        .with("corrupt", found.corrupt.len())
        .with("unreadable", found.unread)
        .with("missing", found.missing);
    recheck::say(terminal, &model, &found);
    if found.state == State::Whole {
        terminal.say("There is nothing to repair.");
        return Ok(with_given(outcome, None).told());
    }
    let keep = |terminal: &mut Terminal| key.keep(terminal).map(drop);
    let fetched = fetch(&ports, terminal, args, &model, &whom, keep).await;
    let fetched = fetched.map_err(|fault| outcome.clone().beside(fault))?;
    Ok(fetched.over(outcome).told())
}

/// Whom the user means.
async fn whom<P: Ports>(ports: &P, names: &[String]) -> Result<Whom, Fault> {
    if names.is_empty() {
        return Ok(Whom::Known);
    }
    let known = ports.store().peers().await.map_err(failed)?;
    let found = names.iter().map(|name| Ok(naming::peer(&known, name)?.id));
    Ok(Whom::These(found.collect::<Result<_, Fault>>()?))
}

/// Asks for the yes and repairs; `agreed` does what waits for the yes.
async fn fetch<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &RepairArgs,
    model: &Model,
    whom: &Whom,
    agreed: impl FnOnce(&mut Terminal) -> Result<(), Fault>,
) -> Result<Outcome, Fault> {
    let plan = RepairPlan::new(ports, model.artifact, whom).await;
    let plan = plan.map_err(|error| Fault::blamed(&error))?;
    let expires = ports.clock().now().plus(args.fetching.span.0);
    let question = Question::repair(&plan, expires, HOW_TO_STOP);
    let yes = prompt::consent(terminal, &args.agreed.acts, &question)?;
    agreed(terminal)?;
    let now = ports.clock().now();
    let consent = prompt::write_down(terminal, yes, &**ports.journal(), now).await?;
    let odd = consent.odd_time().map(|_| Warning::LOG_AHEAD.to_owned());

    let known = ports.store().peers().await.map_err(failed)?;
    let names: BTreeMap<_, _> =
        known.iter().map(|peer| (peer.id, peer.label.to_string())).collect();
    let mut telling = Telling::new("repair", model.geometry, names, terminal.paint());
    let on = |step| {
        if let Step::Fetch(event) = step {
            telling.hear(&event);
        }
    };
    let patience = args.fetching.patience();
    let outcome = repair(ports, plan, consent, patience, on, terminal.wished()).await;
    telling.progress.end();
    let Telling { names, banned, evicted, .. } = telling;
    let outcome = outcome.map_err(|error| match error {
        RepairError::Stopped => {
            Fault::stopped("the repair", "Run the same command again: what came is kept.")
        }
        error => Fault::blamed(&error),
    });
    let told = with_evicted(Outcome::new(), &evicted).with("banned", banned_values(&banned));
    let repaired = outcome.map_err(|fault| told.clone().beside(fault))?;
    terminal.say(&format!(
        "Repaired. {} of {} came from {}; all {} were read again and are sound.",
        count(repaired.pieces.into(), "piece"),
        Size(repaired.bytes()),
        count(repaired.given.len() as u64, "peer"),
        count(repaired.checked.pieces.into(), "piece"),
    ));
    for (peer, bytes) in &repaired.given {
        let name = names.get(peer).map_or("a peer", String::as_str);
        terminal.say(&format!("  {name:<16} {}", Size(*bytes)));
    }
    tell_banned(terminal, "repair", &names, &banned);
    let troubles: Vec<String> =
        repaired.troubles.iter().map(|trouble| terminal.warn(trouble).to_owned()).collect();
    terminal.say(&format!("{} is whole.", Named::from(model).shown()));
    Ok(with_given(told, Some(&repaired)).warn(odd.into_iter().chain(troubles)))
}

/// Adds what came from whom, and that the model is whole.
fn with_given(outcome: Outcome, repaired: Option<&Repaired>) -> Outcome {
    let given = repaired.into_iter().flat_map(|repaired| &repaired.given);
    let peers: Vec<Value> =
        given.map(|(peer, bytes)| json!({"id": peer.to_string(), "bytes": bytes})).collect();
    outcome
        .with("pieces_fetched", repaired.map_or(0, |repaired| repaired.pieces))
        .with("bytes_fetched", repaired.map_or(0, Repaired::bytes))
        .with("peer", peers)
        .with("state", State::Whole.as_str())
}
