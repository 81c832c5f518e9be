//! Closing: whether to although something goes on, and what is kept.

use std::time::Duration;

use app::settings::{self, Settings};
use iced::widget::{Column, column, row};
use iced::{Element, Size, Task};

use super::message::Message;
use super::{Companion, Heard, LEAST, Sheet, Stage, TIDYING};
use crate::context::Context;
use crate::task;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;
use crate::wiring::Wiring;

/// What goes on.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) reasons: Vec<String>,
}

impl Closing {
    pub(super) fn view<'a, O: Clone + 'a>(&self, cx: &Context<'_>) -> Element<'a, Message<O>> {
        let reasons = self.reasons.iter().map(|reason| page::body(cx, reason.clone()).into());
        let buttons = row![
            page::button(cx, "Stop it and close", Kind::Danger).on_press(Message::Close),
            page::button(cx, "Stay open", Kind::Primary).on_press(Message::Stay)
        ]
        .spacing(cx.space(Space::Narrow));
        column![
            page::heading(cx, "Close the companion?"),
            Column::with_children(reasons).spacing(cx.space(Space::Hair)),
            page::muted(cx, "What is kept stays kept: an import goes on from there next time."),
            buttons
        ]
        .spacing(cx.space(Space::Normal))
        .into()
    }
}

impl<W: Wiring> Companion<W> {
    /// Closes, after asking if something goes on that closing would stop.
    pub(super) fn ask_to_close(&mut self) -> Task<Heard<W>> {
        let reasons = match &self.stage {
            Stage::Open(screens) => screens.at_work(),
            _ => Vec::new(),
        };
        if reasons.is_empty() {
            return self.close();
        }
        self.sheet = Some(Sheet::Closing(Closing { reasons }));
        Task::none()
    }

    /// Keeps where the window is, and ends.
    pub(super) fn close(&mut self) -> Task<Heard<W>> {
        let screen = match &self.stage {
            Stage::Open(screens) => Some(screens.place.name().to_owned()),
            _ => self.settings.window.screen.clone(),
        };
        let Size { width, height } = self.look.size;
        let own = Some((width.max(LEAST.width), height.max(LEAST.height)));
        let window = settings::Window {
            // A window that fills the screen goes back to the size it had before.
            size: if self.look.maximized { self.settings.window.size } else { own },
            maximized: self.look.maximized,
            screen,
        };
        // Before the first run is over, nothing is made in the data folder.
        let is_kept = matches!(self.stage, Stage::Open(_)) && window != self.settings.window;
        let goes_on = matches!(&self.stage, Stage::Open(screens) if !screens.at_work().is_empty());
        // What goes on is stopped by dropping it; it writes down what it did, and tidies up.
        self.stage = Stage::Opening;
        self.sheet = None;
        // The rest of the file is the user's, and may have been changed by the command.
        let rest = self.saving.rest(&self.settings);
        let save = if is_kept || rest.is_some() {
            let change = move |now: &Settings| {
                let mut new = rest.map_or_else(|| now.clone(), |rest| rest(now));
                new.window = if is_kept { window } else { new.window };
                new
            };
            task::window::change(&self.wiring, self.data.clone(), change)
                .map(|saved| {
                    if let Err(problem) = saved {
                        tracing::warn!("where the window was is not kept: {}", problem.what);
                    }
                })
                .discard()
        } else {
            Task::none()
        };
        let wait = if goes_on { TIDYING } else { Duration::ZERO };
        save.chain(Task::perform(tokio::time::sleep(wait), |()| Message::Gone))
    }
}
