//! A receipt that is read: what it says, in words, and what can be done with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::receipts::Summary;
use app::verify::Finding;
use iced::widget::{Column, Row, column, container, row};
use iced::{Center, Element, Fill, Padding};
use verifier::receipt::Receipt;

use super::again::{self, Again};
use super::{Action, Choice, Read, Work, shares, trials, typed};
use crate::desk::Desk;
use crate::screen::Errand;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::map_panel::{self, MapPanel, Shows};
use crate::widget::page;
use crate::widget::piece_map::Pieces;
use crate::words;

/// What happens to the receipt that is read.
#[derive(Debug, Clone)]
pub enum Message {
    /// Something on the piece map.
    Map(map_panel::Message),
    /// Something about verifying it again.
    Again(again::Message),
    /// Put its text on the clipboard.
    Copy,
    /// Show where a copy would go, or do not.
    Export,
    /// The copy's path was typed.
    To(String),
    /// Let the user choose the copy's path.
    ChooseTo,
    /// Write the copy.
    Write,
    /// The copy was written, or was not.
    Written(PathBuf, Result<(), Problem>),
    /// Show every key, or do not.
    Keys,
}

/// A receipt that is read.
#[derive(Debug)]
pub(super) struct Reading {
    path: PathBuf,
    receipt: Arc<Receipt>,
    summary: Summary,
    pieces: Option<Pieces>,
    map: MapPanel,
    again: Again,
    export: Export,
    keys: Keys,
}

/// Writing a copy.
#[derive(Debug)]
enum Export {
    Closed,
    Asking(String),
    Writing(String),
    Failed(String, Problem),
}

/// Whether every key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    Hidden,
    Shown,
}

impl Reading {
    /// Shows what was read; `turn` is which reading it is.
    pub(super) fn new(read: &Read, turn: u64) -> Self {
        Self {
            path: read.path.clone(),
            receipt: Arc::clone(&read.receipt),
            summary: read.summary.clone(),
            pieces: read.pieces.clone(),
            map: MapPanel::new("receipt-map", Shows::Source),
            again: Again::new(read, turn),
            export: Export::Closed,
            keys: Keys::Hidden,
        }
    }

    /// Takes a model or a manifest, and verifies with it at once if the other is known.
    pub(super) fn dropped(&mut self, path: PathBuf, is_slm: fn(&Path) -> bool) -> Action {
        if is_slm(&path) {
            self.again.set_slm(&path);
        } else {
            self.again.set_manifest(&path);
        }
        self.again.start(&self.receipt)
    }

    pub(super) fn chosen(&mut self, choice: Choice, path: &Path) {
        match choice {
            Choice::AgainSlm => self.again.set_slm(path),
            Choice::AgainManifest => self.again.set_manifest(path),
            _ => self.export = Export::Asking(path.display().to_string()),
        }
    }

    pub(super) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Map(message) => {
                return self.map.update(message).map_or_else(Action::none, Action::errand);
            }
            Message::Again(message) => return self.again.update(message, &self.receipt),
            Message::Copy => {
                let text = String::from_utf8_lossy(self.receipt.bytes()).into_owned();
                return Action::errand(Errand::Copy(text));
            }
            Message::Export => {
                self.export = match self.export {
                    Export::Closed => Export::Asking(self.copy_path()),
                    _ => Export::Closed,
                };
            }
            Message::To(text) => self.export = Export::Asking(text),
            Message::ChooseTo => return Action::work(Work::Choose(Choice::Export)),
            Message::Write => {
                if let Export::Asking(text) | Export::Failed(text, _) = &self.export
                    && let Some(to) = typed(text)
                {
                    self.export = Export::Writing(text.clone());
                    let receipt = Arc::clone(&self.receipt);
                    return Action::work(Work::Export { receipt, to });
                }
            }
            Message::Written(path, outcome) => return self.written(&path, outcome),
            Message::Keys => {
                self.keys = match self.keys {
                    Keys::Hidden => Keys::Shown,
                    Keys::Shown => Keys::Hidden,
                };
            }
        }
        Action::none()
    }

    fn written(&mut self, path: &Path, outcome: Result<(), Problem>) -> Action {
        let awaited = match &self.export {
            Export::Writing(text) if typed(text).as_deref() == Some(path) => Some(text.clone()),
            // It is of a receipt that was read before.
            _ => None,
        };
        match (outcome, awaited) {
            (Ok(()), awaited) => {
                if awaited.is_some() {
                    self.export = Export::Closed;
                }
                Action::errand(Errand::Tell(format!("The copy is at {}.", path.display())))
            }
            (Err(problem), Some(text)) => {
                self.export = Export::Failed(text, problem);
                Action::none()
            }
            (Err(problem), None) => Action::errand(Errand::Tell(problem.what)),
        }
    }

    /// A name beside the receipt that is likely to be free.
    fn copy_path(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{stem}-copy.{}", app::receipts::EXTENSION);
        self.path.with_file_name(name).display().to_string()
    }

    pub(super) fn view<'a>(
        &'a self,
        desk: &Desk<'a>,
        close: Element<'a, super::Message>,
    ) -> Element<'a, super::Message> {
        let wide = desk.space(Space::Wide);
        let mut parts = column![self.head(desk, close)].spacing(desk.space(Space::Normal));
        if let Some(export) = self.export_view(desk) {
            parts = parts.push(export.map(super::Message::Reading));
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
        let body = container(Element::from(body).map(super::Message::Reading))
            .padding(Padding::default().right(desk.space(Space::Normal)).bottom(wide))
            .width(Fill);
        parts.push(page::scroll(body).height(Fill)).height(Fill).into()
    }

    fn head<'a>(
        &'a self,
        desk: &Desk<'a>,
        close: Element<'a, super::Message>,
    ) -> Element<'a, super::Message> {
        let plain = |label: &'a str, message| {
            page::button(desk, label, Kind::Plain).on_press(super::Message::Reading(message)).into()
        };
        let buttons: [Element<'a, super::Message>; 3] =
            [plain("Copy", Message::Copy), plain("Export…", Message::Export), close];
        let buttons = Row::with_children(buttons).spacing(desk.space(Space::Narrow));
        let name = format!("{} {}", self.summary.model_id, self.summary.model_version);
        let name = page::words(desk, Text::Heading, name).width(Fill);
        row![name, buttons].spacing(desk.space(Space::Normal)).align_y(Center).into()
    }

    /// Who signed the receipt, or that it proves nothing about who wrote it.
    fn trust<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
        match self.summary.signer {
            Some(signer) => {
                let name = page::printable(&desk.name(signer));
                let what = format!(
                    "Signed by {name}. The signature belongs to this receipt, and to no other."
                );
                let id = page::small(desk, signer.to_string());
                let parts = column![page::body(desk, what), id].spacing(desk.space(Space::Hair));
                page::note(desk, parts, style::noted).into()
            }
            None => {
                let what = "Not signed, so it proves nothing about who wrote it. Verifying it \
                            again against the file shows whether what it says is true.";
                page::note(desk, page::body(desk, what), style::warned).into()
            }
        }
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
            Export::Writing(text) => (text, None, false),
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
