//! Frames out of a stream of bytes that comes in any portions.

use crate::wire::{Frame, FrameError, HEADER_LEN, Header, Kind, Side};

/// Reads one side of a connection: frames, and the payload that follows some of them.
///
/// It takes memory for what has come of a frame, never for what a header claims, and refuses by the
/// header alone what the side it reads may not send. After an error it gives the same one again.
#[derive(Debug)]
pub struct Decoder {
    from: Side,
    state: State,
    /// What has come of the header or the body.
    pub(super) partial: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Body(Header),
    Payload(u32),
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<'a> {
    /// A frame; of one with a payload, its head.
    Frame(Frame),
    /// Bytes of the payload of the frame that came last.
    Payload(&'a [u8]),
}

impl Decoder {
    /// Reads what this side sends, from its first byte on.
    pub const fn new(from: Side) -> Self {
        Self { from, state: State::Header, partial: Vec::new() }
    }

    /// Takes what comes next out of `bytes`, and leaves the rest there; nothing if more has to come.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the bytes are no frame: nothing sensible can follow.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Arrival<'a>>, FrameError> {
        loop {
            match self.state {
                State::Header => {
                    let Some(header) = self.fill(bytes, HEADER_LEN) else { return Ok(None) };
                    let header = header.first_chunk::<HEADER_LEN>().copied();
                    let header = Header::decode(header.unwrap_or_default(), self.from)?;
                    self.partial.clear();
                    self.state = State::Body(header);
                }
                State::Body(header) => {
                    let length = header.kind.head().unwrap_or(header.length) as usize;
                    let Some(body) = self.fill(bytes, length) else { return Ok(None) };
                    let frame = Frame::decode(header, body)?;
                    match header.kind {
                        // The one long body, which comes once.
                        Kind::Opened => self.partial = Vec::new(),
                        _ => self.partial.clear(),
                    }
                    self.state = match frame.payload() {
                        0 => State::Header,
                        payload => State::Payload(payload),
                    };
                    return Ok(Some(Arrival::Frame(frame)));
                }
                State::Payload(left) => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    let (payload, rest) = bytes.split_at(bytes.len().min(left as usize));
                    *bytes = rest;
                    self.took(u32::try_from(payload.len()).unwrap_or(left));
                    return Ok(Some(Arrival::Payload(payload)));
                }
            }
        }
    }

    /// How many bytes of payload come next, which may be read past the decoder.
    pub const fn payload_left(&self) -> u32 {
        match self.state {
            State::Payload(left) => left,
            State::Header | State::Body(_) => 0,
        }
    }

    /// So many bytes of payload, at most [`Self::payload_left`], were read past the decoder.
    pub const fn took(&mut self, bytes: u32) {
        if let State::Payload(left) = self.state {
            self.state = match left.saturating_sub(bytes) {
                0 => State::Header,
                left => State::Payload(left),
            };
        }
    }

    /// The first `length` bytes of what came since it was cleared, if so many have come.
    fn fill(&mut self, bytes: &mut &[u8], length: usize) -> Option<&[u8]> {
        let wanted = length.saturating_sub(self.partial.len());
        let (now, rest) = bytes.split_at(bytes.len().min(wanted));
        self.partial.extend_from_slice(now);
        *bytes = rest;
        (self.partial.len() == length).then_some(self.partial.as_slice())
    }
}
