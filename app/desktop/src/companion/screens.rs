//! Every screen of an open installation, and the way messages go to and from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::Ports;
use app::settings::Settings;
use iced::{Element, Task};
use verifier::Sha256;

use super::message::{Message, Screen};
use crate::context::{Book, Context};
use crate::screen::{
    Action, Errand, Place, activity, bench, import, library, peers, receipts, settings, share,
    storage,
};
use crate::task;
use crate::wiring::Opened;

/// Every screen, and what they share.
pub(super) struct Screens<P> {
    pub(super) opened: Arc<Opened<P>>,
    pub(super) book: Book,
    pub(super) place: Place,
    library: library::Library,
    import: import::Import,
    share: share::Share,
    peers: peers::Peers,
    receipts: receipts::Receipts,
    storage: storage::Storage,
    activity: activity::Activity,
    bench: bench::Bench,
    settings: settings::Preferences,
}

/// What comes of a message: work under way, and errands.
type Outcome = (Task<Screen>, Vec<Errand>);

impl<P: Ports<Clock: Clone> + 'static> Screens<P> {
    pub(super) fn new(opened: Arc<Opened<P>>, book: Book, settings: &Settings) -> Self {
        Self {
            opened,
            book,
            place: Place::Library,
            library: library::Library::default(),
            import: import::Import::default(),
            share: share::Share::default(),
            peers: peers::Peers::default(),
            receipts: receipts::Receipts::default(),
            storage: storage::Storage::default(),
            activity: activity::Activity::default(),
            bench: bench::Bench::default(),
            settings: settings::Preferences::new(settings.clone()),
        }
    }

    /// Starts the work of an action.
    fn act<T, M: Send + 'static>(
        &self,
        action: Action<T>,
        settings: &Settings,
        start: fn(&Arc<Opened<P>>, &Settings, T) -> Task<M>,
        wrap: fn(M) -> Screen,
    ) -> Outcome {
        let work =
            action.work.into_iter().map(|work| start(&self.opened, settings, work).map(wrap));
        (Task::batch(work.collect::<Vec<_>>()), action.errands)
    }

    /// Gives a message to its screen.
    pub(super) fn hear(&mut self, message: Screen, settings: &Settings) -> Outcome {
        match message {
            Screen::Library(message) => {
                let action = self.library.update(message);
                self.act(action, settings, task::library::start, Screen::Library)
            }
            Screen::Import(message) => {
                let action = self.import.update(message);
                self.act(action, settings, task::import::start, Screen::Import)
            }
            Screen::Share(message) => {
                let action = self.share.update(message);
                self.act(action, settings, task::share::start, Screen::Share)
            }
            Screen::Peers(message) => {
                let action = self.peers.update(message);
                self.act(action, settings, task::peers::start, Screen::Peers)
            }
            Screen::Receipts(message) => {
                let action = self.receipts.update(message);
                self.act(action, settings, task::receipts::start, Screen::Receipts)
            }
            Screen::Storage(message) => {
                let action = self.storage.update(message);
                self.act(action, settings, task::storage::start, Screen::Storage)
            }
            Screen::Activity(message) => {
                let action = self.activity.update(message);
                self.act(action, settings, task::activity::start, Screen::Activity)
            }
            Screen::Bench(message) => {
                let action = self.bench.update(message);
                self.act(action, settings, task::bench::start, Screen::Bench)
            }
            Screen::Settings(message) => {
                let action = self.settings.update(message);
                self.act(action, settings, task::settings::start, Screen::Settings)
            }
        }
    }

    /// Lets the screen that is shown look at what is new.
    pub(super) fn enter(&mut self, settings: &Settings) -> Outcome {
        match self.place {
            Place::Library => {
                let action = self.library.enter();
                self.act(action, settings, task::library::start, Screen::Library)
            }
            Place::Import => {
                let action = self.import.enter();
                self.act(action, settings, task::import::start, Screen::Import)
            }
            Place::Share => {
                let action = self.share.enter();
                self.act(action, settings, task::share::start, Screen::Share)
            }
            Place::Peers => {
                let action = self.peers.enter();
                self.act(action, settings, task::peers::start, Screen::Peers)
            }
            Place::Receipts => {
                let action = self.receipts.enter();
                self.act(action, settings, task::receipts::start, Screen::Receipts)
            }
            Place::Storage => {
                let action = self.storage.enter();
                self.act(action, settings, task::storage::start, Screen::Storage)
            }
            Place::Activity => {
                let action = self.activity.enter();
                self.act(action, settings, task::activity::start, Screen::Activity)
            }
            Place::Bench => {
                let action = self.bench.enter();
                self.act(action, settings, task::bench::start, Screen::Bench)
            }
            Place::Settings => {
                let action = self.settings.enter(settings);
                self.act(action, settings, task::settings::start, Screen::Settings)
            }
        }
    }

    /// The screen that a dropped file is for.
    pub(super) fn place_for(&self, path: &Path) -> Place {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("slm") if self.place != Place::Receipts => Place::Share,
            Some("minimodel-receipt") => Place::Receipts,
            Some("slm") => Place::Receipts,
            Some("manifest") if matches!(self.place, Place::Receipts | Place::Share) => self.place,
            _ => Place::Import,
        }
    }

    /// Gives a file to the screen that is shown.
    pub(super) fn dropped(&mut self, path: PathBuf, settings: &Settings) -> Outcome {
        match self.place {
            Place::Share => {
                let action = self.share.dropped(path);
                self.act(action, settings, task::share::start, Screen::Share)
            }
            Place::Receipts => {
                let action = self.receipts.dropped(path);
                self.act(action, settings, task::receipts::start, Screen::Receipts)
            }
            _ => {
                self.place = Place::Import;
                let action = self.import.dropped(path);
                self.act(action, settings, task::import::start, Screen::Import)
            }
        }
    }

    /// Shows how to serve a model.
    pub(super) fn show_share(&mut self, artifact: Sha256, settings: &Settings) -> Outcome {
        let action = self.share.show(artifact);
        self.act(action, settings, task::share::start, Screen::Share)
    }

    /// What goes on that closing the window would stop, a clause each.
    pub(super) fn at_work(&self) -> Vec<String> {
        [self.import.at_work(), self.share.at_work()].into_iter().flatten().collect()
    }

    /// Whether the screen that is shown first has something to show.
    pub(super) fn is_filled(&self) -> bool {
        self.place != Place::Library || self.library.is_filled()
    }

    /// The screen that is shown.
    pub(super) fn view<'a, O: Clone + 'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message<O>> {
        let screen = match self.place {
            Place::Library => self.library.view(cx).map(Screen::Library),
            Place::Import => self.import.view(cx).map(Screen::Import),
            Place::Share => self.share.view(cx).map(Screen::Share),
            Place::Peers => self.peers.view(cx).map(Screen::Peers),
            Place::Receipts => self.receipts.view(cx).map(Screen::Receipts),
            Place::Storage => self.storage.view(cx).map(Screen::Storage),
            Place::Activity => self.activity.view(cx).map(Screen::Activity),
            Place::Bench => self.bench.view(cx).map(Screen::Bench),
            Place::Settings => self.settings.view(cx).map(Screen::Settings),
        };
        screen.map(Message::Screen)
    }
}
