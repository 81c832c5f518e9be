//! What a receipt that is read shows.

use app::receipts::Author;
use app::verify::Finding;
use iced::widget::{Column, Row, column, container, row};
use iced::{Center, Element, Fill, Padding};

use super::super::{self as screen, shares, trials, typed};
use super::{Export, Keys, Message, Reading};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Reading {
    pub(in crate::screen::receipts) fn view<'a>(
        &'a self,
        cx: &Context<'a>,
        close: Element<'a, screen::Message>,
    ) -> Element<'a, screen::Message> {
        let wide = cx.space(Space::Wide);
        let mut parts = column![self.head(cx, close)].spacing(cx.space(Space::Normal));
        if let Some(export) = self.export_view(cx) {
            parts = parts.push(export.map(screen::Message::Reading));
        }
        let body = column![
            self.trust(cx),
            page::section(cx, "Verify it again", self.again.view(cx).map(Message::Again)),
            page::section(cx, "What was verified", page::facts(cx, self.facts(cx))),
            page::section(cx, "Where the pieces came from", self.sources(cx)),
            page::section(cx, "Every check", trials::view(cx, self.findings())),
            page::section(cx, "All that it says", self.keys_view(cx)),
        ]
        .spacing(cx.space(Space::Normal));
        let body = container(Element::from(body).map(screen::Message::Reading))
            .padding(Padding::default().right(cx.space(Space::Normal)).bottom(wide))
            .width(Fill);
        parts.push(page::scroll(body).height(Fill)).height(Fill).into()
    }

    fn head<'a>(
        &'a self,
        cx: &Context<'a>,
        close: Element<'a, screen::Message>,
    ) -> Element<'a, screen::Message> {
        let plain = |label: &'a str, message| {
            page::button(cx, label, Kind::Plain).on_press(screen::Message::Reading(message)).into()
        };
        let buttons: [Element<'a, screen::Message>; 3] =
            [plain("Copy", Message::Copy), plain("Export…", Message::Export), close];
        let buttons = Row::with_children(buttons).spacing(cx.space(Space::Narrow));
        let name = format!("{} {}", self.summary.model_id, self.summary.model_version);
        let name = page::words(cx, Text::Heading, name).width(Fill);
        row![name, buttons].spacing(cx.space(Space::Normal)).align_y(Center).into()
    }

    /// Who signed the receipt, or that it proves nothing about who wrote it.
    fn trust<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let author = cx.book.signers().author(self.summary.signer);
        let more = match author {
            Author::Nobody => {
                "Verifying it again against the file shows whether what it says is true."
            }
            _ => "The signature belongs to this receipt, and to no other.",
        };
        let what = page::body(cx, format!("{} {more}", author.sentence()));
        let style = match author {
            Author::Own(_) | Author::Peer(..) => style::noted,
            Author::Nobody | Author::Blocked(..) | Author::Unknown(_) => style::warned,
        };
        let id = self.summary.signer.map(|signer| page::small(cx, signer.to_string()));
        page::note(cx, column![what].push(id).spacing(cx.space(Space::Hair)), style).into()
    }

    fn facts(&self, cx: &Context<'_>) -> Vec<(&'static str, String)> {
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
            ("When", format!("{when} UTC ({})", words::ago(cx.now, summary.created))),
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

    fn sources<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let shares = shares::view(cx, &self.summary);
        let Some(pieces) = &self.pieces else { return shares };
        let map = container(self.map.view(cx, pieces).map(Message::Map))
            .height(cx.scale.factor() * 340.0);
        let note = "As the library keeps the model now:";
        column![shares, page::muted(cx, note), map].spacing(cx.space(Space::Normal)).into()
    }

    fn findings(&self) -> impl Iterator<Item = (&str, Finding)> {
        app::verify::CHECKS
            .into_iter()
            .filter_map(|key| Some((key, Finding::said(self.receipt.value(key)?)?)))
    }

    fn keys_view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let count = words::count(self.receipt.values().count() as u64, "key");
        let label = match self.keys {
            Keys::Hidden => format!("Show all {count}"),
            Keys::Shown => "Hide them".to_owned(),
        };
        let button = row![page::button(cx, label, Kind::Plain).on_press(Message::Keys)];
        if self.keys == Keys::Hidden {
            return button.into();
        }
        let lines = self.receipt.values().map(|(key, value)| {
            let key = page::small(cx, key).width(iced::FillPortion(2));
            let value = page::words(cx, Text::Small, page::printable(value));
            row![key, value.width(iced::FillPortion(3))].spacing(cx.space(Space::Normal)).into()
        });
        let table = Column::with_children(lines).spacing(cx.space(Space::Hair));
        column![button, table].spacing(cx.space(Space::Normal)).into()
    }

    fn export_view<'a>(&'a self, cx: &Context<'a>) -> Option<Element<'a, Message>> {
        let (text, problem, ready) = match &self.export {
            Export::Closed => return None,
            Export::Asking(text) => (text, None, true),
            Export::Writing(_, text) => (text, None, false),
            Export::Failed(text, problem) => (text, Some(problem), true),
        };
        let write = (ready && typed(text).is_some()).then_some(Message::Write);
        let field = page::field(cx, "Path of the copy", text, Message::To)
            .on_submit_maybe(write.clone())
            .id("receipt-copy");
        let line = row![
            field,
            page::button(cx, "Choose…", Kind::Plain).on_press(Message::ChooseTo),
            page::button(cx, "Write the copy", Kind::Primary).on_press_maybe(write)
        ]
        .spacing(cx.space(Space::Narrow));
        let mut parts = column![line].spacing(cx.space(Space::Narrow));
        if let Some(problem) = problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        Some(page::card(cx, parts).into())
    }
}
