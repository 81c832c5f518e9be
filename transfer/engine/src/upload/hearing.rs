//! What callers say.

use verifier::Sha256;
use verifier::identity::PeerId;

use super::asks::Withdrawn;
use super::caller::{Line, List, Opening, Session, State};
use super::{Caller, Effect, News, Opened, Refusal, TurnedAway, Uploads};
use crate::ending::Ending;
use crate::moment::Moment;
use crate::wire::{self, FIRST_ASKS, Frame, OLDEST, Refuse, VERSION, close, refusal};

/// What comes of a frame.
enum Outcome {
    Nothing,
    Opens(PeerId, Sha256),
    Effect(Effect),
    Left,
}

impl Uploads {
    pub(super) fn heard(&mut self, caller: Caller, frame: Frame) {
        let Some(call) = self.callers.get_mut(&caller) else { return };
        let now = self.now;
        if let Some(line) = call.line_mut() {
            line.hear(now);
        }
        let outcome = match &mut call.state {
            State::Handshaking { .. } | State::Leaving { .. } => return,
            State::Opening(line, opening) => opening.hear(line, &frame, now),
            State::Open(line, session) => session.hear(caller, line, &frame, now),
        };
        match outcome {
            Ok(Outcome::Nothing) => {}
            Ok(Outcome::Opens(peer, artifact)) => {
                if self.finds_place(caller, peer, artifact) {
                    self.effects.push_back(Effect::Open(caller, peer, artifact));
                }
            }
            Ok(Outcome::Effect(effect)) => self.effects.push_back(effect),
            Ok(Outcome::Left) => self.cut(caller, None),
            Err(ending @ Ending::Version(_)) => {
                self.hang_up(caller, TurnedAway::Ended(ending), close::VERSION);
            }
            Err(ending) => self.fault(caller, ending),
        }
        self.settle(caller);
    }

    pub(super) fn opened(&mut self, caller: Caller, opened: Option<Opened>) {
        let Some(call) = self.callers.get_mut(&caller) else { return };
        let State::Opening(line, opening) = &mut call.state else { return };
        let Some(artifact) = opening.artifact else { return };
        let (peer, opening) = (line.peer, std::mem::take(opening));
        let Some(opened) = opened.filter(|_| !opening.revoked) else {
            let code = refusal::NOT_SERVED;
            self.tell(News::Refused(peer, Refusal::NotServed));
            self.say(caller, Frame::Refuse(Refuse { index: None, code }));
            self.leave(caller, Some(close::DONE));
            return;
        };
        let shown = Frame::Opened(wire::Opened {
            byte_count: opened.geometry.byte_count(),
            piece_size: opened.geometry.piece_size(),
            algorithm: wire::algorithm(opened.root.algorithm()),
            root: *opened.root.as_bytes(),
            have: opened.have.as_bytes().to_vec(),
        });
        let list = if opening.learn { List::Next(0) } else { List::Unasked };
        let line = std::mem::replace(line, Line::new(peer, self.now));
        let session = Session::new(artifact, opened.geometry, opened.have, list, self.now);
        call.state = State::Open(line, Box::new(session));
        self.say(caller, shown);
        self.land_late(caller, &opening.landed);
        self.settle(caller);
        for frame in opening.early {
            self.heard(caller, frame);
        }
    }

    /// The peer may not have the artifact any more: what it asked for is refused from the next block
    /// on, and as it can ask for nothing else, the connection ends.
    pub(super) fn revoked(&mut self, peer: PeerId, artifact: Sha256) {
        let mut hit = Vec::new();
        for (caller, call) in &mut self.callers {
            match &mut call.state {
                State::Opening(line, opening) if line.peer == peer => {
                    opening.revoked |= opening.artifact == Some(artifact);
                }
                State::Open(line, session) if line.peer == peer && session.artifact == artifact => {
                    let discarded = session.asks.revoke().into_iter();
                    self.effects.extend(discarded.map(|index| Effect::Discard(*caller, index)));
                    hit.push(*caller);
                }
                _ => {}
            }
        }
        for caller in hit {
            self.settle(caller);
            self.leave(caller, Some(close::DONE));
        }
    }
}

impl Opening {
    fn hear(&mut self, line: &mut Line, frame: &Frame, now: Moment) -> Result<Outcome, Ending> {
        match frame {
            Frame::Hello(hello) if !self.greeted => {
                if hello.version.min(VERSION) < OLDEST {
                    return Err(Ending::Version(hello.version));
                }
                self.greeted = true;
            }
            Frame::Open(artifact) if self.greeted && self.artifact.is_none() => {
                let artifact = Sha256::from_bytes(*artifact);
                self.artifact = Some(artifact);
                return Ok(Outcome::Opens(line.peer, artifact));
            }
            Frame::Learn if self.artifact.is_some() && !self.learn => self.learn = true,
            Frame::Ask(index) | Frame::AskProven(index) | Frame::Cancel(index)
                if self.artifact.is_some() =>
            {
                // Each may be cancelled.
                if self.early.len() >= 2 * usize::from(FIRST_ASKS) {
                    return Err(Ending::Asks(*index));
                }
                self.early.push(frame.clone());
            }
            Frame::Ping if self.greeted => line.ping(now)?,
            Frame::Close(_) => return Ok(Outcome::Left),
            other => return Err(Ending::Unexpected(other.kind())),
        }
        Ok(Outcome::Nothing)
    }
}

impl Session {
    fn hear(
        &mut self,
        caller: Caller,
        line: &mut Line,
        frame: &Frame,
        now: Moment,
    ) -> Result<Outcome, Ending> {
        match frame {
            Frame::Ask(index) => self.asks.ask(*index, false, &self.geometry)?,
            Frame::AskProven(index) => self.asks.ask(*index, true, &self.geometry)?,
            Frame::Cancel(index) => {
                let piece = self.geometry.index(*index).ok_or(Ending::Unasked(*index))?;
                if self.asks.cancel(piece)? == Withdrawn::Discard {
                    return Ok(Outcome::Effect(Effect::Discard(caller, piece)));
                }
            }
            Frame::Learn if self.list == List::Unasked => self.list = List::Next(0),
            Frame::Ping => line.ping(now)?,
            Frame::Close(_) => return Ok(Outcome::Left),
            other => return Err(Ending::Unexpected(other.kind())),
        }
        Ok(Outcome::Nothing)
    }
}
