//! What a map remembers between frames, and what it does when the user acts.

use std::cell::RefCell;

use iced::Size;
use iced::advanced::image::Handle;
use iced::advanced::widget::operation::Focusable;
use iced::keyboard::Modifiers;
use verifier::PieceIndex;

use super::layout::{Area, Plan, View, pixels};
use super::look::Colouring;
use super::pieces::Pieces;
use super::pointer::Held;
use super::{Event, Zoom, raster};
use crate::theme::PieceColours;

/// The height that a map takes of itself at most, in logical pixels.
const TALLEST: f32 = 640.0;

/// What a map remembers between frames.
#[derive(Debug, Default)]
pub(super) struct Memory {
    count: u32,
    density: f32,
    pub(super) view: View,
    pub(super) selected: Option<PieceIndex>,
    pub(super) hovered: Option<PieceIndex>,
    pub(super) focused: bool,
    /// The selection came from outside, and is to be brought in sight.
    reveal: bool,
    pub(super) held: Option<Held>,
    pub(super) modifiers: Modifiers,
    /// What the touchpad moved beyond the last whole notch, in logical pixels.
    pub(super) scrolled: f32,
    drawn: RefCell<Option<Drawn>>,
}

/// What the map last looked like, and why.
#[derive(Debug)]
struct Drawn {
    pieces: Pieces,
    area: Area,
    view: View,
    colouring: Colouring,
    colours: &'static PieceColours,
    handle: Handle,
}

/// What came of something that the user did.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) events: Vec<Event>,
    /// Nobody else is to act on it.
    pub(super) captured: bool,
}

/// What decides how the map is drawn, beside its pieces.
pub(super) type Shown = (View, Option<PieceIndex>, Option<PieceIndex>, bool);

impl Memory {
    /// Takes in what the screen shows now.
    pub(super) fn learn(
        &mut self,
        pieces: &Pieces,
        selected: Option<PieceIndex>,
        scale_factor: f32,
    ) {
        if self.count != pieces.count() {
            self.count = pieces.count();
            self.view = View::default();
            self.hovered = None;
            self.held = None;
        }
        self.density = scale_factor;
        self.reveal |= selected != self.selected;
        self.selected = selected;
    }

    /// Takes in the size, which may have changed.
    pub(super) fn settle(&mut self, size: Size) {
        let area = self.area(size);
        self.view = match self.selected.filter(|_| self.reveal) {
            Some(piece) => area.revealed(self.view, piece.get()),
            None => area.plan(self.view).view,
        };
        self.reveal = false;
    }

    pub(super) fn area(&self, size: Size) -> Area {
        let side = |length: f32| pixels(length * self.density);
        Area::new(Size::new(side(size.width), side(size.height)), self.density, self.count)
    }

    /// The height that gives every piece a cell of the side, within what there is.
    pub(super) fn height_for(&self, most: Size, side: f32) -> f32 {
        let area = self.area(Size::new(most.width, most.height.min(TALLEST)));
        f32::from(u16::try_from(area.height_for(side)).unwrap_or(u16::MAX)) / area.density
    }

    pub(super) fn shown(&self) -> Shown {
        (self.view, self.selected, self.hovered, self.focused)
    }

    pub(super) fn plan(&self, area: &Area) -> Plan {
        area.plan(self.view)
    }

    /// The picture of the map, drawn anew only if it would differ from the last one.
    pub(super) fn picture(
        &self,
        pieces: &Pieces,
        area: &Area,
        colouring: Colouring,
        colours: &'static PieceColours,
    ) -> Handle {
        let mut drawn = self.drawn.borrow_mut();
        if let Some(last) = drawn.as_ref()
            && last.pieces.is_same(pieces)
            && (last.area, last.view, last.colouring) == (*area, self.view, colouring)
            && std::ptr::eq(last.colours, colours)
        {
            return last.handle.clone();
        }
        let picture = raster::draw(pieces, area, &self.plan(area), colouring, colours);
        let handle = picture.into_handle();
        *drawn = Some(Drawn {
            pieces: pieces.clone(),
            area: *area,
            view: self.view,
            colouring,
            colours,
            handle: handle.clone(),
        });
        handle
    }

    /// Selects the piece and brings it in sight.
    pub(super) fn select(&mut self, area: &Area, piece: PieceIndex, answer: &mut Answer) {
        self.view = area.revealed(self.view, piece.get());
        if self.selected != Some(piece) {
            self.selected = Some(piece);
            answer.events.push(Event::Selected(piece));
        }
    }

    /// Zooms around the selected piece if it is seen, else around the middle.
    pub(super) fn zoom(&mut self, area: &Area, zoom: Zoom) {
        let map = self.plan(area).map;
        let selected = self.selected.map(PieceIndex::get).filter(|it| map.shown().contains(it));
        let cell = selected.and_then(|piece| map.cell_of(piece));
        let at = cell.map_or((area.width / 2, area.height / 2), |cell| map.rect(cell).middle());
        let piece = selected.unwrap_or_else(|| map.range(map.nearest(at)).start);
        match zoom {
            Zoom::Closer => self.view = area.zoomed(self.view, 1, piece, at),
            Zoom::Farther => self.view = area.zoomed(self.view, -1, piece, at),
            Zoom::Whole => self.view = View::default(),
        }
    }
}

impl Focusable for Memory {
    fn is_focused(&self) -> bool {
        self.focused
    }

    fn focus(&mut self) {
        self.focused = true;
    }

    fn unfocus(&mut self) {
        self.focused = false;
    }
}
