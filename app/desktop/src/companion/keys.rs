//! The keys that work everywhere.

use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};
use iced::widget::{Column, column, row};
use iced::{Element, Length, Task};

use super::message::Message;
use super::{Companion, Heard};
use crate::context::Context;
use crate::screen::Place;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::{focus, page};
use crate::wiring::Wiring;

/// What the sheet of keys says.
const KEYS: [(&str, &str); 11] = [
    ("Ctrl 1 … Ctrl 9", "show a screen, in the order of the column at the left"),
    ("Tab, Shift Tab", "go to the next or the previous control"),
    ("Enter, Space", "press the control that has the frame"),
    ("↑ ↓ Home End", "choose a line of a list, or a piece of the map"),
    ("Ctrl F", "search on this screen"),
    ("+ − 0", "in the piece map: closer, farther, the whole"),
    ("n, p", "in the piece map: the next or previous piece in trouble"),
    ("Escape", "leave a sheet or the map"),
    ("Ctrl +, Ctrl −, Ctrl 0", "larger text, smaller text, as it was"),
    ("Ctrl Q", "close"),
    ("?", "show this, or hide it"),
];

/// Does what a key says that no control took.
pub(super) fn press<W: Wiring>(
    companion: &mut Companion<W>,
    key: &Key,
    modifiers: Modifiers,
) -> Task<Heard<W>> {
    match key.as_ref() {
        Key::Named(Named::Tab) if modifiers.shift() => focus::previous(),
        Key::Named(Named::Tab) => focus::next(),
        Key::Named(Named::F1) => companion.update(Message::Keys),
        Key::Named(Named::Escape) if companion.sheet.is_some() => companion.update(Message::Stay),
        Key::Character("?") if !modifiers.command() => companion.update(Message::Keys),
        Key::Character(letter) if modifiers.command() && companion.sheet.is_none() => {
            command(companion, letter)
        }
        _ => Task::none(),
    }
}

fn command<W: Wiring>(companion: &mut Companion<W>, letter: &str) -> Task<Heard<W>> {
    match letter {
        "q" => companion.ask_to_close(),
        "f" => iced::widget::operation::focus(page::SEARCH),
        "+" | "=" => resize(companion, |percent| percent.saturating_add(25)),
        "-" => resize(companion, |percent| percent.saturating_sub(25)),
        "0" => resize(companion, |_| 100),
        digit => {
            let number: Option<usize> = digit.parse().ok();
            let place = number.and_then(|number| number.checked_sub(1));
            match place.and_then(|place| Place::ALL.get(place)) {
                Some(place) => companion.go(*place),
                None => Task::none(),
            }
        }
    }
}

fn resize<W: Wiring>(companion: &mut Companion<W>, to: impl Fn(u16) -> u16) -> Task<Heard<W>> {
    use app::settings::Settings;

    let (least, most) = (*Settings::TEXT_PERCENT.start(), *Settings::TEXT_PERCENT.end());
    let percent = to(companion.settings.text_percent).clamp(least, most);
    companion.settings.text_percent = percent;
    if matches!(companion.stage, super::Stage::Open(_)) { companion.save() } else { Task::none() }
}

/// The sheet of keys.
pub(super) fn sheet<'a, O: Clone + 'a>(cx: &Context<'_>) -> Element<'a, Message<O>> {
    let width = Length::Fixed(cx.scale.factor() * 180.0);
    let lines = KEYS.map(|(keys, what)| {
        row![page::body(cx, keys).width(width), page::muted(cx, what)]
            .spacing(cx.space(Space::Normal))
            .into()
    });
    column![
        page::heading(cx, "Keys"),
        Column::with_children(lines).spacing(cx.space(Space::Hair) + 2.0),
        page::button(cx, "Done", Kind::Primary).on_press(Message::Keys)
    ]
    .spacing(cx.space(Space::Normal))
    .into()
}
