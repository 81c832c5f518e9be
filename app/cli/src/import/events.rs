//! What happens in an import, as JSON for programs that watch it: one object a line.

use app::event::Event;
use app::import::live::paused;
use app::ports::{Availability, PullNews};
use serde_json::{Value, json};

use crate::terminal::Terminal;

/// Tells an event on standard output.
pub(super) fn tell(terminal: &mut Terminal, event: &Event) {
    if let Some(line) = line(event) {
        // A closed standard output is told at the end.
        let _ok = terminal.answer(&line);
    }
}

/// The line that tells an event; nothing of those that say no more than others do.
fn line(event: &Event) -> Option<String> {
    let value = match event {
        Event::Peers(news) => told(news)?,
        Event::ConsentEnded(peer, why) => {
            json!({"event": "consent-ended", "peer": peer.to_string(), "why": why.to_string()})
        }
        Event::Kept { index, bytes, .. } => {
            json!({"event": "kept", "piece": index.get(), "bytes": bytes})
        }
        Event::Paused(place) => {
            let folder = place.display().to_string();
            json!({"event": "paused", "folder": folder, "why": paused(place)})
        }
        Event::Resumed => json!({"event": "resumed"}),
        Event::Verifying => json!({"event": "verifying"}),
        Event::Naming => json!({"event": "naming"}),
        _ => return None,
    };
    Some(format!("{value}\n"))
}

fn told(news: &PullNews) -> Option<Value> {
    Some(match news {
        PullNews::Connected { peer, pieces } => {
            json!({"event": "connected", "peer": peer.to_string(), "wanted": pieces})
        }
        PullNews::Lost { peer, why } => {
            json!({"event": "lost", "peer": peer.to_string(), "why": why})
        }
        PullNews::Banned { peer, code, why, .. } => json!({
            "event": "banned", "peer": peer.to_string(), "code": code.to_string(), "why": why,
        }),
        PullNews::Availability(availability) => copies(availability),
        PullNews::Waiting(why) => json!({"event": "waiting", "why": why}),
        PullNews::Moving => json!({"event": "moving"}),
        _ => return None,
    })
}

fn copies(availability: &Availability) -> Value {
    // Runs of pieces of which there are as many copies: how many pieces, how many copies.
    let runs = availability.copies.chunk_by(|one, next| one == next);
    let runs: Vec<[usize; 2]> =
        runs.filter_map(|run| Some([run.len(), usize::from(*run.first()?)])).collect();
    let peers = availability
        .peers
        .iter()
        .map(|(peer, have)| json!({"id": peer.to_string(), "have": have.ranges()}));
    json!({
        "event": "availability",
        "copies": runs,
        "peer": peers.collect::<Vec<Value>>(),
        "single": availability.single,
        "unavailable": availability.unavailable,
        "can_finish": availability.can_finish(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use app::event::Event;
    use app::ports::{Availability, PullNews};
    use serde_json::{Value, json};
    use verifier::Bitfield;
    use verifier::identity::SigningKey;

    use super::line;

    #[test]
    fn copies_are_told_in_runs_and_what_each_peer_has_in_ranges() {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let mut have = Bitfield::empty(6);
        have.insert_range(1, 3);
        let availability = Availability {
            copies: vec![0, 1, 1, 1, 0, 0],
            peers: vec![(peer, have)],
            single: 3,
            unavailable: 2,
        };
        let event = Event::Peers(PullNews::Availability(Arc::new(availability)));
        let told: Value = serde_json::from_str(&line(&event).unwrap()).unwrap();
        let expected = json!({
            "event": "availability",
            "copies": [[1, 0], [3, 1], [2, 0]],
            "peer": [{"id": peer.to_string(), "have": [[1, 3]]}],
            "single": 3,
            "unavailable": 2,
            "can_finish": false,
        });
        assert_eq!(told, expected);
        assert_eq!(line(&Event::Evicted(Vec::new())), None);
    }
}
