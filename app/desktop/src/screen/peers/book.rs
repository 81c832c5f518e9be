//! Everybody who is known, and what can be done about each.

use app::activity::Totals;
use app::naming::short_peer;
use app::ports::{Access, KnownPeer};
use app::problem::Problem;
use iced::widget::{Column, Space as Gap, column, row, text};
use iced::{Center, Element, Fill};
use verifier::identity::PeerId;
use verifier::scalars::Label;

use super::{Action, Entry, Work};
use crate::context::Context;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::mark::{self, Tone};
use crate::widget::page;
use crate::words;

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// Begin to give a peer another name.
    Rename(KnownPeer),
    /// The name was typed.
    Label(String),
    /// Give it the name.
    Keep,
    /// Block a peer.
    Block(KnownPeer),
    /// Let it call and be called again.
    Unblock(KnownPeer),
    /// Let imports call it again although it lied.
    Unban(KnownPeer),
    /// Ask once more whether a peer is to be forgotten.
    Remove(KnownPeer),
    /// Forget it.
    Forget,
    /// Do nothing.
    Leave,
}

/// What is being done to one peer; the others are as they are.
#[derive(Debug, Default)]
pub(super) enum Book {
    #[default]
    Reading,
    Renaming(KnownPeer, String),
    Removing(KnownPeer),
    /// The work goes on.
    Changing(PeerId),
    Failed(PeerId, Problem),
}

impl Book {
    pub(super) fn update(&mut self, message: Message) -> Action {
        match (message, &mut *self) {
            (_, Self::Changing(_)) => {}
            (Message::Rename(peer), _) => {
                let label = peer.label.to_string();
                *self = Self::Renaming(peer, label);
            }
            (Message::Label(typed), Self::Renaming(_, label)) => *label = typed,
            (Message::Keep, Self::Renaming(peer, label)) => {
                let label = label.trim().to_owned();
                if Label::parse(&label).is_ok() {
                    let peer = peer.clone();
                    *self = Self::Changing(peer.id);
                    return Action::work(Work::Rename(peer, label));
                }
            }
            (Message::Block(peer), _) => {
                *self = Self::Changing(peer.id);
                return Action::work(Work::Block(peer));
            }
            (Message::Unblock(peer), _) => {
                *self = Self::Changing(peer.id);
                return Action::work(Work::Unblock(peer));
            }
            (Message::Unban(peer), _) => {
                *self = Self::Changing(peer.id);
                return Action::work(Work::Unban(peer));
            }
            (Message::Remove(peer), _) => *self = Self::Removing(peer),
            (Message::Forget, Self::Removing(peer)) => {
                let peer = peer.clone();
                *self = Self::Changing(peer.id);
                return Action::work(Work::Remove(peer));
            }
            (Message::Leave, _) => *self = Self::Reading,
            _ => {}
        }
        Action::none()
    }

    /// What was to be done to the peer is done.
    pub(super) fn done(&mut self, peer: PeerId) {
        if matches!(self, Self::Changing(changing) if *changing == peer) {
            *self = Self::Reading;
        }
    }

    pub(super) fn failed(&mut self, peer: PeerId, problem: Problem) {
        *self = Self::Failed(peer, problem);
    }

    pub(super) fn view<'a>(
        &'a self,
        cx: &Context<'_>,
        entries: &'a [Entry],
    ) -> Element<'a, Message> {
        if entries.is_empty() {
            return page::empty(
                cx,
                "You are paired with nobody yet",
                "Invite somebody and give them the ticket, and paste the ticket that they give \
                 you. When both of you have compared the code, models can move between you.",
                Vec::new(),
            );
        }
        let mut list = Column::new().spacing(cx.space(Space::Normal)).width(Fill);
        for (place, entry) in entries.iter().enumerate() {
            if place > 0 {
                list = list.push(page::separator());
            }
            list = list.push(self.entry(cx, entry));
        }
        let name = words::count(entries.len() as u64, "peer");
        page::section(cx, name, list).into()
    }

    fn entry<'a>(&'a self, cx: &Context<'_>, entry: &'a Entry) -> Element<'a, Message> {
        let peer = &entry.peer;
        let head: Element<'a, Message> = match self {
            Self::Renaming(renamed, label) if renamed.id == peer.id => renaming(cx, label),
            _ => {
                let tag = match peer.access {
                    Access::Blocked => Some("blocked"),
                    Access::Open => entry.liar.is_banned.then_some("banned"),
                };
                let tag = tag.map(|tag| mark::tag(cx, tag, Tone::Warning));
                let name = mark::named(cx, page::printable(peer.label.as_str()), tag);
                row![name, Gap::new().width(Fill), self.buttons(cx, peer)]
                    .spacing(cx.space(Space::Normal))
                    .align_y(Center)
                    .into()
            }
        };
        let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
        let moved = entry.totals.map_or_else(
            || "not known: the consents cannot be read".to_owned(),
            |Totals { given, taken }| {
                format!("gave {}, took {}", words::bytes(given), words::bytes(taken))
            },
        );
        let who = [
            ("Pair code", entry.code.clone()),
            ("Called at", addresses.join(", ")),
            ("Id", short_peer(peer.id)),
        ];
        let what = [("Moved", moved), ("Added", words::ago(cx.now, peer.added))];
        let gap = cx.space(Space::Hair) + 2.0;
        let facts: Element<'a, Message> = if super::is_wide(cx) {
            row![page::facts(cx, who), page::facts(cx, what)].spacing(cx.space(Space::Wide)).into()
        } else {
            column![page::facts(cx, who), page::facts(cx, what)].spacing(gap).into()
        };
        let mut parts = column![head, facts].spacing(cx.space(Space::Narrow)).width(Fill);
        if !entry.liar.lies.is_empty() {
            parts = parts.push(self.lies(cx, entry));
        }
        match self {
            Self::Removing(removed) if removed.id == peer.id => {
                parts = parts.push(removing(cx, peer));
            }
            Self::Failed(failed, problem) if *failed == peer.id => {
                let dismiss =
                    page::button(cx, "Dismiss", Kind::Quiet).on_press(Message::Leave).into();
                parts = parts.push(page::problem(cx, problem, vec![dismiss]));
            }
            _ => {}
        }
        parts.into()
    }

    /// What it was caught at, and the way to call it again all the same.
    fn lies<'a>(&self, cx: &Context<'_>, entry: &Entry) -> Element<'a, Message> {
        let label = page::printable(entry.peer.label.as_str());
        let mut lies = Column::new().spacing(cx.space(Space::Hair)).width(Fill);
        for lie in entry.liar.lies.iter().rev() {
            let [wanted, came] = lie.untrue.digests();
            let what = format!("It sent wrong bytes for {lie}.");
            let digests = format!("Wanted {wanted}, came {came}");
            lies = lies
                .push(page::body(cx, what))
                .push(page::small(cx, digests).wrapping(text::Wrapping::WordOrGlyph));
        }
        if !entry.liar.is_banned {
            return lies.into();
        }
        let idle = (!matches!(self, Self::Changing(_))).then(|| Message::Unban(entry.peer.clone()));
        let lift = page::button(cx, format!("Call {label} again"), Kind::Plain);
        let what = format!("{label} lied and is banned: imports do not call it.");
        let parts = column![page::body(cx, what), lies, row![lift.on_press_maybe(idle)]];
        page::note(cx, parts.spacing(cx.space(Space::Narrow)), crate::theme::style::warned).into()
    }

    fn buttons<'a>(&self, cx: &Context<'_>, peer: &KnownPeer) -> Element<'a, Message> {
        let idle = |message: Message| (!matches!(self, Self::Changing(_))).then_some(message);
        let button = |label: &'static str, message: Message| {
            page::button(cx, label, Kind::Plain).padding([4.0, 10.0]).on_press_maybe(idle(message))
        };
        let block = match peer.access {
            Access::Open => button("Block", Message::Block(peer.clone())),
            Access::Blocked => button("Unblock", Message::Unblock(peer.clone())),
        };
        row![
            button("Rename", Message::Rename(peer.clone())),
            block,
            button("Remove", Message::Remove(peer.clone()))
        ]
        .spacing(cx.space(Space::Hair))
        .into()
    }
}

fn renaming<'a>(cx: &Context<'_>, label: &'a str) -> Element<'a, Message> {
    let fault = Label::parse(label.trim()).err().map(|error| error.to_string());
    let ready = fault.is_none().then_some(Message::Keep);
    let field =
        page::field(cx, "anna-laptop", label, Message::Label).on_submit_maybe(ready.clone());
    let mut parts = column![
        row![
            field.width(Fill),
            page::button(cx, "Keep the name", Kind::Primary).on_press_maybe(ready),
            page::button(cx, "Leave", Kind::Plain).on_press(Message::Leave)
        ]
        .spacing(cx.space(Space::Narrow))
        .align_y(Center)
    ]
    .spacing(cx.space(Space::Hair));
    if let Some(fault) = fault {
        parts = parts.push(mark::wrong(cx, page::capital(&fault)));
    }
    parts.into()
}

fn removing<'a>(cx: &Context<'_>, peer: &KnownPeer) -> Element<'a, Message> {
    let label = page::printable(peer.label.as_str());
    let words = format!(
        "Forget {label}? It can neither call nor be called any more, and what it may have is \
         taken back. Models that moved stay where they are."
    );
    let buttons = row![
        page::button(cx, format!("Forget {label}"), Kind::Danger).on_press(Message::Forget),
        page::button(cx, "Keep", Kind::Plain).on_press(Message::Leave)
    ]
    .spacing(cx.space(Space::Narrow));
    let parts = column![page::body(cx, words).wrapping(text::Wrapping::WordOrGlyph), buttons]
        .spacing(cx.space(Space::Normal));
    page::note(cx, parts, crate::theme::style::warned).into()
}
