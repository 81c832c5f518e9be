//! Manifests and piece lists, as files: with the pieces, all that is needed to make the index anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use verifier::digest::{ChunkDigest, DIGEST_LEN};
use verifier::piece::PieceList;
use verifier::{Geometry, Root, Sha256};

use crate::codec;
use crate::device;
use crate::error::{At as _, StoreError};
use crate::files::{self, File};
use crate::index::{Facts, Known};
use crate::layout::Layout;
use crate::outputs;
use crate::places::Places;

/// The longest manifest file, in bytes.
const MANIFEST_LIMIT: usize = 16 << 20;

/// What the names of an artifact's files end with, behind its digest.
const MANIFEST: &str = "manifest";
const FORGOTTEN: &str = "forgotten";
const LIST: &str = "list";
/// BLAKE3 of each piece.
pub(crate) const ADDRESSES: &str = "blake3";
/// The pieces, of which some may be missing.
pub(crate) const PART: &str = "part";
/// The pieces, once all were verified together.
pub(crate) const WHOLE: &str = "slm";

const LIST_MAGIC: &[u8; 8] = b"MMPCS 0\n";

#[derive(Serialize, Deserialize)]
enum ManifestFile {
    V0 {
        facts: Facts,
        manifest: Vec<u8>,
    },
    /// Of an artifact whose file lies outside the library, and where.
    V1 {
        facts: Facts,
        manifest: Vec<u8>,
        outside: Vec<u8>,
    },
}

/// Writes an artifact's manifest, and the facts as they are now.
pub(crate) fn write_manifest(
    layout: &Layout,
    artifact: Sha256,
    known: &Known,
    manifest: &[u8],
) -> Result<(), StoreError> {
    let path = layout.manifest(artifact);
    let (facts, manifest) = (known.facts(), manifest.to_vec());
    let file = match &known.outside {
        None => ManifestFile::V0 { facts, manifest },
        Some(outside) => ManifestFile::V1 { facts, manifest, outside: outside.encode() },
    };
    let bytes = codec::encode(&file, MANIFEST_LIMIT)
        .map_err(|_| StoreError::io(&path, io::ErrorKind::FileTooLarge.into()))?;
    match files::replace(&path, &[&bytes]) {
        Err(error) if files::is_unwritable(&error) && change_byte(&path, &bytes)? => Ok(()),
        replaced => replaced.at(&path),
    }
}

/// Changes the one byte in which a file differs from these, which takes no room and cannot be done by
/// half: a pin is one. Whether there is but one.
fn change_byte(path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let Some(old) = files::read_fitting(path, bytes.len() as u64).at(path)? else {
        return Ok(false);
    };
    let mut differing = old.iter().zip(bytes).enumerate().filter(|(_, (old, new))| old != new);
    let Some((at, (_, byte))) = differing.next() else { return Ok(old == bytes) };
    if differing.next().is_some() || old.len() != bytes.len() {
        return Ok(false);
    }
    let file = File::change(path).at(path)?;
    file.write_at(&[*byte], at as u64).and_then(|()| file.sync_data()).at(path)?;
    Ok(true)
}

/// Reads an artifact's facts and manifest; `None` if the file is not there or not whole.
pub(crate) fn read_manifest(
    layout: &Layout,
    artifact: Sha256,
) -> Result<Option<(Known, Bytes)>, StoreError> {
    read_manifest_at(&layout.manifest(artifact))
}

fn read_manifest_at(path: &Path) -> Result<Option<(Known, Bytes)>, StoreError> {
    let Some(bytes) = files::read_fitting(path, MANIFEST_LIMIT as u64).at(path)? else {
        return Ok(None);
    };
    let (facts, manifest, outside) = match codec::decode(&bytes, MANIFEST_LIMIT) {
        Ok(ManifestFile::V0 { facts, manifest }) => (facts, manifest, None),
        Ok(ManifestFile::V1 { facts, manifest, outside }) => {
            let Some(outside) = Places::decode(&outside) else { return Ok(None) };
            (facts, manifest, Some(outside))
        }
        Err(_) => return Ok(None),
    };
    let known = Known::from_facts(&facts);
    let whole = known.filter(|known| Sha256::of(&manifest) == known.manifest_sha256);
    Ok(whole.map(|known| (Known { outside, ..known }, manifest.into())))
}

/// Writes an artifact's piece list.
pub(crate) fn write_list(
    layout: &Layout,
    artifact: Sha256,
    list: &PieceList,
) -> Result<(), StoreError> {
    let mut digests = Vec::with_capacity(list.digests().len() * DIGEST_LEN);
    for digest in list.digests() {
        digests.extend(digest.as_bytes());
    }
    let path = layout.of(artifact, LIST);
    files::replace(&path, &[LIST_MAGIC, &digests]).at(&path)
}

/// Reads an artifact's piece list; `None` if it is not there, cannot be read or does not lead to the
/// root: it can be learnt anew.
pub(crate) fn read_list(
    layout: &Layout,
    artifact: Sha256,
    geometry: Geometry,
    root: Root,
) -> Option<Arc<PieceList>> {
    let length = LIST_MAGIC.len() as u64 + u64::from(geometry.piece_count()) * DIGEST_LEN as u64;
    let path = layout.of(artifact, LIST);
    let read = files::read_fitting(&path, length).inspect_err(|error| {
        tracing::error!(%error, %artifact, "cannot read a piece list");
    });
    let bytes = read.ok()??;
    let (digests, []) = bytes.strip_prefix(LIST_MAGIC)?.as_chunks::<DIGEST_LEN>() else {
        return None;
    };
    let digests = digests.iter().map(|digest| ChunkDigest::from_bytes(*digest)).collect();
    PieceList::prove(geometry, root, digests).ok().map(Arc::new)
}

/// The artifacts that have a manifest here, whole or not.
pub(crate) fn artifacts(layout: &Layout) -> Result<BTreeSet<Sha256>, StoreError> {
    named(layout, &[MANIFEST])
}

/// The artifacts that have something here and no manifest.
pub(crate) fn nameless(layout: &Layout) -> Result<BTreeSet<Sha256>, StoreError> {
    let all = named(layout, &[FORGOTTEN, LIST, ADDRESSES, PART, WHOLE])?;
    Ok(all.difference(&artifacts(layout)?).copied().collect())
}

/// Whether an artifact's forgetting was begun and not finished.
pub(crate) fn is_forgotten(layout: &Layout, artifact: Sha256) -> bool {
    // One that came back meanwhile has a manifest.
    layout.of(artifact, FORGOTTEN).exists() && !layout.manifest(artifact).exists()
}

/// Whether the library itself has a file of an artifact's pieces.
pub(crate) fn is_here(layout: &Layout, artifact: Sha256) -> bool {
    [PART, WHOLE].iter().any(|ending| layout.of(artifact, ending).exists())
}

/// The artifacts that have a file of pieces in the library, and its length.
pub(crate) fn written(layout: &Layout) -> Result<BTreeMap<Sha256, u64>, StoreError> {
    let length = |artifact, ending| Some(layout.of(artifact, ending).metadata().ok()?.len());
    let lengths = named(layout, &[PART, WHOLE])?.into_iter().map(|artifact| {
        (artifact, length(artifact, PART).or_else(|| length(artifact, WHOLE)).unwrap_or(0))
    });
    Ok(lengths.collect())
}

fn named(layout: &Layout, endings: &[&str]) -> Result<BTreeSet<Sha256>, StoreError> {
    let folder = layout.artifacts();
    let mut artifacts = BTreeSet::new();
    for entry in folder.read_dir().at(&folder)? {
        let name = entry.at(&folder)?.file_name();
        let named = name.to_str().and_then(|name| name.split_once('.'));
        let digits = named.filter(|(_, ending)| endings.contains(ending)).map(|(digits, _)| digits);
        let digest = digits.and_then(|digits| blake3::Hash::from_hex(digits).ok());
        artifacts.extend(digest.map(|digest| Sha256::from_bytes(*digest.as_bytes())));
    }
    Ok(artifacts)
}

/// Says, so that a crash cannot unsay it, that an artifact is being forgotten. If that fails, it is
/// not.
pub(crate) fn begin_to_forget(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    let (manifest, forgotten) = (layout.manifest(artifact), layout.of(artifact, FORGOTTEN));
    match files::rename(&manifest, &forgotten) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::open_or_make(&forgotten).map(drop).at(&forgotten)?;
        }
        outcome => outcome.at(&manifest)?,
    }
    let folder = layout.artifacts();
    let synced = files::sync_folder(&folder).at(&folder);
    if synced.is_err() {
        // If that fails too, it is gone at the next start, which is what was asked for.
        drop(files::rename(&forgotten, &manifest));
    }
    synced
}

/// Removes the pieces of an artifact, and what proves them.
pub(crate) fn give_room_back(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    let said = read_manifest_at(&layout.of(artifact, FORGOTTEN))?;
    if let Some(outside) = said.and_then(|(known, _)| known.outside) {
        outputs::discard(&layout.drafts(), &outside).at(outside.folder())?;
    }
    [PART, WHOLE, ADDRESSES, LIST].iter().try_for_each(|ending| remove(layout, artifact, ending))
}

/// Removes what says that an artifact is being forgotten, when nothing is left of it.
pub(crate) fn finish_forgetting(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    remove(layout, artifact, FORGOTTEN)
}

fn remove(layout: &Layout, artifact: Sha256, ending: &str) -> Result<(), StoreError> {
    let path = layout.of(artifact, ending);
    files::remove(&path).map(drop).at(&path)
}

/// Bytes that an artifact's file really takes.
pub(crate) fn taken(layout: &Layout, artifact: Sha256) -> u64 {
    let files = [PART, WHOLE].map(|ending| layout.of(artifact, ending).metadata());
    files.iter().flatten().map(device::allocated).sum()
}

/// Bytes that files of artifacts really take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    /// By the pieces of each artifact.
    pub(crate) pieces: BTreeMap<Sha256, u64>,
    /// By all else.
    pub(crate) papers: u64,
}

impl Taken {
    /// Looks at every file.
    pub(crate) fn look(layout: &Layout) -> Result<Self, StoreError> {
        let folder = layout.artifacts();
        let mut taken = Self::default();
        for entry in folder.read_dir().at(&folder)? {
            let entry = entry.at(&folder)?;
            // A file may go while its folder is read.
            let bytes = entry.metadata().map_or(0, |metadata| device::allocated(&metadata));
            let name = entry.file_name();
            let pieces = name.to_str().and_then(|name| name.split_once('.'));
            let pieces = pieces.filter(|(_, ending)| [PART, WHOLE].contains(ending));
            match pieces.and_then(|(digits, _)| blake3::Hash::from_hex(digits).ok()) {
                Some(digest) => {
                    *taken.pieces.entry(Sha256::from_bytes(*digest.as_bytes())).or_default() +=
                        bytes;
                }
                None => taken.papers += bytes,
            }
        }
        Ok(taken)
    }

    /// Those of pieces.
    pub(crate) fn pieces(&self) -> u64 {
        self.pieces.values().sum()
    }
}
