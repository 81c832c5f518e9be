//! Pairing with somebody by the ticket that they gave.

use app::pairing::Pairing;
use app::ports::{Access, KnownPeer};
use app::problem::Problem;
use iced::widget::{Row, column, container, row, text};
use iced::{Element, Fill, Theme};
use verifier::scalars::Label;

use super::{Action, Work};
use crate::context::Context;
use crate::screen::Run;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::{mark, page};

/// The longest text that is taken for a ticket, in characters.
const MOST_TYPED: usize = 20_000;

/// By what name the field for the ticket is found.
const FIELD: &str = "ticket";

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// The ticket was typed.
    Ticket(String),
    /// The ticket was pasted.
    Pasted(String),
    /// Read the ticket.
    Read,
    /// The name was typed.
    Label(String),
    /// The code that the other side reads out was typed.
    Heard(String),
    /// Pair.
    Pair,
    /// Do not pair.
    Leave,
}

/// How far pairing is.
#[derive(Debug)]
pub(super) enum Adding {
    /// A ticket is wanted.
    Writing { ticket: String, run: Run, problem: Option<Problem> },
    /// The codes are compared.
    Comparing(Box<Comparing>),
}

#[derive(Debug)]
pub(super) struct Comparing {
    pairing: Pairing,
    label: String,
    heard: String,
    problem: Option<Problem>,
    /// The pairing that is under way.
    sent: Option<Run>,
}

impl Default for Adding {
    fn default() -> Self {
        Self::Writing { ticket: String::new(), run: Run::default(), problem: None }
    }
}

/// What is said once a peer is in the book.
pub(super) fn welcome(peer: &KnownPeer) -> String {
    match peer.access {
        Access::Open => format!(
            "Paired with {}. It gets nothing by this alone: each model needs your yes.",
            peer.label
        ),
        Access::Blocked => format!("{} is known, and stays blocked.", peer.label),
    }
}

impl Adding {
    pub(super) fn update(&mut self, message: Message) -> Action {
        match (message, &mut *self) {
            (Message::Ticket(text), Self::Writing { ticket, run, problem }) => {
                *ticket = text.chars().take(MOST_TYPED).collect();
                (*run, *problem) = (Run::default(), None);
            }
            (Message::Pasted(text), Self::Writing { ticket, run, problem }) => {
                *ticket = text.chars().take(MOST_TYPED).collect();
                (*run, *problem) = (Run::default(), None);
                return Action::work(Work::Read(run.clone(), ticket.clone()));
            }
            (Message::Read, Self::Writing { ticket, run, .. }) if !ticket.trim().is_empty() => {
                return Action::work(Work::Read(run.clone(), ticket.clone()));
            }
            (Message::Label(label), Self::Comparing(comparing)) => comparing.label = label,
            (Message::Heard(heard), Self::Comparing(comparing)) => {
                comparing.heard = heard;
                comparing.problem = None;
            }
            (Message::Pair, Self::Comparing(comparing)) => return comparing.pair(),
            (Message::Leave, _) => *self = Self::default(),
            _ => {}
        }
        Action::none()
    }

    /// Hears who wrote the ticket, unless another text is in the field or on the screen by now.
    pub(super) fn read(&mut self, run: &Run, read: Result<Box<Pairing>, Problem>) {
        let problem = match self {
            Self::Writing { run: awaited, problem, .. } if awaited == run => problem,
            _ => return,
        };
        match read {
            Ok(pairing) => {
                *self = Self::Comparing(Box::new(Comparing {
                    label: pairing.label().to_string(),
                    pairing: *pairing,
                    heard: String::new(),
                    problem: None,
                    sent: None,
                }));
            }
            Err(found) => *problem = Some(found),
        }
    }

    fn sent(&mut self, run: &Run) -> Option<&mut Comparing> {
        match self {
            Self::Comparing(comparing) if comparing.sent.as_ref() == Some(run) => Some(comparing),
            _ => None,
        }
    }

    pub(super) fn paired(&mut self, run: &Run) {
        if self.sent(run).is_some() {
            *self = Self::default();
        }
    }

    /// Shows why; gives it back if other codes are compared by now.
    pub(super) fn failed(&mut self, run: &Run, problem: Problem) -> Result<(), Problem> {
        let Some(comparing) = self.sent(run) else { return Err(problem) };
        comparing.problem = Some(problem);
        comparing.sent = None;
        Ok(())
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        match self {
            Self::Writing { ticket, problem, .. } => writing(cx, ticket, problem.as_ref()),
            Self::Comparing(comparing) => comparing.view(cx),
        }
    }
}

fn writing<'a>(
    cx: &Context<'_>,
    ticket: &'a str,
    problem: Option<&Problem>,
) -> Element<'a, Message> {
    let ready = (!ticket.trim().is_empty()).then_some(Message::Read);
    let field = page::field(cx, "mmticket0:…", ticket, Message::Ticket)
        .id(FIELD)
        .on_paste(Message::Pasted)
        .on_submit_maybe(ready.clone());
    let mut parts = column![
        page::muted(
            cx,
            "Paste the ticket that somebody gave you. You see who it is and compare a code \
             before anything is kept."
        ),
        page::labelled(cx, "Their ticket", field)
    ]
    .spacing(cx.space(Space::Normal));
    if let Some(problem) = problem {
        parts = parts.push(page::problem(cx, problem, Vec::new()));
    }
    let read = page::button(cx, "Read the ticket", Kind::Primary).on_press_maybe(ready);
    page::section(cx, "Pair with somebody", parts.push(read)).into()
}

impl Comparing {
    #[cfg(test)]
    pub(super) fn code(&self) -> &str {
        self.pairing.code()
    }

    fn label(&self) -> Result<Label, String> {
        Label::parse(self.label.trim()).map_err(|error| error.to_string())
    }

    fn pair(&mut self) -> Action {
        let Ok(label) = self.label() else { return Action::none() };
        if self.sent.is_some() {
            return Action::none();
        }
        if !self.heard.trim().is_empty()
            && let Err(error) = self.pairing.expect(&self.heard)
        {
            self.problem = Some(Problem::blamed(&error));
            return Action::none();
        }
        self.problem = None;
        let run = Run::default();
        self.sent = Some(run.clone());
        Action::work(Work::Pair(run, Box::new(self.pairing.clone().called(label))))
    }

    fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let addresses: Vec<String> =
            self.pairing.addresses().iter().map(ToString::to_string).collect();
        let facts = [
            ("Peer id", self.pairing.peer().to_string()),
            ("Calls itself", page::printable(self.pairing.label().as_str())),
            ("Is called at", addresses.join(", ")),
        ];
        let facts = facts.map(|(name, value)| {
            let value = page::body(cx, value).wrapping(text::Wrapping::WordOrGlyph).width(Fill);
            let name = page::muted(cx, name).width(cx.scale.factor() * 100.0);
            row![name, value].spacing(cx.space(Space::Normal)).into()
        });
        let fault = self.label().err();
        let name = fault.is_none().then(|| self.label.trim().to_owned());
        let ready = (name.is_some() && self.sent.is_none()).then_some(Message::Pair);
        let heard = page::field(cx, "1234 5678 …", &self.heard, Message::Heard)
            .on_submit_maybe(ready.clone());
        let heard = mark::entry(cx, "What they read out (may be left out)", heard, None, "");
        let label = page::field(cx, "anna-laptop", &self.label, Message::Label)
            .on_submit_maybe(ready.clone());
        let label = mark::entry(cx, "What you call them", label, fault, "");
        let buttons = row![
            page::button(
                cx,
                format!("Pair with {}", page::printable(name.as_deref().unwrap_or("them"))),
                Kind::Primary
            )
            .on_press_maybe(ready),
            page::button(cx, "Do not pair", Kind::Plain).on_press(Message::Leave)
        ]
        .spacing(cx.space(Space::Narrow))
        .wrap();
        let mut parts = column![
            iced::widget::Column::with_children(facts).spacing(cx.space(Space::Hair)),
            digits(cx, self.pairing.code()),
            page::body(
                cx,
                "The other screen must show the same code. If it does not, do not pair."
            ),
            heard,
            label
        ]
        .spacing(cx.space(Space::Normal));
        if let Some(problem) = &self.problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        page::section(cx, "Compare the pair code", parts.push(buttons)).into()
    }
}

/// The code in its groups, large.
fn digits<'a>(cx: &Context<'_>, code: &'a str) -> Element<'a, Message> {
    let strong = |theme: &Theme| text::Style { color: Some(theme.palette().primary) };
    let groups = code.split(' ').map(|group| {
        page::words(cx, Text::Title, group).style(strong).wrapping(text::Wrapping::None).into()
    });
    let groups = Row::with_children(groups)
        .spacing(cx.space(Space::Wide))
        .wrap()
        .vertical_spacing(cx.space(Space::Hair));
    container(groups).padding(cx.space(Space::Normal)).width(Fill).style(style::sunken).into()
}
