//! Which part of an artifact a map shows, and how closely.
//!
//! A map is one long strip of cells, broken into lines like text. From afar it shows the whole
//! artifact: with room enough, each piece has a cell of its own; else each pixel is a cell and
//! stands for several pieces. Closer, the cells grow and the map shows a part of the strip, with
//! an overview of the whole beside it. Lines of the smallest cells are several cells high and
//! filled column by column, so that pieces that follow each other make a patch and not a hairline.
//! All measures are physical pixels unless they say otherwise.

use iced::Size;

use super::grid::{Band, Grid};

/// The longest side of a map.
const LONGEST: u32 = 16_384;
/// The side of the largest cell, in logical pixels.
const LARGEST: f32 = 32.0;
/// Sides of cells on the way there, in logical pixels.
const LADDER: [f32; 10] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, LARGEST];
/// Cells from this side are read one by one: they are square, with a gap around each. Smaller ones
/// may be about twice as high as wide, so that they fill the map. In logical pixels.
const SINGLE: f32 = 6.0;
/// The overview and the space before it, in logical pixels.
const OVERVIEW: (f32, f32) = (12.0, 6.0);
/// The height of a line of the smallest cells and the space below it, in logical pixels.
const BAND: (f32, f32) = (12.0, 1.0);
/// A map narrower than this has no overview, in logical pixels.
const OVERVIEW_FROM: f32 = 120.0;

/// A number of pixels, rounded; what is negative or no number is 0.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as it should")]
pub(super) fn pixels(length: f32) -> u32 {
    length.round() as u32
}

/// Which part of an artifact a map shows, and how closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct View {
    /// Steps from the whole; each step grows the cells.
    pub(super) step: usize,
    /// The piece in the top left corner.
    pub(super) first: u32,
}

/// The area of a map, and how many pieces it has to show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    /// From 1.
    pub(super) width: u32,
    /// From 1.
    pub(super) height: u32,
    /// Physical pixels in a logical one.
    pub(super) density: f32,
    pub(super) count: u32,
}

/// The grids of a map in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// The view, within what the area allows.
    pub(super) view: View,
    pub(super) map: Grid,
    /// The whole as a column at the right edge, while the map shows a part.
    pub(super) overview: Option<Grid>,
}

impl Area {
    /// An area within limits: from one pixel to what a renderer can take, from a quarter of a
    /// physical pixel in a logical one to eight.
    pub(super) fn new(size: Size<u32>, density: f32, count: u32) -> Self {
        let side = |length: u32| length.clamp(1, LONGEST);
        let density = if density.is_nan() { 1.0 } else { density.clamp(0.25, 8.0) };
        Self { width: side(size.width), height: side(size.height), density, count }
    }

    /// The pixels of a length in logical ones, at least one.
    pub(super) fn scaled(&self, length: f32) -> u32 {
        pixels(length * self.density).max(1)
    }

    /// The grids in a view; one that shows what is not there is brought back.
    pub(super) fn plan(&self, view: View) -> Plan {
        let mut steps = self.steps();
        let step = view.step.min(steps.len() - 1);
        let mut map = steps.swap_remove(step);
        map.first = view.first.min(self.count.saturating_sub(map.capacity()));
        let overview = self.overview_left().filter(|_| step > 0);
        let overview =
            overview.map(|left| Grid::column(left, (self.width - left, self.height), self.count));
        Plan { view: View { step, first: map.first }, map, overview }
    }

    /// The grid of every step from the whole to the largest cells; there is at least one.
    fn steps(&self) -> Vec<Grid> {
        let whole = self.whole();
        let mut steps = vec![whole];
        let inner = self.overview_left().map_or(self.width, |x| x - self.scaled(OVERVIEW.1));
        let mut last = Grid { columns: inner / whole.width, ..whole };
        while last.pieces > last.cells * 2 {
            last.cells *= 2;
            steps.push(last);
        }
        for side in LADDER.map(|side| self.scaled(side)) {
            let next = self.each((side, side), (inner, self.height));
            let shown = last.capacity().min(self.count);
            let fits = side <= inner.min(self.height);
            if fits && next.is_closer_than(&last) && next.capacity() < shown {
                steps.push(next);
                last = next;
            }
        }
        steps
    }

    /// The largest cells with which every piece has its own, or else one cell a pixel.
    fn whole(&self) -> Grid {
        let size = (self.width, self.height);
        let largest = self.scaled(LARGEST).min(self.width).min(self.height);
        for side in (1..=largest).rev() {
            let tallest = if self.is_single(side) { side } else { 2 * side + 1 };
            for height in (side..=tallest.min(self.height)).rev() {
                let grid = self.each((side, height), size);
                if grid.capacity() >= self.count {
                    return grid;
                }
            }
        }
        Grid::per_pixel(self.band(), size, self.count)
    }

    fn each(&self, cell: (u32, u32), area: (u32, u32)) -> Grid {
        let (gap, band) = if self.is_single(cell.0) {
            ((cell.0 / 6).clamp(1, self.scaled(2.0)), None)
        } else {
            (0, Some(self.band()))
        };
        Grid::each(cell, gap, band, area, self.count)
    }

    fn band(&self) -> Band {
        Band { height: self.scaled(BAND.0), gap: self.scaled(BAND.1) }
    }

    fn is_single(&self, side: u32) -> bool {
        side >= self.scaled(SINGLE)
    }

    /// Where the overview starts, if there is room for one.
    fn overview_left(&self) -> Option<u32> {
        (self.width >= self.scaled(OVERVIEW_FROM)).then(|| self.width - self.scaled(OVERVIEW.0))
    }

    /// The view so many steps closer or, negative, farther in which `piece` stays at the pixel.
    pub(super) fn zoomed(&self, view: View, by: isize, piece: u32, at: (u32, u32)) -> View {
        let step = view.step.saturating_add_signed(by).min(self.steps().len() - 1);
        self.placed(View { step, first: 0 }, piece, at)
    }

    /// The view of the same step in which `piece` lies at the pixel, as far as the artifact goes.
    pub(super) fn placed(&self, view: View, piece: u32, at: (u32, u32)) -> View {
        let map = self.plan(view).map;
        let first = u64::from(piece).saturating_sub(map.before(map.nearest(at)));
        self.plan(View { first: u32::try_from(first).unwrap_or(u32::MAX), ..view }).view
    }

    /// The view with so many more lines or, negative, fewer above it.
    pub(super) fn scrolled(&self, view: View, lines: i64) -> View {
        let plan = self.plan(view);
        let moved = lines.saturating_mul(i64::from(plan.map.line()));
        let first = i64::from(plan.view.first).saturating_add(moved).max(0);
        self.plan(View { first: u32::try_from(first).unwrap_or(u32::MAX), ..plan.view }).view
    }

    /// The nearest view in which the piece is seen.
    pub(super) fn revealed(&self, view: View, piece: u32) -> View {
        let map = self.plan(view).map;
        let shown = map.shown();
        let lines = |pieces: u32| i64::from(pieces.div_ceil(map.line()));
        if piece < shown.start {
            self.scrolled(view, -lines(shown.start - piece))
        } else if piece >= shown.end {
            self.scrolled(view, lines(piece - shown.end + 1))
        } else {
            self.plan(view).view
        }
    }

    /// The height that gives every piece a cell of the side, in logical pixels, as far as the
    /// area goes.
    pub(super) fn height_for(&self, side: f32) -> u32 {
        let side = self.scaled(side);
        let columns = (self.width / side).max(1);
        self.count.div_ceil(columns).saturating_mul(side).min(self.height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Area, View};

    fn area(width: u32, height: u32, density: f32, count: u32) -> Area {
        Area { width, height, density, count }
    }

    fn areas() -> impl Strategy<Value = Area> {
        let density = prop_oneof![Just(1.0_f32), Just(1.25), Just(1.5), Just(2.0), Just(3.0)];
        (1_u32..900, 1_u32..500, density, prop_oneof![1_u32..300, 1_u32..1_048_576])
            .prop_map(|(width, height, density, count)| area(width, height, density, count))
    }

    proptest! {
        #[test]
        fn the_whole_shows_every_piece_and_each_step_fewer(area in areas()) {
            let whole = area.plan(View::default());
            prop_assert_eq!(whole.map.shown(), 0..area.count);
            prop_assert_eq!(whole.overview, None);
            let mut capacity = whole.map.capacity();
            for step in 1..area.steps().len() {
                let plan = area.plan(View { step, first: 0 });
                prop_assert!(plan.map.capacity() < capacity);
                capacity = plan.map.capacity();
            }
        }

        #[test]
        fn cells_lie_inside_the_area(area in areas(), step in 0_usize..20, first: u32) {
            let plan = area.plan(View { step, first });
            for grid in [Some(plan.map), plan.overview].into_iter().flatten() {
                let last = grid.rect(grid.start_of(grid.lines) - 1);
                prop_assert!(last.x + last.width <= area.width, "{:?}", grid);
                prop_assert!(last.y + last.height <= area.height, "{:?}", grid);
            }
        }

        #[test]
        fn zooming_keeps_the_piece_under_the_pointer(
            area in areas(),
            step in 0_usize..12,
            by in -3_isize..4,
            piece: u32,
            at in (0_u32..900, 0_u32..500),
        ) {
            let piece = piece % area.count;
            let view = area.zoomed(View { step, first: 0 }, by, piece, at);
            let map = area.plan(view).map;
            prop_assert!(map.shown().contains(&piece), "{piece} is not seen in {map:?}");
            let range = map.range(map.nearest(at));
            // Unless the artifact starts or ends here.
            let edge = view.first == 0 || map.shown().end == area.count;
            prop_assert!(edge || range.contains(&piece), "{piece} is not in {range:?}");
        }

        #[test]
        fn what_is_selected_is_brought_in_sight(
            area in areas(),
            step in 0_usize..20,
            first: u32,
            piece: u32,
        ) {
            let piece = piece % area.count;
            let view = area.revealed(View { step, first }, piece);
            prop_assert!(area.plan(view).map.shown().contains(&piece));
            prop_assert_eq!(area.revealed(view, piece), view);
        }
    }

    #[test]
    fn few_pieces_get_large_cells_and_many_share_pixels() {
        let cell = |count| {
            let map = area(1_200, 800, 1.0, count).plan(View::default()).map;
            (map.width, map.height, map.gap, map.pieces > map.cells)
        };
        assert_eq!(cell(5), (32, 32, 2, false));
        assert_eq!(cell(1_000), (30, 30, 2, false));
        assert_eq!(cell(10_000), (9, 9, 1, false));
        assert_eq!(cell(100_000), (2, 4, 0, false));
        assert_eq!(cell(1_000_000), (1, 1, 0, true));
    }

    #[test]
    fn a_map_takes_no_more_height_than_its_cells_need() {
        assert_eq!(area(180, 800, 1.0, 25).height_for(18.0), 54);
        assert_eq!(area(180, 800, 1.0, 1_000_000).height_for(18.0), 800);
        assert_eq!(area(360, 800, 2.0, 25).height_for(18.0), 108);
    }
}
