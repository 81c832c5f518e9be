//! How an import stands, as plain values.

use std::time::Duration;

use verifier::Bitfield;
use verifier::identity::PeerId;
use verifier::scalars::Label;

/// How an import stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Per piece, where it is.
    pub pieces: Vec<PieceState>,
    /// Per piece, how many connected peers have it.
    pub availability: Vec<u16>,
    /// How many pieces are missing of which exactly one connected peer has a copy.
    pub single: u32,
    /// How many missing pieces no connected peer has.
    pub unavailable: u32,
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
