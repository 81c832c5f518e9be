//! What is known of one piece, in four bytes.

use app::ports::Day;

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Missing,
    /// Its bytes are others.
    Corrupt,
    /// It lies where it did, and the disk did not give it back.
    Unread,
    Kept,
}

/// In whose file a piece lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Own,
    /// In that of another artifact, which [`super::Elsewhere`] names.
    Other,
}

/// The state of a piece, in whose file it lies, where it came from by number, and on which day
/// since 1970 it was last verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    what: u16,
    day: u16,
}

const OTHER: u16 = 1 << 15;
const SOURCES: u16 = 1 << 13;

impl Cell {
    /// How many sources can be told from each other.
    pub(crate) const SOURCES: usize = SOURCES as usize;
    pub(crate) const BYTES: usize = 4;

    pub(crate) const fn kept(source: u16, home: Home, day: Day) -> Self {
        Self { what: source % SOURCES, day: day.number() }.at(home).with(State::Kept)
    }

    /// The same piece in that file.
    pub(crate) const fn at(self, home: Home) -> Self {
        let other = match home {
            Home::Own => 0,
            Home::Other => OTHER,
        };
        Self { what: (self.what & (OTHER - 1)) | other, day: self.day }
    }

    /// The same piece in another state.
    pub(crate) const fn with(self, state: State) -> Self {
        let state = match state {
            State::Missing => 0,
            State::Corrupt => 1,
            State::Unread => 2,
            State::Kept => 3,
        };
        Self { what: (self.what & (OTHER | (SOURCES - 1))) | (state * SOURCES), day: self.day }
    }

    pub(crate) const fn state(self) -> State {
        match self.what / SOURCES % 4 {
            0 => State::Missing,
            1 => State::Corrupt,
            2 => State::Unread,
            _ => State::Kept,
        }
    }

    /// When it was last verified.
    pub(crate) const fn day(self) -> Day {
        Day::from_number(self.day)
    }

    /// The same piece, verified on that day.
    pub(crate) const fn on(self, day: Day) -> Self {
        Self { day: day.number(), ..self }
    }

    pub(crate) const fn home(self) -> Home {
        if self.what & OTHER == 0 { Home::Own } else { Home::Other }
    }

    pub(crate) const fn source(self) -> u16 {
        self.what % SOURCES
    }

    /// Whether there are bytes of it that may be sound.
    pub(crate) const fn has_place(self) -> bool {
        matches!(self.state(), State::Kept | State::Unread)
    }

    pub(crate) const fn to_bytes(self) -> [u8; Self::BYTES] {
        let ([a, b], [c, d]) = (self.what.to_le_bytes(), self.day.to_le_bytes());
        [a, b, c, d]
    }

    pub(crate) const fn from_bytes([a, b, c, d]: [u8; Self::BYTES]) -> Self {
        Self { what: u16::from_le_bytes([a, b]), day: u16::from_le_bytes([c, d]) }
    }
}
