//! The screen as a whole, and its list of models.

use app::library::{Kept, State};
use app::ports::Pin;
use iced::widget::{Row, column, container, row, text};
use iced::{Center, Element, Fill, Length, Padding};

use super::arrange::{Column, Counts, Direction, Filter};
use super::{LIST, Library, Message, Shown, Stage, detail};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::list::{On, list};
use crate::widget::page;
use crate::widget::piece_map::{self, Look, Swatch};
use crate::words;

/// How many lines there is room for, however few or many there are.
const LEAST_LINES: usize = 4;
const MOST_LINES: usize = 7;
/// The most of the window that the list takes.
const TABLE_PART: f32 = 0.36;
/// The height from which on list and map share the window, in logical pixels at normal size.
const ROOMY: f32 = 620.0;

/// The screen.
pub(super) fn page<'a>(library: &'a Library, cx: &Context<'a>) -> Element<'a, Message> {
    let actions = vec![
        page::button(cx, "Add a file of mine…", Kind::Plain).on_press(Message::Add).into(),
        page::button(cx, "Import from peers…", Kind::Primary).on_press(Message::Import).into(),
    ];
    let trouble = library.trouble.as_ref().map(|problem| {
        let dismiss = page::button(cx, "Dismiss", Kind::Quiet).on_press(Message::Dismiss);
        page::problem(cx, problem, vec![dismiss.into()])
    });
    let parts = column![].push(trouble).spacing(cx.space(Space::Normal)).width(Fill);
    let shown = match &library.stage {
        Stage::Looking => {
            let looking = library.trouble.is_none().then(|| page::muted(cx, "Looking…"));
            return page::page(cx, "Library", actions, parts.push(looking));
        }
        Stage::Shown(shown) => shown,
    };
    if shown.snapshot.models.is_empty() {
        let what = "A model is kept here after you import it from peers, or when you make a share \
                    of a .slm file of your own. Either way every piece of it was verified.";
        let import = page::button(cx, "Import from peers…", Kind::Primary);
        let add = page::button(cx, "Add a file of mine…", Kind::Plain);
        let actions =
            vec![import.on_press(Message::Import).into(), add.on_press(Message::Add).into()];
        let parts = parts.push(page::empty(cx, "Nothing is kept yet", what, actions));
        return page::page(cx, "Library", Vec::new(), parts);
    }
    let parts = parts.push(search(library, shown.counts, cx));
    let table = table(library, shown, cx);
    let detail = detail::view(library, cx);
    let line = line(cx);
    let lines = match shown.rows.len() {
        // What to do then is said where the lines would be.
        0 => MOST_LINES,
        lines => lines.clamp(LEAST_LINES, MOST_LINES),
    };
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    let height = line * (lines + 1) as f32 + 4.0;
    if is_roomy(cx) {
        let height = height.min(cx.size.height * TABLE_PART);
        let parts = parts.push(container(table).height(height)).push(detail).height(Fill);
        return page::fixed_page(cx, "Library", actions, parts);
    }
    let parts = parts.push(container(table).height(height)).push(detail);
    page::page(cx, "Library", actions, parts)
}

/// Whether there is so little room that parts stand below each other.
pub(super) fn is_narrow(cx: &Context<'_>) -> bool {
    cx.size.width / cx.scale.factor() < 1_000.0
}

/// Whether list and map share the window, rather than the whole being scrolled.
pub(super) fn is_roomy(cx: &Context<'_>) -> bool {
    cx.size.height / cx.scale.factor() >= ROOMY
}

fn search<'a>(library: &'a Library, counts: Counts, cx: &Context<'_>) -> Element<'a, Message> {
    let field = page::field(cx, "Search by name or digest", &library.query, Message::Search)
        .id(page::SEARCH)
        .width(Length::Fixed(cx.scale.factor() * 260.0));
    let tabs = Filter::ALL.map(|filter| {
        let label = format!("{} {}", filter.name(), words::grouped(counts.get(filter)));
        page::tab(cx, label, library.filter == filter, Message::Show(filter)).into()
    });
    let tabs = Row::with_children(tabs).spacing(2.0);
    row![field, tabs]
        .spacing(cx.space(Space::Normal))
        .align_y(Center)
        .wrap()
        .vertical_spacing(cx.space(Space::Hair))
        .into()
}

/// The height of a line of the list.
fn line(cx: &Context<'_>) -> f32 {
    (cx.text(Text::Body) * 1.3 + 14.0 * cx.scale.factor()).round()
}

/// The columns that there is room for, and how wide they are at normal size.
fn columns(cx: &Context<'_>) -> Vec<(Column, &'static str, Length)> {
    let room = cx.size.width / cx.scale.factor();
    let width = |width: f32| Length::Fixed(width * cx.scale.factor());
    let mut columns = vec![(Column::Model, "Model", Fill), (Column::Size, "Size", width(96.0))];
    if room >= 900.0 {
        columns.push((Column::Pieces, "Pieces", width(116.0)));
    }
    columns.push((Column::State, "State", width(132.0)));
    if room >= 700.0 {
        columns.push((Column::Used, "Last used", width(128.0)));
    }
    if room >= 1_000.0 {
        columns.push((Column::Verified, "Last verified", width(128.0)));
    }
    columns
}

fn table<'a>(library: &'a Library, shown: &'a Shown, cx: &Context<'a>) -> Element<'a, Message> {
    let columns = columns(cx);
    let line = line(cx);
    // As wide as the rail, which lies over the lines.
    let rail = Padding::default().right(cx.space(Space::Narrow));
    let heads = columns.iter().map(|(column, name, width)| {
        let mark = match (library.order.column == *column, library.order.direction) {
            (true, Direction::Up) => " ↑",
            (true, Direction::Down) => " ↓",
            (false, _) => "",
        };
        let name = page::small(cx, format!("{name}{mark}")).wrapping(text::Wrapping::None);
        let press = Message::Sort(*column);
        control(name, Kind::Quiet).padding([3.0, 10.0]).on_press(press).width(*width).into()
    });
    let heads = Row::with_children(heads).align_y(Center).height(line);
    let heads = container(heads).padding(rail.left(1.0));
    let rows = &shown.rows;
    let content: Element<'a, Message> = if rows.is_empty() {
        let all = page::button(cx, "Show all models", Kind::Plain).on_press(Message::Everything);
        page::empty(
            cx,
            "No model is like that",
            "Take a word or the filter away.",
            vec![all.into()],
        )
    } else {
        let selected = library.selected.and_then(|artifact| library.place(artifact));
        let make = |place: usize| {
            let kept = rows.get(place).and_then(|place| shown.snapshot.models.get(*place));
            kept.map_or_else(
                || iced::widget::Space::new().height(line).into(),
                |kept| one(kept, selected == Some(place), &columns, line, cx),
            )
        };
        let on = On {
            scrolled: Box::new(Message::Scrolled),
            moved: Box::new(move |place| Message::Move(place, line)),
            opened: None,
        };
        list(LIST, rows.len(), line, library.scroll, selected, make, on)
    };
    let content = container(content).padding(1.0).height(Fill).width(Fill);
    container(column![heads, page::separator(), content]).style(style::card).width(Fill).into()
}

/// One line of the list.
fn one<'a>(
    kept: &Kept,
    is_selected: bool,
    columns: &[(Column, &'static str, Length)],
    line: f32,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let cells = columns.iter().map(|(column, _, width)| {
        container(cell(kept, *column, cx)).padding([0.0, 10.0]).width(*width).clip(true).into()
    });
    let cells = Row::with_children(cells).align_y(Center).height(Fill);
    control(cells, Kind::Row(is_selected.into()))
        .padding(Padding::default().right(cx.space(Space::Narrow)))
        .on_press(Message::Select(kept.model.artifact))
        .pointer_only()
        .width(Fill)
        .height(line)
        .into()
}

fn cell<'a>(kept: &Kept, column: Column, cx: &Context<'_>) -> Element<'a, Message> {
    let model = &kept.model;
    let plain = |words: String| page::body(cx, words).wrapping(text::Wrapping::None).into();
    let quiet = |words: String| page::muted(cx, words).wrapping(text::Wrapping::None).into();
    match column {
        Column::Model => {
            let name = page::body(cx, model.model_id.as_str().to_owned());
            let version = page::muted(cx, model.model_version.to_string());
            let pinned = (model.pin == Pin::Pinned).then(|| page::small(cx, "pinned"));
            let pinned = pinned.map(|pinned| pinned.wrapping(text::Wrapping::None));
            row![name.wrapping(text::Wrapping::None), version.wrapping(text::Wrapping::None)]
                .push(pinned)
                .spacing(cx.space(Space::Narrow))
                .align_y(Center)
                .into()
        }
        Column::Size => plain(words::bytes(model.geometry.byte_count())),
        Column::Pieces => quiet(pieces(kept)),
        Column::State => state(kept, cx),
        Column::Used => quiet(words::ago(cx.now, model.last_use)),
        Column::Verified => quiet(
            model.last_verified.map_or_else(|| "never".to_owned(), |at| words::ago(cx.now, at)),
        ),
    }
}

/// How many pieces are kept, of how many.
pub(super) fn pieces(kept: &Kept) -> String {
    let all = words::grouped(kept.model.geometry.piece_count().into());
    match kept.state() {
        State::Whole => all,
        _ => format!("{} of {all}", words::grouped(kept.model.have.count().into())),
    }
}

/// How a model is kept, in a colour, a pattern and words.
pub(super) fn state<'a>(kept: &Kept, cx: &Context<'_>) -> Element<'a, Message> {
    let (look, words) = match kept.state() {
        State::Whole => (piece_map::State::Kept, "whole".to_owned()),
        State::Incomplete => (
            piece_map::State::Missing,
            format!("{} missing", words::grouped(kept.missing().into())),
        ),
        State::Damaged => {
            let (number, what) = match kept.corrupt {
                0 => (kept.missing(), "lost"),
                corrupt => (corrupt, "corrupt"),
            };
            (piece_map::State::Corrupt, format!("{} {what}", words::grouped(number.into())))
        }
    };
    let side = cx.text(Text::Small);
    row![
        Swatch::new(Look::State(look), side, cx.scale_factor),
        page::body(cx, words).wrapping(text::Wrapping::None)
    ]
    .spacing(cx.space(Space::Hair) + 2.0)
    .align_y(Center)
    .into()
}
