//! What an artifact must be: the manifest (docs/formats.md 9).
//!
//! At most 65,536 bytes, 256 lines and 32 entries of evidence; memory is in proportion to the text.
//!
//! ```
//! use verifier::Sha256;
//! use verifier::code::Coded as _;
//! use verifier::identity::SigningKey;
//! use verifier::manifest::{Draft, Manifest, Options, SignatureStatus};
//!
//! let mut draft = Draft::new();
//! draft
//!     .set("manifest.created_utc", "2026-01-31T12:00:00Z")?
//!     .set("model.id", "tiny")?
//!     .set("model.version", "1.0")?
//!     .set("publisher.id", "someone")?
//!     .set("publisher.key_id", "none")?
//!     .set("model_card.route", "/models/tiny.md")?
//!     .set("license.route", "https://example.org/licence")?
//!     .set("artifact.byte_count", 20_352)?
//!     .set("artifact.sha256", Sha256::of(b"artifact"))?
//!     .set("artifact.acquisition", "user-local-file")?;
//! let manifest = draft.write_signed(&SigningKey::from_seed([1; 32]))?;
//! assert_eq!(manifest.signature_status(), SignatureStatus::Verified);
//! assert_eq!(Manifest::parse(manifest.bytes(), Options::default())?, manifest);
//!
//! // Whoever changes a value breaks the signature.
//! let text = String::from_utf8(manifest.bytes().to_vec())?.replace("=tiny", "=huge");
//! let error = Manifest::parse(text.as_bytes(), Options::default()).unwrap_err();
//! assert_eq!(error.code().to_string(), "signature.invalid");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod chunking;
mod draft;
mod error;
mod schema;
mod signature;

pub(crate) use check::ACQUISITIONS;
pub use chunking::{Chunking, ChunkingError};
pub use draft::Draft;
pub use error::ManifestError;
pub use schema::ManifestSchema;
pub use signature::{SignatureError, SignatureStatus};

use std::collections::{BTreeMap, BTreeSet};

use crate::boundary::Route;
use crate::digest::Sha256;
use crate::lines::{Comments, Document, Lines};
use crate::scalars::{Id, Kind, ScalarError, Token, UtcTime, Version};
use schema::EvidencePart;

/// How a manifest is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What becomes of unknown keys.
    pub unknown_keys: UnknownKeys,
    /// Which schema checksums are taken.
    pub schema: SchemaRule,
    /// Whether the manifest is an example.
    pub mode: Mode,
}

/// What becomes of keys that are not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownKeys {
    /// The manifest is refused.
    #[default]
    Reject,
    /// An unsigned manifest gets a warning.
    Warn,
}

/// Which schema checksums are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaRule {
    /// Any; one that is not built in gets a warning.
    #[default]
    Any,
    /// Only built-in ones.
    Strict,
}

/// Whether a manifest is one for use or an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// For use.
    #[default]
    Normal,
    /// An example, which may have comments unless it is signed.
    Example,
}

/// What an artifact must be: a manifest that passed every check on its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    values: BTreeMap<String, String>,
    sha256: Sha256,
    canonical_sha256: Sha256,
    schema_checksum: Sha256,
    created_utc: UtcTime,
    model_id: Id,
    model_version: Version,
    publisher_id: Id,
    publisher_key_id: Token,
    model_card_route: Route,
    license_route: Route,
    byte_count: u64,
    artifact_sha256: Sha256,
    chunking: Option<Chunking>,
    signature_status: SignatureStatus,
    evidence: Vec<Evidence>,
    warnings: BTreeSet<&'static str>,
}

/// A document that the publisher names as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What kind of document.
    pub kind: Id,
    /// Where people read it.
    pub route: Route,
    /// The document's digest.
    pub sha256: Sha256,
}

impl Manifest {
    /// Reads a manifest and checks it: document, boundary, chunking, signature, in this order.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] for the first rule that the bytes break: codes `manifest.…`,
    /// `boundary.…`, `route.…`, `chunking.…` and `signature.…`, in this order.
    pub fn parse(bytes: &[u8], options: Options) -> Result<Self, ManifestError> {
        let comments = match options.mode {
            Mode::Normal => Comments::Refuse,
            Mode::Example => Comments::Skip,
        };
        let lines = Lines::parse_with(Document::Manifest, bytes, comments)?;
        let mut warnings = BTreeSet::new();
        check::document(&lines, options, ManifestSchema::V0, &mut warnings)?;
        let byte_count = check::boundary(&lines, ManifestSchema::V0, &mut warnings)?;
        let chunking = Chunking::read(&lines, byte_count)?;
        let canonical = lines.canonical(|key| !key.starts_with(signature::PREFIX));
        let signature_status = SignatureStatus::read(&lines, &canonical)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            values: lines.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            sha256: Sha256::of(bytes),
            canonical_sha256: Sha256::of(&canonical),
            schema_checksum: lines.read("manifest.schema_checksum", read_sha256)?,
            created_utc: lines.read("manifest.created_utc", UtcTime::parse)?,
            model_id: lines.read("model.id", Id::parse)?,
            model_version: lines.read("model.version", Version::parse)?,
            publisher_id: lines.read("publisher.id", Id::parse)?,
            publisher_key_id: lines.read("publisher.key_id", Token::parse)?,
            model_card_route: read_route(&lines, "model_card.route")?,
            license_route: read_route(&lines, "license.route")?,
            byte_count,
            artifact_sha256: lines.read("artifact.sha256", read_sha256)?,
            chunking,
            signature_status,
            evidence: read_evidence(&lines)?,
            warnings,
        })
    }

    /// The bytes that were read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the bytes that were read.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The digest of the canonical form without the signature: what a signature covers.
    pub const fn canonical_sha256(&self) -> Sha256 {
        self.canonical_sha256
    }

    /// The checksum of the schema that the manifest follows.
    pub const fn schema_checksum(&self) -> Sha256 {
        self.schema_checksum
    }

    /// When the manifest was made, by its own word.
    pub const fn created_utc(&self) -> UtcTime {
        self.created_utc
    }

    /// The model's id.
    pub const fn model_id(&self) -> &Id {
        &self.model_id
    }

    /// The model's version.
    pub const fn model_version(&self) -> &Version {
        &self.model_version
    }

    /// The publisher's id.
    pub const fn publisher_id(&self) -> &Id {
        &self.publisher_id
    }

    /// The id of the publisher's key.
    pub const fn publisher_key_id(&self) -> &Token {
        &self.publisher_key_id
    }

    /// The model's name for people, if it has one.
    pub fn display_name(&self) -> Option<&str> {
        self.value("model.display_name")
    }

    /// Where people read about the model.
    pub const fn model_card_route(&self) -> &Route {
        &self.model_card_route
    }

    /// Where people read the licence.
    pub const fn license_route(&self) -> &Route {
        &self.license_route
    }

    /// The artifact's length in bytes, within 1 to 2^40.
    pub const fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// The artifact's digest.
    pub const fn artifact_sha256(&self) -> Sha256 {
        self.artifact_sha256
    }

    /// How the artifact is meant to be acquired; it does not restrict how it is imported.
    pub fn acquisition(&self) -> &str {
        self.value("artifact.acquisition").unwrap_or_default()
    }

    /// How the artifact is cut into chunks, if the manifest says so.
    pub const fn chunking(&self) -> Option<&Chunking> {
        self.chunking.as_ref()
    }

    /// What is known of the publisher's signature.
    pub const fn signature_status(&self) -> SignatureStatus {
        self.signature_status
    }

    /// What the manifest says about the `.slm` file beyond its format version, in table order.
    pub fn slm_claims(&self) -> impl Iterator<Item = (&'static str, &str)> {
        ManifestSchema::V0
            .keys()
            .iter()
            .map(|row| row.name)
            .filter(|key| key.starts_with("slm.") && *key != "slm.format_version")
            .filter_map(|key| self.value(key).map(|value| (key, value)))
    }

    /// The documents named as evidence, by their number.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The names of what was remarked without refusing.
    pub const fn warnings(&self) -> &BTreeSet<&'static str> {
        &self.warnings
    }

    /// The value of any key that the manifest has.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}

fn read_sha256(text: &str) -> Result<Sha256, ScalarError> {
    Sha256::parse(text).ok_or_else(|| ScalarError::new(Kind::Sha256, text))
}

fn read_route(lines: &Lines<'_>, key: &str) -> Result<Route, ManifestError> {
    check::route(key, lines.require(key)?)
}

fn read_evidence(lines: &Lines<'_>) -> Result<Vec<Evidence>, ManifestError> {
    (0..)
        .take_while(|number| lines.get(&EvidencePart::Kind.key(*number)).is_some())
        .map(|number| {
            Ok(Evidence {
                kind: lines.read(&EvidencePart::Kind.key(number), Id::parse)?,
                route: read_route(lines, &EvidencePart::Route.key(number))?,
                sha256: lines.read(&EvidencePart::Sha256.key(number), read_sha256)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Draft, Manifest, ManifestError, Options, SignatureStatus};
    use crate::code::Coded;
    use crate::digest::{ChunkAlgorithm, Root, Sha256};
    use crate::geometry::Geometry;
    use crate::identity::SigningKey;

    fn draft() -> Draft {
        let mut draft = Draft::sample(Sha256::of(b"artifact"));
        for (key, value) in [
            ("artifact.byte_count", "100000"),
            ("artifact.acquisition", "user-local-file"),
            ("slm.vocab_size", "260"),
            ("slm.checksum", "u64:0000000000000001"),
        ] {
            draft.set(key, value).unwrap();
        }
        draft
    }

    #[test]
    fn a_draft_becomes_a_manifest() {
        let mut draft = draft();
        draft.set("model.display_name", " Tiny – ü ").unwrap();
        let geometry = Geometry::new(100_000, 16_384).unwrap();
        let root = Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [7; 32]);
        draft.set_chunking(&geometry, &root);
        let manifest = draft.clone().write().unwrap();
        assert_eq!(manifest.display_name(), Some("Tiny – ü"));
        assert_eq!(manifest.chunking().unwrap().geometry, geometry);
        assert_eq!(manifest.sha256(), manifest.canonical_sha256());
        let claims: Vec<_> = manifest.slm_claims().map(|(key, _)| key).collect();
        assert_eq!(claims, ["slm.checksum", "slm.vocab_size"]);

        let signed = draft.write_signed(&SigningKey::from_seed([1; 32])).unwrap();
        assert_eq!(signed.signature_status(), SignatureStatus::Verified);
        assert_ne!(signed.sha256(), signed.canonical_sha256());
    }

    #[test]
    fn a_draft_refuses_what_does_not_fit() {
        let mut draft = draft();
        for (key, value, code) in [
            ("model.url", "x", "boundary.forbidden-key"),
            ("model.note", "x", "manifest.unknown-key"),
            ("evidence.N.kind", "x", "manifest.unknown-key"),
            ("model.id", "a\nb.c=d", "manifest.bad-text"),
            ("artifact.acquisition", "a\rb", "manifest.bad-text"),
            ("license.route", "/a.slm", "route.model-bytes"),
            ("model.id", " ", "manifest.empty-value"),
        ] {
            let error = draft.set(key, value).unwrap_err();
            assert_eq!(error.code().to_string(), code, "{key}");
        }
        draft.set("evidence.count", 1).unwrap();
        assert!(matches!(draft.write(), Err(ManifestError::Evidence { .. })));
    }

    #[test]
    fn a_message_names_the_key_what_was_found_and_what_was_expected() {
        let bytes = draft().write().unwrap().bytes().to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let refused = |from: &str, to: &str| {
            let text = text.replace(from, to);
            Manifest::parse(text.as_bytes(), Options::default()).unwrap_err().to_string()
        };
        assert_eq!(
            refused("artifact.byte_count=100000", "artifact.byte_count=0"),
            "artifact.byte_count is `0`, expected a number from 1 to 1099511627776"
        );
        assert_eq!(
            refused("artifact.acquisition=user-local-file", "artifact.acquisition=x"),
            "artifact.acquisition is `x`, expected `user-local-file`, `user-external-download` or \
             `consent-peer-transfer`"
        );
        assert_eq!(
            refused("manifest.kind=minimodel.manifest", "manifest.kind=x"),
            "`manifest.kind` is `x`, expected `minimodel.manifest`"
        );
        assert_eq!(
            refused("model.id=tiny", "model.id=tiny\nslm.tokenizer_kind=x"),
            "value of `slm.tokenizer_kind` does not fit: `x` is not `btok` or `bpe1`"
        );
        assert_eq!(
            refused("model.id=tiny", "model.id=tiny\nmodel.url=x"),
            "key `model.url` has the word `url`, which no manifest key may have"
        );
    }

    #[test]
    fn a_message_is_short_and_harmless_whatever_it_shows() {
        let mut draft = draft();
        let long = "x".repeat(1_000);
        let route = format!("ftp://{}", "x".repeat(2_000));
        for (key, value) in [
            ("model.display_name", "a\u{202E}b\u{85}c"),
            ("model.id", "a\nb.c=d"),
            ("model.id", &long),
            ("model_card.route", &route),
            (&format!("model.{long}"), "x"),
            ("model.\u{1B}[2J", "x"),
        ] {
            let message = draft.set(key, value).unwrap_err().to_string();
            assert!(message.len() < 1_000, "{message}");
            assert!(!message.chars().any(crate::scalars::is_invisible), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Manifest::parse(&bytes, Options::default()));
        }

        #[test]
        fn a_changed_byte_is_refused_or_is_another_manifest(at: usize, byte in b' '..b'~') {
            let manifest = draft().write_signed(&SigningKey::from_seed([1; 32])).unwrap();
            let mut bytes = manifest.bytes().to_vec();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            // A blank around a value is not part of what is signed; no other change verifies.
            if let Ok(other) = Manifest::parse(&bytes, Options::default()) {
                prop_assert_ne!(other.sha256(), manifest.sha256());
                prop_assert_eq!(other.canonical_sha256(), manifest.canonical_sha256());
            }
        }
    }
}
