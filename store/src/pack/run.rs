//! A run: one header block, and the pieces that it describes.

use verifier::ChunkAlgorithm;
use verifier::digest::{ChunkDigest, DIGEST_LEN};

/// Headers and pieces start at multiples of this, in bytes, so that a piece's space can be given
/// back by itself.
pub(crate) const BLOCK: u64 = 4_096;
const BLOCK_LEN: usize = 4_096;

/// The most pieces that one header describes.
pub(crate) const RUN_LIMIT: usize = (BLOCK_LEN - HEAD) / ENTRY;

const MAGIC: &[u8; 8] = b"MMRUN 0\n";
const HEAD: usize = 16;
const ENTRY: usize = 4 + 4 + 2 * DIGEST_LEN;

/// What a header says of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Described {
    /// Its length, in bytes.
    pub(crate) length: u32,
    /// The algorithm of `digest`.
    pub(crate) algorithm: ChunkAlgorithm,
    /// The digest that it was verified by.
    pub(crate) digest: ChunkDigest,
    /// The BLAKE3 of its bytes.
    pub(crate) address: [u8; 32],
}

impl Described {
    pub(crate) fn blocks(&self) -> u64 {
        blocks(self.length)
    }
}

/// Blocks that so many bytes take.
pub(crate) fn blocks(length: u32) -> u64 {
    u64::from(length).div_ceil(BLOCK)
}

/// The pieces of a run, in the order in which they lie behind its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pieces: Vec<Described>,
}

impl Run {
    /// A run of at most [`RUN_LIMIT`] pieces, and at least one.
    pub(crate) fn new(pieces: Vec<Described>) -> Option<Self> {
        (1..=RUN_LIMIT).contains(&pieces.len()).then_some(Self { pieces })
    }

    pub(crate) fn pieces(&self) -> &[Described] {
        &self.pieces
    }

    /// A piece and where it starts, in blocks from the header.
    pub(crate) fn piece(&self, entry: u8) -> Option<(&Described, u64)> {
        let before = self.pieces.get(..usize::from(entry))?;
        let start = 1 + before.iter().map(Described::blocks).sum::<u64>();
        self.pieces.get(usize::from(entry)).map(|piece| (piece, start))
    }

    /// Blocks that header and pieces take.
    pub(crate) fn blocks(&self) -> u64 {
        1 + self.pieces.iter().map(Described::blocks).sum::<u64>()
    }

    /// The header block.
    pub(crate) fn encode(&self) -> [u8; BLOCK_LEN] {
        let mut bytes = Vec::with_capacity(BLOCK_LEN);
        bytes.extend(MAGIC);
        bytes.extend((u32::try_from(self.pieces.len()).unwrap_or(0)).to_le_bytes());
        bytes.extend([0; 4]);
        for piece in &self.pieces {
            bytes.extend(piece.length.to_le_bytes());
            bytes.extend(tag(piece.algorithm).to_le_bytes());
            bytes.extend(piece.digest.as_bytes());
            bytes.extend(piece.address);
        }
        let mut block = [0; BLOCK_LEN];
        for (into, from) in block.iter_mut().zip(bytes) {
            *into = from;
        }
        let sum = checksum(&block).to_le_bytes();
        for (into, from) in block.iter_mut().skip(HEAD - 4).zip(sum) {
            *into = from;
        }
        block
    }

    /// Reads a header block; `None` unless it is one, whole.
    pub(crate) fn decode(block: &[u8; BLOCK_LEN]) -> Option<Self> {
        let rest = block.strip_prefix(MAGIC)?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (sum, mut rest) = rest.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*sum) != checksum(block) {
            return None;
        }
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        if !(1..=RUN_LIMIT).contains(&count) {
            return None;
        }
        let mut pieces = Vec::with_capacity(count);
        for _ in 0..count {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (tag, after) = after.split_first_chunk::<4>()?;
            let (digest, after) = after.split_first_chunk::<DIGEST_LEN>()?;
            let (address, after) = after.split_first_chunk::<32>()?;
            rest = after;
            pieces.push(Described {
                length: u32::from_le_bytes(*length),
                algorithm: untag(u32::from_le_bytes(*tag))?,
                digest: ChunkDigest::from_bytes(*digest),
                address: *address,
            });
        }
        Self::new(pieces)
    }
}

/// The CRC of a header block as if its checksum field were not there.
fn checksum(block: &[u8; BLOCK_LEN]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let (before, after) = block.split_at(HEAD - 4);
    crc.update(before);
    crc.update(after.get(4..).unwrap_or_default());
    crc.finalize()
}

pub(crate) const fn tag(algorithm: ChunkAlgorithm) -> u32 {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => 0,
        ChunkAlgorithm::Blake3TreeV0 => 1,
    }
}

pub(crate) const fn untag(tag: u32) -> Option<ChunkAlgorithm> {
    match tag {
        0 => Some(ChunkAlgorithm::FixedSizeMerkleV0),
        1 => Some(ChunkAlgorithm::Blake3TreeV0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use verifier::ChunkAlgorithm;
    use verifier::digest::ChunkDigest;

    use super::{BLOCK_LEN, Described, RUN_LIMIT, Run};

    fn run(count: usize) -> Run {
        let piece = |length: u32| Described {
            length,
            algorithm: ChunkAlgorithm::Blake3TreeV0,
            digest: ChunkDigest::from_bytes([1; 32]),
            address: [2; 32],
        };
        Run::new((1..=count).map(|n| piece(u32::try_from(n).unwrap() * 4_096 + 1)).collect())
            .unwrap()
    }

    #[test]
    fn a_header_comes_back_whole() {
        for count in [1, 2, RUN_LIMIT] {
            let run = run(count);
            assert_eq!(Run::decode(&run.encode()), Some(run.clone()));
        }
        assert_eq!(run(3).piece(2).unwrap().1, 1 + 2 + 3);
        assert_eq!(run(3).blocks(), 1 + 2 + 3 + 4);
        assert!(run(3).piece(3).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_bit_is_found(at in 0..BLOCK_LEN, bit in 0..8) {
            let mut block = run(RUN_LIMIT).encode();
            block[at] ^= 1_u8 << bit;
            prop_assert!(Run::decode(&block).is_none());
        }
    }
}
