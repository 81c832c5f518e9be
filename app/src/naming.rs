//! How digests and peer ids are shortened for people.

use verifier::Sha256;
use verifier::identity::PeerId;

/// The first digits of a digest.
pub fn short(digest: Sha256) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}

/// The end of a peer id.
pub fn short_peer(peer: PeerId) -> String {
    format!("mmpeer1…{}", tail(peer, 6))
}

/// The last characters of a peer id.
pub(crate) fn tail(peer: PeerId, count: usize) -> String {
    let text = peer.to_string();
    text.chars().skip(text.chars().count().saturating_sub(count)).collect()
}
