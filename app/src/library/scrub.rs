//! Verifies what is kept within a budget, what was verified longest ago first.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use verifier::{Bitfield, Geometry, Sha256};

use super::recheck::{judge, read_again};
use super::{Checked, kept_bytes};
use crate::import::bytes_of;
use crate::ports::{Day, Failure, Model, PieceState, PieceStore, Ports};

/// The most that is read at a time, in bytes: it bounds by how much a budget is exceeded.
const BATCH: u64 = 64 << 20;
/// How often it pauses at least where there is a rate, in parts of a second.
const PAUSES: u64 = 4;

/// How much a scrub may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// For how long it begins to read something; without one, until all was read once.
    pub time: Option<Duration>,
    /// How many bytes a second it reads at most; without one, as many as the disk gives.
    pub rate: Option<u64>,
}

/// How far a scrub is.
#[derive(Debug)]
pub struct Reached<'a> {
    /// The model that is being read.
    pub model: &'a Model,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that there are to read; a budget may end it before.
    pub of: u64,
    /// What of the time is left.
    pub left: Option<Duration>,
    /// How many pieces were found to be bad.
    pub bad: u64,
}

/// What ended a scrub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All was read.
    Done,
    /// Its time was over.
    Time,
    /// It was stopped.
    Stopped,
}

impl Ended {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Time => "time",
            Self::Stopped => "stopped",
        }
    }
}

/// What a scrub found.
#[derive(Debug)]
pub struct Scrubbed {
    /// Bytes that were read.
    pub bytes: u64,
    /// How many pieces they are.
    pub pieces: u64,
    /// Bytes that were to be read too and were not.
    pub left: u64,
    /// What ended it.
    pub ended: Ended,
    /// Every model of which something was read, and how it is now; or why it could not be read.
    pub models: Vec<(Model, Result<Checked, Failure>)>,
}

/// Reads kept pieces again within a budget: those of these models, or of all if none is named; what
/// was verified longest ago comes first, so that the next scrub goes on where this one ended.
///
/// A piece that is bad counts as missing from then on. A model of which every piece was read and is
/// sound is written down as verified. When `stop` resolves or the time is over it ends with what is
/// being read, 64 MiB at most. A failure on one model keeps no other from being read, and one that is
/// forgotten meanwhile is left out.
///
/// # Errors
///
/// [`Failure`] if the models cannot be listed.
pub async fn scrub<P: Ports>(
    ports: &P,
    artifacts: &[Sha256],
    budget: Budget,
    mut on: impl FnMut(Reached<'_>) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Scrubbed, Failure> {
    let store = ports.store();
    let mut models = store.models().await?;
    models.retain(|model| artifacts.is_empty() || artifacts.contains(&model.artifact));
    let mut works: Vec<Work> = models.into_iter().map(Work::new).collect();
    let order = order(&**store, &works).await?;
    let of: u64 = works.iter().map(|work| kept_bytes(&work.model)).sum();
    let mut stop = pin!(stop.fuse());
    let started = Instant::now();
    let until = budget.time.and_then(|time| started.checked_add(time));
    let (mut bytes, mut bad, mut ended) = (0, 0, Ended::Done);
    'all: for ((_, place), pieces) in &order {
        let Some(work) = works.get_mut(*place) else { continue };
        let geometry = work.model.geometry;
        for batch in batches(pieces, &geometry, budget.rate) {
            let due = budget.rate.map_or(started, |rate| started + pace(bytes, rate));
            tokio::select! {
                biased;
                () = &mut stop => ended = Ended::Stopped,
                () = sleep_until(until.map_or(due, |until| due.min(until))) => {
                    if until.is_some_and(|until| Instant::now() >= until) {
                        ended = Ended::Time;
                    }
                }
            }
            if ended != Ended::Done {
                break 'all;
            }
            let model = &work.model;
            let tell = |pieces: u32| {
                let read = u64::from(pieces).saturating_mul(geometry.piece_size().into());
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                on(Reached { model, bytes: of.min(bytes.saturating_add(read)), of, left, bad });
            };
            match read_again(store, model.artifact, batch.clone(), tell).await {
                Ok(Some(found)) => {
                    bytes += bytes_of(&batch, &geometry);
                    bad += (found.corrupt.len() + found.unread.len()) as u64;
                    work.pieces = work.pieces.saturating_add(found.checked);
                    work.unread = work
                        .unread
                        .saturating_add(u32::try_from(found.unread.len()).unwrap_or(u32::MAX));
                }
                // It was forgotten.
                Ok(None) => break,
                Err(failure) => {
                    work.failed = Some(failure);
                    break;
                }
            }
        }
    }
    let pieces = works.iter().map(|work| u64::from(work.pieces)).sum();
    let left = of.saturating_sub(bytes);
    let mut models = Vec::new();
    for work in works {
        let Work { model, pieces, unread, failed } = work;
        let found = match failed {
            Some(failure) => Err(failure),
            None if pieces == 0 => continue,
            None => judge(ports, &model, pieces, unread).await,
        };
        if let Some(found) = found.transpose() {
            models.push((model, found));
        }
    }
    Ok(Scrubbed { bytes, pieces, left, ended, models })
}

/// A model, and what was found of it by now.
struct Work {
    model: Model,
    pieces: u32,
    unread: u32,
    failed: Option<Failure>,
}

impl Work {
    const fn new(model: Model) -> Self {
        Self { model, pieces: 0, unread: 0, failed: None }
    }
}

/// The kept pieces by the day of their last check, those without one first, and by model.
async fn order<S: PieceStore>(
    store: &S,
    works: &[Work],
) -> Result<BTreeMap<(Option<Day>, usize), Bitfield>, Failure> {
    let mut order = BTreeMap::new();
    for (place, Work { model, .. }) in works.iter().enumerate() {
        let map = store.map(model.artifact).await?.unwrap_or_default();
        for (index, state) in model.geometry.indices().zip(map) {
            if let PieceState::Kept { verified, .. } = state {
                let none = || Bitfield::empty(model.geometry.piece_count());
                order.entry((verified, place)).or_insert_with(none).insert(index);
            }
        }
    }
    Ok(order)
}

/// The pieces in parts that are read at a time, in file order.
fn batches<'a>(
    pieces: &'a Bitfield,
    geometry: &'a Geometry,
    rate: Option<u64>,
) -> impl Iterator<Item = Bitfield> + use<'a> {
    let most = rate.map_or(BATCH, |rate| BATCH.min(rate / PAUSES));
    let mut pieces = pieces.pieces(geometry).peekable();
    std::iter::from_fn(move || {
        pieces.peek()?;
        let (mut batch, mut bytes) = (Bitfield::empty(geometry.piece_count()), 0);
        let fits = |bytes: u64, more: u32| bytes == 0 || bytes.saturating_add(more.into()) <= most;
        while let Some(index) = pieces.next_if(|index| fits(bytes, geometry.length(*index))) {
            bytes += u64::from(geometry.length(index));
            batch.insert(index);
        }
        Some(batch)
    })
}

/// When so many bytes may have been read.
fn pace(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use verifier::{Bitfield, Geometry};

    use super::{batches, pace};

    #[test]
    fn what_is_read_at_a_time_is_a_part_of_a_second_and_one_piece_at_least() {
        let geometry = Geometry::new(10 * 1_024 - 1, 1_024).unwrap();
        let lengths = |rate| -> Vec<u32> {
            let all = Bitfield::full(10);
            batches(&all, &geometry, rate).map(|batch| batch.count()).collect()
        };
        assert_eq!(lengths(None), [10]);
        assert_eq!(lengths(Some(16 * 1_024)), [4, 4, 2]);
        assert_eq!(lengths(Some(12 * 1_024)), [3, 3, 3, 1]);
        assert_eq!(lengths(Some(1)), [1; 10]);
        assert_eq!(batches(&Bitfield::empty(10), &geometry, None).count(), 0);
    }

    #[test]
    fn bytes_take_as_long_as_the_rate_says() {
        assert_eq!(pace(0, 5), Duration::ZERO);
        assert_eq!(pace(50 << 20, 20 << 20), Duration::from_millis(2_500));
        assert_eq!(pace(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }
}
