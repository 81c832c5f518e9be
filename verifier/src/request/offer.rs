//! Offers: a peer's signed word that it consents to serve an artifact, and what it can be asked for.

use std::borrow::Cow;

use crate::advice::{Advice, Remedy};
use crate::bitfield::Bitfield;
use crate::boundary::PeerAddress;
use crate::code::{Code, Coded};
use crate::digest::{Root, Sha256};
use crate::excerpt::Excerpt;
use crate::geometry::Geometry;
use crate::identity::{Context, PeerId, SigningKey};
use crate::json::{self, JsonError, Object, Value, limits};
use crate::request::{
    AddressList, PeerMessages, PieceSet, TermError, TermFault, check_byte_count, check_chunk_count,
    check_chunk_size, check_clock, check_signature, check_window, read_algorithm, read_peer_id,
    read_root, read_sha256,
};
use crate::scalars::{Id, SigText, UtcTime};

const KIND: &str = "minimodel.peer-offer";
const CONSENT: &str = "owner-consents-to-serve";
const MEMBERS: [&str; 17] = [
    "offer_version",
    "offer_kind",
    "peer_id",
    "addresses",
    "model_id",
    "manifest_sha256",
    "artifact_sha256",
    "artifact_byte_count",
    "chunk_algorithm",
    "chunk_size",
    "chunk_count",
    "merkle_root",
    "pieces",
    "issued_utc",
    "expires_utc",
    "consent_statement",
    "signature",
];

/// A peer's offer to serve one artifact: well-formed, and signed by that peer.
///
/// That it is valid now is [`Self::check_clock`]'s to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    peer_id: PeerId,
    terms: OfferTerms,
    signed_sha256: Sha256,
    canonical: String,
}

/// What an offer says, apart from who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferTerms {
    /// Where the peer is called: 1 to 8, all different.
    pub addresses: Vec<PeerAddress>,
    /// The model's name.
    pub model_id: Id,
    /// The digest of the manifest's bytes.
    pub manifest_sha256: Sha256,
    /// The digest of the artifact.
    pub artifact_sha256: Sha256,
    /// How the artifact is cut.
    pub geometry: Geometry,
    /// The root over its chunks.
    pub root: Root,
    /// The pieces that the peer can be asked for: it has them, or is importing them.
    pub pieces: PieceSet,
    /// From when on the offer is valid.
    pub issued: UtcTime,
    /// From when on it is not any more; at most 30 days later.
    pub expires: UtcTime,
}

impl Offer {
    /// Reads an offer and makes every check on it that needs no clock.
    ///
    /// # Errors
    ///
    /// [`OfferError`] (`offer.…`) for the first rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, OfferError> {
        match json::parse(bytes, limits::OFFER)? {
            Value::Object(object) => Self::from_object(&object),
            other => Err(JsonError::root_not_an_object(&other).into()),
        }
    }

    /// The checks on an offer's object, alone or within a request.
    pub(super) fn from_object(object: &Object<'_>) -> Result<Self, OfferError> {
        object.check_head("offer_version", "offer_kind", &[KIND])?;
        object.check_members(&MEMBERS)?;
        let peer_id = read_peer_id("peer_id", object.text("peer_id")?)?;
        let addresses = read_addresses::<OfferError>(object)?;
        let model_id = object.scalar("model_id", Id::parse)?;
        let manifest_sha256 = object.scalar("manifest_sha256", read_sha256)?;
        let artifact_sha256 = object.scalar("artifact_sha256", read_sha256)?;
        let byte_count =
            check_byte_count("artifact_byte_count", object.integer("artifact_byte_count")?)?;
        let algorithm = object.scalar("chunk_algorithm", read_algorithm)?;
        let chunk_size = check_chunk_size("chunk_size", object.integer("chunk_size")?)?;
        let geometry = check_chunk_count(
            "chunk_count",
            object.integer("chunk_count")?,
            byte_count,
            chunk_size,
        )?;
        let root = object.scalar("merkle_root", |text| read_root(algorithm, text))?;
        let pieces = read_pieces(object, &geometry)?;
        let issued = object.scalar("issued_utc", UtcTime::parse)?;
        let expires = object.scalar("expires_utc", UtcTime::parse)?;
        match object.text("consent_statement")? {
            CONSENT => {}
            other => return Err(OfferError::Consent(other.to_owned())),
        }
        let signature = object.scalar("signature", SigText::parse)?;
        check_window("expires_utc", issued, expires, PeerMessages::V0.window)?;
        let signed = object.canonical_without("signature");
        let context = Context::PeerOffer;
        check_signature("signature", peer_id, context, signed.as_bytes(), &signature.0)?;
        let terms = OfferTerms {
            addresses,
            model_id,
            manifest_sha256,
            artifact_sha256,
            geometry,
            root,
            pieces,
            issued,
            expires,
        };
        let signed_sha256 = Sha256::of(signed.as_bytes());
        Ok(Self { peer_id, terms, signed_sha256, canonical: object.canonical() })
    }

    /// Makes an offer in the name of the key's owner, who consents to serve by it.
    ///
    /// # Errors
    ///
    /// [`OfferError`] if the terms break a rule, as [`Self::parse`] would say.
    pub fn sign(terms: &OfferTerms, key: &SigningKey) -> Result<Self, OfferError> {
        let peer_id = key.public_key().peer_id().to_string();
        let manifest_sha256 = terms.manifest_sha256.to_string();
        let artifact_sha256 = terms.artifact_sha256.to_string();
        let root = terms.root.to_string();
        let (issued, expires) = (terms.issued.to_string(), terms.expires.to_string());
        let addresses =
            terms.addresses.iter().map(|address| Value::String(address.as_str())).collect();
        let mut members = vec![
            ("offer_version", Value::Integer(0)),
            ("offer_kind", Value::String(KIND)),
            ("peer_id", Value::String(&peer_id)),
            ("addresses", Value::Array(addresses)),
            ("model_id", Value::String(terms.model_id.as_str())),
            ("manifest_sha256", Value::String(&manifest_sha256)),
            ("artifact_sha256", Value::String(&artifact_sha256)),
            ("artifact_byte_count", Value::Integer(terms.geometry.byte_count())),
            ("chunk_algorithm", Value::String(terms.root.algorithm().as_str())),
            ("chunk_size", Value::Integer(terms.geometry.piece_size().into())),
            ("chunk_count", Value::Integer(terms.geometry.piece_count().into())),
            ("merkle_root", Value::String(&root)),
            ("pieces", terms.pieces.to_json()),
            ("issued_utc", Value::String(&issued)),
            ("expires_utc", Value::String(&expires)),
            ("consent_statement", Value::String(CONSENT)),
        ];
        let signed = Object::new(members.clone()).canonical();
        let signature = SigText(key.sign(Context::PeerOffer, signed.as_bytes())).to_string();
        members.push(("signature", Value::String(&signature)));
        Self::parse(Object::new(members).canonical().as_bytes())
    }

    /// Checks that the offer is valid now.
    ///
    /// # Errors
    ///
    /// [`OfferError::Term`] if it starts more than 300 seconds ahead (`offer.not-yet-valid`) or is
    /// over (`offer.expired`).
    pub fn check_clock(&self, now: UtcTime) -> Result<(), OfferError> {
        let (issued, expires) = (self.terms.issued, self.terms.expires);
        Ok(check_clock(["issued_utc", "expires_utc"], issued, expires, now)?)
    }

    /// The peer that signed it.
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Where the peer is called: 1 to 8, all different.
    pub fn addresses(&self) -> &[PeerAddress] {
        &self.terms.addresses
    }

    /// The model's name.
    pub const fn model_id(&self) -> &Id {
        &self.terms.model_id
    }

    /// The digest of the manifest's bytes.
    pub const fn manifest_sha256(&self) -> Sha256 {
        self.terms.manifest_sha256
    }

    /// The digest of the artifact.
    pub const fn artifact_sha256(&self) -> Sha256 {
        self.terms.artifact_sha256
    }

    /// How the artifact is cut.
    pub const fn geometry(&self) -> Geometry {
        self.terms.geometry
    }

    /// The root over the artifact's chunks.
    pub const fn root(&self) -> Root {
        self.terms.root
    }

    /// The pieces that the peer says it can be asked for.
    pub const fn piece_set(&self) -> &PieceSet {
        &self.terms.pieces
    }

    /// The same as a have-map, which is made anew and takes a bit a piece.
    pub fn pieces(&self) -> Bitfield {
        self.terms.pieces.to_bitfield(&self.terms.geometry)
    }

    /// From when on it is valid.
    pub const fn issued(&self) -> UtcTime {
        self.terms.issued
    }

    /// From when on it is not valid any more.
    pub const fn expires(&self) -> UtcTime {
        self.terms.expires
    }

    /// The digest of what is signed, without the context.
    pub const fn signed_sha256(&self) -> Sha256 {
        self.signed_sha256
    }

    /// The offer's canonical form, which is how it is written.
    pub fn bytes(&self) -> &[u8] {
        self.canonical.as_bytes()
    }
}

/// Reads the member `addresses`.
pub(super) fn read_addresses<E: From<JsonError> + From<TermError>>(
    object: &Object<'_>,
) -> Result<Vec<PeerAddress>, E> {
    let texts = object.array("addresses")?;
    let mut addresses = AddressList::of("addresses", texts.len())?;
    for (place, value) in texts.iter().enumerate() {
        let field = format!("addresses[{place}]");
        match value {
            Value::String(text) => addresses.push(&field, text)?,
            other => return Err(JsonError::wrong_type(&field, other, "a string").into()),
        }
    }
    Ok(addresses.finish())
}

fn read_pieces(object: &Object<'_>, geometry: &Geometry) -> Result<PieceSet, OfferError> {
    let value = object.value("pieces")?;
    if !matches!(value, Value::String(_) | Value::Array(_)) {
        return Err(JsonError::wrong_type("pieces", value, "a string or an array").into());
    }
    let pieces = PieceSet::from_json(value, geometry);
    pieces.ok_or_else(|| TermError::new("pieces", TermFault::Pieces).into())
}

/// What to do about an offer that is wrong in itself.
const ASK_AGAIN: Advice =
    Advice::new("Ask that peer for a new offer, and take the whole file.").by(Remedy::AskForOffer);

/// Why an offer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// It is not the JSON object that an offer is.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// One of its terms breaks a rule.
    #[error(transparent)]
    Term(#[from] TermError),
    /// It does not say that its owner consents to serve.
    #[error("consent_statement is `{}`, expected `{CONSENT}`", Excerpt(.0))]
    Consent(String),
}

impl Coded for OfferError {
    fn code(&self) -> Code {
        match self {
            Self::Json(error) => error.code("offer"),
            Self::Term(error) => error.code("offer"),
            Self::Consent(_) => Code::new("offer", "consent"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Json(error) => error.field(),
            Self::Term(error) => error.field(),
            Self::Consent(_) => "consent_statement",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Term(error) => error.advice(ASK_AGAIN),
            Self::Json(_) | Self::Consent(_) => ASK_AGAIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Offer, OfferTerms};
    use crate::boundary::PeerAddress;
    use crate::code::Coded;
    use crate::digest::{ChunkAlgorithm, Root, Sha256};
    use crate::geometry::Geometry;
    use crate::identity::SigningKey;
    use crate::request::PieceSet;
    use crate::scalars::{Id, UtcTime};

    fn terms() -> OfferTerms {
        OfferTerms {
            addresses: vec![PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
            model_id: Id::parse("tiny").unwrap(),
            manifest_sha256: Sha256::of(b"manifest"),
            artifact_sha256: Sha256::of(b"artifact"),
            geometry: Geometry::new(100_000, 16_384).unwrap(),
            root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]),
            pieces: PieceSet::ALL,
            issued: UtcTime::from_unix(1_000),
            expires: UtcTime::from_unix(2_000),
        }
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let key = SigningKey::from_seed([1; 32]);
        let offer = Offer::sign(&terms(), &key).unwrap();
        assert_eq!(Offer::parse(offer.bytes()), Ok(offer.clone()));
        assert_eq!(offer.peer_id(), key.public_key().peer_id());
        assert_eq!(offer.terms, terms());
        assert!(offer.pieces().is_full());
        let code = |now| offer.check_clock(UtcTime::from_unix(now)).map_err(|e| e.code().suffix());
        assert_eq!(code(699), Err("not-yet-valid"));
        assert_eq!(code(700), Ok(()));
        assert_eq!(code(1_999), Ok(()));
        assert_eq!(code(2_000), Err("expired"));
    }

    #[test]
    fn terms_that_break_a_rule_are_not_signed() {
        let key = SigningKey::from_seed([1; 32]);
        let sign = |terms: OfferTerms| Offer::sign(&terms, &key).unwrap_err().code().suffix();
        let address = terms().addresses.remove(0);
        let twice = vec![address.clone(), address];
        let small = Geometry::new(100_000, 4_096).unwrap();
        assert_eq!(sign(OfferTerms { addresses: Vec::new(), ..terms() }), "address-count");
        assert_eq!(sign(OfferTerms { addresses: twice, ..terms() }), "duplicate-address");
        assert_eq!(sign(OfferTerms { geometry: small, ..terms() }), "chunk-size");
        assert_eq!(sign(OfferTerms { expires: terms().issued, ..terms() }), "bad-validity");
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_passes_as_another_offer(at in 0_usize..2_000, byte: u8) {
            let offer = Offer::sign(&terms(), &SigningKey::from_seed([1; 32])).unwrap();
            let mut bytes = offer.bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = Offer::parse(&bytes) {
                prop_assert_eq!(read, offer);
            }
        }
    }
}
