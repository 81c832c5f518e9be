//! What frames say, and what they may not.

use proptest::prelude::*;

use super::{
    Arrival, BlockHead, Decoder, DigestsHead, Frame, FrameError, HEADER_LEN, Header, Hello, Kind,
    MAX_BLOCK, MAX_SIBLINGS, Opened, ProofHead, Refuse, Side,
};

/// All that this side says, fed in portions of this size, payload left out.
fn frames(from: Side, mut bytes: &[u8], portion: usize) -> Result<Vec<Frame>, FrameError> {
    let (mut decoder, mut frames) = (Decoder::new(from), Vec::new());
    while !bytes.is_empty() {
        let (mut now, later) = bytes.split_at(bytes.len().min(portion));
        bytes = later;
        while let Some(arrival) = decoder.next(&mut now)? {
            if let Arrival::Frame(frame) = arrival {
                frames.push(frame);
            }
        }
    }
    Ok(frames)
}

/// The bytes of these frames, with some payload behind those that have one.
fn stream(said: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in said {
        frame.encode(&mut bytes).unwrap();
        bytes.resize(bytes.len() + frame.payload() as usize, 0xAB);
    }
    bytes
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let opened = (any::<(u64, u32, u8)>(), any::<[u8; 32]>());
    let opened = (opened, proptest::collection::vec(any::<u8>(), 1..300));
    prop_oneof![
        any::<(u16, u16)>().prop_map(|(version, asks)| Frame::Hello(Hello { version, asks })),
        any::<[u8; 32]>().prop_map(Frame::Open),
        opened.prop_map(|(((byte_count, piece_size, algorithm), root), have)| {
            Frame::Opened(Opened { byte_count, piece_size, algorithm, root, have })
        }),
        Just(Frame::Learn),
        Just(Frame::Ping),
        any::<(u32, bool)>().prop_map(|(index, proven)| match proven {
            true => Frame::AskProven(index),
            false => Frame::Ask(index),
        }),
        any::<u32>().prop_map(Frame::Have),
        any::<u32>().prop_map(Frame::Cancel),
        any::<(Option<u32>, u16)>().prop_map(|(index, code)| Frame::Refuse(Refuse { index, code })),
        any::<u16>().prop_map(Frame::Close),
        (any::<u32>(), 1..4_u32)
            .prop_map(|(first, count)| Frame::Digests(DigestsHead { first, count })),
        (any::<u32>(), 0..=MAX_SIBLINGS)
            .prop_map(|(index, count)| Frame::Proof(ProofHead { index, count })),
        (any::<(u32, u32)>(), 1..1_000_u32).prop_map(|((index, offset), length)| {
            Frame::Block(BlockHead { index, offset, length })
        }),
    ]
}

fn some_of_each() -> Vec<Frame> {
    let opened =
        Opened { byte_count: 9, piece_size: 4, algorithm: 1, root: [7; 32], have: vec![3] };
    vec![
        Frame::Hello(Hello { version: 1, asks: 512 }),
        Frame::Open([1; 32]),
        Frame::Opened(opened.clone()),
        Frame::Opened(Opened { have: vec![0xFF; 1 << 17], ..opened }),
        Frame::Learn,
        Frame::Digests(DigestsHead { first: 2_048, count: 2 }),
        Frame::Ask(7),
        Frame::AskProven(7),
        Frame::Proof(ProofHead { index: 7, count: 20 }),
        Frame::Proof(ProofHead { index: 0, count: 0 }),
        Frame::Block(BlockHead { index: 7, offset: 3, length: MAX_BLOCK }),
        Frame::Have(8),
        Frame::Cancel(9),
        Frame::Refuse(Refuse { index: Some(1), code: 2 }),
        Frame::Refuse(Refuse { index: None, code: 1 }),
        Frame::Close(0),
        Frame::Ping,
    ]
}

#[test]
fn every_frame_reads_back_in_any_portions() {
    for side in [Side::Caller, Side::Called] {
        let mut sent = some_of_each();
        sent.retain(|frame| frame.kind().is_of(side));
        let bytes = stream(&sent);
        for portion in [1, 3, 64, 4_096, bytes.len()] {
            assert_eq!(frames(side, &bytes, portion).unwrap(), sent, "in portions of {portion}");
        }
    }
}

#[test]
fn what_the_other_side_sends_is_refused_from_the_header_alone() {
    for frame in some_of_each() {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes).unwrap();
        let header = bytes.first_chunk::<HEADER_LEN>().unwrap();
        for side in [Side::Caller, Side::Called] {
            let read = frames(side, header, HEADER_LEN).map(|_| ());
            let expected = match frame.kind().is_of(side) {
                true => Ok(()),
                false => Err(FrameError::Side(frame.kind())),
            };
            assert_eq!(read, expected, "{frame:?} from {side:?}");
        }
        assert!(frame.kind().is_of(Side::Caller) || frame.kind().is_of(Side::Called));
    }
}

#[test]
fn payload_can_be_read_past_the_decoder() {
    let mut bytes = Vec::new();
    Frame::Block(BlockHead { index: 1, offset: 0, length: 100 }).encode(&mut bytes).unwrap();
    let mut decoder = Decoder::new(Side::Called);
    assert!(matches!(decoder.next(&mut &bytes[..]), Ok(Some(Arrival::Frame(Frame::Block(_))))));
    assert_eq!(decoder.payload_left(), 100);
    decoder.took(60);
    assert_eq!(decoder.next(&mut &[7; 40][..]).unwrap(), Some(Arrival::Payload(&[7; 40])));
    assert_eq!(decoder.payload_left(), 0);
}

#[test]
fn a_hello_of_a_later_version_may_say_more() {
    let bytes = b"\x06\0\0\0\x01\x02\0\0\x04\xFF\xFF";
    let hello = Hello { version: 2, asks: 1_024 };
    assert_eq!(frames(Side::Called, bytes, bytes.len()).unwrap(), [Frame::Hello(hello)]);
}

#[test]
fn a_length_over_the_kinds_limit_is_refused_from_the_header_alone() {
    let of_another_length =
        [(5, 6), (u32::MAX, 3), (MAX_BLOCK + 9, 7), (8, 7), (1, 4), (3, 1), (65, 1), (645, 14)];
    for (length, byte) in of_another_length {
        let [a, b, c, d] = u32::to_le_bytes(length);
        let refused =
            [Side::Caller, Side::Called].map(|side| Header::decode([a, b, c, d, byte], side));
        assert!(
            refused.iter().any(|refused| matches!(refused, Err(FrameError::Length { .. })))
                && refused.iter().all(Result::is_err),
            "{refused:?}"
        );
    }
    for byte in [0, 15, 255] {
        assert_eq!(Header::decode([0, 0, 0, 0, byte], Side::Called), Err(FrameError::Kind(byte)));
    }
}

proptest! {
    #[test]
    fn any_header_returns_and_is_in_bounds(bytes: [u8; HEADER_LEN], called: bool) {
        let side = if called { Side::Called } else { Side::Caller };
        if let Ok(header) = Header::decode(bytes, side) {
            prop_assert!(header.kind.is_of(side));
            let (least, most) = header.kind.bounds();
            prop_assert!((least..=most).contains(&header.length));
            prop_assert_eq!(header.kind as u8, bytes[4]);
        }
    }

    #[test]
    fn any_body_returns_and_what_is_accepted_encodes_back(
        kind in 0..Kind::ALL.len(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        payload in 0_u32..200,
    ) {
        let kind = Kind::ALL[kind];
        let length = u32::try_from(body.len()).unwrap();
        let length = kind.head().map_or(length, |head| head + payload);
        let header = Header { kind, length };
        if let Ok(frame) = Frame::decode(header, &body) {
            let (least, most) = kind.bounds();
            let (mut bytes, in_bounds) = (Vec::new(), (least..=most).contains(&length));
            prop_assert_eq!(frame.encode(&mut bytes).is_ok(), in_bounds || kind == Kind::Hello);
            if in_bounds && kind != Kind::Hello {
                prop_assert_eq!(&bytes[..4], &length.to_le_bytes()[..]);
                prop_assert_eq!(bytes[4], kind as u8);
                prop_assert_eq!(&bytes[HEADER_LEN..], &body[..]);
            }
        }
    }

    #[test]
    fn a_whole_connection_reads_back_in_any_portions(
        said in proptest::collection::vec(any_frame(), 0..30),
        portion in 1_usize..5_000,
    ) {
        for side in [Side::Caller, Side::Called] {
            let said = said.iter().filter(|frame| frame.kind().is_of(side)).cloned();
            let said: Vec<_> = said.collect();
            prop_assert_eq!(frames(side, &stream(&said), portion), Ok(said));
        }
    }

    #[test]
    fn a_connection_that_was_changed_returns_the_same_in_any_portions(
        said in proptest::collection::vec(any_frame(), 1..10),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        portion in 1_usize..500,
        called: bool,
    ) {
        let side = if called { Side::Called } else { Side::Caller };
        let mut bytes = stream(&said);
        for (place, byte) in changes {
            *place.get_mut(&mut bytes) = byte;
        }
        let whole = frames(side, &bytes, bytes.len());
        prop_assert_eq!(frames(side, &bytes, portion), whole);
    }

    #[test]
    fn the_decoder_keeps_no_more_than_the_longest_body(
        said in proptest::collection::vec(any_frame(), 0..30),
        portion in 1_usize..5_000,
    ) {
        for side in [Side::Caller, Side::Called] {
            let said: Vec<_> = said.iter().filter(|frame| frame.kind().is_of(side)).cloned().collect();
            let (mut decoder, bytes) = (Decoder::new(side), stream(&said));
            for mut bytes in bytes.chunks(portion) {
                while decoder.next(&mut bytes).unwrap().is_some() {
                    prop_assert!(bytes.len() < portion);
                }
                prop_assert!(bytes.is_empty());
            }
            prop_assert!(decoder.partial.len() < HEADER_LEN);
            prop_assert!(decoder.partial.capacity() <= 256);
        }
    }

    #[test]
    fn any_bytes_return_the_same_in_any_portions(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        portion in 1_usize..50,
        called: bool,
    ) {
        let side = if called { Side::Called } else { Side::Caller };
        let whole = frames(side, &bytes, bytes.len().max(1));
        prop_assert_eq!(frames(side, &bytes, portion), whole);
    }
}
