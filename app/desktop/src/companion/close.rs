//! Whether to close although something goes on.

use iced::Element;
use iced::widget::{Column, column, row};

use super::message::Message;
use crate::desk::Desk;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;

/// What goes on.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) reasons: Vec<String>,
}

impl Closing {
    pub(super) fn view<'a, O: Clone + 'a>(&self, desk: &Desk<'_>) -> Element<'a, Message<O>> {
        let reasons = self.reasons.iter().map(|reason| page::body(desk, reason.clone()).into());
        let buttons = row![
            page::button(desk, "Stop it and close", Kind::Danger).on_press(Message::Close),
            page::button(desk, "Stay open", Kind::Primary).on_press(Message::Stay)
        ]
        .spacing(desk.space(Space::Narrow));
        column![
            page::heading(desk, "Close the companion?"),
            Column::with_children(reasons).spacing(desk.space(Space::Hair)),
            page::muted(desk, "What is kept stays kept: an import goes on from there next time."),
            buttons
        ]
        .spacing(desk.space(Space::Normal))
        .into()
    }
}
