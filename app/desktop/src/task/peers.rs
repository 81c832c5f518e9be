//! The work of the screen `peers`.

use std::sync::Arc;

use app::activity;
use app::addresses;
use app::pairing::{self, Pairing};
use app::ports::{Clock as _, KnownPeer, PieceStore as _, Ports};
use app::problem::Problem;
use app::settings::Settings;
use iced::Task;
use verifier::Code;
use verifier::identity::pair_code;
use verifier::request::{Ticket, TicketTerms};
use verifier::scalars::{Id, Label, ScalarError};

use super::{perform, store_failed};
use crate::screen::peers::{Entry, Invitation, Invited, Look, Message, Work};
use crate::wiring::Opened;
use crate::words;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    match work {
        Work::Look(number) => {
            let settings = settings.clone();
            perform(async move { look(&opened, &settings).await }, move |looked| {
                Message::Looked(number, looked)
            })
        }
        Work::Invite(run, invitation) => {
            let port = settings.listen.port();
            perform(async move { invite(&opened, &invitation, port) }, move |invited| {
                Message::Invited(run.clone(), invited)
            })
        }
        Work::Read(run, ticket) => perform(
            async move {
                let now = opened.ports.clock().now();
                Pairing::read(&ticket, &opened.key.public_key(), None, now)
                    .map(Box::new)
                    .map_err(|error| Problem::blamed(&error))
            },
            move |read| Message::Read(run.clone(), read),
        ),
        Work::Pair(run, pairing) => perform(
            async move {
                pairing::pair(&opened.ports, *pairing)
                    .await
                    .map_err(|error| Problem::blamed(&error))
            },
            move |paired| Message::Paired(run.clone(), paired),
        ),
        Work::Rename(peer, label) => {
            let id = peer.id;
            perform(async move { rename(&opened, peer, &label).await }, move |done| {
                Message::Done(id, done)
            })
        }
        Work::Block(peer) => {
            let id = peer.id;
            let work = async move {
                let label = peer.label.clone();
                let revoked = pairing::block(&opened.ports, peer).await;
                let revoked = revoked.map_err(|error| Problem::blamed(&error))?;
                Ok(format!("{label} is blocked. {}", taken_back(&revoked)))
            };
            perform(work, move |done| Message::Done(id, done))
        }
        Work::Unblock(peer) => {
            let id = peer.id;
            let work = async move {
                let unblocked = pairing::unblock(&opened.ports, peer).await;
                let (peer, is_banned) = unblocked.map_err(|error| Problem::blamed(&error))?;
                Ok(pairing::unblocked(&peer.label, is_banned))
            };
            perform(work, move |done| Message::Done(id, done))
        }
        Work::Unban(peer) => {
            let id = peer.id;
            let work = async move {
                let lifted = pairing::unban(&opened.ports, id).await;
                lifted.map_err(|error| Problem::blamed(&error))?;
                Ok(format!("{} is called by imports again.", peer.label))
            };
            perform(work, move |done| Message::Done(id, done))
        }
        Work::Remove(peer) => {
            let id = peer.id;
            let work = async move {
                let revoked = pairing::remove(&opened.ports, id).await;
                let revoked = revoked.map_err(|error| Problem::blamed(&error))?;
                Ok(format!("{} is forgotten. {}", peer.label, taken_back(&revoked)))
            };
            perform(work, move |done| Message::Done(id, done))
        }
    }
}

async fn look<P: Ports>(opened: &Opened<P>, settings: &Settings) -> Result<Arc<Look>, Problem> {
    let own = opened.key.public_key();
    let mut peers = opened.ports.store().peers().await.map_err(store_failed)?;
    peers.sort_by(|one, other| one.label.as_str().cmp(other.label.as_str()));
    let liars = opened.ports.store().liars().await.map_err(store_failed)?;
    let now = opened.ports.clock().now();
    // Where the consents cannot be read, the peers are seen all the same.
    let totals = activity::totals(&**opened.ports.journal(), now).await.ok();
    let entry = |peer: KnownPeer| Entry {
        code: pair_code(&own, &peer.id.public_key()),
        totals: totals.as_ref().map(|totals| totals.get(&peer.id).copied().unwrap_or_default()),
        liar: liars.get(&peer.id).cloned().unwrap_or_default(),
        peer,
    };
    let label = match &settings.label {
        Some(label) => label.clone(),
        None => {
            pairing::own_label(opened.own()).map_or_else(|_| String::new(), |own| own.to_string())
        }
    };
    // Where none is found, the form is empty and says what to type.
    let addresses = addresses::own(&settings.addresses, settings.listen.port());
    let addresses = addresses.unwrap_or_default().iter().map(ToString::to_string).collect();
    Ok(Arc::new(Look { own, label, addresses, peers: peers.into_iter().map(entry).collect() }))
}

fn invite<P: Ports>(
    opened: &Opened<P>,
    invitation: &Invitation,
    port: u16,
) -> Result<Invited, Problem> {
    let label = read_label(&invitation.label)?;
    let addresses =
        addresses::own(&invitation.addresses, port).map_err(|error| Problem::blamed(&error))?;
    let issued = opened.ports.clock().now();
    let expires = issued.plus(invitation.span);
    let terms = TicketTerms { label, addresses, issued, expires };
    let ticket = Ticket::sign(&terms, &opened.key).map_err(|error| Problem::coded(&error))?;
    Ok(Invited {
        ticket,
        label: terms.label.to_string(),
        addresses: terms.addresses.iter().map(ToString::to_string).collect(),
        expires,
    })
}

async fn rename<P: Ports>(
    opened: &Opened<P>,
    peer: KnownPeer,
    label: &str,
) -> Result<String, Problem> {
    let before = peer.label.clone();
    let peer = pairing::rename(&opened.ports, peer, read_label(label)?)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    Ok(format!("{before} is called {} from now on.", peer.label))
}

fn read_label(text: &str) -> Result<Label, Problem> {
    Label::parse(text).map_err(|error: ScalarError| {
        let problem = Problem::new(
            Code::new("usage", "arguments"),
            error.to_string(),
            "Choose a plain name, such as anna-laptop.",
        );
        Problem { field: "label".to_owned(), ..problem }
    })
}

fn taken_back(revoked: &[Id]) -> String {
    match revoked.len() {
        0 => String::new(),
        some => format!("Taken back: {}.", words::count(some as u64, "grant")),
    }
}
