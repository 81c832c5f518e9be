//! Packs: append-only files of piece bytes that describe themselves.
//!
//! A pack is a sequence of runs. Everything that the index knows of a pack can be found again by
//! walking its run headers.

mod appender;
mod run;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

pub(crate) use appender::Appender;
pub(crate) use run::{BLOCK, Described, RUN_LIMIT, Run, blocks, tag, untag};

use crate::device::{self, Punched};
use crate::error::{At, StoreError};
use crate::files::{self, File};
use crate::layout::Layout;

/// How many packs are held open for reading.
const OPEN_LIMIT: usize = 8;

/// Where a piece lies: its pack, the block of its run's header, its place in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    pub(crate) pack: u32,
    pub(crate) block: u32,
    pub(crate) entry: u8,
}

/// What looking at a place in a pack gave.
#[derive(Debug)]
pub(crate) enum Looked<T> {
    /// It is there, whole.
    Whole(T),
    /// Something else is there, or nothing.
    Other,
    /// The disk does not give it back, at this moment at least: nothing is known of it.
    Unread,
}

impl<T> Looked<T> {
    pub(crate) fn whole(self) -> Option<T> {
        match self {
            Self::Whole(it) => Some(it),
            Self::Other | Self::Unread => None,
        }
    }
}

/// The folder of packs, for readers.
#[derive(Debug)]
pub(crate) struct Packs {
    layout: Layout,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
    /// Bytes that the appender has taken ahead of the newest pack's end.
    ahead: AtomicU64,
}

impl Packs {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, open: Mutex::new(BTreeMap::new()), ahead: AtomicU64::new(0) }
    }

    /// The packs that are there, in ascending order.
    pub(crate) fn numbers(&self) -> Result<Vec<u32>, StoreError> {
        let folder = self.layout.packs();
        let mut numbers = Vec::new();
        for entry in folder.read_dir().at(&folder)? {
            let name = entry.at(&folder)?.file_name();
            numbers.extend(name.to_str().and_then(Layout::pack_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A pack's length, in bytes.
    pub(crate) fn length(&self, pack: u32) -> Result<u64, StoreError> {
        let path = self.layout.pack(pack);
        Ok(path.metadata().at(&path)?.len())
    }

    /// Bytes that all packs really take, without what was taken ahead.
    pub(crate) fn allocated(&self) -> Result<u64, StoreError> {
        let mut sum = 0_u64;
        for pack in self.numbers()? {
            let path = self.layout.pack(pack);
            sum += device::allocated(&path.metadata().at(&path)?);
        }
        Ok(sum.saturating_sub(self.ahead.load(Ordering::Relaxed)))
    }

    /// Says how much the appender has taken ahead, in bytes.
    fn set_ahead(&self, bytes: u64) {
        self.ahead.store(bytes, Ordering::Relaxed);
    }

    /// The run whose header is in that block.
    pub(crate) fn run(&self, pack: u32, block: u32) -> Result<Looked<Run>, StoreError> {
        let mut header = [0; 4_096];
        Ok(match self.fill(pack, u64::from(block) * BLOCK, &mut header)? {
            Looked::Whole(()) => Run::decode(&header).map_or(Looked::Other, Looked::Whole),
            Looked::Other => Looked::Other,
            Looked::Unread => Looked::Unread,
        })
    }

    /// What the pack says of the piece at that place.
    pub(crate) fn described(&self, place: Location) -> Result<Option<Described>, StoreError> {
        let run = self.run(place.pack, place.block)?.whole();
        Ok(run.and_then(|run| run.piece(place.entry).map(|(piece, _)| *piece)))
    }

    /// Reads a piece of that length and verifies it.
    pub(crate) fn read(
        &self,
        place: Location,
        length: u32,
    ) -> Result<Looked<(Bytes, Described)>, StoreError> {
        let run = match self.run(place.pack, place.block)? {
            Looked::Whole(run) => run,
            Looked::Other => return Ok(Looked::Other),
            Looked::Unread => return Ok(Looked::Unread),
        };
        let described = run.piece(place.entry).filter(|(piece, _)| piece.length == length);
        let Some((described, start)) = described else { return Ok(Looked::Other) };
        let mut bytes = BytesMut::zeroed(length as usize);
        let offset = (u64::from(place.block) + start) * BLOCK;
        Ok(match self.fill(place.pack, offset, &mut bytes)? {
            Looked::Whole(()) if blake3::hash(&bytes).as_bytes() == &described.address => {
                Looked::Whole((bytes.freeze(), *described))
            }
            Looked::Whole(()) | Looked::Other => Looked::Other,
            Looked::Unread => Looked::Unread,
        })
    }

    /// The runs from a block on, with the blocks of their headers, up to the first that is not
    /// whole. A block that is no header is stepped over if a later one is. `None` if not all of it
    /// can be read.
    pub(crate) fn runs_from(
        &self,
        pack: u32,
        block: u64,
    ) -> Result<Option<Vec<(u32, Run)>>, StoreError> {
        let end = self.length(pack)? / BLOCK;
        let mut runs = Vec::new();
        let mut at = block;
        while at < end {
            let Ok(header) = u32::try_from(at) else { break };
            match self.run(pack, header)? {
                Looked::Unread => return Ok(None),
                Looked::Whole(run) if at + run.blocks() <= end => {
                    at += run.blocks();
                    runs.push((header, run));
                }
                _ => at += 1,
            }
        }
        Ok(Some(runs))
    }

    /// Gives back the space of a piece that nothing refers to.
    pub(crate) fn punch(&self, place: Location) -> Result<Punched, StoreError> {
        let Some(run) = self.run(place.pack, place.block)?.whole() else {
            return Ok(Punched::Unable);
        };
        let Some((piece, start)) = run.piece(place.entry) else { return Ok(Punched::Unable) };
        self.punch_blocks(place.pack, u64::from(place.block) + start, piece.blocks())
    }

    /// Gives back the space of the header of a run of which no piece is wanted.
    pub(crate) fn punch_header(&self, pack: u32, block: u32) -> Result<Punched, StoreError> {
        self.punch_blocks(pack, u64::from(block), 1)
    }

    fn punch_blocks(&self, pack: u32, block: u64, count: u64) -> Result<Punched, StoreError> {
        let path = self.layout.pack(pack);
        let file = File::change(&path).at(&path)?;
        file.punch(block * BLOCK, count * BLOCK).at(&path)
    }

    /// Cuts a pack off after so many blocks.
    pub(crate) fn cut(&self, pack: u32, blocks: u64) -> Result<(), StoreError> {
        let path = self.layout.pack(pack);
        let file = File::change(&path).at(&path)?;
        file.set_len(blocks * BLOCK).and_then(|()| file.sync_data()).at(&path)
    }

    /// Removes a pack of which no piece is wanted.
    pub(crate) fn remove(&self, pack: u32) -> Result<(), StoreError> {
        self.handles().remove(&pack);
        let path = self.layout.pack(pack);
        files::remove(&path).map(drop).at(&path)
    }

    /// Fills `into`, if the pack is there, reaches that far, and its medium gives it back.
    fn fill(&self, pack: u32, offset: u64, into: &mut [u8]) -> Result<Looked<()>, StoreError> {
        match self.handle(pack).and_then(|file| file.read_at(into, offset)) {
            Ok(()) => Ok(Looked::Whole(())),
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(Looked::Other),
                io::ErrorKind::NotFound if self.layout.packs().is_dir() => Ok(Looked::Other),
                _ if device::is_lost(&error) => {
                    tracing::error!(pack, offset, %error, "the disk does not give back what is kept");
                    Ok(Looked::Unread)
                }
                _ => Err(StoreError::io(&self.layout.pack(pack), error)),
            },
        }
    }

    fn handle(&self, pack: u32) -> io::Result<Arc<File>> {
        let mut open = self.handles();
        if let Some(file) = open.get(&pack) {
            return Ok(Arc::clone(file));
        }
        if open.len() >= OPEN_LIMIT {
            open.pop_first();
        }
        let file = Arc::new(File::open(&self.layout.pack(pack))?);
        open.insert(pack, Arc::clone(&file));
        Ok(file)
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<File>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
