//! Who may come in, and who makes way.
//!
//! Callers that have not shown who they are have a few places of their own, fewer for one address,
//! and the oldest makes way: they keep out nobody who did. A caller that showed who it is takes one
//! of the connections, two at most for one peer. A third may say what it opens, and then a dead one
//! of its own makes way for it: one that opened the same, or that is quiet.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use verifier::Sha256;
use verifier::identity::PeerId;

use super::caller::{Call, Line, Opening, State};
use super::fairness::Share;
use super::{Caller, Effect, News, TurnedAway, Uploads};
use crate::ending::{Ending, Fate};
use crate::wire::{Frame, Hello, MAX_ASKS, VERSION, close};

/// The most of them that come from one address.
pub(super) const OF_ONE_ADDRESS: usize = 8;
/// The most connections of one peer, beside one that has not said what it opens.
pub(super) const OF_ONE_PEER: usize = 2;
/// How long a connection has to be quiet before it makes way for another of its peer.
const QUIET: Duration = Duration::from_secs(4);
/// How long a caller has to want nothing before it makes way where all places are taken.
const IDLE: Duration = Duration::from_secs(30);
/// How long a caller that is hung up on may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

impl Uploads {
    pub(super) fn called(&mut self, caller: Caller, from: IpAddr) {
        if self.callers.contains_key(&caller) {
            return;
        }
        let call = Call { origin: origin(from), state: State::Handshaking { since: self.now } };
        self.stay_outside(caller, call);
    }

    /// Takes in a caller without a place. Where there are too many, the oldest of its address makes
    /// way, or the oldest of all.
    fn stay_outside(&mut self, caller: Caller, call: Call) {
        let of_origin = |other: &&Caller| {
            self.callers.get(other).is_some_and(|other| other.origin == call.origin)
        };
        let oldest = if self.outside.iter().filter(of_origin).count() >= OF_ONE_ADDRESS {
            self.outside.iter().find(of_origin)
        } else if self.outside.len() >= (self.limits.handshakes as usize).max(1) {
            self.outside.front()
        } else {
            None
        };
        if let Some(oldest) = oldest.copied() {
            self.cut(oldest, Some(TurnedAway::MadeWay));
        }
        self.outside.push_back(caller);
        self.callers.insert(caller, call);
    }

    /// Ends a connection without a place, and says why if that was not said before.
    pub(super) fn cut(&mut self, caller: Caller, why: Option<TurnedAway>) {
        let call = self.forget(caller);
        self.effects.push_back(Effect::HangUp(caller, Duration::ZERO));
        if let (Some(Call { state: State::Handshaking { .. }, .. }), Some(why)) = (call, why) {
            self.tell(News::TurnedAway(caller, None, why));
        }
    }

    pub(super) fn proved(&mut self, caller: Caller, peer: PeerId) {
        let state = self.callers.get(&caller).map(|call| &call.state);
        let Some(State::Handshaking { .. }) = state else { return };
        // Whoever makes way for it may be told why, and that takes a place outside.
        self.outside.retain(|other| *other != caller);
        match self.make_room(peer) {
            Ok(()) => self.let_in(caller, peer),
            Err(busy) => {
                self.tell(News::TurnedAway(caller, Some(peer), busy));
                self.leave(caller, Some(close::BUSY));
            }
        }
    }

    fn let_in(&mut self, caller: Caller, peer: PeerId) {
        let now = self.now;
        self.peers.retain(|_, share| share.connections > 0 || !share.bucket.is_full(now));
        let share = self.peers.entry(peer).or_insert_with(|| Share::new(self.limits.peer, now));
        share.connections += 1;
        if let Some(call) = self.callers.get_mut(&caller) {
            call.state = State::Opening(Line::new(peer, now), Opening::default());
        }
        self.tell(News::Called(peer));
        self.say(caller, Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS }));
    }

    /// Sees to it that there is a place for one connection more of the peer.
    fn make_room(&mut self, peer: PeerId) -> Result<(), TurnedAway> {
        let lines = self.callers.values().filter_map(Call::line);
        let own = lines.clone().filter(|line| line.peer == peer).count();
        let taken = u32::try_from(lines.count()).unwrap_or(u32::MAX);
        let is_full = taken >= self.limits.connections;
        if own < OF_ONE_PEER && !is_full || self.ends_quiet(peer) {
            return Ok(());
        }
        if own == OF_ONE_PEER && !is_full {
            // What it opens says whether one of them is over.
            return Ok(());
        }
        if own >= OF_ONE_PEER {
            return Err(TurnedAway::PeerBusy);
        }
        // Where the limit was lowered, one that makes way would not be enough.
        let slow = self.slowest().filter(|_| taken == self.limits.connections);
        self.hang_up(slow.ok_or(TurnedAway::Busy)?, TurnedAway::TooSlow, close::BUSY);
        Ok(())
    }

    /// Whether a caller that says what it opens may stay: where its peer has two older connections,
    /// the oldest one to the same artifact makes way, for an import calls anew only once it has given
    /// up the connection before; or one that is quiet.
    pub(super) fn finds_place(&mut self, caller: Caller, peer: PeerId, artifact: Sha256) -> bool {
        let older = self.callers.range(..caller);
        let own = older.filter(|(_, call)| call.line().is_some_and(|line| line.peer == peer));
        if own.clone().count() < OF_ONE_PEER {
            return true;
        }
        let mut same = own.filter(|(_, call)| call.artifact() == Some(artifact));
        if let Some(before) = same.next().map(|(before, _)| *before) {
            self.hang_up(before, TurnedAway::CalledAgain, close::DONE);
            return true;
        }
        let is_in = self.ends_quiet(peer);
        if !is_in {
            self.hang_up(caller, TurnedAway::PeerBusy, close::BUSY);
        }
        is_in
    }

    /// Hangs up on the connection of the peer that is quiet for longest, if there is one.
    fn ends_quiet(&mut self, peer: PeerId) -> bool {
        let lines = self.callers.iter().filter_map(|(caller, call)| Some((*caller, call.line()?)));
        let own = lines.filter(|(_, line)| line.peer == peer);
        let quietest = own.map(|(caller, line)| (line.active(), caller)).min();
        let quiet = quietest.filter(|(active, _)| self.now.since(*active) >= QUIET);
        if let Some((_, caller)) = quiet {
            self.hang_up(caller, TurnedAway::Ended(Ending::Silent), close::IDLE);
        }
        quiet.is_some()
    }

    /// A caller that takes next to nothing, although it could, or wants nothing for long.
    fn slowest(&self) -> Option<Caller> {
        let since = |call: &Call| {
            let State::Open(line, session) = &call.state else { return None };
            if line.outbox.is_below_floor(self.now) {
                return Some(line.outbox.taken_at());
            }
            session.idle.filter(|since| self.now.since(*since) >= IDLE)
        };
        let slow = self.callers.iter().filter_map(|(caller, call)| Some((since(call)?, *caller)));
        slow.min().map(|(_, caller)| caller)
    }

    /// Hangs up on a caller that was let in.
    pub(super) fn hang_up(&mut self, caller: Caller, why: TurnedAway, code: u16) {
        let peer = self.callers.get(&caller).and_then(Call::line).map(|line| line.peer);
        self.tell(News::TurnedAway(caller, peer, why));
        self.leave(caller, Some(code));
    }

    /// The caller broke the protocol.
    pub(super) fn fault(&mut self, caller: Caller, ending: Ending) {
        self.hang_up(caller, TurnedAway::Ended(ending), close::FAULT);
    }

    /// The caller said nothing for too long, or took nothing.
    pub(super) fn idle(&mut self, caller: Caller) {
        self.hang_up(caller, TurnedAway::Ended(Ending::Silent), close::IDLE);
    }

    /// Ends a connection after what was to be sent, and a last word.
    pub(super) fn leave(&mut self, caller: Caller, code: Option<u16>) {
        let Some(Call { origin, .. }) = self.forget(caller) else { return };
        if let Some(code) = code {
            self.effects.push_back(Effect::Send(caller, Frame::Close(code)));
        }
        self.effects.push_back(Effect::HangUp(caller, FAREWELL));
        let until = self.now + FAREWELL;
        self.stay_outside(caller, Call { origin, state: State::Leaving { until } });
    }

    pub(super) fn ended(&mut self, caller: Caller, ending: Ending) {
        let Some(call) = self.callers.get(&caller) else { return };
        match &call.state {
            State::Opening(..) | State::Open(..) if matches!(ending.fate(), Fate::Ban(_)) => {
                self.fault(caller, ending);
            }
            State::Handshaking { .. } => {
                self.forget(caller);
                // One that was faster at another address hangs up in the handshake.
                if ending != Ending::HungUp {
                    self.tell(News::TurnedAway(caller, None, TurnedAway::Ended(ending)));
                }
            }
            State::Opening(..) | State::Open(..) | State::Leaving { .. } => {
                self.forget(caller);
            }
        }
    }

    /// Takes a caller out of everything; says that it left if it was let in.
    pub(super) fn forget(&mut self, caller: Caller) -> Option<Call> {
        let call = self.callers.remove(&caller)?;
        self.outside.retain(|other| *other != caller);
        if let Some(peer) = call.line().map(|line| line.peer) {
            self.want(caller, peer, false);
            self.turns.ready.remove(&caller);
            if let Some(share) = self.peers.get_mut(&peer) {
                share.connections = share.connections.saturating_sub(1);
            }
            self.tell(News::Left(peer));
        }
        Some(call)
    }
}

/// What counts as one address: of IPv6, the network that one customer gets.
fn origin(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip @ IpAddr::V4(_) => ip,
    }
}
