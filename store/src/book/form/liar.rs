//! How a peer that lied is written.

use app::ports::{Liar, Lie, Untrue};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use verifier::digest::{ChunkAlgorithm, ChunkDigest};
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Root, Sha256};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: String,
    banned: bool,
    lies: Vec<LieRow>,
}

/// A lie; without a piece it is about the piece list. With `proof` the digests are roots.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LieRow {
    time_utc: String,
    model_id: String,
    model_version: String,
    artifact_sha256: String,
    algorithm: String,
    piece: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    proof: bool,
    wanted: String,
    came: String,
}

impl Row {
    pub(super) fn of(id: PeerId, liar: &Liar) -> Self {
        let lies = liar.lies.iter().map(LieRow::of).collect();
        Self { id: id.to_string(), banned: liar.is_banned, lies }
    }

    pub(super) fn liar(&self) -> serde_json::Result<(PeerId, Liar)> {
        let id = PeerId::parse(&self.id).map_err(serde_json::Error::custom)?;
        let lies = self.lies.iter().map(LieRow::lie).collect::<Result<_, _>>()?;
        Ok((id, Liar { lies, is_banned: self.banned }))
    }
}

impl LieRow {
    fn of(lie: &Lie) -> Self {
        let algorithm = match lie.untrue {
            Untrue::Piece { algorithm, .. } => algorithm,
            Untrue::Proof { wanted, .. } | Untrue::List { wanted, .. } => wanted.algorithm(),
        };
        let [wanted, came] = lie.untrue.digests();
        Self {
            time_utc: lie.time.to_string(),
            model_id: lie.model_id.to_string(),
            model_version: lie.model_version.to_string(),
            artifact_sha256: lie.artifact.to_string(),
            algorithm: algorithm.to_string(),
            piece: lie.untrue.piece(),
            proof: matches!(lie.untrue, Untrue::Proof { .. }),
            wanted,
            came,
        }
    }

    fn lie(&self) -> serde_json::Result<Lie> {
        let wrong = |what: &str| serde_json::Error::custom(format_args!("`{what}` is not right"));
        let algorithm =
            ChunkAlgorithm::parse(&self.algorithm).ok_or_else(|| wrong(&self.algorithm))?;
        let root = |text: &str| Root::parse(text, algorithm).ok_or_else(|| wrong(text));
        let untrue = match self.piece {
            Some(index) if self.proof => {
                Untrue::Proof { index, wanted: root(&self.wanted)?, came: root(&self.came)? }
            }
            Some(index) => {
                let digest =
                    |text: &str| ChunkDigest::parse(text, algorithm).ok_or_else(|| wrong(text));
                let (wanted, came) = (digest(&self.wanted)?, digest(&self.came)?);
                Untrue::Piece { index, algorithm, wanted, came }
            }
            None => Untrue::List { wanted: root(&self.wanted)?, came: root(&self.came)? },
        };
        Ok(Lie {
            time: UtcTime::parse(&self.time_utc).map_err(serde_json::Error::custom)?,
            model_id: Id::parse(&self.model_id).map_err(serde_json::Error::custom)?,
            model_version: Version::parse(&self.model_version)
                .map_err(serde_json::Error::custom)?,
            artifact: Sha256::parse(&self.artifact_sha256)
                .ok_or_else(|| wrong(&self.artifact_sha256))?,
            untrue,
        })
    }
}
