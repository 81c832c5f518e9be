//! What is true of an import after every input.

use std::collections::BTreeMap;

use crate::import::Engine;
use crate::import::pieces::Flight;

impl Engine {
    /// Walks through everything that has to be true between two inputs. It looks at every peer and
    /// piece in flight: for tests, simulations and fuzzing.
    ///
    /// # Errors
    ///
    /// What is not true, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        let mut asked: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let (mut spending, mut owed) = (0, 0);
        for (number, peer) in self.numbers().zip(&self.peers) {
            let label = &peer.label;
            let live = peer.is_left();
            if live && peer.timer.is_none() {
                return Err(format!("{label} is waited for without a deadline"));
            }
            if let (Some(timer), Some((due, _))) = (peer.timer, peer.deadline())
                && timer > due
            {
                return Err(format!("{label} is looked at too late"));
            }
            let Some(session) = peer.session() else { continue };
            let mut open: Vec<_> = session.asks.iter().map(|ask| ask.index).collect();
            for index in session.batch.iter().flat_map(|batch| &batch.pieces) {
                spending += u64::from(self.pieces.length(*index));
                asked.entry(*index).or_default().push(number);
                open.push(*index);
            }
            open.sort_unstable();
            if open.windows(2).any(|two| two.first() == two.last()) {
                return Err(format!("{label} is asked for a piece twice at once"));
            }
            if session.asks.len() > session.most {
                return Err(format!("{label} is asked for more at a time than it takes"));
            }
            let mut mine = 0;
            for ask in session.asks.iter().filter(|ask| !ask.cancelled) {
                mine += u64::from(ask.length);
                asked.entry(ask.index).or_default().push(number);
            }
            if mine != session.owed {
                return Err(format!("{label} owes {mine} bytes, not {}", session.owed));
            }
            owed += mine;
        }
        self.check_flight(asked)?;
        if (spending, owed) != (self.budget.spending, self.budget.asked) {
            return Err(format!("{spending} and {owed} bytes are asked, not {:?}", self.budget));
        }
        self.check_rest()
    }

    fn check_flight(&self, mut asked: BTreeMap<u32, Vec<u32>>) -> Result<(), String> {
        let mut unsettled = 0;
        for (index, at) in self.pieces.in_flight() {
            let askers = asked.remove(&index).unwrap_or_default();
            let expected = match at {
                Flight::Asked { first, second } => {
                    let mut expected: Vec<_> = std::iter::once(first).chain(second).collect();
                    expected.sort_unstable();
                    expected
                }
                Flight::Arrived(_) | Flight::Verified(_) => {
                    unsettled += u64::from(self.pieces.length(index));
                    Vec::new()
                }
            };
            if askers != expected {
                return Err(format!("piece {index} is asked of {askers:?}, not {expected:?}"));
            }
        }
        if let Some((index, askers)) = asked.pop_first() {
            return Err(format!("piece {index} is asked of {askers:?}, and is not in flight"));
        }
        if unsettled != self.budget.unsettled {
            return Err(format!("{unsettled} bytes are unsettled, not {:?}", self.budget));
        }
        Ok(())
    }

    fn check_rest(&self) -> Result<(), String> {
        let flight = u32::try_from(self.pieces.in_flight().count()).unwrap_or(u32::MAX);
        if self.pieces.missing() + flight != self.pieces.left() {
            return Err("a piece is neither missing, in flight nor kept".to_owned());
        }
        if self.budget.used() > self.budget.ceiling() {
            return Err(format!("too much is in flight: {:?}", self.budget));
        }
        if self.effects.is_empty() && self.deadline().is_none() {
            return Err("something is waited for without a deadline".to_owned());
        }
        Ok(())
    }
}
