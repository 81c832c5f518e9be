//! What the window hears.

use std::sync::Arc;

use app::ports::KnownPeer;
use app::problem::Problem;
use app::settings::Settings;
use iced::keyboard::{self, Key, Modifiers};
use iced::theme::Mode;
use iced::{Event, event, window};

use crate::screen::{
    Place, Run, activity, bench, import, library, peers, receipts, settings, share, storage,
};
use crate::wiring::Unopened;

/// What the window hears; `O` is an open installation.
#[derive(Debug, Clone)]
pub enum Message<O> {
    /// The user read the first page and wants to start.
    Begin,
    /// Try again to open the library.
    Retry,
    /// The library is open, or is not.
    Opened(Result<O, Unopened>),
    /// The book of peers was read.
    Book(Run, Result<Arc<[KnownPeer]>, Problem>),
    /// The settings were kept, and are these now.
    Saved(Result<Box<Settings>, Problem>),
    /// Show a screen.
    Go(Place),
    /// Whether the window fills the screen.
    Maximized(bool),
    /// Whether the desktop is dark.
    Mode(Mode),
    /// Something happened to the window.
    Window(window::Id, window::Event),
    /// A key that no control took.
    Key(Key, Modifiers),
    /// A frame begins.
    Frame,
    /// Some time went by.
    Tick,
    /// What is said at this place of the window's edge was read.
    Dismiss(usize),
    /// Show the keys, or do not.
    Keys,
    /// Do not close.
    Stay,
    /// Close, whatever goes on.
    Close,
    /// Everything is kept that has to be.
    Gone,
    /// Something for a screen.
    Screen(Screen),
}

/// What a screen hears.
#[derive(Debug, Clone)]
pub enum Screen {
    /// The library.
    Library(library::Message),
    /// The imports.
    Import(import::Message),
    /// The shares.
    Share(share::Message),
    /// The peers.
    Peers(peers::Message),
    /// The receipts.
    Receipts(receipts::Message),
    /// The storage.
    Storage(storage::Message),
    /// The activity.
    Activity(activity::Message),
    /// The benchmark.
    Bench(bench::Message),
    /// The settings.
    Settings(settings::Message),
}

/// What of the window's events is listened to.
pub(super) fn of_event<O>(
    event: Event,
    status: event::Status,
    id: window::Id,
) -> Option<Message<O>> {
    match event {
        Event::Window(
            event @ (window::Event::Opened { .. }
            | window::Event::Resized(_)
            | window::Event::Rescaled(_)
            | window::Event::CloseRequested
            | window::Event::FileDropped(_)),
        ) => Some(Message::Window(id, event)),
        Event::Keyboard(keyboard::Event::KeyPressed { modified_key, modifiers, .. })
            if status == event::Status::Ignored =>
        {
            Some(Message::Key(modified_key, modifiers))
        }
        _ => None,
    }
}
