//! The parts that every screen is put together from.

use std::borrow::Cow;

use app::problem::Problem;
use iced::widget::{
    Column, Container, Row, Space as Gap, column, container, progress_bar, row, rule, scrollable,
    text, text_input,
};
use iced::{Center, Element, Fill, Length, Padding, Theme};

use super::control::{Control, Kind, control};
use crate::context::Context;
use crate::theme::{FONT, Space, Text, style, tones};

/// By what name the search field of a screen is found.
pub const SEARCH: &str = "search";

/// Text of a kind; it takes the colour of what it stands in.
pub fn words<'a>(cx: &Context<'_>, kind: Text, words: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    // A path or a digest that is longer than its line goes on in the next one.
    let wrapping = text::Wrapping::WordOrGlyph;
    text(words.into()).size(cx.text(kind)).font(FONT).wrapping(wrapping)
}

/// Text that is read.
pub fn body<'a>(cx: &Context<'_>, content: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    words(cx, Text::Body, content)
}

/// A remark, quieter than the rest.
pub fn muted<'a>(cx: &Context<'_>, content: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    let quiet = |theme: &Theme| text::Style { color: Some(tones(theme).muted) };
    words(cx, Text::Body, content).style(quiet)
}

/// A remark in small letters.
pub fn small<'a>(cx: &Context<'_>, content: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    let quiet = |theme: &Theme| text::Style { color: Some(tones(theme).muted) };
    words(cx, Text::Small, content).style(quiet)
}

/// The name of a part of a screen.
pub fn heading<'a>(cx: &Context<'_>, content: impl Into<Cow<'a, str>>) -> text::Text<'a> {
    words(cx, Text::Heading, content)
}

/// A button with one line on it.
pub fn button<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    label: impl Into<Cow<'a, str>>,
    kind: Kind,
) -> Control<'a, Message> {
    control(body(cx, label).wrapping(text::Wrapping::None), kind)
}

/// A screen: its name, what can be done on it, and what it shows, which scrolls.
pub fn page<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    title: impl Into<Cow<'a, str>>,
    actions: Vec<Element<'a, Message>>,
    content: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    let rail = cx.space(Space::Normal);
    let content = container(content.into()).padding(Padding::default().right(rail)).width(Fill);
    fixed_page(cx, title, actions, scroll(content).height(Fill))
}

/// A screen whose parts scroll by themselves.
pub fn fixed_page<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    title: impl Into<Cow<'a, str>>,
    actions: Vec<Element<'a, Message>>,
    content: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    let actions = Row::with_children(actions)
        .spacing(cx.space(Space::Narrow))
        .align_y(Center)
        .wrap()
        .vertical_spacing(cx.space(Space::Hair));
    let title = words(cx, Text::Title, title).wrapping(text::Wrapping::None);
    let head =
        row![title, Gap::new().width(Fill), actions].spacing(cx.space(Space::Wide)).align_y(Center);
    column![head, content.into()]
        .spacing(cx.space(Space::Normal))
        .padding(Padding::from(cx.space(Space::Wide)).right(cx.space(Space::Normal)))
        .width(Fill)
        .height(Fill)
        .into()
}

/// Something that scrolls up and down.
pub fn scroll<'a, Message: 'a>(
    content: impl Into<Element<'a, Message>>,
) -> scrollable::Scrollable<'a, Message> {
    scrollable(content).style(style::scroll)
}

/// A card.
pub fn card<'a, Message: 'a>(
    cx: &Context<'_>,
    content: impl Into<Element<'a, Message>>,
) -> Container<'a, Message> {
    container(content).padding(cx.space(Space::Normal) + 4.0).width(Fill).style(style::card)
}

/// A card with a heading.
pub fn section<'a, Message: 'a>(
    cx: &Context<'_>,
    name: impl Into<Cow<'a, str>>,
    content: impl Into<Element<'a, Message>>,
) -> Container<'a, Message> {
    let parts = column![heading(cx, name), content.into()].spacing(cx.space(Space::Normal));
    card(cx, parts)
}

/// Facts, one a line: a quiet name, and what it is.
pub fn facts<'a, Message: 'a>(
    cx: &Context<'_>,
    facts: impl IntoIterator<Item = (impl Into<Cow<'a, str>>, impl Into<Cow<'a, str>>)>,
) -> Column<'a, Message> {
    let width = Length::Fixed(cx.scale.factor() * 130.0);
    let lines = facts.into_iter().map(|(name, value)| {
        let name = muted(cx, name).width(width);
        row![name, body(cx, value).width(Fill)].spacing(cx.space(Space::Normal)).into()
    });
    Column::with_children(lines).spacing(cx.space(Space::Hair) + 2.0).width(Fill)
}

/// What went wrong and what to do, with its code.
pub fn problem<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    problem: &Problem,
    actions: Vec<Element<'a, Message>>,
) -> Element<'a, Message> {
    let danger = |theme: &Theme| text::Style { color: Some(theme.palette().danger) };
    let what = printable(&capital(&problem.what));
    let code = match problem.field.as_str() {
        "-" | "" => problem.code.to_string(),
        field => format!("{} at {}", problem.code, printable(field)),
    };
    let mut parts = column![
        body(cx, what).style(danger),
        body(cx, printable(&problem.advice)),
        small(cx, code)
    ]
    .spacing(cx.space(Space::Hair) + 2.0);
    if !actions.is_empty() {
        let actions = Row::with_children(actions).spacing(cx.space(Space::Narrow));
        parts = parts.push(actions);
    }
    container(parts).padding(cx.space(Space::Normal)).width(Fill).style(style::failed).into()
}

/// A remark in a frame: `style` says whether it warns, notes or tells of an error.
pub fn note<'a, Message: 'a>(
    cx: &Context<'_>,
    content: impl Into<Element<'a, Message>>,
    style: fn(&Theme) -> container::Style,
) -> Container<'a, Message> {
    container(content).padding(cx.space(Space::Normal)).width(Fill).style(style)
}

/// What a screen shows while there is nothing to show: what this is, and what to do next.
pub fn empty<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    name: impl Into<Cow<'a, str>>,
    what: impl Into<Cow<'a, str>>,
    actions: Vec<Element<'a, Message>>,
) -> Element<'a, Message> {
    let width = cx.scale.factor() * 520.0;
    let parts = column![
        heading(cx, name),
        muted(cx, what).width(Length::Fixed(width)).align_x(Center),
        Row::with_children(actions).spacing(cx.space(Space::Narrow))
    ]
    .spacing(cx.space(Space::Normal))
    .align_x(Center);
    container(parts).center_x(Fill).padding(cx.space(Space::Section)).into()
}

/// A box to tick, with what it says.
pub fn check<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    label: impl Into<Cow<'a, str>>,
    is_ticked: bool,
    on_press: Message,
) -> Control<'a, Message> {
    let side = cx.text(Text::Body) + 2.0;
    let mark = move |theme: &Theme| container::Style {
        background: is_ticked.then(|| theme.palette().primary.into()),
        border: iced::Border { radius: 2.0.into(), ..iced::Border::default() },
        ..container::Style::default()
    };
    let frame = |theme: &Theme| container::Style {
        border: iced::Border { color: tones(theme).muted, width: 1.5, radius: 4.0.into() },
        ..container::Style::default()
    };
    let fill = container(Gap::new()).width(Fill).height(Fill).style(mark);
    let square = container(fill).padding(4.0).width(side).height(side).style(frame);
    let content = row![square, body(cx, label)].spacing(cx.space(Space::Narrow)).align_y(Center);
    control(content, Kind::Row(false.into())).on_press(on_press).padding([4.0, 6.0])
}

/// One of several views, in a line of them.
pub fn tab<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    label: impl Into<Cow<'a, str>>,
    is_shown: bool,
    on_press: Message,
) -> Control<'a, Message> {
    control(body(cx, label).wrapping(text::Wrapping::None), Kind::Tab(is_shown.into()))
        .on_press(on_press)
}

/// A field to type into.
pub fn field<'a, Message: Clone + 'a>(
    cx: &Context<'_>,
    placeholder: &str,
    value: &str,
    on_input: impl Fn(String) -> Message + 'a,
) -> text_input::TextInput<'a, Message> {
    text_input(placeholder, value)
        .on_input(on_input)
        .size(cx.text(Text::Body))
        .padding([7.0, 10.0])
        .font(FONT)
        .style(style::field)
}

/// A field, or anything else that is set, with its name above it.
pub fn labelled<'a, Message: 'a>(
    cx: &Context<'_>,
    label: impl Into<Cow<'a, str>>,
    control: impl Into<Element<'a, Message>>,
) -> Column<'a, Message> {
    column![muted(cx, label), control.into()].spacing(cx.space(Space::Hair))
}

/// A bar that is full at 1.
pub fn bar<'a>(cx: &Context<'_>, fraction: f32) -> progress_bar::ProgressBar<'a> {
    progress_bar(0.0..=1.0, fraction.clamp(0.0, 1.0))
        .girth(cx.scale.factor() * 8.0)
        .style(style::bar)
}

/// How much of a whole, from 0 to 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a part of a bar, rounded to pixels anyway"
)]
pub fn fraction(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64) as f32 }
}

/// A line between two parts.
pub fn separator<'a, Message: 'a>() -> Element<'a, Message> {
    rule::horizontal(1).style(style::line).into()
}

/// Text from outside made harmless: what is not printed becomes a replacement character, and no
/// more than 300 characters are shown.
pub fn printable(text: &str) -> String {
    const MOST: usize = 300;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// A name on a button: what is longer than a few words is cut.
pub fn brief(name: &str) -> String {
    const MOST: usize = 24;
    let mut shown: String = name.chars().take(MOST).collect();
    if name.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// A text with a capital at its start.
pub fn told(problem: &Problem) -> String {
    format!("{}. {}", capital(&printable(&problem.what)), printable(&problem.advice))
}

/// Text that begins with a capital letter.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
