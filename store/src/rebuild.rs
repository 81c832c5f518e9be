//! What is done when the index was lost: everything is read again from packs and manifests.
//!
//! Beside the index lies a copy of each manifest and piece list. They hold nothing that a peer or
//! the user did not give, and with the packs they are all the index is made of.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use verifier::digest::ChunkDigest;
use verifier::manifest::{Manifest, Options, UnknownKeys};
use verifier::piece::PieceList;
use verifier::{ChunkAlgorithm, Sha256};

use crate::error::StoreError;
use crate::index::{ArtifactRow, Changes, Index, KeptRow, Key, LIST_BLOCK, PieceRow};
use crate::layout::{Layout, sync_folder};
use crate::pack::{Address, Packs, Place};

/// Facts that one change writes while rebuilding.
const BATCH: usize = 4_096;

/// Writes the copy of a manifest.
pub(crate) fn copy_manifest(
    layout: &Layout,
    artifact: Sha256,
    manifest: &[u8],
) -> Result<(), StoreError> {
    place(&copy(layout, artifact, "manifest"), manifest)
}

/// Writes the copy of a piece list.
pub(crate) fn copy_list(
    layout: &Layout,
    artifact: Sha256,
    list: &PieceList,
) -> Result<(), StoreError> {
    let bytes: Vec<u8> =
        list.digests().iter().flat_map(|digest| digest.as_bytes().iter().copied()).collect();
    place(&copy(layout, artifact, "list"), &bytes)
}

/// Removes the copies.
pub(crate) fn remove_copy(layout: &Layout, artifact: Sha256) -> Result<(), StoreError> {
    for kind in ["manifest", "list"] {
        match fs::remove_file(copy(layout, artifact, kind)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn copy(layout: &Layout, artifact: Sha256, kind: &str) -> PathBuf {
    let name = HEXLOWER.encode(artifact.as_bytes());
    layout.manifests().join(format!("{name}.{kind}"))
}

fn place(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Moves a lost index aside and makes a new one; says what was found.
pub(crate) fn rebuild(layout: &Layout, packs: &Packs) -> Result<(Index, String), StoreError> {
    let aside = set_aside(&layout.index())?;
    let index = Index::open(&layout.index())?;
    let mut found: HashMap<(ChunkAlgorithm, ChunkDigest), (Address, Place)> = HashMap::new();
    for pack in packs.numbers()? {
        packs.scan(pack, |label, place| {
            found.insert((label.algorithm, label.digest), (label.address, place));
        })?;
    }
    let mut references: HashMap<Address, PieceRow> = HashMap::new();
    let (mut artifacts, mut pieces) = (0_u32, 0_u32);
    for entry in fs::read_dir(layout.manifests())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "manifest") {
            continue;
        }
        let Some((artifact, row, list)) = read_copies(&path)? else { continue };
        let mut changes = Changes::default();
        changes.put(Key::Artifact(artifact), &row)?;
        put_list(&mut changes, artifact, list.as_deref())?;
        index.apply(changes)?;
        artifacts += 1;
        let Some(list) = list else { continue };
        let algorithm = list.root().algorithm();
        for part in list.geometry().indices().collect::<Vec<_>>().chunks(BATCH) {
            let mut changes = Changes::default();
            for piece in part {
                let Some(digest) = list.digests().get(piece.as_usize()) else { continue };
                let Some((address, place)) = found.get(&(algorithm, *digest)) else { continue };
                let row = references.entry(*address).or_insert(PieceRow::new(*place, 0));
                row.references += 1;
                changes.put(Key::Piece(*address), row)?;
                changes.put(Key::Digest(algorithm, *digest), &address.0)?;
                let kept = KeptRow { address: address.0, source: None };
                changes.put(Key::Kept(artifact, piece.get()), &kept)?;
                pieces += 1;
            }
            index.apply(changes)?;
        }
    }
    index.flush()?;
    let mut notice = format!(
        "the index of the library was lost and has been rebuilt: {artifacts} models, {pieces} \
         pieces; peers, pins and the quota have to be set again"
    );
    if let Some(aside) = aside {
        notice.push_str(&format!("; the old index is in {}", aside.display()));
    }
    Ok((index, notice))
}

fn set_aside(index: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !index.exists() {
        return Ok(None);
    }
    for number in 0_u32.. {
        let aside = index.with_extension(format!("lost-{number}"));
        if !aside.exists() {
            fs::rename(index, &aside)?;
            return Ok(Some(aside));
        }
    }
    Ok(None)
}

type Copies = (Sha256, ArtifactRow, Option<Arc<PieceList>>);

/// Reads what was copied of an artifact; `None` if it is not what it was.
fn read_copies(path: &Path) -> Result<Option<Copies>, StoreError> {
    let bytes = fs::read(path)?;
    let options = Options { unknown_keys: UnknownKeys::Warn, ..Options::default() };
    let Ok(manifest) = Manifest::parse(&bytes, options) else { return Ok(None) };
    let Some(chunking) = manifest.chunking() else { return Ok(None) };
    let row = ArtifactRow {
        manifest_sha256: *manifest.sha256().as_bytes(),
        model_id: manifest.model_id().to_string(),
        model_version: manifest.model_version().to_string(),
        byte_count: chunking.geometry.byte_count(),
        piece_size: chunking.geometry.piece_size(),
        algorithm: chunking.root.algorithm().to_string(),
        root: *chunking.root.as_bytes(),
        // Pins are lost with the index; nothing is evicted before the user has seen that.
        pinned: true,
        last_use: 0,
        last_verified: None,
        manifest: bytes.clone(),
    };
    let list = match fs::read(path.with_extension("list")) {
        Ok(bytes) => {
            let (digests, _) = bytes.as_chunks::<32>();
            let digests = digests.iter().map(|digest| ChunkDigest::from_bytes(*digest)).collect();
            PieceList::prove(chunking.geometry, chunking.root, digests).ok().map(Arc::new)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Some((manifest.artifact_sha256(), row, list)))
}

/// Writes a piece list into the index.
pub(crate) fn put_list(
    changes: &mut Changes,
    artifact: Sha256,
    list: Option<&PieceList>,
) -> Result<(), StoreError> {
    let digests = list.map(PieceList::digests).unwrap_or_default();
    for (block, digests) in (0_u32..).zip(digests.chunks(LIST_BLOCK)) {
        let bytes: Vec<[u8; 32]> = digests.iter().map(|digest| *digest.as_bytes()).collect();
        changes.put(Key::List(artifact, block), &bytes)?;
    }
    Ok(())
}
