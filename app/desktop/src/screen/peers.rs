//! The screen `peers`: this machine's own id, the way to pair, and everybody who is known.

mod adding;
mod book;
mod own;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use app::activity::Totals;
use app::pairing::Pairing;
use app::ports::{KnownPeer, Liar};
use app::problem::Problem;
use iced::widget::{column, row};
use iced::{Element, Fill, Length};
use verifier::identity::{PeerId, PublicKey};

use super::{Changed, Errand, Run};
use crate::context::Context;
use crate::theme::Space;
use crate::widget::page;

pub use own::{Invitation, Invited};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at who is known; the number tells this look from others.
    Look(u64),
    /// Write a ticket.
    Invite(Run, Invitation),
    /// Read a ticket.
    Read(Run, String),
    /// Pair, now that the codes were compared.
    Pair(Run, Box<Pairing>),
    /// Call a peer by another name.
    Rename(KnownPeer, String),
    /// Block a peer.
    Block(KnownPeer),
    /// Let a blocked peer call and be called again.
    Unblock(KnownPeer),
    /// Let imports call a peer again that lied.
    Unban(KnownPeer),
    /// Forget a peer.
    Remove(KnownPeer),
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// Who is known, by the look with that number.
    Looked(u64, Result<Arc<Look>, Problem>),
    /// Something about this machine's own id.
    Own(own::Message),
    /// Something about pairing.
    Adding(adding::Message),
    /// Something about the peers that are known.
    Book(book::Message),
    /// A ticket was written, or was not.
    Invited(Run, Result<Invited, Problem>),
    /// A ticket was read, or is none.
    Read(Run, Result<Box<Pairing>, Problem>),
    /// A peer was paired with, or was not.
    Paired(Run, Result<KnownPeer, Problem>),
    /// What was done to a peer: one sentence.
    Done(PeerId, Result<String, Problem>),
}

/// What is known at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// This installation's key.
    pub own: PublicKey,
    /// The name that tickets say.
    pub label: String,
    /// Where tickets say to call.
    pub addresses: Vec<String>,
    /// Everybody, by label.
    pub peers: Vec<Entry>,
}

/// A peer and what it did.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The peer.
    pub peer: KnownPeer,
    /// The code that both screens show.
    pub code: String,
    /// What it gave and took, if that is known.
    pub totals: Option<Totals>,
    /// What it was caught at.
    pub liar: Liar,
}

/// Whether two columns have room for their text side by side.
fn is_wide(cx: &Context<'_>) -> bool {
    cx.size.width >= cx.scale.factor() * 980.0
}

/// What the last look found.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    Look(Arc<Look>),
    Failed(Problem),
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Peers {
    seen: Seen,
    asked: u64,
    shown: u64,
    own: own::Own,
    adding: adding::Adding,
    book: book::Book,
}

impl Peers {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.asked += 1;
        Action::work(Work::Look(self.asked))
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Looked(number, looked) => {
                // What an older look found is no news any more.
                if number > self.shown {
                    self.shown = number;
                    self.looked(looked);
                }
                Action::none()
            }
            Message::Own(message) => {
                let look = match &self.seen {
                    Seen::Look(look) => Some(&**look),
                    _ => None,
                };
                self.own.update(message, look)
            }
            Message::Adding(message) => self.adding.update(message),
            Message::Book(message) => self.book.update(message),
            Message::Invited(run, invited) => {
                self.own.invited(&run, invited);
                Action::none()
            }
            Message::Read(run, read) => {
                self.adding.read(&run, read);
                Action::none()
            }
            Message::Paired(run, Ok(peer)) => {
                self.adding.paired(&run);
                Action::errand(Errand::Changed(Changed::Peers))
                    .and(Errand::Tell(adding::welcome(&peer)))
            }
            Message::Paired(run, Err(problem)) => match self.adding.failed(&run, problem) {
                Ok(()) => Action::none(),
                // Its codes are not on the screen any more.
                Err(problem) => Action::errand(Errand::Tell(problem.what)),
            },
            Message::Done(peer, done) => match done {
                Ok(line) => {
                    self.book.done(peer);
                    Action::errand(Errand::Changed(Changed::Peers)).and(Errand::Tell(line))
                }
                Err(problem) => {
                    self.book.failed(peer, problem);
                    Action::none()
                }
            },
        }
    }

    fn looked(&mut self, looked: Result<Arc<Look>, Problem>) {
        self.seen = match looked {
            Ok(look) => {
                self.own.know(&look.own.peer_id().to_string());
                Seen::Look(look)
            }
            Err(problem) => Seen::Failed(problem),
        };
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let book = match &self.seen {
            Seen::Nothing => page::muted(cx, "Looking at who is known…").into(),
            Seen::Failed(problem) => page::problem(cx, problem, Vec::new()),
            Seen::Look(look) => self.book.view(cx, &look.peers).map(Message::Book),
        };
        let own = self.own.view(cx).map(Message::Own);
        let adding = self.adding.view(cx).map(Message::Adding);
        let gap = cx.space(Space::Normal);
        let pairing: Element<'a, Message> = if is_wide(cx) {
            let (left, right) = (Length::FillPortion(1), Length::FillPortion(1));
            row![column![own].width(left), column![adding].width(right)].spacing(gap).into()
        } else {
            column![own, adding].spacing(gap).into()
        };
        let content = column![pairing, book].spacing(cx.space(Space::Wide)).width(Fill);
        page::page(cx, "Peers", Vec::new(), content)
    }
}
