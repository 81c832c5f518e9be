//! What stands around every screen: the column of screens, what is said at the edge, the sheets.

use std::sync::Arc;

use app::problem::Problem;
use iced::widget::{Column, Space as Gap, column, container, opaque, row, rule, stack};
use iced::{Center, Element, Fill, Length, Padding};
use verifier::identity::SigningKey;

use super::message::Message;
use super::notices::Notice;
use super::{Companion, Heard, Sheet, Stage, keys, welcome};
use crate::desk::{Book, Desk};
use crate::screen::Place;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::inert::under;
use crate::widget::page;
use crate::wiring::Wiring;

pub(super) fn view<W: Wiring>(companion: &Companion<W>) -> Element<'_, Heard<W>> {
    let nobody = nobody();
    match &companion.stage {
        Stage::Open(screens) => {
            let desk = companion.desk(&screens.book);
            let main = row![
                sidebar(&desk, screens.place),
                rule::vertical(1).style(style::line),
                container(screens.view(&desk)).width(Fill).height(Fill)
            ];
            around(companion, &desk, main.into())
        }
        Stage::Welcome => {
            let desk = companion.desk(&nobody);
            around(companion, &desk, welcome::view(&desk, &companion.data))
        }
        Stage::Opening => {
            let desk = companion.desk(&nobody);
            let main = container(page::muted(&desk, "Opening the library…")).center(Fill);
            around(companion, &desk, main.into())
        }
        Stage::Held(problem) => {
            let desk = companion.desk(&nobody);
            around(companion, &desk, unopened(&desk, "The library is in use", problem))
        }
        Stage::Failed(problem) => {
            let desk = companion.desk(&nobody);
            around(companion, &desk, unopened(&desk, "The library cannot be opened", problem))
        }
    }
}

/// The book of an installation that is not open: it knows nobody.
pub(super) fn nobody() -> Book {
    let own = SigningKey::from_seed([0; 32]).public_key().peer_id();
    Book { own, peers: Arc::new([]) }
}

pub(super) fn unopened<'a, O: Clone + 'a>(
    desk: &Desk<'_>,
    title: &'a str,
    problem: &Problem,
) -> Element<'a, Message<O>> {
    let retry = page::button(desk, "Try again", Kind::Primary).on_press(Message::Retry);
    let close = page::button(desk, "Close", Kind::Plain).on_press(Message::Close);
    let content = column![
        page::words(desk, Text::Title, title),
        page::problem(desk, problem, Vec::new()),
        row![retry, close].spacing(desk.space(Space::Narrow))
    ]
    .spacing(desk.space(Space::Wide))
    .max_width(desk.scale.factor() * 560.0);
    container(content).center(Fill).padding(desk.space(Space::Section)).into()
}

pub(super) fn sidebar<'a, O: Clone + 'a>(desk: &Desk<'_>, shown: Place) -> Element<'a, Message<O>> {
    let tabs = Place::ALL.map(|place| {
        page::tab(desk, place.name(), place == shown, Message::Go(place)).width(Fill).into()
    });
    let keys = control(page::small(desk, "Keys: ?"), Kind::Quiet).on_press(Message::Keys);
    let content = column![
        container(page::heading(desk, "MiniModel"))
            .padding(Padding::from([desk.space(Space::Narrow), desk.space(Space::Normal)])),
        Column::with_children(tabs).spacing(desk.space(Space::Hair)),
        Gap::new().height(Fill),
        keys
    ]
    .spacing(desk.space(Space::Normal))
    .padding(desk.space(Space::Normal));
    container(content)
        .width(Length::Fixed(desk.scale.factor() * 148.0))
        .height(Fill)
        .style(style::sidebar)
        .into()
}

/// Puts what is said at the edge, and a sheet if there is one, over the window.
fn around<'a, W: Wiring>(
    companion: &'a Companion<W>,
    desk: &Desk<'_>,
    main: Element<'a, Heard<W>>,
) -> Element<'a, Heard<W>> {
    let notices = notices(desk, companion.notices.all());
    let sheet = match &companion.sheet {
        None => None,
        Some(Sheet::Keys) => Some(keys::sheet(desk)),
        Some(Sheet::Closing(closing)) => Some(closing.view(desk)),
    };
    let mut layers = stack![under(main, sheet.is_some()), under(notices, sheet.is_some())];
    if let Some(sheet) = sheet {
        let card = container(sheet)
            .padding(desk.space(Space::Wide))
            .max_width(desk.scale.factor() * 560.0)
            .style(style::sheet);
        layers = layers.push(opaque(container(card).center(Fill).style(style::veil)));
    }
    layers.width(Fill).height(Fill).into()
}

fn notices<'a, O: Clone + 'a>(desk: &Desk<'_>, all: &[Notice]) -> Element<'a, Message<O>> {
    let lines = all.iter().enumerate().map(|(place, notice)| {
        let dismiss = page::button(desk, "Dismiss", Kind::Quiet).on_press(Message::Dismiss(place));
        match notice {
            Notice::Told(line, _) => {
                let content = row![page::body(desk, page::printable(line)).width(Fill), dismiss]
                    .spacing(desk.space(Space::Normal))
                    .align_y(Center);
                container(content).padding(desk.space(Space::Narrow)).style(style::sheet).into()
            }
            Notice::Failed(problem) => page::problem(desk, problem, vec![dismiss.into()]),
        }
    });
    let lines = Column::with_children(lines)
        .spacing(desk.space(Space::Narrow))
        .max_width(desk.scale.factor() * 460.0);
    container(lines)
        .width(Fill)
        .height(Fill)
        .align_right(Fill)
        .align_bottom(Fill)
        .padding(desk.space(Space::Normal))
        .into()
}
