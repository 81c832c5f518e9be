//! What is being asked, done or told of a model, between the list and the model's card.

use std::path::Path;

use app::library::{Checked, State};
use app::ports::{Footprint, Stem};
use iced::widget::{Row, column, row};
use iced::{Center, Element, Fill, Length};
use verifier::Sha256;

use super::doing::{Doing, Reveal, Way, What, Working};
use super::message::{Command, Part};
use super::{Library, Message, mending, repair};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::{Control, Kind};
use crate::widget::page;
use crate::words;

/// How a file gets into TinyRustLM.
const OPEN: &str = "Open it in TinyRustLM with its own file picker. Nothing is sent to it.";

/// What goes on, if anything does.
pub(super) fn view<'a>(library: &'a Library, cx: &Context<'_>) -> Option<Element<'a, Message>> {
    let name = |artifact: &Sha256| library.name(*artifact);
    let note = match &library.doing {
        Doing::Nothing => return None,
        Doing::Asking(artifact, footprint) => asking(&name(artifact), *footprint, cx),
        Doing::Forgetting(artifact) => {
            let what = page::body(cx, format!("Forgetting {}…", name(artifact)));
            page::note(cx, what, style::noted).into()
        }
        Doing::Working(working) => at_work(&name(&working.artifact), working, cx),
        Doing::Checked(artifact, checked) => told(*artifact, &name(artifact), checked, cx),
        Doing::Agreeing(_, asking) => mending::asking(asking, cx),
        Doing::Choosing(artifact, ticked) => mending::choosing(&name(artifact), ticked, cx),
        Doing::Mended(artifact, mended) => mending::mended(&name(artifact), mended, cx),
        Doing::Placing(artifact, folder) => placing(library, *artifact, folder, cx),
        Doing::Ready(artifact, path, reveal) => ready(&name(artifact), path, reveal, cx),
        Doing::Failed(_, problem, way) => {
            let mut actions = Vec::new();
            match way {
                Way::None => {}
                Way::Elsewhere(_) => {
                    let elsewhere = Command::Elsewhere;
                    actions.push(does(cx, "Choose another folder…", Kind::Plain, elsewhere));
                }
                Way::Others => actions.push(
                    page::button(cx, "Choose whom to ask…", Kind::Plain)
                        .on_press(Message::Repair(repair::Message::Choose)),
                ),
            }
            actions.push(leave(cx, "Dismiss"));
            page::problem(cx, problem, actions.into_iter().map(Into::into).collect())
        }
    };
    Some(note)
}

fn does<'a>(
    cx: &Context<'_>,
    label: &'static str,
    kind: Kind,
    command: Command,
) -> Control<'a, Message> {
    page::button(cx, label, kind).on_press(Message::Do(command))
}

fn leave<'a>(cx: &Context<'_>, label: &'static str) -> Control<'a, Message> {
    does(cx, label, Kind::Plain, Command::Leave)
}

fn line<'a>(cx: &Context<'_>, parts: Vec<Element<'a, Message>>) -> Element<'a, Message> {
    Row::with_children(parts)
        .spacing(cx.space(Space::Narrow))
        .align_y(Center)
        .wrap()
        .vertical_spacing(cx.space(Space::Hair))
        .into()
}

fn asking<'a>(name: &str, footprint: Option<Footprint>, cx: &Context<'_>) -> Element<'a, Message> {
    let free = match footprint {
        None => "Finding out how much comes free…".to_owned(),
        Some(Footprint { own, shared: 0, .. }) => format!("{} come free.", words::bytes(own)),
        Some(Footprint { own, shared, .. }) => format!(
            "{} come free; {} stay, because other models have the same pieces.",
            words::bytes(own),
            words::bytes(shared)
        ),
    };
    let what = format!("Forget {name}? {free}");
    let more = "Files that you put into folders stay there, and so do receipts. If it is being \
                served, peers get nothing more of it.";
    let parts = column![
        page::body(cx, what),
        page::muted(cx, more),
        line(
            cx,
            vec![
                does(cx, "Forget it", Kind::Danger, Command::Forget).into(),
                leave(cx, "Keep it").into()
            ]
        )
    ]
    .spacing(cx.space(Space::Narrow));
    page::note(cx, parts, style::warned).into()
}

fn at_work<'a>(name: &str, working: &'a Working, cx: &Context<'_>) -> Element<'a, Message> {
    let doing = match working.what {
        What::Checking => format!("Reading every kept piece of {name} again"),
        What::Examining => format!("Reading {name} again, to know what has to be fetched"),
        What::Repairing => format!("Repairing {name}: fetching only what is bad or missing"),
        What::Finding => format!("Looking for the file of {name}, to verify it first"),
        What::Exporting => format!("Writing {name} into the folder, and verifying what is written"),
    };
    let (fraction, part) = working.part.map_or((0.0, String::new()), |Part { done, of, rate }| {
        (page::fraction(done, of), words::progress(done, of, rate))
    });
    let said = working.said.as_ref().map(|said| page::muted(cx, page::printable(said)));
    let parts = row![
        column![
            row![page::body(cx, doing).width(Fill), page::muted(cx, part)]
                .spacing(cx.space(Space::Normal)),
            page::bar(cx, fraction)
        ]
        .push(said)
        .spacing(cx.space(Space::Narrow))
        .width(Fill),
        leave(cx, "Stop")
    ]
    .spacing(cx.space(Space::Wide))
    .align_y(Center);
    page::note(cx, parts, style::noted).into()
}

/// What helps where pieces are bad or missing; without a manifest only an import does.
fn mend<'a>(cx: &Context<'_>, artifact: Sha256, lacks_manifest: bool) -> Control<'a, Message> {
    if lacks_manifest {
        return page::button(cx, "Import it again…", Kind::Primary).on_press(Message::Import);
    }
    let ask = Message::Repair(repair::Message::Ask(artifact));
    page::button(cx, "Repair…", Kind::Primary).on_press(ask)
}

fn told<'a>(
    artifact: Sha256,
    name: &str,
    checked: &Checked,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let pieces = words::count(checked.pieces.into(), "piece");
    let (what, frame): (String, fn(&iced::Theme) -> iced::widget::container::Style) = match checked
        .wrong(words::count)
    {
        None => (format!("{name}: whole, every piece is sound, {pieces} checked."), style::noted),
        Some(wrong) => {
            let what = format!(
                "{name}: {}: {wrong}, {pieces} checked. {}",
                checked.state.as_str(),
                checked.advice().text()
            );
            (what, style::warned)
        }
    };
    let mut actions: Vec<Element<'a, Message>> = Vec::new();
    if checked.state != State::Whole {
        actions.push(mend(cx, artifact, checked.lacks_manifest).into());
    }
    actions.push(leave(cx, "Done").into());
    let actions = Row::with_children(actions).spacing(cx.space(Space::Narrow));
    let parts = row![page::body(cx, what).width(Fill), actions]
        .spacing(cx.space(Space::Wide))
        .align_y(Center);
    page::note(cx, parts, frame).into()
}

fn placing<'a>(
    library: &'a Library,
    artifact: Sha256,
    folder: &'a str,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let Some(kept) = library.kept(artifact) else {
        let what = page::body(cx, "The model is not kept any more.");
        let parts = row![what.width(Fill), leave(cx, "Done")].align_y(Center);
        return page::note(cx, parts, style::warned).into();
    };
    let model = &kept.model;
    let stem = Stem::new(&model.model_id, &model.model_version);
    if kept.state() != State::Whole {
        let what = format!(
            "There is no file {} where imports go, and {} missing here, so none can be written. \
             A repair fetches only these.",
            stem.artifact(),
            words::count(kept.missing().into(), "piece")
        );
        let actions = vec![mend(cx, artifact, false).into(), leave(cx, "Leave").into()];
        let parts =
            column![page::body(cx, what), line(cx, actions)].spacing(cx.space(Space::Narrow));
        return page::note(cx, parts, style::warned).into();
    }
    let what = format!(
        "The library keeps this model in pieces. TinyRustLM opens files, so {} and its receipt, \
         {}, are written into a folder of yours, verified as a whole.",
        stem.artifact(),
        words::bytes(model.geometry.byte_count())
    );
    let typed = |folder| Message::Do(Command::Folder(folder));
    let write = (!folder.trim().is_empty()).then_some(Message::Do(Command::Export));
    let field = page::field(cx, "The folder, from the root", folder, typed)
        .on_submit_maybe(write.clone())
        .width(Fill);
    let fields = row![
        field,
        does(cx, "Browse…", Kind::Plain, Command::Browse),
        page::button(cx, "Write and show", Kind::Primary).on_press_maybe(write),
        leave(cx, "Cancel")
    ]
    .spacing(cx.space(Space::Narrow))
    .align_y(Center);
    let parts = column![page::body(cx, what), fields].spacing(cx.space(Space::Narrow));
    page::note(cx, parts, style::noted).into()
}

fn ready<'a>(name: &str, path: &Path, reveal: &Reveal, cx: &Context<'_>) -> Element<'a, Message> {
    let shown = page::printable(&path.display().to_string());
    let what = match reveal {
        Reveal::Opening => format!("{name} is verified. Asking the desktop to show it…"),
        Reveal::Shown => format!("{name} is verified. The file manager was asked to show it."),
        Reveal::Unable(_) => {
            format!("{name} is verified. This desktop has no file manager that would show it.")
        }
    };
    let copy = page::button(cx, "Copy the path", Kind::Plain)
        .on_press(Message::Copy(path.display().to_string()));
    let again = (!matches!(reveal, Reveal::Opening))
        .then(|| does(cx, "Show it again", Kind::Plain, Command::Reveal));
    let why = match reveal {
        Reveal::Unable(problem) => Some(page::small(cx, page::printable(&problem.what))),
        Reveal::Opening | Reveal::Shown => None,
    };
    let mut actions: Vec<Element<'a, Message>> = vec![copy.into()];
    actions.extend(again.map(Into::into));
    actions.push(leave(cx, "Done").into());
    let parts = column![page::body(cx, what), page::body(cx, shown), page::muted(cx, OPEN)]
        .push(why)
        .push(line(cx, actions))
        .spacing(cx.space(Space::Narrow))
        .width(Length::Fill);
    page::note(cx, parts, style::noted).into()
}
