//! Paints the cells of a grid, each as it looks.

use super::grid::{Grid, Rect};
use super::layout::Area;
use super::look::Look;
use super::pattern::TILE;
use super::raster::Pixel;
use crate::theme::{PieceColours, rgba};

const SIDE: usize = TILE as usize;

type Tile = [[Pixel; SIDE]; SIDE];

/// Paints the cells of one grid.
pub(super) struct Brush<'a> {
    grid: &'a Grid,
    tip: Tip,
}

/// What each look is painted with, by its number.
enum Tip {
    /// A picture of the whole cell.
    Cells(Vec<Vec<Pixel>>),
    /// A tile that the whole map is covered with, of which each cell shows its part.
    Tiles {
        tiles: Vec<Tile>,
        /// Which column of the tile each column of the picture shows.
        columns: Vec<u8>,
        /// Physical pixels in one of the tile.
        unit: u32,
    },
}

impl<'a> Brush<'a> {
    pub(super) fn new(grid: &'a Grid, area: &Area, colours: &PieceColours) -> Self {
        let tip = if grid.gap > 0 {
            let Rect { width, height, .. } = grid.rect(0);
            Tip::Cells(Look::all().map(|look| cell(look, (width, height), colours)).collect())
        } else {
            let unit = area.scaled(1.0);
            let column = |x: u32| u8::try_from(x / unit % TILE).unwrap_or(0);
            // Patterns would be noise in a single column.
            let tile = if grid.columns > 1 { tile } else { plain };
            Tip::Tiles {
                tiles: Look::all().map(|look| tile(look, colours)).collect(),
                columns: (grid.left..area.width).map(column).collect(),
                unit,
            }
        };
        Self { grid, tip }
    }

    pub(super) const fn grid(&self) -> &Grid {
        self.grid
    }

    /// Paints a line of the grid on the picture's pixels from there on, given the numbers of the
    /// looks of its cells.
    pub(super) fn paint(&self, pixels: &mut [Pixel], width: u32, line: u32, looks: &[u8]) {
        let filled = (self.grid.height - self.grid.gap) as usize;
        let rows = pixels.chunks_mut((self.grid.height * width) as usize);
        for (row, pixels) in (0..self.grid.deep).zip(rows) {
            let looks = looks.iter().skip(row as usize).step_by(self.grid.deep as usize);
            let lines = pixels.chunks_mut(width as usize).take(filled);
            for (down, pixels) in (0..).zip(lines) {
                let Some(pixels) = pixels.get_mut(self.grid.left as usize..) else { return };
                let top = self.grid.top_of(line, row);
                match &self.tip {
                    Tip::Cells(pictures) => self.paint_cells(pixels, pictures, down, looks.clone()),
                    Tip::Tiles { tiles, columns, unit } => {
                        let y = ((top + down) / unit % TILE) as usize;
                        self.paint_tiles(pixels, tiles, y, columns, looks.clone());
                    }
                }
            }
        }
    }

    /// Paints one line of pixels with that line of each cell's picture.
    fn paint_cells<'b>(
        &self,
        pixels: &mut [Pixel],
        pictures: &[Vec<Pixel>],
        down: u32,
        looks: impl Iterator<Item = &'b u8>,
    ) {
        let filled = (self.grid.width - self.grid.gap) as usize;
        let from = down as usize * filled;
        for (cell, look) in pixels.chunks_mut(self.grid.width as usize).zip(looks) {
            let line = pictures.get(usize::from(*look));
            let line = line.and_then(|picture| picture.get(from..from + filled));
            if let (Some(line), Some(cell)) = (line, cell.get_mut(..filled)) {
                cell.copy_from_slice(line);
            }
        }
    }

    /// Paints one line of pixels with that line of each cell's tile.
    fn paint_tiles<'b>(
        &self,
        pixels: &mut [Pixel],
        tiles: &[Tile],
        y: usize,
        columns: &[u8],
        looks: impl Iterator<Item = &'b u8>,
    ) {
        let shown = |look: u8, column: u8| {
            let tile = tiles.get(usize::from(look))?;
            Some(tile[y % SIDE][usize::from(column) % SIDE])
        };
        if self.grid.width == 1 {
            // The same as below, without a loop for each cell.
            for ((pixel, column), look) in pixels.iter_mut().zip(columns).zip(looks) {
                *pixel = shown(*look, *column).unwrap_or(*pixel);
            }
            return;
        }
        let width = self.grid.width as usize;
        for ((cell, columns), look) in
            pixels.chunks_mut(width).zip(columns.chunks(width)).zip(looks)
        {
            for (pixel, column) in cell.iter_mut().zip(columns) {
                *pixel = shown(*look, *column).unwrap_or(*pixel);
            }
        }
    }
}

/// The pixels of a cell.
pub(super) fn cell(look: Look, size: (u32, u32), colours: &PieceColours) -> Vec<Pixel> {
    let (ink, pattern) = (look.ink(colours), look.pattern());
    let (fill, line) = (rgba(ink.fill), rgba(ink.line));
    let at = |y| (0..size.0).map(move |x| if pattern.in_cell((x, y), size) { line } else { fill });
    (0..size.1).flat_map(at).collect()
}

/// The tile that small cells of the look show together.
fn tile(look: Look, colours: &PieceColours) -> Tile {
    let (ink, pattern) = (look.ink(colours), look.pattern());
    let (fill, line) = (rgba(ink.fill), rgba(ink.line));
    let mut tile = plain(look, colours);
    for (y, row) in (0..).zip(&mut tile) {
        for (x, pixel) in (0..).zip(row) {
            *pixel = if pattern.on_map(x, y) { line } else { fill };
        }
    }
    tile
}

fn plain(look: Look, colours: &PieceColours) -> Tile {
    [[rgba(look.ink(colours).fill); SIDE]; SIDE]
}
