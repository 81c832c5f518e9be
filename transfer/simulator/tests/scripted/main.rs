//! Scripted scenarios: what was seen to go wrong, and what must not.

mod consent;
mod faults;
mod lines;
mod liveness;
mod many;

use simulator::{Report, Scenario, run, verdict};

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// Plays it, twice, and holds it to its verdict.
fn play(scenario: &Scenario) -> Report {
    let report = run(scenario);
    if let Err(what) = verdict(scenario, &report) {
        panic!("{what}\n{:#?}", report.imports.iter().flatten().collect::<Vec<_>>());
    }
    assert_eq!(run(scenario).hash, report.hash, "a second run was another");
    report
}
