//! What always holds.

use std::collections::{BTreeMap, BTreeSet};

use super::admission::{OF_ONE_ADDRESS, OF_ONE_PEER};
use super::caller::State;
use super::{Uploads, Why};

impl Uploads {
    /// Looks whether all that always holds does; meant for tests and simulations, after each input.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        let mut outside = BTreeSet::new();
        let (mut origins, mut peers) = (BTreeMap::new(), BTreeMap::new());
        let (mut wanting, mut opened) = (BTreeSet::new(), BTreeMap::new());
        for (caller, call) in &self.callers {
            if let Some(line) = call.line() {
                *peers.entry(line.peer).or_insert(0) += 1;
                if call.artifact().is_some() {
                    *opened.entry(line.peer).or_insert(0) += 1;
                }
                line.outbox.check()?;
            } else {
                outside.insert(*caller);
                *origins.entry(call.origin).or_insert(0) += 1;
            }
            if let State::Open(_, session) = &call.state {
                // Others may have begun to want something since the pieces were read.
                session.asks.check(Self::READ_AHEAD)?;
                if session.wants() {
                    wanting.insert(*caller);
                }
                if session.wants() == session.idle.is_some() {
                    return Err(format!("{caller:?} is idle and wants something, or neither"));
                }
            }
        }
        holds(origins.values().all(|count| *count <= OF_ONE_ADDRESS), "too many of one address")?;
        holds(peers.values().all(|count| *count <= OF_ONE_PEER + 1), "too many of one peer")?;
        holds(opened.values().all(|count| *count <= OF_ONE_PEER), "too many of one peer are open")?;
        holds(
            self.outside.iter().copied().collect::<BTreeSet<_>>() == outside
                && self.outside.len() == outside.len(),
            "who has no place is not who stands outside",
        )?;
        holds(wanting == self.wanting, "who wants something is not who is noted")?;
        for (peer, share) in &self.peers {
            let connections = peers.get(peer).copied().unwrap_or(0);
            holds(share.connections as usize == connections, "connections are miscounted")?;
            holds(share.wanting <= share.connections, "more want something than are connected")?;
        }
        holds(peers.keys().all(|peer| self.peers.contains_key(peer)), "a peer has no share")?;
        let is_open = |caller| self.callers.get(caller).is_some_and(|call| call.open().is_some());
        holds(self.turns.ready.iter().all(is_open), "a caller is ready that sees nothing")?;
        let has_deadline = self.due.is_some_and(|(_, why)| why != Why::Effects);
        holds(self.callers.is_empty() || has_deadline, "somebody waits without a deadline")
    }
}

fn holds(what: bool, otherwise: &str) -> Result<(), String> {
    what.then_some(()).ok_or_else(|| otherwise.to_owned())
}
