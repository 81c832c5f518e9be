use std::io::Cursor;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::Scan;
use crate::code::Coded as _;
use crate::slm::{ChecksumRule, Quantisation, Shape, Slm, SlmError, validate, write_sample};

const SLICES: [usize; 7] = [1, 3, 7, 63, 64, 4096, usize::MAX];

fn sample(quant: Quantisation) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, quant, 1, &mut out).unwrap();
    out.into_inner()
}

fn scan(bytes: &[u8], slice: usize) -> Result<Slm, SlmError> {
    let mut scan = Scan::new(bytes.len() as u64);
    bytes.chunks(slice.min(bytes.len().max(1))).for_each(|part| scan.update(part));
    scan.finish(None)
}

/// The code for a sample with these bytes in place of its own.
fn code(quant: Quantisation, changes: &[(usize, &[u8])]) -> String {
    let mut bytes = sample(quant);
    for (at, new) in changes {
        bytes[*at..at + new.len()].copy_from_slice(new);
    }
    let verdicts = SLICES.map(|slice| format!("{:?}", scan(&bytes, slice)));
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
    match scan(&bytes, 1) {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{} {}", error.code(), error.field()),
    }
}

#[test]
fn slices_do_not_change_the_verdict() {
    let (f32, q8, q4) = (Quantisation::F32, Quantisation::Q8_0, Quantisation::Q4_0);
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(code(f32, &[]), "ok");
    assert_eq!(code(q8, &[]), "ok");
    assert_eq!(code(q4, &[]), "ok");
    assert_eq!(code(f32, &[(0, b"X")]), "slm.bad-magic magic");
    assert_eq!(code(f32, &[(140, &[1])]), "slm.padding-nonzero byte.140");
    assert_eq!(code(f32, &[(112, &[2])]), "slm.tokenizer-version tokenizer");
    assert_eq!(code(f32, &[(192, &[0])]), "slm.unknown-tensor entry.0.name_hash");
    assert_eq!(code(f32, &[(256 + 60, &[1])]), "slm.reserved entry.1.reserved");
    assert_eq!(code(f32, &[(964, &nan)]), "slm.nonfinite-value tok_embeddings.weight");
    assert_eq!(code(q8, &[(3072, &[0; 4])]), "slm.bad-scale tok_embeddings.weight");
    assert_eq!(code(q8, &[(960, &[0xFF; 2080])]), "ok", "quantised bytes are free");
}

#[test]
fn the_verdict_is_the_first_fault_in_the_order_of_the_stages() {
    let f32 = Quantisation::F32;
    let value: (usize, &[u8]) = (960, &[0xFF; 4]);
    let name: (usize, &[u8]) = (192, &[0]);
    let tokenizer: (usize, &[u8]) = (108, b"X");
    let padding: (usize, &[u8]) = (191, &[1]);
    let reserved: (usize, &[u8]) = (192 + 60, &[1]);
    assert_eq!(code(f32, &[value, name]), "slm.unknown-tensor entry.0.name_hash");
    assert_eq!(code(f32, &[value, name, tokenizer]), "slm.tokenizer-magic tokenizer");
    assert_eq!(code(f32, &[value, name, tokenizer, padding]), "slm.padding-nonzero byte.191");
    assert_eq!(
        code(f32, &[value, name, tokenizer, padding, reserved]),
        "slm.reserved entry.0.reserved"
    );
}

#[test]
fn an_entry_takes_the_memory_that_is_documented() {
    let entry = size_of::<crate::slm::directory::Entry>();
    let (order, hash) = (size_of::<u32>(), size_of::<u64>());
    let spans = 2 * size_of::<crate::slm::layout::Span>();
    let name = size_of::<Option<crate::slm::names::TensorName>>();
    // A vector that grows holds its old entries and room for twice as many.
    assert!(3 * entry <= 168, "growing: {}", 3 * entry);
    assert!(entry + hash + order <= 168 && entry + order + spans + name <= 116);
}

#[test]
fn no_directory_is_longer_than_a_reader_holds() {
    let fault = |layers: u32, tensors: u32| {
        let mut bytes = sample(Quantisation::F32);
        bytes[32..36].copy_from_slice(&layers.to_le_bytes());
        bytes[88..92].copy_from_slice(&tensors.to_le_bytes());
        // The file is said to be as long as that needs; no byte of it has to come.
        let mut scan = Scan::new(1 << 30);
        scan.update(&bytes[..108]);
        scan.fault().unwrap().code().to_string()
    };
    assert_eq!(fault(3_640, 3 + 9 * 3_640), "slm.section-order");
    assert_eq!(fault(3_641, 3 + 9 * 3_641), "slm.tensor-count");
    assert_eq!(fault(3_640, 3 + 9 * 3_641), "slm.tensor-count");
}

#[test]
fn a_message_says_what_was_found_and_what_was_expected() {
    let message = |changes: &[(usize, &[u8])]| {
        let mut bytes = sample(Quantisation::Q4_0);
        for (at, new) in changes {
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        scan(&bytes, usize::MAX).unwrap_err().to_string()
    };
    assert_eq!(
        message(&[(24, &[3])]),
        "special_token_count is 3, expected 4 to 260, the vocab_size"
    );
    assert_eq!(message(&[(16, &[4])]), "flags are 0x00000004, expected none beside 0x1");
    assert_eq!(message(&[(72, &[29])]), "tokenizer has 29 bytes, expected 28 with btok");
    assert_eq!(
        message(&[(192 + 56, &[3])]),
        "directory entry 0: block_size is 3, expected an even divisor with q4_0 and 8 columns"
    );
    assert_eq!(
        message(&[(192 + 32, &[1])]),
        "directory entry 0: byte_offset is 769, expected a multiple of 64"
    );
    assert_eq!(
        message(&[(108, b"\x1b[2J")]),
        "tokenizer magic is `\\x1b[2J`, expected `BTOK` or `BPE1`"
    );
}

#[test]
fn a_fault_is_known_before_the_payloads_come() {
    let mut bytes = sample(Quantisation::F32);
    bytes[192 + 60] = 1;
    let mut scan = Scan::new(bytes.len() as u64);
    scan.update(&bytes[..192]);
    assert!(scan.fault().is_none());
    scan.update(&bytes[192..256]);
    let fault = scan.fault().unwrap();
    assert_eq!(fault.code().to_string(), "slm.reserved");
    assert_eq!(fault.to_string(), "directory entry 0: reserved bytes are 0x00000001, expected 0");
}

#[test]
fn the_announced_length_must_come() {
    let bytes = sample(Quantisation::F32);
    for given in [0, 107, 108, bytes.len() - 1] {
        let mut scan = Scan::new(bytes.len() as u64);
        scan.update(&bytes[..given]);
        let error = scan.finish(None).unwrap_err();
        assert!(matches!(error, SlmError::Incomplete { .. }), "{given}: {error}");
    }
    let mut scan = Scan::new(bytes.len() as u64);
    scan.update(&bytes);
    scan.update(&[0]);
    assert!(matches!(scan.finish(None), Err(SlmError::Incomplete { .. })));
}

#[test]
fn a_flipped_byte_is_rejected_wherever_it_is() {
    for quant in [Quantisation::F32, Quantisation::Q8_0, Quantisation::Q4_0] {
        let bytes = sample(quant);
        for at in (0..1100).chain((1100..bytes.len()).step_by(97)) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x40;
            assert!(validate(&flipped, ChecksumRule::Verify).is_err(), "{quant}: byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_get_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(validate(&bytes, ChecksumRule::Verify).is_err());
    }

    #[test]
    fn any_header_gets_a_verdict(
        changes in proptest::collection::vec((0..1400_usize, any::<u8>()), 1..4),
        slice in 1..200_usize,
    ) {
        let mut bytes = sample(Quantisation::Q4_0);
        for (at, new) in changes {
            bytes[at] = new;
        }
        let verdict = format!("{:?}", scan(&bytes, slice));
        prop_assert_eq!(verdict, format!("{:?}", scan(&bytes, usize::MAX)));
    }
}
