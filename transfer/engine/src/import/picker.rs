//! Which piece next, and from whom: rarest first, ties in file order.
//!
//! Pure: no clock, no sockets. A piece is *missing* (nobody is asked), *asked* (of one peer, or
//! of two at the end) or *arrived*. How fast a peer is comes in as a number.

mod bits;

use std::collections::{BTreeMap, VecDeque};

use verifier::{Bitfield, Geometry, PieceIndex};

use bits::Bits;

/// A peer's place at the table, from 0.
pub(crate) type Seat = usize;

/// Chooses pieces for any number of peers, without looking at every piece to choose one.
#[derive(Debug)]
pub(crate) struct Picker {
    geometry: Geometry,
    /// Pieces that have not arrived.
    wanted: Bits,
    /// By how many peers have it, the missing pieces.
    missing: Vec<Bits>,
    /// Per piece, how many peers have it.
    rarity: Vec<u16>,
    asked: BTreeMap<u32, Askers>,
    peers: Vec<Option<Peer>>,
}

#[derive(Debug)]
struct Peer {
    have: Bits,
    /// Per rarity, under which index no missing piece of that rarity is had by this peer.
    hints: Vec<u32>,
    /// What is asked of it, in the order of asking.
    queue: VecDeque<u32>,
    rate: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Askers {
    first: Seat,
    second: Option<Seat>,
}

/// A piece that another peer is asked already, and too slow with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// The slow peer has not come to it yet and need not be asked any more.
    TakeOver(PieceIndex, Seat),
    /// The slow peer is sending it; whichever comes first wins.
    Race(PieceIndex),
}

impl Second {
    pub(crate) const fn index(self) -> PieceIndex {
        match self {
            Self::TakeOver(index, _) | Self::Race(index) => index,
        }
    }
}

/// What an arrival means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Whether the piece was still wanted.
    pub(crate) wanted: bool,
    /// Who else is asked for it and need not send it.
    pub(crate) cancel: Option<Seat>,
}

impl Picker {
    /// Starts with these pieces missing and nobody to ask.
    pub(crate) fn new(geometry: Geometry, missing: &Bitfield) -> Self {
        let count = geometry.piece_count();
        let wanted = Bits::of(missing, count);
        let rarity = vec![0; geometry.piece_count() as usize];
        let missing = vec![wanted.clone()];
        Self { geometry, wanted, missing, rarity, asked: BTreeMap::new(), peers: Vec::new() }
    }

    /// How many pieces have not arrived.
    pub(crate) const fn left(&self) -> u32 {
        self.wanted.count()
    }

    /// How many pieces are neither asked nor arrived.
    pub(crate) fn missing(&self) -> u32 {
        self.missing.iter().map(Bits::count).sum()
    }

    /// How many of the pieces that have not arrived the peer has.
    pub(crate) fn has_wanted(&self, seat: Seat) -> u32 {
        self.peer(seat).map_or(0, |peer| self.wanted.common(&peer.have))
    }

    /// A peer sits down with what it has. Nobody may sit there.
    pub(crate) fn join(&mut self, seat: Seat, have: &Bitfield) {
        if self.peers.len() <= seat {
            self.peers.resize_with(seat + 1, || None);
        }
        let count = self.geometry.piece_count();
        let have = Bits::of(have, count);
        for index in have.iter() {
            self.change_rarity(index, 1);
        }
        let peer = Peer { have, hints: Vec::new(), queue: VecDeque::new(), rate: None };
        if let Some(place) = self.peers.get_mut(seat) {
            *place = Some(peer);
        }
    }

    /// A peer leaves; what only it was asked for is missing again.
    pub(crate) fn leave(&mut self, seat: Seat) {
        self.release_all(seat);
        let Some(peer) = self.peers.get_mut(seat).and_then(Option::take) else { return };
        for index in peer.have.iter() {
            self.change_rarity(index, -1);
        }
    }

    /// A piece has landed at a peer.
    pub(crate) fn have(&mut self, seat: Seat, index: PieceIndex) {
        let new = self.peer_mut(seat).is_some_and(|peer| peer.have.insert(index.get()));
        if new {
            self.change_rarity(index.get(), 1);
        }
    }

    /// A peer turned out not to have a piece, or to be unable to send it.
    pub(crate) fn lacks(&mut self, seat: Seat, index: PieceIndex) {
        self.release(seat, index);
        let gone = self.peer_mut(seat).is_some_and(|peer| peer.have.remove(index.get()));
        if gone {
            self.change_rarity(index.get(), -1);
        }
    }

    /// Says how many bytes a second a peer sends, if that is known yet.
    pub(crate) fn set_rate(&mut self, seat: Seat, rate: Option<u64>) {
        if let Some(peer) = self.peer_mut(seat) {
            peer.rate = rate;
        }
    }

    /// Chooses the next missing piece for a peer and counts it as asked.
    pub(crate) fn pick(&mut self, seat: Seat) -> Option<PieceIndex> {
        let peer = self.peers.get_mut(seat)?.as_mut()?;
        peer.hints.resize(self.missing.len(), 0);
        let found = self.missing.iter().zip(&mut peer.hints).skip(1).find_map(|(bits, hint)| {
            let found = bits.first_common(&peer.have, *hint);
            *hint = found.unwrap_or(self.geometry.piece_count());
            found
        });
        let index = self.geometry.index(found?)?;
        self.take(index.get());
        self.ask(seat, index.get());
        Some(index)
    }

    /// Chooses, when nothing missing is left for a peer, a piece that another is too slow with,
    /// and counts it as asked of both.
    ///
    /// Another is too slow with a piece if it needs more than twice as long to come to its end
    /// as this peer would need, going by what both have sent.
    pub(crate) fn second(&mut self, seat: Seat) -> Option<Second> {
        let this = self.peer(seat)?;
        let mine = u128::try_from(this.queue.len() + 1).ok()?;
        let my_rate = u128::from(this.rate?);
        // (pieces before its end, slowness of its peer) as a fraction pieces / rate
        let mut worst: Option<(u128, u128, u32, Seat)> = None;
        for (other, peer) in self.peers.iter().enumerate() {
            let Some(peer) = peer.as_ref().filter(|_| other != seat) else { continue };
            let Some(rate) = peer.rate.map(u128::from) else { continue };
            let last = peer.queue.iter().enumerate().rev().find(|(_, index)| {
                this.have.contains(**index)
                    && self.asked.get(*index).is_some_and(|askers| askers.second.is_none())
            });
            let Some((position, index)) = last else { continue };
            let pieces = u128::try_from(position + 1).ok()?;
            let too_slow = pieces * my_rate > 2 * mine * rate;
            let slower = worst.is_none_or(|(worst, its_rate, ..)| pieces * its_rate > worst * rate);
            if too_slow && slower {
                worst = Some((pieces, rate, *index, other));
            }
        }
        let (pieces, _, index, other) = worst?;
        let index = self.geometry.index(index)?;
        if let Some(askers) = self.asked.get_mut(&index.get()) {
            askers.second = Some(seat);
        }
        if let Some(peer) = self.peer_mut(seat) {
            peer.queue.push_back(index.get());
        }
        Some(if pieces > 1 { Second::TakeOver(index, other) } else { Second::Race(index) })
    }

    /// A piece arrived from a peer, and was judged to be right.
    pub(crate) fn arrived(&mut self, seat: Seat, index: PieceIndex) -> Arrived {
        let wanted = self.wanted.remove(index.get());
        if !wanted {
            self.release(seat, index);
            return Arrived { wanted, cancel: None };
        }
        self.take(index.get());
        let askers = self.asked.remove(&index.get());
        let mut cancel = None;
        for asker in askers.into_iter().flat_map(Askers::seats) {
            if let Some(peer) = self.peer_mut(asker) {
                peer.queue.retain(|queued| *queued != index.get());
            }
            if asker != seat {
                cancel = Some(asker);
            }
        }
        Arrived { wanted, cancel }
    }

    /// A piece is no longer asked of a peer; it is missing again unless another is asked too.
    pub(crate) fn release(&mut self, seat: Seat, index: PieceIndex) {
        self.release_one(seat, index.get());
    }

    /// Nothing is asked of a peer any more; what it was asked, in the order of asking.
    pub(crate) fn release_all(&mut self, seat: Seat) -> Vec<u32> {
        let queue = self.peer(seat).map(|peer| Vec::from(peer.queue.clone())).unwrap_or_default();
        for index in &queue {
            self.release_one(seat, *index);
        }
        queue
    }

    fn release_one(&mut self, seat: Seat, index: u32) {
        if let Some(peer) = self.peer_mut(seat) {
            peer.queue.retain(|queued| *queued != index);
        }
        let Some(askers) = self.asked.get_mut(&index) else { return };
        match *askers {
            Askers { first, second: Some(second) } if first == seat => {
                *askers = Askers { first: second, second: None };
            }
            Askers { second: Some(second), .. } if second == seat => askers.second = None,
            Askers { first, second: None } if first == seat => {
                self.asked.remove(&index);
                self.put(index);
            }
            Askers { .. } => {}
        }
    }

    fn ask(&mut self, seat: Seat, index: u32) {
        self.asked.insert(index, Askers { first: seat, second: None });
        if let Some(peer) = self.peer_mut(seat) {
            peer.queue.push_back(index);
        }
    }

    /// Takes a piece out of the missing ones, if it is there.
    fn take(&mut self, index: u32) {
        let rarity = self.rarity.get(index as usize).copied().unwrap_or(0);
        if let Some(bits) = self.missing.get_mut(usize::from(rarity)) {
            bits.remove(index);
        }
    }

    /// Puts a piece among the missing ones, if it has not arrived.
    fn put(&mut self, index: u32) {
        if !self.wanted.contains(index) {
            return;
        }
        let rarity = usize::from(self.rarity.get(index as usize).copied().unwrap_or(0));
        while self.missing.len() <= rarity {
            self.missing.push(Bits::empty(self.geometry.piece_count()));
        }
        if let Some(bits) = self.missing.get_mut(rarity) {
            bits.insert(index);
        }
        for peer in self.peers.iter_mut().flatten() {
            if let Some(hint) = peer.hints.get_mut(rarity) {
                *hint = (*hint).min(index);
            }
        }
    }

    fn change_rarity(&mut self, index: u32, by: i16) {
        let Some(rarity) = self.rarity.get_mut(index as usize) else { return };
        let was = usize::from(*rarity);
        *rarity = rarity.saturating_add_signed(by);
        if self.missing.get_mut(was).is_some_and(|bits| bits.remove(index)) {
            self.put(index);
        }
    }

    fn peer(&self, seat: Seat) -> Option<&Peer> {
        self.peers.get(seat)?.as_ref()
    }

    fn peer_mut(&mut self, seat: Seat) -> Option<&mut Peer> {
        self.peers.get_mut(seat)?.as_mut()
    }
}

impl Askers {
    fn seats(self) -> impl Iterator<Item = Seat> {
        std::iter::once(self.first).chain(self.second)
    }
}

#[cfg(test)]
mod tests;
