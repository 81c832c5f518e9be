//! Which piece the pointer means.

use std::ops::Range;

use verifier::PieceIndex;

use super::grid::Grid;
use super::layout::{Area, Plan};
use super::piece::State;
use super::pieces::Pieces;
use super::raster;

/// The piece at a pixel: the worst of those under it, the first of equals.
///
/// Where a corrupt piece shows larger than its cell is, all that shows of it means that piece.
pub(super) fn piece(
    pieces: &Pieces,
    area: &Area,
    plan: &Plan,
    at: (u32, u32),
) -> Option<PieceIndex> {
    let grid = plan.overview.filter(|overview| at.0 >= overview.left).unwrap_or(plan.map);
    flagged(pieces, area, &grid, at)
        .or_else(|| pieces.worst(grid.range(grid.cell_at(at)?)).map(|(index, _)| index))
}

/// The corrupt piece whose enlarged mark is at the pixel.
fn flagged(pieces: &Pieces, area: &Area, grid: &Grid, at: (u32, u32)) -> Option<PieceIndex> {
    let near = raster::flag(grid, area, 0)?;
    around(at.1, near.height).flat_map(|y| around(at.0, near.width).map(move |x| (x, y))).find_map(
        |pixel| {
            let cell = grid.cell_at(pixel)?;
            let seen = raster::flag(grid, area, cell)?.contains(at);
            let (index, state) = pieces.worst(grid.range(cell)).filter(|_| seen)?;
            (state == State::Corrupt).then_some(index)
        },
    )
}

fn around(place: u32, distance: u32) -> Range<u32> {
    place.saturating_sub(distance)..place.saturating_add(distance + 1)
}
