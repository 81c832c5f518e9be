//! The room that an import takes, looked at before anyone is asked for anything.

use verifier::consent::Act;

use super::{ImportError, Plan};
use crate::lease::reservation;
use crate::ports::{
    Accounts, Evictable, OutputWay, Outputs as _, PieceStore as _, Ports, Reservation,
};
use crate::problem::Problem;
use crate::question::Yes;

/// The room that an import takes, and what would have to go for it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Where the store's bytes are.
    pub accounts: Accounts,
    /// Bytes that the library takes more: the missing pieces, if it keeps them. The output is in none of
    /// its room.
    pub wanted: u64,
    /// Models that would go to make room, in this order.
    pub evicted: Vec<Evictable>,
    /// Why it would not fit even so.
    pub refusal: Option<Problem>,
}

impl Room {
    /// Bytes left under the quota, before anything goes.
    pub const fn left(&self) -> u64 {
        let Accounts { live, index, reserved, quota, .. } = self.accounts;
        let used = live.saturating_add(index).saturating_add(reserved);
        quota.saturating_sub(used)
    }
}

/// Checks once more that the import can begin with this yes, which may come long after the question.
///
/// # Errors
///
/// [`ImportError`] if the output cannot be placed any more, or there is no room any more.
pub async fn check<P: Ports>(ports: &P, plan: &Plan, yes: &Yes) -> Result<(), ImportError> {
    ports.outputs().check(plan.folder(), plan.stem())?;
    for way in ways(&yes.acts()) {
        ports.store().would_reserve(reserved(plan, *way)).await?;
    }
    Ok(())
}

/// What is reserved for the plan: its pieces and its output.
fn reserved(plan: &Plan, way: OutputWay) -> Reservation {
    let output = Some((plan.folder(), way));
    reservation(plan.manifest(), *plan.geometry(), plan.root(), output)
}

/// How pieces are kept for an import with a yes to these acts; both, while it is not known, and what
/// takes more room first.
pub fn ways(acts: &[Act]) -> &'static [OutputWay] {
    match acts {
        [] => &[OutputWay::Beside, OutputWay::Instead],
        acts if acts.contains(&Act::Cache) => &[OutputWay::Beside],
        _ => &[OutputWay::Instead],
    }
}

/// Looks at the room that the plan takes in the first of these ways in which there is enough; nothing is
/// changed.
///
/// # Errors
///
/// [`ImportError::Store`] if the store fails.
pub async fn look<P: Ports>(
    ports: &P,
    plan: &Plan,
    ways: &[OutputWay],
) -> Result<Room, ImportError> {
    let store = ports.store();
    let accounts = store.accounts().await.map_err(ImportError::Store)?;
    let mut refusal = None;
    for way in ways {
        match store.would_reserve(reserved(plan, *way)).await {
            Ok(evicted) => {
                let wanted = if *way == OutputWay::Instead { 0 } else { plan.bytes_missing() };
                return Ok(Room { accounts, wanted, evicted, refusal: None });
            }
            Err(error) => refusal = refusal.or_else(|| Some(Problem::blamed(&error))),
        }
    }
    Ok(Room { accounts, wanted: plan.bytes_missing(), evicted: Vec::new(), refusal })
}
