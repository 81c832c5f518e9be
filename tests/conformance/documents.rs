//! Operations on documents: scalar, route, address, manifest, chunk list, artifact, receipt.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use verifier::Coded;
use verifier::artifact::{self, Extras, VerifiedArtifact};
use verifier::boundary::{AddressError, PeerAddress, Route};
use verifier::chunk_list::ChunkList;
use verifier::digest::{ChunkAlgorithm, Root, Sha256};
use verifier::identity::{PeerId, SigningKey};
use verifier::manifest::{Manifest, Mode, Options, SchemaRule, UnknownKeys};
use verifier::piece::{PieceList, Source};
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::scalars::{Id, Kind, ScalarError, UtcTime, Version};
use verifier::slm::ChecksumRule;

use crate::case::{Case, Outcome};

/// Runs the case if its operation is one of these.
pub fn run(case: &Case) -> Option<Outcome> {
    Some(match case.op.as_str() {
        "check-scalar" => check_scalar(case),
        "check-route" => check_route(case),
        "check-address" => check_address(case),
        "verify-manifest" => verify_manifest(case),
        "check-chunk-list" => check_chunk_list(case),
        "verify-artifact" => verify_artifact(case),
        "write-receipt" => write_receipt(case),
        "verify-receipt" => verify_receipt(case),
        _ => return None,
    })
}

fn check_scalar(case: &Case) -> Outcome {
    let text = case.text("text");
    let checked = match &case.args["type"] {
        Value::Array(words) if words.iter().any(|word| word == text) => Ok(()),
        Value::Array(_) => Err(ScalarError::new(Kind::Enum, text)),
        name => match name.as_str().unwrap() {
            "root" => {
                let algorithm = case.args["algorithm"].as_str().unwrap_or("fixed-size-merkle-v0");
                let algorithm =
                    ChunkAlgorithm::parse(algorithm).unwrap_or(ChunkAlgorithm::FixedSizeMerkleV0);
                Root::parse(text, algorithm)
                    .map(|_| ())
                    .ok_or_else(|| ScalarError::new(Kind::Root, text))
            }
            name => kind(name).check(text),
        },
    };
    match checked {
        Ok(()) => Outcome::ok(),
        Err(error) => Outcome::Refused {
            code: format!("{}.{}", case.text("doc"), error.kind().suffix()),
            field: "-".to_owned(),
        },
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "id" => Kind::Id,
        "version" => Kind::Version,
        "int" => Kind::Int,
        "time" => Kind::Time,
        "sha256" => Kind::Sha256,
        "u64hex" => Kind::U64Hex,
        "token" => Kind::Token,
        "hubid" => Kind::HubId,
        "rev" => Kind::Rev,
        "text" => Kind::Text,
        "filename" => Kind::FileName,
        "label" => Kind::Label,
        "sigtext" => Kind::SigText,
        other => panic!("no scalar type {other}"),
    }
}

fn check_route(case: &Case) -> Outcome {
    match Route::parse(case.text("text")) {
        Ok(route) => Outcome::derived([
            ("kind", json!(route.kind().as_str())),
            ("host", json!(route.host())),
            ("project_host", json!(route.is_project_host())),
            ("hub_host", json!(route.is_hub_host())),
        ]),
        Err(error) => Outcome::refused(&error),
    }
}

fn check_address(case: &Case) -> Outcome {
    let address = match PeerAddress::parse(case.text("text")) {
        Ok(address) => address,
        Err(error) => return Outcome::refused(&error),
    };
    if let Some(texts) = case.args["resolved"].as_array() {
        let ips: Result<Vec<IpAddr>, AddressError> = texts
            .iter()
            .map(|text| text.as_str().unwrap())
            .map(|text| text.parse().map_err(|_| AddressError::Denied { ip: text.to_owned() }))
            .collect();
        if let Err(error) = ips.and_then(|ips| address.check_resolved(&ips)) {
            return Outcome::refused(&error);
        }
    }
    Outcome::derived([
        ("host_kind", json!(address.host_kind().as_str())),
        ("host", json!(address.host())),
        ("port", json!(address.port())),
    ])
}

fn options(case: &Case) -> Options {
    Options {
        unknown_keys: match case.args["unknown_keys"].as_str() {
            Some("warn") => UnknownKeys::Warn,
            _ => UnknownKeys::Reject,
        },
        schema: if case.flag("strict_schema") { SchemaRule::Strict } else { SchemaRule::Any },
        mode: if case.flag("example") { Mode::Example } else { Mode::Normal },
    }
}

fn manifest_values(manifest: &Manifest) -> Vec<(String, Value)> {
    let algorithm = manifest.chunking().map_or("none", |chunking| chunking.algorithm().as_str());
    [
        ("manifest.sha256", manifest.sha256().to_string()),
        ("manifest.canonical_sha256", manifest.canonical_sha256().to_string()),
        ("signature.status", manifest.signature_status().to_string()),
        ("chunking.algorithm", algorithm.to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), json!(value)))
    .into()
}

fn verify_manifest(case: &Case) -> Outcome {
    match Manifest::parse(&case.file("manifest"), options(case)) {
        Ok(manifest) => {
            Outcome::derived(manifest_values(&manifest)).warned(manifest.warnings().iter().copied())
        }
        Err(error) => Outcome::refused(&error),
    }
}

fn check_chunk_list(case: &Case) -> Outcome {
    match ChunkList::parse(&case.file("list")) {
        Ok(list) => Outcome::derived([
            ("algorithm", json!(list.algorithm().as_str())),
            ("chunk_size", json!(list.chunk_size())),
            ("chunk_count", json!(list.chunk_count())),
            ("merkle_root", json!(list.root().to_string())),
        ]),
        Err(error) => Outcome::refused(&error),
    }
}

fn artifact(case: &Case) -> Result<VerifiedArtifact, Box<dyn Coded>> {
    let manifest = Manifest::parse(&case.file("manifest"), options(case)).map_err(boxed)?;
    let rule = match case.args["checksum"].as_str() {
        Some("unverified") => ChecksumRule::Unverified,
        _ => ChecksumRule::Verify,
    };
    let evidence = case
        .roles()
        .filter_map(|role| Some((role, role.strip_prefix("evidence.")?.parse().unwrap())))
        .map(|(role, index)| (index, Sha256::of(&case.file(role))))
        .collect();
    let chunk_list = case.optional_file("chunk_list").map(Into::into);
    let bytes = case.file("artifact");
    let extras = Extras { chunk_list, evidence };
    let length = bytes.len() as u64;
    artifact::verify(&Arc::new(manifest), bytes.as_slice(), length, &extras, rule).map_err(boxed)
}

fn boxed(error: impl Coded) -> Box<dyn Coded> {
    Box::new(error)
}

fn verify_artifact(case: &Case) -> Outcome {
    match artifact(case) {
        Ok(verified) => {
            let measured = verified.measured().iter();
            let measured = measured.map(|(key, value)| ((*key).to_owned(), json!(value)));
            Outcome::derived(manifest_values(verified.manifest()).into_iter().chain(measured))
                .warned(verified.warnings())
        }
        Err(error) => Outcome::refused(&*error),
    }
}

fn write_receipt(case: &Case) -> Outcome {
    let verified = match artifact(case) {
        Ok(verified) => verified,
        Err(error) => return Outcome::refused(&*error),
    };
    let seed = case.args["signer_seed"].as_str().map(seed);
    let key = seed.map(SigningKey::from_seed);
    let facts = Facts {
        created_utc: UtcTime::parse(case.text("created_utc")).unwrap(),
        verifier_version: Version::parse(case.text("verifier_version")).unwrap(),
        file_name: case.text("file_name"),
        transfer: transfer(&case.args["transfer"], verified.list()),
        signer: key.as_ref(),
    };
    let receipt = match Receipt::write(&verified, &facts) {
        Ok(receipt) => receipt,
        Err(error) => return Outcome::refused(&error),
    };
    if let Some(expected) = case.optional_file("expected") {
        let (found, expected) = (receipt.bytes(), expected.as_slice());
        assert_eq!(
            String::from_utf8_lossy(found),
            String::from_utf8_lossy(expected),
            "{}",
            case.id
        );
    }
    Outcome::derived([
        ("file_sha256", json!(Sha256::of(receipt.bytes()).to_string())),
        ("receipt.sha256", json!(receipt.sha256().to_string())),
    ])
    .warned(std::iter::empty::<String>())
}

fn seed(hex: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

fn transfer(value: &Value, list: Option<&Arc<PieceList>>) -> Option<Transfer> {
    if let Some(sources) = value["sources"].as_array() {
        let geometry = list.unwrap().geometry();
        let source = |source: &Value| match source.as_str().unwrap() {
            "local" => Source::Local,
            id => Source::Peer(PeerId::parse(id).unwrap()),
        };
        return Some(Transfer::count(
            Id::parse(value["request_id"].as_str().unwrap()).unwrap(),
            Sha256::parse(value["request_sha256"].as_str().unwrap()).unwrap(),
            geometry,
            geometry.indices().zip(sources.iter().map(source)),
        ));
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let peer = |peer: &Value| Contribution {
        id: PeerId::parse(&text(&peer["id"])).unwrap(),
        pieces: peer["pieces"].as_u64().unwrap(),
        bytes: peer["bytes"].as_u64().unwrap(),
    };
    value.is_object().then(|| Transfer {
        request_id: Id::parse(&text(&value["request_id"])).unwrap(),
        request_sha256: Sha256::parse(&text(&value["request_sha256"])).unwrap(),
        peers: value["peers"].as_array().unwrap().iter().map(peer).collect(),
        pieces_local: value["pieces_local"].as_u64().unwrap(),
        bytes_local: value["bytes_local"].as_u64().unwrap(),
    })
}

fn verify_receipt(case: &Case) -> Outcome {
    let artifact = case.file("artifact");
    let verified = Receipt::verify(
        &case.file("receipt"),
        &case.file("manifest"),
        options(case),
        artifact.as_slice(),
        artifact.len() as u64,
    );
    match verified {
        Ok(verified) => {
            let signer = verified.signer().map_or("none".to_owned(), ToString::to_string);
            Outcome::derived([("signer", json!(signer))]).warned(verified.warnings())
        }
        Err(error) => Outcome::refused(&error),
    }
}
