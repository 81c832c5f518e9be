//! What is shown of an import that runs.

use app::import::live::{History, Peer, Presence, Snapshot, Stage};
use app::quantity::Span;
use iced::widget::{Column, Row, Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Length, Theme};

use super::{Halt, Message, Progress, Running, Shot};
use crate::desk::Desk;
use crate::theme::{Space, Text};
use crate::widget::control::Kind;
use crate::widget::graph::{self, Graph};
use crate::widget::map_panel::MapPanel;
use crate::widget::page;
use crate::widget::piece_map::{Look, Swatch};
use crate::words;

/// Whether map and peers have room beside each other.
pub(in crate::screen::import) fn is_wide(desk: &Desk<'_>) -> bool {
    desk.size.width >= desk.scale.factor() * 940.0
        && desk.size.height >= desk.scale.factor() * 640.0
}

impl Running {
    pub(in crate::screen::import) fn view<'a>(&'a self, desk: &Desk<'_>) -> Element<'a, Message> {
        match &self.progress {
            Progress::Starting => {
                let parts = column![
                    self.head(desk),
                    page::muted(desk, "Your yes is written down; making room in the library.")
                ];
                page::card(desk, parts.spacing(desk.space(Space::Narrow))).into()
            }
            Progress::Heard(shot) => self.heard(desk, shot),
        }
    }

    fn head<'a>(&'a self, desk: &Desk<'_>) -> Element<'a, Message> {
        let cancel = match self.halt {
            Halt::Ready(_) => page::button(desk, "Cancel", Kind::Danger).on_press(Message::Cancel),
            Halt::Said => page::button(desk, "Stopping…", Kind::Danger),
        };
        let title =
            page::heading(desk, page::printable(&format!("Importing {}", self.subject.name)));
        row![title.width(Fill), cancel].spacing(desk.space(Space::Normal)).align_y(Center).into()
    }

    fn heard<'a>(&'a self, desk: &Desk<'_>, shot: &'a Shot) -> Element<'a, Message> {
        let live = &shot.live;
        let progress = column![
            self.head(desk),
            page::bar(desk, page::fraction(live.kept, live.total)),
            numbers(desk, live),
            page::muted(desk, page::printable(&page::capital(&live.sentence)))
        ]
        .spacing(desk.space(Space::Narrow));
        let progress = page::card(desk, progress);
        let side = column![speed(desk, &live.history, live.rate), peers(desk, shot)]
            .spacing(desk.space(Space::Normal));
        if is_wide(desk) {
            let width = Length::Fixed(desk.scale.factor() * 300.0);
            let parts = row![
                page::card(desk, map(desk, &self.panel, shot)).height(Fill),
                page::scroll(side).width(width).height(Fill)
            ]
            .spacing(desk.space(Space::Normal))
            .height(Fill);
            column![progress, parts].spacing(desk.space(Space::Normal)).height(Fill).into()
        } else {
            let height = Length::Fixed(desk.scale.factor() * 420.0);
            let map = page::card(desk, map(desk, &self.panel, shot)).height(height);
            column![progress, map, side].spacing(desk.space(Space::Normal)).into()
        }
    }
}

/// The map of an import, which takes the room it is given.
pub(in crate::screen::import) fn map<'a>(
    desk: &Desk<'_>,
    panel: &MapPanel,
    shot: &Shot,
) -> Element<'a, Message> {
    panel.view(desk, &shot.pieces).map(Message::Map)
}

fn numbers<'a>(desk: &Desk<'_>, live: &Snapshot) -> Element<'a, Message> {
    let span = |seconds| Span(seconds).to_string();
    let percent = u128::from(live.kept) * 100 / u128::from(live.total.max(1));
    let kept = words::bytes(live.kept);
    let pieces = words::grouped(live.pieces_kept.into());
    let mut parts = vec![
        format!("{percent} %"),
        format!("{kept} of {} kept", words::bytes(live.total)),
        format!("{pieces} of {}", words::count(live.pieces.into(), "piece")),
    ];
    if live.stage <= Stage::Fetching {
        parts.push(words::rate(live.rate));
        parts.push(match live.left {
            Some(left) => format!("{} left", span(left.as_secs())),
            None => "time left not known".to_owned(),
        });
    }
    parts.push(format!("{} so far", span(live.elapsed.as_secs())));
    let parts = parts.into_iter().map(|part| page::body(desk, part).into());
    Row::with_children(parts)
        .spacing(desk.space(Space::Wide))
        .wrap()
        .vertical_spacing(desk.space(Space::Hair))
        .into()
}

fn speed<'a>(desk: &Desk<'_>, history: &History, rate: u64) -> Element<'a, Message> {
    let name = row![page::heading(desk, "Speed").width(Fill), page::body(desk, words::rate(rate))]
        .align_y(Center);
    let graph = graph::view(desk, Graph::new(history));
    page::card(desk, column![name, graph].spacing(desk.space(Space::Narrow))).into()
}

fn peers<'a>(desk: &Desk<'_>, shot: &Shot) -> Element<'a, Message> {
    let lines = shot.live.peers.iter().map(|peer| one(desk, peer, shot));
    let lines = Column::with_children(lines).spacing(desk.space(Space::Normal));
    let parts = column![page::heading(desk, "Who has it"), lines];
    page::card(desk, parts.spacing(desk.space(Space::Narrow))).into()
}

fn one<'a>(desk: &Desk<'_>, peer: &Peer, shot: &Shot) -> Element<'a, Message> {
    let side = desk.text(Text::Small);
    let place = shot.pieces.peers().iter().position(|known| *known == peer.id);
    // The colour that its pieces have on the map, once it has one.
    let colour: Element<'a, Message> = match place {
        Some(place) => Swatch::new(Look::peer(place), side, desk.scale_factor).into(),
        None => Gap::new().width(side).height(side).into(),
    };
    let rate = match peer.presence {
        Presence::Connected => words::rate(peer.rate),
        _ => String::new(),
    };
    let head = row![
        container(colour).center_y(desk.text(Text::Body) * 1.3),
        page::body(desk, page::printable(&peer.label)).width(Fill),
        page::body(desk, rate)
    ]
    .spacing(desk.space(Space::Narrow))
    .align_y(Center);
    let danger = |theme: &Theme| text::Style { color: Some(theme.palette().danger) };
    let gave =
        format!("gave {} in {}", words::bytes(peer.bytes), words::count(peer.pieces, "piece"));
    let holds = words::count(peer.holds.into(), "wanted piece");
    let presence = match &peer.presence {
        Presence::Called => page::small(desk, format!("being called; offers {holds}")),
        Presence::Connected => page::small(desk, format!("connected; {gave}; had {holds}")),
        Presence::Lost { why } => {
            page::small(desk, page::printable(&format!("not connected: it {why}; {gave}")))
        }
        Presence::NotAsked => {
            let line = format!("not asked any more: your yes for it has ended; {gave}");
            page::small(desk, line)
        }
        Presence::Banned { code, why, lied } => {
            let what = if *lied { "lied and is banned" } else { "is left out of this import" };
            let line = format!("{what}: {code}, it {why}");
            page::small(desk, page::printable(&line)).style(danger)
        }
    };
    column![head, presence].spacing(2.0).into()
}
