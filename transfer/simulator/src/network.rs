//! Lines between machines: ordered streams of bytes with delay, rate, window, stall and end.
//!
//! Each machine has one line with a rate up and a rate down. Whatever goes over it is cut into short
//! segments, and the streams that have something to send take turns, so that the rate is shared
//! evenly between them and what one cannot use the others get. A stream's sender may have so many
//! bytes under way that the receiver has not taken in yet: its window.

use std::collections::VecDeque;
use std::time::Duration;

use engine::Moment;
use engine::wire::Side;

use crate::scenario::Line;
use crate::schedule::Schedule;
use crate::stream::{Chunk, Stream};
use crate::world::Event;

/// A connection between two machines.
pub(crate) type Link = usize;

/// What a machine's end of a link sees.
#[derive(Debug)]
pub(crate) enum Seen {
    /// These came.
    Chunks(Vec<Chunk>),
    /// Nothing more comes: the other side closed.
    End,
    /// The connection broke.
    Broken,
    /// Its stream took so many bytes more of payload.
    Written(u32),
}

/// What happens on the lines.
#[derive(Debug)]
pub(crate) enum LineEvent {
    /// A machine's line up has sent its segment.
    Sent(usize),
    /// A segment is at the line down of where it goes.
    Arrived(Link, Side, Segment),
    /// A machine's line down has taken in its segment.
    Taken(usize),
    /// The receiver took in so many bytes.
    Acknowledged(Link, Side, u64),
    /// An end of a link is to see that it broke.
    Broke(Link, Side),
}

/// Some of a stream under way.
#[derive(Debug)]
pub(crate) enum Segment {
    Chunks(Vec<Chunk>),
    End,
}

/// One direction of a link, named by the side that sends.
#[derive(Debug, Default)]
struct Pipe {
    from: usize,
    to: usize,
    out: Stream,
    /// Bytes written, sent and acknowledged since it was opened.
    written: u64,
    sent: u64,
    acknowledged: u64,
    /// From where to where in what was written payload stands that was not said to be taken.
    payload: VecDeque<(u64, u64)>,
    /// What is at the line down, and whether after that the end is.
    inbox: Stream,
    end_came: bool,
    ended: bool,
    /// Whether the end is under way, after which nothing is.
    end_sent: bool,
    /// Whether it waits for its turn up and down.
    turns: [bool; 2],
    stalled: bool,
}

#[derive(Debug)]
struct Connection {
    pipes: [Pipe; 2],
    delay: Duration,
    window: u64,
    broken: bool,
}

/// One direction of a machine's line.
#[derive(Debug, Default)]
struct Way {
    /// Bytes a second; 0 is without limit.
    rate: u64,
    turn: VecDeque<(Link, Side)>,
    busy: Option<(Link, Side, Segment)>,
    /// In nanoseconds, when it is done with what it was given.
    free: u64,
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Network {
    links: Vec<Connection>,
    /// Up and down, of each machine.
    ways: Vec<[Way; 2]>,
    delays: Vec<Duration>,
    frozen: Vec<bool>,
    /// Whether anything was seen, and by whom.
    seen: VecDeque<(Link, Side, Seen)>,
}

const UP: usize = 0;
const DOWN: usize = 1;

impl Network {
    pub(crate) fn add(&mut self, line: &Line) {
        let way = |rate: u64| Way { rate, ..Way::default() };
        self.ways.push([way(line.up), way(line.down)]);
        self.delays.push(line.delay);
        self.frozen.push(false);
    }

    /// How long a byte takes from one machine to the other.
    pub(crate) fn delay(&self, one: usize, other: usize) -> Duration {
        self.delays[one] + self.delays[other]
    }

    pub(crate) fn is_frozen(&self, machine: usize) -> bool {
        self.frozen[machine]
    }

    pub(crate) fn limit_down(&mut self, machine: usize, rate: u64) {
        self.ways[machine][DOWN].rate = rate;
    }

    pub(crate) fn open(&mut self, caller: usize, called: usize, window: u64) -> Link {
        let stalled = self.frozen[caller] || self.frozen[called];
        let pipe = |from, to| Pipe { from, to, stalled, ..Pipe::default() };
        let pipes = [pipe(caller, called), pipe(called, caller)];
        let delay = self.delay(caller, called);
        self.links.push(Connection { pipes, delay, window, broken: false });
        self.links.len() - 1
    }

    /// What an end of a link has seen since it was asked last.
    pub(crate) fn seen(&mut self) -> Option<(Link, Side, Seen)> {
        self.seen.pop_front()
    }

    /// The machine at that end.
    pub(crate) fn machine(&self, link: Link, side: Side) -> usize {
        self.links[link].pipes[at(side)].from
    }

    /// Writes; the side sees as written what of the payload is in its window.
    pub(crate) fn write(
        &mut self,
        link: Link,
        side: Side,
        chunks: impl IntoIterator<Item = Chunk>,
        plan: &mut Schedule<Event>,
    ) {
        let pipe = &mut self.links[link].pipes[at(side)];
        if pipe.ended {
            return;
        }
        for chunk in chunks {
            let start = pipe.written;
            pipe.written += chunk.len();
            if matches!(chunk, Chunk::Payload(_)) {
                pipe.payload.push_back((start, pipe.written));
            }
            pipe.out.push(chunk);
        }
        self.accept(link, side);
        self.queue(link, side, UP, plan);
    }

    /// Ends what that side sends, after what it has written.
    pub(crate) fn end(&mut self, link: Link, side: Side, plan: &mut Schedule<Event>) {
        let pipe = &mut self.links[link].pipes[at(side)];
        if !pipe.ended {
            pipe.ended = true;
            pipe.payload.clear();
            self.queue(link, side, UP, plan);
        }
    }

    /// Breaks the link: each end sees it one delay later, if its line is not frozen.
    pub(crate) fn cut(&mut self, link: Link, plan: &mut Schedule<Event>) {
        let connection = &mut self.links[link];
        if !connection.broken {
            self.forget(link);
            let delay = self.links[link].delay;
            for side in [Side::Caller, Side::Called] {
                plan.after(delay, Event::Line(LineEvent::Broke(link, side)));
            }
        }
    }

    /// Nothing moves on the link any more, and nobody is told.
    fn forget(&mut self, link: Link) {
        let connection = &mut self.links[link];
        connection.broken = true;
        for pipe in &mut connection.pipes {
            pipe.out.clear();
            pipe.inbox.clear();
            pipe.payload.clear();
            pipe.ended = true;
        }
    }

    /// What that machine sends and is sent stands still, or goes on.
    pub(crate) fn freeze(&mut self, machine: usize, frozen: bool, plan: &mut Schedule<Event>) {
        self.frozen[machine] = frozen;
        for link in 0..self.links.len() {
            for side in [Side::Caller, Side::Called] {
                let pipe = &mut self.links[link].pipes[at(side)];
                if pipe.from == machine || pipe.to == machine {
                    pipe.stalled = self.frozen[pipe.from] || self.frozen[pipe.to];
                    self.queue(link, side, UP, plan);
                    self.queue(link, side, DOWN, plan);
                }
            }
        }
    }

    /// All links that this machine is an end of and that are not broken.
    pub(crate) fn links_of(&self, machine: usize) -> Vec<Link> {
        let of = |link: &Link| {
            let connection = &self.links[*link];
            !connection.broken && connection.pipes.iter().any(|pipe| pipe.from == machine)
        };
        (0..self.links.len()).filter(of).collect()
    }

    pub(crate) fn happen(&mut self, event: LineEvent, plan: &mut Schedule<Event>) {
        match event {
            LineEvent::Sent(machine) => {
                if let Some((link, side, segment)) = self.ways[machine][UP].busy.take() {
                    self.travel(link, side, segment, plan);
                }
                self.serve(machine, UP, plan);
            }
            LineEvent::Arrived(link, side, segment) => {
                if !self.links[link].broken {
                    let pipe = &mut self.links[link].pipes[at(side)];
                    match segment {
                        Segment::Chunks(chunks) => {
                            chunks.into_iter().for_each(|chunk| pipe.inbox.push(chunk));
                        }
                        Segment::End => pipe.end_came = true,
                    }
                    self.queue(link, side, DOWN, plan);
                }
            }
            LineEvent::Taken(machine) => {
                if let Some((link, side, segment)) = self.ways[machine][DOWN].busy.take() {
                    self.deliver(link, side, segment, plan);
                }
                self.serve(machine, DOWN, plan);
            }
            LineEvent::Acknowledged(link, side, bytes) => {
                self.links[link].pipes[at(side)].acknowledged += bytes;
                self.accept(link, side);
                self.queue(link, side, UP, plan);
            }
            LineEvent::Broke(link, side) => {
                if !self.frozen[self.machine(link, side)] {
                    self.seen.push_back((link, side, Seen::Broken));
                }
            }
        }
    }

    /// Tells the writer what of the payload is in the window.
    fn accept(&mut self, link: Link, side: Side) {
        let window = self.links[link].window;
        let pipe = &mut self.links[link].pipes[at(side)];
        let taken = pipe.acknowledged + window;
        let mut told = 0;
        while let Some((start, end)) = pipe.payload.front_mut() {
            let until = taken.min(*end);
            told += until.saturating_sub(*start);
            *start = until.max(*start);
            if until < *end {
                break;
            }
            pipe.payload.pop_front();
        }
        if told > 0 {
            self.seen.push_back((link, side, Seen::Written(told as u32)));
        }
    }

    /// Takes its turn on the way, if it has something for it.
    fn queue(&mut self, link: Link, side: Side, way: usize, plan: &mut Schedule<Event>) {
        let ready = self.ready(link, side, way);
        let pipe = &mut self.links[link].pipes[at(side)];
        if ready && !pipe.turns[way] {
            pipe.turns[way] = true;
            let machine = if way == UP { pipe.from } else { pipe.to };
            self.ways[machine][way].turn.push_back((link, side));
            self.serve(machine, way, plan);
        }
    }

    fn ready(&self, link: Link, side: Side, way: usize) -> bool {
        let connection = &self.links[link];
        let pipe = &connection.pipes[at(side)];
        if pipe.stalled {
            return false;
        }
        if way == DOWN {
            return pipe.inbox.len() > 0 || pipe.end_came;
        }
        if pipe.out.len() == 0 {
            return pipe.ended && !pipe.end_sent && !connection.broken;
        }
        // As TCP does: little room is not filled, or segments would become ever shorter, and each has
        // its turn on a full line.
        let rate = self.ways[pipe.from][UP].rate;
        let worth = longest(rate).min(connection.window).min(pipe.out.len());
        pipe.acknowledged + connection.window >= pipe.sent + worth
    }

    /// Starts on the next segment whose turn it is.
    fn serve(&mut self, machine: usize, way: usize, plan: &mut Schedule<Event>) {
        while self.ways[machine][way].busy.is_none() {
            let Some((link, side)) = self.ways[machine][way].turn.pop_front() else { return };
            self.links[link].pipes[at(side)].turns[way] = false;
            if !self.ready(link, side, way) {
                continue;
            }
            let rate = self.ways[machine][way].rate;
            let (segment, bytes) = self.segment(link, side, way, rate);
            let last = matches!(segment, Segment::End);
            if rate == 0 {
                match way {
                    UP => self.travel(link, side, segment, plan),
                    _ => self.deliver(link, side, segment, plan),
                }
            } else {
                let line = &mut self.ways[machine][way];
                // What comes in the same microsecond goes on without a gap.
                let start = line.free.max((plan.now().as_micros() * 1_000).saturating_sub(999));
                line.free = start + taking(bytes, rate);
                line.busy = Some((link, side, segment));
                let at = Moment::from_micros(line.free.div_ceil(1_000)).max(plan.now());
                let done =
                    if way == UP { LineEvent::Sent(machine) } else { LineEvent::Taken(machine) };
                plan.plan(at, Event::Line(done));
            }
            if !last && self.ready(link, side, way) {
                let pipe = &mut self.links[link].pipes[at(side)];
                if !std::mem::replace(&mut pipe.turns[way], true) {
                    self.ways[machine][way].turn.push_back((link, side));
                }
            }
        }
    }

    /// What goes next: little enough that the line is not taken for long.
    fn segment(&mut self, link: Link, side: Side, way: usize, rate: u64) -> (Segment, u64) {
        let connection = &mut self.links[link];
        let pipe = &mut connection.pipes[at(side)];
        if way == DOWN {
            // However it was cut on its way: streams share the rate, not the turns.
            let chunks = pipe.inbox.take(longest(rate));
            if chunks.is_empty() {
                pipe.end_came = false;
                return (Segment::End, 0);
            }
            let segment = Segment::Chunks(chunks);
            let bytes = length(&segment);
            return (segment, bytes);
        }
        if pipe.out.len() == 0 {
            pipe.end_sent = true;
            return (Segment::End, 0);
        }
        let room = pipe.acknowledged + connection.window - pipe.sent;
        let chunks = pipe.out.take(longest(rate).min(room));
        let segment = Segment::Chunks(chunks);
        let bytes = length(&segment);
        pipe.sent += bytes;
        (segment, bytes)
    }

    fn travel(&mut self, link: Link, side: Side, segment: Segment, plan: &mut Schedule<Event>) {
        let delay = self.links[link].delay;
        plan.after(delay, Event::Line(LineEvent::Arrived(link, side, segment)));
    }

    fn deliver(&mut self, link: Link, side: Side, segment: Segment, plan: &mut Schedule<Event>) {
        if self.links[link].broken {
            return;
        }
        let bytes = length(&segment);
        if bytes > 0 {
            let delay = self.links[link].delay;
            plan.after(delay, Event::Line(LineEvent::Acknowledged(link, side, bytes)));
        }
        let seen = match segment {
            Segment::Chunks(chunks) => Seen::Chunks(chunks),
            Segment::End => Seen::End,
        };
        self.seen.push_back((link, other(side), seen));
    }
}

const fn at(side: Side) -> usize {
    match side {
        Side::Caller => 0,
        Side::Called => 1,
    }
}

/// The other end.
pub(crate) const fn other(side: Side) -> Side {
    match side {
        Side::Caller => Side::Called,
        Side::Called => Side::Caller,
    }
}

fn length(segment: &Segment) -> u64 {
    match segment {
        Segment::Chunks(chunks) => chunks.iter().map(Chunk::len).sum(),
        Segment::End => 0,
    }
}

/// How many bytes a segment has at most on a line of that rate.
fn longest(rate: u64) -> u64 {
    if rate == 0 { 64 << 10 } else { (rate / 8).clamp(1, 16 << 10) }
}

/// How many nanoseconds so many bytes take.
const fn taking(bytes: u64, rate: u64) -> u64 {
    bytes.saturating_mul(1_000_000_000) / rate
}
