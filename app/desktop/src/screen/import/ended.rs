//! An import that ended: the receipt card, or why it did not finish and how it goes on.

mod view;

use std::path::PathBuf;
use std::time::Duration;

use app::import::{Imported, Library};
use app::ports::Way;
use app::problem::Problem;
use verifier::identity::PeerId;

use super::Job;
use super::gathering::{Gathering, Step};
use super::running::{Message, Shot, Subject};
use crate::screen::Errand;
use crate::widget::map_panel::MapPanel;
use crate::words;

/// How an import ended.
#[derive(Debug, Clone)]
pub enum How {
    /// The model is there, and verified.
    Done(Box<Done>),
    /// The user stopped it.
    Stopped,
    /// It failed.
    Failed(Problem),
}

/// A finished import.
#[derive(Debug, Clone)]
pub struct Done {
    /// The model's file.
    pub model: PathBuf,
    /// The receipt's file.
    pub receipt: PathBuf,
    /// How it came there.
    pub way: Way,
    /// Bytes that peers gave.
    pub fetched: u64,
    /// Who gave how many pieces and bytes, the most first.
    pub given: Vec<(PeerId, u64, u64)>,
    /// Pieces that came from no peer.
    pub local: u64,
    /// How long the pieces took.
    pub took: Duration,
    /// The checks that were made, and what came of each.
    pub checks: Vec<(String, String)>,
    /// Facts of the receipt, by key.
    pub facts: Vec<(String, String)>,
    /// Whether the receipt is signed.
    pub is_signed: bool,
    /// Whether the library keeps the model.
    pub library: Library,
    /// What failed when the import was done.
    pub troubles: Vec<Problem>,
}

impl Done {
    /// What there is to say of a finished import.
    pub fn of(imported: &Imported) -> Self {
        let mut given: Vec<_> =
            imported.contributions.iter().map(|it| (it.id, it.pieces, it.bytes)).collect();
        given.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
        let receipt = &imported.receipt;
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let checks = receipt
            .values()
            .filter_map(|(key, value)| Some((key.strip_prefix("check.")?, value)))
            .map(owned);
        let facts = receipt.values().filter(|(key, _)| FACTS.contains(key)).map(owned);
        Self {
            model: imported.named.artifact.clone(),
            receipt: imported.named.receipt.clone(),
            way: imported.way,
            fetched: imported.bytes_fetched,
            given,
            local: imported.pieces_local,
            took: imported.transfer_time,
            checks: checks.collect(),
            facts: facts.collect(),
            is_signed: receipt.signer().is_some(),
            library: imported.library,
            troubles: imported.troubles.clone(),
        }
    }

    fn fact(&self, key: &str) -> &str {
        self.facts.iter().find(|(name, _)| name == key).map_or("-", |(_, value)| value)
    }
}

/// What of the receipt is on the card.
const FACTS: [&str; 6] = [
    "artifact.byte_count",
    "artifact.sha256",
    "license.route",
    "model_card.route",
    "receipt.sha256",
    "receipt.created_utc",
];

/// An import that ended.
#[derive(Debug)]
pub(super) struct Ended {
    subject: Subject,
    how: How,
    shot: Option<Shot>,
    panel: MapPanel,
    trouble: Option<Problem>,
}

impl Ended {
    pub(super) const fn new(
        subject: Subject,
        how: How,
        shot: Option<Shot>,
        panel: MapPanel,
    ) -> Self {
        Self { subject, how, shot, panel, trouble: None }
    }

    /// Its name in the line of imports.
    pub(super) fn title(&self) -> String {
        let how = match self.how {
            How::Done(_) => "done",
            How::Stopped => "stopped",
            How::Failed(_) => "failed",
        };
        format!("{}, {how}", self.subject.name)
    }

    /// What the user is told who may look elsewhere.
    pub(super) fn notice(&self) -> Errand {
        let name = &self.subject.name;
        match &self.how {
            How::Done(_) => Errand::Notify {
                title: format!("{name} is here"),
                body: format!("{name} is verified and in {}.", self.subject.folder.display()),
            },
            // Whoever stopped it is looking.
            How::Stopped => Errand::Tell(format!("The import of {name} was stopped.")),
            How::Failed(problem) => Errand::Notify {
                title: format!("{name} could not be imported"),
                body: format!("{}. What is kept stays kept; try again?", problem.what),
            },
        }
    }

    /// Hears what happens: work, and an errand.
    pub(super) fn update(&mut self, message: Message) -> (Option<Job>, Option<Errand>) {
        match message {
            Message::Map(message) => return (None, self.panel.update(message)),
            Message::Reveal(path) => return (Some(Job::Reveal(path)), None),
            Message::Revealed(shown) => self.trouble = shown.err(),
            Message::Copy(path) => {
                return (None, Some(Errand::Copy(path.display().to_string())));
            }
            Message::Receipt => {
                if let How::Done(done) = &self.how {
                    return (None, Some(Errand::Receipt(done.receipt.clone())));
                }
            }
            _ => {}
        }
        (None, None)
    }

    /// The same import once more; it asks for a yes again.
    pub(super) fn again(self) -> (Gathering, Step) {
        Gathering::again(self.subject.gathered, &self.subject.folder)
    }

    /// How many pieces are kept, in words.
    fn kept(&self) -> Option<String> {
        let live = &self.shot.as_ref()?.live;
        let all = words::count(live.pieces.into(), "piece");
        Some(format!("{} of {all} are kept", words::grouped(live.pieces_kept.into())))
    }
}
