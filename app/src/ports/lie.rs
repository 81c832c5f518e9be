//! What peers were caught at: bytes that do not verify.

use std::fmt;

use verifier::digest::{ChunkAlgorithm, ChunkDigest};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Root, Sha256};

/// The most lies of one peer that are remembered.
pub const MOST_LIES: usize = 8;

/// A lie: what a peer sent, in place of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lie {
    /// When it was caught.
    pub time: UtcTime,
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// The artifact.
    pub artifact: Sha256,
    /// What did not verify.
    pub untrue: Untrue,
}

/// What did not verify, by both digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untrue {
    /// A piece, by the list that the manifest's root proves.
    Piece {
        /// Which one.
        index: u32,
        /// How digests of pieces are made.
        algorithm: ChunkAlgorithm,
        /// The digest of the piece.
        wanted: ChunkDigest,
        /// The digest of the bytes that came.
        came: ChunkDigest,
    },
    /// A piece, by the proof that the peer sent with it.
    Proof {
        /// Which piece.
        index: u32,
        /// The manifest's root.
        wanted: Root,
        /// The root that the bytes and their proof lead to.
        came: Root,
    },
    /// A piece list, of which the peer had said that it has the manifest's root.
    List {
        /// The manifest's root.
        wanted: Root,
        /// The root of the list that came.
        came: Root,
    },
}

impl Untrue {
    /// The piece; `None` if it was the list of all of them.
    pub const fn piece(&self) -> Option<u32> {
        match self {
            Self::Piece { index, .. } | Self::Proof { index, .. } => Some(*index),
            Self::List { .. } => None,
        }
    }

    /// The digest that was wanted, and that of what came.
    pub fn digests(&self) -> [String; 2] {
        match self {
            Self::Piece { algorithm, wanted, came, .. } => {
                [wanted, came].map(|digest| digest.to_text(*algorithm))
            }
            Self::Proof { wanted, came, .. } | Self::List { wanted, came } => {
                [wanted, came].map(ToString::to_string)
            }
        }
    }
}

/// In a few words: `piece 7 of tiny 1.0 on 2026-11-26 at 14:00 UTC`.
impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.untrue.piece() {
            Some(index) => write!(f, "piece {index}")?,
            None => f.write_str("the piece list")?,
        }
        let time = self.time.to_string();
        let (day, clock) = time.split_once('T').unwrap_or((&time, ""));
        let minute = clock.get(..5).unwrap_or(clock);
        write!(f, " of {} {} on {day} at {minute} UTC", self.model_id, self.model_version)
    }
}

/// A peer that lied, and whether it is banned: a person alone lifts that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Liar {
    /// What it was caught at, the newest last, at most [`MOST_LIES`].
    pub lies: Vec<Lie>,
    /// Whether imports leave it out.
    pub is_banned: bool,
}

impl Liar {
    /// Remembers one lie more, and bans the peer.
    pub fn lied(&mut self, lie: Lie) {
        self.lies.push(lie);
        let more = self.lies.len().saturating_sub(MOST_LIES);
        self.lies.drain(..more);
        self.is_banned = true;
    }

    /// What it was caught at last.
    pub fn last(&self) -> Option<&Lie> {
        self.lies.last()
    }
}
