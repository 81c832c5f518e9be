//! Opening: the lock, the index, and whatever the last process left behind.

mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use app::library::MEND_MANIFEST;
use verifier::{PieceIndex, Sha256};

use crate::abilities;
use crate::book::BookFile;
use crate::busy::Busy;
use crate::catalogue::{BLOCK, Behind, Catalogue, Elsewhere, Home, State};
use crate::device;
use crate::documents;
use crate::error::{At as _, OpenError, StoreError};
use crate::files;
use crate::forget;
use crate::index::{Index, Known, Row};
use crate::layout::{Layout, VERSION};
use crate::learn::Wanted;
use crate::lock::StoreLock;
use crate::places::Places;
use crate::prove::{believe, prove};
use crate::quota::DEFAULT_QUOTA;
use crate::room::HEADROOM;
use crate::shared::Shared;
use crate::slot::Slots;

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
        (&layout.store(), "version-"),
        (&layout.store(), "abilities.json-"),
        (&layout.store(), "busy-"),
        (&layout.artifacts(), ""),
    ] {
        files::sweep(folder, beginning);
    }
    // First, so that nothing is changed beside one that is refused.
    let (book, is_lost) = BookFile::open(layout.book())?.marked(layout.book_mark())?;
    let book = Arc::new(book);
    let mut told = Vec::new();
    let abilities = abilities::of(&layout, &mut told)?;
    if !layout.version().exists() {
        // From here on it is a library; whatever is in it so far is made again.
        let version = layout.version();
        files::replace(&version, &[VERSION]).at(&version)?;
    }
    let (slots, busy) = (Slots::new(layout.clone()), Busy::new(layout.busy()));
    let files = Files { layout: &layout, slots: &slots, busy: &busy };
    let (index, mut catalogue, mut notices) = match files.aside()? {
        // What an index does on a full disk is not taken for damage.
        Err(StoreError::Index(path)) if has_little_room(&layout) => {
            files.without_index(StoreError::io(&path, io::ErrorKind::StorageFull.into()))?
        }
        Err(StoreError::Index(_)) => {
            let damaged = set_aside(&layout.index())?;
            files.with_index(vec![format!(
                "The index of the library was damaged. It was made anew from the pieces; where \
                 they came from is no longer known. The damaged one is in {}.",
                damaged.display()
            )])?
        }
        outcome => outcome?,
    };
    catalogue.quota = book.look(|book| book.quota).unwrap_or(DEFAULT_QUOTA);
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
    notices.extend(told);
    let shared = Shared::new(layout, lock, index, slots, busy, book, abilities, catalogue);
    Ok((shared, notices))
}

/// Opens the index that was left as it is once something can be written again, and reads anew what the
/// library has. For the one thread that commits.
pub(crate) fn come_back(shared: &Shared) {
    let Shared { layout, slots, busy, index, .. } = shared;
    if !index.is_away() || has_little_room(layout) || layout.try_write().is_err() {
        return;
    }
    let found = index.come_back().and_then(|()| Files { layout, slots, busy }.read(index));
    match found {
        Ok((found, _)) => shared.catalogue().artifacts = found.artifacts,
        Err(error) => {
            tracing::warn!(%error, "the index is left as it is");
            index.go_away(error);
        }
    }
}

/// Whether the disk is so full that the index may fail on it.
fn has_little_room(layout: &Layout) -> bool {
    device::space(&layout.store()).is_ok_and(|space| space.free < HEADROOM)
}

/// What the library has on the disk, beside the index.
#[derive(Clone, Copy)]
struct Files<'a> {
    layout: &'a Layout,
    slots: &'a Slots,
    busy: &'a Busy,
}

type Opened = (Index, Catalogue, Vec<String>);

impl Files<'_> {
    /// Opens the index on a thread of its own, because sled panics on some damage.
    fn aside(&self) -> Result<Result<Opened, StoreError>, StoreError> {
        let index = self.layout.index();
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("store-open".to_owned());
            let opening = thread.spawn_scoped(scope, || self.with_index(Vec::new())).at(&index)?;
            Ok(match opening.join() {
                // What sled calls an I/O error is one of its own making if the path is in the index.
                Ok(Err(StoreError::Disk { path, .. })) if path.starts_with(&index) => {
                    Err(StoreError::Index(index))
                }
                Ok(outcome) => outcome,
                Err(_) => Err(StoreError::Index(index)),
            })
        })
    }

    /// Reads what the library has by its index, or without it where nothing can be written.
    fn with_index(&self, mut notices: Vec<String>) -> Result<Opened, StoreError> {
        let path = self.layout.index();
        let absent = !path.exists() && !path.with_extension("old").exists();
        if absent && !documents::artifacts(self.layout)?.is_empty() && notices.is_empty() {
            notices.push(format!(
                "The index of the library was lost from {}. It was made anew from the pieces; \
                 where they came from is no longer known.",
                path.display()
            ));
        }
        let opened = Index::open(path).and_then(|index| {
            let (catalogue, found) = self.read(&index)?;
            Ok((index, catalogue, found))
        });
        match opened {
            Err(error) if error.is_unwritable() => self.without_index(error),
            opened => opened.map(|(index, catalogue, found)| {
                notices.extend(found);
                (index, catalogue, notices)
            }),
        }
    }

    /// Reads what the library has from its files, because nothing can be written, as `error` says.
    fn without_index(&self, error: StoreError) -> Result<Opened, StoreError> {
        let folder = self.layout.root().display();
        let notice = match &error {
            StoreError::Full { .. } => format!(
                "The disk of {folder} is full, so nothing can be written down there. Models can be \
                 looked at and forgotten, which makes room, and exported to another disk. Where \
                 their pieces came from is told again when there is room."
            ),
            _ => format!(
                "The disk of {folder} may only be read. Models can be looked at and exported; \
                 nothing is taken in or written down."
            ),
        };
        let index = Index::away(self.layout.index(), error);
        let (catalogue, found) = self.read(&index)?;
        Ok((index, catalogue, std::iter::once(notice).chain(found).collect()))
    }

    fn read(&self, index: &Index) -> Result<(Catalogue, Vec<String>), StoreError> {
        let mut recovery = Recovery {
            files: *self,
            index,
            catalogue: Catalogue::default(),
            unknown: BTreeSet::new(),
            cut: BTreeSet::new(),
            lost: BTreeMap::new(),
            notices: Vec::new(),
        };
        recovery.run()?;
        Ok((recovery.catalogue, recovery.notices))
    }
}

struct Recovery<'a> {
    files: Files<'a>,
    index: &'a Index,
    catalogue: Catalogue,
    /// Artifacts of which the index knows nothing.
    unknown: BTreeSet<Sha256>,
    /// Artifacts with a file that ends too early, or of which there may be more than the index knows.
    cut: BTreeSet<Sha256>,
    /// How many pieces of which artifacts are not where the index says.
    lost: BTreeMap<Sha256, u32>,
    notices: Vec<String>,
}

impl Recovery<'_> {
    fn run(&mut self) -> Result<(), StoreError> {
        if self.index.is_away() {
            self.read_manifests()?;
            self.believe();
            return Ok(());
        }
        self.read_artifacts()?;
        self.settle_outputs();
        self.read_pieces()?;
        self.prove()?;
        let Files { layout, slots, .. } = self.files;
        let is_kept = |artifact: &Sha256| self.catalogue.artifacts.contains_key(artifact);
        let swept = forget::sweep(layout, slots, self.index, is_kept);
        let pieces = self.catalogue.kept_pieces();
        if let Err(error) = swept.and_then(|()| forget::trim_index(self.index, pieces)) {
            tracing::error!(%error, "not all could be removed that is needed no more");
        }
        Ok(())
    }

    /// Reads what the index knows, and the manifests that it does not.
    fn read_artifacts(&mut self) -> Result<(), StoreError> {
        let damaged = || StoreError::Index(self.files.layout.index());
        for (artifact, Row::V0 { facts, peers, elsewhere }) in self.index.rows()? {
            if documents::is_forgotten(self.files.layout, artifact) {
                continue;
            }
            let mut known = Known::from_facts(&facts).ok_or_else(damaged)?;
            // Written and synced after the index, which may have lost its last entries.
            match self.read_manifest(artifact) {
                Some(written) => {
                    known.pin = written.pin;
                    known.outside = written.outside;
                }
                None => self.notices.push(damaged_manifest(&known)),
            }
            let elsewhere = Elsewhere::from_rows(&elsewhere, known.geometry.piece_count());
            let elsewhere = elsewhere.ok_or_else(damaged)?;
            if !self.catalogue.read(artifact, known, &peers, elsewhere) {
                return Err(damaged());
            }
        }
        // The index was lost, or lost its last entries in a power cut.
        self.read_manifests()
    }

    fn read_manifest(&self, artifact: Sha256) -> Option<Known> {
        let read = documents::read_manifest(self.files.layout, artifact).inspect_err(|error| {
            tracing::error!(%error, %artifact, "cannot read a manifest");
        });
        read.ok().flatten().map(|(known, _)| known)
    }

    /// Reads the manifests of which the index knows nothing.
    fn read_manifests(&mut self) -> Result<(), StoreError> {
        for artifact in documents::artifacts(self.files.layout)? {
            if self.catalogue.artifacts.contains_key(&artifact) {
                continue;
            }
            match self.read_manifest(artifact) {
                Some(known) => {
                    self.catalogue.add(artifact, known);
                    self.unknown.insert(artifact);
                }
                None => self.notices.push(damaged_manifest(&artifact)),
            }
        }
        Ok(())
    }

    /// Takes for kept what the files tell of themselves.
    fn believe(&mut self) {
        for (artifact, places) in self.outside() {
            self.files.slots.lies(artifact, Some(places.main().0));
        }
        for (artifact, entry) in &mut self.catalogue.artifacts {
            if let Err(error) = believe(self.files.slots, *artifact, entry) {
                tracing::error!(%error, %artifact, "pieces cannot be looked at");
            }
        }
        self.unknown.clone().into_iter().for_each(|artifact| self.share(artifact));
    }

    /// Reads what the index knows of pieces; what it claims to lie where nothing is, is missing.
    fn read_pieces(&mut self) -> Result<(), StoreError> {
        let written = documents::written(self.files.layout)?;
        for (artifact, entry) in &mut self.catalogue.artifacts {
            let geometry = entry.known.geometry;
            entry.behind.deltas = self.index.replay(*artifact, |index, cell| {
                if let Some(index) = geometry.index(index) {
                    entry.put(index, cell);
                    entry.behind.blocks.insert(index.get() / BLOCK);
                }
            })?;
            if entry.behind.deltas.is_empty() {
                entry.behind.blocks.clear();
            }
            let is_own = |index: &PieceIndex| entry.cell(*index).home() == Home::Own;
            let own: Vec<PieceIndex> = entry.lying().filter(is_own).collect();
            let outside = entry.known.outside.as_ref().and_then(Places::hidden);
            let outside = outside.map(|found| found.len());
            // The disk of an output may have been away, and its pieces taken for lost.
            let is_back = outside.is_some() && own.is_empty();
            let length = outside.or_else(|| written.get(artifact).copied());
            if is_back || length.is_some_and(|length| length < geometry.byte_count()) {
                self.cut.insert(*artifact);
            }
            if length.is_none() {
                for index in own {
                    entry.change(index, entry.cell(index).with(State::Missing));
                    *self.lost.entry(*artifact).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Looks at the pieces of each artifact that may not be as the index says.
    fn prove(&mut self) -> Result<(), StoreError> {
        let busy = self.files.busy.read();
        let mut is_changed = busy.as_ref().is_none_or(|busy| !busy.is_empty());
        let mut unsettled = BTreeSet::new();
        for (artifact, entry) in &mut self.catalogue.artifacts {
            let is_in_doubt = self.unknown.contains(artifact)
                || self.cut.contains(artifact)
                || busy.as_ref().is_none_or(|busy| busy.contains(artifact));
            if is_in_doubt && !prove(self.files.layout, self.files.slots, *artifact, entry) {
                unsettled.insert(*artifact);
            }
        }
        self.follow(&unsettled);
        self.tell_lost();
        self.unknown.clone().into_iter().for_each(|artifact| self.share(artifact));
        for (artifact, entry) in &mut self.catalogue.artifacts {
            let is_in_doubt = self.unknown.contains(artifact);
            if is_in_doubt || !entry.behind.blocks.is_empty() {
                let blocks = &entry.behind.blocks;
                let blocks: Vec<_> =
                    blocks.iter().map(|block| (*block, entry.block(*block).to_vec())).collect();
                self.index.fold(*artifact, &blocks, entry.behind.deltas.clone())?;
                // Last: one without a row is proven again.
                self.index.put_row(*artifact, &entry.row(entry.known.facts()))?;
                entry.behind = Behind::default();
                is_changed = true;
            }
        }
        self.files.busy.leave(unsettled);
        if is_changed {
            self.index.sync()?;
            if let Err(error) = self.files.busy.end_all() {
                tracing::error!(%error, "what was proven is proven again by the next start");
            }
        }
        Ok(())
    }

    /// Says of pieces that lie in files of others what was found there, as far as it is known.
    fn follow(&mut self, unsettled: &BTreeSet<Sha256>) {
        let mut found = Vec::new();
        for (artifact, entry) in &self.catalogue.artifacts {
            for (index, place) in entry.lying_elsewhere() {
                let state = self.catalogue.cell_at(place).state();
                let is_known = state != State::Missing || !unsettled.contains(&place.holder);
                if is_known && state != entry.cell(index).state() {
                    found.push((*artifact, index, state));
                }
            }
        }
        for (artifact, index, state) in found {
            if let Some(entry) = self.catalogue.artifacts.get_mut(&artifact) {
                entry.change(index, entry.cell(index).with(state));
            }
            if state == State::Missing {
                *self.lost.entry(artifact).or_default() += 1;
            }
        }
    }

    fn tell_lost(&mut self) {
        let known = |artifact| Some(self.catalogue.artifacts.get(artifact)?.known.to_string());
        let of: BTreeSet<String> = self.lost.keys().filter_map(known).collect();
        if !of.is_empty() {
            self.notices.push(format!(
                "{} kept pieces of {} were lost with their files. They count as missing: repair \
                 these models, or share or import them again.",
                self.lost.values().sum::<u32>(),
                of.into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
    }

    /// Finds again where pieces lie that lie with others.
    fn share(&mut self, artifact: Sha256) {
        let list = |artifact| {
            let Known { geometry, root, .. } = self.catalogue.artifacts.get(&artifact)?.known;
            documents::read_list(self.files.layout, artifact, geometry, root)
        };
        let others = self.catalogue.alike(artifact);
        let missing = self.catalogue.artifacts.get(&artifact).map(|own| own.have.complement());
        let Some(missing) = missing.filter(|missing| !missing.is_empty() && !others.is_empty())
        else {
            return;
        };
        let Some(own) = list(artifact) else { return };
        let mut wanted = Wanted::new(artifact, &own, &missing);
        for other in others {
            if let Some(list) = list(other) {
                wanted.look(&self.catalogue, other, &list);
            }
        }
        self.catalogue.refer(artifact, &wanted.found(), &[]);
    }
}

fn damaged_manifest(of: &dyn fmt::Display) -> String {
    format!("The manifest of {of} is damaged or gone from the library. {MEND_MANIFEST}")
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
