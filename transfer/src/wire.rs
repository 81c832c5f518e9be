//! Frames: what they say, how they are encoded, how long they may be.
//!
//! A frame is the length of its body (four bytes, little-endian), one byte for its kind, and the
//! body. The length is checked against the kind's limit before memory is taken for the body.

use app::codec::{self, CodecError};
use app::ports::Refusal;
use serde::{Deserialize, Serialize};
use verifier::{ChunkAlgorithm, Code, Geometry, Root};

/// The protocol's name in the TLS handshake.
pub(crate) const PROTOCOL: &[u8] = b"minimodel/0";
/// The version that both sides say in their hello.
pub(crate) const VERSION: u16 = 0;
/// Length of a frame's length and kind, in bytes.
pub(crate) const HEADER_LEN: usize = 5;
/// Length of a block's index and offset, in bytes.
pub(crate) const BLOCK_HEAD_LEN: usize = BLOCK_HEAD as usize;
const BLOCK_HEAD: u32 = 8;
/// The most bytes of a piece in one block.
pub(crate) const MAX_BLOCK: u32 = 256 << 10;
/// The least bytes of a piece in one block, unless the block ends its piece.
pub(crate) const MIN_BLOCK: u32 = 4 << 10;
/// The most digests in one frame.
pub(crate) const MAX_DIGESTS: u32 = 2_048;
/// The most asks of one session that may be unanswered.
pub(crate) const MAX_ASKS: u16 = 1_024;

const DIGEST_LEN: u32 = 32;

/// One message of a session, but for the bytes of pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The first of each side.
    Hello(Hello),
    /// Asks to see an artifact.
    Open(Open),
    /// Shows it.
    Opened(Opened),
    /// Asks for the piece list.
    Learn,
    /// Some of the piece list.
    Digests(Digests),
    /// Asks for a piece.
    Ask(u32),
    /// A piece has landed here since.
    Have(u32),
    /// An ask is no longer wanted; it is still answered, by what is left or by a refusal.
    Cancel(u32),
    /// An ask, or the opening, is not answered with what was asked.
    Refuse(Refuse),
    /// The session is over.
    Close(u16),
    /// Says nothing but that this side is still there.
    Stay,
}

/// What each side says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u16,
    /// How many asks may be unanswered at a time.
    pub(crate) asks: u16,
}

/// Which artifact is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) artifact: [u8; 32],
}

/// How the artifact is cut, and which pieces are had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) byte_count: u64,
    pub(crate) piece_size: u32,
    pub(crate) algorithm: u8,
    pub(crate) root: [u8; 32],
    pub(crate) have: Vec<u8>,
}

impl Opened {
    /// Whether it is about an artifact of that cut and root.
    pub(crate) fn agrees(&self, geometry: &Geometry, root: &Root) -> bool {
        self.byte_count == geometry.byte_count()
            && self.piece_size == geometry.piece_size()
            && self.algorithm == algorithm(root.algorithm())
            && self.root == *root.as_bytes()
    }
}

/// The number that stands for an algorithm in [`Opened`].
pub(crate) const fn algorithm(algorithm: ChunkAlgorithm) -> u8 {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => 0,
        ChunkAlgorithm::Blake3TreeV0 => 1,
    }
}

/// Digests of the piece list, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    /// The piece that the first digest names.
    pub(crate) first: u32,
    /// Up to [`MAX_DIGESTS`] digests, 32 bytes each.
    pub(crate) bytes: Vec<u8>,
}

/// What is refused and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refuse {
    /// The piece that was asked for; nothing if the opening is refused.
    pub(crate) index: Option<u32>,
    pub(crate) code: u16,
}

/// The codes of [`Refuse`], never renumbered.
pub(crate) mod refusal {
    pub(crate) const NOT_SERVED: u16 = 1;
    pub(crate) const NOT_HAD: u16 = 2;
    pub(crate) const FAILED: u16 = 3;
    pub(crate) const CANCELLED: u16 = 4;
}

/// The number that stands for a refusal in [`Refuse`].
pub(crate) const fn refusal_code(refusal: Refusal) -> u16 {
    match refusal {
        Refusal::NotServed => refusal::NOT_SERVED,
        Refusal::NotHad => refusal::NOT_HAD,
        _ => refusal::FAILED,
    }
}

/// The codes of [`Frame::Close`], never renumbered.
pub(crate) mod close {
    pub(crate) const DONE: u16 = 0;
    pub(crate) const BUSY: u16 = 1;
    pub(crate) const IDLE: u16 = 2;
    pub(crate) const FAULT: u16 = 3;
}

/// Where a block belongs; its bytes follow on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHead {
    /// The piece.
    pub(crate) index: u32,
    /// Where in the piece the bytes start.
    pub(crate) offset: u32,
    /// How many bytes follow, from 1 to [`MAX_BLOCK`].
    pub(crate) length: u32,
}

impl BlockHead {
    /// The frame up to the piece's bytes.
    pub(crate) fn encode(self) -> [u8; HEADER_LEN + BLOCK_HEAD_LEN] {
        let body = self.length + BLOCK_HEAD;
        let mut bytes = [0; HEADER_LEN + BLOCK_HEAD_LEN];
        bytes[..4].copy_from_slice(&body.to_le_bytes());
        bytes[4] = Kind::Block as u8;
        bytes[5..9].copy_from_slice(&self.index.to_le_bytes());
        bytes[9..].copy_from_slice(&self.offset.to_le_bytes());
        bytes
    }

    /// Reads index and offset of a block whose header was checked.
    pub(crate) fn decode(header: Header, head: [u8; BLOCK_HEAD_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h] = head;
        Self {
            index: u32::from_le_bytes([a, b, c, d]),
            offset: u32::from_le_bytes([e, f, g, h]),
            length: header.length - BLOCK_HEAD,
        }
    }
}

/// The kinds of frames, by their byte on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
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
    Stay = 12,
}

impl Kind {
    const ALL: [Self; 12] = [
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
        Self::Stay,
    ];

    /// The shortest and the longest body, in bytes.
    const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Hello | Self::Ask | Self::Have | Self::Cancel => (4, 4),
            Self::Open => (32, 32),
            Self::Opened => (53, 53 + (1 << 20) / 8),
            Self::Learn | Self::Stay => (0, 0),
            Self::Digests => (36, 4 + MAX_DIGESTS * DIGEST_LEN),
            Self::Block => (BLOCK_HEAD + 1, BLOCK_HEAD + MAX_BLOCK),
            Self::Refuse => (3, 7),
            Self::Close => (2, 2),
        }
    }
}

/// A frame's kind and the length of its body, checked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) length: u32,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`FrameError::Kind`] or [`FrameError::Length`].
    pub(crate) fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [a, b, c, d, byte] = bytes;
        let length = u32::from_le_bytes([a, b, c, d]);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == byte);
        let kind = kind.ok_or(FrameError::Kind(byte))?;
        let (least, most) = kind.bounds();
        if length < least || length > most {
            return Err(FrameError::Length { kind, length, least, most });
        }
        Ok(Self { kind, length })
    }
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FrameError {
    /// There is no such kind.
    #[error("frame kind {0} is unknown")]
    Kind(u8),
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
    /// The body is not a message of its kind.
    #[error("body of a {0:?} frame is malformed")]
    Body(Kind),
    /// The body does not decode, or is not the one encoding of its message.
    #[error("body of a {kind:?} frame is malformed")]
    Codec {
        /// The kind.
        kind: Kind,
        /// What the decoder said.
        source: CodecError,
    },
}

impl FrameError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Kind(_) => Code::new("frame", "kind"),
            Self::Length { .. } => Code::new("frame", "length"),
            Self::Body(_) | Self::Codec { .. } => Code::new("frame", "body"),
        }
    }
}

impl Frame {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Open(_) => Kind::Open,
            Self::Opened(_) => Kind::Opened,
            Self::Learn => Kind::Learn,
            Self::Digests(_) => Kind::Digests,
            Self::Ask(_) => Kind::Ask,
            Self::Have(_) => Kind::Have,
            Self::Cancel(_) => Kind::Cancel,
            Self::Refuse(_) => Kind::Refuse,
            Self::Close(_) => Kind::Close,
            Self::Stay => Kind::Stay,
        }
    }

    /// Appends the whole frame to `out`.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the body is over its kind's limit.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let kind = self.kind();
        let body = self.body(kind)?;
        let (least, most) = kind.bounds();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        if length < least || length > most {
            return Err(FrameError::Length { kind, length, least, most });
        }
        out.extend_from_slice(&length.to_le_bytes());
        out.push(kind as u8);
        out.extend_from_slice(&body);
        Ok(())
    }

    fn body(&self, kind: Kind) -> Result<Vec<u8>, FrameError> {
        let limit = kind.bounds().1 as usize;
        match self {
            Self::Hello(hello) => codec::encode(hello, limit),
            Self::Open(open) => codec::encode(open, limit),
            Self::Opened(opened) => codec::encode(opened, limit),
            Self::Refuse(refuse) => codec::encode(refuse, limit),
            Self::Ask(index) | Self::Have(index) | Self::Cancel(index) => {
                codec::encode(index, limit)
            }
            Self::Close(code) => codec::encode(code, limit),
            Self::Learn | Self::Stay => Ok(Vec::new()),
            Self::Digests(digests) => {
                let mut body = Vec::with_capacity(4 + digests.bytes.len());
                body.extend_from_slice(&digests.first.to_le_bytes());
                body.extend_from_slice(&digests.bytes);
                Ok(body)
            }
        }
        .map_err(|source| FrameError::Codec { kind, source })
    }

    /// Reads the body of any kind but a block, whose bytes are read by the session.
    ///
    /// # Errors
    ///
    /// [`FrameError::Body`] or [`FrameError::Codec`] unless the body is exactly what
    /// [`Self::encode`] writes.
    pub(crate) fn decode(kind: Kind, body: &[u8]) -> Result<Self, FrameError> {
        let limit = kind.bounds().1 as usize;
        let decoded = match kind {
            Kind::Hello => codec::decode(body, limit).map(Self::Hello),
            Kind::Open => codec::decode(body, limit).map(Self::Open),
            Kind::Opened => codec::decode(body, limit).map(Self::Opened),
            Kind::Refuse => codec::decode(body, limit).map(Self::Refuse),
            Kind::Ask => codec::decode(body, limit).map(Self::Ask),
            Kind::Have => codec::decode(body, limit).map(Self::Have),
            Kind::Cancel => codec::decode(body, limit).map(Self::Cancel),
            Kind::Close => codec::decode(body, limit).map(Self::Close),
            Kind::Learn if body.is_empty() => Ok(Self::Learn),
            Kind::Stay if body.is_empty() => Ok(Self::Stay),
            Kind::Digests => return Self::decode_digests(body),
            Kind::Learn | Kind::Stay | Kind::Block => return Err(FrameError::Body(kind)),
        };
        decoded.map_err(|source| FrameError::Codec { kind, source })
    }

    fn decode_digests(body: &[u8]) -> Result<Self, FrameError> {
        match body.split_first_chunk::<4>() {
            Some((first, bytes))
                if !bytes.is_empty()
                    && bytes.len() % DIGEST_LEN as usize == 0
                    && bytes.len() <= (MAX_DIGESTS * DIGEST_LEN) as usize =>
            {
                let first = u32::from_le_bytes(*first);
                Ok(Self::Digests(Digests { first, bytes: bytes.to_vec() }))
            }
            _ => Err(FrameError::Body(Kind::Digests)),
        }
    }
}

#[cfg(test)]
mod tests;
