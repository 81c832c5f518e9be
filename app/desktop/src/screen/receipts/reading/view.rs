//! What a receipt that is read shows.

use app::receipts::Author;
use app::verify::Finding;
use iced::widget::{Column, Row, column, container, row};
use iced::{Center, Element, Fill, Padding};

use super::super::{self as screen, shares, trials, typed};
use super::{Export, Keys, Message, Reading};
use crate::desk::Desk;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Reading {
    pub(in crate::screen::receipts) fn view<'a>(
        &'a self,
        desk: &Desk<'a>,
        close: Element<'a, screen::Message>,
    ) -> Element<'a, screen::Message> {
        let wide = desk.space(Space::Wide);
        let mut parts = column![self.head(desk, close)].spacing(desk.space(Space::Normal));
        if let Some(export) = self.export_view(desk) {
            parts = parts.push(export.map(screen::Message::Reading));
        }
        let body = column![
            self.trust(desk),
            page::section(desk, "Verify it again", self.again.view(desk).map(Message::Again)),
            page::section(desk, "What was verified", page::facts(desk, self.facts(desk))),
            page::section(desk, "Where the pieces came from", self.sources(desk)),
            page::section(desk, "Every check", trials::view(desk, self.findings())),
            page::section(desk, "All that it says", self.keys_view(desk)),
        ]
        .spacing(desk.space(Space::Normal));
        let body = container(Element::from(body).map(screen::Message::Reading))
            .padding(Padding::default().right(desk.space(Space::Normal)).bottom(wide))
            .width(Fill);
        parts.push(page::scroll(body).height(Fill)).height(Fill).into()
    }

    fn head<'a>(
        &'a self,
        desk: &Desk<'a>,
        close: Element<'a, screen::Message>,
    ) -> Element<'a, screen::Message> {
        let plain = |label: &'a str, message| {
            page::button(desk, label, Kind::Plain)
                .on_press(screen::Message::Reading(message))
                .into()
        };
        let buttons: [Element<'a, screen::Message>; 3] =
            [plain("Copy", Message::Copy), plain("Export…", Message::Export), close];
        let buttons = Row::with_children(buttons).spacing(desk.space(Space::Narrow));
        let name = format!("{} {}", self.summary.model_id, self.summary.model_version);
        let name = page::words(desk, Text::Heading, name).width(Fill);
        row![name, buttons].spacing(desk.space(Space::Normal)).align_y(Center).into()
    }

    /// Who signed the receipt, or that it proves nothing about who wrote it.
    fn trust<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let author = desk.book.signers().author(self.summary.signer);
        let more = match author {
            Author::Nobody => {
                "Verifying it again against the file shows whether what it says is true."
            }
            _ => "The signature belongs to this receipt, and to no other.",
        };
        let what = page::body(desk, format!("{} {more}", author.sentence()));
        let style = match author {
            Author::Own(_) | Author::Peer(..) => style::noted,
            Author::Nobody | Author::Blocked(..) | Author::Unknown(_) => style::warned,
        };
        let id = self.summary.signer.map(|signer| page::small(desk, signer.to_string()));
        page::note(desk, column![what].push(id).spacing(desk.space(Space::Hair)), style).into()
    }

    fn facts(&self, desk: &Desk<'_>) -> Vec<(&'static str, String)> {
        let summary = &self.summary;
        let value = |key| page::printable(self.receipt.value(key).unwrap_or("-"));
        let when = words::minute(summary.created);
        let by = match value("signature.status").as_str() {
            "verified" => format!("{}, who signed the manifest", value("publisher.id")),
            _ => format!("{}, by the manifest's word alone", value("publisher.id")),
        };
        let program =
            format!("{} {}", value("receipt.verifier"), value("receipt.verifier_version"));
        vec![
            ("When", format!("{when} UTC ({})", words::ago(desk.now, summary.created))),
            ("File", value("artifact.file_name")),
            (
                "Size",
                format!(
                    "{} ({} bytes)",
                    words::bytes(summary.byte_count),
                    words::grouped(summary.byte_count)
                ),
            ),
            ("SHA-256", summary.artifact.to_string()),
            ("Published by", by),
            ("Licence", value("license.route")),
            ("Verified by", program),
            ("Receipt", page::printable(&self.path.display().to_string())),
        ]
    }

    fn sources<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let shares = shares::view(desk, &self.summary);
        let Some(pieces) = &self.pieces else { return shares };
        let map = container(self.map.view(desk, pieces).map(Message::Map))
            .height(desk.scale.factor() * 340.0);
        let note = "As the library keeps the model now:";
        column![shares, page::muted(desk, note), map].spacing(desk.space(Space::Normal)).into()
    }

    fn findings(&self) -> impl Iterator<Item = (&str, Finding)> {
        app::verify::CHECKS
            .into_iter()
            .filter_map(|key| Some((key, Finding::said(self.receipt.value(key)?)?)))
    }

    fn keys_view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        let count = words::count(self.receipt.values().count() as u64, "key");
        let label = match self.keys {
            Keys::Hidden => format!("Show all {count}"),
            Keys::Shown => "Hide them".to_owned(),
        };
        let button = row![page::button(desk, label, Kind::Plain).on_press(Message::Keys)];
        if self.keys == Keys::Hidden {
            return button.into();
        }
        let lines = self.receipt.values().map(|(key, value)| {
            let key = page::small(desk, key).width(iced::FillPortion(2));
            let value = page::words(desk, Text::Small, page::printable(value));
            row![key, value.width(iced::FillPortion(3))].spacing(desk.space(Space::Normal)).into()
        });
        let table = Column::with_children(lines).spacing(desk.space(Space::Hair));
        column![button, table].spacing(desk.space(Space::Normal)).into()
    }

    fn export_view<'a>(&'a self, desk: &Desk<'a>) -> Option<Element<'a, Message>> {
        let (text, problem, ready) = match &self.export {
            Export::Closed => return None,
            Export::Asking(text) => (text, None, true),
            Export::Writing(_, text) => (text, None, false),
            Export::Failed(text, problem) => (text, Some(problem), true),
        };
        let write = (ready && typed(text).is_some()).then_some(Message::Write);
        let field = page::field(desk, "Path of the copy", text, Message::To)
            .on_submit_maybe(write.clone())
            .id("receipt-copy");
        let line = row![
            field,
            page::button(desk, "Choose…", Kind::Plain).on_press(Message::ChooseTo),
            page::button(desk, "Write the copy", Kind::Primary).on_press_maybe(write)
        ]
        .spacing(desk.space(Space::Narrow));
        let mut parts = column![line].spacing(desk.space(Space::Narrow));
        if let Some(problem) = problem {
            parts = parts.push(page::problem(desk, problem, Vec::new()));
        }
        Some(page::card(desk, parts).into())
    }
}
