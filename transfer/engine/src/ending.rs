//! Why a connection ended, and what that means for the peer.

use verifier::piece::{ListError, PieceError};
use verifier::{Code, Coded as _};

use crate::wire::{FrameError, Kind, close, refusal};

/// Why a connection ended before its work was done, or could not be made.
///
/// The text says what the other side did, and is read after its name: `anna` `hung up`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ending {
    /// The peer could not be called.
    #[error("{why}")]
    Unreachable {
        /// Why, to be read after the peer's name.
        why: String,
        /// The stable code.
        code: Code,
        /// Whether calling again may help.
        again: bool,
    },
    /// The peer turns this installation's key away; a peer that blocked it says no more than one
    /// that never added it.
    #[error(
        "does not let you in: they have not added you yet, or have removed or blocked you; give them \
         your ticket, or ask them"
    )]
    NotLetIn,
    /// The connection broke.
    #[error("was lost, because the connection broke: {0}")]
    Lost(String),
    /// The peer hung up.
    #[error("hung up")]
    HungUp,
    /// The peer said that the connection is over.
    #[error("{}", closed(*.0))]
    Closed(u16),
    /// The peer said nothing for too long, or took nothing.
    #[error("fell silent")]
    Silent,
    /// The peer does not serve the artifact to us.
    #[error("{}", refused(*.0))]
    Refused(u16),
    /// The user's consent does not cover asking this peer for more.
    #[error("may not be asked for more: your consent to fetch from it is used up, revoked or over")]
    Denied,
    /// There is no version of the protocol that both sides speak.
    #[error(
        "speaks version {0} of the protocol, which is too old: ask them to update their program"
    )]
    Version(u16),
    /// The peer's artifact is cut otherwise, or has another root.
    #[error(
        "shares this model under another manifest: its pieces are cut otherwise, or have another root"
    )]
    Geometry,
    /// The peer sent what is no frame.
    #[error("broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// The peer sent a frame out of turn.
    #[error("broke the protocol: a {0:?} frame came out of turn")]
    Unexpected(Kind),
    /// The peer sent far more frames of a kind than there is a use for.
    #[error("broke the protocol: too many {0:?} frames came")]
    Flood(Kind),
    /// The peer sent or named a piece that was not asked for.
    #[error("broke the protocol: piece {0} came unasked")]
    Unasked(u32),
    /// The peer sent a part that does not continue what came before.
    #[error(
        "broke the protocol: a block at {offset} of piece {index} came where {expected} was due"
    )]
    Order {
        /// The piece.
        index: u32,
        /// Where the part starts.
        offset: u32,
        /// Where it should have started.
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
    List(ListError),
    /// The peer's piece is not what its digest or its proof names.
    #[error("sent wrong bytes: {}", wrong(.0))]
    Piece(PieceError),
}

/// What becomes of a peer whose connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It lied or broke the protocol.
    Ban(Code),
    /// It may be called again.
    Retry,
    /// It said no, and what would change that is up to people: only an import that waits for peers
    /// calls it again.
    Refused,
    /// It is of no use to this import.
    GiveUp,
}

impl Ending {
    /// What becomes of the peer.
    pub fn fate(&self) -> Fate {
        match self {
            Self::NotLetIn
            | Self::Refused(refusal::NOT_SERVED)
            | Self::Closed(close::VERSION)
            | Self::Version(_)
            | Self::Geometry => Fate::Refused,
            Self::Unreachable { again: true, .. }
            | Self::Lost(_)
            | Self::HungUp
            | Self::Closed(_)
            | Self::Silent
            | Self::Refused(_) => Fate::Retry,
            Self::Unreachable { again: false, .. } | Self::Denied => Fate::GiveUp,
            Self::Frame(_)
            | Self::Unexpected(_)
            | Self::Flood(_)
            | Self::Unasked(_)
            | Self::Order { .. }
            | Self::BlockLength { .. }
            | Self::HaveMap
            | Self::Asks(_)
            | Self::List(_)
            | Self::Piece(_) => Fate::Ban(self.code()),
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { code, .. } => *code,
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
            Self::Flood(_) => Code::new("session", "flood"),
            Self::Unasked(_) => Code::new("session", "unasked"),
            Self::Order { .. } => Code::new("session", "order"),
            Self::BlockLength { .. } => Code::new("session", "block-length"),
            Self::HaveMap => Code::new("session", "have-map"),
            Self::Asks(_) => Code::new("session", "asks"),
            Self::List(error) => error.code(),
            Self::Piece(error) => error.code(),
        }
    }
}

const fn closed(code: u16) -> &'static str {
    match code {
        close::BUSY => "is busy: it takes no more connections now",
        close::IDLE => "ended the connection, because nothing was said or taken for too long",
        close::FAULT => {
            "ended the connection, because it found fault with what was sent: one of you may have an older \
             program"
        }
        close::VERSION => "speaks no version of the protocol that this program does: update both",
        _ => "ended the connection",
    }
}

/// What is wrong with a piece, with the digests that tell.
fn wrong(error: &PieceError) -> String {
    match error {
        PieceError::Proof { index, source } => format!("piece {index}: {source}"),
        error => error.to_string(),
    }
}

const fn refused(code: u16) -> &'static str {
    match code {
        refusal::FAILED => "could not send a piece, because its machine failed",
        _ => "does not share this model with you now: ask them to",
    }
}
