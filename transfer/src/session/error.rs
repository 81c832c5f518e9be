//! Why a session ended, and what that means for the peer.

use std::io;

use app::ports::Untrue;
use verifier::piece::{ListError, PieceError};
use verifier::{ChunkAlgorithm, Code, Coded as _};

use crate::dial::DialError;
use crate::identity::Verdict;
use crate::wire::{FrameError, Kind, close, refusal};

/// Why a session ended before its work was done.
///
/// The text says what the other side did, and is read after its name: `anna` `hung up`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SessionError {
    /// The peer could not be called.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The peer turns this installation's key away; a peer that blocked it says no more than one
    /// that never added it.
    #[error(
        "does not let you in: they have not added you yet, or have removed or blocked you; give them \
         your ticket, or ask them"
    )]
    NotLetIn,
    /// The connection broke.
    #[error("was lost, because the connection broke: {0}")]
    Lost(#[source] io::Error),
    /// The peer hung up.
    #[error("hung up")]
    HungUp,
    /// The peer said that the session is over.
    #[error("{}", closed(*.0))]
    Closed(u16),
    /// The peer said nothing for too long.
    #[error("fell silent")]
    Silent,
    /// The peer does not serve the artifact to us.
    #[error("{}", refused(*.0))]
    Refused(u16),
    /// The user's consent does not cover asking this peer for more.
    #[error("may not be asked for more: your consent to fetch from it is used up, revoked or over")]
    Denied,
    /// The peer speaks another version of the protocol.
    #[error("speaks version {0} of the protocol, not 0: one of you has an older program")]
    Version(u16),
    /// The peer's artifact is cut otherwise, or has another root.
    #[error("holds this model cut into other pieces")]
    Geometry,
    /// The peer sent what is no frame.
    #[error("broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// The peer sent a frame out of turn.
    #[error("broke the protocol: a {0:?} frame came out of turn")]
    Unexpected(Kind),
    /// The peer sent or named a piece that was not asked for.
    #[error("broke the protocol: piece {0} came unasked")]
    Unasked(u32),
    /// The peer sent a block that does not continue its piece, or goes past its end.
    #[error(
        "broke the protocol: a block at {offset} of piece {index} came where {expected} was due"
    )]
    Order {
        /// The piece.
        index: u32,
        /// Where the block starts, in bytes.
        offset: u32,
        /// Where it should have started, in bytes.
        expected: u32,
    },
    /// The peer sent a block that is too long for its piece, or too short to be useful.
    #[error(
        "broke the protocol: a block of {length} bytes of piece {index} came where {left} bytes are \
         left"
    )]
    BlockLength {
        /// The piece.
        index: u32,
        /// The block's length, in bytes.
        length: u32,
        /// What is left of the piece, in bytes.
        left: u32,
    },
    /// The peer has a have-map of another length.
    #[error("broke the protocol: its have-map does not fit the model")]
    HaveMap,
    /// The peer asked for too much at a time, or twice for the same.
    #[error("broke the protocol: it asked for piece {0} twice, or for too many pieces at a time")]
    Asks(u32),
    /// The peer's piece list does not lead to the root.
    #[error("sent a false piece list: {0}")]
    List(#[from] ListError),
    /// The peer's piece is not what its digest names.
    #[error("sent wrong bytes: {0}")]
    Piece(#[from] PieceError),
    /// The import went away.
    #[error("was left, because the import went away")]
    Cancelled,
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        // The caller's handshake is over before the other side has judged its key.
        match Verdict::of(&error) {
            Some(Verdict::NotLetIn) => Self::NotLetIn,
            Some(Verdict::HungUp) => Self::HungUp,
            _ => Self::Lost(error),
        }
    }
}

/// What becomes of a peer whose session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It lied or broke the protocol.
    Ban(Code),
    /// It may be called again.
    Retry,
    /// It is of no use to this import.
    GiveUp,
}

impl SessionError {
    /// What becomes of the peer.
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Self::Dial(error) if error.is_final() => Fate::GiveUp,
            // A plain no is not asked for again: what would change it is up to people.
            Self::NotLetIn | Self::Refused(refusal::NOT_SERVED) => Fate::GiveUp,
            Self::Dial(_)
            | Self::Lost(_)
            | Self::HungUp
            | Self::Closed(_)
            | Self::Silent
            | Self::Refused(_) => Fate::Retry,
            Self::Denied | Self::Version(_) | Self::Geometry | Self::Cancelled => Fate::GiveUp,
            Self::Frame(_)
            | Self::Unexpected(_)
            | Self::Unasked(_)
            | Self::Order { .. }
            | Self::BlockLength { .. }
            | Self::HaveMap
            | Self::Asks(_)
            | Self::List(_)
            | Self::Piece(_) => Fate::Ban(self.code()),
        }
    }
}

impl SessionError {
    /// What did not verify, if the peer lied: its digest was judged by what the manifest's root
    /// proves, which the peer itself had named at the start.
    pub(crate) fn untrue(&self, algorithm: ChunkAlgorithm) -> Option<Untrue> {
        match *self {
            Self::Piece(PieceError::Digest { index, found, expected }) => {
                Some(Untrue::Piece { index, algorithm, wanted: expected, came: found })
            }
            Self::List(ListError::Root { found, expected }) => {
                Some(Untrue::List { wanted: expected, came: found })
            }
            _ => None,
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Dial(error) => error.code(),
            Self::NotLetIn => Code::new("session", "not-let-in"),
            Self::Lost(_) => Code::new("io", "failed"),
            Self::HungUp | Self::Closed(_) => Code::new("session", "ended"),
            Self::Silent => Code::new("session", "silent"),
            Self::Refused(_) => Code::new("session", "refused"),
            Self::Denied => Code::new("consent", "denied"),
            Self::Version(_) => Code::new("session", "version"),
            Self::Geometry => Code::new("session", "geometry"),
            Self::Frame(error) => error.code(),
            Self::Unexpected(_) => Code::new("session", "unexpected"),
            Self::Unasked(_) => Code::new("session", "unasked"),
            Self::Order { .. } => Code::new("session", "order"),
            Self::BlockLength { .. } => Code::new("session", "block-length"),
            Self::HaveMap => Code::new("session", "have-map"),
            Self::Asks(_) => Code::new("session", "asks"),
            Self::List(error) => error.code(),
            Self::Piece(error) => error.code(),
            Self::Cancelled => Code::new("session", "cancelled"),
        }
    }
}

const fn closed(code: u16) -> &'static str {
    match code {
        close::BUSY => "is busy: it takes no more sessions now",
        close::IDLE => "ended the session, because nothing was said for long",
        close::FAULT => "ended the session, because it found fault with what was sent",
        _ => "ended the session",
    }
}

const fn refused(code: u16) -> &'static str {
    match code {
        refusal::FAILED => "could not send a piece, because its machine failed",
        _ => "does not share this model with you now",
    }
}
