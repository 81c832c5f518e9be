//! Cells in lines, and the pieces in each cell.

use std::ops::Range;

/// A rectangle in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Rect {
    /// The pixel in the middle.
    pub(super) const fn middle(&self) -> (u32, u32) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }

    /// The same with so much more on each side.
    pub(super) const fn grown(&self, by: u32) -> Self {
        Self {
            x: self.x.saturating_sub(by),
            y: self.y.saturating_sub(by),
            width: self.width + by + if self.x < by { self.x } else { by },
            height: self.height + by + if self.y < by { self.y } else { by },
        }
    }

    pub(super) const fn contains(&self, (x, y): (u32, u32)) -> bool {
        x >= self.x && y >= self.y && x - self.x < self.width && y - self.y < self.height
    }
}

/// How lines are made of cells too small to be read one by one.
///
/// Such a line is several cells high and filled column by column, so that neighbours in the
/// artifact are neighbours on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    /// About how high a line is.
    pub(super) height: u32,
    /// The space between lines.
    pub(super) gap: u32,
}

/// Cells in lines, and the pieces in each cell; all measures are physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Where the first column starts.
    pub(super) left: u32,
    /// How wide a cell is, with the gap behind it.
    pub(super) width: u32,
    /// How high a cell is, with the gap below it.
    pub(super) height: u32,
    pub(super) gap: u32,
    pub(super) columns: u32,
    pub(super) lines: u32,
    /// How many cells high a line is.
    pub(super) deep: u32,
    /// The space below a line, beyond that below its cells.
    pub(super) line_gap: u32,
    /// So many pieces …
    pub(super) pieces: u64,
    /// … lie in so many cells.
    pub(super) cells: u64,
    /// The first piece of the first cell.
    pub(super) first: u32,
    /// How many pieces the artifact has.
    pub(super) count: u32,
}

impl Grid {
    /// A cell of the size for each piece, as many as go into the area.
    pub(super) fn each(
        (width, height): (u32, u32),
        gap: u32,
        band: Option<Band>,
        area: (u32, u32),
        count: u32,
    ) -> Self {
        let columns = (area.0 / width).max(1);
        let (lines, deep, line_gap) = match band {
            None => ((area.1 / height).max(1), 1, 0),
            Some(band) => {
                let all = area.1 + band.gap;
                let lines = (all / (band.height + band.gap)).max(1);
                (lines, ((all / lines).saturating_sub(band.gap) / height).max(1), band.gap)
            }
        };
        Self {
            left: 0,
            width,
            height,
            gap,
            columns,
            lines,
            deep,
            line_gap,
            pieces: 1,
            cells: 1,
            first: 0,
            count,
        }
    }

    /// A cell for each pixel of the area, with all pieces spread over them.
    pub(super) fn per_pixel(band: Band, area: (u32, u32), count: u32) -> Self {
        Self::each((1, 1), 0, Some(band), area, count).spread()
    }

    /// Every line of pixels a cell, with all pieces spread over them.
    pub(super) fn column(left: u32, area: (u32, u32), count: u32) -> Self {
        Self { left, ..Self::each((area.0, 1), 0, None, area, count) }.spread()
    }

    fn spread(self) -> Self {
        Self { pieces: self.count.into(), cells: self.all(), ..self }
    }

    /// Whether a piece takes at least one and a half times the pixels that it takes in `other`.
    pub(super) fn is_closer_than(&self, other: &Self) -> bool {
        let size = |grid: &Self| u128::from(grid.width * grid.height) * u128::from(grid.cells);
        let (own, others) = (size(self) * u128::from(other.pieces), size(other));
        own * 2 >= others * u128::from(self.pieces) * 3
    }

    /// How many pieces lie before the cell, counted from the first cell.
    pub(super) fn before(&self, cell: u64) -> u64 {
        cell * self.pieces / self.cells
    }

    /// How many pieces the grid shows, if the artifact has so many.
    pub(super) fn capacity(&self) -> u32 {
        u32::try_from(self.before(self.all())).unwrap_or(u32::MAX)
    }

    /// How many pieces a line shows, at least one.
    pub(super) fn line(&self) -> u32 {
        u32::try_from(self.before(self.line_cells())).unwrap_or(u32::MAX).max(1)
    }

    /// How many cells a line has.
    fn line_cells(&self) -> u64 {
        u64::from(self.columns) * u64::from(self.deep)
    }

    /// How far it is from one line to the next.
    fn pitch(&self) -> u32 {
        self.deep * self.height + self.line_gap
    }

    fn all(&self) -> u64 {
        self.line_cells() * u64::from(self.lines)
    }

    /// The first cell of a line.
    pub(super) fn start_of(&self, line: u32) -> u64 {
        u64::from(line) * self.line_cells()
    }

    /// The pixel row in which a row of a line's cells starts.
    pub(super) fn top_of(&self, line: u32, row: u32) -> u32 {
        line * self.pitch() + row * self.height
    }

    /// The pieces that the grid shows.
    pub(super) fn shown(&self) -> Range<u32> {
        self.first..self.first.saturating_add(self.capacity()).min(self.count)
    }

    /// The pieces in a cell, at least one; none behind the last piece.
    pub(super) fn range(&self, cell: u64) -> Range<u32> {
        let place = |cell| u64::from(self.first) + self.before(cell);
        let start = place(cell);
        let end = place(cell + 1).max(start + 1).min(self.count.into());
        let clip = |place: u64| u32::try_from(place).unwrap_or(u32::MAX);
        if start >= end { 0..0 } else { clip(start)..clip(end) }
    }

    /// The pieces of a line; empty behind the last piece.
    pub(super) fn line_range(&self, line: u32) -> Range<u32> {
        let start = self.range(self.start_of(line));
        let end = self.range(self.start_of(line + 1) - 1);
        match (start.is_empty(), end.is_empty()) {
            (true, _) => 0..0,
            (false, true) => start.start..self.count,
            (false, false) => start.start..end.end,
        }
    }

    /// [`Self::range`] of every cell of a line, counted from the line's first piece and without a
    /// division each.
    pub(super) fn ranges(&self, line: u32) -> impl Iterator<Item = Range<usize>> + use<> {
        let end = self.line_range(line).len();
        let (whole, part) = (self.pieces / self.cells, self.pieces % self.cells);
        let (whole, cells) = (usize::try_from(whole).unwrap_or(usize::MAX), self.cells);
        let (mut place, mut rest) = (0_usize, self.start_of(line) * self.pieces % cells);
        (0..self.line_cells()).map(move |_| {
            let start = place;
            place += whole;
            rest += part;
            if rest >= cells {
                rest -= cells;
                place += 1;
            }
            start.min(end)..place.max(start + 1).min(end)
        })
    }

    /// The cell that shows the piece, the last one if it takes several.
    pub(super) fn cell_of(&self, piece: u32) -> Option<u64> {
        let place = u64::from(piece.checked_sub(self.first)?);
        let cell = ((place + 1) * self.cells).div_ceil(self.pieces) - 1;
        (piece < self.count && cell < self.all()).then_some(cell)
    }

    /// The cell at a pixel, or the one nearest to it.
    pub(super) fn nearest(&self, (x, y): (u32, u32)) -> u64 {
        let column = (x.saturating_sub(self.left) / self.width).min(self.columns - 1);
        let line = (y / self.pitch()).min(self.lines - 1);
        let row = ((y - line * self.pitch()) / self.height).min(self.deep - 1);
        self.start_of(line) + u64::from(column) * u64::from(self.deep) + u64::from(row)
    }

    /// The cell at a pixel, if it shows a piece; the space around a cell counts as it.
    pub(super) fn cell_at(&self, (x, y): (u32, u32)) -> Option<u64> {
        let column = x.checked_sub(self.left)? / self.width;
        let inside = column < self.columns && y / self.pitch() < self.lines;
        let cell = self.nearest((x, y));
        (inside && !self.range(cell).is_empty()).then_some(cell)
    }

    /// The pixels of a cell, without the gap.
    pub(super) fn rect(&self, cell: u64) -> Rect {
        let small = |cells: u64| u32::try_from(cells).unwrap_or(u32::MAX);
        let (line, place) = (cell / self.line_cells(), cell % self.line_cells());
        let (column, row) = (place / u64::from(self.deep), place % u64::from(self.deep));
        Rect {
            x: self.left + small(column).saturating_mul(self.width),
            y: self.top_of(small(line).min(self.lines), small(row)),
            width: self.width - self.gap,
            height: self.height - self.gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Band, Grid};

    fn grids() -> impl Strategy<Value = Grid> {
        let band = proptest::option::of((1_u32..20, 0_u32..3));
        let band = band.prop_map(|band| band.map(|(height, gap)| Band { height, gap }));
        let sizes = (1_u32..9, 1_u32..9, 1_u32..80, 1_u32..80);
        (sizes, band, 1_u32..5_000, any::<bool>(), any::<u32>()).prop_map(
            |((width, height, across, down), band, count, spread, first)| {
                let area = (across, down);
                let gap = u32::from(width.min(height) > 2);
                let each = Grid::each((width, height), gap, band, area, count);
                if spread { each.spread() } else { Grid { first: first % count, ..each } }
            },
        )
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_line_are_those_of_its_cells(grid in grids()) {
            for line in 0..grid.lines {
                let all = grid.line_range(line);
                for (cell, range) in (grid.start_of(line)..).zip(grid.ranges(line)) {
                    let alone = grid.range(cell);
                    prop_assert_eq!(range.len(), alone.len());
                    if !alone.is_empty() {
                        prop_assert_eq!(all.start as usize + range.start, alone.start as usize);
                    }
                }
            }
        }

        #[test]
        fn every_piece_that_is_shown_has_a_cell(grid in grids()) {
            for piece in grid.shown() {
                let cell = grid.cell_of(piece).unwrap();
                prop_assert!(grid.range(cell).contains(&piece));
            }
            prop_assert_eq!(grid.cell_of(grid.count), None);
        }

        #[test]
        fn the_middle_of_a_cell_is_in_that_cell(grid in grids()) {
            for cell in 0..grid.all() {
                let middle = grid.rect(cell).middle();
                prop_assert_eq!(grid.nearest(middle), cell);
                let shown = !grid.range(cell).is_empty();
                prop_assert_eq!(grid.cell_at(middle), shown.then_some(cell));
            }
        }
    }

    /// Which cell is at each pixel, as letters.
    fn picture(grid: &Grid, (width, height): (u32, u32)) -> Vec<String> {
        let letter = |cell| char::from(b'a' + u8::try_from(cell).unwrap());
        let at = |x, y| {
            let cell = grid.cell_at((x, y))?;
            grid.rect(cell).contains((x, y)).then(|| letter(cell))
        };
        (0..height).map(|y| (0..width).map(|x| at(x, y).unwrap_or('.')).collect()).collect()
    }

    #[test]
    fn cells_to_be_read_run_like_text() {
        let grid = Grid::each((3, 3), 1, None, (9, 6), 5);
        assert_eq!(
            picture(&grid, (9, 6)),
            ["aa.bb.cc.", "aa.bb.cc.", ".........", "dd.ee....", "dd.ee....", "........."]
        );
    }

    #[test]
    fn the_smallest_cells_fill_a_line_column_by_column() {
        let band = Some(Band { height: 3, gap: 1 });
        let grid = Grid::each((1, 1), 0, band, (4, 7), 17);
        assert_eq!(
            picture(&grid, (4, 7)),
            ["adgj", "behk", "cfil", "....", "mp..", "nq..", "o..."]
        );
    }
}
