//! Patterns, so that colour is never the only sign.

/// What is drawn on the fill of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    /// Nothing.
    Plain,
    /// A frame.
    Hollow,
    /// A diagonal cross.
    Cross,
    /// Lines from the lower left to the upper right.
    Rising,
    /// Lines from the upper left to the lower right.
    Falling,
    /// Lines across.
    Horizontal,
    /// Lines down.
    Vertical,
    /// Lines across and down.
    Lattice,
    /// Dots in rows.
    Dots,
    /// A chessboard.
    Checks,
}

impl Pattern {
    /// Whether the line colour is at the pixel of a cell that is `width` times `height` pixels.
    pub(super) fn in_cell(self, (x, y): (u32, u32), (width, height): (u32, u32)) -> bool {
        let side = width.min(height);
        let thick = (side / 9).max(1);
        let down = |thick| is_on_line(x, width, thick);
        let across = |thick| is_on_line(y, height, thick);
        match self {
            Self::Plain => false,
            Self::Hollow => x.min(width - 1 - x) < thick || y.min(height - 1 - y) < thick,
            Self::Cross => {
                let inset = side / 5;
                let inside = |place: u32, length: u32| place.min(length - 1 - place) >= inset;
                // Doubled, so that the middle of an even side is a whole number.
                let (x2, y2) = ((2 * x + 1).abs_diff(width), (2 * y + 1).abs_diff(height));
                let stroke = (side / 6).max(1);
                inside(x, width) && inside(y, height) && x2.abs_diff(y2) < 2 * stroke
            }
            Self::Rising => (x + y + thick) % (4 * thick) < thick,
            Self::Falling => (x + height - 1 - y + thick) % (4 * thick) < thick,
            Self::Horizontal => across(thick),
            Self::Vertical => down(thick),
            Self::Lattice => across(thick) || down(thick),
            Self::Dots => across(thick + 1) && down(thick + 1),
            Self::Checks => (x / (2 * thick) + y / (2 * thick)) % 2 == 1,
        }
    }

    /// Whether the line colour is at a place of the map, for cells too small for a pattern of
    /// their own: many cells that look alike show it together.
    pub(super) fn on_map(self, x: u32, y: u32) -> bool {
        let on = |place: u32| place.is_multiple_of(TILE);
        match self {
            Self::Plain | Self::Hollow | Self::Cross => false,
            Self::Rising => on(x + y),
            Self::Falling => on(x + 3 * y),
            Self::Horizontal => on(y),
            Self::Vertical => on(x),
            Self::Lattice => on(x) || on(y),
            Self::Dots => on(x) && on(y),
            Self::Checks => (x / 2 + y / 2).is_multiple_of(2),
        }
    }
}

/// The side of the square in which [`Pattern::on_map`] repeats.
pub(super) const TILE: u32 = 4;

/// Whether a place is on one of the lines that are spread over the length, as far from its start
/// as from its end.
fn is_on_line(place: u32, length: u32, thick: u32) -> bool {
    let period = (4 * (length / 9).max(1)).max(thick + 2);
    let lines = (length / period).max(1);
    let margin = length.saturating_sub((lines - 1) * period + thick) / 2;
    let inside = place.checked_sub(margin).filter(|inside| inside / period < lines);
    inside.is_some_and(|inside| inside % period < thick)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, TILE};

    fn picture(side: u32, shown: impl Fn(u32, u32) -> bool) -> Vec<String> {
        let line = |y| (0..side).map(|x| if shown(x, y) { '#' } else { '.' }).collect();
        (0..side).map(line).collect()
    }

    fn cell(pattern: Pattern) -> String {
        picture(8, |x, y| pattern.in_cell((x, y), (8, 8))).join("\n")
    }

    fn map(pattern: Pattern) -> String {
        picture(2 * TILE, |x, y| pattern.on_map(x, y)).join("\n")
    }

    const ALL: [Pattern; 10] = [
        Pattern::Plain,
        Pattern::Hollow,
        Pattern::Cross,
        Pattern::Rising,
        Pattern::Falling,
        Pattern::Horizontal,
        Pattern::Vertical,
        Pattern::Lattice,
        Pattern::Dots,
        Pattern::Checks,
    ];

    #[test]
    fn patterns_are_as_drawn() {
        for (pattern, in_cell) in [
            (
                Pattern::Hollow,
                "########\n#......#\n#......#\n#......#\n#......#\n#......#\n#......#\n########",
            ),
            (
                Pattern::Cross,
                "........\n.#....#.\n..#..#..\n...##...\n...##...\n..#..#..\n.#....#.\n........",
            ),
            (
                Pattern::Dots,
                "........\n.##..##.\n.##..##.\n........\n........\n.##..##.\n.##..##.\n........",
            ),
            (
                Pattern::Rising,
                "...#...#\n..#...#.\n.#...#..\n#...#...\n...#...#\n..#...#.\n.#...#..\n#...#...",
            ),
        ] {
            assert_eq!(cell(pattern), in_cell, "{pattern:?}");
        }
        assert_eq!(map(Pattern::Cross), map(Pattern::Plain));
        assert_eq!(
            map(Pattern::Falling),
            "#...#...\n.#...#..\n..#...#.\n...#...#\n#...#...\n.#...#..\n..#...#.\n...#...#"
        );
    }

    #[test]
    fn every_pattern_differs_from_every_other_at_every_size() {
        for side in 5..=64 {
            let shown =
                |pattern: Pattern| picture(side, |x, y| pattern.in_cell((x, y), (side, side)));
            for (place, one) in ALL.into_iter().enumerate() {
                for other in ALL.into_iter().skip(place + 1) {
                    assert_ne!(shown(one), shown(other), "{one:?} and {other:?} at {side}");
                }
            }
        }
    }

    #[test]
    fn a_pattern_on_the_map_repeats_with_its_tile() {
        for pattern in ALL {
            for (x, y) in (0..TILE).flat_map(|y| (0..TILE).map(move |x| (x, y))) {
                for (right, down) in [(TILE, 0), (0, TILE), (TILE, TILE)] {
                    assert_eq!(pattern.on_map(x, y), pattern.on_map(x + right, y + down));
                }
            }
        }
    }
}
