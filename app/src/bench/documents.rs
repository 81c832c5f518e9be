//! Digests and manifests that are made up for the benchmark.

use verifier::Sha256;
use verifier::digest::ChunkDigest;
use verifier::manifest::{Draft, Manifest};
use verifier::piece::PieceList;

/// So many digests that are all different.
pub(super) fn digests(chunks: u32) -> Vec<ChunkDigest> {
    let digest = |index: u32| *Sha256::of(&index.to_le_bytes()).as_bytes();
    (0..chunks).map(|index| ChunkDigest::from_bytes(digest(index))).collect()
}

/// A manifest for the artifact.
pub(super) fn manifest(artifact: &[u8], list: &PieceList) -> Option<Manifest> {
    let mut draft = draft(&Sha256::of(artifact))?;
    draft.set_chunking(list.geometry(), &list.root());
    draft.write().ok()
}

/// A manifest with as much evidence as fits within its limit of 64 KiB.
pub(super) fn long_manifest() -> Option<Manifest> {
    let digest = Sha256::of(b"evidence");
    let mut draft = draft(&digest)?;
    draft.set("artifact.byte_count", "1").ok()?;
    let route = format!("/{}", "evidence/".repeat(208));
    for entry in 0..LONG_EVIDENCE {
        draft.set(&format!("evidence.{entry}.kind"), "report").ok()?;
        draft.set(&format!("evidence.{entry}.route"), format!("{route}{entry}")).ok()?;
        draft.set(&format!("evidence.{entry}.sha256"), digest.to_string()).ok()?;
    }
    draft.set("evidence.count", LONG_EVIDENCE.to_string()).ok()?;
    draft.write().ok()
}

/// How many entries of evidence a manifest of nearly 64 KiB has.
const LONG_EVIDENCE: u32 = 31;

fn draft(artifact: &Sha256) -> Option<Draft> {
    let mut draft = Draft::sample(*artifact);
    draft.set("model.id", "benchmark").ok()?;
    Some(draft)
}
