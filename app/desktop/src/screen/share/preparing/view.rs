//! How making a file ready looks, stage by stage.

use app::import::live::paused;
use iced::widget::{column, row};
use iced::{Center, Element, Fill};

use super::super::Wanted;
use super::{Message, Name, Naming, Preparing, Running, Stage};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::{mark, page};
use crate::words;

pub(super) fn view<'a>(preparing: &'a Preparing, cx: &Context<'_>) -> Element<'a, Message> {
    let problem = preparing.problem.as_ref().map(|problem| page::problem(cx, problem, Vec::new()));
    let stage: Element<'a, Message> = match &preparing.stage {
        Stage::Choosing => choosing(preparing, cx),
        Stage::Reading(running) => {
            let name = format!("Checking {}", page::printable(&preparing.slm));
            let what = "It is read whole: container, checksum, digest and pieces.";
            going(cx, name, what, running)
        }
        Stage::Naming(naming) => naming.view(cx),
        Stage::Asking(ready, card) => {
            let yes = format!("Keep {}", ready.manifest.model_id());
            let mut more = vec![("File".to_owned(), ready.slm.display().to_string())];
            if let Some(out) = &ready.out {
                more.push(("Manifest".to_owned(), out.display().to_string()));
            }
            card.view(cx, yes, more).map(Message::Card)
        }
        Stage::Keeping(running, ready) => {
            let name = format!("Keeping {}", ready.manifest.model_id());
            let what = "Each piece is verified again on its way into the library.";
            going(cx, name, what, running)
        }
        Stage::Here(here) => {
            let remark = "This very file is in the library, whole and pinned, under the manifest \
                          that was made of it then. Nothing was changed: offers that you gave name \
                          that manifest. The Library writes it to a file.";
            let name = format!("{} is here already", here.name);
            let parts = column![page::muted(cx, remark), served(cx, &here.name)]
                .spacing(cx.space(Space::Normal));
            page::section(cx, name, parts).into()
        }
        Stage::Done(kept) => {
            let mut facts = vec![("Model", kept.name.clone())];
            if let Some(manifest) = &kept.manifest {
                facts.push(("Manifest", manifest.display().to_string()));
            }
            for (place, model) in kept.given_up.iter().enumerate() {
                let name = if place == 0 { "Given up" } else { "" };
                facts.push((name, format!("{model}, to make room")));
            }
            let buttons = served(cx, &kept.name);
            let remark = "Peers need the manifest and, once it is served, the offer.";
            let parts = column![page::facts(cx, facts), page::muted(cx, remark), buttons]
                .spacing(cx.space(Space::Normal));
            page::section(cx, "Ready to be served", parts).into()
        }
    };
    column![].push(problem).push(stage).spacing(cx.space(Space::Normal)).into()
}

/// What comes after a model is ready.
fn served<'a>(cx: &Context<'_>, name: &str) -> Element<'a, Message> {
    row![
        page::button(cx, format!("Serve {name}"), Kind::Primary).on_press(Message::Serve),
        page::button(cx, "Done", Kind::Plain).on_press(Message::Leave)
    ]
    .spacing(cx.space(Space::Narrow))
    .into()
}

fn choosing<'a>(preparing: &'a Preparing, cx: &Context<'_>) -> Element<'a, Message> {
    let ready = (!preparing.slm.trim().is_empty()).then_some(Message::Read);
    let slm = page::field(cx, "/home/anna/tiny-1.0.slm", &preparing.slm, Message::Slm)
        .on_submit_maybe(ready.clone());
    let manifest = page::field(cx, "one is made", &preparing.manifest, Message::Manifest)
        .on_submit_maybe(ready.clone());
    let choose =
        |wanted| page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose(wanted));
    let line = |field: Element<'a, Message>, wanted| {
        row![field, choose(wanted)].spacing(cx.space(Space::Narrow)).align_y(Center)
    };
    let parts = column![
        page::muted(
            cx,
            "Drop a .slm file on the window, choose it or type its path. It is checked, cut into \
             pieces and kept in the library. Nothing is sent by this."
        ),
        mark::entry(cx, "The model file", line(slm.into(), Wanted::Slm), None, ""),
        mark::entry(
            cx,
            "Its manifest, if somebody made one already",
            line(manifest.into(), Wanted::Manifest),
            None,
            "The file is then checked against it."
        ),
        row![page::button(cx, "Check the file", Kind::Primary).on_press_maybe(ready)]
    ]
    .spacing(cx.space(Space::Normal));
    page::section(cx, "Which model", parts).into()
}

fn going<'a>(
    cx: &Context<'_>,
    name: String,
    what: &'a str,
    running: &Running,
) -> Element<'a, Message> {
    let sum = match (running.total, &running.paused) {
        (_, Some(place)) => page::printable(&paused(place)),
        (0, None) => "Opening the file…".to_owned(),
        (total, None) => format!("{} of {}", words::bytes(running.done), words::bytes(total)),
    };
    let parts = column![
        page::muted(cx, what),
        page::bar(cx, page::fraction(running.done, running.total)),
        page::body(cx, sum),
        row![page::button(cx, "Cancel", Kind::Plain).on_press(Message::Cancel)]
    ]
    .spacing(cx.space(Space::Normal));
    page::section(cx, name, parts).into()
}

impl Naming {
    fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let survey = &self.found.survey;
        let geometry = survey.list.geometry();
        let facts = [
            ("File", page::printable(&self.found.slm.display().to_string())),
            ("Length", words::bytes(survey.byte_count)),
            ("SHA-256", survey.sha256.to_string()),
            (
                "Pieces",
                format!(
                    "{} of {}",
                    words::grouped(u64::from(geometry.piece_count())),
                    words::bytes(u64::from(geometry.piece_size()))
                ),
            ),
        ];
        let verified = page::section(cx, "The file is a valid .slm", page::facts(cx, facts));
        column![verified, self.names(cx)].spacing(cx.space(Space::Normal)).into()
    }

    fn names<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let faults = self.names.faults();
        let fault = |key: &str| faults.get(key).map(ToString::to_string);
        let route = |route: &str, key: &str| {
            let empty = || "it has to be said: an https address, or a path".to_owned();
            if route.is_empty() { Some(empty()) } else { fault(key) }
        };
        let ready = self.is_ready().then_some(Message::Named);
        let typed = |placeholder: &str, value: &'a str, name: Name| {
            page::field(cx, placeholder, value, move |typed| Message::Name(name, typed))
                .on_submit_maybe(ready.clone())
        };
        let field = |placeholder: &str, value: &'a str, name: Name| -> Element<'a, Message> {
            typed(placeholder, value, name).into()
        };
        let pair = |one, other| mark::pair(cx, one, other);
        let names = &self.names;
        let display = names.display.as_deref().unwrap_or_default();
        let out = page::field(cx, "/home/anna/tiny.manifest", &self.out, Message::Out)
            .on_submit_maybe(ready.clone());
        let wanted = Wanted::New(self.out.trim().into());
        let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose(wanted));
        let out = row![out, choose].spacing(cx.space(Space::Narrow)).align_y(Center);
        let empty = self.out.trim().is_empty().then(|| "a file has to be named".to_owned());
        let mut parts = column![].spacing(cx.space(Space::Normal));
        if self.found.is_taken {
            parts = parts.push(self.taken(cx));
        }
        let parts = parts
            .push(pair(
                mark::entry(
                    cx,
                    "Id",
                    field("tiny", &names.id, Name::Id),
                    fault("model.id"),
                    "Lower case, without blanks.",
                ),
                mark::entry(
                    cx,
                    "Version",
                    field("1.0", &names.version, Name::Version),
                    fault("model.version"),
                    "",
                ),
            ))
            .push(pair(
                mark::entry(
                    cx,
                    "Name for people (may be empty)",
                    field("Tiny Stories", display, Name::Display),
                    fault("model.display_name"),
                    "",
                ),
                mark::entry(
                    cx,
                    "Publisher",
                    field("local", &names.publisher, Name::Publisher),
                    fault("publisher.id"),
                    "",
                ),
            ))
            .push(pair(
                mark::entry(
                    cx,
                    "Where the licence is read",
                    typed("/license.md", &names.license, Name::License).id("license-route"),
                    route(&names.license, "license.route"),
                    "An https address, or a path.",
                ),
                mark::entry(
                    cx,
                    "Where the model card is read",
                    typed("/card.md", &names.card, Name::Card).id("card-route"),
                    route(&names.card, "model_card.route"),
                    "An https address, or a path.",
                ),
            ))
            .push(mark::entry(cx, "Where the manifest is written", out, empty, ""))
            .push(
                row![
                    page::button(cx, "Continue", Kind::Primary).on_press_maybe(ready),
                    page::button(cx, "Another file", Kind::Plain).on_press(Message::Cancel),
                    page::muted(cx, self.remark())
                ]
                .spacing(cx.space(Space::Narrow))
                .align_y(Center),
            );
        page::section(cx, "What its manifest says", parts).into()
    }

    /// What is still wanted before the next step.
    fn remark(&self) -> &'static str {
        match (self.names.license.is_empty(), self.names.card.is_empty()) {
            (true, true) => "Say where the licence and the model card are read.",
            (true, false) => "Say where the licence is read.",
            (false, true) => "Say where the model card is read.",
            (false, false) if self.is_sent || self.is_ready() => "",
            (false, false) => "Correct what is marked above.",
        }
    }

    fn taken<'a>(&self, cx: &Context<'_>) -> Element<'a, Message> {
        let name = page::printable(&self.found.out.display().to_string());
        let words = format!("{name} is there already. Use it if it is this file's manifest.");
        let line = row![
            page::body(cx, words).width(Fill),
            page::button(cx, "Use that manifest", Kind::Plain).on_press(Message::Existing)
        ]
        .spacing(cx.space(Space::Normal))
        .align_y(Center);
        page::note(cx, line, style::noted).into()
    }
}
