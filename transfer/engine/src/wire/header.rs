//! The first bytes of a frame: its kind and its length, judged before anything else is taken.

use verifier::Code;

use super::{DIGEST_LEN, HEADER_LEN, MAX_BLOCK, MAX_DIGESTS, MAX_HELLO, MAX_SIBLINGS};

/// Which side of a connection says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that called, which asks.
    Caller,
    /// The one that was called, which answers.
    Called,
}

/// The kinds of frames, by their byte on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the frame of that name")]
pub enum Kind {
    Hello = 1,
    Open = 2,
    Opened = 3,
    Learn = 4,
    Digests = 5,
    Ask = 6,
    Block = 7,
    Have = 8,
    Cancel = 9,
    Refuse = 10,
    Close = 11,
    Ping = 12,
    AskProven = 13,
    Proof = 14,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Hello,
        Self::Open,
        Self::Opened,
        Self::Learn,
        Self::Digests,
        Self::Ask,
        Self::Block,
        Self::Have,
        Self::Cancel,
        Self::Refuse,
        Self::Close,
        Self::Ping,
        Self::AskProven,
        Self::Proof,
    ];

    /// Whether that side may send it.
    pub(super) const fn is_of(self, side: Side) -> bool {
        match self {
            Self::Hello | Self::Close | Self::Ping => true,
            Self::Open | Self::Learn | Self::Ask | Self::AskProven | Self::Cancel => {
                matches!(side, Side::Caller)
            }
            Self::Opened
            | Self::Digests
            | Self::Proof
            | Self::Block
            | Self::Have
            | Self::Refuse => matches!(side, Side::Called),
        }
    }

    /// The shortest and the longest body, in bytes.
    pub(super) const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Hello => (4, MAX_HELLO),
            Self::Ask | Self::AskProven | Self::Have | Self::Cancel => (4, 4),
            Self::Open => (32, 32),
            Self::Opened => (54, 53 + (1 << 20) / 8),
            Self::Learn | Self::Ping => (0, 0),
            Self::Digests => (4 + DIGEST_LEN, 4 + MAX_DIGESTS * DIGEST_LEN),
            Self::Proof => (4, 4 + MAX_SIBLINGS * DIGEST_LEN),
            Self::Block => (8 + 1, 8 + MAX_BLOCK),
            Self::Refuse => (3, 7),
            Self::Close => (2, 2),
        }
    }

    /// How many bytes of the body stand before the payload; all of it where there is none.
    pub(super) const fn head(self) -> Option<u32> {
        match self {
            Self::Digests | Self::Proof => Some(4),
            Self::Block => Some(8),
            _ => None,
        }
    }
}

/// A frame's kind and the length of its body, checked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The kind.
    pub kind: Kind,
    /// The length of the body, in bytes.
    pub length: u32,
}

impl Header {
    /// Reads a header that this side sent.
    ///
    /// # Errors
    ///
    /// [`FrameError::Kind`], [`FrameError::Side`] or [`FrameError::Length`].
    pub fn decode(bytes: [u8; HEADER_LEN], from: Side) -> Result<Self, FrameError> {
        let [a, b, c, d, byte] = bytes;
        let length = u32::from_le_bytes([a, b, c, d]);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == byte);
        let kind = kind.ok_or(FrameError::Kind(byte))?;
        if !kind.is_of(from) {
            return Err(FrameError::Side(kind));
        }
        let (least, most) = kind.bounds();
        if length < least || length > most {
            return Err(FrameError::Length { kind, length, least, most });
        }
        Ok(Self { kind, length })
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There is no such kind.
    #[error("frame kind {0} is unknown")]
    Kind(u8),
    /// It is the other side that sends this kind.
    #[error("{0:?} frame comes from the wrong side")]
    Side(Kind),
    /// The body is longer or shorter than its kind allows.
    #[error("{kind:?} frame of {length} bytes is not within {least} to {most}")]
    Length {
        /// The kind.
        kind: Kind,
        /// The length that the header claims, in bytes.
        length: u32,
        /// The least that is allowed, in bytes.
        least: u32,
        /// The most that is allowed, in bytes.
        most: u32,
    },
    /// The body is not the one encoding of a message of its kind.
    #[error("body of a {0:?} frame is malformed")]
    Body(Kind),
}

impl FrameError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Kind(_) | Self::Side(_) => Code::new("frame", "kind"),
            Self::Length { .. } => Code::new("frame", "length"),
            Self::Body(_) => Code::new("frame", "body"),
        }
    }
}
