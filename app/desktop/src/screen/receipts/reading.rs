//! A receipt that is read: what it says, in words, and what can be done with it.

mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::receipts::Summary;
use verifier::receipt::Receipt;

use super::again::{self, Again};
use super::{Action, Choice, Read, Work, typed};
use crate::screen::{Errand, Run};
use crate::widget::map_panel::{self, MapPanel, Shows};
use crate::widget::piece_map::Pieces;

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
    Written(Run, PathBuf, Result<(), Problem>),
    /// Show every key, or do not.
    Keys,
}

/// A receipt that is read.
#[derive(Debug)]
pub(super) struct Reading {
    path: PathBuf,
    turn: u64,
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
    Writing(Run, String),
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
            turn,
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

    pub(super) const fn turn(&self) -> u64 {
        self.turn
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
            Message::ChooseTo => return Action::work(Work::Choose(Choice::Export, self.turn)),
            Message::Write => {
                if let Export::Asking(text) | Export::Failed(text, _) = &self.export
                    && let Some(to) = typed(text)
                {
                    let run = Run::default();
                    self.export = Export::Writing(run.clone(), text.clone());
                    let receipt = Arc::clone(&self.receipt);
                    return Action::work(Work::Export { run, receipt, to });
                }
            }
            Message::Written(run, path, outcome) => return self.written(&run, &path, outcome),
            Message::Keys => {
                self.keys = match self.keys {
                    Keys::Hidden => Keys::Shown,
                    Keys::Shown => Keys::Hidden,
                };
            }
        }
        Action::none()
    }

    fn written(&mut self, run: &Run, path: &Path, outcome: Result<(), Problem>) -> Action {
        let awaited = match &self.export {
            Export::Writing(awaited, text) if awaited == run => Some(text.clone()),
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
}
