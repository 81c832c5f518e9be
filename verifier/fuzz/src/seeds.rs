//! Inputs to start from: every conformance case, as the target for its operation takes it, and what
//! both sides of a connection say.

use std::path::{Path, PathBuf};
use std::{fs, io};

use data_encoding::HEXUPPER;
use engine::wire::{
    BlockHead, DigestsHead, Frame, Hello, MAX_ASKS, Opened, ProofHead, Refuse, VERSION,
};
use serde_json::Value;

use crate::join;

/// An input and where it belongs.
pub struct Seed {
    /// The target's name.
    pub target: &'static str,
    /// The case's name.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// The folder of the conformance cases.
pub fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors"))
}

/// The folder of inputs that once broke a target, a folder a target.
pub fn found() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/found"))
}

/// Reads the cases of a folder.
///
/// # Errors
///
/// What reading the folder gives.
pub fn read(folder: &Path) -> io::Result<Vec<Seed>> {
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json"))?)?;
    let cases = index["cases"].as_array().into_iter().flatten();
    let mut seeds = Vec::new();
    for case in cases {
        let name = case["id"].as_str().unwrap_or_default();
        for (target, bytes) in inputs(folder, case)? {
            seeds.push(Seed { target, name: name.to_owned(), bytes });
        }
    }
    for (name, side, said) in [("caller", 0, caller()), ("called", 1, called())] {
        let mut bytes = vec![side];
        for frame in said {
            frame.encode(&mut bytes).map_err(io::Error::other)?;
            bytes.resize(bytes.len() + frame.payload() as usize, 7);
        }
        seeds.push(Seed { target: "frames", name: name.to_owned(), bytes });
    }
    for turn in 0..LENGTHS.len() {
        let name = format!("lengths-{turn}");
        seeds.push(Seed { target: "lanes", name, bytes: messages(turn) });
    }
    for seed in 0..16_u64 {
        for target in ["import", "serving", "scenario"] {
            seeds.push(Seed { target, name: format!("course-{seed}"), bytes: course(seed) });
        }
    }
    Ok(seeds)
}

/// Lengths around the ends of blocks.
const LENGTHS: [u16; 8] = [64, 55, 1_024, 0, 56, 65, 4_096, 63];

/// Messages to be hashed at once: as many as the number says of one length, then some of each.
fn messages(turn: usize) -> Vec<u8> {
    let alike = std::iter::repeat_n(LENGTHS[turn % LENGTHS.len()], 2 * turn);
    let each = LENGTHS.into_iter().cycle().skip(turn).take(3 * LENGTHS.len());
    let mut bytes = Vec::new();
    for (at, length) in alike.chain(each).enumerate() {
        bytes.extend(length.to_le_bytes());
        bytes.extend((0..length).map(|place| (place ^ (at as u16 * 77)) as u8));
    }
    bytes
}

/// Bytes that say what happens to an import, to uploads or to many machines: any do, and they follow
/// from the number.
fn course(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(&mut next).take(4_000).collect()
}

/// One of each frame that a caller sends.
fn caller() -> Vec<Frame> {
    let hello = Hello { version: VERSION, asks: MAX_ASKS };
    vec![
        Frame::Hello(hello),
        Frame::Open([7; 32]),
        Frame::Learn,
        Frame::AskProven(0),
        Frame::Ask(4),
        Frame::Ask(1),
        Frame::Cancel(4),
        Frame::Ping,
        Frame::Ask(2),
        Frame::Close(0),
    ]
}

/// One of each frame that the called side sends.
fn called() -> Vec<Frame> {
    let (byte_count, piece_size) = (5_119, 1_024);
    let opened = Opened { byte_count, piece_size, algorithm: 0, root: [9; 32], have: vec![31] };
    vec![
        Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS }),
        Frame::Opened(opened),
        Frame::Digests(DigestsHead { first: 0, count: 5 }),
        Frame::Proof(ProofHead { index: 0, count: 3 }),
        Frame::Block(BlockHead { index: 0, offset: 0, length: 1_024 }),
        Frame::Have(3),
        Frame::Refuse(Refuse { index: Some(4), code: 4 }),
        Frame::Ping,
        Frame::Close(0),
    ]
}

/// The inputs that a case gives, each with its target.
fn inputs(folder: &Path, case: &Value) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let file = |role: &str| match case["files"][role].as_str() {
        Some(path) => fs::read(folder.join(path)),
        None => Ok(Vec::new()),
    };
    let text = |name: &str| case["args"][name].as_str().unwrap_or_default().as_bytes().to_vec();
    Ok(match case["op"].as_str().unwrap_or_default() {
        "validate-slm" => vec![("slm", file("slm")?)],
        "verify-manifest" => vec![("manifest", file("manifest")?)],
        "verify-artifact" | "write-receipt" => {
            let parts = [file("manifest")?, file("artifact")?, file("chunk_list")?];
            vec![("artifact", join(&parts.each_ref().map(Vec::as_slice)))]
        }
        "verify-receipt" => {
            let parts = [file("receipt")?, file("manifest")?, file("artifact")?];
            vec![("receipt", join(&parts.each_ref().map(Vec::as_slice)))]
        }
        "check-chunk-list" => vec![("chunk_list", file("list")?)],
        "check-offer" => vec![("offer", file("offer")?), ("json", file("offer")?)],
        "check-request" => {
            let (request, manifest) = (file("request")?, file("manifest")?);
            vec![("request", join(&[&request, &manifest])), ("json", request)]
        }
        "check-announcement" => vec![("announcement", file("announcement")?)],
        "check-ticket" => vec![("ticket", text("text"))],
        "check-consent-log" => vec![("consent_log", file("log")?), ("json", file("log")?)],
        "check-scalar" | "check-route" | "check-address" | "peer-id" => {
            vec![("texts", text("text"))]
        }
        "pair-code" => vec![("texts", text("a")), ("texts", text("b"))],
        "verify-signature" => {
            let parts = ["public_key", "signature", "message"].map(|name| hex(&case["args"][name]));
            vec![("identity", parts.concat())]
        }
        "merkle-root" | "make-proof" | "verify-proof" | "verify-piece" => {
            vec![("pieces", pieces(&case["args"]))]
        }
        _ => Vec::new(),
    })
}

/// Length, piece size, index and count, then the digest, the siblings and the root.
fn pieces(args: &Value) -> Vec<u8> {
    let number = |name: &str| args[name].as_u64().unwrap_or_default().to_le_bytes();
    let mut bytes = ["byte_count", "chunk_size", "index", "count"].map(number).concat();
    bytes.extend(hex(&args["data"]["hex"]));
    bytes.extend(hex(&args["digest"]));
    for sibling in args["siblings"].as_array().into_iter().flatten() {
        bytes.extend(hex(sibling));
    }
    bytes.extend(hex(&args["root"]));
    bytes
}

/// Hex digits, with or without a tag before a colon.
fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    let digits = text.rsplit(':').next().unwrap_or_default();
    HEXUPPER.decode(digits.as_bytes()).unwrap_or_default()
}
