//! Every target holds for every conformance case, for changes to each, and for what was found.

use std::collections::BTreeMap;
use std::fs;

use fuzz::seeds::{self, Seed};
use fuzz::{TARGETS, Target};

/// How many changed inputs are made of each case.
const CHANGES: u64 = 8;

fn target(name: &str) -> Target {
    TARGETS.iter().find(|(known, _)| *known == name).expect("every seed has a target").1
}

fn cases() -> Vec<Seed> {
    seeds::read(&seeds::vectors()).unwrap()
}

#[test]
fn every_target_has_cases_and_holds_for_them() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in cases() {
        *counts.entry(seed.target).or_default() += 1;
        target(seed.target)(&seed.bytes);
    }
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert!(names.iter().all(|name| counts.contains_key(name)), "{counts:?}");
}

#[test]
fn every_target_holds_for_changed_cases() {
    let mut random = Random(1);
    for seed in cases() {
        for _ in 0..CHANGES {
            target(seed.target)(&changed(&seed.bytes, &mut random));
        }
    }
}

#[test]
fn every_target_holds_for_what_was_found() {
    for (name, target) in TARGETS {
        let Ok(folder) = fs::read_dir(seeds::found().join(name)) else { continue };
        for entry in folder {
            target(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}

/// Cuts, doubles or changes a few bytes.
fn changed(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let until = (at + random.below(40) as usize).min(bytes.len());
        match random.below(4) {
            0 => drop(bytes.drain(at..until)),
            1 => bytes.insert(at, random.below(256) as u8),
            2 => drop(bytes.splice(at..at, bytes[at..until].to_vec())),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        }
    }
    bytes
}

/// Numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}
