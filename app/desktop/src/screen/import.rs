//! The screen `import`: getting models from peers, several at once.

mod ended;
mod gathering;
mod pairing;
mod running;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use app::import::Plan;
use app::pairing::Pairing;
use app::question::Yes;
use app::request::Gathered;
use iced::Element;
use iced::widget::{Row, column};
use tokio::sync::oneshot;

use super::{Changed, Errand};
use crate::context::Context;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;

use ended::Ended;
use gathering::{Gathering, Step};
use running::Running;

pub use ended::{Done, How};
pub use gathering::{Message as Gather, Outlook, Planned, Refused};
pub use pairing::Message as Pair;
pub use running::{Message as Run, Shot};

/// The most imports on the screen at a time.
const MOST: usize = 16;

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done, and for which import.
#[derive(Debug)]
pub struct Work {
    /// The import.
    pub id: Id,
    /// The work.
    pub job: Job,
}

/// The number of an import on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Id(u64);

/// Some work.
#[derive(Debug)]
pub enum Job {
    /// Find the folder that imports go to; the number tells this look from others.
    Folder(u64),
    /// Let the user choose files.
    Choose,
    /// Let the user choose the folder.
    ChooseFolder,
    /// Read a file, and tell what it is.
    Read(PathBuf),
    /// Work out what an import would do.
    Plan {
        /// The number of the plan: of two, the later one counts.
        number: u64,
        /// What it is made of.
        gathered: Box<Gathered>,
        /// Where the model goes.
        folder: PathBuf,
    },
    /// Read what may be tickets.
    Ticket(super::Run, String),
    /// Keep the peer: the user compared the codes.
    Pair(Box<Pairing>),
    /// Import.
    Start(Box<Start>),
    /// Show a file in the file manager.
    Reveal(PathBuf),
}

/// An import that the user said yes to.
#[derive(Debug)]
pub struct Start {
    /// What it does.
    pub plan: Plan,
    /// The yes.
    pub yes: Yes,
    /// Resolves when the user cancels, or when nobody watches any more.
    pub stop: oneshot::Receiver<()>,
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// Start another import beside the others.
    New,
    /// Show an import.
    Show(Id),
    /// Take an import that has not begun, or has ended, off the screen.
    Close(Id),
    /// Where imports go unless the user says otherwise, by the look with that number; `None` where
    /// the account has no such place.
    Folder(u64, Option<PathBuf>),
    /// Something happened before an import begins.
    Gather(Id, Gather),
    /// Something happened while it runs, or after it.
    Run(Id, Run),
}

/// The screen's state.
#[derive(Debug)]
pub struct Import {
    /// Never empty.
    imports: Vec<One>,
    shown: Id,
    next: u64,
    /// The number of the newest look for the folder.
    looks: u64,
    folder: Option<PathBuf>,
}

#[derive(Debug)]
struct One {
    id: Id,
    state: State,
}

#[derive(Debug)]
enum State {
    Gathering(Box<Gathering>),
    Running(Box<Running>),
    Ended(Box<Ended>),
}

impl Default for Import {
    fn default() -> Self {
        let first = One { id: Id(0), state: State::Gathering(Box::default()) };
        Self { imports: vec![first], shown: Id(0), next: 1, looks: 0, folder: None }
    }
}

impl Import {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        let shown = self.shown;
        self.looks += 1;
        let mut action = Action::work(Work { id: shown, job: Job::Folder(self.looks) });
        if let Some(State::Gathering(gathering)) = self.state(shown) {
            let step = gathering.look_again();
            let more = self.take(shown, step);
            action.work.extend(more.work);
        }
        action
    }

    /// What goes on that closing the window would stop, as a clause; `None` if nothing does.
    pub fn at_work(&self) -> Option<String> {
        let runs: Vec<String> = self
            .imports
            .iter()
            .filter_map(|one| match &one.state {
                State::Running(running) => Some(running.title()),
                _ => None,
            })
            .collect();
        match runs.as_slice() {
            [] => None,
            [one] => Some(format!("An import is under way: {one}.")),
            several => {
                Some(format!("{} imports are under way: {}.", runs.len(), several.join(", ")))
            }
        }
    }

    /// A file was dropped on the window.
    pub fn dropped(&mut self, path: PathBuf) -> Action {
        let gathers = |one: &&One| matches!(one.state, State::Gathering(_));
        let shown = self.imports.iter().filter(|one| one.id == self.shown).find(gathers);
        let id = match shown.or_else(|| self.imports.iter().find(gathers)) {
            Some(one) => one.id,
            None => match self.begin() {
                Some(id) => id,
                None => return too_many(),
            },
        };
        self.shown = id;
        Action::work(Work { id, job: Job::Read(path) })
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::New => match self.begin() {
                Some(_) => Action::none(),
                None => too_many(),
            },
            Message::Show(id) => {
                if self.state(id).is_some() {
                    self.shown = id;
                }
                Action::none()
            }
            Message::Close(id) => {
                self.close(id);
                Action::none()
            }
            // What an older look found is no news any more.
            Message::Folder(number, _) if number < self.looks => Action::none(),
            Message::Folder(_, folder) => {
                self.folder.clone_from(&folder);
                let mut action = Action::none();
                let ids: Vec<Id> = self.imports.iter().map(|one| one.id).collect();
                for id in ids {
                    if let Some(State::Gathering(gathering)) = self.state(id) {
                        let step = gathering.offer_folder(folder.as_deref());
                        action.work.extend(self.take(id, step).work);
                    }
                }
                action
            }
            Message::Gather(id, message) => match self.state(id) {
                Some(State::Gathering(gathering)) => {
                    let step = gathering.update(message);
                    self.take(id, step)
                }
                _ => Action::none(),
            },
            Message::Run(id, message) => self.run(id, message),
        }
    }

    /// Does what comes of gathering.
    fn take(&mut self, id: Id, step: Step) -> Action {
        match step {
            Step::Do(jobs, errands) => {
                let work = jobs.into_iter().map(|job| Work { id, job }).collect();
                Action { work, errands }
            }
            Step::Begin(ready, yes) => {
                let (cancel, stop) = oneshot::channel();
                let (subject, plan) = ready.split();
                if let Some(state) = self.state(id) {
                    *state = State::Running(Box::new(Running::new(subject, cancel)));
                }
                Action::work(Work { id, job: Job::Start(Box::new(Start { plan, yes, stop })) })
                    .and(Errand::Changed(Changed::Activity))
            }
        }
    }

    fn run(&mut self, id: Id, message: Run) -> Action {
        match (self.state(id), message) {
            (Some(state @ State::Running(_)), Run::Ended(how)) => {
                let State::Running(running) =
                    std::mem::replace(state, State::Gathering(Box::default()))
                else {
                    return Action::none();
                };
                let ended = running.end(*how);
                let said = ended.notice();
                *state = State::Ended(Box::new(ended));
                Action::errand(said)
                    .and(Errand::Changed(Changed::Library))
                    .and(Errand::Changed(Changed::Activity))
            }
            (Some(State::Running(running)), message) => {
                Action { work: Vec::new(), errands: running.update(message).into_iter().collect() }
            }
            (Some(state @ State::Ended(_)), Run::Again) => {
                let State::Ended(ended) =
                    std::mem::replace(state, State::Gathering(Box::default()))
                else {
                    return Action::none();
                };
                let (gathering, step) = ended.again();
                *state = State::Gathering(Box::new(gathering));
                let new = self.renumber(id);
                self.take(new, step)
            }
            (Some(State::Ended(ended)), message) => {
                let (job, errand) = ended.update(message);
                let work = job.into_iter().map(|job| Work { id, job }).collect();
                Action { work, errands: errand.into_iter().collect() }
            }
            _ => Action::none(),
        }
    }

    fn state(&mut self, id: Id) -> Option<&mut State> {
        self.imports.iter_mut().find(|one| one.id == id).map(|one| &mut one.state)
    }

    /// Adds an import that has nothing yet, and shows it; `None` if there are too many.
    fn begin(&mut self) -> Option<Id> {
        if self.imports.len() >= MOST {
            return None;
        }
        let id = Id(self.next);
        self.next += 1;
        let mut gathering = Gathering::default();
        gathering.offer_folder(self.folder.as_deref());
        self.imports.push(One { id, state: State::Gathering(Box::new(gathering)) });
        self.shown = id;
        Some(id)
    }

    /// Makes an import another one, which hears nothing that was asked for the last one.
    fn renumber(&mut self, id: Id) -> Id {
        let new = Id(self.next);
        self.next += 1;
        for one in self.imports.iter_mut().filter(|one| one.id == id) {
            one.id = new;
        }
        if self.shown == id {
            self.shown = new;
        }
        new
    }

    /// Takes an import off the screen, unless it runs.
    fn close(&mut self, id: Id) {
        let Some(place) = self.imports.iter().position(|one| one.id == id) else { return };
        if self.imports.get(place).is_some_and(|one| matches!(one.state, State::Running(_))) {
            return;
        }
        self.imports.remove(place);
        if self.imports.is_empty() {
            self.begin();
        }
        if self.shown == id {
            let near = self.imports.get(place).or_else(|| self.imports.last());
            self.shown = near.map_or(Id::default(), |one| one.id);
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let one = self.imports.iter().find(|one| one.id == self.shown);
        let Some(one) = one.or_else(|| self.imports.first()) else {
            return page::page(cx, "Import", Vec::new(), page::muted(cx, ""));
        };
        let id = one.id;
        let mut actions: Vec<Element<'a, Message>> = Vec::new();
        let is_first = self.imports.len() == 1 && matches!(one.state, State::Gathering(_));
        if !is_first {
            if !matches!(one.state, State::Running(_)) {
                let close = page::button(cx, "Close this one", Kind::Plain);
                actions.push(close.on_press(Message::Close(id)).into());
            }
            let new = page::button(cx, "New import", Kind::Plain).on_press(Message::New);
            actions.push(new.into());
        }
        let content = match &one.state {
            State::Gathering(gathering) => {
                gathering.view(cx, self.conflict(gathering)).map(move |m| Message::Gather(id, m))
            }
            State::Running(running) => running.view(cx).map(move |m| Message::Run(id, m)),
            State::Ended(ended) => ended.view(cx).map(move |m| Message::Run(id, m)),
        };
        let mut parts = column![].spacing(cx.space(Space::Normal));
        if self.imports.len() > 1 {
            parts = parts.push(self.tabs(cx));
        }
        let parts = parts.push(content);
        match &one.state {
            State::Running(_) if running::is_wide(cx) => {
                page::fixed_page(cx, "Import", actions, parts)
            }
            _ => page::page(cx, "Import", actions, parts),
        }
    }

    /// The name of the running import of what is gathered, if there is one.
    fn conflict(&self, gathering: &Gathering) -> Option<&str> {
        let artifact = gathering.artifact()?;
        self.imports.iter().find_map(|one| match &one.state {
            State::Running(running) if running.subject.artifact == artifact => {
                Some(running.subject.name.as_str())
            }
            _ => None,
        })
    }

    fn tabs<'a>(&self, cx: &Context<'_>) -> Element<'a, Message> {
        let tabs = self.imports.iter().map(|one| {
            let title = match &one.state {
                State::Gathering(gathering) => gathering.title(),
                State::Running(running) => running.title(),
                State::Ended(ended) => ended.title(),
            };
            page::tab(cx, title, one.id == self.shown, Message::Show(one.id)).into()
        });
        Row::with_children(tabs)
            .spacing(cx.space(Space::Hair))
            .wrap()
            .vertical_spacing(cx.space(Space::Hair))
            .into()
    }
}

fn too_many() -> Action {
    Action::errand(Errand::Tell(format!("There are {MOST} imports here already: close one first.")))
}
