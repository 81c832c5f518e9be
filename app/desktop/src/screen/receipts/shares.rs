//! Where the pieces of an artifact came from, as its receipt says.

use app::naming::short_peer;
use app::receipts::{Provenance, Summary};
use iced::widget::{Column, column, row, text};
use iced::{Center, Element, Fill};

use crate::desk::Desk;
use crate::theme::Space;
use crate::widget::page;
use crate::words;

/// A bar for each source.
pub(super) fn view<'a, Message: 'a>(desk: &Desk<'_>, summary: &Summary) -> Element<'a, Message> {
    let (peers, local_pieces, local_bytes) = match &summary.provenance {
        Provenance::LocalFile => return page::muted(desk, summary.provenance.sentence()).into(),
        Provenance::Peers { peers, local_pieces, local_bytes } => {
            (peers, *local_pieces, *local_bytes)
        }
    };
    let mut lines = vec![page::muted(desk, summary.provenance.sentence()).into()];
    for peer in peers {
        let name = desk.name(peer.id);
        let short = short_peer(peer.id);
        let name = if name == short { name } else { format!("{name} ({short})") };
        lines.push(line(desk, name, peer.pieces, peer.bytes, summary.byte_count));
    }
    if local_pieces > 0 {
        let name = "from no known peer".to_owned();
        lines.push(line(desk, name, local_pieces, local_bytes, summary.byte_count));
    }
    Column::with_children(lines).spacing(desk.space(Space::Narrow)).width(Fill).into()
}

fn line<'a, Message: 'a>(
    desk: &Desk<'_>,
    name: String,
    pieces: u64,
    bytes: u64,
    whole: u64,
) -> Element<'a, Message> {
    let amount = format!("{}, {}", words::count(pieces, "piece"), words::bytes(bytes));
    let one = text::Wrapping::None;
    column![
        row![
            page::body(desk, page::printable(&name)).width(Fill),
            page::muted(desk, amount).wrapping(one)
        ]
        .spacing(desk.space(Space::Normal))
        .align_y(Center),
        page::bar(desk, page::fraction(bytes, whole))
    ]
    .spacing(desk.space(Space::Hair))
    .into()
}
