//! What stands around every screen: the column of screens, what is said at the edge, the sheets.

use std::sync::Arc;

use app::problem::Problem;
use iced::widget::{Column, Space as Gap, column, container, opaque, row, rule, stack};
use iced::{Center, Element, Fill, Length, Padding};
use verifier::identity::SigningKey;

use super::message::Message;
use super::notices::Notice;
use super::{Companion, Heard, Sheet, Stage, keys, welcome};
use crate::context::{Book, Context};
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
            let cx = companion.context(&screens.book);
            let main = row![
                sidebar(&cx, screens.place),
                rule::vertical(1).style(style::line),
                container(screens.view(&cx)).width(Fill).height(Fill)
            ];
            around(companion, &cx, main.into())
        }
        Stage::Welcome => {
            let cx = companion.context(&nobody);
            around(companion, &cx, welcome::view(&cx, &companion.data))
        }
        Stage::Opening => {
            let cx = companion.context(&nobody);
            let main = container(page::muted(&cx, "Opening the library…")).center(Fill);
            around(companion, &cx, main.into())
        }
        Stage::Held(problem) => {
            let cx = companion.context(&nobody);
            around(companion, &cx, unopened(&cx, "The library is in use", problem))
        }
        Stage::Failed(problem) => {
            let cx = companion.context(&nobody);
            around(companion, &cx, unopened(&cx, "The library cannot be opened", problem))
        }
    }
}

/// The book of an installation that is not open: it knows nobody.
pub(super) fn nobody() -> Book {
    let own = SigningKey::from_seed([0; 32]).public_key().peer_id();
    Book { own, peers: Arc::new([]) }
}

pub(super) fn unopened<'a, O: Clone + 'a>(
    cx: &Context<'_>,
    title: &'a str,
    problem: &Problem,
) -> Element<'a, Message<O>> {
    let retry = page::button(cx, "Try again", Kind::Primary).on_press(Message::Retry);
    let close = page::button(cx, "Close", Kind::Plain).on_press(Message::Close);
    let content = column![
        page::words(cx, Text::Title, title),
        page::problem(cx, problem, Vec::new()),
        row![retry, close].spacing(cx.space(Space::Narrow))
    ]
    .spacing(cx.space(Space::Wide))
    .max_width(cx.scale.factor() * 560.0);
    container(content).center(Fill).padding(cx.space(Space::Section)).into()
}

pub(super) fn sidebar<'a, O: Clone + 'a>(
    cx: &Context<'_>,
    shown: Place,
) -> Element<'a, Message<O>> {
    let tabs = Place::ALL.map(|place| {
        page::tab(cx, place.name(), place == shown, Message::Go(place)).width(Fill).into()
    });
    let keys = control(page::small(cx, "Keys: ?"), Kind::Quiet).on_press(Message::Keys);
    let content = column![
        container(page::heading(cx, "MiniModel"))
            .padding(Padding::from([cx.space(Space::Narrow), cx.space(Space::Normal)])),
        Column::with_children(tabs).spacing(cx.space(Space::Hair)),
        Gap::new().height(Fill),
        keys
    ]
    .spacing(cx.space(Space::Normal))
    .padding(cx.space(Space::Normal));
    container(content)
        .width(Length::Fixed(cx.scale.factor() * 148.0))
        .height(Fill)
        .style(style::sidebar)
        .into()
}

/// Puts what is said at the edge, and a sheet if there is one, over the window.
fn around<'a, W: Wiring>(
    companion: &'a Companion<W>,
    cx: &Context<'_>,
    main: Element<'a, Heard<W>>,
) -> Element<'a, Heard<W>> {
    let notices = notices(cx, companion.notices.all());
    let sheet = match &companion.sheet {
        None => None,
        Some(Sheet::Keys) => Some(keys::sheet(cx)),
        Some(Sheet::Closing(closing)) => Some(closing.view(cx)),
    };
    let mut layers = stack![under(main, sheet.is_some()), under(notices, sheet.is_some())];
    if let Some(sheet) = sheet {
        let card = container(sheet)
            .padding(cx.space(Space::Wide))
            .max_width(cx.scale.factor() * 560.0)
            .style(style::sheet);
        layers = layers.push(opaque(container(card).center(Fill).style(style::veil)));
    }
    layers.width(Fill).height(Fill).into()
}

fn notices<'a, O: Clone + 'a>(cx: &Context<'_>, all: &[Notice]) -> Element<'a, Message<O>> {
    let lines = all.iter().enumerate().map(|(place, notice)| {
        let dismiss = page::button(cx, "Dismiss", Kind::Quiet).on_press(Message::Dismiss(place));
        match notice {
            Notice::Told(line, _) => {
                let content = row![page::body(cx, page::printable(line)).width(Fill), dismiss]
                    .spacing(cx.space(Space::Normal))
                    .align_y(Center);
                container(content).padding(cx.space(Space::Narrow)).style(style::sheet).into()
            }
            Notice::Failed(problem) => page::problem(cx, problem, vec![dismiss.into()]),
        }
    });
    let lines = Column::with_children(lines)
        .spacing(cx.space(Space::Narrow))
        .max_width(cx.scale.factor() * 460.0);
    container(lines)
        .width(Fill)
        .height(Fill)
        .align_right(Fill)
        .align_bottom(Fill)
        .padding(cx.space(Space::Normal))
        .into()
}
