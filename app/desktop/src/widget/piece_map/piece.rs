//! One piece, and what becomes of it.

use verifier::identity::PeerId;
use verifier::piece::Source;
use verifier::scalars::UtcTime;

/// How far a piece has come; the order is from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum State {
    /// Would survive a crash.
    Kept,
    /// Its bytes are the ones its digest names.
    Verified,
    /// Its bytes are here, not yet judged.
    Arrived,
    /// A peer was asked for it.
    Asked,
    /// Not had, and nobody was asked.
    #[default]
    Missing,
    /// Was kept, and found to be corrupt.
    Corrupt,
}

impl State {
    /// Every state, from best to worst.
    pub const ALL: [Self; 6] =
        [Self::Kept, Self::Verified, Self::Arrived, Self::Asked, Self::Missing, Self::Corrupt];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Verified => "verified",
            Self::Arrived => "arrived",
            Self::Asked => "asked",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }

    /// Whether its bytes are the right ones.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Kept | Self::Verified)
    }
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is not had, and nobody is asked for it.
    Missing,
    /// This peer was asked for it.
    Asked(PeerId),
    /// Its bytes came from there.
    Arrived(Source),
    /// Its bytes came from there and are the right ones, as judged at that time.
    Verified(Source, UtcTime),
    /// The same, and they would survive a crash.
    Kept(Source, UtcTime),
    /// It was kept, and is found to be corrupt.
    Corrupt,
}

/// One piece, in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Piece {
    /// Seconds since 1970 at the last verification, up to 2106; 0 if there was none.
    pub(super) verified: u32,
    /// Who gave it, or was asked for it.
    pub(super) source: Origin,
    pub(super) state: State,
    /// How often a peer was asked for it, up to 255 times.
    pub(super) attempts: u8,
}

/// A source, as a number: 0 unknown, 1 a local file, then the peers as they came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin(pub(super) u16);

impl Origin {
    pub(super) const UNKNOWN: Self = Self(0);
    pub(super) const LOCAL: Self = Self(1);

    pub(super) fn of_place(place: usize) -> Self {
        place.checked_add(2).and_then(|n| u16::try_from(n).ok()).map_or(Self::UNKNOWN, Self)
    }

    /// Where the peer stands in the table.
    pub(super) fn place(self) -> Option<usize> {
        usize::from(self.0).checked_sub(2)
    }
}

/// Seconds since 1970 in four bytes, from 1: 0 says never.
pub(super) fn seconds(time: UtcTime) -> u32 {
    u32::try_from(time.unix()).unwrap_or(u32::MAX).max(1)
}
