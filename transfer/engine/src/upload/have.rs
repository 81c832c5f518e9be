//! Telling callers what has landed here.

use std::time::Duration;

use verifier::{PieceIndex, Sha256};

use super::caller::State;
use super::{Caller, Uploads};
use crate::moment::Moment;
use crate::wire::Frame;

/// When callers are told of what has landed: at once, and then no more often than so.
#[derive(Debug, Default)]
pub(super) struct Landings {
    told: Option<Moment>,
    due: Option<Moment>,
}

impl Landings {
    const APART: Duration = Duration::from_millis(100);

    pub(super) const fn due(&self) -> Option<Moment> {
        self.due
    }

    fn land(&mut self, now: Moment) {
        let at = self.told.map_or(now, |told| now.max(told + Self::APART));
        self.due.get_or_insert(at);
    }
}

impl Uploads {
    pub(super) fn landed(&mut self, artifact: Sha256, pieces: &[PieceIndex]) {
        let mut is_news = false;
        for call in self.callers.values_mut() {
            match &mut call.state {
                State::Open(_, session) if session.artifact == artifact => {
                    is_news |= session.land(pieces);
                }
                State::Opening(_, opening) if opening.artifact == Some(artifact) => {
                    opening.landed.extend(pieces);
                }
                _ => {}
            }
        }
        if is_news {
            self.landings.land(self.now);
            self.tell_landed();
        }
    }

    /// Tells every caller what it was not told of, if it is time.
    pub(super) fn tell_landed(&mut self) {
        if self.landings.due.is_none_or(|due| due > self.now) {
            return;
        }
        self.landings = Landings { told: Some(self.now), due: None };
        let mut told = Vec::<(Caller, PieceIndex)>::new();
        for (caller, call) in &mut self.callers {
            if let Some((_, session)) = call.open_mut() {
                told.extend(session.landed.drain(..).map(|piece| (*caller, piece)));
            }
        }
        for (caller, piece) in told {
            self.say(caller, Frame::Have(piece.get()));
        }
    }

    /// What landed while the caller waited to see the artifact.
    pub(super) fn land_late(&mut self, caller: Caller, pieces: &[PieceIndex]) {
        let session = self.callers.get_mut(&caller).and_then(|call| call.open_mut());
        if session.is_some_and(|(_, session)| session.land(pieces)) {
            self.landings.land(self.now);
            self.tell_landed();
        }
    }
}
