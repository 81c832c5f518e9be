//! Keeping what was set: one change of the file after the other, each of what was set here alone.

use app::problem::Problem;
use app::settings::{Setting, Settings};
use iced::Task;

use super::message::Message;
use super::{Companion, Heard, Stage};
use crate::screen::Place;
use crate::task;
use crate::wiring::Wiring;

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

impl<W: Wiring> Companion<W> {
    /// Keeps what was set, one change after the other.
    pub(super) fn save(&mut self) -> Task<Heard<W>> {
        let Some(change) = self.saving.next(&self.settings) else { return Task::none() };
        task::window::change(&self.wiring, self.data.clone(), change)
            .map(|saved| Message::Saved(saved.map(Box::new)))
    }

    pub(super) fn saved(&mut self, saved: Result<Box<Settings>, Problem>) -> Task<Heard<W>> {
        self.saving.done();
        match saved {
            Err(problem) => self.notices.fail(problem),
            // What the command set meanwhile holds here too, and is shown.
            Ok(settings) if self.saving.is_idle() && self.settings != *settings => {
                self.settings = *settings;
                self.wiring.pace(&self.settings);
                if let Stage::Open(screens) = &mut self.stage
                    && screens.place == Place::Settings
                {
                    let (task, errands) = screens.enter(&self.settings);
                    return Task::batch([task.map(Message::Screen), self.run(errands)]);
                }
            }
            Ok(_) => {}
        }
        self.save()
    }
}
