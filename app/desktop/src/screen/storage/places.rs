//! Where the store's bytes are, as bars with their names.

use app::ports::Accounts;
use iced::widget::{Row, column, row, text};
use iced::{Center, Element};

use super::Message;
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::meter::{Look, Meter};
use crate::widget::page;
use crate::words;

/// How high a bar is, at normal size.
const HEIGHT: f32 = 22.0;

/// The bars of the quota and of the device.
pub(super) fn view<'a>(accounts: &Accounts, cx: &Context<'_>) -> Element<'a, Message> {
    let Accounts { live, index, reserved, quota, free, .. } = *accounts;
    let used = live.saturating_add(index).saturating_add(reserved);
    let left = quota.saturating_sub(used);
    let taken = live.saturating_add(index);
    let quota_line = format!(
        "{} of the quota of {} are taken or promised, {} are left",
        words::bytes(used),
        words::bytes(quota),
        words::bytes(left)
    );
    let parts = [
        (Look::Solid, live, "models"),
        (Look::Lined, index, "index"),
        (Look::Dotted, reserved, "promised to imports"),
        (Look::Empty, left, "left"),
    ];
    let device = [(Look::Solid, taken, "this library"), (Look::Empty, free, "free")];
    let device_line =
        format!("{} are free on the device that the library lies on", words::bytes(free));
    let warning = if used > quota {
        Some(
            "The library takes more than its quota. What is kept stays; nothing new fits until \
             something is forgotten or the quota is raised.",
        )
    } else if free < left {
        Some(
            "The device has less room than the quota leaves: imports end where the device is full.",
        )
    } else {
        None
    };
    let warning = warning.map(|words| page::note(cx, page::body(cx, words), style::warned));
    column![bar(&quota_line, &parts, cx), bar(&device_line, &device, cx)]
        .push(warning)
        .spacing(cx.space(Space::Wide))
        .into()
}

fn bar<'a>(
    line: &str,
    parts: &[(Look, u64, &'static str)],
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let sizes: Vec<(Look, u64)> = parts.iter().map(|(look, size, _)| (*look, *size)).collect();
    let names = parts.iter().map(|(look, size, name)| {
        let words = format!("{name} {}", words::bytes(*size));
        row![
            Meter::swatch(*look, cx.text(Text::Body)),
            page::body(cx, words).wrapping(text::Wrapping::None)
        ]
        .spacing(cx.space(Space::Hair) + 2.0)
        .align_y(Center)
        .into()
    });
    let names = Row::with_children(names)
        .spacing(cx.space(Space::Wide))
        .wrap()
        .vertical_spacing(cx.space(Space::Hair));
    column![
        page::muted(cx, line.to_owned()),
        Meter::new(sizes, (cx.scale.factor() * HEIGHT).round()),
        names
    ]
    .spacing(cx.space(Space::Narrow))
    .into()
}
