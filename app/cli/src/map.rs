//! The piece map as characters: many pieces in one cell show the worst of them.

use std::collections::BTreeMap;

use app::naming::short_peer;
use app::ports::{Day, PieceState};
use verifier::identity::PeerId;
use verifier::piece::Source;

use crate::terminal::Paint;

/// The most cells in a line.
const WIDTH: usize = 64;
/// The most lines.
const HEIGHT: usize = 16;
/// What a piece from a file of the user's own shows by source.
const LOCAL: char = '=';

/// What each character says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The state alone.
    State,
    /// Where a kept piece came from.
    Source,
}

/// A drawn map, its legend and what it counts.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The lines of the map.
    pub lines: Vec<String>,
    /// What the characters mean.
    pub legend: Vec<String>,
    /// The same in words.
    pub summary: String,
}

/// How many pieces there are of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pieces that are kept.
    pub kept: u32,
    /// Pieces that are not had.
    pub missing: u32,
    /// Pieces that were kept and are corrupt.
    pub corrupt: u32,
    /// Kept pieces from a file of the user's own.
    pub local: u32,
    /// Kept pieces by the peer that gave them.
    pub peers: BTreeMap<PeerId, u32>,
    /// The day of the oldest check of a kept piece, of those of which it is known.
    pub oldest: Option<Day>,
}

impl Tally {
    /// Counts a map.
    pub fn of(states: &[PieceState]) -> Self {
        let mut tally = Self::default();
        for state in states {
            match state {
                PieceState::Missing => tally.missing += 1,
                PieceState::Corrupt => tally.corrupt += 1,
                PieceState::Kept { source, verified } => {
                    tally.kept += 1;
                    tally.oldest = tally.oldest.into_iter().chain(*verified).min();
                    match source {
                        Source::Local => tally.local += 1,
                        Source::Peer(peer) => *tally.peers.entry(*peer).or_default() += 1,
                    }
                }
            }
        }
        tally
    }
}

/// Draws a map, in at most sixteen lines of 64 cells.
pub fn draw(
    states: &[PieceState],
    show: Show,
    paint: Paint,
    name: impl Fn(PeerId) -> String,
) -> Picture {
    let tally = Tally::of(states);
    let mut named: Vec<(String, PeerId)> =
        tally.peers.keys().map(|peer| (name(*peer), *peer)).collect();
    named.sort();
    let letters: Vec<Letter> = named
        .into_iter()
        .enumerate()
        .map(|(place, (name, peer))| Letter { peer, name, cell: Cell::of(place) })
        .collect();
    let in_cell = states.len().div_ceil(WIDTH * HEIGHT).max(1);
    let cells: Vec<Cell> = states.chunks(in_cell).map(|cell| worst(cell, show, &letters)).collect();
    let lines = cells
        .chunks(WIDTH)
        .map(|line| line.iter().map(|cell| cell.draw(paint)).collect::<String>())
        .collect();
    Picture {
        lines,
        legend: legend(&tally, show, paint, &letters, in_cell),
        summary: summary(&tally),
    }
}

/// One cell: its character, and which colour it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    shown: char,
    colour: u8,
}

impl Cell {
    const MISSING: Self = Self { shown: '.', colour: 90 };
    const CORRUPT: Self = Self { shown: '!', colour: 91 };
    const KEPT: Self = Self { shown: '#', colour: 32 };
    const LOCAL: Self = Self { shown: LOCAL, colour: 37 };

    fn of(place: usize) -> Self {
        const COLOURS: [u8; 6] = [36, 33, 35, 34, 32, 96];
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let shown = LETTERS.get(place).map_or('?', |byte| char::from(*byte));
        Self { shown, colour: COLOURS.get(place % COLOURS.len()).copied().unwrap_or(37) }
    }

    fn draw(self, paint: Paint) -> String {
        match paint {
            Paint::Colours => format!("\u{1b}[{}m{}\u{1b}[0m", self.colour, self.shown),
            Paint::Plain => self.shown.to_string(),
        }
    }
}

/// The letter of a peer, in the order of their names.
#[derive(Debug, Clone)]
struct Letter {
    peer: PeerId,
    name: String,
    cell: Cell,
}

/// Corrupt before missing before kept; among kept pieces, whoever gave most of them.
fn worst(states: &[PieceState], show: Show, letters: &[Letter]) -> Cell {
    let tally = Tally::of(states);
    if tally.corrupt > 0 {
        return Cell::CORRUPT;
    }
    if tally.missing > 0 {
        return Cell::MISSING;
    }
    match (show, tally.peers.iter().max_by_key(|(_, pieces)| **pieces)) {
        (Show::State, _) => Cell::KEPT,
        (Show::Source, Some((peer, pieces))) if *pieces >= tally.local => {
            let letter = letters.iter().find(|letter| letter.peer == *peer);
            letter.map_or(Cell::KEPT, |letter| letter.cell)
        }
        (Show::Source, _) => Cell::LOCAL,
    }
}

fn legend(
    tally: &Tally,
    show: Show,
    paint: Paint,
    letters: &[Letter],
    in_cell: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    match show {
        Show::State => lines.push(format!(
            "{} kept  {} missing  {} corrupt",
            Cell::KEPT.draw(paint),
            Cell::MISSING.draw(paint),
            Cell::CORRUPT.draw(paint)
        )),
        Show::Source => {
            for Letter { peer, name, cell } in letters {
                let pieces = tally.peers.get(peer).copied().unwrap_or(0);
                let noun = if pieces == 1 { "piece" } else { "pieces" };
                let cell = cell.draw(paint);
                lines.push(format!("{cell} {name} ({}): {pieces} {noun}", short_peer(*peer)));
            }
            if tally.local > 0 {
                let cell = Cell::LOCAL.draw(paint);
                lines.push(format!("{cell} no known peer: {}", tally.local));
            }
        }
    }
    if in_cell > 1 {
        lines.push(format!("each character stands for up to {in_cell} pieces and shows the worst"));
    }
    lines
}

fn summary(tally: &Tally) -> String {
    let counts = counts(tally);
    match tally.oldest {
        None => counts,
        Some(day) => format!("{counts}; the oldest check is of {day}"),
    }
}

fn counts(tally: &Tally) -> String {
    let all = tally.kept + tally.missing + tally.corrupt;
    let noun = if all == 1 { "piece" } else { "pieces" };
    match (tally.missing, tally.corrupt) {
        (0, 0) if all == 1 => "its one piece is kept".to_owned(),
        (0, 0) => format!("all {all} {noun} are kept"),
        (missing, 0) => format!("{} of {all} {noun} kept, {missing} missing", tally.kept),
        (missing, corrupt) => {
            format!("{} of {all} {noun} kept, {missing} missing, {corrupt} corrupt", tally.kept)
        }
    }
}

#[cfg(test)]
mod tests {
    use app::ports::{Day, PieceState};
    use verifier::identity::SigningKey;
    use verifier::piece::Source;

    use super::{Show, draw};
    use crate::terminal::Paint;

    fn states(picture: &str) -> Vec<PieceState> {
        let peer = |seed| Source::Peer(SigningKey::from_seed([seed; 32]).public_key().peer_id());
        picture
            .chars()
            .map(|c| match c {
                '.' => PieceState::Missing,
                '!' => PieceState::Corrupt,
                '1' => PieceState::Kept { source: peer(1), verified: None },
                '2' => PieceState::Kept { source: peer(2), verified: None },
                _ => PieceState::Kept { source: Source::Local, verified: None },
            })
            .collect()
    }

    #[test]
    fn each_piece_is_a_character() {
        let picture = draw(&states("#1.!2"), Show::State, Paint::Plain, |_| String::new());
        assert_eq!(picture.lines, ["##.!#"]);
        assert_eq!(picture.summary, "3 of 5 pieces kept, 1 missing, 1 corrupt");
        let mut dated = states("##!");
        for (state, day) in dated.iter_mut().zip([20_000, 20_001]) {
            let verified = Some(Day::from_number(day));
            *state = PieceState::Kept { source: Source::Local, verified };
        }
        let picture = draw(&dated, Show::State, Paint::Plain, |_| String::new());
        let told = "2 of 3 pieces kept, 0 missing, 1 corrupt; the oldest check is of 2024-10-04";
        assert_eq!(picture.summary, told);
        let picture = draw(&states("11#22."), Show::Source, Paint::Plain, |_| "anna".to_owned());
        assert!(["aa=bb.", "bb=aa."].contains(&picture.lines[0].as_str()), "{picture:?}");
        assert_eq!(picture.legend.len(), 3);
    }

    #[test]
    fn the_worst_of_many_pieces_is_shown() {
        let mut all = states(&"#".repeat(4_096));
        all[1_000] = PieceState::Corrupt;
        all[4_095] = PieceState::Missing;
        let picture = draw(&all, Show::State, Paint::Plain, |_| String::new());
        let text = picture.lines.concat();
        assert_eq!((picture.lines.len(), text.len()), (16, 1_024));
        assert_eq!(text.matches('!').count(), 1);
        assert!(text.ends_with('.'));
    }
}
