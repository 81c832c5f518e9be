use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::{ArtifactError, Extras, Verification, VerifiedArtifact, verify};
use crate::code::Coded as _;
use crate::digest::{ChunkAlgorithm, Sha256};
use crate::geometry::Geometry;
use crate::manifest::{Draft, Manifest};
use crate::piece::{PieceList, PieceStream};
use crate::slm::{ChecksumRule, Quantisation, Shape, write_sample};

fn sample() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, Quantisation::Q8_0, 1, &mut file).unwrap();
    file.into_inner()
}

fn manifest(bytes: &[u8]) -> Arc<Manifest> {
    Arc::new(draft(bytes).write().unwrap())
}

fn draft(bytes: &[u8]) -> Draft {
    let mut draft = Draft::sample(Sha256::of(bytes));
    draft.set("artifact.byte_count", bytes.len()).unwrap();
    draft
}

fn list(bytes: &[u8], size: u32) -> Arc<PieceList> {
    let geometry = Geometry::new(bytes.len() as u64, size).unwrap();
    let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
    stream.update(bytes);
    let (digests, root) = stream.finish().unwrap();
    Arc::new(PieceList::prove(geometry, root, digests).unwrap())
}

fn judge(
    manifest: &Arc<Manifest>,
    file: impl Read,
    length: usize,
) -> Result<VerifiedArtifact, ArtifactError> {
    verify(manifest, file, length as u64, &Extras::default(), ChecksumRule::Verify)
}

/// Gives its bytes in small parts and counts how often each was given.
struct Once<'a> {
    bytes: &'a [u8],
    given: usize,
}

impl Read for Once<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(1_000).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        self.given += count;
        Ok(count)
    }
}

#[test]
fn each_byte_is_read_once() {
    let bytes = sample();
    let mut file = Once { bytes: &bytes, given: 0 };
    assert!(judge(&manifest(&bytes), &mut file, bytes.len()).is_ok());
    assert_eq!(file.given, bytes.len());
}

#[test]
fn a_file_that_ends_early_or_goes_on_is_another_length() {
    let bytes = sample();
    let manifest = manifest(&bytes);
    let mut longer = bytes.clone();
    longer.push(0);
    let found = |file: &[u8], length| match judge(&manifest, file, length) {
        Err(ArtifactError::ByteCount { found, expected }) => {
            assert_eq!(expected, bytes.len() as u64);
            found
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(found(&longer, bytes.len()), longer.len() as u64);
    assert_eq!(found(&longer, longer.len()), longer.len() as u64);
    assert_eq!(found(&bytes[..100], bytes.len()), 100);
}

#[test]
fn pieces_are_taken_as_verified_by_the_list_of_the_manifest_only() {
    let mut file = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file).unwrap();
    let bytes = file.into_inner();
    let proven = list(&bytes, 16_384);
    let mut draft = draft(&bytes);
    draft.set_chunking(proven.geometry(), &proven.root());
    let chunked = Arc::new(draft.write().unwrap());
    let of = |manifest: &Arc<Manifest>, list| {
        Verification::of_pieces(Arc::clone(manifest), list, ChecksumRule::Verify)
    };
    let mut verification = of(&chunked, Arc::clone(&proven)).unwrap();
    verification.update(bytes.clone().into());
    let verified = verification.finish(&Extras::default()).unwrap();
    assert_eq!(verified.list(), Some(&proven));

    let mut other = bytes.clone();
    other[20_000] ^= 1;
    for (manifest, list, code) in [
        (&chunked, list(&other, 16_384), "chunk-list.mismatch"),
        (&chunked, list(&bytes, 32_768), "chunk-list.mismatch"),
        (&manifest(&bytes), proven, "chunk-list.no-chunking"),
    ] {
        assert_eq!(of(manifest, list).unwrap_err().code().to_string(), code);
    }
}
