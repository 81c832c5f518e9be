//! An import before it begins: what it is made of, where it goes, and the card on which a person
//! says yes.

mod view;

use std::path::{Path, PathBuf};

use app::import::Plan;
use app::import::room::Room;
use app::problem::Problem;
use app::question::{Question, Yes};
use app::request::{Document, Gathered};
use verifier::Sha256;
use verifier::identity::PeerId;

use super::Job;
use super::pairing::{self, Tickets};
use super::running::Subject;
use crate::screen::{Changed, Errand};
use crate::widget::consent::{self, Answer, Card};

/// The most files that are taken at a time.
const MOST_FILES: usize = 80;

/// What an import would do.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// What will move, from whom, where to.
    pub plan: Plan,
    /// What a person has to know before saying yes.
    pub question: Question,
    /// The room that it takes.
    pub room: Room,
}

/// Why an import cannot be planned.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub problem: Problem,
    /// Peers that would be asked, and with whom the user is not paired.
    pub strangers: Vec<PeerId>,
}

/// What came of planning.
pub type Planned = Result<Box<Outlook>, Box<Refused>>;

/// What happens before an import begins.
#[derive(Debug, Clone)]
pub enum Message {
    /// The path of a file is typed.
    Typed(String),
    /// Add the file whose path was typed.
    Add,
    /// Choose files.
    Choose,
    /// These files were chosen; none if the user chose none, or no chooser could be shown.
    Chosen(Vec<PathBuf>),
    /// A file was read.
    Read(Result<Document, Problem>),
    /// Take away the document at this place.
    Remove(usize),
    /// The folder is typed.
    FolderTyped(String),
    /// Use the folder that was typed.
    UseFolder,
    /// Choose the folder.
    ChooseFolder,
    /// A folder was chosen, or none was.
    FolderChosen(Option<PathBuf>),
    /// The import of that number was planned, or cannot be.
    Planned(u64, Planned),
    /// Plan again.
    Again,
    /// Something about the card.
    Card(consent::Message),
    /// Something about tickets.
    Pair(pairing::Message),
    /// Show the peers.
    Peers,
}

/// What comes of a message.
#[derive(Debug)]
pub(super) enum Step {
    Do(Vec<Job>, Vec<Errand>),
    /// The user said yes.
    Begin(Box<Ready>, Yes),
}

impl Step {
    const NOTHING: Self = Self::Do(Vec::new(), Vec::new());

    fn job(job: Job) -> Self {
        Self::Do(vec![job], Vec::new())
    }
}

/// An import that waits for a yes.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) outlook: Outlook,
    pub(super) gathered: Gathered,
    card: Card,
}

impl Ready {
    /// What is imported, and how.
    pub(super) fn split(self) -> (Subject, Plan) {
        let plan = self.outlook.plan;
        let subject = Subject {
            name: name(&plan),
            artifact: plan.artifact(),
            folder: plan.folder().to_owned(),
            gathered: self.gathered,
        };
        (subject, plan)
    }
}

/// An import that has not begun.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    gathered: Gathered,
    typed: String,
    /// Whether the file whose path was typed is being read.
    adds: bool,
    folder: String,
    /// Whether the folder is the user's own choice.
    folder_from: From,
    /// What is wrong with the file that came last.
    trouble: Option<Problem>,
    /// The chooser that gave nothing, as where there is none.
    chose_nothing: Option<Chooser>,
    number: u64,
    stage: Stage,
    tickets: Tickets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum From {
    #[default]
    Settings,
    User,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chooser {
    Files,
    Folder,
}

#[derive(Debug, Default)]
enum Stage {
    /// Something is missing.
    #[default]
    Open,
    Planning,
    Ready(Box<Ready>),
    Refused(Box<Refused>),
}

impl Gathering {
    /// The same documents and folder once more.
    pub(super) fn again(gathered: Gathered, folder: &Path) -> (Self, Step) {
        let mut gathering = Self {
            gathered,
            folder: folder.display().to_string(),
            folder_from: From::User,
            ..Self::default()
        };
        let step = gathering.plan();
        (gathering, step)
    }

    #[cfg(test)]
    pub(super) fn question(&self) -> Option<&Question> {
        match &self.stage {
            Stage::Ready(ready) => Some(&ready.outlook.question),
            _ => None,
        }
    }

    /// Its name in the line of imports.
    pub(super) fn title(&self) -> String {
        match &self.stage {
            Stage::Ready(ready) => format!("{}: your yes?", name(&ready.outlook.plan)),
            _ => "New import".to_owned(),
        }
    }

    /// What would be imported.
    pub(super) fn artifact(&self) -> Option<Sha256> {
        match &self.stage {
            Stage::Ready(ready) => Some(ready.outlook.plan.artifact()),
            _ => None,
        }
    }

    /// Where imports go unless the user says otherwise.
    pub(super) fn offer_folder(&mut self, folder: Option<&Path>) -> Step {
        let Some(folder) = folder.filter(|_| self.folder_from == From::Settings) else {
            return Step::NOTHING;
        };
        let folder = folder.display().to_string();
        if folder == self.folder {
            return Step::NOTHING;
        }
        self.folder = folder;
        self.plan()
    }

    /// Something changed elsewhere that may end a refusal.
    pub(super) fn look_again(&mut self) -> Step {
        if matches!(self.stage, Stage::Refused(_)) { self.plan() } else { Step::NOTHING }
    }

    pub(super) fn update(&mut self, message: Message) -> Step {
        match message {
            Message::Typed(typed) => self.typed = typed,
            Message::Add => {
                let path = self.typed.trim();
                if !path.is_empty() {
                    self.adds = true;
                    return Step::job(Job::Read(PathBuf::from(path)));
                }
            }
            Message::Choose => return Step::job(Job::Choose),
            Message::Chosen(paths) => {
                self.chose_nothing = paths.is_empty().then_some(Chooser::Files);
                let jobs = paths.into_iter().take(MOST_FILES).map(Job::Read);
                return Step::Do(jobs.collect(), Vec::new());
            }
            Message::Read(document) => return self.read(document),
            Message::Remove(place) => {
                self.gathered.remove(place);
                return self.plan();
            }
            Message::FolderTyped(folder) => {
                self.folder = folder;
                self.folder_from = From::User;
                // A card is about one folder: nobody says yes to another one by it.
                self.number += 1;
                self.stage = Stage::Open;
            }
            Message::UseFolder | Message::Again => return self.plan(),
            Message::ChooseFolder => return Step::job(Job::ChooseFolder),
            Message::FolderChosen(None) => self.chose_nothing = Some(Chooser::Folder),
            Message::FolderChosen(Some(folder)) => {
                self.chose_nothing = None;
                self.folder = folder.display().to_string();
                self.folder_from = From::User;
                return self.plan();
            }
            Message::Planned(number, planned) => {
                if number == self.number && matches!(self.stage, Stage::Planning) {
                    self.stage = match planned {
                        Ok(outlook) => {
                            let card = Card::new(outlook.question.clone());
                            let gathered = self.gathered.clone();
                            Stage::Ready(Box::new(Ready { outlook: *outlook, gathered, card }))
                        }
                        Err(refused) => Stage::Refused(refused),
                    };
                }
            }
            Message::Card(message) => return self.answer(message),
            Message::Pair(message) => return self.pair(message),
            Message::Peers => {
                return Step::Do(Vec::new(), vec![Errand::Go(crate::screen::Place::Peers)]);
            }
        }
        Step::NOTHING
    }

    fn read(&mut self, document: Result<Document, Problem>) -> Step {
        let adds = std::mem::take(&mut self.adds);
        match document.and_then(|document| self.gathered.add(document)) {
            Ok(()) => {
                self.trouble = None;
                if adds {
                    self.typed.clear();
                }
                self.plan()
            }
            Err(problem) => {
                self.trouble = Some(problem);
                Step::NOTHING
            }
        }
    }

    fn pair(&mut self, message: pairing::Message) -> Step {
        let is_paired = matches!(message, pairing::Message::Paired(_, Ok(())));
        let mut step = match self.tickets.update(message) {
            Some(job) => Step::job(job),
            None => Step::NOTHING,
        };
        if is_paired {
            step = self.plan();
            if let Step::Do(_, errands) = &mut step {
                errands.push(Errand::Changed(Changed::Peers));
            }
        }
        step
    }

    fn answer(&mut self, message: consent::Message) -> Step {
        let Stage::Ready(ready) = &mut self.stage else { return Step::NOTHING };
        match ready.card.update(message) {
            Answer::Waiting => Step::NOTHING,
            Answer::No => {
                self.number += 1;
                self.stage = Stage::Open;
                let line = "You said no. Nothing was asked of anybody.".to_owned();
                Step::Do(Vec::new(), vec![Errand::Tell(line)])
            }
            Answer::Yes(yes) => match std::mem::take(&mut self.stage) {
                Stage::Ready(ready) => Step::Begin(ready, yes),
                _ => Step::NOTHING,
            },
        }
    }

    /// Whether everything is there that a plan needs.
    fn is_complete(&self) -> bool {
        self.gathered.missing().is_none() && !self.folder.trim().is_empty()
    }

    /// Has the import planned, if everything is there.
    fn plan(&mut self) -> Step {
        self.number += 1;
        if !self.is_complete() {
            self.stage = Stage::Open;
            return Step::NOTHING;
        }
        self.stage = Stage::Planning;
        Step::job(Job::Plan {
            number: self.number,
            gathered: Box::new(self.gathered.clone()),
            folder: PathBuf::from(self.folder.trim()),
        })
    }
}

/// What a plan imports, as people call it.
pub(super) fn name(plan: &Plan) -> String {
    format!("{} {}", plan.manifest().model_id(), plan.manifest().model_version())
}
