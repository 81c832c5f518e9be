//! What the uploads say, in the words of the ports.

use std::net::SocketAddr;

use app::naming::short_peer;
use app::ports::{self, Provider, ServeNews};
use engine::upload::{Refusal, TurnedAway};
use verifier::identity::PeerId;

/// What a watcher is told of somebody who was turned away.
pub(super) async fn turned_away(
    from: SocketAddr,
    peer: Option<PeerId>,
    why: TurnedAway,
    provider: &impl Provider,
) -> ServeNews {
    let who = match peer {
        // What it is called, or the end of a key that is proven.
        Some(peer) => match provider.label(peer).await {
            Some(label) => label.to_string(),
            None => short_peer(peer),
        },
        None => "it".to_owned(),
    };
    let why = match why {
        TurnedAway::HandshakeTooLong => "it did not say in time who it is".to_owned(),
        TurnedAway::MadeWay => {
            "it did not say who it is, and made way for others that call".to_owned()
        }
        TurnedAway::PeerBusy => format!("{who} has 2 connections already, and uses them both"),
        TurnedAway::CalledAgain => {
            format!("{who} called again for the same model, which ended its older connection")
        }
        TurnedAway::Busy => format!(
            "{who} was told that this machine is busy: it has as many connections as it may have"
        ),
        TurnedAway::TooSlow => {
            format!(
                "{who} took or asked for next to nothing for long, and lost its place to another that called"
            )
        }
        // That of a handshake is a clause already.
        TurnedAway::Ended(ending) if peer.is_none() => ending.to_string(),
        TurnedAway::Ended(ending) => format!("{who} {ending}"),
    };
    tracing::warn!(%from, %why, "a caller was turned away");
    ServeNews::TurnedAway { from, why }
}

/// Why an ask was refused, as the ports say it.
pub(super) const fn told(refusal: Refusal) -> ports::Refusal {
    match refusal {
        Refusal::NotServed => ports::Refusal::NotServed,
        Refusal::NotHad => ports::Refusal::NotHad,
        Refusal::Failed => ports::Refusal::Failed,
    }
}

/// The same, as the provider says it.
pub(super) const fn heard(refusal: ports::Refusal) -> Refusal {
    match refusal {
        ports::Refusal::NotServed => Refusal::NotServed,
        ports::Refusal::NotHad => Refusal::NotHad,
        _ => Refusal::Failed,
    }
}
