//! What is measured: work that imports and checks are made of, each beside its raw counterpart.

use std::fmt;

use serde::{Deserialize, Serialize};
use verifier::ChunkAlgorithm;

use super::Plan;

/// The piece sizes that are measured, in bytes.
const PIECE_SIZES: [u32; 4] = [64 << 10, 256 << 10, 1 << 20, 4 << 20];
/// The piece size of a whole artifact, in bytes.
pub(super) const PIECE_SIZE: u32 = 256 << 10;
/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Every piece of the artifact is verified by its digest: one after the other if they lie in
    /// memory, some together as they are read from a file. Raw: the hash alone, over the same pieces
    /// in memory, one after the other, on as many cores.
    Pieces {
        /// How pieces are hashed.
        hash: Hash,
        /// The length of a piece in bytes.
        piece_size: u32,
        /// Where the pieces come from.
        from: Place,
        /// How many threads verify.
        cores: u32,
    },
    /// Every piece of the artifact lies in memory and is verified by its SHA-256, several at once.
    /// Raw: the hash alone, one piece after the other, on as many cores.
    AtOnce {
        /// The length of a piece in bytes.
        piece_size: u32,
        /// How many threads verify.
        cores: u32,
    },
    /// The root over chunk digests. Raw: the hashes of as many leaves and nodes.
    Root {
        /// How the tree is hashed.
        hash: Hash,
        /// How many digests there are.
        chunks: u32,
    },
    /// A whole tree, from which proofs are made. Raw: as for the root.
    Tree {
        /// How the tree is hashed.
        hash: Hash,
        /// How many digests there are.
        chunks: u32,
    },
    /// One proof is checked. Raw: the hashes of as many nodes as are on its way.
    Proof {
        /// How the tree is hashed.
        hash: Hash,
        /// How many digests there are.
        chunks: u32,
    },
    /// A chunk list file is read and proven against its root. Raw: as for the root.
    List {
        /// How the tree is hashed.
        hash: Hash,
        /// How many digests there are.
        chunks: u32,
    },
    /// A manifest about as long as the limit is read. Raw: its SHA-256.
    Manifest,
    /// The container in memory is validated on one core. Raw: its checksum.
    Container,
    /// The artifact's file is verified against its manifest. Raw: the file is read and its
    /// checksum computed, the slowest single pass of them all.
    Artifact {
        /// How chunks are hashed.
        hash: Hash,
    },
}

/// A hash, with the chunk algorithm that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    /// SHA-256, with `fixed-size-merkle-v0`.
    Sha256,
    /// BLAKE3, with `blake3-tree-v0`.
    Blake3,
}

/// Where pieces come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// They lie in memory.
    Memory,
    /// They are read from a file that the system has in its page cache.
    File,
}

impl Hash {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Blake3];

    /// The chunk algorithm that uses this hash.
    pub const fn algorithm(self) -> ChunkAlgorithm {
        match self {
            Self::Sha256 => ChunkAlgorithm::FixedSizeMerkleV0,
            Self::Blake3 => ChunkAlgorithm::Blake3TreeV0,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Blake3 => "BLAKE3",
        })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Pieces { hash, piece_size, from, cores } => {
                let from = match from {
                    Place::Memory => "memory",
                    Place::File => "file",
                };
                let (size, cores) = (Size(piece_size), Cores(cores));
                write!(f, "{hash} pieces of {size}, {from}, {cores}")
            }
            Self::AtOnce { piece_size, cores } => {
                let (size, cores) = (Size(piece_size), Cores(cores));
                write!(f, "SHA-256 pieces of {size} at once, {cores}")
            }
            Self::Root { hash, chunks } => write!(f, "{hash} root over {} chunks", Grouped(chunks)),
            Self::Tree { hash, chunks } => write!(f, "{hash} tree of {} chunks", Grouped(chunks)),
            Self::Proof { hash, chunks } => {
                write!(f, "{hash} proof among {} chunks", Grouped(chunks))
            }
            Self::List { hash, chunks } => {
                write!(f, "{hash} list file of {} chunks", Grouped(chunks))
            }
            Self::Manifest => f.write_str("manifest at its limit"),
            Self::Container => f.write_str("container in memory, 1 core"),
            Self::Artifact { hash } => write!(f, "whole artifact, {hash} chunks, file"),
        }
    }
}

/// The length of a piece, for people.
struct Size(u32);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 >> 20 {
            0 => write!(f, "{} KiB", self.0 >> 10),
            mebibytes => write!(f, "{mebibytes} MiB"),
        }
    }
}

struct Cores(u32);

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} core{plural}", self.0)
    }
}

/// A number with a comma before every three digits.
struct Grouped(u32);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Self(self.0 / 1_000), self.0 % 1_000)
    }
}

impl Work {
    /// Every work of a plan, in the order they are done.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let mut works = Vec::new();
        let mut cores = vec![1, plan.cores];
        cores.dedup();
        for hash in Hash::ALL {
            for from in [Place::Memory, Place::File] {
                for cores in cores.iter().copied() {
                    works.extend(PIECE_SIZES.map(|piece_size| Self::Pieces {
                        hash,
                        piece_size,
                        from,
                        cores,
                    }));
                }
            }
        }
        for cores in cores {
            works.extend(PIECE_SIZES.map(|piece_size| Self::AtOnce { piece_size, cores }));
        }
        let chunks = plan.chunks;
        for hash in Hash::ALL {
            works.push(Self::Root { hash, chunks });
            works.push(Self::Tree { hash, chunks });
            works.push(Self::Proof { hash, chunks });
            works.push(Self::List { hash, chunks });
        }
        works.push(Self::Manifest);
        works.push(Self::Container);
        works.extend(Hash::ALL.map(|hash| Self::Artifact { hash }));
        works
    }

    /// Whether a row of this work counts bytes, and not chunks or proofs.
    pub const fn counts_bytes(&self) -> bool {
        !matches!(
            self,
            Self::Root { .. } | Self::Tree { .. } | Self::Proof { .. } | Self::List { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, Work};

    #[test]
    fn works_are_named_for_people() {
        for (chunks, text) in [
            (7, "BLAKE3 root over 7 chunks"),
            (1_000, "BLAKE3 root over 1,000 chunks"),
            (1_048_576, "BLAKE3 root over 1,048,576 chunks"),
        ] {
            assert_eq!(Work::Root { hash: Hash::Blake3, chunks }.to_string(), text);
        }
        for (piece_size, cores, text) in [
            (256 << 10, 1, "SHA-256 pieces of 256 KiB at once, 1 core"),
            (4 << 20, 2, "SHA-256 pieces of 4 MiB at once, 2 cores"),
        ] {
            assert_eq!(Work::AtOnce { piece_size, cores }.to_string(), text);
        }
    }
}
