//! Frames: what they say, how they are encoded, how long they may be (docs/protocol.md).
//!
//! A frame is the length of its body (four bytes, little-endian), one byte for its kind, and the
//! body. The length is checked against the kind's limit before memory is taken for the body. The
//! bytes of pieces, proofs and digests are no part of a [`Frame`]: it says which they are and how
//! many follow.

mod decoder;
mod header;

use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use verifier::{ChunkAlgorithm, Geometry, Root};

pub use decoder::{Arrival, Decoder};
pub use header::{FrameError, Header, Kind, Side};

/// The protocol's name in the TLS handshake.
pub const PROTOCOL: &[u8] = b"minimodel/0";
/// The newest version that this program speaks; both sides go on with the lower one of theirs.
pub const VERSION: u16 = 1;
/// The oldest version that it speaks.
pub const OLDEST: u16 = 1;
/// Length of a frame's length and kind, in bytes.
pub const HEADER_LEN: usize = 5;
/// The longest hello, in bytes: what stands behind the members of this version is for later ones.
pub const MAX_HELLO: u32 = 64;
/// The most bytes of a piece in one block.
pub const MAX_BLOCK: u32 = 256 << 10;
/// The least bytes of a piece in one block, unless the block ends its piece.
pub const MIN_BLOCK: u32 = 512;
/// The most digests in one frame.
pub const MAX_DIGESTS: u32 = 2_048;
/// The most siblings of a proof.
pub const MAX_SIBLINGS: u32 = 20;
/// The most asks of one connection that may be unanswered.
pub const MAX_ASKS: u16 = 1_024;
/// The most of them until the other side's hello is heard, which names no fewer.
pub const FIRST_ASKS: u16 = 256;
/// How many pings a side may say at once, besides one for each [`PING_EVERY`] of the connection.
const MAX_PINGS: u64 = 8;
/// Half of the time after which a side that said nothing says ping.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Length of a digest and of a sibling, in bytes.
pub const DIGEST_LEN: u32 = 32;

/// Whether so many pings are too many on a connection that was open for so long. They are counted
/// from its start on, because a slow line may deliver those of minutes at once.
pub(crate) const fn are_too_many_pings(pings: u64, open: Duration) -> bool {
    pings > MAX_PINGS + open.as_secs() / PING_EVERY.as_secs()
}

/// One message of a connection, but for payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first of each side.
    Hello(Hello),
    /// Asks to see the artifact of this SHA-256.
    Open([u8; 32]),
    /// Shows it.
    Opened(Opened),
    /// Asks for the piece list.
    Learn,
    /// Some of the piece list follows.
    Digests(DigestsHead),
    /// Asks for a piece.
    Ask(u32),
    /// Asks for a piece and its proof.
    AskProven(u32),
    /// The proof of a piece follows.
    Proof(ProofHead),
    /// Bytes of a piece follow.
    Block(BlockHead),
    /// A piece has landed here since.
    Have(u32),
    /// An ask is no longer wanted; it is still answered, by what is left or by a refusal.
    Cancel(u32),
    /// An ask, or the opening, is not answered with what was asked.
    Refuse(Refuse),
    /// The connection is over.
    Close(u16),
    /// Says nothing but that this side is still there.
    Ping,
}

/// What each side says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The newest version that it speaks.
    pub version: u16,
    /// How many asks may be unanswered at a time.
    pub asks: u16,
}

/// How the artifact is cut, and which pieces are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The artifact's length in bytes.
    pub byte_count: u64,
    /// The length of its pieces in bytes.
    pub piece_size: u32,
    /// [`algorithm`] of its digests.
    pub algorithm: u8,
    /// The root over its pieces.
    pub root: [u8; 32],
    /// The have-map: one bit a piece.
    pub have: Vec<u8>,
}

impl Opened {
    /// Whether it is about an artifact of that cut and root.
    pub fn agrees(&self, geometry: &Geometry, root: &Root) -> bool {
        self.byte_count == geometry.byte_count()
            && self.piece_size == geometry.piece_size()
            && self.algorithm == algorithm(root.algorithm())
            && self.root == *root.as_bytes()
    }
}

/// The number that stands for an algorithm in [`Opened`].
pub const fn algorithm(algorithm: ChunkAlgorithm) -> u8 {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => 0,
        ChunkAlgorithm::Blake3TreeV0 => 1,
    }
}

/// Which digests of the piece list follow, in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestsHead {
    /// The piece that the first digest names.
    pub first: u32,
    /// How many follow, from 1 to [`MAX_DIGESTS`].
    pub count: u32,
}

/// Whose proof follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofHead {
    /// The piece.
    pub index: u32,
    /// How many siblings follow, at most [`MAX_SIBLINGS`].
    pub count: u32,
}

/// Which bytes of a piece follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHead {
    /// The piece.
    pub index: u32,
    /// Where in the piece the bytes start.
    pub offset: u32,
    /// How many bytes follow, from 1 to [`MAX_BLOCK`].
    pub length: u32,
}

/// What is refused and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refuse {
    /// The piece that was asked for; nothing if the opening is refused.
    pub index: Option<u32>,
    /// One of [`refusal`].
    pub code: u16,
}

/// The codes of [`Refuse`], never renumbered.
pub mod refusal {
    /// Not granted, or not held: the two look the same.
    pub const NOT_SERVED: u16 = 1;
    /// This piece is not had.
    pub const NOT_HAD: u16 = 2;
    /// The machine failed.
    pub const FAILED: u16 = 3;
    /// The ask was cancelled.
    pub const CANCELLED: u16 = 4;
}

/// The codes of [`Frame::Close`], never renumbered.
pub mod close {
    /// Nothing is left to be said.
    pub const DONE: u16 = 0;
    /// There is no place for the caller now.
    pub const BUSY: u16 = 1;
    /// Nothing was said for too long.
    pub const IDLE: u16 = 2;
    /// The other side broke the protocol.
    pub const FAULT: u16 = 3;
    /// There is no version that both sides speak.
    pub const VERSION: u16 = 4;
}

impl Frame {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Open(_) => Kind::Open,
            Self::Opened(_) => Kind::Opened,
            Self::Learn => Kind::Learn,
            Self::Digests(_) => Kind::Digests,
            Self::Ask(_) => Kind::Ask,
            Self::AskProven(_) => Kind::AskProven,
            Self::Proof(_) => Kind::Proof,
            Self::Block(_) => Kind::Block,
            Self::Have(_) => Kind::Have,
            Self::Cancel(_) => Kind::Cancel,
            Self::Refuse(_) => Kind::Refuse,
            Self::Close(_) => Kind::Close,
            Self::Ping => Kind::Ping,
        }
    }

    /// How many bytes of payload follow the frame.
    pub const fn payload(&self) -> u32 {
        match self {
            Self::Digests(head) => head.count.saturating_mul(DIGEST_LEN),
            Self::Proof(head) => head.count.saturating_mul(DIGEST_LEN),
            Self::Block(head) => head.length,
            _ => 0,
        }
    }

    /// Appends the frame to `out`, but for its payload, which has to follow.
    ///
    /// # Errors
    ///
    /// [`FrameError::Length`] if the body is not within its kind's limits.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let kind = self.kind();
        let start = out.len();
        out.put_u32_le(0);
        out.put_u8(kind as u8);
        self.put_body(out);
        let body = out.len() - start - HEADER_LEN;
        let length = u32::try_from(body).unwrap_or(u32::MAX).saturating_add(self.payload());
        let (least, most) = kind.bounds();
        if length < least || length > most {
            out.truncate(start);
            return Err(FrameError::Length { kind, length, least, most });
        }
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    fn put_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hello(hello) => {
                out.put_u16_le(hello.version);
                out.put_u16_le(hello.asks);
            }
            Self::Open(artifact) => out.put_slice(artifact),
            Self::Opened(opened) => {
                out.put_u64_le(opened.byte_count);
                out.put_u32_le(opened.piece_size);
                out.put_u8(opened.algorithm);
                out.put_slice(&opened.root);
                out.put_u64_le(opened.have.len() as u64);
                out.put_slice(&opened.have);
            }
            Self::Ask(index) | Self::AskProven(index) | Self::Have(index) | Self::Cancel(index) => {
                out.put_u32_le(*index);
            }
            Self::Refuse(Refuse { index, code }) => {
                out.put_u8(index.is_some().into());
                if let Some(index) = index {
                    out.put_u32_le(*index);
                }
                out.put_u16_le(*code);
            }
            Self::Close(code) => out.put_u16_le(*code),
            Self::Learn | Self::Ping => {}
            Self::Digests(head) => out.put_u32_le(head.first),
            Self::Proof(head) => out.put_u32_le(head.index),
            Self::Block(head) => {
                out.put_u32_le(head.index);
                out.put_u32_le(head.offset);
            }
        }
    }

    /// Reads a frame of which `body` is all that stands before its payload.
    ///
    /// # Errors
    ///
    /// [`FrameError::Body`] unless [`Self::encode`] writes exactly that; of a hello, whatever stands
    /// behind its members is ignored.
    pub fn decode(header: Header, body: &[u8]) -> Result<Self, FrameError> {
        Self::read(header, body).ok_or(FrameError::Body(header.kind))
    }

    fn read(header: Header, mut body: &[u8]) -> Option<Self> {
        let kind = header.kind;
        let siblings = |head: u32| {
            let payload = header.length.checked_sub(head)?;
            payload.is_multiple_of(DIGEST_LEN).then_some(payload / DIGEST_LEN)
        };
        let expected = kind.head().unwrap_or(header.length);
        if body.len() != expected as usize {
            return None;
        }
        let body = &mut body;
        let frame = match kind {
            Kind::Hello => {
                let hello = Hello {
                    version: body.try_get_u16_le().ok()?,
                    asks: body.try_get_u16_le().ok()?,
                };
                return Some(Self::Hello(hello));
            }
            Kind::Open => Self::Open(array(body)?),
            Kind::Opened => {
                let byte_count = body.try_get_u64_le().ok()?;
                let piece_size = body.try_get_u32_le().ok()?;
                let algorithm = body.try_get_u8().ok()?;
                let root = array(body)?;
                let length = usize::try_from(body.try_get_u64_le().ok()?).ok()?;
                let have = body.get(..length)?.to_vec();
                body.advance(length);
                Self::Opened(Opened { byte_count, piece_size, algorithm, root, have })
            }
            Kind::Learn => Self::Learn,
            Kind::Ping => Self::Ping,
            Kind::Ask => Self::Ask(body.try_get_u32_le().ok()?),
            Kind::AskProven => Self::AskProven(body.try_get_u32_le().ok()?),
            Kind::Have => Self::Have(body.try_get_u32_le().ok()?),
            Kind::Cancel => Self::Cancel(body.try_get_u32_le().ok()?),
            Kind::Refuse => {
                let index = match body.try_get_u8().ok()? {
                    0 => None,
                    1 => Some(body.try_get_u32_le().ok()?),
                    _ => return None,
                };
                Self::Refuse(Refuse { index, code: body.try_get_u16_le().ok()? })
            }
            Kind::Close => Self::Close(body.try_get_u16_le().ok()?),
            Kind::Digests => Self::Digests(DigestsHead {
                first: body.try_get_u32_le().ok()?,
                count: siblings(4)?,
            }),
            Kind::Proof => {
                Self::Proof(ProofHead { index: body.try_get_u32_le().ok()?, count: siblings(4)? })
            }
            Kind::Block => Self::Block(BlockHead {
                index: body.try_get_u32_le().ok()?,
                offset: body.try_get_u32_le().ok()?,
                length: header.length.checked_sub(8)?,
            }),
        };
        body.is_empty().then_some(frame)
    }
}

fn array(body: &mut &[u8]) -> Option<[u8; 32]> {
    let (array, rest) = body.split_first_chunk::<32>()?;
    *body = rest;
    Some(*array)
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
