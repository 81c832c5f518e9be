//! What is played: machines, their lines and disks, and what happens to them.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::import::Patience;
use verifier::{Bitfield, Geometry};

/// Everything that a run follows from.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What would be chance.
    pub seed: u64,
    /// The artifact's length in bytes.
    pub bytes: u64,
    /// The length of its pieces in bytes.
    pub piece: u32,
    /// How many bytes of a stream may be under way.
    pub window: u64,
    /// How many round trips a handshake takes: 2 over TCP and TLS 1.3.
    pub handshake: u32,
    /// Who takes part; named by their place here.
    pub machines: Vec<Machine>,
    /// What happens to them, and when.
    pub turns: Vec<(Duration, Turn)>,
    /// When it ends, whatever has become of it.
    pub until: Duration,
}

/// One machine.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Its line.
    pub line: Line,
    /// Its disk.
    pub disk: Disk,
    /// Whose key it has, if not one of its own.
    pub same_as: Option<usize>,
    /// What its offers name, if not just what it has, or all if it gets more.
    pub offers: Option<Have>,
    /// What it imports.
    pub import: Option<Importing>,
    /// What it serves.
    pub serve: Option<Serving>,
    /// How it breaks the rules.
    pub rogue: Option<Rogue>,
}

/// A machine's line to all others.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// How long a byte takes to where all lines meet.
    pub delay: Duration,
    /// Bytes a second up; 0 is without limit.
    pub up: u64,
    /// Bytes a second down; 0 is without limit.
    pub down: u64,
}

/// What a machine's disk and processor take.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// Bytes a second that are written or read; 0 is without limit.
    pub rate: u64,
    /// Bytes a second that are hashed; 0 is without limit.
    pub hash: u64,
    /// How long each write or read takes besides.
    pub each: Duration,
    /// How many bytes fit; none is without limit.
    pub room: Option<u64>,
}

/// Which pieces there are at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Have {
    /// All.
    All,
    /// None.
    None,
    /// Those of which the index leaves that rest when divided by that many.
    Every(u32, u32),
    /// These.
    These(Vec<u32>),
    /// All but these.
    AllBut(Vec<u32>),
}

/// An import.
#[derive(Debug, Clone)]
pub struct Importing {
    /// Of which machines.
    pub from: Vec<usize>,
    /// What is there already.
    pub have: Have,
    /// Whether the piece list is known.
    pub listed: bool,
    /// How long it waits while nothing comes.
    pub patience: Patience,
    /// The most bytes in flight.
    pub in_flight: u64,
    /// The most bytes a second from all; 0 is without limit.
    pub download: u64,
    /// How many connections the program may have; 0 is without limit.
    pub slots: usize,
    /// When it starts.
    pub start: Duration,
    /// How many bytes the user's consent covers, of the machines that it is not endless for.
    pub consent: BTreeMap<usize, u64>,
}

/// Serving.
#[derive(Debug, Clone)]
pub struct Serving {
    /// What is there at first; an import on the same machine adds to it.
    pub have: Have,
    /// The most bytes a second to all; 0 is without limit.
    pub upload: u64,
    /// The most bytes a second to each peer; 0 is without limit.
    pub peer: u64,
    /// How many callers are let in at a time.
    pub connections: u32,
}

/// How a machine breaks the rules. The first group is called, the second calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rogue {
    /// Takes the call and says nothing.
    Silent,
    /// Opens the artifact, pings, and answers no ask.
    Mute,
    /// Sends so many bytes of what it is asked for each time that so much time has passed.
    Trickle(u64, Duration),
    /// Sends wrong bytes for every piece from that one on, counted as they are asked of it.
    Liar(u32),
    /// Sends a wrong proof with right bytes, and a wrong list.
    FalseProof,
    /// Lets nobody in: its handshakes fail.
    NotLetIn,
    /// Is busy, always.
    Busy,
    /// Does not serve the artifact.
    NotServed,
    /// Refuses every ask: its machine fails.
    Failing,
    /// Hangs up after so many pieces, each time.
    HangsUp(u32),
    /// Holds an artifact that is cut otherwise.
    Geometry,
    /// Speaks another version.
    Version(u16),
    /// Says these bytes after it has opened the artifact.
    Bytes(Vec<u8>),
    /// Says have of one piece again and again.
    HaveFlood,
    /// Says ping again and again.
    PingFlood,
    /// Sends a piece that was not asked for.
    Unasked,
    /// Calls that machine so many times at once, and never says who it is.
    Stranger(usize, u32),
    /// Calls that machine, and says these bytes after it has opened the artifact.
    Says(usize, Vec<u8>),
    /// Calls that machine, asks for the same pieces and cancels them, without end.
    CancelFlood(usize),
    /// Calls that machine and asks for all pieces at once.
    AskFlood(usize),
}

/// What happens to machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Its program ends: connections break, and calls fail.
    Down(usize),
    /// Its program runs again, with what is on its disk.
    Up(usize),
    /// Nothing passes its line, and nobody is told.
    Freeze(usize),
    /// Its line passes again what was under way.
    Thaw(usize),
    /// All its connections break.
    Reset(usize),
    /// It sleeps: its line stands still, and it does nothing until it wakes.
    Sleep(usize, Duration),
    /// The first no longer serves the second, and takes its consent back.
    Revoke(usize, usize),
    /// The first serves the second, from then on or again.
    Grant(usize, usize),
    /// The consent of the first to fetch from the second ends, and its program is told.
    Deny(usize, usize),
    /// The same, and its program finds out by itself.
    Expire(usize, usize),
    /// From then on so many bytes more fit on its disk; none is without limit.
    Room(usize, Option<u64>),
    /// Its disk cannot be read from then on.
    Fails(usize),
    /// The most bytes in flight and a second, of its import.
    Limits(usize, u64, u64),
    /// The most bytes a second up, in all and to each peer.
    Uploads(usize, u64, u64),
    /// Its import is stopped.
    Stop(usize),
}

impl Turn {
    /// Which machine's program does it, if it is done by one.
    pub(crate) const fn at(&self) -> Option<usize> {
        match *self {
            Self::Revoke(machine, _)
            | Self::Grant(machine, _)
            | Self::Deny(machine, _)
            | Self::Expire(machine, _)
            | Self::Room(machine, _)
            | Self::Limits(machine, ..)
            | Self::Uploads(machine, ..)
            | Self::Stop(machine) => Some(machine),
            _ => None,
        }
    }
}

impl Default for Line {
    fn default() -> Self {
        Self { delay: Duration::from_millis(5), up: 0, down: 0 }
    }
}

impl Line {
    /// So many Mbit/s both ways, and a round trip to a machine without a delay of so long.
    pub fn of(mbit: u64, round_trip: Duration) -> Self {
        let rate = mbit * 125_000;
        Self { delay: round_trip / 2, up: rate, down: rate }
    }

    /// So many bytes a second both ways.
    pub fn slow(rate: u64) -> Self {
        Self { up: rate, down: rate, ..Self::default() }
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self { rate: 400 << 20, hash: 800 << 20, each: Duration::from_micros(100), room: None }
    }
}

impl Default for Importing {
    fn default() -> Self {
        Self {
            from: Vec::new(),
            have: Have::None,
            listed: false,
            patience: Patience::For(Duration::from_secs(60)),
            in_flight: 32 << 20,
            download: 0,
            slots: 0,
            start: Duration::ZERO,
            consent: BTreeMap::new(),
        }
    }
}

impl Default for Serving {
    fn default() -> Self {
        Self { have: Have::All, upload: 0, peer: 0, connections: 64 }
    }
}

impl Machine {
    /// Imports from these machines.
    pub fn importer(from: impl IntoIterator<Item = usize>) -> Self {
        let import = Importing { from: from.into_iter().collect(), ..Importing::default() };
        Self { import: Some(import), ..Self::default() }
    }

    /// Serves all pieces.
    pub fn server(line: Line) -> Self {
        Self { line, serve: Some(Serving::default()), ..Self::default() }
    }

    /// Breaks the rules.
    pub fn rogue(rogue: Rogue) -> Self {
        Self { rogue: Some(rogue), ..Self::default() }
    }

    /// What importers know of it before they call.
    pub(crate) fn offered(&self) -> &Have {
        match (&self.offers, &self.serve) {
            (Some(offers), _) => offers,
            (None, Some(serving)) if self.import.is_none() => &serving.have,
            (None, _) => &Have::All,
        }
    }

    /// The same with an import that was changed so.
    #[must_use]
    pub fn importing(mut self, change: impl FnOnce(&mut Importing)) -> Self {
        change(self.import.get_or_insert_default());
        self
    }

    /// The same with serving that was changed so.
    #[must_use]
    pub fn serving(mut self, change: impl FnOnce(&mut Serving)) -> Self {
        change(self.serve.get_or_insert_default());
        self
    }
}

impl Scenario {
    /// An artifact of so many pieces, and these machines.
    pub fn of(pieces: u32, piece: u32, machines: impl IntoIterator<Item = Machine>) -> Self {
        Self {
            seed: 1,
            bytes: u64::from(pieces) * u64::from(piece),
            piece,
            window: 1 << 20,
            handshake: 2,
            machines: machines.into_iter().collect(),
            turns: Vec::new(),
            until: Duration::from_secs(4 * 3_600),
        }
    }

    /// The same, and so much later that happens.
    #[must_use]
    pub fn then(mut self, seconds: f64, turn: Turn) -> Self {
        self.turns.push((Duration::from_secs_f64(seconds), turn));
        self
    }

    pub(crate) fn geometry(&self) -> Geometry {
        let piece = self.piece.max(1);
        let bytes = self.bytes.clamp(1, u64::from(piece) << 20);
        Geometry::new(bytes, piece).expect("within the limits")
    }
}

impl Have {
    /// As a map.
    pub(crate) fn of(&self, geometry: &Geometry) -> Bitfield {
        let count = geometry.piece_count();
        let only = |keep: &dyn Fn(u32) -> bool| {
            let mut have = Bitfield::empty(count);
            for index in geometry.indices().filter(|index| keep(index.get())) {
                have.insert(index);
            }
            have
        };
        match self {
            Self::All => Bitfield::full(count),
            Self::None => Bitfield::empty(count),
            Self::Every(rest, of) => only(&|index| index % of.max(&1) == *rest),
            Self::These(these) => only(&|index| these.contains(&index)),
            Self::AllBut(these) => only(&|index| !these.contains(&index)),
        }
    }
}
