//! The publisher's signature on a manifest.

use std::borrow::Cow;
use std::fmt;

use data_encoding::HEXUPPER;

use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::excerpt::Excerpt;
use crate::identity::{Context, PublicKey, SignatureScheme};
use crate::lines::Lines;
use crate::scalars::SigText;

/// What the keys that are not signed start with.
pub(super) const PREFIX: &str = "signature.";
pub(super) const STATUS: &str = "signature.status";
pub(super) const ALGORITHM: &str = "signature.algorithm";
pub(super) const PUBLIC_KEY: &str = "signature.public_key";
pub(super) const VALUE: &str = "signature.value";
pub(super) const KEY_ID: &str = "publisher.key_id";
const SCHEME: SignatureScheme = SignatureScheme::Ed25519Ctx;

/// What is known of a manifest's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureStatus {
    /// There is none.
    Unsigned,
    /// One is to come; never to be called signed.
    Placeholder,
    /// There is one, and it verifies.
    Verified,
}

impl SignatureStatus {
    /// The word that reports and receipts use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Placeholder => "placeholder",
            Self::Verified => "verified",
        }
    }

    /// Judges the signature keys by the rules G1 to G9.
    pub(super) fn read(lines: &Lines<'_>, signed: &[u8]) -> Result<Self, SignatureError> {
        let all = [STATUS, ALGORITHM, PUBLIC_KEY, VALUE];
        if all.iter().all(|key| lines.get(key).is_none()) {
            return Ok(Self::Unsigned);
        }
        let require = |key| lines.get(key).ok_or(SignatureError::Incomplete { key });
        let unsigned = match require(STATUS)? {
            "unsigned" => Some(Self::Unsigned),
            "placeholder" => Some(Self::Placeholder),
            "signed" => None,
            other => return Err(SignatureError::Status { value: other.to_owned() }),
        };
        if let Some(status) = unsigned {
            let other = all.into_iter().find(|key| *key != STATUS && lines.get(key).is_some());
            return match other {
                Some(key) => Err(SignatureError::Unexpected { key }),
                None => Ok(status),
            };
        }
        let (algorithm, key, value) = (require(ALGORITHM)?, require(PUBLIC_KEY)?, require(VALUE)?);
        if algorithm != SCHEME.as_str() {
            return Err(SignatureError::Algorithm { value: algorithm.to_owned() });
        }
        let key =
            read_key(key).ok_or_else(|| SignatureError::PublicKey { value: key.to_owned() })?;
        let expected = SCHEME.key_id(&key);
        match lines.get(KEY_ID) {
            Some(found) if found == expected => {}
            found => {
                let found = found.unwrap_or_default().to_owned();
                return Err(SignatureError::KeyId { found, expected });
            }
        }
        let value = SigText::parse(value)
            .map_err(|_| SignatureError::Malformed { value: value.to_owned() })?;
        key.verify(Context::Manifest, signed, &value.0).map_err(|_| SignatureError::Invalid)?;
        Ok(Self::Verified)
    }
}

impl fmt::Display for SignatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn read_key(hex: &str) -> Option<PublicKey> {
    let bytes = HEXUPPER.decode(hex.as_bytes()).ok()?.try_into().ok()?;
    PublicKey::from_bytes(bytes).ok()
}

/// Why a manifest's signature keys do not agree, or its signature does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A key of the group is missing.
    #[error("`{key}` is missing, expected beside the other keys of the signature")]
    Incomplete {
        /// The missing key.
        key: &'static str,
    },
    /// The status is not known.
    #[error(
        "signature.status is `{}`, expected `unsigned`, `placeholder` or `signed`",
        Excerpt(value)
    )]
    Status {
        /// The status.
        value: String,
    },
    /// A key stands beside a status that says that there is no signature.
    #[error("`{key}` is there, expected only if signature.status is `signed`")]
    Unexpected {
        /// The key.
        key: &'static str,
    },
    /// The algorithm is not Ed25519.
    #[error("signature.algorithm is `{}`, expected `{}`", Excerpt(value), SCHEME.as_str())]
    Algorithm {
        /// The algorithm.
        value: String,
    },
    /// The public key is not 64 hex digits, or no valid key.
    #[error(
        "signature.public_key is `{}`, expected a valid Ed25519 public key in 64 uppercase hex \
         digits",
        Excerpt(value)
    )]
    PublicKey {
        /// The key's text.
        value: String,
    },
    /// The publisher's key id is not the one of the public key.
    #[error(
        "publisher.key_id is `{}`, expected `{expected}`, the id of signature.public_key",
        Excerpt(found)
    )]
    KeyId {
        /// The publisher's key id.
        found: String,
        /// The public key's id.
        expected: String,
    },
    /// The signature is not 128 hex digits.
    #[error("signature.value is `{}`, expected 128 uppercase hex digits", Excerpt(value))]
    Malformed {
        /// The signature's text.
        value: String,
    },
    /// The signature does not verify.
    #[error("signature.value does not verify with signature.public_key over the other keys")]
    Invalid,
}

impl Coded for SignatureError {
    fn code(&self) -> Code {
        Code::new(
            "signature",
            match self {
                Self::Incomplete { .. } => "incomplete",
                Self::Status { .. } => "status",
                Self::Unexpected { .. } => "unexpected",
                Self::Algorithm { .. } => "algorithm",
                Self::PublicKey { .. } => "public-key",
                Self::KeyId { .. } => "key-id",
                Self::Malformed { .. } => "malformed",
                Self::Invalid => "invalid",
            },
        )
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Incomplete { key } | Self::Unexpected { key } => key,
            Self::Status { .. } => STATUS,
            Self::Algorithm { .. } => ALGORITHM,
            Self::PublicKey { .. } => PUBLIC_KEY,
            Self::KeyId { .. } => KEY_ID,
            Self::Malformed { .. } | Self::Invalid => VALUE,
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(
            "Do not trust this manifest: the publisher's signature does not hold. Ask the publisher \
             for the manifest, by a way you trust.",
        )
    }
}
