//! What the keyboard does on a map.

use iced::keyboard::{self, key};
use verifier::PieceIndex;

use super::Zoom;
use super::memory::{Answer, Memory};
use super::piece::State;
use super::pieces::Pieces;
use super::pointer::Place;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// So many pieces on.
    Pieces(i64),
    /// So many lines down.
    Lines(i64),
    /// So many maps down.
    Pages(i64),
    First,
    Last,
    NextTrouble,
    PreviousTrouble,
    Zoom(Zoom),
    Leave,
}

impl Act {
    fn of(key: &keyboard::Key) -> Option<Self> {
        Some(match key.as_ref() {
            keyboard::Key::Named(named) => match named {
                key::Named::ArrowRight => Self::Pieces(1),
                key::Named::ArrowLeft => Self::Pieces(-1),
                key::Named::ArrowDown => Self::Lines(1),
                key::Named::ArrowUp => Self::Lines(-1),
                key::Named::PageDown => Self::Pages(1),
                key::Named::PageUp => Self::Pages(-1),
                key::Named::Home => Self::First,
                key::Named::End => Self::Last,
                key::Named::Escape => Self::Leave,
                _ => return None,
            },
            keyboard::Key::Character(character) => match character {
                "+" | "=" => Self::Zoom(Zoom::Closer),
                "-" => Self::Zoom(Zoom::Farther),
                "0" => Self::Zoom(Zoom::Whole),
                "n" => Self::NextTrouble,
                "p" => Self::PreviousTrouble,
                _ => return None,
            },
            keyboard::Key::Unidentified => return None,
        })
    }
}

impl Memory {
    /// Does what a key wants while the keyboard is in the map.
    pub(super) fn press_key(
        &mut self,
        place: &Place<'_>,
        event: &iced::Event,
        answer: &mut Answer,
    ) {
        let iced::Event::Keyboard(keyboard::Event::KeyPressed { key, modifiers, .. }) = event
        else {
            return;
        };
        if !self.focused || modifiers.command() || modifiers.alt() || modifiers.logo() {
            return;
        }
        let Some(act) = Act::of(key) else { return };
        answer.captured = true;
        let map = self.plan(&place.area).map;
        let line = i64::from(map.line());
        let page = line.saturating_mul(i64::from(map.lines.saturating_sub(1).max(1)));
        let moved = match act {
            Act::Pieces(pieces) => self.moved(place.pieces, pieces),
            Act::Lines(lines) => self.moved(place.pieces, lines * line),
            Act::Pages(pages) => self.moved(place.pieces, pages.saturating_mul(page)),
            Act::First => place.pieces.geometry().index(0),
            Act::Last => place.pieces.geometry().index(place.pieces.count() - 1),
            Act::NextTrouble => {
                trouble(place.pieces).and_then(|state| place.pieces.next(state, self.selected))
            }
            Act::PreviousTrouble => {
                trouble(place.pieces).and_then(|state| place.pieces.previous(state, self.selected))
            }
            Act::Zoom(zoom) => return self.zoom(&place.area, zoom),
            Act::Leave => {
                self.focused = false;
                return;
            }
        };
        if let Some(piece) = moved {
            self.select(&place.area, piece, answer);
        }
    }

    /// The piece so many on from the selected one; where none is, the first that is seen.
    fn moved(&self, pieces: &Pieces, by: i64) -> Option<PieceIndex> {
        let to = match self.selected {
            None => self.view.first,
            Some(selected) => {
                let last = i64::from(pieces.count()) - 1;
                let to = i64::from(selected.get()).saturating_add(by).clamp(0, last);
                u32::try_from(to).ok()?
            }
        };
        pieces.geometry().index(to)
    }
}

/// The worst state of any piece, if it is one that needs something done.
fn trouble(pieces: &Pieces) -> Option<State> {
    [State::Corrupt, State::Missing].into_iter().find(|state| pieces.tally().of(*state) > 0)
}
