//! Scenarios out of seeds, and those that once failed.
//!
//! `SEEDS=20000` plays so many, `FIRST=5000` those from there on, `SEED=17` that one with everything
//! it did written out if `SIMULATOR_TRACE` is set too, and its bytes kept under the name that `KEEP` says.

use std::fs;
use std::path::{Path, PathBuf};

use simulator::{Scenario, expand, run, verdict};

/// How many seeds are played when nobody says how many.
const SEEDS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Where scenarios are kept that once failed.
fn found() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("found")
}

fn hold(name: &str, bytes: &[u8]) -> Result<(), String> {
    let scenario = Scenario::decode(bytes);
    let report = run(&scenario);
    verdict(&scenario, &report).map_err(|what| format!("{name}: {what}"))
}

#[test]
fn every_seed_ends_as_it_must() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("FIRST").unwrap_or(0);
            first..first + number("SEEDS").unwrap_or(SEEDS)
        }
    };
    if let (Some(seed), Ok(name)) = (number("SEED"), std::env::var("KEEP")) {
        fs::write(found().join(name), expand(seed)).unwrap();
    }
    let failed: Vec<_> =
        seeds.filter_map(|seed| hold(&format!("seed {seed}"), &expand(seed)).err()).collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_second_run_does_the_same() {
    for seed in 0..10 {
        let scenario = Scenario::decode(&expand(seed));
        assert_eq!(run(&scenario), run(&scenario), "seed {seed}");
    }
}

#[test]
fn what_once_failed_holds() {
    for entry in fs::read_dir(found()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none() {
            hold(&path.display().to_string(), &fs::read(&path).unwrap()).unwrap();
        }
    }
}

#[test]
fn any_bytes_are_a_scenario() {
    for bytes in [&[][..], &[0], &[0xFF; 7], &[0xFF; 600]] {
        hold("bytes", bytes).unwrap();
    }
}
