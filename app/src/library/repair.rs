//! Fetches what is bad or missing of a kept model, and nothing else.

mod error;
mod plan;

use std::collections::BTreeMap;
use std::pin::{Pin, pin};

use verifier::consent::Act;
use verifier::identity::PeerId;

pub use error::RepairError;
pub use plan::{Plan, Whom};

use super::{Checked, State, recheck};
use crate::blame::Blamed as _;
use crate::consent::Consent;
use crate::event::Event;
use crate::import::GOOD;
use crate::import::keeping::Keeping;
use crate::import::pause::Pauses;
use crate::lease::Lease;
use crate::ports::{
    Clock as _, Evictable, Journal as _, Patience, PieceStore as _, Ports, Record, What,
};
use crate::problem::Problem;

/// What happens in a repair, in the order it happens.
#[derive(Debug)]
pub enum Step {
    /// Something of the fetching, as in an import.
    Fetch(Event),
    /// All is kept; so many of its pieces were read again.
    Reached(u32),
}

/// A finished repair: every piece is kept, and was read from the disk and verified.
#[derive(Debug)]
pub struct Repaired {
    /// What each peer gave, in bytes.
    pub given: BTreeMap<PeerId, u64>,
    /// How many pieces came.
    pub pieces: u32,
    /// What was given up to make room.
    pub evicted: Vec<Evictable>,
    /// What the check of the whole found: that it is whole.
    pub checked: Checked,
    /// What failed when the model was whole.
    pub troubles: Vec<Problem>,
}

impl Repaired {
    /// Bytes that came.
    pub fn bytes(&self) -> u64 {
        self.given.values().sum()
    }
}

/// Fetches the pieces that are bad or missing from the peers of the plan, under a consent that it
/// uses up; then reads the whole model again, and writes it down as verified.
///
/// Pieces are kept one by one, so nothing is lost when `stop` resolves or the future is dropped: a
/// new plan goes on from there. What is left of the yes is taken back, however it ends.
///
/// # Errors
///
/// [`RepairError`]; what was kept stays kept.
pub async fn repair<P: Ports>(
    ports: &P,
    plan: Plan,
    consent: Consent,
    patience: Patience,
    mut on: impl FnMut(Step) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Repaired, RepairError> {
    let stop = pin!(stop);
    let mut outcome = run(ports, &plan, &consent, patience, &mut on, stop).await;
    let now = ports.clock().now();
    let mut late = Vec::new();
    if let Err(error) = consent.take_back(&**ports.journal(), now).await {
        let what = "what you agreed to for this repair could not be taken back at its end";
        late.push(Problem::late(what, &error.into(), GOOD));
    }
    let (what, bytes, note) = match &outcome {
        Ok(repaired) => (What::Repaired, repaired.bytes(), String::new()),
        Err(error @ RepairError::Stopped) => (What::Unrepaired, 0, error.to_string()),
        Err(error) => (What::Unrepaired, 0, error.code().to_string()),
    };
    let wanted = plan.wanted();
    let record = Record {
        time: now,
        what,
        model_id: wanted.model_id.clone(),
        artifact: wanted.artifact,
        peer: None,
        bytes,
        note,
    };
    // The outcome itself matters more than whether it could be written down.
    if let Err(failure) = ports.journal().record(record).await {
        let what = "the repair is not in the record of what moved, or not all of it";
        late.push(Problem::late(what, &failure, GOOD));
    }
    if let Ok(repaired) = &mut outcome {
        repaired.troubles = late;
    }
    outcome
}

async fn run<P: Ports>(
    ports: &P,
    plan: &Plan,
    consent: &Consent,
    patience: Patience,
    on: &mut (impl FnMut(Step) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<Repaired, RepairError> {
    let wanted = plan.wanted();
    if consent.artifact() != wanted.artifact || !consent.covers(Act::Fetch) {
        return Err(RepairError::NoConsent);
    }
    let mut lease = Lease::take(ports, plan.manifest(), wanted.geometry, wanted.root, None).await?;
    let evicted = std::mem::take(&mut lease.held.evicted);
    let mut hear = |event| on(Step::Fetch(event));
    if !evicted.is_empty() {
        hear(Event::Evicted(evicted.clone()));
    }
    let (have, list) = (lease.held.have.clone(), lease.held.list.clone());
    hear(Event::Reserved { have: have.clone() });
    let missing = have.complement().count();
    let mut keeping = Keeping::new(ports, wanted, None, have);
    let mut pauses = Pauses::new(wanted.artifact, ports.store().landed(), None);
    tokio::select! {
        pulled = keeping.pull(list, patience, &mut pauses, &mut hear) => pulled?,
        () = &mut stop => return Err(RepairError::Stopped),
    }
    pauses.kept(&mut hear);
    let (given, _) = keeping.end();
    drop(lease);
    hear(Event::Verifying);

    let model = ports.store().model(wanted.artifact).await.map_err(RepairError::Store)?;
    let model = model.ok_or(RepairError::Forgotten)?;
    let found = tokio::select! {
        found = recheck(ports, &model, |pieces| on(Step::Reached(pieces))) => found,
        () = &mut stop => return Err(RepairError::Stopped),
    };
    let checked = found.map_err(RepairError::Store)?.ok_or(RepairError::Forgotten)?;
    if checked.state != State::Whole {
        return Err(RepairError::NotWhole(Box::new(checked)));
    }
    Ok(Repaired { given, pieces: missing, evicted, checked, troubles: Vec::new() })
}
