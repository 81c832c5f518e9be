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

#[cfg(test)]
mod tests {
    use super::ImportDraft;
    use crate::boundary::PeerAddress;
    use crate::code::Coded;
    use crate::digest::{ChunkAlgorithm, Root, Sha256};
    use crate::geometry::Geometry;
    use crate::identity::SigningKey;
    use crate::manifest::{Draft, Manifest, Options};
    use crate::request::{ImportRequest, Offer, OfferTerms, PieceSet};
    use crate::scalars::{Id, UtcTime};

    fn manifest() -> Manifest {
        let mut draft = Draft::sample(Sha256::of(b"artifact"));
        let root = Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [7; 32]);
        draft.set_chunking(&Geometry::new(100_000, 16_384).unwrap(), &root);
        draft.write().unwrap()
    }

    fn offer(manifest: &Manifest, seed: u8, model_id: &str, expires: u64) -> Offer {
        let chunking = manifest.chunking().unwrap();
        let terms = OfferTerms {
            addresses: vec![PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
            model_id: Id::parse(model_id).unwrap(),
            manifest_sha256: manifest.sha256(),
            artifact_sha256: manifest.artifact_sha256(),
            geometry: chunking.geometry,
            root: chunking.root,
            pieces: PieceSet::from_text("1-2", &chunking.geometry).unwrap(),
            issued: UtcTime::from_unix(1_000),
            expires: UtcTime::from_unix(expires),
        };
        Offer::sign(&terms, &SigningKey::from_seed([seed; 32])).unwrap()
    }

    fn draft<'a>(manifest: &'a Manifest, offers: &'a [Offer]) -> ImportDraft<'a> {
        let request_id = Id::parse("req").unwrap();
        ImportDraft { request_id, manifest, options: Options::default(), offers, valid_for: 600 }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let manifest = manifest();
        let offers = [offer(&manifest, 1, "tiny", 1_400), offer(&manifest, 2, "tiny", 2_000)];
        let bytes = draft(&manifest, &offers).write(UtcTime::from_unix(1_100)).unwrap();
        let read = |now| {
            let now = UtcTime::from_unix(now);
            ImportRequest::parse(&bytes, manifest.bytes(), Options::default(), now)
        };
        let request = read(1_399).unwrap();
        assert_eq!(request.usable(), offers);
        assert_eq!(request.pieces_offered(), 2);
        assert!(request.warnings().is_empty());
        let later = read(1_400).unwrap();
        assert_eq!((later.usable_indices(), later.skipped_indices()), (&[1][..], &[0][..]));
        assert!(later.warnings().contains("offer-skipped"));
        assert_eq!(read(1_700).unwrap_err().code().to_string(), "request.expired");
    }

    #[test]
    fn a_request_that_would_be_refused_is_not_written() {
        let manifest = manifest();
        let code = |offers: &[Offer]| {
            let error = draft(&manifest, offers).write(UtcTime::from_unix(1_100)).unwrap_err();
            (error.code().to_string(), error.field().into_owned())
        };
        let good = offer(&manifest, 1, "tiny", 2_000);
        let other = offer(&manifest, 2, "other", 2_000);
        let over = offer(&manifest, 3, "tiny", 1_001);
        let says = |code: &str, field: &str| (code.to_owned(), field.to_owned());
        assert_eq!(code(&[]), says("request.offer-count", "peer_offers"));
        assert_eq!(code(&[good.clone(), other]), says("offer.mismatch", "peer_offers[1].model_id"));
        assert_eq!(
            code(&[good.clone(), good.clone()]),
            says("request.duplicate-peer", "peer_offers[1].peer_id")
        );
        let offers = [good, offer(&manifest, 2, "other", 2_000)];
        let error = draft(&manifest, &offers).write(UtcTime::from_unix(1_100)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`model_id` of offer 1 is `other`, expected `tiny`, as the request has it"
        );
        assert_eq!(code(&[over]), says("request.no-usable-offer", "peer_offers"));
    }
}
