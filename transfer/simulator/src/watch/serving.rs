//! What must hold of uploads.

use std::collections::BTreeMap;

use engine::Ending;
use engine::upload::{Caller, Effect, Input};
use engine::wire::{Frame, MAX_BLOCK, MIN_BLOCK};
use verifier::Geometry;

/// The most bytes of blocks that are given to a writer and not taken, and one block.
const GIVEN: u64 = (512 << 10) + MAX_BLOCK as u64;
/// The most bytes that are read and not sent; one piece of each caller besides.
const READ_AHEAD: u64 = 64 << 20;
/// The most pieces of one caller that are past the check of its grant and not sent.
const READ_MOST: usize = 2;

/// What must hold of uploads.
#[derive(Debug)]
pub struct Serving {
    geometry: Geometry,
    callers: BTreeMap<Caller, Of>,
    read: u64,
}

#[derive(Debug, Default)]
struct Of {
    proved: bool,
    /// The pieces that are being read or sent: whether it is read, and up to where it is sent.
    pieces: BTreeMap<u32, (bool, u32)>,
    given: u64,
    hung_up: bool,
}

impl Serving {
    /// Nobody has called.
    pub const fn new(geometry: Geometry) -> Self {
        Self { geometry, callers: BTreeMap::new(), read: 0 }
    }

    /// That goes in now.
    pub fn input(&mut self, input: &Input) {
        match input {
            Input::Called(caller, _) => drop(self.callers.insert(*caller, Of::default())),
            Input::Proved(caller, _) => {
                if let Some(of) = self.callers.get_mut(caller) {
                    of.proved = true;
                }
            }
            // Who broke the protocol is told so.
            Input::Ended(_, Ending::Frame(_)) => {}
            Input::Ended(caller, _) => self.end(*caller),
            Input::Read(caller, index, Ok(())) => {
                let of = self.callers.get_mut(caller);
                if let Some(piece) = of.and_then(|of| of.pieces.get_mut(&index.get())) {
                    piece.0 = true;
                }
            }
            Input::Read(caller, index, Err(_)) => self.done(*caller, index.get()),
            Input::Written(caller, bytes) => {
                if let Some(of) = self.callers.get_mut(caller) {
                    of.given = of.given.saturating_sub(u64::from(*bytes));
                }
            }
            _ => {}
        }
    }

    /// That came out.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn effect(&mut self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Open(caller, ..) => self.proved(*caller, effect).map(drop)?,
            Effect::Read { caller, index, .. } => {
                let of = self.proved(*caller, effect)?;
                if of.pieces.insert(index.get(), (false, 0)).is_some() {
                    return Err(format!("{caller:?}: piece {} is read twice", index.get()));
                }
                if of.pieces.len() > READ_MOST {
                    return Err(format!("{caller:?}: {} pieces are read ahead", of.pieces.len()));
                }
                self.read += u64::from(self.geometry.length(*index));
                let callers =
                    self.callers.values().filter(|of| !of.pieces.is_empty()).count() as u64;
                let most = READ_AHEAD + callers * u64::from(self.geometry.piece_size());
                if self.read > most {
                    return Err(format!("{} bytes are read ahead, of {most}", self.read));
                }
            }
            Effect::Send(caller, Frame::Close(_)) => self.open(*caller, effect).map(drop)?,
            Effect::Send(caller, _) => self.proved(*caller, effect).map(drop)?,
            Effect::Block(caller, head) => {
                let piece = self.geometry.index(head.index).ok_or("a piece that does not exist")?;
                let whole = self.geometry.length(piece);
                let of = self.proved(*caller, effect)?;
                of.given += u64::from(head.length);
                if of.given > GIVEN {
                    return Err(format!("{caller:?}: {} bytes are given and not taken", of.given));
                }
                let Some((true, sent)) = of.pieces.get_mut(&head.index) else {
                    return Err(format!("{caller:?}: a block of what was not read: {head:?}"));
                };
                let ends = head.offset + head.length == whole;
                let fits = head.offset == *sent && head.offset + head.length <= whole;
                if !fits || head.length > MAX_BLOCK || (head.length < MIN_BLOCK && !ends) {
                    return Err(format!("{caller:?}: {head:?} does not continue at {sent}"));
                }
                *sent += head.length;
                if ends {
                    self.done(*caller, head.index);
                }
            }
            Effect::Proof(caller, _) | Effect::Digests(caller, _) => {
                self.proved(*caller, effect).map(drop)?;
            }
            Effect::Discard(caller, index) => self.done(*caller, index.get()),
            Effect::HangUp(caller, _) => {
                let over = || format!("of a caller that is gone: {effect:?}");
                self.callers.get_mut(caller).ok_or_else(over)?.hung_up = true;
                let pieces: Vec<_> = self.callers[caller].pieces.keys().copied().collect();
                pieces.into_iter().for_each(|index| self.done(*caller, index));
            }
            Effect::Tell(_) => {}
        }
        Ok(())
    }

    fn open(&mut self, caller: Caller, effect: &Effect) -> Result<&mut Of, String> {
        let over = || format!("of a caller that is gone: {effect:?}");
        self.callers.get_mut(&caller).filter(|of| !of.hung_up).ok_or_else(over)
    }

    fn proved(&mut self, caller: Caller, effect: &Effect) -> Result<&mut Of, String> {
        let unproven = || format!("of a caller that has not proved who it is: {effect:?}");
        self.open(caller, effect)?;
        self.callers.get_mut(&caller).filter(|of| of.proved).ok_or_else(unproven)
    }

    fn done(&mut self, caller: Caller, index: u32) {
        let of = self.callers.get_mut(&caller);
        if of.and_then(|of| of.pieces.remove(&index)).is_some() {
            let piece = self.geometry.index(index);
            self.read -= piece.map_or(0, |piece| u64::from(self.geometry.length(piece)));
        }
    }

    fn end(&mut self, caller: Caller) {
        let Some(of) = self.callers.get(&caller) else { return };
        let pieces: Vec<_> = of.pieces.keys().copied().collect();
        pieces.into_iter().for_each(|index| self.done(caller, index));
        self.callers.remove(&caller);
    }
}
