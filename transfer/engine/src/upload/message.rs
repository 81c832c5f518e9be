//! What is told to the uploads, and what they say is to be done.

use std::net::IpAddr;
use std::time::Duration;

use verifier::identity::PeerId;
use verifier::{Bitfield, Geometry, PieceIndex, Root, Sha256};

use crate::ending::Ending;
use crate::limits::Rate;
use crate::wire::{BlockHead, DigestsHead, Frame, ProofHead};

/// What uploads may use; can change while they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most callers that are let in at a time.
    pub connections: u32,
    /// The most callers at a time that have not proved who they are; the oldest makes way for one
    /// more. 32, unless this process may have too few files open.
    pub handshakes: u32,
    /// The most bytes a second to all peers together.
    pub upload: Rate,
    /// The most bytes a second to each peer.
    pub peer: Rate,
}

/// One call, from the moment it was taken on. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Time passed.
    Tick,
    /// A call was taken from this address; the handshake begins.
    Called(Caller, IpAddr),
    /// The handshake is over, and the caller proved that it is this peer.
    Proved(Caller, PeerId),
    /// The handshake failed, or the connection ended; pieces that were read for it are forgotten.
    /// Where it ended by what is no frame, the caller can still be told so.
    Ended(Caller, Ending),
    /// A frame came. Callers send none with a payload: [`crate::wire::Decoder`] refuses those.
    Frame(Caller, Frame),
    /// Answers [`Effect::Open`]; nothing if it is not held or not granted.
    Opened(Caller, Option<Opened>),
    /// Answers [`Effect::Read`]: the piece was verified and waits to be sent, or is refused. And
    /// once more for each [`Effect::Block`] that was not sent, because the grant does not hold.
    Read(Caller, PieceIndex, Result<(), Refusal>),
    /// The stream took so many bytes more of the blocks, proofs and digests that were to be sent, in
    /// parts of a block as they go, so that a slow reader does not look like one that takes nothing.
    Written(Caller, u32),
    /// Pieces have landed here.
    Landed(Sha256, Vec<PieceIndex>),
    /// The peer may no longer have the artifact.
    Revoked(PeerId, Sha256),
    /// Limits changed.
    Limits(Limits),
}

/// What a peer may see of an artifact.
#[derive(Debug, Clone)]
pub struct Opened {
    /// How it is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// The pieces that are kept here.
    pub have: Bitfield,
}

/// Why an ask is not answered with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not granted to that peer.
    NotServed,
    /// This piece is not had.
    NotHad,
    /// This machine failed.
    Failed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Look whether the peer may see the artifact: [`Input::Opened`] answers.
    Open(Caller, PeerId, Sha256),
    /// Check and hold the grant, read the piece and verify it; make its proof too if asked for.
    /// [`Input::Read`] answers.
    Read {
        /// Whose ask.
        caller: Caller,
        /// Of which peer.
        peer: PeerId,
        /// Of which artifact.
        artifact: Sha256,
        /// Which piece.
        index: PieceIndex,
        /// Whether its proof is sent too.
        proven: bool,
    },
    /// Send a frame without a payload.
    Send(Caller, Frame),
    /// Send these bytes of a piece that was read, if the grant still holds; where it does not,
    /// [`Input::Read`] says once more that it is [`Refusal::NotServed`], for each block not sent.
    /// The piece can be forgotten when its last byte was.
    Block(Caller, BlockHead),
    /// Send the proof that was made with the piece.
    Proof(Caller, ProofHead),
    /// Send these digests of the piece list.
    Digests(Caller, DigestsHead),
    /// Forget the piece that was read.
    Discard(Caller, PieceIndex),
    /// End the connection, after what was to be sent before if that takes no longer than this, and
    /// forget all pieces that were read for it; less time may be given by a second one.
    HangUp(Caller, Duration),
    /// Tell whoever watches.
    Tell(News),
}

/// What a watcher may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A paired peer called and was let in.
    Called(PeerId),
    /// A caller was turned away or hung up on, and why.
    TurnedAway(Caller, Option<PeerId>, TurnedAway),
    /// Bytes of a piece went out.
    Sent(PeerId, Sha256, PieceIndex, u32),
    /// A caller's ask was refused.
    Refused(PeerId, Refusal),
    /// A caller that was let in went away.
    Left(PeerId),
}

/// Why a caller was turned away or hung up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnedAway {
    /// It did not say in time who it is.
    HandshakeTooLong,
    /// It did not say who it is, and made way for others.
    MadeWay,
    /// It has as many connections as one peer may have, and uses them all for something else.
    PeerBusy,
    /// It called again for the same artifact, and has as many connections as one peer may have: the
    /// older one made way.
    CalledAgain,
    /// All connections are taken.
    Busy,
    /// It took or asked for next to nothing for long, and lost its place to another that called.
    TooSlow,
    /// Its connection ended that way.
    Ended(Ending),
}

/// Why the uploads want to hear of the time then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Something waits to be taken out now.
    Effects,
    /// A handshake, or the opening after it, has to be over by then.
    Handshake,
    /// The rate limits let a block more through then.
    Rate,
    /// What has landed is to be told.
    Have,
    /// A caller has to hear that this side is there.
    Ping,
    /// A caller that says nothing, or takes nothing, is lost from then on.
    Silence,
}
