//! Import requests: what the user wants to fetch, and from whom.

mod draft;
mod error;

use std::collections::BTreeSet;

use crate::digest::{ChunkAlgorithm, Root, Sha256};
use crate::identity::PeerId;
use crate::json::{self, JsonError, Object, Value, limits};
use crate::manifest::{Chunking, Manifest, Options};
use crate::request::{
    Offer, PeerMessages, PieceSet, check_clock, check_window, read_algorithm, read_root,
    read_sha256,
};
use crate::scalars::{Id, UtcTime, Version};

pub use draft::ImportDraft;
pub use error::RequestError;

const KIND: &str = "minimodel.peer-import-request";
/// The warning for an offer that is expired or not yet valid.
const OFFER_SKIPPED: &str = "offer-skipped";
const MEMBERS: [&str; 16] = [
    "request_version",
    "request_kind",
    "request_id",
    "created_utc",
    "expires_utc",
    "model_id",
    "model_version",
    "manifest_sha256",
    "artifact_byte_count",
    "artifact_sha256",
    "chunk_algorithm",
    "chunk_size",
    "chunk_count",
    "merkle_root",
    "consent",
    "peer_offers",
];

/// A request to import an artifact from peers, which agrees with its manifest and is valid now.
///
/// Nothing may touch the network before there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequest {
    request_id: Id,
    sha256: Sha256,
    created: UtcTime,
    expires: UtcTime,
    manifest: Manifest,
    chunking: Chunking,
    usable: Vec<Offer>,
    usable_indices: Vec<usize>,
    skipped_indices: Vec<usize>,
    warnings: BTreeSet<&'static str>,
}

impl ImportRequest {
    /// Reads a request and the manifest it goes with, and makes every check on both.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for the first rule that the bytes break: `request.…`, a code of the
    /// manifest, or `offer.…` (docs/formats.md 10.2, Q1 to Q7).
    pub fn parse(
        bytes: &[u8],
        manifest: &[u8],
        options: Options,
        now: UtcTime,
    ) -> Result<Self, RequestError> {
        let value = json::parse(bytes, limits::REQUEST)?;
        let Value::Object(object) = &value else {
            return Err(JsonError::root_not_an_object(&value).into());
        };
        let stated = Stated::read(object)?;
        stated.check_now(now)?;
        let manifest = Manifest::parse(manifest, options)?;
        let chunking = manifest.chunking().cloned().ok_or(RequestError::NoChunking)?;
        stated.check_manifest(&manifest, &chunking)?;
        let mut request = Self {
            request_id: stated.request_id,
            sha256: Sha256::of(bytes),
            created: stated.created,
            expires: stated.expires,
            warnings: manifest.warnings().clone(),
            manifest,
            chunking,
            usable: Vec::new(),
            usable_indices: Vec::new(),
            skipped_indices: Vec::new(),
        };
        request.take_offers(&stated.offers, now)?;
        Ok(request)
    }

    fn take_offers(&mut self, offers: &[&Object<'_>], now: UtcTime) -> Result<(), RequestError> {
        let mut peers: BTreeSet<PeerId> = BTreeSet::new();
        for (index, object) in offers.iter().enumerate() {
            let offer = Offer::from_object(object)
                .map_err(|source| RequestError::Offer { index, source })?;
            self.check_offer(index, &offer)?;
            if !peers.insert(offer.peer_id()) {
                return Err(RequestError::DuplicatePeer { index, peer: offer.peer_id() });
            }
            if offer.check_clock(now).is_ok() {
                self.usable.push(offer);
                self.usable_indices.push(index);
            } else {
                self.skipped_indices.push(index);
                self.warnings.insert(OFFER_SKIPPED);
            }
        }
        if self.usable.is_empty() { Err(RequestError::NoUsableOffer) } else { Ok(()) }
    }

    fn check_offer(&self, index: usize, offer: &Offer) -> Result<(), RequestError> {
        let manifest = &self.manifest;
        let (wanted, offered) = (self.chunking.geometry, offer.geometry());
        let root = self.chunking.root;
        first_difference([
            ("model_id", offer.model_id().to_string(), manifest.model_id().to_string()),
            ("manifest_sha256", offer.manifest_sha256().to_string(), manifest.sha256().to_string()),
            (
                "artifact_sha256",
                offer.artifact_sha256().to_string(),
                manifest.artifact_sha256().to_string(),
            ),
            (
                "artifact_byte_count",
                offered.byte_count().to_string(),
                manifest.byte_count().to_string(),
            ),
            ("chunk_algorithm", offer.root().algorithm().to_string(), root.algorithm().to_string()),
            ("chunk_size", offered.piece_size().to_string(), wanted.piece_size().to_string()),
            ("chunk_count", offered.piece_count().to_string(), wanted.piece_count().to_string()),
            ("merkle_root", offer.root().to_string(), root.to_string()),
        ])
        .map_err(|(member, found, wanted)| RequestError::OfferMismatch {
            index,
            member,
            found,
            wanted,
        })
    }

    /// The request's name.
    pub const fn request_id(&self) -> &Id {
        &self.request_id
    }

    /// The digest of the request's bytes.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// From when on it is valid.
    pub const fn created(&self) -> UtcTime {
        self.created
    }

    /// From when on it is not valid any more.
    pub const fn expires(&self) -> UtcTime {
        self.expires
    }

    /// The manifest of the artifact that is wanted.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How the artifact is cut, as the manifest says.
    pub const fn chunking(&self) -> &Chunking {
        &self.chunking
    }

    /// The offers that are valid now, at least one, each by another peer.
    pub fn usable(&self) -> &[Offer] {
        &self.usable
    }

    /// Where the usable offers stand in the request.
    pub fn usable_indices(&self) -> &[usize] {
        &self.usable_indices
    }

    /// Where the offers stand that are expired or not yet valid.
    pub fn skipped_indices(&self) -> &[usize] {
        &self.skipped_indices
    }

    /// How many pieces at least one usable offer names; the rest may be kept here already.
    pub fn pieces_offered(&self) -> u32 {
        PieceSet::count_union(self.usable.iter().map(Offer::piece_set), &self.chunking.geometry)
    }

    /// What was remarked without refusing, the manifest's remarks included.
    pub const fn warnings(&self) -> &BTreeSet<&'static str> {
        &self.warnings
    }
}

/// What a request's members say, before they are held against anything.
struct Stated<'v, 'a> {
    request_id: Id,
    created: UtcTime,
    expires: UtcTime,
    model_id: Id,
    model_version: Version,
    manifest_sha256: Sha256,
    byte_count: u64,
    artifact_sha256: Sha256,
    algorithm: ChunkAlgorithm,
    chunk_size: u64,
    chunk_count: u64,
    root: Root,
    fetch: bool,
    confirmed: UtcTime,
    offers: Vec<&'v Object<'a>>,
}

impl<'v, 'a> Stated<'v, 'a> {
    fn read(object: &'v Object<'a>) -> Result<Self, RequestError> {
        object.check_head("request_version", "request_kind", &[KIND])?;
        object.check_members(&MEMBERS)?;
        let request_id = object.scalar("request_id", Id::parse)?;
        let created = object.scalar("created_utc", UtcTime::parse)?;
        let expires = object.scalar("expires_utc", UtcTime::parse)?;
        let model_id = object.scalar("model_id", Id::parse)?;
        let model_version = object.scalar("model_version", Version::parse)?;
        let manifest_sha256 = object.scalar("manifest_sha256", read_sha256)?;
        let byte_count = object.integer("artifact_byte_count")?;
        let artifact_sha256 = object.scalar("artifact_sha256", read_sha256)?;
        let algorithm = object.scalar("chunk_algorithm", read_algorithm)?;
        let chunk_size = object.integer("chunk_size")?;
        let chunk_count = object.integer("chunk_count")?;
        let root = object.scalar("merkle_root", |text| read_root(algorithm, text))?;
        let (fetch, confirmed) =
            read_consent(object.object("consent")?).map_err(|error| error.within("consent"))?;
        let offers = read_offers(object)?;
        Ok(Self {
            request_id,
            created,
            expires,
            model_id,
            model_version,
            manifest_sha256,
            byte_count,
            artifact_sha256,
            algorithm,
            chunk_size,
            chunk_count,
            root,
            fetch,
            confirmed,
            offers,
        })
    }

    /// Q1 and Q2.
    fn check_now(&self, now: UtcTime) -> Result<(), RequestError> {
        check_window("expires_utc", self.created, self.expires, PeerMessages::V0.window)?;
        check_clock(["created_utc", "expires_utc"], self.created, self.expires, now)?;
        if !self.fetch {
            return Err(RequestError::ConsentMissing);
        }
        if self.confirmed > now.plus(PeerMessages::V0.clock_skew) {
            return Err(RequestError::ConsentAhead(self.confirmed));
        }
        Ok(())
    }

    /// Q5.
    fn check_manifest(&self, manifest: &Manifest, chunking: &Chunking) -> Result<(), RequestError> {
        let geometry = chunking.geometry;
        first_difference([
            ("model_id", self.model_id.to_string(), manifest.model_id().to_string()),
            ("model_version", self.model_version.to_string(), manifest.model_version().to_string()),
            ("manifest_sha256", self.manifest_sha256.to_string(), manifest.sha256().to_string()),
            ("artifact_byte_count", self.byte_count.to_string(), manifest.byte_count().to_string()),
            (
                "artifact_sha256",
                self.artifact_sha256.to_string(),
                manifest.artifact_sha256().to_string(),
            ),
            ("chunk_algorithm", self.algorithm.to_string(), chunking.algorithm().to_string()),
            ("chunk_size", self.chunk_size.to_string(), geometry.piece_size().to_string()),
            ("chunk_count", self.chunk_count.to_string(), geometry.piece_count().to_string()),
            ("merkle_root", self.root.to_string(), chunking.root.to_string()),
        ])
        .map_err(|(member, found, wanted)| RequestError::Mismatch {
            member,
            found,
            wanted,
        })
    }
}

fn read_consent(consent: &Object<'_>) -> Result<(bool, UtcTime), JsonError> {
    consent.check_members(&["fetch", "confirmed_utc"])?;
    Ok((consent.boolean("fetch")?, consent.scalar("confirmed_utc", UtcTime::parse)?))
}

fn read_offers<'v, 'a>(object: &'v Object<'a>) -> Result<Vec<&'v Object<'a>>, RequestError> {
    let values = object.array("peer_offers")?;
    if !(1..=PeerMessages::V0.max_offers).contains(&values.len()) {
        return Err(RequestError::OfferCount(values.len()));
    }
    let offers = values.iter().enumerate().map(|(index, value)| match value {
        Value::Object(offer) => Ok(offer),
        other => {
            let member = format!("peer_offers[{index}]");
            Err(JsonError::wrong_type(&member, other, "an object").into())
        }
    });
    offers.collect()
}

/// A member, what it says, and what it must say.
type Difference = (&'static str, String, String);

fn first_difference<const N: usize>(pairs: [Difference; N]) -> Result<(), Difference> {
    pairs.into_iter().find(|(_, found, wanted)| found != wanted).map_or(Ok(()), Err)
}
