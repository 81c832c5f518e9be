//! Writing a request.

use super::{ImportRequest, KIND, RequestError};
use crate::json::{self, Object, Value, limits};
use crate::manifest::{Manifest, Options};
use crate::request::Offer;
use crate::scalars::{Id, UtcTime};

/// What a request is made of; writing it states the user's consent to fetch.
#[derive(Debug, Clone)]
pub struct ImportDraft<'a> {
    /// The request's name.
    pub request_id: Id,
    /// What is wanted.
    pub manifest: &'a Manifest,
    /// How the manifest was read.
    pub options: Options,
    /// Whom to ask: 1 to 64 offers, each by another peer.
    pub offers: &'a [Offer],
    /// How long the request is valid, in seconds; at most 30 days.
    pub valid_for: u64,
}

impl ImportDraft<'_> {
    /// Writes the request in its canonical form, with the user's consent dated `now`.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request would break a rule, as [`ImportRequest::parse`] would say.
    pub fn write(&self, now: UtcTime) -> Result<Vec<u8>, RequestError> {
        let chunking = self.manifest.chunking().ok_or(RequestError::NoChunking)?;
        let (created, expires) = (now.to_string(), now.plus(self.valid_for).to_string());
        let manifest_sha256 = self.manifest.sha256().to_string();
        let artifact_sha256 = self.manifest.artifact_sha256().to_string();
        let root = chunking.root.to_string();
        let mut offers = Vec::with_capacity(self.offers.len());
        for offer in self.offers {
            offers.push(json::parse(offer.bytes(), limits::OFFER)?);
        }
        let consent = Object::new(vec![
            ("fetch", Value::Boolean(true)),
            ("confirmed_utc", Value::String(&created)),
        ]);
        let request = Object::new(vec![
            ("request_version", Value::Integer(0)),
            ("request_kind", Value::String(KIND)),
            ("request_id", Value::String(self.request_id.as_str())),
            ("created_utc", Value::String(&created)),
            ("expires_utc", Value::String(&expires)),
            ("model_id", Value::String(self.manifest.model_id().as_str())),
            ("model_version", Value::String(self.manifest.model_version().as_str())),
            ("manifest_sha256", Value::String(&manifest_sha256)),
            ("artifact_byte_count", Value::Integer(self.manifest.byte_count())),
            ("artifact_sha256", Value::String(&artifact_sha256)),
            ("chunk_algorithm", Value::String(chunking.algorithm().as_str())),
            ("chunk_size", Value::Integer(chunking.geometry.piece_size().into())),
            ("chunk_count", Value::Integer(chunking.geometry.piece_count().into())),
            ("merkle_root", Value::String(&root)),
            ("consent", Value::Object(consent)),
            ("peer_offers", Value::Array(offers)),
        ]);
        let bytes = request.canonical().into_bytes();
        ImportRequest::parse(&bytes, self.manifest.bytes(), self.options, now)?;
        Ok(bytes)
    }
}
