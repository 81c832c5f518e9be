//! Whether a run ended as it had to.

use std::time::Duration;

use engine::import::Patience;

use crate::report::{Import, Outcome, Report};
use crate::scenario::{Have, Importing, Machine, Rogue, Scenario, Turn};

/// What an import may take besides its bytes: for calls, for silence to be noticed, for what rogues
/// cost.
const CONSTANT: Duration = Duration::from_secs(90);
/// By how much earlier than the last honest byte progress may have ended: bytes of a peer that is slow
/// count only where there are enough of them in so long.
const LUMPS: Duration = Duration::from_secs(4);
/// How much longer than its patience an import may go on after the last byte.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether a run of a scenario ended as it had to.
///
/// # Errors
///
/// What did not: a rule was broken on the way; an honest machine was banned; an import that one
/// steady machine could have finished did not end, or took far longer than its bytes take; an import
/// ended for want of progress before its patience, or did not end after it.
pub fn verdict(scenario: &Scenario, report: &Report) -> Result<(), String> {
    if let Some(fault) = &report.fault {
        let at = fault.at.as_micros() as f64 / 1e6;
        return Err(format!("at {at} s machine {}: {}", fault.machine, fault.what));
    }
    for (machine, import) in report.imports.iter().enumerate() {
        let (Some(import), Some(is)) = (import, &scenario.machines[machine].import) else {
            continue;
        };
        judge(scenario, machine, is, import)
            .map_err(|what| format!("machine {machine}: {what}"))?;
    }
    Ok(())
}

fn judge(scenario: &Scenario, me: usize, is: &Importing, import: &Import) -> Result<(), String> {
    for banned in import.bans() {
        if !scenario.machines[banned].rogue.as_ref().is_some_and(lies) {
            return Err(format!("machine {banned} is banned: {:?}", import.banned));
        }
    }
    let steady = steady(scenario, me, is);
    match &import.outcome {
        Outcome::Done if steady.is_some_and(|bound| import.time > bound) => {
            Err(format!("it took {:?}, not {:?}", import.time, steady.unwrap_or_default()))
        }
        Outcome::Done | Outcome::Stopped => Ok(()),
        Outcome::Exhausted(why) if steady.is_some() => {
            Err(format!("it ended, and a steady machine has everything: {why}"))
        }
        Outcome::Exhausted(why) => match is.patience {
            Patience::For(patience) | Patience::Wait(patience)
                if import.time.saturating_sub(import.last_honest) + LUMPS < patience
                    && !slow(scenario)
                    && !why.contains("nobody is left") =>
            {
                Err(format!("it ended before its patience did: {why}"))
            }
            Patience::Forever if !why.contains("nobody is left") => {
                Err(format!("it ended, and was to wait for ever: {why}"))
            }
            _ => Ok(()),
        },
        Outcome::Running => {
            let quiet = import.time.saturating_sub(import.last_byte);
            match is.patience {
                _ if steady.is_some() => Err(format!("it has not ended after {:?}", import.time)),
                Patience::For(patience) | Patience::Wait(patience)
                    if quiet > patience + PATIENCE && !held(scenario, me) =>
                {
                    Err(format!("it is stuck and does not end, {quiet:?} after the last byte"))
                }
                _ => Ok(()),
            }
        }
    }
}

/// Whether an honest machine may be below the floor, so that its bytes are no progress.
fn slow(scenario: &Scenario) -> bool {
    let below = |rate: u64| rate > 0 && rate < 30_000;
    let slow = |machine: &Machine| {
        let limits = machine.serve.as_ref().is_some_and(|s| below(s.upload) || below(s.peer));
        let import = machine.import.as_ref().is_some_and(|import| below(import.download));
        limits || import || below(machine.line.up) || below(machine.line.down)
    };
    scenario.machines.iter().any(slow)
        || scenario.turns.iter().any(|(_, turn)| {
            matches!(turn, Turn::Uploads(_, upload, peer) if below(*upload) || below(*peer))
        })
}

/// Whether a rogue like that breaks the protocol or lies, so that it may be banned.
const fn lies(rogue: &Rogue) -> bool {
    matches!(
        rogue,
        Rogue::Liar(_)
            | Rogue::FalseProof
            | Rogue::Bytes(_)
            | Rogue::HaveFlood
            | Rogue::PingFlood
            | Rogue::Unasked
    )
}

/// Whether this side's own disk or sleep may hold the import for ever.
fn held(scenario: &Scenario, me: usize) -> bool {
    scenario.machines[me].disk.room.is_some()
}

/// How long the import may take, if one machine that nothing happens to has everything for it.
fn steady(scenario: &Scenario, me: usize, is: &Importing) -> Option<Duration> {
    let machine = &scenario.machines[me];
    if machine.disk.room.is_some()
        || is.slots > 0
        || scenario.turns.iter().any(|(_, t)| hits(t, me))
    {
        return None;
    }
    let importers =
        scenario.machines.iter().filter(|machine| machine.import.is_some()).count() as u64;
    let in_flight = is.in_flight.max(scenario.piece.into());
    let steady = |peer: &usize| {
        let other = scenario.machines.get(*peer)?;
        let serving = other.serve.as_ref()?;
        let fits = serving.have == Have::All
            && other.import.is_none()
            && serving.connections >= 16
            && !is.consent.contains_key(peer)
            && !scenario.turns.iter().any(|(_, turn)| hits(turn, *peer));
        let share = |rate: u64| (rate > 0).then_some(rate / importers);
        let alone = |rate: u64| (rate > 0).then_some(rate);
        let rates = [
            share(other.line.up),
            share(serving.upload),
            alone(serving.peer),
            alone(machine.line.down),
            alone(is.download),
            share(other.disk.rate),
            alone(machine.disk.rate),
            // One window a round trip, and what may be in flight.
            Some(each_round_trip(scenario.window, machine.line.delay + other.line.delay)),
            Some(each_round_trip(in_flight, machine.line.delay + other.line.delay)),
        ];
        let rate = rates.into_iter().flatten().min()?.max(1);
        // Enough of it that a full window is read within the floor's time.
        (fits && rate >= 100_000).then_some(rate)
    };
    let rate = is.from.iter().filter_map(steady).max()?;
    let pieces = scenario.bytes.div_ceil(u64::from(scenario.piece));
    let each =
        (machine.disk.each + Duration::from_millis(30)) * u32::try_from(pieces).unwrap_or(u32::MAX);
    let bytes = Duration::from_secs_f64(scenario.bytes as f64 / rate as f64 * 2.0);
    Some(CONSTANT + bytes + each)
}

fn each_round_trip(bytes: u64, one_way: Duration) -> u64 {
    let round_trip = (one_way * 2).as_secs_f64().max(1e-6);
    (bytes as f64 / round_trip) as u64
}

/// Whether it changes what that machine can do.
fn hits(turn: &Turn, machine: usize) -> bool {
    match *turn {
        Turn::Down(at)
        | Turn::Up(at)
        | Turn::Freeze(at)
        | Turn::Thaw(at)
        | Turn::Reset(at)
        | Turn::Sleep(at, _)
        | Turn::Fails(at)
        | Turn::Limits(at, ..)
        | Turn::Uploads(at, ..)
        | Turn::Stop(at) => at == machine,
        Turn::Revoke(at, _) | Turn::Grant(at, _) | Turn::Deny(_, at) | Turn::Expire(_, at) => {
            at == machine
        }
        Turn::Room(..) => false,
    }
}
