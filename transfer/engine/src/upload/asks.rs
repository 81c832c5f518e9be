//! What one caller has asked for and not got yet, in the order of asking.

use std::collections::VecDeque;

use verifier::{Geometry, PieceIndex};

use super::message::Refusal;
use crate::ending::Ending;
use crate::wire::{Kind, MAX_ASKS};

/// The unanswered asks of a caller.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: VecDeque<Ask>,
    /// How many were ever made, and how many cancels came.
    made: u64,
    cancels: u64,
    /// How many were refused since a byte was last taken.
    in_vain: u32,
    /// Pieces that are past the check of the grant and not sent, and their bytes.
    ahead: u32,
    ahead_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) index: PieceIndex,
    pub(super) length: u32,
    pub(super) proven: bool,
    pub(super) stage: Stage,
}

/// How far an ask is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was done for it.
    Waiting,
    /// Its piece is being read.
    Reading,
    /// Its piece is being read, and will be refused.
    ReadingInVain(No),
    /// Its piece was read, and its proof is to be sent before it.
    Proof,
    /// Its piece was read, and is given to the writer up to here.
    Blocks(u32),
    /// It is refused.
    Refused(No),
}

/// Why an ask is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    /// It was cancelled.
    Cancelled,
    /// This side cannot, or will not.
    Because(Refusal),
}

impl Ask {
    /// Whether its piece is past the check of the grant and not sent.
    const fn is_ahead(self) -> bool {
        !matches!(self.stage, Stage::Waiting | Stage::Refused(_))
    }
}

/// What is to be done about a piece that is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withdrawn {
    /// Nothing.
    Nothing,
    /// It was read in vain.
    Discard,
}

impl Asks {
    /// The most pieces that are past the check of the grant and not sent: one is sent while the
    /// next is read, and no more when a grant is taken back.
    pub(super) const AHEAD: u32 = 2;
    /// The most asks in a row that are refused or cancelled.
    const IN_VAIN: u32 = 2 * MAX_ASKS as u32;

    /// Takes an ask in.
    ///
    /// # Errors
    ///
    /// [`Ending::Unasked`] if there is no such piece, [`Ending::Asks`] if it is asked already or
    /// there are too many, [`Ending::Flood`] if all that is asked for is refused or cancelled, which
    /// may fill this side's memory with refusals that are not read.
    pub(super) fn ask(
        &mut self,
        index: u32,
        proven: bool,
        geometry: &Geometry,
    ) -> Result<(), Ending> {
        let piece = geometry.index(index).ok_or(Ending::Unasked(index))?;
        let is_asked = self.open.iter().any(|ask| ask.index == piece);
        if is_asked || self.open.len() >= usize::from(MAX_ASKS) {
            return Err(Ending::Asks(index));
        }
        if self.in_vain >= Self::IN_VAIN {
            return Err(Ending::Flood(Kind::Ask));
        }
        self.made += 1;
        let length = geometry.length(piece);
        self.open.push_back(Ask { index: piece, length, proven, stage: Stage::Waiting });
        Ok(())
    }

    /// Takes a cancel in; one of an ask that is answered already crossed the answer.
    ///
    /// # Errors
    ///
    /// [`Ending::Flood`] if more cancels came than asks.
    pub(super) fn cancel(&mut self, index: PieceIndex) -> Result<Withdrawn, Ending> {
        self.cancels += 1;
        if self.cancels > self.made {
            return Err(Ending::Flood(Kind::Cancel));
        }
        let place = self.open.iter().position(|ask| ask.index == index);
        Ok(place.map_or(Withdrawn::Nothing, |place| self.withdraw(place, No::Cancelled)))
    }

    /// Refuses all that is not in the writer's hands already: which pieces were read in vain.
    pub(super) fn revoke(&mut self) -> Vec<PieceIndex> {
        let mut discarded = Vec::new();
        for place in 0..self.open.len() {
            if self.withdraw(place, No::Because(Refusal::NotServed)) == Withdrawn::Discard {
                discarded.extend(self.open.get(place).map(|ask| ask.index));
            }
        }
        discarded
    }

    fn withdraw(&mut self, place: usize, no: No) -> Withdrawn {
        let Some(ask) = self.open.get(place).copied() else { return Withdrawn::Nothing };
        match ask.stage {
            Stage::Waiting => self.set(place, Stage::Refused(no)),
            Stage::Reading => self.set(place, Stage::ReadingInVain(no)),
            Stage::Blocks(sent) if sent == ask.length => {}
            Stage::Proof | Stage::Blocks(_) => {
                self.set(place, Stage::Refused(no));
                return Withdrawn::Discard;
            }
            Stage::ReadingInVain(_) | Stage::Refused(_) => {}
        }
        Withdrawn::Nothing
    }

    /// Whether the piece is being read.
    pub(super) fn is_reading(&self, index: PieceIndex) -> bool {
        let is_reading = |stage| matches!(stage, Stage::Reading | Stage::ReadingInVain(_));
        self.open.iter().any(|ask| ask.index == index && is_reading(ask.stage))
    }

    /// Takes in what became of a read, or of a block that was not sent.
    pub(super) fn read(&mut self, index: PieceIndex, refused: Option<Refusal>) -> Withdrawn {
        let Some(place) = self.open.iter().position(|ask| ask.index == index) else {
            return Withdrawn::Nothing;
        };
        let Some(ask) = self.open.get(place).copied() else { return Withdrawn::Nothing };
        match (ask.stage, refused) {
            (Stage::Reading, None) if ask.proven => self.set(place, Stage::Proof),
            (Stage::Reading, None) => self.set(place, Stage::Blocks(0)),
            (Stage::ReadingInVain(no), None) => {
                self.set(place, Stage::Refused(no));
                return Withdrawn::Discard;
            }
            (Stage::ReadingInVain(no), Some(_)) => self.set(place, Stage::Refused(no)),
            (Stage::Reading, Some(refusal)) => {
                self.set(place, Stage::Refused(No::Because(refusal)));
            }
            (Stage::Proof | Stage::Blocks(_), Some(refusal)) => {
                self.set(place, Stage::Refused(No::Because(refusal)));
                return Withdrawn::Discard;
            }
            (Stage::Proof | Stage::Blocks(_) | Stage::Waiting | Stage::Refused(_), _) => {}
        }
        Withdrawn::Nothing
    }

    /// The next ask whose piece is to be read, if one more may be read within so many bytes; one
    /// piece always may.
    pub(super) fn next_read(&mut self, share: u64) -> Option<Ask> {
        if self.ahead >= Self::AHEAD {
            return None;
        }
        let place = self.open.iter().position(|ask| ask.stage == Stage::Waiting)?;
        let ask = self.open.get(place).copied()?;
        if self.ahead > 0 && self.ahead_bytes + u64::from(ask.length) > share {
            return None;
        }
        self.set(place, Stage::Reading);
        Some(ask)
    }

    /// The ask that is to be answered first.
    pub(super) fn first(&self) -> Option<Ask> {
        self.open.front().copied()
    }

    /// Moves the first ask on.
    pub(super) fn advance(&mut self, stage: Stage) {
        self.set(0, stage);
    }

    /// The first ask is answered.
    pub(super) fn answered(&mut self) {
        let was_refused = self.first().is_some_and(|ask| matches!(ask.stage, Stage::Refused(_)));
        self.in_vain = if was_refused { self.in_vain + 1 } else { 0 };
        self.set(0, Stage::Refused(No::Cancelled));
        self.open.pop_front();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn set(&mut self, place: usize, stage: Stage) {
        let Some(ask) = self.open.get_mut(place) else { return };
        let was = ask.is_ahead();
        ask.stage = stage;
        let length = u64::from(ask.length);
        match (was, ask.is_ahead()) {
            (false, true) => {
                self.ahead += 1;
                self.ahead_bytes += length;
            }
            (true, false) => {
                self.ahead -= 1;
                self.ahead_bytes -= length;
            }
            (false, false) | (true, true) => {}
        }
    }

    pub(super) fn check(&self, share: u64) -> Result<(), String> {
        let ahead = self.open.iter().filter(|ask| ask.is_ahead());
        let bytes = ahead.clone().map(|ask| u64::from(ask.length)).sum::<u64>();
        let count = ahead.count();
        let mut indices = self.open.iter().map(|ask| ask.index).collect::<Vec<_>>();
        indices.sort_unstable();
        indices.dedup();
        let is_right = count == self.ahead as usize
            && bytes == self.ahead_bytes
            && self.ahead <= Self::AHEAD
            && (count <= 1 || bytes <= share)
            && indices.len() == self.open.len()
            && self.open.len() <= usize::from(MAX_ASKS)
            && self.cancels <= self.made;
        is_right.then_some(()).ok_or_else(|| format!("asks are wrong: {self:?}"))
    }
}
