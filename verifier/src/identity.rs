//! Who a peer is: Ed25519 keys, the peer ids that spell them, and the pair code two users compare.

mod key;
mod pair_code;
mod peer_id;

use data_encoding::HEXUPPER;

use crate::digest::Sha256;

pub use key::{IdentityError, PublicKey, SignatureInvalid, SigningKey};
pub use pair_code::pair_code;
pub use peer_id::{PeerId, PeerIdError, PeerIdFormat};

/// How signatures are made and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureScheme {
    /// Pure Ed25519, strictly verified, over the context, a zero byte and the message.
    Ed25519Ctx,
}

impl SignatureScheme {
    /// The word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519Ctx => "ed25519",
        }
    }

    /// The id of a publisher's key: the scheme's word, `:` and the SHA-256 of the key in 64
    /// uppercase hex digits (docs/formats.md 9.5, G7).
    pub fn key_id(self, key: &PublicKey) -> String {
        let digest = Sha256::of(key.as_bytes());
        format!("{}:{}", self.as_str(), HEXUPPER.encode(digest.as_bytes()))
    }

    fn signed_bytes(self, context: Context, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519Ctx => {
                let context = context.as_str().as_bytes();
                let mut bytes = Vec::with_capacity(context.len() + 1 + message.len());
                bytes.extend_from_slice(context);
                bytes.push(0);
                bytes.extend_from_slice(message);
                bytes
            }
        }
    }
}

/// What a signature is for; one made for one context never verifies in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// A publisher's manifest.
    Manifest,
    /// A receipt of a finished import.
    Receipt,
    /// An offer to serve an artifact.
    PeerOffer,
    /// An announcement that an artifact is available.
    PeerSource,
    /// An invitation to pair.
    PeerTicket,
    /// The pair code; hashed, never signed.
    PairCode,
}

impl Context {
    /// The text that stands before what is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "minimodel/v0/manifest",
            Self::Receipt => "minimodel/v0/receipt",
            Self::PeerOffer => "minimodel/v0/peer-offer",
            Self::PeerSource => "minimodel/v0/peer-source",
            Self::PeerTicket => "minimodel/v0/peer-ticket",
            Self::PairCode => "minimodel/v0/pair-code",
        }
    }
}
