//! Keeping what was set: one change of the file after the other, each of what was set here alone.

use app::settings::{Setting, Settings};

/// What was set and is not kept yet.
#[derive(Debug, Default)]
pub(super) struct Saving {
    wanted: Vec<Setting>,
    is_busy: bool,
}

impl Saving {
    /// What differs is to be kept; the rest is whatever the file says by then.
    pub(super) fn wish(&mut self, before: &Settings, after: &Settings) {
        let differs = |setting: &Setting| before.taking(*setting, after) != *before;
        self.wanted.extend(Setting::ALL.into_iter().filter(differs));
    }

    /// The next change of the file, unless one is under way or nothing was set.
    pub(super) fn next(
        &mut self,
        settings: &Settings,
    ) -> Option<impl FnOnce(&Settings) -> Settings + Send + use<>> {
        if self.is_busy {
            return None;
        }
        let change = self.rest(settings)?;
        self.is_busy = true;
        Some(change)
    }

    /// All that is not kept yet, whatever is under way.
    pub(super) fn rest(
        &mut self,
        settings: &Settings,
    ) -> Option<impl FnOnce(&Settings) -> Settings + Send + use<>> {
        if self.wanted.is_empty() {
            return None;
        }
        let (wanted, settings) = (std::mem::take(&mut self.wanted), settings.clone());
        Some(move |now: &Settings| {
            wanted.iter().fold(now.clone(), |now, setting| now.taking(*setting, &settings))
        })
    }

    /// A change of the file came to its end.
    pub(super) const fn done(&mut self) {
        self.is_busy = false;
    }

    /// Whether everything that was set was kept, or could not be.
    pub(super) const fn is_idle(&self) -> bool {
        !self.is_busy && self.wanted.is_empty()
    }
}
