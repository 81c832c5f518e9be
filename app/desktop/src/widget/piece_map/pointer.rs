//! What the mouse, the touchpad and a finger do on a map.

use iced::advanced::mouse::{Cursor, Interaction};
use iced::keyboard;
use iced::mouse::{self, Button, ScrollDelta};
use iced::{Point, Rectangle, touch};
use verifier::PieceIndex;

use super::layout::{Area, pixels};
use super::memory::{Answer, Memory};
use super::pieces::Pieces;
use super::{Event, hit};

/// A press that moves farther than this is a drag, in logical pixels.
const STILL: f32 = 4.0;
/// How far the touchpad moves for one line or one step of zoom, in logical pixels.
const NOTCH: f32 = 20.0;
/// How many lines a notch of the wheel moves.
const LINES: f32 = 3.0;

/// What the pressed pointer holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held {
    /// A piece, pressed there and not moved since.
    Pressed { piece: u32, from: Point },
    /// A piece that stays under the pointer wherever it goes.
    Dragged { piece: u32 },
    /// The overview.
    Overview,
}

/// Where a map is, and what it shows.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) pieces: &'a Pieces,
    pub(super) area: Area,
    pub(super) bounds: Rectangle,
}

impl Place<'_> {
    /// The pixel of the map at a position in the window.
    fn pixel(&self, position: Point) -> (u32, u32) {
        let floor = |length: f32| pixels((length * self.area.density).floor());
        (floor(position.x - self.bounds.x), floor(position.y - self.bounds.y))
    }
}

impl Memory {
    /// Does what the pointer wants.
    pub(super) fn point(
        &mut self,
        place: &Place<'_>,
        event: &iced::Event,
        cursor: Cursor,
        answer: &mut Answer,
    ) {
        let over = cursor.position_over(place.bounds);
        match event {
            iced::Event::Mouse(mouse::Event::CursorMoved { .. })
            | iced::Event::Touch(touch::Event::FingerMoved { .. }) => {
                if let Some(position) = cursor.position() {
                    self.drag(place, position);
                }
                self.hover(place, over, answer);
            }
            iced::Event::Mouse(mouse::Event::CursorLeft) => self.hover(place, None, answer),
            iced::Event::Mouse(mouse::Event::ButtonPressed(Button::Left))
            | iced::Event::Touch(touch::Event::FingerPressed { .. }) => {
                self.focused = over.is_some();
                if let Some(position) = over {
                    self.press(place, position);
                    answer.captured = true;
                }
            }
            iced::Event::Mouse(mouse::Event::ButtonReleased(Button::Left))
            | iced::Event::Touch(touch::Event::FingerLifted { .. }) => {
                if let (Some(Held::Pressed { .. }), Some(position)) = (self.held.take(), over)
                    && let Some(piece) = self.piece_at(place, position)
                {
                    self.select(&place.area, piece, answer);
                    answer.captured = true;
                }
            }
            iced::Event::Touch(touch::Event::FingerLost { .. }) => self.held = None,
            iced::Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                if let Some(position) = over {
                    let before = self.view;
                    self.wheel(place, position, *delta);
                    self.hover(place, over, answer);
                    answer.captured = self.view != before;
                }
            }
            iced::Event::Keyboard(keyboard::Event::ModifiersChanged(modifiers)) => {
                self.modifiers = *modifiers;
            }
            _ => {}
        }
    }

    pub(super) fn interaction(&self, over: bool) -> Interaction {
        match self.held {
            Some(Held::Dragged { .. } | Held::Overview) => Interaction::Grabbing,
            _ if over && self.hovered.is_some() => Interaction::Pointer,
            _ => Interaction::None,
        }
    }

    fn piece_at(&self, place: &Place<'_>, position: Point) -> Option<PieceIndex> {
        hit::piece(place.pieces, &place.area, &self.plan(&place.area), place.pixel(position))
    }

    fn hover(&mut self, place: &Place<'_>, over: Option<Point>, answer: &mut Answer) {
        let hovered = over.and_then(|position| self.piece_at(place, position));
        if hovered != self.hovered {
            self.hovered = hovered;
            answer.events.push(Event::Hovered(hovered));
        }
    }

    fn press(&mut self, place: &Place<'_>, position: Point) {
        let plan = self.plan(&place.area);
        let at = place.pixel(position);
        if plan.overview.is_some_and(|overview| at.0 >= overview.left) {
            self.held = Some(Held::Overview);
            self.drag(place, position);
        } else if let Some(cell) = plan.map.cell_at(at) {
            let piece = plan.map.range(cell).start;
            self.held = Some(Held::Pressed { piece, from: position });
        }
    }

    fn drag(&mut self, place: &Place<'_>, position: Point) {
        let at = place.pixel(position);
        let Some(held) = self.held else { return };
        match held {
            Held::Pressed { from, .. } if from.distance(position) <= STILL => {}
            Held::Pressed { piece, .. } | Held::Dragged { piece } => {
                self.held = Some(Held::Dragged { piece });
                self.view = place.area.placed(self.view, piece, at);
            }
            Held::Overview => {
                let plan = self.plan(&place.area);
                let Some(overview) = plan.overview else { return };
                let piece = overview.range(overview.nearest(at)).start;
                let middle = (0, place.area.height / 2);
                self.view = place.area.placed(self.view, piece, middle);
            }
        }
    }

    /// The wheel zooms and the touchpad moves; with Shift the wheel moves, with Ctrl both zoom.
    fn wheel(&mut self, place: &Place<'_>, position: Point, delta: ScrollDelta) {
        let (notches, zooms) = match delta {
            ScrollDelta::Lines { x, y } if self.modifiers.shift() => ((x + y) * LINES, false),
            ScrollDelta::Lines { y, .. } => (y, true),
            ScrollDelta::Pixels { y, .. } => (y / NOTCH, self.modifiers.command()),
        };
        self.scrolled += notches;
        let whole = self.scrolled.trunc();
        self.scrolled -= whole;
        let steps = whole_steps(whole);
        if steps == 0 {
            return;
        }
        if zooms {
            let at = place.pixel(position);
            let map = self.plan(&place.area).map;
            let piece = map.range(map.nearest(at)).start;
            self.view = place.area.zoomed(self.view, steps, piece, at);
        } else {
            let lines = i64::try_from(steps).unwrap_or(0);
            self.view = place.area.scrolled(self.view, -lines);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as it should")]
fn whole_steps(steps: f32) -> isize {
    steps as isize
}
