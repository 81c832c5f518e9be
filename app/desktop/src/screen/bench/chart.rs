//! The figures as bars, with the same figures as numbers beside them.

mod lines;

use app::bench::{Comparison, Report, Row};
use iced::advanced::widget::Id;
use iced::alignment::{Horizontal, Vertical};
use iced::widget::{Space as Gap, column, container, mouse_area, row, text};
use iced::{Center, Element, Fill, Length, Padding};

use crate::context::Context;
use crate::screen::Errand;
use crate::theme::{Space, Text, style};
use crate::widget::bars::{self, Mark};
use crate::widget::control::{Kind, control};
use crate::widget::list::{self, Scroll};
use crate::widget::page;

use lines::{Axes, Line, lines};

/// By what name the list of bars is found.
const LIST: &str = "bench-bars";

/// What the user chose of the chart; the figures come from whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Chart {
    scroll: Scroll,
    selected: Option<usize>,
    hovered: Option<usize>,
}

/// What the user does to the chart.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// It is scrolled.
    Scrolled(Scroll),
    /// The keyboard goes to that line of the list, whose lines are so high.
    Moved(usize, f32),
    /// A bar is chosen.
    Selected(usize),
    /// The pointer is on a bar.
    Pointed(usize),
    /// The pointer is not on that bar any more.
    Left(usize),
}

/// What a chart shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures<'a> {
    /// What was measured.
    pub rows: &'a [Row],
    /// An earlier run, and what changed since.
    pub earlier: Option<(&'a Report, &'a Comparison)>,
}

impl Chart {
    /// Other figures are shown: what was chosen of the last ones is forgotten.
    pub(super) fn reset(&mut self) {
        (self.selected, self.hovered) = (None, None);
    }

    /// Hears what the user does to these rows; an errand, if the window has to do something.
    pub(super) fn update(&mut self, message: Message, rows: &[Row]) -> Option<Errand> {
        match message {
            Message::Scrolled(scroll) => self.scroll = scroll,
            Message::Selected(place) => self.selected = Some(place),
            Message::Pointed(place) => self.hovered = Some(place),
            Message::Left(place) => {
                if self.hovered == Some(place) {
                    self.hovered = None;
                }
            }
            Message::Moved(to, height) => {
                self.hovered = None;
                let lines = lines(rows);
                let (line, place) = lines::nearest(&lines, to, self.selected)?;
                self.selected = Some(place);
                // The name of a group stays in sight with its first bar.
                let above = line.checked_sub(1).filter(|above| lines::is_group(&lines, *above));
                let target = above.and_then(|above| self.scroll.to(above, height));
                let target = target.or_else(|| self.scroll.to(line, height));
                return target.map(|offset| Errand::Scroll(Id::new(LIST), offset));
            }
        }
        None
    }

    /// The chart, with its bars in a list as high as said.
    pub(super) fn view<'a>(
        &self,
        cx: &Context<'_>,
        figures: Figures<'a>,
        tall: Length,
    ) -> Element<'a, Message> {
        let columns = Columns::of(cx, figures.earlier.is_some());
        let height = columns.line_height(cx);
        let lines = lines(figures.rows);
        let axes = Axes::of(figures);
        let selected = lines::line_of(&lines, self.selected);
        let count = lines.len();
        let make = |at: usize| match lines.get(at) {
            Some(Line::Group { name, work, unit }) => {
                columns.group(cx, name, unit.name(), axes.under(*work), height)
            }
            Some(Line::Bar { place, row, unit }) => {
                let is_selected = self.selected == Some(*place);
                let content = columns.bar(cx, row, axes.under(row.work), *unit, figures);
                let line = control(content, Kind::Row(is_selected.into()))
                    .padding(Columns::padding(cx))
                    .pointer_only()
                    .on_press(Message::Selected(*place))
                    .width(Fill)
                    .height(Length::Fixed(height));
                mouse_area(line)
                    .on_enter(Message::Pointed(*place))
                    .on_exit(Message::Left(*place))
                    .into()
            }
            None => Gap::new().into(),
        };
        let on = list::On {
            scrolled: Box::new(Message::Scrolled),
            moved: Box::new(move |to| Message::Moved(to, height)),
            opened: None,
        };
        let bars = list::list(LIST, count, height, self.scroll, selected, make, on);
        column![
            columns.head(cx),
            container(bars).height(tall),
            legend(cx, figures.earlier.is_some()),
            self.facts(cx, figures)
        ]
        .spacing(cx.space(Space::Hair))
        .into()
    }

    /// The figures of the bar under the pointer, else of the selected one, as a sentence.
    pub(super) fn sentence(&self, figures: Figures<'_>) -> Option<String> {
        let row = figures.rows.get(self.hovered.or(self.selected)?)?;
        Some(lines::sentence(row, figures.earlier))
    }

    /// That sentence, or how to have it.
    fn facts<'a>(&self, cx: &Context<'_>, figures: Figures<'_>) -> Element<'a, Message> {
        let line = self.sentence(figures).unwrap_or_else(|| {
            "Point at a bar, or move with the arrow keys, to have its figures named.".to_owned()
        });
        // As high as it can get, so that nothing moves when a bar is named.
        let lines = match Columns::of(cx, figures.earlier.is_some()) {
            Columns::Wide { .. } => 2.0,
            Columns::Tall => 4.0,
        };
        let height = Length::Fixed(cx.text(Text::Body) * 1.35 * lines);
        container(page::body(cx, line)).height(height).width(Fill).into()
    }
}

/// Where everything stands: in one line beside each other, or below each other if there is no room.
#[derive(Debug, Clone, Copy)]
enum Columns {
    Wide { label: f32, figure: f32, narrow: f32, change: Option<f32> },
    Tall,
}

impl Columns {
    /// The screens' column and the spaces around a screen, in logical pixels at scale 1.
    const AROUND: f32 = 148.0 + 96.0;

    fn of(cx: &Context<'_>, compares: bool) -> Self {
        let scale = cx.scale.factor();
        let [label, figure, narrow, change, bar] = [214.0, 84.0, 44.0, 108.0, 220.0];
        let change = Some(change).filter(|_| compares);
        let needed = label + 2.0 * figure + 2.0 * narrow + change.unwrap_or(0.0) + bar;
        if cx.size.width < (needed + Self::AROUND) * scale {
            return Self::Tall;
        }
        let change = change.map(|change| change * scale);
        Self::Wide { label: label * scale, figure: figure * scale, narrow: narrow * scale, change }
    }

    fn line_height(self, cx: &Context<'_>) -> f32 {
        let body = cx.text(Text::Body);
        match self {
            Self::Wide { .. } => (body * 1.75).round(),
            Self::Tall => (body * 4.4).round(),
        }
    }

    /// Room on both sides of a line; to the right for what scrolls it, too.
    fn padding(cx: &Context<'_>) -> Padding {
        Padding::default().left(cx.space(Space::Narrow)).right(cx.space(Space::Narrow) + 12.0)
    }

    fn head<'a>(self, cx: &Context<'_>) -> Element<'a, Message> {
        let Self::Wide { label, figure, narrow, change } = self else {
            return page::small(cx, "Speeds, each with its spread, raw speed and ratio").into();
        };
        let name = |name: &'static str, width: f32| {
            page::small(cx, name).width(Length::Fixed(width)).align_x(Horizontal::Right)
        };
        let mut head = row![
            page::small(cx, "Work").width(Length::Fixed(label)),
            Gap::new().width(Fill),
            name("Verified", figure),
            name("±", narrow),
            name("Raw hash", figure),
            name("Ratio", narrow)
        ];
        if let Some(width) = change {
            head = head.push(name("Since earlier", width));
        }
        container(head).padding(Self::padding(cx)).into()
    }

    fn group<'a>(
        self,
        cx: &Context<'_>,
        name: &str,
        unit: &'static str,
        axis: bars::Axis,
        height: f32,
    ) -> Element<'a, Message> {
        let content: Element<'a, Message> = match self {
            Self::Wide { label, figure, narrow, change } => {
                let rest = figure * 2.0 + narrow * 2.0 + change.unwrap_or(0.0);
                row![
                    page::body(cx, name.to_owned())
                        .width(Length::Fixed(label))
                        .wrapping(text::Wrapping::None),
                    bars::numbers(cx, axis),
                    page::small(cx, unit).width(Length::Fixed(rest))
                ]
                .align_y(Center)
                .height(Fill)
                .into()
            }
            Self::Tall => column![
                page::body(cx, format!("{name}, {unit}")).wrapping(text::Wrapping::None),
                container(bars::numbers(cx, axis)).height(cx.text(Text::Body) * 1.5)
            ]
            .into(),
        };
        container(content)
            .padding(Self::padding(cx))
            .height(Length::Fixed(height))
            .align_y(Vertical::Bottom)
            .into()
    }

    fn bar<'a>(
        self,
        cx: &Context<'_>,
        row: &Row,
        axis: bars::Axis,
        unit: lines::Unit,
        figures: Figures<'_>,
    ) -> Element<'a, Message> {
        let label = page::body(cx, lines::label(row)).wrapping(text::Wrapping::None);
        let inset = Padding::default().left(cx.space(Space::Normal));
        let bar = bars::bar(cx, axis, lines::bar(row, unit, figures.earlier));
        let changed = figures.earlier.map(|(_, comparison)| lines::changed(row, comparison));
        match self {
            Self::Wide { label: width, figure, narrow, change } => {
                let number = |text: String, width: f32| {
                    page::body(cx, text)
                        .width(Length::Fixed(width))
                        .align_x(Horizontal::Right)
                        .wrapping(text::Wrapping::None)
                };
                let mut line = row![
                    container(label).padding(inset).width(Length::Fixed(width)),
                    bar,
                    number(row.verified_text(), figure),
                    number(row.spread_text(), narrow),
                    number(row.raw_text(), figure),
                    number(row.ratio_text(), narrow)
                ];
                if let (Some(width), Some(changed)) = (change, changed) {
                    line = line.push(number(changed, width));
                }
                line.align_y(Center).height(Fill).into()
            }
            Self::Tall => {
                let changed = changed.map(|changed| format!(", {changed}")).unwrap_or_default();
                let figures = format!(
                    "{} ± {}, raw {}, ratio {}{changed}",
                    row.verified_text(),
                    row.spread_text(),
                    row.raw_text(),
                    row.ratio_text()
                );
                column![
                    label,
                    container(bar).height(Length::Fixed(cx.text(Text::Body) * 1.5)),
                    page::small(cx, figures).wrapping(text::Wrapping::None)
                ]
                .into()
            }
        }
    }
}

/// What the marks mean.
fn legend<'a>(cx: &Context<'_>, compares: bool) -> Element<'a, Message> {
    let entry = |mark, words: &'static str| {
        row![bars::symbol(cx, mark), page::small(cx, words)]
            .spacing(cx.space(Space::Hair))
            .align_y(Center)
            .into()
    };
    let mut entries = vec![
        entry(Mark::Median, "verified (median)"),
        entry(Mark::Spread, "half of its samples lie here"),
        entry(Mark::Beside, "raw hash on as many cores"),
    ];
    if compares {
        entries.push(entry(Mark::Earlier, "verified in the earlier run"));
    }
    let entries = iced::widget::Row::with_children(entries)
        .spacing(cx.space(Space::Normal))
        .wrap()
        .vertical_spacing(cx.space(Space::Hair));
    container(entries).padding([cx.space(Space::Hair), 0.0]).width(Fill).into()
}

/// A card that the chart has to itself.
pub(super) fn card<'a, M: 'a>(
    cx: &Context<'_>,
    chart: Element<'a, M>,
) -> container::Container<'a, M> {
    container(chart).padding(cx.space(Space::Normal)).width(Fill).style(style::card)
}
