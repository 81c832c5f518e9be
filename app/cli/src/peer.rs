//! Your own id, and the peers you are paired with.

use std::net::{IpAddr, UdpSocket};

use app::ports::{KnownPeer, PieceStore as _, Ports as _};
use serde_json::{Value, json};
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, pair_code};
use verifier::request::{Ticket, TicketTerms};
use verifier::scalars::Label;

use crate::args::{PeerAddArgs, PeerCommand, PeerInviteArgs, PeerRemoveArgs};
use crate::check::texts;
use crate::fault::Fault;
use crate::naming;
use crate::outcome::{Outcome, printable};
use crate::prompt;
use crate::session::Session;
use crate::wiring::Wiring;

/// The port that peers are called on where nobody chose one.
pub const DEFAULT_PORT: u16 = 9410;

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
        PeerCommand::Remove(args) => remove(session, args).await,
    }
}

fn id<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let id = session.identity()?.public_key().peer_id();
    Ok(Outcome::new().with_text("peer_id", id))
}

fn invite<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerInviteArgs,
) -> Result<Outcome, Fault> {
    let key = session.identity()?;
    let id = key.public_key().peer_id();
    let label = match &args.label {
        Some(label) => read_label(label)?,
        None => own_label(id)?,
    };
    let addresses = own_addresses(&args.address, DEFAULT_PORT)?;
    let issued = session.now();
    let expires = issued.plus(args.span.0);
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
    let now = session.now();
    let ticket = Ticket::parse(&args.ticket, now).map_err(|error| Fault::coded(&error))?;
    let own = session.identity()?.public_key();
    let id = ticket.peer_id();
    if id == own.peer_id() {
        let what = "this is your own ticket";
        let advice = "Give it to the other person, and add the ticket that they give you.";
        return Err(Fault::usage("ticket", what, advice));
    }
    let label = match &args.label {
        Some(label) => read_label(label)?,
        None => ticket.label().clone(),
    };
    let code = pair_code(&own, &id.public_key());
    session.terminal.say(&format!("Pair with {label}"));
    session.terminal.say(&format!("  peer id    {id}"));
    session.terminal.say(&format!("  addresses  {}", texts(ticket.addresses()).join(", ")));
    session.terminal.say(&format!("  pair code  {code}"));
    if let Some(expected) = &args.expect_code
        && !same_digits(expected, &code)
    {
        let what = format!("the pair code here is {code}, not {}", printable(expected));
        let advice = "Do not pair: one of you has a ticket that somebody changed. Exchange tickets \
                      again by a way you trust.";
        return Err(Fault::denied(what, advice).at(Some("pair_code")));
    }
    if !args.yes && args.expect_code.is_none() {
        let question = "Does the other screen show the same pair code, and do you want to pair?";
        prompt::confirm(session.terminal, question, "--yes or --expect-code CODE")?;
    }
    let ports = session.open()?;
    let known = ports.store().peers().await.map_err(failed)?;
    if let Some(other) = known.iter().find(|peer| peer.label == label && peer.id != id) {
        let what =
            format!("another peer is called {label} already ({})", naming::short_peer(other.id));
        return Err(Fault::usage("--label", what, "Choose another name with --label NAME."));
    }
    let addresses = ticket.addresses().to_vec();
    let peer = KnownPeer { id, label: label.clone(), addresses, added: now };
    ports.store().add_peer(peer).await.map_err(failed)?;
    session.terminal.say(&format!(
        "Paired. {label} gets nothing by this alone: each model needs your yes (share serve --to)."
    ));
    Ok(Outcome::new()
        .with_text("peer_id", id)
        .with_text("label", label)
        .with("pair_code", code)
        .with("addresses", texts(ticket.addresses()))
        .told())
}

async fn list<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let own = session.identity()?.public_key();
    let ports = session.open()?;
    let peers = ports.store().peers().await.map_err(failed)?;
    if peers.is_empty() {
        session.terminal.say("You are paired with nobody. Start with `minimodel peer invite`.");
    }
    let mut values = Vec::new();
    for peer in &peers {
        let code = pair_code(&own, &peer.id.public_key());
        session.terminal.say(&format!("{}  {}", peer.label, peer.id));
        session.terminal.say(&format!("    addresses  {}", texts(&peer.addresses).join(", ")));
        session.terminal.say(&format!("    pair code  {code}"));
        values.push(json!({
            "id": peer.id.to_string(),
            "label": peer.label.to_string(),
            "addresses": texts(&peer.addresses),
            "pair_code": code,
            "added_utc": peer.added.to_string(),
        }));
    }
    Ok(Outcome::new().with("peer", Value::Array(values)).with("peer_count", peers.len()).told())
}

async fn remove<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PeerRemoveArgs,
) -> Result<Outcome, Fault> {
    let ports = session.open()?;
    let peers = ports.store().peers().await.map_err(failed)?;
    let peer = naming::peer(&peers, &args.peer)?;
    ports.store().remove_peer(peer.id).await.map_err(failed)?;
    session
        .terminal
        .say(&format!("{} is forgotten. Grants you gave are in `consent list`.", peer.label));
    Ok(Outcome::new().with_text("peer_id", peer.id).with_text("label", &peer.label).told())
}

/// The addresses to tell others: those given, else this machine's own in its network.
///
/// # Errors
///
/// [`Fault`] if one given is not an address, or none was given and none can be found.
pub fn own_addresses(given: &[String], port: u16) -> Result<Vec<PeerAddress>, Fault> {
    if given.is_empty() {
        let address = outward_ip().and_then(|ip| PeerAddress::from_socket(ip, port).ok());
        return address.map(|address| vec![address]).ok_or_else(|| {
            let what = "this machine is in no network, so it has no address to tell";
            Fault::usage("--address", what, "Give one with --address mmp://HOST:PORT.")
        });
    }
    given
        .iter()
        .map(|text| PeerAddress::parse(text).map_err(|error| Fault::coded(&error)))
        .collect()
}

/// The address that this machine would call from. Nothing is sent: a datagram socket is only
/// given a destination, from the range that is set aside for documentation.
fn outward_ip() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

fn own_label(id: PeerId) -> Result<Label, Fault> {
    let text = id.to_string();
    let tail: String = text.chars().skip(text.chars().count().saturating_sub(4)).collect();
    read_label(&format!("peer {tail}"))
}

fn read_label(text: &str) -> Result<Label, Fault> {
    Label::parse(text).map_err(|error| {
        Fault::usage("--label", error.to_string(), "Choose a plain name, such as anna-laptop.")
    })
}

fn same_digits(a: &str, b: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(a) == digits(b)
}

fn failed(failure: app::ports::Failure) -> Fault {
    Fault::machine("cannot use the list of peers", failure.as_ref())
}

#[cfg(test)]
mod tests {
    use super::{own_addresses, same_digits};

    #[test]
    fn pair_codes_are_compared_by_their_digits() {
        assert!(same_digits("103844678481937094950329", "1038 4467 8481 9370 9495 0329"));
        assert!(same_digits("1038-4467-8481-9370-9495-0329", "1038 4467 8481 9370 9495 0329"));
        assert!(!same_digits("1038", "1038 4467 8481 9370 9495 0329"));
    }

    #[test]
    fn addresses_that_are_given_are_checked() {
        let good = ["mmp://127.0.0.1:9410".to_owned()];
        assert_eq!(own_addresses(&good, 1).unwrap().len(), 1);
        let bad = ["mmp://minimodel.org:9410".to_owned()];
        assert_eq!(own_addresses(&bad, 1).unwrap_err().code().to_string(), "address.project-host");
    }
}
