//! Opening: the lock, the index, and whatever the last process left behind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::library::MEND_MANIFEST;
use verifier::piece::{ArrivedPiece, Source};
use verifier::{ChunkAlgorithm, Sha256};

use crate::book::{self, BookFile};
use crate::catalogue::{Artifact, Catalogue, short};
use crate::documents;
use crate::error::{At as _, OpenError, StoreError};
use crate::files;
use crate::forget;
use crate::index::{CHANGES_LIMIT, Changes, Entry, Index, Kept, Known};
use crate::layout::Layout;
use crate::lock::StoreLock;
use crate::pack::{BLOCK, Described, Location, Looked, Packs};
use crate::quota::DEFAULT_QUOTA;
use crate::shared::Shared;

/// Changes are rewritten at open when they are so many times as many as full ones would be …
const FACTOR: usize = 8;
/// … and so many more.
const SLACK: usize = 256;

/// Opens the store of a data folder; tells what the user should know of it.
pub(crate) fn open(data_folder: &Path, program: &str) -> Result<(Shared, Vec<String>), OpenError> {
    let layout = Layout::new(data_folder);
    let is_emptied = layout.book().exists() && !layout.store().exists();
    layout.create()?;
    let lock = StoreLock::take(&layout.lock(), program)?;
    for (folder, beginning) in [
        (layout.root(), "book.json-"),
        (layout.root(), "probe-"),
        (&layout.store(), "book-was-written-"),
        (&layout.manifests(), ""),
    ] {
        files::sweep(folder, beginning).at(folder)?;
    }
    // First, so that nothing is changed beside one that is refused.
    let (book, is_lost) = BookFile::open(layout.book())?.marked(layout.book_mark())?;
    let book = Arc::new(book);
    let recovery = match aside(&layout, &book)? {
        Err(StoreError::Index(_)) => {
            let damaged = set_aside(&layout.index())?;
            let notice = format!(
                "The index of the library was damaged. It was made anew from the packs; where \
                 pieces came from is no longer known. The damaged one is in {}.",
                damaged.display()
            );
            Recovery::run(layout, &book, vec![notice])?
        }
        outcome => outcome?,
    };
    let Recovery { layout, index, catalogue, mut notices, .. } = recovery;
    if is_lost {
        notices.push(format!(
            "The list of paired peers, {}, is gone, and with it who is blocked or banned, and the \
             quota. Put a copy of that file back; if there is none, pair with your peers again and \
             set the quota.",
            layout.book().display()
        ));
    }
    if is_emptied {
        notices.push(format!(
            "The folder of the models, {}, is gone; peers and quota are still there. Put a copy of \
             that folder back, or import or share the models again.",
            layout.store().display()
        ));
    }
    Ok((Shared::new(layout, lock, index, book, catalogue), notices))
}

/// Recovers on a thread of its own, because sled panics on some damage.
fn aside(
    layout: &Layout,
    book: &Arc<BookFile>,
) -> Result<Result<Recovery, StoreError>, StoreError> {
    let (layout, index, book) = (layout.clone(), layout.index(), Arc::clone(book));
    let thread = std::thread::Builder::new().name("store-open".to_owned());
    let opening = thread.spawn(move || Recovery::run(layout, &book, Vec::new())).at(&index)?;
    Ok(match opening.join() {
        // What sled calls an I/O error is one of its own making if the path is in the index.
        Ok(Err(StoreError::Disk { path, .. })) if path.starts_with(&index) => {
            Err(StoreError::Index(index))
        }
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::Index(index)),
    })
}

struct Recovery {
    layout: Layout,
    packs: Packs,
    index: Index,
    catalogue: Catalogue,
    /// Packs of which not all could be read: what lies in them is not known, and stays.
    unread: BTreeSet<u32>,
    notices: Vec<String>,
}

impl Recovery {
    fn run(layout: Layout, book: &BookFile, mut notices: Vec<String>) -> Result<Self, StoreError> {
        let packs = Packs::new(layout.clone());
        let path = layout.index();
        let absent = !path.exists() && !path.with_extension("old").exists();
        let lost =
            absent && (!packs.numbers()?.is_empty() || !documents::artifacts(&layout)?.is_empty());
        if lost && notices.is_empty() {
            notices.push(format!(
                "The index of the library was lost from {}. It was made anew from the packs; where \
                 pieces came from is no longer known.",
                path.display()
            ));
        }
        let index = Index::open(path)?;
        book::migrate(&layout, &index, book)?;
        let mut catalogue = Catalogue::default();
        catalogue.quota = book.look(|book| book.quota).unwrap_or(DEFAULT_QUOTA);
        let unread = BTreeSet::new();
        let mut recovery = Self { layout, packs, index, catalogue, unread, notices };
        recovery.read()?;
        recovery.adopt()?;
        recovery.reclaim()?;
        forget::trim_index(&recovery.index, recovery.catalogue.kept_pieces())?;
        Ok(recovery)
    }

    /// Reads what the index knows, and the manifests that it does not.
    fn read(&mut self) -> Result<(), StoreError> {
        for artifact in documents::half_forgotten(&self.layout)? {
            self.index.remove(artifact)?;
            self.index.sync()?;
            documents::finish_forgetting(&self.layout, artifact)?;
        }
        for (artifact, facts) in self.index.facts()? {
            let mut known =
                Known::from_facts(&facts).ok_or_else(|| StoreError::Index(self.layout.index()))?;
            // Written and synced after the index, which may have lost its last entries.
            let written = documents::read_manifest(&self.layout, artifact);
            if let Err(error) = &written {
                tracing::error!(%error, %artifact, "cannot read a manifest");
            }
            match written {
                Ok(Some((written, _))) => known.pin = written.pin,
                Ok(None) | Err(_) => self.notices.push(format!(
                    "The manifest of {} {} is damaged or gone from the library. {MEND_MANIFEST}",
                    known.model_id, known.model_version
                )),
            }
            self.catalogue.artifacts.insert(artifact, Artifact::new(known));
        }
        for artifact in documents::artifacts(&self.layout)? {
            if self.catalogue.artifacts.contains_key(&artifact) {
                continue;
            }
            // The index was lost, or lost its last entries in a power cut.
            if let Some((known, _)) = documents::read_manifest(&self.layout, artifact)? {
                self.index.put_facts(artifact, &known.facts())?;
                self.catalogue.artifacts.insert(artifact, Artifact::new(known));
            }
        }
        let mut ends = BTreeMap::new();
        for pack in self.packs.numbers()? {
            ends.insert(pack, self.packs.length(pack)? / BLOCK);
        }
        let exists = |place: Location| {
            ends.get(&place.pack).is_some_and(|end| u64::from(place.block) < *end)
        };
        let mut lost = 0;
        let artifacts: Vec<Sha256> = self.catalogue.artifacts.keys().copied().collect();
        for artifact in artifacts {
            let catalogue = &mut self.catalogue;
            let (next, values) = self.index.replay(artifact, |changes| {
                lost += catalogue.replay(artifact, &changes, exists);
            })?;
            if let Some(entry) = self.catalogue.artifacts.get_mut(&artifact) {
                entry.next = next;
                if values > entry.have.count() as usize / CHANGES_LIMIT * FACTOR + SLACK {
                    rewrite(&self.index, artifact, entry)?;
                }
            }
        }
        if lost > 0 {
            self.notices.push(format!(
                "{lost} kept pieces were lost with their packs. They count as missing; import the \
                 models again to get them."
            ));
        }
        Ok(())
    }

    /// Takes in what lies in packs behind the last place the index knows, and cuts the rest off.
    fn adopt(&mut self) -> Result<(), StoreError> {
        let mut ends = BTreeMap::new();
        for (place, _) in self.catalogue.places() {
            let end = ends.entry(place.pack).or_insert((place.block, 0_u64));
            end.0 = end.0.max(place.block);
        }
        for (pack, (block, end)) in &mut ends {
            *end = match self.packs.run(*pack, *block)? {
                Looked::Whole(run) => u64::from(*block) + run.blocks(),
                // Of how much the index speaks cannot be read any more, so nothing is cut off.
                Looked::Other | Looked::Unread => self.packs.length(*pack)?.div_ceil(BLOCK),
            };
        }
        let mut found = HashMap::new();
        let mut tails = Vec::new();
        for pack in self.packs.numbers()? {
            let known = ends.get(&pack).map_or(0, |(_, end)| *end);
            if self.packs.length(pack)? == known * BLOCK {
                continue;
            }
            let Some(runs) = self.packs.runs_from(pack, known)? else {
                self.unread.insert(pack);
                continue;
            };
            for (block, run) in runs {
                let end = u64::from(block) + run.blocks();
                for (entry, piece) in (0_u8..).zip(run.pieces()) {
                    let place = Location { pack, block, entry };
                    found.insert(digest_key(piece), (place, end));
                }
            }
            tails.push((pack, known));
        }
        let adopted = if found.is_empty() { BTreeMap::new() } else { self.take_in(&found)? };
        for (pack, known) in tails {
            let end = adopted.get(&pack).copied().unwrap_or(0).max(known);
            if self.unread.contains(&pack) {
                continue;
            }
            if end == 0 {
                self.packs.remove(pack)?;
            } else {
                self.packs.cut(pack, end)?;
            }
        }
        Ok(())
    }

    /// Keeps what was found for the artifacts that miss it; gives the end of each pack's last
    /// run that is of use, in blocks.
    fn take_in(
        &mut self,
        found: &HashMap<(ChunkAlgorithm, [u8; 32]), (Location, u64)>,
    ) -> Result<BTreeMap<u32, u64>, StoreError> {
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        let mut entries = Vec::new();
        let Catalogue { artifacts, addresses, .. } = &mut self.catalogue;
        for (artifact, entry) in artifacts {
            let Known { geometry, root, .. } = entry.known;
            let Some(list) = documents::read_list(&self.layout, *artifact, geometry, root)? else {
                continue;
            };
            let mut kept = Vec::new();
            for (index, digest) in geometry.indices().zip(list.digests()) {
                let key = (root.algorithm(), *digest.as_bytes());
                let Some((place, end)) = found.get(&key).filter(|_| !entry.have.contains(index))
                else {
                    continue;
                };
                let (bytes, piece) = match self.packs.read(*place, geometry.length(index))? {
                    Looked::Whole(read) => read,
                    Looked::Other => continue,
                    Looked::Unread => {
                        self.unread.insert(place.pack);
                        continue;
                    }
                };
                // A header proves nothing: the digest in it is the word of whoever wrote it.
                let arrived = ArrivedPiece { index: index.get(), bytes, from: Source::Local };
                if list.verify(arrived).is_err() {
                    continue;
                }
                entry.keep(index, *place, Source::Local);
                addresses.lie_at(short(&piece.address), *place);
                kept.push((Source::Local, Kept::new(index.get(), *place, short(&piece.address))));
                let last = ends.entry(place.pack).or_default();
                *last = (*last).max(*end);
            }
            entries.extend(entry.changes(*artifact, &kept));
        }
        // All or none: what lies before the last place that the index knows is not looked at again.
        self.index.append(&entries)?;
        self.index.sync()?;
        Ok(ends)
    }

    /// Counts what is live, and removes packs in which nothing is.
    fn reclaim(&mut self) -> Result<(), StoreError> {
        self.catalogue.recount();
        for pack in self.packs.numbers()? {
            if !self.catalogue.live.contains_key(&pack) && !self.unread.contains(&pack) {
                self.packs.remove(pack)?;
            }
        }
        Ok(())
    }
}

fn digest_key(piece: &Described) -> (ChunkAlgorithm, [u8; 32]) {
    (piece.algorithm, *piece.digest.as_bytes())
}

/// Puts an artifact's many small values together.
fn rewrite(index: &Index, artifact: Sha256, entry: &mut Artifact) -> Result<(), StoreError> {
    let mut pieces: BTreeMap<u32, (Source, Kept)> = BTreeMap::new();
    let (mut spoilt, mut unread) = (BTreeSet::new(), BTreeSet::new());
    index.replay(artifact, |changes| {
        let (kept, corrupt) = match changes {
            Changes::V0 { kept, corrupt } => (kept, corrupt),
            Changes::V1 { unread: more } => return unread.extend(more),
        };
        for group in kept {
            let source = crate::catalogue::source(group.peer);
            for piece in group.pieces {
                spoilt.remove(&piece.index);
                unread.remove(&piece.index);
                pieces.insert(piece.index, (source, piece));
            }
        }
        for index in corrupt {
            pieces.remove(&index);
            unread.remove(&index);
            spoilt.insert(index);
        }
    })?;
    let mut full = Vec::new();
    let mut push = |changes| {
        full.push(Entry { artifact, sequence: entry.next, changes });
        entry.next += 1;
    };
    let pieces: Vec<_> = pieces.into_values().collect();
    for pieces in pieces.chunks(CHANGES_LIMIT) {
        push(Changes::kept(pieces.iter().copied()));
    }
    let spoilt: Vec<_> = spoilt.into_iter().collect();
    for spoilt in spoilt.chunks(CHANGES_LIMIT) {
        push(Changes::corrupt(spoilt.to_vec()));
    }
    let unread: Vec<_> = unread.into_iter().collect();
    for unread in unread.chunks(CHANGES_LIMIT) {
        push(Changes::V1 { unread: unread.to_vec() });
    }
    index.rewrite(artifact, &full)?;
    index.sync()
}

fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let mut aside = path.with_extension("damaged");
    for number in 1_u32.. {
        if !aside.exists() {
            break;
        }
        aside = path.with_extension(format!("damaged-{number}"));
    }
    match files::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => outcome.at(path)?,
    }
    Ok(aside)
}
