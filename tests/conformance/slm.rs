//! Operation on `.slm` files: validate-slm.

use serde_json::Value;
use verifier::Sha256;
use verifier::slm::{ChecksumRule, validate};

use crate::case::{Case, Outcome};

/// Runs the case if its operation is one of these.
pub fn run(case: &Case) -> Option<Outcome> {
    (case.op == "validate-slm").then(|| validate_slm(case))
}

fn validate_slm(case: &Case) -> Outcome {
    let bytes = case.file("slm");
    let rule = match case.args["checksum"].as_str() {
        Some("unverified") => ChecksumRule::Unverified,
        _ => ChecksumRule::Verify,
    };
    let slm = match validate(&bytes, rule) {
        Ok(slm) => slm,
        Err(error) => return Outcome::refused(&error),
    };
    let digest = ("sha256", Sha256::of(&bytes).to_string());
    let values = slm.measured().into_iter().chain([digest]);
    Outcome::derived(values.map(|(key, value)| (key, Value::from(value)))).warned(slm.warnings())
}
