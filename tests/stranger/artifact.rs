//! What a manifest says of an artifact, and the trees of docs/formats.md section 7 over its pieces.

use std::collections::BTreeMap;

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use data_encoding::HEXUPPER;
use sha2::{Digest as _, Sha256};

/// A digest, a leaf, a node or a root.
pub type Hash = [u8; 32];

/// What a manifest says of an artifact.
#[derive(Debug)]
pub struct Artifact {
    pub sha256: Hash,
    pub byte_count: u64,
    pub piece_size: u32,
    pub pieces: u32,
    pub tree: Tree,
    pub root: Hash,
}

/// How the root is made from the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    Sha256,
    Blake3,
}

impl Artifact {
    pub fn of(manifest: &BTreeMap<String, String>) -> Self {
        let hash = |key: &str| -> Hash {
            let (_, hex) = manifest[key].split_once(':').unwrap();
            HEXUPPER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
        };
        Self {
            sha256: hash("artifact.sha256"),
            byte_count: manifest["artifact.byte_count"].parse().unwrap(),
            piece_size: manifest["chunking.chunk_size"].parse().unwrap(),
            pieces: manifest["chunking.chunk_count"].parse().unwrap(),
            tree: match manifest["chunking.algorithm"].as_str() {
                "fixed-size-merkle-v0" => Tree::Sha256,
                "blake3-tree-v0" => Tree::Blake3,
                other => panic!("an algorithm named {other}"),
            },
            root: hash("chunking.merkle_root"),
        }
    }

    /// Where a piece begins in the artifact, and where it ends.
    pub fn place(&self, index: u32) -> (u64, u64) {
        let start = u64::from(index) * u64::from(self.piece_size);
        (start, self.byte_count.min(start + u64::from(self.piece_size)))
    }

    /// The digest of a piece.
    pub fn digest(&self, index: u32, piece: &[u8]) -> Hash {
        match self.tree {
            Tree::Sha256 => Sha256::digest(piece).into(),
            Tree::Blake3 if self.pieces == 1 => blake3::hash(piece).into(),
            Tree::Blake3 => {
                let mut hasher = blake3::Hasher::new();
                hasher.set_input_offset(self.place(index).0).update(piece).finalize_non_root()
            }
        }
    }

    /// Where a piece's digest and the siblings lead, if they are as many as they have to be.
    pub fn proven(&self, index: u32, digest: Hash, siblings: &[Hash]) -> Option<Hash> {
        let mut siblings = siblings.iter();
        let (mut place, mut width, mut node) = (index, self.pieces, self.tree.leaf(digest));
        while width > 1 {
            if place ^ 1 < width {
                let sibling = siblings.next()?;
                let pair = if place % 2 == 1 { [sibling, &node] } else { [&node, sibling] };
                node = self.tree.node(pair, width == 2);
            }
            (place, width) = (place / 2, width.div_ceil(2));
        }
        siblings.next().is_none().then_some(node)
    }

    /// The root over the digests of all pieces.
    pub fn root_of(&self, digests: &[Hash]) -> Hash {
        let mut level: Vec<Hash> = digests.iter().map(|digest| self.tree.leaf(*digest)).collect();
        while level.len() > 1 {
            let is_top = level.len() == 2;
            let up = |pair: &[Hash]| match pair {
                [left, right] => self.tree.node([left, right], is_top),
                alone => alone[0],
            };
            level = level.chunks(2).map(up).collect();
        }
        level[0]
    }
}

impl Tree {
    /// How a frame names it.
    pub fn code(self) -> u8 {
        match self {
            Self::Sha256 => 0,
            Self::Blake3 => 1,
        }
    }

    fn leaf(self, digest: Hash) -> Hash {
        match self {
            Self::Sha256 => Sha256::new().chain_update([0]).chain_update(digest).finalize().into(),
            Self::Blake3 => digest,
        }
    }

    fn node(self, [left, right]: [&Hash; 2], is_top: bool) -> Hash {
        match self {
            Self::Sha256 => Sha256::new()
                .chain_update([1])
                .chain_update(left)
                .chain_update(right)
                .finalize()
                .into(),
            Self::Blake3 if is_top => merge_subtrees_root(left, right, Mode::Hash).into(),
            Self::Blake3 => merge_subtrees_non_root(left, right, Mode::Hash),
        }
    }
}
