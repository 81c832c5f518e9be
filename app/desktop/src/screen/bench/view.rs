//! How the screen looks.

use iced::widget::{Column, column, container, row};
use iced::{Center, Element, Fill, Length};

use super::chart::{self, Figures};
use super::run::Running;
use super::{Bench, Earlier, FileMessage, Message, Purpose, Stage, rows};
use crate::desk::Desk;
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

pub(super) fn view<'a>(bench: &'a Bench, desk: &Desk<'a>) -> Element<'a, Message> {
    let figures = figures(bench);
    let mut parts = Column::new().spacing(desk.space(Space::Normal)).width(Fill);
    if let Some(warning) = bench.build.warning() {
        parts = parts.push(page::note(desk, page::body(desk, warning), style::warned));
    }
    parts = parts.push(page::card(desk, work(bench, desk)));
    if let Some(naming) = &bench.naming {
        parts = parts.push(naming.view(desk).map(Message::Files));
    }
    if let Stage::Failed(problem, _) = &bench.stage {
        parts = parts.push(page::problem(desk, problem, Vec::new()));
    }
    if let Some(earlier) = &bench.earlier {
        parts = parts.push(compared(earlier, desk));
    }
    let fills = desk.size.height >= HIGH * desk.scale.factor();
    if figures.rows.is_empty() {
        if !matches!(bench.stage, Stage::Running(_)) {
            parts = parts.push(empty(desk));
        }
        return page::page(desk, "Bench", actions(bench, desk), parts);
    }
    let shown = |tall| bench.chart.view(desk, figures, tall).map(Message::Chart);
    if fills {
        parts = parts.push(chart::card(desk, shown(Fill)).height(Fill)).height(Fill);
        return page::fixed_page(desk, "Bench", actions(bench, desk), parts);
    }
    let tall = (CHART * desk.scale.factor()).min(desk.size.height * PART).max(LEAST);
    parts = parts.push(chart::card(desk, shown(Length::Fixed(tall))));
    page::page(desk, "Bench", actions(bench, desk), parts)
}

pub(super) fn figures(bench: &Bench) -> Figures<'_> {
    let earlier = bench.earlier.as_ref();
    let compared = match &bench.stage {
        Stage::Running(_) => None,
        _ => earlier.and_then(|earlier| Some((&*earlier.report, earlier.comparison.as_ref()?))),
    };
    Figures { rows: rows(&bench.stage, earlier), earlier: compared }
}

fn actions<'a>(bench: &Bench, desk: &Desk<'_>) -> Vec<Element<'a, Message>> {
    let open = |purpose| Message::Files(FileMessage::Open(purpose));
    let measured = bench.stage.report().is_some();
    let button = |name: &'static str, message: Option<Message>| {
        page::button(desk, name, Kind::Plain).on_press_maybe(message).into()
    };
    vec![
        button("Copy as JSON", Some(Message::Copy).filter(|_| measured)),
        button("Save…", Some(open(Purpose::Save)).filter(|_| measured)),
        button("Compare with…", Some(open(Purpose::Compare))),
    ]
}

/// The form, or how the run goes.
fn work<'a>(bench: &'a Bench, desk: &Desk<'_>) -> Element<'a, Message> {
    match &bench.stage {
        Stage::Running(running) => progress(running, desk),
        Stage::Stopping(..) => {
            page::muted(desk, "Stopping after the sample that is being taken…").into()
        }
        _ => bench.form.view(desk, Message::Form, Message::Measure),
    }
}

fn progress<'a>(running: &Running, desk: &Desk<'_>) -> Element<'a, Message> {
    let stop = page::button(desk, "Cancel", Kind::Plain).on_press(Message::Stop);
    let told = column![
        page::body(desk, running.line()),
        page::bar(desk, running.fraction()),
        page::small(
            desk,
            "Figures appear as they are measured. Leave the machine alone meanwhile."
        )
    ]
    .spacing(desk.space(Space::Narrow))
    .width(Fill);
    row![told, stop].spacing(desk.space(Space::Wide)).align_y(Center).into()
}

/// With what the figures are compared, and why that may tell little.
fn compared<'a>(earlier: &'a Earlier, desk: &Desk<'_>) -> Element<'a, Message> {
    let path = page::printable(&earlier.path.display().to_string());
    let build = &earlier.report.build;
    let what = match &earlier.comparison {
        Some(_) => format!("Compared with {path}, of version {}.", build.version),
        None => format!("The figures of {path}, of version {}. Measure to compare.", build.version),
    };
    let differences = earlier.comparison.iter().flat_map(|comparison| &comparison.differences);
    let differences: Vec<String> = differences.map(ToString::to_string).collect();
    let mut told = column![page::body(desk, what)].spacing(desk.space(Space::Hair)).width(Fill);
    let is_hard = !differences.is_empty();
    if is_hard {
        let line = format!("Hard to compare: that run is of {}.", differences.join(", "));
        told = told.push(page::body(desk, line));
    }
    let alone = page::button(desk, "Leave out", Kind::Quiet).on_press(Message::Alone);
    let content = row![told, alone].spacing(desk.space(Space::Normal)).align_y(Center);
    let look = if is_hard { style::warned } else { style::sunken };
    page::note(desk, content, look).into()
}

fn empty<'a>(desk: &Desk<'_>) -> Element<'a, Message> {
    let what = "How fast this machine verifies pieces, trees, documents and whole files, each in \
                turn with the hash it uses, so that you see what verification itself costs. \
                Nothing leaves this machine, and the sample model is removed at the end.";
    let measure = page::button(desk, "Measure now", Kind::Primary).on_press(Message::Measure);
    let content = page::empty(desk, "Nothing is measured yet", what, vec![measure.into()]);
    container(content).width(Fill).into()
}
