//! Where the pieces of an artifact came from, as its receipt says.

use app::naming::short_peer;
use app::receipts::{Provenance, Summary};
use iced::widget::{Column, column, row, text};
use iced::{Center, Element, Fill};

use crate::context::Context;
use crate::theme::Space;
use crate::widget::page;
use crate::words;

/// A bar for each source.
pub(super) fn view<'a, Message: 'a>(cx: &Context<'_>, summary: &Summary) -> Element<'a, Message> {
    let (peers, local_pieces, local_bytes) = match &summary.provenance {
        Provenance::LocalFile => return page::muted(cx, summary.provenance.sentence()).into(),
        Provenance::Peers { peers, local_pieces, local_bytes } => {
            (peers, *local_pieces, *local_bytes)
        }
    };
    let mut lines = vec![page::muted(cx, summary.provenance.sentence()).into()];
    for peer in peers {
        let name = cx.name(peer.id);
        let short = short_peer(peer.id);
        let name = if name == short { name } else { format!("{name} ({short})") };
        lines.push(line(cx, name, peer.pieces, peer.bytes, summary.byte_count));
    }
    if local_pieces > 0 {
        let name = "from no known peer".to_owned();
        lines.push(line(cx, name, local_pieces, local_bytes, summary.byte_count));
    }
    Column::with_children(lines).spacing(cx.space(Space::Narrow)).width(Fill).into()
}

fn line<'a, Message: 'a>(
    cx: &Context<'_>,
    name: String,
    pieces: u64,
    bytes: u64,
    whole: u64,
) -> Element<'a, Message> {
    let amount = format!("{}, {}", words::count(pieces, "piece"), words::bytes(bytes));
    let one = text::Wrapping::None;
    column![
        row![
            page::body(cx, page::printable(&name)).width(Fill),
            page::muted(cx, amount).wrapping(one)
        ]
        .spacing(cx.space(Space::Normal))
        .align_y(Center),
        page::bar(cx, page::fraction(bytes, whole))
    ]
    .spacing(cx.space(Space::Hair))
    .into()
}
