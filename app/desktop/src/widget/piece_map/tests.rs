//! The map as its users meet it.

mod looks;

use iced::advanced::widget::Id;
use iced::advanced::widget::operation::focusable;
use iced::keyboard::key::Named;
use iced::keyboard::{self, Modifiers};
use iced::mouse::{self, Button, ScrollDelta};
use iced::{Point, Size, advanced};
use iced_test::Simulator;
use iced_test::core::clipboard;
use iced_test::core::renderer::Headless;
use iced_test::runtime::UserInterface;
use iced_test::runtime::user_interface::Cache;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::Source;
use verifier::scalars::UtcTime;
use verifier::{Geometry, PieceIndex};

use super::{Colouring, Event, Mark, PieceMap, Pieces, Zoom, entries, legend, zooming};
use crate::headless::open;
use crate::theme::{FONT, Scale};

const NOW: UtcTime = UtcTime::from_unix(1_790_000_000);
const NAMES: [&str; 13] = [
    "anna", "ben", "carla", "dmitri", "elif", "femi", "greta", "hugo", "ines", "jun", "kofi",
    "lena", "mira",
];

fn peer(seed: u8) -> PeerId {
    SigningKey::from_seed([seed; 32]).public_key().peer_id()
}

fn name(id: PeerId) -> String {
    let seed = (1_u8..).zip(NAMES).find(|(seed, _)| peer(*seed) == id);
    seed.map(|(_, name)| name.to_owned()).unwrap()
}

/// Pieces as a picture: `#` kept from a file, `1` to `d` kept from that peer, `+` verified, `>`
/// arrived, `?` asked, `.` missing, `!` corrupt. The later in the alphabet a peer, the longer ago.
fn pieces(picture: &str) -> Pieces {
    let count = u64::try_from(picture.len()).unwrap();
    let geometry = Geometry::new(count * 262_144 - 1_000, 262_144).unwrap();
    let mut pieces = Pieces::missing(geometry);
    for (index, c) in geometry.indices().zip(picture.chars()) {
        let from = Source::Peer(peer(1));
        let mark = match c {
            '#' => Mark::Kept(Source::Local, NOW),
            '+' => Mark::Verified(from, NOW),
            '>' => Mark::Arrived(from),
            '?' => Mark::Asked(peer(1)),
            '!' => Mark::Corrupt,
            '.' => Mark::Missing,
            digit => {
                let seed = u8::try_from(digit.to_digit(36).unwrap()).unwrap();
                let ago = 60 * 12_u64.pow(seed.min(6).into());
                Mark::Kept(Source::Peer(peer(seed)), UtcTime::from_unix(NOW.unix() - ago))
            }
        };
        pieces.mark(index, mark);
    }
    pieces
}

fn map(pieces: &Pieces) -> PieceMap<'_, Event> {
    PieceMap::new(pieces, |event| event).id("map")
}

fn moved(ui: &mut Simulator<'_, Event>, to: impl Into<Point>) {
    let position = to.into();
    ui.point_at(position);
    ui.simulate([iced::Event::Mouse(mouse::Event::CursorMoved { position })]);
}

fn wheel(notches: f32) -> iced::Event {
    let delta = ScrollDelta::Lines { x: 0.0, y: notches };
    iced::Event::Mouse(mouse::Event::WheelScrolled { delta })
}

/// What the map told, with pieces as numbers: `h` the hovered, `s` the selected.
fn told(ui: Simulator<'_, Event>) -> Vec<String> {
    let number = |index: PieceIndex| index.get().to_string();
    ui.into_messages()
        .map(|event| match event {
            Event::Hovered(None) => "h-".to_owned(),
            Event::Hovered(Some(index)) => format!("h{}", number(index)),
            Event::Selected(index) => format!("s{}", number(index)),
        })
        .collect()
}

/// Thirty pieces in three lines of ten cells, 32 pixels each.
const LINES_OF_TEN: Size = Size::new(320.0, 96.0);

#[test]
fn the_pointer_names_the_piece_under_it() {
    let pieces = pieces(&"#".repeat(25));
    let mut ui = open(LINES_OF_TEN, map(&pieces));
    for at in [(16.0, 16.0), (20.0, 20.0), (48.0, 16.0), (16.0, 48.0), (300.0, 80.0)] {
        moved(&mut ui, at);
    }
    moved(&mut ui, (130.0, 70.0));
    ui.simulate([iced::Event::Mouse(mouse::Event::CursorLeft)]);
    assert_eq!(told(ui), ["h0", "h1", "h10", "h-", "h24", "h-"]);
}

#[test]
fn a_click_selects_the_piece_and_a_drag_does_not() {
    let pieces = pieces(&"#".repeat(30));
    let mut ui = open(LINES_OF_TEN, map(&pieces));
    ui.point_at((80.0, 48.0));
    ui.simulate(iced_test::simulator::click());
    // The second press moves before it ends.
    ui.simulate([iced::Event::Mouse(mouse::Event::ButtonPressed(Button::Left))]);
    moved(&mut ui, (200.0, 48.0));
    ui.simulate([iced::Event::Mouse(mouse::Event::ButtonReleased(Button::Left))]);
    assert_eq!(told(ui), ["s12", "h16"]);
}

#[test]
fn keys_move_the_selection_once_the_keyboard_is_in_the_map() {
    let pieces = pieces("##########.#########!#########");
    let mut ui = open(LINES_OF_TEN, map(&pieces));
    ui.tap_key(Named::ArrowRight);
    ui.point_at((16.0, 16.0));
    ui.simulate(iced_test::simulator::click());
    for key in [
        Named::ArrowRight,
        Named::ArrowDown,
        Named::ArrowLeft,
        Named::ArrowUp,
        Named::ArrowLeft,
        Named::End,
        Named::PageUp,
        Named::PageDown,
        Named::Home,
    ] {
        ui.tap_key(key);
    }
    for key in ["n", "n", "p"] {
        ui.typewrite(key);
    }
    ui.tap_key(Named::Escape);
    ui.tap_key(Named::End);
    assert_eq!(
        told(ui),
        ["s0", "s1", "s11", "s10", "s0", "s29", "s9", "s29", "s0", "s20"],
        "the corrupt piece is found, and there is no other before or behind it"
    );
}

#[test]
fn keys_with_ctrl_or_alt_are_left_to_others() {
    let pieces = pieces(&"#".repeat(30));
    let mut ui = open(LINES_OF_TEN, map(&pieces));
    ui.point_at((16.0, 16.0));
    ui.simulate(iced_test::simulator::click());
    for modifier in [Modifiers::CTRL, Modifiers::ALT] {
        let pressed = iced_test::simulator::press_key(Named::End, None);
        let iced::Event::Keyboard(keyboard::Event::KeyPressed {
            key,
            modified_key,
            physical_key,
            location,
            text,
            repeat,
            ..
        }) = pressed
        else {
            unreachable!()
        };
        let pressed = keyboard::Event::KeyPressed {
            key,
            modified_key,
            physical_key,
            location,
            modifiers: modifier,
            text,
            repeat,
        };
        let status = ui.simulate([iced::Event::Keyboard(pressed)]);
        assert_eq!(status, [iced::event::Status::Ignored]);
    }
    assert_eq!(told(ui), ["s0"]);
}

#[test]
fn the_wheel_zooms_to_single_pieces_and_back() {
    let pieces = pieces(&"#".repeat(20_000));
    let mut ui = open((320.0, 200.0), map(&pieces));
    moved(&mut ui, (100.0, 100.0));
    for _ in 0..30 {
        ui.simulate([wheel(1.0)]);
    }
    // The cells are 32 pixels now, so a step of as many is a step of one piece.
    moved(&mut ui, (132.0, 100.0));
    for _ in 0..30 {
        ui.simulate([wheel(-1.0)]);
    }
    let status = ui.simulate([wheel(-1.0)]);
    assert_eq!(status, [iced::event::Status::Ignored], "the whole is shown: others may scroll");
    let told = told(ui);
    let hovered: Vec<u32> = told.iter().map(|event| event[1..].parse().unwrap()).collect();
    assert!(hovered.windows(2).any(|pair| pair[1] == pair[0] + 1), "{told:?}");
}

#[test]
fn plus_minus_and_zero_zoom_around_the_selection() {
    let pieces = pieces(&"#".repeat(20_000));
    let chosen = pieces.geometry().index(12_345);
    let mut ui = open((320.0, 200.0), map(&pieces).selected(chosen));
    ui.point_at((0.5, 0.5));
    ui.simulate(iced_test::simulator::click());
    ui.tap_key(Named::End);
    for _ in 0..30 {
        ui.typewrite("+");
    }
    moved(&mut ui, (0.5, 0.5));
    ui.typewrite("-");
    ui.typewrite("0");
    moved(&mut ui, (0.5, 0.5));
    let told = told(ui);
    assert_eq!(told[..2], ["s0", "s19999"]);
    let first: u32 = told[2][1..].parse().unwrap();
    assert!(first > 19_900, "the end is seen from near: {told:?}");
    assert_eq!(told[3], "h0", "the whole is seen");
}

#[test]
fn dragging_moves_a_map_that_shows_a_part() {
    let pieces = pieces(&"#".repeat(20_000));
    let mut ui = open((320.0, 200.0), map(&pieces));
    moved(&mut ui, (100.0, 180.0));
    ui.simulate([wheel(30.0)]);
    moved(&mut ui, (100.0, 180.0));
    ui.simulate([iced::Event::Mouse(mouse::Event::ButtonPressed(Button::Left))]);
    for y in [150.0, 100.0, 50.0, 20.0] {
        moved(&mut ui, (100.0, y));
    }
    ui.simulate([iced::Event::Mouse(mouse::Event::ButtonReleased(Button::Left))]);
    let told = told(ui);
    assert_eq!(told.len(), 1, "the piece that was grabbed stays under the pointer: {told:?}");
}

#[test]
fn the_overview_leads_anywhere() {
    let pieces = pieces(&"#".repeat(20_000));
    let mut ui = open((320.0, 200.0), map(&pieces));
    moved(&mut ui, (100.0, 1.0));
    ui.simulate([wheel(30.0)]);
    ui.point_at((315.0, 199.0));
    ui.simulate(iced_test::simulator::click());
    moved(&mut ui, (280.0, 170.0));
    let told = told(ui);
    let last: u32 = told.last().unwrap()[1..].parse().unwrap();
    assert!(last > 19_000, "{told:?}");
    assert!(!told.iter().any(|event| event.starts_with('s')), "{told:?}");
}

#[test]
fn all_that_shows_of_a_corrupt_piece_means_it() {
    let mut all = pieces(&"#".repeat(40_000));
    let corrupt = all.geometry().index(23_456).unwrap();
    all.mark(corrupt, Mark::Corrupt);
    let mut ui = open((200.0, 100.0), map(&all));
    let mut hits = 0;
    for (x, y) in (0_u16..100).flat_map(|y| (0_u16..200).map(move |x| (x, y))) {
        ui.point_at((f32::from(x) + 0.5, f32::from(y) + 0.5));
        let before = ui
            .simulate([iced::Event::Mouse(mouse::Event::CursorMoved { position: Point::ORIGIN })]);
        hits += before.len();
    }
    assert_eq!(hits, 20_000);
    let times = ui.into_messages().filter(|event| *event == Event::Hovered(Some(corrupt))).count();
    assert_eq!(times, 3, "three lines of three pixels mean the corrupt piece");
}

#[test]
fn the_zoom_and_the_focus_are_set_from_outside() {
    let pieces = pieces(&"#".repeat(20_000));
    let renderer = <iced::Renderer as Headless>::new(FONT, 14.0.into(), None);
    let mut renderer = iced_test::futures::futures::executor::block_on(renderer).unwrap();
    let size = Size::new(320.0, 200.0);
    let mut ui = UserInterface::build(map(&pieces), size, Cache::new(), &mut renderer);
    let mut first = |operation: &mut dyn advanced::widget::Operation| {
        ui.operate(&renderer, operation);
        let mut events = Vec::new();
        let cursor = mouse::Cursor::Available(Point::new(0.5, 0.5));
        let moved = mouse::Event::CursorMoved { position: Point::ORIGIN };
        let pressed = iced_test::simulator::press_key(Named::End, None);
        let happened = [iced::Event::Mouse(moved), pressed];
        ui.update(&happened, cursor, &mut renderer, &mut clipboard::Null, &mut events);
        events
    };
    let index = |place| pieces.geometry().index(place);
    let other = first(&mut zooming(Id::new("other"), Zoom::Closer));
    assert_eq!(other, [Event::Hovered(index(0))]);
    let closer = first(&mut zooming(Id::new("map"), Zoom::Closer));
    assert!(matches!(closer[..], [Event::Hovered(Some(piece))] if piece.get() > 0), "{closer:?}");
    let whole = first(&mut zooming(Id::new("map"), Zoom::Whole));
    assert_eq!(whole, [Event::Hovered(index(0))]);
    let focused = first(&mut focusable::focus(Id::new("map")));
    assert_eq!(focused, [Event::Selected(index(19_999).unwrap())]);
}

#[test]
fn the_legend_says_what_there_is_in_words() {
    let pieces = pieces("##.!1?");
    let shown = |colouring| {
        let words = entries(&pieces, colouring, name);
        words.iter().map(super::Entry::words).collect::<Vec<_>>()
    };
    assert_eq!(shown(Colouring::State), ["3 kept", "1 asked", "1 missing", "1 corrupt"]);
    assert_eq!(
        shown(Colouring::Source),
        ["anna: 1", "no known peer: 2", "1 asked", "1 missing", "1 corrupt"]
    );
    assert_eq!(shown(Colouring::Age(NOW)).len(), 9);
    let legend = legend::<Event>(entries(&pieces, Colouring::State, name), Scale::default(), 1.0);
    let mut ui = open((400.0, 100.0), legend);
    assert!(ui.find("1 corrupt").is_ok());
}
