//! The library: every model that is kept, its pieces, and what can be done with it.

mod arrange;
mod detail;
mod doing;
mod mending;
mod message;
mod notes;
mod repair;
mod repairing;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use app::library::{Kept, Snapshot};
use app::problem::Problem;
use iced::Element;
use iced::advanced::widget::Id;
use verifier::Sha256;

use super::{Changed, Errand, Place};
use crate::context::Context;
use crate::widget::list::Scroll;
use crate::widget::map_panel::{MapPanel, Shows};
use crate::widget::piece_map::Pieces;

use arrange::{Counts, arrange};
use doing::Doing;

pub use arrange::{Column, Direction, Filter, Order};
pub use message::{Command, Message, News, Part, Placed, Stop, Work};
pub use repair::{Looked, Mended, Outlook, Start};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// The list of models, for scrolling.
const LIST: &str = "library-list";

/// The screen's state.
#[derive(Debug)]
pub struct Library {
    /// The number of the newest look at the library; an older one is not shown any more.
    asked: u64,
    /// The same for the map of a model.
    mapped: u64,
    /// The number of the newest long work.
    run: u64,
    stage: Stage,
    trouble: Option<Problem>,
    query: String,
    filter: Filter,
    order: Order,
    scroll: Scroll,
    selected: Option<Sha256>,
    map: Map,
    panel: MapPanel,
    doing: Doing,
}

/// What is known of the library.
#[derive(Debug)]
enum Stage {
    Looking,
    Shown(Shown),
}

/// A snapshot, and which of its models are shown in which order.
#[derive(Debug)]
struct Shown {
    snapshot: Arc<Snapshot>,
    counts: Counts,
    rows: Vec<usize>,
}

/// The pieces of the selected model.
#[derive(Debug)]
enum Map {
    Looking,
    Shown(Pieces),
    Failed(Problem),
}

impl Default for Library {
    fn default() -> Self {
        Self {
            asked: 0,
            mapped: 0,
            run: 0,
            stage: Stage::Looking,
            trouble: None,
            query: String::new(),
            filter: Filter::All,
            order: Order { column: Column::Model, direction: Direction::Up },
            scroll: Scroll::default(),
            selected: None,
            map: Map::Looking,
            panel: MapPanel::new("library-map", Shows::State),
            doing: Doing::Nothing,
        }
    }
}

impl Library {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.asked += 1;
        Action::work(Work::Look(self.asked))
    }

    /// Whether it was looked at what is kept, so that there is something to show.
    pub fn is_filled(&self) -> bool {
        matches!(self.stage, Stage::Shown(_))
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Looked(number, outcome) => return self.looked(number, outcome),
            Message::Mapped(number, outcome) => self.mapped(number, outcome),
            Message::Search(query) => {
                self.query = query;
                return self.arrange_anew();
            }
            Message::Show(filter) => {
                self.filter = filter;
                return self.arrange_anew();
            }
            Message::Sort(column) => {
                self.order = self.order.pressed(column);
                return self.arrange_anew();
            }
            Message::Everything => {
                self.query.clear();
                self.filter = Filter::All;
                return self.arrange_anew();
            }
            Message::Scrolled(scroll) => self.scroll = scroll,
            Message::Select(artifact) => return self.select(artifact),
            Message::Move(place, line) => return self.move_to(place, line),
            Message::Map(message) => {
                return self.panel.update(message).map_or_else(Action::none, Action::errand);
            }
            Message::Dismiss => self.trouble = None,
            Message::Add => return Action::errand(Errand::Go(Place::Share)),
            Message::Import => return Action::errand(Errand::Go(Place::Import)),
            Message::Share(artifact) => return Action::errand(Errand::Share(artifact)),
            Message::Copy(text) => return Action::errand(Errand::Copy(text)),
            Message::Pin(artifact, pin) => return Action::work(Work::Pin(artifact, pin)),
            Message::Pinned(outcome) => return self.changed(outcome),
            Message::HandOut(artifact) => return Action::work(Work::HandOut(artifact)),
            Message::HandedOut(Ok(path)) => {
                let line = format!("The manifest is in {}.", path.display());
                return Action::errand(Errand::Tell(line));
            }
            Message::HandedOut(Err(problem)) => self.trouble = Some(problem),
            Message::Do(command) => return self.command(command),
            Message::Repair(message) => return self.repair(message),
            Message::News(news) => return self.hear(news),
        }
        Action::none()
    }

    /// The model of that digest, if it is kept.
    fn kept(&self, artifact: Sha256) -> Option<&Kept> {
        let Stage::Shown(shown) = &self.stage else { return None };
        shown.snapshot.models.iter().find(|kept| kept.model.artifact == artifact)
    }

    /// The selected model.
    fn chosen(&self) -> Option<&Kept> {
        self.selected.and_then(|artifact| self.kept(artifact))
    }

    fn looked(&mut self, number: u64, outcome: Result<Arc<Snapshot>, Problem>) -> Action {
        if number < self.asked {
            return Action::none();
        }
        match outcome {
            Ok(snapshot) => {
                let counts = Counts::of(&snapshot.models);
                self.stage = Stage::Shown(Shown { snapshot, counts, rows: Vec::new() });
                self.trouble = None;
                // Its pieces may have changed although it is still the one.
                both(self.map_anew(), self.arrange())
            }
            Err(problem) => {
                self.trouble = Some(problem);
                Action::none()
            }
        }
    }

    /// Sorts and filters, once for each change of either.
    fn arrange(&mut self) -> Action {
        let Stage::Shown(shown) = &mut self.stage else { return Action::none() };
        shown.rows = arrange(&shown.snapshot.models, &self.query, self.filter, self.order);
        let first = shown.rows.first().and_then(|place| shown.snapshot.models.get(*place));
        let first = first.map(|kept| kept.model.artifact);
        let is_shown = self.selected.is_some_and(|artifact| self.place(artifact).is_some());
        match first {
            Some(artifact) if !is_shown => self.select(artifact),
            None => {
                self.selected = None;
                Action::none()
            }
            _ => Action::none(),
        }
    }

    /// The same, and shows the list from its start.
    fn arrange_anew(&mut self) -> Action {
        self.scroll = self.scroll.at_top();
        self.arrange().and(Errand::Scroll(Id::new(LIST), 0.0))
    }

    /// The line of a model in the list.
    fn place(&self, artifact: Sha256) -> Option<usize> {
        let Stage::Shown(Shown { snapshot, rows, .. }) = &self.stage else { return None };
        rows.iter().position(|place| {
            snapshot.models.get(*place).is_some_and(|kept| kept.model.artifact == artifact)
        })
    }

    fn select(&mut self, artifact: Sha256) -> Action {
        if self.selected == Some(artifact) {
            return Action::none();
        }
        self.selected = Some(artifact);
        self.panel.reset();
        self.map = Map::Looking;
        self.doing.look_away();
        self.map_anew()
    }

    fn map_anew(&mut self) -> Action {
        self.mapped += 1;
        self.selected.map_or_else(Action::none, |artifact| {
            Action::work(Work::Map { number: self.mapped, artifact })
        })
    }

    fn mapped(&mut self, number: u64, outcome: Result<Option<Pieces>, Problem>) {
        if number < self.mapped {
            return;
        }
        match outcome {
            Ok(Some(pieces)) => self.map = Map::Shown(pieces),
            // It was forgotten; the next look says so too.
            Ok(None) => self.map = Map::Looking,
            Err(problem) => self.map = Map::Failed(problem),
        }
    }

    /// Selects a line of the list, and scrolls to it if it is out of sight.
    fn move_to(&mut self, place: usize, line: f32) -> Action {
        let Stage::Shown(Shown { snapshot, rows, .. }) = &self.stage else { return Action::none() };
        let Some(kept) = rows.get(place).and_then(|place| snapshot.models.get(*place)) else {
            return Action::none();
        };
        let artifact = kept.model.artifact;
        let action = self.select(artifact);
        match self.scroll.to(place, line) {
            Some(offset) => action.and(Errand::Scroll(Id::new(LIST), offset)),
            None => action,
        }
    }

    /// Something was done to a model, or was not.
    fn changed(&mut self, outcome: Result<(), Problem>) -> Action {
        match outcome {
            Ok(()) => Action::errand(Errand::Changed(Changed::Library)),
            Err(problem) => {
                self.trouble = Some(problem);
                Action::none()
            }
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        table::page(self, cx)
    }
}

/// What both ask for.
fn both(mut one: Action, other: Action) -> Action {
    one.work.extend(other.work);
    one.errands.extend(other.errands);
    one
}
