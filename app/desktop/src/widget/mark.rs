//! Small marks: what something is in a word, and what is wrong with a field.

use std::borrow::Cow;

use iced::widget::{Container, column, container, row, text};
use iced::{Border, Center, Element, Fill, Theme};

use super::page;
use crate::context::Context;
use crate::theme::{Space, Text, tones};

/// What a mark tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something goes on.
    Live,
    /// Something is as it should be.
    Plain,
    /// Something is not to be missed.
    Warning,
}

/// One or two words in a frame.
pub fn tag<'a, Message: 'a>(
    cx: &Context<'_>,
    words: impl Into<Cow<'a, str>>,
    tone: Tone,
) -> Container<'a, Message> {
    let look = move |theme: &Theme| {
        let (tones, palette) = (tones(theme), theme.palette());
        let (ground, colour) = match tone {
            Tone::Live => (tones.selected, palette.primary),
            Tone::Plain => (tones.sunken, tones.muted),
            Tone::Warning => (tones.warned, palette.warning),
        };
        container::Style {
            background: Some(ground.into()),
            text_color: Some(colour),
            border: Border { color: colour, width: 1.0, radius: 9.0.into() },
            ..container::Style::default()
        }
    };
    let words = page::words(cx, Text::Small, words).wrapping(text::Wrapping::None);
    container(words).padding([1.0, 8.0]).style(look)
}

/// What is wrong with a field, under it.
pub fn wrong<'a>(cx: &Context<'_>, words: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    let danger = |theme: &Theme| text::Style { color: Some(theme.palette().danger) };
    page::words(cx, Text::Small, words).style(danger)
}

/// A field with its name above it, and what is wrong with it, or else a remark, under it.
pub fn entry<'a, Message: 'a>(
    cx: &Context<'_>,
    label: impl Into<Cow<'a, str>>,
    field: impl Into<Element<'a, Message>>,
    fault: Option<String>,
    remark: impl Into<Cow<'a, str>>,
) -> Element<'a, Message> {
    let remark = remark.into();
    let labelled = page::labelled(cx, label, field);
    match fault {
        Some(fault) => labelled.push(wrong(cx, page::printable(&page::capital(&fault)))),
        None if remark.is_empty() => labelled,
        None => labelled.push(page::small(cx, remark)),
    }
    .into()
}

/// A name in large letters with a mark behind it.
pub fn named<'a, Message: 'a>(
    cx: &Context<'_>,
    name: impl Into<Cow<'a, str>>,
    tag: Option<Container<'a, Message>>,
) -> Element<'a, Message> {
    let name = page::heading(cx, name);
    match tag {
        Some(tag) => row![name, tag].spacing(cx.space(Space::Narrow)).align_y(Center).into(),
        None => name.into(),
    }
}

/// Two parts side by side where both have room for their text, else one under the other.
pub fn pair<'a, Message: 'a>(
    cx: &Context<'_>,
    one: Element<'a, Message>,
    other: Element<'a, Message>,
) -> Element<'a, Message> {
    if cx.size.width >= cx.scale.factor() * 800.0 {
        row![column![one].width(Fill), column![other].width(Fill)]
            .spacing(cx.space(Space::Wide))
            .into()
    } else {
        column![one, other].spacing(cx.space(Space::Normal)).into()
    }
}
