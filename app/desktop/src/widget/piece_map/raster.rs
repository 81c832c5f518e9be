//! Draws a map as one picture of exactly its size in physical pixels.

use std::ops::Range;

use app::bench::Machine;
use iced::advanced::image::Handle;

use super::brush::{self, Brush};
use super::grid::{Grid, Rect};
use super::layout::{Area, Plan};
use super::look::{Colouring, Eye, Look};
use super::piece::State;
use super::pieces::Pieces;
use crate::theme::{PieceColours, rgba};

/// The least side of what shows that a piece is corrupt, and of the space around it where the
/// cell is smaller, in logical pixels.
const CORRUPT: (f32, f32) = (3.0, 1.0);
/// A picture of so many pixels is drawn by several threads …
const SHARED: usize = 100_000;
/// … but not by more than this.
const THREADS: u32 = 4;
/// The number of no look.
const NOTHING: u8 = u8::MAX;

/// Red, green, blue and opacity.
pub(super) type Pixel = [u8; 4];

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
    Picture { width: side, height: side, pixels: brush::cell(look, (side, side), colours) }
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
    let threads = if picture.pixels.len() < SHARED { 1 } else { threads() };
    let each = grid.lines.div_ceil(threads).max(1);
    let strip = (grid.top_of(each, 0) * picture.width) as usize;
    std::thread::scope(|scope| {
        let strips = (0..grid.lines).step_by(each as usize).zip(picture.pixels.chunks_mut(strip));
        let draw = |(first, pixels): (u32, &mut [Pixel])| {
            let lines = first..grid.lines.min(first + each);
            draw_lines(pixels, pieces, &brush, lines, area.width, colouring)
        };
        let mut strips = strips.map(|strip| move || draw(strip));
        // The first strip is drawn here, while others draw the rest.
        let first = strips.next();
        let others: Vec<_> = strips.map(|strip| scope.spawn(strip)).collect();
        let mut corrupt = first.map(|strip| strip()).unwrap_or_default();
        for other in others {
            corrupt.extend(other.join().unwrap_or_default());
        }
        corrupt
    })
}

fn threads() -> u32 {
    Machine::cores().min(THREADS)
}

/// Draws lines of a grid on pixels that start where the first of them does; gives the cells with
/// corrupt pieces.
fn draw_lines(
    pixels: &mut [Pixel],
    pieces: &Pieces,
    brush: &Brush<'_>,
    lines: Range<u32>,
    width: u32,
    colouring: Colouring,
) -> Vec<u64> {
    let grid = brush.grid();
    let mut eye = Eye::new(colouring);
    let mut corrupt = Vec::new();
    let (mut copied, mut looks) = (Vec::new(), Vec::new());
    let lines = lines.zip(pixels.chunks_mut((grid.top_of(1, 0) * width) as usize));
    for (line, pixels) in lines {
        let range = grid.line_range(line);
        if range.is_empty() {
            break;
        }
        pieces.copy(range, &mut copied);
        looks.clear();
        looks.extend((grid.start_of(line)..).zip(grid.ranges(line)).map(|(cell, range)| {
            let pieces = copied.get(range).unwrap_or_default();
            if pieces.is_empty() {
                return NOTHING;
            }
            let look = eye.look(pieces);
            if look == Look::State(State::Corrupt) {
                corrupt.push(cell);
            }
            look.number()
        }));
        brush.paint(pixels, width, line, &looks);
    }
    corrupt
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
    use crate::widget::piece_map::piece::State;
    use crate::widget::piece_map::pieces::Pieces;

    fn pieces(states: &[PieceState]) -> Pieces {
        let count = u64::try_from(states.len()).unwrap();
        Pieces::stored(Geometry::new(count, 1).unwrap(), states, None)
    }

    fn read(picture: &str) -> Vec<PieceState> {
        let state = |c| match c {
            '#' => PieceState::Kept { source: Source::Local, verified: None },
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
            40 => Just(PieceState::Kept { source: Source::Local, verified: None }),
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
