//! What the user said yes to, and taking it back.

use app::command::records::{CheckLog, Grant, ListGrants, Revoke};
use app::naming::short;
use app::quantity::Size;
use verifier::consent::Scope;
use verifier::scalars::Id;

use crate::args::{ConsentCommand, RevokeArgs};
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `consent …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &ConsentCommand,
) -> Result<Outcome, Fault> {
    match command {
        ConsentCommand::List => list(session).await,
        ConsentCommand::Check => check(session).await,
        ConsentCommand::Revoke(args) => revoke(session, args).await,
    }
}

async fn list<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let done = session.ask(ListGrants {}).await?;
    let grants = &done.reply.grant;
    if grants.is_empty() && done.warnings.is_empty() {
        session.terminal.say("You have said yes to nothing yet.");
        session.say_if_new()?;
    }
    for grant in grants {
        session.terminal.say(&line(grant));
    }
    if grants.iter().any(Grant::is_open) {
        session.terminal.say("Take one back with `minimodel consent revoke GRANT`.");
    }
    Ok(Outcome::of(&done).told())
}

async fn check<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let done = session.ask(CheckLog {}).await?;
    let log = &done.reply;
    session.terminal.say(&match (log.first_utc, log.last_utc) {
        (Some(first), Some(last)) => {
            format!("The consent log holds: {} lines, from {first} to {last}.", log.lines)
        }
        _ => "The consent log has no line yet.".to_owned(),
    });
    if log.lines == 0 {
        session.say_if_new()?;
    }
    Ok(Outcome::of(&done))
}

async fn revoke<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &RevokeArgs,
) -> Result<Outcome, Fault> {
    let read = |text: &String| {
        Id::parse(text).map_err(|error| {
            Fault::usage("grant", error.to_string(), "See the ids in `minimodel consent list`.")
        })
    };
    let grants = args.grants.iter().map(read).collect::<Result<_, _>>()?;
    let done = session.ask(Revoke { grants }).await?;
    for grant in &done.reply.revoked {
        session.terminal.say(&format!("{grant} is taken back; nothing moves under it any more."));
    }
    Ok(Outcome::of(&done).told())
}

/// A grant in one line for people.
fn line(grant: &Grant) -> String {
    let state = match (grant.live, grant.begins_utc) {
        (true, _) => "live ",
        (false, Some(_)) => "ahead",
        (false, None) => "ended",
    };
    let from = grant.begins_utc.map(|from| format!("from {from}  ")).unwrap_or_default();
    let whom = match grant.peer {
        Scope::Peer(peer) => naming::named(grant.peer_label.as_ref(), peer),
        Scope::AnyPaired => "any paired peer".to_owned(),
        Scope::None => "no peer".to_owned(),
    };
    format!(
        "{}  {state}  {:<7} {} ({})  {whom}  {} of {} used  {from}until {}",
        grant.id,
        grant.act.as_str(),
        grant.model_id,
        short(grant.artifact_sha256),
        Size(grant.bytes_used),
        Size(grant.byte_limit),
        grant.expires_utc
    )
}
