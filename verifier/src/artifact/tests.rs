use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::{ArtifactError, Extras, VerifiedArtifact, verify};
use crate::digest::Sha256;
use crate::manifest::{Draft, Manifest};
use crate::slm::{ChecksumRule, Quantisation, Shape, write_sample};

fn sample() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, Quantisation::Q8_0, 1, &mut file).unwrap();
    file.into_inner()
}

fn manifest(bytes: &[u8]) -> Arc<Manifest> {
    let mut draft = Draft::new();
    for (key, value) in [
        ("manifest.created_utc", "2026-01-31T23:59:59Z"),
        ("model.id", "tiny"),
        ("model.version", "1.0"),
        ("publisher.id", "someone"),
        ("publisher.key_id", "none"),
        ("model_card.route", "/models/tiny.md"),
        ("license.route", "/licence"),
        ("artifact.acquisition", "user-local-file"),
    ] {
        draft.set(key, value).unwrap();
    }
    draft.set("artifact.byte_count", bytes.len()).unwrap();
    draft.set("artifact.sha256", Sha256::of(bytes)).unwrap();
    Arc::new(draft.write().unwrap())
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
