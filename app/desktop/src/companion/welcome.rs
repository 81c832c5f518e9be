//! The first page: what this is, before anything is made.

use std::path::Path;

use iced::widget::{Column, column, container, row};
use iced::{Element, Fill, Length};

use super::message::Message;
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::page;

/// What a first-time user has to know, a heading and a sentence each.
const POINTS: [(&str, &str); 5] = [
    (
        "What it does",
        "It moves one tiny AI model file (.slm) between people who know each other, from many of \
         them at once, and proves on arrival that it is the file its manifest names.",
    ),
    (
        "Nobody in the middle",
        "There is no server, no relay, no tracker and no telemetry. Whoever you have not paired \
         with is turned away before a byte moves.",
    ),
    (
        "Nothing without your yes",
        "Serving, fetching, importing, keeping and publishing each ask first. The default is no, \
         each yes is written down, and each can be taken back.",
    ),
    (
        "What others see",
        "Peers that you call, or that call you, see your IP address. They never see what else you \
         keep.",
    ),
    (
        "Opening a model",
        "A finished file is yours: open it in TinyRustLM with its own file picker. Nothing is sent \
         to it.",
    ),
];

/// The first page.
pub(super) fn view<'a, O: Clone + 'a>(cx: &Context<'_>, data: &Path) -> Element<'a, Message<O>> {
    let points = POINTS.map(|(name, what)| {
        column![page::heading(cx, name), page::body(cx, what)].spacing(cx.space(Space::Hair)).into()
    });
    let folder = format!(
        "Starting makes a secret key for this machine and an empty library in {}.",
        page::printable(&data.display().to_string())
    );
    let begin = page::button(cx, "Make my key and start", Kind::Primary).on_press(Message::Begin);
    let content = column![
        page::words(cx, Text::Title, "MiniModel Peer Companion"),
        Column::with_children(points).spacing(cx.space(Space::Wide)),
        page::muted(cx, folder),
        row![begin]
    ]
    .spacing(cx.space(Space::Wide))
    .max_width(cx.scale.factor() * 640.0);
    let card = container(content)
        .padding(cx.space(Space::Section))
        .width(Length::Shrink)
        .style(style::card);
    page::scroll(container(card).center_x(Fill).padding(cx.space(Space::Wide))).height(Fill).into()
}
