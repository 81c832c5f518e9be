//! What is told to the engine of an import, and what it says is to be done.

use std::time::Duration;

use verifier::identity::PeerId;
use verifier::piece::{ListError, PieceError};
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, Code, Geometry, PieceIndex, Root, Sha256};

use crate::ending::Ending;
use crate::limits::Rate;
use crate::wire::Frame;

/// What one import wants, and of whom.
#[derive(Debug, Clone)]
pub struct Order {
    /// The artifact's SHA-256.
    pub artifact: Sha256,
    /// How it is cut.
    pub geometry: Geometry,
    /// The root over its pieces.
    pub root: Root,
    /// Whether the piece list is known; if not, pieces are asked with their proofs until it is.
    pub listed: bool,
    /// The pieces that are wanted.
    pub missing: Bitfield,
    /// Who may be called.
    pub peers: Vec<Peer>,
    /// Where this importer begins, where no piece is rarer than others.
    pub begin: Begin,
    /// How long the import goes on while nothing comes.
    pub patience: Patience,
    /// What it may use.
    pub limits: Limits,
}

/// Where in the artifact an import begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At its front.
    Front,
    /// In a part of its own, as one that serves others meanwhile: at the place of its own key, which is
    /// this, among those of the peers that are or may be after the same, of as many.
    OwnPart(PeerId),
}

/// A peer that may be called.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its key.
    pub id: PeerId,
    /// What the user calls it.
    pub label: Label,
    /// The pieces that its offer names: until it says what it has, it is asked for some of these.
    pub offered: Bitfield,
}

/// How long an import goes on while no byte comes.
///
/// It ends at once where nobody is left who may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It ends after so long. A peer that said no is not called again.
    For(Duration),
    /// It waits for peers, and ends after so long. One that said no is called again, as any other.
    Wait(Duration),
    /// The same, until it is stopped.
    Forever,
}

impl Patience {
    /// After how long it ends, if it does.
    pub(super) const fn time(self) -> Option<Duration> {
        match self {
            Self::For(time) | Self::Wait(time) => Some(time),
            Self::Forever => None,
        }
    }

    /// Whether it waits for peers that said no.
    pub(super) const fn waits(self) -> bool {
        matches!(self, Self::Wait(_) | Self::Forever)
    }
}

/// What an import may use; can change while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of pieces that are asked for and not kept yet; one piece at least, whatever
    /// it says.
    pub in_flight: u64,
    /// The most bytes a second that are read from all peers together.
    pub download: Rate,
}

/// One connection to a peer, from the call on. Whatever is said of one that is over is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Which peer, in the order in which they were added.
    pub peer: u32,
    /// Which call of it, from 1.
    pub call: u32,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The handshake is over: frames can be sent.
    Connected(Connection),
    /// All connections that the program may have are taken; the call was not made.
    NoSlot(Connection),
    /// The call failed, or the connection ended.
    Ended(Connection, Ending),
    /// A frame came; of one with a payload, its head. What the payload is for is said by one
    /// [`Effect::Receive`], and the next frame is given in only after all of the payload was
    /// [received](Self::Received).
    Frame(Connection, Frame),
    /// So many more bytes of the payload came.
    Received(Connection, u32),
    /// Answers [`Effect::Judge`].
    Judged(Connection, PieceIndex, Result<(), PieceError>),
    /// Answers [`Effect::Prove`]: the pieces that are wanted still, now that it is known what is
    /// kept for other artifacts.
    Proven(Connection, Result<Bitfield, ListError>),
    /// Answers [`Effect::Spend`].
    Spent(Connection, Consent),
    /// Answers [`Effect::Deliver`]: the piece is on the disk, or it may not be kept because the
    /// user's consent to fetch from that peer ended meanwhile.
    Settled(PieceIndex, Consent),
    /// The peer called here, so that it can be called: it is not left alone for long, however often
    /// it was called in vain.
    Called(PeerId),
    /// The user's consent to fetch from the peer ended.
    Denied(PeerId),
    /// Limits changed.
    Limits(Limits),
    /// The import goes away: nothing more is to be asked.
    Stop,
}

/// Whether the user's consent covers something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It does.
    Given,
    /// It does not.
    Denied,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Call the peer: [`Input::Connected`], [`Input::NoSlot`] or [`Input::Ended`] answers.
    Call(Connection),
    /// Send a frame.
    Send(Connection, Frame),
    /// Put the payload that follows there.
    Receive(Connection, Place),
    /// Judge the piece that was received whole: [`Input::Judged`] answers, even if the connection
    /// ends meanwhile. It is held until [`Effect::Deliver`] or [`Effect::Discard`].
    Judge(Connection, PieceIndex, Evidence),
    /// Prove the piece list that was received whole, and keep it: [`Input::Proven`] answers.
    Prove(Connection),
    /// Hand the judged piece over to be kept: [`Input::Settled`] answers.
    Deliver(Connection, PieceIndex),
    /// Forget what was received of the piece on that connection; where some of it is coming just
    /// now, the rest of that payload goes [nowhere](Place::Nowhere).
    Discard(Connection, PieceIndex),
    /// Check consent for asking so many bytes more: [`Input::Spent`] answers.
    Spend(Connection, u64, Purpose),
    /// So many of the bytes that consent was spent on will not come from the peer, or are not kept.
    Release(PeerId, u64),
    /// End the connection; the frames that were to be sent before still are, if they can be. What was
    /// received in part is forgotten, here and when a connection [ends](Input::Ended) by itself.
    HangUp(Connection),
    /// Tell whoever watches.
    Tell(News),
    /// The import is over; nothing more comes out.
    Done(Result<(), Exhausted>),
}

/// What consent is to be spent on, and so what its no means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Several pieces: what does not cover them may cover one, which is tried next.
    Several,
    /// One piece: if it is not covered, the peer is asked for no more.
    One,
    /// Pieces that another peer owes: if they are not covered, they are left to that one, and the no
    /// says nothing of what else may be asked.
    Second,
}

/// Where the payload of a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It continues the piece, which begins if nothing of it is there.
    Piece(PieceIndex),
    /// It is the proof of the piece.
    Proof(PieceIndex),
    /// It continues the piece list.
    List,
    /// It is read and forgotten: nobody wants it any more.
    Nowhere,
}

/// What a piece is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The proven piece list.
    List,
    /// The proof that came before it.
    Proof,
}

/// What a watcher may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A connection to the peer is open; it has so many of the wanted pieces.
    Connected(PeerId, u32),
    /// A piece was asked of a peer.
    Asked(PeerId, PieceIndex),
    /// All bytes of a piece came, and are being judged.
    Arrived(PeerId, PieceIndex),
    /// The connection ended or could not be made; the peer may be called again.
    Lost(PeerId, Ending),
    /// The peer lied or broke the protocol, and is not used again in this import.
    Banned(PeerId, Blame),
    /// What is waited for and what would end the wait, as one or two sentences.
    Waiting(String),
    /// That wait is over.
    Moving,
}

/// What a peer is banned for, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// What it did.
    pub ending: Ending,
    /// The stable code of that.
    pub code: Code,
    /// On which connection.
    pub connection: Connection,
    /// For how long that was open.
    pub after: Duration,
    /// How digests of pieces are made, so that those in `ending` can be written out.
    pub algorithm: ChunkAlgorithm,
}

/// Nobody who is left can give what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// How many pieces are missing.
    pub missing: u32,
    /// Why, and what became of each peer, as clauses.
    pub why: String,
    /// Whether somebody may be of use later, so that waiting for peers may help.
    pub anyone: bool,
}

/// Why the engine wants to hear of the time then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Something waits to be taken out now.
    Effects,
    /// A peer is to be called again.
    Call,
    /// A peer has to open the artifact, or to go on with the piece list, by then.
    Opening,
    /// A peer that owes pieces is slow from then on.
    Snub,
    /// A peer that says nothing is lost from then on.
    Silence,
    /// A peer has to hear that this side is there.
    Ping,
    /// Other importers have had their time for what is left.
    Others,
    /// What is waited for is to be told.
    Sentence,
    /// Patience ends.
    Patience,
}
