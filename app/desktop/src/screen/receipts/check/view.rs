//! What a check shows.

use app::verify::{Finding, findings};
use iced::widget::{column, row};
use iced::{Element, Fill};
use verifier::slm::ChecksumRule;

use super::super::again::progress;
use super::super::{Choice, trials, typed};
use super::{Check, Message, Passed, State, Writing, Written};
use crate::desk::Desk;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Check {
    pub(in crate::screen::receipts) fn view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let what = "Checks a .slm file on this machine against its manifest, as an import does, \
                    and writes a receipt if every check passes. Nothing is fetched or sent, and \
                    the file stays where it is.";
        let fields = column![
            page::muted(desk, what),
            path(desk, "Manifest", &self.manifest, Message::Manifest, Choice::CheckManifest),
            path(desk, "The .slm file", &self.slm, Message::Slm, Choice::CheckSlm),
        ]
        .spacing(desk.space(Space::Normal));
        let fields = match &self.state {
            State::Running(running, _) => fields.push(progress(desk, running, Message::Cancel)),
            _ => {
                let is_left_out = self.rule == ChecksumRule::Unverified;
                let rule = "Leave out the container's own checksum, whose rule is provisional";
                let ready = self.both().is_some().then_some(Message::Start);
                let start = page::button(desk, "Check the file", Kind::Primary);
                fields
                    .push(page::check(desk, rule, is_left_out, Message::Rule))
                    .push(row![start.on_press_maybe(ready)])
            }
        };
        let parts = column![page::card(desk, fields)].spacing(desk.space(Space::Normal));
        match &self.state {
            State::Idle | State::Running(..) => parts,
            State::Failed(problem) => {
                let parts = parts.push(page::problem(desk, problem, Vec::new()));
                let found = findings(problem.code);
                if found.is_empty() {
                    parts
                } else {
                    parts.push(page::section(desk, "Every check", trials::view(desk, found)))
                }
            }
            State::Passed(passed) => {
                let said = passed.artifact.checks().iter();
                let found = said.filter_map(|(key, value)| Some((*key, Finding::said(value)?)));
                parts.push(passed.view(desk)).push(page::section(
                    desk,
                    "Every check",
                    trials::view(desk, found),
                ))
            }
        }
        .into()
    }
}

impl Passed {
    fn view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let manifest = self.artifact.manifest();
        let what = format!(
            "This is {} {}: {}, {}.",
            manifest.model_id(),
            manifest.model_version(),
            words::bytes(manifest.byte_count()),
            manifest.artifact_sha256()
        );
        let when = format!("Every check passed {}.", words::ago(desk.now, self.at));
        let mut parts = column![page::body(desk, when), page::body(desk, what)]
            .spacing(desk.space(Space::Narrow));
        if !self.artifact.warnings().is_empty() {
            let remarks = format!("Remarks: {}", self.artifact.warnings().join(", "));
            parts = parts.push(page::small(desk, remarks));
        }
        page::note(desk, parts.push(self.receipt(desk)), style::noted).into()
    }

    fn receipt<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let busy = matches!(self.writing, Writing::Busy);
        if let Writing::Done(Written { path, signed }) = &self.writing {
            let signed = if *signed {
                "It is signed with this installation's own key."
            } else {
                "It is not signed, so it proves nothing about who wrote it."
            };
            let place = page::printable(&path.display().to_string());
            let read = page::button(desk, "Read it", Kind::Plain);
            return column![
                page::body(desk, format!("The receipt is at {place}. {signed}")),
                row![read.on_press(Message::Read(path.clone()))]
            ]
            .spacing(desk.space(Space::Narrow))
            .into();
        }
        let ready = (!busy && typed(&self.to).is_some()).then_some(Message::Write);
        let field = page::field(desk, "Path of the receipt", &self.to, Message::To)
            .on_submit_maybe(ready.clone());
        let choose = page::button(desk, "Choose…", Kind::Plain);
        let write = page::button(desk, "Write the receipt", Kind::Primary).on_press_maybe(ready);
        let line = row![field, choose.on_press(Message::Choose(Choice::Write)), write]
            .spacing(desk.space(Space::Narrow));
        let note = "Signed with this machine's key if the settings say so.";
        let mut parts = column![page::labelled(desk, "Receipt", line), page::small(desk, note)]
            .spacing(desk.space(Space::Narrow))
            .width(Fill);
        if let Writing::Failed(problem) = &self.writing {
            parts = parts.push(page::problem(desk, problem, Vec::new()));
        }
        parts.into()
    }
}

fn path<'a>(
    desk: &Desk<'_>,
    label: &'a str,
    value: &str,
    on_input: fn(String) -> Message,
    choice: Choice,
) -> Element<'a, Message> {
    let choose = page::button(desk, "Choose…", Kind::Plain).on_press(Message::Choose(choice));
    let id = if choice == Choice::CheckSlm { "check-slm" } else { "check-manifest" };
    let field = page::field(desk, "Path", value, on_input).on_submit(Message::Start).id(id);
    page::labelled(desk, label, row![field, choose].spacing(desk.space(Space::Narrow))).into()
}
