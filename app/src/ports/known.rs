//! The peers that this installation is paired with.

use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::scalars::{Label, UtcTime};

/// A peer the user paired with.
#[derive(Debug, Clone)]
pub struct KnownPeer {
    /// Its public key.
    pub id: PeerId,
    /// What the user calls it.
    pub label: Label,
    /// Where to call it, as far as known.
    pub addresses: Vec<PeerAddress>,
    /// When it was added.
    pub added: UtcTime,
    /// Whether it may call and be called.
    pub access: Access,
}

/// Whether a peer may call and be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It may.
    #[default]
    Open,
    /// It is turned away as a stranger is, and not called.
    Blocked,
}
