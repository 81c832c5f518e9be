//! Whole scenarios: many machines that import from each other.

use simulator::{Scenario, run, verdict};

/// Any bytes make a scenario: every rule holds while it is played, and it ends as it must.
pub fn scenario(data: &[u8]) {
    let scenario = Scenario::decode(data);
    let report = run(&scenario);
    if let Err(what) = verdict(&scenario, &report) {
        panic!("{what}");
    }
}
