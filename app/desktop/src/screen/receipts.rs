//! The screen `receipts`: what was verified, and verifying it again.

mod again;
mod check;
mod files;
mod reading;
mod shares;
mod trials;
mod work;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::verify::Meter;
use iced::widget::{container, row};
use iced::{Element, Fill};
use verifier::scalars::UtcTime;

use crate::context::Context;
use crate::theme::Space;
use crate::widget::page;

pub use again::Message as AgainMessage;
pub use check::{Message as CheckMessage, Written};
pub use files::{Listed, Message as FilesMessage};
pub use reading::Message as ReadingMessage;
pub use work::{AgainTurn, Choice, ManifestFrom, Read, Work};

use check::Check;
use files::Files;
use reading::Reading;

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// Show another view.
    Show(View),
    /// Something about the list.
    Files(FilesMessage),
    /// A receipt was read, or is none.
    Read {
        /// Which reading this was.
        turn: u64,
        /// The file.
        path: PathBuf,
        /// What came of it.
        outcome: Result<Arc<Read>, Problem>,
    },
    /// Something about the receipt that is read.
    Reading(ReadingMessage),
    /// Close the receipt that is read.
    Close,
    /// Something about a file that is checked.
    Check(CheckMessage),
    /// The user chose a file or a folder, or none, while that receipt was read.
    Chosen(Choice, u64, Option<PathBuf>),
}

/// The screen's views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The receipts of a folder.
    #[default]
    Receipts,
    /// Checking a file, and writing its receipt.
    Check,
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Receipts {
    view: View,
    files: Files,
    open: Open,
    /// The newest reading that was asked for.
    turn: u64,
    check: Check,
}

/// The receipt that is read.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Opening,
    Failed(Problem),
    Reading(Box<Reading>),
}

impl Receipts {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.files.refresh()
    }

    /// A file was dropped on the window: a receipt is read; a model or a manifest goes to the
    /// receipt that is open, else to the check of a file.
    pub fn dropped(&mut self, path: PathBuf) -> Action {
        let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
        if is(app::receipts::EXTENSION) {
            self.view = View::Receipts;
            // Shown by an errand, the screen may never have been entered.
            let mut action = self.read(path);
            action.work.extend(self.files.first_list());
            return action;
        }
        if self.view == View::Receipts
            && let Open::Reading(reading) = &mut self.open
        {
            return reading.dropped(path, is_slm);
        }
        self.view = View::Check;
        self.check.dropped(path, is_slm);
        Action::none()
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Show(view) => {
                self.view = view;
                Action::none()
            }
            Message::Files(message) => match self.files.update(message) {
                files::Answer::Act(action) => action,
                files::Answer::Open(path) => self.read(path),
            },
            Message::Read { turn, path, outcome } => {
                if turn == self.turn {
                    self.files.select(&path);
                    self.open = match outcome {
                        Ok(read) => Open::Reading(Box::new(Reading::new(&read, turn))),
                        Err(problem) => Open::Failed(problem),
                    };
                }
                Action::none()
            }
            Message::Reading(message) => match &mut self.open {
                Open::Reading(reading) => reading.update(message),
                Open::Nothing | Open::Opening | Open::Failed(_) => Action::none(),
            },
            Message::Close => {
                self.turn += 1;
                self.open = Open::Nothing;
                Action::none()
            }
            Message::Check(CheckMessage::Read(path)) => {
                self.view = View::Receipts;
                self.read(path)
            }
            Message::Check(message) => self.check.update(message),
            Message::Chosen(choice, turn, Some(path)) => self.chosen(choice, turn, path),
            Message::Chosen(_, _, None) => Action::none(),
        }
    }

    fn read(&mut self, path: PathBuf) -> Action {
        self.turn += 1;
        // What is read stays in sight until the next one is there.
        if !matches!(self.open, Open::Reading(_)) {
            self.open = Open::Opening;
        }
        Action::work(Work::Read { path, turn: self.turn })
    }

    fn chosen(&mut self, choice: Choice, turn: u64, path: PathBuf) -> Action {
        match choice {
            Choice::Folder => self.files.choose(path),
            Choice::Export | Choice::AgainSlm | Choice::AgainManifest => {
                // A file for a receipt that was read before is not taken for this one.
                if let Open::Reading(reading) = &mut self.open
                    && reading.turn() == turn
                {
                    reading.chosen(choice, &path);
                }
                Action::none()
            }
            Choice::CheckSlm | Choice::CheckManifest | Choice::Write => {
                self.check.chosen(choice, &path);
                Action::none()
            }
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let tab = |label, view| page::tab(cx, label, self.view == view, Message::Show(view)).into();
        let tabs = vec![tab("Receipts", View::Receipts), tab("Check a file", View::Check)];
        match self.view {
            View::Check => {
                page::page(cx, "Receipts", tabs, self.check.view(cx).map(Message::Check))
            }
            View::Receipts => page::fixed_page(cx, "Receipts", tabs, self.receipts(cx)),
        }
    }

    fn receipts<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let is_wide = cx.size.width >= cx.scale.factor() * 940.0;
        let Some(open) = self.open_view(cx, is_wide) else {
            return self.files.view(cx, true).map(Message::Files);
        };
        if !is_wide {
            return open;
        }
        let list = self.files.view(cx, false).map(Message::Files);
        row![container(list).width(cx.scale.factor() * 320.0), open]
            .spacing(cx.space(Space::Wide))
            .height(Fill)
            .into()
    }

    fn open_view<'a>(&'a self, cx: &Context<'a>, is_wide: bool) -> Option<Element<'a, Message>> {
        let close = || {
            let label = if is_wide { "Close" } else { "All receipts" };
            page::button(cx, label, crate::widget::control::Kind::Plain).on_press(Message::Close)
        };
        match &self.open {
            Open::Nothing => None,
            Open::Opening => {
                Some(container(page::muted(cx, "Reading the receipt…")).center(Fill).into())
            }
            Open::Failed(problem) => Some(page::problem(cx, problem, vec![close().into()])),
            Open::Reading(reading) => Some(reading.view(cx, close().into())),
        }
    }
}

fn is_slm(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "slm")
}

/// A path that was typed; `None` if nothing was.
fn typed(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// A check under way, which is stopped when nobody awaits it any more.
#[derive(Debug)]
struct Running {
    meter: Arc<Meter>,
    read: u64,
    length: u64,
}

impl Running {
    fn new() -> Self {
        Self { meter: Arc::new(Meter::default()), read: 0, length: 0 }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.meter.stop();
    }
}

/// When a verification came to an end, and how.
#[derive(Debug, Clone)]
pub struct Ended<T> {
    /// When.
    pub at: UtcTime,
    /// How.
    pub outcome: Result<T, Problem>,
}
