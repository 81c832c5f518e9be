//! docs/protocol.md, held against what this module does.

use std::collections::BTreeMap;

use verifier::digest::ChunkDigest;
use verifier::merkle::Proof;
use verifier::piece::PieceList;
use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};

use super::{
    Arrival, BlockHead, Decoder, DigestsHead, FIRST_ASKS, Frame, Hello, Kind, MAX_ASKS, MAX_BLOCK,
    MAX_DIGESTS, MAX_SIBLINGS, MIN_BLOCK, Opened, ProofHead, Refuse, Side, VERSION, close, refusal,
};

const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");
/// The pieces of the example.
const PIECES: [(u8, usize); 3] = [(0, 16_384), (1, 16_384), (2, 100)];

/// What one side says in an example, and the frames in it with their payload.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    frames: Vec<(Frame, Vec<u8>)>,
}

/// The text of the section of this name.
fn section(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("\n## {name}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The cells of the rows of all tables of a section, but for their heads.
fn rows(name: &str) -> Vec<Vec<&'static str>> {
    let lines = section(name).lines().filter(|line| line.starts_with("| "));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// A number as documents write it.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|group| str::from_utf8(group).unwrap()).collect::<Vec<_>>().join(",")
}

/// The bytes that stand at the start of a line: hex, or hex and how many times; words end them.
fn bytes_of(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in line.split_whitespace() {
        let (hex, times) = word.split_once('×').unwrap_or((word, "1"));
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| digit(&byte)) {
            break;
        }
        let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let once: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
        bytes.extend(once.repeat(times.parse().unwrap()));
    }
    bytes
}

/// What both sides say in the example with this number, from 0: the caller, the called side.
fn example(number: usize) -> [Said; 2] {
    let text = section("An example exchange").split("```").nth(2 * number + 1).unwrap();
    let mut said = [Said::default(), Said::default()];
    let mut who = 0;
    for line in text.lines().skip(1) {
        match line.chars().next() {
            Some('→') => who = 0,
            Some('←') => who = 1,
            _ => {}
        }
        said[who].bytes.extend(bytes_of(line.trim_start_matches(['→', '←'])));
    }
    for (side, said) in [Side::Caller, Side::Called].into_iter().zip(&mut said) {
        let (mut decoder, mut rest) = (Decoder::new(side), said.bytes.as_slice());
        while let Some(arrival) = decoder.next(&mut rest).unwrap() {
            match arrival {
                Arrival::Frame(frame) => said.frames.push((frame, Vec::new())),
                Arrival::Payload(payload) => said.frames.last_mut().unwrap().1.extend(payload),
            }
        }
        assert_eq!(rest, b"", "the example ends within a frame");
        let mut encoded = Vec::new();
        for (frame, payload) in &said.frames {
            frame.encode(&mut encoded).unwrap();
            assert_eq!(payload.len(), frame.payload() as usize);
            encoded.extend(payload);
        }
        assert_eq!(encoded, said.bytes);
    }
    said
}

fn list() -> (Geometry, PieceList, Vec<u8>) {
    let pieces = PIECES.map(|(byte, times)| vec![byte; times]);
    let digests = pieces.iter().map(|piece| ChunkDigest::from_bytes(*Sha256::of(piece).as_bytes()));
    let digests: Vec<_> = digests.collect();
    let geometry = Geometry::new(32_868, 16_384).unwrap();
    let root = verifier::merkle::root(ChunkAlgorithm::FixedSizeMerkleV0, &digests).unwrap();
    let list = PieceList::prove(geometry, root, digests).unwrap();
    (geometry, list, pieces.concat())
}

#[test]
fn the_example_is_what_goes_over_the_line() {
    let (geometry, list, artifact) = list();
    let [caller, called] = example(0);
    let frames =
        |said: &Said| said.frames.iter().map(|(frame, _)| frame.clone()).collect::<Vec<_>>();
    let hello = Frame::Hello(Hello { version: VERSION, asks: MAX_ASKS });
    assert_eq!(
        frames(&caller),
        [
            hello.clone(),
            Frame::Open(*Sha256::of(&artifact).as_bytes()),
            Frame::Learn,
            Frame::AskProven(0),
            Frame::AskProven(1),
            Frame::Ask(2),
            Frame::Cancel(1),
            Frame::Close(close::DONE),
        ]
    );
    let opened = Opened {
        byte_count: 32_868,
        piece_size: 16_384,
        algorithm: 0,
        root: *list.root().as_bytes(),
        have: vec![3],
    };
    assert!(opened.agrees(&geometry, &list.root()));
    assert_eq!(
        frames(&called),
        [
            hello,
            Frame::Opened(opened),
            Frame::Digests(DigestsHead { first: 0, count: 3 }),
            Frame::Proof(ProofHead { index: 0, count: 2 }),
            Frame::Block(BlockHead { index: 0, offset: 0, length: 8_192 }),
            Frame::Have(2),
            Frame::Block(BlockHead { index: 0, offset: 8_192, length: 8_192 }),
            Frame::Refuse(Refuse { index: Some(1), code: refusal::CANCELLED }),
            Frame::Block(BlockHead { index: 2, offset: 0, length: 100 }),
            Frame::Ping,
        ]
    );
}

#[test]
fn what_the_example_carries_verifies() {
    let (geometry, list, artifact) = list();
    let [_, called] = example(0);
    let nodes = |payload: &[u8]| payload.chunks(32).map(|node| node.try_into().unwrap()).collect();
    let mut pieces = BTreeMap::<u32, Vec<u8>>::new();
    for (frame, payload) in &called.frames {
        match frame {
            Frame::Digests(_) => {
                let digests: Vec<[u8; 32]> = nodes(payload);
                let digests = digests.into_iter().map(ChunkDigest::from_bytes).collect();
                let root =
                    Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, *list.root().as_bytes());
                assert_eq!(PieceList::prove(geometry, root, digests).unwrap(), list);
            }
            Frame::Proof(head) => {
                let digest = list.digests()[head.index as usize];
                let proof = Proof::from_siblings(nodes(payload));
                assert_eq!(proof.verify(digest, head.index.into(), 3, list.root()), Ok(()));
            }
            Frame::Block(head) => {
                let piece = pieces.entry(head.index).or_default();
                assert_eq!(piece.len(), head.offset as usize);
                piece.extend(payload);
            }
            _ => {}
        }
    }
    assert_eq!(pieces.keys().copied().collect::<Vec<_>>(), [0, 2]);
    for (index, piece) in pieces {
        let start = index as usize * 16_384;
        assert_eq!(piece, artifact[start..artifact.len().min(start + 16_384)]);
    }
}

#[test]
fn the_example_of_a_refusal_is_what_goes_over_the_line() {
    let [caller, called] = example(1);
    assert!(caller.bytes.is_empty());
    let frames: Vec<_> = called.frames.into_iter().map(|(frame, _)| frame).collect();
    let refuse = Refuse { index: None, code: refusal::NOT_SERVED };
    let hello = Hello { version: VERSION, asks: MAX_ASKS };
    assert_eq!(frames, [Frame::Hello(hello), Frame::Refuse(refuse), Frame::Close(close::DONE)]);
}

#[test]
fn every_kind_is_documented_with_its_byte_its_side_and_its_bounds() {
    let expected = Kind::ALL.map(|kind| {
        let name = match kind {
            Kind::AskProven => "ask-proven".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        let from = match [Side::Caller, Side::Called].map(|side| kind.is_of(side)) {
            [true, true] => "both",
            [true, false] => "caller",
            _ => "called",
        };
        let bytes = match kind.bounds() {
            (least, most) if least == most => grouped(most),
            (least, most) => format!("{}–{}", grouped(least), grouped(most)),
        };
        [(kind as u8).to_string(), name, from.to_owned(), bytes]
    });
    let kinds = rows("Frames").into_iter().filter(|row| row.len() == 5).skip(1);
    let kinds: Vec<_> =
        kinds.map(|row| [row[0], row[1], row[2], row[4]].map(str::to_owned)).collect();
    assert_eq!(kinds, expected);
}

#[test]
fn every_code_is_documented_by_its_number() {
    let codes = rows("Frames").into_iter().filter(|row| row.len() == 3).skip(1);
    let first = |cell: &'static str| cell.split(':').next().unwrap();
    let (mut refusals, mut closes) = (BTreeMap::new(), BTreeMap::new());
    for row in codes {
        let code: u16 = row[0].parse().unwrap();
        refusals.insert(first(row[1]), code);
        closes.insert(first(row[2]), code);
    }
    refusals.remove("–");
    let expected = [
        ("not served", refusal::NOT_SERVED),
        ("not had", refusal::NOT_HAD),
        ("failed", refusal::FAILED),
        ("cancelled", refusal::CANCELLED),
    ];
    assert_eq!(refusals, BTreeMap::from(expected));
    let expected = [
        ("done", close::DONE),
        ("busy", close::BUSY),
        ("idle", close::IDLE),
        ("fault", close::FAULT),
        ("version", close::VERSION),
    ];
    assert_eq!(closes, BTreeMap::from(expected));
}

#[test]
fn the_limits_of_frames_are_documented() {
    let limits: BTreeMap<_, _> = rows("Limits").into_iter().map(|row| (row[0], row[1])).collect();
    let starts = |what: &str, with: String| {
        assert!(limits[what].starts_with(&with), "{what}: {} and not {with}", limits[what]);
    };
    let block = format!("{} to {};", grouped(MIN_BLOCK), grouped(MAX_BLOCK));
    starts("bytes of a piece in one block", block);
    starts("digests in one frame", grouped(MAX_DIGESTS));
    starts("siblings of a proof", grouped(MAX_SIBLINGS));
    let asks = format!(
        "the called side's `asks`, {} at most, {} until hello",
        grouped(MAX_ASKS.into()),
        grouped(FIRST_ASKS.into())
    );
    starts("open asks of a connection", asks);
}
