//! Operation on `.slm` files: validate-slm.

use serde_json::Value;
use verifier::Sha256;
use verifier::slm::{ChecksumRule, RollingChecksum, Scan, Slm, SlmError, validate};

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
    let verdict = validate(&bytes, rule);
    for slice in [1, 7, 63, 64, 4096] {
        let sliced = validate_sliced(&bytes, rule, slice);
        let same = format!("{sliced:?}") == format!("{verdict:?}");
        assert!(same, "{}: slices of {slice}: {sliced:?}", case.id);
    }
    let slm = match verdict {
        Ok(slm) => slm,
        Err(error) => return Outcome::refused(&error),
    };
    let digest = ("sha256", Sha256::of(&bytes).to_string());
    let values = slm.measured().into_iter().chain([digest]);
    Outcome::derived(values.map(|(key, value)| (key, Value::from(value)))).warned(slm.warnings())
}

/// The same verdict must come out however the bytes are cut.
fn validate_sliced(bytes: &[u8], rule: ChecksumRule, slice: usize) -> Result<Slm, SlmError> {
    let mut scan = Scan::new(bytes.len() as u64);
    let mut checksum = RollingChecksum::new();
    for part in bytes.chunks(slice) {
        scan.update(part);
        checksum.update(part);
    }
    scan.finish((rule == ChecksumRule::Verify).then(|| checksum.finish()))
}
