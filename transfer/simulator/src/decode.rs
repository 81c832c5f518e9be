//! Scenarios out of bytes: any bytes make one, and the same bytes the same.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::import::Patience;

use crate::scenario::{Disk, Have, Importing, Line, Machine, Rogue, Scenario, Serving, Turn};

/// The most bytes of an artifact.
const MOST: u64 = 16 << 20;

/// Bytes that are read one after another, and zeros after the last.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes([0; 8].map(|_: u8| self.byte()))
    }

    fn short(&mut self) -> u64 {
        u64::from(self.byte()) | u64::from(self.byte()) << 8
    }

    /// One of these.
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// A number below the limit.
    fn below(&mut self, limit: usize) -> usize {
        self.short() as usize % limit.max(1)
    }

    /// Whether something is that holds in so many of 256 cases.
    fn seldom(&mut self, cases: u8) -> bool {
        self.byte().wrapping_sub(1) < cases
    }
}

impl Scenario {
    /// The scenario that these bytes stand for; every bytes stand for one.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut from = Source(bytes);
        let seed = from.number();
        let piece = from.one(&[256 << 10, 16 << 10, 64 << 10, 1 << 20, 4 << 20, 5_000, 700]);
        let most = (MOST / u64::from(piece)).min(240) as usize;
        let pieces = 1 + from.below(most) as u64;
        let bytes = pieces * u64::from(piece) - from.short() % u64::from(piece);
        let importers = from.one(&[1, 1, 1, 1, 1, 1, 2, 3]);
        let others = 1 + from.below(8);
        let mut machines = Vec::new();
        for me in 0..importers {
            machines.push(importer(&mut from, me, importers, others));
        }
        for _ in 0..others {
            machines.push(other(&mut from, pieces as u32));
        }
        let visitors = if from.seldom(60) { 1 + from.below(3) } else { 0 };
        for _ in 0..visitors {
            let target = importers + from.below(others);
            machines.push(visitor(&mut from, target));
        }
        let turns = if from.seldom(150) { 1 + from.below(8) } else { 0 };
        let turns = (0..turns).map(|_| turn(&mut from, importers, others)).collect();
        let window = from.one(&[1 << 20, 64 << 10, 256 << 10, 4 << 20]);
        let handshake = from.one(&[2, 1, 2]);
        let until = Duration::from_secs(2 * 3_600);
        Self { seed, bytes, piece, window, handshake, machines, turns, until }
    }
}

fn line(from: &mut Source<'_>) -> Line {
    let delay = from.one(&[5_000, 0, 100, 1_000, 20_000, 50_000, 125_000, 400_000]);
    let mut rate = || from.one(&[0, 0, 12_500_000, 1_250_000, 250_000, 30_000, 3_000]);
    let up = rate();
    let down = rate();
    Line { delay: Duration::from_micros(delay), up, down }
}

fn disk(from: &mut Source<'_>, room: bool) -> Disk {
    let rate = from.one(&[400 << 20, 400 << 20, 40 << 20, 2 << 20, 0]);
    let each = Duration::from_micros(from.one(&[100, 0, 5_000, 30_000]));
    let room = (room && from.seldom(20)).then(|| from.short() << 10);
    Disk { rate, each, room, ..Disk::default() }
}

fn have(from: &mut Source<'_>, pieces: u32) -> Have {
    match from.byte() % 8 {
        0..4 => Have::All,
        4 => Have::None,
        5 => Have::Every(u32::from(from.byte() % 3), 3),
        6 => Have::AllBut(vec![from.short() as u32 % pieces]),
        _ => Have::These((0..from.byte()).map(|_| from.short() as u32 % pieces).collect()),
    }
}

fn importer(from: &mut Source<'_>, me: usize, importers: usize, others: usize) -> Machine {
    let line = match importers {
        1 if from.seldom(100) => line(from),
        1 => Line::default(),
        _ => Line { up: from.one(&[0, 1_250_000]), ..Line::default() },
    };
    let peers: Vec<_> = (0..importers + others).filter(|peer| *peer != me).collect();
    let mut consent = BTreeMap::new();
    if from.seldom(25) {
        consent.insert(importers + from.below(others), from.short() << 8);
    }
    let import = Importing {
        from: peers,
        have: if from.seldom(40) {
            Have::Every(0, 2 + u32::from(from.byte() % 12))
        } else {
            Have::None
        },
        listed: from.seldom(60),
        patience: match from.byte() {
            200.. => Patience::For(Duration::from_secs(20)),
            _ => Patience::For(Duration::from_secs(60)),
        },
        in_flight: from.one(&[32 << 20, 32 << 20, 8 << 20, 1 << 20, 0, u64::MAX]),
        download: if from.seldom(25) { from.one(&[1_000_000, 64_000, 5_000]) } else { 0 },
        slots: if from.seldom(20) { 1 + from.below(others) } else { 0 },
        start: Duration::from_millis(if from.seldom(60) { from.short() } else { 0 }),
        consent,
    };
    let serve = (importers > 1).then(|| Serving { have: Have::None, ..Serving::default() });
    Machine { line, disk: disk(from, true), import: Some(import), serve, ..Machine::default() }
}

fn other(from: &mut Source<'_>, pieces: u32) -> Machine {
    let line = line(from);
    if from.seldom(110) {
        let rogue = Some(called(from));
        let offers = offers(from, pieces);
        return Machine { line, offers, rogue, ..Machine::default() };
    }
    let mut limit = || if from.seldom(30) { from.one(&[1_000_000, 100_000, 4_096]) } else { 0 };
    let (upload, peer) = (limit(), limit());
    let connections = from.one(&[64, 64, 64, 1, 2]);
    let serve = Serving { have: have(from, pieces), upload, peer, connections };
    let offers = offers(from, pieces);
    Machine { line, disk: disk(from, false), offers, serve: Some(serve), ..Machine::default() }
}

/// What its offers name that is not so.
fn offers(from: &mut Source<'_>, pieces: u32) -> Option<Have> {
    from.seldom(60).then(|| have(from, pieces))
}

fn called(from: &mut Source<'_>) -> Rogue {
    match from.byte() % 18 {
        0 => Rogue::Silent,
        1 | 2 => Rogue::Mute,
        3 => Rogue::Trickle(1, Duration::from_secs(5)),
        4 => Rogue::Trickle(
            1 + from.short() % 4_000,
            Duration::from_millis(100 + from.short() % 3_000),
        ),
        5 => Rogue::Liar(0),
        6 => Rogue::Liar(u32::from(from.byte() % 20)),
        7 => Rogue::FalseProof,
        8 => Rogue::NotLetIn,
        9 => Rogue::Busy,
        10 => Rogue::NotServed,
        11 => Rogue::Failing,
        12 => Rogue::HangsUp(u32::from(from.byte() % 6)),
        13 => Rogue::Geometry,
        14 => Rogue::Version(from.one(&[0, 2, 7])),
        15 => Rogue::Bytes((0..from.byte() % 40).map(|_| from.byte()).collect()),
        16 if from.seldom(128) => Rogue::HaveFlood,
        16 => Rogue::PingFlood,
        _ => Rogue::Unasked,
    }
}

fn visitor(from: &mut Source<'_>, target: usize) -> Machine {
    let rogue = match from.byte() % 4 {
        0 => Rogue::Stranger(target, from.short() as u32 % 200),
        1 => Rogue::Says(target, (0..from.byte() % 60).map(|_| from.byte()).collect()),
        2 => Rogue::CancelFlood(target),
        _ => Rogue::AskFlood(target),
    };
    Machine { line: line(from), ..Machine::rogue(rogue) }
}

fn turn(from: &mut Source<'_>, importers: usize, others: usize) -> (Duration, Turn) {
    let at = Duration::from_millis(from.short() * if from.seldom(128) { 1 } else { 8 } / 8);
    let importer = from.below(importers);
    let other = importers + from.below(others);
    let any = from.below(importers + others);
    let turn = match from.byte() % 20 {
        0 | 1 => Turn::Down(other),
        2..=4 => Turn::Up(other),
        5 => Turn::Freeze(any),
        6 | 7 => Turn::Thaw(any),
        8 | 9 => Turn::Reset(any),
        10 => Turn::Sleep(any, Duration::from_secs(from.one(&[20, 3_600, 3]))),
        11 => Turn::Revoke(other, importer),
        12 => Turn::Deny(importer, other),
        13 => Turn::Expire(importer, other),
        14 | 15 => Turn::Room(importer, None),
        16 => Turn::Fails(other),
        17 => Turn::Limits(importer, from.one(&[0, 1 << 20, 48 << 20]), from.one(&[0, 50_000])),
        18 => Turn::Uploads(other, from.one(&[0, 50_000, 4_096]), from.one(&[0, 50_000])),
        _ => Turn::Stop(importer),
    };
    (at, turn)
}
