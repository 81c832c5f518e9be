//! The Merkle tree over chunk digests: leaves and nodes hashed apart, one spelling a proof
//! (docs/formats.md 7.2 to 7.4).
//!
//! Both algorithms have the same shape of tree: an odd last node moves up unchanged, so the left
//! subtree over m digests has the largest power of two below m. They differ in how a leaf, an inner
//! node and the topmost node are hashed: the byte 00 or 01 in front, as RFC 6962 has it for leaves
//! and nodes, or the parent nodes of the BLAKE3 paper. A tree has at most 1,048,576 chunks, so a
//! proof has at most 20 siblings.
//!
//! ```
//! use verifier::digest::ChunkDigest;
//! use verifier::merkle::{PieceTree, ProofError, root};
//! use verifier::{ChunkAlgorithm, Sha256};
//!
//! // docs/formats.md 7.2: three chunks, chunk i being the byte i four times.
//! let digests: Vec<_> =
//!     (0..3_u8).map(|i| ChunkDigest::from_bytes(*Sha256::of(&[i; 4]).as_bytes())).collect();
//! let tree = PieceTree::new(ChunkAlgorithm::FixedSizeMerkleV0, &digests).ok_or("no digests")?;
//! assert_eq!(
//!     tree.root().to_string(),
//!     "sha256:06C323AF2793520DD46C616F0F75EBC9AF9ABFBD13A946E50EB04068C338F686"
//! );
//! assert_eq!(root(ChunkAlgorithm::FixedSizeMerkleV0, &digests), Some(tree.root()));
//!
//! let proof = tree.proof(2).ok_or("no such chunk")?;
//! assert_eq!(proof.siblings().len(), 1);
//! assert_eq!(proof.verify(digests[2], 2, 3, tree.root()), Ok(()));
//! assert_eq!(
//!     proof.verify(digests[2], 1, 3, tree.root()),
//!     Err(ProofError::Length { found: 1, expected: 2 })
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use blake3::hazmat::{Mode, merge_subtrees_non_root, merge_subtrees_root};
use rs_merkle::{Hasher, MerkleTree};
use sha2::Digest as _;

use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::digest::{ChunkAlgorithm, ChunkDigest, DIGEST_LEN, Root};
use crate::geometry::CHUNK_LIMITS;

type Node = [u8; DIGEST_LEN];

/// The rule of docs/formats.md 7.2, under its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MerkleProfile {
    /// Leaves are hashed behind a byte 00, inner nodes behind a byte 01, as in RFC 6962; but a leaf
    /// is over a chunk's digest, not over the chunk.
    Separated,
}

impl MerkleProfile {
    /// The leaf over a chunk's digest.
    fn leaf(self, digest: &[u8]) -> Node {
        match self {
            Self::Separated => {
                sha2::Sha256::new().chain_update([0x00]).chain_update(digest).finalize().into()
            }
        }
    }

    /// The node over two nodes or leaves.
    fn node(self, left: &Node, right: &Node) -> Node {
        match self {
            Self::Separated => sha2::Sha256::new()
                .chain_update([0x01])
                .chain_update(left)
                .chain_update(right)
                .finalize()
                .into(),
        }
    }
}

/// The root over `digests`; `None` if there are none.
///
/// Takes memory for a path of the tree, not for the tree.
pub fn root(algorithm: ChunkAlgorithm, digests: &[ChunkDigest]) -> Option<Root> {
    let mut fold = RootFold::new(algorithm);
    for digest in digests {
        fold.push(*digest);
    }
    fold.finish()
}

/// A root in the making: takes digests in order and keeps one node a level.
#[derive(Debug, Clone)]
pub struct RootFold {
    algorithm: ChunkAlgorithm,
    path: Vec<(u32, Node)>,
}

impl RootFold {
    /// Starts with no digest.
    pub const fn new(algorithm: ChunkAlgorithm) -> Self {
        Self { algorithm, path: Vec::new() }
    }

    /// Takes in the next chunk's digest.
    pub fn push(&mut self, digest: ChunkDigest) {
        // Merging waits until one more digest is there, because BLAKE3 hashes the topmost node
        // in its own way and only the end tells which one that is.
        while let [.., (low, left), (high, right)] = self.path.as_slice() {
            if low != high {
                break;
            }
            let merged = (low + 1, node(self.algorithm, left, right));
            self.path.truncate(self.path.len() - 2);
            self.path.push(merged);
        }
        self.path.push((0, leaf(self.algorithm, &digest)));
    }

    /// The root over what was taken in; `None` if that is nothing.
    pub fn finish(mut self) -> Option<Root> {
        let (_, mut top) = self.path.pop()?;
        while let Some((_, left)) = self.path.pop() {
            top = if self.path.is_empty() {
                topmost(self.algorithm, &left, &top)
            } else {
                node(self.algorithm, &left, &top)
            };
        }
        Some(Root::from_bytes(self.algorithm, top))
    }
}

/// A whole tree in memory, for making proofs.
pub struct PieceTree {
    root: Root,
    count: u32,
    nodes: Nodes,
}

enum Nodes {
    Sha256(MerkleTree<Separated>),
    Blake3(MerkleTree<ChainingValues>),
}

impl PieceTree {
    /// Builds the tree over `digests`; `None` if there are none or more than the limit.
    pub fn new(algorithm: ChunkAlgorithm, digests: &[ChunkDigest]) -> Option<Self> {
        let count = u32::try_from(digests.len()).ok().filter(|n| *n <= CHUNK_LIMITS.max_count)?;
        let root = root(algorithm, digests)?;
        let leaves: Vec<Node> = digests.iter().map(|digest| leaf(algorithm, digest)).collect();
        let nodes = match algorithm {
            ChunkAlgorithm::FixedSizeMerkleV0 => Nodes::Sha256(MerkleTree::from_leaves(&leaves)),
            ChunkAlgorithm::Blake3TreeV0 => Nodes::Blake3(MerkleTree::from_leaves(&leaves)),
        };
        Some(Self { root, count, nodes })
    }

    /// The tree's root.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The proof that chunk `index` stands under the root; `None` if there is no such chunk.
    pub fn proof(&self, index: u32) -> Option<Proof> {
        if index >= self.count {
            return None;
        }
        let at = [index as usize];
        Some(Proof {
            siblings: match &self.nodes {
                Nodes::Sha256(tree) => tree.proof(&at).proof_hashes().to_vec(),
                Nodes::Blake3(tree) => tree.proof(&at).proof_hashes().to_vec(),
            },
        })
    }
}

/// The siblings on the way from a chunk's digest to the root, bottom-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    siblings: Vec<Node>,
}

/// The proof format of docs/formats.md 7.4, under its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofFormat {
    /// 32 bytes a sibling, bottom-up, exactly as many as the tree's shape gives.
    V0,
}

impl ProofFormat {
    /// How many siblings a proof has for chunk `index` of `count`.
    pub fn sibling_count(self, index: u64, count: u64) -> usize {
        match self {
            Self::V0 => {
                let (mut place, mut width, mut siblings) = (index, count, 0);
                while width > 1 {
                    siblings += usize::from((place ^ 1) < width);
                    place /= 2;
                    width = width.div_ceil(2);
                }
                siblings
            }
        }
    }
}

/// Why a proof does not lead to the root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree has no such chunk, or there can be no such tree.
    #[error(
        "chunk {index} of {count} is in no tree, expected an index below a count of 1 to {max}",
        max = CHUNK_LIMITS.max_count
    )]
    Index {
        /// The index that was asked about.
        index: u64,
        /// The number of chunks that was claimed.
        count: u64,
    },
    /// Too few siblings, or a sibling too many.
    #[error("proof has {found} siblings, expected {expected}")]
    Length {
        /// How many the proof has.
        found: usize,
        /// How many the chunk's place in the tree wants.
        expected: usize,
    },
    /// The siblings lead to another root.
    #[error("proof leads to {found}, expected {expected}")]
    Root {
        /// Where the proof leads.
        found: Root,
        /// The root it should lead to.
        expected: Root,
    },
}

impl Coded for ProofError {
    fn code(&self) -> Code {
        Code::new(
            "proof",
            match self {
                Self::Index { .. } => "index",
                Self::Length { .. } => "length",
                Self::Root { .. } => "root",
            },
        )
    }

    fn advice(&self) -> Advice {
        Advice::new("None of it was kept. Ask another peer for the piece.")
    }
}

impl Proof {
    /// Takes siblings from outside; [`Self::verify`] judges them, and compares their number before
    /// it copies or hashes any.
    pub const fn from_siblings(siblings: Vec<Node>) -> Self {
        Self { siblings }
    }

    /// The siblings, bottom-up.
    pub fn siblings(&self) -> &[Node] {
        &self.siblings
    }

    /// Checks that `digest` stands at `index` among `count` chunks under `root`.
    ///
    /// A proof does not authenticate `count`: take it from a verified manifest.
    ///
    /// # Errors
    ///
    /// [`ProofError`], in the order of docs/formats.md 7.4: the index, the number of siblings, the
    /// root.
    pub fn verify(
        &self,
        digest: ChunkDigest,
        index: u64,
        count: u64,
        root: Root,
    ) -> Result<(), ProofError> {
        self.check_length(index, count)?;
        let found = self.root_from(root.algorithm(), digest, index, count);
        if found == root { Ok(()) } else { Err(ProofError::Root { found, expected: root }) }
    }

    /// Checks that there are as many siblings as chunk `index` of `count` has, and hashes nothing.
    pub(crate) fn check_length(&self, index: u64, count: u64) -> Result<(), ProofError> {
        if count == 0 || count > u64::from(CHUNK_LIMITS.max_count) || index >= count {
            return Err(ProofError::Index { index, count });
        }
        let expected = ProofFormat::V0.sibling_count(index, count);
        if self.siblings.len() != expected {
            return Err(ProofError::Length { found: self.siblings.len(), expected });
        }
        Ok(())
    }

    /// The root that the siblings lead to; there are as many as the tree's shape wants.
    fn root_from(
        &self,
        algorithm: ChunkAlgorithm,
        digest: ChunkDigest,
        index: u64,
        count: u64,
    ) -> Root {
        let mut siblings = self.siblings.iter();
        let (mut place, mut width) = (index, count);
        let mut top = leaf(algorithm, &digest);
        while width > 1 {
            if (place ^ 1) < width
                && let Some(sibling) = siblings.next()
            {
                let (left, right) = if place % 2 == 1 { (sibling, &top) } else { (&top, sibling) };
                top = if width == 2 {
                    topmost(algorithm, left, right)
                } else {
                    node(algorithm, left, right)
                };
            }
            place /= 2;
            width = width.div_ceil(2);
        }
        Root::from_bytes(algorithm, top)
    }
}

fn leaf(algorithm: ChunkAlgorithm, digest: &ChunkDigest) -> Node {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => Separated::hash(digest.as_bytes()),
        ChunkAlgorithm::Blake3TreeV0 => *digest.as_bytes(),
    }
}

fn node(algorithm: ChunkAlgorithm, left: &Node, right: &Node) -> Node {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => Separated::concat_and_hash(left, Some(right)),
        ChunkAlgorithm::Blake3TreeV0 => ChainingValues::concat_and_hash(left, Some(right)),
    }
}

fn topmost(algorithm: ChunkAlgorithm, left: &Node, right: &Node) -> Node {
    match algorithm {
        ChunkAlgorithm::FixedSizeMerkleV0 => node(algorithm, left, right),
        ChunkAlgorithm::Blake3TreeV0 => *merge_subtrees_root(left, right, Mode::Hash).as_bytes(),
    }
}

/// [`MerkleProfile::Separated`] as the tree library wants it.
#[derive(Clone)]
struct Separated;

impl Hasher for Separated {
    type Hash = Node;

    fn hash(data: &[u8]) -> Node {
        MerkleProfile::Separated.leaf(data)
    }

    fn concat_and_hash(left: &Node, right: Option<&Node>) -> Node {
        match right {
            Some(right) => MerkleProfile::Separated.node(left, right),
            None => *left,
        }
    }
}

/// BLAKE3 parent nodes below the topmost, as the tree library wants them. Its root is not BLAKE3's
/// and is never asked for.
#[derive(Clone)]
struct ChainingValues;

impl Hasher for ChainingValues {
    type Hash = Node;

    fn hash(data: &[u8]) -> Node {
        *blake3::hash(data).as_bytes()
    }

    fn concat_and_hash(left: &Node, right: Option<&Node>) -> Node {
        match right {
            Some(right) => merge_subtrees_non_root(left, right, Mode::Hash),
            None => *left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PieceTree, Proof, ProofError, root};
    use crate::digest::{ChunkAlgorithm, ChunkDigest, Sha256};

    const BOTH: [ChunkAlgorithm; 2] =
        [ChunkAlgorithm::FixedSizeMerkleV0, ChunkAlgorithm::Blake3TreeV0];

    fn digests(count: u32) -> Vec<ChunkDigest> {
        (0..count)
            .map(|i| ChunkDigest::from_bytes(*Sha256::of(&i.to_le_bytes()).as_bytes()))
            .collect()
    }

    #[test]
    fn every_proof_of_every_small_tree_leads_to_its_root_and_to_no_other() {
        for algorithm in BOTH {
            for count in 1..20_u32 {
                let digests = digests(count);
                let tree = PieceTree::new(algorithm, &digests).unwrap();
                for index in 0..count {
                    let digest = digests[index as usize];
                    let proof = tree.proof(index).unwrap();
                    let (at, of) = (u64::from(index), u64::from(count));
                    assert_eq!(proof.verify(digest, at, of, tree.root()), Ok(()));
                    let other = ChunkDigest::from_bytes([1; 32]);
                    assert!(matches!(
                        proof.verify(other, at, of, tree.root()),
                        Err(ProofError::Root { .. })
                    ));
                    let mut surplus = proof.siblings().to_vec();
                    surplus.push([0; 32]);
                    assert!(matches!(
                        Proof::from_siblings(surplus).verify(digest, at, of, tree.root()),
                        Err(ProofError::Length { .. })
                    ));
                }
                assert!(tree.proof(count).is_none());
            }
        }
        assert!(root(ChunkAlgorithm::Blake3TreeV0, &[]).is_none());
    }

    #[test]
    fn we_and_the_library_agree_on_separated_roots_and_proofs() {
        for count in 1..70 {
            let digests = digests(count);
            let leaves: Vec<_> =
                digests.iter().map(|d| super::leaf(ChunkAlgorithm::FixedSizeMerkleV0, d)).collect();
            let library = rs_merkle::MerkleTree::<super::Separated>::from_leaves(&leaves);
            let ours = root(ChunkAlgorithm::FixedSizeMerkleV0, &digests).unwrap();
            assert_eq!(library.root(), Some(*ours.as_bytes()));
            for index in 0..count as usize {
                let proof = library.proof(&[index]);
                assert!(proof.verify(
                    *ours.as_bytes(),
                    &[index],
                    &leaves[index..=index],
                    count as usize
                ));
                let siblings = Proof::from_siblings(proof.proof_hashes().to_vec());
                assert_eq!(
                    siblings.verify(digests[index], index as u64, count.into(), ours),
                    Ok(())
                );
            }
        }
    }
}
