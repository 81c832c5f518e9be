//! How many pieces there are of each kind, and the same in words.

use super::piece::{Origin, Piece, State};

/// How many pieces there are of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    states: [u32; State::ALL.len()],
    /// Good pieces by the number of their source.
    sources: Vec<u32>,
}

impl Tally {
    pub(super) fn add(&mut self, piece: Piece) {
        self.count(piece, |pieces| pieces.saturating_add(1));
    }

    pub(super) fn remove(&mut self, piece: Piece) {
        self.count(piece, |pieces| pieces.saturating_sub(1));
    }

    fn count(&mut self, piece: Piece, change: impl Fn(u32) -> u32) {
        let state = &mut self.states[piece.state as usize];
        *state = change(*state);
        if piece.state.is_good() {
            let source = usize::from(piece.source.0);
            if source >= self.sources.len() {
                self.sources.resize(source + 1, 0);
            }
            self.sources[source] = change(self.sources[source]);
        }
    }

    /// All pieces.
    pub fn all(&self) -> u32 {
        self.states.iter().sum()
    }

    /// Pieces in the state.
    pub fn of(&self, state: State) -> u32 {
        self.states[state as usize]
    }

    /// Good pieces from files of the user's own.
    pub fn local(&self) -> u32 {
        self.from(Origin::LOCAL.0.into())
    }

    /// Good pieces from the peer at this place of [`super::Pieces::peers`].
    pub fn peer(&self, place: usize) -> u32 {
        self.from(place.saturating_add(2))
    }

    /// Good pieces of which nobody wrote down where they came from.
    pub fn unknown(&self) -> u32 {
        self.from(Origin::UNKNOWN.0.into())
    }

    fn from(&self, source: usize) -> u32 {
        self.sources.get(source).copied().unwrap_or(0)
    }

    /// The map in one line: `3 of 5 pieces kept, 1 missing, 1 corrupt`.
    pub fn summary(&self) -> String {
        let (all, kept) = (self.all(), self.of(State::Kept));
        match all {
            1 if kept == 1 => return "its one piece is kept".to_owned(),
            _ if kept == all => return format!("all {all} pieces are kept"),
            _ => {}
        }
        let noun = if all == 1 { "piece" } else { "pieces" };
        let mut line = format!("{kept} of {all} {noun} kept, {} missing", self.of(State::Missing));
        for state in [State::Asked, State::Arrived, State::Verified, State::Corrupt] {
            if self.of(state) > 0 {
                line.push_str(&format!(", {} {}", self.of(state), state.as_str()));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::widget::piece_map::piece::{Piece, State};

    #[test]
    fn the_summary_says_what_there_is() {
        for (picture, summary) in [
            ("#", "its one piece is kept"),
            (".", "0 of 1 piece kept, 1 missing"),
            ("###", "all 3 pieces are kept"),
            ("##.", "2 of 3 pieces kept, 1 missing"),
            ("#.#!#", "3 of 5 pieces kept, 1 missing, 1 corrupt"),
            ("#!", "1 of 2 pieces kept, 0 missing, 1 corrupt"),
            ("#?>+.??", "1 of 7 pieces kept, 1 missing, 3 asked, 1 arrived, 1 verified"),
        ] {
            let mut tally = Tally::default();
            for c in picture.chars() {
                let state = State::ALL["#+>?.!".find(c).unwrap()];
                tally.add(Piece { state, ..Piece::default() });
            }
            assert_eq!(tally.summary(), summary);
        }
    }
}
