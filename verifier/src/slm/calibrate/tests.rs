//! The search, on files made by known rules.

use std::io::Cursor;

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;

use super::rewind::Bundle;
use super::{
    CalibrateError, Calibration, Evidence, KNOWN_STARTS, MAX_FILES, Mix, Order, Rule, Window,
    calibrate,
};
use crate::code::Coded;
use crate::slm::checksum::SlmChecksumProfile;
use crate::slm::{Quantisation, Shape, write_sample};

/// Not a known constant.
const START: u64 = 0x0123_4567_89AB_CDEF;

fn search(files: &[Vec<u8>]) -> Result<Calibration, CalibrateError> {
    calibrate(&mut files.iter().map(Cursor::new).collect::<Vec<_>>())
}

fn found(files: &[Vec<u8>]) -> Vec<(Rule, u64, Evidence, Vec<usize>)> {
    let calibration = search(files).unwrap();
    assert_eq!(calibration.tried, 6048);
    let candidates = calibration.conclusive.into_iter();
    candidates.map(|found| (found.rule, found.start, found.evidence, found.files)).collect()
}

/// The checksum as a file's writer would make it, before a zero becomes 1.
fn run(rule: &Rule, start: u64, bytes: &[u8]) -> u64 {
    let mut h = start;
    for (i, b) in (0..).zip(bytes.iter().copied().map(u64::from)) {
        let b = match rule.window {
            Window::Zeros if (100..108).contains(&i) => 0,
            Window::Skipped if (100..108).contains(&i) => continue,
            Window::Zeros | Window::Skipped => b,
        };
        for step in rule.order.as_str().split('-') {
            h = match step {
                "mix" => mix(rule.mix, h, b, i),
                "rotate" => h.rotate_left(rule.rotation),
                _ => h.wrapping_mul(0x0000_0100_0000_01B3),
            };
        }
    }
    h
}

fn mix(mix: Mix, h: u64, b: u64, i: u64) -> u64 {
    match mix {
        Mix::XorXor => h ^ b ^ i,
        Mix::XorThenAdd => (h ^ b).wrapping_add(i),
        Mix::AddThenXor => h.wrapping_add(b) ^ i,
        Mix::AddAdd => h.wrapping_add(b).wrapping_add(i),
        Mix::XorSum => h ^ (b + i),
        Mix::AddXor => h.wrapping_add(b ^ i),
        Mix::XorHighByte => h ^ (b << 56) ^ i,
        Mix::XorLowIndex => h ^ b ^ (i % 256),
    }
}

/// A file of `length` bytes in which nothing but the magic and the checksum is right.
fn file(rule: &Rule, start: u64, length: usize) -> Vec<u8> {
    let seed = length as u64;
    let mut bytes: Vec<u8> = (0..seed)
        .map(|i| (seed ^ i).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[1])
        .collect();
    bytes[..4].copy_from_slice(b"SLM1");
    let checksum = run(rule, start, &bytes).max(1);
    bytes[100..108].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn sample(shape: &Shape, quant: Quantisation) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write_sample(shape, quant, 5, &mut out).unwrap();
    out.into_inner()
}

fn rules() -> impl Strategy<Value = Rule> {
    (select(&Mix::ALL[..]), Rule::ROTATIONS, select(&Order::ALL[..]), select(&Window::ALL[..]))
        .prop_map(|(mix, rotation, order, window)| Rule { mix, rotation, order, window })
}

const OTHER: Rule = Rule {
    mix: Mix::AddThenXor,
    rotation: 23,
    order: Order::MultiplyMixRotate,
    window: Window::Skipped,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn two_files_give_any_rule_away(
        rule in rules(),
        start in prop_oneof![any::<u64>(), Just(START)],
        length in 300_usize..700,
        more in 1_usize..700,
    ) {
        let files = [file(&rule, start, length + more), file(&rule, start, length)];
        let expected = vec![(rule, start, Evidence::TwoFiles, vec![1, 2])];
        prop_assert_eq!(found(&files), expected);
    }

    #[test]
    fn one_file_is_enough_for_a_known_constant(
        rule in rules(),
        start in select(&KNOWN_STARTS[..]),
        length in 300_usize..700,
    ) {
        let expected = vec![(rule, start, Evidence::KnownConstant, vec![1])];
        prop_assert_eq!(found(&[file(&rule, start, length)]), expected);
    }
}

#[test]
fn every_rule_is_undone() {
    let mut rules = 0;
    for bundle in Bundle::all() {
        let template = file(&Rule::PROVISIONAL, START, 300);
        let starts = bundle.rewind(START, &template);
        for (rule, start) in bundle.rules(starts) {
            assert_eq!(run(&rule, start, &template), START, "{rule}");
            rules += 1;
        }
    }
    assert_eq!(rules, Rule::COUNT);
}

#[test]
fn own_samples_give_the_provisional_profile() {
    let file = sample(&Shape::TINY, Quantisation::Q8_0);
    let calibration = search(&[file]).unwrap();
    let [candidate] = calibration.conclusive.as_slice() else { panic!("{calibration:?}") };
    assert_eq!(candidate.rule, Rule::PROVISIONAL);
    assert_eq!(candidate.profile(), Some(SlmChecksumProfile::MinimodelProvisional1));
    assert_eq!(
        candidate.to_string(),
        "mix h^b^i, rotation 5 left, order mix-rotate-multiply, bytes 100 to 107 as zeros, \
         start u64:CBF29CE484222325 (a well-known constant)"
    );
}

#[test]
fn a_second_sample_is_counted_and_not_searched() {
    let files = [Quantisation::F32, Quantisation::Q8_0].map(|quant| sample(&Shape::TINY, quant));
    let expected = (Rule::PROVISIONAL, KNOWN_STARTS[0], Evidence::TwoFilesAndKnownConstant);
    let (rule, start, evidence) = expected;
    assert_eq!(found(&files), [(rule, start, evidence, vec![1, 2])]);
}

#[test]
fn own_samples_do_not_hide_the_rule_of_other_files() {
    let files = [
        file(&Rule::PROVISIONAL, KNOWN_STARTS[0], 400),
        file(&OTHER, START, 500),
        file(&OTHER, START, 600),
    ];
    assert_eq!(
        found(&files),
        [
            (OTHER, START, Evidence::TwoFiles, vec![2, 3]),
            (Rule::PROVISIONAL, KNOWN_STARTS[0], Evidence::KnownConstant, vec![1]),
        ]
    );
}

#[test]
fn a_corrupt_second_file_proves_nothing() {
    let mut files = vec![file(&OTHER, START, 400), file(&OTHER, START, 500)];
    files[1][450] ^= 1;
    assert_eq!(found(&files), []);
    files.push(file(&OTHER, START, 600));
    assert_eq!(found(&files), [(OTHER, START, Evidence::TwoFiles, vec![1, 3])]);
}

#[test]
fn files_of_one_length_prove_nothing_together() {
    let one = file(&OTHER, START, 400);
    let mut other = one.clone();
    other[300] ^= 1;
    let checksum = run(&OTHER, START, &other);
    other[100..108].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(found(&[one.clone(), other.clone()]), []);
    let third = file(&OTHER, START, 401);
    assert_eq!(found(&[one, third, other]), [(OTHER, START, Evidence::TwoFiles, vec![1, 2, 3])]);
}

#[test]
fn equal_headers_leave_the_window_open_until_another_decides() {
    let mut files = vec![file(&OTHER, START, 400), file(&OTHER, START, 500)];
    let head = files[0][..108].to_vec();
    files[1][..108].copy_from_slice(&head);
    let checksum = run(&OTHER, START, &files[1]);
    files[1][100..108].copy_from_slice(&checksum.to_le_bytes());
    let both = found(&files);
    assert_eq!(both.len(), 2, "{both:?}");

    files.push(file(&OTHER, START, 600));
    let decided = found(&files);
    assert_eq!(decided[0], (OTHER, START, Evidence::TwoFiles, vec![1, 2, 3]));
    assert_eq!(decided[1].3, [1, 2]);
}

#[test]
fn a_stored_one_may_mean_zero() {
    let mut zero = file(&OTHER, START, 400);
    zero[100..108].copy_from_slice(&1_u64.to_le_bytes());
    let bundle = Bundle::of(&OTHER);
    let mut rules = bundle.rules(bundle.rewind(0, &zero));
    let (_, start) = rules.find(|(rule, _)| *rule == OTHER).unwrap();
    assert_eq!(run(&OTHER, start, &zero), 0);

    let other = file(&OTHER, start, 500);
    assert_eq!(found(&[zero, other]), [(OTHER, start, Evidence::TwoFiles, vec![1, 2])]);
}

#[test]
fn what_cannot_be_searched_is_refused_by_number() {
    let good = file(&OTHER, START, 400);
    let mut no_magic = good.clone();
    no_magic[0] = b's';
    let mut no_checksum = good.clone();
    no_checksum[100..108].fill(0);
    let cases = [
        (vec![], "usage.arguments", "-"),
        (vec![good.clone(); MAX_FILES + 1], "usage.arguments", "-"),
        (vec![good.clone(), good[..107].to_vec()], "slm.too-short", "2"),
        (vec![good.clone(), good.clone(), no_magic], "slm.bad-magic", "3"),
        (vec![no_checksum, good], "slm.checksum-zero", "1"),
    ];
    for (files, code, field) in cases {
        let error = search(&files).unwrap_err();
        assert_eq!((error.code().to_string().as_str(), error.field().as_ref()), (code, field));
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    use std::io::{self, Read, Seek, SeekFrom};

    struct Endless;

    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("read");
        }
    }

    impl Seek for Endless {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(super::MAX_FILE_LEN + 1)
        }
    }

    let error = calibrate(&mut [Endless]).unwrap_err();
    assert_eq!(error.code().to_string(), "usage.arguments");
    assert_eq!(error.field(), "1");
}
