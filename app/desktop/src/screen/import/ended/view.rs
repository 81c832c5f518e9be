//! What is shown of an import that ended.

use std::path::Path;

use app::import::Library;
use app::quantity::Span;
use iced::widget::{Row, column, row, text};
use iced::{Element, Fill, Length, Theme};

use super::{Done, Ended, How};
use crate::context::Context;
use crate::screen::import::running::{Message, map};
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Ended {
    pub(in crate::screen::import) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let mut parts = column![].spacing(cx.space(Space::Normal)).width(Fill);
        parts = match &self.how {
            How::Done(done) => {
                let troubles = done.troubles.iter();
                let troubles = troubles.map(|it| page::problem(cx, it, Vec::new()));
                parts.push(self.done(cx, done)).extend(troubles)
            }
            How::Stopped => parts.push(self.stopped(cx)),
            How::Failed(problem) => {
                let again = page::button(cx, "Try again", Kind::Primary);
                let actions = vec![again.on_press(Message::Again).into()];
                let name = page::printable(&format!("{} is not imported", self.subject.name));
                let mut content =
                    column![page::heading(cx, name), page::problem(cx, problem, actions)];
                if let Some(kept) = self.kept() {
                    let line = format!("{kept}. Trying again goes on from there, and asks first.");
                    content = content.push(page::muted(cx, line));
                }
                parts.push(page::card(cx, content.spacing(cx.space(Space::Normal))))
            }
        };
        if let Some(trouble) = &self.trouble {
            parts = parts.push(page::problem(cx, trouble, Vec::new()));
        }
        if let Some(gone) = self.given_up() {
            let line = format!("Given up to make room: {gone} came free.");
            parts = parts.push(page::body(cx, line));
        }
        if let Some(shot) = &self.shot {
            let height = Length::Fixed(cx.scale.factor() * 320.0);
            parts = parts.push(page::card(cx, map(cx, &self.panel, shot)).height(height));
        }
        parts.into()
    }

    /// What was given up for it, if anything was.
    fn given_up(&self) -> Option<String> {
        let evicted = &self.shot.as_ref()?.live.evicted;
        let gone: Vec<String> = evicted.iter().map(ToString::to_string).collect();
        (!gone.is_empty()).then(|| gone.join("; "))
    }

    fn stopped<'a>(&self, cx: &Context<'_>) -> Element<'a, Message> {
        let name = page::printable(&format!("The import of {} was stopped", self.subject.name));
        let kept = self.kept().unwrap_or_else(|| "Nothing was fetched".to_owned());
        let line = format!("{kept}. No file was left behind.");
        let again = page::button(cx, "Go on", Kind::Primary).on_press(Message::Again);
        let parts = column![page::heading(cx, name), page::body(cx, line), row![again]]
            .spacing(cx.space(Space::Normal));
        page::note(cx, parts, style::warned).into()
    }

    fn done<'a>(&'a self, cx: &Context<'_>, done: &'a Done) -> Element<'a, Message> {
        let strong = |theme: &Theme| text::Style { color: Some(theme.palette().primary) };
        let title = page::printable(&format!("{} is here, and verified", self.subject.name));
        let open = "Open it in TinyRustLM with its own file picker; nothing is sent to it.";
        let signed = if done.is_signed {
            "signed with your own key"
        } else {
            "not signed, so it proves nothing about who wrote it"
        };
        let buttons: [Element<'a, Message>; 4] = [
            page::button(cx, "Show the receipt", Kind::Primary).on_press(Message::Receipt).into(),
            page::button(cx, "Show in the file manager", Kind::Plain)
                .on_press(Message::Reveal(done.model.clone()))
                .into(),
            page::button(cx, "Copy its path", Kind::Plain)
                .on_press(Message::Copy(done.model.clone()))
                .into(),
            page::button(cx, "Copy the receipt's path", Kind::Plain)
                .on_press(Message::Copy(done.receipt.clone()))
                .into(),
        ];
        let buttons = Row::with_children(buttons)
            .spacing(cx.space(Space::Narrow))
            .wrap()
            .vertical_spacing(cx.space(Space::Hair));
        let mut facts = vec![
            fact("Model", shown(&done.model)),
            fact("", done.way.note().to_owned()),
            fact("Receipt", format!("{}, {signed}", shown(&done.receipt))),
            fact("Bytes", bytes(done)),
            fact("Digest", done.fact("artifact.sha256").to_owned()),
        ];
        for (place, (peer, pieces, bytes)) in done.given.iter().enumerate() {
            let line = format!(
                "{}: {} in {}",
                cx.name(*peer),
                words::bytes(*bytes),
                words::count(*pieces, "piece")
            );
            facts.push(fact(if place == 0 { "From" } else { "" }, page::printable(&line)));
        }
        if done.local > 0 {
            let name = if done.given.is_empty() { "From" } else { "" };
            facts.push(fact(name, format!("the library: {}", words::count(done.local, "piece"))));
        }
        match done.library {
            Library::Keeps => {}
            Library::KeptBefore => facts.push(fact("Library", "keeps it, as before".to_owned())),
            Library::Forgets => facts.push(fact("Library", "keeps nothing of it".to_owned())),
        }
        facts.push(fact("Checks", checks(done)));
        facts.push(fact("Licence", page::printable(done.fact("license.route"))));
        facts.push(fact("Model card", page::printable(done.fact("model_card.route"))));
        let parts = column![
            page::heading(cx, title).style(strong),
            page::body(cx, open),
            page::facts(cx, facts),
            buttons
        ]
        .spacing(cx.space(Space::Normal));
        page::note(cx, parts, style::noted).into()
    }
}

fn fact(name: &str, value: String) -> (String, String) {
    (name.to_owned(), value)
}

fn shown(path: &Path) -> String {
    page::printable(&path.display().to_string())
}

fn bytes(done: &Done) -> String {
    let all: Option<u64> = done.fact("artifact.byte_count").parse().ok();
    let length = all.map_or_else(|| "-".to_owned(), words::bytes);
    let span = match done.took.as_secs() {
        0 => "under a second".to_owned(),
        seconds => Span(seconds).to_string(),
    };
    match done.fetched {
        0 => format!("{length}, none of them fetched"),
        fetched if all == Some(fetched) => format!("{length}, all fetched in {span}"),
        fetched => format!("{length}, of which {} were fetched in {span}", words::bytes(fetched)),
    }
}

/// The checks that passed, and those that were not made.
fn checks(done: &Done) -> String {
    let with = |verdict: &str| {
        let names = done.checks.iter().filter(|(_, found)| found == verdict);
        names.map(|(name, _)| name.replace('_', " ")).collect::<Vec<_>>().join(", ")
    };
    let mut line = format!("passed: {}", with("pass"));
    for (verdict, words) in [("not-present", "nothing to check"), ("unverified", "not verified")] {
        let names = with(verdict);
        if !names.is_empty() {
            line.push_str(&format!("; {words}: {names}"));
        }
    }
    line
}
