//! What the store's threads share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use app::ports::{Abilities, Day, Landed};
use bytes::Bytes;
use tokio::sync::{Notify, broadcast};
use verifier::piece::{ArrivedPiece, PieceList, Source};
use verifier::scalars::UtcTime;
use verifier::{Geometry, PieceIndex, Sha256};

use crate::book::BookFile;
use crate::busy::Busy;
use crate::catalogue::{Bad, Catalogue, Place, State};
use crate::device;
use crate::error::StoreError;
use crate::index::Index;
use crate::layout::Layout;
use crate::learn;
use crate::lock::StoreLock;
use crate::slot::{Looked, Slot, Slots};

/// How much of what has landed a listener may be behind.
const LANDED: usize = 4_096;

/// How often a piece is read that turns out to lie elsewhere meanwhile.
const TRIES: u32 = 4;

/// The open store, without the thread that commits.
///
/// Whatever moves or removes pieces, and all that is written into the index, is done by that
/// thread. Others read, write pieces into files that are there, and say in the catalogue what they
/// found to be bad.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) index: Index,
    pub(crate) slots: Slots,
    pub(crate) busy: Busy,
    pub(crate) book: Arc<BookFile>,
    pub(crate) abilities: Abilities,
    catalogue: Mutex<Catalogue>,
    /// The list that pieces were last judged by.
    list: Mutex<Option<Arc<PieceList>>>,
    landed: broadcast::Sender<Landed>,
    /// Told when something was given back.
    pub(crate) room: Notify,
    /// Released when the last user of the files is gone.
    _lock: StoreLock,
}

/// What reading a piece of an artifact gave.
#[derive(Debug)]
pub(crate) enum Found {
    Whole(Bytes),
    Missing,
    Corrupt,
    /// The disk did not give it back; what lies there may be sound.
    Unread,
}

/// Why a piece is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Use,
    Proof,
}

/// What is at a place.
enum Judged {
    Whole(Bytes),
    Bad(Bad),
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "each is opened by itself, in its order")]
    pub(crate) fn new(
        layout: Layout,
        lock: StoreLock,
        index: Index,
        slots: Slots,
        busy: Busy,
        book: Arc<BookFile>,
        abilities: Abilities,
        catalogue: Catalogue,
    ) -> Self {
        Self {
            layout,
            index,
            slots,
            busy,
            book,
            abilities,
            catalogue: Mutex::new(catalogue),
            list: Mutex::new(None),
            landed: broadcast::Sender::new(LANDED),
            room: Notify::new(),
            _lock: lock,
        }
    }

    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever listens what has landed. Tell it after the catalogue says so too.
    pub(crate) fn tell(&self, landed: impl IntoIterator<Item = Landed>) {
        for landed in landed {
            // Nobody has to listen.
            let _heard = self.landed.send(landed);
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Landed> {
        self.landed.subscribe()
    }

    /// Reads a kept piece and verifies it. One that does not verify, or cannot be read, is marked.
    pub(crate) fn read(&self, artifact: Sha256, index: PieceIndex) -> Result<Found, StoreError> {
        self.look(artifact, index, Why::Use)
    }

    /// Reads and verifies a kept piece if that takes a moment and waits for no disk; of one that is
    /// not read so, [`Self::read`] tells why.
    pub(crate) fn read_here(&self, artifact: Sha256, index: PieceIndex) -> Option<Bytes> {
        let (place, geometry) = {
            let catalogue = self.catalogue();
            let entry = catalogue.artifacts.get(&artifact)?;
            let place = entry.place(artifact, index)?;
            let is_kept = entry.cell(index).state() == State::Kept;
            let holder = catalogue.artifacts.get(&place.holder).filter(|_| is_kept)?;
            (place, holder.known.geometry)
        };
        let slot = self.slots.opened(place.holder)?;
        slot.read_here(geometry.index(place.index)?)
    }

    /// Reads a piece also if it could not be read before: it is kept again if it can be now.
    pub(crate) fn read_again(
        &self,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Found, StoreError> {
        self.look(artifact, index, Why::Proof)
    }

    /// Marks a kept piece as corrupt, as somebody else found it to be.
    pub(crate) fn mark_bad(&self, artifact: Sha256, index: PieceIndex) {
        let mut catalogue = self.catalogue();
        let entry = catalogue.artifacts.get(&artifact);
        if let Some(place) = entry.and_then(|entry| entry.place(artifact, index)) {
            catalogue.mark(place, Bad::Corrupt);
        }
    }

    fn look(&self, artifact: Sha256, index: PieceIndex, why: Why) -> Result<Found, StoreError> {
        // It may be moved to another file while it is looked for.
        for _ in 0..TRIES {
            let (cell, place, holder) = {
                let catalogue = self.catalogue();
                let Some(entry) = catalogue.artifacts.get(&artifact) else {
                    return Ok(Found::Missing);
                };
                let cell = entry.cell(index);
                let is_wanted = why == Why::Proof || cell.state() == State::Kept;
                let Some(place) = entry.place(artifact, index).filter(|_| is_wanted) else {
                    return Ok(Found::Missing);
                };
                let holder = catalogue.artifacts.get(&place.holder);
                (cell, place, holder.map(|holder| holder.known.geometry))
            };
            let judged = match holder {
                Some(geometry) => self.judge(place, &geometry)?,
                None => Judged::Bad(Bad::Corrupt),
            };
            let mut catalogue = self.catalogue();
            let entry = catalogue.artifacts.get(&artifact);
            let is_as_it_was = entry.is_some_and(|entry| {
                entry.cell(index) == cell && entry.place(artifact, index) == Some(place)
            });
            match judged {
                Judged::Whole(bytes) => {
                    if is_as_it_was && why == Why::Proof {
                        let landed = proven(&mut catalogue, place);
                        drop(catalogue);
                        self.tell(landed);
                    }
                    return Ok(Found::Whole(bytes));
                }
                Judged::Bad(_) if !is_as_it_was => {}
                Judged::Bad(bad) => {
                    if bad == Bad::Corrupt || cell.state() == State::Kept {
                        tracing::warn!(piece = index.get(), ?bad, "a kept piece is bad");
                        catalogue.mark(place, bad);
                    }
                    return Ok(match bad {
                        Bad::Corrupt => Found::Corrupt,
                        Bad::Unread => Found::Unread,
                    });
                }
            }
        }
        Ok(Found::Missing)
    }

    /// Reads what is at a place in the file of an artifact that is cut like that, and verifies it.
    fn judge(&self, place: Place, geometry: &Geometry) -> Result<Judged, StoreError> {
        let Some(index) = geometry.index(place.index) else {
            return Ok(Judged::Bad(Bad::Corrupt));
        };
        let slot = match self.slots.get(place.holder, geometry) {
            Ok(Some(slot)) => slot,
            Ok(None) => return Ok(Judged::Bad(Bad::Corrupt)),
            Err(StoreError::Disk { source, .. }) if device::is_lost(&source) => {
                return Ok(Judged::Bad(Bad::Unread));
            }
            Err(error) => return Err(error),
        };
        judge(&slot, index, || self.list_of(place.holder))
    }

    /// The list of an artifact of which many pieces may have to be judged by it.
    fn list_of(&self, artifact: Sha256) -> Option<Arc<PieceList>> {
        let last = || self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let root = self.catalogue().artifacts.get(&artifact).map(|entry| entry.known.root);
        if let Some(list) = last().as_ref().filter(|list| Some(list.root()) == root) {
            return Some(Arc::clone(list));
        }
        let list = learn::list(self, artifact);
        last().clone_from(&list);
        list
    }
}

/// Reads a piece of a slot, and verifies it: by its address, or by the list, which is asked for then.
fn judge(
    slot: &Slot,
    index: PieceIndex,
    list: impl FnOnce() -> Option<Arc<PieceList>>,
) -> Result<Judged, StoreError> {
    Ok(match slot.read(index)? {
        Looked::Whole(bytes) => Judged::Whole(bytes),
        Looked::Unread => Judged::Bad(Bad::Unread),
        Looked::Short => Judged::Bad(Bad::Corrupt),
        Looked::Unknown(bytes, hash) => {
            let arrived =
                ArrivedPiece { index: index.get(), bytes: bytes.clone(), from: Source::Local };
            match list() {
                Some(list) if list.verify(arrived).is_ok() => {
                    slot.address(index, &hash);
                    Judged::Whole(bytes)
                }
                Some(_) => Judged::Bad(Bad::Corrupt),
                // Nothing says which bytes are right: they may be.
                None => Judged::Bad(Bad::Unread),
            }
        }
    })
}

/// What is at a piece's place in a slot, by what is known of it: `None` if it is whole.
pub(crate) fn prove(
    slot: &Slot,
    index: PieceIndex,
    list: Option<&Arc<PieceList>>,
) -> Result<Option<Bad>, StoreError> {
    Ok(match judge(slot, index, || list.map(Arc::clone))? {
        Judged::Whole(_) => None,
        Judged::Bad(bad) => Some(bad),
    })
}

/// Says of what lies at a place that it was verified today; gives what counts as kept again, for
/// every artifact that missed it there.
fn proven(catalogue: &mut Catalogue, place: Place) -> Vec<Landed> {
    let mut landed = Vec::new();
    for (artifact, index) in catalogue.users(place) {
        let Some(entry) = catalogue.artifacts.get_mut(&artifact) else { continue };
        let cell = entry.cell(index);
        let proven = cell.with(State::Kept).on(Day::of(now()));
        if proven != cell {
            entry.change(index, proven);
        }
        if cell.state() == State::Unread {
            landed.push(Landed::Piece(artifact, index));
        }
    }
    landed
}

pub(crate) fn now() -> UtcTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UtcTime::from_unix(since.map_or(0, |since| since.as_secs()))
}
