//! What frames say, and what they may not.

use proptest::prelude::*;

use super::{
    BLOCK_HEAD_LEN, BlockHead, Digests, Frame, FrameError, HEADER_LEN, Header, Hello, Kind,
    MAX_BLOCK, Open, Opened, Refuse,
};

fn header_of(bytes: &[u8]) -> Header {
    Header::decode(bytes[..HEADER_LEN].try_into().unwrap()).unwrap()
}

#[test]
fn every_frame_reads_back() {
    let opened =
        Opened { byte_count: 9, piece_size: 4, algorithm: 1, root: [7; 32], have: vec![3] };
    for frame in [
        Frame::Hello(Hello { version: 0, asks: 512 }),
        Frame::Open(Open { artifact: [1; 32] }),
        Frame::Opened(opened.clone()),
        Frame::Opened(Opened { have: vec![0xFF; 1 << 17], ..opened }),
        Frame::Learn,
        Frame::Digests(Digests { first: 2_048, bytes: vec![5; 64] }),
        Frame::Ask(7),
        Frame::Have(8),
        Frame::Cancel(9),
        Frame::Refuse(Refuse { index: Some(1), code: 2 }),
        Frame::Refuse(Refuse { index: None, code: 1 }),
        Frame::Close(0),
        Frame::Stay,
    ] {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes).unwrap();
        let header = header_of(&bytes);
        assert_eq!(header.length as usize, bytes.len() - HEADER_LEN);
        assert_eq!(Frame::decode(header.kind, &bytes[HEADER_LEN..]).unwrap(), frame);
    }
}

#[test]
fn the_bytes_on_the_wire_stay_as_documented() {
    let mut bytes = Vec::new();
    for frame in [
        Frame::Hello(Hello { version: 0, asks: 1_024 }),
        Frame::Ask(2),
        Frame::Refuse(Refuse { index: Some(1), code: 4 }),
        Frame::Close(0),
    ] {
        frame.encode(&mut bytes).unwrap();
    }
    bytes.extend(BlockHead { index: 2, offset: 0, length: 100 }.encode());
    let expected = b"\x04\0\0\0\x01\0\0\0\x04\x04\0\0\0\x06\x02\0\0\0\x07\0\0\0\x0a\x01\
        \x01\0\0\0\x04\0\x02\0\0\0\x0b\0\0\x6c\0\0\0\x07\x02\0\0\0\0\0\0\0";
    assert_eq!(bytes, expected);
}

#[test]
fn a_length_over_the_kinds_limit_is_refused_from_the_header_alone() {
    for (length, byte) in [(5, 6), (u32::MAX, 3), (MAX_BLOCK + 9, 7), (8, 7), (1, 4), (3, 1)] {
        let [a, b, c, d] = u32::to_le_bytes(length);
        let refused = Header::decode([a, b, c, d, byte]).unwrap_err();
        assert!(matches!(refused, FrameError::Length { .. }), "{refused}");
    }
    assert!(matches!(Header::decode([0, 0, 0, 0, 13]).unwrap_err(), FrameError::Kind(13)));
    assert!(matches!(Header::decode([0, 0, 0, 0, 0]).unwrap_err(), FrameError::Kind(0)));
}

proptest! {
    #[test]
    fn any_header_returns_and_is_in_bounds(bytes: [u8; HEADER_LEN]) {
        if let Ok(header) = Header::decode(bytes) {
            let (least, most) = header.kind.bounds();
            prop_assert!((least..=most).contains(&header.length));
            prop_assert_eq!(header.kind as u8, bytes[4]);
        }
    }

    #[test]
    fn any_body_returns_and_what_is_accepted_encodes_back(
        kind in 0..Kind::ALL.len(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let kind = Kind::ALL[kind];
        if let Ok(frame) = Frame::decode(kind, &body) {
            let mut bytes = Vec::new();
            if frame.encode(&mut bytes).is_ok() {
                prop_assert_eq!(header_of(&bytes).kind, kind);
                prop_assert_eq!(&bytes[HEADER_LEN..], &body[..]);
            }
        }
    }

    #[test]
    fn a_block_reads_back(index: u32, offset: u32, length in 1..=MAX_BLOCK) {
        let head = BlockHead { index, offset, length };
        let bytes = head.encode();
        let rest: [u8; BLOCK_HEAD_LEN] = bytes[HEADER_LEN..].try_into().unwrap();
        prop_assert_eq!(BlockHead::decode(header_of(&bytes), rest), head);
    }
}
