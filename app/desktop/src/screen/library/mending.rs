//! What is shown of a repair.

use iced::widget::{Column, column, row};
use iced::{Center, Element, Fill};
use verifier::identity::PeerId;

use super::message::{Command, Message as Said};
use super::repair::{Asking, Mended, Message};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::{Control, Kind};
use crate::widget::page;
use crate::words;

/// The card with the question.
pub(super) fn asking<'a>(asking: &'a Asking, cx: &Context<'_>) -> Element<'a, Said> {
    let plan = &asking.plan;
    let peers: Vec<&str> = plan.called().iter().map(|peer| peer.label.as_str()).collect();
    let whom = match peers.as_slice() {
        [one] => (*one).to_owned(),
        several => words::count(several.len() as u64, "peer"),
    };
    let yes = page::printable(&format!("Fetch {} from {whom}", words::bytes(plan.bytes_missing())));
    let card = asking.card.view(cx, yes, Vec::new());
    card.map(|message| Said::Repair(Message::Card(message)))
}

/// Whom to ask, where it is not known who has the model.
pub(super) fn choosing<'a>(name: &str, ticked: &[PeerId], cx: &Context<'_>) -> Element<'a, Said> {
    if cx.book.peers.is_empty() {
        let what =
            page::body(cx, "You are not paired with anybody yet: pair with one under Peers.");
        let parts = row![what.width(Fill), leave(cx, "Done")].align_y(Center);
        return page::note(cx, parts, style::warned).into();
    }
    let what = format!(
        "Who has {name}? They have to share it with you; you are asked before any of \
                        them is called."
    );
    let boxes = cx.book.peers.iter().map(|peer| {
        let tick = Said::Repair(Message::Tick(peer.id));
        let label = page::printable(peer.label.as_str());
        page::check(cx, label, ticked.contains(&peer.id), tick).width(Fill).into()
    });
    let boxes = Column::with_children(boxes).spacing(cx.space(Space::Hair));
    let ready = (!ticked.is_empty()).then_some(Said::Repair(Message::AskThese));
    let buttons = row![
        page::button(cx, "Look what it takes", Kind::Primary).on_press_maybe(ready),
        leave(cx, "Leave")
    ]
    .spacing(cx.space(Space::Narrow));
    let parts = column![page::body(cx, what), boxes, buttons].spacing(cx.space(Space::Narrow));
    page::note(cx, parts, style::noted).into()
}

/// What came of it.
pub(super) fn mended<'a>(name: &str, mended: &Mended, cx: &Context<'_>) -> Element<'a, Said> {
    let bytes = mended.given.iter().map(|(_, bytes)| bytes).sum();
    let given: Vec<String> = mended
        .given
        .iter()
        .map(|(peer, bytes)| format!("{} gave {}", cx.name(*peer), words::bytes(*bytes)))
        .collect();
    let what = format!(
        "{name} is whole again: {} came, {}, and every piece was read again and is sound.",
        words::count(mended.pieces, "piece"),
        words::bytes(bytes)
    );
    let given = (!given.is_empty())
        .then(|| page::muted(cx, page::printable(&format!("{}.", given.join(", ")))));
    let troubles = mended.troubles.iter().map(|trouble| page::body(cx, page::told(trouble)).into());
    let told = column![page::body(cx, what)]
        .push(given)
        .extend(troubles)
        .spacing(cx.space(Space::Hair))
        .width(Fill);
    let parts = row![told, leave(cx, "Done")].spacing(cx.space(Space::Wide)).align_y(Center);
    page::note(cx, parts, style::noted).into()
}

fn leave<'a>(cx: &Context<'_>, label: &'static str) -> Control<'a, Said> {
    page::button(cx, label, Kind::Plain).on_press(Said::Do(Command::Leave))
}
