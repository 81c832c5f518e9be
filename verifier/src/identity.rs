//! Who a peer is: Ed25519 keys, the peer ids that spell them, and the pair code two users compare
//! (docs/formats.md 8).
//!
//! ```
//! use verifier::identity::{Context, PeerId, SigningKey, pair_code};
//!
//! let key = SigningKey::from_seed([1; 32]);
//! let public = key.public_key();
//! let id = public.peer_id().to_string();
//! assert_eq!(id, "mmpeer132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawqvensuq");
//! assert_eq!(PeerId::parse(&id)?.public_key(), public);
//!
//! // A signature is for one context and one message.
//! let signature = key.sign(Context::Manifest, b"manifest.version=0\n");
//! assert!(public.verify(Context::Manifest, b"manifest.version=0\n", &signature).is_ok());
//! assert!(public.verify(Context::Receipt, b"manifest.version=0\n", &signature).is_err());
//!
//! let other = SigningKey::from_seed([2; 32]).public_key();
//! assert_eq!(pair_code(&public, &other), "1038 4467 8481 9370 9495 0329");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod key;
mod pair_code;
mod peer_id;

use data_encoding::HEXUPPER;

use crate::digest::Sha256;

pub use key::{IdentityError, PublicKey, SignatureInvalid, SigningKey};
pub use pair_code::pair_code;
pub use peer_id::{PeerId, PeerIdError, PeerIdFormat};

/// How signatures are made and judged (docs/formats.md 8.1), provisional: pure Ed25519 of RFC 8032.
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

/// What a signature is for (docs/formats.md 8.1); one made for one context never verifies in
/// another.
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
