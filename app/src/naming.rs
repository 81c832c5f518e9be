//! How digests and peer ids are shortened for people.

use verifier::Sha256;
use verifier::identity::PeerId;

/// The first digits of a digest.
pub fn short(digest: Sha256) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}

/// The end of a peer id.
pub fn short_peer(peer: PeerId) -> String {
    let text = peer.to_string();
    let tail: String = text.chars().skip(text.chars().count().saturating_sub(6)).collect();
    format!("mmpeer1…{tail}")
}
