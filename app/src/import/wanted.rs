//! What is fetched, and whom it may be asked of.

use verifier::boundary::PeerAddress;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::scalars::{Id, Label, UtcTime, Version};
use verifier::{Bitfield, Geometry, Root, Sha256};

use crate::ports::{Begin, Lie, PullSource, Spend, Terms};

/// Bytes that a fetch grant allows, as a multiple of what the peer could usefully give: a peer
/// that was lost midway is asked again for what did not arrive.
const RETRY_FACTOR: u64 = 2;

/// An artifact that is fetched, and the peers that are called for it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) model_id: Id,
    pub(crate) model_version: Version,
    pub(crate) artifact: Sha256,
    pub(crate) geometry: Geometry,
    pub(crate) root: Root,
    pub(crate) called: Vec<Called>,
    pub(crate) begin: Begin,
}

impl Wanted {
    /// What an act takes of a grant.
    pub(crate) fn spend(&self, act: Act, peer: Option<PeerId>, bytes: u64) -> Spend {
        Spend { act, model_id: self.model_id.clone(), artifact: self.artifact, peer, bytes }
    }

    /// What a yes to fetching so many bytes means: a grant for each peer that is called.
    pub(crate) fn fetch_terms(
        &self,
        bytes: u64,
        expires: UtcTime,
    ) -> impl Iterator<Item = Terms> + '_ {
        self.called.iter().map(move |peer| Terms {
            act: Act::Fetch,
            model_id: self.model_id.clone(),
            artifact: self.artifact,
            scope: Scope::Peer(peer.id),
            byte_limit: fetch_limit(bytes),
            expires,
        })
    }
}

/// The most bytes that each peer may be asked for, of so many that are fetched.
pub(crate) const fn fetch_limit(bytes: u64) -> u64 {
    bytes.saturating_mul(RETRY_FACTOR)
}

/// A paired peer that is called.
#[derive(Debug, Clone)]
pub struct Called {
    /// The peer.
    pub id: PeerId,
    /// What the user calls it.
    pub label: Label,
    /// Where its offer says to call it, if there is one, and then where the ticket says that it was
    /// added by.
    pub addresses: Vec<PeerAddress>,
    /// The pieces that its offer names; all of them where there is none.
    pub offered: Bitfield,
    /// What it was caught at last, before its ban was lifted.
    pub lied: Option<Lie>,
}

impl Called {
    pub(super) fn source(&self) -> PullSource {
        PullSource {
            id: self.id,
            label: self.label.clone(),
            addresses: self.addresses.clone(),
            offered: self.offered.clone(),
        }
    }
}
