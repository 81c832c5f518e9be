//! Manifests and piece lists, as files: with the packs, all that is needed to make the index anew.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use verifier::digest::{ChunkDigest, DIGEST_LEN};
use verifier::piece::PieceList;
use verifier::{Geometry, Root, Sha256};

use crate::codec;
use crate::device;
use crate::error::{At as _, StoreError};
use crate::index::{Facts, Known};
use crate::layout::{Layout, sync_folder};

/// The longest manifest file, in bytes.
const MANIFEST_LIMIT: usize = 16 << 20;

const LIST_MAGIC: &[u8; 8] = b"MMPCS 0\n";

#[derive(Serialize, Deserialize)]
enum ManifestFile {
    V0 { facts: Facts, manifest: Vec<u8> },
}

/// Writes an artifact's manifest, and the facts as they are now.
pub(crate) fn write_manifest(
    layout: &Layout,
    artifact: Sha256,
    known: &Known,
    manifest: &[u8],
) -> Result<(), StoreError> {
    let path = layout.manifest(artifact);
    let file = ManifestFile::V0 { facts: known.facts(), manifest: manifest.to_vec() };
    let bytes = codec::encode(&file, MANIFEST_LIMIT)
        .map_err(|_| StoreError::io(&path, io::ErrorKind::FileTooLarge.into()))?;
    replace(&path, &[&bytes])
}

/// Reads an artifact's facts and manifest; `None` if the file is not there or not whole.
pub(crate) fn read_manifest(
    layout: &Layout,
    artifact: Sha256,
) -> Result<Option<(Known, Bytes)>, StoreError> {
    let Some(bytes) = read(&layout.manifest(artifact), MANIFEST_LIMIT as u64)? else {
        return Ok(None);
    };
    let Ok(ManifestFile::V0 { facts, manifest }) = codec::decode(&bytes, MANIFEST_LIMIT) else {
        return Ok(None);
    };
    let known = Known::from_facts(&facts);
    let whole = known.filter(|known| Sha256::of(&manifest) == known.manifest_sha256);
    Ok(whole.map(|known| (known, manifest.into())))
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
    replace(&list_path(layout, artifact), &[LIST_MAGIC, &digests])
}

/// Reads an artifact's piece list; `None` if it is not there or does not lead to the root.
pub(crate) fn read_list(
    layout: &Layout,
    artifact: Sha256,
    geometry: Geometry,
    root: Root,
) -> Result<Option<Arc<PieceList>>, StoreError> {
    let length = LIST_MAGIC.len() as u64 + u64::from(geometry.piece_count()) * DIGEST_LEN as u64;
    let Some(bytes) = read(&list_path(layout, artifact), length)? else { return Ok(None) };
    let Some(digests) = bytes.strip_prefix(LIST_MAGIC) else { return Ok(None) };
    let (digests, rest) = digests.as_chunks::<DIGEST_LEN>();
    if !rest.is_empty() {
        return Ok(None);
    }
    let digests = digests.iter().map(|digest| ChunkDigest::from_bytes(*digest)).collect();
    Ok(PieceList::prove(geometry, root, digests).ok().map(Arc::new))
}

/// The artifacts that have a manifest here.
pub(crate) fn artifacts(layout: &Layout) -> Result<Vec<Sha256>, StoreError> {
    named(layout, ".manifest")
}

/// The artifacts whose forgetting was not finished.
pub(crate) fn half_forgotten(layout: &Layout) -> Result<Vec<Sha256>, StoreError> {
    named(layout, ".forgotten")
}

fn named(layout: &Layout, suffix: &str) -> Result<Vec<Sha256>, StoreError> {
    let folder = layout.manifests();
    let mut artifacts = Vec::new();
    for entry in fs::read_dir(&folder).at(&folder)? {
        let name = entry.at(&folder)?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(suffix));
        let digest = digits.and_then(|digits| blake3::Hash::from_hex(digits).ok());
        artifacts.extend(digest.map(|digest| Sha256::from_bytes(*digest.as_bytes())));
    }
    Ok(artifacts)
}

/// Says, so that a crash cannot unsay it, that an artifact is being forgotten.
pub(crate) fn begin_to_forget(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    let (manifest, forgotten) = (layout.manifest(artifact), forgotten_path(layout, artifact));
    match fs::rename(&manifest, &forgotten) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::create(&forgotten).map(drop).at(&forgotten)?;
        }
        outcome => outcome.at(&manifest)?,
    }
    let folder = layout.manifests();
    sync_folder(&folder).at(&folder)
}

/// Removes what is left of an artifact when nothing else knows of it.
pub(crate) fn finish_forgetting(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    remove(&list_path(layout, artifact))?;
    remove(&forgotten_path(layout, artifact))
}

/// Bytes that all manifests and lists take.
pub(crate) fn size(layout: &Layout) -> Result<u64, StoreError> {
    let folder = layout.manifests();
    let mut size = 0;
    for entry in fs::read_dir(&folder).at(&folder)? {
        // A file may go while its folder is read.
        let metadata = entry.and_then(|entry| entry.metadata());
        size += metadata.map_or(0, |metadata| device::allocated(&metadata));
    }
    Ok(size)
}

fn list_path(layout: &Layout, artifact: Sha256) -> PathBuf {
    layout.manifest(artifact).with_extension("pieces")
}

fn forgotten_path(layout: &Layout, artifact: Sha256) -> PathBuf {
    layout.manifest(artifact).with_extension("forgotten")
}

pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() <= limit => Ok(Some(fs::read(path).at(path)?)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(path, error)),
    }
}

/// Removes a file if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.at(path),
    }
}

/// Puts a whole file in the place of another one.
pub(crate) fn replace(path: &Path, parts: &[&[u8]]) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()
    });
    written.at(&new)?;
    fs::rename(&new, path).at(path)?;
    path.parent().map_or(Ok(()), |folder| sync_folder(folder).at(folder))
}
