//! Digests as types: a digest is not a byte array (docs/formats.md 2 and 7).
//!
//! Each is 32 bytes; in text, a tag and 64 uppercase hex digits, and there is no other spelling.
//!
//! ```
//! use verifier::{ChunkAlgorithm, Root, Sha256};
//!
//! let digest = Sha256::of(b"abc");
//! let text = digest.to_string();
//! assert!(text.starts_with("sha256:BA7816BF8F01CFEA"));
//! assert_eq!(Sha256::parse(&text), Some(digest));
//! assert_eq!(Sha256::parse(&text.to_lowercase()), None);
//! // A root knows the algorithm that made it, and its tag says which.
//! let root = Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [0; 32]);
//! assert!(root.to_string().starts_with("blake3:0000"));
//! assert_eq!(Root::parse(&root.to_string(), ChunkAlgorithm::FixedSizeMerkleV0), None);
//! ```

use std::fmt;

use data_encoding::HEXUPPER;
use lanes::{Beside, Running};
use sha2::Digest as _;

/// Length of every digest in the formats, in bytes: that of SHA-256 and of BLAKE3.
pub const DIGEST_LEN: usize = 32;

/// A SHA-256 digest; shown as `sha256:` and 64 uppercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; DIGEST_LEN]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Takes 32 bytes as a digest.
    pub const fn from_bytes(bytes: [u8; DIGEST_LEN]) -> Self {
        Self(bytes)
    }

    /// The digest's 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.0
    }

    /// Reads `sha256:` and 64 uppercase hex digits, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        parse_tagged(text, "sha256:").map(Self)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A running SHA-256, for bytes that come in parts, and what takes in the same bytes beside it.
#[derive(Debug, Clone)]
pub struct Sha256Stream<B = ()>(Running<B>);

impl Default for Sha256Stream {
    fn default() -> Self {
        Self::new(())
    }
}

impl<B: Beside> Sha256Stream<B> {
    /// Starts with no bytes.
    pub(crate) const fn new(beside: B) -> Self {
        Self(Running::new(beside))
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Sha256 {
        self.finish_both().0
    }

    /// The same, and what took the bytes in beside it.
    pub(crate) fn finish_both(self) -> (Sha256, B) {
        let (digest, beside) = self.0.finish();
        (Sha256(digest), beside)
    }

    /// Takes the same bytes into two digests, which takes less time than into one after the other.
    pub(crate) fn update_both(one: &mut Sha256Stream, other: &mut Self, bytes: &[u8]) {
        Running::update_both(&mut one.0, &mut other.0, bytes);
    }
}

/// How an artifact's chunks are hashed, and how their digests lead to a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkAlgorithm {
    /// SHA-256 of each chunk under a separated Merkle tree (docs/formats.md 7.2).
    FixedSizeMerkleV0,
    /// Chaining values of the BLAKE3 tree over the whole file (docs/formats.md 7.3).
    Blake3TreeV0,
}

impl ChunkAlgorithm {
    /// The words for the algorithms, in the order of the variants.
    pub const WORDS: [&'static str; 2] =
        [Self::FixedSizeMerkleV0.as_str(), Self::Blake3TreeV0.as_str()];

    /// The word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixedSizeMerkleV0 => "fixed-size-merkle-v0",
            Self::Blake3TreeV0 => "blake3-tree-v0",
        }
    }

    /// Reads the word that documents use.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::FixedSizeMerkleV0, Self::Blake3TreeV0].into_iter().find(|a| a.as_str() == text)
    }

    /// What stands before the hex digits of a root: `sha256:` or `blake3:`.
    pub const fn root_tag(self) -> &'static str {
        match self {
            Self::FixedSizeMerkleV0 => "sha256:",
            Self::Blake3TreeV0 => "blake3:",
        }
    }

    /// What stands before the hex digits of a chunk digest: `sha256:` or `blake3cv:`.
    pub const fn digest_tag(self) -> &'static str {
        match self {
            Self::FixedSizeMerkleV0 => "sha256:",
            Self::Blake3TreeV0 => "blake3cv:",
        }
    }
}

impl fmt::Display for ChunkAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digest of one chunk, d_i of docs/formats.md 7.2 and 7.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkDigest([u8; DIGEST_LEN]);

impl ChunkDigest {
    /// Takes 32 bytes as a chunk's digest.
    pub const fn from_bytes(bytes: [u8; DIGEST_LEN]) -> Self {
        Self(bytes)
    }

    /// The digest's 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.0
    }

    /// Reads a chunk list's value, whose tag depends on the algorithm.
    pub fn parse(text: &str, algorithm: ChunkAlgorithm) -> Option<Self> {
        parse_tagged(text, algorithm.digest_tag()).map(Self)
    }

    /// The digest with its tag, as a chunk list has it.
    pub fn to_text(self, algorithm: ChunkAlgorithm) -> String {
        format!("{}{}", algorithm.digest_tag(), HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for ChunkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

/// The root over an artifact's chunks, and the algorithm that made it (docs/formats.md 7.2, 7.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root {
    algorithm: ChunkAlgorithm,
    bytes: [u8; DIGEST_LEN],
}

impl Root {
    /// Takes 32 bytes as a root made by `algorithm`.
    pub const fn from_bytes(algorithm: ChunkAlgorithm, bytes: [u8; DIGEST_LEN]) -> Self {
        Self { algorithm, bytes }
    }

    /// Reads a root's text: `sha256:` or `blake3:`, as the algorithm wants, and 64 uppercase hex
    /// digits.
    pub fn parse(text: &str, algorithm: ChunkAlgorithm) -> Option<Self> {
        parse_tagged(text, algorithm.root_tag()).map(|bytes| Self { algorithm, bytes })
    }

    /// The algorithm that leads to this root.
    pub const fn algorithm(&self) -> ChunkAlgorithm {
        self.algorithm
    }

    /// The root's 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.bytes
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.algorithm.root_tag(), HEXUPPER.encode(&self.bytes))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn parse_tagged(text: &str, tag: &str) -> Option<[u8; DIGEST_LEN]> {
    let hex = text.strip_prefix(tag)?;
    if hex.len() != 2 * DIGEST_LEN {
        return None;
    }
    let mut bytes = [0; DIGEST_LEN];
    HEXUPPER.decode_mut(hex.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{ChunkAlgorithm, Root, Sha256};

    #[test]
    fn a_digest_is_read_back_as_it_is_shown() {
        let digest = Sha256::of(b"abc");
        assert_eq!(Sha256::parse(&digest.to_string()), Some(digest));
        assert_eq!(Sha256::parse(&digest.to_string().to_lowercase()), None);
        assert_eq!(Sha256::parse("sha256:00"), None);
    }

    #[test]
    fn a_root_wants_the_tag_of_its_algorithm() {
        let root = Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [7; 32]);
        let text = root.to_string();
        assert_eq!(Root::parse(&text, ChunkAlgorithm::Blake3TreeV0), Some(root));
        assert_eq!(Root::parse(&text, ChunkAlgorithm::FixedSizeMerkleV0), None);
    }
}
