//! Your own id, and the peers you are paired with.

use app::activity::{Totals, totals};
use app::addresses::{self, AddressesError};
use app::pairing::{self, DEFAULT_PORT, Pairing, PairingError};
use app::ports::{Access, KnownPeer, Liar, Lie, PieceStore as _, Ports as _};
use app::quantity::Size;
use app::settings::Settings;
use serde_json::{Value, json};
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, pair_code};
use verifier::request::{Ticket, TicketTerms};
use verifier::scalars::{Id, Label, ScalarError};

use crate::args::{PeerAddArgs, PeerCommand, PeerInviteArgs, PeerNameArgs, PeerRenameArgs};
use crate::check::texts;
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::prompt;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// `peer …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &PeerCommand,
) -> Result<Outcome, Fault> {
    match command {
        PeerCommand::Id => id(session),
        PeerCommand::Invite(args) => invite(session, args),
        PeerCommand::Add(args) => add(session, args).await,
        PeerCommand::List => list(session).await,
        PeerCommand::Rename(args) => rename(session, args).await,
        PeerCommand::Block(args) => block(session, args).await,
        PeerCommand::Unblock(args) => unblock(session, args).await,
        PeerCommand::Unban(args) => unban(session, args).await,
        PeerCommand::Remove(args) => remove(session, args).await,
    }
}

fn id<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let Some(own) = session.own()? else {
        let what = format!("there is no identity in {} yet", session.data()?.display());
        let advice = "`minimodel peer invite` and `minimodel peer add` make one. If yours is \
                      elsewhere, name its folder with --data-dir DIR.";
        return Err(Fault::usage("--data-dir", what, advice));
    };
    Ok(Outcome::new().with_text("peer_id", own.peer_id()))
}

fn invite<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerInviteArgs,
) -> Result<Outcome, Fault> {
    let settings = session.settings()?;
    let label = args.label.as_ref().or(settings.label.as_ref());
    let label = label.map(|label| read_label(label)).transpose()?;
    let addresses = told_addresses(&args.called.address, &settings)?;
    let key = session.identity()?;
    let id = key.public_key().peer_id();
    let label = label.map_or_else(|| pairing::own_label(id), Ok);
    let label = label.map_err(|error| label_fault(&error))?;
    let issued = session.now();
    let expires = args.called.until(issued);
    let terms = TicketTerms { label, addresses, issued, expires };
    let ticket = Ticket::sign(&terms, &key).map_err(|error| Fault::coded(&error))?;
    session
        .terminal
        .say("Give this ticket to the person you want to pair with, by a way you trust:");
    session.terminal.say("");
    session.terminal.say(&ticket);
    session.terminal.say("");
    let places = texts(&terms.addresses).join(", ");
    session.terminal.say(&format!(
        "It says your peer id, the name `{}` and where to call you ({places}), until {expires}.",
        terms.label
    ));
    session.terminal.say(
        "They type `minimodel peer add TICKET`; ask for their ticket too, and compare the pair code.",
    );
    Ok(Outcome::new()
        .with("ticket", ticket)
        .with_text("peer_id", id)
        .with_text("label", &terms.label)
        .with("addresses", texts(&terms.addresses))
        .with_text("expires_utc", expires)
        .told())
}

async fn add<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerAddArgs,
) -> Result<Outcome, Fault> {
    let label = args.label.as_deref().map(read_label).transpose()?;
    let now = session.now();
    // A ticket that is wrong makes no identity.
    Ticket::parse(&args.ticket, now).map_err(|error| Fault::blamed(&PairingError::from(error)))?;
    let own = session.key()?;
    let pairing = Pairing::read(&args.ticket, &own.key().public_key(), label, now)
        .map_err(|error| Fault::blamed(&error))?;
    let addresses = texts(pairing.addresses());
    session.terminal.say(&format!("Pair with {}", pairing.label()));
    session.terminal.say(&format!("  peer id    {}", pairing.peer()));
    session.terminal.say(&format!("  addresses  {}", addresses.join(", ")));
    session.terminal.say(&format!("  pair code  {}", pairing.code()));
    match &args.expect_code {
        Some(there) => pairing.expect(there).map_err(|error| Fault::blamed(&error))?,
        None if args.yes => {}
        None => {
            let question =
                "Does the other screen show the same pair code, and do you want to pair?";
            prompt::confirm(session.terminal, question, "--yes or --expect-code CODE")?;
        }
    }
    own.keep(session.terminal)?;
    let code = pairing.code().to_owned();
    let ports = session.make_library()?;
    let peer = pairing::pair(&ports, pairing).await.map_err(|error| Fault::blamed(&error))?;
    let label = peer.label;
    session.terminal.say(&match peer.access {
        Access::Open => format!(
            "Paired. {label} gets nothing by this alone: each model needs your yes (share serve \
             --to)."
        ),
        Access::Blocked => format!(
            "{label} stays blocked. Let it call and be called with `minimodel peer unblock`."
        ),
    });
    let liars = ports.store().liars().await.map_err(failed)?;
    if liars.get(&peer.id).is_some_and(|liar| liar.is_banned) {
        session.terminal.say(&format!(
            "{label} lied before and stays banned: imports do not call it. `minimodel peer list` \
             says what it sent, `minimodel peer unban` lifts it."
        ));
    }
    Ok(Outcome::new()
        .with_text("peer_id", peer.id)
        .with_text("label", label)
        .with("pair_code", code)
        .with("addresses", addresses)
        .told())
}

async fn list<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let own = session.own()?;
    let Some(ports) = session.look()? else {
        return Ok(Outcome::new().with("peer", Vec::<Value>::new()).with("peer_count", 0).told());
    };
    let peers = ports.store().peers().await.map_err(failed)?;
    if peers.is_empty() {
        session.terminal.say("You are paired with nobody. Start with `minimodel peer invite`.");
    }
    let totals = totals(&**ports.journal(), session.now()).await;
    if let Err(error) = &totals {
        session.terminal.say(&format!("What they gave and took is not known: {error}."));
    }
    let liars = ports.store().liars().await.map_err(failed)?;
    let mut values = Vec::new();
    for peer in &peers {
        let total = totals.as_ref().ok().map(|totals| totals.get(&peer.id).copied());
        let total = total.map(Option::unwrap_or_default);
        let code = own.as_ref().map(|own| pair_code(own, &peer.id.public_key()));
        let liar = liars.get(&peer.id).cloned().unwrap_or_default();
        let blocked = if peer.access == Access::Blocked { "  blocked" } else { "" };
        let banned = if liar.is_banned { "  banned" } else { "" };
        session.terminal.say(&format!("{}  {}{blocked}{banned}", peer.label, peer.id));
        session.terminal.say(&format!("    addresses  {}", texts(&peer.addresses).join(", ")));
        if let Some(code) = &code {
            session.terminal.say(&format!("    pair code  {code}"));
        }
        if let Some(Totals { given, taken }) = total {
            session.terminal.say(&format!("    gave {}, took {}", Size(given), Size(taken)));
        }
        tell_lies(session.terminal, &liar);
        values.push(json!({
            "id": peer.id.to_string(),
            "label": peer.label.to_string(),
            "addresses": texts(&peer.addresses),
            "pair_code": code,
            "added_utc": peer.added.to_string(),
            "bytes_given": total.map(|total| total.given),
            "bytes_taken": total.map(|total| total.taken),
            "blocked": peer.access == Access::Blocked,
            "banned": liar.is_banned,
            "lies": liar.lies.iter().map(lie_value).collect::<Vec<_>>(),
        }));
    }
    Ok(Outcome::new().with("peer", Value::Array(values)).with("peer_count", peers.len()).told())
}

async fn rename<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerRenameArgs,
) -> Result<Outcome, Fault> {
    let label = read_label(&args.label)?;
    let ports = session.library()?;
    let peers = ports.store().peers().await.map_err(failed)?;
    let peer = naming::peer(&peers, &args.peer)?.clone();
    let before = peer.label.clone();
    let peer = pairing::rename(&ports, peer, label).await.map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&format!("{before} is called {} from now on.", peer.label));
    Ok(Outcome::new().with_text("peer_id", peer.id).with_text("label", &peer.label).told())
}

async fn remove<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerNameArgs,
) -> Result<Outcome, Fault> {
    let (ports, peer) = named(session, args).await?;
    let revoked = pairing::remove(&ports, peer.id).await.map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&format!("{} is forgotten. {}", peer.label, taken_back(&revoked)));
    Ok(parted(&peer, &revoked))
}

async fn block<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerNameArgs,
) -> Result<Outcome, Fault> {
    let (ports, peer) = named(session, args).await?;
    let revoked =
        pairing::block(&ports, peer.clone()).await.map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&format!(
        "{} is blocked: it is turned away when it calls, and is not called. {}",
        peer.label,
        taken_back(&revoked)
    ));
    Ok(parted(&peer, &revoked))
}

async fn unblock<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerNameArgs,
) -> Result<Outcome, Fault> {
    let ports = session.library()?;
    let peers = ports.store().peers().await.map_err(failed)?;
    let peer = naming::peer(&peers, &args.peer)?.clone();
    let (peer, is_banned) =
        pairing::unblock(&ports, peer).await.map_err(|error| Fault::blamed(&error))?;
    let told = pairing::unblocked(&peer.label, is_banned);
    let lift = if is_banned { " Lift that with `minimodel peer unban`." } else { "" };
    session.terminal.say(&format!("{told}{lift} What it might have had stays taken back."));
    Ok(Outcome::new().with_text("peer_id", peer.id).with_text("label", &peer.label).told())
}

async fn unban<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerNameArgs,
) -> Result<Outcome, Fault> {
    let ports = session.library()?;
    let peers = ports.store().peers().await.map_err(failed)?;
    let peer = naming::peer(&peers, &args.peer)?;
    let was_banned =
        pairing::unban(&ports, peer.id).await.map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&if was_banned {
        format!(
            "{} is called by imports again. What it was caught at stays written down.",
            peer.label
        )
    } else {
        format!("{} was not banned.", peer.label)
    });
    Ok(Outcome::new()
        .with_text("peer_id", peer.id)
        .with_text("label", &peer.label)
        .with("was_banned", was_banned)
        .told())
}

/// What a peer was caught at, as people read it: both digests on lines of their own.
fn tell_lies(terminal: &mut Terminal, liar: &Liar) {
    for lie in liar.lies.iter().rev() {
        let [wanted, came] = lie.untrue.digests();
        terminal.say(&format!("    lied       {lie}"));
        terminal.say(&format!("      wanted   {wanted}"));
        terminal.say(&format!("      came     {came}"));
    }
    if liar.is_banned {
        terminal.say("    banned: imports do not call it. Lift that with `minimodel peer unban`.");
    }
}

fn lie_value(lie: &Lie) -> Value {
    let [wanted, came] = lie.untrue.digests();
    json!({
        "time_utc": lie.time.to_string(),
        "model_id": lie.model_id.to_string(),
        "model_version": lie.model_version.to_string(),
        "artifact_sha256": lie.artifact.to_string(),
        "piece": lie.untrue.piece(),
        "wanted": wanted,
        "came": came,
    })
}

/// Opens the library and finds the peer that is to be kept away from it.
///
/// While another process has the library, what the peer may have is taken back all the same: that
/// process heeds it within one piece. What was done is said before why the rest was not.
async fn named<W: Wiring>(
    session: &Session<'_, W>,
    args: &PeerNameArgs,
) -> Result<(W::Library, KnownPeer), Fault> {
    let ports = match session.library() {
        Ok(ports) => ports,
        Err(fault) => {
            let known = session.known();
            let named = naming::peer(&known, &args.peer).map(|peer| peer.id).ok();
            let Some(peer) = named.or_else(|| PeerId::parse(&args.peer).ok()) else {
                return Err(fault);
            };
            let revoked = pairing::take_back_from(&*session.journal()?, peer, session.now())
                .await
                .map_err(|error| Fault::blamed(&error))?;
            let done = format!("{} That is all that was done:", taken_back(&revoked));
            return Err(fault.after(&done).with("revoked", ids(&revoked)));
        }
    };
    let peers = ports.store().peers().await.map_err(failed)?;
    let peer = naming::peer(&peers, &args.peer)?.clone();
    Ok((ports, peer))
}

fn parted(peer: &KnownPeer, revoked: &[Id]) -> Outcome {
    Outcome::new()
        .with_text("peer_id", peer.id)
        .with_text("label", &peer.label)
        .with("revoked", ids(revoked))
        .told()
}

fn ids(grants: &[Id]) -> Vec<String> {
    grants.iter().map(ToString::to_string).collect()
}

/// How many grants a peer has lost.
fn taken_back(revoked: &[Id]) -> String {
    match revoked.len() {
        0 => "It had no grant.".to_owned(),
        1 => "One grant is taken back.".to_owned(),
        many => format!("{many} grants are taken back."),
    }
}

/// The addresses to tell others: those given, else those set, else this machine's own in its
/// network with the port on which calls are taken.
///
/// # Errors
///
/// As [`own_addresses`].
pub fn told_addresses(given: &[String], settings: &Settings) -> Result<Vec<PeerAddress>, Fault> {
    let told = if given.is_empty() { &settings.addresses } else { given };
    let port = match settings.listen.port() {
        0 => DEFAULT_PORT,
        port => port,
    };
    own_addresses(told, port)
}

/// The addresses to tell others: those given, else this machine's own in its network.
///
/// # Errors
///
/// [`Fault`] if one given is not an address, or none was given and none can be found.
pub fn own_addresses(given: &[String], port: u16) -> Result<Vec<PeerAddress>, Fault> {
    addresses::own(given, port).map_err(|error| match error {
        AddressesError::NoNetwork => {
            let advice = "Give one with --address mmp://HOST:PORT.";
            Fault::usage("--address", error.to_string(), advice)
        }
        error => Fault::blamed(&error),
    })
}

fn read_label(text: &str) -> Result<Label, Fault> {
    Label::parse(text).map_err(|error| label_fault(&error))
}

fn label_fault(error: &ScalarError) -> Fault {
    Fault::usage("--label", error.to_string(), "Choose a plain name, such as anna-laptop.")
}

fn failed(failure: app::ports::Failure) -> Fault {
    Fault::machine("cannot use the list of peers", failure.as_ref())
}

#[cfg(test)]
mod tests {
    use app::settings::Settings;

    use super::told_addresses;

    #[test]
    fn what_is_set_is_told_where_nothing_is_given() {
        let set = "mmp://192.168.1.20:9000".to_owned();
        let settings = Settings { addresses: vec![set.clone()], ..Settings::default() };
        let told = |given: &[String]| told_addresses(given, &settings).unwrap()[0].to_string();
        assert_eq!(told(&[]), set);
        let given = "mmp://127.0.0.1:1".to_owned();
        assert_eq!(told(std::slice::from_ref(&given)), given);
    }
}
