//! What is shown of an import that runs.

use app::import::live::{History, Peer, Presence, Snapshot, Stage};
use app::quantity::Span;
use iced::widget::{Column, Row, Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Length, Theme};

use super::{Halt, Message, Progress, Running, Shot};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::Kind;
use crate::widget::graph::{self, Graph};
use crate::widget::map_panel::MapPanel;
use crate::widget::page;
use crate::widget::piece_map::{Look, Swatch};
use crate::words;

/// Whether map and peers have room beside each other.
pub(in crate::screen::import) fn is_wide(cx: &Context<'_>) -> bool {
    cx.size.width >= cx.scale.factor() * 940.0 && cx.size.height >= cx.scale.factor() * 640.0
}

impl Running {
    pub(in crate::screen::import) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        match &self.progress {
            Progress::Starting => {
                let parts = column![
                    self.head(cx),
                    page::muted(cx, "Your yes is written down; making room in the library.")
                ];
                page::card(cx, parts.spacing(cx.space(Space::Narrow))).into()
            }
            Progress::Heard(shot) => self.heard(cx, shot),
        }
    }

    fn head<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let cancel = match self.halt {
            Halt::Ready(_) => page::button(cx, "Cancel", Kind::Danger).on_press(Message::Cancel),
            Halt::Said => page::button(cx, "Stopping…", Kind::Danger),
        };
        let title = page::heading(cx, page::printable(&format!("Importing {}", self.subject.name)));
        row![title.width(Fill), cancel].spacing(cx.space(Space::Normal)).align_y(Center).into()
    }

    fn heard<'a>(&'a self, cx: &Context<'_>, shot: &'a Shot) -> Element<'a, Message> {
        let live = &shot.live;
        let progress = column![
            self.head(cx),
            page::bar(cx, page::fraction(live.kept, live.total)),
            numbers(cx, live),
            sentence(cx, live)
        ]
        .spacing(cx.space(Space::Narrow));
        let progress = page::card(cx, progress);
        let side = column![speed(cx, &live.history, live.rate), peers(cx, shot)]
            .spacing(cx.space(Space::Normal));
        if is_wide(cx) {
            let width = Length::Fixed(cx.scale.factor() * 300.0);
            let parts = row![
                page::card(cx, map(cx, &self.panel, shot)).height(Fill),
                page::scroll(side).width(width).height(Fill)
            ]
            .spacing(cx.space(Space::Normal))
            .height(Fill);
            column![progress, parts].spacing(cx.space(Space::Normal)).height(Fill).into()
        } else {
            let height = Length::Fixed(cx.scale.factor() * 420.0);
            let map = page::card(cx, map(cx, &self.panel, shot)).height(height);
            column![progress, map, side].spacing(cx.space(Space::Normal)).into()
        }
    }
}

/// The map of an import, which takes the room it is given.
pub(in crate::screen::import) fn map<'a>(
    cx: &Context<'_>,
    panel: &MapPanel,
    shot: &Shot,
) -> Element<'a, Message> {
    panel.view(cx, &shot.pieces).map(Message::Map)
}

/// What it waits for; a frame that warns, where that is the user's to see to.
fn sentence<'a>(cx: &Context<'_>, live: &Snapshot) -> Element<'a, Message> {
    let said = page::printable(&page::capital(&live.sentence));
    match live.paused {
        Some(_) => page::note(cx, page::body(cx, said), style::warned).into(),
        None => page::muted(cx, said).into(),
    }
}

fn numbers<'a>(cx: &Context<'_>, live: &Snapshot) -> Element<'a, Message> {
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
    let parts = parts.into_iter().map(|part| page::body(cx, part).into());
    Row::with_children(parts)
        .spacing(cx.space(Space::Wide))
        .wrap()
        .vertical_spacing(cx.space(Space::Hair))
        .into()
}

fn speed<'a>(cx: &Context<'_>, history: &History, rate: u64) -> Element<'a, Message> {
    let name = row![page::heading(cx, "Speed").width(Fill), page::body(cx, words::rate(rate))]
        .align_y(Center);
    let graph = graph::view(cx, Graph::new(history));
    page::card(cx, column![name, graph].spacing(cx.space(Space::Narrow))).into()
}

fn peers<'a>(cx: &Context<'_>, shot: &Shot) -> Element<'a, Message> {
    let lines = shot.live.peers.iter().map(|peer| one(cx, peer, shot));
    let lines = Column::with_children(lines).spacing(cx.space(Space::Normal));
    let parts = column![page::heading(cx, "Who has it"), lines];
    page::card(cx, parts.spacing(cx.space(Space::Narrow))).into()
}

fn one<'a>(cx: &Context<'_>, peer: &Peer, shot: &Shot) -> Element<'a, Message> {
    let side = cx.text(Text::Small);
    let place = shot.pieces.peers().iter().position(|known| *known == peer.id);
    // The colour that its pieces have on the map, once it has one.
    let colour: Element<'a, Message> = match place {
        Some(place) => Swatch::new(Look::peer(place), side, cx.scale_factor).into(),
        None => Gap::new().width(side).height(side).into(),
    };
    let rate = match peer.presence {
        Presence::Connected => words::rate(peer.rate),
        _ => String::new(),
    };
    let head = row![
        container(colour).center_y(cx.text(Text::Body) * 1.3),
        page::body(cx, page::printable(&peer.label)).width(Fill),
        page::body(cx, rate)
    ]
    .spacing(cx.space(Space::Narrow))
    .align_y(Center);
    let danger = |theme: &Theme| text::Style { color: Some(theme.palette().danger) };
    let gave =
        format!("gave {} in {}", words::bytes(peer.bytes), words::count(peer.pieces, "piece"));
    let holds = words::count(peer.holds.into(), "wanted piece");
    let presence = match &peer.presence {
        Presence::Called => page::small(cx, format!("being called; offers {holds}")),
        Presence::Connected => page::small(cx, format!("connected; {gave}; had {holds}")),
        Presence::Lost { why } => {
            page::small(cx, page::printable(&format!("not connected: it {why}; {gave}")))
        }
        Presence::NotAsked { why } => {
            page::small(cx, page::printable(&format!("not asked any more: {why}; {gave}")))
        }
        Presence::Banned { code, why, lied } => {
            let what = if *lied { "lied and is banned" } else { "is left out of this import" };
            let line = format!("{what}: {code}, it {why}");
            page::small(cx, page::printable(&line)).style(danger)
        }
    };
    column![head, presence].spacing(2.0).into()
}
