//! The plan that makes room: what goes, and in which order, or why nothing does.
//!
//! Figures in, a plan out. Nothing here looks at a disk or knows how anything is kept.

use std::path::{Path, PathBuf};

use app::ports::{Evictable, Pin, ReserveError};
use verifier::scalars::Id;

/// What a file takes is counted in blocks of so many bytes.
pub(crate) const BLOCK: u64 = 4 << 10;

/// One part in so many of a device is left to others: a disk that is full to the brim is slow, and
/// programs that have nothing to do with this one fail on it.
const SPARE: u64 = 33;

/// Left free on the device of the library at the least, in bytes, so that the index can still be written.
pub(crate) const HEADROOM: u64 = 8 << 20;

/// The most that is left to others, in bytes: on a large disk that share would be room for many models.
const MOST_SPARE: u64 = 1 << 30;

/// Something that has room for so much and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) of: Of,
    /// Bytes there are in all.
    pub(crate) most: u64,
    /// Bytes that are taken or promised; they may be more, where a limit was set later.
    pub(crate) used: u64,
    /// Bytes that are wanted beside those.
    pub(crate) wanted: u64,
}

/// What a limit is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of {
    /// Everything in the library.
    Quota,
    /// Every version of one model.
    Model(Id),
    /// The device of the library.
    Library(Device),
    /// A device that nothing of the library lies on.
    Output(Device),
}

/// A device, by a folder on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    place: PathBuf,
    /// Bytes of it that are left to others.
    spare: u64,
}

/// An artifact of the library, with the bytes that come free with it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) evictable: Evictable,
    pub(crate) pin: Pin,
    pub(crate) using: Using,
}

/// Whether somebody works with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Using {
    /// It is held, or leased by an import.
    Somebody,
    Nobody,
}

impl Candidate {
    /// Whether it may go, and something comes free with it.
    pub(crate) fn may_go(&self) -> bool {
        (self.pin, self.using) == (Pin::Unpinned, Using::Nobody) && self.evictable.bytes > 0
    }
}

impl Limit {
    /// The room on a device that has so many bytes, so many of them free, and so many of those
    /// promised.
    pub(crate) fn on(
        of: fn(Device) -> Of,
        place: &Path,
        (size, free): (u64, u64),
        promised: u64,
        wanted: u64,
    ) -> Self {
        let mut spare = spare(size);
        let mut of = of(Device { place: place.to_owned(), spare });
        if let Of::Library(device) = &mut of {
            spare = spare.max(HEADROOM);
            device.spare = spare;
        }
        Self { of, most: free, used: promised.saturating_add(spare), wanted }
    }

    /// Bytes left once `gain` has come free.
    const fn left(&self, gain: u64) -> u64 {
        self.most.saturating_add(gain).saturating_sub(self.used)
    }

    /// Whether what is used and what is wanted fit once `gain` has come free.
    const fn is_met(&self, gain: u64) -> bool {
        self.used.saturating_add(self.wanted) <= self.most.saturating_add(gain)
    }

    /// What comes free of it with an artifact.
    fn gain(&self, gone: &Evictable) -> u64 {
        match &self.of {
            Of::Quota | Of::Library(_) => gone.bytes,
            Of::Model(id) if *id == gone.model_id => gone.bytes,
            Of::Model(_) | Of::Output(_) => 0,
        }
    }

    fn gained(&self, gone: &[Evictable]) -> u64 {
        gone.iter().map(|gone| self.gain(gone)).sum()
    }

    /// Why it does not fit though `gain` came free.
    fn refusal(&self, gain: u64) -> ReserveError {
        let (wanted, left) = (self.wanted, self.left(gain));
        match &self.of {
            Of::Quota => ReserveError::Quota { wanted, left, quota: self.most },
            Of::Model(model_id) => {
                let (model_id, quota) = (model_id.clone(), self.most);
                ReserveError::ModelQuota { model_id, wanted, left, quota }
            }
            Of::Library(Device { place, spare }) | Of::Output(Device { place, spare }) => {
                let (place, spare) = (place.clone(), *spare);
                let free = self.most.saturating_sub(self.used.saturating_sub(spare));
                ReserveError::Device { place, wanted, free, spare }
            }
        }
    }
}

/// Plans what goes so that every limit is met: of what nobody uses and nobody pinned, the least
/// recently used first, and no more than is needed.
///
/// # Errors
///
/// [`ReserveError`] of the first limit that is not met even if all of it went. Then nothing is to go.
pub(crate) fn plan(
    limits: &[Limit],
    candidates: Vec<Candidate>,
) -> Result<Vec<Evictable>, ReserveError> {
    let mut may_go: Vec<Evictable> = candidates
        .into_iter()
        .filter(Candidate::may_go)
        .map(|candidate| candidate.evictable)
        .collect();
    may_go.sort_by_key(|evictable| evictable.last_use);
    let mut goes: Vec<Evictable> = Vec::new();
    // What only some artifacts help comes first, and may be enough for the rest.
    let (own, all): (Vec<_>, Vec<_>) =
        limits.iter().partition(|limit| matches!(limit.of, Of::Model(_)));
    for limit in own.into_iter().chain(all) {
        while !limit.is_met(limit.gained(&goes)) {
            let Some(next) = may_go.iter().position(|gone| limit.gain(gone) > 0) else {
                return Err(limit.refusal(limit.gained(&goes)));
            };
            goes.push(may_go.remove(next));
        }
    }
    Ok(goes)
}

/// Bytes that a file of that length takes.
pub(crate) const fn in_blocks(length: u64) -> u64 {
    length.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// Bytes of a device of that size that are left to others.
fn spare(size: u64) -> u64 {
    (size / SPARE).min(MOST_SPARE)
}

#[cfg(test)]
mod tests {
    use app::ports::{Evictable, Pin, ReserveError};
    use verifier::Sha256;
    use verifier::scalars::{Id, UtcTime, Version};

    use super::{Candidate, Limit, Of, Using, in_blocks, plan, spare};

    fn id(name: &str) -> Id {
        Id::parse(name).unwrap()
    }

    /// An artifact of a model that was last used then, and takes so much.
    fn kept(model: &str, last_use: u64, bytes: u64) -> Candidate {
        let evictable = Evictable {
            artifact: Sha256::of(&last_use.to_le_bytes()),
            model_id: id(model),
            model_version: Version::parse("1.0").unwrap(),
            last_use: UtcTime::from_unix(last_use),
            bytes,
        };
        Candidate { evictable, pin: Pin::Unpinned, using: Using::Nobody }
    }

    fn limit(of: Of, most: u64, used: u64, wanted: u64) -> Limit {
        Limit { of, most, used, wanted }
    }

    /// When each of what goes was last used.
    fn goes(limits: &[Limit], kept: &[Candidate]) -> Result<Vec<u64>, ReserveError> {
        let goes = plan(limits, kept.to_vec())?;
        let goes: Vec<u64> = goes.iter().map(|gone| gone.last_use.unix()).collect();
        let without = kept.iter().filter(|kept| !goes.contains(&kept.evictable.last_use.unix()));
        // As soon as that is gone, nothing more goes.
        let left: Vec<_> = without.cloned().collect();
        let gained: u64 = kept.iter().map(|kept| kept.evictable.bytes).sum::<u64>()
            - left.iter().map(|kept| kept.evictable.bytes).sum::<u64>();
        let after: Vec<Limit> = limits
            .iter()
            .map(|limit| Limit { most: limit.most + gained, ..limit.clone() })
            .filter(|limit| !matches!(limit.of, Of::Model(_) | Of::Output(_)))
            .collect();
        assert!(plan(&after, left).unwrap().is_empty());
        Ok(goes)
    }

    #[test]
    fn the_least_recently_used_goes_and_no_more_than_is_needed() {
        let all = [kept("a", 3, 100), kept("b", 1, 100), kept("c", 2, 100), kept("d", 4, 100)];
        let quota = |wanted| [limit(Of::Quota, 400, 400, wanted)];
        assert_eq!(goes(&quota(0), &all).unwrap(), [0; 0]);
        assert_eq!(goes(&quota(1), &all).unwrap(), [1]);
        assert_eq!(goes(&quota(101), &all).unwrap(), [1, 2]);
        assert_eq!(goes(&quota(400), &all).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn nothing_goes_unless_the_whole_plan_fits() {
        let mut all = vec![kept("a", 1, 100), kept("b", 2, 100), kept("c", 3, 0)];
        let wanted = [limit(Of::Quota, 300, 300, 201)];
        let refused = plan(&wanted, all.clone()).unwrap_err();
        assert!(
            matches!(refused, ReserveError::Quota { wanted: 201, left: 200, quota: 300 }),
            "{refused:?}"
        );
        // What is pinned or in use stays, so the plan is as short as before.
        all.push(Candidate { pin: Pin::Pinned, ..kept("d", 4, 100) });
        all.push(Candidate { using: Using::Somebody, ..kept("e", 5, 100) });
        assert!(plan(&wanted, all.clone()).is_err());
        all.push(kept("f", 6, 1));
        assert_eq!(plan(&wanted, all.clone()).unwrap().len(), 3);
        // The quota could be met; the device of the output cannot, whatever goes.
        let output = Limit::on(Of::Output, "/o".as_ref(), (330, 60), 5, 46);
        let refused = plan(&[&wanted[..], &[output]].concat(), all).unwrap_err();
        assert!(
            matches!(&refused, ReserveError::Device { place, wanted: 46, free: 55, spare: 10 }
                if place.as_os_str() == "/o"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_model_that_is_over_its_quota_gives_up_its_own_versions() {
        let all = [kept("a", 1, 100), kept("b", 2, 100), kept("b", 3, 100)];
        let own = [limit(Of::Model(id("b")), 250, 200, 100)];
        assert_eq!(goes(&own, &all).unwrap(), [2]);
        // What goes for it is room for all.
        let quota = limit(Of::Quota, 300, 300, 100);
        assert_eq!(goes(&[&[quota], &own[..]].concat(), &all).unwrap(), [2]);
        let refused = plan(&[limit(Of::Model(id("b")), 250, 200, 251)], all.to_vec()).unwrap_err();
        assert!(
            matches!(&refused, ReserveError::ModelQuota { model_id, left: 250, .. }
                if model_id.as_str() == "b"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_limit_set_below_what_is_used_is_met_by_what_is_over() {
        let all = [kept("a", 1, 100), kept("b", 2, 100), kept("c", 3, 100)];
        assert_eq!(goes(&[limit(Of::Quota, 150, 300, 0)], &all).unwrap(), [1, 2]);
    }

    #[test]
    fn some_of_a_device_is_left_to_others() {
        assert_eq!((spare(330), spare(0), spare(u64::MAX)), (10, 0, 1 << 30));
        let device = |wanted| Limit::on(Of::Output, "/o".as_ref(), (330, 100), 20, wanted);
        assert!(device(70).is_met(0) && !device(71).is_met(0) && device(71).is_met(1));
        let (size, free) = (20 << 20, 12 << 20);
        let library = |wanted| Limit::on(Of::Library, "/l".as_ref(), (size, free), 0, wanted);
        assert!(library(4 << 20).is_met(0), "the index can still be written");
        assert!(!library((4 << 20) + 1).is_met(0));
    }

    #[test]
    fn a_file_is_counted_in_whole_blocks() {
        let lengths = [0, 1, 4_096, 4_097];
        assert_eq!(lengths.map(in_blocks), [0, 4_096, 4_096, 8_192]);
        assert!(in_blocks(u64::MAX) > 1 << 60);
    }
}
