//! The screen `settings`: what the user can set, each thing with what is wrong with it beside it.

mod draft;
mod section;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;

use app::problem::Problem;
use app::settings::{Setting, Settings};
use iced::Element;

use super::{Errand, Place};
use crate::context::Context;
use draft::Drafts;

pub use section::Section;

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at the folders, with imports going there.
    Look(Option<PathBuf>),
    /// Let the user look for the folder of imports.
    Choose,
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// Something is typed for that.
    Typed(Setting, String),
    /// What was typed for that is to be kept.
    Save(Setting),
    /// That is chosen, by its word.
    Put(Setting, String),
    /// Everything of that part is to be as it was made.
    Reset(Section),
    /// How the folders are, if they could be looked at.
    Looked(Result<Folders, Problem>),
    /// Look for the folder of imports in the desktop's own window.
    Choose,
    /// It was chosen there, or none was.
    Chosen(Option<PathBuf>),
    /// Show another screen.
    Go(Place),
}

/// How the folders are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The data folder.
    pub data: PathBuf,
    /// The downloads folder of the account, if there is one.
    pub downloads: Option<PathBuf>,
    /// What was looked at as the folder of imports.
    pub imports: Option<PathBuf>,
    /// Whether imports can go there: it is a folder.
    pub is_there: bool,
}

/// The screen's state.
#[derive(Debug)]
pub struct Preferences {
    settings: Settings,
    drafts: Drafts,
    folders: Option<Result<Folders, Problem>>,
}

impl Preferences {
    /// The screen of these settings.
    pub fn new(settings: Settings) -> Self {
        Self { drafts: Drafts::of(&settings), settings, folders: None }
    }

    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self, settings: &Settings) -> Action {
        self.settings = settings.clone();
        self.drafts.refresh(settings);
        self.look()
    }

    fn look(&self) -> Action {
        Action::work(Work::Look(self.settings.imports.clone()))
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Typed(setting, text) => {
                self.drafts.typed(setting, text, &self.settings);
                Action::none()
            }
            Message::Save(setting) => self.save(setting),
            Message::Put(setting, word) => match self.settings.with(setting, &word) {
                Ok(settings) => self.set(settings),
                Err(_) => Action::none(),
            },
            Message::Reset(section) => self.reset(section),
            Message::Looked(looked) => {
                // The folder may have been set to another one meanwhile.
                let is_old = |looked: &Folders| looked.imports != self.settings.imports;
                if !looked.as_ref().is_ok_and(is_old) {
                    self.folders = Some(looked);
                }
                Action::none()
            }
            Message::Choose => Action::work(Work::Choose),
            Message::Chosen(None) => Action::none(),
            Message::Chosen(Some(path)) => {
                let text = path.to_string_lossy().into_owned();
                self.drafts.typed(Setting::Imports, text, &self.settings);
                self.save(Setting::Imports)
            }
            Message::Go(place) => Action::errand(Errand::Go(place)),
        }
    }

    /// Keeps what was typed, if it can be; what is wrong with it is shown already.
    fn save(&mut self, setting: Setting) -> Action {
        let Some(settings) = self.drafts.take(setting, &self.settings) else {
            return Action::none();
        };
        self.set(settings)
    }

    fn reset(&mut self, section: Section) -> Action {
        let made = |settings: Settings, setting: &Setting| settings.as_made(*setting);
        let settings = section.settings().iter().fold(self.settings.clone(), made);
        for setting in section.settings() {
            self.drafts.reset(*setting, &settings);
        }
        self.set(settings)
    }

    fn set(&mut self, settings: Settings) -> Action {
        let moved = settings.imports != self.settings.imports;
        self.settings = settings.clone();
        let set = Errand::Set(Box::new(settings));
        if moved { self.look().and(set) } else { Action::errand(set) }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        view::view(self, cx)
    }
}
