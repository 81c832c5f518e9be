//! The piece map: every piece of an artifact as a cell, by state, by source or by age.
//!
//! Few pieces get cells with gaps and patterns; many share pixels, and then the worst state under
//! a pixel shows, never an average: one corrupt piece among a million is a mark of three pixels.
//! However many there are, the map is one picture of exactly its size, redrawn only when what it
//! shows changes.
//!
//! The pointer names a piece ([`Event::Hovered`]), a click or the keyboard selects one
//! ([`Event::Selected`]); [`Pieces::facts`] says what is known of it, [`Tally::summary`] says the
//! whole in words and [`legend`] what the colours and patterns mean. The wheel, `+`, `-` and `0`
//! zoom; dragging, the touchpad and the overview at the edge move. With the keyboard in the map,
//! arrows, Home, End and the page keys move the selection, `n` and `p` take it to the next and the
//! previous piece in trouble, and Escape leaves.

mod brush;
mod facts;
mod grid;
mod hit;
mod keys;
mod layout;
mod legend;
mod look;
mod memory;
mod overlay;
mod pattern;
mod piece;
mod pieces;
mod pointer;
mod raster;
mod tally;
#[cfg(test)]
mod tests;

use iced::advanced::image::{self, Renderer as _};
use iced::advanced::widget::{Id, Operation, Tree, operate, tree};
use iced::advanced::{Clipboard, Layout, Shell, Widget, layout as space, mouse, renderer};
use iced::{Element, Length, Rectangle, Renderer, Size, Task, Theme};
use verifier::PieceIndex;

use crate::theme;
use layout::{Area, View};
use memory::{Answer, Memory};
use pointer::Place;

pub use facts::Facts;
pub use legend::{Entry, Swatch, entries, legend};
pub use look::{Age, Colouring, Look};
pub use piece::{Mark, State};
pub use pieces::Pieces;
pub use raster::Picture;
pub use tally::Tally;

/// The side of a cell in a map that is as high as it needs to be, in logical pixels.
const CELL: f32 = 18.0;

/// What a map tells of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The pointer is at this piece now, or at none. Where a cell stands for several pieces, it
    /// is the worst of them.
    Hovered(Option<PieceIndex>),
    /// The user chose this piece; the map expects to be told of it by [`PieceMap::selected`].
    Selected(PieceIndex),
}

/// How to change the zoom of a map from outside; see [`zoom`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    /// One step closer.
    Closer,
    /// One step farther.
    Farther,
    /// Back to the whole.
    Whole,
}

/// Zooms the map with this id, as its keys do.
pub fn zoom<Message: Send + 'static>(id: impl Into<Id>, zoom: Zoom) -> Task<Message> {
    operate(zooming(id.into(), zoom))
}

/// The operation of [`zoom`].
fn zooming<T>(id: Id, zoom: Zoom) -> impl Operation<T> {
    struct Zooming(Id, Zoom);

    impl<T> Operation<T> for Zooming {
        fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<T>)) {
            operate(self);
        }

        fn custom(&mut self, id: Option<&Id>, bounds: Rectangle, state: &mut dyn std::any::Any) {
            if let Some(memory) = state.downcast_mut::<Memory>().filter(|_| id == Some(&self.0)) {
                let area = memory.area(bounds.size());
                memory.zoom(&area, self.1);
            }
        }
    }

    Zooming(id, zoom)
}

/// The picture that a map of the size draws of the whole artifact, for whoever shows or saves it
/// without a window; the size is in physical pixels.
pub fn picture(
    pieces: &Pieces,
    size: Size<u32>,
    scale_factor: f32,
    colouring: Colouring,
    theme: &Theme,
) -> Picture {
    let area = Area::new(size, scale_factor, pieces.count());
    raster::draw(pieces, &area, &area.plan(View::default()), colouring, theme::pieces(theme))
}

/// The map of an artifact's pieces.
pub struct PieceMap<'a, Message> {
    pieces: Pieces,
    colouring: Colouring,
    selected: Option<PieceIndex>,
    scale_factor: f32,
    size: Size<Length>,
    id: Option<Id>,
    on: Box<dyn Fn(Event) -> Message + 'a>,
}

impl<'a, Message> PieceMap<'a, Message> {
    /// A map of the snapshot that fills the room it gets.
    pub fn new(pieces: &Pieces, on: impl Fn(Event) -> Message + 'a) -> Self {
        Self {
            pieces: pieces.clone(),
            colouring: Colouring::default(),
            selected: None,
            scale_factor: 1.0,
            size: Size::new(Length::Fill, Length::Fill),
            id: None,
            on: Box::new(on),
        }
    }

    /// Sets what colours and patterns tell apart.
    #[must_use]
    pub fn colouring(mut self, colouring: Colouring) -> Self {
        self.colouring = colouring;
        self
    }

    /// Sets the selected piece; the map moves so that it is seen when another one is selected.
    #[must_use]
    pub fn selected(mut self, selected: Option<PieceIndex>) -> Self {
        self.selected = selected;
        self
    }

    /// Sets how many physical pixels a logical one is, so that cells are sharp.
    #[must_use]
    pub fn scale_factor(mut self, scale_factor: f32) -> Self {
        self.scale_factor = scale_factor;
        self
    }

    /// Sets the width.
    #[must_use]
    pub fn width(mut self, width: impl Into<Length>) -> Self {
        self.size.width = width.into();
        self
    }

    /// Sets the height; [`Length::Shrink`] takes what large cells need, up to all there is.
    #[must_use]
    pub fn height(mut self, height: impl Into<Length>) -> Self {
        self.size.height = height.into();
        self
    }

    /// Sets the name by which [`zoom`] and the operations on focus find the map.
    #[must_use]
    pub fn id(mut self, id: impl Into<Id>) -> Self {
        self.id = Some(id.into());
        self
    }
}

impl<Message> Widget<Message, Theme, Renderer> for PieceMap<'_, Message> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Memory>()
    }

    fn state(&self) -> tree::State {
        let mut memory = Memory::default();
        memory.learn(&self.pieces, self.selected, self.scale_factor);
        tree::State::new(memory)
    }

    fn diff(&self, tree: &mut Tree) {
        let memory = tree.state.downcast_mut::<Memory>();
        memory.learn(&self.pieces, self.selected, self.scale_factor);
    }

    fn size(&self) -> Size<Length> {
        self.size
    }

    fn layout(&mut self, tree: &mut Tree, _: &Renderer, limits: &space::Limits) -> space::Node {
        let memory = tree.state.downcast_mut::<Memory>();
        let Size { width, height } = self.size;
        let limits = limits.width(width).height(height);
        let most = limits.max();
        let needed = Size::new(most.width, memory.height_for(most, CELL));
        let node = space::Node::new(limits.resolve(width, height, needed));
        memory.settle(node.size());
        node
    }

    fn operate(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        _: &Renderer,
        operation: &mut dyn Operation,
    ) {
        let memory = tree.state.downcast_mut::<Memory>();
        operation.focusable(self.id.as_ref(), layout.bounds(), memory);
        operation.custom(self.id.as_ref(), layout.bounds(), memory);
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &iced::Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        _: &Renderer,
        _: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        _: &Rectangle,
    ) {
        let bounds = layout.bounds();
        let memory = tree.state.downcast_mut::<Memory>();
        let before = memory.shown();
        let mut answer = Answer::default();
        let place = Place { pieces: &self.pieces, area: memory.area(bounds.size()), bounds };
        memory.point(&place, event, cursor, &mut answer);
        memory.press_key(&place, event, &mut answer);
        for event in answer.events {
            shell.publish((self.on)(event));
        }
        if answer.captured {
            shell.capture_event();
        }
        if memory.shown() != before {
            shell.request_redraw();
        }
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        _: &Rectangle,
        _: &Renderer,
    ) -> mouse::Interaction {
        let memory = tree.state.downcast_ref::<Memory>();
        memory.interaction(cursor.is_over(layout.bounds()))
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
        let bounds = layout.bounds();
        let Some(clip) = bounds.intersection(viewport) else { return };
        let memory = tree.state.downcast_ref::<Memory>();
        let colours = theme::pieces(theme);
        let area = memory.area(bounds.size());
        let handle = memory.picture(&self.pieces, &area, self.colouring, colours);
        let picture =
            image::Image::new(handle).filter_method(image::FilterMethod::Nearest).snap(true);
        renderer.draw_image(picture, overlay::aligned(bounds, &area), clip);
        overlay::draw(renderer, memory, &area, bounds, viewport, colours);
    }
}

impl<'a, Message: 'a> From<PieceMap<'a, Message>> for Element<'a, Message> {
    fn from(map: PieceMap<'a, Message>) -> Self {
        Self::new(map)
    }
}
