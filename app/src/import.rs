//! Imports an artifact from many peers: the whole flow, top to bottom.

mod both;
mod error;
pub(crate) mod keeping;
mod library;
pub mod live;
mod output;
pub(crate) mod pause;
mod plan;
pub mod room;
pub(crate) mod wanted;

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use verifier::consent::Act;
use verifier::identity::SigningKey;
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;
use verifier::{Bitfield, Geometry};

use output::{Moved, Output};

pub use both::{Both, Serving, import_and_serve};
pub use error::ImportError;
pub(crate) use library::GOOD;
pub use library::Library;
pub use plan::{Admitted, Plan};
pub use wanted::Called;

use crate::counted::Counted;
use crate::event::Event;
use crate::lease::Lease;
use crate::ports::{
    Clock as _, Draft as _, Journal as _, Named, Outputs as _, Patience, Ports, Record, Way, What,
};
use crate::problem::Problem;
use crate::sources::sources;

/// What an import is made with, beside its plan.
#[derive(Debug)]
pub struct Settings {
    /// The version of this program, for the receipt.
    pub verifier_version: Version,
    /// Signs the receipt, if given.
    pub signer: Option<SigningKey>,
    /// Whether the internal checksum is compared.
    pub rule: ChecksumRule,
    /// How long peers are waited for while nothing comes.
    pub patience: Patience,
}

/// A finished import.
#[derive(Debug)]
pub struct Imported {
    /// Where artifact and receipt are.
    pub named: Named,
    /// How the artifact came there.
    pub way: Way,
    /// The receipt.
    pub receipt: Receipt,
    /// Who gave how much, now or in an earlier import that was cut off, by peer id: what the
    /// receipt says.
    pub contributions: Vec<Contribution>,
    /// Pieces that came from no peer, as the receipt says.
    pub pieces_local: u64,
    /// Pieces that were kept before anyone was asked.
    pub pieces_before: u64,
    /// From the first call to the last piece kept.
    pub transfer_time: Duration,
    /// From the first call until both files had their names.
    pub import_time: Duration,
    /// How many peers gave pieces in this import.
    pub givers: u64,
    /// Bytes that they gave in it.
    pub bytes_fetched: u64,
    /// Whether the library keeps the model from now on.
    pub library: Library,
    /// What failed after both files had their names. The import is good all the same.
    pub troubles: Vec<Problem>,
}

/// Imports what the plan names, under a consent that it uses up.
///
/// Nothing touches the network before room is reserved. Pieces are kept one by one, so nothing is
/// lost when `stop` resolves or the future is dropped: the same plan goes on from there. Stopping
/// also writes down what was fetched. The output gets its name only when every check has passed;
/// once it gets it, `stop` comes too late, and nothing that fails is a failure of the import any
/// more: [`Imported::troubles`] tells of it.
///
/// What of the yes is still live at the end is taken back, however the import ends; only a process
/// that is killed, or a future that is dropped, leaves it for the next yes to end.
///
/// Without a yes to cache, the library forgets at the end what it kept for the import, but never a
/// model that was there before. An import that ends early leaves its pieces where they are: in the
/// library, or without such a yes in the output, which has no name yet.
///
/// # Errors
///
/// [`ImportError`]; nothing has an output's name then, and pieces that were kept stay kept.
pub async fn import<P: Ports>(
    ports: &P,
    plan: Plan,
    consent: crate::consent::Consent,
    settings: Settings,
    mut on: impl FnMut(Event) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Imported, ImportError> {
    let mut stop = pin!(stop);
    let admitted = Admitted::new(plan, consent)?;
    let mut outcome = match stop.as_mut().now_or_never() {
        Some(()) => Err(ImportError::Stopped),
        None => run(ports, &admitted, settings, &mut on, stop).await,
    };
    let mut late = Vec::new();
    if let Err(error) = admitted.take_back(ports).await {
        let what = "what you agreed to for this import could not be taken back at its end";
        late.push(Problem::late(what, &error.into(), GOOD));
    }
    let plan = admitted.plan();
    let (what, bytes, note) = match &outcome {
        Ok(imported) => (What::Imported, imported.bytes_fetched, imported.way.note().to_owned()),
        Err(error @ ImportError::Stopped) => (What::Failed, 0, error.to_string()),
        Err(error) => (What::Failed, 0, crate::blame::Blamed::code(error).to_string()),
    };
    let record = Record {
        time: ports.clock().now(),
        what,
        model_id: plan.manifest().model_id().clone(),
        artifact: plan.artifact(),
        peer: None,
        bytes,
        note,
    };
    // The import's own outcome matters more than whether it could be written down.
    if let Err(failure) = ports.journal().record(record).await {
        let what = "the import is not in the record of what moved, or not all of it";
        late.push(Problem::late(what, &failure, GOOD));
    }
    if let Ok(imported) = &mut outcome {
        imported.troubles.extend(late);
    }
    outcome
}

async fn run<P: Ports>(
    ports: &P,
    admitted: &Admitted,
    settings: Settings,
    on: &mut (impl FnMut(Event) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<Imported, ImportError> {
    let plan = admitted.plan();
    ports.outputs().check(plan.folder(), plan.stem())?;
    let count = |act| {
        let whole = plan.spend(act, None, plan.geometry().byte_count());
        Counted::hold(&**ports.journal(), whole, ports.clock().now())
    };
    let importing = count(Act::Import)?;
    let mut caching = if admitted.may_cache() { Some(count(Act::Cache)?) } else { None };
    let library = Library::after(ports, admitted).await?;
    let output = Some((plan.folder(), library.way()));
    let mut lease =
        Lease::take(ports, plan.manifest(), *plan.geometry(), plan.root(), output).await?;
    let evicted = std::mem::take(&mut lease.held.evicted);
    if !evicted.is_empty() {
        on(Event::Evicted(evicted));
    }
    on(Event::Reserved { have: lease.held.have.clone() });
    if admitted.may_fetch() {
        for peer in plan.not_paired() {
            on(Event::NotPaired(*peer));
        }
        for peer in plan.blocked() {
            on(Event::Blocked(peer.id));
        }
    }

    let mut hear = |event: Event| {
        if let (Event::Kept { bytes, .. }, Some(caching)) = (&event, &mut caching) {
            caching.moved(*bytes, ports.clock().now());
        }
        on(event);
    };
    let begun = Instant::now();
    let Output { draft, artifact, moved } =
        output::make(ports, admitted, &lease.held, &settings, &mut hear, stop.as_mut()).await?;

    let transfer = Transfer::count(
        plan.request().request_id().clone(),
        plan.request().sha256(),
        plan.geometry(),
        sources(&**ports.store(), plan.artifact(), plan.geometry())
            .await
            .map_err(ImportError::Store)?,
    );
    let (contributions, pieces_local) = (transfer.peers.clone(), transfer.pieces_local);
    let file_name = plan.stem().artifact();
    let receipt = Receipt::write(
        &artifact,
        &Facts {
            created_utc: ports.clock().now(),
            verifier_version: settings.verifier_version,
            file_name: &file_name,
            transfer: Some(transfer),
            signer: settings.signer.as_ref(),
        },
    )?;
    let list = artifact.list().cloned();
    let way = draft.way();
    hear(Event::Naming);
    let (named, receipt) = output::name(draft, artifact, receipt, &mut hear, stop).await?;
    let import_time = begun.elapsed();

    let now = ports.clock().now();
    importing.done(now);
    if let Some(caching) = caching {
        caching.done(now);
    }
    drop(lease);
    let troubles = library.finish(ports, plan, list).await.into_iter().collect();
    let Moved { given, pieces_before, time: transfer_time } = moved;
    let givers = given.len() as u64;
    let bytes_fetched = given.values().sum();
    Ok(Imported {
        named,
        way,
        receipt,
        contributions,
        pieces_local,
        pieces_before,
        transfer_time,
        import_time,
        givers,
        bytes_fetched,
        library,
        troubles,
    })
}

pub(crate) fn bytes_of(pieces: &Bitfield, geometry: &Geometry) -> u64 {
    pieces.pieces(geometry).map(|index| u64::from(geometry.length(index))).sum()
}
