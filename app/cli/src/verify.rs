//! Checks manifests, artifacts and receipts; writes receipts of local files.

use std::path::Path;
use std::sync::Arc;

use app::input;
use verifier::artifact::{Extras, VerifiedArtifact};
use verifier::digest::Sha256Stream;
use verifier::manifest::{Manifest, Options};
use verifier::receipt::{Facts, Receipt, VerifiedReceipt};
use verifier::slm::ChecksumRule;

use crate::args::{
    ArtifactArgs, ArtifactOptions, EvidenceFile, ManifestArgs, NewReceiptArgs, ReceiptCheckArgs,
};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `verify-manifest`.
///
/// # Errors
///
/// [`Fault`] with the first rule that the manifest breaks.
pub fn manifest(args: &ManifestArgs) -> Result<Outcome, Fault> {
    let manifest = read_manifest(&args.manifest, args.options.options())?;
    Ok(with_manifest(Outcome::new(), &manifest).warn(manifest.warnings()))
}

/// `verify-artifact`.
///
/// # Errors
///
/// [`Fault`] with the first check that fails.
pub fn artifact(args: &ArtifactArgs) -> Result<Outcome, Fault> {
    let verified = check(&args.manifest, &args.slm, &args.options)?;
    Ok(with_artifact(Outcome::new(), &verified))
}

/// `write-import-receipt`.
///
/// # Errors
///
/// [`Fault`] with the first check that fails; no file is left behind.
pub fn new_receipt<W: Wiring>(
    session: &Session<'_, W>,
    args: &NewReceiptArgs,
) -> Result<Outcome, Fault> {
    let verified = check(&args.manifest, &args.slm, &args.options)?;
    let signer = match args.signing.is_wanted(&session.settings()?) {
        true => Some(session.identity()?),
        false => None,
    };
    let file_name = args.slm.to_string_lossy();
    let facts = Facts {
        created_utc: session.now(),
        verifier_version: program_version()?,
        file_name: &file_name,
        transfer: None,
        signer: signer.as_ref(),
    };
    let receipt = Receipt::write(&verified, &facts).map_err(|error| Fault::coded(&error))?;
    session.write(&args.receipt, receipt.bytes())?;
    Ok(with_artifact(Outcome::new(), &verified)
        .with_text("receipt.path", args.receipt.display())
        .with_text("receipt.sha256", receipt.sha256()))
}

/// `verify-receipt`.
///
/// # Errors
///
/// [`Fault`] with the first check that fails.
pub fn receipt(args: &ReceiptCheckArgs) -> Result<Outcome, Fault> {
    let options = args.options.options();
    let verified = check_receipt(&args.receipt, &args.manifest, &args.slm, options)?;
    let signer = verified.signer().map_or_else(|| "none".to_owned(), ToString::to_string);
    Ok(with_artifact(Outcome::new(), verified.artifact())
        .with("signer", signer)
        .with_text("receipt.sha256", verified.receipt().sha256()))
}

/// Checks a receipt against manifest and file, both read from disk.
///
/// # Errors
///
/// [`Fault`] with the first check that fails.
pub fn check_receipt(
    receipt: &Path,
    manifest: &Path,
    slm: &Path,
    options: Options,
) -> Result<VerifiedReceipt, Fault> {
    let receipt_bytes = input::read(receipt, input::RECEIPT)?;
    let manifest_bytes = input::read(manifest, input::MANIFEST)?;
    let (file, length) = input::open(slm)?;
    Receipt::verify(&receipt_bytes, &manifest_bytes, options, file, length)
        .map_err(|error| Fault::coded(&error))
}

/// Reads a manifest and checks it.
///
/// # Errors
///
/// [`Fault`] with the first rule that it breaks.
pub fn read_manifest(path: &Path, options: Options) -> Result<Manifest, Fault> {
    let bytes = input::read(path, input::MANIFEST)?;
    Manifest::parse(&bytes, options).map_err(|error| Fault::coded_in(path, &error))
}

fn check(
    manifest: &Path,
    slm: &Path,
    options: &ArtifactOptions,
) -> Result<VerifiedArtifact, Fault> {
    let manifest = Arc::new(read_manifest(manifest, options.manifest.options())?);
    let extras = Extras {
        chunk_list: match &options.chunk_list {
            Some(path) => Some(input::read(path, input::CHUNK_LIST)?.into()),
            None => None,
        },
        evidence: options.evidence.iter().map(digest).collect::<Result<_, _>>()?,
    };
    check_file(&manifest, slm, &extras, options.slm_checksum.rule())
}

fn check_file(
    manifest: &Arc<Manifest>,
    slm: &Path,
    extras: &Extras,
    rule: ChecksumRule,
) -> Result<VerifiedArtifact, Fault> {
    let (file, length) = input::open(slm)?;
    verifier::artifact::verify(manifest, file, length, extras, rule)
        .map_err(|error| Fault::coded_in(slm, &error))
}

fn digest(evidence: &EvidenceFile) -> Result<(u64, verifier::Sha256), Fault> {
    use std::io::Read as _;

    let (mut file, _) = input::open(&evidence.path)?;
    let mut digest = Sha256Stream::default();
    let mut block = vec![0; 1 << 16];
    loop {
        let read =
            file.read(&mut block).map_err(|error| Fault::io("read", &evidence.path, &error))?;
        match block.get(..read) {
            Some([]) | None => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok((evidence.index, digest.finish()))
}

/// The version of this program, as receipts have it.
///
/// # Errors
///
/// Never in a program that was built with a sound version.
pub fn program_version() -> Result<verifier::scalars::Version, Fault> {
    verifier::scalars::Version::parse(env!("CARGO_PKG_VERSION"))
        .map_err(|error| Fault::machine("this program has no sound version", &error))
}

/// Adds what follows from a manifest.
pub fn with_manifest(outcome: Outcome, manifest: &Manifest) -> Outcome {
    let outcome = outcome
        .with_text("manifest.sha256", manifest.sha256())
        .with_text("manifest.canonical_sha256", manifest.canonical_sha256())
        .with_text("signature.status", manifest.signature_status().as_str())
        .with_text("model.id", manifest.model_id())
        .with_text("model.version", manifest.model_version())
        .with_text("artifact.byte_count", manifest.byte_count())
        .with_text("artifact.sha256", manifest.artifact_sha256());
    match manifest.chunking() {
        None => outcome.with("chunking.algorithm", "none"),
        Some(chunking) => outcome
            .with_text("chunking.algorithm", chunking.algorithm())
            .with_text("chunking.chunk_size", chunking.geometry.piece_size())
            .with_text("chunking.chunk_count", chunking.geometry.piece_count())
            .with_text("chunking.merkle_root", chunking.root),
    }
}

/// Adds what follows from a verified artifact and its manifest.
pub fn with_artifact(outcome: Outcome, verified: &VerifiedArtifact) -> Outcome {
    let mut outcome = with_manifest(outcome, verified.manifest()).warn(verified.warnings());
    for (key, value) in verified.measured() {
        outcome = outcome.with_text(key, value);
    }
    for (key, value) in verified.checks() {
        outcome = outcome.with_text(key, value);
    }
    outcome
}
