//! Imports, and serves what has come to others meanwhile.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use tokio::sync::oneshot;
use verifier::consent::Act;

use super::{ImportError, Imported, Library, Plan, Settings, import};
use crate::consent::Consent;
use crate::event::Event;
use crate::ports::{Peers as _, Ports, ServeNews};
use crate::serve::{self, Bound, ServeError, Served};

/// What happens while an import serves.
#[derive(Debug)]
pub enum Both<'a> {
    /// Something of the import.
    Import(Event),
    /// The import is done; it may be served on.
    Imported(&'a Imported),
    /// Something of serving.
    Serve(serve::Event),
    /// Serving has ended.
    Served(&'a Served),
}

/// How an import is served meanwhile.
pub struct Serving<P: Ports, F> {
    /// Where, taken for the plan.
    pub bound: Bound<P>,
    /// Resolves when it is no longer to be served, once the import is done.
    pub stay: F,
}

/// Imports what the plan names, and serves what has come by then to the peers that the same consent
/// names, over one store.
///
/// Serving begins when the piece list is known. It ends with an import that fails, that is stopped
/// or of which the library keeps nothing, and with [`Serving::stay`] after one that is done. What
/// ends serving alone, such as the last of its grants, leaves the import alone. `stop` ends both.
///
/// # Errors
///
/// Of each its own, as [`import`] and [`serve::serve`] say.
pub async fn import_and_serve<P, F>(
    ports: &P,
    plan: Plan,
    consent: Consent,
    settings: Settings,
    serving: Serving<P, F>,
    on: impl FnMut(Both<'_>) + Send,
    stop: impl Future<Output = ()> + Send,
) -> (Result<Imported, ImportError>, Result<Served, ServeError>)
where
    P: Ports<Clock: Clone>,
    F: Future<Output = ()> + Send,
{
    let Serving { bound, stay } = serving;
    let (to_serve, to_import) = consent.split(Act::Serve);
    let stop = stop.shared();
    let on = Mutex::new(on);
    let tell = |what: Both<'_>| on.lock().unwrap_or_else(PoisonError::into_inner)(what);
    let (ended, end) = oneshot::channel();
    let importing = async {
        let plan = plan.in_own_part();
        let hear = |event| tell(Both::Import(event));
        let outcome = import(ports, plan, to_import, settings, hear, stop.clone()).await;
        if let Ok(imported) = &outcome {
            tell(Both::Imported(imported));
        }
        let is_kept = outcome.as_ref().is_ok_and(|imported| imported.library != Library::Forgets);
        // Serving may have ended before.
        let _heard = ended.send(is_kept);
        outcome
    };
    let over = async {
        if end.await == Ok(true) {
            stay.await;
        }
    };
    let over = async {
        tokio::select! {
            () = stop.clone() => {}
            () = over => {}
        }
    };
    let serving = async {
        let hear = |event| {
            if let serve::Event::Callers(ServeNews::Called(peer)) = &event {
                ports.peers().called(*peer);
            }
            tell(Both::Serve(event));
        };
        let outcome = serve::serve(ports, bound, to_serve, hear, over).await;
        if let Ok(served) = &outcome {
            tell(Both::Served(served));
        }
        outcome
    };
    tokio::join!(importing, serving)
}
