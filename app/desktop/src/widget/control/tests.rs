//! Controls as the keyboard and the pointer meet them.

use iced::advanced::widget::Operation;
use iced::advanced::widget::operation::{Outcome, focusable};
use iced::keyboard::key::Named;
use iced::keyboard::{self, Key, Modifiers};
use iced::mouse::{self, Button};
use iced::widget::{Column, Space, column, text};
use iced::{Element, Event, Point, Size, Theme, window};
use iced_test::core::renderer::Headless;
use iced_test::core::{clipboard, event, renderer};
use iced_test::runtime::UserInterface;
use iced_test::runtime::user_interface::Cache;
use iced_test::simulator::{click, press_key};

use super::{Id, Kind, control};
use crate::headless::{assert_drawn, open};
use crate::theme::{FONT, dark, light};
use crate::widget::list::{self, Scroll, list};

const SIZE: Size = Size::new(240.0, 260.0);
/// Where no control is.
const AWAY: Point = Point::new(239.0, 259.0);
/// How high each control of [`three`] is.
const HIGH: f32 = 40.0;

/// A window without a screen whose controls can be given the keyboard, as Tab does.
struct Live<'a, Message> {
    ui: UserInterface<'a, Message, Theme, iced::Renderer>,
    renderer: iced::Renderer,
    cursor: Point,
}

impl<'a, Message> Live<'a, Message> {
    fn new(element: impl Into<Element<'a, Message>>) -> Self {
        let renderer = <iced::Renderer as Headless>::new(FONT, 14.0.into(), None);
        let mut renderer = iced_test::futures::futures::executor::block_on(renderer).unwrap();
        let ui = UserInterface::build(element, SIZE, Cache::new(), &mut renderer);
        Self { ui, renderer, cursor: AWAY }
    }

    fn tab(&mut self) -> Option<Id> {
        self.operate::<()>(focusable::focus_next());
        self.focused()
    }

    fn back(&mut self) -> Option<Id> {
        self.operate::<()>(focusable::focus_previous());
        self.focused()
    }

    /// What has the keyboard.
    fn focused(&mut self) -> Option<Id> {
        self.operate(focusable::find_focused())
    }

    /// Walks through the controls, as often as the operation wants.
    fn operate<T: 'static>(&mut self, operation: impl Operation<T> + 'static) -> Option<T> {
        let mut next: Option<Box<dyn Operation<T>>> = Some(Box::new(operation));
        while let Some(mut operation) = next.take() {
            let mut walk = iced::advanced::widget::operation::black_box(operation.as_mut());
            self.ui.operate(&self.renderer, &mut walk);
            drop(walk);
            match operation.finish() {
                Outcome::None => {}
                Outcome::Some(found) => return Some(found),
                Outcome::Chain(operation) => next = Some(operation),
            }
        }
        None
    }

    fn happens(
        &mut self,
        events: impl IntoIterator<Item = Event>,
    ) -> (Vec<Message>, Vec<event::Status>) {
        let events: Vec<Event> = events.into_iter().collect();
        let cursor = mouse::Cursor::Available(self.cursor);
        let mut messages = Vec::new();
        let mut clipboard = clipboard::Null;
        let (_, statuses) =
            self.ui.update(&events, cursor, &mut self.renderer, &mut clipboard, &mut messages);
        (messages, statuses)
    }

    fn press(&mut self, key: Named) -> Vec<Message> {
        self.happens([press_key(key, None)]).0
    }

    fn click(&mut self, at: Point) -> Vec<Message> {
        self.cursor = at;
        self.happens(click()).0
    }

    /// What is drawn while the pointer is elsewhere.
    fn picture(&mut self) -> Vec<u8> {
        self.cursor = AWAY;
        let now = iced::time::Instant::now();
        self.happens([Event::Window(window::Event::RedrawRequested(now))]);
        let style = renderer::Style { text_color: light().palette().text };
        self.ui.draw(&mut self.renderer, &light(), &style, mouse::Cursor::Available(AWAY));
        let size = Size::new(240, 260);
        self.renderer.screenshot(size, 1.0, light().palette().background)
    }
}

fn named(name: &'static str) -> Option<Id> {
    Some(Id::new(name))
}

/// Three controls below each other, of which the second cannot be pressed now, and one that is
/// left to the pointer.
fn three<'a>() -> Column<'a, &'static str> {
    let one =
        |name: &'static str| control(text(name), Kind::Plain).id(name).width(200.0).height(HIGH);
    column![
        one("first").on_press("first"),
        one("second"),
        one("third").on_press("third"),
        one("pointer").on_press("pointer").pointer_only()
    ]
}

/// The middle of one of them.
fn middle(place: u8) -> Point {
    Point::new(100.0, HIGH * (f32::from(place) + 0.5))
}

#[test]
fn tab_reaches_every_control_once_and_in_order() {
    let mut live = Live::new(three());
    assert_eq!(live.focused(), None);
    assert_eq!(live.tab(), named("first"));
    assert_eq!(live.tab(), named("third"), "what cannot be pressed is skipped");
    assert_eq!(live.tab(), None, "what is left to the pointer is not reached");
    assert_eq!(live.tab(), named("first"));
    assert_eq!(live.tab(), named("third"));
    assert_eq!(live.back(), named("first"));
}

#[test]
fn enter_and_space_press_what_has_the_keyboard() {
    let mut live = Live::new(three());
    assert_eq!(live.press(Named::Enter), [""; 0]);
    live.tab();
    assert_eq!(live.press(Named::Enter), ["first"]);
    assert_eq!(live.press(Named::Space), ["first"]);
    live.tab();
    assert_eq!(live.press(Named::Enter), ["third"]);
    assert_eq!(live.focused(), named("third"), "it keeps the keyboard");
}

#[test]
fn a_key_that_is_held_or_means_something_else_presses_nothing() {
    let mut live = Live::new(three());
    live.tab();
    let enter = |repeats: bool, with: Modifiers| {
        let Event::Keyboard(keyboard::Event::KeyPressed {
            key,
            modified_key,
            physical_key,
            location,
            text,
            ..
        }) = press_key(Named::Enter, None)
        else {
            panic!("a key that is pressed is no other event")
        };
        let repeat = repeats;
        Event::Keyboard(keyboard::Event::KeyPressed {
            key,
            modified_key,
            physical_key,
            location,
            modifiers: with,
            repeat,
            text,
        })
    };
    for event in [enter(true, Modifiers::empty()), enter(false, Modifiers::CTRL)] {
        let (messages, statuses) = live.happens([event]);
        assert_eq!((messages.len(), &statuses[..]), (0, &[event::Status::Ignored][..]));
    }
    // What no control wants is left to the window.
    let (_, statuses) = live.happens([press_key(Named::Escape, None)]);
    assert_eq!(statuses, [event::Status::Ignored]);
    let (_, statuses) = live.happens([press_key(Named::Enter, None)]);
    assert_eq!(statuses, [event::Status::Captured]);
}

#[test]
fn a_control_is_pressed_where_the_pointer_goes_down_and_up() {
    let mut live = Live::new(three());
    assert_eq!(live.click(middle(0)), ["first"]);
    assert_eq!(live.click(middle(1)), [""; 0], "it cannot be pressed now");
    assert_eq!(live.click(middle(3)), ["pointer"]);
    live.cursor = middle(0);
    live.happens([Event::Mouse(mouse::Event::ButtonPressed(Button::Left))]);
    live.cursor = middle(2);
    let (messages, _) = live.happens([Event::Mouse(mouse::Event::ButtonReleased(Button::Left))]);
    assert_eq!(messages, [""; 0], "the pointer left it first");
}

#[test]
fn a_click_gives_the_keyboard_without_a_frame() {
    let mut live = Live::new(three());
    let plain = live.picture();
    live.click(middle(0));
    assert_eq!(live.focused(), named("first"));
    assert!(live.picture() == plain, "a frame is drawn for somebody who uses the pointer");
    live.press(Named::Enter);
    let framed = live.picture();
    assert!(framed != plain, "no frame shows which control the keyboard presses");
    live.click(AWAY);
    assert_eq!(live.focused(), None);
    assert!(live.picture() == plain);
    live.tab();
    assert!(live.picture() == framed);
}

#[test]
fn a_control_that_can_no_longer_be_pressed_loses_the_keyboard() {
    let mut live = Live::new(three());
    live.tab();
    let Live { ui, mut renderer, cursor } = live;
    let nothing = control(text("first"), Kind::Plain).id("first").width(200.0).height(HIGH);
    let cache = ui.into_cache();
    let ui = UserInterface::build(column![nothing], SIZE, cache, &mut renderer);
    let mut live: Live<'_, &'static str> = Live { ui, renderer, cursor };
    assert_eq!(live.focused(), None);
    assert_eq!(live.press(Named::Enter), [""; 0]);
}

/// What a list says.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Scrolled,
    Moved(usize),
    Opened,
    Line(usize),
}

fn lines<'a>(selected: Option<usize>) -> Element<'a, Said> {
    let make = |place: usize| -> Element<'a, Said> {
        let line = text(format!("line {place}"));
        control(line, Kind::Row((selected == Some(place)).into()))
            .pointer_only()
            .on_press(Said::Line(place))
            .width(200.0)
            .height(20.0)
            .into()
    };
    let on = list::On {
        scrolled: Box::new(|_| Said::Scrolled),
        moved: Box::new(Said::Moved),
        opened: selected.map(|_| Said::Opened),
    };
    let list = list("lines", 100, 20.0, Scroll::default(), selected, make, on);
    column![
        control(text("above"), Kind::Plain).on_press(Said::Opened).id("above").height(HIGH),
        list
    ]
    .push(Space::new().height(1.0))
    .into()
}

#[test]
fn a_list_is_one_stop_and_answers_the_arrows() {
    let mut live = Live::new(lines(Some(3)));
    assert_eq!(live.tab(), named("above"));
    assert_eq!(live.press(Named::ArrowDown), [], "the button has no lines");
    live.tab();
    for (key, said) in [
        (Named::ArrowDown, Said::Moved(4)),
        (Named::ArrowUp, Said::Moved(2)),
        (Named::PageDown, Said::Moved(13)),
        (Named::Home, Said::Moved(0)),
        (Named::End, Said::Moved(99)),
        (Named::Enter, Said::Opened),
    ] {
        assert_eq!(live.press(key), [said]);
    }
    assert_eq!(live.press(Named::Escape), []);
    live.tab();
    assert_eq!(live.press(Named::ArrowDown), [], "its lines are no stops");
}

#[test]
fn a_list_has_the_keyboard_after_a_click_on_a_line() {
    let mut live = Live::new(lines(None));
    assert_eq!(live.click(Point::new(50.0, HIGH + 30.0)), [Said::Line(1)]);
    assert_eq!(live.press(Named::ArrowDown), [Said::Moved(0)]);
    assert_eq!(live.press(Named::Enter), [], "nothing is selected that could be opened");
}

#[test]
fn keys_of_its_own_go_before_pressing() {
    let own = |key: &Key, _: Modifiers| match key {
        Key::Named(Named::Space) => Some("own"),
        _ => None,
    };
    let mut live =
        Live::new(control(text("one"), Kind::Plain).on_press("pressed").on_key(own).id("one"));
    live.tab();
    assert_eq!(live.press(Named::Space), ["own"]);
    assert_eq!(live.press(Named::Enter), ["pressed"]);
}

#[test]
fn every_kind_is_seen_with_and_without_the_keyboard() {
    let kinds = [
        Kind::Primary,
        Kind::Plain,
        Kind::Danger,
        Kind::Quiet,
        Kind::Tab(true.into()),
        Kind::Row(true.into()),
    ];
    for (theme, name) in [(light(), "light"), (dark(), "dark")] {
        for framed in [false, true] {
            let buttons = kinds.map(|kind| control(text("Press me"), kind).on_press(kind).into());
            let column = Column::with_children(buttons).spacing(6).padding(10);
            let mut ui = open((150.0, 270.0), column);
            // The frame is one at a time: the primary one has it here.
            if framed {
                ui.click("Press me").unwrap();
                ui.tap_key(Named::Enter);
                ui.point_at(Point::new(149.0, 269.0));
            }
            let state = if framed { "focused" } else { "idle" };
            assert_drawn(&mut ui, &theme, &format!("control-{state}-{name}"));
        }
    }
}
