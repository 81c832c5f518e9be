//! The container by itself, and a whole file against its manifest.

use std::sync::Arc;

use verifier::artifact::{self, ArtifactError, Extras, VerifiedArtifact};
use verifier::manifest::{Manifest, Options};
use verifier::receipt::{Facts, Receipt};
use verifier::scalars::{UtcTime, Version};
use verifier::slm::{ChecksumRule, RollingChecksum, Scan, Slm, SlmError, validate};

use crate::mend::{self, Mended};
use crate::{choice, flipped, shown, split};

const RULES: [ChecksumRule; 2] = [ChecksumRule::Verify, ChecksumRule::Unverified];

/// A `.slm` file.
pub fn slm(data: &[u8]) {
    judge(data);
    judge(&mend::checksum(data));
}

fn judge(data: &[u8]) {
    for rule in RULES {
        let verdict = validate(data, rule);
        let sliced = validate_sliced(data, rule);
        assert_eq!(format!("{verdict:?}"), format!("{sliced:?}"), "slices change the verdict");
        match verdict {
            Ok(slm) => {
                assert_eq!(slm.measured().len(), 19);
                if rule == ChecksumRule::Verify {
                    assert!(validate(&flipped(data), rule).is_err(), "a changed bit is accepted");
                }
            }
            Err(error) => shown(&error),
        }
    }
}

/// The same verdict must come out however the bytes are cut.
fn validate_sliced(data: &[u8], rule: ChecksumRule) -> Result<Slm, SlmError> {
    let mut scan = Scan::new(data.len() as u64);
    let mut checksum = RollingChecksum::new();
    for part in data.chunks(1 + (choice(data) % 97) as usize) {
        scan.update(part);
        checksum.update(part);
    }
    scan.finish((rule == ChecksumRule::Verify).then(|| checksum.finish()))
}

/// A manifest, a file and a chunk list; then the file with manifest and list made for it.
pub fn artifact(data: &[u8]) {
    let [manifest, file, list] = split(data);
    if let Ok(manifest) = Manifest::parse(manifest, Options::default()) {
        let extras = Extras {
            chunk_list: (!list.is_empty()).then(|| list.to_vec().into()),
            evidence: Vec::new(),
        };
        drop(verify(&Arc::new(manifest), file, &extras, ChecksumRule::Verify));
    }
    let Some(Mended { manifest, file, extras }) = mend::artifact(file) else { return };
    let valid = validate(&file, ChecksumRule::Verify);
    match (verify(&manifest, &file, &extras, ChecksumRule::Verify), valid) {
        (Ok(verified), Ok(_)) => {
            has_its_receipt(&verified, &file);
            let changed = verify(&manifest, &flipped(&file), &extras, ChecksumRule::Verify);
            assert!(matches!(changed, Err(ArtifactError::Sha256 { .. })), "{changed:?}");
        }
        (Err(ArtifactError::Slm(found)), Err(wanted)) => {
            assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
        }
        (found, wanted) => panic!("{found:?} of a file whose container is {wanted:?}"),
    }
}

fn verify(
    manifest: &Arc<Manifest>,
    file: &[u8],
    extras: &Extras,
    rule: ChecksumRule,
) -> Result<VerifiedArtifact, ArtifactError> {
    let verdict = artifact::verify(manifest, file, file.len() as u64, extras, rule);
    if let Err(error) = &verdict {
        shown(error);
    }
    verdict
}

/// Writes the receipt of a file and reads it against the same file and a changed one.
fn has_its_receipt(verified: &VerifiedArtifact, file: &[u8]) {
    let key = mend::key(0);
    let facts = Facts {
        created_utc: UtcTime::from_unix(mend::NOW),
        verifier_version: Version::parse("0.1.0").expect("it is a version"),
        file_name: "model.slm",
        transfer: None,
        signer: Some(&key),
    };
    let receipt = Receipt::write(verified, &facts).expect("a verified file has a receipt");
    let (bytes, manifest) = (receipt.bytes(), verified.manifest().bytes());
    let length = file.len() as u64;
    let read = |bytes: &[u8], file: &[u8]| {
        Receipt::verify(bytes, manifest, Options::default(), file, length)
    };
    let again = read(bytes, file).expect("the receipt is the file's");
    assert_eq!(again.receipt(), &receipt);
    assert!(read(&flipped(bytes), file).is_err(), "a changed receipt is accepted");
    assert!(read(bytes, &flipped(file)).is_err(), "a changed file is accepted");
}
