//! What the colours and patterns of a map mean.

use std::cell::RefCell;

use iced::advanced::image::{self, Handle, Renderer as _};
use iced::advanced::widget::{Tree, tree};
use iced::advanced::{Layout, Widget, layout as space, mouse, renderer};
use iced::widget::{row, text};
use iced::{Center, Element, Length, Rectangle, Renderer, Size, Theme};
use verifier::identity::PeerId;

use super::layout::pixels;
use super::look::{Age, Colouring, Look};
use super::piece::State;
use super::pieces::Pieces;
use super::raster;
use crate::theme::{self, FONT, PEERS, PieceColours, Scale, Space, Text};

/// One line of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How the cells look.
    pub look: Look,
    /// What they are.
    pub label: String,
    /// How many pieces there are of it, where that is counted.
    pub pieces: Option<u32>,
}

impl Entry {
    /// The line in words: `3 missing`, `anna: 3`.
    pub fn words(&self) -> String {
        match (self.look, self.pieces) {
            (_, None) => self.label.clone(),
            (Look::State(_), Some(count)) => format!("{count} {}", self.label),
            (_, Some(count)) => format!("{}: {count}", self.label),
        }
    }
}

/// What the colours and patterns of a map mean, with each peer called as `name` says.
///
/// States of which there is no piece are left out, but for kept, missing and corrupt.
pub fn entries(
    pieces: &Pieces,
    colouring: Colouring,
    name: impl Fn(PeerId) -> String,
) -> Vec<Entry> {
    let tally = pieces.tally();
    let entry = |look, label: &str, pieces| Entry { look, label: label.to_owned(), pieces };
    let state = |state: State| entry(Look::State(state), state.as_str(), Some(tally.of(state)));
    let always = [State::Kept, State::Missing, State::Corrupt];
    let shown = |it: &State| always.contains(it) || tally.of(*it) > 0;
    let bad = State::ALL.into_iter().filter(|state| !state.is_good()).filter(shown).map(state);
    let mut entries = Vec::new();
    match colouring {
        Colouring::State => {
            entries.extend(State::ALL.into_iter().filter(shown).map(state));
            return entries;
        }
        Colouring::Source => {
            let peers = pieces.peers().iter().enumerate();
            entries.extend(peers.clone().take(PEERS).map(|(place, peer)| Entry {
                look: Look::peer(place),
                label: name(*peer),
                pieces: Some(tally.peer(place)),
            }));
            let others: u32 = peers.skip(PEERS).map(|(place, _)| tally.peer(place)).sum();
            let rest = [
                (Look::OtherPeer, "other peers", others),
                (Look::Local, "no known peer", tally.local()),
                (Look::Unknown, "source not known", tally.unknown()),
            ];
            let rest = rest.into_iter().filter(|(_, _, count)| *count > 0);
            entries.extend(rest.map(|(look, label, count)| entry(look, label, Some(count))));
        }
        Colouring::Age(_) => entries.extend(
            [
                (Age::Hour, "verified within the hour"),
                (Age::Day, "within a day"),
                (Age::Week, "within a week"),
                (Age::Month, "within 30 days"),
                (Age::Older, "longer ago"),
                (Age::Unknown, "not known when"),
            ]
            .map(|(age, label)| entry(Look::Age(age), label, None)),
        ),
    }
    entries.extend(bad);
    entries
}

/// The legend as a line of swatches and words, broken where it is too long.
pub fn legend<'a, Message: 'a>(
    entries: impl IntoIterator<Item = Entry>,
    scale: Scale,
    scale_factor: f32,
) -> Element<'a, Message> {
    let size = scale.text(Text::Small);
    let items = entries.into_iter().map(|entry| {
        let words = entry.words();
        row![Swatch::new(entry.look, size + 2.0, scale_factor), text(words).size(size).font(FONT)]
            .spacing(scale.space(Space::Hair) + 2.0)
            .align_y(Center)
            .into()
    });
    iced::widget::Row::with_children(items)
        .spacing(scale.space(Space::Normal))
        .wrap()
        .vertical_spacing(scale.space(Space::Hair))
        .into()
}

/// One cell of a look, to stand beside its name.
#[derive(Debug, Clone, Copy)]
pub struct Swatch {
    look: Look,
    side: f32,
    scale_factor: f32,
}

impl Swatch {
    /// A cell of the side, in logical pixels, each so many physical ones.
    pub const fn new(look: Look, side: f32, scale_factor: f32) -> Self {
        Self { look, side, scale_factor }
    }
}

/// The picture of a swatch, and what it was drawn for.
type Drawn = RefCell<Option<((Look, u32, &'static PieceColours), Handle)>>;

impl<Message> Widget<Message, Theme, Renderer> for Swatch {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Drawn>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Drawn::default())
    }

    fn size(&self) -> Size<Length> {
        Size::new(Length::Fixed(self.side), Length::Fixed(self.side))
    }

    fn layout(&mut self, _: &mut Tree, _: &Renderer, _: &space::Limits) -> space::Node {
        space::Node::new(Size::new(self.side, self.side))
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        _: &renderer::Style,
        layout: Layout<'_>,
        _: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        let side = pixels(self.side * self.scale_factor).max(1);
        let colours = theme::pieces(theme);
        let mut drawn = tree.state.downcast_ref::<Drawn>().borrow_mut();
        let wanted = (self.look, side, colours);
        let handle = match &*drawn {
            Some((last, handle)) if *last == wanted => handle.clone(),
            _ => {
                let handle = raster::swatch(self.look, side, colours).into_handle();
                *drawn = Some((wanted, handle.clone()));
                handle
            }
        };
        let picture = image::Image::new(handle).filter_method(image::FilterMethod::Nearest);
        renderer.draw_image(picture.snap(true), layout.bounds(), *viewport);
    }
}

impl<'a, Message: 'a> From<Swatch> for Element<'a, Message> {
    fn from(swatch: Swatch) -> Self {
        Self::new(swatch)
    }
}
