//! Artifacts to keep, and ways to damage a data folder.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a fixture that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{OutputWay, PieceStore as _, Reservation, WantedOutput};
use bytes::Bytes;
use store::Store;
use verifier::piece::{ArrivedPiece, PieceList, PieceStream, Source, VerifiedPiece};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Sha256};

/// The smallest piece size that documents may name, in bytes.
const PIECE_SIZE: u32 = 16_384;

/// An artifact and its pieces. Two of one seed share their pieces, as far as both go.
pub(crate) struct Sample {
    pub(crate) artifact: Sha256,
    bytes: Bytes,
    list: Arc<PieceList>,
}

impl Sample {
    pub(crate) fn new(length: usize, seed: u8) -> Self {
        let mut bytes = vec![0; length];
        let mut stream = blake3::Hasher::new_keyed(&[seed; 32]).finalize_xof();
        stream.fill(&mut bytes);
        Self::of(bytes)
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let geometry = Geometry::new(bytes.len() as u64, PIECE_SIZE).unwrap();
        let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
        stream.update(&bytes);
        let (digests, root) = stream.finish().unwrap();
        let list = Arc::new(PieceList::prove(geometry, root, digests).unwrap());
        Self { artifact: Sha256::of(&bytes), bytes: bytes.into(), list }
    }

    pub(crate) fn list(&self) -> Arc<PieceList> {
        Arc::clone(&self.list)
    }

    pub(crate) fn reservation(&self) -> Reservation {
        self.reservation_as(self.artifact)
    }

    /// The same of a manifest that names another digest.
    pub(crate) fn reservation_as(&self, artifact: Sha256) -> Reservation {
        let manifest = Bytes::from(format!("manifest of {artifact}"));
        Reservation {
            manifest_sha256: Sha256::of(&manifest),
            manifest,
            artifact,
            model_id: Id::parse("tiny").unwrap(),
            model_version: Version::parse("1.0").unwrap(),
            geometry: *self.list.geometry(),
            root: self.list.root(),
            output: None,
        }
    }

    pub(crate) fn piece(&self, index: u32, from: Source) -> VerifiedPiece {
        let geometry = self.list.geometry();
        let place = geometry.index(index).unwrap();
        let start = usize::try_from(geometry.offset(place)).unwrap();
        let bytes = self.bytes.slice(start..start + geometry.length(place) as usize);
        self.list.verify(ArrivedPiece { index, bytes, from }).unwrap()
    }

    pub(crate) fn pieces(&self) -> Vec<VerifiedPiece> {
        (0..self.list.geometry().piece_count()).map(|i| self.piece(i, Source::Local)).collect()
    }
}

/// An output that is written beside the pieces.
pub(crate) fn beside(folder: &Path, bytes: u64) -> Option<WantedOutput> {
    Some(WantedOutput { folder: folder.to_owned(), bytes, way: OutputWay::Beside })
}

pub(crate) fn now() -> UtcTime {
    UtcTime::from_unix(1_800_000_000)
}

/// Takes a whole artifact in, what others have of it without being given it.
pub(crate) async fn keep(store: &Store, sample: &Sample) {
    store.reserve(sample.reservation(), now()).await.unwrap();
    let have = store.learn(sample.artifact, sample.list()).await.unwrap();
    for index in have.complement().pieces(sample.list().geometry()) {
        store.keep(sample.artifact, sample.piece(index.get(), Source::Local)).await.unwrap();
    }
    store.release(sample.artifact);
}

/// Takes in an artifact of four pieces, of which only the first is kept yet.
pub(crate) async fn begun(store: &Store) -> Sample {
    let sample = Sample::new(16_384 * 4, 1);
    store.reserve(sample.reservation(), now()).await.unwrap();
    store.learn(sample.artifact, sample.list()).await.unwrap();
    store.keep(sample.artifact, sample.piece(0, Source::Local)).await.unwrap();
    sample
}

/// Copies a data folder as a crash would leave it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The files in which pieces are kept.
pub(crate) fn slots(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("store/artifacts")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_slot =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "part" || ending == "slm");
    files.filter(is_slot).collect()
}

/// Changes one byte of a piece where it is kept.
pub(crate) fn rot(folder: &Path, piece: &[u8]) {
    for slot in slots(folder) {
        let mut bytes = fs::read(&slot).unwrap();
        if let Some(at) = bytes.windows(64).position(|window| window == piece.get(..64).unwrap()) {
            *bytes.get_mut(at + 100).unwrap() ^= 1;
            fs::write(&slot, bytes).unwrap();
            return;
        }
    }
    panic!("the piece is not kept");
}
