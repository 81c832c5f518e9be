//! How a cell looks, by the pieces in it.

use verifier::scalars::UtcTime;

use super::pattern::Pattern;
use super::piece::{Origin, Piece, State};
use crate::theme::{Ink, PEERS, PieceColours};

/// What colours and patterns tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colouring {
    /// How far each piece has come.
    #[default]
    State,
    /// Who gave each piece.
    Source,
    /// How long ago each piece was last verified, as of this time.
    Age(UtcTime),
}

/// How long ago a piece was last verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Age {
    /// Less than an hour.
    Hour,
    /// Less than a day.
    Day,
    /// Less than a week.
    Week,
    /// Less than 30 days.
    Month,
    /// 30 days or more.
    Older,
    /// Nobody wrote it down.
    Unknown,
}

impl Age {
    const ALL: [Self; 6] =
        [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Older, Self::Unknown];

    fn of(now: UtcTime, verified: u32) -> Self {
        if verified == 0 {
            return Self::Unknown;
        }
        match now.unix().saturating_sub(verified.into()) {
            0..3_600 => Self::Hour,
            3_600..86_400 => Self::Day,
            86_400..604_800 => Self::Week,
            604_800..2_592_000 => Self::Month,
            _ => Self::Older,
        }
    }
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// By the worst state of its pieces.
    State(State),
    /// Most of its pieces came from somewhere that nobody wrote down.
    Unknown,
    /// Most of its pieces came from a file of the user's own.
    Local,
    /// Most of its pieces came from the peer at this place of the table, from 0 to 11.
    Peer(u8),
    /// Most of its pieces came from one of the peers behind those.
    OtherPeer,
    /// The piece that was not verified for longest.
    Age(Age),
}

impl Look {
    /// Every look, in the order of [`Self::number`].
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let peers = (0..PEERS).filter_map(|place| u8::try_from(place).ok()).map(Self::Peer);
        State::ALL
            .map(Self::State)
            .into_iter()
            .chain([Self::Unknown, Self::Local, Self::OtherPeer])
            .chain(Age::ALL.map(Self::Age))
            .chain(peers)
    }

    /// A number of its own.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::State(state) => state as u8,
            Self::Unknown => 6,
            Self::Local => 7,
            Self::OtherPeer => 8,
            Self::Age(age) => 9 + age as u8,
            Self::Peer(place) => 15 + place,
        }
    }

    /// The look of the peer at this place of [`super::Pieces::peers`].
    pub fn peer(place: usize) -> Self {
        u8::try_from(place)
            .ok()
            .filter(|place| usize::from(*place) < PEERS)
            .map_or(Self::OtherPeer, Self::Peer)
    }

    fn origin(origin: Origin) -> Self {
        match origin {
            Origin::UNKNOWN => Self::Unknown,
            Origin::LOCAL => Self::Local,
            peer => peer.place().map_or(Self::Unknown, Self::peer),
        }
    }

    /// Its colours in a theme.
    pub(super) fn ink(self, colours: &PieceColours) -> Ink {
        match self {
            Self::State(state) => colours.states[state as usize],
            Self::Unknown => colours.unknown,
            Self::Local => colours.local,
            Self::OtherPeer => colours.other,
            Self::Peer(place) => {
                colours.peers.get(usize::from(place)).copied().unwrap_or(colours.other)
            }
            Self::Age(age) => colours.ages[age as usize],
        }
    }

    /// Its pattern, so that its colours are never the only sign.
    pub(super) fn pattern(self) -> Pattern {
        const PEER: [Pattern; 6] = [
            Pattern::Rising,
            Pattern::Dots,
            Pattern::Vertical,
            Pattern::Falling,
            Pattern::Lattice,
            Pattern::Horizontal,
        ];
        match self {
            Self::State(State::Kept) | Self::Local | Self::Age(Age::Hour) => Pattern::Plain,
            Self::State(State::Verified) | Self::Age(Age::Day) => Pattern::Dots,
            Self::State(State::Arrived) | Self::Age(Age::Week) => Pattern::Horizontal,
            Self::State(State::Asked) | Self::Age(Age::Month) => Pattern::Rising,
            Self::State(State::Missing) => Pattern::Hollow,
            Self::State(State::Corrupt) => Pattern::Cross,
            Self::Age(Age::Older) => Pattern::Lattice,
            Self::Unknown | Self::OtherPeer | Self::Age(Age::Unknown) => Pattern::Checks,
            Self::Peer(place) => PEER[usize::from(place) % PEER.len()],
        }
    }
}

/// Judges cells by their pieces.
///
/// The worst state wins, so that one corrupt piece shows among any number of kept ones. Only
/// where all are good do source and age come in: the source that most of the pieces have, the
/// age of the piece that was not verified for longest.
#[derive(Debug)]
pub(super) struct Eye {
    colouring: Colouring,
    /// How many pieces of a cell came from where; here so that its memory is used again.
    counts: Vec<(Origin, u32)>,
}

impl Eye {
    pub(super) fn new(colouring: Colouring) -> Self {
        Self { colouring, counts: Vec::new() }
    }

    /// The look of a cell with these pieces.
    pub(super) fn look(&mut self, pieces: &[Piece]) -> Look {
        let worst = match pieces {
            [one] => one.state,
            _ => pieces.iter().map(|piece| piece.state).max().unwrap_or_default(),
        };
        match self.colouring {
            Colouring::Source if worst.is_good() => Look::origin(self.most_frequent(pieces)),
            Colouring::Age(now) if worst.is_good() => {
                let oldest = pieces.iter().map(|piece| piece.verified).min().unwrap_or(0);
                Look::Age(Age::of(now, oldest))
            }
            _ => Look::State(worst),
        }
    }

    /// The source that most of the pieces have; of several, the one that came up first.
    fn most_frequent(&mut self, pieces: &[Piece]) -> Origin {
        if let [one, rest @ ..] = pieces
            && rest.iter().all(|piece| piece.source == one.source)
        {
            return one.source;
        }
        self.counts.clear();
        for piece in pieces {
            match self.counts.iter_mut().find(|(source, _)| *source == piece.source) {
                Some((_, count)) => *count += 1,
                None => self.counts.push((piece.source, 1)),
            }
        }
        // Of equals `max_by_key` takes the last.
        let most = self.counts.iter().rev().max_by_key(|(_, count)| *count);
        most.map_or(Origin::UNKNOWN, |(source, _)| *source)
    }
}

#[cfg(test)]
mod tests {
    use verifier::scalars::UtcTime;

    use super::{Age, Colouring, Eye, Look};
    use crate::widget::piece_map::piece::{Origin, Piece, State};

    /// Pieces as a picture: a digit is kept from that source, `+` verified, `>` arrived, `?`
    /// asked, `.` missing, `!` corrupt.
    fn cell(picture: &str) -> Vec<Piece> {
        let piece = |c: char| match c {
            '+' => Piece { state: State::Verified, ..Piece::default() },
            '>' => Piece { state: State::Arrived, ..Piece::default() },
            '?' => Piece { state: State::Asked, ..Piece::default() },
            '.' => Piece::default(),
            '!' => Piece { state: State::Corrupt, ..Piece::default() },
            digit => {
                let source = Origin(u16::try_from(digit.to_digit(10).unwrap()).unwrap());
                Piece { state: State::Kept, source, ..Piece::default() }
            }
        };
        picture.chars().map(piece).collect()
    }

    #[test]
    fn the_worst_state_wins() {
        for (picture, worst) in [
            ("1111", State::Kept),
            ("11+1", State::Verified),
            ("1>+1", State::Arrived),
            ("?>+1", State::Asked),
            ("?>.1", State::Missing),
            ("!>.1", State::Corrupt),
        ] {
            let look = Eye::new(Colouring::State).look(&cell(picture));
            assert_eq!(look, Look::State(worst), "{picture}");
            let look = Eye::new(Colouring::Source).look(&cell(picture));
            assert_eq!(look == Look::State(worst), !worst.is_good(), "{picture}");
        }
    }

    #[test]
    fn the_most_frequent_source_is_seen() {
        for (picture, look) in [
            ("2", Look::Peer(0)),
            ("2333", Look::Peer(1)),
            ("2332", Look::Peer(0)),
            ("3223", Look::Peer(1)),
            ("111", Look::Local),
            ("0012", Look::Unknown),
            ("222!", Look::State(State::Corrupt)),
        ] {
            assert_eq!(Eye::new(Colouring::Source).look(&cell(picture)), look, "{picture}");
        }
        assert_eq!(Look::peer(11), Look::Peer(11));
        assert_eq!(Look::peer(12), Look::OtherPeer);
    }

    #[test]
    fn the_piece_not_verified_for_longest_is_seen() {
        let now = UtcTime::from_unix(10_000_000);
        let at = |ages: &[u32]| {
            let piece = |age: &u32| Piece {
                state: State::Kept,
                verified: 10_000_000 - age,
                ..Piece::default()
            };
            Eye::new(Colouring::Age(now)).look(&ages.iter().map(piece).collect::<Vec<_>>())
        };
        assert_eq!(at(&[0, 3_599]), Look::Age(Age::Hour));
        assert_eq!(at(&[0, 3_600]), Look::Age(Age::Day));
        assert_eq!(at(&[86_400, 0]), Look::Age(Age::Week));
        assert_eq!(at(&[604_800, 0]), Look::Age(Age::Month));
        assert_eq!(at(&[2_592_000, 0]), Look::Age(Age::Older));
        assert_eq!(at(&[10_000_000, 0]), Look::Age(Age::Unknown));
    }

    #[test]
    fn every_look_has_a_number_of_its_own() {
        for (place, look) in Look::all().enumerate() {
            assert_eq!(usize::from(look.number()), place, "{look:?}");
        }
    }
}
