//! The window's state: which screen is shown, and what all screens share.

mod close;
mod frame;
mod keys;
mod message;
mod notices;
mod saving;
mod screens;
#[cfg(test)]
mod tests;
mod timing;
mod welcome;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::bench::Machine;
use app::clock::SystemClock;
use app::ports::Clock as _;
use app::problem::Problem;
use app::settings::{self, Settings, Start};
use iced::theme::Mode;
use iced::{Element, Size, Subscription, Task, Theme, clipboard, window};
use verifier::scalars::UtcTime;

use crate::context::{Book, Context};
use crate::screen::{Changed, Errand, Place, Run};
use crate::task;
use crate::theme::{self, Scale};
use crate::widget::{list, piece_map};
use crate::wiring::{Opened, Unopened, Wiring};

use close::Closing;
use notices::Notices;
use saving::Saving;
use screens::Screens;
use timing::Timing;

pub use message::Message;

/// The window's messages, with the wiring's own ports in them.
pub type Heard<W> = Message<Arc<Opened<<W as Wiring>::Ports>>>;

/// How large the window is where nobody made it another size, in logical pixels.
const SIZE: Size = Size::new(1_180.0, 780.0);
/// How long the window stays after it was told to close while something went on.
const TIDYING: Duration = Duration::from_secs(1);
/// How small it can be made.
const LEAST: Size = Size::new(760.0, 520.0);

/// What the window starts with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The data folder.
    pub data: PathBuf,
    /// What the user set.
    pub settings: Settings,
    /// Whether there is no installation in the folder yet.
    pub is_new: bool,
    /// Why the settings could not be read, if so.
    pub trouble: Option<Problem>,
    /// When the program was started.
    pub started: Instant,
}

/// The window.
pub struct Companion<W: Wiring> {
    wiring: Arc<W>,
    data: PathBuf,
    settings: Settings,
    look: Look,
    now: UtcTime,
    stage: Stage<W::Ports>,
    sheet: Option<Sheet>,
    notices: Notices,
    timing: Option<Timing>,
    saving: Saving,
    /// The newest reading of the book of peers; an older one is not shown any more.
    reading: Run,
}

/// What the window's surroundings say of how it looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    mode: Mode,
    scale_factor: f32,
    size: Size,
    id: Option<window::Id>,
    maximized: bool,
}

/// How far the start has come.
enum Stage<P> {
    /// The first run: what this is, before anything is made.
    Welcome,
    /// The library is being opened.
    Opening,
    /// Another process has it.
    Held(Problem),
    /// It cannot be opened.
    Failed(Problem),
    /// It is open.
    Open(Box<Screens<P>>),
}

/// What lies over the window.
enum Sheet {
    /// The keys that work everywhere.
    Keys,
    /// Whether to close although something goes on.
    Closing(Closing),
}

impl<W: Wiring> Companion<W> {
    /// The window at its start, and the work of starting.
    pub fn new(wiring: Arc<W>, beginning: Beginning) -> (Self, Task<Heard<W>>) {
        let Beginning { data, settings, is_new, trouble, started } = beginning;
        // Before there is a window whose thread would have to ask: it reads files to answer.
        let _cores = Machine::cores();
        let size = settings.window.size.map_or(SIZE, |(width, height)| Size::new(width, height));
        let look = Look {
            mode: Mode::None,
            scale_factor: 1.0,
            size,
            id: None,
            maximized: settings.window.maximized,
        };
        let stage = if is_new { Stage::Welcome } else { Stage::Opening };
        let mut notices = Notices::default();
        if let Some(trouble) = trouble {
            notices.fail(trouble);
        }
        let mut companion = Self {
            wiring,
            data,
            settings,
            look,
            now: SystemClock.now(),
            stage,
            sheet: None,
            notices,
            timing: Timing::since(started),
            saving: Saving::default(),
            reading: Run::default(),
        };
        let mode = iced::system::theme().map(Message::Mode);
        let open = if is_new { Task::none() } else { companion.open() };
        (companion, Task::batch([mode, open]))
    }

    fn open(&mut self) -> Task<Heard<W>> {
        self.stage = Stage::Opening;
        task::window::open(&self.wiring, self.data.clone(), self.settings.clone())
            .map(Message::Opened)
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Heard<W>) -> Task<Heard<W>> {
        self.now = SystemClock.now();
        match message {
            Message::Begin | Message::Retry => self.open(),
            Message::Opened(outcome) => self.opened(outcome),
            Message::Book(run, Ok(peers)) => {
                if run == self.reading
                    && let Stage::Open(screens) = &mut self.stage
                {
                    screens.book.peers = peers;
                }
                Task::none()
            }
            Message::Book(_, Err(problem)) => {
                self.notices.fail(problem);
                Task::none()
            }
            Message::Saved(saved) => self.saved(saved),
            Message::Go(place) => self.go(place),
            Message::Maximized(maximized) => {
                self.look.maximized = maximized;
                Task::none()
            }
            Message::Mode(mode) => {
                self.look.mode = mode;
                Task::none()
            }
            Message::Window(id, event) => self.window(id, event),
            Message::Key(key, modifiers) => keys::press(self, &key, modifiers),
            Message::Frame => {
                let shows_library = match &self.stage {
                    Stage::Open(screens) => screens.is_filled(),
                    _ => false,
                };
                if self.timing.as_mut().is_some_and(|timing| !timing.frame(shows_library)) {
                    self.timing = None;
                }
                Task::none()
            }
            Message::Tick => {
                self.notices.age();
                Task::none()
            }
            Message::Dismiss(place) => {
                self.notices.dismiss(place);
                Task::none()
            }
            Message::Keys => {
                self.sheet = match self.sheet {
                    Some(Sheet::Keys) => None,
                    _ => Some(Sheet::Keys),
                };
                Task::none()
            }
            Message::Stay => {
                self.sheet = None;
                Task::none()
            }
            Message::Close => self.close(),
            Message::Gone => iced::exit(),
            Message::Screen(message) => {
                let Stage::Open(screens) = &mut self.stage else { return Task::none() };
                let (task, errands) = screens.hear(message, &self.settings);
                Task::batch([task.map(Message::Screen), self.run(errands)])
            }
        }
    }

    fn opened(&mut self, outcome: Result<Arc<Opened<W::Ports>>, Unopened>) -> Task<Heard<W>> {
        match outcome {
            Ok(opened) => {
                for notice in &opened.notices {
                    self.notices.tell(notice.clone());
                }
                let book = Book { own: opened.own(), peers: Arc::new([]) };
                let peers = self.read_book(&opened);
                self.stage = Stage::Open(Box::new(Screens::new(opened, book, &self.settings)));
                let last = match self.settings.start {
                    Start::Library => None,
                    Start::Last => self.settings.window.screen.as_deref().and_then(Place::named),
                };
                Task::batch([peers, self.go(last.unwrap_or(Place::Library))])
            }
            Err(Unopened::Held(problem)) => {
                self.stage = Stage::Held(problem);
                Task::none()
            }
            Err(Unopened::Failed(problem)) => {
                self.stage = Stage::Failed(problem);
                Task::none()
            }
        }
    }

    /// Shows a screen, with what is new on it.
    fn go(&mut self, place: Place) -> Task<Heard<W>> {
        let Stage::Open(screens) = &mut self.stage else { return Task::none() };
        screens.place = place;
        let (task, errands) = screens.enter(&self.settings);
        Task::batch([task.map(Message::Screen), self.run(errands)])
    }

    /// Runs what a screen asked of the window.
    fn run(&mut self, errands: Vec<Errand>) -> Task<Heard<W>> {
        Task::batch(errands.into_iter().map(|errand| self.run_one(errand)).collect::<Vec<_>>())
    }

    fn run_one(&mut self, errand: Errand) -> Task<Heard<W>> {
        let Stage::Open(screens) = &mut self.stage else { return Task::none() };
        match errand {
            Errand::Go(place) => self.go(place),
            Errand::Share(artifact) => {
                screens.place = Place::Share;
                let (task, errands) = screens.show_share(artifact, &self.settings);
                Task::batch([task.map(Message::Screen), self.run(errands)])
            }
            Errand::Prepare(path) => self.drop_on(Place::Share, path),
            Errand::Receipt(path) => self.drop_on(Place::Receipts, path),
            Errand::Copy(text) => {
                self.notices.tell("Copied.".to_owned());
                clipboard::write(text)
            }
            Errand::Changed(changed) => self.changed(changed),
            Errand::Tell(line) => {
                self.notices.tell(line);
                Task::none()
            }
            Errand::Notify { title, body } => {
                self.notices.tell(body.clone());
                let attention = self.look.id.map_or_else(Task::none, |id| {
                    let kind = window::UserAttention::Informational;
                    window::request_user_attention(id, Some(kind))
                });
                let tell = if self.settings.notify {
                    task::window::notify(title, body)
                } else {
                    Task::none()
                };
                Task::batch([attention, tell])
            }
            Errand::Set(settings) => {
                self.saving.wish(&self.settings, &settings);
                self.settings = *settings;
                self.wiring.pace(&self.settings);
                self.save()
            }
            Errand::Zoom(id, zoom) => piece_map::zoom(id, zoom),
            Errand::Scroll(id, offset) => list::scroll_to(id, offset),
            Errand::Focus(id) => iced::widget::operation::focus(id),
        }
    }

    fn read_book(&mut self, opened: &Arc<Opened<W::Ports>>) -> Task<Heard<W>> {
        self.reading = Run::default();
        let run = self.reading.clone();
        task::window::peers(opened).map(move |peers| Message::Book(run.clone(), peers))
    }

    fn changed(&mut self, changed: Changed) -> Task<Heard<W>> {
        let Stage::Open(screens) = &mut self.stage else { return Task::none() };
        let book = match changed {
            Changed::Peers => {
                let opened = Arc::clone(&screens.opened);
                self.read_book(&opened)
            }
            Changed::Library | Changed::Activity => Task::none(),
        };
        let Stage::Open(screens) = &mut self.stage else { return book };
        let (task, errands) = screens.enter(&self.settings);
        Task::batch([book, task.map(Message::Screen), self.run(errands)])
    }

    fn drop_on(&mut self, place: Place, path: PathBuf) -> Task<Heard<W>> {
        let Stage::Open(screens) = &mut self.stage else { return Task::none() };
        screens.place = place;
        let (task, errands) = screens.dropped(path, &self.settings);
        Task::batch([task.map(Message::Screen), self.run(errands)])
    }

    fn window(&mut self, id: window::Id, event: window::Event) -> Task<Heard<W>> {
        self.look.id = Some(id);
        match event {
            window::Event::Opened { size, .. } => {
                self.look.size = size;
                let factor = window::scale_factor(id);
                factor.map(move |factor| Message::Window(id, window::Event::Rescaled(factor)))
            }
            window::Event::Resized(size) => {
                self.look.size = size;
                window::is_maximized(id).map(Message::Maximized)
            }
            window::Event::Rescaled(factor) => {
                self.look.scale_factor = factor;
                Task::none()
            }
            window::Event::CloseRequested => self.ask_to_close(),
            window::Event::FileDropped(path) => {
                let Stage::Open(screens) = &self.stage else { return Task::none() };
                let place = screens.place_for(&path);
                self.drop_on(place, path)
            }
            _ => Task::none(),
        }
    }

    /// What the window shows.
    pub fn view(&self) -> Element<'_, Heard<W>> {
        frame::view(self)
    }

    /// The colours it shows it in.
    pub fn theme(&self) -> Theme {
        let dark = match self.settings.theme {
            settings::Theme::System => self.look.mode == Mode::Dark,
            settings::Theme::Dark => true,
            settings::Theme::Light => false,
        };
        if dark { theme::dark() } else { theme::light() }
    }

    /// The window's name for the desktop.
    pub fn title(&self) -> String {
        match &self.stage {
            Stage::Open(screens) => format!("{} – MiniModel Peer Companion", screens.place.name()),
            _ => "MiniModel Peer Companion".to_owned(),
        }
    }

    /// What it listens to beside its own controls.
    pub fn subscription(&self) -> Subscription<Heard<W>> {
        let events = iced::event::listen_with(message::of_event);
        let mode = iced::system::theme_changes().map(Message::Mode);
        // Ages are shown to the minute; what is said at the edge goes away after a while.
        let seconds = if self.notices.are_fading() { 1 } else { 30 };
        let tick = iced::time::every(Duration::from_secs(seconds));
        let frames = match self.timing {
            Some(_) => window::frames().map(|_| Message::Frame),
            None => Subscription::none(),
        };
        // The system and the terminal ask nothing: what goes on is stopped, in order.
        let wish = Subscription::run(|| futures::stream::once(app::stop::wished()));
        let wish = wish.map(|()| Message::Close);
        Subscription::batch([events, mode, tick.map(|_| Message::Tick), frames, wish])
    }

    fn context<'a>(&self, book: &'a Book) -> Context<'a> {
        Context {
            scale: Scale::new(f32::from(self.settings.text_percent) / 100.0),
            scale_factor: self.look.scale_factor,
            now: self.now,
            book,
            size: self.look.size,
        }
    }
}

/// Opens the window and stays until it is closed.
///
/// # Errors
///
/// What the desktop said if it gives no window.
pub fn run<W: Wiring>(wiring: Arc<W>, beginning: Beginning) -> iced::Result {
    let window = window::Settings {
        size: beginning
            .settings
            .window
            .size
            .map_or(SIZE, |(width, height)| Size::new(width, height)),
        maximized: beginning.settings.window.maximized,
        min_size: Some(LEAST),
        exit_on_close_request: false,
        ..window::Settings::default()
    };
    let boot = move || Companion::new(Arc::clone(&wiring), beginning.clone());
    iced::application(boot, Companion::update, Companion::view)
        .title(Companion::title)
        .theme(Companion::theme)
        .subscription(Companion::subscription)
        .default_font(theme::FONT)
        .window(window)
        .run()
}
