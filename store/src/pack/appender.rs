//! The one writer of packs.

use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bytes::Bytes;

use crate::device;
use crate::error::{At, StoreError};
use crate::files::{self, File};
use crate::layout::Layout;
use crate::pack::Packs;
use crate::pack::run::{BLOCK, Described, Run};

/// A pack is left for a new one when it is longer than this, in blocks.
const PACK_LIMIT: u64 = (256 << 20) / BLOCK;

/// Left free on the device, in bytes, so that the index can still be written.
const HEADROOM: u64 = 8 << 20;

/// The least and the most space that is taken ahead of a pack's end, in blocks.
const AHEAD: (u64, u64) = ((256 << 10) / BLOCK, (8 << 20) / BLOCK);

const ZEROS: [u8; 4_096] = [0; 4_096];

/// Appends runs to the newest pack.
#[derive(Debug)]
pub(crate) struct Appender {
    layout: Layout,
    next: u32,
    active: Option<Active>,
}

#[derive(Debug)]
struct Active {
    number: u32,
    file: Arc<File>,
    end: u64,
    /// Space is taken up to here.
    taken: u64,
    torn: bool,
}

/// Where a run was written. Its bytes are durable once the file was synced.
#[derive(Debug, Clone)]
pub(crate) struct Appended {
    pub(crate) pack: u32,
    pub(crate) block: u32,
    pub(crate) file: Arc<File>,
}

impl Appender {
    /// Goes on at the end of the pack `newest`, or starts the first one.
    pub(crate) fn new(layout: Layout, newest: Option<u32>) -> Result<Self, StoreError> {
        let mut appender =
            Self { layout, next: newest.map_or(0, |newest| newest + 1), active: None };
        if let Some(number) = newest {
            let path = appender.layout.pack(number);
            let file = File::change(&path).at(&path)?;
            let end = file.len().at(&path)?.div_ceil(BLOCK);
            file.set_len(end * BLOCK).at(&path)?;
            if end < PACK_LIMIT {
                appender.active =
                    Some(Active { number, file: Arc::new(file), end, taken: end, torn: false });
            }
        }
        Ok(appender)
    }

    /// Leaves the newest pack as it is: the next run starts a new one.
    pub(crate) fn roll(&mut self, packs: &Packs) {
        self.active = None;
        packs.set_ahead(0);
    }

    /// Writes a run, whose pieces have these bytes. What was written in part is taken back.
    pub(crate) fn append(
        &mut self,
        packs: &Packs,
        run: &Run,
        bytes: &[&Bytes],
    ) -> Result<Appended, StoreError> {
        let folder = self.layout.packs();
        let wanted = run.blocks() * BLOCK;
        if device::space(&folder).at(&folder)?.free < wanted.saturating_add(HEADROOM) {
            return Err(StoreError::io(&folder, io::ErrorKind::StorageFull.into()));
        }
        let active = match self.active.take() {
            Some(active) if active.end < PACK_LIMIT => active,
            _ => self.start()?,
        };
        let active = self.active.insert(active);
        let path = self.layout.pack(active.number);
        let block = u32::try_from(active.end)
            .map_err(|_| StoreError::io(&path, io::ErrorKind::FileTooLarge.into()))?;
        active.take_ahead(run.blocks());
        match write(active, run, bytes) {
            Ok(()) => {
                active.end += run.blocks();
                packs.set_ahead(active.taken.saturating_sub(active.end) * BLOCK);
                Ok(Appended { pack: active.number, block, file: Arc::clone(&active.file) })
            }
            Err(error) => {
                // Dropping it cuts the torn run off; if even this fails, the next open does.
                active.torn = true;
                self.active = None;
                packs.set_ahead(0);
                Err(StoreError::io(&path, error))
            }
        }
    }

    fn start(&mut self) -> Result<Active, StoreError> {
        let number = self.next;
        let path = self.layout.pack(number);
        let file = File::make(&path).at(&path)?;
        self.next += 1;
        let folder = self.layout.packs();
        files::sync_folder(&folder).at(&folder)?;
        Ok(Active { number, file: Arc::new(file), end: 0, taken: 0, torn: false })
    }
}

impl Active {
    /// Takes space for a run, and for about as much again as the pack has.
    fn take_ahead(&mut self, wanted: u64) {
        let end = self.end + wanted;
        if end > self.taken {
            let ahead = end.clamp(AHEAD.0, AHEAD.1);
            let more = (end + ahead - self.taken) * BLOCK;
            if self.file.take_ahead(self.taken * BLOCK, more) {
                self.taken = end + ahead;
            } else {
                self.taken = end;
            }
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if self.torn || self.taken > self.end {
            // Only space is at stake; the next open gives it back if this cannot.
            drop(self.file.set_len(self.end * BLOCK));
        }
    }
}

fn write(active: &Active, run: &Run, bytes: &[&Bytes]) -> io::Result<()> {
    let header = run.encode();
    let mut slices = Vec::with_capacity(1 + 2 * bytes.len());
    slices.push(IoSlice::new(&header));
    for (piece, described) in bytes.iter().zip(run.pieces()) {
        slices.push(IoSlice::new(piece));
        slices.push(IoSlice::new(padding(described)));
    }
    let mut file = &*active.file;
    file.seek(SeekFrom::Start(active.end * BLOCK))?;
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The zeros from a piece's end to the end of its last block.
fn padding(piece: &Described) -> &'static [u8] {
    let filled = usize::try_from(u64::from(piece.length) % BLOCK).unwrap_or(0);
    if filled == 0 { &[] } else { ZEROS.get(filled..).unwrap_or_default() }
}
