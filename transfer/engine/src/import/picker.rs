//! Which missing piece next for a peer: rarest first, ties from this importer's own start on.
//!
//! Nothing here looks at every piece to choose one, or at every peer when a piece changes: missing
//! pieces lie in sets by how rare they are, and each peer remembers how far it has searched each.

mod bits;

use std::collections::BTreeSet;

use verifier::Bitfield;

pub(super) use bits::Bits;

/// Chooses among the missing pieces for any number of peers, which have numbers from 0.
#[derive(Debug)]
pub(super) struct Picker {
    count: u32,
    /// Where ties begin; they go on to the end and then from piece 0.
    start: u32,
    /// The missing pieces, the rarest first.
    levels: Vec<Level>,
    /// How many peers have everything.
    complete: u16,
    /// Per piece, how many of the other peers have it.
    partial: Vec<u16>,
    peers: Vec<Option<Have>>,
    /// How often what a peer has was changed.
    changes: u64,
}

/// Missing pieces that are about equally rare.
#[derive(Debug)]
struct Level {
    bits: Bits,
    /// The offsets from the start of pieces that were put in, in this era.
    put: Vec<u32>,
    era: u32,
}

#[derive(Debug)]
struct Have {
    /// Nothing if it has everything.
    bits: Option<Bits>,
    hints: Vec<Hint>,
}

/// Under which offset from the start no piece of a level is had by the peer, as of when so much of
/// what was put in that era had been looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Hint {
    offset: u32,
    era: u32,
    seen: usize,
}

/// How many levels there are.
const LEVELS: usize = 16;
/// How many places are looked at for one to go on from.
const LOOKS: u32 = 64;
/// How many pieces are looked at for a gap, or up to twice as many.
const SAMPLES: u32 = 512;
/// After how many pieces put into a level the peers search it anew.
const ERA: usize = 4_096;

/// The level of pieces that so many peers have: exact for the rare ones, coarse for the rest.
const fn level(peers: u16) -> usize {
    match peers {
        0..=8 => peers as usize,
        9..=11 => 9,
        12..=15 => 10,
        16..=23 => 11,
        24..=31 => 12,
        32..=63 => 13,
        64..=127 => 14,
        128.. => 15,
    }
}

impl Picker {
    /// Starts with these pieces missing and nobody to ask.
    pub(super) fn new(count: u32, start: u32, missing: &Bits) -> Self {
        let level = |at| Level {
            bits: if at == 0 { missing.clone() } else { Bits::empty(count) },
            put: Vec::new(),
            era: 0,
        };
        let levels = (0..LEVELS).map(level).collect();
        let start = if start < count { start } else { 0 };
        let partial = vec![0; count as usize];
        Self { count, start, levels, complete: 0, partial, peers: Vec::new(), changes: 0 }
    }

    /// How many pieces are missing.
    pub(super) fn missing(&self) -> u32 {
        self.levels.iter().map(|level| level.bits.count()).sum()
    }

    /// How many peers have a piece.
    pub(super) fn availability(&self, index: u32) -> u16 {
        self.complete.saturating_add(self.partial(index))
    }

    /// How often what peers have was changed: as long as it is the same, so is that.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether a peer has a piece.
    pub(super) fn has(&self, peer: u32, index: u32) -> bool {
        self.have(peer).is_some_and(|have| have.bits.as_ref().is_none_or(|b| b.contains(index)))
    }

    /// Whether a peer has all pieces.
    pub(super) fn has_all(&self, peer: u32) -> bool {
        let all = |bits: &Bits| bits.count() == self.count;
        self.have(peer).is_some_and(|have| have.bits.as_ref().is_none_or(all))
    }

    /// What a peer has; nothing if it has not joined.
    pub(super) fn have_map(&self, peer: u32) -> Option<Bitfield> {
        let bits = &self.have(peer)?.bits;
        let full = || Bitfield::full(self.count);
        Some(bits.as_ref().map_or_else(full, |bits| bits.field(self.count)))
    }

    /// How many pieces of a set a peer has.
    pub(super) fn common(&self, peer: u32, set: &Bits) -> u32 {
        let Some(have) = self.have(peer) else { return 0 };
        have.bits.as_ref().map_or(set.count(), |bits| bits.common(set))
    }

    /// A peer comes with what it has.
    pub(super) fn join(&mut self, peer: u32, have: &Bitfield) {
        self.leave(peer);
        self.changes += 1;
        let at = peer as usize;
        if self.peers.len() <= at {
            self.peers.resize_with(at + 1, || None);
        }
        let bits = (!have.is_full()).then(|| Bits::of(have, self.count));
        match &bits {
            Some(bits) => self.change_all(bits, 1),
            None => self.complete = self.complete.saturating_add(1),
        }
        if let Some(place) = self.peers.get_mut(at) {
            *place = Some(Have { bits, hints: vec![Hint::default(); LEVELS] });
        }
    }

    /// A peer goes.
    pub(super) fn leave(&mut self, peer: u32) {
        let Some(have) = self.peers.get_mut(peer as usize).and_then(Option::take) else { return };
        self.changes += 1;
        match have.bits {
            Some(bits) => self.change_all(&bits, -1),
            None => self.complete = self.complete.saturating_sub(1),
        }
    }

    /// A piece has landed at a peer; whether that is new.
    pub(super) fn landed(&mut self, peer: u32, index: u32) -> bool {
        let new = index < self.count
            && self
                .have_mut(peer)
                .and_then(|have| have.bits.as_mut())
                .is_some_and(|bits| bits.insert(index));
        if new {
            self.changes += 1;
            self.change(index, 1);
            // It may be missing and lie before what the peer has searched.
            let (level, offset) = (level(self.partial(index)), self.offset(index));
            if let Some(hint) = self.have_mut(peer).and_then(|have| have.hints.get_mut(level)) {
                hint.offset = hint.offset.min(offset);
            }
        }
        new
    }

    /// A peer turned out not to have a piece.
    pub(super) fn lacks(&mut self, peer: u32, index: u32) {
        let count = self.count;
        let Some(have) = self.have_mut(peer) else { return };
        if have.bits.is_none() {
            let all = Bits::of(&Bitfield::full(count), count);
            have.bits = Some(all.clone());
            self.complete = self.complete.saturating_sub(1);
            self.change_all(&all, 1);
        }
        let bits = self.have_mut(peer).and_then(|have| have.bits.as_mut());
        if bits.is_some_and(|bits| bits.remove(index)) {
            self.changes += 1;
            self.change(index, -1);
        }
    }

    /// The next missing piece for a peer that is none of these.
    pub(super) fn next(&mut self, peer: u32, but: &BTreeSet<u32>) -> Option<u32> {
        let (start, count) = (self.start, self.count);
        let have = self.peers.get_mut(peer as usize)?.as_mut()?;
        // Nobody but those who have everything has a piece of the first level.
        let rarest = usize::from(have.bits.is_some());
        let levels = self.levels.iter().zip(&mut have.hints).skip(rarest);
        for (level, hint) in levels {
            if level.bits.count() == 0 {
                continue;
            }
            hint.catch_up(level);
            let search = |offset: u32| {
                let turn = count - start;
                let bits = have.bits.as_ref();
                let first = level.bits.first(bits, start.saturating_add(offset).min(count), count);
                let first = first.map(|index| index - start);
                first.or_else(|| {
                    let from = offset.saturating_sub(turn);
                    level.bits.first(bits, from, start).map(|index| index + turn)
                })
            };
            let mut found = search(hint.offset);
            hint.offset = found.unwrap_or(count);
            while let Some(offset) = found {
                let index =
                    if offset < count - start { start + offset } else { offset + start - count };
                if !but.contains(&index) {
                    return Some(index);
                }
                found = search(offset + 1);
            }
        }
        None
    }

    /// Lets ties begin at another piece: one of the rarest that are missing, about as
    /// likely any as another where this piece is chance.
    pub(super) fn go_on_from(&mut self, from: u32) {
        let rarest = self.levels.iter().find(|level| level.bits.count() > 0);
        let Some(rarest) = rarest else { return };
        let looks = (0..LOOKS).map(|look| {
            let step = u64::from(self.count) * u64::from(look) / u64::from(LOOKS);
            u32::try_from((u64::from(from) + step) % u64::from(self.count.max(1))).unwrap_or(0)
        });
        let found = looks.into_iter().find(|at| rarest.bits.contains(*at));
        self.start = found.unwrap_or(from).min(self.count.saturating_sub(1));
        for level in &mut self.levels {
            level.put.clear();
            level.era = level.era.wrapping_add(1);
        }
    }

    /// Whether a peer has a piece that has not everything.
    pub(super) fn is_shared(&self, index: u32) -> bool {
        self.partial(index) > 0
    }

    /// Where the longest run of missing pieces begins that only those have who have everything, and its
    /// length; of several, the one that comes first from where ties begin. Of many pieces only some are
    /// looked at.
    pub(super) fn gap(&self) -> Option<(u32, u32)> {
        let rare = &self.levels.first()?.bits;
        let step = (self.count / SAMPLES).max(1);
        let place = |offset| (u64::from(self.start) + u64::from(offset)) % u64::from(self.count);
        let place = |offset| u32::try_from(place(offset)).unwrap_or(0);
        let (mut longest, mut run) = ((0, 0), (0, 0));
        for offset in (0..self.count).step_by(step as usize) {
            run = match (rare.contains(place(offset)), run) {
                (true, (_, 0)) => (offset, step),
                (true, (first, length)) => (first, length + step),
                (false, _) => (0, 0),
            };
            if run.1 > longest.1 {
                longest = run;
            }
        }
        (longest.1 > 0).then(|| (place(longest.0), longest.1))
    }

    /// Takes a piece out of the missing ones.
    pub(super) fn take(&mut self, index: u32) {
        let level = level(self.partial(index));
        if let Some(level) = self.levels.get_mut(level) {
            level.bits.remove(index);
        }
    }

    /// Puts a piece among the missing ones.
    pub(super) fn put(&mut self, index: u32) {
        let (level, offset) = (level(self.partial(index)), self.offset(index));
        let Some(level) = self.levels.get_mut(level) else { return };
        if !level.bits.insert(index) {
            return;
        }
        if level.put.len() >= ERA {
            level.put.clear();
            level.era = level.era.wrapping_add(1);
        }
        level.put.push(offset);
    }

    fn offset(&self, index: u32) -> u32 {
        index.checked_sub(self.start).unwrap_or_else(|| index + self.count - self.start)
    }

    fn change_all(&mut self, bits: &Bits, by: i16) {
        for index in bits.iter() {
            self.change(index, by);
        }
    }

    fn change(&mut self, index: u32, by: i16) {
        let Some(partial) = self.partial.get_mut(index as usize) else { return };
        let was = level(*partial);
        *partial = partial.saturating_add_signed(by);
        if was == level(*partial) {
            return;
        }
        if self.levels.get_mut(was).is_some_and(|level| level.bits.remove(index)) {
            self.put(index);
        }
    }

    fn partial(&self, index: u32) -> u16 {
        self.partial.get(index as usize).copied().unwrap_or(0)
    }

    fn have(&self, peer: u32) -> Option<&Have> {
        self.peers.get(peer as usize)?.as_ref()
    }

    fn have_mut(&mut self, peer: u32) -> Option<&mut Have> {
        self.peers.get_mut(peer as usize)?.as_mut()
    }
}

impl Hint {
    /// Takes in what was put into the level since the peer searched it.
    fn catch_up(&mut self, level: &Level) {
        if self.era != level.era {
            self.offset = 0;
        } else if let Some(new) = level.put.get(self.seen..) {
            self.offset = new.iter().copied().fold(self.offset, u32::min);
        }
        (self.era, self.seen) = (level.era, level.put.len());
    }
}

#[cfg(test)]
mod tests;
