//! Checking a file against its manifest, and writing its receipt.

mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use verifier::artifact::VerifiedArtifact;
use verifier::scalars::UtcTime;
use verifier::slm::ChecksumRule;

use super::{Action, Choice, Ended, Running, Work, typed};

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
            Message::Choose(choice) => return Action::work(Work::Choose(choice, 0)),
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
}
