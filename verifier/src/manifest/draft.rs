//! A manifest in the making.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXUPPER;

use crate::digest::{Root, Sha256};
use crate::geometry::Geometry;
use crate::identity::{Context, SignatureScheme, SigningKey};
use crate::lines::{self, Document, LineError, LineFault, check_value};
use crate::manifest::error::ManifestError;
use crate::manifest::schema::{ManifestSchema, forbidden_word};
use crate::manifest::{Manifest, Options, check, signature};
use crate::scalars::{Kind, ScalarError, SigText};

/// A manifest in the making: keys and values that fit by themselves.
///
/// Whether they fit together is judged when it is written, by the rules that every manifest is
/// read by.
#[derive(Debug, Clone)]
pub struct Draft {
    values: BTreeMap<String, String>,
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

impl Draft {
    /// Starts with the keys that have one value in every manifest.
    pub fn new() -> Self {
        let fixed = [
            ("manifest.version", "0"),
            ("manifest.kind", "minimodel.manifest"),
            ("manifest.schema_id", "minimodel.manifest.v0"),
            ("manifest.schema_checksum", ManifestSchema::V0.checksum()),
            ("artifact.kind", "slm"),
            ("artifact.project_server_url", "none"),
            ("slm.format_version", "1"),
        ];
        let values = fixed.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { values: values.collect() }
    }

    /// A draft about an artifact that nobody publishes, `tiny` 1.0, for whatever only has to be tried:
    /// all that a manifest needs but how it is cut, or how long it is.
    pub fn sample(artifact: Sha256) -> Self {
        let mut draft = Self::new();
        let sample = [
            ("manifest.created_utc", "2026-01-31T23:59:59Z"),
            ("model.id", "tiny"),
            ("model.version", "1.0"),
            ("publisher.id", "someone"),
            ("publisher.key_id", "none"),
            ("model_card.route", "/models/tiny.md"),
            ("license.route", "https://example.org/licence"),
            ("artifact.acquisition", "consent-peer-transfer"),
            ("artifact.sha256", &artifact.to_string()),
        ];
        draft.values.extend(sample.map(|(key, value)| (key.to_owned(), value.to_owned())));
        draft
    }

    /// Sets a key, in place of an earlier value; blanks around the value are left out.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if the key is forbidden (`boundary.forbidden-key`) or not known
    /// (`manifest.unknown-key`), or the value does not fit its type (`manifest.…`, `route.…`).
    pub fn set(&mut self, key: &str, value: impl fmt::Display) -> Result<&mut Self, ManifestError> {
        let value = value.to_string();
        let value = value.trim_matches([' ', '\t']);
        if let Some(word) = forbidden_word(key) {
            return Err(ManifestError::ForbiddenKey { key: key.to_owned(), word });
        }
        let line_error = |fault| ManifestError::Line(LineError::new(Document::Manifest, fault));
        let rule = ManifestSchema::V0
            .rule(key)
            .filter(|_| ManifestSchema::V0.knows(key))
            .ok_or_else(|| line_error(LineFault::UnknownKey { key: key.to_owned() }))?;
        check_value(Document::Manifest, key, value).map_err(line_error)?;
        if value.chars().any(char::is_control) {
            let error = ScalarError::new(Kind::Text, value);
            return Err(LineError::value(Document::Manifest, key, error).into());
        }
        rule.check(Document::Manifest, key, value)?;
        if key.ends_with("route") {
            check::route(key, value)?;
        }
        self.values.insert(key.to_owned(), value.to_owned());
        Ok(self)
    }

    /// Sets the chunking keys, and the artifact's length with them.
    pub fn set_chunking(&mut self, geometry: &Geometry, root: &Root) -> &mut Self {
        for (key, value) in [
            ("artifact.byte_count", geometry.byte_count().to_string()),
            ("chunking.algorithm", root.algorithm().to_string()),
            ("chunking.chunk_size", geometry.piece_size().to_string()),
            ("chunking.chunk_count", geometry.piece_count().to_string()),
            ("chunking.merkle_root", root.to_string()),
        ] {
            self.values.insert(key.to_owned(), value);
        }
        self
    }

    /// Writes the manifest without a signature, in canonical form.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] for the first rule that the whole breaks.
    pub fn write(mut self) -> Result<Manifest, ManifestError> {
        self.values.retain(|key, _| !key.starts_with(signature::PREFIX));
        self.finish()
    }

    /// Writes the manifest with a publisher's signature, in canonical form.
    ///
    /// The publisher's key id is set to the key's.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] for the first rule that the whole breaks.
    pub fn write_signed(mut self, key: &SigningKey) -> Result<Manifest, ManifestError> {
        let public = key.public_key();
        self.values.retain(|key, _| !key.starts_with(signature::PREFIX));
        self.values
            .insert(signature::KEY_ID.to_owned(), SignatureScheme::Ed25519Ctx.key_id(&public));
        let value = key.sign(Context::Manifest, &lines::canonical(&self.values));
        for (key, value) in [
            (signature::STATUS, "signed".to_owned()),
            (signature::ALGORITHM, SignatureScheme::Ed25519Ctx.as_str().to_owned()),
            (signature::PUBLIC_KEY, HEXUPPER.encode(public.as_bytes())),
            (signature::VALUE, SigText(value).to_string()),
        ] {
            self.values.insert(key.to_owned(), value);
        }
        self.finish()
    }

    fn finish(self) -> Result<Manifest, ManifestError> {
        Manifest::parse(&lines::canonical(&self.values), Options::default())
    }
}
