//! How an import stands, as plain values.

use std::time::Duration;

use verifier::Bitfield;
use verifier::identity::PeerId;
use verifier::scalars::Label;

use crate::import::Engine;
use crate::import::peer::{Peer, State, Turn};
use crate::moment::Moment;

/// How an import stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Per piece, where it is.
    pub pieces: Vec<PieceState>,
    /// Per piece, how many connected peers have it.
    pub availability: Vec<u16>,
    /// Of how many pieces that have not arrived exactly one connected peer has a copy.
    pub single: u32,
    /// How many pieces that have not arrived no connected peer has.
    pub unavailable: u32,
    /// How many bytes have come of pieces that are asked for and not whole yet.
    pub coming: u64,
    /// Every peer, in the order in which they were added.
    pub peers: Vec<PeerSnapshot>,
    /// What is waited for, if nothing comes.
    pub waiting: Option<String>,
}

impl Snapshot {
    /// Whether the import can finish with the peers that are connected.
    pub const fn can_finish(&self) -> bool {
        self.unavailable == 0
    }
}

/// Where a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    /// Nobody is asked for it.
    Missing,
    /// One peer is asked for it, or two.
    Asked,
    /// All its bytes came, and are being judged.
    Arrived,
    /// It is what it should be, and on its way to the disk.
    Verified,
    /// It is on the disk, or was there before.
    Kept,
}

/// How one peer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSnapshot {
    /// The peer.
    pub id: PeerId,
    /// What the user calls it.
    pub label: Label,
    /// Where it is.
    pub state: PeerState,
    /// What it has; nothing while it is not connected.
    pub have: Option<Bitfield>,
    /// How many pieces it is asked for.
    pub asked: usize,
    /// How many it may be asked for at a time.
    pub window: usize,
    /// Bytes a second that it sends, if that is known.
    pub rate: Option<u64>,
    /// Bytes of verified pieces that it gave.
    pub given: u64,
}

/// Where a peer is. What is asked of it, how long it is waited for and what is said of it follow
/// from this alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerState {
    /// It is called again when so much time has passed; `why` it was left, to be read after its name.
    Waiting {
        /// How long.
        left: Duration,
        /// Why it was left; nothing before the first call.
        why: Option<String>,
    },
    /// It is called as soon as a connection is free.
    Queued,
    /// It is being called.
    Calling,
    /// It was asked to open the artifact.
    Learning,
    /// It is open and owes nothing.
    Idle,
    /// It owes pieces.
    Owes {
        /// For how long nothing of them came.
        quiet: Duration,
        /// Bytes that it owes.
        bytes: u64,
        /// Whether it sends less than the floor, and its pieces are asked of others.
        snubbed: bool,
    },
    /// It could be asked, but this side has no room for more, or has not answered for consent yet.
    Held,
    /// The user's consent does not cover asking it for more.
    Denied,
    /// It lied or broke the protocol.
    Banned {
        /// What it did, to be read after its name.
        why: String,
    },
    /// It is not called again in this import.
    Gone {
        /// Why, to be read after its name.
        why: String,
    },
}

impl Engine {
    /// How it stands.
    pub fn snapshot(&self) -> Snapshot {
        let count = self.geometry.piece_count();
        let mut pieces = vec![PieceState::Kept; count as usize];
        let flight = self.pieces.in_flight().map(|(index, at)| (index, at.state()));
        let wanted = self.pieces.wanted().map(|index| (index, PieceState::Missing));
        for (index, state) in wanted.chain(flight) {
            if let Some(place) = pieces.get_mut(index as usize) {
                *place = state;
            }
        }
        let (mut single, mut unavailable) = (0, 0);
        let to_come = |state: &PieceState| matches!(state, PieceState::Missing | PieceState::Asked);
        for (index, _) in (0..).zip(&pieces).filter(|(_, state)| to_come(state)) {
            match self.pieces.picker().availability(index) {
                0 => unavailable += 1,
                1 => single += 1,
                _ => {}
            }
        }
        let availability = (0..count).map(|index| self.pieces.picker().availability(index));
        Snapshot {
            pieces,
            availability: availability.collect(),
            single,
            unavailable,
            coming: self.coming(),
            peers: self.numbers().zip(&self.peers).map(|(at, peer)| self.show(at, peer)).collect(),
            waiting: self.wait.said().map(str::to_owned),
        }
    }

    /// How many bytes have come of pieces that are not whole.
    pub fn coming(&self) -> u64 {
        let sessions = self.peers.iter().filter_map(Peer::session);
        sessions.map(|session| u64::from(session.came_of_owed())).sum()
    }

    /// How often what peers have was changed, with those that came and went: as long as it is the
    /// same, so is [`Snapshot::availability`].
    pub fn changes_of_availability(&self) -> u64 {
        self.pieces.picker().changes()
    }

    /// How many pieces are not kept: as long as it and [`Self::changes_of_availability`] are the same,
    /// hardly more than what is being judged changes in [`Snapshot::single`] and
    /// [`Snapshot::unavailable`].
    pub const fn left(&self) -> u32 {
        self.pieces.left()
    }

    fn show(&self, number: u32, peer: &Peer) -> PeerSnapshot {
        let now = self.now();
        let session = peer.session();
        let window = session.map_or(0, |session| self.window_of(session, self.turns.tempo));
        PeerSnapshot {
            id: peer.id,
            label: peer.label.clone(),
            state: state(peer, now),
            have: self.pieces.picker().have_map(number),
            asked: session.map_or(0, |session| session.asks.len() - session.cancelled.len()),
            window: usize::try_from(window / u64::from(self.geometry.piece_size()))
                .unwrap_or(usize::MAX),
            rate: session.and_then(|session| session.meter.rate(now)),
            given: peer.given,
        }
    }
}

/// Where the peer is, as others see it.
fn state(peer: &Peer, now: Moment) -> PeerState {
    match &peer.state {
        State::Waiting { until, why } => {
            PeerState::Waiting { left: until.since(now), why: Some(why.clone()) }
        }
        State::Queued { .. } => PeerState::Queued,
        State::Calling { .. } => PeerState::Calling,
        State::Opening { .. } => PeerState::Learning,
        State::Denied => PeerState::Denied,
        State::Banned { why } => PeerState::Banned { why: why.clone() },
        State::Refused { why } | State::Gone { why } => PeerState::Gone { why: why.clone() },
        State::Open(session) if session.owed > 0 => PeerState::Owes {
            quiet: now.since(session.came),
            bytes: session.owed - u64::from(session.came_of_owed()),
            snubbed: session.snub.is_some(),
        },
        State::Open(session) if !session.may_be_asked() => PeerState::Denied,
        State::Open(session) if session.batch.is_some() => PeerState::Held,
        State::Open(session) if matches!(session.turn, Turn::Hungry(..)) => PeerState::Held,
        State::Open(_) => PeerState::Idle,
    }
}
