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
        Provenance::LocalFile => {
            let what = "A file on this machine was checked. Nothing was fetched, and the receipt \
                        does not say where the file came from.";
            return page::muted(desk, what).into();
        }
        Provenance::Peers { peers, local_pieces, local_bytes } => {
            (peers, *local_pieces, *local_bytes)
        }
    };
    let given: u64 = peers.iter().fold(0, |sum, peer| sum.saturating_add(peer.bytes));
    let mut lines =
        vec![page::muted(desk, sentence(peers.len() as u64, given, local_bytes)).into()];
    for peer in peers {
        let name = desk.name(peer.id);
        let short = short_peer(peer.id);
        let name = if name == short { name } else { format!("{name} ({short})") };
        lines.push(line(desk, name, peer.pieces, peer.bytes, summary.byte_count));
    }
    if local_pieces > 0 {
        let name = "already in the library".to_owned();
        lines.push(line(desk, name, local_pieces, local_bytes, summary.byte_count));
    }
    Column::with_children(lines).spacing(desk.space(Space::Narrow)).width(Fill).into()
}

fn sentence(peers: u64, given: u64, local: u64) -> String {
    match (peers, local) {
        (0, _) => "Every piece was in the library already; nobody gave any.".to_owned(),
        (_, 0) => format!("{} gave {}.", words::count(peers, "peer"), words::bytes(given)),
        _ => format!(
            "{} gave {}; {} were in the library already.",
            words::count(peers, "peer"),
            words::bytes(given),
            words::bytes(local)
        ),
    }
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
