//! Every check on a whole file, over bytes that are read once (docs/formats.md 11).
//!
//! The digest of the file with the digests of its chunks, and the checks inside the container, run
//! side by side on threads of their own. The internal checksum is a chain from byte to byte that takes
//! longer than all the others: it goes along with the digest, whose instructions wait for each other
//! just as long; where the processor has none of those it has a thread of its own. [`verify`] says how
//! much memory that takes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use verifier::artifact::{self, Extras};
//! use verifier::code::Coded as _;
//! use verifier::manifest::Draft;
//! use verifier::slm::ChecksumRule;
//! use verifier::Sha256;
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q8_0, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let mut draft = Draft::new();
//! draft
//!     .set("artifact.byte_count", bytes.len())?
//!     .set("artifact.sha256", Sha256::of(&bytes))?
//!     .set("slm.hidden_size", 8)?;
//! # draft
//! #     .set("manifest.created_utc", "2026-01-31T12:00:00Z")?
//! #     .set("model.id", "tiny")?
//! #     .set("model.version", "1.0")?
//! #     .set("publisher.id", "someone")?
//! #     .set("publisher.key_id", "none")?
//! #     .set("model_card.route", "/models/tiny.md")?
//! #     .set("license.route", "/licence")?
//! #     .set("artifact.acquisition", "user-local-file")?;
//! let manifest = Arc::new(draft.clone().write()?);
//! let (length, extras) = (bytes.len() as u64, Extras::default());
//! let verified = artifact::verify(&manifest, &bytes[..], length, &extras, ChecksumRule::Verify)?;
//! assert_eq!(verified.checks()[5], ("check.chunks", "not-present"));
//!
//! // What the manifest says of the container must be so.
//! let wrong = Arc::new(draft.set("slm.hidden_size", 16)?.clone().write()?);
//! let error = artifact::verify(&wrong, &bytes[..], length, &extras, ChecksumRule::Verify);
//! let error = error.unwrap_err();
//! assert_eq!(error.code().to_string(), "agreement.mismatch");
//! assert_eq!(
//!     error.to_string(),
//!     "manifest's slm.hidden_size is `16`, expected `8`, as the file has it"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod passes;

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

pub use error::ArtifactError;
pub use passes::{Measured, Passes};

use crate::chunk_list::ChunkList;
use crate::digest::{Root, Sha256};
use crate::manifest::{Manifest, SignatureStatus};
use crate::piece::PieceList;
use crate::slm::{ChecksumRule, Slm, SlmError};

/// How many bytes [`verify`] reads at once.
const BLOCK: usize = 1 << 20;

/// What a caller has beside the manifest and the artifact.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The bytes of a chunk list file.
    pub chunk_list: Option<Bytes>,
    /// Sidecars of evidence: the index in the manifest, and the SHA-256 of the file given.
    pub evidence: Vec<(u64, Sha256)>,
}

/// A file that is what its manifest names: every check of docs/formats.md 11 has passed.
#[derive(Debug, Clone)]
pub struct VerifiedArtifact {
    manifest: Arc<Manifest>,
    slm: Slm,
    measured: Vec<(&'static str, String)>,
    list: Option<Arc<PieceList>>,
    checks: [(&'static str, &'static str); 12],
}

impl VerifiedArtifact {
    /// The manifest that the file agrees with.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the container holds.
    pub const fn slm(&self) -> &Slm {
        &self.slm
    }

    /// The measured `slm.*` keys and values, in the order of receipts (docs/formats.md 12).
    pub fn measured(&self) -> &[(&'static str, String)] {
        &self.measured
    }

    /// The pieces' digests, if the manifest has chunking.
    pub const fn list(&self) -> Option<&Arc<PieceList>> {
        self.list.as_ref()
    }

    /// The `check.*` keys of a receipt and what they say, in its order: `pass`, `not-present`, or
    /// `unverified` for check.slm_checksum.
    pub fn checks(&self) -> &[(&'static str, &'static str)] {
        &self.checks
    }

    /// The warnings of manifest and container, sorted by name (docs/formats.md 15).
    pub fn warnings(&self) -> Vec<&'static str> {
        let of_manifest = self.manifest.warnings().iter().copied();
        let mut names: Vec<_> = of_manifest.chain(self.slm.warnings()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Checks a file against its manifest.
///
/// `length` is the file's own length in bytes, as its handle tells it. Each byte is read once, in
/// order, from the one handle that `file` is, and nothing is sought; that nothing follows the last
/// byte is found by one more read of one byte.
///
/// # Memory
///
/// Beside what the caller holds (manifest, [`Extras`]), at most the sum of
///
/// - 4 MiB of the file's bytes: it is read in blocks of 1 MiB, and the slowest pass may be ten
///   slices of 256 KiB behind, which lie in four blocks;
/// - the list of chunk digests: 32 bytes a chunk, up to 96 while it grows;
/// - 10 MiB for the token ids of a BPE1 section: 40 bytes an id that stands alone among 64, of which
///   there may be 262,144 (docs/formats.md 5.3, K7), and less than a byte a token if ids are dense;
/// - after that, 5.25 MiB for the directory: 168 bytes an entry while it grows, 116 then, of which
///   there may be 32,768 (H24);
/// - less than 64 KiB for hash states, partial records and errors, and the stacks of four threads.
///
/// That is less than 16 MiB beside the list, whatever the file claims to be. A chunk list in
/// `extras` takes up to 128 MiB more while it is compared.
///
/// # Errors
///
/// [`ArtifactError`]: the first failing check in the order of docs/formats.md 11, or
/// [`ArtifactError::Read`] (`io.failed`) as soon as reading fails.
///
/// # Panics
///
/// If the system has no thread to give for a file above 1 MiB.
pub fn verify(
    manifest: &Arc<Manifest>,
    mut file: impl Read,
    length: u64,
    extras: &Extras,
    rule: ChecksumRule,
) -> Result<VerifiedArtifact, ArtifactError> {
    let mut verification = Verification::new(Arc::clone(manifest), length, rule)?;
    let mut left = length;
    while left > 0 {
        let wanted = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        let block = read_block(&mut file, wanted).map_err(ArtifactError::Read)?;
        if block.is_empty() {
            break;
        }
        left -= block.len() as u64;
        verification.update(block);
    }
    if left == 0 && !read_block(&mut file, 1).map_err(ArtifactError::Read)?.is_empty() {
        let expected = manifest.byte_count();
        return Err(ArtifactError::ByteCount { found: length.saturating_add(1), expected });
    }
    verification.finish(extras)
}

/// Reads up to `wanted` bytes, fewer only at the end of the file.
fn read_block(file: &mut impl Read, wanted: usize) -> io::Result<Bytes> {
    let mut block = BytesMut::zeroed(wanted);
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block.truncate(filled);
    Ok(block.freeze())
}

/// The checks on a file whose bytes come in one by one, in order.
#[derive(Debug)]
pub struct Verification {
    manifest: Arc<Manifest>,
    passes: Passes,
    /// By which each piece was verified, if each was.
    list: Option<Arc<PieceList>>,
    taken: u64,
}

impl Verification {
    /// Starts on a file of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::ByteCount`] (`artifact.byte-count`) if the manifest says another length:
    /// nothing is read then.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give for a file above 1 MiB.
    pub fn new(
        manifest: Arc<Manifest>,
        length: u64,
        rule: ChecksumRule,
    ) -> Result<Self, ArtifactError> {
        let expected = manifest.byte_count();
        if length != expected {
            return Err(ArtifactError::ByteCount { found: length, expected });
        }
        let chunking =
            manifest.chunking().map(|chunking| (chunking.root.algorithm(), chunking.geometry));
        Ok(Self { passes: Passes::new(length, chunking, rule), manifest, list: None, taken: 0 })
    }

    /// Starts on a file that is put together from pieces, each of which was verified by this list
    /// before it was kept. The pieces' digests are not computed again.
    ///
    /// Nothing is lost by that. If the file has the SHA-256 that the manifest names it is that one
    /// file, and if its root were another one, two files would have that digest. If it has not,
    /// [`PieceList::wrong`] says whose fault it is: where no piece is wrong, the manifest names a
    /// digest and a root that do not belong together; else a disk has not given back what was
    /// written.
    ///
    /// # Errors
    ///
    /// [`ArtifactError`] if the list is of another root or another cut than the manifest's
    /// chunking: `chunk-list.no-chunking`, `chunk-list.mismatch`.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    pub fn of_pieces(
        manifest: Arc<Manifest>,
        list: Arc<PieceList>,
        rule: ChecksumRule,
    ) -> Result<Self, ArtifactError> {
        check_chunking(
            &manifest,
            &list.root(),
            list.geometry().piece_size(),
            list.digests().len(),
        )?;
        let passes = Passes::new(manifest.byte_count(), None, rule);
        Ok(Self { passes, manifest, list: Some(list), taken: 0 })
    }

    /// Takes in the file's next bytes; waits while the slowest check is ten slices of 256 KiB
    /// behind. Bytes behind the announced length are counted, and found by [`Self::finish`].
    pub fn update(&mut self, bytes: Bytes) {
        self.taken += bytes.len() as u64;
        self.passes.update(bytes);
    }

    /// A fault of the container that is known already, so that nobody need wait for the rest.
    pub fn fault(&self) -> Option<SlmError> {
        self.passes.fault()
    }

    /// Judges the file.
    ///
    /// # Errors
    ///
    /// [`ArtifactError`]: the first failing check in the order of docs/formats.md 11.
    pub fn finish(self, extras: &Extras) -> Result<VerifiedArtifact, ArtifactError> {
        let Self { manifest, passes, list, taken } = self;
        let expected = manifest.byte_count();
        if taken != expected {
            return Err(ArtifactError::ByteCount { found: taken, expected });
        }
        let rule = passes.rule();
        let measured = passes.finish();
        let expected = manifest.artifact_sha256();
        if measured.sha256 != expected {
            return Err(ArtifactError::Sha256 { found: measured.sha256, expected });
        }
        if let Some(list) = &extras.chunk_list {
            check_list(&manifest, list)?;
        }
        let list = match (manifest.chunking(), list, measured.chunks) {
            (None, ..) => None,
            (_, Some(proven), _) => Some(proven),
            (Some(_), None, None) => return Err(ArtifactError::NoChunking),
            (Some(chunking), None, Some((digests, found))) => {
                let expected = chunking.root;
                let list = PieceList::prove(chunking.geometry, expected, digests)
                    .map_err(|_| ArtifactError::MerkleRoot { found, expected })?;
                Some(Arc::new(list))
            }
        };
        let slm = measured.slm?;
        let facts = slm.measured();
        check_agreement(&manifest, &facts, rule)?;
        check_evidence(&manifest, &extras.evidence)?;
        let checks = checks(&manifest, extras, rule);
        Ok(VerifiedArtifact { manifest, slm, measured: facts, list, checks })
    }
}

fn check_list(manifest: &Manifest, bytes: &[u8]) -> Result<(), ArtifactError> {
    let chunking = manifest.chunking().ok_or(ArtifactError::NoChunking)?;
    if let Some(expected) = chunking.list_sha256 {
        let found = Sha256::of(bytes);
        if found != expected {
            return Err(ArtifactError::ListSha256 { found, expected });
        }
    }
    let list = ChunkList::parse(bytes)?;
    check_chunking(manifest, list.root(), list.chunk_size(), list.chunk_count())
}

/// Checks that a list has the root and the cut that the manifest names.
fn check_chunking(
    manifest: &Manifest,
    root: &Root,
    chunk_size: u32,
    chunk_count: usize,
) -> Result<(), ArtifactError> {
    let chunking = manifest.chunking().ok_or(ArtifactError::NoChunking)?;
    let (expected, geometry) = (chunking.root, chunking.geometry);
    let pairs = [
        (
            "algorithm",
            root.algorithm().as_str().to_owned(),
            expected.algorithm().as_str().to_owned(),
        ),
        ("chunk_size", chunk_size.to_string(), geometry.piece_size().to_string()),
        ("chunk_count", chunk_count.to_string(), geometry.piece_count().to_string()),
        ("merkle_root", root.to_string(), expected.to_string()),
    ];
    for (key, found, expected) in pairs {
        if found != expected {
            return Err(ArtifactError::ListMismatch { key, found, expected });
        }
    }
    Ok(())
}

fn check_agreement(
    manifest: &Manifest,
    facts: &[(&'static str, String)],
    rule: ChecksumRule,
) -> Result<(), ArtifactError> {
    for (key, claimed) in manifest.slm_claims() {
        if key == "slm.checksum_profile" && rule == ChecksumRule::Unverified {
            continue;
        }
        let measured = facts.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        if measured != Some(claimed) {
            return Err(ArtifactError::Agreement {
                key: key.to_owned(),
                claimed: claimed.to_owned(),
                measured: measured.unwrap_or("nothing of that name").to_owned(),
            });
        }
    }
    Ok(())
}

fn check_evidence(manifest: &Manifest, given: &[(u64, Sha256)]) -> Result<(), ArtifactError> {
    let listed = manifest.evidence();
    let mut given: Vec<_> = given.iter().collect();
    given.sort_by_key(|(index, _)| *index);
    for &&(index, found) in &given {
        let entry = usize::try_from(index).ok().and_then(|index| listed.get(index));
        let Some(entry) = entry else {
            return Err(ArtifactError::EvidenceIndex { index, count: listed.len() });
        };
        let expected = entry.sha256;
        if found != expected {
            return Err(ArtifactError::EvidenceSha256 { index, found, expected });
        }
    }
    Ok(())
}

fn checks(
    manifest: &Manifest,
    extras: &Extras,
    rule: ChecksumRule,
) -> [(&'static str, &'static str); 12] {
    let when = |present| if present { "pass" } else { "not-present" };
    let chunked = when(manifest.chunking().is_some());
    [
        ("check.manifest", "pass"),
        ("check.boundary", "pass"),
        ("check.signature", when(manifest.signature_status() == SignatureStatus::Verified)),
        ("check.byte_count", "pass"),
        ("check.sha256", "pass"),
        ("check.chunks", chunked),
        ("check.chunk_list", when(extras.chunk_list.is_some())),
        ("check.merkle", chunked),
        ("check.slm", "pass"),
        (
            "check.slm_checksum",
            match rule {
                ChecksumRule::Verify => "pass",
                ChecksumRule::Unverified => "unverified",
            },
        ),
        ("check.agreement", "pass"),
        ("check.evidence", when(!extras.evidence.is_empty())),
    ]
}
