//! Tickets that are pasted: who it is, the pair code, and the yes to both screens showing it.

use app::naming::{people, short_peer};
use app::pairing::Pairing;
use app::problem::Problem;
use iced::widget::{column, row};
use iced::{Center, Element};
use verifier::identity::PeerId;

use super::Job;
use crate::context::Context;
use crate::screen::Run;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::page;

/// The most tickets that are looked at together.
const MOST: usize = 64;
/// The longest text that is kept of what is pasted, in bytes.
const MOST_BYTES: usize = 65_536;

/// By what name the field for tickets is found.
const TICKETS: &str = "import-tickets";

/// What happens about tickets.
#[derive(Debug, Clone)]
pub enum Message {
    /// Tickets are typed or pasted.
    Typed(String),
    /// Read them.
    Read,
    /// They were read.
    Found(Run, Vec<Result<Box<Pairing>, Problem>>),
    /// The other screen shows the same code.
    Same(PeerId),
    /// It does not, or the user does not want to.
    Other(PeerId),
    /// The peer is kept, or is not.
    Paired(PeerId, Result<(), Problem>),
}

/// Tickets, and those that are in question.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// The newest reading; what an older text said is not told any more.
    run: Run,
    text: String,
    open: Vec<Pairing>,
    troubles: Vec<Problem>,
    paired: Vec<String>,
}

impl Tickets {
    /// Hears what happens; work, if there is some.
    pub(super) fn update(&mut self, message: Message) -> Option<Job> {
        match message {
            Message::Typed(text) if text.len() <= MOST_BYTES => {
                self.text = text;
                self.run = Run::default();
            }
            Message::Typed(_) => {}
            Message::Read => {
                let text = self.text.trim();
                self.run = Run::default();
                return (!text.is_empty()).then(|| Job::Ticket(self.run.clone(), text.to_owned()));
            }
            Message::Found(run, _) if run != self.run => {}
            Message::Found(_, found) => {
                self.troubles.clear();
                for read in found.into_iter().take(MOST) {
                    match read {
                        Ok(pairing) => {
                            self.open.retain(|open| open.peer() != pairing.peer());
                            self.open.push(*pairing);
                        }
                        Err(problem) => self.troubles.push(problem),
                    }
                }
                if self.troubles.is_empty() {
                    self.text.clear();
                }
            }
            Message::Same(peer) => {
                let pairing = self.open.iter().find(|open| open.peer() == peer)?;
                return Some(Job::Pair(Box::new(pairing.clone())));
            }
            Message::Other(peer) => self.open.retain(|open| open.peer() != peer),
            Message::Paired(peer, Ok(())) => {
                let place = self.open.iter().position(|open| open.peer() == peer)?;
                self.paired.push(self.open.remove(place).label().to_string());
                self.troubles.clear();
            }
            Message::Paired(_, Err(problem)) => self.troubles = vec![problem],
        }
        None
    }

    /// Whether a ticket waits for the user.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty() || !self.troubles.is_empty()
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let what = "Paste the ticket of somebody you are not paired with yet. Nobody gets anything \
                    by being paired.";
        let field = page::field(cx, "mmticket0:…", &self.text, Message::Typed)
            .id(TICKETS)
            .on_submit(Message::Read);
        let can_read = (!self.text.trim().is_empty()).then_some(Message::Read);
        let read = page::button(cx, "Read", Kind::Plain).on_press_maybe(can_read);
        let entry = row![field, read].spacing(cx.space(Space::Narrow)).align_y(Center);
        let mut parts = column![page::muted(cx, what), entry].spacing(cx.space(Space::Narrow));
        for problem in &self.troubles {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        for pairing in &self.open {
            parts = parts.push(invitation(cx, pairing));
        }
        if !self.paired.is_empty() {
            let line = format!("You are paired with {} now.", people(&self.paired));
            parts = parts.push(page::body(cx, line));
        }
        page::section(cx, "Pair", parts).into()
    }
}

fn invitation<'a>(cx: &Context<'_>, pairing: &Pairing) -> Element<'a, Message> {
    let (peer, label) = (pairing.peer(), pairing.label().to_string());
    let places: Vec<String> = pairing.addresses().iter().map(ToString::to_string).collect();
    let who = format!("{label} ({}) at {}", short_peer(peer), places.join(", "));
    let same = format!("Their screen shows this code: pair with {label}");
    let buttons = row![
        page::button(cx, same, Kind::Primary).on_press(Message::Same(peer)),
        page::button(cx, "It differs", Kind::Plain).on_press(Message::Other(peer))
    ]
    .spacing(cx.space(Space::Narrow));
    let parts = column![
        page::body(cx, who),
        page::words(cx, Text::Title, pairing.code().to_owned()),
        page::muted(cx, "Compare this pair code with what their screen shows for you."),
        buttons.wrap().vertical_spacing(cx.space(Space::Hair))
    ]
    .spacing(cx.space(Space::Narrow));
    page::note(cx, parts, style::noted).into()
}
