//! What a check shows.

use app::verify::{Finding, findings};
use iced::widget::{column, row};
use iced::{Element, Fill};
use verifier::slm::ChecksumRule;

use super::super::again::progress;
use super::super::{Choice, trials, typed};
use super::{Check, Message, Passed, State, Writing, Written};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Check {
    pub(in crate::screen::receipts) fn view<'a>(
        &'a self,
        cx: &Context<'a>,
    ) -> Element<'a, Message> {
        let what = "Checks a .slm file on this machine against its manifest, as an import does, \
                    and writes a receipt if every check passes. Nothing is fetched or sent, and \
                    the file stays where it is.";
        let fields = column![
            page::muted(cx, what),
            path(cx, "Manifest", &self.manifest, Message::Manifest, Choice::CheckManifest),
            path(cx, "The .slm file", &self.slm, Message::Slm, Choice::CheckSlm),
        ]
        .spacing(cx.space(Space::Normal));
        let fields = match &self.state {
            State::Running(running, _) => fields.push(progress(cx, running, Message::Cancel)),
            _ => {
                let is_left_out = self.rule == ChecksumRule::Unverified;
                let rule = "Leave out the container's own checksum, whose rule is provisional";
                let ready = self.both().is_some().then_some(Message::Start);
                let start = page::button(cx, "Check the file", Kind::Primary);
                fields
                    .push(page::check(cx, rule, is_left_out, Message::Rule))
                    .push(row![start.on_press_maybe(ready)])
            }
        };
        let parts = column![page::card(cx, fields)].spacing(cx.space(Space::Normal));
        match &self.state {
            State::Idle | State::Running(..) => parts,
            State::Failed(problem) => {
                let parts = parts.push(page::problem(cx, problem, Vec::new()));
                let found = findings(problem.code);
                if found.is_empty() {
                    parts
                } else {
                    parts.push(page::section(cx, "Every check", trials::view(cx, found)))
                }
            }
            State::Passed(passed) => {
                let said = passed.artifact.checks().iter();
                let found = said.filter_map(|(key, value)| Some((*key, Finding::said(value)?)));
                parts.push(passed.view(cx)).push(page::section(
                    cx,
                    "Every check",
                    trials::view(cx, found),
                ))
            }
        }
        .into()
    }
}

impl Passed {
    fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let manifest = self.artifact.manifest();
        let what = format!(
            "This is {} {}: {}, {}.",
            manifest.model_id(),
            manifest.model_version(),
            words::bytes(manifest.byte_count()),
            manifest.artifact_sha256()
        );
        let when = format!("Every check passed {}.", words::ago(cx.now, self.at));
        let mut parts =
            column![page::body(cx, when), page::body(cx, what)].spacing(cx.space(Space::Narrow));
        if !self.artifact.warnings().is_empty() {
            let remarks = format!("Remarks: {}", self.artifact.warnings().join(", "));
            parts = parts.push(page::small(cx, remarks));
        }
        page::note(cx, parts.push(self.receipt(cx)), style::noted).into()
    }

    fn receipt<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let busy = matches!(self.writing, Writing::Busy);
        if let Writing::Done(Written { path, signed }) = &self.writing {
            let signed = if *signed {
                "It is signed with this installation's own key."
            } else {
                "It is not signed, so it proves nothing about who wrote it."
            };
            let place = page::printable(&path.display().to_string());
            let read = page::button(cx, "Read it", Kind::Plain);
            return column![
                page::body(cx, format!("The receipt is at {place}. {signed}")),
                row![read.on_press(Message::Read(path.clone()))]
            ]
            .spacing(cx.space(Space::Narrow))
            .into();
        }
        let ready = (!busy && typed(&self.to).is_some()).then_some(Message::Write);
        let field = page::field(cx, "Path of the receipt", &self.to, Message::To)
            .on_submit_maybe(ready.clone());
        let choose = page::button(cx, "Choose…", Kind::Plain);
        let write = page::button(cx, "Write the receipt", Kind::Primary).on_press_maybe(ready);
        let line = row![field, choose.on_press(Message::Choose(Choice::Write)), write]
            .spacing(cx.space(Space::Narrow));
        let note = "Signed with this machine's key if the settings say so.";
        let mut parts = column![page::labelled(cx, "Receipt", line), page::small(cx, note)]
            .spacing(cx.space(Space::Narrow))
            .width(Fill);
        if let Writing::Failed(problem) = &self.writing {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        parts.into()
    }
}

fn path<'a>(
    cx: &Context<'_>,
    label: &'a str,
    value: &str,
    on_input: fn(String) -> Message,
    choice: Choice,
) -> Element<'a, Message> {
    let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose(choice));
    let id = if choice == Choice::CheckSlm { "check-slm" } else { "check-manifest" };
    let field = page::field(cx, "Path", value, on_input).on_submit(Message::Start).id(id);
    page::labelled(cx, label, row![field, choose].spacing(cx.space(Space::Narrow))).into()
}
