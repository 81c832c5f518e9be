//! Why a text is not a receipt, or not the receipt of a file.

use std::borrow::Cow;

use crate::advice::Advice;
use crate::artifact::ArtifactError;
use crate::code::{Code, Coded};
use crate::digest::Sha256;
use crate::excerpt::Excerpt;
use crate::lines::LineError;
use crate::manifest::ManifestError;
use crate::receipt::schema::{SHA256_KEY, SIGNATURE, SIGNER};
use crate::receipt::transfer::TransferError;

/// Why a receipt cannot be written, or why a text is not the receipt of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// A line, a key or a value is wrong by itself.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The bytes are spelled in another way than the one allowed.
    #[error(
        "receipt is not in canonical form: expected `key=value` lines sorted by key, each ended \
         by LF"
    )]
    NotCanonical,
    /// The receipt's digest of itself is another.
    #[error("receipt.sha256 is {named}, expected {expected}, the digest of the other keys")]
    Sha256 {
        /// The digest that it names.
        named: Sha256,
        /// The digest of the canonical form of all other keys.
        expected: Sha256,
    },
    /// There is a signer without a signature, or the other way round.
    #[error("`{missing}` is missing, expected signer and signature both or neither")]
    SignatureIncomplete {
        /// The key that is missing.
        missing: &'static str,
    },
    /// The signature does not verify.
    #[error("receipt.signature does not verify with the key of `{}`", Excerpt(signer))]
    Signature {
        /// The signer's peer id.
        signer: String,
    },
    /// The account of the transfer does not add up.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The manifest is not valid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The file is not what the manifest names.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The receipt says something that does not follow from manifest and file.
    #[error(
        "`{key}` is {}, expected {}, by the manifest and the file",
        said(found.as_deref()),
        said(expected.as_deref())
    )]
    Drift {
        /// The key.
        key: String,
        /// The receipt's value; `None` if it has no such key.
        found: Option<String>,
        /// The value that would be written now; `None` if the key would not be there.
        expected: Option<String>,
    },
}

impl Coded for ReceiptError {
    fn code(&self) -> Code {
        Code::new(
            "receipt",
            match self {
                Self::Line(error) => return error.code(),
                Self::Manifest(error) => return error.code(),
                Self::Artifact(error) => return error.code(),
                Self::NotCanonical => "not-canonical",
                Self::Sha256 { .. } => "sha256",
                Self::SignatureIncomplete { .. } => "signature-incomplete",
                Self::Signature { .. } => "signature",
                Self::Transfer(_) => "transfer",
                Self::Drift { .. } => "drift",
            },
        )
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Line(error) => return error.field(),
            Self::Manifest(error) => return error.field(),
            Self::Artifact(error) => return error.field(),
            Self::Transfer(error) => return error.field(),
            Self::NotCanonical => "-",
            Self::Sha256 { .. } => SHA256_KEY,
            Self::SignatureIncomplete { missing } => missing,
            Self::Signature { .. } => SIGNATURE,
            Self::Drift { key, .. } => key,
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Line(error) => error.advice(),
            Self::Manifest(error) => error.advice(),
            // A receipt says itself which checks were left out.
            Self::Artifact(error) => error.advice().alone(),
            Self::NotCanonical
            | Self::Sha256 { .. }
            | Self::SignatureIncomplete { .. }
            | Self::Transfer(_) => Advice::new(
                "The receipt was changed or damaged after it was written. Take an unchanged copy, or \
                 write a new one from the file and its manifest.",
            ),
            Self::Signature { .. } => Advice::new(
                "Do not rely on this receipt: it was changed, or is not by the signer that it names.",
            ),
            Self::Drift { .. } => {
                Advice::new("Take the manifest and the file that this receipt was written for.")
            }
        }
    }
}

/// A key's value as messages show it.
fn said(value: Option<&str>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| format!("`{}`", Excerpt(value)))
}

impl ReceiptError {
    /// Says which of signer and signature is missing.
    pub(super) const fn incomplete(has_signer: bool) -> Self {
        Self::SignatureIncomplete { missing: if has_signer { SIGNATURE } else { SIGNER } }
    }
}
