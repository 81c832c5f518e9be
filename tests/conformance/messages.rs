//! Operations on messages: peer id, pair code, signature, offer, request, announcement, ticket, consent log.

use data_encoding::HEXUPPER;
use serde_json::{Value, json};
use verifier::Coded;
use verifier::announcement::Announcement;
use verifier::consent::{Act, ConsentError, ConsentLog, Query, Scope};
use verifier::digest::Sha256;
use verifier::identity::{Context, PeerId, PublicKey, pair_code};
use verifier::manifest::Options;
use verifier::request::{ImportRequest, Offer, Ticket};
use verifier::scalars::Id;

use crate::case::{Case, Outcome};

/// Runs the case if its operation is one of these.
pub fn run(case: &Case) -> Option<Outcome> {
    Some(match case.op.as_str() {
        "peer-id" => verdict(PeerId::parse(case.text("text")), |id| {
            Outcome::derived([("public_key", hex(id.public_key().as_bytes()))])
        }),
        "pair-code" => run_pair_code(case),
        "verify-signature" => run_signature(case),
        "check-offer" => run_offer(case),
        "check-request" => run_request(case),
        "check-announcement" => {
            verdict(Announcement::parse(&case.file("announcement"), case.now()), |read| {
                let terms = read.terms();
                Outcome::derived([
                    ("peer_id", json!(read.peer_id().to_string())),
                    ("pieces", json!(terms.pieces.count(&terms.geometry))),
                    ("signed_sha256", json!(read.signed_sha256().to_string())),
                ])
            })
        }
        "check-ticket" => verdict(Ticket::parse(case.text("text"), case.now()), |ticket| {
            let addresses: Vec<&str> = ticket.addresses().iter().map(|a| a.as_str()).collect();
            Outcome::derived([
                ("peer_id", json!(ticket.peer_id().to_string())),
                ("label", json!(ticket.label().as_str())),
                ("addresses", json!(addresses)),
            ])
        }),
        "check-consent-log" => run_consent_log(case),
        _ => return None,
    })
}

fn verdict<T, E: Coded>(result: Result<T, E>, accepted: impl FnOnce(T) -> Outcome) -> Outcome {
    match result {
        Ok(value) => accepted(value),
        Err(error) => Outcome::refused(&error),
    }
}

fn run_pair_code(case: &Case) -> Outcome {
    let keys = PeerId::parse(case.text("a"))
        .and_then(|a| PeerId::parse(case.text("b")).map(|b| (a.public_key(), b.public_key())));
    verdict(keys, |(a, b)| Outcome::derived([("code", json!(pair_code(&a, &b)))]))
}

fn run_signature(case: &Case) -> Outcome {
    let bytes = |name: &str| HEXUPPER.decode(case.text(name).as_bytes()).unwrap();
    let context = match case.text("context") {
        "manifest" => Context::Manifest,
        "receipt" => Context::Receipt,
        "peer-offer" => Context::PeerOffer,
        "peer-source" => Context::PeerSource,
        "peer-ticket" => Context::PeerTicket,
        "pair-code" => Context::PairCode,
        other => panic!("{}: context {other}", case.id),
    };
    let key = match PublicKey::from_bytes(bytes("public_key").try_into().unwrap()) {
        Ok(key) => key,
        Err(error) => return Outcome::refused(&error),
    };
    let signature = bytes("signature").try_into().unwrap();
    verdict(key.verify(context, &bytes("message"), &signature), |()| Outcome::ok())
}

fn run_offer(case: &Case) -> Outcome {
    let offer = Offer::parse(&case.file("offer"))
        .and_then(|offer| offer.check_clock(case.now()).map(|()| offer));
    verdict(offer, |offer| {
        Outcome::derived([
            ("peer_id", json!(offer.peer_id().to_string())),
            ("pieces", json!(offer.pieces().count())),
            ("signed_sha256", json!(offer.signed_sha256().to_string())),
        ])
    })
}

fn run_request(case: &Case) -> Outcome {
    let (request, manifest) = (case.file("request"), case.file("manifest"));
    let request = ImportRequest::parse(&request, &manifest, Options::default(), case.now());
    verdict(request, |request| {
        Outcome::derived([
            ("request_sha256", json!(request.sha256().to_string())),
            ("usable", json!(request.usable_indices())),
            ("skipped", json!(request.skipped_indices())),
            ("pieces_offered", json!(request.pieces_offered())),
        ])
        .warned(request.warnings().iter().copied())
    })
}

fn run_consent_log(case: &Case) -> Outcome {
    let log = match ConsentLog::parse(&case.file("log")) {
        Ok(log) => log,
        Err(error) => return Outcome::refused(&error),
    };
    let live: Vec<&str> = log.live(case.now()).iter().map(|grant| grant.id().as_str()).collect();
    let mut derived = vec![
        ("records", json!(log.records())),
        ("head", json!(log.head().to_string())),
        ("live", json!(live)),
    ];
    if let Some(query) = case.args.get("query") {
        match ask(case, &log, query) {
            Ok(id) => derived.push(("grant_id", json!(id))),
            Err(error) => return Outcome::refused(&error),
        }
    }
    Outcome::derived(derived)
}

fn ask(case: &Case, log: &ConsentLog, query: &Value) -> Result<String, ConsentError> {
    let text = |name: &str| query[name].as_str().unwrap();
    let model_id = Id::parse(text("model_id")).unwrap();
    let query = Query {
        act: Act::parse(text("action")).unwrap(),
        model_id: &model_id,
        artifact_sha256: Sha256::parse(text("artifact_sha256")).unwrap(),
        peer: match Scope::parse(text("peer_id")).unwrap() {
            Scope::Peer(id) => Some(id),
            Scope::None => None,
            Scope::AnyPaired => panic!("{}: an act is with one peer", case.id),
        },
        bytes: query["bytes"].as_u64().unwrap(),
    };
    log.allow(&query, case.now(), |_| 0).map(|grant| grant.id().to_string())
}

fn hex(bytes: &[u8]) -> Value {
    json!(HEXUPPER.encode(bytes))
}
