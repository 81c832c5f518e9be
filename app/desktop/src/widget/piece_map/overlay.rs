//! What is drawn over a map: the piece under the pointer, the selection, the part that is shown,
//! and the frame of a map that has the keyboard.

use iced::advanced::Renderer as _;
use iced::advanced::renderer::Quad;
use iced::border::Border;
use iced::{Background, Color, Point, Rectangle, Renderer, Size};

use super::grid::{Grid, Rect};
use super::layout::Area;
use super::memory::Memory;
use crate::theme::PieceColours;

/// How far a frame may reach beyond the map, in logical pixels.
const MARGIN: f32 = 4.0;
/// The least side of the frame around a piece, in logical pixels.
const FRAME: f32 = 9.0;
/// The least height of the frame around the part that is shown, in logical pixels.
const THUMB: f32 = 8.0;

/// The bounds, moved to whole physical pixels and of exactly the size of the picture.
pub(super) fn aligned(bounds: Rectangle, area: &Area) -> Rectangle {
    // Renderers cut positions off at whole pixels; a little more keeps them from losing one.
    let nudge = if area.density.fract() == 0.0 { 0.0 } else { 1.0 / 64.0 };
    let place = |length: f32| ((length * area.density).round() + nudge) / area.density;
    let size = Size::new(logical(area.width, area), logical(area.height, area));
    Rectangle::new(Point::new(place(bounds.x), place(bounds.y)), size)
}

/// Draws over the map.
pub(super) fn draw(
    renderer: &mut Renderer,
    memory: &Memory,
    area: &Area,
    bounds: Rectangle,
    viewport: &Rectangle,
    colours: &PieceColours,
) {
    let Some(clip) = bounds.expand(MARGIN).intersection(viewport) else { return };
    let plan = memory.plan(area);
    let origin = aligned(bounds, area);
    let on_map = |grid: &Grid, piece: u32| {
        grid.cell_of(piece).map(|cell| at_least(placed(grid.rect(cell), origin, area), FRAME))
    };
    renderer.with_layer(clip, |renderer| {
        if memory.focused {
            frame(renderer, bounds.expand(MARGIN), 2.0, colours.mark);
        }
        if let Some(overview) = plan.overview {
            let shown = plan.map.shown();
            let cell = |piece: u32| overview.cell_of(piece).unwrap_or(0);
            let (top, end) = (overview.rect(cell(shown.start)), cell(shown.end.max(1) - 1));
            let bottom = overview.rect(end);
            let height = (bottom.y + bottom.height).saturating_sub(top.y).max(1);
            let thumb = placed(Rect { height, ..top }, origin, area);
            let thumb = Rectangle { height: thumb.height.max(THUMB), ..thumb };
            ring(renderer, thumb, colours);
        }
        if let Some(rect) = memory.hovered.and_then(|piece| on_map(&plan.map, piece.get())) {
            frame(renderer, rect.expand(1.0), 1.0, colours.mark);
        }
        if let Some(rect) = memory.selected.and_then(|piece| on_map(&plan.map, piece.get())) {
            ring(renderer, rect, colours);
        }
    });
}

/// A frame outside the rectangle that shows on any colours.
fn ring(renderer: &mut Renderer, rect: Rectangle, colours: &PieceColours) {
    frame(renderer, rect.expand(1.0), 1.0, colours.halo);
    frame(renderer, rect.expand(3.0), 2.0, colours.mark);
}

fn frame(renderer: &mut Renderer, bounds: Rectangle, width: f32, color: Color) {
    let border = Border { color, width, radius: 2.0.into() };
    renderer.fill_quad(
        Quad { bounds, border, ..Quad::default() },
        Background::Color(Color::TRANSPARENT),
    );
}

/// Pixels of the map as a part of the window.
fn placed(rect: Rect, origin: Rectangle, area: &Area) -> Rectangle {
    Rectangle {
        x: origin.x + logical(rect.x, area),
        y: origin.y + logical(rect.y, area),
        width: logical(rect.width, area),
        height: logical(rect.height, area),
    }
}

/// The rectangle, grown around its middle to the least side.
fn at_least(rect: Rectangle, side: f32) -> Rectangle {
    let grow = |length: f32| ((side - length) / 2.0).max(0.0);
    let (x, y) = (grow(rect.width), grow(rect.height));
    Rectangle {
        x: rect.x - x,
        y: rect.y - y,
        width: rect.width + 2.0 * x,
        height: rect.height + 2.0 * y,
    }
}

fn logical(pixels: u32, area: &Area) -> f32 {
    f32::from(u16::try_from(pixels).unwrap_or(u16::MAX)) / area.density
}
