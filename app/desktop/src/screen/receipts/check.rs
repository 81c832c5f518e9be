//! Checking a file against its manifest, and writing its receipt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::verify::{Finding, findings};
use iced::widget::{column, row};
use iced::{Element, Fill};
use verifier::artifact::VerifiedArtifact;
use verifier::scalars::UtcTime;
use verifier::slm::ChecksumRule;

use super::again::progress;
use super::{Action, Choice, Ended, Running, Work, trials, typed};
use crate::desk::Desk;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

/// What happens to a check.
#[derive(Debug, Clone)]
pub enum Message {
    /// The manifest's path was typed.
    Manifest(String),
    /// The file's path was typed.
    Slm(String),
    /// Leave the container's own checksum out, or do not.
    Rule,
    /// Let the user choose a file.
    Choose(Choice),
    /// Start.
    Start,
    /// Stop.
    Cancel,
    /// So much of the file was read.
    Progress {
        /// Which check this is.
        turn: u64,
        /// Bytes that were read.
        read: u64,
        /// Bytes that the file has.
        length: u64,
    },
    /// It came to an end.
    Ended {
        /// Which check this was.
        turn: u64,
        /// How it ended.
        ended: Ended<Arc<VerifiedArtifact>>,
    },
    /// The receipt's path was typed.
    To(String),
    /// Write the receipt.
    Write,
    /// The receipt was written, or was not.
    Written {
        /// Which check it is about.
        turn: u64,
        /// Where it is, and whether it is signed.
        outcome: Result<Written, Problem>,
    },
    /// Read the receipt that was written.
    Read(PathBuf),
}

/// A receipt that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is signed with this installation's key.
    pub signed: bool,
}

/// A check of a file.
#[derive(Debug)]
pub(super) struct Check {
    manifest: String,
    slm: String,
    rule: ChecksumRule,
    state: State,
    turn: u64,
}

impl Default for Check {
    fn default() -> Self {
        let (manifest, slm) = (String::new(), String::new());
        Self { manifest, slm, rule: ChecksumRule::Verify, state: State::Idle, turn: 0 }
    }
}

#[derive(Debug)]
enum State {
    Idle,
    Running(Running, PathBuf),
    Failed(Problem),
    Passed(Box<Passed>),
}

/// A file that passed, and its receipt.
#[derive(Debug)]
struct Passed {
    at: UtcTime,
    artifact: Arc<VerifiedArtifact>,
    slm: PathBuf,
    to: String,
    writing: Writing,
}

#[derive(Debug)]
enum Writing {
    Asking,
    Busy,
    Failed(Problem),
    Done(Written),
}

impl Check {
    /// Takes a model or a manifest.
    pub(super) fn dropped(&mut self, path: PathBuf, is_slm: fn(&Path) -> bool) {
        let choice = if is_slm(&path) { Choice::CheckSlm } else { Choice::CheckManifest };
        self.chosen(choice, &path);
    }

    pub(super) fn chosen(&mut self, choice: Choice, path: &Path) {
        let text = path.display().to_string();
        match choice {
            Choice::CheckSlm => self.slm = text,
            Choice::CheckManifest => self.manifest = text,
            _ => {
                if let State::Passed(passed) = &mut self.state {
                    passed.to = text;
                }
            }
        }
    }

    pub(super) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Manifest(text) => self.manifest = text,
            Message::Slm(text) => self.slm = text,
            Message::Rule => {
                self.rule = match self.rule {
                    ChecksumRule::Verify => ChecksumRule::Unverified,
                    ChecksumRule::Unverified => ChecksumRule::Verify,
                };
            }
            Message::Choose(choice) => return Action::work(Work::Choose(choice)),
            Message::Start => return self.start(),
            Message::Cancel => {
                self.turn += 1;
                self.state = State::Idle;
            }
            Message::Progress { turn, read, length } => {
                if let State::Running(running, _) = &mut self.state
                    && turn == self.turn
                {
                    (running.read, running.length) = (read, length);
                }
            }
            Message::Ended { turn, ended } => {
                if turn == self.turn {
                    self.end(ended);
                }
            }
            Message::To(text) => {
                if let State::Passed(passed) = &mut self.state {
                    (passed.to, passed.writing) = (text, Writing::Asking);
                }
            }
            Message::Write => return self.write(),
            Message::Written { turn, outcome } => {
                if let State::Passed(passed) = &mut self.state
                    && turn == self.turn
                {
                    passed.writing = match outcome {
                        Ok(written) => Writing::Done(written),
                        Err(problem) => Writing::Failed(problem),
                    };
                }
            }
            // The screen reads it.
            Message::Read(_) => {}
        }
        Action::none()
    }

    fn both(&self) -> Option<(PathBuf, PathBuf)> {
        Some((typed(&self.manifest)?, typed(&self.slm)?))
    }

    fn start(&mut self) -> Action {
        let Some((manifest, slm)) = self.both() else { return Action::none() };
        self.turn += 1;
        let running = Running::new();
        let meter = Arc::clone(&running.meter);
        self.state = State::Running(running, slm.clone());
        Action::work(Work::Check { manifest, slm, rule: self.rule, meter, turn: self.turn })
    }

    fn end(&mut self, ended: Ended<Arc<VerifiedArtifact>>) {
        let State::Running(_, slm) = &self.state else { return };
        self.state = match ended.outcome {
            Err(problem) => State::Failed(problem),
            Ok(artifact) => State::Passed(Box::new(Passed {
                at: ended.at,
                artifact,
                slm: slm.clone(),
                to: slm.with_extension(app::receipts::EXTENSION).display().to_string(),
                writing: Writing::Asking,
            })),
        };
    }

    fn write(&mut self) -> Action {
        let State::Passed(passed) = &mut self.state else { return Action::none() };
        let Some(to) = typed(&passed.to) else { return Action::none() };
        passed.writing = Writing::Busy;
        let (artifact, slm) = (Arc::clone(&passed.artifact), passed.slm.clone());
        Action::work(Work::Write { artifact, slm, to, turn: self.turn })
    }

    pub(super) fn view<'a>(&'a self, desk: &Desk<'a>) -> Element<'a, Message> {
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
                "It is signed with this machine's key."
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
