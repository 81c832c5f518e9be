//! Checks manifests, artifacts and receipts; writes receipts of local files.

use std::path::Path;
use std::sync::Arc;

use app::input;
use app::problem::Problem;
use app::verify::{self, Meter};
use verifier::artifact::{Extras, VerifiedArtifact};
use verifier::manifest::{Manifest, Options};
use verifier::receipt::VerifiedReceipt;

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
    let manifest = verify::manifest(&args.manifest, args.options.options())?;
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
    session: &mut Session<'_, W>,
    args: &NewReceiptArgs,
) -> Result<Outcome, Fault> {
    let verified = check(&args.manifest, &args.slm, &args.options)?;
    let signer = session.signer(args.signing)?;
    let receipt = verify::new_receipt(&verified, &args.slm, session.now(), signer.as_ref())?;
    session.write(&args.receipt, receipt.bytes())?;
    session.terminal.say(&format!("The receipt is {}.", args.receipt.display()));
    let author = session.say_author(receipt.signer().copied());
    Ok(with_artifact(Outcome::new(), &verified)
        .with_text("receipt.path", args.receipt.display())
        .with_text("receipt.sha256", receipt.sha256())
        .with("signed_by", author.as_str()))
}

/// `verify-receipt`.
///
/// # Errors
///
/// [`Fault`] with the first check that fails.
pub fn receipt<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &ReceiptCheckArgs,
) -> Result<Outcome, Fault> {
    let options = args.options.options();
    let verified = check_receipt(&args.receipt, &args.manifest, &args.slm, options)?;
    session.terminal.say("The receipt belongs to this manifest and this file.");
    let author = session.say_author(verified.signer().copied());
    let signer = verified.signer().map_or_else(|| "none".to_owned(), ToString::to_string);
    Ok(with_artifact(Outcome::new(), verified.artifact())
        .with("signer", signer)
        .with("signed_by", author.as_str())
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
    let meter = Meter::default();
    Ok(verify::receipt(&receipt_bytes, &manifest_bytes, options, slm, &meter)?)
}

fn check(
    manifest: &Path,
    slm: &Path,
    options: &ArtifactOptions,
) -> Result<VerifiedArtifact, Fault> {
    let manifest = Arc::new(verify::manifest(manifest, options.manifest.options())?);
    let digest = |file: &EvidenceFile| Ok::<_, Problem>((file.index, verify::digest(&file.path)?));
    let extras = Extras {
        chunk_list: match &options.chunk_list {
            Some(path) => Some(input::read(path, input::CHUNK_LIST)?.into()),
            None => None,
        },
        evidence: options.evidence.iter().map(digest).collect::<Result<_, _>>()?,
    };
    let rule = options.slm_checksum.rule();
    Ok(verify::artifact(&manifest, slm, &extras, rule, &Meter::default())?)
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
