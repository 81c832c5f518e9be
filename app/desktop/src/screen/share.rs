//! The screen `share`: making models ready, serving them, and who takes what.

mod announcing;
mod offering;
mod overview;
mod preparing;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use app::ports::Model;
use app::problem::Problem;
use app::question::{Question, Yes};
use app::serve::Served;
use app::serve::live::{Allowed, Snapshot};
use iced::Element;
use verifier::Sha256;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use super::{Changed, Errand, Run};
use crate::context::Context;
use crate::widget::page;

pub use announcing::{Announced, Telling};
pub use offering::Order;
pub use preparing::{Found, Here, Kept, Message as Preparing, Ready, Wish, Work as Prepare};
pub use server::{Message as ServerMessage, Stop, Stopper};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at what can be served; the number tells this look from others.
    Look(u64),
    /// Look at one model, to serve it or to tell of it.
    Open(Purpose, Sha256),
    /// Let the user choose a file for that form.
    Choose(Run, Wanted),
    /// Something on the way to a model that is ready.
    Prepare(Prepare),
    /// Make the question whether the model may be served so.
    Ask(Run, Order),
    /// Serve; the user said yes.
    Serve(Box<Starting>),
    /// Take back what peers may have of a model: one of them, or all.
    TakeBack(Sha256, Option<PeerId>),
    /// Write an offer that could not be written.
    WriteOffer(u64, PathBuf, Arc<[u8]>),
    /// Make the announcement and the question about it.
    Draft(Run, Telling),
    /// Write the announcement; the user said yes.
    Announce(Run, Box<Announced>, Yes),
}

/// A server that is to start.
#[derive(Debug)]
pub struct Starting {
    /// Which one.
    pub number: u64,
    /// What it serves, to whom, where.
    pub order: Order,
    /// Until when.
    pub until: UtcTime,
    /// The user's yes.
    pub yes: Yes,
    /// Resolves when it is to stop.
    pub stop: Stop,
}

/// What a model is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve it.
    Serve,
    /// To tell of it.
    Announce,
}

/// What file the user is to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A `.slm`.
    Slm,
    /// A manifest.
    Manifest,
    /// A new file, of which a path is proposed: an offer, a manifest or an announcement.
    New(PathBuf),
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// What can be served, by the look with that number.
    Looked(u64, Result<Arc<Look>, Problem>),
    /// Begin to make a file ready.
    Prepare,
    /// Begin to serve a model, or to tell of it.
    Open(Purpose, Sha256),
    /// One model as it is now.
    Opened(Purpose, Sha256, Result<Arc<Fresh>, Problem>),
    /// Back to what can be served.
    Back,
    /// The user chose a file for that form, or none.
    Chosen(Run, Wanted, Option<PathBuf>),
    /// Something about making a file ready.
    Preparing(preparing::Message),
    /// Something about the form by which a model is served.
    Offering(offering::Message),
    /// The question whether to serve, or why there is none.
    Asked(Run, Result<Box<Question>, Problem>),
    /// Something about telling of a model.
    Announcing(announcing::Message),
    /// The announcement and its question, or why there is none.
    Drafted(Run, Result<Box<Announced>, Problem>),
    /// The announcement was written there, or was not.
    Announced(Run, Result<PathBuf, Problem>),
    /// Something about a server that runs.
    Server(u64, server::Message),
    /// Take back what a peer may have of a model, or what all may.
    TakeBack(Sha256, Option<PeerId>),
    /// So many grants were taken back.
    TakenBack(Result<u64, Problem>),
    /// What went wrong was read.
    Dismiss,
}

/// What can be served.
#[derive(Debug, Clone)]
pub struct Look {
    /// The models that have pieces.
    pub models: Vec<Servable>,
}

/// A model that can be served, and who may have it now.
#[derive(Debug, Clone)]
pub struct Servable {
    /// The model.
    pub model: Model,
    /// Who may have it now.
    pub allowed: Vec<Allowed>,
}

/// One model as it is now, and what a form about it begins with.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The model.
    pub model: Model,
    /// Where calls are taken.
    pub listen: SocketAddr,
    /// What others are told to call, where the user set something.
    pub addresses: Vec<String>,
    /// What they are told where nothing is set, without the port.
    pub hosts: Vec<String>,
    /// A free name for a file.
    pub file: PathBuf,
}

/// What the last look found.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    Look(Arc<Look>),
    Failed(Problem),
}

/// What is shown beside the servers that run.
#[derive(Debug, Default)]
enum View {
    #[default]
    Overview,
    Preparing(Box<preparing::Preparing>),
    Opening(Purpose, Sha256),
    NotOpened(Problem),
    Offering(Box<offering::Offering>),
    Announcing(Box<announcing::Announcing>),
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Share {
    seen: Seen,
    asked: u64,
    shown: u64,
    view: View,
    servers: Vec<server::Server>,
    numbers: u64,
    problem: Option<Problem>,
}

/// The most servers that run or that have ended and are still shown.
const MOST_SERVERS: usize = 32;

impl Share {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.asked += 1;
        Action::work(Work::Look(self.asked))
    }

    /// What goes on that closing the window would stop, as a clause; `None` if nothing does.
    pub fn at_work(&self) -> Option<String> {
        let servers = self.servers.iter().filter(|server| server.runs());
        let mut clauses: Vec<String> = servers.map(server::Server::clause).collect();
        if let View::Preparing(preparing) = &self.view {
            clauses.extend(preparing.at_work());
        }
        (!clauses.is_empty()).then(|| page::capital(&clauses.join("; ")))
    }

    /// A file was dropped on the window.
    pub fn dropped(&mut self, path: PathBuf) -> Action {
        if let View::Preparing(preparing) = &mut self.view
            && preparing.is_busy()
        {
            return Action::errand(Errand::Tell(
                "One file at a time: finish or leave this one first.".to_owned(),
            ));
        }
        let mut preparing = match std::mem::take(&mut self.view) {
            View::Preparing(preparing) => preparing,
            _ => Box::default(),
        };
        let action = preparing.dropped(path);
        self.view = View::Preparing(preparing);
        action
    }

    /// Shows how to serve this model.
    pub fn show(&mut self, artifact: Sha256) -> Action {
        self.open(Purpose::Serve, artifact)
    }

    fn open(&mut self, purpose: Purpose, artifact: Sha256) -> Action {
        if let View::Preparing(preparing) = &self.view
            && preparing.is_busy()
        {
            return Action::errand(Errand::Tell(
                "A file is being made ready: finish or leave that first.".to_owned(),
            ));
        }
        self.view = View::Opening(purpose, artifact);
        Action::work(Work::Open(purpose, artifact))
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Looked(number, looked) => {
                // What an older look found is no news any more.
                if number > self.shown {
                    self.shown = number;
                    self.seen = match looked {
                        Ok(look) => Seen::Look(look),
                        Err(problem) => Seen::Failed(problem),
                    };
                }
            }
            Message::Prepare => self.view = View::Preparing(Box::default()),
            Message::Open(purpose, artifact) => return self.open(purpose, artifact),
            Message::Opened(purpose, artifact, opened) => self.opened(purpose, artifact, opened),
            Message::Back => {
                self.view = View::Overview;
                return self.enter();
            }
            Message::Chosen(run, wanted, Some(path)) => return self.chosen(&run, &wanted, path),
            Message::Chosen(_, _, None) => {}
            Message::Preparing(message) => return self.preparing(message),
            Message::Offering(message) => return self.offering(message),
            Message::Asked(run, asked) => {
                if let View::Offering(offering) = &mut self.view {
                    offering.asked(&run, asked);
                }
            }
            Message::Announcing(message) => {
                if let View::Announcing(announcing) = &mut self.view {
                    return announcing.update(message);
                }
            }
            Message::Drafted(run, drafted) => {
                if let View::Announcing(announcing) = &mut self.view {
                    announcing.drafted(&run, drafted);
                }
            }
            Message::Announced(run, announced) => return self.announced(&run, announced),
            Message::Server(number, message) => return self.server(number, message),
            Message::TakeBack(artifact, peer) => {
                return Action::work(Work::TakeBack(artifact, peer));
            }
            Message::TakenBack(Ok(grants)) => {
                let line = format!("Taken back: {}.", crate::words::count(grants, "grant"));
                return Action::errand(Errand::Changed(Changed::Activity)).and(Errand::Tell(line));
            }
            Message::TakenBack(Err(problem)) => self.problem = Some(problem),
            Message::Dismiss => self.problem = None,
        }
        Action::none()
    }

    fn opened(&mut self, purpose: Purpose, artifact: Sha256, opened: Result<Arc<Fresh>, Problem>) {
        if !matches!(&self.view, View::Opening(p, a) if (*p, *a) == (purpose, artifact)) {
            return;
        }
        self.view = match (opened, purpose) {
            (Ok(fresh), Purpose::Serve) => {
                let port = fresh.listen.port();
                let rival = self.servers.iter().find(|server| server.runs_on(port));
                let rival = rival.map(|server| server.name().to_owned());
                View::Offering(Box::new(offering::Offering::new(&fresh, rival)))
            }
            (Ok(fresh), Purpose::Announce) => {
                View::Announcing(Box::new(announcing::Announcing::new(&fresh)))
            }
            (Err(problem), _) => View::NotOpened(problem),
        };
    }

    fn chosen(&mut self, run: &Run, wanted: &Wanted, path: PathBuf) -> Action {
        match &mut self.view {
            View::Preparing(preparing) if preparing.form() == run => preparing.chosen(wanted, path),
            View::Offering(offering) if offering.form() == run => {
                offering.chosen(&path);
                Action::none()
            }
            View::Announcing(announcing) if announcing.form() == run => {
                announcing.chosen(&path);
                Action::none()
            }
            _ => Action::none(),
        }
    }

    fn preparing(&mut self, message: preparing::Message) -> Action {
        let View::Preparing(preparing) = &mut self.view else { return Action::none() };
        match preparing.update(message) {
            preparing::Next::Action(action) => action,
            preparing::Next::Serve(artifact) => self.open(Purpose::Serve, artifact),
            preparing::Next::Leave => {
                self.view = View::Overview;
                self.enter()
            }
        }
    }

    fn offering(&mut self, message: offering::Message) -> Action {
        let View::Offering(offering) = &mut self.view else { return Action::none() };
        match offering.update(message) {
            offering::Next::Action(action) => action,
            offering::Next::Serve(order, until, yes) => self.start(*order, until, yes),
        }
    }

    /// Starts a server; the user said yes.
    fn start(&mut self, order: Order, until: UtcTime, yes: Yes) -> Action {
        self.view = View::Overview;
        if self.servers.len() >= MOST_SERVERS {
            self.servers.retain(server::Server::runs);
        }
        if self.servers.len() >= MOST_SERVERS {
            let what = format!("{MOST_SERVERS} models are served already");
            let code = verifier::Code::new("usage", "arguments");
            self.problem = Some(Problem::new(code, what, "Stop one of them first."));
            return Action::none();
        }
        self.numbers += 1;
        let number = self.numbers;
        let (stopper, stop) = server::stop();
        self.servers.push(server::Server::new(number, order.clone(), until, stopper));
        let starting = Starting { number, order, until, yes, stop };
        Action::work(Work::Serve(Box::new(starting)))
    }

    /// Who may have a model now: as the server that runs says, or else as the last look found.
    fn allowed<'a>(&'a self, servable: &'a Servable) -> &'a [Allowed] {
        let live = self.servers.iter().find_map(|server| server.allowed(servable.model.artifact));
        live.unwrap_or(&servable.allowed)
    }

    fn server(&mut self, number: u64, message: server::Message) -> Action {
        let Some(place) = self.servers.iter().position(|server| server.number() == number) else {
            return Action::none();
        };
        if matches!(message, server::Message::Dismiss) {
            self.servers.remove(place);
            return Action::none();
        }
        match self.servers.get_mut(place) {
            Some(server) => server.update(message),
            None => Action::none(),
        }
    }

    fn announced(&mut self, run: &Run, announced: Result<PathBuf, Problem>) -> Action {
        let awaited = match &mut self.view {
            View::Announcing(announcing) if announcing.awaits(run) => Some(announcing),
            _ => None,
        };
        match announced {
            Ok(path) => {
                // It is told all the same; what is on the screen by now is about something else.
                if awaited.is_some() {
                    self.view = View::Overview;
                }
                let line = format!(
                    "Written to {}. Nothing was sent: hand the file over yourself.",
                    path.display()
                );
                Action::errand(Errand::Tell(line)).and(Errand::Changed(Changed::Activity))
            }
            Err(problem) => {
                match awaited {
                    Some(announcing) => announcing.failed(problem),
                    None => self.problem = Some(problem),
                }
                Action::none()
            }
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        overview::view(self, cx)
    }
}

/// What the events of a server's work say.
#[derive(Debug, Clone)]
pub enum Happened {
    /// A snapshot.
    Live(Arc<Snapshot>),
    /// The offer is written there.
    Offered(PathBuf),
    /// The offer could not be written; it is as it would have been.
    NotOffered(Problem, Arc<[u8]>),
    /// It has ended.
    Ended(Result<Arc<Served>, Problem>),
}
