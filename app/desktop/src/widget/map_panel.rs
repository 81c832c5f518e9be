//! A piece map with all that belongs to it: what the colours tell, the legend, zoom, and the facts
//! of a piece in words.

use iced::advanced::widget::Id;
use iced::widget::{Space as Gap, column, container, row};
use iced::{Center, Element, Fill, Length};
use verifier::PieceIndex;
use verifier::scalars::UtcTime;

use super::control::Kind;
use super::page;
use super::piece_map::{self, Colouring, PieceMap, Pieces, State, Zoom};
use crate::context::Context;
use crate::screen::Errand;
use crate::theme::{Space, style};
use crate::words;

/// What the user chose of a map; the pieces come from whoever shows it.
#[derive(Debug, Clone)]
pub struct MapPanel {
    id: Id,
    shows: Shows,
    hovered: Option<PieceIndex>,
    selected: Option<PieceIndex>,
}

/// What colours and patterns tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// How far each piece has come.
    State,
    /// Who gave each piece.
    Source,
    /// How long ago each piece was last verified.
    Age,
}

impl Shows {
    fn colouring(self, now: UtcTime) -> Colouring {
        match self {
            Self::State => Colouring::State,
            Self::Source => Colouring::Source,
            // To the minute, so that the picture is not drawn anew for every frame.
            Self::Age => Colouring::Age(UtcTime::from_unix(now.unix() / 60 * 60)),
        }
    }
}

/// What the user does to a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Something on the map itself.
    Map(piece_map::Event),
    /// Tell something else apart.
    Show(Shows),
    /// Zoom.
    Zoom(Zoom),
}

impl MapPanel {
    /// A panel whose map has a name of its own, for zooming.
    pub fn new(name: &'static str, shows: Shows) -> Self {
        Self { id: Id::new(name), shows, hovered: None, selected: None }
    }

    /// Another artifact is shown: what was chosen of the last one is forgotten.
    pub fn reset(&mut self) {
        (self.hovered, self.selected) = (None, None);
    }

    /// Hears what the user does; an errand, if the window has to do something.
    pub fn update(&mut self, message: Message) -> Option<Errand> {
        match message {
            Message::Map(piece_map::Event::Hovered(index)) => self.hovered = index,
            Message::Map(piece_map::Event::Selected(index)) => self.selected = Some(index),
            Message::Show(shows) => self.shows = shows,
            Message::Zoom(zoom) => return Some(Errand::Zoom(self.id.clone(), zoom)),
        }
        None
    }

    /// The map and its parts; it takes the room it is given.
    pub fn view<'a>(&self, cx: &Context<'_>, pieces: &Pieces) -> Element<'a, Message> {
        let name = |peer| cx.name(peer);
        let colouring = self.shows.colouring(cx.now);
        let tab =
            |label, shows| page::tab(cx, label, self.shows == shows, Message::Show(shows)).into();
        let zoom = |label, zoom| {
            page::button(cx, label, Kind::Plain).padding([4.0, 10.0]).on_press(Message::Zoom(zoom))
        };
        let tabs: [Element<'a, Message>; 3] = [
            tab("By state", Shows::State),
            tab("By peer", Shows::Source),
            tab("By age", Shows::Age),
        ];
        let head = row![
            iced::widget::Row::with_children(tabs),
            Gap::new().width(Fill),
            zoom("−", Zoom::Farther),
            zoom("+", Zoom::Closer),
            zoom("Whole", Zoom::Whole)
        ]
        .spacing(cx.space(Space::Hair))
        .align_y(Center);
        let map = PieceMap::new(pieces, Message::Map)
            .colouring(colouring)
            .selected(self.selected)
            .scale_factor(cx.scale_factor)
            .id(self.id.clone())
            .width(Fill)
            .height(Fill);
        let legend = piece_map::legend(
            piece_map::entries(pieces, colouring, name),
            cx.scale,
            cx.scale_factor,
        );
        let mut summary = pieces.tally().summary();
        if let Some(oldest) = pieces.oldest() {
            summary.push_str(&format!("; oldest check: {}", words::day_or_time(cx.now, oldest)));
        }
        column![
            head,
            container(map).padding(2.0).height(Fill).style(style::sunken),
            legend,
            page::body(cx, summary),
            self.facts(cx, pieces)
        ]
        .spacing(cx.space(Space::Narrow))
        .width(Fill)
        .height(Fill)
        .into()
    }

    /// What is known of the piece under the pointer, else of the selected one.
    fn facts<'a>(&self, cx: &Context<'_>, pieces: &Pieces) -> Element<'a, Message> {
        let facts = self.hovered.or(self.selected).and_then(|index| pieces.facts(index));
        let line = facts.map_or_else(
            || match pieces.next(State::Corrupt, None) {
                Some(_) => "n and p go to the next and the previous corrupt piece.".to_owned(),
                None => "Point at a piece, or move with the arrow keys.".to_owned(),
            },
            |facts| facts.line(|peer| cx.name(peer)),
        );
        // Two lines high, so that nothing moves when a piece is named.
        let height = Length::Fixed(cx.text(crate::theme::Text::Small) * 2.8);
        container(page::small(cx, line)).height(height).width(Fill).into()
    }
}
