//! Files on this machine, checked against each other: a file against its manifest, and a receipt
//! against both.
//!
//! Everything here blocks and is for threads where that is fine. A [`Meter`] says how far a check
//! has come, and stops it.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use verifier::artifact::{ArtifactError, Extras, VerifiedArtifact};
use verifier::digest::Sha256Stream;
use verifier::identity::SigningKey;
use verifier::manifest::{Manifest, Options};
use verifier::receipt::{Facts, Receipt, ReceiptError, VerifiedReceipt};
use verifier::scalars::{UtcTime, Version};
use verifier::slm::ChecksumRule;
use verifier::{Code, Coded, Sha256};

use crate::input;
use crate::problem::Problem;

/// The checks that a receipt names, in its order.
pub const CHECKS: [&str; 12] = [
    "check.manifest",
    "check.boundary",
    "check.signature",
    "check.byte_count",
    "check.sha256",
    "check.chunks",
    "check.chunk_list",
    "check.merkle",
    "check.slm",
    "check.slm_checksum",
    "check.agreement",
    "check.evidence",
];

/// How far a check has read its file; shared by who does the check and who watches it.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    length: AtomicU64,
    stopped: AtomicBool,
}

impl Meter {
    /// How many bytes were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// How many bytes there are to read; 0 until the file is open.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Has the check end before it reads on; it then fails with `io.failed`.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// A file that is read under a meter.
struct Metered<'a, R> {
    file: R,
    meter: &'a Meter,
}

impl<'a, R> Metered<'a, R> {
    fn new(file: R, length: u64, meter: &'a Meter) -> Self {
        meter.length.store(length, Ordering::Relaxed);
        Self { file, meter }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.meter.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the check was stopped"));
        }
        let count = self.file.read(into)?;
        self.meter.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The version of this program, as receipts have it.
///
/// # Errors
///
/// Never in a program that was built with a sound version.
pub fn program_version() -> Result<Version, Problem> {
    Version::parse(env!("CARGO_PKG_VERSION"))
        .map_err(|error| Problem::machine("this program has no sound version", &error))
}

/// Reads a manifest and checks it.
///
/// # Errors
///
/// [`Problem`] with the first rule that it breaks.
pub fn manifest(path: &Path, options: Options) -> Result<Manifest, Problem> {
    let bytes = input::read(path, input::MANIFEST)?;
    Manifest::parse(&bytes, options).map_err(|error| Problem::coded_in(path, &error))
}

/// Checks a file against its manifest.
///
/// # Errors
///
/// [`Problem`] with the first check that fails.
pub fn artifact(
    manifest: &Arc<Manifest>,
    slm: &Path,
    extras: &Extras,
    rule: ChecksumRule,
    meter: &Meter,
) -> Result<VerifiedArtifact, Problem> {
    let (file, length) = input::open(slm)?;
    let file = Metered::new(file, length, meter);
    verifier::artifact::verify(manifest, file, length, extras, rule)
        .map_err(|error| failed_check(slm, &error, &error))
}

/// Names the file where it is the one to blame, and not the manifest, the list or the evidence,
/// which say so themselves.
fn failed_check(slm: &Path, check: &ArtifactError, error: &impl Coded) -> Problem {
    match check {
        ArtifactError::ByteCount { .. }
        | ArtifactError::Sha256 { .. }
        | ArtifactError::MerkleRoot { .. }
        | ArtifactError::Slm(_)
        | ArtifactError::Read(_) => Problem::coded_in(slm, error),
        _ => Problem::coded(error),
    }
}

/// Checks the bytes of a receipt against those of a manifest, and a file.
///
/// # Errors
///
/// [`Problem`] with the first check that fails.
pub fn receipt(
    receipt: &[u8],
    manifest: &[u8],
    options: Options,
    slm: &Path,
    meter: &Meter,
) -> Result<VerifiedReceipt, Problem> {
    let (file, length) = input::open(slm)?;
    let file = Metered::new(file, length, meter);
    Receipt::verify(receipt, manifest, options, file, length).map_err(|error| match &error {
        ReceiptError::Artifact(check) => failed_check(slm, check, &error),
        ReceiptError::Manifest(_) => Problem::coded_in(Path::new("the manifest"), &error),
        ReceiptError::Line(_) => Problem::coded_in(Path::new("the receipt"), &error),
        _ => Problem::coded(&error),
    })
}

/// Makes the receipt of a file that was verified here, not fetched from peers.
///
/// # Errors
///
/// [`Problem`] as [`program_version`].
pub fn new_receipt(
    artifact: &VerifiedArtifact,
    slm: &Path,
    now: UtcTime,
    signer: Option<&SigningKey>,
) -> Result<Receipt, Problem> {
    let facts = Facts {
        created_utc: now,
        verifier_version: program_version()?,
        file_name: &slm.to_string_lossy(),
        transfer: None,
        signer,
    };
    Receipt::write(artifact, &facts).map_err(|error| Problem::coded(&error))
}

/// The SHA-256 of a whole file.
///
/// # Errors
///
/// `io.failed` if it cannot be read.
pub fn digest(path: &Path) -> Result<Sha256, Problem> {
    let (mut file, _) = input::open(path)?;
    let mut digest = Sha256Stream::default();
    let mut block = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut block).map_err(|error| Problem::io("read", path, &error))?;
        match block.get(..read) {
            Some([]) | None => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok(digest.finish())
}

/// What came of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It passed.
    Pass,
    /// There was nothing to check.
    NotPresent,
    /// It was left out on demand.
    Unverified,
    /// Nothing was wrong up to the check that failed.
    NoFault,
    /// It failed.
    Failed,
    /// A check before it failed, so it was not come to.
    NotReached,
}

impl Finding {
    /// What a receipt or a verified artifact says of a check.
    pub fn said(value: &str) -> Option<Self> {
        match value {
            "pass" => Some(Self::Pass),
            "not-present" => Some(Self::NotPresent),
            "unverified" => Some(Self::Unverified),
            _ => None,
        }
    }
}

/// What came of every check when the one with this code failed; nothing if the code is not one of
/// a check on a file, such as `io.failed`.
pub fn findings(failed: Code) -> Vec<(&'static str, Finding)> {
    let Some(culprit) = check_of(failed) else { return Vec::new() };
    let at = place(culprit);
    let finding = |key| match key {
        _ if key == culprit => Finding::Failed,
        // The container's own checksum stands in the middle of the checks on the container.
        "check.slm" | "check.slm_checksum" if matches!(failed.prefix(), "slm") => {
            Finding::NotReached
        }
        _ if place(key) < at => Finding::NoFault,
        _ => Finding::NotReached,
    };
    CHECKS.iter().map(|key| (*key, finding(*key))).collect()
}

/// The check that a code belongs to.
fn check_of(code: Code) -> Option<&'static str> {
    Some(match (code.prefix(), code.suffix()) {
        ("manifest", _) => "check.manifest",
        ("boundary" | "route", _) => "check.boundary",
        ("chunking", _) => "check.chunks",
        ("signature", _) => "check.signature",
        ("artifact", "byte-count") => "check.byte_count",
        ("artifact", "sha256") => "check.sha256",
        ("chunk-list", _) => "check.chunk_list",
        ("merkle", _) => "check.merkle",
        ("slm", "checksum-zero" | "checksum-mismatch") => "check.slm_checksum",
        ("slm", _) => "check.slm",
        ("agreement", _) => "check.agreement",
        ("evidence", _) => "check.evidence",
        _ => return None,
    })
}

/// When a check is made, which is not its place in a receipt (docs/formats.md 11).
fn place(key: &str) -> u8 {
    match key {
        "check.manifest" => 0,
        "check.boundary" => 1,
        "check.chunks" => 2,
        "check.signature" => 3,
        "check.byte_count" => 4,
        "check.sha256" => 5,
        "check.chunk_list" => 6,
        "check.merkle" => 7,
        "check.slm" | "check.slm_checksum" => 8,
        "check.agreement" => 9,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use verifier::Code;

    use super::{Finding, Meter, Metered, findings};

    #[test]
    fn a_meter_counts_what_is_read_and_stops_it() {
        let meter = Meter::default();
        let mut file = Metered::new(&[7_u8; 10][..], 10, &meter);
        let mut into = [0; 6];
        assert_eq!(file.read(&mut into).unwrap(), 6);
        assert_eq!((meter.read(), meter.length()), (6, 10));
        meter.stop();
        assert!(file.read(&mut into).is_err());
        assert_eq!(meter.read(), 6);
    }

    /// The findings as a picture: `.` no fault, `!` failed, `-` not reached.
    fn picture(prefix: &'static str, suffix: &'static str) -> String {
        let mark = |(_, finding)| match finding {
            Finding::NoFault => '.',
            Finding::Failed => '!',
            Finding::NotReached => '-',
            other => panic!("{other:?}"),
        };
        findings(Code::new(prefix, suffix)).into_iter().map(mark).collect()
    }

    #[test]
    fn what_comes_after_a_failed_check_was_not_reached() {
        for (prefix, suffix, expected) in [
            ("manifest", "missing-key", "!-----------"),
            ("route", "scheme", ".!----------"),
            ("chunking", "chunk-count", "..---!------"),
            ("signature", "invalid", "..!--.------"),
            ("artifact", "byte-count", "...!-.------"),
            ("artifact", "sha256", "....!.------"),
            ("merkle", "root", ".......!----"),
            ("slm", "bad-magic", "........!---"),
            ("slm", "checksum-mismatch", "........-!--"),
            ("agreement", "mismatch", "..........!-"),
            ("evidence", "sha256", "...........!"),
            ("io", "failed", ""),
        ] {
            assert_eq!(picture(prefix, suffix), expected, "{prefix}.{suffix}");
        }
    }
}
