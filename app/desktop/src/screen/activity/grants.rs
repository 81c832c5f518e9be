//! The grants that are live, and taking them back.

use app::ports::Standing;
use app::problem::Problem;
use iced::widget::{Column, Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Padding};
use verifier::scalars::Id;

use super::{Message, line};
use crate::context::Context;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

/// The most grants that get a line; `Revoke all` is about every one.
const MOST: usize = 200;
/// How many grants are in sight before they scroll by themselves.
const IN_SIGHT: usize = 3;

/// The live grants with a button each, always at the top of the screen.
pub(super) fn view<'a>(
    cx: &Context<'a>,
    live: &Result<Vec<Standing>, Problem>,
    revoking: &[Id],
    trouble: Option<&Problem>,
) -> Element<'a, Message> {
    let live = match live {
        Ok(live) => live,
        Err(problem) => {
            let what = page::muted(cx, "Nothing moves while the consents cannot be read.");
            let parts = column![page::problem(cx, problem, Vec::new()), what];
            return page::section(cx, "Grants", parts.spacing(cx.space(Space::Narrow))).into();
        }
    };
    let count = live.len() as u64;
    let ahead = live.iter().filter(|standing| standing.begins(cx.now).is_some()).count() as u64;
    let mut name = match count.saturating_sub(ahead) {
        0 => "No grant is live".to_owned(),
        1 => "1 grant is live".to_owned(),
        now => format!("{} grants are live", words::grouped(now)),
    };
    if ahead > 0 {
        name.push_str(&format!(", {} will be", words::grouped(ahead)));
    }
    let mut head = row![page::heading(cx, name), Gap::new().width(Fill)].align_y(Center);
    if count > 1 {
        let ready = live.iter().any(|standing| !revoking.contains(standing.grant.id()));
        head = head.push(
            page::button(cx, "Revoke all", Kind::Danger)
                .on_press_maybe(ready.then_some(Message::RevokeAll)),
        );
    }
    let mut parts = column![head].spacing(cx.space(Space::Narrow));
    if let Some(problem) = trouble {
        parts = parts.push(page::problem(cx, problem, Vec::new()));
    }
    if live.is_empty() {
        let what = "Nothing can be served, fetched, imported, kept or published until you agree \
                    to it again.";
        return page::card(cx, parts.push(page::muted(cx, what))).into();
    }
    let lines = live.iter().take(MOST).map(|standing| line_of(cx, standing, revoking));
    let more = live.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| {
        let what = format!("{} more are live, which end later.", words::grouped(more));
        page::muted(cx, what).into()
    });
    let lines =
        Column::with_children(lines.chain(more)).spacing(cx.space(Space::Narrow)).width(Fill);
    let parts = if live.len() > IN_SIGHT {
        let rail = Padding::default().right(cx.space(Space::Normal));
        let height = cx.scale.factor() * 168.0;
        parts.push(container(page::scroll(container(lines).padding(rail))).max_height(height))
    } else {
        parts.push(lines)
    };
    page::card(cx, parts).into()
}

fn line_of<'a>(cx: &Context<'a>, standing: &Standing, revoking: &[Id]) -> Element<'a, Message> {
    let grant = &standing.grant;
    let what = line::allowed(cx, grant);
    let until = format!(
        "{}until {}, over {}",
        standing
            .begins(cx.now)
            .map(|from| format!("from {} ", words::minute(from)))
            .unwrap_or_default(),
        words::minute(grant.expires()),
        words::until(cx.now, grant.expires())
    );
    let used = format!("{} of {}", words::bytes(standing.used), words::bytes(grant.byte_limit()));
    let is_leaving = revoking.contains(grant.id());
    let label = if is_leaving { "Revoking…" } else { "Revoke" };
    let revoke = page::button(cx, label, Kind::Danger)
        .on_press_maybe((!is_leaving).then(|| Message::Revoke(grant.id().clone())));
    let bar = page::bar(cx, page::fraction(standing.used, grant.byte_limit()));
    row![
        column![page::body(cx, what), page::small(cx, until)].width(Fill),
        column![page::small(cx, used).wrapping(text::Wrapping::None), bar]
            .spacing(cx.space(Space::Hair))
            .width(cx.scale.factor() * 150.0),
        revoke
    ]
    .spacing(cx.space(Space::Normal))
    .align_y(Center)
    .into()
}
