//! What the user said yes to, and taking it back.

use app::consent::odd_time;
use app::naming::short;
use app::ports::{Journal as _, JournalError, KnownPeer, Standing};
use app::problem::Problem;
use app::quantity::Size;
use serde_json::{Value, json};
use verifier::consent::{ConsentError, Scope};
use verifier::scalars::{Id, UtcTime};

use crate::args::{ConsentCommand, RevokeArgs};
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// The warning of a log that is dated ahead of the clock.
pub const LOG_AHEAD: &str = "consent-log-ahead";

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
    let journal = session.journal()?;
    let now = session.now();
    let warning = warning(session, &*journal).await?;
    let standing = journal.holding(now).await.map_err(|error| Fault::blamed(&error))?;
    if standing.is_empty() && warning.is_none() {
        session.terminal.say("You have said yes to nothing yet.");
        session.say_if_new()?;
    }
    let mut values = Vec::new();
    let known = session.known();
    for grant in &standing {
        session.terminal.say(&line(grant, &known, now));
        values.push(value(grant));
    }
    let live = standing.iter().filter(|grant| grant.live).count();
    if standing.iter().any(|grant| grant.is_open(now)) {
        session.terminal.say("Take one back with `minimodel consent revoke GRANT`.");
    }
    Ok(Outcome::new()
        .warn(warning)
        .with("grant", Value::Array(values))
        .with("grant_count", standing.len())
        .with("live_count", live)
        .told())
}

/// Says what a reader of the consent log has to know of it: that it breaks, or is ahead of the
/// clock; gives the warning's name.
///
/// # Errors
///
/// [`Fault`] if the log cannot be read.
pub async fn warning<W: Wiring>(
    session: &mut Session<'_, W>,
    journal: &W::Journal,
) -> Result<Option<&'static str>, Fault> {
    let failed = |failure| Fault::blamed(&JournalError::Failed(failure));
    let chain = journal.chain().await.map_err(failed)?;
    if let Some(broken) = chain.broken {
        let problem = Problem::blamed(&JournalError::Broken(Box::new(broken)));
        session.terminal.warn(&problem);
        return Ok(Some("consent-log-broken"));
    }
    let odd = chain.last.and_then(|last| odd_time(last, session.now()));
    if let Some(odd) = &odd {
        session.terminal.say(odd);
    }
    Ok(odd.map(|_| LOG_AHEAD))
}

async fn check<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let journal = session.journal()?;
    let failed = |failure| Fault::blamed(&JournalError::Failed(failure));
    let chain = journal.chain().await.map_err(failed)?;
    if let Some(error) = &chain.broken {
        let fault = Fault::blamed(&JournalError::Broken(Box::new(error.clone())));
        return Err(fault.with("lines", chain.lines));
    }
    let time = |time: Option<UtcTime>| time.map(|time| time.to_string());
    session.terminal.say(&match (chain.first, chain.last) {
        (Some(first), Some(last)) => {
            format!("The consent log holds: {} lines, from {first} to {last}.", chain.lines)
        }
        _ => "The consent log has no line yet.".to_owned(),
    });
    if chain.lines == 0 {
        session.say_if_new()?;
    }
    let odd = chain.last.and_then(|last| odd_time(last, session.now()));
    if let Some(odd) = &odd {
        session.terminal.say(odd);
    }
    Ok(Outcome::new()
        .warn(odd.map(|_| LOG_AHEAD))
        .with("lines", chain.lines)
        .with("first_utc", time(chain.first))
        .with("last_utc", time(chain.last))
        .with_text("last_sha256", chain.head)
        .with("torn_bytes", chain.torn))
}

async fn revoke<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &RevokeArgs,
) -> Result<Outcome, Fault> {
    let journal = session.journal()?;
    let mut grants = Vec::new();
    for text in &args.grants {
        grants.push(Id::parse(text).map_err(|error| {
            Fault::usage("grant", error.to_string(), "See the ids in `minimodel consent list`.")
        })?);
    }
    // Named twice, it is one grant.
    grants.sort();
    grants.dedup();
    journal.revoke(grants.clone(), session.now()).await.map_err(|error| refused(&error))?;
    for grant in &grants {
        session.terminal.say(&format!("{grant} is taken back; nothing moves under it any more."));
    }
    let revoked: Vec<String> = grants.iter().map(ToString::to_string).collect();
    Ok(Outcome::new().with("revoked", revoked).told())
}

fn refused(error: &JournalError) -> Fault {
    let fault = Fault::blamed(error);
    match error {
        JournalError::Consent(ConsentError::UnknownGrant(grant)) => fault.at(Some(grant.as_str())),
        _ => fault,
    }
}

/// A grant in one line for people.
fn line(standing: &Standing, known: &[KnownPeer], now: UtcTime) -> String {
    let grant = &standing.grant;
    let from = standing.begins(now);
    let state = match standing.live {
        true => "live ",
        false if from.is_some() => "ahead",
        false => "ended",
    };
    let from = from.map(|from| format!("from {from}  ")).unwrap_or_default();
    format!(
        "{}  {state}  {:<7} {} ({})  {}  {} of {} used  {from}until {}",
        grant.id(),
        grant.act().as_str(),
        grant.model_id(),
        short(grant.artifact_sha256()),
        scope(standing, known),
        Size(standing.used),
        Size(grant.byte_limit()),
        grant.expires()
    )
}

fn scope(standing: &Standing, known: &[KnownPeer]) -> String {
    match standing.grant.scope() {
        Scope::Peer(peer) => naming::person(known, peer),
        Scope::AnyPaired => "any paired peer".to_owned(),
        Scope::None => "no peer".to_owned(),
    }
}

/// A grant for programs.
pub fn value(standing: &Standing) -> Value {
    let grant = &standing.grant;
    let peer = match grant.scope() {
        Scope::Peer(peer) => peer.to_string(),
        Scope::AnyPaired => "any-paired".to_owned(),
        Scope::None => "none".to_owned(),
    };
    json!({
        "id": grant.id().to_string(),
        "live": standing.live,
        "act": grant.act().as_str(),
        "model_id": grant.model_id().to_string(),
        "artifact_sha256": grant.artifact_sha256().to_string(),
        "peer": peer,
        "byte_limit": grant.byte_limit(),
        "bytes_used": standing.used,
        "granted_utc": grant.granted().to_string(),
        "expires_utc": grant.expires().to_string(),
    })
}
