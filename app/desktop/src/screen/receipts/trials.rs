//! What came of each check, a sentence each.

use app::receipts::{explain, name};
use app::verify::Finding;
use iced::widget::{Column, column, row, text};
use iced::{Element, Fill, Theme};

use crate::context::Context;
use crate::theme::{Space, tones};
use crate::widget::page;

/// The checks, in the order of a receipt.
pub(super) fn view<'a, Message: 'a>(
    cx: &Context<'_>,
    findings: impl IntoIterator<Item = (&'a str, Finding)>,
) -> Element<'a, Message> {
    let lines = findings.into_iter().map(|(key, finding)| {
        let colour = move |theme: &Theme| {
            let palette = theme.palette();
            let color = match finding {
                Finding::Pass => palette.primary,
                Finding::Failed => palette.danger,
                Finding::Unverified => palette.warning,
                _ => tones(theme).muted,
            };
            text::Style { color: Some(color) }
        };
        let word = page::body(cx, word(finding)).style(colour);
        let what = column![page::body(cx, name(key)), page::muted(cx, explain(key, finding))];
        row![word.width(cx.scale.factor() * 96.0), what.width(Fill)]
            .spacing(cx.space(Space::Normal))
            .into()
    });
    Column::with_children(lines).spacing(cx.space(Space::Narrow)).width(Fill).into()
}

/// What came of a check, in a word or two.
const fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Pass => "Passed",
        Finding::NotPresent => "Not present",
        Finding::Unverified => "Unverified",
        Finding::NoFault => "No fault",
        Finding::Failed => "Failed",
        Finding::NotReached => "Not reached",
    }
}
