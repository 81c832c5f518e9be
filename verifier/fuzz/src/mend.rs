//! Inputs whose checksums, digests and signatures are set right, so that the rules behind are met.
//!
//! Everything else stays as it came: what is mended may still be anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXUPPER};
use serde_json::Value;
use verifier::artifact::Extras;
use verifier::chunk_list::ChunkList;
use verifier::digest::{ChunkAlgorithm, ChunkDigest};
use verifier::identity::{Context, SigningKey};
use verifier::lines::canonical;
use verifier::manifest::{Draft, Manifest};
use verifier::merkle;
use verifier::piece::PieceStream;
use verifier::request::TicketFormat;
use verifier::slm::RollingChecksum;
use verifier::{Geometry, Sha256};

use crate::choice;

/// The time of all targets, 2026-11-22T12:00:00Z, which is also that of the conformance cases, in
/// seconds since 1970.
pub const NOW: u64 = 1_795_348_800;
/// Where a container's checksum is stored.
const STORED: std::ops::Range<usize> = 100..108;

/// A file with the manifest and the chunk list that are made for it.
pub struct Mended {
    /// The manifest, which has chunking.
    pub manifest: Arc<Manifest>,
    /// The file.
    pub file: Vec<u8>,
    /// Its chunk list.
    pub extras: Extras,
}

/// One of a few signing keys.
pub fn key(number: u64) -> SigningKey {
    SigningKey::from_seed([1 + (number % 3) as u8; 32])
}

/// The container with the checksum that its bytes have.
pub fn checksum(data: &[u8]) -> Vec<u8> {
    let mut mended = data.to_vec();
    let mut checksum = RollingChecksum::new();
    checksum.update(data);
    if let Some(stored) = mended.get_mut(STORED) {
        stored.copy_from_slice(&checksum.finish().to_le_bytes());
    }
    mended
}

/// Makes manifest and chunk list for a file; `None` for an empty one.
pub fn artifact(file: &[u8]) -> Option<Mended> {
    let file = checksum(file);
    let algorithm = match choice(&file) % 2 {
        0 => ChunkAlgorithm::FixedSizeMerkleV0,
        _ => ChunkAlgorithm::Blake3TreeV0,
    };
    let geometry = Geometry::new(file.len() as u64, 16_384).ok()?;
    let mut stream = PieceStream::new(algorithm, geometry).ok()?;
    stream.update(&file);
    let (digests, root) = stream.finish()?;
    let list = ChunkList::new(algorithm, geometry.piece_size(), digests).expect("it has chunks");
    let list = list.write();
    let mut draft = Draft::new();
    for (key, value) in [
        ("manifest.created_utc", "2026-11-22T11:00:00Z".to_owned()),
        ("model.id", "fuzzed".to_owned()),
        ("model.version", "1".to_owned()),
        ("publisher.id", "nobody".to_owned()),
        ("publisher.key_id", "none".to_owned()),
        ("model_card.route", "/card.md".to_owned()),
        ("license.route", "/licence.md".to_owned()),
        ("artifact.acquisition", "user-local-file".to_owned()),
        ("artifact.sha256", Sha256::of(&file).to_string()),
        ("chunking.list_route", "/list.chunks".to_owned()),
        ("chunking.list_sha256", Sha256::of(&list).to_string()),
    ] {
        draft.set(key, value).expect("the value fits the key");
    }
    draft.set_chunking(&geometry, &root);
    let manifest = Arc::new(draft.write().expect("the draft is whole"));
    let extras = Extras { chunk_list: Some(list.into()), evidence: Vec::new() };
    Some(Mended { manifest, file, extras })
}

/// The lines of a text that have a key and a value, as they stand.
pub fn lines(data: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(data);
    let pairs =
        text.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| !key.is_empty());
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The chunk list with keys that count up and the root of its digests, in canonical form.
pub fn chunk_list(data: &[u8]) -> Vec<u8> {
    let mut values = lines(data);
    let name = values.get("chunk_list.algorithm").map_or("", String::as_str);
    let Some(algorithm) = ChunkAlgorithm::parse(name) else { return Vec::new() };
    let chunks: Vec<(String, ChunkDigest)> = values
        .iter()
        .filter(|(key, _)| key.starts_with("chunk."))
        .filter_map(|(key, text)| Some((key.clone(), ChunkDigest::parse(text, algorithm)?)))
        .collect();
    let digests: Vec<ChunkDigest> = chunks.iter().map(|(_, digest)| *digest).collect();
    let Some(root) = merkle::root(algorithm, &digests) else { return Vec::new() };
    for (key, _) in chunks {
        values.remove(&key);
    }
    for (index, digest) in digests.iter().enumerate() {
        values.insert(format!("chunk.{index:05}"), digest.to_text(algorithm));
    }
    values.insert("chunk_list.chunk_count".to_owned(), digests.len().to_string());
    values.insert("chunk_list.merkle_root".to_owned(), root.to_string());
    canonical(values)
}

/// The receipt with the signature and the digest of its lines, in canonical form.
pub fn receipt(data: &[u8]) -> Vec<u8> {
    let mut values = lines(data);
    values.remove("receipt.sha256");
    if values.remove("signature.value").is_some() {
        let key = key(choice(data));
        values.insert("receipt.signer".to_owned(), key.public_key().peer_id().to_string());
        let signature = key.sign(Context::Receipt, &canonical(&values));
        values.insert("signature.value".to_owned(), HEXUPPER.encode(&signature));
    }
    let digest = Sha256::of(&canonical(&values));
    values.insert("receipt.sha256".to_owned(), digest.to_string());
    canonical(values)
}

/// The announcement in the name of this key.
pub fn announcement(data: &[u8], key: &SigningKey) -> Vec<u8> {
    let mut values = lines(data);
    values.retain(|key, _| !key.starts_with("signature."));
    values.insert("peer.id".to_owned(), key.public_key().peer_id().to_string());
    let signature = key.sign(Context::PeerSource, &canonical(&values));
    values.insert("signature.algorithm".to_owned(), "ed25519".to_owned());
    values.insert("signature.value".to_owned(), HEXUPPER.encode(&signature));
    canonical(values)
}

/// The JSON object in the name of this key; as it came if it is none.
pub fn signed_json(data: &[u8], context: Context, key: &SigningKey) -> Vec<u8> {
    match serde_json::from_slice(data) {
        Ok(mut value) => {
            sign(&mut value, context, key);
            value.to_string().into_bytes()
        }
        Err(_) => data.to_vec(),
    }
}

fn sign(value: &mut Value, context: Context, key: &SigningKey) {
    let Value::Object(object) = value else { return };
    object.remove("signature");
    object.insert("peer_id".to_owned(), key.public_key().peer_id().to_string().into());
    let signed = Value::Object(object.clone()).to_string();
    let signature = key.sign(context, signed.as_bytes());
    object.insert("signature".to_owned(), HEXUPPER.encode(&signature).into());
}

/// The request for this manifest, with offers that their peers have signed.
pub fn request(data: &[u8], manifest: &[u8]) -> Vec<u8> {
    let Ok(mut request) = serde_json::from_slice::<Value>(data) else { return data.to_vec() };
    let digest = Value::from(Sha256::of(manifest).to_string());
    if let Some(named) = request.get_mut("manifest_sha256") {
        *named = digest.clone();
    }
    let offers = request.get_mut("peer_offers").and_then(Value::as_array_mut);
    for (place, offer) in offers.into_iter().flatten().enumerate() {
        if let Some(named) = offer.get_mut("manifest_sha256") {
            *named = digest.clone();
        }
        sign(offer, Context::PeerOffer, &key(place as u64));
    }
    request.to_string().into_bytes()
}

/// The text of a ticket in the name of this key; the input is a ticket's text or its JSON.
pub fn ticket(data: &[u8], key: &SigningKey) -> String {
    let prefix = TicketFormat::V0.prefix;
    let decoded = data
        .trim_ascii()
        .strip_prefix(prefix.as_bytes())
        .and_then(|encoded| BASE64URL_NOPAD.decode(encoded).ok());
    let json = signed_json(decoded.as_deref().unwrap_or(data), Context::PeerTicket, key);
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&json))
}

/// The log with lines that count up and name the line before.
pub fn consent_log(data: &[u8]) -> Vec<u8> {
    let mut mended = Vec::new();
    let mut head = Sha256::from_bytes([0; 32]);
    let texts = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (place, line) in texts.enumerate() {
        let Ok(mut value) = serde_json::from_slice::<Value>(line) else { continue };
        if let Value::Object(record) = &mut value {
            record.insert("seq".to_owned(), (place as u64).into());
            record.insert("prev".to_owned(), head.to_string().into());
        }
        let line = value.to_string();
        head = Sha256::of(line.as_bytes());
        mended.extend_from_slice(line.as_bytes());
        mended.push(b'\n');
    }
    mended
}
