//! The receipts of a folder, as a list that can be searched.

mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::receipts::{Entry, Listing, Provenance, Summary};

use super::{Action, Choice, Work, typed};
use crate::screen::Errand;
use crate::widget::list::Scroll;

/// By what name the list is found.
const LIST: &str = "receipts";

/// A folder that was listed.
#[derive(Debug)]
pub struct Listed {
    /// The receipts.
    pub listing: Listing,
    /// For each, in lower case, all that a search looks at.
    pub words: Vec<String>,
}

impl Listed {
    /// A listing with what a search looks at; `name` says what peers are called.
    pub fn new(
        listing: Listing,
        name: impl Fn(verifier::identity::PeerId) -> Option<String>,
    ) -> Self {
        let words = listing.entries.iter().map(|entry| {
            let file = entry.path.file_name().unwrap_or_default().to_string_lossy();
            let mut words = file.to_lowercase();
            match &entry.content {
                Ok(summary) => {
                    let Summary { model_id, model_version, artifact, created, .. } = summary;
                    words.push_str(&format!("\n{model_id} {model_version}\n{artifact}\n{created}"));
                    let given = summary.provenance.peers().iter().map(|peer| peer.id);
                    for peer in given.chain(summary.signer) {
                        words.push_str(&format!("\n{peer}\n{}", name(peer).unwrap_or_default()));
                    }
                    if summary.provenance == Provenance::LocalFile {
                        words.push_str("\nlocal file");
                    }
                }
                Err(problem) => words.push_str(&format!("\nno receipt {}", problem.code)),
            }
            words.to_lowercase()
        });
        Self { words: words.collect(), listing }
    }
}

/// What happens to the list.
#[derive(Debug, Clone)]
pub enum Message {
    /// The folder's path was typed.
    Folder(String),
    /// List the folder that was typed.
    List,
    /// Let the user choose a folder.
    Choose,
    /// The folder was listed, or cannot be.
    Listed {
        /// Which listing this was.
        turn: u64,
        /// What came of it.
        outcome: Result<Arc<Listed>, Problem>,
    },
    /// Something to search for was typed.
    Search(String),
    /// The list was scrolled.
    Scrolled(Scroll),
    /// The keyboard moved to a line.
    Moved {
        /// Which one.
        place: usize,
        /// How high a line is.
        line: f32,
    },
    /// A line was pressed.
    Open(usize),
    /// The line that is selected was opened.
    OpenSelected,
}

/// What comes of it.
pub(super) enum Answer {
    Act(Action),
    Open(PathBuf),
}

/// The list's state.
#[derive(Debug, Default)]
pub(super) struct Files {
    folder: String,
    /// The folder that is listed, `None` for the one that imports go to.
    asked: Option<PathBuf>,
    turn: u64,
    state: State,
    search: String,
    /// The entries that the search leaves.
    shown: Vec<usize>,
    selected: Option<PathBuf>,
    /// Where that is among the entries that are shown.
    place: Option<usize>,
    scroll: Scroll,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unread,
    Listed(Arc<Listed>),
    Failed(Problem),
}

impl Files {
    /// Lists the folder again.
    pub(super) fn refresh(&mut self) -> Action {
        self.turn += 1;
        Action::work(Work::List { folder: self.asked.clone(), turn: self.turn })
    }

    /// Lists the folder if that was never asked for.
    pub(super) fn first_list(&mut self) -> Vec<Work> {
        if self.turn == 0 { self.refresh().work } else { Vec::new() }
    }

    /// Lists another folder.
    pub(super) fn choose(&mut self, folder: PathBuf) -> Action {
        self.folder = folder.display().to_string();
        self.asked = Some(folder);
        self.refresh()
    }

    /// Selects the line of a file, if there is one.
    pub(super) fn select(&mut self, path: &Path) {
        self.selected = Some(path.to_owned());
        self.find_place();
    }

    pub(super) fn update(&mut self, message: Message) -> Answer {
        let none = Answer::Act(Action::none());
        match message {
            Message::Folder(text) => self.folder = text,
            Message::List => {
                self.asked = typed(&self.folder);
                return Answer::Act(self.refresh());
            }
            Message::Choose => return Answer::Act(Action::work(Work::Choose(Choice::Folder, 0))),
            Message::Listed { turn, outcome } if turn == self.turn => {
                self.listed(outcome);
            }
            Message::Listed { .. } => {}
            Message::Search(text) => {
                self.search = text;
                self.search();
                return Answer::Act(Action::errand(Errand::Scroll(LIST.into(), 0.0)));
            }
            Message::Scrolled(scroll) => self.scroll = scroll,
            Message::Moved { place, line } => return Answer::Act(self.moved(place, line)),
            Message::Open(place) => {
                if let Some(path) = self.entry(place).map(|entry| entry.path.clone()) {
                    self.selected = Some(path.clone());
                    self.place = Some(place);
                    return Answer::Open(path);
                }
            }
            Message::OpenSelected => {
                if let Some(path) = self.selected.clone() {
                    return Answer::Open(path);
                }
            }
        }
        none
    }

    fn listed(&mut self, outcome: Result<Arc<Listed>, Problem>) {
        let name = |listed: &Listed| listed.listing.folder.display().to_string();
        let before = match &self.state {
            State::Listed(listed) => name(listed),
            State::Unread | State::Failed(_) => String::new(),
        };
        self.state = match outcome {
            Ok(listed) => {
                // What is being typed is not taken away.
                if self.folder.is_empty() || self.folder == before {
                    self.folder = name(&listed);
                }
                State::Listed(listed)
            }
            Err(problem) => State::Failed(problem),
        };
        self.search();
    }

    fn moved(&mut self, place: usize, line: f32) -> Action {
        let Some(entry) = self.entry(place) else { return Action::none() };
        self.selected = Some(entry.path.clone());
        self.place = Some(place);
        match self.scroll.to(place, line) {
            Some(offset) => Action::errand(Errand::Scroll(LIST.into(), offset)),
            None => Action::none(),
        }
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        let State::Listed(listed) = &self.state else { return None };
        listed.listing.entries.get(*self.shown.get(place)?)
    }

    /// Finds what the search leaves.
    fn search(&mut self) {
        self.shown.clear();
        if let State::Listed(listed) = &self.state {
            let wanted = self.search.trim().to_lowercase();
            let words = listed.words.iter().enumerate();
            let found = words.filter(|(_, words)| words.contains(&wanted));
            self.shown.extend(found.map(|(place, _)| place));
        }
        self.find_place();
    }

    fn find_place(&mut self) {
        let selected = self.selected.as_deref();
        let is_it = |place: &usize| {
            let State::Listed(listed) = &self.state else { return false };
            listed.listing.entries.get(*place).map(|entry| entry.path.as_path()) == selected
        };
        self.place = selected.and_then(|_| self.shown.iter().position(is_it));
    }
}
