//! What must hold of an import.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::Moment;
use engine::import::{Connection, Consent, Effect, Input, News};
use engine::wire::{Frame, Refuse};
use verifier::Geometry;

/// The most bytes in flight, whatever is set.
const IN_FLIGHT_MOST: u64 = 48 << 20;
/// Nothing comes for so long without a sentence.
const SENTENCE: Duration = Duration::from_millis(2_100);

/// What must hold of an import.
#[derive(Debug)]
pub struct Importing {
    geometry: Geometry,
    limit: u64,
    /// What may be in flight after the limit was lowered, until it has come.
    bound: u64,
    alive: BTreeMap<Connection, Asks>,
    /// How many are asked for each piece, cancelled asks not counted.
    askers: BTreeMap<u32, u32>,
    /// Bytes that are asked for, or will be if consent covers them.
    flight: u64,
    /// What arrived and is not settled, and whether it is on its way to the disk.
    settling: BTreeMap<(Connection, u32), bool>,
    settling_bytes: u64,
    judged: BTreeSet<(Connection, u32)>,
    progress: Moment,
    waiting: bool,
    over: bool,
}

/// What was asked on one connection.
#[derive(Debug, Default)]
struct Asks {
    connected: bool,
    /// The piece of which a block is coming.
    coming: Option<u32>,
    /// In the order of asking: the piece, whether it is cancelled, how much of it is to come.
    open: Vec<(u32, bool, u64)>,
    spending: Option<u64>,
    covered: u64,
}

impl Importing {
    /// Nothing has happened; at most so many bytes may be in flight.
    pub const fn new(geometry: Geometry, limit: u64) -> Self {
        Self {
            geometry,
            limit,
            bound: limit,
            alive: BTreeMap::new(),
            askers: BTreeMap::new(),
            flight: 0,
            settling: BTreeMap::new(),
            settling_bytes: 0,
            judged: BTreeSet::new(),
            progress: Moment::START,
            waiting: false,
            over: false,
        }
    }

    /// From now on at most so many bytes may be in flight, and what is until it came.
    pub fn limit(&mut self, in_flight: u64) {
        self.limit = in_flight;
        self.bound = self.bound.max(self.flight + self.settling_bytes);
    }

    /// Bytes came, or time did not count.
    pub const fn moved(&mut self, now: Moment) {
        self.progress = now;
    }

    /// That goes in now.
    pub fn input(&mut self, input: &Input, now: Moment) {
        match input {
            Input::Connected(connection) => {
                if let Some(asks) = self.alive.get_mut(connection) {
                    asks.connected = true;
                }
            }
            Input::NoSlot(connection) | Input::Ended(connection, _) => self.end(*connection),
            Input::Frame(connection, frame) => match frame {
                Frame::Refuse(Refuse { index: Some(index), .. }) => {
                    self.answered(*connection, *index)
                }
                Frame::Opened(_) => self.progress = now,
                Frame::Block(head) => {
                    if let Some(asks) = self.alive.get_mut(connection) {
                        asks.coming = Some(head.index);
                    }
                }
                Frame::Digests(_) | Frame::Proof(_) => {
                    if let Some(asks) = self.alive.get_mut(connection) {
                        asks.coming = None;
                    }
                }
                _ => {}
            },
            Input::Received(connection, bytes) => {
                self.progress = now;
                self.block(*connection, u64::from(*bytes));
            }
            Input::Judged(connection, index, verdict) => {
                let key = (*connection, index.get());
                match verdict {
                    Ok(()) => drop(self.judged.insert(key)),
                    Err(_) => self.settled(key),
                }
            }
            Input::Spent(connection, consent) => {
                if let Some(asks) = self.alive.get_mut(connection) {
                    let bytes = asks.spending.take().unwrap_or(0);
                    self.flight -= bytes;
                    asks.covered += if *consent == Consent::Given { bytes } else { 0 };
                }
            }
            Input::Settled(index, _) => {
                self.progress = now;
                let key = self
                    .settling
                    .iter()
                    .find(|((_, piece), delivered)| *piece == index.get() && **delivered);
                if let Some(key) = key.map(|(key, _)| *key) {
                    self.settled(key);
                }
            }
            Input::Stop => self.over = true,
            _ => {}
        }
    }

    /// That came out.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn effect(&mut self, effect: &Effect) -> Result<(), String> {
        if self.over && !matches!(effect, Effect::HangUp(_) | Effect::Send(_, Frame::Close(_))) {
            let after = matches!(effect, Effect::Tell(_) | Effect::Discard(..) | Effect::Done(_));
            return if after { Ok(()) } else { Err(format!("after the end: {effect:?}")) };
        }
        match effect {
            Effect::Call(connection) => {
                if self.alive.keys().any(|alive| alive.peer == connection.peer) {
                    return Err(format!("{connection:?}: called while another call is open"));
                }
                self.alive.insert(*connection, Asks::default());
            }
            Effect::Send(connection, frame) => return self.sent(*connection, frame),
            Effect::Receive(connection, _) | Effect::Prove(connection) => {
                self.alive(*connection, effect)?;
            }
            Effect::Judge(connection, index, _) => {
                self.alive(*connection, effect)?;
                self.settling.insert((*connection, index.get()), false);
                self.settling_bytes += u64::from(self.geometry.length(*index));
            }
            Effect::Deliver(connection, index) => {
                let key = (*connection, index.get());
                if !self.judged.remove(&key) {
                    return Err(format!("{connection:?}: piece {} is kept unjudged", index.get()));
                }
                if self.settling.insert(key, true).is_none() {
                    self.settling_bytes += u64::from(self.geometry.length(*index));
                }
            }
            Effect::Discard(connection, index) => self.settled((*connection, index.get())),
            Effect::Spend(connection, bytes, _) => {
                let asks = self.alive(*connection, effect)?;
                if asks.spending.replace(*bytes).is_some() {
                    return Err(format!("{connection:?}: two questions for consent at once"));
                }
                self.flight += bytes;
            }
            Effect::Release(..) => {}
            Effect::HangUp(connection) => {
                self.alive(*connection, effect)?;
                self.end(*connection);
            }
            Effect::Tell(News::Waiting(sentence)) => {
                self.waiting = true;
                if sentence.trim().is_empty() {
                    return Err("an empty sentence".to_owned());
                }
            }
            Effect::Tell(News::Moving) => self.waiting = false,
            Effect::Tell(_) => {}
            Effect::Done(_) => self.over = true,
        }
        Ok(())
    }

    /// What must hold once all that comes out is taken out.
    ///
    /// # Errors
    ///
    /// The rule that is broken.
    pub fn check(&mut self, now: Moment) -> Result<(), String> {
        let used = self.flight + self.settling_bytes;
        let least = self.geometry.piece_size();
        let limit = self.limit.min(IN_FLIGHT_MOST).max(u64::from(least));
        self.bound = self.bound.min(used).max(limit);
        if used > self.bound {
            return Err(format!("{used} bytes are in flight, of {limit} that may be"));
        }
        if !self.over && !self.waiting && now.since(self.progress) > SENTENCE {
            return Err("it waits and says nothing".to_owned());
        }
        Ok(())
    }

    fn alive(&mut self, connection: Connection, effect: &Effect) -> Result<&mut Asks, String> {
        let over = || format!("of a connection that is over: {effect:?}");
        self.alive.get_mut(&connection).ok_or_else(over)
    }

    fn sent(&mut self, connection: Connection, frame: &Frame) -> Result<(), String> {
        let over = || format!("{connection:?} is over or not there yet: {frame:?}");
        let asks =
            self.alive.get_mut(&connection).filter(|asks| asks.connected).ok_or_else(over)?;
        match frame {
            Frame::Ask(index) | Frame::AskProven(index) => {
                if asks.open.iter().any(|(open, ..)| open == index) {
                    return Err(format!("{connection:?}: piece {index} is asked twice"));
                }
                let piece = self.geometry.index(*index).ok_or("a piece that does not exist")?;
                let bytes = u64::from(self.geometry.length(piece));
                asks.open.push((*index, false, bytes));
                asks.covered = asks
                    .covered
                    .checked_sub(bytes)
                    .ok_or_else(|| format!("{connection:?}: piece {index} is asked unconsented"))?;
                self.flight += bytes;
                let askers = self.askers.entry(*index).or_default();
                *askers += 1;
                if *askers > 2 {
                    return Err(format!("piece {index} is asked of {askers}"));
                }
            }
            Frame::Cancel(index) => {
                let open =
                    asks.open.iter_mut().find(|(open, cancelled, _)| open == index && !cancelled);
                let Some((_, cancelled, _)) = open else {
                    return Err(format!("{connection:?}: piece {index} is cancelled unasked"));
                };
                *cancelled = true;
                self.given_back(*index);
            }
            _ => {}
        }
        Ok(())
    }

    fn block(&mut self, connection: Connection, length: u64) {
        let Some(asks) = self.alive.get_mut(&connection) else { return };
        let Some(index) = asks.coming else { return };
        let Some((_, _, left)) = asks.open.iter_mut().find(|(open, ..)| *open == index) else {
            return;
        };
        *left = left.saturating_sub(length);
        if *left == 0 {
            self.answered(connection, index);
        }
    }

    /// The piece is not asked of that one any more.
    fn answered(&mut self, connection: Connection, index: u32) {
        let Some(asks) = self.alive.get_mut(&connection) else { return };
        let Some(at) = asks.open.iter().position(|(open, ..)| *open == index) else { return };
        let (_, cancelled, _) = asks.open.remove(at);
        if !cancelled {
            self.given_back(index);
        }
    }

    fn given_back(&mut self, index: u32) {
        let piece = self.geometry.index(index);
        self.flight -= piece.map_or(0, |piece| u64::from(self.geometry.length(piece)));
        if let Some(askers) = self.askers.get_mut(&index) {
            *askers -= 1;
            if *askers == 0 {
                self.askers.remove(&index);
            }
        }
    }

    fn settled(&mut self, key: (Connection, u32)) {
        if self.settling.remove(&key).is_some() {
            let piece = self.geometry.index(key.1);
            self.settling_bytes -= piece.map_or(0, |piece| u64::from(self.geometry.length(piece)));
        }
    }

    fn end(&mut self, connection: Connection) {
        let Some(asks) = self.alive.remove(&connection) else { return };
        self.flight -= asks.spending.unwrap_or(0);
        for (index, cancelled, _) in asks.open {
            if !cancelled {
                self.given_back(index);
            }
        }
    }
}
