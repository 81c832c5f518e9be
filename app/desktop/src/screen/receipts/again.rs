//! Verifying a receipt again, against its manifest and its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use iced::Element;
use iced::widget::{column, row};
use verifier::receipt::{Receipt, VerifiedReceipt};

use super::{Action, AgainTurn, Choice, Ended, ManifestFrom, Read, Running, Work, typed};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

/// What happens to a verification.
#[derive(Debug, Clone)]
pub enum Message {
    /// The file's path was typed.
    Slm(String),
    /// The manifest's path was typed.
    Manifest(String),
    /// Let the user choose one of the two.
    Choose(Choice),
    /// Start.
    Start,
    /// Stop.
    Cancel,
    /// So much of the file was read.
    Progress {
        /// Which verification this is.
        turn: AgainTurn,
        /// Bytes that were read.
        read: u64,
        /// Bytes that the file has.
        length: u64,
    },
    /// It came to an end.
    Ended {
        /// Which verification this was.
        turn: AgainTurn,
        /// How it ended.
        ended: Ended<Arc<VerifiedReceipt>>,
    },
}

/// What a receipt is verified against, and how far that has come.
#[derive(Debug)]
pub(super) struct Again {
    slm: String,
    /// The manifest that the library keeps.
    kept: Option<Bytes>,
    manifest: String,
    state: State,
    turn: AgainTurn,
}

#[derive(Debug)]
enum State {
    Idle,
    Running(Running),
    Ended(Ended<Arc<VerifiedReceipt>>),
}

impl Again {
    /// Knows of the files that lie beside the receipt; `turn` is which reading it is.
    pub(super) fn new(read: &Read, turn: u64) -> Self {
        let text = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        Self {
            slm: text(&read.slm_beside),
            kept: read.manifest.clone(),
            manifest: text(&read.manifest_beside),
            state: State::Idle,
            turn: AgainTurn { reading: turn, again: 0 },
        }
    }

    pub(super) fn set_slm(&mut self, path: &Path) {
        self.slm = path.display().to_string();
    }

    pub(super) fn set_manifest(&mut self, path: &Path) {
        self.manifest = path.display().to_string();
        self.kept = None;
    }

    /// The manifest and the file, if both are known.
    fn both(&self) -> Option<(ManifestFrom, PathBuf)> {
        let manifest = match &self.kept {
            Some(bytes) => ManifestFrom::Library(bytes.clone()),
            None => ManifestFrom::File(typed(&self.manifest)?),
        };
        Some((manifest, typed(&self.slm)?))
    }

    /// Starts, if manifest and file are known.
    pub(super) fn start(&mut self, receipt: &Arc<Receipt>) -> Action {
        let Some((manifest, slm)) = self.both() else { return Action::none() };
        self.turn.again += 1;
        let running = Running::new();
        let meter = Arc::clone(&running.meter);
        self.state = State::Running(running);
        let receipt = Arc::clone(receipt);
        Action::work(Work::Verify { receipt, manifest, slm, meter, turn: self.turn })
    }

    pub(super) fn update(&mut self, message: Message, receipt: &Arc<Receipt>) -> Action {
        match message {
            Message::Slm(text) => self.slm = text,
            Message::Manifest(text) => self.manifest = text,
            Message::Choose(choice) => {
                return Action::work(Work::Choose(choice, self.turn.reading));
            }
            Message::Start => return self.start(receipt),
            Message::Cancel => {
                self.turn.again += 1;
                self.state = State::Idle;
            }
            Message::Progress { turn, read, length } => {
                if let State::Running(running) = &mut self.state
                    && turn == self.turn
                {
                    (running.read, running.length) = (read, length);
                }
            }
            Message::Ended { turn, ended } => {
                if turn == self.turn {
                    self.state = State::Ended(ended);
                }
            }
        }
        Action::none()
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let what = "Every check again, from the files on this machine, and whether the receipt says \
                    what one written now would.";
        let mut parts = column![page::muted(cx, what)].spacing(cx.space(Space::Normal));
        if let State::Running(running) = &self.state {
            return parts.push(progress(cx, running, Message::Cancel)).into();
        }
        parts = parts.push(path(cx, "The .slm file", &self.slm, Message::Slm, Choice::AgainSlm));
        parts = parts.push(match &self.kept {
            Some(_) => {
                let kept = "The library keeps the manifest that this receipt names; it is used.";
                Element::from(page::muted(cx, kept))
            }
            None => {
                path(cx, "Its manifest", &self.manifest, Message::Manifest, Choice::AgainManifest)
            }
        });
        let ready = self.both().is_some().then_some(Message::Start);
        let start = page::button(cx, "Verify again", Kind::Primary).on_press_maybe(ready);
        parts = parts.push(row![start]);
        if let State::Ended(ended) = &self.state {
            parts = parts.push(verdict(cx, ended));
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
    let id = if choice == Choice::AgainSlm { "again-slm" } else { "again-manifest" };
    let field = page::field(cx, "Path", value, on_input).on_submit(Message::Start).id(id);
    page::labelled(cx, label, row![field, choose].spacing(cx.space(Space::Narrow))).into()
}

/// How far a check has come, and a button that ends it.
pub(super) fn progress<'a, M: Clone + 'a>(
    cx: &Context<'_>,
    running: &Running,
    cancel: M,
) -> Element<'a, M> {
    let Running { read, length, .. } = running;
    let line = if *length == 0 {
        "Reading the file…".to_owned()
    } else {
        format!("{} of {} read", words::bytes(*read), words::bytes(*length))
    };
    let cancel = page::button(cx, "Cancel", Kind::Plain).on_press(cancel);
    column![
        page::bar(cx, page::fraction(*read, *length)),
        row![page::body(cx, line).width(iced::Fill), cancel]
            .spacing(cx.space(Space::Normal))
            .align_y(iced::Center)
    ]
    .spacing(cx.space(Space::Narrow))
    .into()
}

fn verdict<'a>(cx: &Context<'_>, ended: &Ended<Arc<VerifiedReceipt>>) -> Element<'a, Message> {
    let verified = match &ended.outcome {
        Ok(verified) => verified,
        Err(problem) => return page::problem(cx, problem, Vec::new()),
    };
    let artifact = verified.artifact();
    let manifest = artifact.manifest();
    let mut parts = column![
        page::body(cx, format!("Verified {}.", words::ago(cx.now, ended.at))),
        page::body(
            cx,
            format!(
                "Receipt, manifest and file agree: {} {} with {}.",
                manifest.model_id(),
                manifest.model_version(),
                manifest.artifact_sha256()
            )
        ),
    ]
    .spacing(cx.space(Space::Hair));
    if !verified.warnings().is_empty() {
        let remarks = format!("Remarks: {}", verified.warnings().join(", "));
        parts = parts.push(page::small(cx, remarks));
    }
    parts = parts.push(page::small(cx, format!("ok at {}", ended.at)));
    page::note(cx, parts, style::noted).into()
}
