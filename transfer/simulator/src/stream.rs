//! What stands on a line: the exact bytes of frames, and the bytes of pieces, proofs and piece lists
//! as what they truly are and how many.

use std::collections::VecDeque;

use bytes::Bytes;
use engine::wire::{Frame, FrameError};

/// Some of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes of that.
    Payload(Payload),
}

/// Bytes that are counted and not carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) content: Content,
    /// Where in it they start.
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What bytes truly are, whatever the frame before them claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// The piece of that index.
    Piece(u32),
    /// The proof of the piece of that index.
    Proof(u32),
    /// The piece list.
    List,
    /// Nothing that anybody wants.
    False,
}

impl Chunk {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Payload(payload) => payload.length,
        }
    }

    /// The frame's bytes, which are to be followed by its payload.
    pub(crate) fn frame(frame: &Frame) -> Result<Self, FrameError> {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes)?;
        Ok(Self::Bytes(bytes.into()))
    }

    fn split(&mut self, at: u64) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.split_to(at as usize)),
            Self::Payload(payload) => {
                let first = Payload { length: at, ..*payload };
                payload.offset += at;
                payload.length -= at;
                Self::Payload(first)
            }
        }
    }
}

/// Chunks in order.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    chunks: VecDeque<Chunk>,
    length: u64,
}

impl Stream {
    pub(crate) const fn len(&self) -> u64 {
        self.length
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        if chunk.len() > 0 {
            self.length += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.length = 0;
    }

    /// The first `length` bytes, or all there are.
    pub(crate) fn take(&mut self, length: u64) -> Vec<Chunk> {
        let mut left = length.min(self.length);
        self.length -= left;
        let mut taken = Vec::with_capacity(2);
        while left > 0 {
            let Some(chunk) = self.chunks.front_mut() else { break };
            if chunk.len() <= left {
                left -= chunk.len();
                taken.extend(self.chunks.pop_front());
            } else {
                taken.push(chunk.split(left));
                left = 0;
            }
        }
        taken
    }
}

/// What was received for one purpose, and whether it is what it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) length: u64,
    pub(crate) good: bool,
}

impl Default for Received {
    fn default() -> Self {
        Self { length: 0, good: true }
    }
}

impl Received {
    /// Takes in what should continue `wanted`.
    pub(crate) fn add(&mut self, wanted: Content, payload: Payload) {
        self.good &= payload.content == wanted && payload.offset == self.length;
        self.length += payload.length;
    }
}

/// How many siblings the proof of that leaf has: a node without one is handed up as it is.
pub(crate) const fn siblings(index: u32, count: u32) -> u32 {
    let (mut at, mut width, mut siblings) = (index, count, 0);
    while width > 1 {
        if at ^ 1 < width {
            siblings += 1;
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    siblings
}

#[cfg(test)]
mod tests {
    use super::{Chunk, Content, Payload, Received, Stream};

    #[test]
    fn what_is_cut_anywhere_is_still_the_whole() {
        let whole = Payload { content: Content::Piece(3), offset: 0, length: 100 };
        for portion in [1, 7, 100, 1_000] {
            let (mut stream, mut received) = (Stream::default(), Received::default());
            stream.push(Chunk::Payload(whole));
            while stream.len() > 0 {
                for chunk in stream.take(portion) {
                    let Chunk::Payload(payload) = chunk else { panic!("bytes") };
                    received.add(Content::Piece(3), payload);
                }
            }
            assert!(received.good && received.length == 100);
        }
    }

    #[test]
    fn a_part_left_out_or_of_something_else_is_seen() {
        let part = |content, offset| Payload { content, offset, length: 10 };
        let good = |parts: &[Payload]| {
            let mut received = Received::default();
            parts.iter().for_each(|part| received.add(Content::Piece(3), *part));
            received.good
        };
        assert!(good(&[part(Content::Piece(3), 0), part(Content::Piece(3), 10)]));
        assert!(!good(&[part(Content::Piece(3), 0), part(Content::Piece(3), 20)]));
        assert!(!good(&[part(Content::Piece(4), 0)]));
        assert!(!good(&[part(Content::False, 0)]));
    }
}
