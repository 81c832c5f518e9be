//! Documents of lines that are no peer's message: manifests, chunk lists, receipts.

use verifier::Geometry;
use verifier::chunk_list::ChunkList;
use verifier::manifest::{Draft, Manifest, Mode, Options, SchemaRule, UnknownKeys};
use verifier::piece::PieceList;
use verifier::receipt::Receipt;

use crate::{choice, flipped, mend, shown, split};

/// A manifest, by every set of options; then one that is drafted of its lines.
pub fn manifest(data: &[u8]) {
    for unknown_keys in [UnknownKeys::Reject, UnknownKeys::Warn] {
        for schema in [SchemaRule::Any, SchemaRule::Strict] {
            for mode in [Mode::Normal, Mode::Example] {
                judge(data, Options { unknown_keys, schema, mode });
            }
        }
    }
    let mut draft = Draft::new();
    for (key, value) in mend::lines(data) {
        if let Err(error) = draft.set(&key, &value) {
            shown(&error);
        }
    }
    let drafts = [draft.clone().write(), draft.write_signed(&mend::key(choice(data)))];
    for manifest in drafts.into_iter().flatten() {
        judge(manifest.bytes(), Options::default());
        drop(Manifest::parse(&flipped(manifest.bytes()), Options::default()));
    }
}

fn judge(data: &[u8], options: Options) {
    match Manifest::parse(data, options) {
        Ok(manifest) => {
            assert_eq!(manifest.bytes(), data);
            let other = Options { unknown_keys: UnknownKeys::Warn, ..options };
            let wider = Manifest::parse(data, other).expect("a warning refuses nothing");
            assert_eq!(wider.canonical_sha256(), manifest.canonical_sha256());
        }
        Err(error) => shown(&error),
    }
}

/// A chunk list.
pub fn chunk_list(data: &[u8]) {
    for data in [data.to_vec(), mend::chunk_list(data)] {
        match ChunkList::parse(&data) {
            Ok(list) => {
                assert_eq!(list.write(), data, "there is one spelling of a list");
                let (size, count) = (list.chunk_size(), list.chunk_count() as u64);
                if let Ok(geometry) = Geometry::new(u64::from(size) * count, size) {
                    let proven = PieceList::prove(geometry, *list.root(), list.digests().to_vec());
                    assert!(proven.is_ok(), "{proven:?}");
                }
            }
            Err(error) => shown(&error),
        }
    }
}

/// A receipt, a manifest and a file; then the receipt with digest and signature set right.
pub fn receipt(data: &[u8]) {
    let [receipt, manifest, file] = split(data);
    for receipt in [receipt.to_vec(), mend::receipt(receipt)] {
        match Receipt::parse(&receipt) {
            Ok(read) => {
                assert_eq!(read.bytes(), receipt);
                assert!(Receipt::parse(&flipped(&receipt)).is_err(), "a changed bit is accepted");
            }
            Err(error) => shown(&error),
        }
        let length = file.len() as u64;
        if let Err(error) = Receipt::verify(&receipt, manifest, Options::default(), file, length) {
            shown(&error);
        }
    }
}
