//! Machines that break the rules: scripted, in the same frames over the same lines.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::wire::{
    self, Arrival, BlockHead, Decoder, DigestsHead, Frame, Hello, MAX_BLOCK, MAX_DIGESTS,
    ProofHead, Refuse, Side, close, refusal,
};
use verifier::Bitfield;

use crate::network::{Link, Seen};
use crate::scenario::Rogue;
use crate::stream::{Chunk, Content, Payload, Stream, siblings};
use crate::world::{Event, Rest};

/// What a rogue does later.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// It begins to call.
    Start,
    /// It sends a little more of what it owes.
    Drip(Link),
    /// It says that it is there.
    Ping(Link),
    /// Its call is through.
    Connected(Link),
}

/// How often a mute one says that it is there.
const PING: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(crate) struct Actor {
    me: usize,
    is: Rogue,
    links: BTreeMap<Link, Conversation>,
    /// How many pieces were asked of it, in all.
    asked: u32,
}

#[derive(Debug)]
struct Conversation {
    side: Side,
    decoder: Decoder,
    served: u32,
    owed: Stream,
}

impl Actor {
    pub(crate) const fn new(me: usize, is: Rogue) -> Self {
        Self { me, is, links: BTreeMap::new(), asked: 0 }
    }

    /// Which machine it calls.
    pub(crate) const fn calls(&self) -> Option<usize> {
        match self.is {
            Rogue::Stranger(machine, _)
            | Rogue::Says(machine, _)
            | Rogue::CancelFlood(machine)
            | Rogue::AskFlood(machine) => Some(machine),
            _ => None,
        }
    }

    pub(crate) fn called(&mut self, link: Link) {
        self.join(link, Side::Called);
    }

    fn join(&mut self, link: Link, side: Side) {
        let decoder = Decoder::new(crate::network::other(side));
        let conversation = Conversation { side, decoder, served: 0, owed: Stream::default() };
        self.links.insert(link, conversation);
    }

    pub(crate) fn due(&mut self, due: Due, rest: &mut Rest) {
        match due {
            Due::Start => self.start(rest),
            Due::Drip(link) => self.drip(link, rest),
            Due::Ping(link) => {
                if self.links.contains_key(&link) {
                    self.say(link, &Frame::Ping, rest);
                    self.later(PING, Due::Ping(link), rest);
                }
            }
            Due::Connected(link) => {
                self.say(link, &Frame::Hello(Hello { version: wire::VERSION, asks: 16 }), rest);
                self.say(link, &Frame::Open(*rest.artifact.as_bytes()), rest);
            }
        }
    }

    fn later(&self, after: Duration, due: Due, rest: &mut Rest) {
        rest.plan.after(after, Event::Rogue(self.me, due));
    }

    fn start(&mut self, rest: &mut Rest) {
        let Some(machine) = self.calls() else { return };
        if let Rogue::Stranger(_, times) = self.is {
            for _ in 0..times.min(2_000) {
                let link = rest.knock(self.me, machine);
                self.join(link, Side::Caller);
            }
            return;
        }
        let link = rest.call(self.me, machine);
        self.join(link, Side::Caller);
        let through = rest.net.delay(self.me, machine) * 2 * rest.handshake;
        self.later(through, Due::Connected(link), rest);
    }

    pub(crate) fn sees(&mut self, link: Link, seen: Seen, rest: &mut Rest) {
        match seen {
            Seen::Chunks(chunks) => {
                for chunk in chunks {
                    if self.reads(link, chunk, rest).is_none() {
                        break;
                    }
                }
            }
            Seen::End | Seen::Broken => self.leave(link, rest),
            Seen::Written(_) => {}
        }
    }

    fn leave(&mut self, link: Link, rest: &mut Rest) {
        if let Some(conversation) = self.links.remove(&link) {
            rest.net.end(link, conversation.side, &mut rest.plan);
        }
    }

    fn reads(&mut self, link: Link, chunk: Chunk, rest: &mut Rest) -> Option<()> {
        let conversation = self.links.get_mut(&link)?;
        let bytes = match chunk {
            Chunk::Bytes(bytes) => bytes,
            Chunk::Payload(payload) => {
                conversation.decoder.took(payload.length as u32);
                return Some(());
            }
        };
        let mut bytes = bytes.as_ref();
        loop {
            let conversation = self.links.get_mut(&link)?;
            match conversation.decoder.next(&mut bytes) {
                Ok(None) => return Some(()),
                Ok(Some(Arrival::Frame(frame))) => self.hears(link, &frame, rest),
                Ok(Some(Arrival::Payload(_))) => {}
                Err(_) => {
                    self.leave(link, rest);
                    return None;
                }
            }
        }
    }

    fn hears(&mut self, link: Link, frame: &Frame, rest: &mut Rest) {
        if self.is == Rogue::Silent {
            return;
        }
        match frame {
            Frame::Hello(_) if self.calls().is_none() => {
                let version = match self.is {
                    Rogue::Version(version) => version,
                    _ => wire::VERSION,
                };
                self.say(link, &Frame::Hello(Hello { version, asks: 16 }), rest);
            }
            Frame::Open(_) => self.opens(link, rest),
            Frame::Opened(_) => self.opened(link, rest),
            Frame::Learn => self.lists(link, rest),
            Frame::Ask(index) => self.answers(link, *index, false, rest),
            Frame::AskProven(index) => self.answers(link, *index, true, rest),
            _ => {}
        }
    }

    fn opens(&mut self, link: Link, rest: &mut Rest) {
        let (geometry, root) = (rest.geometry, rest.root);
        let refused = match self.is {
            Rogue::Busy => Some((None, close::BUSY)),
            Rogue::NotServed => Some((Some(refusal::NOT_SERVED), close::DONE)),
            Rogue::Version(_) => Some((None, close::VERSION)),
            _ => None,
        };
        if let Some((refused, closed)) = refused {
            if let Some(code) = refused {
                self.say(link, &Frame::Refuse(Refuse { index: None, code }), rest);
            }
            self.say(link, &Frame::Close(closed), rest);
            return self.leave(link, rest);
        }
        let cut = if self.is == Rogue::Geometry { 1 } else { 0 };
        let opened = wire::Opened {
            byte_count: geometry.byte_count() + cut,
            piece_size: geometry.piece_size(),
            algorithm: wire::algorithm(root.algorithm()),
            root: *root.as_bytes(),
            have: Bitfield::full(geometry.piece_count()).as_bytes().to_vec(),
        };
        self.say(link, &Frame::Opened(opened), rest);
        match self.is.clone() {
            Rogue::Mute => self.later(PING, Due::Ping(link), rest),
            Rogue::Bytes(bytes) => self.sends(link, [Chunk::Bytes(bytes.into())], rest),
            Rogue::HaveFlood => (0..64).for_each(|_| self.say(link, &Frame::Have(0), rest)),
            Rogue::PingFlood => (0..64).for_each(|_| self.say(link, &Frame::Ping, rest)),
            Rogue::Unasked => {
                let chunks = piece(0, rest, Content::Piece(0));
                self.sends(link, chunks, rest);
            }
            _ => {}
        }
    }

    /// What it says to one that it called, once that has shown the artifact.
    fn opened(&mut self, link: Link, rest: &mut Rest) {
        match self.is.clone() {
            Rogue::Says(_, bytes) => self.sends(link, [Chunk::Bytes(bytes.into())], rest),
            Rogue::CancelFlood(_) => {
                self.say(link, &Frame::Ask(0), rest);
                (0..64).for_each(|_| self.say(link, &Frame::Cancel(0), rest));
            }
            Rogue::AskFlood(_) => {
                let count = rest.geometry.piece_count();
                (0..2_000).for_each(|ask| self.say(link, &Frame::Ask(ask % count), rest));
            }
            _ => {}
        }
    }

    fn lists(&mut self, link: Link, rest: &mut Rest) {
        if matches!(self.is, Rogue::Mute | Rogue::Failing) {
            return;
        }
        let count = rest.geometry.piece_count();
        for first in (0..count).step_by(MAX_DIGESTS as usize) {
            let head = DigestsHead { first, count: MAX_DIGESTS.min(count - first) };
            let content = if self.is == Rogue::FalseProof { Content::False } else { Content::List };
            let frame = Frame::Digests(head);
            let chunks = framed(&frame, content, u64::from(first) * 32);
            // Not in the midst of a block.
            match self.links.get_mut(&link) {
                Some(conversation) if conversation.owed.len() > 0 => {
                    chunks.into_iter().for_each(|chunk| conversation.owed.push(chunk));
                }
                _ => self.sends(link, chunks, rest),
            }
        }
    }

    fn answers(&mut self, link: Link, index: u32, proven: bool, rest: &mut Rest) {
        self.asked += 1;
        let mut chunks = Vec::new();
        let (mut proof, mut content) = (Content::Proof(index), Content::Piece(index));
        match self.is {
            Rogue::Mute => return,
            Rogue::HangsUp(0) => return self.leave(link, rest),
            Rogue::Failing => {
                let refuse = Refuse { index: Some(index), code: refusal::FAILED };
                return self.say(link, &Frame::Refuse(refuse), rest);
            }
            Rogue::Liar(from) if self.asked > from => content = Content::False,
            Rogue::FalseProof => proof = Content::False,
            _ => {}
        }
        if proven {
            let count = siblings(index, rest.geometry.piece_count());
            chunks.extend(framed(&Frame::Proof(ProofHead { index, count }), proof, 0));
        }
        chunks.extend(piece(index, rest, content));
        if let Rogue::Trickle(_, every) = self.is {
            let Some(conversation) = self.links.get_mut(&link) else { return };
            let idle = conversation.owed.len() == 0;
            chunks.into_iter().for_each(|chunk| conversation.owed.push(chunk));
            if idle {
                self.later(every, Due::Drip(link), rest);
            }
            return;
        }
        self.sends(link, chunks, rest);
        let Some(conversation) = self.links.get_mut(&link) else { return };
        conversation.served += 1;
        let served = conversation.served;
        if matches!(self.is, Rogue::HangsUp(most) if served >= most) {
            self.leave(link, rest);
        }
    }

    fn drip(&mut self, link: Link, rest: &mut Rest) {
        let Rogue::Trickle(bytes, every) = self.is else { return };
        let Some(conversation) = self.links.get_mut(&link) else { return };
        let chunks = conversation.owed.take(bytes.max(1));
        let more = conversation.owed.len() > 0;
        self.sends(link, chunks, rest);
        if more {
            self.later(every.max(Duration::from_millis(1)), Due::Drip(link), rest);
        }
    }

    fn say(&mut self, link: Link, frame: &Frame, rest: &mut Rest) {
        if let Ok(chunk) = Chunk::frame(frame) {
            self.sends(link, [chunk], rest);
        }
    }

    fn sends(&mut self, link: Link, chunks: impl IntoIterator<Item = Chunk>, rest: &mut Rest) {
        if let Some(conversation) = self.links.get(&link) {
            rest.net.write(link, conversation.side, chunks, &mut rest.plan);
        }
    }
}

/// A frame and its payload, which is that content from there on.
fn framed(frame: &Frame, content: Content, offset: u64) -> Vec<Chunk> {
    let payload = Payload { content, offset, length: u64::from(frame.payload()) };
    Chunk::frame(frame).into_iter().chain([Chunk::Payload(payload)]).collect()
}

/// The blocks of a piece.
fn piece(index: u32, rest: &Rest, content: Content) -> Vec<Chunk> {
    let Some(piece) = rest.geometry.index(index) else { return Vec::new() };
    let whole = rest.geometry.length(piece);
    let offsets = (0..whole).step_by(MAX_BLOCK as usize);
    let block = |offset| {
        let head = BlockHead { index, offset, length: MAX_BLOCK.min(whole - offset) };
        framed(&Frame::Block(head), content, u64::from(offset))
    };
    offsets.flat_map(block).collect()
}
