//! The record of a finished import (docs/formats.md 12).
//!
//! At most 131,072 bytes, 512 lines and 64 peers. A receipt without a signature is no evidence of
//! who wrote it. The crate's page shows one written and verified.
//!
//! ```
//! use verifier::code::Coded as _;
//! use verifier::receipt::Receipt;
//!
//! let error = Receipt::parse(b"receipt.kind=minimodel.import-receipt\n").unwrap_err();
//! assert_eq!(error.code().to_string(), "receipt.missing-key");
//! assert_eq!(error.field(), "receipt.version");
//! // There is one spelling, so one digest: keys are sorted.
//! let error = Receipt::parse(b"receipt.version=0\nreceipt.kind=x\n").unwrap_err();
//! assert_eq!(error.code().to_string(), "receipt.not-canonical");
//! ```

mod error;
mod schema;
mod transfer;

pub use error::ReceiptError;
pub use schema::ReceiptSchema;
pub use transfer::{Contribution, Transfer, TransferError};

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::artifact::{self, Extras, VerifiedArtifact};
use crate::digest::Sha256;
use crate::identity::{Context, PeerId, SigningKey};
use crate::lines::{self, Document, LineFault, Lines};
use crate::manifest::{Manifest, Options};
use crate::scalars::{FileName, Kind, ScalarError, SigText, UtcTime, Version};
use crate::slm::ChecksumRule;
use schema::{Shape, is_derived};

/// The name in a receipt of a file whose own name is not a plain one.
const UNNAMED: &str = "unnamed.slm";

/// What a receipt says beyond what follows from manifest and file.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// When the receipt is written.
    pub created_utc: UtcTime,
    /// The version of the program that verified.
    pub verifier_version: Version,
    /// The file's name or path; only a plain name goes into the receipt, never a folder.
    pub file_name: &'a str,
    /// Where the pieces came from; `None` for a local file.
    pub transfer: Option<Transfer>,
    /// The importing installation's key, to sign with.
    pub signer: Option<&'a SigningKey>,
}

/// The record of a finished import, consistent in itself.
///
/// Without a signature it proves nothing about who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    bytes: Vec<u8>,
    values: BTreeMap<String, String>,
    sha256: Sha256,
    signer: Option<PeerId>,
}

/// A receipt that agrees with its manifest and its file.
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    receipt: Receipt,
    artifact: VerifiedArtifact,
}

impl Receipt {
    /// Writes the receipt of a verified artifact.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Transfer`] (`receipt.transfer`) if the account of the transfer does not add
    /// up.
    pub fn write(artifact: &VerifiedArtifact, facts: &Facts<'_>) -> Result<Self, ReceiptError> {
        let mut values = derive(artifact);
        let kind = if facts.transfer.is_some() { "consent-peer-transfer" } else { "local-file" };
        let told = [
            (schema::CREATED, facts.created_utc.to_string()),
            (schema::VERIFIER_VERSION, facts.verifier_version.to_string()),
            (schema::FILE_NAME, plain_name(facts.file_name).to_owned()),
            (schema::TRANSFER, kind.to_owned()),
        ];
        values.extend(told.map(|(key, value)| (key.to_owned(), value)));
        if let Some(transfer) = &facts.transfer {
            transfer.write(&mut values)?;
        }
        if let Some(key) = facts.signer {
            values.insert(schema::SIGNER.to_owned(), key.public_key().peer_id().to_string());
            let signature = key.sign(Context::Receipt, &lines::canonical(&values));
            values.insert(schema::SIGNATURE.to_owned(), SigText(signature).to_string());
        }
        let digest = Sha256::of(&lines::canonical(&values));
        values.insert(schema::SHA256_KEY.to_owned(), digest.to_string());
        Self::parse(&lines::canonical(&values))
    }

    /// Reads a receipt and checks it in itself, by the rules R1 to R9.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`] (`receipt.…`) for the first rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let lines = Lines::parse(Document::Receipt, bytes)?;
        if lines.canonical(|_| true) != bytes {
            return Err(ReceiptError::NotCanonical);
        }
        lines.require_value("receipt.version", "0", LineFault::UnknownVersion)?;
        lines.require_value("receipt.kind", "minimodel.import-receipt", LineFault::BadKind)?;
        let schema_id = "minimodel.import-receipt.v0";
        lines.require_value("receipt.schema_id", schema_id, LineFault::BadSchemaId)?;
        let shape = Shape::of(&lines);
        ReceiptSchema::V0.check_keys(&lines, shape)?;
        ReceiptSchema::V0.check_values(&lines, shape)?;
        let sha256 = check_digest(&lines)?;
        let signer = check_signature(&lines)?;
        transfer::check(&lines, shape)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            values: lines.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            sha256,
            signer,
        })
    }

    /// Reads a receipt and checks that it is one of this manifest and this file.
    ///
    /// `length` is the file's length in bytes. The file is read once, from its start, as
    /// [`artifact::verify`] does; sidecars and chunk lists are not looked at again.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`] for the first rule broken: first those on the receipt itself
    /// (`receipt.…`), then those on manifest and file with their own codes, and at last
    /// [`ReceiptError::Drift`] (`receipt.drift`).
    pub fn verify(
        bytes: &[u8],
        manifest: &[u8],
        options: Options,
        artifact: impl Read,
        length: u64,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        let receipt = Self::parse(bytes)?;
        let manifest = Arc::new(Manifest::parse(manifest, options)?);
        let rule = match receipt.value("check.slm_checksum") {
            Some("unverified") => ChecksumRule::Unverified,
            _ => ChecksumRule::Verify,
        };
        let artifact = artifact::verify(&manifest, artifact, length, &Extras::default(), rule)?;
        receipt.check_drift(&artifact)?;
        Ok(VerifiedReceipt { receipt, artifact })
    }

    /// Checks that the receipt says of an artifact what one written now would.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Drift`] (`receipt.drift`) with the first key that differs, in bytewise
    /// order.
    pub fn check_drift(&self, artifact: &VerifiedArtifact) -> Result<(), ReceiptError> {
        let now = derive(artifact);
        let mut said = self.values.iter().filter(|(key, _)| is_derived(key));
        let mut follows = now.iter().filter(|(key, _)| is_derived(key));
        loop {
            let key = match (said.next(), follows.next()) {
                (None, None) => return Ok(()),
                (Some(left), Some(right)) if left == right => continue,
                (Some((left, _)), Some((right, _))) => left.min(right),
                (Some((key, _)), None) | (None, Some((key, _))) => key,
            };
            return Err(ReceiptError::Drift {
                key: key.clone(),
                found: self.values.get(key).cloned(),
                expected: now.get(key).cloned(),
            });
        }
    }

    /// The receipt's bytes, of which there is one spelling.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The receipt's digest of everything else it says.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Who signed it; `None` if nobody did.
    pub const fn signer(&self) -> Option<&PeerId> {
        self.signer.as_ref()
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The keys and values in bytewise order of the keys.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl VerifiedReceipt {
    /// The receipt.
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The artifact that it is the receipt of.
    pub const fn artifact(&self) -> &VerifiedArtifact {
        &self.artifact
    }

    /// Who signed the receipt; `None` if nobody did.
    pub const fn signer(&self) -> Option<&PeerId> {
        self.receipt.signer()
    }

    /// The names of what was remarked without refusing, sorted.
    pub fn warnings(&self) -> Vec<&'static str> {
        self.artifact.warnings()
    }
}

/// Everything that a receipt says because of the manifest and the file, and nothing else but what
/// was given besides them.
fn derive(artifact: &VerifiedArtifact) -> BTreeMap<String, String> {
    let manifest = artifact.manifest();
    let algorithm = manifest.chunking().map_or("none", |chunking| chunking.algorithm().as_str());
    let mut values: BTreeMap<String, String> = [
        ("receipt.version", "0".to_owned()),
        ("receipt.kind", "minimodel.import-receipt".to_owned()),
        ("receipt.schema_id", "minimodel.import-receipt.v0".to_owned()),
        ("receipt.verifier", "minimodel-core".to_owned()),
        ("receipt.result", "verified".to_owned()),
        ("manifest.sha256", manifest.sha256().to_string()),
        ("manifest.canonical_sha256", manifest.canonical_sha256().to_string()),
        ("manifest.schema_checksum", manifest.schema_checksum().to_string()),
        ("model.id", manifest.model_id().to_string()),
        ("model.version", manifest.model_version().to_string()),
        ("publisher.id", manifest.publisher_id().to_string()),
        ("publisher.key_id", manifest.publisher_key_id().to_string()),
        ("signature.status", manifest.signature_status().to_string()),
        ("license.route", manifest.license_route().to_string()),
        ("model_card.route", manifest.model_card_route().to_string()),
        ("artifact.kind", "slm".to_owned()),
        ("artifact.byte_count", manifest.byte_count().to_string()),
        ("artifact.sha256", manifest.artifact_sha256().to_string()),
        ("artifact.acquisition", manifest.acquisition().to_owned()),
        ("artifact.project_server_url", "none".to_owned()),
        (schema::CHUNKING, algorithm.to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    if let Some(chunking) = manifest.chunking() {
        let geometry = chunking.geometry;
        values.insert("chunking.chunk_size".to_owned(), geometry.piece_size().to_string());
        values.insert("chunking.chunk_count".to_owned(), geometry.piece_count().to_string());
        values.insert(schema::MERKLE_ROOT.to_owned(), chunking.root.to_string());
    }
    values
        .extend(artifact.measured().iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    values
        .extend(artifact.checks().iter().map(|(key, value)| (key.to_string(), value.to_string())));
    values
}

/// The part after the last separator of either kind, if it is a plain file name.
fn plain_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if FileName::parse(name).is_ok() { name } else { UNNAMED }
}

fn check_digest(lines: &Lines<'_>) -> Result<Sha256, ReceiptError> {
    let named = lines.read(schema::SHA256_KEY, |text| {
        Sha256::parse(text).ok_or_else(|| ScalarError::new(Kind::Sha256, text))
    })?;
    let expected = Sha256::of(&lines.canonical(|key| key != schema::SHA256_KEY));
    if named == expected { Ok(named) } else { Err(ReceiptError::Sha256 { named, expected }) }
}

fn check_signature(lines: &Lines<'_>) -> Result<Option<PeerId>, ReceiptError> {
    let (signer, signature) = match (lines.get(schema::SIGNER), lines.get(schema::SIGNATURE)) {
        (None, None) => return Ok(None),
        (Some(signer), Some(signature)) => (signer, signature),
        (signer, _) => return Err(ReceiptError::incomplete(signer.is_some())),
    };
    let error = || ReceiptError::Signature { signer: signer.to_owned() };
    let signed = lines.canonical(|key| ![schema::SIGNATURE, schema::SHA256_KEY].contains(&key));
    let peer = PeerId::parse(signer).map_err(|_| error())?;
    let signature = SigText::parse(signature).map_err(|_| error())?;
    peer.public_key().verify(Context::Receipt, &signed, &signature.0).map_err(|_| error())?;
    Ok(Some(peer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Receipt, ReceiptError, plain_name};
    use crate::code::Coded;
    use crate::digest::Sha256;

    #[test]
    fn only_a_plain_name_is_kept() {
        for (path, name) in [
            ("/home/u/a (1).slm", "a (1).slm"),
            ("C:\\models\\b.slm", "b.slm"),
            ("dir/", "unnamed.slm"),
            (".hidden", "unnamed.slm"),
            ("", "unnamed.slm"),
        ] {
            assert_eq!(plain_name(path), name, "{path}");
        }
    }

    #[test]
    fn any_changed_byte_of_a_receipt_is_noticed() {
        let bytes = include_bytes!(
            "../../tests/vectors/files/receipt-004-write-peers-expected.minimodel-receipt"
        );
        let receipt = Receipt::parse(bytes).unwrap();
        assert_eq!(receipt.bytes(), bytes);
        assert!(receipt.signer().is_some());
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(Receipt::parse(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_wrong_digest_is_shown_beside_the_right_one() {
        let text = include_str!(
            "../../tests/vectors/files/receipt-005-write-all-local-expected.minimodel-receipt"
        );
        let other = text.replace("receipt.created_utc=2", "receipt.created_utc=3");
        let message = Receipt::parse(other.as_bytes()).unwrap_err().to_string();
        let named = text.lines().find_map(|line| line.strip_prefix("receipt.sha256=")).unwrap();
        assert!(message.starts_with(&format!("receipt.sha256 is {named}, expected sha256:")));
    }

    #[test]
    fn a_drift_is_shown_with_both_values() {
        let drift = |found: Option<&str>| ReceiptError::Drift {
            key: "model.id".to_owned(),
            found: found.map(str::to_owned),
            expected: Some("tiny".to_owned()),
        };
        assert_eq!(
            drift(Some("other")).to_string(),
            "`model.id` is `other`, expected `tiny`, by the manifest and the file"
        );
        assert!(drift(None).to_string().starts_with("`model.id` is absent, expected `tiny`"));
    }

    #[test]
    fn absurd_counts_are_refused_and_not_added_up() {
        let text = include_str!(
            "../../tests/vectors/files/receipt-005-write-all-local-expected.minimodel-receipt"
        );
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("receipt.sha256="))
            .map(|line| match line.split_once('=') {
                Some((key, _)) if key.ends_with("_local") || key.starts_with("chunking.chunk_") => {
                    format!("{key}={}\n", u64::MAX)
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let digest = format!("receipt.sha256={}\n", Sha256::of(text.as_bytes()));
        let at = text.find("receipt.verifier=").unwrap();
        let text = format!("{}{digest}{}", &text[..at], &text[at..]);
        let error = Receipt::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.code().to_string(), "receipt.transfer");
    }

    proptest! {
        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Receipt::parse(&bytes));
        }
    }
}
