//! The screen `settings`.

use app::settings::Settings;
use iced::Element;

use crate::desk::Desk;
use crate::widget::page;

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {}

/// The screen's state.
#[derive(Debug)]
pub struct Preferences {
    settings: Settings,
}

impl Preferences {
    /// The screen of these settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self, settings: &Settings) -> Action {
        self.settings = settings.clone();
        Action::none()
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {}
    }

    /// The screen.
    pub fn view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        page::page(desk, "Preferences", Vec::new(), page::muted(desk, ""))
    }
}
