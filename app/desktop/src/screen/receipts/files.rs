//! The receipts of a folder, as a list that can be searched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::receipts::{Entry, Listing, Provenance, Summary};
use iced::widget::{Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Padding};

use super::{Action, Choice, Work, typed};
use crate::desk::Desk;
use crate::screen::Errand;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::list::{self, On, Scroll};
use crate::widget::page;
use crate::words;

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
    }

    pub(super) fn update(&mut self, message: Message) -> Answer {
        let none = Answer::Act(Action::none());
        match message {
            Message::Folder(text) => self.folder = text,
            Message::List => {
                self.asked = typed(&self.folder);
                return Answer::Act(self.refresh());
            }
            Message::Choose => return Answer::Act(Action::work(Work::Choose(Choice::Folder))),
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
        let State::Listed(listed) = &self.state else { return };
        let wanted = self.search.trim().to_lowercase();
        let found = listed.words.iter().enumerate().filter(|(_, words)| words.contains(&wanted));
        self.shown.extend(found.map(|(place, _)| place));
    }

    /// The list; alone on the screen, or beside a receipt that is read.
    pub(super) fn view<'a>(&'a self, desk: &Desk<'a>, is_alone: bool) -> Element<'a, Message> {
        let folder = page::field(desk, "Folder of receipts", &self.folder, Message::Folder)
            .on_submit(Message::List)
            .id("receipts-folder");
        let list = page::button(desk, "List", Kind::Plain).on_press(Message::List);
        let choose = page::button(desk, "Choose…", Kind::Plain).on_press(Message::Choose);
        let search = page::field(desk, "Search: model, digest, peer, date", &self.search, |text| {
            Message::Search(text)
        })
        .id(page::SEARCH);
        let narrow = desk.space(Space::Narrow);
        let head: Element<'a, Message> = if is_alone {
            let folder = row![folder, list, choose].spacing(narrow).align_y(Center);
            column![folder, search].spacing(narrow).into()
        } else {
            search.into()
        };
        column![head, self.content(desk, is_alone)].spacing(narrow).height(Fill).into()
    }

    fn content<'a>(&'a self, desk: &Desk<'a>, is_alone: bool) -> Element<'a, Message> {
        let listed = match &self.state {
            State::Unread => return page::muted(desk, "Reading the folder…").into(),
            State::Failed(problem) => {
                let again = page::button(desk, "Try again", Kind::Plain).on_press(Message::List);
                return page::problem(desk, problem, vec![again.into()]);
            }
            State::Listed(listed) => listed,
        };
        if listed.listing.entries.is_empty() {
            let what = "A receipt is written beside each model that you import, and says what was \
                        checked and who gave which piece. Import a model, choose another folder, \
                        or check a file and write its receipt.";
            let choose = page::button(desk, "Choose a folder…", Kind::Primary);
            let choose = choose.on_press(Message::Choose);
            return page::empty(desk, "No receipts in this folder", what, vec![choose.into()]);
        }
        let line = desk.text(Text::Body) * 1.3 + desk.text(Text::Small) * 1.3 + 18.0;
        let selected = self.shown.iter().position(|place| {
            let entry = listed.listing.entries.get(*place);
            entry.map(|entry| &entry.path) == self.selected.as_ref()
        });
        let on = On {
            scrolled: Box::new(Message::Scrolled),
            moved: Box::new(move |place| Message::Moved { place, line }),
            opened: self.selected.is_some().then_some(Message::OpenSelected),
        };
        let make = |place| {
            let entry = self.entry(place);
            let content = entry.map(|entry| line_of(desk, entry, is_alone));
            control(
                content.unwrap_or_else(|| Gap::new().into()),
                Kind::Row((selected == Some(place)).into()),
            )
            .on_press(Message::Open(place))
            .pointer_only()
            .padding(Padding::from([6.0, 10.0]).right(desk.space(Space::Wide)))
            .width(Fill)
            .height(line)
            .into()
        };
        let lines = list::list(LIST, self.shown.len(), line, self.scroll, selected, make, on);
        let frame = container(lines).padding(4.0).height(Fill).style(style::card);
        column![page::small(desk, self.summary(listed)), frame]
            .spacing(desk.space(Space::Hair))
            .height(Fill)
            .into()
    }

    /// How many receipts there are and are shown.
    fn summary(&self, listed: &Listed) -> String {
        let all = listed.listing.entries.len() as u64;
        let mut text = if self.search.trim().is_empty() {
            format!("{}, newest first", words::count(all, "receipt"))
        } else {
            let found = words::grouped(self.shown.len() as u64);
            format!("{found} of {} found", words::count(all, "receipt"))
        };
        if listed.listing.left_out > 0 {
            let more = words::count(listed.listing.left_out as u64, "file");
            text.push_str(&format!("; {more} more are not listed"));
        }
        text
    }
}

/// An entry on two lines.
fn line_of<'a>(desk: &Desk<'_>, entry: &Entry, is_alone: bool) -> Element<'a, Message> {
    let is_roomy = is_alone && desk.size.width >= desk.scale.factor() * 940.0;
    // As many characters as fit beside each other at any text size.
    let most = match (is_roomy, is_alone) {
        (true, _) => 90,
        (_, true) => 34,
        (_, false) => 24,
    };
    let one = |words: text::Text<'a>| words.wrapping(text::Wrapping::None);
    let file = entry.path.file_name().unwrap_or_default().to_string_lossy();
    let (name, when, what) = match &entry.content {
        Ok(summary) => (
            format!("{} {}", summary.model_id, summary.model_version),
            if is_alone {
                words::ago(desk.now, summary.created)
            } else {
                words::date(summary.created)
            },
            what(desk, summary, is_roomy),
        ),
        Err(problem) => (file.into_owned(), String::new(), format!("No receipt: {}", problem.code)),
    };
    let danger = |theme: &iced::Theme| text::Style { color: Some(theme.palette().danger) };
    let second = one(page::small(desk, words::cut(&page::printable(&what), most + most / 3 + 8)));
    let second = if entry.content.is_err() { second.style(danger) } else { second };
    let first = row![
        one(page::body(desk, words::cut(&page::printable(&name), most))),
        Gap::new().width(Fill),
        one(page::small(desk, when))
    ]
    .align_y(Center);
    column![first, second].width(Fill).spacing(2.0).into()
}

/// How much it is and who gave it; where there is room, who signed the receipt and the digest too.
fn what(desk: &Desk<'_>, summary: &Summary, is_roomy: bool) -> String {
    let mut what = format!("{}, {}", words::bytes(summary.byte_count), source(desk, summary));
    if is_roomy {
        let signed = summary.signer.map(|signer| format!("signed by {}", desk.name(signer)));
        let signed = signed.unwrap_or_else(|| "not signed".to_owned());
        what.push_str(&format!(" · {signed} · {}", app::naming::short(summary.artifact)));
    }
    what
}

/// Who gave the pieces, in a few words.
fn source(desk: &Desk<'_>, summary: &Summary) -> String {
    match &summary.provenance {
        Provenance::LocalFile => "a local file".to_owned(),
        Provenance::Peers { peers, .. } => match &peers[..] {
            [] => "all of it was here already".to_owned(),
            peers => {
                let mut names: Vec<String> =
                    peers.iter().take(3).map(|peer| desk.name(peer.id)).collect();
                if peers.len() > 3 {
                    names.push(format!("{} more", peers.len() - 3));
                }
                format!("from {}", names.join(", "))
            }
        },
    }
}
