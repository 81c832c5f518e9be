//! Runs every conformance case of `tests/vectors`, or of the folder that `MINIMODEL_VECTORS` names.
//!
//! A case passes only if the verdict is exactly the expected one: `ok` with the expected derived
//! values and warnings, or that error code and, where the case names one, that field.

mod case;
mod chunks;
mod documents;
mod messages;
mod slm;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use case::{Case, Outcome};

/// Runs one case; `None` if the operation is not known here.
fn run(case: &Case) -> Option<Outcome> {
    slm::run(case)
        .or_else(|| chunks::run(case))
        .or_else(|| documents::run(case))
        .or_else(|| messages::run(case))
}

#[test]
fn every_conformance_case_gets_its_verdict() {
    let folder = std::env::var_os("MINIMODEL_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")),
        PathBuf::from,
    );
    let cases = case::load(&folder);
    assert!(!cases.is_empty(), "no case in {}", folder.display());

    let mut passed = 0;
    let mut failures = Vec::new();
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut operations = BTreeSet::new();
    for case in &cases {
        operations.insert(case.op.as_str());
        match run(case) {
            None => *missing.entry(&case.op).or_default() += 1,
            Some(outcome) => match case.compare(&outcome) {
                Ok(()) => passed += 1,
                Err(why) => failures.push(format!("{} ({}): {why}", case.id, case.op)),
            },
        }
    }
    let skipped: usize = missing.values().sum();
    // Written past the test harness, which would keep it to itself when all is well.
    let mut report = std::io::stderr().lock();
    writeln!(
        report,
        "vectors: {} cases of {} operations ran: {passed} passed, {} failed, {skipped} missing",
        cases.len(),
        operations.len(),
        failures.len(),
    )
    .unwrap();
    for (operation, count) in &missing {
        writeln!(report, "missing operation: {operation} ({count} cases)").unwrap();
    }
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
    assert!(missing.is_empty(), "operations without an implementation: {missing:?}");
}
