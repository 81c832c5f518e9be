//! Frames of a whole connection, and what both sides make of them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use engine::upload::{Caller, Effect, Input, Limits, Opened};
use engine::wire::{Arrival, Decoder, Frame, FrameError, HEADER_LEN, Side};
use engine::{Moment, Uploads};
use verifier::identity::SigningKey;
use verifier::{Bitfield, ChunkAlgorithm, Geometry, Root};

use crate::choice;

/// A frame and its payload.
type Said = Vec<(Frame, Vec<u8>)>;

/// A byte that says which side speaks, then what it says.
pub fn frames(data: &[u8]) {
    let Some((side, bytes)) = data.split_first() else { return };
    let side = if side % 2 == 0 { Side::Caller } else { Side::Called };
    let whole = read(side, bytes, bytes.len().max(1));
    for portion in [1, 2 + choice(bytes) as usize % 61] {
        assert_eq!(read(side, bytes, portion), whole, "in portions of {portion}");
    }
    let (said, error) = whole;
    if let Some(error) = error {
        assert!(error.code().to_string().starts_with("frame."), "{error}");
    }
    let mut at = 0;
    for (frame, payload) in &said {
        let mut encoded = Vec::new();
        frame.encode(&mut encoded).expect("what was accepted is within its limits");
        let claimed = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("there are four"));
        let length = HEADER_LEN + claimed as usize;
        // A later version may say more in its hello.
        if !matches!(frame, Frame::Hello(_)) {
            assert_eq!(encoded.len() + frame.payload() as usize, length);
            encoded.extend(payload);
            assert!(bytes[at..].starts_with(&encoded), "{frame:?}");
        }
        at += length;
    }
    if side == Side::Caller {
        called(said, bytes);
    }
}

/// What a side says, fed in portions of this size, and what ends it.
fn read(side: Side, bytes: &[u8], portion: usize) -> (Said, Option<FrameError>) {
    let (mut decoder, mut said) = (Decoder::new(side), Said::new());
    for mut portion in bytes.chunks(portion) {
        loop {
            match decoder.next(&mut portion) {
                Ok(Some(Arrival::Frame(frame))) => said.push((frame, Vec::new())),
                Ok(Some(Arrival::Payload(bytes))) => {
                    said.last_mut().expect("payload follows a frame").1.extend(bytes);
                }
                Ok(None) => break,
                Err(error) => return (said, Some(error)),
            }
        }
    }
    (said, None)
}

/// A caller says all this to a side that serves an artifact of a few pieces; `bytes` choose how fast
/// the stream takes what it is sent, and what the disk does.
fn called(said: Said, bytes: &[u8]) {
    let limits = Limits { connections: 2, handshakes: 2, upload: None, peer: None };
    let (mut uploads, mut now) = (Uploads::new(limits, Moment::START), Moment::START);
    let caller = Caller(1);
    let mut dice = choice(bytes);
    let mut dice = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % sides
    };
    let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
    let mut inputs = VecDeque::from([
        Input::Called(caller, IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Input::Proved(caller, peer),
    ]);
    let frames = said.into_iter().map(|(frame, _)| Input::Frame(caller, frame));
    let (mut waiting, mut frames) = (0_u32, frames);
    while let Some(input) = inputs.pop_front().or_else(|| frames.next()) {
        uploads.input(input, now);
        while let Some(effect) = uploads.next() {
            match effect {
                Effect::Open(..) => {
                    let geometry = Geometry::new(5 * 1_024 - 1, 1_024).expect("it is small");
                    let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [9; 32]);
                    let opened = Opened { geometry, root, have: Bitfield::full(5) };
                    inputs.push_back(Input::Opened(caller, (dice(8) > 0).then_some(opened)));
                }
                Effect::Read { index, .. } => inputs.push_back(Input::Read(caller, index, Ok(()))),
                Effect::Block(_, head) => waiting += head.length,
                Effect::Proof(_, head) => waiting += Frame::Proof(head).payload(),
                Effect::Digests(_, head) => waiting += Frame::Digests(head).payload(),
                Effect::HangUp(..) => inputs.push_back(Input::Tick),
                Effect::Send(..) | Effect::Discard(..) | Effect::Tell(_) => {}
            }
        }
        uploads.check().expect("what always holds");
        if waiting > 0 && dice(2) == 0 {
            let taken = 1 + dice(waiting.into()) as u32;
            waiting -= taken;
            inputs.push_back(Input::Written(caller, taken));
        }
        now = now + Duration::from_millis(dice(300));
    }
}
