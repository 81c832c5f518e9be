//! A window without a screen: everything else about it is real.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use app::settings::Settings;
use desktop::companion::{Beginning, Companion, Heard, Message};
use desktop::screen::Place;
use desktop::wiring::Wiring as _;
use futures::StreamExt as _;
use iced::keyboard::key::Named;
use iced::keyboard::{self, Key, Modifiers};
use iced::{Event, Point, Rectangle, Renderer, Size, Theme, mouse, window};
use iced_test::core::clipboard;
use iced_test::core::renderer::{Headless, Style};
use iced_test::core::widget::operation::{Focusable, Outcome};
use iced_test::core::widget::{Id, Operation};
use iced_test::runtime::user_interface::{Cache, State, UserInterface};
use iced_test::runtime::{self, Action, Task};
use iced_test::selector::{Candidate, Selector};

use super::counter::{Counter, Touched};
use super::wired::Wired;

/// The size of the window, in logical pixels.
pub const SIZE: Size = Size::new(1_180.0, 780.0);
/// After so long something that must happen has not happened.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long to wait for work before the window is looked at again.
const GLANCE: Duration = Duration::from_millis(20);
/// When nothing has come for so long from work that goes on, it is taken to last.
const QUIET: Duration = Duration::from_millis(150);
/// When something has come all the time for so long, it will go on.
const RESTLESS: Duration = Duration::from_millis(600);

/// No screen has so many controls that Tab stops at.
const MOST_TABS: usize = 100;

type Said = Heard<Wired>;

/// A window without a screen.
pub struct Stage {
    companion: Companion<Wired>,
    runtime: tokio::runtime::Runtime,
    out: Sender<Told>,
    told: Receiver<Told>,
    /// How many works were started.
    started: u64,
    /// The works that go on.
    going: BTreeSet<u64>,
    /// Those of them that are not waited for any more.
    lasting: BTreeSet<u64>,
    renderer: Renderer,
    cache: Option<Cache>,
    cursor: mouse::Cursor,
    /// What was last put on the clipboard.
    pub clipboard: Option<String>,
    /// Whether the window is closed.
    pub is_closed: bool,
    touched: Touched,
}

/// What a work that the window started tells.
enum Told {
    Action(Box<Action<Said>>),
    Ended(u64),
}

/// A text on the screen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it says.
    pub text: String,
    /// Where it is, of which it is seen.
    pub bounds: Rectangle,
}

/// Something that can take the keyboard.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The part of it that is seen.
    pub bounds: Rectangle,
    /// The texts in it.
    pub texts: Vec<String>,
}

impl Stage {
    /// Opens the window over a data folder.
    pub fn open(data: &Path) -> Self {
        Self::open_with(data, Settings::default())
    }

    /// Opens the window with these settings.
    pub fn open_with(data: &Path, settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let wiring = Arc::new(Wired::default());
        let is_new = wiring.is_new(data);
        let (data, started) = (data.to_owned(), Instant::now());
        let beginning = Beginning { data, settings, is_new, trouble: None, started };
        let (companion, task) = Companion::new(wiring, beginning);
        let font = desktop::theme::FONT;
        let renderer = <Renderer as Headless>::new(font, 14.0.into(), Some("tiny-skia"));
        let renderer = runtime.block_on(renderer);
        let renderer = renderer.expect("the software renderer is there");
        let (out, told) = channel();
        let mut stage = Self {
            companion,
            runtime,
            out,
            told,
            started: 0,
            going: BTreeSet::new(),
            lasting: BTreeSet::new(),
            renderer,
            cache: Some(Cache::default()),
            cursor: mouse::Cursor::Unavailable,
            clipboard: None,
            is_closed: false,
            touched: Touched::default(),
        };
        stage.start(task);
        stage.settle();
        stage
    }

    fn start(&mut self, task: Task<Said>) {
        let Some(mut stream) = runtime::task::into_stream(task) else { return };
        let (out, work) = (self.out.clone(), self.started);
        self.started += 1;
        self.going.insert(work);
        self.runtime.spawn(async move {
            while let Some(action) = stream.next().await {
                if out.send(Told::Action(Box::new(action))).is_err() {
                    return;
                }
            }
            // The window may be gone.
            let _heard = out.send(Told::Ended(work));
        });
    }

    /// Gives the window a message.
    pub fn say(&mut self, message: Said) {
        let guard = self.runtime.enter();
        let before = Counter::now();
        let task = self.companion.update(message);
        drop(guard);
        self.count(&before);
        self.start(task);
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Action(action) => self.perform(*action),
            Told::Ended(work) => {
                self.going.remove(&work);
                self.lasting.remove(&work);
            }
        }
    }

    fn perform(&mut self, action: Action<Said>) {
        match action {
            Action::Output(message) => self.say(message),
            Action::Widget(operation) => self.operate(operation),
            Action::Clipboard(runtime::clipboard::Action::Write { contents, .. }) => {
                self.clipboard = Some(contents);
            }
            Action::System(runtime::system::Action::GetTheme(answer)) => {
                let _heard = answer.send(iced::theme::Mode::Light);
            }
            Action::Exit => self.is_closed = true,
            _ => {}
        }
    }

    /// Takes what has come in; whether anything had.
    fn hear(&mut self, wait: Duration) -> bool {
        let Ok(told) = self.told.recv_timeout(wait) else { return false };
        self.take(told);
        while let Ok(told) = self.told.try_recv() {
            self.take(told);
        }
        true
    }

    /// Waits until all work has ended, but for work that lasts or never rests.
    pub fn settle(&mut self) {
        let started = Instant::now();
        loop {
            let heard = self.hear(Duration::ZERO);
            if !heard && self.going == self.lasting {
                return;
            }
            if started.elapsed() >= RESTLESS || (!heard && !self.hear(QUIET)) {
                self.lasting.clone_from(&self.going);
                return;
            }
        }
    }

    /// Waits until there is something to see.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            let texts = self.said();
            assert!(started.elapsed() < DEADLINE, "waited too long until {what}: {texts:#?}");
            self.hear(GLANCE);
        }
    }

    /// Waits until a text is seen that has this in it.
    #[track_caller]
    pub fn until_said(&mut self, part: &str) -> String {
        self.until(&format!("`{part}` is said"), |stage| {
            stage.said().into_iter().find(|text| text.contains(part))
        })
    }

    fn with_ui<T>(
        &mut self,
        look: impl FnOnce(
            &mut UserInterface<'_, Said, Theme, Renderer>,
            &mut Renderer,
            mouse::Cursor,
        ) -> T,
    ) -> T {
        let cache = self.cache.take().unwrap_or_default();
        let before = Counter::now();
        let view = self.companion.view();
        let mut ui = UserInterface::build(view, SIZE, cache, &mut self.renderer);
        let found = look(&mut ui, &mut self.renderer, self.cursor);
        self.cache = Some(ui.into_cache());
        self.count(&before);
        found
    }

    fn count(&mut self, before: &Counter) {
        let Touched { read, written } = Counter::since(before);
        self.touched.read += read;
        self.touched.written += written;
    }

    /// What the window's thread read and wrote so far while it did the window's work.
    pub fn touched(&self) -> Touched {
        self.touched
    }

    /// Whether the window is drawn for dark surroundings.
    pub fn is_dark(&self) -> bool {
        self.companion.theme().extended_palette().is_dark
    }

    /// Counts from here on.
    pub fn forget_touched(&mut self) {
        self.touched = Touched::default();
    }

    /// Draws the window; the picture is so many physical pixels, four bytes each.
    pub fn picture(&mut self) -> Vec<u8> {
        let theme = self.companion.theme();
        let colours = iced::theme::Base::base(&theme);
        self.with_ui(|ui, renderer, cursor| {
            let style = Style { text_color: colours.text_color };
            ui.draw(renderer, &theme, &style, cursor);
            let size = Size::new(SIZE.width as u32, SIZE.height as u32);
            renderer.screenshot(size, 1.0, colours.background_color)
        })
    }

    fn operate(&mut self, operation: Box<dyn Operation>) {
        self.with_ui(|ui, renderer, _| {
            let mut next = Some(operation);
            while let Some(mut operation) = next.take() {
                ui.operate(renderer, &mut operation);
                if let Outcome::Chain(more) = operation.finish() {
                    next = Some(more);
                }
            }
        });
    }

    fn find_all<T: Clone + Send + 'static>(
        &mut self,
        select: impl FnMut(Candidate<'_>) -> Option<T> + Send,
    ) -> Vec<T> {
        self.with_ui(|ui, renderer, _| {
            let mut operation = Selector::find_all(select);
            ui.operate(
                renderer,
                &mut iced_test::core::widget::operation::black_box(&mut operation),
            );
            match operation.finish() {
                Outcome::Some(found) => found,
                _ => Vec::new(),
            }
        })
    }

    /// Every text that is in sight.
    pub fn texts(&mut self) -> Vec<Seen> {
        self.find_all(|candidate| match candidate {
            Candidate::Text { content, visible_bounds: Some(bounds), .. } => {
                Some(Seen { text: content.to_owned(), bounds })
            }
            _ => None,
        })
    }

    /// What every text in sight says.
    pub fn said(&mut self) -> Vec<String> {
        self.texts().into_iter().map(|seen| seen.text).collect()
    }

    /// Everything in sight that can take the keyboard, with the texts in it.
    pub fn controls(&mut self) -> Vec<Reached> {
        let bounds: Vec<Rectangle> = self.find_all(|candidate| match candidate {
            Candidate::Focusable { visible_bounds, .. } => visible_bounds,
            _ => None,
        });
        let texts = self.texts();
        let within = |bounds: &Rectangle| {
            let inside = texts.iter().filter(|seen| bounds.contains(seen.bounds.center()));
            inside.map(|seen| seen.text.clone()).collect()
        };
        bounds.into_iter().map(|bounds| Reached { texts: within(&bounds), bounds }).collect()
    }

    /// Goes from control to control with Tab until one has a text that starts with this.
    #[track_caller]
    pub fn tab_to(&mut self, start: &str) {
        for _ in 0..MOST_TABS {
            self.press(Key::Named(Named::Tab), Modifiers::empty());
            let Some(focus) = self.focus() else { continue };
            let texts: Vec<(String, Rectangle)> = self.find_all(|candidate| match candidate {
                Candidate::Text { content, bounds, .. } => Some((content.to_owned(), bounds)),
                _ => None,
            });
            let mut within = texts.iter().filter(|(_, bounds)| focus.contains(bounds.center()));
            if within.any(|(text, _)| text.starts_with(start)) {
                return;
            }
        }
        panic!("Tab does not lead to `{start}…`: {:#?}", self.said());
    }

    /// Where the control is that has the keyboard, as if nothing were scrolled.
    fn focus(&mut self) -> Option<Rectangle> {
        #[derive(Default)]
        struct Find(Option<Rectangle>);

        impl Operation for Find {
            fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
                operate(self);
            }

            fn focusable(&mut self, _: Option<&Id>, bounds: Rectangle, state: &mut dyn Focusable) {
                if state.is_focused() {
                    self.0 = Some(bounds);
                }
            }
        }

        let mut find = Find::default();
        self.with_ui(|ui, renderer, _| ui.operate(renderer, &mut find));
        find.0
    }

    /// Sends events through the controls, as the desktop does, and waits for what comes of them.
    fn events(&mut self, events: Vec<Event>) {
        self.send(events);
        self.settle();
    }

    /// Moves the pointer there, and waits for nothing.
    pub fn point_at(&mut self, at: Point) {
        self.cursor = mouse::Cursor::Available(at);
        self.send(vec![Event::Mouse(mouse::Event::CursorMoved { position: at })]);
    }

    fn send(&mut self, events: Vec<Event>) {
        let (messages, statuses) = self.with_ui(|ui, renderer, cursor| {
            let mut messages = Vec::new();
            let mut clipboard = clipboard::Null;
            // A frame is drawn first, as one always is before anybody can click.
            let redraw = Event::Window(window::Event::RedrawRequested(Instant::now()));
            let _state = ui.update(&[redraw], cursor, renderer, &mut clipboard, &mut messages);
            let (state, statuses) =
                ui.update(&events, cursor, renderer, &mut clipboard, &mut messages);
            assert!(!matches!(state, State::Outdated) || !messages.is_empty() || events.is_empty());
            (messages, statuses)
        });
        for message in messages {
            self.say(message);
        }
        for (event, status) in events.into_iter().zip(statuses) {
            let Event::Keyboard(keyboard::Event::KeyPressed { modified_key, modifiers, .. }) =
                event
            else {
                continue;
            };
            if status == iced::event::Status::Ignored {
                self.say(Message::Key(modified_key, modifiers));
            }
        }
    }

    /// Clicks at a point.
    pub fn click_at(&mut self, at: Point) {
        self.point_at(at);
        self.events(vec![
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)),
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)),
        ]);
    }

    /// The middle of the first text in sight that starts with this; one that says just this comes
    /// first.
    #[track_caller]
    pub fn place_of(&mut self, start: &str) -> Point {
        let texts = self.texts();
        let exact = texts.iter().find(|seen| seen.text == start);
        let seen = exact.or_else(|| texts.iter().find(|seen| seen.text.starts_with(start)));
        let seen = seen.unwrap_or_else(|| panic!("`{start}…` is not in sight: {texts:#?}"));
        seen.bounds.center()
    }

    /// The middle of the field of this name.
    #[track_caller]
    pub fn place_of_field(&mut self, id: &'static str) -> Point {
        let id = Id::new(id);
        let found = self.find_all(move |candidate| match candidate {
            Candidate::TextInput { id: Some(found), visible_bounds, .. } if *found == id => {
                visible_bounds
            }
            _ => None,
        });
        found.first().expect("the field is in sight").center()
    }

    /// Pastes a text into the field of this name.
    pub fn paste(&mut self, id: &'static str, text: &str) {
        self.operate(Box::new(iced_test::core::widget::operation::focusable::focus(Id::new(id))));
        let commit = iced_test::core::input_method::Event::Commit(text.to_owned());
        self.events(vec![Event::InputMethod(commit)]);
    }

    /// Clicks the first text in sight that says exactly this.
    #[track_caller]
    pub fn click(&mut self, text: &str) {
        let seen = self.texts().into_iter().find(|seen| seen.text == text);
        let seen = seen.unwrap_or_else(|| panic!("`{text}` is not in sight: {:#?}", self.said()));
        self.click_at(seen.bounds.center());
    }

    /// Clicks the first text in sight that starts with this.
    #[track_caller]
    pub fn click_on(&mut self, start: &str) {
        let text = self.said().into_iter().find(|text| text.starts_with(start));
        let text = text.unwrap_or_else(|| panic!("`{start}…` is not in sight: {:#?}", self.said()));
        self.click(&text);
    }

    /// Shows a screen.
    pub fn go(&mut self, place: Place) {
        self.say(Message::Go(place));
        self.settle();
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key, modifiers: Modifiers) {
        let text = match &key {
            Key::Character(letter) if modifiers.is_empty() => Some(letter.clone()),
            _ => None,
        };
        let physical_key =
            keyboard::key::Physical::Unidentified(keyboard::key::NativeCode::Unidentified);
        self.events(vec![Event::Keyboard(keyboard::Event::KeyPressed {
            modified_key: key.clone(),
            key,
            physical_key,
            location: keyboard::Location::Standard,
            modifiers,
            text,
            repeat: false,
        })]);
    }

    /// Lets a file fall on the window.
    pub fn drop_file(&mut self, path: &Path) {
        let event = window::Event::FileDropped(path.to_owned());
        self.say(Message::Window(window::Id::unique(), event));
        self.settle();
    }

    /// Asks the window to close, as the desktop does.
    pub fn ask_to_close(&mut self) {
        self.say(Message::Window(window::Id::unique(), window::Event::CloseRequested));
        self.settle();
    }
}
