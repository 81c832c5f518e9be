//! What an import waits for, and what ends the wait.

use super::{Peer, Presence, Stage};
use crate::naming::people;
use crate::quantity::Size;

/// The sentence; `waiting` is what the engine says, while it says something. So many pieces are
/// missing, and so many bytes have come of some that are not whole.
pub(super) fn of(
    stage: Stage,
    peers: &[Peer],
    waiting: Option<&str>,
    [missing, coming]: [u64; 2],
) -> String {
    let among = |wanted: fn(&Presence) -> bool| {
        let names = peers.iter().filter(|peer| wanted(&peer.presence));
        names.map(|peer| peer.label.as_str()).collect::<Vec<_>>()
    };
    let connected = among(|presence| *presence == Presence::Connected);
    match (stage, waiting) {
        (Stage::Preparing, _) => "Making room in the library.".to_owned(),
        (Stage::Verifying, _) => {
            "All pieces are here. The whole file is read and checked once more.".to_owned()
        }
        (Stage::Naming, _) => {
            "Everything is verified. File and receipt get their names.".to_owned()
        }
        (Stage::Fetching, Some(waiting)) => waiting.to_owned(),
        (Stage::Fetching, None) if missing == 0 => {
            "All pieces are kept. The whole file is read and checked once more.".to_owned()
        }
        (Stage::Fetching, None) if connected.is_empty() => {
            let called = among(|presence| {
                !matches!(presence, Presence::Banned { .. } | Presence::NotAsked { .. })
            });
            format!("Calling {}: the first that answers ends this wait.", people(&called))
        }
        (Stage::Fetching, None) => {
            let given = peers.iter().any(|peer| peer.pieces > 0);
            let names = people(&connected);
            let part = match coming {
                0 => String::new(),
                bytes => format!("; {} came of pieces that are not whole yet", Size(bytes)),
            };
            match (given, missing) {
                (false, _) => format!("Waiting for the first piece from {names}{part}."),
                (true, 1) => format!("Waiting for the last piece from {names}{part}."),
                (true, _) => format!("Waiting for {missing} more pieces from {names}{part}."),
            }
        }
    }
}
