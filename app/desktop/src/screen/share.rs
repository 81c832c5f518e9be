//! The screen `share`.

use std::path::PathBuf;

use iced::Element;
use verifier::Sha256;

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
#[derive(Debug, Default)]
pub struct Share {}

impl Share {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        Action::none()
    }

    /// What goes on that closing the window would stop, as a clause; `None` if nothing does.
    pub fn at_work(&self) -> Option<String> {
        None
    }

    /// A file was dropped on the window.
    pub fn dropped(&mut self, _path: PathBuf) -> Action {
        Action::none()
    }

    /// Shows how to serve this model.
    pub fn show(&mut self, _artifact: Sha256) -> Action {
        Action::none()
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {}
    }

    /// The screen.
    pub fn view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        page::page(desk, "Share", Vec::new(), page::muted(desk, ""))
    }
}
