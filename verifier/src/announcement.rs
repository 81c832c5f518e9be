//! Announcements: the file by which a user tells others that a peer has an artifact
//! (docs/formats.md 10.3).
//!
//! It is written here and handed over by the user; nothing publishes it by itself. At most 65,536
//! bytes and 64 lines, and valid for a day at most.
//!
//! ```
//! use verifier::announcement::{Announcement, AnnouncementTerms};
//! use verifier::boundary::PeerAddress;
//! use verifier::identity::SigningKey;
//! use verifier::request::PieceSet;
//! use verifier::scalars::{Id, UtcTime, Version};
//! use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};
//!
//! let created = UtcTime::parse("2026-01-31T12:00:00Z")?;
//! let terms = AnnouncementTerms {
//!     addresses: vec![PeerAddress::parse("mmp://192.168.1.20:9410")?],
//!     model_id: Id::parse("tiny")?,
//!     model_version: Version::parse("1.0")?,
//!     manifest_sha256: Sha256::of(b"manifest"),
//!     artifact_sha256: Sha256::of(b"artifact"),
//!     geometry: Geometry::new(40_000, 16_384)?,
//!     root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]),
//!     pieces: PieceSet::ALL,
//!     created,
//!     expires: created.plus(86_400),
//! };
//! let bytes = Announcement::sign(&terms, &SigningKey::from_seed([1; 32]))?;
//! assert_eq!(Announcement::parse(&bytes, created)?.terms(), &terms);
//! assert!(Announcement::parse(&bytes, created.plus(86_400)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;

use crate::advice::Advice;
use crate::boundary::PeerAddress;
use crate::code::{Code, Coded};
use crate::digest::{Root, Sha256};
use crate::excerpt::Excerpt;
use crate::geometry::Geometry;
use crate::identity::{Context, PeerId, SignatureScheme, SigningKey};
use crate::lines::{self, Document, LineError, LineFault, Lines};
use crate::request::{
    AddressList, PeerMessages, PieceSet, TermError, TermFault, check_byte_count, check_chunk_count,
    check_chunk_size, check_clock, check_signature, check_window, read_algorithm, read_peer_id,
    read_root, read_sha256,
};
use crate::scalars::{Id, SigText, UtcTime, Version, parse_int};

const KIND: &str = "minimodel.peer-source";
const CONSENT: &str = "publish-availability";
const ALGORITHM: &str = SignatureScheme::Ed25519Ctx.as_str();

/// The keys without the addresses, all required.
const KEYS: [&str; 19] = [
    "peer_source.version",
    "peer_source.kind",
    "peer_source.created_utc",
    "peer_source.expires_utc",
    "peer_source.consent",
    "peer.id",
    "peer.address_count",
    "model.id",
    "model.version",
    "manifest.sha256",
    "artifact.sha256",
    "artifact.byte_count",
    "chunking.algorithm",
    "chunking.chunk_size",
    "chunking.chunk_count",
    "chunking.merkle_root",
    "pieces.ranges",
    "signature.algorithm",
    "signature.value",
];

const ADDRESS_KEYS: [&str; PeerMessages::V0.max_addresses] = [
    "peer.address.0",
    "peer.address.1",
    "peer.address.2",
    "peer.address.3",
    "peer.address.4",
    "peer.address.5",
    "peer.address.6",
    "peer.address.7",
];

/// A peer's word that it has an artifact: well-formed, signed by that peer, and valid now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    peer_id: PeerId,
    terms: AnnouncementTerms,
    signed_sha256: Sha256,
}

/// What an announcement says, apart from who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementTerms {
    /// Where the peer is called: 1 to 8, all different.
    pub addresses: Vec<PeerAddress>,
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// The digest of the manifest's bytes.
    pub manifest_sha256: Sha256,
    /// The digest of the artifact.
    pub artifact_sha256: Sha256,
    /// How the artifact is cut.
    pub geometry: Geometry,
    /// The root over its chunks.
    pub root: Root,
    /// The pieces that the peer holds.
    pub pieces: PieceSet,
    /// From when on the announcement is valid.
    pub created: UtcTime,
    /// From when on it is not any more; at most a day later.
    pub expires: UtcTime,
}

impl Announcement {
    /// Reads an announcement.
    ///
    /// # Errors
    ///
    /// [`AnnouncementError`] (`announcement.…`) for the first rule that the bytes break, the clock
    /// last.
    pub fn parse(bytes: &[u8], now: UtcTime) -> Result<Self, AnnouncementError> {
        let announcement = Self::parse_static(bytes)?;
        let (created, expires) = (announcement.terms.created, announcement.terms.expires);
        let fields = ["peer_source.created_utc", "peer_source.expires_utc"];
        check_clock(fields, created, expires, now)?;
        Ok(announcement)
    }

    fn parse_static(bytes: &[u8]) -> Result<Self, AnnouncementError> {
        let lines = Lines::parse(Document::Announcement, bytes)?;
        lines.require_value("peer_source.version", "0", LineFault::UnknownVersion)?;
        lines.require_value("peer_source.kind", KIND, LineFault::BadKind)?;
        lines.refuse_unknown(|key| KEYS.contains(&key) || ADDRESS_KEYS.contains(&key))?;
        for key in KEYS {
            lines.require(key)?;
        }
        let created = lines.read("peer_source.created_utc", UtcTime::parse)?;
        let expires = lines.read("peer_source.expires_utc", UtcTime::parse)?;
        match lines.require("peer_source.consent")? {
            CONSENT => {}
            other => return Err(AnnouncementError::Consent(other.to_owned())),
        }
        let peer_id = read_peer_id("peer.id", lines.require("peer.id")?)?;
        let addresses = read_addresses(&lines)?;
        let model_id = lines.read("model.id", Id::parse)?;
        let model_version = lines.read("model.version", Version::parse)?;
        let manifest_sha256 = lines.read("manifest.sha256", read_sha256)?;
        let artifact_sha256 = lines.read("artifact.sha256", read_sha256)?;
        let (geometry, root) = read_chunking(&lines)?;
        let pieces = PieceSet::from_text(lines.require("pieces.ranges")?, &geometry)
            .ok_or_else(|| TermError::new("pieces.ranges", TermFault::Pieces))?;
        lines.read_word("signature.algorithm", &[ALGORITHM])?;
        let signature = lines.read("signature.value", SigText::parse)?;
        let limit = PeerMessages::V0.announcement_window;
        check_window("peer_source.expires_utc", created, expires, limit)?;
        let signed = lines.canonical(|key| !key.starts_with("signature."));
        check_signature("signature.value", peer_id, Context::PeerSource, &signed, &signature.0)?;
        let terms = AnnouncementTerms {
            addresses,
            model_id,
            model_version,
            manifest_sha256,
            artifact_sha256,
            geometry,
            root,
            pieces,
            created,
            expires,
        };
        Ok(Self { peer_id, terms, signed_sha256: Sha256::of(&signed) })
    }

    /// Writes an announcement in the name of the key's owner, who consents to publish it.
    ///
    /// Runs of pieces for which the line has no room are left out.
    ///
    /// # Errors
    ///
    /// [`AnnouncementError`] if the terms break a rule, as [`Self::parse`] would say.
    pub fn sign(terms: &AnnouncementTerms, key: &SigningKey) -> Result<Vec<u8>, AnnouncementError> {
        let count = terms.addresses.len();
        let mut entries = vec![
            ("peer_source.version", "0".to_owned()),
            ("peer_source.kind", KIND.to_owned()),
            ("peer_source.created_utc", terms.created.to_string()),
            ("peer_source.expires_utc", terms.expires.to_string()),
            ("peer_source.consent", CONSENT.to_owned()),
            ("peer.id", key.public_key().peer_id().to_string()),
            ("peer.address_count", count.to_string()),
            ("model.id", terms.model_id.to_string()),
            ("model.version", terms.model_version.to_string()),
            ("manifest.sha256", terms.manifest_sha256.to_string()),
            ("artifact.sha256", terms.artifact_sha256.to_string()),
            ("artifact.byte_count", terms.geometry.byte_count().to_string()),
            ("chunking.algorithm", terms.root.algorithm().to_string()),
            ("chunking.chunk_size", terms.geometry.piece_size().to_string()),
            ("chunking.chunk_count", terms.geometry.piece_count().to_string()),
            ("chunking.merkle_root", terms.root.to_string()),
            ("pieces.ranges", terms.pieces.to_text(lines::MAX_VALUE)),
        ];
        let addresses = ADDRESS_KEYS.into_iter().zip(&terms.addresses);
        entries.extend(addresses.map(|(key, address)| (key, address.to_string())));
        let signed = lines::canonical(entries.iter().map(|(key, value)| (*key, value)));
        let signature = SigText(key.sign(Context::PeerSource, &signed));
        entries.push(("signature.algorithm", ALGORITHM.to_owned()));
        entries.push(("signature.value", signature.to_string()));
        let bytes = lines::canonical(entries);
        Self::parse_static(&bytes)?;
        Ok(bytes)
    }

    /// The peer that signed it.
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// What it says.
    pub const fn terms(&self) -> &AnnouncementTerms {
        &self.terms
    }

    /// The digest of what is signed, without the context.
    pub const fn signed_sha256(&self) -> Sha256 {
        self.signed_sha256
    }
}

fn read_addresses(lines: &Lines<'_>) -> Result<Vec<PeerAddress>, AnnouncementError> {
    let field = "peer.address_count";
    let count = read_int(lines, field, TermFault::AddressCount)?;
    let mut addresses = AddressList::of(field, usize::try_from(count).unwrap_or(usize::MAX))?;
    let wrong_count = || TermError::new(field, TermFault::AddressCount(count.to_string()));
    let listed: Vec<_> = ADDRESS_KEYS.into_iter().zip(0..count).collect();
    if lines.iter().filter(|(key, _)| ADDRESS_KEYS.contains(key)).count() != listed.len() {
        return Err(wrong_count().into());
    }
    for (key, _) in &listed {
        lines.get(key).ok_or_else(wrong_count)?;
    }
    for (key, _) in listed {
        addresses.push(key, lines.require(key)?)?;
    }
    Ok(addresses.finish())
}

fn read_chunking(lines: &Lines<'_>) -> Result<(Geometry, Root), AnnouncementError> {
    let byte_count = read_int(lines, "artifact.byte_count", TermFault::ByteCount)?;
    let byte_count = check_byte_count("artifact.byte_count", byte_count)?;
    let algorithm = lines.read("chunking.algorithm", read_algorithm)?;
    let size = read_int(lines, "chunking.chunk_size", TermFault::ChunkSize)?;
    let size = check_chunk_size("chunking.chunk_size", size)?;
    let count = read_int(lines, "chunking.chunk_count", TermFault::ChunkCount)?;
    let geometry = check_chunk_count("chunking.chunk_count", count, byte_count, size)?;
    let root = lines.read("chunking.merkle_root", |text| read_root(algorithm, text))?;
    Ok((geometry, root))
}

/// Reads a number; what is none breaks the same rule as one out of range.
fn read_int(
    lines: &Lines<'_>,
    key: &str,
    fault: fn(String) -> TermFault,
) -> Result<u64, AnnouncementError> {
    let text = lines.require(key)?;
    parse_int(text).map_err(|_| TermError::new(key, fault(text.to_owned())).into())
}

/// What to do about an announcement that is wrong in itself.
const ASK_AGAIN: Advice =
    Advice::new("Ask that peer for a new announcement, and take the whole file.");

/// Why an announcement is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// It is not the line document that an announcement is.
    #[error(transparent)]
    Line(#[from] LineError),
    /// One of its terms breaks a rule.
    #[error(transparent)]
    Term(#[from] TermError),
    /// It does not say that its owner consents to publish.
    #[error("peer_source.consent is `{}`, expected `{CONSENT}`", Excerpt(.0))]
    Consent(String),
}

impl Coded for AnnouncementError {
    fn code(&self) -> Code {
        match self {
            Self::Line(error) => error.code(),
            Self::Term(error) => error.code("announcement"),
            Self::Consent(_) => Code::new("announcement", "consent"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Line(error) => error.field(),
            Self::Term(error) => Cow::Borrowed(error.field()),
            Self::Consent(_) => Cow::Borrowed("peer_source.consent"),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Line(error) => error.advice(),
            Self::Term(error) => error.advice(ASK_AGAIN),
            Self::Consent(_) => ASK_AGAIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Announcement, AnnouncementTerms};
    use crate::boundary::PeerAddress;
    use crate::digest::{ChunkAlgorithm, Root, Sha256};
    use crate::geometry::Geometry;
    use crate::identity::SigningKey;
    use crate::request::PieceSet;
    use crate::scalars::{Id, UtcTime, Version};

    fn terms() -> AnnouncementTerms {
        AnnouncementTerms {
            addresses: vec![PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
            model_id: Id::parse("tiny").unwrap(),
            model_version: Version::parse("1.0").unwrap(),
            manifest_sha256: Sha256::of(b"manifest"),
            artifact_sha256: Sha256::of(b"artifact"),
            geometry: Geometry::new(100_000, 16_384).unwrap(),
            root: Root::from_bytes(ChunkAlgorithm::Blake3TreeV0, [7; 32]),
            pieces: PieceSet::ALL,
            created: UtcTime::from_unix(1_000),
            expires: UtcTime::from_unix(2_000),
        }
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let key = SigningKey::from_seed([1; 32]);
        let bytes = Announcement::sign(&terms(), &key).unwrap();
        let read = Announcement::parse(&bytes, UtcTime::from_unix(1_500)).unwrap();
        assert_eq!(read.peer_id(), key.public_key().peer_id());
        assert_eq!(read.terms(), &terms());
        assert!(Announcement::parse(&bytes, UtcTime::from_unix(2_000)).is_err());
        assert!(Announcement::parse(&bytes, UtcTime::from_unix(699)).is_err());
    }

    #[test]
    fn terms_that_break_a_rule_are_not_signed() {
        let key = SigningKey::from_seed([1; 32]);
        let none = AnnouncementTerms { addresses: Vec::new(), ..terms() };
        assert!(Announcement::sign(&none, &key).is_err());
        let long = AnnouncementTerms { expires: UtcTime::from_unix(1_000_000), ..terms() };
        assert!(Announcement::sign(&long, &key).is_err());
        let same =
            AnnouncementTerms { addresses: vec![terms().addresses[0].clone(); 9], ..terms() };
        assert!(Announcement::sign(&same, &key).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_passes_as_another_announcement(at in 0_usize..900, byte: u8) {
            let key = SigningKey::from_seed([1; 32]);
            let mut bytes = Announcement::sign(&terms(), &key).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = Announcement::parse(&bytes, UtcTime::from_unix(1_500)) {
                prop_assert_eq!(read.terms(), &terms());
            }
        }

        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Announcement::parse(&bytes, UtcTime::from_unix(0)).is_err());
        }
    }
}
