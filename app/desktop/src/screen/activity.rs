//! The screen `activity`: what was agreed to, what is still agreed to, and what moved.

mod grants;
mod line;
mod pick;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use app::activity::{Entry, Look};
use app::problem::Problem;
use verifier::identity::PeerId;
use verifier::scalars::Id;

use crate::screen::{Changed, Errand};
use crate::widget::list::Scroll;

pub use pick::{Pick, Which};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// How many transfers are shown.
pub const MOST: usize = 10_000;

/// By what name the time line is found.
const LIST: &str = "activity";

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at the journal.
    Look {
        /// Which look this is; what comes of it has the same.
        turn: u64,
    },
    /// Take these grants back.
    Revoke(Vec<Id>),
}

/// What the journal says, and what a search looks at.
#[derive(Debug)]
pub struct Looked {
    /// What the journal says.
    pub look: Look,
    /// For each entry, in lower case, all that a search looks at.
    pub words: Vec<String>,
    /// The peers that entries are about.
    pub peers: Vec<PeerId>,
    /// The models that entries are about.
    pub models: Vec<Id>,
}

impl Looked {
    /// A look with what a search looks at; `name` says what peers are called.
    pub fn new(look: Look, name: impl Fn(PeerId) -> Option<String>) -> Self {
        // Each peer's name is asked for once, however long the time line is.
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let (mut peers, mut models) = (Vec::new(), BTreeSet::new());
        let words = look.entries.iter().map(|entry| {
            models.insert(entry.model_id().clone());
            let peer = entry.peer().map(|peer| {
                let id = peer.to_string();
                if !names.contains_key(&id) {
                    peers.push(peer);
                    names.insert(id.clone(), name(peer).unwrap_or_default());
                }
                format!("{id} {}", names.get(&id).cloned().unwrap_or_default())
            });
            line::searched(entry, &peer.unwrap_or_default()).to_lowercase()
        });
        let words = words.collect();
        Self { words, peers, models: models.into_iter().collect(), look }
    }
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// Look again.
    Refresh,
    /// The journal was looked at.
    Looked {
        /// Which look this was.
        turn: u64,
        /// What it says.
        looked: Arc<Looked>,
    },
    /// Take a grant back.
    Revoke(Id),
    /// Take every live grant back.
    RevokeAll,
    /// Grants were taken back, or were not.
    Revoked(Vec<Id>, Result<(), Problem>),
    /// Put a text on the clipboard.
    Copy(String),
    /// Show some kinds of entries only.
    Which(Which),
    /// Show what one peer is concerned in, or all.
    Peer(Option<PeerId>),
    /// Show what is about one model, or all.
    Model(Option<Id>),
    /// Show the peers and models to choose of, or do not.
    Choose,
    /// Something to search for was typed.
    Search(String),
    /// The time line was scrolled.
    Scrolled(Scroll),
    /// A line was pressed.
    Select(usize),
    /// The keyboard moved to a line.
    Moved {
        /// Which one.
        place: usize,
        /// How high a line is.
        line: f32,
    },
    /// Show no entry by itself any more.
    Deselect,
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Activity {
    /// The newest look that was asked for.
    turn: u64,
    state: State,
    /// Grants that are being taken back.
    revoking: Vec<Id>,
    /// Why a grant was not taken back.
    trouble: Option<Problem>,
    pick: Pick,
    choosing: Choosing,
    /// What the time line shows.
    lines: Vec<Line>,
    selected: Option<usize>,
    scroll: Scroll,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unread,
    Looked(Arc<Looked>),
}

/// Whether peers and models to choose of are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Choosing {
    #[default]
    No,
    Yes,
}

/// A line of the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// The day of what follows.
    Day(String),
    /// The entry in this place.
    Entry(usize),
}

impl Activity {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.turn += 1;
        Action::work(Work::Look { turn: self.turn })
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Refresh => return self.enter(),
            Message::Looked { turn, looked } => {
                if turn == self.turn {
                    self.looked(looked);
                }
            }
            Message::Revoke(grant) => return self.revoke(vec![grant]),
            Message::RevokeAll => {
                let grants = self.live().iter().map(|standing| standing.grant.id().clone());
                return self.revoke(grants.collect());
            }
            Message::Revoked(grants, outcome) => {
                self.revoking.retain(|revoking| !grants.contains(revoking));
                self.trouble = outcome.err();
                // Whoever shows grants looks again, this screen too.
                return Action::errand(Errand::Changed(Changed::Activity));
            }
            Message::Copy(text) => return Action::errand(Errand::Copy(text)),
            Message::Which(which) => {
                self.pick.which = which;
                return self.picked();
            }
            Message::Peer(peer) => {
                self.pick.peer = peer;
                self.choosing = Choosing::No;
                return self.picked();
            }
            Message::Model(model) => {
                self.pick.model = model;
                self.choosing = Choosing::No;
                return self.picked();
            }
            Message::Choose => {
                self.choosing = match self.choosing {
                    Choosing::No => Choosing::Yes,
                    Choosing::Yes => Choosing::No,
                };
            }
            Message::Search(text) => {
                self.pick.search = text;
                return self.picked();
            }
            Message::Scrolled(scroll) => self.scroll = scroll,
            Message::Select(place) => self.selected = Some(place),
            Message::Moved { place, line } => return self.moved(place, line),
            Message::Deselect => self.selected = None,
        }
        Action::none()
    }

    fn looked(&mut self, looked: Arc<Looked>) {
        // A peer or a model that is gone from the time line cannot be chosen any more.
        self.pick.peer = self.pick.peer.filter(|peer| looked.peers.contains(peer));
        self.pick.model = self.pick.model.take().filter(|model| looked.models.contains(model));
        self.state = State::Looked(looked);
        let selected = self.selected.and_then(|place| self.lines.get(place).cloned());
        let count = self.lines.len();
        self.lines = self.pick.lines(self.entries(), self.words());
        // The same place is the same entry only while nothing came or went.
        let same = selected.filter(|_| count == self.lines.len());
        self.selected = same.and(self.selected);
    }

    fn picked(&mut self) -> Action {
        self.lines = self.pick.lines(self.entries(), self.words());
        self.selected = None;
        Action::errand(Errand::Scroll(LIST.into(), 0.0))
    }

    fn revoke(&mut self, grants: Vec<Id>) -> Action {
        let grants: Vec<Id> =
            grants.into_iter().filter(|grant| !self.revoking.contains(grant)).collect();
        if grants.is_empty() {
            return Action::none();
        }
        self.trouble = None;
        self.revoking.extend(grants.iter().cloned());
        Action::work(Work::Revoke(grants))
    }

    fn moved(&mut self, place: usize, line: f32) -> Action {
        // A day is no entry: the keyboard goes on in the direction it came from.
        let is_entry = |place: usize| matches!(self.lines.get(place), Some(Line::Entry(_)));
        let back = self.selected.is_some_and(|from| place < from);
        let next = if back {
            place.checked_sub(1).filter(|place| is_entry(*place)).unwrap_or(place + 1)
        } else {
            place + 1
        };
        let place = if is_entry(place) { place } else { next };
        self.selected = Some(place);
        // The day above an entry comes into sight with it.
        let seen = if back { place.saturating_sub(1) } else { place };
        match self.scroll.to(seen, line) {
            Some(offset) => Action::errand(Errand::Scroll(LIST.into(), offset)),
            None => Action::none(),
        }
    }

    fn looked_at(&self) -> Option<&Looked> {
        match &self.state {
            State::Unread => None,
            State::Looked(looked) => Some(looked),
        }
    }

    fn entries(&self) -> &[Entry] {
        self.looked_at().map_or(&[], |looked| &looked.look.entries)
    }

    fn words(&self) -> &[String] {
        self.looked_at().map_or(&[], |looked| &looked.words)
    }

    fn live(&self) -> &[app::ports::Standing] {
        self.looked_at().and_then(|looked| looked.look.live.as_deref().ok()).unwrap_or_default()
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        match self.lines.get(place)? {
            Line::Entry(entry) => self.entries().get(*entry),
            Line::Day(_) => None,
        }
    }
}
