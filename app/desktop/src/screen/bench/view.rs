//! How the screen looks.

use iced::widget::{Column, column, container, row};
use iced::{Center, Element, Fill, Length};

use super::chart::{self, Figures};
use super::run::Running;
use super::{Bench, Earlier, FileMessage, Message, Purpose, Stage, rows};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;

/// How high the window has to be, at scale 1, for the chart to take what is left of it.
const HIGH: f32 = 680.0;
/// How high the bars are where the whole screen scrolls: at scale 1, at most as a part of the
/// window's height, and at least.
const CHART: f32 = 400.0;
const PART: f32 = 0.65;
const LEAST: f32 = 240.0;

pub(super) fn view<'a>(bench: &'a Bench, cx: &Context<'a>) -> Element<'a, Message> {
    let figures = figures(bench);
    let mut parts = Column::new().spacing(cx.space(Space::Normal)).width(Fill);
    if let Some(warning) = bench.build.warning() {
        parts = parts.push(page::note(cx, page::body(cx, warning), style::warned));
    }
    parts = parts.push(page::card(cx, work(bench, cx)));
    if let Some(naming) = &bench.naming {
        parts = parts.push(naming.view(cx).map(Message::Files));
    }
    if let Stage::Failed(problem, _) = &bench.stage {
        parts = parts.push(page::problem(cx, problem, Vec::new()));
    }
    if let Some(earlier) = &bench.earlier {
        parts = parts.push(compared(earlier, cx));
    }
    let fills = cx.size.height >= HIGH * cx.scale.factor();
    if figures.rows.is_empty() {
        if !matches!(bench.stage, Stage::Running(_)) {
            parts = parts.push(empty(cx));
        }
        return page::page(cx, "Bench", actions(bench, cx), parts);
    }
    let shown = |tall| bench.chart.view(cx, figures, tall).map(Message::Chart);
    if fills {
        parts = parts.push(chart::card(cx, shown(Fill)).height(Fill)).height(Fill);
        return page::fixed_page(cx, "Bench", actions(bench, cx), parts);
    }
    let tall = (CHART * cx.scale.factor()).min(cx.size.height * PART).max(LEAST);
    parts = parts.push(chart::card(cx, shown(Length::Fixed(tall))));
    page::page(cx, "Bench", actions(bench, cx), parts)
}

pub(super) fn figures(bench: &Bench) -> Figures<'_> {
    let earlier = bench.earlier.as_ref();
    let compared = match &bench.stage {
        Stage::Running(_) => None,
        _ => earlier.and_then(|earlier| Some((&*earlier.report, earlier.comparison.as_ref()?))),
    };
    Figures { rows: rows(&bench.stage, earlier), earlier: compared }
}

fn actions<'a>(bench: &Bench, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let open = |purpose| Message::Files(FileMessage::Open(purpose));
    let measured = bench.stage.report().is_some();
    let button = |name: &'static str, message: Option<Message>| {
        page::button(cx, name, Kind::Plain).on_press_maybe(message).into()
    };
    vec![
        button("Copy as JSON", Some(Message::Copy).filter(|_| measured)),
        button("Save…", Some(open(Purpose::Save)).filter(|_| measured)),
        button("Compare with…", Some(open(Purpose::Compare))),
    ]
}

/// The form, or how the run goes.
fn work<'a>(bench: &'a Bench, cx: &Context<'_>) -> Element<'a, Message> {
    match &bench.stage {
        Stage::Running(running) => progress(running, cx),
        Stage::Stopping(..) => {
            page::muted(cx, "Stopping after the sample that is being taken…").into()
        }
        _ => bench.form.view(cx, Message::Form, Message::Measure),
    }
}

fn progress<'a>(running: &Running, cx: &Context<'_>) -> Element<'a, Message> {
    let stop = page::button(cx, "Cancel", Kind::Plain).on_press(Message::Stop);
    let told = column![
        page::body(cx, running.line()),
        page::bar(cx, running.fraction()),
        page::small(cx, "Figures appear as they are measured. Leave the machine alone meanwhile.")
    ]
    .spacing(cx.space(Space::Narrow))
    .width(Fill);
    row![told, stop].spacing(cx.space(Space::Wide)).align_y(Center).into()
}

/// With what the figures are compared, and why that may tell little.
fn compared<'a>(earlier: &'a Earlier, cx: &Context<'_>) -> Element<'a, Message> {
    let path = page::printable(&earlier.path.display().to_string());
    let build = &earlier.report.build;
    let what = match &earlier.comparison {
        Some(_) => format!("Compared with {path}, of version {}.", build.version),
        None => format!("The figures of {path}, of version {}. Measure to compare.", build.version),
    };
    let differences = earlier.comparison.iter().flat_map(|comparison| &comparison.differences);
    let differences: Vec<String> = differences.map(ToString::to_string).collect();
    let mut told = column![page::body(cx, what)].spacing(cx.space(Space::Hair)).width(Fill);
    let is_hard = !differences.is_empty();
    if is_hard {
        let line = format!("Hard to compare: that run is of {}.", differences.join(", "));
        told = told.push(page::body(cx, line));
    }
    let alone = page::button(cx, "Leave out", Kind::Quiet).on_press(Message::Alone);
    let content = row![told, alone].spacing(cx.space(Space::Normal)).align_y(Center);
    let look = if is_hard { style::warned } else { style::sunken };
    page::note(cx, content, look).into()
}

fn empty<'a>(cx: &Context<'_>) -> Element<'a, Message> {
    let what = "How fast this machine verifies pieces, trees, documents and whole files, each in \
                turn with the hash it uses, so that you see what verification itself costs. \
                Nothing leaves this machine, and the sample model is removed at the end.";
    let measure = page::button(cx, "Measure now", Kind::Primary).on_press(Message::Measure);
    let content = page::empty(cx, "Nothing is measured yet", what, vec![measure.into()]);
    container(content).width(Fill).into()
}
