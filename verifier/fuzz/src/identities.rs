//! Single values: keys and signatures, and every text with a grammar.

use verifier::boundary::{PeerAddress, Route};
use verifier::digest::{ChunkAlgorithm, ChunkDigest, Root, Sha256};
use verifier::identity::{Context, PeerId, PublicKey, SigningKey, pair_code};
use verifier::scalars::{
    FileName, Id, Kind, Label, SigText, Token, U64Hex, UtcTime, Version, parse_int,
};

use crate::{choice, flipped, mend, shown};

const KINDS: [Kind; 13] = [
    Kind::Id,
    Kind::Version,
    Kind::Int,
    Kind::Time,
    Kind::Sha256,
    Kind::U64Hex,
    Kind::Token,
    Kind::HubId,
    Kind::Rev,
    Kind::Text,
    Kind::FileName,
    Kind::Label,
    Kind::SigText,
];
const ALGORITHMS: [ChunkAlgorithm; 2] =
    [ChunkAlgorithm::FixedSizeMerkleV0, ChunkAlgorithm::Blake3TreeV0];

/// A public key of 32 bytes, a signature of 64 and a message; then a signature that is good.
pub fn identity(data: &[u8]) {
    let (key, rest) = data.split_at(data.len().min(32));
    let (signature, message) = rest.split_at(rest.len().min(64));
    let context = [Context::Manifest, Context::Receipt, Context::PeerOffer, Context::PeerTicket]
        [(choice(data) % 4) as usize];
    if let (Ok(key), Ok(signature)) = (<[u8; 32]>::try_from(key), <[u8; 64]>::try_from(signature)) {
        match PublicKey::from_bytes(key) {
            Ok(key) => {
                let _verdict = key.verify(context, message, &signature);
                assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()), Ok(key));
                assert_eq!(PeerId::parse(&key.peer_id().to_string()), Ok(key.peer_id()));
            }
            Err(error) => shown(&error),
        }
        let own = SigningKey::from_seed(key);
        let public = own.public_key();
        let good = own.sign(context, message);
        assert_eq!(public.verify(context, message, &good), Ok(()));
        let changed = flipped(&good).try_into().expect("its length is the same");
        assert!(public.verify(context, message, &changed).is_err(), "a changed bit is accepted");
        assert!(public.verify(Context::PairCode, message, &good).is_err());
        let other = mend::key(1).public_key();
        assert_eq!(pair_code(&public, &other), pair_code(&other, &public));
    }
    drop(PublicKey::from_spki_der(data));
}

/// A text by every grammar: what is accepted is shown as it was read.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in KINDS {
        if let Err(error) = kind.check(text) {
            assert!(error.to_string().len() < 4096);
        }
    }
    let shown_as = [
        Id::parse(text).map(|value| value.to_string()).ok(),
        Version::parse(text).map(|value| value.to_string()).ok(),
        Token::parse(text).map(|value| value.to_string()).ok(),
        FileName::parse(text).map(|value| value.to_string()).ok(),
        Label::parse(text).map(|value| value.to_string()).ok(),
        SigText::parse(text).map(|value| value.to_string()).ok(),
        U64Hex::parse(text).map(|value| value.to_string()).ok(),
        UtcTime::parse(text).map(|value| value.to_string()).ok(),
        parse_int(text).map(|value| value.to_string()).ok(),
        Sha256::parse(text).map(|value| value.to_string()),
        PeerId::parse(text).map(|value| value.to_string()).ok(),
    ];
    for again in shown_as.into_iter().flatten() {
        assert_eq!(again, text);
    }
    for algorithm in ALGORITHMS {
        if let Some(root) = Root::parse(text, algorithm) {
            assert_eq!(root.to_string(), text);
        }
        if let Some(digest) = ChunkDigest::parse(text, algorithm) {
            assert_eq!(digest.to_text(algorithm), text);
        }
    }
    match Route::parse(text) {
        Ok(route) => assert_eq!(route.as_str(), text),
        Err(error) => shown(&error),
    }
    match PeerAddress::parse(text) {
        Ok(address) => {
            assert_eq!(address.as_str(), text);
            if let Some(ip) = address.ip() {
                let again = PeerAddress::from_socket(ip, address.port());
                assert_eq!(again.map(|again| again.ip()), Ok(Some(ip)));
            }
        }
        Err(error) => shown(&error),
    }
}
