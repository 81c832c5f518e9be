//! This machine's own id, and the tickets that it gives out.

use app::problem::Problem;
use app::quantity::Span;
use iced::widget::qr_code::Data;
use iced::widget::{column, container, row, text};
use iced::{Element, Fill};
use verifier::request::PeerMessages;
use verifier::scalars::UtcTime;

use super::super::{Errand, Run};
use super::{Action, Look, Work};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::{mark, page, qr};

/// What a ticket is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The name that the other side sees.
    pub label: String,
    /// Where this machine is called.
    pub addresses: Vec<String>,
    /// How long the ticket holds, in seconds.
    pub span: u64,
}

/// A ticket, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The ticket.
    pub ticket: String,
    /// The name in it.
    pub label: String,
    /// The addresses in it.
    pub addresses: Vec<String>,
    /// Until when it holds.
    pub expires: UtcTime,
}

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// Put the id on the clipboard.
    CopyId,
    /// Begin an invitation.
    Begin,
    /// The name was typed.
    Label(String),
    /// The addresses were typed.
    Addresses(String),
    /// The span was typed.
    Span(String),
    /// Write the ticket.
    Write,
    /// Put the ticket on the clipboard.
    CopyTicket,
    /// No invitation any more.
    Leave,
}

/// The id, and the invitation that is being written.
#[derive(Debug, Default)]
pub(super) struct Own {
    id: Option<(String, Option<Data>)>,
    invite: Invite,
}

#[derive(Debug, Default)]
enum Invite {
    #[default]
    Closed,
    Writing(Form),
    Given(Invited, Option<Data>),
}

#[derive(Debug)]
struct Form {
    label: String,
    addresses: String,
    span: String,
    problem: Option<Problem>,
    /// The newest writing of a ticket.
    run: Run,
}

impl Own {
    pub(super) fn know(&mut self, id: &str) {
        if self.id.is_none() {
            self.id = Some((id.to_owned(), qr::data(id)));
        }
    }

    pub(super) fn update(&mut self, message: Message, look: Option<&Look>) -> Action {
        match (message, &mut self.invite) {
            (Message::CopyId, _) => {
                if let Some((id, _)) = &self.id {
                    return Action::errand(Errand::Copy(id.clone()));
                }
            }
            (Message::Begin, _) => {
                let (label, addresses) = look.map_or_else(Default::default, |look| {
                    (look.label.clone(), look.addresses.join(" "))
                });
                let span = "1d".to_owned();
                self.invite = Invite::Writing(Form {
                    label,
                    addresses,
                    span,
                    problem: None,
                    run: Run::default(),
                });
            }
            (Message::Label(label), Invite::Writing(form)) => form.label = label,
            (Message::Addresses(addresses), Invite::Writing(form)) => form.addresses = addresses,
            (Message::Span(span), Invite::Writing(form)) => form.span = span,
            (Message::Write, Invite::Writing(form)) => {
                if let Ok(Span(span)) = Span::at_most(&form.span, PeerMessages::V0.window) {
                    (form.run, form.problem) = (Run::default(), None);
                    let invitation = Invitation {
                        label: form.label.trim().to_owned(),
                        addresses: split(&form.addresses),
                        span,
                    };
                    return Action::work(Work::Invite(form.run.clone(), invitation));
                }
            }
            (Message::CopyTicket, Invite::Given(invited, _)) => {
                return Action::errand(Errand::Copy(invited.ticket.clone()));
            }
            (Message::Leave, _) => self.invite = Invite::Closed,
            _ => {}
        }
        Action::none()
    }

    /// Hears the ticket, unless another one is being written by now.
    pub(super) fn invited(&mut self, run: &Run, invited: Result<Invited, Problem>) {
        let form = match &mut self.invite {
            Invite::Writing(form) if form.run == *run => form,
            _ => return,
        };
        match invited {
            Ok(invited) => {
                let picture = qr::data(&invited.ticket);
                self.invite = Invite::Given(invited, picture);
            }
            Err(problem) => form.problem = Some(problem),
        }
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let content: Element<'a, Message> = match &self.invite {
            Invite::Closed => self.id(cx),
            Invite::Writing(form) => form.view(cx),
            Invite::Given(invited, picture) => given(cx, invited, picture.as_ref()),
        };
        let name = match &self.invite {
            Invite::Closed => "This machine",
            Invite::Writing(_) => "Invite somebody",
            Invite::Given(..) => "Your ticket",
        };
        page::section(cx, name, content).into()
    }

    fn id<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let Some((id, picture)) = &self.id else {
            return page::muted(cx, "Reading the key…").into();
        };
        let buttons = row![
            page::button(cx, "Invite somebody", Kind::Primary).on_press(Message::Begin),
            page::button(cx, "Copy id", Kind::Plain).on_press(Message::CopyId)
        ]
        .spacing(cx.space(Space::Narrow))
        .wrap();
        let words = column![
            page::muted(cx, "Your peer id, which is your public key:"),
            text_of(cx, id),
            page::small(cx, "To pair, give a ticket and take one. The id alone lets nobody in."),
            buttons
        ]
        .spacing(cx.space(Space::Normal))
        .width(Fill);
        match picture {
            Some(picture) => {
                row![words, qr::code(cx, picture, 3.0)].spacing(cx.space(Space::Wide)).into()
            }
            None => words.into(),
        }
    }
}

impl Form {
    fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let span = Span::at_most(&self.span, PeerMessages::V0.window);
        let span = span.err().map(|error| error.to_string());
        let ready = span.is_none().then_some(Message::Write);
        let label = page::field(cx, "anna-laptop", &self.label, Message::Label)
            .on_submit_maybe(ready.clone());
        let addresses =
            page::field(cx, "mmp://192.168.1.20:9410", &self.addresses, Message::Addresses)
                .on_submit_maybe(ready.clone());
        let time = page::field(cx, "1d", &self.span, Message::Span).on_submit_maybe(ready.clone());
        let buttons = row![
            page::button(cx, "Write the ticket", Kind::Primary).on_press_maybe(ready),
            page::button(cx, "Leave", Kind::Plain).on_press(Message::Leave)
        ]
        .spacing(cx.space(Space::Narrow));
        let mut parts = column![
            mark::entry(cx, "The name that they see", label, None, ""),
            mark::entry(
                cx,
                "Where they call you",
                addresses,
                None,
                "One or more, with blanks between them. Whoever has the ticket learns them."
            ),
            mark::entry(cx, "How long it holds", time, span, "Such as 1h, 1d or 2w."),
        ]
        .spacing(cx.space(Space::Normal));
        if let Some(problem) = &self.problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        parts.push(buttons).into()
    }
}

fn given<'a>(
    cx: &Context<'_>,
    invited: &'a Invited,
    picture: Option<&'a Data>,
) -> Element<'a, Message> {
    let buttons = row![
        page::button(cx, "Copy ticket", Kind::Primary).on_press(Message::CopyTicket),
        page::button(cx, "Done", Kind::Plain).on_press(Message::Leave)
    ]
    .spacing(cx.space(Space::Narrow));
    let facts = [
        ("Name", invited.label.clone()),
        ("Call", invited.addresses.join(", ")),
        ("Until", invited.expires.to_string()),
    ];
    let picture: Element<'a, Message> = match picture {
        Some(picture) => qr::code(cx, picture, 3.0),
        None => qr::too_long(cx).into(),
    };
    column![
        page::muted(cx, "Give it to the other person by a way you trust, and ask for theirs."),
        text_of(cx, &invited.ticket),
        buttons,
        page::facts(cx, facts),
        picture
    ]
    .spacing(cx.space(Space::Normal))
    .into()
}

/// A long word, which is broken where the line ends.
fn text_of<'a, M: 'a>(cx: &Context<'_>, word: &'a str) -> Element<'a, M> {
    let word = page::body(cx, word).wrapping(text::Wrapping::Glyph);
    container(word).padding(cx.space(Space::Narrow)).width(Fill).style(style::sunken).into()
}

/// Words with blanks or commas between them.
fn split(text: &str) -> Vec<String> {
    text.split([' ', ',', ';', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
