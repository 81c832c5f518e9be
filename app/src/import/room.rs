//! The room that an import takes, looked at before anyone is asked for anything.

use super::{ImportError, Plan};
use crate::lease::reservation;
use crate::ports::{Accounts, Evictable, Outputs as _, PieceStore as _, Ports, Reservation};
use crate::problem::Problem;

/// The room that an import takes, and what would have to go for it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Where the store's bytes are.
    pub accounts: Accounts,
    /// Bytes that the library takes more: the missing pieces. The output is in none of its room.
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

/// Checks once more that the import can begin: the yes may come long after the question.
///
/// # Errors
///
/// [`ImportError`] if the output cannot be placed any more, or there is no room any more.
pub async fn check<P: Ports>(ports: &P, plan: &Plan) -> Result<(), ImportError> {
    ports.outputs().check(plan.folder(), plan.stem())?;
    ports.store().would_reserve(reserved(plan)).await?;
    Ok(())
}

/// What is reserved for the plan: its pieces and its output.
fn reserved(plan: &Plan) -> Reservation {
    reservation(plan.manifest(), *plan.geometry(), plan.root(), Some(plan.folder()))
}

/// Looks at the room that the plan takes; nothing is changed.
///
/// # Errors
///
/// [`ImportError::Store`] if the store fails.
pub async fn look<P: Ports>(ports: &P, plan: &Plan) -> Result<Room, ImportError> {
    let store = ports.store();
    let accounts = store.accounts().await.map_err(ImportError::Store)?;
    let wanted = plan.bytes_missing();
    let (evicted, refusal) = match store.would_reserve(reserved(plan)).await {
        Ok(evicted) => (evicted, None),
        Err(error) => (Vec::new(), Some(Problem::blamed(&error))),
    };
    Ok(Room { accounts, wanted, evicted, refusal })
}
