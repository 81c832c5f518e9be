//! The world that a scenario is played in: what happens next, and to whom.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;
use std::time::Duration;

use engine::import::Input;
use engine::wire::Side;
use engine::{Moment, Rate};
use verifier::identity::{PeerId, SigningKey};
use verifier::{Bitfield, ChunkAlgorithm, Geometry, PieceIndex, Root, Sha256};

use crate::importer::{self, Importer};
use crate::network::{LineEvent, Link, Network, Seen};
use crate::report::{Fault, Outcome, Report};
use crate::rogue::{self, Actor};
use crate::scenario::{Rogue, Scenario, Turn};
use crate::schedule::Schedule;
use crate::server::{self, Server};

/// What can happen.
#[derive(Debug)]
pub(crate) enum Event {
    Line(LineEvent),
    TickImport(usize),
    TickServe(usize),
    Import(usize, importer::Due),
    Serve(usize, server::Due),
    Rogue(usize, rogue::Due),
    /// A machine that slept sees what its end of a link would have seen.
    Seen(Link, Side, Seen),
    Landed(usize, PieceIndex),
    /// The machine wakes; after what it was to see while it slept.
    Wakes(usize),
    Woke(usize),
    Turn(usize),
}

/// Everything of the world but the machines themselves.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) plan: Schedule<Event>,
    pub(crate) net: Network,
    pub(crate) directory: Vec<Entry>,
    pub(crate) geometry: Geometry,
    pub(crate) artifact: Sha256,
    pub(crate) root: Root,
    pub(crate) false_root: Root,
    pub(crate) handshake: u32,
    pub(crate) sent: Vec<u64>,
    window: u64,
    trace: Trace,
    steps: u64,
    each: u64,
    fault: Option<Fault>,
}

/// What is known of a machine.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: PeerId,
    pub(crate) address: IpAddr,
    pub(crate) up: bool,
    pub(crate) is_rogue: bool,
    pub(crate) lets_nobody_in: bool,
    pub(crate) offered: Bitfield,
    asleep: Option<Moment>,
}

/// A hash over everything that came out (FNV-1a).
#[derive(Debug)]
struct Trace {
    hash: u64,
    effects: u64,
    /// Whether everything is written out too.
    shown: bool,
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(())
    }
}

/// A limit as it is set.
pub(crate) const fn rate(bytes: u64) -> Rate {
    NonZeroU64::new(bytes)
}

impl Rest {
    pub(crate) fn trace(&mut self, machine: usize, effect: &impl fmt::Debug) {
        let now = self.plan.now().as_micros();
        self.trace.effects += 1;
        if self.trace.shown {
            eprintln!("{:>12.6} {machine} {effect:?}", now as f64 / 1e6);
        }
        let written = writeln!(self.trace, "{now} {machine} {effect:?}");
        debug_assert!(written.is_ok());
    }

    /// Keeps the first rule that was broken.
    pub(crate) fn fault(&mut self, machine: usize, what: String) {
        let at = self.plan.now();
        self.fault.get_or_insert(Fault { at, machine, what });
    }

    /// Whether a core's own check is due: each step of a small scenario, some of a large one.
    pub(crate) const fn checks(&mut self) -> bool {
        self.steps += 1;
        self.steps.is_multiple_of(self.each)
    }

    /// Calls a machine and proves who calls.
    pub(crate) fn call(&mut self, caller: usize, called: usize) -> Link {
        let link = self.knock(caller, called);
        let delay = self.net.delay(caller, called);
        let proved = delay * 2 * self.handshake + delay;
        self.plan.after(proved, Event::Serve(called, server::Due::Proved(link, caller)));
        link
    }

    /// Calls a machine.
    pub(crate) fn knock(&mut self, caller: usize, called: usize) -> Link {
        let link = self.net.open(caller, called, self.window);
        let delay = self.net.delay(caller, called);
        self.plan.after(delay, Event::Serve(called, server::Due::Called(link, caller)));
        link
    }

    /// That machine, which may import, let a peer in.
    pub(crate) fn called(&mut self, machine: usize, peer: PeerId) {
        self.plan.after(
            Duration::ZERO,
            Event::Import(machine, importer::Due::Input(Input::Called(peer))),
        );
    }

    /// A piece is kept on that machine, which may serve it.
    pub(crate) fn landed(&mut self, machine: usize, index: PieceIndex) {
        self.plan.after(Duration::ZERO, Event::Landed(machine, index));
    }
}

#[derive(Debug)]
struct World {
    importers: BTreeMap<usize, Importer>,
    servers: BTreeMap<usize, Server>,
    rogues: BTreeMap<usize, Actor>,
    turns: Vec<Turn>,
    rest: Rest,
}

/// Plays a scenario to its end: all imports are over and nothing is to happen any more, a rule was
/// broken, or time is up.
pub fn run(scenario: &Scenario) -> Report {
    let mut world = World::new(scenario);
    if world.rest.trace.shown {
        eprintln!("{scenario:#?}");
    }
    let until = Moment::START + scenario.until;
    while let Some(event) = world.rest.plan.next() {
        if world.rest.plan.now() > until {
            break;
        }
        world.happen(event);
        while let Some((link, side, seen)) = world.rest.net.seen() {
            world.sees(link, side, seen);
        }
        let over = world.importers.values().all(Importer::is_over) && !world.importers.is_empty();
        if world.rest.fault.is_some() || over {
            break;
        }
    }
    let now = world.rest.plan.now().min(until);
    for (machine, importer) in &world.importers {
        if importer.report(now).outcome == Outcome::Running
            && now < until
            && world.rest.fault.is_none()
        {
            let what = "nothing is to happen any more, and the import is not over";
            world.rest.fault(*machine, what.to_owned());
        }
    }
    let of = |machine| world.importers.get(&machine).map(|importer| importer.report(now));
    Report {
        hash: world.rest.trace.hash,
        effects: world.rest.trace.effects,
        end: now.since(Moment::START),
        imports: (0..scenario.machines.len()).map(of).collect(),
        sent: world.rest.sent,
        fault: world.rest.fault,
    }
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let (geometry, machines) = (scenario.geometry(), &scenario.machines);
        let algorithm = ChunkAlgorithm::FixedSizeMerkleV0;
        let mut rest = Rest {
            plan: Schedule::default(),
            net: Network::default(),
            directory: Vec::new(),
            geometry,
            artifact: Sha256::of(b"artifact"),
            root: Root::from_bytes(algorithm, [1; 32]),
            false_root: Root::from_bytes(algorithm, [2; 32]),
            handshake: scenario.handshake.clamp(1, 8),
            sent: vec![0; machines.len()],
            window: scenario.window.max(1),
            trace: Trace {
                hash: 0xCBF2_9CE4_8422_2325,
                effects: 0,
                shown: std::env::var_os("SIMULATOR_TRACE").is_some(),
            },
            steps: 0,
            each: 1 + u64::from(geometry.piece_count()) * machines.len() as u64 / 2_000,
            fault: None,
        };
        for (number, machine) in machines.iter().enumerate() {
            rest.net.add(&machine.line);
            let key = machine.same_as.filter(|other| *other < machines.len()).unwrap_or(number);
            let [.., a, b] = (key as u64 + 1).to_be_bytes();
            let mut seed = [7; 32];
            (seed[0], seed[1]) = (a, b);
            let [.., c, d] = (number as u64 + 1).to_be_bytes();
            rest.directory.push(Entry {
                id: SigningKey::from_seed(seed).public_key().peer_id(),
                address: IpAddr::V4(Ipv4Addr::new(10, 0, c, d)),
                up: true,
                offered: machine.offered().of(&geometry),
                is_rogue: machine.rogue.is_some(),
                lets_nobody_in: machine.rogue == Some(Rogue::NotLetIn),
                asleep: None,
            });
        }
        let (mut importers, mut servers, mut rogues) = Default::default();
        for (number, machine) in machines.iter().enumerate() {
            Self::place(number, scenario, &mut importers, &mut servers, &mut rogues, &mut rest);
            debug_assert!(machine.rogue.is_none() || !servers.contains_key(&number));
        }
        for (number, (at, _)) in scenario.turns.iter().enumerate() {
            rest.plan.after(*at, Event::Turn(number));
        }
        let turns = scenario.turns.iter().map(|(_, turn)| turn.clone()).collect();
        Self { importers, servers, rogues, turns, rest }
    }

    fn place(
        number: usize,
        scenario: &Scenario,
        importers: &mut BTreeMap<usize, Importer>,
        servers: &mut BTreeMap<usize, Server>,
        rogues: &mut BTreeMap<usize, Actor>,
        rest: &mut Rest,
    ) {
        let machine = &scenario.machines[number];
        if let Some(rogue) = &machine.rogue {
            rogues.insert(number, Actor::new(number, rogue.clone()));
            rest.plan.after(Duration::ZERO, Event::Rogue(number, rogue::Due::Start));
            return;
        }
        if let Some(serving) = &machine.serve {
            servers.insert(number, Server::new(number, machine, serving.clone(), rest));
        }
        if let Some(importing) = &machine.import {
            let seed = scenario.seed.wrapping_add(number as u64);
            let importer = Importer::new(number, machine, importing.clone(), seed, rest);
            if let Some(server) = servers.get_mut(&number) {
                server.have(importer.kept());
            }
            importers.insert(number, importer);
            let start = Event::Import(number, importer::Due::Start);
            rest.plan.after(importing.start, start);
        }
    }

    /// Whether that machine sleeps until then.
    fn asleep(&self, machine: usize) -> Option<Moment> {
        let until = self.rest.directory.get(machine)?.asleep?;
        (until > self.rest.plan.now()).then_some(until)
    }

    fn happen(&mut self, event: Event) {
        let machine = match &event {
            Event::TickImport(machine)
            | Event::TickServe(machine)
            | Event::Import(machine, _)
            | Event::Serve(machine, _)
            | Event::Rogue(machine, _)
            | Event::Landed(machine, _) => Some(*machine),
            Event::Seen(link, side, _) => Some(self.rest.net.machine(*link, *side)),
            Event::Line(_) | Event::Turn(_) | Event::Wakes(_) | Event::Woke(_) => None,
        };
        if let Some(until) = machine.and_then(|machine| self.asleep(machine)) {
            return self.rest.plan.plan(until, event);
        }
        let rest = &mut self.rest;
        match event {
            Event::Line(event) => rest.net.happen(event, &mut rest.plan),
            Event::TickImport(machine) => {
                if let Some(of) = self.importers.get_mut(&machine) {
                    of.tick(rest);
                }
            }
            Event::TickServe(machine) => {
                let up = rest.directory[machine].up;
                let server = self.servers.get_mut(&machine).filter(|_| up);
                if let Some(of) = server {
                    of.tick(rest);
                }
            }
            Event::Import(machine, due) => {
                if let Some(of) = self.importers.get_mut(&machine) {
                    of.due(due, rest);
                }
            }
            Event::Serve(machine, due) => self.serve(machine, due),
            Event::Rogue(machine, due) => {
                if let Some(of) = self.rogues.get_mut(&machine) {
                    of.due(due, rest);
                }
            }
            Event::Seen(link, side, seen) => self.sees(link, side, seen),
            Event::Landed(machine, index) => {
                if let Some(of) = self.servers.get_mut(&machine) {
                    of.landed(index, rest);
                }
            }
            // It may have gone to sleep again meanwhile.
            Event::Wakes(machine) if rest.directory[machine].asleep > Some(rest.plan.now()) => {}
            Event::Wakes(machine) => {
                if let Some(of) = self.importers.get_mut(&machine) {
                    of.woke(rest.plan.now());
                }
                rest.plan.after(Duration::ZERO, Event::Woke(machine));
            }
            Event::Woke(machine) => {
                rest.net.freeze(machine, false, &mut rest.plan);
            }
            Event::Turn(number) => {
                let turn = self.turns[number].clone();
                match turn.at().and_then(|machine| self.asleep(machine)) {
                    Some(until) => self.rest.plan.plan(until, Event::Turn(number)),
                    None => self.turn(&turn),
                }
            }
        }
    }

    fn serve(&mut self, machine: usize, due: server::Due) {
        let rest = &mut self.rest;
        let reaches = matches!(due, server::Due::Called(..) | server::Due::Proved(..));
        if !rest.directory[machine].up || (reaches && rest.net.is_frozen(machine)) {
            return;
        }
        if let Some(server) = self.servers.get_mut(&machine) {
            server.due(due, rest);
        } else if let (Some(rogue), server::Due::Called(link, _)) =
            (self.rogues.get_mut(&machine), &due)
        {
            rogue.called(*link);
        } else if let server::Due::Called(link, _) = due {
            // Nobody is there.
            rest.net.cut(link, &mut rest.plan);
        }
    }

    fn sees(&mut self, link: Link, side: Side, seen: Seen) {
        let machine = self.rest.net.machine(link, side);
        if let Some(until) = self.asleep(machine) {
            return self.rest.plan.plan(until, Event::Seen(link, side, seen));
        }
        if !self.rest.directory[machine].up {
            return;
        }
        let rest = &mut self.rest;
        let importer = self.importers.get_mut(&machine).filter(|of| of.owns(link));
        match (side, importer) {
            (Side::Caller, Some(importer)) => importer.sees(link, seen, rest),
            (Side::Called, _) if self.servers.contains_key(&machine) => {
                if let Some(of) = self.servers.get_mut(&machine) {
                    of.sees(link, seen, rest);
                }
            }
            _ => {
                let rogue = self.rogues.get_mut(&machine);
                if let Some(of) = rogue {
                    of.sees(link, seen, rest);
                }
            }
        }
    }

    fn turn(&mut self, turn: &Turn) {
        let count = self.rest.directory.len();
        let rest = &mut self.rest;
        let importers = &mut self.importers;
        let servers = &mut self.servers;
        match *turn {
            Turn::Down(machine) if machine < count && rest.directory[machine].up => {
                if let Some(of) = importers.get_mut(&machine) {
                    of.goes_down(rest);
                }
                rest.directory[machine].up = false;
                for link in rest.net.links_of(machine) {
                    rest.net.cut(link, &mut rest.plan);
                }
            }
            Turn::Up(machine) if machine < count && !rest.directory[machine].up => {
                rest.directory[machine].up = true;
                if let Some(of) = servers.get_mut(&machine) {
                    of.restart(rest);
                }
            }
            Turn::Freeze(machine) if machine < count => {
                rest.net.freeze(machine, true, &mut rest.plan);
            }
            Turn::Thaw(machine) if machine < count => {
                rest.net.freeze(machine, false, &mut rest.plan);
            }
            Turn::Reset(machine) if machine < count => {
                for link in rest.net.links_of(machine) {
                    rest.net.cut(link, &mut rest.plan);
                }
            }
            Turn::Sleep(machine, time) if machine < count => {
                let until = rest.plan.now() + time;
                let until =
                    rest.directory[machine].asleep.map_or(until, |asleep| asleep.max(until));
                rest.directory[machine].asleep = Some(until);
                rest.net.freeze(machine, true, &mut rest.plan);
                rest.plan.plan(until, Event::Wakes(machine));
            }
            Turn::Revoke(server, peer) if peer < count => {
                if let Some(of) = servers.get_mut(&server) {
                    of.revoke(peer, rest);
                }
            }
            Turn::Grant(server, peer) => {
                if let Some(of) = servers.get_mut(&server) {
                    of.grant(peer);
                }
            }
            Turn::Deny(importer, peer) if peer < count => {
                let importer = importers.get_mut(&importer);
                if let Some(of) = importer {
                    of.deny(peer, true, rest);
                }
            }
            Turn::Expire(importer, peer) if peer < count => {
                let importer = importers.get_mut(&importer);
                if let Some(of) = importer {
                    of.deny(peer, false, rest);
                }
            }
            Turn::Room(machine, room) => {
                if let Some(of) = importers.get_mut(&machine) {
                    of.has_room(room, rest);
                }
            }
            Turn::Fails(machine) => {
                if let Some(of) = servers.get_mut(&machine) {
                    of.fails();
                }
            }
            Turn::Limits(machine, in_flight, download) => {
                let importer = importers.get_mut(&machine);
                if let Some(of) = importer {
                    of.limit(in_flight, download, rest);
                }
            }
            Turn::Uploads(machine, upload, peer) => {
                if let Some(of) = servers.get_mut(&machine) {
                    of.limit(upload, peer, rest);
                }
            }
            Turn::Stop(machine) => {
                if let Some(of) = importers.get_mut(&machine) {
                    of.stop(rest);
                }
            }
            _ => {}
        }
    }
}
