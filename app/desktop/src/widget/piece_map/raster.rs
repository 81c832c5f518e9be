//! Draws a map as one picture of exactly its size in physical pixels.

use iced::advanced::image::Handle;

use super::grid::{Grid, Rect};
use super::layout::{Area, Plan};
use super::look::{Colouring, Eye, Look};
use super::pattern::TILE;
use super::pieces::{Pieces, State};
use crate::theme::{PieceColours, rgba};

/// The least side of what shows that a piece is corrupt, and of the space around it where the
/// cell is smaller, in logical pixels.
const CORRUPT: (f32, f32) = (3.0, 1.0);
/// The number of no look.
const NOTHING: u8 = u8::MAX;

type Pixel = [u8; 4];

/// A picture, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// How many pixels a line has.
    pub width: u32,
    /// How many lines there are.
    pub height: u32,
    /// Red, green, blue and opacity of each pixel.
    pub pixels: Vec<[u8; 4]>,
}

impl Picture {
    fn blank(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![[0; 4]; width as usize * height as usize] }
    }

    pub(super) fn into_handle(self) -> Handle {
        Handle::from_rgba(self.width, self.height, self.pixels.into_flattened())
    }

    fn line(&mut self, y: u32) -> &mut [Pixel] {
        let width = self.width as usize;
        let start = (y as usize * width).min(self.pixels.len());
        let end = (start + width).min(self.pixels.len());
        &mut self.pixels[start..end]
    }

    fn fill(&mut self, rect: Rect, pixel: Pixel) {
        for y in rect.y..rect.y.saturating_add(rect.height).min(self.height) {
            let line = self.line(y);
            let end = line.len().min(rect.x.saturating_add(rect.width) as usize);
            line[(rect.x as usize).min(end)..end].fill(pixel);
        }
    }
}

/// Draws the plan of an area.
pub(super) fn draw(
    pieces: &Pieces,
    area: &Area,
    plan: &Plan,
    colouring: Colouring,
    colours: &PieceColours,
) -> Picture {
    let mut picture = Picture::blank(area.width, area.height);
    for grid in [Some(plan.map), plan.overview].into_iter().flatten() {
        let corrupt = draw_grid(&mut picture, pieces, &grid, area, colouring, colours);
        let flags: Vec<Rect> = corrupt.iter().filter_map(|cell| flag(&grid, area, *cell)).collect();
        for flag in &flags {
            picture.fill(flag.grown(area.scaled(CORRUPT.1)), rgba(colours.halo));
        }
        for flag in flags {
            picture.fill(flag, rgba(Look::State(State::Corrupt).ink(colours).fill));
        }
    }
    picture
}

/// One cell of a look, as a picture.
pub(super) fn swatch(look: Look, side: u32, colours: &PieceColours) -> Picture {
    Picture { width: side, height: side, pixels: stamp(look, (side, side), colours) }
}

/// Where a corrupt piece shows whose cell is too small to be noticed among others.
pub(super) fn flag(grid: &Grid, area: &Area, cell: u64) -> Option<Rect> {
    let least = area.scaled(CORRUPT.0).max(3);
    let Rect { x, y, width, height } = grid.rect(cell);
    if width >= least && height >= least {
        return None;
    }
    let (wide, high) = (width.max(least), height.max(least));
    let x = (x + width / 2).saturating_sub(wide / 2).min(area.width.saturating_sub(wide));
    let y = (y + height / 2).saturating_sub(high / 2).min(area.height.saturating_sub(high));
    Some(Rect { x: x.max(grid.left), y, width: wide, height: high })
}

/// Draws a grid; gives the cells with corrupt pieces.
fn draw_grid(
    picture: &mut Picture,
    pieces: &Pieces,
    grid: &Grid,
    area: &Area,
    colouring: Colouring,
    colours: &PieceColours,
) -> Vec<u64> {
    let brush = Brush::new(grid, area, colours);
    let mut eye = Eye::new(colouring);
    let mut corrupt = Vec::new();
    let (mut copied, mut looks) = (Vec::new(), Vec::new());
    for line in 0..grid.lines {
        let range = grid.line_range(line);
        if range.is_empty() {
            break;
        }
        pieces.copy(range, &mut copied);
        looks.clear();
        looks.extend(grid.ranges(line).map(|range| match copied.get(range) {
            Some(pieces) if !pieces.is_empty() => eye.look(pieces).number(),
            _ => NOTHING,
        }));
        let first = grid.start_of(line);
        let bad = Look::State(State::Corrupt).number();
        corrupt.extend((first..).zip(&looks).filter(|(_, look)| **look == bad).map(|(c, _)| c));
        for row in 0..grid.deep {
            brush.paint(picture, (line, row), &looks);
        }
    }
    corrupt
}

/// Paints cells of one size.
struct Brush<'a> {
    grid: &'a Grid,
    width: usize,
    height: u32,
    /// Physical pixels in one step of a pattern on the map.
    unit: u32,
    /// For each look the pixels of a whole cell, or of the tile that the map is covered with.
    stamps: Vec<Vec<Pixel>>,
}

impl<'a> Brush<'a> {
    fn new(grid: &'a Grid, area: &Area, colours: &PieceColours) -> Self {
        let Rect { width, height, .. } = grid.rect(0);
        let stamps = Look::all().map(|look| match (grid.gap, grid.columns) {
            (0, 1) => vec![rgba(look.ink(colours).fill); (TILE * TILE) as usize],
            (0, _) => tile(look, colours),
            _ => stamp(look, (width, height), colours),
        });
        let unit = area.scaled(1.0);
        Self { grid, width: width as usize, height, unit, stamps: stamps.collect() }
    }

    /// Paints one row of a line's cells.
    fn paint(&self, picture: &mut Picture, (line, row): (u32, u32), looks: &[u8]) {
        let top = self.grid.top_of(line, row);
        let (row, deep) = (row as usize, self.grid.deep as usize);
        let left = self.grid.left as usize;
        let step = self.grid.width as usize;
        for down in 0..self.height {
            let y = top + down;
            let line = picture.line(y);
            let Some(line) = line.get_mut(left..) else { return };
            let tile_line = ((y / self.unit) % TILE * TILE) as usize;
            let looks = looks.iter().skip(row).step_by(deep);
            for (place, (cell, look)) in line.chunks_mut(step).zip(looks).enumerate() {
                let Some(stamp) = self.stamps.get(usize::from(*look)) else { continue };
                let end = self.width.min(cell.len());
                if self.grid.gap > 0 {
                    let from = down as usize * self.width;
                    cell[..end].copy_from_slice(&stamp[from..from + end]);
                } else {
                    let stamp = &stamp[tile_line..tile_line + TILE as usize];
                    for (x, pixel) in cell[..end].iter_mut().enumerate() {
                        let x = (left + place * step + x) / self.unit as usize;
                        *pixel = stamp[x % TILE as usize];
                    }
                }
            }
        }
    }
}

/// The pixels of a cell.
fn stamp(look: Look, size: (u32, u32), colours: &PieceColours) -> Vec<Pixel> {
    let (ink, pattern) = (look.ink(colours), look.pattern());
    let (fill, line) = (rgba(ink.fill), rgba(ink.line));
    let at = |y| (0..size.0).map(move |x| if pattern.in_cell((x, y), size) { line } else { fill });
    (0..size.1).flat_map(at).collect()
}

/// The pixels of the tile that small cells of the look show together.
fn tile(look: Look, colours: &PieceColours) -> Vec<Pixel> {
    let (ink, pattern) = (look.ink(colours), look.pattern());
    let (fill, line) = (rgba(ink.fill), rgba(ink.line));
    let at = |y| (0..TILE).map(move |x| if pattern.on_map(x, y) { line } else { fill });
    (0..TILE).flat_map(at).collect()
}

#[cfg(test)]
mod tests {
    use app::ports::PieceState;
    use proptest::prelude::*;
    use verifier::Geometry;
    use verifier::piece::Source;

    use super::{Look, Picture, draw, flag};
    use crate::theme::{self, PieceColours, rgba};
    use crate::widget::piece_map::layout::{Area, View};
    use crate::widget::piece_map::look::Colouring;
    use crate::widget::piece_map::pieces::{Pieces, State};

    fn pieces(states: &[PieceState]) -> Pieces {
        let count = u64::try_from(states.len()).unwrap();
        Pieces::stored(Geometry::new(count, 1).unwrap(), states, None)
    }

    fn read(picture: &str) -> Vec<PieceState> {
        let state = |c| match c {
            '#' => PieceState::Kept(Source::Local),
            '!' => PieceState::Corrupt,
            _ => PieceState::Missing,
        };
        picture.chars().map(state).collect()
    }

    fn colours() -> &'static PieceColours {
        theme::pieces(&theme::light())
    }

    fn at(picture: &Picture, (x, y): (u32, u32)) -> [u8; 4] {
        picture.pixels[(y * picture.width + x) as usize]
    }

    fn shows(picture: &Picture, pixel: (u32, u32), look: Look) -> bool {
        let ink = look.ink(colours());
        [rgba(ink.fill), rgba(ink.line)].contains(&at(picture, pixel))
    }

    /// The picture, one character a pixel.
    fn characters(picture: &Picture) -> Vec<String> {
        let named = [('#', State::Kept), ('.', State::Missing), ('!', State::Corrupt)];
        let character = |x, y| {
            let shown = |(_, state): &&(char, State)| shows(picture, (x, y), Look::State(*state));
            let halo = at(picture, (x, y)) == rgba(colours().halo);
            let named = named.iter().filter(|_| !halo).find(shown).map(|(name, _)| *name);
            named.unwrap_or(if halo { 'o' } else { ' ' })
        };
        let line = |y| (0..picture.width).map(|x| character(x, y)).collect();
        (0..picture.height).map(line).collect()
    }

    #[test]
    fn one_corrupt_piece_among_many_is_a_mark() {
        let area = Area { width: 12, height: 9, density: 1.0, count: 1_080 };
        let mut states = read(&"#".repeat(1_080));
        states[500] = PieceState::Corrupt;
        states[1_079] = PieceState::Missing;
        let plan = area.plan(View::default());
        let picture = draw(&pieces(&states), &area, &plan, Colouring::State, colours());
        assert_eq!(
            characters(&picture),
            [
                "############",
                "############",
                "############",
                "###ooooo####",
                "###o!!!o####",
                "###o!!!o####",
                "###o!!!o####",
                "###ooooo####",
                "###########.",
            ]
        );
    }

    #[test]
    fn few_pieces_are_cells_with_gaps() {
        let area = Area { width: 20, height: 13, density: 1.0, count: 5 };
        let plan = area.plan(View::default());
        let picture = draw(&pieces(&read("##.!#")), &area, &plan, Colouring::State, colours());
        let lines = characters(&picture);
        assert_eq!(lines[1], "##### ##### .....   ");
        assert_eq!(lines[5], "                    ");
        assert_eq!(lines[6], "!!!!! #####         ");
    }

    fn states() -> impl Strategy<Value = Vec<PieceState>> {
        let state = prop_oneof![
            40 => Just(PieceState::Kept(Source::Local)),
            5 => Just(PieceState::Missing),
            1 => Just(PieceState::Corrupt),
        ];
        prop_oneof![
            proptest::collection::vec(state.clone(), 1..60),
            proptest::collection::vec(state, 1..6_000),
        ]
    }

    proptest! {
        #[test]
        fn the_worst_state_wins_and_corrupt_is_always_seen(
            states in states(),
            size in (1_u32..160, 1_u32..90),
            density in prop_oneof![Just(1.0_f32), Just(1.5), Just(2.0)],
            step in 0_usize..12,
            first in 0_u32..6_000,
            colouring in prop_oneof![Just(Colouring::State), Just(Colouring::Source)],
        ) {
            let pieces = pieces(&states);
            let area = Area { width: size.0, height: size.1, density, count: pieces.count() };
            let plan = area.plan(View { step, first });
            let picture = draw(&pieces, &area, &plan, colouring, colours());
            for grid in [Some(plan.map), plan.overview].into_iter().flatten() {
                let cells = 0..grid.start_of(grid.lines);
                let flags: Vec<_> = cells
                    .clone()
                    .filter(|cell| pieces.worst(grid.range(*cell)).is_some_and(|(_, s)| s == State::Corrupt))
                    .filter_map(|cell| flag(&grid, &area, cell))
                    .map(|flag| flag.grown(area.scaled(super::CORRUPT.1)))
                    .collect();
                for cell in cells {
                    let Some((_, worst)) = pieces.worst(grid.range(cell)) else { continue };
                    let middle = grid.rect(cell).middle();
                    let look = match (worst, colouring) {
                        (State::Kept, Colouring::Source) => Look::Local,
                        _ => Look::State(worst),
                    };
                    let covered = worst != State::Corrupt
                        && flags.iter().any(|flag| flag.contains(middle));
                    prop_assert!(
                        covered || shows(&picture, middle, look),
                        "cell {cell} of {grid:?} does not show {look:?}"
                    );
                }
            }
        }
    }
}
